//! API versions of kinds: which ones Kubernetes no longer serves, and which ones the cluster and the set's own definitions serve.

use std::collections::BTreeMap;

use crate::{
    model::{
        error::Diagnostic,
        object::{GroupKind, Object},
    },
    read::manifest::Manifest,
};

/// The versions in which the cluster serves each kind, the preferred one first.
pub type Versions = BTreeMap<GroupKind, Vec<String>>;

/// The minor version of Kubernetes that is assumed without a cluster: 1.36.
pub const NEWEST_MINOR: u32 = 36;

/// A version of some kinds that Kubernetes no longer serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemovedVersion {
    /// The API group.
    pub group: &'static str,
    /// The version that was removed, such as `v1beta1`.
    pub version: &'static str,
    /// The kinds that this version of the group served.
    pub kinds: &'static [&'static str],
    /// The first minor version of Kubernetes 1 that doesn't serve it.
    pub removed_in: u32,
    /// The `apiVersion` that replaces it, if there is one.
    pub replacement: Option<&'static str>,
}

const fn removed_version(
    group: &'static str,
    version: &'static str,
    kinds: &'static [&'static str],
    removed_in: u32,
    instead: &'static str,
) -> RemovedVersion {
    RemovedVersion {
        group,
        version,
        kinds,
        removed_in,
        replacement: if instead.is_empty() { None } else { Some(instead) },
    }
}

const WORKLOADS: &[&str] = &["DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"];
const ROLES: &[&str] = &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"];
const WEBHOOKS: &[&str] = &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"];
const REVIEWS: &[&str] = &[
    "LocalSubjectAccessReview",
    "SelfSubjectAccessReview",
    "SelfSubjectRulesReview",
    "SubjectAccessReview",
];
const STORAGE: &[&str] = &["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"];
const FLOWS: &[&str] = &["FlowSchema", "PriorityLevelConfiguration"];
const FLOW_GROUP: &str = "flowcontrol.apiserver.k8s.io";
const FLOW_V1: &str = "flowcontrol.apiserver.k8s.io/v1";
const RBAC_GROUP: &str = "rbac.authorization.k8s.io";
const RBAC_V1: &str = "rbac.authorization.k8s.io/v1";

/// The removed versions (<https://kubernetes.io/docs/reference/using-api/deprecation-guide/>).
pub const REMOVED_VERSIONS: &[RemovedVersion] = &[
    removed_version("extensions", "v1beta1", WORKLOADS, 16, "apps/v1"),
    removed_version("extensions", "v1beta1", &["NetworkPolicy"], 16, "networking.k8s.io/v1"),
    removed_version("extensions", "v1beta1", &["PodSecurityPolicy"], 16, ""),
    removed_version("extensions", "v1beta1", &["Ingress"], 22, "networking.k8s.io/v1"),
    removed_version("apps", "v1beta1", WORKLOADS, 16, "apps/v1"),
    removed_version("apps", "v1beta2", WORKLOADS, 16, "apps/v1"),
    removed_version("batch", "v2alpha1", &["CronJob"], 21, "batch/v1"),
    removed_version(
        "admissionregistration.k8s.io",
        "v1beta1",
        WEBHOOKS,
        22,
        "admissionregistration.k8s.io/v1",
    ),
    removed_version(
        "apiextensions.k8s.io",
        "v1beta1",
        &["CustomResourceDefinition"],
        22,
        "apiextensions.k8s.io/v1",
    ),
    removed_version(
        "apiregistration.k8s.io",
        "v1beta1",
        &["APIService"],
        22,
        "apiregistration.k8s.io/v1",
    ),
    removed_version(
        "authentication.k8s.io",
        "v1beta1",
        &["TokenReview"],
        22,
        "authentication.k8s.io/v1",
    ),
    removed_version(
        "authorization.k8s.io",
        "v1beta1",
        REVIEWS,
        22,
        "authorization.k8s.io/v1",
    ),
    removed_version(
        "certificates.k8s.io",
        "v1beta1",
        &["CertificateSigningRequest"],
        22,
        "certificates.k8s.io/v1",
    ),
    removed_version(
        "coordination.k8s.io",
        "v1beta1",
        &["Lease"],
        22,
        "coordination.k8s.io/v1",
    ),
    removed_version(
        "networking.k8s.io",
        "v1beta1",
        &["Ingress", "IngressClass"],
        22,
        "networking.k8s.io/v1",
    ),
    removed_version(RBAC_GROUP, "v1alpha1", ROLES, 22, RBAC_V1),
    removed_version(RBAC_GROUP, "v1beta1", ROLES, 22, RBAC_V1),
    removed_version(
        "scheduling.k8s.io",
        "v1alpha1",
        &["PriorityClass"],
        22,
        "scheduling.k8s.io/v1",
    ),
    removed_version(
        "scheduling.k8s.io",
        "v1beta1",
        &["PriorityClass"],
        22,
        "scheduling.k8s.io/v1",
    ),
    removed_version("storage.k8s.io", "v1beta1", STORAGE, 22, "storage.k8s.io/v1"),
    removed_version("batch", "v1beta1", &["CronJob"], 25, "batch/v1"),
    removed_version(
        "discovery.k8s.io",
        "v1beta1",
        &["EndpointSlice"],
        25,
        "discovery.k8s.io/v1",
    ),
    removed_version("events.k8s.io", "v1beta1", &["Event"], 25, "events.k8s.io/v1"),
    removed_version(
        "autoscaling",
        "v2beta1",
        &["HorizontalPodAutoscaler"],
        25,
        "autoscaling/v2",
    ),
    removed_version("policy", "v1beta1", &["PodDisruptionBudget"], 25, "policy/v1"),
    removed_version("policy", "v1beta1", &["PodSecurityPolicy"], 25, ""),
    removed_version("node.k8s.io", "v1beta1", &["RuntimeClass"], 25, "node.k8s.io/v1"),
    removed_version(FLOW_GROUP, "v1beta1", FLOWS, 26, FLOW_V1),
    removed_version(
        "autoscaling",
        "v2beta2",
        &["HorizontalPodAutoscaler"],
        26,
        "autoscaling/v2",
    ),
    removed_version(
        "storage.k8s.io",
        "v1beta1",
        &["CSIStorageCapacity"],
        27,
        "storage.k8s.io/v1",
    ),
    removed_version(FLOW_GROUP, "v1beta2", FLOWS, 29, FLOW_V1),
    removed_version(FLOW_GROUP, "v1beta3", FLOWS, 32, FLOW_V1),
];

impl RemovedVersion {
    /// Returns a hint for the user.
    pub fn hint(&self) -> String {
        match self.replacement {
            Some(instead) => format!(
                "Kubernetes 1.{} removed it; write `apiVersion: {instead}`, and look whether its fields differ",
                self.removed_in
            ),
            None => format!("Kubernetes 1.{} removed it without a replacement", self.removed_in),
        }
    }
}

/// Returns the removed version that an object uses, if it does.
pub fn find_removed(object: &Object) -> Option<&'static RemovedVersion> {
    let (group, version, kind) = (object.group(), object.version(), object.kind());
    REMOVED_VERSIONS
        .iter()
        .find(|row| row.group == group && row.version == version && row.kinds.contains(&kind))
}

/// Parses the minor version of Kubernetes 1: `1.30`, `v1.30.2`, `v1.30.2+k3s1`.
pub fn parse_minor(version: &str) -> Option<u32> {
    let rest = version.strip_prefix('v').unwrap_or(version).strip_prefix("1.")?;
    let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}

/// Returns a mistake for each manifest in a version that neither the cluster nor a definition of the set serves. If the set has the kind's
/// definition, only that counts, because it is applied before the kind's objects.
pub fn check_versions<'set>(
    manifests: impl Iterator<Item = &'set Manifest> + Clone,
    served: &Versions,
) -> Vec<Diagnostic> {
    let own: BTreeMap<GroupKind, (Vec<String>, &Manifest)> = manifests.clone().filter_map(defined_versions).collect();
    manifests
        .filter_map(|manifest| {
            let object = &manifest.object;
            let kind = object.group_kind();
            let (versions, whose) = match own.get(&kind) {
                Some((versions, definition)) => (versions, format!("{} in this set", definition.key().kind_and_name())),
                None => (served.get(&kind)?, "the cluster".to_owned()),
            };
            if versions.is_empty() || versions.iter().any(|version| version == object.version()) {
                return None;
            }
            let named: Vec<String> = versions
                .iter()
                .map(|version| api_version(&kind.group, version))
                .collect();
            let requested = api_version(&kind.group, object.version());
            let message = format!(
                "{whose} doesn't serve {} as {requested}, only as {}",
                kind.kind,
                named.join(", ")
            );
            let hint = find_removed(object).map_or_else(
                || {
                    let first = named.first().map_or("", String::as_str);
                    format!("write `apiVersion: {first}`, and look whether its fields differ")
                },
                RemovedVersion::hint,
            );
            Some(manifest.error("/apiVersion", message).hint(hint))
        })
        .collect()
}

fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    }
}

/// Returns the kind that a definition defines, and its served versions.
fn defined_versions(manifest: &Manifest) -> Option<(GroupKind, (Vec<String>, &Manifest))> {
    let object = &manifest.object;
    if object.kind() != "CustomResourceDefinition" || object.group() != "apiextensions.k8s.io" {
        return None;
    }
    let kind = GroupKind::new(object.text("/spec/group")?, object.text("/spec/names/kind")?);
    let versions = object.0.pointer("/spec/versions")?.as_array()?;
    let served = versions
        .iter()
        .filter(|version| version.get("served").and_then(serde_json::Value::as_bool) != Some(false))
        .filter_map(|version| Some(version.get("name")?.as_str()?.to_owned()));
    Some((kind, (served.collect(), manifest)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::manifest;

    fn mistakes(text: &str, served: &[(&str, &str, &[&str])]) -> Vec<String> {
        let manifests = manifest::decode("set.yaml", text).unwrap_or_else(|errors| panic!("{errors:?}"));
        let served = served
            .iter()
            .map(|(group, kind, versions)| {
                let versions = versions.iter().map(|version| (*version).to_owned()).collect();
                (GroupKind::new(*group, *kind), versions)
            })
            .collect();
        check_versions(manifests.iter(), &served)
            .into_iter()
            .map(|error| format!("{} ({})", error.message, error.hint.shown()))
            .collect()
    }

    const SCALER: &str = "{apiVersion: autoscaling/v2beta2, kind: HorizontalPodAutoscaler, metadata: {name: web}}";

    #[test]
    fn a_version_that_is_gone_is_a_mistake_with_the_one_that_took_its_place() {
        let served: &[(&str, &str, &[&str])] = &[("autoscaling", "HorizontalPodAutoscaler", &["v2", "v1"])];
        assert_eq!(
            mistakes(SCALER, served),
            [
                "the cluster doesn't serve HorizontalPodAutoscaler as autoscaling/v2beta2, only as autoscaling/v2, autoscaling/v1 \
                 (Kubernetes 1.26 removed it; write `apiVersion: autoscaling/v2`, and look whether its fields differ)"
            ]
        );
        let old: &[(&str, &str, &[&str])] = &[("autoscaling", "HorizontalPodAutoscaler", &["v2beta2"])];
        assert!(mistakes(SCALER, old).is_empty());
        assert!(
            mistakes(SCALER, &[]).is_empty(),
            "what the cluster doesn't know at all is told elsewhere"
        );
    }

    #[test]
    fn a_definition_of_the_set_says_what_is_served() {
        let set = |versions: &str| {
            format!(
                "{{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {{name: things.example.com}}, \
                 spec: {{group: example.com, names: {{kind: Thing}}, versions: [{versions}]}}}}\n---\n\
                 {{apiVersion: example.com/v1, kind: Thing, metadata: {{name: one}}}}"
            )
        };
        assert!(
            mistakes(
                &set("{name: v1, served: true}"),
                &[("example.com", "Thing", &["v1beta1"])]
            )
            .is_empty()
        );
        for versions in [
            "{name: v2, served: true}",
            "{name: v2, served: true}, {name: v1, served: false}",
        ] {
            assert_eq!(
                mistakes(&set(versions), &[("example.com", "Thing", &["v1"])]),
                [
                    "CustomResourceDefinition/things.example.com in this set doesn't serve Thing as example.com/v1, only as example.com/v2 \
                     (write `apiVersion: example.com/v2`, and look whether its fields differ)"
                ]
            );
        }
        assert!(mistakes(&set(""), &[]).is_empty());
    }

    #[test]
    fn versions_of_kubernetes_are_read() {
        for (text, read) in [
            ("1.30", Some(30)),
            ("v1.30.2", Some(30)),
            ("v1.30.2+k3s1", Some(30)),
            ("1.30-gke", Some(30)),
            ("2.1", None),
            ("1", None),
            ("1.x", None),
            ("", None),
        ] {
            assert_eq!(parse_minor(text), read, "{text}");
        }
    }

    #[test]
    fn no_version_is_in_the_table_twice_and_none_takes_the_place_of_itself() {
        let mut all = Vec::new();
        for row in REMOVED_VERSIONS {
            let own = format!("{}/{}", row.group, row.version);
            assert_ne!(row.replacement, Some(own.as_str()));
            assert!(row.removed_in <= NEWEST_MINOR, "{own}");
            all.extend(row.kinds.iter().map(|kind| (row.group, row.version, *kind)));
        }
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
