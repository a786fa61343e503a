//! Evictions, which disruption budgets may refuse (`pkg/registry/core/pod/storage/eviction.go`).

use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::{ObjectRequest, Target, body, delete};
use crate::{
    actors::access::{is_condition, is_matched, is_terminating, namespace, number, text},
    service::{Body, json_response},
    status::StatusError,
    store::{Kind, Store},
};

/// Answers a request to evict a pod.
pub(super) fn answer(call: &ObjectRequest<'_>, target: &Target, name: &str) -> Result<Response<Body>, StatusError> {
    let eviction = body::decode(call)?;
    let (how, dry_run) = delete::read_options(call, &eviction["deleteOptions"])?;
    let dry_run = dry_run || call.writer(None).dry_run;
    allow(&mut call.shared.lock(), target, call.namespace(), name, dry_run)?;
    delete::delete_object(call, target, name, &how, dry_run)?;
    let status = json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success" });
    Ok(json_response(StatusCode::CREATED, &status))
}

/// Counts a disruption in the budget, or refuses it.
fn allow(store: &mut Store, target: &Target, inside: &str, name: &str, dry_run: bool) -> Result<(), StatusError> {
    let pod = store
        .get(&target.kind, inside, name)
        .ok_or_else(|| target.not_found(name))?;
    if is_terminating(pod) || matches!(text(pod, "/status/phase"), "Succeeded" | "Failed" | "Pending") {
        return Ok(());
    }
    let kind = Kind::new("policy", "PodDisruptionBudget");
    let guards = |budget: &&Value| {
        let selector = budget.pointer("/spec/selector").filter(|selector| selector.is_object());
        namespace(budget) == inside && selector.is_some_and(|selector| is_matched(pod, selector))
    };
    let budgets: Vec<&Value> = store.list(&kind).into_iter().filter(guards).collect();
    let budget = match budgets.as_slice() {
        [] => return Ok(()),
        [budget] => *budget,
        _ => {
            let why =
                "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
            return Err(StatusError::new(500, "InternalError", why));
        }
    };
    let count = |pointer: &str| number(budget, pointer).unwrap_or(0);
    let (healthy, desired) = (count("/status/currentHealthy"), count("/status/desiredHealthy"));
    if !is_condition(pod, "Ready") {
        let always = text(budget, "/spec/unhealthyPodEvictionPolicy") == "AlwaysAllow";
        if always || (healthy >= desired && desired > 0) {
            return Ok(());
        }
    }
    let name = text(budget, "/metadata/name");
    let is_known = count("/status/observedGeneration") >= count("/metadata/generation");
    let allowed = count("/status/disruptionsAllowed");
    let why = match (is_known, allowed) {
        (true, 1..) => {
            let (name, mut status) = (name.to_owned(), budget["status"].clone());
            status["disruptionsAllowed"] = json!(allowed - 1);
            if !dry_run {
                store.update_status(&kind, inside, &name, status)?;
            }
            return Ok(());
        }
        (false, _) => format!("The disruption budget {name} is still being processed by the server."),
        (true, _) => why_none(budget, name, healthy, desired),
    };
    let refusal_text = "Cannot evict pod as it would violate the pod's disruption budget.";
    let mut refusal = StatusError::new(429, "TooManyRequests", refusal_text);
    refusal.details = json!({ "causes": [{ "reason": "DisruptionBudget", "message": why }] });
    Err(refusal)
}

/// Says why a budget allows no disruption.
fn why_none(budget: &Value, name: &str, healthy: i64, desired: i64) -> String {
    let conditions = budget.pointer("/status/conditions").and_then(Value::as_array);
    let denial = conditions.into_iter().flatten().find_map(|condition| {
        let is_denied = condition["type"] == "DisruptionAllowed" && condition["status"] == "False";
        let message = text(condition, "/message");
        (is_denied && !message.is_empty()).then(|| (text(condition, "/reason"), message))
    });
    let not = "does not allow evicting pods currently";
    match denial {
        Some(("SyncFailed", why)) => format!("The disruption budget {name} {not} because it failed sync: {why}"),
        _ if healthy <= desired => {
            format!("The disruption budget {name} needs {desired} healthy pods and has {healthy} currently")
        }
        Some((reason, why)) => format!("The disruption budget {name} {not} ({reason}): {why}"),
        None => format!("The disruption budget {name} {not}"),
    }
}
