//! Why a workload isn't as it should be: what its pods tell, or an event about it.

use capstan_sdk::{Assessment, Failure, HealthInput, HealthStatus};

/// What is asked for where pods are missing: why they can't be made is told by events alone.
pub const PODS_AND_EVENTS: &[&str] = &["owned-pods", "events"];
/// What is asked for where pods are there.
pub const PODS: &[&str] = &["owned-pods"];

/// Asks for what may explain an answer, and then tells it: in place of numbers, and beside a verdict.
pub fn explain(answer: Assessment, input: &HealthInput<'_>, words: &[&str]) -> Result<Assessment, Failure> {
    let has_numbers = match answer.status {
        HealthStatus::Progressing => true,
        HealthStatus::Degraded => false,
        HealthStatus::Healthy | HealthStatus::Suspended | HealthStatus::Missing | HealthStatus::Unknown => {
            return Ok(answer);
        }
    };
    if !input.is_second() {
        return Ok(words.iter().fold(answer, |answer, word| answer.need(*word)));
    }
    Ok(match input.explanation()? {
        Some(text) if has_numbers => answer.message(text),
        Some(text) => {
            let message = format!("{}; {text}", answer.message);
            answer.message(message)
        }
        None => answer,
    })
}

#[cfg(test)]
mod tests {
    use capstan_sdk::HealthStatus::{Degraded, Healthy, Progressing};
    use serde_json::{Value, json};

    use crate::cases::{native, related, seen};

    fn pods(reason: &str, count: usize) -> Value {
        let waiting = json!({"waiting": {"reason": reason, "message": "... not found"}});
        let status = json!({"containerStatuses": [{"name": "main", "image": "acme/api:1.2", "state": waiting}]});
        let pod = json!({"metadata": {"name": "a"}, "status": status});
        json!({"objects": vec![pod; count], "total": 3})
    }

    /// Workloads that wait for one pod of three.
    fn waiting() -> [(&'static str, Value); 5] {
        let spec = json!({"replicas": 3, "updateStrategy": {"type": "RollingUpdate"}});
        let status = json!({
            "replicas": 3, "updatedReplicas": 3, "readyReplicas": 2, "availableReplicas": 2,
            "desiredNumberScheduled": 3, "currentNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 2,
        });
        [
            "apps/Deployment",
            "apps/StatefulSet",
            "apps/DaemonSet",
            "apps/ReplicaSet",
            "ReplicationController",
        ]
        .map(|claim| (claim, seen(&spec, &status)))
    }

    #[test]
    fn who_waits_asks_for_the_pods_and_says_what_they_tell() {
        for (claim, object) in waiting() {
            let first = native(claim, &object);
            assert_eq!(
                (first.status, &*first.need),
                (Progressing, &["owned-pods".to_owned()][..]),
                "{claim}"
            );
            let second = related(claim, &object, &json!({"owned-pods": pods("ImagePullBackOff", 2)}));
            assert_eq!(
                second.message, "2 of 3 pods: back-off pulling image acme/api:1.2 (not found)",
                "{claim}"
            );
            assert_eq!(
                (second.status, &second.rule, second.need.len()),
                (first.status, &first.rule, 0),
                "{claim}"
            );
        }
    }

    #[test]
    fn pods_that_tell_nothing_and_a_refusal_leave_the_numbers() {
        for (claim, object) in waiting() {
            let first = native(claim, &object);
            for found in [pods("ContainerCreating", 1), json!({"refused": "may not"})] {
                let second = related(claim, &object, &json!({"owned-pods": found}));
                assert_eq!(second.message, first.message, "{claim}");
            }
        }
    }

    #[test]
    fn who_is_healthy_or_not_yet_seen_needs_nothing() {
        let all = json!({"replicas": 3, "updatedReplicas": 3, "availableReplicas": 3});
        let healthy = native("apps/Deployment", &seen(&json!({"replicas": 3}), &all));
        assert_eq!((healthy.status, healthy.need.len()), (Healthy, 0));
        let new = native("apps/Deployment", &json!({"metadata": {"generation": 1}}));
        assert_eq!((new.status, new.need.len()), (Progressing, 0));
    }

    #[test]
    fn pods_that_can_not_be_made_are_told_by_events() {
        let none = json!({"desiredNumberScheduled": 3, "updatedNumberScheduled": 3});
        let events = json!({"objects": [
            {"type": "Normal", "reason": "Fine", "message": "all is well"},
            {"type": "Warning", "reason": "FailedCreate", "message": "exceeded quota"},
            {"type": "Warning", "reason": "Older", "message": "something else"},
        ], "total": 3});
        for claim in ["apps/StatefulSet", "apps/DaemonSet"] {
            let object = seen(&json!({"replicas": 3}), &none);
            assert_eq!(native(claim, &object).need, ["owned-pods", "events"], "{claim}");
            let found = json!({"owned-pods": {"objects": [], "total": 0}, "events": events});
            assert_eq!(
                related(claim, &object, &found).message,
                "FailedCreate: exceeded quota",
                "{claim}"
            );
        }
    }

    #[test]
    fn a_verdict_stands_beside_what_the_pods_tell() {
        let late = json!({"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"});
        let object = seen(&json!({"replicas": 3}), &json!({ "conditions": [late] }));
        let first = native("apps/Deployment", &object);
        assert_eq!((first.status, first.is_final, first.need.len()), (Degraded, true, 1));
        let second = related(
            "apps/Deployment",
            &object,
            &json!({"owned-pods": pods("ErrImagePull", 1)}),
        );
        assert_eq!(
            second.message,
            "timed out; 1 of 3 pods: back-off pulling image acme/api:1.2 (not found)"
        );
        assert!(second.is_final);
    }
}
