//! Argo CD's layout of tests of health checks: `health_test.yaml`, and objects in files beside it.

use std::sync::Arc;

use capstan_core::error::PlanError;
use capstan_sandbox::Function;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Case, CaseFile, Task, input};
use crate::project::wrong;

/// The name of such a file.
pub(super) const NAME: &str = "health_test.yaml";

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

/// `status` may be missing: the check then knows nothing.
#[derive(Deserialize)]
struct HealthStatus {
    #[serde(default)]
    status: String,
    message: Option<String>,
}

/// Reads the cases of a file. The message counts where one is written.
pub(super) fn cases(file: &Arc<CaseFile>) -> Result<Vec<Case>, Vec<PlanError>> {
    let Tests { tests } = wrong::deserialize(&file.document)?;
    let (mut cases, mut mistakes) = (Vec::new(), Vec::new());
    for (n, test) in tests.into_iter().enumerate() {
        let pointer = format!("/tests/{n}");
        let Test {
            health_status: HealthStatus { status, message },
            input_path,
        } = test;
        let given = Value::String(input_path.clone());
        let input = match input::of(file, &format!("{pointer}/inputPath"), Function::Assess, given) {
            Ok(input) => input,
            Err(mistake) => {
                mistakes.push(mistake);
                continue;
            }
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
        cases.push(Case::new(file, input_path, pointer, None, None, task));
    }
    if mistakes.is_empty() { Ok(cases) } else { Err(mistakes) }
}
