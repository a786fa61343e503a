//! Hides the data of Secrets in what is printed: output ends up in the logs of pipelines.

use capstan_core::{object::Object, plan::Plan};
use serde_json::{Value, json};

/// What stands where a value was.
const HIDDEN: &str = "(hidden)";

/// Returns a plan as JSON, without the data of Secrets, and without digests that they are part of.
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
        if let Some(hook) = task.pointer_mut("/action/Hook").and_then(Value::as_object_mut) {
            hook.remove("inputs");
        }
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

/// Returns an object before and after a change without the data of Secrets: what differs is still seen to differ.
pub fn both(before: Option<&Object>, after: Option<&Object>) -> (Option<Object>, Option<Object>) {
    let (mut hidden_before, mut hidden_after) = (before.cloned(), after.cloned());
    let is_secret = [before, after]
        .into_iter()
        .flatten()
        .any(|object| object.kind() == "Secret");
    if !is_secret {
        return (hidden_before, hidden_after);
    }
    for field in ["data", "stringData"] {
        let value =
            |object: Option<&Object>, name: &str| object.and_then(|object| object.0.get(field)?.get(name).cloned());
        for (hidden, other, word) in [
            (&mut hidden_before, after, "before"),
            (&mut hidden_after, before, "after"),
        ] {
            let members = hidden
                .as_mut()
                .and_then(|object| object.0.get_mut(field)?.as_object_mut());
            for (name, own) in members.into_iter().flatten() {
                let is_same = value(other, name).as_ref() == Some(own);
                *own = if is_same {
                    json!(HIDDEN)
                } else {
                    json!(format!("(hidden, {word})"))
                };
            }
        }
    }
    // kubectl leaves the whole Secret in there.
    for object in [&mut hidden_before, &mut hidden_after].into_iter().flatten() {
        let annotations = object
            .0
            .pointer_mut("/metadata/annotations")
            .and_then(Value::as_object_mut);
        if let Some(annotations) = annotations {
            annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        }
    }
    (hidden_before, hidden_after)
}
