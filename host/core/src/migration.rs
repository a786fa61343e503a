//! Fields that another tool's apply left as its own: they become ours, so that what leaves the manifest leaves the object.
//!
//! What kubectl does when it goes over to server-side apply (`k8s.io/client-go/util/csaupgrade`).

use serde_json::{Map, Value, json};

use crate::object::Object;

/// Managers of client-side applies: what they own is what somebody's manifest said.
const APPLIERS: [&str; 2] = ["kubectl-client-side-apply", "kubectl-last-applied"];
/// Managers of tools from which an object is taken over.
const TOOLS: [&str; 5] = [
    "helm",
    "Helm",
    "argocd-controller",
    "argocd-application-controller",
    "kapp",
];

/// Says whether fields of an object are to become ours before it is applied. `adopts`: whether the object becomes ours just now.
pub fn is_needed(live: &Object, adopts: bool) -> bool {
    entries(live).iter().any(|entry| migrates(entry, adopts))
}

/// Returns the `managedFields` of an object after what those managers own has become the manager's.
pub fn migrated(live: &Object, manager: &str, adopts: bool) -> Vec<Value> {
    let (from, mut kept): (Vec<Value>, Vec<Value>) =
        entries(live).into_iter().partition(|entry| migrates(entry, adopts));
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
            unite(mine, theirs);
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

fn migrates(entry: &Value, adopts: bool) -> bool {
    let manager = text(entry, "manager");
    entry.get("subresource").is_none() && (APPLIERS.contains(&manager) || (adopts && TOOLS.contains(&manager)))
}

fn unite(mine: &mut Map<String, Value>, theirs: &Map<String, Value>) {
    for (field, inner) in theirs {
        let own = mine.entry(field.clone()).or_insert_with(|| json!({}));
        if let (Some(own), Some(inner)) = (own.as_object_mut(), inner.as_object()) {
            unite(own, inner);
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
        let after = migrated(&live, "capstan", false);
        assert_eq!(
            after.iter().map(|entry| text(entry, "manager")).collect::<Vec<_>>(),
            ["kubectl-edit", "helm", "capstan"]
        );
        assert_eq!(fields(&after[2]), [".", "f:a", "f:b", "f:old"]);
        let after = migrated(&live, "capstan", true);
        assert_eq!(fields(&after[1]), [".", "f:a", "f:b", "f:d", "f:old"]);
        assert!(!is_needed(&Object(json!({ "metadata": {} })), true));
    }
}
