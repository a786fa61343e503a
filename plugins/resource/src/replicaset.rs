//! The health of a `ReplicaSet`, and of a `ReplicationController`, for which Argo CD has no check.

use capstan_sdk::Assessment;

use crate::{
    condition,
    workload::{Workload, replicas, unobserved},
};

/// Judges one; `kind` is its kind.
pub fn assess(set: &Workload, kind: &str) -> Assessment {
    if !set.is_observed() {
        return unobserved(kind);
    }
    if let Some(failure) = condition::with(&set.status.conditions, "ReplicaFailure", "True") {
        return Assessment::degraded(format!("{kind}/replica-failure"), &failure.message);
    }
    let available = set.status.available_replicas;
    let rule = format!("{kind}/available");
    match set.spec.replicas {
        Some(desired) if available < desired => {
            Assessment::progressing(rule, format!("{available} of {} available", replicas(desired)))
        }
        Some(_) | None => Assessment::healthy(rule).message(format!("{} available", replicas(available))),
    }
}

#[cfg(test)]
mod tests {
    use capstan_sdk::HealthStatus::{Degraded, Healthy, Progressing};
    use serde_json::json;

    use crate::cases::{both, in_argocd, natively, seen};

    #[test]
    fn it_is_healthy_once_its_pods_are_available() {
        let one = json!({"replicas": 1});
        let failure = |status: &str| json!({"conditions": [{"type": "ReplicaFailure", "status": status, "message": "exceeded quota"}]});
        let unseen = json!({"metadata": {"generation": 1}});
        let available = seen(&one, &json!({"availableReplicas": 1}));
        for (claim, kind) in [
            ("apps/ReplicaSet", "ReplicaSet"),
            ("ReplicationController", "ReplicationController"),
        ] {
            let rule = |name: &str| format!("{kind}/{name}");
            let not_seen = "its controller has not seen the latest spec yet";
            let rows = [
                (unseen.clone(), Progressing, &*rule("generation"), not_seen),
                (
                    seen(&one, &failure("True")),
                    Degraded,
                    &*rule("replica-failure"),
                    "exceeded quota",
                ),
                (
                    seen(&one, &failure("False")),
                    Progressing,
                    &*rule("available"),
                    "0 of 1 replica available",
                ),
                (available.clone(), Healthy, &*rule("available"), "1 replica available"),
                (
                    seen(&json!({}), &json!({})),
                    Healthy,
                    &*rule("available"),
                    "0 replicas available",
                ),
            ];
            if kind == "ReplicaSet" {
                both(claim, &rows);
            } else {
                natively(claim, &rows);
                in_argocd(claim, &rows.map(|(object, ..)| (object, Healthy)));
            }
        }
    }
}
