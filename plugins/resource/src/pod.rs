//! The health of a Pod.
//!
//! One that always restarts is healthy when it is ready. Any other is healthy when it has succeeded, and on its way
//! before: so a Pod as a hook ends by its phase.

mod container;

use capstan_sdk::{Assessment, Mode};
use container::{Container, Spec};
use serde::Deserialize;

use crate::{
    condition::{Condition, with},
    object::being_deleted,
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
#[serde(default)]
struct Metadata {
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
struct Status {
    phase: String,
    message: String,
    conditions: Vec<Condition>,
    init_container_statuses: Vec<Container>,
    container_statuses: Vec<Container>,
}

/// Judges a Pod; `is_going` if it is being deleted.
pub fn assess(pod: &Pod, is_going: bool, mode: Mode) -> Assessment {
    // What has ended has a verdict, though it is being deleted since.
    if mode == Mode::Native
        && let Some(verdict) = pod.verdict()
    {
        return verdict;
    }
    if is_going {
        return being_deleted();
    }
    if pod.always_runs(mode) {
        let stuck = pod.stuck(mode);
        if !stuck.is_empty() {
            return Assessment::degraded("Pod/container-waiting", stuck.join(", "));
        }
    }
    pod.verdict().unwrap_or_else(|| pod.on_its_way(mode))
}

impl Pod {
    fn verdict(&self) -> Option<Assessment> {
        match &*self.status.phase {
            "Succeeded" => Some(Assessment::healthy("Pod/succeeded").message("succeeded").finally()),
            "Failed" => Some(Assessment::degraded("Pod/failed", self.failure()).finally()),
            _ => None,
        }
    }

    fn on_its_way(&self, mode: Mode) -> Assessment {
        let status = &self.status;
        match (&*status.phase, mode) {
            ("Pending", _) | ("", Mode::Native) => Assessment::progressing("Pod/pending", self.obstacle()),
            ("Running", _) if self.always_runs(mode) => self.readiness(),
            ("Running", _) if self.is_known_to_end(mode) => Assessment::progressing("Pod/running", self.work()),
            (other, _) => Assessment::unknown("Pod/phase", format!("unknown phase `{other}`")),
        }
    }

    fn readiness(&self) -> Assessment {
        if with(&self.status.conditions, "Ready", "True").is_some() {
            return Assessment::healthy("Pod/ready").message("ready");
        }
        match self
            .status
            .container_statuses
            .iter()
            .find(|container| container.was_restarted())
        {
            Some(restarted) => {
                Assessment::degraded("Pod/restarted", format!("container `{}` was restarted", restarted.name))
            }
            None => Assessment::progressing("Pod/ready", "not ready yet"),
        }
    }

    /// Whether it has no end of its own. The annotation says so of Pods that others restart; not of hooks, which must
    /// end.
    fn always_runs(&self, mode: Mode) -> bool {
        let notes = &self.metadata.annotations;
        let is_hook = notes.argocd_hook.is_some() || notes.helm_hook.is_some() || notes.hook.is_some();
        let is_annotated = notes.ignore_restart_policy == "true" && !is_hook;
        let policy = &*self.spec.restart_policy;
        // What Kubernetes takes if the manifest says nothing; Argo CD then knows nothing.
        policy == "Always" || (policy.is_empty() && mode == Mode::Native) || is_annotated
    }

    fn is_known_to_end(&self, mode: Mode) -> bool {
        mode == Mode::Native || matches!(&*self.spec.restart_policy, "OnFailure" | "Never")
    }

    /// Lists the containers that can't start. Argo CD looks at none that initializes, though nothing starts before it.
    fn stuck(&self, mode: Mode) -> Vec<String> {
        let Status {
            init_container_statuses,
            container_statuses,
            ..
        } = &self.status;
        let main = container_statuses.iter().filter_map(Container::error);
        match mode {
            Mode::ArgoCd => main.collect(),
            // One that crashes may wait for something that comes later.
            Mode::Native => init_container_statuses
                .iter()
                .filter(|container| !container.crashes())
                .filter_map(Container::error)
                .chain(main)
                .collect(),
        }
    }

    /// Why it failed: its own message, else that of the first container that did. A sidecar that is stopped at the end
    /// often fails by that, so the others come first.
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
        let (sidecars, others): (Vec<_>, Vec<_>) = init_container_statuses
            .iter()
            .chain(container_statuses)
            .partition(|container| self.spec.is_sidecar(&container.name));
        let why = others.into_iter().chain(sidecars).find_map(Container::failure);
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

    /// What a running Pod does that will end.
    fn work(&self) -> &'static str {
        let main = &self.status.container_statuses;
        if !main.is_empty() && main.iter().all(Container::has_ended) {
            "its work is done; waiting for its sidecars to end"
        } else {
            "running"
        }
    }
}

#[cfg(test)]
mod tests;
