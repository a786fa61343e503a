//! The controller of each `HorizontalPodAutoscaler`. Metrics aren't measured here: they count as being at their target, so that a target
//! is only scaled into the range between `minReplicas` and `maxReplicas`.
//!
//! Reasons and messages: `pkg/controller/podautoscaler/horizontal.go` of Kubernetes.

use serde_json::{Value, json};

use super::{
    Action, Actions, ClusterView,
    access::{format_timestamp, is_terminating, namespace, number, plus_seconds, status_of, text, timestamp},
    condition::{self, ConditionUpdate},
};
use crate::{kinds::Scale, status::qualified_resource};

/// The interval of the controller in seconds: `--horizontal-pod-autoscaler-sync-period`.
const SYNC_PERIOD_SECONDS: i64 = 15;

pub(crate) fn reconcile(sight: &ClusterView<'_>) -> Actions {
    let mut turn = Actions::default();
    for autoscaler in sight.list("autoscaling", "HorizontalPodAutoscaler") {
        if !is_terminating(autoscaler) {
            run(sight, &mut turn, autoscaler);
        }
    }
    turn
}

fn run(sight: &ClusterView<'_>, turn: &mut Actions, autoscaler: &Value) {
    let mut status = status_of(autoscaler);
    let mut update = |kind: &str, holds: bool, reason: &str, message: &str| {
        let update = ConditionUpdate {
            kind,
            is_true: holds,
            reason,
            message,
        };
        condition::set(&mut status, update, None, sight.now);
    };
    let (target, scale) = match scale_target(sight, autoscaler) {
        Ok(found) => found,
        Err(why) => {
            let message = format!("the HPA controller was unable to get the target's current scale: {why}");
            update("AbleToScale", false, "FailedGetScale", &message);
            turn.status(autoscaler, status);
            return;
        }
    };
    let count = |path: &str| number(target, &format!("/{}", path.replace('.', "/")));
    let current = count(&scale.replicas_path).unwrap_or(1);
    let least = number(autoscaler, "/spec/minReplicas").unwrap_or(1);
    let most = number(autoscaler, "/spec/maxReplicas").unwrap_or(least);
    let desired = if current == 0 { 0 } else { current.min(most).max(least) };
    let next_look = timestamp(autoscaler, "/status/lastScaleTime").map(|last| plus_seconds(last, SYNC_PERIOD_SECONDS));
    if desired != current && next_look.is_some_and(|at| at > sight.now) {
        turn.wake_at = [turn.wake_at, next_look].into_iter().flatten().min();
        return;
    }
    if current == 0 && least != 0 {
        let got = "the HPA controller was able to get the target's current scale";
        update("AbleToScale", true, "SucceededGetScale", got);
        let off = "scaling is disabled since the replica count of the target is zero";
        update("ScalingActive", false, "ScalingDisabled", off);
    } else if desired == current {
        let same = "recommended size matches current size";
        update("AbleToScale", true, "ReadyForNewScale", same);
        update("ScalingActive", true, "ValidMetricFound", &metric_found(autoscaler));
        let within = "the desired count is within the acceptable range";
        update("ScalingLimited", false, "DesiredWithinRange", within);
    } else {
        let done = format!("the HPA controller was able to update the target scale to {desired}");
        update("AbleToScale", true, "SucceededRescale", &done);
        let (reason, message) = if current > most {
            (
                "TooManyReplicas",
                "the desired replica count is more than the maximum replica count",
            )
        } else {
            (
                "TooFewReplicas",
                "the desired replica count is less than the minimum replica count",
            )
        };
        update("ScalingLimited", true, reason, message);
        status.insert("lastScaleTime".into(), json!(format_timestamp(sight.now)));
        turn.changes
            .push(Action::Scale(with_replicas(target, &scale.replicas_path, desired)));
    }
    status.insert(
        "currentReplicas".into(),
        json!(count(&scale.status_replicas_path).unwrap_or(0)),
    );
    status.insert("desiredReplicas".into(), json!(desired));
    turn.status(autoscaler, status);
}

/// Returns the scaled object and the paths of its numbers, or why it can't be scaled.
fn scale_target<'a>(sight: &ClusterView<'a>, autoscaler: &Value) -> Result<(&'a Value, Scale), String> {
    let reference = |field: &str| text(autoscaler, &format!("/spec/scaleTargetRef/{field}"));
    let (api_version, kind, name) = (reference("apiVersion"), reference("kind"), reference("name"));
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    let no_kind = || format!("no matches for kind \"{kind}\" in group \"{group}\"");
    let resource = sight
        .store
        .resource(&super::access::kind(group, kind))
        .ok_or_else(no_kind)?;
    let version = resource.version(version).ok_or_else(no_kind)?;
    let object = sight
        .get(group, kind, namespace(autoscaler), name)
        .ok_or_else(|| format!("{} \"{name}\" not found", qualified_resource(&resource.plural, group)))?;
    let scale = version.scale.clone();
    let scale = scale.ok_or_else(|| "the server could not find the requested resource".to_owned())?;
    Ok((object, scale))
}

fn metric_found(autoscaler: &Value) -> String {
    let metric = autoscaler.pointer("/spec/metrics/0").unwrap_or(&Value::Null);
    let what = match text(metric, "/type") {
        "Resource" if metric.pointer("/resource/target/averageUtilization").is_some() => {
            format!(
                "{} resource utilization (percentage of request)",
                text(metric, "/resource/name")
            )
        }
        "Resource" => format!("{} resource", text(metric, "/resource/name")),
        "External" => format!("external metric {}", text(metric, "/external/metric/name")),
        "Pods" => format!("pods metric {}", text(metric, "/pods/metric/name")),
        "Object" => format!("object metric {}", text(metric, "/object/metric/name")),
        _ => "its metrics".to_owned(),
    };
    format!("the HPA was able to successfully calculate a replica count from {what}")
}

fn with_replicas(target: &Value, path: &str, count: i64) -> Value {
    let mut object = target.clone();
    let mut at = &mut object;
    for part in path.split('.') {
        if !at.is_object() {
            *at = json!({});
        }
        at = &mut at[part];
    }
    *at = json!(count);
    object
}
