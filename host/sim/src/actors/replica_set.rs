//! The ReplicaSet controller, which also manages each `ReplicationController`: it keeps the desired number of pods of one template.

use serde_json::{Value, json};

use super::{
    Actions, ClusterView,
    access::{is_condition, name, number, status_of, uid},
    template::{self, available_at, is_active, ready_since},
};
use crate::store::Propagation;

pub(crate) fn reconcile(sight: &ClusterView<'_>) -> Actions {
    let mut turn = Actions::default();
    for (group, kind) in [("apps", "ReplicaSet"), ("", "ReplicationController")] {
        for set in sight.list(group, kind) {
            run(sight, &mut turn, set);
        }
    }
    turn
}

fn run(sight: &ClusterView<'_>, turn: &mut Actions, set: &Value) {
    let desired = usize::try_from(number(set, "/spec/replicas").unwrap_or(1)).unwrap_or(0);
    let minimum = number(set, "/spec/minReadySeconds").unwrap_or(0);
    let mut pods = sight.controlled("", "Pod", set);
    pods.retain(|pod| is_active(pod));
    if !super::access::is_terminating(set) {
        for _ in pods.len()..desired {
            let Some(pod) = template::pod(sight, set) else { break };
            turn.create(pod);
        }
        for pod in surplus(&pods, desired) {
            turn.delete(pod, Propagation::Background, None);
        }
    }
    let mut available = 0;
    for at in pods.iter().filter_map(|pod| available_at(pod, minimum)) {
        if at <= sight.now {
            available += 1;
        } else {
            turn.wake_by(at);
        }
    }
    let mut status = status_of(set);
    status.insert(
        "observedGeneration".into(),
        json!(number(set, "/metadata/generation").unwrap_or(1)),
    );
    let ready = pods.iter().filter(|pod| is_condition(pod, "Ready")).count();
    status.insert("replicas".into(), json!(pods.len()));
    for (field, number) in [
        ("fullyLabeledReplicas", pods.len()),
        ("readyReplicas", ready),
        ("availableReplicas", available),
    ] {
        if number == 0 {
            status.remove(field);
        } else {
            status.insert(field.into(), json!(number));
        }
    }
    turn.status(set, status);
}

/// Returns the pods to delete: those that aren't ready first, then the youngest.
fn surplus<'a>(pods: &[&'a Value], desired: usize) -> Vec<&'a Value> {
    let mut pods = pods.to_vec();
    pods.sort_by_key(|pod| {
        let created = super::access::text(pod, "/metadata/creationTimestamp");
        let ready = ready_since(pod);
        (
            ready.is_some(),
            std::cmp::Reverse((ready, created, name(pod), uid(pod))),
        )
    });
    pods.truncate(pods.len().saturating_sub(desired));
    pods
}
