//! Field ownership: entries of `managedFields`, elements of `fieldsV1` sets, and the merge keys of lists.

use serde_json::{Map, Value};

use crate::model::object::Object;

/// Returns the candidates for the merge key of a list, from `x-kubernetes-list-map-keys`
/// (<https://github.com/kubernetes/kubernetes/blob/master/api/openapi-spec/swagger.json>). The first one that all items have is used.
fn merge_keys(list: &str) -> &'static [&'static str] {
    match list {
        "containers" | "initContainers" | "ephemeralContainers" | "env" | "volumes" | "imagePullSecrets" => &["name"],
        "volumeMounts" => &["mountPath"],
        "volumeDevices" => &["devicePath"],
        "ports" => &["containerPort", "port"],
        "hostAliases" => &["ip"],
        "conditions" => &["type"],
        "topologySpreadConstraints" => &["topologyKey"],
        "ownerReferences" => &["uid"],
        _ => &[],
    }
}

/// Returns the merge key of a list: the first candidate that all items of both lists have.
pub(crate) fn merge_key(list: &str, one: &[Value], other: &[Value]) -> Option<&'static str> {
    let has_all = |key: &&&str| one.iter().chain(other).all(|member| member.get(**key).is_some());
    merge_keys(list).iter().find(has_all).copied()
}

/// Returns whether a field may be the merge key of a list of this name.
pub(crate) fn is_merge_key(list: &str, field: &str) -> bool {
    merge_keys(list).contains(&field)
}

/// Returns whether two items have the same merge key.
pub(crate) fn is_same_member(one: &Value, other: &Value, key: &str) -> bool {
    member_identity(one, key) == member_identity(other, key)
}

/// Returns whether an item has the keys by which a `fieldsV1` set names it.
pub(crate) fn matches_keys(member: &Value, keys: &Map<String, Value>) -> bool {
    keys.iter().all(|(name, value)| match member.get(name) {
        Some(found) => found == value,
        // The server fills in this default in `fieldsV1`.
        None => name == "protocol" && value == "TCP",
    })
}

/// Returns whether an entry of `managedFields` is from an apply of a manager.
pub(crate) fn is_applied_entry_of(entry: &Value, manager: &str) -> bool {
    entry.get("manager").and_then(Value::as_str) == Some(manager)
        && entry.get("operation").and_then(Value::as_str) == Some("Apply")
        && entry.get("subresource").is_none()
}

/// Returns what identifies an item: its key, and for ports the protocol.
pub(crate) fn member_identity<'value>(member: &'value Value, key: &str) -> (&'value Value, &'value str) {
    let protocol = match key {
        "containerPort" | "port" => member.get("protocol").and_then(Value::as_str).unwrap_or("TCP"),
        _ => "",
    };
    (member.get(key).unwrap_or(&Value::Null), protocol)
}

/// Returns the entries of an object's `managedFields`.
pub(crate) fn managed_fields_entries(object: &Object) -> impl Iterator<Item = &Value> {
    let entries = object.0.pointer("/metadata/managedFields").and_then(Value::as_array);
    entries.into_iter().flatten()
}
