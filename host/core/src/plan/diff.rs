//! Decides what applying a manifest changes.
//!
//! The server's answer to a dry run ([`DryRunAnswer`]) counts, unless [`is_certainly_unchanged`] makes the request unnecessary: only the
//! server knows its defaults and how it stores values. [`decide`] is the only function that decides.
//!
//! [`changes`] compares a manifest with a live object without the server. Plans show its result if the server can't be asked.

mod decide;
mod dry_run;
mod equal;
mod removed_fields;
mod unchanged;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

pub use self::decide::{ChangeDecision, ChangeQuestion, decide};
pub use self::dry_run::{DryRunAnswer, comparable};
use self::equal::is_equal;
pub use self::unchanged::is_certainly_unchanged;
use crate::kubernetes::managed_fields::{
    is_applied_entry_of, managed_fields_entries, matches_keys, member_identity, merge_key,
};
use crate::{
    kubernetes::sent::as_sent,
    model::{object::Object, place::reference_token},
};

/// One field that differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The field as a JSON pointer. Items of lists are named by their merge key: `/spec/containers/web/image`.
    pub pointer: String,
    /// The live value; `None` if the field is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Value>,
    /// The desired value; `None` if the field is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Value>,
}

/// Fields of `metadata` that only the server writes.
const SERVER_METADATA_FIELDS: [&str; 7] = [
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "managedFields",
    "selfLink",
];

/// Returns what applying `desired` as `manager` changes in `live`, as far as that can be seen without the server.
///
/// Compares only the fields of the manifest, and fields that `manager` applied before and that the manifest no longer has.
pub fn changes(desired: &Object, live: &Object, manager: &str) -> Vec<Change> {
    let desired = as_sent(desired).0;
    let mut found = Vec::new();
    compare_values("", &desired, &live.0, &mut found);
    removed_fields::find_removed(&desired, live, manager, &mut found);
    found
}

fn compare_values(pointer: &str, desired: &Value, live: &Value, found: &mut Vec<Change>) {
    match (desired, live) {
        (Value::Object(desired), Value::Object(live)) => {
            for (name, value) in desired {
                let is_servers = match pointer {
                    "" => name == "status",
                    "/metadata" => SERVER_METADATA_FIELDS.contains(&name.as_str()),
                    _ => false,
                };
                if !is_servers {
                    compare_member(
                        &format!("{pointer}/{}", reference_token(name)),
                        value,
                        live.get(name),
                        found,
                    );
                }
            }
        }
        (Value::Array(desired), Value::Array(live)) => compare_lists(pointer, desired, live, found),
        (desired, live) if is_equal(pointer, desired, live) => {}
        (desired, live) => found.push(Change {
            pointer: pointer.to_owned(),
            from: Some(live.clone()),
            to: Some(desired.clone()),
        }),
    }
}

fn compare_member(pointer: &str, desired: &Value, live: Option<&Value>, found: &mut Vec<Change>) {
    match live {
        Some(live) => compare_values(pointer, desired, live, found),
        None => found.push(Change {
            pointer: pointer.to_owned(),
            from: None,
            to: Some(desired.clone()),
        }),
    }
}

fn compare_lists(pointer: &str, desired: &[Value], live: &[Value], found: &mut Vec<Change>) {
    let list = pointer.rsplit('/').next().unwrap_or_default();
    let Some(key) = merge_key(list, desired, live) else {
        let mut inner = Vec::new();
        if desired.len() == live.len() {
            for (at, (desired, live)) in desired.iter().zip(live).enumerate() {
                compare_values(&format!("{pointer}/{at}"), desired, live, &mut inner);
            }
        } else {
            inner.push(Change {
                pointer: pointer.to_owned(),
                from: Some(Value::from(live)),
                to: Some(Value::from(desired)),
            });
        }
        found.append(&mut inner);
        return;
    };
    for member_desired in desired {
        let id = member_identity(member_desired, key);
        let same = live.iter().find(|member| member_identity(member, key) == id);
        let name = id.0.as_str().map_or_else(|| id.0.to_string(), str::to_owned);
        compare_member(
            &format!("{pointer}/{}", reference_token(&name)),
            member_desired,
            same,
            found,
        );
    }
}

/// Returns whether a manager has applied an object, by its `managedFields`.
pub fn is_applied_by(live: &Object, manager: &str) -> bool {
    managed_fields_entries(live).any(|entry| is_applied_entry_of(entry, manager))
}

/// Summarizes changes in a few words: `image`, `image, replicas`, `5 fields`.
pub fn summarize(changes: &[Change]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for change in changes {
        let name = change.pointer.rsplit('/').next().unwrap_or_default();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    match names.len() {
        0 => String::new(),
        1..=3 => names.join(", ").replace("~1", "/").replace("~0", "~"),
        _ => format!("{} fields", changes.len()),
    }
}

/// Returns the SHA-256 digest of an object in hex. The order of keys doesn't matter.
pub fn digest(object: &Object) -> String {
    // serde_json sorts keys unless `preserve_order` is enabled, and no dependency enables it.
    let digest = Sha256::digest(object.0.to_string());
    digest.iter().fold(String::new(), |mut hex, byte| {
        hex.push_str(&format!("{byte:02x}"));
        hex
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn deployment() -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "api", "labels": { "a/b": "c" } },
            "spec": { "replicas": 2, "template": { "spec": { "containers": [
                { "name": "api", "image": "api:1", "env": [{ "name": "EMPTY", "value": "" }],
                  "resources": { "limits": { "cpu": "1000m", "memory": "1Gi" } },
                  "ports": [{ "containerPort": 80 }] }] } } }
        })
    }

    fn changes_of(desired: Value, live: Value) -> Vec<String> {
        let found = changes(&Object(desired), &Object(live), "capstan");
        let text = |value: Option<Value>| value.map_or("nothing".to_owned(), |value| value.to_string());
        found
            .into_iter()
            .map(|change| format!("{}: {} -> {}", change.pointer, text(change.from), text(change.to)))
            .collect()
    }

    #[test]
    fn what_the_server_fills_in_is_no_difference() {
        let mut live = deployment();
        live["status"] = json!({ "replicas": 2 });
        live["metadata"]["uid"] = json!("u");
        live["spec"]["strategy"] = json!({ "type": "RollingUpdate" });
        let container = &mut live["spec"]["template"]["spec"]["containers"][0];
        container["terminationMessagePath"] = json!("/dev/termination-log");
        container["resources"]["limits"] = json!({ "cpu": "1", "memory": "1024Mi" });
        container["ports"] = json!([{ "containerPort": 80, "protocol": "TCP" }]);
        assert_eq!(changes_of(deployment(), live), Vec::<String>::new());
    }

    #[test]
    fn a_change_is_named_by_container_and_field() {
        let mut desired = deployment();
        desired["spec"]["template"]["spec"]["containers"][0]["image"] = json!("api:2");
        desired["spec"]["replicas"] = json!(3);
        assert_eq!(
            changes_of(desired.clone(), deployment()),
            [
                "/spec/replicas: 2 -> 3",
                "/spec/template/spec/containers/api/image: \"api:1\" -> \"api:2\""
            ]
        );
        let found = changes(&Object(desired), &Object(deployment()), "capstan");
        assert_eq!(summarize(&found), "replicas, image");
    }

    #[test]
    fn what_we_applied_and_no_longer_want_goes() {
        let mut live = deployment();
        live["metadata"]["labels"]["old"] = json!("x");
        live["metadata"]["labels"]["others"] = json!("y");
        live["spec"]["template"]["spec"]["containers"][0]["env"] =
            json!([{ "name": "EMPTY", "value": "" }, { "name": "OLD", "value": "1" }]);
        live["metadata"]["managedFields"] = json!([
            { "manager": "capstan", "operation": "Apply", "fieldsV1": {
                "f:metadata": { "f:labels": { "f:old": {}, "f:a/b": {} } },
                "f:spec": { "f:template": { "f:spec": { "f:containers": { "k:{\"name\":\"api\"}": {
                    ".": {}, "f:name": {}, "f:env": { "k:{\"name\":\"OLD\"}": { ".": {}, "f:name": {}, "f:value": {} } } } } } } } } },
            { "manager": "others", "operation": "Apply", "fieldsV1": { "f:metadata": { "f:labels": { "f:others": {} } } } },
        ]);
        assert_eq!(
            changes_of(deployment(), live),
            [
                "/metadata/labels/old: \"x\" -> nothing",
                "/spec/template/spec/containers/api/env/OLD: {\"name\":\"OLD\",\"value\":\"1\"} -> nothing"
            ]
        );
    }

    #[test]
    fn what_leaves_a_map_that_is_one_value_goes() {
        let object = |labels: Value| json!({ "kind": "Deployment", "spec": { "selector": { "matchLabels": labels } } });
        let mut live = object(json!({ "a": "b", "c": "d" }));
        live["metadata"]["managedFields"] = json!([
            { "manager": "capstan", "operation": "Apply", "fieldsV1": { "f:spec": { "f:selector": {} } } },
        ]);
        assert_eq!(
            changes_of(object(json!({ "a": "b" })), live),
            ["/spec/selector/matchLabels/c: \"d\" -> nothing"]
        );
    }

    #[test]
    fn an_empty_value_is_a_value() {
        let desired =
            json!({ "kind": "ConfigMap", "metadata": { "labels": { "a": "" } }, "data": { "a": "", "b": null } });
        assert_eq!(
            changes_of(
                desired,
                json!({ "kind": "ConfigMap", "metadata": {}, "data": { "b": "c" } })
            ),
            ["/data/a: nothing -> \"\"", "/metadata/labels: nothing -> {\"a\":\"\"}"]
        );
    }

    #[test]
    fn a_secrets_texts_are_compared_as_they_are_stored() {
        let secret = |field: &str, text: &str| json!({ "apiVersion": "v1", "kind": "Secret", field: { "key": text } });
        assert_eq!(
            changes_of(secret("stringData", "x"), secret("data", "eA==")),
            Vec::<String>::new()
        );
        assert_eq!(
            changes_of(secret("stringData", "y"), secret("data", "eA==")),
            ["/data/key: \"eA==\" -> \"eQ==\""]
        );
    }

    #[test]
    fn one_port_for_two_protocols_is_two_members() {
        let service = |ports: Value| json!({ "kind": "Service", "spec": { "ports": ports } });
        let both = json!([{ "port": 53, "protocol": "UDP", "name": "u" }, { "port": 53, "name": "t" }]);
        let live =
            json!([{ "port": 53, "protocol": "TCP", "name": "t" }, { "port": 53, "protocol": "UDP", "name": "u" }]);
        assert_eq!(changes_of(service(both), service(live)), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn nothing_differs_from_itself(value in any_value()) {
            let value = as_sent(&Object(value));
            prop_assert_eq!(changes(&value, &value, "capstan"), Vec::new());
        }
    }
}

#[cfg(test)]
pub(crate) use self::arbitrary::any_value;

#[cfg(test)]
mod arbitrary {
    use proptest::prelude::*;
    use serde_json::Value;

    pub(crate) fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[a-z~/]{0,4}".prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z/~]{1,6}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect()))
            ]
        })
    }
}
