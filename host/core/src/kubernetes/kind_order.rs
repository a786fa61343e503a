//! The order of kinds within a wave.
//!
//! Helm's install order (`pkg/release/v1/util/kind_sorter.go`), which Argo CD follows, with one change: webhook configurations come
//! after the workloads that serve them.

use crate::model::object::GroupKind;

const KIND_ORDER: [&str; 38] = [
    "PriorityClass",
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
];

/// Returns the rank of a kind: lower ranks are applied first and deleted last. Kinds that Kubernetes doesn't define come last.
pub fn rank(kind: &GroupKind) -> u32 {
    let is_built_in = kind.group.is_empty()
        || kind.group.ends_with(".k8s.io")
        || ["apps", "batch", "autoscaling", "policy", "extensions"].contains(&kind.group.as_str());
    let place = KIND_ORDER.iter().position(|known| is_built_in && *known == kind.kind);
    u32::try_from(place.unwrap_or(KIND_ORDER.len())).unwrap_or(u32::MAX)
}

/// Returns whether objects of a kind define another kind. Later kinds wait until they are established.
pub fn is_definition(kind: &GroupKind) -> bool {
    kind.group == "apiextensions.k8s.io" && kind.kind == "CustomResourceDefinition"
}

/// Returns whether objects of a kind register an API group version that another server serves.
pub fn is_api_service(kind: &GroupKind) -> bool {
    kind.group == "apiregistration.k8s.io" && kind.kind == "APIService"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_need_comes_first() {
        let rank = |group: &str, kind: &str| rank(&GroupKind::new(group, kind));
        assert!(rank("", "Namespace") < rank("", "ConfigMap"));
        assert!(rank("", "ConfigMap") < rank("apps", "Deployment"));
        assert!(rank("apiextensions.k8s.io", "CustomResourceDefinition") < rank("example.com", "Widget"));
        assert!(rank("apps", "Deployment") < rank("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"));
        assert_eq!(rank("serving.knative.dev", "Service"), rank("example.com", "Widget"));
    }
}
