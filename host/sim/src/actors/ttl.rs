//! The TTL-after-finished controller: deletes a Job `ttlSecondsAfterFinished` after it finished.

use serde_json::Value;

use super::{
    Actions, ClusterView,
    access::{condition, is_terminating, number, plus_seconds, text, timestamp},
};
use crate::store::Propagation;

pub(crate) fn reconcile(sight: &ClusterView<'_>) -> Actions {
    let mut turn = Actions::default();
    for job in sight.list("batch", "Job") {
        let Some(seconds) = number(job, "/spec/ttlSecondsAfterFinished") else {
            continue;
        };
        let Some(finished) = finished_at(job) else { continue };
        let expires = plus_seconds(finished, seconds);
        if is_terminating(job) {
            continue;
        }
        if sight.now < expires {
            turn.wake_by(expires);
        } else {
            // `processJob` of k8s.io/kubernetes/pkg/controller/ttlafterfinished deletes in the foreground.
            turn.delete(job, Propagation::Foreground, None);
        }
    }
    turn
}

/// Returns when a Job finished: the last transition of its `Complete` or `Failed` condition.
fn finished_at(job: &Value) -> Option<jiff::Timestamp> {
    ["Complete", "Failed"]
        .iter()
        .filter_map(|kind| condition(job, kind))
        .find(|condition| text(condition, "/status") == "True")
        .and_then(|condition| timestamp(condition, "/lastTransitionTime"))
}
