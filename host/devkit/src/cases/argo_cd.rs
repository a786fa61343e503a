//! Argo CD's layout of health check tests: `health_test.yaml`, and objects in files next to it.

use std::sync::Arc;

use capstan_core::model::error::Diagnostic;
use capstan_project::config_errors;
use capstan_sandbox::Function;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Case, CaseFile, Task, input};

/// The name of a file with such tests.
pub(super) const FILE_NAME: &str = "health_test.yaml";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tests {
    tests: Vec<Test>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Test {
    health_status: HealthStatus,
    input_path: String,
}

/// `status` may be missing: then the check is expected to return nothing.
#[derive(Deserialize)]
struct HealthStatus {
    #[serde(default)]
    status: String,
    message: Option<String>,
}

/// Reads the cases in a file. A message is compared if the case has one.
pub(super) fn cases(file: &Arc<CaseFile>) -> Result<Vec<Case>, Vec<Diagnostic>> {
    let mut document = file.document.clone();
    rename_keys(&mut document.object.0);
    let Tests { tests } = config_errors::deserialize(&document, "it has the key `tests:`")?;
    let cases = tests.into_iter().enumerate().map(|(n, test)| {
        let pointer = format!("/tests/{n}");
        let Test {
            health_status: HealthStatus { status, message },
            input_path,
        } = test;
        let given = Value::String(input_path.clone());
        let input = match input::parse_input(file, &format!("{pointer}/inputPath"), Function::Assess, given) {
            Ok(input) => input,
            Err(mistake) => return Case::from_error(file, input_path, pointer, mistake),
        };
        let status = if status.is_empty() {
            "unknown".to_owned()
        } else {
            status.to_lowercase()
        };
        let expect = match message {
            Some(message) => json!({ "status": status, "message": message }),
            None => json!({ "status": status }),
        };
        let task = Task::Ask {
            function: Function::Assess,
            input,
            expect: Some(expect),
        };
        Case::new(file, input_path, pointer, None, None, task)
    });
    Ok(cases.collect())
}

/// The keys that are read.
const KEYS: [&str; 5] = ["tests", "healthStatus", "inputPath", "status", "message"];

/// Gives the keys their usual spelling: Go's encoding/json ignores letter case, and such files rely on it.
fn rename_keys(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, mut value) in std::mem::take(map) {
                rename_keys(&mut value);
                let known = KEYS.iter().find(|known| known.eq_ignore_ascii_case(&key));
                map.insert(known.map_or(key, |known| (*known).to_owned()), value);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(rename_keys),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
