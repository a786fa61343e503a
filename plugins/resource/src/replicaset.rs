//! The health of a `ReplicaSet`.

use capstan_sdk::Assessment;

use crate::{
    condition,
    workload::{Workload, replicas, unobserved},
};

/// Judges a `ReplicaSet`.
pub fn assess(set: &Workload) -> Assessment {
    if !set.is_observed() {
        return unobserved("ReplicaSet");
    }
    if let Some(failure) = condition::with(&set.status.conditions, "ReplicaFailure", "True") {
        return Assessment::degraded("ReplicaSet/replica-failure", &failure.message);
    }
    let available = set.status.available_replicas;
    match set.spec.replicas {
        Some(wanted) if available < wanted => {
            let message = format!("{available} of {} available", replicas(wanted));
            Assessment::progressing("ReplicaSet/available", message)
        }
        Some(_) | None => {
            Assessment::healthy("ReplicaSet/available").message(format!("{} available", replicas(available)))
        }
    }
}
