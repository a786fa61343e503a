//! What every object has: who it is, and whether it is going.

use capstan_sdk::{Assessment, Mode};
use serde::Deserialize;

/// The part of any object that is always visible, and its finalizers.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Any {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    deletion_timestamp: Option<String>,
    finalizers: Option<Vec<String>>,
}

/// What Argo CD puts on its hooks: one that carries it is judged though it is going.
const HOOK_FINALIZER: &str = "argocd.argoproj.io/hook-finalizer";

impl Any {
    /// Returns the group and kind as people write them: `Widget.acme.io`, `ConfigMap`.
    pub fn kind(&self) -> String {
        match self.group() {
            "" => self.kind.clone(),
            group => format!("{}.{group}", self.kind),
        }
    }

    /// Returns the kind without its group.
    pub fn bare_kind(&self) -> &str {
        &self.kind
    }

    /// Returns the API group, empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// Says whether it is being deleted, as far as that counts.
    pub fn is_going(&self, mode: Mode) -> bool {
        let finalizers = self.metadata.finalizers.as_deref().unwrap_or_default();
        let is_argos_hook = mode == Mode::ArgoCd && finalizers.iter().any(|name| name == HOOK_FINALIZER);
        self.metadata.deletion_timestamp.is_some() && !is_argos_hook
    }

    /// Says why Argo CD doesn't judge it: it knows some kinds in some versions only.
    pub fn unknown_version(&self, claim: &str) -> Option<Assessment> {
        let known: &[&str] = match claim {
            "apps/Deployment" | "apps/StatefulSet" | "apps/DaemonSet" | "apps/ReplicaSet" => &["apps/v1"],
            "Pod" | "PersistentVolumeClaim" | "Service" => &["v1"],
            "autoscaling/HorizontalPodAutoscaler" => &["autoscaling/v1", "autoscaling/v2"],
            "apiregistration.k8s.io/APIService" => &["apiregistration.k8s.io/v1", "apiregistration.k8s.io/v1beta1"],
            _ => return None,
        };
        let message = format!("there is no check for version {}", self.api_version);
        (!known.contains(&&*self.api_version)).then(|| Assessment::unknown("version", message))
    }
}

/// The answer about an object that is being deleted: nothing more is to be expected of it.
pub fn being_deleted() -> Assessment {
    Assessment::progressing("deletion", "being deleted")
}

#[cfg(test)]
mod tests {
    use capstan_sdk::{Assessment, HealthStatus};
    use serde_json::json;

    use crate::cases::{argocd, native};

    const LEAVING: &str = "2026-01-01T00:00:00Z";

    #[test]
    fn an_object_that_is_being_deleted_is_never_healthy() {
        let leaving = json!({"metadata": {"deletionTimestamp": LEAVING}, "status": {"phase": "Active"}});
        for claim in [
            "*/*",
            "apps/Deployment",
            "apps/StatefulSet",
            "Pod",
            "Service",
            "Namespace",
            "PersistentVolumeClaim",
            "batch/CronJob",
        ] {
            let expected = Assessment::progressing("deletion", "being deleted");
            assert_eq!(native(claim, &leaving), expected, "{claim}");
            assert_eq!(argocd(claim, &leaving), expected, "{claim}");
        }
    }

    #[test]
    fn argo_cd_judges_a_hook_that_its_finalizer_keeps() {
        let metadata = json!({"deletionTimestamp": LEAVING, "finalizers": ["argocd.argoproj.io/hook-finalizer"]});
        let object = json!({"metadata": metadata, "status": {"phase": "Bound"}});
        assert_eq!(argocd("PersistentVolumeClaim", &object).status, HealthStatus::Healthy);
        assert_eq!(
            native("PersistentVolumeClaim", &object).status,
            HealthStatus::Progressing
        );
    }

    #[test]
    fn argo_cd_knows_some_kinds_in_some_versions_only() {
        for (claim, version) in [
            ("apps/Deployment", "apps/v1beta2"),
            ("apps/StatefulSet", "apps/v1beta1"),
            ("apps/DaemonSet", "apps/v1beta2"),
            ("apps/ReplicaSet", "apps/v1beta2"),
            ("Pod", "v2"),
            ("Service", "v2"),
            ("PersistentVolumeClaim", "v2"),
            ("autoscaling/HorizontalPodAutoscaler", "autoscaling/v2beta2"),
            ("apiregistration.k8s.io/APIService", "apiregistration.k8s.io/v2"),
        ] {
            let object = json!({"apiVersion": version});
            let message = format!("there is no check for version {version}");
            assert_eq!(argocd(claim, &object), Assessment::unknown("version", message));
            assert_ne!(native(claim, &object).rule, "version", "{claim}");
        }
    }
}
