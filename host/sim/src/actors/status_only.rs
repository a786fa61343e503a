//! Controllers that only write a status: the usage of a quota, whether a flow schema's priority level exists, the phase of a volume.

use serde_json::{Map, Value, json};

use super::{
    Actions, ClusterView,
    access::{fields, is_terminating, name, namespace, number, status_of, text, uid},
    condition::{self, ConditionUpdate},
    template,
};

pub(crate) fn reconcile(sight: &ClusterView<'_>) -> Actions {
    let mut turn = Actions::default();
    for quota in sight.list("", "ResourceQuota") {
        let mut status = status_of(quota);
        let hard = quota.pointer("/spec/hard").cloned().unwrap_or_else(|| json!({}));
        status.insert("used".into(), Value::Object(used_quota(sight, namespace(quota), &hard)));
        status.insert("hard".into(), hard);
        turn.status(quota, status);
    }
    for volume in sight.list("", "PersistentVolume") {
        if !is_terminating(volume) {
            let mut status = status_of(volume);
            status.insert("phase".into(), json!(phase(sight, volume)));
            turn.status(volume, status);
        }
    }
    for policy in sight.list("admissionregistration.k8s.io", "ValidatingAdmissionPolicy") {
        let mut status = status_of(policy);
        let generation = number(policy, "/metadata/generation").unwrap_or(1);
        status.insert("observedGeneration".into(), json!(generation));
        status.insert("typeChecking".into(), json!({}));
        turn.status(policy, status);
    }
    for schema in sight.list("flowcontrol.apiserver.k8s.io", "FlowSchema") {
        let mut status = status_of(schema);
        set_dangling_condition(sight, schema, &mut status);
        turn.status(schema, status);
    }
    for range in sight.list("networking.k8s.io", "ServiceCIDR") {
        if !is_terminating(range) {
            let mut status = status_of(range);
            let update = ConditionUpdate {
                kind: "Ready",
                is_true: true,
                reason: "",
                message: "Kubernetes Service CIDR is ready",
            };
            condition::set(&mut status, update, None, sight.now);
            turn.status(range, status);
        }
    }
    turn
}

/// Counts the usage of a quota, as far as it limits numbers of objects.
fn used_quota(sight: &ClusterView<'_>, space: &str, hard: &Value) -> Map<String, Value> {
    fields(hard, "")
        .map(|(limit, _)| (limit.clone(), json!(count(sight, space, limit).to_string())))
        .collect()
}

fn count(sight: &ClusterView<'_>, space: &str, limit: &str) -> usize {
    let (plural, group) = match limit.strip_prefix("count/") {
        Some(counted) => counted.split_once('.').unwrap_or((counted, "")),
        None => (limit, ""),
    };
    let resource = sight
        .store
        .resources()
        .find(|resource| resource.plural == plural && resource.group == group);
    let Some(resource) = resource else { return 0 };
    let objects = sight.store.list(&resource.id());
    objects
        .into_iter()
        .filter(|object| namespace(object) == space)
        .filter(|object| plural != "pods" || !template::is_terminal(object))
        .count()
}

/// Returns the phase of a volume, by whether its claim exists.
fn phase(sight: &ClusterView<'_>, volume: &Value) -> &'static str {
    let mut claims = sight.list("", "PersistentVolumeClaim").into_iter();
    if claims.any(|claim| text(claim, "/spec/volumeName") == name(volume)) {
        return "Bound";
    }
    let claimed = text(volume, "/spec/claimRef/uid");
    let is_there = |claim: &&Value| uid(claim) == claimed;
    if !claimed.is_empty() && !sight.list("", "PersistentVolumeClaim").iter().any(is_there) {
        return "Released";
    }
    "Available"
}

/// Sets the condition that the priority level of a flow schema is missing (`apf_controller.go` of Kubernetes).
fn set_dangling_condition(sight: &ClusterView<'_>, schema: &Value, status: &mut Map<String, Value>) {
    let level = text(schema, "/spec/priorityLevelConfiguration/name");
    // Every API server has these.
    let is_own = matches!(
        level,
        "exempt"
            | "catch-all"
            | "system"
            | "node-high"
            | "leader-election"
            | "workload-high"
            | "workload-low"
            | "global-default"
    );
    let kind = "PriorityLevelConfiguration";
    let is_there = is_own || sight.get("flowcontrol.apiserver.k8s.io", kind, "", level).is_some();
    let message = if is_there {
        format!("This FlowSchema references the PriorityLevelConfiguration object named \"{level}\" and it exists")
    } else {
        format!(
            "This FlowSchema references the PriorityLevelConfiguration object named \"{level}\" but there is no such object"
        )
    };
    let update = ConditionUpdate {
        kind: "Dangling",
        is_true: !is_there,
        reason: if is_there { "Found" } else { "NotFound" },
        message: &message,
    };
    condition::set(status, update, None, sight.now);
}
