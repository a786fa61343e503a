//! The disruption controller: how many pods of a `PodDisruptionBudget` may be evicted.
//!
//! Rules, reasons and messages: `pkg/controller/disruption/disruption.go` of Kubernetes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    Actions, ClusterView,
    access::{
        controller, int_or_percent, is_condition, is_matched, is_terminating, namespace, number, status_of, text, uid,
    },
    condition::{self, ConditionUpdate},
    template,
};

use crate::status::qualified_resource;

pub(crate) fn reconcile(sight: &ClusterView<'_>) -> Actions {
    let mut turn = Actions::default();
    for budget in sight.list("policy", "PodDisruptionBudget") {
        if !is_terminating(budget) {
            run(sight, &mut turn, budget);
        }
    }
    turn
}

fn run(sight: &ClusterView<'_>, turn: &mut Actions, budget: &Value) {
    let selector = budget.pointer("/spec/selector").filter(|selector| selector.is_object());
    let mut pods = sight.list("", "Pod");
    pods.retain(|pod| {
        namespace(pod) == namespace(budget)
            && !template::is_terminal(pod)
            && selector.is_some_and(|selector| is_matched(pod, selector))
    });
    let mut status = status_of(budget);
    let generation = number(budget, "/metadata/generation").unwrap_or(1);
    status.insert("observedGeneration".into(), json!(generation));
    let (expected, desired) = match expected_pods(sight, budget, &pods) {
        Ok(numbers) => numbers,
        Err(why) => {
            status.insert("disruptionsAllowed".into(), json!(0));
            let update = ConditionUpdate {
                kind: "DisruptionAllowed",
                is_true: false,
                reason: "SyncFailed",
                message: &why,
            };
            condition::set(&mut status, update, None, sight.now);
            turn.status(budget, status);
            return;
        }
    };
    let is_healthy = |pod: &&&Value| !is_terminating(pod) && is_condition(pod, "Ready");
    let healthy = i64::try_from(pods.iter().filter(is_healthy).count()).unwrap_or(i64::MAX);
    let allowed = if expected == 0 { 0 } else { (healthy - desired).max(0) };
    for (field, count) in [
        ("currentHealthy", healthy),
        ("desiredHealthy", desired),
        ("expectedPods", expected),
        ("disruptionsAllowed", allowed),
    ] {
        status.insert(field.into(), json!(count));
    }
    let update = ConditionUpdate {
        kind: "DisruptionAllowed",
        is_true: allowed > 0,
        reason: if allowed > 0 {
            "SufficientPods"
        } else {
            "InsufficientPods"
        },
        message: "",
    };
    condition::set(&mut status, update, None, sight.now);
    turn.status(budget, status);
}

/// Returns the number of expected pods, and how many of them have to be healthy.
fn expected_pods(sight: &ClusterView<'_>, budget: &Value, pods: &[&Value]) -> Result<(i64, i64), String> {
    let found = i64::try_from(pods.len()).unwrap_or(i64::MAX);
    let least = budget.pointer("/spec/minAvailable").filter(|value| !value.is_null());
    let most = budget.pointer("/spec/maxUnavailable").filter(|value| !value.is_null());
    match (least, most) {
        (_, Some(most)) => {
            let expected = scale_of(sight, pods)?;
            Ok((
                expected,
                (expected - int_or_percent(Some(most), expected, true, "0")).max(0),
            ))
        }
        (Some(least @ Value::String(_)), None) => {
            let expected = scale_of(sight, pods)?;
            Ok((expected, int_or_percent(Some(least), expected, true, "0")))
        }
        (Some(least), None) => Ok((found, least.as_i64().unwrap_or(0))),
        (None, None) => Ok((found, 0)),
    }
}

/// Returns the sum of the replicas of these pods' controllers. Pods without a controller don't count.
fn scale_of(sight: &ClusterView<'_>, pods: &[&Value]) -> Result<i64, String> {
    let mut scales: BTreeMap<&str, i64> = BTreeMap::new();
    for pod in pods {
        let Some(mut owner) = owner(sight, pod) else { continue };
        if text(owner, "/kind") == "ReplicaSet"
            && let Some(deployment) = self::owner(sight, owner)
        {
            owner = deployment;
        }
        let kind = super::kind_of(owner);
        let resource = sight.store.resource(&kind);
        let scale = resource.and_then(|resource| resource.version(&resource.storage)?.scale.as_ref());
        let Some(scale) = scale else {
            let plural = resource.map_or("", |resource| resource.plural.as_str());
            let qualified = qualified_resource(plural, &kind.group);
            return Err(format!("{qualified} does not implement the scale subresource"));
        };
        let replicas_pointer = format!("/{}", scale.replicas_path.replace('.', "/"));
        scales.insert(uid(owner), number(owner, &replicas_pointer).unwrap_or(1));
    }
    Ok(scales.values().sum())
}

/// Returns the controller of an object, if it exists.
fn owner<'a>(sight: &ClusterView<'a>, object: &Value) -> Option<&'a Value> {
    let reference = controller(object)?;
    let kind = super::kind_of(reference);
    let found = sight
        .store
        .get(&kind, namespace(object), text(reference, "/name"))
        .or_else(|| sight.store.get(&kind, "", text(reference, "/name")))?;
    (uid(found) == text(reference, "/uid")).then_some(found)
}
