//! Which kinds are served: the built-in ones a deploy tool meets, and what custom resource definitions add.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use crate::store::Kind;

/// One served version of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The name, such as `v1`.
    pub name: String,
    /// Whether status is a subresource: writes to the object leave it alone, and the other way round.
    pub status: bool,
    /// Where the scale subresource finds its numbers, if there is one.
    pub scale: Option<Scale>,
    /// Further fields that field selectors may name, as dotted paths.
    pub selectable: Vec<String>,
    /// The schema of a custom kind, if it has one.
    pub schema: Option<Arc<Value>>,
}

/// Where the scale subresource finds its numbers, as dotted paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scale {
    /// The wanted number of replicas.
    pub wanted: String,
    /// The number there is.
    pub found: String,
    /// The label selector, as an object or as text.
    pub selector: Option<String>,
}

/// What a resource keeps of the requests it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// Objects are stored.
    Stored,
    /// A POST is answered, nothing is stored.
    Answered,
}

/// One served resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The API group, empty for the core group.
    pub group: String,
    /// The served versions, the preferred one first.
    pub versions: Vec<Version>,
    /// The version objects are stored in.
    pub storage: String,
    /// The kind.
    pub kind: String,
    /// The kind of a list.
    pub list_kind: String,
    /// The name in paths.
    pub plural: String,
    /// The name for one.
    pub singular: String,
    /// What people type.
    pub short_names: Vec<String>,
    /// Sets of resources it belongs to, such as `all`.
    pub categories: Vec<String>,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// Whether `metadata.generation` counts desired states.
    pub generations: bool,
    /// Whether it comes from a custom resource definition.
    pub custom: bool,
    /// What becomes of a POST.
    pub keeping: Keeping,
}

impl Resource {
    /// Returns the identity of the kind.
    pub fn id(&self) -> Kind {
        Kind::new(&self.group, &self.kind)
    }

    /// Returns whether this is that built-in kind.
    pub fn is(&self, group: &str, kind: &str) -> bool {
        self.group == group && self.kind == kind
    }

    /// Returns a served version.
    pub fn version(&self, name: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.name == name)
    }

    /// Returns whether status is a subresource in the stored version.
    pub fn has_status(&self) -> bool {
        self.version(&self.storage)
            .or(self.versions.first())
            .is_some_and(|version| version.status)
    }

    /// Returns the `apiVersion` of a version.
    pub fn api_version(&self, version: &str) -> String {
        if self.group.is_empty() {
            version.to_owned()
        } else {
            format!("{}/{version}", self.group)
        }
    }

    /// Returns the `apiVersion` objects are stored in.
    pub fn storage_version(&self) -> String {
        self.api_version(&self.storage)
    }

    /// Returns the verbs that discovery lists.
    pub fn verbs(&self) -> &'static [&'static str] {
        match self.keeping {
            Keeping::Stored => &[
                "create",
                "delete",
                "deletecollection",
                "get",
                "list",
                "patch",
                "update",
                "watch",
            ],
            Keeping::Answered => &["create"],
        }
    }
}

/// What a row of the table says beyond names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trait {
    Namespaced,
    Status,
    Scale,
    Generations,
    All,
    Answered,
}

use Trait::{All, Answered, Generations, Namespaced, Status};

type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static [Trait],
);

const APPS: &[Trait] = &[Namespaced, Status, Trait::Scale, Generations, All];

/// Group, version, kind, plural, short names, traits.
const TABLE: &[Row] = &[
    ("", "v1", "ConfigMap", "configmaps", &["cm"], &[Namespaced]),
    ("", "v1", "Endpoints", "endpoints", &["ep"], &[Namespaced]),
    ("", "v1", "Event", "events", &["ev"], &[Namespaced]),
    ("", "v1", "LimitRange", "limitranges", &["limits"], &[Namespaced]),
    ("", "v1", "Namespace", "namespaces", &["ns"], &[Status]),
    ("", "v1", "Node", "nodes", &["no"], &[Status]),
    ("", "v1", "PersistentVolume", "persistentvolumes", &["pv"], &[Status]),
    (
        "",
        "v1",
        "PersistentVolumeClaim",
        "persistentvolumeclaims",
        &["pvc"],
        &[Namespaced, Status],
    ),
    (
        "",
        "v1",
        "Pod",
        "pods",
        &["po"],
        &[Namespaced, Status, Generations, All],
    ),
    (
        "",
        "v1",
        "ReplicationController",
        "replicationcontrollers",
        &["rc"],
        APPS,
    ),
    (
        "",
        "v1",
        "ResourceQuota",
        "resourcequotas",
        &["quota"],
        &[Namespaced, Status],
    ),
    ("", "v1", "Secret", "secrets", &[], &[Namespaced]),
    ("", "v1", "Service", "services", &["svc"], &[Namespaced, Status, All]),
    ("", "v1", "ServiceAccount", "serviceaccounts", &["sa"], &[Namespaced]),
    (
        "admissionregistration.k8s.io",
        "v1",
        "MutatingWebhookConfiguration",
        "mutatingwebhookconfigurations",
        &[],
        &[Generations],
    ),
    (
        "admissionregistration.k8s.io",
        "v1",
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
        &[],
        &[Generations],
    ),
    (
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        &["crd", "crds"],
        &[Status, Generations],
    ),
    (
        "apiregistration.k8s.io",
        "v1",
        "APIService",
        "apiservices",
        &[],
        &[Status],
    ),
    (
        "apps",
        "v1",
        "ControllerRevision",
        "controllerrevisions",
        &[],
        &[Namespaced],
    ),
    (
        "apps",
        "v1",
        "DaemonSet",
        "daemonsets",
        &["ds"],
        &[Namespaced, Status, Generations, All],
    ),
    ("apps", "v1", "Deployment", "deployments", &["deploy"], APPS),
    ("apps", "v1", "ReplicaSet", "replicasets", &["rs"], APPS),
    ("apps", "v1", "StatefulSet", "statefulsets", &["sts"], APPS),
    (
        "authorization.k8s.io",
        "v1",
        "SelfSubjectAccessReview",
        "selfsubjectaccessreviews",
        &[],
        &[Answered],
    ),
    (
        "authorization.k8s.io",
        "v1",
        "SelfSubjectRulesReview",
        "selfsubjectrulesreviews",
        &[],
        &[Answered],
    ),
    (
        "autoscaling",
        "v2",
        "HorizontalPodAutoscaler",
        "horizontalpodautoscalers",
        &["hpa"],
        &[Namespaced, Status, All],
    ),
    (
        "batch",
        "v1",
        "CronJob",
        "cronjobs",
        &["cj"],
        &[Namespaced, Status, Generations, All],
    ),
    (
        "batch",
        "v1",
        "Job",
        "jobs",
        &[],
        &[Namespaced, Status, Generations, All],
    ),
    ("coordination.k8s.io", "v1", "Lease", "leases", &[], &[Namespaced]),
    ("events.k8s.io", "v1", "Event", "events", &["ev"], &[Namespaced]),
    (
        "networking.k8s.io",
        "v1",
        "Ingress",
        "ingresses",
        &["ing"],
        &[Namespaced, Status, Generations],
    ),
    (
        "networking.k8s.io",
        "v1",
        "IngressClass",
        "ingressclasses",
        &[],
        &[Generations],
    ),
    (
        "networking.k8s.io",
        "v1",
        "NetworkPolicy",
        "networkpolicies",
        &["netpol"],
        &[Namespaced, Generations],
    ),
    (
        "policy",
        "v1",
        "PodDisruptionBudget",
        "poddisruptionbudgets",
        &["pdb"],
        &[Namespaced, Status, Generations],
    ),
    (
        "rbac.authorization.k8s.io",
        "v1",
        "ClusterRole",
        "clusterroles",
        &[],
        &[],
    ),
    (
        "rbac.authorization.k8s.io",
        "v1",
        "ClusterRoleBinding",
        "clusterrolebindings",
        &[],
        &[],
    ),
    ("rbac.authorization.k8s.io", "v1", "Role", "roles", &[], &[Namespaced]),
    (
        "rbac.authorization.k8s.io",
        "v1",
        "RoleBinding",
        "rolebindings",
        &[],
        &[Namespaced],
    ),
    (
        "scheduling.k8s.io",
        "v1",
        "PriorityClass",
        "priorityclasses",
        &["pc"],
        &[Generations],
    ),
    ("storage.k8s.io", "v1", "StorageClass", "storageclasses", &["sc"], &[]),
];

/// Returns the built-in resources.
pub fn built_in() -> BTreeMap<Kind, Resource> {
    TABLE
        .iter()
        .map(|row| (Kind::new(row.0, row.2), resource(row)))
        .collect()
}

fn resource(&(group, version, kind, plural, short_names, traits): &Row) -> Resource {
    let has = |wanted: Trait| traits.contains(&wanted);
    let scale = has(Trait::Scale).then(|| Scale {
        wanted: "spec.replicas".into(),
        found: "status.replicas".into(),
        selector: Some("spec.selector".into()),
    });
    Resource {
        group: group.into(),
        versions: vec![Version {
            name: version.into(),
            status: has(Status),
            scale,
            selectable: selectable(group, kind),
            schema: None,
        }],
        storage: version.into(),
        kind: kind.into(),
        list_kind: format!("{kind}List"),
        plural: plural.into(),
        singular: kind.to_lowercase(),
        short_names: short_names.iter().map(|&name| name.into()).collect(),
        categories: if has(All) { vec!["all".into()] } else { Vec::new() },
        namespaced: has(Namespaced),
        generations: has(Generations),
        custom: false,
        keeping: if has(Answered) {
            Keeping::Answered
        } else {
            Keeping::Stored
        },
    }
}

/// Fields that a field selector may name besides name and namespace; a real server refuses all others.
fn selectable(group: &str, kind: &str) -> Vec<String> {
    let fields: &[&str] = match (group, kind) {
        ("", "Pod") => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        ("" | "events.k8s.io", "Event") => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        ("", "Namespace") => &["status.phase"],
        ("", "Node") => &["spec.unschedulable"],
        ("", "Secret") => &["type"],
        ("", "Service") => &["spec.clusterIP", "spec.type"],
        ("" | "apps", "ReplicationController" | "ReplicaSet") => &["status.replicas"],
        ("batch", "Job") => &["status.successful"],
        _ => &[],
    };
    fields.iter().map(|&field| field.into()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_its_own_kind_and_path() {
        assert_eq!(built_in().len(), TABLE.len());
        let mut paths: Vec<_> = TABLE.iter().map(|row| (row.0, row.1, row.3)).collect();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), TABLE.len());
    }
}
