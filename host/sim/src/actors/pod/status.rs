//! Makes a pod's status from the states of its containers.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    ContainerRole,
    container::{ContainerState, Stage},
    containers, restart_policy,
};
use crate::actors::{
    ClusterView,
    access::{format_timestamp, items, status_of, text},
    condition::{self, ConditionUpdate},
};

/// Makes the status; `ended` is set for the last status of a terminated pod.
pub(super) fn pod_status(
    sight: &ClusterView<'_>,
    pod: &Value,
    cells: &BTreeMap<String, ContainerState>,
    address: &str,
    ended: bool,
) -> Map<String, Value> {
    let mut status = status_of(pod);
    let phase = phase(pod, cells, ended);
    status.insert("phase".into(), json!(phase));
    status
        .entry("startTime")
        .or_insert_with(|| json!(format_timestamp(sight.now)));
    status.insert("hostIP".into(), json!("172.18.0.2"));
    status.insert("hostIPs".into(), json!([{"ip": "172.18.0.2"}]));
    if cells
        .values()
        .any(|cell| !matches!(cell.stage, Stage::Idle | Stage::ConfigError(_) | Stage::Started(None)))
    {
        status.insert("podIP".into(), json!(address));
        status.insert("podIPs".into(), json!([{"ip": address}]));
    }
    let initialized = is_initialized(pod, cells);
    let has_init = !items(pod, "/spec/initContainers").is_empty();
    let mut statuses: BTreeMap<&str, Vec<Value>> = BTreeMap::from([("containerStatuses", Vec::new())]);
    let mut unready = Vec::new();
    for (role, container) in containers(pod) {
        let title = text(container, "/name");
        let cell = cells.get(title).cloned().unwrap_or_default();
        let (field, waiting) = match role {
            ContainerRole::Init | ContainerRole::Sidecar => ("initContainerStatuses", "PodInitializing"),
            ContainerRole::Main if has_init && !initialized => ("containerStatuses", "PodInitializing"),
            ContainerRole::Main => ("containerStatuses", "ContainerCreating"),
        };
        let policy = if role == ContainerRole::Sidecar {
            "Always"
        } else {
            restart_policy(pod)
        };
        let policy = if role == ContainerRole::Init && policy == "Always" {
            "OnFailure"
        } else {
            policy
        };
        let ready = match role {
            ContainerRole::Init => cell.has_succeeded(),
            ContainerRole::Sidecar | ContainerRole::Main => cell.is_ready() && !ended,
        };
        if role != ContainerRole::Init && !ready {
            unready.push(title);
        }
        let (state, last) = cell.states(title, waiting, if ended { "Never" } else { policy });
        let image = text(container, "/image");
        statuses.entry(field).or_default().push(json!({
            "name": title,
            "image": image,
            "imageID": if cell.has_started() { image } else { "" },
            "ready": ready,
            "started": cell.has_started(),
            "restartCount": cell.restarts,
            "state": state,
            "lastState": last,
        }));
    }
    for (field, list) in statuses {
        status.insert(field.into(), json!(list));
    }
    conditions(sight, &mut status, phase, initialized, &unready);
    status
}

fn conditions(
    sight: &ClusterView<'_>,
    status: &mut Map<String, Value>,
    phase: &str,
    initialized: bool,
    unready: &[&str],
) {
    let completed = phase == "Succeeded";
    let list = format!("[{}]", unready.join(" "));
    let unready_message = format!("containers with unready status: {list}");
    let (reason, message) = match (completed, unready.is_empty()) {
        (true, _) => ("PodCompleted", ""),
        (false, true) => ("", ""),
        (false, false) if phase == "Failed" => ("PodFailed", ""),
        (false, false) => ("ContainersNotReady", unready_message.as_str()),
    };
    let ready = unready.is_empty() && !completed;
    let holds_initialized = initialized || completed;
    let (initialized_reason, initialized_message) = match (completed, initialized) {
        (true, _) => ("PodCompleted", ""),
        (false, true) => ("", ""),
        (false, false) => ("ContainersNotInitialized", "containers with incomplete status"),
    };
    for (kind, holds, reason, message) in [
        (
            "Initialized",
            holds_initialized,
            initialized_reason,
            initialized_message,
        ),
        ("Ready", ready, reason, message),
        ("ContainersReady", ready, reason, message),
        ("PodScheduled", true, "", ""),
    ] {
        let update = ConditionUpdate {
            kind,
            is_true: holds,
            reason,
            message,
        };
        condition::set(status, update, None, sight.now);
    }
}

fn is_initialized(pod: &Value, cells: &BTreeMap<String, ContainerState>) -> bool {
    containers(pod).all(|(role, container)| {
        let cell = cells.get(text(container, "/name"));
        match role {
            ContainerRole::Init => cell.is_some_and(ContainerState::has_succeeded),
            ContainerRole::Sidecar => cell.is_some_and(|cell| cell.has_started() || cell.last.is_some()),
            ContainerRole::Main => true,
        }
    })
}

/// Returns the phase: `getPhase` in k8s.io/kubernetes/pkg/kubelet.
fn phase(pod: &Value, cells: &BTreeMap<String, ContainerState>, ended: bool) -> &'static str {
    let policy = restart_policy(pod);
    let cell = |container: &Value| cells.get(text(container, "/name"));
    let exit_code = |container: &Value| match cell(container).map(|cell| &cell.stage) {
        Some(Stage::Ended(ended)) => Some(ended.code),
        Some(Stage::Idle | Stage::ConfigError(_) | Stage::Started(_) | Stage::NoImage(..)) | None => None,
    };
    let mains = || {
        containers(pod)
            .filter(|(role, _)| *role == ContainerRole::Main)
            .map(|(_, container)| container)
    };
    if ended {
        // A container that never ran did not succeed.
        let succeeded = mains().all(|container| exit_code(container) == Some(0));
        return if succeeded { "Succeeded" } else { "Failed" };
    }
    let init_failed = containers(pod)
        .filter(|(role, _)| *role == ContainerRole::Init)
        .any(|(_, container)| exit_code(container).is_some_and(|code| code != 0));
    if init_failed && policy == "Never" {
        return "Failed";
    }
    if !is_initialized(pod, cells) {
        return "Pending";
    }
    let never_ran = |container| {
        cell(container).is_none_or(|cell| {
            cell.last.is_none()
                && matches!(
                    cell.stage,
                    Stage::Idle | Stage::ConfigError(_) | Stage::Started(None) | Stage::NoImage(..)
                )
        })
    };
    if mains().any(never_ran) {
        return "Pending";
    }
    if mains().any(|container| !cell(container).is_some_and(|cell| cell.is_over(policy))) {
        return "Running";
    }
    if mains().all(|container| exit_code(container) == Some(0)) {
        "Succeeded"
    } else {
        "Failed"
    }
}
