//! The cells of a pod (`printPod`).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::text::{NONE, age, count, or, since};
use crate::actors::access::{is_condition, is_terminating, is_true, items, text, timestamp};

/// The summary of a pod's containers.
#[derive(Debug, Default)]
struct PodSummary {
    reason: String,
    ready: usize,
    total: usize,
    restarts: i64,
    last_restart: Option<Timestamp>,
}

impl PodSummary {
    fn add_restarts(&mut self, container: &Value) {
        self.restarts += count(container, "/restartCount");
        self.last_restart = self
            .last_restart
            .max(timestamp(container, "/lastState/terminated/finishedAt"));
    }
}

pub(super) fn cells(pod: &Value, now: Timestamp) -> Vec<Value> {
    let seen = summarize(pod);
    let restarts = match seen.last_restart {
        Some(at) if seen.restarts > 0 => format!("{} ({} ago)", seen.restarts, since(Some(at), now)),
        Some(_) | None => seen.restarts.to_string(),
    };
    let ip = or(pod, "/status/podIPs/0/ip", or(pod, "/status/podIP", NONE));
    let gates = items(pod, "/spec/readinessGates");
    let open = gates
        .iter()
        .filter(|gate| is_condition(pod, text(gate, "/conditionType")));
    let gates = match gates.len() {
        0 => NONE.to_owned(),
        all => format!("{}/{all}", open.count()),
    };
    vec![
        json!(format!("{}/{}", seen.ready, seen.total)),
        json!(seen.reason),
        json!(restarts),
        age(pod, now),
        json!(ip),
        json!(or(pod, "/spec/nodeName", NONE)),
        json!(or(pod, "/status/nominatedNodeName", NONE)),
        json!(gates),
    ]
}

fn summarize(pod: &Value) -> PodSummary {
    let sidecars: Vec<&str> = items(pod, "/spec/initContainers")
        .iter()
        .filter(|container| text(container, "/restartPolicy") == "Always")
        .map(|container| text(container, "/name"))
        .collect();
    let phase = text(pod, "/status/phase");
    let mut seen = PodSummary {
        reason: or(pod, "/status/reason", phase).to_owned(),
        total: items(pod, "/spec/containers").len() + sidecars.len(),
        ..PodSummary::default()
    };
    let is_gated = |condition: &&Value| {
        text(condition, "/type") == "PodScheduled" && text(condition, "/reason") == "SchedulingGated"
    };
    if items(pod, "/status/conditions").iter().any(|one| is_gated(&one)) {
        seen.reason = "SchedulingGated".into();
    }
    let mut of_sidecars = PodSummary::default();
    let is_initializing = initializing(pod, &sidecars, &mut seen, &mut of_sidecars);
    if !is_initializing || is_condition(pod, "Initialized") {
        (seen.restarts, seen.last_restart) = (of_sidecars.restarts, of_sidecars.last_restart);
        running(pod, &mut seen);
    }
    if is_terminating(pod) {
        if text(pod, "/status/reason") == "NodeLost" {
            seen.reason = "Unknown".into();
        } else if !matches!(phase, "Succeeded" | "Failed") {
            seen.reason = "Terminating".into();
        }
    }
    seen
}

/// Returns whether an init container hasn't ended yet, and sets the reason.
fn initializing(pod: &Value, sidecars: &[&str], seen: &mut PodSummary, of_sidecars: &mut PodSummary) -> bool {
    for (index, container) in items(pod, "/status/initContainerStatuses").iter().enumerate() {
        seen.add_restarts(container);
        let is_sidecar = sidecars.contains(&text(container, "/name"));
        if is_sidecar {
            of_sidecars.add_restarts(container);
        }
        let waits_for = text(container, "/state/waiting/reason");
        let terminated = container.pointer("/state/terminated").filter(|state| state.is_object());
        seen.reason = match terminated {
            Some(state) if count(state, "/exitCode") == 0 => continue,
            _ if is_sidecar && is_true(container, "/started") => {
                seen.ready += usize::from(is_true(container, "/ready"));
                continue;
            }
            Some(state) => format!("Init:{}", ended(state)),
            None if !matches!(waits_for, "" | "PodInitializing") => format!("Init:{waits_for}"),
            None => format!("Init:{index}/{}", items(pod, "/spec/initContainers").len()),
        };
        return true;
    }
    false
}

fn running(pod: &Value, seen: &mut PodSummary) {
    let mut has_running = false;
    for container in items(pod, "/status/containerStatuses").iter().rev() {
        seen.add_restarts(container);
        let waits_for = text(container, "/state/waiting/reason");
        let terminated = container.pointer("/state/terminated").filter(|state| state.is_object());
        if !waits_for.is_empty() {
            waits_for.clone_into(&mut seen.reason);
        } else if let Some(state) = terminated {
            seen.reason = ended(state);
        } else if is_true(container, "/ready") && container.pointer("/state/running").is_some() {
            has_running = true;
            seen.ready += 1;
        }
    }
    if seen.reason == "Completed" && has_running {
        let is_ready = is_condition(pod, "Ready");
        let reason = if is_ready { "Running" } else { "NotReady" };
        reason.clone_into(&mut seen.reason);
    }
}

/// Returns why a container has ended.
fn ended(terminated: &Value) -> String {
    match (text(terminated, "/reason"), count(terminated, "/signal")) {
        ("", 0) => format!("ExitCode:{}", count(terminated, "/exitCode")),
        ("", signal) => format!("Signal:{signal}"),
        (reason, _) => reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(pod: &Value) -> [String; 3] {
        let cells = cells(pod, "2026-01-01T01:00:00Z".parse().unwrap());
        [0, 1, 2].map(|index| cells[index].as_str().unwrap().to_owned())
    }

    #[test]
    fn the_status_tells_what_holds_a_pod_up() {
        let spec = json!({ "containers": [{ "name": "main" }, { "name": "other" }],
            "initContainers": [{ "name": "first" }, { "name": "side", "restartPolicy": "Always" }] });
        let pod = |status: Value| json!({ "metadata": {}, "spec": spec, "status": status });
        let first = |state: Value| {
            pod(json!({ "phase": "Pending",
                "initContainerStatuses": [{ "name": "first", "restartCount": 2, "state": state }] }))
        };
        assert_eq!(status(&pod(json!({ "phase": "Pending" }))), ["0/3", "Pending", "0"]);
        assert_eq!(status(&first(json!({ "running": {} }))), ["0/3", "Init:0/2", "2"]);
        let waiting = json!({ "waiting": { "reason": "ImagePullBackOff" } });
        assert_eq!(status(&first(waiting)), ["0/3", "Init:ImagePullBackOff", "2"]);
        let failed = json!({ "terminated": { "exitCode": 3, "reason": "Error" } });
        assert_eq!(status(&first(failed)), ["0/3", "Init:Error", "2"]);
        let killed = json!({ "terminated": { "exitCode": 137, "signal": 9 } });
        assert_eq!(status(&first(killed)), ["0/3", "Init:Signal:9", "2"]);
        let runs = json!({ "phase": "Running",
            "initContainerStatuses": [
                { "name": "first", "restartCount": 2, "state": { "terminated": { "exitCode": 0, "reason": "Completed" } } },
                { "name": "side", "restartCount": 1, "started": true, "ready": true, "state": { "running": {} } },
            ],
            "containerStatuses": [
                { "name": "main", "ready": true, "restartCount": 4, "state": { "running": {} },
                    "lastState": { "terminated": { "exitCode": 1, "finishedAt": "2026-01-01T00:55:00Z" } } },
                { "name": "other", "ready": false, "restartCount": 0,
                    "state": { "terminated": { "exitCode": 0, "reason": "Completed" } } },
            ] });
        assert_eq!(status(&pod(runs.clone())), ["2/3", "NotReady", "5 (5m ago)"]);
        let mut going = pod(runs);
        going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:59:00Z");
        assert_eq!(status(&going)[1], "Terminating");
        let evicted = json!({ "phase": "Failed", "reason": "Evicted" });
        assert_eq!(status(&pod(evicted)), ["0/3", "Evicted", "0"]);
    }
}
