//! The health of an Argo `Rollout`, as its controller reports it (`kubectl argo rollouts status`) and Argo CD reads it.

use capstan_sdk::Assessment;

use crate::managed::{Managed, of};

const PHASE: &str = "Rollout/phase";
const GENERATION: &str = "Rollout/generation";

/// Assesses a Rollout.
pub fn assess(rollout: &Managed) -> Assessment {
    if !is_observed(rollout) {
        return Assessment::progressing(GENERATION, "its controller has not seen the latest spec yet");
    }
    let message = |or: &str| match rollout.text("/status/message") {
        "" => or.to_owned(),
        said => said.to_owned(),
    };
    match rollout.text("/status/phase") {
        "" => without_phase(rollout),
        "Healthy" => Assessment::healthy(PHASE).message(message("healthy")),
        "Progressing" => Assessment::progressing(PHASE, message("progressing")),
        "Paused" => Assessment::suspended(PHASE, message("paused")),
        "Degraded" => {
            let answer = Assessment::degraded(PHASE, message("degraded"));
            // It stays aborted until somebody promotes it, retries it or changes it.
            if rollout.is_true("/status/abort") {
                answer.finally()
            } else {
                answer
            }
        }
        other => crate::phase::unknown(PHASE, other),
    }
}

/// Says whether the controller has seen the spec, and that of the workload that it refers to. Before version 0.10 `observedGeneration` is a
/// hash, and tells nothing.
fn is_observed(rollout: &Managed) -> bool {
    if !rollout.has_status() {
        return false;
    }
    let workload = rollout.number("/metadata/annotations/rollout.argoproj.io~1workload-generation");
    let has_workload = rollout.at("/spec/workloadRef").is_some() && workload.is_some();
    !rollout.is_outdated() && (!has_workload || workload == rollout.number("/status/workloadObservedGeneration"))
}

/// Judges one of a controller before version 1.0, which writes no phase.
fn without_phase(rollout: &Managed) -> Assessment {
    let conditions = rollout.conditions();
    let progressing = of(&conditions, "Progressing").map(|found| &found.condition);
    let given_up =
        progressing.filter(|one| ["RolloutAborted", "ProgressDeadlineExceeded"].contains(&one.reason.as_str()));
    let invalid = of(&conditions, "InvalidSpec").map(|found| &found.condition);
    if let Some(condition) = invalid.or(given_up) {
        return Assessment::degraded("Rollout/conditions", condition.text("degraded"));
    }
    let is_paused = rollout.is_true("/spec/paused")
        || rollout
            .at("/status/pauseConditions")
            .and_then(|found| found.as_array())
            .is_some_and(|found| !found.is_empty());
    if is_paused {
        return Assessment::suspended("Rollout/paused", "paused");
    }
    let current = rollout.text("/status/currentPodHash");
    if current.is_empty() {
        return Assessment::progressing(GENERATION, "its controller has not seen the latest spec yet");
    }
    let count = |field: &str| rollout.number(&format!("/status/{field}")).unwrap_or(0);
    let desired = rollout.number("/spec/replicas").unwrap_or(1);
    let updated = count("updatedReplicas");
    let stable = match rollout.text("/status/stableRS") {
        "" => rollout.text("/status/canary/stableRS"),
        found => found,
    };
    let is_blue_green = rollout.at("/spec/strategy/blueGreen").is_some();
    let progressing = |rule: &str, message: &str| Assessment::progressing(format!("Rollout/{rule}"), message);
    if updated < desired {
        progressing("updated", "more replicas need to be updated")
    } else if count("availableReplicas") < updated {
        progressing("available", "updated replicas are still becoming available")
    } else if is_blue_green && rollout.text("/status/blueGreen/activeSelector") != current {
        progressing("active-service", "the active service hasn't been switched yet")
    } else if is_blue_green && !stable.is_empty() && stable != current {
        progressing("analysis", "waiting for its analysis to complete")
    } else if !is_blue_green && count("replicas") > updated {
        progressing("old-replicas", "old replicas haven't ended yet")
    } else if !is_blue_green && stable != current {
        progressing("steps", "its steps are not finished")
    } else {
        Assessment::healthy("Rollout/rolled-out").message("rolled out")
    }
}

#[cfg(test)]
mod tests {
    use capstan_sdk::HealthStatus::{Degraded, Healthy, Progressing, Suspended, Unknown};
    use serde_json::{Value, json};

    use crate::cases::{both, native};

    const ROLLOUT: &str = "argoproj.io/Rollout";

    fn rollout(spec: &Value, status: &Value) -> Value {
        json!({"metadata": {"generation": 2}, "spec": spec, "status": status})
    }

    fn phase(phase: &str, message: &str) -> Value {
        rollout(
            &json!({}),
            &json!({"observedGeneration": "2", "phase": phase, "message": message}),
        )
    }

    #[test]
    fn its_controllers_phase_counts() {
        let unseen = "its controller has not seen the latest spec yet";
        let rule = "Rollout/phase";
        both(
            ROLLOUT,
            &[
                (json!({}), Progressing, "Rollout/generation", unseen),
                (
                    rollout(&json!({}), &json!({"observedGeneration": "1", "phase": "Healthy"})),
                    Progressing,
                    "Rollout/generation",
                    unseen,
                ),
                (phase("Healthy", ""), Healthy, rule, "healthy"),
                (
                    phase("Progressing", "more replicas"),
                    Progressing,
                    rule,
                    "more replicas",
                ),
                (phase("Paused", "CanaryPauseStep"), Suspended, rule, "CanaryPauseStep"),
                (phase("Degraded", "aborted"), Degraded, rule, "aborted"),
                (phase("Odd", ""), Unknown, rule, "unknown phase `Odd`"),
            ],
        );
    }

    #[test]
    fn one_that_was_aborted_is_degraded_for_good_though_its_old_pods_are_available() {
        let conditions = json!([
            {"type": "Available", "status": "True", "reason": "AvailableReason"},
            {"type": "Progressing", "status": "False", "reason": "RolloutAborted", "message": "aborted"},
            {"type": "Healthy", "status": "False", "reason": "RolloutHealthy"},
        ]);
        let status = json!({
            "observedGeneration": "2", "phase": "Degraded", "abort": true, "message": "RolloutAborted: metric failed",
            "conditions": conditions,
        });
        let object = rollout(&json!({}), &status);
        both(
            ROLLOUT,
            &[(
                object.clone(),
                Degraded,
                "Rollout/phase",
                "RolloutAborted: metric failed",
            )],
        );
        assert!(native(ROLLOUT, &object).is_final);
        assert!(!native(ROLLOUT, &phase("Degraded", "")).is_final);
    }

    #[test]
    fn the_workload_that_it_refers_to_must_be_seen_too() {
        let with = |seen: &str| {
            json!({
                "metadata": {"generation": 1, "annotations": {"rollout.argoproj.io/workload-generation": "3"}},
                "spec": {"workloadRef": {"name": "web"}},
                "status": {"observedGeneration": "1", "workloadObservedGeneration": seen, "phase": "Healthy"},
            })
        };
        both(
            ROLLOUT,
            &[
                (
                    with("2"),
                    Progressing,
                    "Rollout/generation",
                    "its controller has not seen the latest spec yet",
                ),
                (with("3"), Healthy, "Rollout/phase", "healthy"),
            ],
        );
    }

    #[test]
    fn without_a_phase_its_numbers_count() {
        let canary = json!({"replicas": 2, "strategy": {"canary": {}}});
        let blue_green = json!({"replicas": 2, "strategy": {"blueGreen": {"activeService": "a"}}});
        let status = |more: Value| {
            let mut status = json!({"currentPodHash": "b", "stableRS": "b", "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2});
            for (key, value) in more.as_object().into_iter().flatten() {
                status[key] = value.clone();
            }
            status
        };
        let condition =
            |kind: &str, reason: &str| json!({"conditions": [{"type": kind, "status": "True", "reason": reason}]});
        for (spec, more, expected, rule) in [
            (&canary, json!({}), Healthy, "Rollout/rolled-out"),
            (&canary, json!({"updatedReplicas": 1}), Progressing, "Rollout/updated"),
            (
                &canary,
                json!({"availableReplicas": 1}),
                Progressing,
                "Rollout/available",
            ),
            (&canary, json!({"replicas": 3}), Progressing, "Rollout/old-replicas"),
            (&canary, json!({"stableRS": "a"}), Progressing, "Rollout/steps"),
            (
                &canary,
                json!({"stableRS": null, "canary": {"stableRS": "b"}}),
                Healthy,
                "Rollout/rolled-out",
            ),
            (
                &canary,
                json!({"currentPodHash": null}),
                Progressing,
                "Rollout/generation",
            ),
            (
                &canary,
                json!({"pauseConditions": [{"reason": "x"}]}),
                Suspended,
                "Rollout/paused",
            ),
            (&canary, condition("InvalidSpec", ""), Degraded, "Rollout/conditions"),
            (
                &canary,
                condition("Progressing", "RolloutAborted"),
                Degraded,
                "Rollout/conditions",
            ),
            (
                &canary,
                condition("Progressing", "ProgressDeadlineExceeded"),
                Degraded,
                "Rollout/conditions",
            ),
            (
                &canary,
                condition("Progressing", "ReplicaSetUpdated"),
                Healthy,
                "Rollout/rolled-out",
            ),
            (&blue_green, json!({}), Progressing, "Rollout/active-service"),
            (
                &blue_green,
                json!({"blueGreen": {"activeSelector": "b"}}),
                Healthy,
                "Rollout/rolled-out",
            ),
            (
                &blue_green,
                json!({"blueGreen": {"activeSelector": "b"}, "stableRS": "a"}),
                Progressing,
                "Rollout/analysis",
            ),
        ] {
            let answer = native(ROLLOUT, &rollout(spec, &status(more.clone())));
            assert_eq!((answer.status, answer.rule.as_str()), (expected, rule), "{more}");
        }
    }
}
