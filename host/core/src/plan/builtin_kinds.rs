//! The kinds that Kubernetes 1.34 itself serves, with their scopes, for plans without a cluster.

use super::{Scope, Scopes};
use crate::model::object::GroupKind;

/// An API group with its namespaced and its cluster-wide kinds.
const BUILT_IN_KINDS: [(&str, &[&str], &[&str]); 21] = [
    (
        "",
        &[
            "Binding",
            "ConfigMap",
            "Endpoints",
            "Event",
            "LimitRange",
            "PersistentVolumeClaim",
            "Pod",
            "PodTemplate",
            "ReplicationController",
            "ResourceQuota",
            "Secret",
            "Service",
            "ServiceAccount",
        ],
        &["ComponentStatus", "Namespace", "Node", "PersistentVolume"],
    ),
    (
        "admissionregistration.k8s.io",
        &[],
        &[
            "MutatingAdmissionPolicy",
            "MutatingAdmissionPolicyBinding",
            "MutatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "ValidatingWebhookConfiguration",
        ],
    ),
    ("apiextensions.k8s.io", &[], &["CustomResourceDefinition"]),
    ("apiregistration.k8s.io", &[], &["APIService"]),
    (
        "apps",
        &[
            "ControllerRevision",
            "DaemonSet",
            "Deployment",
            "ReplicaSet",
            "StatefulSet",
        ],
        &[],
    ),
    ("authentication.k8s.io", &[], &["SelfSubjectReview", "TokenReview"]),
    (
        "authorization.k8s.io",
        &["LocalSubjectAccessReview"],
        &[
            "SelfSubjectAccessReview",
            "SelfSubjectRulesReview",
            "SubjectAccessReview",
        ],
    ),
    ("autoscaling", &["HorizontalPodAutoscaler"], &[]),
    ("batch", &["CronJob", "Job"], &[]),
    (
        "certificates.k8s.io",
        &["PodCertificateRequest"],
        &["CertificateSigningRequest", "ClusterTrustBundle"],
    ),
    ("coordination.k8s.io", &["Lease", "LeaseCandidate"], &[]),
    ("discovery.k8s.io", &["EndpointSlice"], &[]),
    ("events.k8s.io", &["Event"], &[]),
    (
        "flowcontrol.apiserver.k8s.io",
        &[],
        &["FlowSchema", "PriorityLevelConfiguration"],
    ),
    (
        "networking.k8s.io",
        &["Ingress", "NetworkPolicy"],
        &["IPAddress", "IngressClass", "ServiceCIDR"],
    ),
    ("node.k8s.io", &[], &["RuntimeClass"]),
    ("policy", &["PodDisruptionBudget"], &[]),
    (
        "rbac.authorization.k8s.io",
        &["Role", "RoleBinding"],
        &["ClusterRole", "ClusterRoleBinding"],
    ),
    (
        "resource.k8s.io",
        &["ResourceClaim", "ResourceClaimTemplate"],
        &["DeviceClass", "DeviceTaintRule", "ResourceSlice"],
    ),
    ("scheduling.k8s.io", &[], &["PriorityClass"]),
    (
        "storage.k8s.io",
        &["CSIStorageCapacity"],
        &[
            "CSIDriver",
            "CSINode",
            "StorageClass",
            "VolumeAttachment",
            "VolumeAttributesClass",
        ],
    ),
];

/// Returns the kinds that every cluster serves.
pub fn built_in_scopes() -> Scopes {
    let of = |group: &'static str, kinds: &'static [&'static str], scope: Scope| {
        kinds.iter().map(move |kind| (GroupKind::new(group, *kind), scope))
    };
    BUILT_IN_KINDS
        .into_iter()
        .flat_map(|(group, namespaced, cluster)| {
            of(group, namespaced, Scope::Namespaced).chain(of(group, cluster, Scope::Cluster))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_there_once() {
        let kinds = BUILT_IN_KINDS
            .iter()
            .map(|(_, namespaced, cluster)| namespaced.len() + cluster.len());
        assert_eq!(built_in_scopes().len(), kinds.sum::<usize>());
    }
}
