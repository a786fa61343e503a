//! What cannot change once it is there.

use serde_json::Value;

use super::validate::refuse;
use crate::{
    kinds::Resource,
    status::{Cause, Refusal},
};

/// Checks what cannot change.
pub(super) fn check(resource: &Resource, live: &Value, object: &Value) -> Result<(), Refusal> {
    let mut causes = Vec::new();
    let mut fixed = |path: &str| {
        let at = |from: &Value| path.split('.').fold(from.clone(), |value, part| value[part].clone());
        if at(live) != at(object) {
            causes.push(Cause::invalid(path, &at(object), "field is immutable"));
        }
    };
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("apps", "Deployment" | "DaemonSet" | "ReplicaSet") => fixed("spec.selector"),
        ("batch", "Job") => {
            fixed("spec.selector");
            // A suspended job that has not started may still be told where to run; the rest of the template is fixed.
            if live["spec"]["suspend"] != true {
                fixed("spec.template");
            }
            fixed("spec.completionMode");
            if object["spec"]["completionMode"] != "Indexed" {
                fixed("spec.completions");
            }
        }
        ("apps", "ControllerRevision") => fixed("data"),
        ("", "Secret") => fixed("type"),
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") if live["roleRef"] != object["roleRef"] => {
            causes.push(Cause::invalid("roleRef", &object["roleRef"], "cannot change roleRef"));
        }
        ("storage.k8s.io", "StorageClass") => {
            for field in ["provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"] {
                fixed(field);
            }
        }
        ("", "Service") if object["spec"]["type"] != "ExternalName" && live["spec"]["type"] != "ExternalName" => {
            fixed("spec.clusterIP");
        }
        _ => {}
    }
    if resource.is("batch", "Job")
        && live["spec"]["suspend"] == true
        && placeless(&live["spec"]["template"]) != placeless(&object["spec"]["template"])
    {
        let template = &object["spec"]["template"]["spec"];
        causes.push(Cause::invalid("spec.template.spec", template, "field is immutable"));
    }
    frozen(resource, live, object, &mut causes);
    finalizers(&live["metadata"], &object["metadata"], &mut causes);
    refuse(resource, object, &causes)
}

/// A template without what says where its pods run and how much they may use.
fn placeless(template: &Value) -> Value {
    let mut template = template.clone();
    if let Some(metadata) = template["metadata"].as_object_mut() {
        metadata.retain(|field, _| !matches!(field.as_str(), "labels" | "annotations"));
    }
    if let Some(spec) = template["spec"].as_object_mut() {
        spec.retain(|field, _| {
            !matches!(
                field.as_str(),
                "nodeSelector" | "affinity" | "tolerations" | "schedulingGates"
            )
        });
        for list in ["containers", "initContainers"] {
            for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
                container.as_object_mut().map(|container| container.remove("resources"));
            }
        }
    }
    template
}

fn frozen(resource: &Resource, live: &Value, object: &Value, causes: &mut Vec<Cause>) {
    if resource.is("apps", "StatefulSet") && but(&live["spec"], SET_FREE) != but(&object["spec"], SET_FREE) {
        let why = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', \
            'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
        causes.push(Cause::forbidden("spec", why));
    }
    if resource.is("", "PersistentVolumeClaim") {
        let bound = !live["spec"]["volumeName"].is_null();
        let free: &[&str] = if bound {
            CLAIM_FREE
        } else {
            &[
                "resources",
                "volumeAttributesClassName",
                "volumeName",
                "storageClassName",
            ]
        };
        if but(&live["spec"], free) != but(&object["spec"], free) {
            let why = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
            causes.push(Cause::forbidden("spec", why));
        }
    }
    if resource.is("", "Pod") && pod_without_images(&live["spec"]) != pod_without_images(&object["spec"]) {
        let why = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,\
            `spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),\
            `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
        causes.push(Cause::forbidden("spec", why));
    }
    if (resource.is("", "ConfigMap") || resource.is("", "Secret")) && live["immutable"] == true {
        if object["immutable"] != true {
            causes.push(Cause::forbidden(
                "immutable",
                "field is immutable when `immutable` is set",
            ));
        }
        for field in ["data", "binaryData"] {
            if live[field] != object[field] {
                causes.push(Cause::forbidden(field, "field is immutable when `immutable` is set"));
            }
        }
    }
}

const SET_FREE: &[&str] = &[
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
];
const CLAIM_FREE: &[&str] = &["resources", "volumeAttributesClassName"];

/// Returns an object without some of its fields.
fn but(object: &Value, fields: &[&str]) -> Value {
    let mut rest = object.clone();
    if let Some(map) = rest.as_object_mut() {
        map.retain(|name, _| !fields.contains(&name.as_str()));
    }
    rest
}

fn pod_without_images(spec: &Value) -> Value {
    let free = [
        "activeDeadlineSeconds",
        "tolerations",
        "terminationGracePeriodSeconds",
        "nodeName",
        "schedulingGates",
    ];
    let mut rest = but(spec, &free);
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        for container in rest.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            *container = but(container, &["image"]);
        }
    }
    if let Some(map) = rest.as_object_mut() {
        map.remove("ephemeralContainers");
    }
    rest
}

fn finalizers(live: &Value, metadata: &Value, causes: &mut Vec<Cause>) {
    if live["deletionTimestamp"].is_null() {
        return;
    }
    let had = live["finalizers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let has = metadata["finalizers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let new: Vec<String> = has
        .iter()
        .filter(|one| !had.contains(one))
        .map(Value::to_string)
        .collect();
    if !new.is_empty() {
        let why = format!(
            "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
            new.join(", ")
        );
        causes.push(Cause::forbidden("metadata.finalizers", &why));
    }
}
