//! The volume provisioner: binds claims at once, unless the scenario says otherwise or their storage class waits for the first pod that
//! uses them. It creates no volume object.

use serde_json::{Value, json};

use super::{
    Actions, ClusterView,
    access::{is_terminating, items, name, namespace, status_of, text, timestamp, uid},
    template::set_field,
};
use crate::{glob, span::Wait};

pub(crate) fn reconcile(sight: &ClusterView<'_>) -> Actions {
    let mut turn = Actions::default();
    for claim in sight.list("", "PersistentVolumeClaim") {
        if is_terminating(claim) {
            continue;
        }
        if text(claim, "/status/phase") == "Bound" {
            grow(&mut turn, claim);
        } else {
            run(sight, &mut turn, claim);
        }
    }
    turn
}

fn run(sight: &ClusterView<'_>, turn: &mut Actions, claim: &Value) {
    let mut status = status_of(claim);
    let scripted = sight
        .claims
        .iter()
        .find(|scripted| glob::matches(&scripted.name, name(claim)));
    let created = timestamp(claim, "/metadata/creationTimestamp").unwrap_or(sight.now);
    if waits_for_a_pod(sight, claim) {
        status.insert("phase".into(), json!("Pending"));
        turn.status(claim, status);
        return;
    }
    let binds = scripted.map_or(Some(created), |scripted| Wait::end_from(scripted.bind_after, created));
    if binds.is_none_or(|at| at > sight.now) {
        if let Some(at) = binds {
            turn.wake_by(at);
        }
        status.insert("phase".into(), json!("Pending"));
        turn.status(claim, status);
        return;
    }
    let mut bound = claim.clone();
    if let Some(spec) = bound.get_mut("spec")
        && text(claim, "/spec/volumeName").is_empty()
    {
        set_field(spec, "volumeName", json!(format!("pvc-{}", uid(claim))));
        turn.update(bound);
    }
    status.insert("phase".into(), json!("Bound"));
    status.insert(
        "accessModes".into(),
        claim.pointer("/spec/accessModes").cloned().unwrap_or_else(|| json!([])),
    );
    let capacity = claim
        .pointer("/spec/resources/requests")
        .cloned()
        .unwrap_or_else(|| json!({}));
    status.insert("capacity".into(), capacity);
    turn.status(claim, status);
}

/// Sets the capacity of a bound claim to the current request.
fn grow(turn: &mut Actions, claim: &Value) {
    let Some(requests) = claim.pointer("/spec/resources/requests") else {
        return;
    };
    if claim.pointer("/status/capacity") != Some(requests) {
        let mut status = status_of(claim);
        status.insert("capacity".into(), requests.clone());
        turn.status(claim, status);
    }
}

/// Says whether the claim's storage class waits for a pod that uses the claim, and there is none.
fn waits_for_a_pod(sight: &ClusterView<'_>, claim: &Value) -> bool {
    let class = sight.get(
        "storage.k8s.io",
        "StorageClass",
        "",
        text(claim, "/spec/storageClassName"),
    );
    let waits = class.is_some_and(|class| text(class, "/volumeBindingMode") == "WaitForFirstConsumer");
    let uses = |pod: &&Value| {
        let mut volumes = items(pod, "/spec/volumes").iter();
        namespace(pod) == namespace(claim)
            && volumes.any(|volume| text(volume, "/persistentVolumeClaim/claimName") == name(claim))
    };
    waits && !sight.list("", "Pod").iter().any(uses)
}
