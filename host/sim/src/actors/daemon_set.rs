//! The DaemonSet controller: one pod on each node, and there is one node.

use serde_json::{Value, json};

use super::{
    ClusterView, Turn,
    look::{digest, is_going, number, status_of, text},
    template::{self, available_at, is_terminal, mark, put},
};
use crate::store::Propagation;

const REVISION: &str = "controller-revision-hash";

pub(crate) fn tick(sight: &ClusterView<'_>) -> Turn {
    let mut turn = Turn::default();
    for set in sight.list("apps", "DaemonSet") {
        if !is_going(set) {
            run(sight, &mut turn, set);
        }
    }
    turn
}

fn run(sight: &ClusterView<'_>, turn: &mut Turn, set: &Value) {
    let revision = digest(set.pointer("/spec/template").unwrap_or(&Value::Null));
    let is_updated = |pod: &Value| text(pod, "/metadata/labels/controller-revision-hash") == revision;
    let pods = sight.controlled("", "Pod", set);
    let present = pods.first().copied();
    match present {
        None => {
            if let Some(pod) = pod(sight, set, &revision) {
                turn.create(pod);
            }
        }
        Some(pod) if is_going(pod) => {}
        // A pod that ended is replaced, and so is one of an old template unless that is left to the user.
        Some(pod) if is_terminal(pod) => turn.delete(pod, Propagation::Background, None),
        Some(pod) if !is_updated(pod) && text(set, "/spec/updateStrategy/type") != "OnDelete" => {
            turn.delete(pod, Propagation::Background, None);
        }
        Some(_) => {}
    }
    let live = present.filter(|pod| !is_going(pod));
    let ready = live.is_some_and(|pod| template::ready_since(pod).is_some());
    let available = live
        .and_then(|pod| available_at(pod, number(set, "/spec/minReadySeconds").unwrap_or(0)))
        .is_some_and(|at| {
            if at > sight.now {
                turn.wake(at);
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
    mark(&mut pod, "labels", REVISION, revision);
    // The real controller pins its pods by node affinity; here there is nothing else to choose.
    put(pod.get_mut("spec")?, "nodeName", json!(sight.node));
    Some(pod)
}
