//! Defaults of kinds without pods of their own, and the status of a new object of these.

use serde_json::{Value, json};

use super::{child, each, set};
use crate::kinds::Resource;

pub(super) fn fill(group: &str, kind: &str, object: &mut Value) {
    match (group, kind) {
        ("autoscaling", "HorizontalPodAutoscaler") => autoscaler(object.get_mut("spec")),
        ("apiregistration.k8s.io", "APIService") => {
            let service = object.get_mut("spec").and_then(|spec| spec.get_mut("service"));
            set(service, &[("port", json!(443))]);
        }
        ("flowcontrol.apiserver.k8s.io", "FlowSchema") => {
            set(object.get_mut("spec"), &[("matchingPrecedence", json!(1000))]);
        }
        ("resource.k8s.io", "ResourceClaim") => devices(object.get_mut("spec")),
        ("resource.k8s.io", "ResourceClaimTemplate") => {
            devices(object.get_mut("spec").and_then(|spec| spec.get_mut("spec")));
        }
        ("scheduling.k8s.io", "PriorityClass") => {
            set(Some(object), &[("preemptionPolicy", json!("PreemptLowerPriority"))]);
        }
        ("storage.k8s.io", "CSIDriver") => set(
            object.get_mut("spec"),
            &[
                ("attachRequired", json!(true)),
                ("podInfoOnMount", json!(false)),
                ("volumeLifecycleModes", json!(["Persistent"])),
                ("storageCapacity", json!(false)),
                ("fsGroupPolicy", json!("ReadWriteOnceWithFSType")),
                ("requiresRepublish", json!(false)),
                ("seLinuxMount", json!(false)),
            ],
        ),
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy") => policy(object.get_mut("spec")),
        _ => {}
    }
}

/// Returns the status that the API server gives a new object, where the kind has one.
pub(super) fn initial_status(resource: &Resource) -> Option<Value> {
    if resource.is_custom {
        return None;
    }
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "ReplicationController") => Some(json!({ "replicas": 0 })),
        ("policy", "PodDisruptionBudget") => {
            Some(json!({ "disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0 }))
        }
        ("autoscaling", "HorizontalPodAutoscaler") => Some(json!({ "desiredReplicas": 0, "currentMetrics": null })),
        ("storage.k8s.io", "VolumeAttachment") => Some(json!({ "attached": false })),
        ("", "ResourceQuota")
        | ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy")
        | ("apiregistration.k8s.io", "APIService")
        | ("certificates.k8s.io", "CertificateSigningRequest")
        | ("flowcontrol.apiserver.k8s.io", "FlowSchema" | "PriorityLevelConfiguration")
        | ("networking.k8s.io", "ServiceCIDR")
        | ("resource.k8s.io", "ResourceClaim") => Some(json!({})),
        _ => None,
    }
}

/// Without a selector it selects its own pods, and without labels it has theirs.
pub(super) fn replication_controller(object: &mut Value) {
    let labels = object.pointer("/spec/template/metadata/labels");
    let Some(labels) = labels.filter(|labels| labels.is_object()).cloned() else {
        return;
    };
    set(object.get_mut("spec"), &[("selector", labels.clone())]);
    set(object.get_mut("metadata"), &[("labels", labels)]);
}

fn autoscaler(spec: Option<&mut Value>) {
    let Some(spec) = spec else { return };
    let cpu = json!({ "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 80 } });
    let metrics = json!([{ "type": "Resource", "resource": cpu }]);
    set(Some(spec), &[("minReplicas", json!(1)), ("metrics", metrics)]);
}

fn devices(spec: Option<&mut Value>) {
    let Some(devices) = spec.and_then(|spec| spec.get_mut("devices")) else {
        return;
    };
    for request in each(devices, "requests") {
        let exactly = request.get_mut("exactly");
        set(exactly, &[("allocationMode", json!("ExactCount")), ("count", json!(1))]);
    }
}

fn policy(spec: Option<&mut Value>) {
    let Some(spec) = spec else { return };
    set(Some(spec), &[("failurePolicy", json!("Fail"))]);
    if spec["matchConstraints"].is_object()
        && let Some(constraints) = child(Some(spec), "matchConstraints")
    {
        set(
            Some(constraints),
            &[
                ("matchPolicy", json!("Equivalent")),
                ("namespaceSelector", json!({})),
                ("objectSelector", json!({})),
            ],
        );
        for rule in each(constraints, "resourceRules") {
            set(Some(rule), &[("scope", json!("*"))]);
        }
    }
}
