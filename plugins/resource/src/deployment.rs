//! The health of a Deployment.

use capstan_sdk::Assessment;

use crate::{
    condition,
    workload::{Workload, replicas, unobserved},
};

/// Judges a Deployment.
pub fn assess(deployment: &Workload) -> Assessment {
    let (spec, status) = (&deployment.spec, &deployment.status);
    if spec.paused {
        return Assessment::suspended("Deployment/paused", "paused");
    }
    if !deployment.is_observed() {
        return unobserved("Deployment");
    }
    if let Some(progress) = condition::of(&status.conditions, "Progressing")
        && progress.reason == "ProgressDeadlineExceeded"
    {
        let message = if progress.message.is_empty() {
            "it exceeded its progress deadline"
        } else {
            &progress.message
        };
        return Assessment::degraded("Deployment/progress-deadline", message).finally();
    }
    let updated = status.updated_replicas;
    if let Some(wanted) = spec.replicas
        && updated < wanted
    {
        return Assessment::progressing(
            "Deployment/updated",
            format!("{updated} of {} updated", replicas(wanted)),
        );
    }
    if status.replicas > updated {
        let old = replicas(status.replicas - updated);
        return Assessment::progressing(
            "Deployment/old-replicas",
            format!("waiting for {old} of the old version to end"),
        );
    }
    let available = status.available_replicas;
    if available < updated {
        let message = format!("{available} of {} available", replicas(updated));
        return Assessment::progressing("Deployment/available", message);
    }
    Assessment::healthy("Deployment/rolled-out").message(format!("{} available", replicas(available)))
}
