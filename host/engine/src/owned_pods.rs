//! Finds the pods that an object owns, by the UIDs in owner references. Labels alone don't prove that: others may have the same.

use std::collections::BTreeMap;

use capstan_core::{
    kubernetes::{finalizer, pod_problems},
    model::{
        object::{GroupKind, Object},
        related::{self, MissingMount, OwnerReference, RelatedResult},
    },
};

use crate::{cluster::Cluster, error::ClusterError};

/// Decides whether an object owns a pod.
pub(crate) struct PodOwnership {
    uid: String,
    /// The kind between the object and its pods (ReplicaSet for a Deployment), if there is one.
    intermediate_kind: Option<GroupKind>,
    /// By the UID of an intermediate object, whether the object owns that.
    intermediates: BTreeMap<String, bool>,
}

impl PodOwnership {
    pub fn of_object(object: &Object) -> PodOwnership {
        let between = match (object.group(), object.kind()) {
            ("apps", "Deployment") => Some(GroupKind::new("apps", "ReplicaSet")),
            ("batch", "CronJob") => Some(GroupKind::new("batch", "Job")),
            _ => None,
        };
        PodOwnership {
            uid: object.uid().to_owned(),
            intermediate_kind: between,
            intermediates: BTreeMap::new(),
        }
    }

    /// Says whether the object owns this pod, itself or through an intermediate object.
    pub async fn owns_pod(&mut self, cluster: &Cluster, pod: &Object) -> Result<bool, ClusterError> {
        let Some(owner) = related::owner(pod) else {
            return Ok(false);
        };
        if self.intermediate_kind.is_none() || owner.uid == self.uid {
            return Ok(owner.uid == self.uid);
        }
        if self.intermediate_kind.as_ref() != Some(&owner.key.group_kind()) {
            return Ok(false);
        }
        if let Some(known) = self.intermediates.get(&owner.uid) {
            return Ok(*known);
        }
        let is_ours = self.owns_intermediate(cluster, &owner).await?;
        self.intermediates.insert(owner.uid, is_ours);
        Ok(is_ours)
    }

    async fn owns_intermediate(&self, cluster: &Cluster, between: &OwnerReference) -> Result<bool, ClusterError> {
        let Some(found) = cluster.get(&between.key).await? else {
            return Ok(false);
        };
        let is_it = found.uid() == between.uid;
        Ok(is_it && related::owner(&found).is_some_and(|owner| owner.uid == self.uid))
    }
}

/// Reads the pods that an object owns.
pub(crate) async fn owned_pods(cluster: &Cluster, object: &Object) -> RelatedResult {
    match read_pods(cluster, object).await {
        Ok((pods, missing)) => RelatedResult::pods(&pods, missing),
        Err(error) => RelatedResult::refused(error.to_string()),
    }
}

async fn read_pods(cluster: &Cluster, object: &Object) -> Result<(Vec<Object>, Vec<MissingMount>), ClusterError> {
    let kind = GroupKind::new("", "Pod");
    // Without a selector, all pods of the namespace are listed.
    let selector = pod_problems::pod_selector(object).unwrap_or_default();
    let mut owned = PodOwnership::of_object(object);
    let (mut found, mut lacks) = (Vec::new(), Vec::new());
    for pod in cluster.list(&kind, object.namespace(), &selector).await? {
        if owned.owns_pod(cluster, &pod).await? {
            lacks.extend(missing_mount(cluster, &pod).await);
            found.push(related::pod_status(&pod));
        }
    }
    Ok((found, lacks))
}

/// Returns what holds up the deletion of the first pod that an object owns and that is being deleted; `None` when nothing is known.
pub(crate) async fn deletion_blocker(cluster: &Cluster, object: &Object) -> Option<String> {
    let kind = GroupKind::new("", "Pod");
    let selector = pod_problems::pod_selector(object)?;
    let mut owned = PodOwnership::of_object(object);
    for pod in cluster.list(&kind, object.namespace(), &selector).await.ok()? {
        if let Some(why) = finalizer::deletion_blocker(&pod)
            && owned.owns_pod(cluster, &pod).await.ok()?
        {
            return Some(format!("pod {}: {why}", pod.name()));
        }
    }
    None
}

/// Finds a volume's source that a pod mounts and that doesn't exist.
pub(crate) async fn missing_mount(cluster: &Cluster, pod: &Object) -> Option<MissingMount> {
    for key in pod_problems::mounted_objects(pod) {
        if matches!(cluster.get(&key).await, Ok(None)) {
            return Some(MissingMount {
                pod: pod.name().to_owned(),
                kind: key.kind,
                name: key.name,
            });
        }
    }
    None
}
