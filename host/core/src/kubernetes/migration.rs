//! Fields that another tool applied become Capstan's, so that fields that leave the manifest are removed from the object.
//!
//! kubectl does the same when it switches to server-side apply (`k8s.io/client-go/util/csaupgrade`).

use serde_json::{Map, Value, json};

use crate::model::object::Object;

/// Managers of client-side applies.
const CLIENT_SIDE_APPLY_MANAGERS: [&str; 2] = ["kubectl-client-side-apply", "kubectl-last-applied"];
/// Managers of tools whose objects are adopted.
const ADOPTED_TOOL_MANAGERS: [&str; 5] = [
    "helm",
    "Helm",
    "argocd-controller",
    "argocd-application-controller",
    "kapp",
];

/// Returns whether fields of an object become Capstan's before it is applied. `adopts`: whether the object becomes the application's now.
pub fn is_needed(live: &Object, adopts: bool) -> bool {
    entries(live).iter().any(|entry| is_migrated_entry(entry, adopts))
}

/// Returns the `managedFields` of an object after the fields of those managers have become `manager`'s.
pub fn migrated_managed_fields(live: &Object, manager: &str, adopts: bool) -> Vec<Value> {
    let (from, mut kept): (Vec<Value>, Vec<Value>) = entries(live)
        .into_iter()
        .partition(|entry| is_migrated_entry(entry, adopts));
    let is_ours = |entry: &Value| {
        text(entry, "manager") == manager && text(entry, "operation") == "Apply" && entry.get("subresource").is_none()
    };
    let mut ours = match kept.iter().position(is_ours) {
        Some(at) => kept.remove(at),
        None => json!({
            "manager": manager, "operation": "Apply", "apiVersion": live.api_version(), "fieldsType": "FieldsV1", "fieldsV1": {},
        }),
    };
    for entry in from {
        if let (Some(mine), Some(theirs)) = (
            ours.get_mut("fieldsV1").and_then(Value::as_object_mut),
            entry.get("fieldsV1").and_then(Value::as_object),
        ) {
            merge_field_sets(mine, theirs);
        }
    }
    kept.push(ours);
    kept
}

fn entries(live: &Object) -> Vec<Value> {
    let entries = live.0.pointer("/metadata/managedFields").and_then(Value::as_array);
    entries.cloned().unwrap_or_default()
}

fn text<'value>(entry: &'value Value, field: &str) -> &'value str {
    entry.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn is_migrated_entry(entry: &Value, adopts: bool) -> bool {
    let manager = text(entry, "manager");
    entry.get("subresource").is_none()
        && (CLIENT_SIDE_APPLY_MANAGERS.contains(&manager) || (adopts && ADOPTED_TOOL_MANAGERS.contains(&manager)))
}

fn merge_field_sets(mine: &mut Map<String, Value>, theirs: &Map<String, Value>) {
    for (field, inner) in theirs {
        let own = mine.entry(field.clone()).or_insert_with(|| json!({}));
        if let (Some(own), Some(inner)) = (own.as_object_mut(), inner.as_object()) {
            merge_field_sets(own, inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kubectl_applied_becomes_ours() {
        let live = Object(
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "managedFields": [
            { "manager": "kubectl-client-side-apply", "operation": "Update", "fieldsV1": { "f:data": { "f:old": {}, "f:a": {} } } },
            { "manager": "capstan", "operation": "Apply", "fieldsV1": { "f:data": { ".": {}, "f:b": {} } } },
            { "manager": "kubectl-edit", "operation": "Update", "fieldsV1": { "f:data": { "f:c": {} } } },
            { "manager": "helm", "operation": "Update", "fieldsV1": { "f:data": { "f:d": {} } } },
        ] } }),
        );
        assert!(is_needed(&live, false));
        let fields = |entry: &Value| {
            entry["fieldsV1"]["f:data"]
                .as_object()
                .unwrap()
                .keys()
                .cloned()
                .collect::<Vec<_>>()
        };
        let after = migrated_managed_fields(&live, "capstan", false);
        assert_eq!(
            after.iter().map(|entry| text(entry, "manager")).collect::<Vec<_>>(),
            ["kubectl-edit", "helm", "capstan"]
        );
        assert_eq!(fields(&after[2]), [".", "f:a", "f:b", "f:old"]);
        let after = migrated_managed_fields(&live, "capstan", true);
        assert_eq!(fields(&after[1]), [".", "f:a", "f:b", "f:d", "f:old"]);
        assert!(!is_needed(&Object(json!({ "metadata": {} })), true));
    }
}
