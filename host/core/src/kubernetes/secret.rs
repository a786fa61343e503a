//! Which parts of an object are secret: the data of a Secret, and of each Secret in a list.
//!
//! Everything that hides such data uses this module: plugins' inputs, the journal, output, logs.

use serde_json::Value;

use crate::model::object::Object;

/// The annotation in which kubectl stores a copy of the whole manifest, including data.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The paths of a Secret's data.
pub const DATA_PATHS: [&[&str]; 3] = [&["data"], &["stringData"], &["metadata", "annotations", LAST_APPLIED]];

/// The fields of a Secret that contain its values.
pub const VALUE_FIELDS: [&str; 2] = ["data", "stringData"];

/// Returns whether objects of a kind are Secrets, or lists that may contain some.
pub fn is_secret_kind(group: &str, kind: &str) -> bool {
    group.is_empty() && matches!(kind, "Secret" | "SecretList" | "List")
}

/// Returns whether an object is a Secret, or a list that may contain some.
pub fn is_secret(object: &Object) -> bool {
    is_secret_kind(object.group(), object.kind())
}

/// Removes the data of a Secret, and of each Secret in a list. Returns whether there was any.
pub fn remove_data(object: &mut Object) -> bool {
    is_secret(object) && remove_data_from_value(&mut object.0)
}

fn remove_data_from_value(value: &mut Value) -> bool {
    let mut had = false;
    for path in DATA_PATHS {
        had |= remove_path(value, path);
    }
    // Items of a typed list have no `kind`.
    for item in value
        .get_mut("items")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        had |= remove_data_from_value(item);
    }
    had
}

fn remove_path(value: &mut Value, path: &[&str]) -> bool {
    match path {
        [] => false,
        [last] => value
            .as_object_mut()
            .is_some_and(|members| members.remove(*last).is_some()),
        [first, rest @ ..] => value.get_mut(*first).is_some_and(|inner| remove_path(inner, rest)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_of_secrets_is_as_secret_as_a_secret() {
        let data = json!({ "metadata": { "name": "s", "annotations": { LAST_APPLIED: "{}", "a": "b" } },
            "data": { "a": "YQ==" }, "stringData": { "b": "b" } });
        let bare = json!({ "metadata": { "name": "s", "annotations": { "a": "b" } } });
        for kind in ["SecretList", "List"] {
            let mut list = Object(json!({ "apiVersion": "v1", "kind": kind, "items": [data, { "items": [data] }] }));
            assert!(remove_data(&mut list));
            assert_eq!(list.0["items"], json!([bare, { "items": [bare] }]));
            assert!(!remove_data(&mut list));
        }
        let mut map = Object(json!({ "apiVersion": "v1", "kind": "ConfigMap", "data": { "a": "b" } }));
        assert!(!remove_data(&mut map) && map.0["data"] == json!({ "a": "b" }));
        let mut foreign = Object(json!({ "apiVersion": "example.com/v1", "kind": "Secret", "data": { "a": "b" } }));
        assert!(!remove_data(&mut foreign));
    }
}
