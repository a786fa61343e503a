//! Related objects, which a health plugin may request: limited in number and size, and without secrets.

use std::{cmp::Reverse, collections::BTreeMap};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::model::object::{Object, ObjectKey};

/// The word for the pods that an object owns, directly or through a `ReplicaSet` or a Job.
pub const OWNED_PODS: &str = "owned-pods";
/// The word for the events about an object.
pub const EVENTS: &str = "events";
/// The word for the storage class of a volume claim.
pub const STORAGE_CLASS: &str = "storage-class";

/// The maximum number of pods.
const MAX_PODS: usize = 50;
/// The maximum number of events; the newest ones are the relevant ones.
const MAX_EVENTS: usize = 20;
/// The maximum size of the objects of each word in bytes: a tenth of the limit of an input.
const MAX_BYTES: usize = 200 << 10;

/// The related objects by the word that requested them.
pub type Related = BTreeMap<String, RelatedResult>;

/// The result for one word.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RelatedResult {
    /// The objects that exist.
    Found {
        /// The visible fields of the objects, up to the limits.
        objects: Vec<Value>,
        /// The number of objects, including those beyond the limits.
        total: usize,
        /// Objects that pods mount and that don't exist.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        missing: Vec<MissingMount>,
    },
    /// The objects couldn't be read.
    Refused {
        /// Why they couldn't be read.
        refused: String,
    },
}

/// An object that a pod mounts and that doesn't exist.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MissingMount {
    /// The name of the pod.
    pub pod: String,
    /// `Secret` or `ConfigMap`.
    pub kind: String,
    /// The name of the missing object.
    pub name: String,
}

impl RelatedResult {
    /// Creates the result for objects that couldn't be read.
    pub fn refused(why: impl Into<String>) -> RelatedResult {
        RelatedResult::Refused { refused: why.into() }
    }

    fn limited(objects: Vec<Value>, total: usize, missing: Vec<MissingMount>) -> RelatedResult {
        let mut bytes = 0;
        let small = |object: &Value| {
            bytes += object.to_string().len();
            bytes <= MAX_BYTES
        };
        RelatedResult::Found {
            objects: objects.into_iter().take_while(small).collect(),
            total,
            missing,
        }
    }

    /// Creates the result for pods; those that aren't ready come first.
    pub fn pods<'a>(pods: impl IntoIterator<Item = &'a Object>, mut missing: Vec<MissingMount>) -> RelatedResult {
        let mut pods: Vec<&Object> = pods.into_iter().collect();
        pods.sort_by_cached_key(|pod| (is_ready(pod), pod.name().to_owned()));
        missing.sort();
        missing.truncate(MAX_PODS);
        let shown = pods.iter().take(MAX_PODS).map(|pod| pod_status(pod).0).collect();
        RelatedResult::limited(shown, pods.len(), missing)
    }

    /// Creates the result for events, the newest first.
    pub fn events(mut events: Vec<Object>) -> RelatedResult {
        events.sort_by_cached_key(|event| Reverse(last_seen(event).to_owned()));
        let shown = events.iter().take(MAX_EVENTS).map(|event| {
            let keys = ["type", "reason", "message", "count"];
            let mut shown = pick_fields(&event.0, &keys);
            shown.insert("lastSeen".to_owned(), json!(last_seen(event)));
            Value::Object(shown)
        });
        RelatedResult::limited(shown.collect(), events.len(), Vec::new())
    }

    /// Creates the result for a storage class.
    pub fn storage_class(class: Option<&Object>) -> RelatedResult {
        let keys = ["metadata", "provisioner", "reclaimPolicy", "volumeBindingMode"];
        let shown = class.map(|class| {
            let mut shown = pick_fields(&class.0, &keys);
            shown.insert("metadata".to_owned(), json!({ "name": class.name() }));
            Value::Object(shown)
        });
        let shown: Vec<Value> = shown.into_iter().collect();
        let total = shown.len();
        RelatedResult::limited(shown, total, Vec::new())
    }
}

/// Copies the given keys of an object.
fn pick_fields(value: &Value, keys: &[&str]) -> Map<String, Value> {
    let found = |key: &&str| Some(((*key).to_owned(), value.get(*key)?.clone()));
    keys.iter().filter_map(found).collect()
}

fn pick_fields_of_each(list: Option<&Value>, keys: &[&str]) -> Vec<Value> {
    let all = list.and_then(Value::as_array).into_iter().flatten();
    all.map(|value| Value::Object(pick_fields(value, keys))).collect()
}

/// Returns the status of a pod without its spec, whose environment may contain secrets.
pub fn pod_status(pod: &Object) -> Object {
    const CONDITION: [&str; 4] = ["type", "status", "reason", "message"];
    const CONTAINER: [&str; 7] = [
        "name",
        "image",
        "ready",
        "started",
        "restartCount",
        "state",
        "lastState",
    ];
    let null = Value::Null;
    let status = pod.0.get("status").unwrap_or(&null);
    let mut shown = pick_fields(status, &["phase", "reason", "message"]);
    for (list, keys) in [
        ("conditions", CONDITION.as_slice()),
        ("initContainerStatuses", &CONTAINER),
        ("containerStatuses", &CONTAINER),
    ] {
        let parts = pick_fields_of_each(status.get(list), keys);
        if !parts.is_empty() {
            shown.insert(list.to_owned(), json!(parts));
        }
    }
    let metadata = pod.0.get("metadata").unwrap_or(&null);
    let metadata = pick_fields(metadata, &["name", "uid", "creationTimestamp", "deletionTimestamp"]);
    let mut shown = json!({ "metadata": metadata, "status": shown });
    if let Some(node) = pod.text("/spec/nodeName") {
        shown["spec"] = json!({ "nodeName": node });
    }
    Object(shown)
}

fn is_ready(pod: &Object) -> bool {
    let conditions = pod.0.pointer("/status/conditions").and_then(Value::as_array);
    let is = |condition: &Value, key: &str, value: &str| condition.get(key).and_then(Value::as_str) == Some(value);
    let ready = |condition: &Value| is(condition, "type", "Ready") && is(condition, "status", "True");
    conditions.is_some_and(|conditions| conditions.iter().any(ready))
}

/// Returns when an event was last seen. Events have three fields for that.
fn last_seen(event: &Object) -> &str {
    let time_at = |pointer| event.text(pointer).filter(|at| !at.is_empty());
    time_at("/series/lastObservedTime")
        .or_else(|| time_at("/lastTimestamp"))
        .or_else(|| time_at("/eventTime"))
        .or_else(|| event.text("/metadata/creationTimestamp"))
        .unwrap_or_default()
}

/// The owner of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerReference {
    /// The owner's key.
    pub key: ObjectKey,
    /// The owner's UID.
    pub uid: String,
}

/// Returns the controller of an object, else its first owner. An owner is in the object's own namespace.
pub fn owner(object: &Object) -> Option<OwnerReference> {
    let all = object
        .0
        .pointer("/metadata/ownerReferences")
        .and_then(Value::as_array)?;
    let controls = |owner: &&Value| owner.get("controller").and_then(Value::as_bool) == Some(true);
    let owner = all.iter().find(controls).or_else(|| all.first())?;
    let text = |key: &str| owner.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let version = text("apiVersion");
    Some(OwnerReference {
        key: ObjectKey {
            group: version.split_once('/').map_or("", |(group, _)| group).to_owned(),
            kind: text("kind"),
            namespace: object.namespace().to_owned(),
            name: text("name"),
        },
        uid: text("uid"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, ready: &str) -> Object {
        Object(json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": "shop", "labels": {"app": "api"}},
            "spec": {"nodeName": "n", "containers": [{"env": [{"name": "PASSWORD", "value": "hunter2"}]}]},
            "status": {
                "phase": "Running", "podIP": "10.0.0.1",
                "conditions": [{"type": "Ready", "status": ready, "lastProbeTime": null}],
                "containerStatuses": [{"name": "c", "image": "i", "imageID": "sha", "state": {}}],
            },
        }))
    }

    fn shown(found: RelatedResult) -> Value {
        serde_json::to_value(found).unwrap()
    }

    #[test]
    fn of_a_pod_is_shown_how_it_is_and_not_what_it_is_made_of() {
        let (ready, late) = (pod("a", "True"), pod("b", "False"));
        let missing = MissingMount {
            pod: "b".to_owned(),
            kind: "Secret".to_owned(),
            name: "keys".to_owned(),
        };
        let one = |name: &str, ready: &str| {
            json!({
                "metadata": {"name": name}, "spec": {"nodeName": "n"},
                "status": {
                    "phase": "Running", "conditions": [{"type": "Ready", "status": ready}],
                    "containerStatuses": [{"name": "c", "image": "i", "state": {}}],
                },
            })
        };
        assert_eq!(
            shown(RelatedResult::pods([&ready, &late], vec![missing])),
            json!({
                "objects": [one("b", "False"), one("a", "True")], "total": 2,
                "missing": [{"pod": "b", "kind": "Secret", "name": "keys"}],
            })
        );
    }

    #[test]
    fn more_than_anybody_reads_is_counted_and_not_shown() {
        let many: Vec<Object> = (0..80).map(|n| pod(&format!("p{n:02}"), "False")).collect();
        let found = shown(RelatedResult::pods(&many, Vec::new()));
        assert_eq!(
            (found["objects"].as_array().unwrap().len(), &found["total"]),
            (50, &json!(80))
        );
        let long = |n: usize| {
            let mut pod = pod(&format!("p{n}"), "False");
            pod.0["status"]["message"] = json!("x".repeat(90 << 10));
            pod
        };
        let found = shown(RelatedResult::pods(&[long(1), long(2), long(3)], Vec::new()));
        assert_eq!(
            (found["objects"].as_array().unwrap().len(), &found["total"]),
            (2, &json!(3))
        );
    }

    #[test]
    fn the_newest_event_comes_first_however_it_says_when() {
        let event = |key: &str, at: &str| {
            let mut event = json!({"type": "Warning", "reason": at, "message": "m", "involvedObject": {"name": "x"}});
            event[key] = if key == "series" {
                json!({ "lastObservedTime": at })
            } else {
                json!(at)
            };
            Object(event)
        };
        let found = shown(RelatedResult::events(vec![
            event("lastTimestamp", "2026-01-01T00:00:01Z"),
            event("series", "2026-01-01T00:00:03Z"),
            event("eventTime", "2026-01-01T00:00:02.000000Z"),
        ]));
        let at: Vec<&str> = found["objects"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["lastSeen"].as_str().unwrap())
            .collect();
        assert_eq!(
            at,
            [
                "2026-01-01T00:00:03Z",
                "2026-01-01T00:00:02.000000Z",
                "2026-01-01T00:00:01Z"
            ]
        );
        assert_eq!(found["objects"][0]["type"], "Warning");
        assert!(found["objects"][0].get("involvedObject").is_none());
    }

    #[test]
    fn a_storage_class_is_shown_without_its_parameters() {
        let class = Object(json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fast", "labels": {}},
            "provisioner": "p", "parameters": {"secret": "s"}, "volumeBindingMode": "WaitForFirstConsumer",
        }));
        let expected =
            json!({"metadata": {"name": "fast"}, "provisioner": "p", "volumeBindingMode": "WaitForFirstConsumer"});
        assert_eq!(
            shown(RelatedResult::storage_class(Some(&class)))["objects"],
            json!([expected])
        );
        assert_eq!(
            shown(RelatedResult::storage_class(None)),
            json!({"objects": [], "total": 0})
        );
        assert_eq!(shown(RelatedResult::refused("may not")), json!({"refused": "may not"}));
    }

    #[test]
    fn who_controls_an_object_is_its_owner() {
        let reference = |kind: &str, controls: bool| json!({"apiVersion": "apps/v1", "kind": kind, "name": "x", "uid": kind, "controller": controls});
        let mut owned = pod("a", "True");
        assert_eq!(owner(&owned), None);
        owned.0["metadata"]["ownerReferences"] = json!([reference("Deployment", false), reference("ReplicaSet", true)]);
        let found = owner(&owned).unwrap();
        assert_eq!(
            (found.key.to_string(), found.uid),
            ("ReplicaSet shop/x".to_owned(), "ReplicaSet".to_owned())
        );
    }
}
