//! Fields that can't be changed after the creation of an object.

mod storage;

use capstan_schema::table::STATEFUL_SET_MUTABLE;
use serde_json::{Value, json};

use super::validate::invalid_if_any;
use crate::{
    kinds::Resource,
    status::{StatusCause, StatusError},
};

/// Immutable fields: group, kind, and the paths in the form of the server's messages.
const FIXED: &[(&str, &str, &[&str])] = &[
    ("", "ResourceQuota", &["spec.scopes"]),
    ("", "Secret", &["type"]),
    (
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        &["spec.scope", "spec.group", "spec.names.plural", "spec.names.kind"],
    ),
    ("apps", "ControllerRevision", &["data"]),
    ("apps", "DaemonSet", &["spec.selector"]),
    ("apps", "Deployment", &["spec.selector"]),
    ("apps", "ReplicaSet", &["spec.selector"]),
    (
        "batch",
        "Job",
        &[
            "spec.selector",
            "spec.completionMode",
            "spec.podFailurePolicy",
            "spec.backoffLimitPerIndex",
            "spec.managedBy",
            "spec.successPolicy",
        ],
    ),
    ("discovery.k8s.io", "EndpointSlice", &["addressType"]),
    ("networking.k8s.io", "IPAddress", &["spec.parentRef"]),
    ("networking.k8s.io", "IngressClass", &["spec.controller"]),
    ("networking.k8s.io", "ServiceCIDR", &["spec.cidrs"]),
    ("node.k8s.io", "RuntimeClass", &["handler"]),
    ("resource.k8s.io", "ResourceClaim", &["spec"]),
    ("resource.k8s.io", "ResourceClaimTemplate", &["spec"]),
    (
        "resource.k8s.io",
        "ResourceSlice",
        &["spec.driver", "spec.nodeName", "spec.pool.name"],
    ),
    ("scheduling.k8s.io", "PriorityClass", &["preemptionPolicy"]),
    ("storage.k8s.io", "CSIDriver", &["spec.volumeLifecycleModes"]),
    (
        "storage.k8s.io",
        "CSIStorageCapacity",
        &["storageClassName", "nodeTopology"],
    ),
    (
        "storage.k8s.io",
        "StorageClass",
        &["provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"],
    ),
    ("storage.k8s.io", "VolumeAttachment", &["spec"]),
];

/// Immutable fields with other messages.
const FORBIDDEN: &[(&str, &str, &str, &str)] = &[
    (
        "scheduling.k8s.io",
        "PriorityClass",
        "value",
        "may not be changed in an update.",
    ),
    (
        "storage.k8s.io",
        "VolumeAttributesClass",
        "driverName",
        "updates to driverName are forbidden.",
    ),
    (
        "storage.k8s.io",
        "VolumeAttributesClass",
        "parameters",
        "updates to parameters are forbidden.",
    ),
];

/// The message for most fields.
const IMMUTABLE: &str = "field is immutable";

/// Checks that no immutable field changes. The messages are those of an API server 1.36, which a test compares.
pub(super) fn check(resource: &Resource, live: &Value, object: &Value) -> Result<(), StatusError> {
    let mut causes = Vec::new();
    let at = |from: &Value, path: &str| path.split('.').fold(from.clone(), |value, part| value[part].clone());
    let changed = |path: &str| Some(at(object, path)).filter(|new| *new != at(live, path));
    for (group, kind, paths) in FIXED {
        if resource.is(group, kind) {
            let changed = paths.iter().filter_map(|path| Some((path, changed(path)?)));
            causes.extend(changed.map(|(path, new)| StatusCause::invalid(path, &new, IMMUTABLE)));
        }
    }
    for (group, kind, path, why) in FORBIDDEN {
        if resource.is(group, kind) && changed(path).is_some() {
            causes.push(StatusCause::forbidden(path, why));
        }
    }
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("batch", "Job") => job(live, object, &mut causes),
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") if live["roleRef"] != object["roleRef"] => {
            causes.push(StatusCause::invalid(
                "roleRef",
                &object["roleRef"],
                "cannot change roleRef",
            ));
        }
        ("", "Service") => service(&live["spec"], &object["spec"], &mut causes),
        ("", "PersistentVolume") => storage::volume(&live["spec"], &object["spec"], &mut causes),
        ("", "PersistentVolumeClaim") => storage::claim(live, object, &mut causes),
        ("storage.k8s.io", "CSIDriver") => {
            if let Some(new) = changed("spec.attachRequired") {
                causes.push(StatusCause::invalid("spec.attachedRequired", &new, IMMUTABLE));
            }
        }
        ("storage.k8s.io", "CSINode") => storage::drivers(live, object, &mut causes),
        _ => {}
    }
    check_fixed_fields(resource, live, object, &mut causes);
    finalizers(&live["metadata"], &object["metadata"], &mut causes);
    invalid_if_any(resource, object, &causes)
}

fn job(live: &Value, object: &Value, causes: &mut Vec<StatusCause>) {
    let (before, after) = (&live["spec"], &object["spec"]);
    if after["completionMode"] != "Indexed" && before["completions"] != after["completions"] {
        causes.push(StatusCause::invalid(
            "spec.completions",
            &after["completions"],
            IMMUTABLE,
        ));
    }
    // The scheduling fields of a suspended Job that hasn't started may still change; the rest of the template is immutable.
    let (path, value) = if before["suspend"] == true {
        let same = without_scheduling(&before["template"]) == without_scheduling(&after["template"]);
        ("spec.template.spec", (!same).then(|| &after["template"]["spec"]))
    } else {
        let same = before["template"] == after["template"];
        ("spec.template", (!same).then(|| &after["template"]))
    };
    if let Some(value) = value {
        causes.push(StatusCause::invalid(path, value, IMMUTABLE));
    }
}

/// The address of a Service is immutable, except for changes from and to `ExternalName`, which has none.
fn service(live: &Value, spec: &Value, causes: &mut Vec<StatusCause>) {
    const SET_ONCE: &str = "may not change once set";
    let is_name = |spec: &Value| spec["type"] == "ExternalName";
    if !is_name(live) && !is_name(spec) && !live["clusterIP"].is_null() {
        let address = &spec["clusterIP"];
        if *address != live["clusterIP"] {
            causes.push(StatusCause::invalid("spec.clusterIPs[0]", &json!([address]), SET_ONCE));
        } else if spec["clusterIPs"][0] != live["clusterIPs"][0] {
            causes.push(StatusCause::invalid(
                "spec.clusterIPs[0]",
                &spec["clusterIPs"],
                SET_ONCE,
            ));
        }
    }
    let class = "loadBalancerClass";
    let balances = |spec: &Value| spec["type"] == "LoadBalancer";
    if balances(live) && balances(spec) && !live[class].is_null() && live[class] != spec[class] {
        causes.push(StatusCause::invalid("spec.loadBalancerClass", &spec[class], SET_ONCE));
    }
}

/// Returns a pod template without the fields for scheduling and resources.
fn without_scheduling(template: &Value) -> Value {
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

fn check_fixed_fields(resource: &Resource, live: &Value, object: &Value, causes: &mut Vec<StatusCause>) {
    if resource.is("apps", "StatefulSet")
        && without_fields(&live["spec"], &STATEFUL_SET_MUTABLE)
            != without_fields(&object["spec"], &STATEFUL_SET_MUTABLE)
    {
        let why = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', \
            'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
        causes.push(StatusCause::forbidden("spec", why));
    }
    if resource.is("", "Pod") && pod_without_images(&live["spec"]) != pod_without_images(&object["spec"]) {
        let why = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,\
            `spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),\
            `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
        causes.push(StatusCause::forbidden("spec", why));
    }
    if (resource.is("", "ConfigMap") || resource.is("", "Secret")) && live["immutable"] == true {
        if object["immutable"] != true {
            causes.push(StatusCause::forbidden(
                "immutable",
                "field is immutable when `immutable` is set",
            ));
        }
        for field in ["data", "binaryData"] {
            if live[field] != object[field] {
                causes.push(StatusCause::forbidden(
                    field,
                    "field is immutable when `immutable` is set",
                ));
            }
        }
    }
}

/// Returns an object without these fields.
fn without_fields(object: &Value, fields: &[&str]) -> Value {
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
    let mut rest = without_fields(spec, &free);
    for list in ["containers", "initContainers", "ephemeralContainers"] {
        for container in rest.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            *container = without_fields(container, &["image"]);
        }
    }
    if let Some(map) = rest.as_object_mut() {
        map.remove("ephemeralContainers");
    }
    rest
}

fn finalizers(live: &Value, metadata: &Value, causes: &mut Vec<StatusCause>) {
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
        causes.push(StatusCause::forbidden("metadata.finalizers", &why));
    }
}
