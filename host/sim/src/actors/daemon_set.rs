//! The DaemonSet controller: one pod on each node, and there is one node.

use serde_json::{Value, json};

use super::{
    Actions, ClusterView,
    access::{is_terminating, number, short_hash, status_of, text},
    template::{self, available_at, is_terminal, set_field, set_metadata_entry},
};
use crate::store::Propagation;

const REVISION: &str = "controller-revision-hash";

pub(crate) fn reconcile(sight: &ClusterView<'_>) -> Actions {
    let mut turn = Actions::default();
    for set in sight.list("apps", "DaemonSet") {
        if !is_terminating(set) {
            run(sight, &mut turn, set);
        }
    }
    turn
}

fn run(sight: &ClusterView<'_>, turn: &mut Actions, set: &Value) {
    let revision = short_hash(set.pointer("/spec/template").unwrap_or(&Value::Null));
    let is_updated = |pod: &Value| text(pod, "/metadata/labels/controller-revision-hash") == revision;
    let pods = sight.controlled("", "Pod", set);
    let present = pods.first().copied();
    match present {
        None => {
            if let Some(pod) = pod(sight, set, &revision) {
                turn.create(pod);
            }
        }
        Some(pod) if is_terminating(pod) => {}
        // A pod that ended is replaced, and so is one of an old template unless that is left to the user.
        Some(pod) if is_terminal(pod) => turn.delete(pod, Propagation::Background, None),
        Some(pod) if !is_updated(pod) && text(set, "/spec/updateStrategy/type") != "OnDelete" => {
            turn.delete(pod, Propagation::Background, None);
        }
        Some(_) => {}
    }
    let live = present.filter(|pod| !is_terminating(pod));
    let ready = live.is_some_and(|pod| template::ready_since(pod).is_some());
    let available = live
        .and_then(|pod| available_at(pod, number(set, "/spec/minReadySeconds").unwrap_or(0)))
        .is_some_and(|at| {
            if at > sight.now {
                turn.wake_by(at);
            }
            at <= sight.now
        });
    let mut status = status_of(set);
    for (field, number) in [
        ("observedGeneration", number(set, "/metadata/generation").unwrap_or(1)),
        ("currentNumberScheduled", i64::from(live.is_some())),
        ("desiredNumberScheduled", 1),
        ("numberMisscheduled", 0),
        ("numberReady", i64::from(ready)),
        ("numberAvailable", i64::from(available)),
        ("numberUnavailable", i64::from(!available)),
        ("updatedNumberScheduled", i64::from(live.is_some_and(is_updated))),
    ] {
        let optional = matches!(
            field,
            "numberAvailable" | "numberUnavailable" | "updatedNumberScheduled"
        );
        if number == 0 && optional {
            status.remove(field);
        } else {
            status.insert(field.into(), json!(number));
        }
    }
    turn.status(set, status);
}

fn pod(sight: &ClusterView<'_>, set: &Value, revision: &str) -> Option<Value> {
    let mut pod = template::pod(sight, set)?;
    set_metadata_entry(&mut pod, "labels", REVISION, revision);
    // The real controller pins its pods by node affinity; here there is nothing else to choose.
    set_field(pod.get_mut("spec")?, "nodeName", json!(sight.node));
    Some(pod)
}
