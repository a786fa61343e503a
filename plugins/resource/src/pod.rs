//! The health of a Pod.
//!
//! One that always restarts is healthy when it is ready. Any other is healthy when it has succeeded, and on its way
//! before: so a Pod as a hook ends by its phase.

use capstan_sdk::Assessment;
use serde::Deserialize;

use crate::{
    being_deleted,
    condition::{Condition, with},
};

/// What of a Pod is looked at.
#[derive(Deserialize)]
pub struct Pod {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    deletion_timestamp: Option<String>,
    annotations: Annotations,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Annotations {
    #[serde(rename = "argocd.argoproj.io/ignore-restart-policy")]
    ignore_restart_policy: String,
    #[serde(rename = "argocd.argoproj.io/hook")]
    argocd_hook: Option<String>,
    #[serde(rename = "helm.sh/hook")]
    helm_hook: Option<String>,
    #[serde(rename = "capstan.dev/hook")]
    hook: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    restart_policy: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    phase: String,
    message: String,
    conditions: Vec<Condition>,
    init_container_statuses: Vec<Container>,
    container_statuses: Vec<Container>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Container {
    name: String,
    state: State,
    last_state: State,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct State {
    waiting: Option<Why>,
    terminated: Option<Why>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Why {
    reason: String,
    message: String,
    exit_code: i64,
}

/// Judges a Pod.
pub fn assess(pod: &Pod) -> Assessment {
    let status = &pod.status;
    match &*status.phase {
        "Succeeded" => return Assessment::healthy("Pod/succeeded").message("succeeded").finally(),
        "Failed" => return Assessment::degraded("Pod/failed", pod.failure()).finally(),
        _ if pod.metadata.deletion_timestamp.is_some() => return being_deleted(),
        _ => {}
    }
    if pod.always_runs() {
        let stuck: Vec<String> = status.container_statuses.iter().filter_map(Container::error).collect();
        if !stuck.is_empty() {
            return Assessment::degraded("Pod/container-waiting", stuck.join(", "));
        }
    }
    match &*status.phase {
        "Pending" | "" => Assessment::progressing("Pod/pending", pod.obstacle()),
        "Running" if !pod.always_runs() => Assessment::progressing("Pod/running", "running"),
        "Running" if with(&status.conditions, "Ready", "True").is_some() => {
            Assessment::healthy("Pod/ready").message("ready")
        }
        "Running" => match status
            .container_statuses
            .iter()
            .find(|container| container.last_state.terminated.is_some())
        {
            Some(restarted) => {
                Assessment::degraded("Pod/restarted", format!("container `{}` was restarted", restarted.name))
            }
            None => Assessment::progressing("Pod/ready", "not ready yet"),
        },
        other => Assessment::unknown("Pod/phase", format!("unknown phase `{other}`")),
    }
}

impl Pod {
    /// Whether it has no end of its own. The annotation says so of Pods that others restart; not of hooks, which must
    /// end.
    fn always_runs(&self) -> bool {
        let notes = &self.metadata.annotations;
        let is_hook = notes.argocd_hook.is_some() || notes.helm_hook.is_some() || notes.hook.is_some();
        let is_annotated = notes.ignore_restart_policy == "true" && !is_hook;
        // What Kubernetes takes if the manifest says nothing.
        matches!(&*self.spec.restart_policy, "Always" | "") || is_annotated
    }

    /// Why it failed: its own message, else that of the first container that did.
    fn failure(&self) -> String {
        let Status {
            message,
            init_container_statuses,
            container_statuses,
            ..
        } = &self.status;
        if !message.is_empty() {
            return message.clone();
        }
        let why = init_container_statuses
            .iter()
            .chain(container_statuses)
            .find_map(Container::failure);
        why.unwrap_or_else(|| "failed".to_owned())
    }

    /// What a pending Pod waits for.
    fn obstacle(&self) -> String {
        if let Some(unscheduled) = with(&self.status.conditions, "PodScheduled", "False") {
            return format!("waiting for a node: {}", unscheduled.message);
        }
        let Status {
            init_container_statuses,
            container_statuses,
            ..
        } = &self.status;
        let errors = init_container_statuses
            .iter()
            .chain(container_statuses)
            .find_map(Container::error);
        errors.unwrap_or_else(|| "waiting for its containers to start".to_owned())
    }
}

impl Container {
    /// Why it can't start, if Kubernetes calls that an error.
    fn error(&self) -> Option<String> {
        let Why { reason, message, .. } = self.state.waiting.as_ref()?;
        let is_error = reason.starts_with("Err") || reason.ends_with("Error") || reason.ends_with("BackOff");
        let text = if message.is_empty() { reason } else { message };
        is_error.then(|| format!("container `{}` waits: {text}", self.name))
    }

    fn failure(&self) -> Option<String> {
        let Why {
            reason,
            message,
            exit_code,
        } = self.state.terminated.as_ref()?;
        match (&**message, &**reason, exit_code) {
            ("", "OOMKilled", _) => Some(format!("container `{}` ran out of memory (OOMKilled)", self.name)),
            ("", _, 0) => None,
            ("", _, code) => Some(format!("container `{}` failed with exit code {code}", self.name)),
            (message, _, _) => Some(message.to_owned()),
        }
    }
}
