//! Manifests that were exported from a cluster, for example by `kubectl get -o yaml`. Fields that the server and its controllers wrote are
//! removed: the server refuses some of them (`uid`, `resourceVersion`, `managedFields`) and ignores others.

use serde_json::{Map, Value};

use crate::{
    model::{
        object::{Object, ObjectKey},
        place::Place,
    },
    read::directive::WRITTEN_BY_HOST,
};

/// What was removed from a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovedFields {
    /// The key of the object that lost the fields.
    pub key: ObjectKey,
    /// Where it is written.
    pub place: Option<Place>,
    /// The names of the removed fields, annotations and labels.
    pub names: Vec<&'static str>,
}

/// Fields of `metadata` that only the server writes. A manifest with a value in one of them was exported.
const SERVER_METADATA_FIELDS: [(&str, &str); 8] = [
    ("uid", "metadata.uid"),
    ("resourceVersion", "metadata.resourceVersion"),
    ("generation", "metadata.generation"),
    ("creationTimestamp", "metadata.creationTimestamp"),
    ("deletionTimestamp", "metadata.deletionTimestamp"),
    ("deletionGracePeriodSeconds", "metadata.deletionGracePeriodSeconds"),
    ("managedFields", "metadata.managedFields"),
    ("selfLink", "metadata.selfLink"),
];

/// The annotation in which kubectl stores a copy of the manifest.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Annotations that controllers and other tools write on live objects.
const CONTROLLER_ANNOTATIONS: [&str; 15] = [
    "argocd.argoproj.io/tracking-id",
    "autoscaling.alpha.kubernetes.io/conditions",
    "autoscaling.alpha.kubernetes.io/current-metrics",
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
    "deployment.kubernetes.io/revision",
    "deployment.kubernetes.io/revision-history",
    "deprecated.daemonset.template.generation",
    "meta.helm.sh/release-name",
    "meta.helm.sh/release-namespace",
    "pv.kubernetes.io/bind-completed",
    "pv.kubernetes.io/bound-by-controller",
    "volume.beta.kubernetes.io/storage-provisioner",
    "volume.kubernetes.io/selected-node",
    "volume.kubernetes.io/storage-provisioner",
];

/// Finalizers of a deletion that has started.
const DELETION_FINALIZERS: [&str; 2] = ["foregroundDeletion", "orphan"];

/// Labels by which the Job controller finds its pods.
const JOB_CONTROLLER_LABELS: [&str; 4] = [
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-name",
    "controller-uid",
    "job-name",
];

/// Returns whether a manifest was exported from a cluster.
pub(super) fn is_exported(object: &Object) -> bool {
    let metadata = object.0.get("metadata");
    SERVER_METADATA_FIELDS.iter().any(|(field, _)| {
        metadata
            .and_then(|metadata| metadata.get(field))
            .is_some_and(has_content)
    })
}

/// Returns the controller of an exported object, as `Kind/name`. Another cluster would delete the object because that owner is missing.
pub(super) fn controller(object: &Object) -> Option<String> {
    let owners = object.0.pointer("/metadata/ownerReferences").and_then(Value::as_array);
    let is_controller = |owner: &&Value| owner.get("controller").and_then(Value::as_bool) == Some(true);
    let owner = owners.filter(|_| is_exported(object))?.iter().find(is_controller)?;
    let text = |field: &str| owner.get(field).and_then(Value::as_str).unwrap_or_default();
    Some(format!("{}/{}", text("kind"), text("name")))
}

/// Removes the fields that the user can't have meant from a manifest. Returns the names of those that had a value.
pub(super) fn remove_server_fields(object: &mut Object) -> Vec<&'static str> {
    let is_exported = is_exported(object);
    let mut left_out = Vec::new();
    let is_kubernetes = !object.group().contains('.') || object.group().ends_with(".k8s.io");
    // In custom resources, `status` may be an ordinary field.
    if is_kubernetes || is_exported {
        remove_field(object.0.as_object_mut(), "status", "status", &mut left_out);
    }
    for (field, name) in SERVER_METADATA_FIELDS {
        remove_field(mapping_at(object, "/metadata"), field, name, &mut left_out);
    }
    let mut annotations = vec![LAST_APPLIED];
    if is_exported {
        annotations.extend(CONTROLLER_ANNOTATIONS);
        annotations.extend(WRITTEN_BY_HOST);
        remove_members(object, "labels", &WRITTEN_BY_HOST, &mut left_out);
        let metadata = mapping_at(object, "/metadata");
        remove_field(metadata, "ownerReferences", "metadata.ownerReferences", &mut left_out);
        remove_deletion_finalizers(object, &mut left_out);
        remove_assigned_fields(object, &mut left_out);
    }
    remove_members(object, "annotations", &annotations, &mut left_out);
    left_out
}

/// Removes the fields that the server assigned to a Service or Job.
fn remove_assigned_fields(object: &mut Object, left_out: &mut Vec<&'static str>) {
    match (object.group(), object.kind()) {
        ("", "Service") if object.text("/spec/clusterIP") != Some("None") => {
            for (field, name) in [("clusterIP", "spec.clusterIP"), ("clusterIPs", "spec.clusterIPs")] {
                remove_field(mapping_at(object, "/spec"), field, name, left_out);
            }
        }
        ("batch", "Job") if object.0.pointer("/spec/manualSelector") != Some(&Value::Bool(true)) => {
            remove_field(mapping_at(object, "/spec"), "selector", "spec.selector", left_out);
            for labels in ["/metadata", "/spec/template/metadata"] {
                let Some(metadata) = mapping_at(object, labels) else {
                    continue;
                };
                let Some(found) = metadata.get_mut("labels").and_then(Value::as_object_mut) else {
                    continue;
                };
                for label in JOB_CONTROLLER_LABELS {
                    remove_field(Some(&mut *found), label, label, left_out);
                }
                if found.is_empty() {
                    metadata.remove("labels");
                }
            }
        }
        _ => {}
    }
}

/// Removes the finalizers of a deletion that has started.
fn remove_deletion_finalizers(object: &mut Object, left_out: &mut Vec<&'static str>) {
    let Some(metadata) = mapping_at(object, "/metadata") else {
        return;
    };
    let Some(finalizers) = metadata.get_mut("finalizers").and_then(Value::as_array_mut) else {
        return;
    };
    let before = finalizers.len();
    finalizers.retain(|finalizer| !DELETION_FINALIZERS.iter().any(|one| finalizer == one));
    if finalizers.len() < before {
        left_out.push("metadata.finalizers");
        if finalizers.is_empty() {
            metadata.remove("finalizers");
        }
    }
}

fn mapping_at<'a>(object: &'a mut Object, pointer: &str) -> Option<&'a mut Map<String, Value>> {
    object.0.pointer_mut(pointer)?.as_object_mut()
}

/// Removes some annotations or labels, and the mapping if nothing else is in it.
fn remove_members(object: &mut Object, map: &str, names: &[&'static str], left_out: &mut Vec<&'static str>) {
    let Some(metadata) = mapping_at(object, "/metadata") else {
        return;
    };
    let Some(members) = metadata.get_mut(map).and_then(Value::as_object_mut) else {
        return;
    };
    let before = members.len();
    for name in names {
        remove_field(Some(&mut *members), name, name, left_out);
    }
    if members.is_empty() && before > 0 {
        metadata.remove(map);
    }
}

/// Removes a field, and records its name if it had a value.
fn remove_field(
    map: Option<&mut Map<String, Value>>,
    field: &str,
    name: &'static str,
    left_out: &mut Vec<&'static str>,
) {
    let Some(found) = map.and_then(|map| map.remove(field)) else {
        return;
    };
    if has_content(&found) && !left_out.contains(&name) {
        left_out.push(name);
    }
}

/// Returns whether a value isn't empty. Generators write `creationTimestamp: null`, `status: {}` and lists of nothing.
fn has_content(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => values.iter().any(has_content),
        Value::Object(members) => members.values().any(has_content),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cleaned(object: Value) -> (Value, Vec<&'static str>) {
        let mut object = Object(object);
        let left_out = remove_server_fields(&mut object);
        (object.0, left_out)
    }

    #[test]
    fn what_generators_write_is_left_out_without_a_word() {
        let (object, left_out) = cleaned(json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "a", "creationTimestamp": null },
            "spec": { "clusterIP": "10.0.0.7" }, "status": { "loadBalancer": {}, "conditions": [] },
        }));
        let expected = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "a" }, "spec": { "clusterIP": "10.0.0.7" },
        });
        assert_eq!((object, left_out), (expected, vec![]));
    }

    #[test]
    fn an_exported_service_keeps_what_the_user_wrote() {
        let exported = |spec: Value| {
            json!({
                "apiVersion": "v1", "kind": "Service",
                "metadata": {
                    "name": "a", "uid": "u", "resourceVersion": "7", "creationTimestamp": "2026-01-01T00:00:00Z",
                    "labels": { "app": "a", "capstan.dev/application": "old" },
                    "annotations": { "mine": "x", LAST_APPLIED: "{}", "meta.helm.sh/release-name": "a" },
                    "finalizers": ["service.kubernetes.io/load-balancer-cleanup", "foregroundDeletion"],
                },
                "spec": spec, "status": { "loadBalancer": { "ingress": [{ "ip": "1.2.3.4" }] } },
            })
        };
        let (object, left_out) = cleaned(exported(
            json!({ "type": "ClusterIP", "clusterIP": "10.0.0.7", "clusterIPs": ["10.0.0.7"] }),
        ));
        let expected = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {
                "name": "a", "labels": { "app": "a" }, "annotations": { "mine": "x" },
                "finalizers": ["service.kubernetes.io/load-balancer-cleanup"],
            },
            "spec": { "type": "ClusterIP" },
        });
        assert_eq!(object, expected);
        assert_eq!(
            left_out,
            [
                "status",
                "metadata.uid",
                "metadata.resourceVersion",
                "metadata.creationTimestamp",
                "capstan.dev/application",
                "metadata.finalizers",
                "spec.clusterIP",
                "spec.clusterIPs",
                LAST_APPLIED,
                "meta.helm.sh/release-name",
            ]
        );
        let headless = json!({ "clusterIP": "None", "clusterIPs": ["None"] });
        assert_eq!(cleaned(exported(headless.clone())).0["spec"], headless);
    }

    #[test]
    fn what_the_server_gave_a_job_goes_unless_the_user_gave_it() {
        let job = |manual: bool| {
            json!({
                "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "a", "uid": "u", "labels": { "job-name": "a" } },
                "spec": {
                    "manualSelector": manual, "selector": { "matchLabels": { "controller-uid": "u" } },
                    "template": { "metadata": { "labels": { "controller-uid": "u", "app": "a" } } },
                },
            })
        };
        let expected = json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "a" },
            "spec": { "manualSelector": false, "template": { "metadata": { "labels": { "app": "a" } } } },
        });
        assert_eq!(cleaned(job(false)).0, expected);
        assert_eq!(cleaned(job(true)).0["spec"], job(true)["spec"]);
    }

    #[test]
    fn what_may_be_the_users_stays() {
        for object in [
            json!({ "apiVersion": "acme.io/v1", "kind": "Widget", "metadata": { "name": "a" }, "status": { "size": 3 } }),
            json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": { "name": "a", "ownerReferences": [{ "kind": "Pod", "name": "b", "uid": "u", "controller": true }] },
            }),
            json!({
                "apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": { "name": "a", "annotations": { "deployment.kubernetes.io/revision": "3" } },
            }),
        ] {
            assert_eq!(controller(&Object(object.clone())), None);
            assert_eq!(cleaned(object.clone()), (object, vec![]));
        }
    }

    #[test]
    fn an_exported_object_may_be_controlled() {
        let owner = json!({ "kind": "ReplicaSet", "name": "web-1", "uid": "u", "controller": true });
        let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "a", "uid": "v", "ownerReferences": [owner] } });
        assert_eq!(controller(&Object(pod)).as_deref(), Some("ReplicaSet/web-1"));
    }
}
