//! Finds objects that certainly don't change, so that the server needn't be asked.

use serde_json::{Map, Value};

use super::{SERVER_METADATA_FIELDS, is_applied_entry_of, managed_fields_entries, matches_keys};
use crate::model::object::Object;

/// Returns whether applying `sent` as `manager` certainly leaves a live object unchanged.
///
/// That is certain if every sent value is live in exactly the same form and the manager owns exactly the sent fields. It isn't certain for
/// values that the server normalizes or drops, or that depend on the kind's schema.
pub fn is_certainly_unchanged(sent: &Object, live: &Object, manager: &str) -> bool {
    let (Some(own), Some(others)) = applied_and_other_entries(live, manager) else {
        return false;
    };
    if own.get("apiVersion").and_then(Value::as_str) != Some(sent.api_version())
        || live.api_version() != sent.api_version()
        || live.kind() != sent.kind()
    {
        return false;
    }
    let Some(fields) = own.get("fieldsV1") else {
        return false;
    };
    let mut owned = sent.0.clone();
    if let Some(members) = owned.as_object_mut() {
        members.remove("apiVersion");
        members.remove("kind");
        if let Some(metadata) = members.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.retain(|name, _| {
                name != "name" && name != "namespace" && !SERVER_METADATA_FIELDS.contains(&name.as_str())
            });
            if metadata.is_empty() {
                members.remove("metadata");
            }
        }
    }
    is_unchanged_value(&owned, &live.0, fields, &others)
}

/// Returns the entry that a manager applied, if there is exactly one, and the field sets of all other entries, if all have one.
fn applied_and_other_entries<'live>(
    live: &'live Object,
    manager: &str,
) -> (Option<&'live Value>, Option<Vec<&'live Value>>) {
    let (own, others): (Vec<&Value>, Vec<&Value>) =
        managed_fields_entries(live).partition(|entry| is_applied_entry_of(entry, manager));
    let own = match own.as_slice() {
        [own] => Some(*own),
        _ => None,
    };
    let others = others.into_iter().map(|entry| entry.get("fieldsV1")).collect();
    (own, others)
}

/// Compares a sent value with the live one and with the manager's `fieldsV1` set. `others` are the sets of the other managers for the same
/// field.
fn is_unchanged_value(sent: &Value, live: &Value, fields: &Value, others: &[&Value]) -> bool {
    let Some(fields) = fields.as_object() else {
        return false;
    };
    if fields.keys().all(|name| name == ".") {
        // It was applied as one value, or it was empty. If others own parts of it, it isn't one value.
        let is_whole = |set: &&Value| set.as_object().is_some_and(|set| set.keys().all(|name| name == "."));
        return sent == live && (has_no_members(sent) || others.iter().all(is_whole));
    }
    match (sent, live) {
        (Value::Object(sent), Value::Object(live)) => are_unchanged_members(sent, live, fields, others),
        (Value::Array(sent), Value::Array(live)) => are_unchanged_items(sent, live, fields, others),
        _ => false,
    }
}

/// Returns whether a value has no members that could have an owner of their own.
fn has_no_members(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.is_empty(),
        Value::Array(members) => members.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

fn are_unchanged_members(
    sent: &Map<String, Value>,
    live: &Map<String, Value>,
    fields: &Map<String, Value>,
    others: &[&Value],
) -> bool {
    let owned = fields.keys().filter(|name| *name != ".").count();
    owned == sent.len()
        && sent.iter().all(|(name, value)| {
            let field = format!("f:{name}");
            match (live.get(name), fields.get(&field)) {
                (Some(live), Some(fields)) => {
                    is_unchanged_value(value, live, fields, &child_field_sets(others, &field))
                }
                _ => false,
            }
        })
}

/// Compares lists whose items are identified by keys or values. Their order counts, because applying another order may move them.
fn are_unchanged_items(sent: &[Value], live: &[Value], fields: &Map<String, Value>, others: &[&Value]) -> bool {
    let owned: Vec<(&String, &Value)> = fields.iter().filter(|(name, _)| *name != ".").collect();
    if sent.len() != live.len() || sent.len() != owned.len() {
        return false;
    }
    let mut seen: Vec<&String> = Vec::new();
    sent.iter().zip(live).all(|(sent, live)| {
        let Some((name, fields)) = owned.iter().find(|(name, _)| identifies(name, sent)) else {
            return false;
        };
        if seen.contains(name) || !identifies(name, live) {
            return false;
        }
        seen.push(name);
        if name.starts_with("v:") {
            return sent == live;
        }
        is_unchanged_value(sent, live, fields, &child_field_sets(others, name))
    })
}

/// Returns whether an element of a `fieldsV1` set names this list item.
fn identifies(element: &str, member: &Value) -> bool {
    if let Some(keys) = element.strip_prefix("k:") {
        let keys = serde_json::from_str::<Map<String, Value>>(keys);
        return keys.is_ok_and(|keys| matches_keys(member, &keys));
    }
    let value = element
        .strip_prefix("v:")
        .and_then(|value| serde_json::from_str::<Value>(value).ok());
    value.as_ref() == Some(member)
}

fn child_field_sets<'set>(sets: &[&'set Value], element: &str) -> Vec<&'set Value> {
    sets.iter().filter_map(|set| set.get(element)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What is edited, and how.
    type Edit = (&'static str, fn(&mut Value));

    /// A live Deployment, as a server has it after `sent` was applied.
    fn live() -> Object {
        let mut live = sent();
        live.0["metadata"]["uid"] = json!("u");
        live.0["metadata"]["managedFields"] = json!([
            { "manager": "capstan", "operation": "Apply", "apiVersion": "apps/v1", "fieldsV1": {
                "f:metadata": { "f:labels": { "f:app": {}, "f:empty": {} }, "f:finalizers": { "v:\"a/b\"": {} } },
                "f:spec": { "f:replicas": {}, "f:selector": {}, "f:template": { "f:spec": {
                    "f:nodeSelector": {},
                    "f:securityContext": {},
                    "f:containers": { "k:{\"name\":\"main\"}": { ".": {}, "f:name": {}, "f:args": {},
                        "f:ports": { "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": { ".": {}, "f:containerPort": {} } } } } } } } } },
            { "manager": "controller", "operation": "Update", "apiVersion": "apps/v1", "subresource": "status",
              "fieldsV1": { "f:status": { "f:replicas": {} } } },
        ]);
        live.0["status"] = json!({ "replicas": 1 });
        live.0["spec"]["strategy"] = json!({ "type": "RollingUpdate" });
        live.0["spec"]["template"]["spec"]["containers"][0]["ports"][0]["protocol"] = json!("TCP");
        live
    }

    fn sent() -> Object {
        Object(json!({ "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": "a", "namespace": "b", "labels": { "app": "a", "empty": "" }, "finalizers": ["a/b"] },
            "spec": { "replicas": 1, "selector": { "matchLabels": { "app": "a", "tier": "web" } }, "template": { "spec": {
                "nodeSelector": { "disk": "ssd" }, "securityContext": {},
                "containers": [{ "name": "main", "args": ["x", "y"], "ports": [{ "containerPort": 80 }] }] } } } }))
    }

    #[test]
    fn what_is_live_and_owned_as_it_is_sent_is_certain() {
        assert!(is_certainly_unchanged(&sent(), &live(), "capstan"));
        assert!(!is_certainly_unchanged(&sent(), &live(), "somebody"));
    }

    #[test]
    fn nothing_else_is_certain() {
        let edits: [Edit; 22] = [
            ("another value", |o| o["spec"]["replicas"] = json!(2)),
            ("another form", |o| o["spec"]["replicas"] = json!(1.0)),
            ("another type", |o| o["spec"]["replicas"] = json!("1")),
            ("an empty label", |o| o["metadata"]["labels"]["new"] = json!("")),
            ("a new empty map", |o| {
                o["spec"]["template"]["spec"]["affinity"] = json!({});
            }),
            ("a new empty list", |o| {
                o["spec"]["template"]["spec"]["tolerations"] = json!([]);
            }),
            ("a zero value", |o| o["spec"]["minReadySeconds"] = json!(0)),
            ("a false value", |o| {
                o["spec"]["template"]["spec"]["hostNetwork"] = json!(false);
            }),
            ("a null", |o| o["spec"]["paused"] = Value::Null),
            ("a label that goes", |o| {
                _ = o["metadata"]["labels"].as_object_mut().unwrap().remove("empty");
            }),
            ("all labels go", |o| {
                _ = o["metadata"].as_object_mut().unwrap().remove("labels");
            }),
            ("labels become empty", |o| o["metadata"]["labels"] = json!({})),
            ("metadata goes", |o| _ = o.as_object_mut().unwrap().remove("metadata")),
            ("a key leaves an atomic map", |o| {
                o["spec"]["selector"]["matchLabels"] = json!({ "app": "a" });
            }),
            ("an atomic map becomes empty", |o| {
                o["spec"]["template"]["spec"]["nodeSelector"] = json!({});
            }),
            ("a member leaves an atomic list", |o| {
                o["spec"]["template"]["spec"]["containers"][0]["args"] = json!(["x"]);
            }),
            ("an atomic list in another order", |o| {
                o["spec"]["template"]["spec"]["containers"][0]["args"] = json!(["y", "x"]);
            }),
            ("a map that was empty", |o| {
                o["spec"]["template"]["spec"]["securityContext"]["runAsUser"] = json!(0);
            }),
            ("a new finalizer", |o| {
                o["metadata"]["finalizers"] = json!(["a/b", "c/d"]);
            }),
            ("another key", |o| {
                o["spec"]["template"]["spec"]["containers"][0]["ports"][0]["protocol"] = json!("UDP");
            }),
            ("a default spelled out", |o| {
                o["spec"]["template"]["spec"]["containers"][0]["ports"][0]["protocol"] = json!("TCP");
            }),
            ("another version", |o| o["apiVersion"] = json!("apps/v1beta1")),
        ];
        for (what, edit) in edits {
            let mut sent = sent();
            edit(&mut sent.0);
            assert!(!is_certainly_unchanged(&sent, &live(), "capstan"), "{what}");
        }
    }

    #[test]
    fn what_others_did_to_it_is_never_certain() {
        let edits: [Edit; 6] = [
            ("they changed a value", |o| o["spec"]["replicas"] = json!(7)),
            ("they removed one", |o| {
                _ = o["spec"].as_object_mut().unwrap().remove("replicas");
            }),
            ("they took it over", |o| {
                _ = o["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"]
                    .as_object_mut()
                    .unwrap()
                    .remove("f:replicas");
            }),
            ("they added a container", |o| {
                let containers = &mut o["spec"]["template"]["spec"]["containers"];
                containers.as_array_mut().unwrap().insert(0, json!({ "name": "proxy" }));
            }),
            ("all ownership is gone", |o| o["metadata"]["managedFields"] = json!([])),
            ("they own a part of what was empty", |o| {
                o["metadata"]["managedFields"][1]["fieldsV1"] =
                    json!({ "f:spec": { "f:selector": { "f:matchLabels": {} } } });
            }),
        ];
        for (what, edit) in edits {
            let mut live = live();
            edit(&mut live.0);
            assert!(!is_certainly_unchanged(&sent(), &live, "capstan"), "{what}");
        }
    }
}
