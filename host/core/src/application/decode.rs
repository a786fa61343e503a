//! Decoding: one invalid object is an error about that object only.

use capstan_schema::{
    problem::{Fault, Problem},
    structural::Checker,
};
use serde::Deserialize as _;
use serde_json::Value;

use super::{Application, ApplicationSpec, definition, rules::Violations};
use crate::model::text::truncated_to;

/// The maximum number of problems that an error names.
const MAX_PROBLEMS: usize = 10;
/// The maximum length of each in bytes.
const MAX_PROBLEM_BYTES: usize = 300;

/// An object isn't a valid Application. Other objects aren't affected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.message())]
pub struct InvalidApplication {
    /// What is wrong: the path of a value and a sentence; at least one.
    pub problems: Vec<String>,
    /// How many more problems there are.
    pub left_out: usize,
}

impl InvalidApplication {
    fn new(mut problems: Vec<String>) -> InvalidApplication {
        let left_out = problems.len().saturating_sub(MAX_PROBLEMS);
        problems.truncate(MAX_PROBLEMS);
        let problems = problems.into_iter().map(|one| truncated_to(one, MAX_PROBLEM_BYTES));
        InvalidApplication {
            problems: problems.collect(),
            left_out,
        }
    }

    fn message(&self) -> String {
        let problems = self.problems.join("; ");
        match self.left_out {
            0 => problems,
            more => format!("{problems}; and {more} more"),
        }
    }
}

/// Decodes Applications. It keeps the schema and its compiled patterns.
pub struct Decoder {
    schema: Value,
    checker: Checker,
}

impl Default for Decoder {
    fn default() -> Decoder {
        Decoder {
            schema: definition::schema(),
            checker: Checker::default(),
        }
    }
}

impl Decoder {
    /// Decodes an object as the API server returns it. Its status isn't read.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the object: values that the schema doesn't allow, fields that this version doesn't know, and rules that
    /// the values violate.
    pub fn decode(&self, object: &Value) -> Result<Application, InvalidApplication> {
        let problems = self.checker.check(&self.schema, object);
        if !problems.is_empty() {
            return Err(InvalidApplication::new(problems.iter().map(describe).collect()));
        }
        // The checker knows every rule of the types but can't build them.
        let fail = |error: serde_json::Error| InvalidApplication::new(vec![format!("spec: {error}")]);
        let spec = object.get("spec").unwrap_or(&Value::Null);
        let spec = ApplicationSpec::deserialize(spec).map_err(fail)?;
        let metadata = object.get("metadata");
        let text = |field: &str| metadata?.get(field)?.as_str().map(str::to_owned);
        let name = text("name").unwrap_or_default();
        let mut violations = Violations(Vec::new());
        violations.check(&name, &spec);
        if !violations.0.is_empty() {
            return Err(InvalidApplication::new(violations.0));
        }
        Ok(Application {
            name,
            namespace: text("namespace").unwrap_or_default(),
            generation: metadata
                .and_then(|metadata| metadata.get("generation")?.as_i64())
                .unwrap_or_default(),
            spec,
        })
    }
}

fn describe(problem: &Problem) -> String {
    let path = &problem.path;
    match &problem.fault {
        Fault::WrongType { expected, found, .. } => format!("{path}: must be {expected}, not {found}"),
        Fault::Malformed { expected } => format!("{path}: must be {expected}"),
        Fault::Unknown { .. } => format!("{path}: this version of the controller doesn't know this field"),
        Fault::Missing => format!("{path}: is required"),
        Fault::Duplicate { keys, first } => format!("{path}: has the same {keys} as item {first}"),
        Fault::NotAllowed { allowed } => format!("{path}: must be one of {}", allowed.join(", ")),
        Fault::Rule(rule) => format!("{path}: must {rule}"),
    }
}
