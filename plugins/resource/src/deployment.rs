//! The health of a Deployment.

use capstan_sdk::Assessment;

use crate::{
    condition,
    workload::{Workload, replicas, unobserved},
};

/// Assesses a Deployment.
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
    let Some(waiting) = unfinished(deployment) else {
        let message = format!("{} available", replicas(status.available_replicas));
        return Assessment::healthy("Deployment/rolled-out").message(message);
    };
    // Argo CD waits as well, but can't say for what.
    if let Some(failure) = condition::with(&status.conditions, "ReplicaFailure", "True") {
        return Assessment::progressing("Deployment/replica-failure", failure.text("pods can't be made"));
    }
    waiting
}

/// Says what the rollout still waits for.
fn unfinished(deployment: &Workload) -> Option<Assessment> {
    let status = &deployment.status;
    let updated = status.updated_replicas;
    if let Some(desired) = deployment.spec.replicas
        && updated < desired
    {
        let message = format!("{updated} of {} updated", replicas(desired));
        return Some(Assessment::progressing("Deployment/updated", message));
    }
    if status.replicas > updated {
        let old = replicas(status.replicas - updated);
        let message = format!("waiting for {old} of the old version to end");
        return Some(Assessment::progressing("Deployment/old-replicas", message));
    }
    let available = status.available_replicas;
    (available < updated).then(|| {
        let message = format!("{available} of {} available", replicas(updated));
        Assessment::progressing("Deployment/available", message)
    })
}

#[cfg(test)]
mod tests {
    use capstan_sdk::HealthStatus::{Degraded, Healthy, Progressing, Suspended};
    use serde_json::{Value, json};

    use crate::cases::{both, native, seen};

    const NOT_SEEN: &str = "its controller has not seen the latest spec yet";

    fn status(total: u32, updated: u32, available: u32) -> Value {
        json!({"replicas": total, "updatedReplicas": updated, "availableReplicas": available})
    }

    fn late(message: &str) -> Value {
        let condition =
            json!({"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": message});
        json!({ "conditions": [condition] })
    }

    #[test]
    fn it_is_healthy_once_it_is_rolled_out() {
        let three = json!({"replicas": 3});
        let paused = json!({"replicas": 3, "paused": true});
        let mut unseen = seen(&three, &status(3, 3, 3));
        unseen["status"]["observedGeneration"] = json!(1);
        let timed_out = "ReplicaSet \"a\" has timed out progressing.";
        let deadline = "Deployment/progress-deadline";
        both(
            "apps/Deployment",
            &[
                (seen(&paused, &json!({})), Suspended, "Deployment/paused", "paused"),
                (unseen, Progressing, "Deployment/generation", NOT_SEEN),
                (
                    json!({"metadata": {"generation": 1}, "spec": {"replicas": 1}}),
                    Progressing,
                    "Deployment/generation",
                    NOT_SEEN,
                ),
                (seen(&three, &late(timed_out)), Degraded, deadline, timed_out),
                (
                    seen(&three, &late("")),
                    Degraded,
                    deadline,
                    "it exceeded its progress deadline",
                ),
                (
                    seen(&three, &status(3, 1, 3)),
                    Progressing,
                    "Deployment/updated",
                    "1 of 3 replicas updated",
                ),
                (
                    seen(&three, &status(4, 3, 3)),
                    Progressing,
                    "Deployment/old-replicas",
                    "waiting for 1 replica of the old version to end",
                ),
                (
                    seen(&three, &status(3, 3, 1)),
                    Progressing,
                    "Deployment/available",
                    "1 of 3 replicas available",
                ),
                (
                    seen(&three, &status(3, 3, 3)),
                    Healthy,
                    "Deployment/rolled-out",
                    "3 replicas available",
                ),
                (
                    seen(&json!({"replicas": 0}), &json!({})),
                    Healthy,
                    "Deployment/rolled-out",
                    "0 replicas available",
                ),
                (
                    seen(&json!({}), &status(1, 1, 1)),
                    Healthy,
                    "Deployment/rolled-out",
                    "1 replica available",
                ),
            ],
        );
        assert!(native("apps/Deployment", &seen(&three, &late(timed_out))).is_final);
    }

    #[test]
    fn pods_that_can_not_be_made_are_what_it_waits_for() {
        let mut status = status(1, 1, 1);
        let failure =
            json!({"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"});
        status["conditions"] = json!([failure]);
        let (rule, message) = ("Deployment/replica-failure", "FailedCreate: exceeded quota");
        both(
            "apps/Deployment",
            &[
                (seen(&json!({"replicas": 3}), &status), Progressing, rule, message),
                (
                    seen(&json!({"replicas": 1}), &status),
                    Healthy,
                    "Deployment/rolled-out",
                    "1 replica available",
                ),
            ],
        );
    }
}
