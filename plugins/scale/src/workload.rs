//! What of a workload says how many replicas it has.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::FROM;

/// A Deployment, StatefulSet or ReplicaSet.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Workload {
    metadata: Metadata,
    spec: Spec,
    status: Status,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    generation: i64,
    annotations: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Spec {
    replicas: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    observed_generation: i64,
    replicas: u32,
    ready_replicas: u32,
}

impl Workload {
    /// How many are wanted now.
    pub(crate) fn replicas(&self) -> u32 {
        self.spec.replicas.unwrap_or(1)
    }

    /// How many were wanted before it was scaled.
    pub(crate) fn from(&self) -> Option<u32> {
        self.metadata.annotations.get(FROM)?.parse().ok()
    }

    /// Whether so many are there and ready, and no other, as its controller has seen.
    pub(crate) fn is_at(&self, to: u32) -> bool {
        let status = &self.status;
        self.replicas() == to
            && status.observed_generation >= self.metadata.generation
            && status.replicas == to
            && status.ready_replicas == to
    }

    /// How far it is.
    pub(crate) fn progress(&self, to: u32) -> String {
        let Status {
            replicas,
            ready_replicas,
            ..
        } = self.status;
        if self.replicas() != to {
            format!("somebody scales it to {}", self.replicas())
        } else if replicas > to {
            format!("{replicas} replicas, {to} wanted")
        } else {
            format!("{ready_replicas} of {to} ready")
        }
    }
}
