//! Scheduler and kubelet in one: binds pods to the only node, runs their containers, and reports their status.
//!
//! ```text
//!   Pending: unschedulable -> ContainerCreating -> init containers, one by one
//!   Running: started, ready, crashed and restarted (CrashLoopBackOff)
//!   Succeeded / Failed: every container ended for good
//! ```
//! A [`Runtime`] decides what containers do; their state is kept here, by the UID of the pod.
//!
//! Rules: <https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/>.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::container::{ContainerState, Stage};
use super::{
    Action, Actions, ClusterView,
    access::{
        controller, is_terminating, items, name, namespace, number, plus_seconds, status_of, text, timestamp, uid,
    },
    condition::{self, ConditionUpdate},
    template::{is_terminal, set_field},
};
use crate::{
    pods::{Launch, Runtime},
    span::Span,
    store::Propagation,
};

pub(crate) mod container;
pub(crate) mod dependencies;
mod status;

/// The kubelet, with the state of the pods that it runs.
pub(crate) struct Kubelet {
    pub runtime: Box<dyn Runtime>,
    state: KubeletState,
}

#[derive(Default, Deserialize, Serialize)]
struct KubeletState {
    pods: BTreeMap<String, PodState>,
    /// How often a container was started, over its restarts and, in a Job, over its pods.
    #[serde(rename = "tries")]
    attempts: BTreeMap<String, usize>,
    addresses: u32,
}

/// The state of one pod.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct PodState {
    namespace: String,
    name: String,
    address: String,
    #[serde(rename = "cells")]
    containers: BTreeMap<String, ContainerState>,
}

/// The kinds of containers in a pod, by when they start.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ContainerRole {
    /// Runs to its end before the next starts.
    Init,
    /// An init container with `restartPolicy: Always`: runs beside the others.
    Sidecar,
    /// Runs the pod's work.
    Main,
}

impl Kubelet {
    pub fn new(runtime: Box<dyn Runtime>) -> Self {
        Self {
            runtime,
            state: KubeletState::default(),
        }
    }

    pub fn save(&self) -> Value {
        json!({"memory": self.state, "runtime": self.runtime.save()})
    }

    pub fn restore(&mut self, saved: &Value) {
        self.state = saved
            .get("memory")
            .and_then(|memory| KubeletState::deserialize(memory).ok())
            .unwrap_or_default();
        if let Some(runtime) = saved.get("runtime") {
            self.runtime.restore(runtime);
        }
    }

    pub fn reconcile(&mut self, sight: &ClusterView<'_>) -> Actions {
        let mut turn = Actions::default();
        for (pod, container, line) in self.runtime.take_lines(sight.now) {
            if let Some(known) = self.state.pods.get(&pod) {
                turn.changes.push(Action::Log(
                    known.namespace.clone(),
                    known.name.clone(),
                    container,
                    line,
                ));
            }
        }
        for (pod, mut object) in self.runtime.take_created(sight.now) {
            let is_whole = object.get("metadata").is_some_and(Value::is_object);
            if let Some(known) = self.state.pods.get(&pod).filter(|_| is_whole) {
                if object["metadata"].get("namespace").is_none() {
                    object["metadata"]["namespace"] = known.namespace.clone().into();
                }
                turn.create(object);
            }
        }
        let pods = sight.list("", "Pod");
        self.forget_all_but(&pods);
        for pod in pods {
            self.sync_pod(sight, &mut turn, pod);
        }
        if let Some(due) = self.runtime.next_change(sight.now) {
            turn.wake_by(due);
        }
        turn
    }

    fn forget_all_but(&mut self, pods: &[&Value]) {
        let gone: Vec<String> = self
            .state
            .pods
            .keys()
            .filter(|known| !pods.iter().any(|pod| uid(pod) == *known))
            .cloned()
            .collect();
        for pod in gone {
            self.state.pods.remove(&pod);
            self.runtime.forget(&pod);
        }
    }

    fn sync_pod(&mut self, sight: &ClusterView<'_>, turn: &mut Actions, pod: &Value) {
        if is_terminal(pod) {
            if is_terminating(pod) && number(pod, "/metadata/deletionGracePeriodSeconds").unwrap_or(0) > 0 {
                turn.delete(pod, Propagation::Background, Some(0));
            }
            return;
        }
        if text(pod, "/spec/nodeName").is_empty() {
            schedule(sight, turn, pod);
            return;
        }
        if !self.state.pods.contains_key(uid(pod)) {
            self.state.addresses += 1;
            let (high, low) = ((self.state.addresses >> 8) & 0xff, self.state.addresses & 0xff);
            let known = PodState {
                namespace: namespace(pod).to_owned(),
                name: name(pod).to_owned(),
                address: format!("10.244.{high}.{low}"),
                containers: BTreeMap::new(),
            };
            self.state.pods.insert(uid(pod).to_owned(), known);
        }
        self.observe(sight, turn, pod);
        let expired = deadline(pod).filter(|_| !is_terminating(pod));
        if is_terminating(pod) {
            let grace = number(pod, "/metadata/deletionGracePeriodSeconds").unwrap_or(0);
            self.stop(pod, grace, sight.now);
            self.observe(sight, turn, pod);
            self.write_status(sight, turn, pod, true);
            return;
        }
        if let Some(deadline) = expired {
            if deadline <= sight.now {
                self.stop(pod, 0, sight.now);
                self.observe(sight, turn, pod);
                self.write_status(sight, turn, pod, true);
                return;
            }
            turn.wake_by(deadline);
        }
        if dependencies::missing_volume(sight, pod).is_none() {
            self.advance(sight, turn, pod);
            self.observe(sight, turn, pod);
        }
        self.write_status(sight, turn, pod, false);
    }

    /// Updates the state of started containers from the runtime's reports.
    fn observe(&mut self, sight: &ClusterView<'_>, turn: &mut Actions, pod: &Value) {
        let Some(known) = self.state.pods.get_mut(uid(pod)) else {
            return;
        };
        for (container, cell) in &mut known.containers {
            let report = self.runtime.report(uid(pod), container, sight.now);
            if let Some(at) = cell.observe(report, sight.now) {
                turn.wake_by(at);
            }
        }
    }

    /// Starts the containers whose turn it is: init containers in order, then the others; and restarts containers that ended.
    fn advance(&mut self, sight: &ClusterView<'_>, turn: &mut Actions, pod: &Value) {
        let policy = restart_policy(pod);
        let mains: Vec<&Value> = items(pod, "/spec/containers").iter().collect();
        let over = mains.iter().all(|container| {
            let cell = self.container(pod, container);
            cell.is_some_and(|cell| cell.is_over(policy))
        });
        if over && !mains.is_empty() {
            for container in items(pod, "/spec/initContainers") {
                self.runtime.stop(
                    uid(pod),
                    text(container, "/name"),
                    Span::seconds(grace_of(pod)),
                    sight.now,
                );
            }
            return;
        }
        for (role, container) in containers(pod) {
            let policy = match role {
                ContainerRole::Sidecar => "Always",
                // In a pod that always restarts, an init container is only restarted when it fails.
                ContainerRole::Init if policy == "Always" => "OnFailure",
                ContainerRole::Init | ContainerRole::Main => policy,
            };
            self.start_container(sight, turn, pod, container, role, policy);
            let cell = self.container(pod, container);
            let passed = match role {
                ContainerRole::Init => cell.is_some_and(ContainerState::has_succeeded),
                ContainerRole::Sidecar => cell.is_some_and(ContainerState::has_started),
                ContainerRole::Main => true,
            };
            if !passed {
                return;
            }
        }
    }

    /// Starts one container, if it is its turn.
    fn start_container(
        &mut self,
        sight: &ClusterView<'_>,
        turn: &mut Actions,
        pod: &Value,
        container: &Value,
        role: ContainerRole,
        policy: &str,
    ) {
        let title = text(container, "/name");
        let Some(known) = self.state.pods.get_mut(uid(pod)) else {
            return;
        };
        let address = known.address.clone();
        let cell = known.containers.entry(title.to_owned()).or_default();
        match cell.starts_at(policy) {
            None => return,
            Some(at) if at > sight.now => {
                turn.wake_by(at);
                return;
            }
            Some(_) => {}
        }
        let environment = match dependencies::environment(sight, pod, container, &address) {
            Ok(environment) => environment,
            Err(message) => {
                cell.stage = Stage::ConfigError(message);
                return;
            }
        };
        if cell.start() {
            turn.changes.push(Action::RestartLog(
                namespace(pod).to_owned(),
                name(pod).to_owned(),
                title.to_owned(),
            ));
        }
        let tries = self.state.attempts.entry(attempts_key(pod, title)).or_default();
        self.runtime.start(Launch {
            pod,
            container,
            runs_to_completion: match role {
                ContainerRole::Init => true,
                ContainerRole::Sidecar => false,
                ContainerRole::Main => policy != "Always",
            },
            attempts: *tries,
            environment: &environment,
            now: sight.now,
        });
        *tries += 1;
    }

    fn stop(&mut self, pod: &Value, grace: i64, now: Timestamp) {
        let Some(known) = self.state.pods.get(uid(pod)) else {
            return;
        };
        let grace = Span::seconds(u64::try_from(grace).unwrap_or(0));
        for container in known.containers.keys() {
            self.runtime.stop(uid(pod), container, grace, now);
        }
    }

    /// Writes the status. A pod that is terminated and has no running container gets its last status, and is removed.
    fn write_status(&self, sight: &ClusterView<'_>, turn: &mut Actions, pod: &Value, ending: bool) {
        let Some(known) = self.state.pods.get(uid(pod)) else {
            return;
        };
        let ended = ending && !known.containers.values().any(ContainerState::is_alive);
        let mut status = status::pod_status(sight, pod, &known.containers, &known.address, ended);
        if ended && !is_terminating(pod) {
            status.insert("reason".into(), json!("DeadlineExceeded"));
            status.insert(
                "message".into(),
                json!("Pod was active on the node longer than the specified deadline"),
            );
            status.insert("phase".into(), json!("Failed"));
        }
        turn.status(pod, status);
        if ended && is_terminating(pod) {
            turn.delete(pod, Propagation::Background, Some(0));
        }
    }

    fn container(&self, pod: &Value, container: &Value) -> Option<&ContainerState> {
        self.state.pods.get(uid(pod))?.containers.get(text(container, "/name"))
    }
}

/// Binds a pod to the node, or reports why that isn't possible.
fn schedule(sight: &ClusterView<'_>, turn: &mut Actions, pod: &Value) {
    let mut status = status_of(pod);
    status.insert("phase".into(), json!("Pending"));
    if let Some(message) = dependencies::missing_claim(sight, pod) {
        let condition_update = ConditionUpdate {
            kind: "PodScheduled",
            is_true: false,
            reason: "Unschedulable",
            message: &message,
        };
        condition::set(&mut status, condition_update, None, sight.now);
        turn.status(pod, status);
        return;
    }
    let mut bound = pod.clone();
    if let Some(spec) = bound.get_mut("spec") {
        set_field(spec, "nodeName", json!(sight.node));
    }
    turn.update(bound);
}

/// Lists the containers in the order in which they start.
fn containers(pod: &Value) -> impl Iterator<Item = (ContainerRole, &Value)> {
    let init = items(pod, "/spec/initContainers").iter().map(|container| {
        let role = if text(container, "/restartPolicy") == "Always" {
            ContainerRole::Sidecar
        } else {
            ContainerRole::Init
        };
        (role, container)
    });
    init.chain(
        items(pod, "/spec/containers")
            .iter()
            .map(|container| (ContainerRole::Main, container)),
    )
}

fn restart_policy(pod: &Value) -> &str {
    match text(pod, "/spec/restartPolicy") {
        "" => "Always",
        policy => policy,
    }
}

fn grace_of(pod: &Value) -> u64 {
    let seconds = number(pod, "/spec/terminationGracePeriodSeconds").unwrap_or(30);
    u64::try_from(seconds).unwrap_or(0)
}

/// Returns when the pod's `activeDeadlineSeconds` are over.
fn deadline(pod: &Value) -> Option<Timestamp> {
    let seconds = number(pod, "/spec/activeDeadlineSeconds")?;
    timestamp(pod, "/status/startTime").map(|start| plus_seconds(start, seconds))
}

/// In a Job each pod is an attempt; elsewhere each restart is.
fn attempts_key(pod: &Value, container: &str) -> String {
    let owner = controller(pod).filter(|owner| text(owner, "/kind") == "Job");
    let index = pod
        .pointer("/metadata/annotations")
        .and_then(|annotations| annotations.get("batch.kubernetes.io/job-completion-index"))
        .and_then(Value::as_str)
        .unwrap_or_default();
    let owner = owner.map_or(uid(pod), |owner| text(owner, "/uid"));
    format!("{owner}/{index}/{container}")
}
