//! The protection controllers of storage: a deleted claim or volume keeps its finalizer while it is used. The API server here doesn't add
//! these finalizers, but manifests may contain them, for example exported ones.

use serde_json::Value;

use super::{
    Actions, ClusterView,
    access::{has_finalizer, is_terminating, items, name, namespace, text},
    template,
};

const CLAIM: &str = "kubernetes.io/pvc-protection";
const VOLUME: &str = "kubernetes.io/pv-protection";

pub(crate) fn reconcile(sight: &ClusterView<'_>) -> Actions {
    let mut turn = Actions::default();
    for claim in sight.list("", "PersistentVolumeClaim") {
        if is_terminating(claim) && has_finalizer(claim, CLAIM) && !is_used(sight, claim) {
            turn.remove_finalizer(claim, CLAIM);
        }
    }
    for volume in sight.list("", "PersistentVolume") {
        if is_terminating(volume) && has_finalizer(volume, VOLUME) && text(volume, "/status/phase") != "Bound" {
            turn.remove_finalizer(volume, VOLUME);
        }
    }
    turn
}

/// Says whether a pod that hasn't ended uses a claim.
fn is_used(sight: &ClusterView<'_>, claim: &Value) -> bool {
    sight.list("", "Pod").into_iter().any(|pod| {
        let mut volumes = items(pod, "/spec/volumes").iter();
        namespace(pod) == namespace(claim)
            && !template::is_terminal(pod)
            && volumes.any(|volume| text(volume, "/persistentVolumeClaim/claimName") == name(claim))
    })
}
