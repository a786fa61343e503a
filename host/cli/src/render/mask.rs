//! Hides the data of Secrets in what is printed: output ends up in the logs of pipelines.

use capstan_core::plan::Plan;
use serde_json::{Value, json};

/// What stands where a value was.
const HIDDEN: &str = "(hidden)";

/// Returns a plan as JSON, without the data of Secrets.
///
/// # Errors
///
/// Returns that it can't be written as JSON.
pub fn plan(plan: &Plan) -> serde_json::Result<Value> {
    let mut value = serde_json::to_value(plan)?;
    for task in value
        .get_mut("tasks")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        let is_secret =
            task.pointer("/key/kind") == Some(&json!("Secret")) && task.pointer("/key/group") == Some(&json!(""));
        if is_secret {
            for field in ["/object/data", "/object/stringData"] {
                hide_members(task.pointer_mut(field));
            }
            let changes = task
                .pointer_mut("/action/Apply/changes/Fields")
                .and_then(Value::as_array_mut);
            for change in changes.into_iter().flatten() {
                for side in ["from", "to"] {
                    if let Some(value) = change.get_mut(side) {
                        *value = json!(HIDDEN);
                    }
                }
            }
        }
    }
    Ok(value)
}

fn hide_members(map: Option<&mut Value>) {
    for value in map
        .and_then(Value::as_object_mut)
        .into_iter()
        .flat_map(serde_json::Map::values_mut)
    {
        *value = json!(HIDDEN);
    }
}
