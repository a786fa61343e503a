//! Makes pods from templates for all workload controllers, and reads the state of pods.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    ClusterView,
    access::{condition, controller_reference, is_terminating, name, namespace, plus_seconds, text, timestamp},
};

/// Makes a pod of `owner`'s template: its metadata and spec, owned by `owner`, with a generated name.
///
/// `None` when the pod would be refused: the `ServiceAccount` admission plugin turns away pods whose account is missing
/// (every namespace has `default`).
pub(crate) fn pod(sight: &ClusterView<'_>, owner: &Value) -> Option<Value> {
    let template = owner.pointer("/spec/template")?;
    let account = text(template, "/spec/serviceAccountName");
    let space = namespace(owner);
    if !account.is_empty() && account != "default" && sight.get("", "ServiceAccount", space, account).is_none() {
        return None;
    }
    let mut metadata = json!({
        "generateName": format!("{}-", name(owner)),
        "namespace": space,
        "ownerReferences": [controller_reference(owner)],
    });
    for field in ["labels", "annotations", "finalizers"] {
        if let Some(value) = template
            .pointer(&format!("/metadata/{field}"))
            .filter(|value| !value.is_null())
        {
            set_field(&mut metadata, field, value.clone());
        }
    }
    Some(json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": template.get("spec").cloned().unwrap_or_else(|| json!({})),
    }))
}

/// Sets a field, if the value is an object.
pub(crate) fn set_field(object: &mut Value, field: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(field.into(), value);
    }
}

/// Sets one entry of a map in the metadata, such as a label.
pub(crate) fn set_metadata_entry(object: &mut Value, map: &str, key: &str, value: &str) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else {
        return;
    };
    let entry = metadata.entry(map).or_insert_with(|| json!({}));
    if entry.is_null() {
        *entry = json!({});
    }
    set_field(entry, key, json!(value));
}

/// Says whether a pod hasn't ended and isn't terminating: controllers only count such pods (`IsPodActive`).
pub(crate) fn is_active(pod: &Value) -> bool {
    !is_terminal(pod) && !is_terminating(pod)
}

/// Says whether a pod has ended.
pub(crate) fn is_terminal(pod: &Value) -> bool {
    matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
}

/// Returns since when a pod is ready.
pub(crate) fn ready_since(pod: &Value) -> Option<Timestamp> {
    let ready = condition(pod, "Ready").filter(|ready| text(ready, "/status") == "True")?;
    timestamp(ready, "/lastTransitionTime")
}

/// Returns when a ready pod is available: ready for `minReadySeconds`.
pub(crate) fn available_at(pod: &Value, min_ready_seconds: i64) -> Option<Timestamp> {
    ready_since(pod).map(|since| plus_seconds(since, min_ready_seconds))
}
