//! What Deployments, `StatefulSets`, `DaemonSets` and `ReplicaSets` have in common: wanted and actual numbers of pods.

use capstan_sdk::Assessment;
use serde::Deserialize;

use crate::{
    condition::Condition,
    explain::{PODS, PODS_AND_EVENTS},
};

/// What of any workload is looked at.
#[derive(Deserialize)]
pub struct Workload {
    #[serde(default)]
    metadata: Metadata,
    /// The object's `spec`.
    #[serde(default)]
    pub spec: Spec,
    /// The object's `status`.
    #[serde(default)]
    pub status: Status,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    generation: i64,
}

/// The `spec`: the desired numbers of pods, and how they are replaced.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec {
    pub replicas: Option<i64>,
    pub paused: bool,
    pub min_ready_seconds: i64,
    pub update_strategy: Strategy,
}

/// How pods are replaced.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Strategy {
    #[serde(rename = "type")]
    pub kind: String,
    pub rolling_update: Option<RollingUpdate>,
}

/// How far a rolling update shall go.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct RollingUpdate {
    pub partition: Option<i64>,
}

/// The `status`: the actual numbers of pods, by revision and state.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Status {
    pub observed_generation: i64,
    pub replicas: i64,
    pub updated_replicas: i64,
    pub ready_replicas: i64,
    pub available_replicas: i64,
    pub desired_number_scheduled: i64,
    pub current_number_scheduled: i64,
    pub updated_number_scheduled: i64,
    pub number_available: i64,
    pub current_revision: String,
    pub update_revision: String,
    pub conditions: Vec<Condition>,
}

impl Workload {
    /// Says what may explain that it isn't as it should be, if anything may.
    pub fn needs(&self) -> &'static [&'static str] {
        let Status {
            replicas,
            desired_number_scheduled,
            current_number_scheduled,
            ..
        } = self.status;
        if !self.is_observed() {
            return &[];
        }
        // A Deployment's pods, and those of a ReplicaSet, are missed in a condition.
        let lacks_pods =
            replicas < self.spec.replicas.unwrap_or(0) || current_number_scheduled < desired_number_scheduled;
        if lacks_pods && self.status.conditions.is_empty() {
            PODS_AND_EVENTS
        } else {
            PODS
        }
    }

    /// Whether the controller has seen the spec as it is now; before that its numbers are about another one.
    pub fn is_observed(&self) -> bool {
        self.status.observed_generation >= self.metadata.generation
    }
}

/// The answer while the controller has not seen the spec as it is now.
pub fn unobserved(kind: &str) -> Assessment {
    Assessment::progressing(
        format!("{kind}/generation"),
        "its controller has not seen the latest spec yet",
    )
}

/// `1 replica`, `2 replicas`.
pub fn replicas(count: i64) -> String {
    if count == 1 {
        "1 replica".to_owned()
    } else {
        format!("{count} replicas")
    }
}
