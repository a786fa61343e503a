//! The expressions of a kind, compiled, and what their answers mean.

use std::sync::Arc;

use capstan_sdk::{Assessment, Failure, HealthInput, HealthStatus};
use cel::{Context, Env, Program, Value, extensions};
use serde::Deserialize;

use crate::{calls, reads, value};

/// The expressions of a kind, as Flux writes them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Expressions {
    #[serde(default)]
    in_progress: Option<String>,
    #[serde(default)]
    failed: Option<String>,
    current: String,
}

/// What expressions are compiled and asked with.
pub(crate) struct Compiler {
    env: Arc<Env>,
}

/// The compiled expressions of a kind, in the order in which they are asked.
pub(crate) struct Rules {
    claim: String,
    rules: Vec<Rule>,
}

struct Rule {
    name: &'static str,
    status: HealthStatus,
    text: String,
    program: Program,
}

impl Compiler {
    /// Makes one with the standard functions and those on texts.
    pub(crate) fn new() -> Result<Compiler, String> {
        let mut env = Env::stdlib();
        env.add_extension(extensions::strings)
            .map_err(|error| format!("the functions of CEL can't be made: {error}"))?;
        Ok(Compiler { env: Arc::new(env) })
    }

    /// Compiles the expressions of a kind, or says everything that is wrong with them.
    pub(crate) fn compile(&self, claim: &str, expressions: Expressions) -> Result<Rules, Vec<String>> {
        let Expressions {
            in_progress,
            failed,
            current,
        } = expressions;
        let all = [
            ("inProgress", HealthStatus::Progressing, in_progress),
            ("failed", HealthStatus::Degraded, failed),
            ("current", HealthStatus::Healthy, Some(current)),
        ];
        let (mut rules, mut wrong) = (Vec::new(), Vec::new());
        for (name, status, text) in all {
            let Some(text) = text else { continue };
            match self.env.compile(&text) {
                Ok(program) => rules.push(Rule {
                    name,
                    status,
                    text,
                    program,
                }),
                Err(errors) => wrong.extend(errors.errors.iter().map(|error| {
                    let (line, column) = error.pos;
                    format!("{claim}: `{name}`, line {line}, column {column}: {}", error.msg)
                })),
            }
        }
        let claim = claim.to_owned();
        if wrong.is_empty() {
            Ok(Rules { claim, rules })
        } else {
            Err(wrong)
        }
    }
}

impl Rules {
    /// Returns a message for each function that they call and that does not exist.
    pub(crate) fn unknown_functions(&self, compiler: &Compiler) -> Vec<String> {
        let claim = &self.claim;
        let of_rule = |rule: &Rule| {
            let unknown = calls::unknown(&compiler.env, rule.program.expression());
            let name = rule.name;
            let message = move |function: String| {
                format!(
                    "{claim}: `{name}`: the function `{function}` does not exist; available are CEL's standard functions except those of time, and its functions on texts"
                )
            };
            unknown.into_iter().map(message).collect::<Vec<_>>()
        };
        self.rules.iter().flat_map(of_rule).collect()
    }

    /// Returns JSON pointers to all that they look at.
    pub(crate) fn fields(&self) -> Vec<String> {
        reads::fields(self.rules.iter().map(|rule| rule.program.expression()))
    }

    /// Asks them: a status about an older generation is on its way, then the first expression that is true decides.
    pub(crate) fn assess(&self, compiler: &Compiler, input: &HealthInput<'_>) -> Result<Assessment, Failure> {
        let claim = &self.claim;
        let rule = |name: &str| format!("{claim}/{name}");
        let parts = value::parts(input.object.json())
            .map_err(|error| Failure::failed(format!("{claim}: the object can't be handed over: {error}")))?;
        let number = |part: &str, name: &str| value::number(parts.get(part)?, name);
        if let (Some(seen), Some(generation)) =
            (number("status", "observedGeneration"), number("metadata", "generation"))
            && seen != generation
        {
            let message = format!("its status is about generation {seen}, not {generation} yet");
            return Ok(Assessment::progressing(rule("observedGeneration"), message));
        }
        let mut context = Context::with_env(Arc::clone(&compiler.env));
        for (name, value) in parts {
            context.add_variable_from_value(name, value);
        }
        for one in &self.rules {
            let Rule { name, text, .. } = one;
            let answer = one
                .program
                .execute(&context)
                .map_err(|error| Failure::failed(format!("{claim}: `{name}` ({}): {error}", short(text))))?;
            let Value::Bool(is_true) = answer else {
                let kind = answer.type_of();
                return Err(Failure::failed(format!(
                    "{claim}: `{name}` ({}) gives a value of type {kind}, not true or false",
                    short(text)
                )));
            };
            if is_true {
                let message = match one.status {
                    HealthStatus::Healthy => String::new(),
                    _ => format!("`{}` is true", short(text)),
                };
                return Ok(Assessment::new(one.status, rule(name), message));
            }
        }
        let current = self.rules.last().map_or("current", |rule| &rule.text);
        Ok(Assessment::progressing(
            rule("current"),
            format!("`{}` is not true yet", short(current)),
        ))
    }
}

/// An expression in one line, and not too long a one.
fn short(text: &str) -> String {
    const LONGEST: usize = 100;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}..", line.get(..end).unwrap_or_default()),
        None => line,
    }
}
