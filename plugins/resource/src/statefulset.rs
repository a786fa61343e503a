//! The health of a `StatefulSet`. It is never degraded: nothing in its status says that it gave up.

use capstan_sdk::{Assessment, Mode};

use crate::workload::{Workload, replicas, unobserved};

/// Assesses a `StatefulSet`.
pub fn assess(set: &Workload, mode: Mode) -> Assessment {
    let (spec, status) = (&set.spec, &set.status);
    if status.observed_generation == 0 || !set.is_observed() {
        return unobserved("StatefulSet");
    }
    let ready = status.ready_replicas;
    if let Some(desired) = spec.replicas
        && ready < desired
    {
        return Assessment::progressing("StatefulSet/ready", format!("{ready} of {} ready", replicas(desired)));
    }
    if let Some(desired) = spec.replicas
        && status.available_replicas < desired
        && spec.min_ready_seconds > 0
        && mode == Mode::Native
    {
        let available = status.available_replicas;
        let message = format!(
            "{available} of {} ready for {} s",
            replicas(desired),
            spec.min_ready_seconds
        );
        return Assessment::progressing("StatefulSet/available", message);
    }
    let strategy = &spec.update_strategy;
    let text = format!("{} ready", replicas(ready));
    match (&*strategy.kind, &strategy.rolling_update) {
        ("RollingUpdate", Some(rolling)) => {
            // The API server writes 0 where nothing is said; Argo CD then doesn't look at the revision at all.
            let partition = match mode {
                Mode::Native => Some(rolling.partition.unwrap_or(0)),
                Mode::ArgoCd => rolling.partition,
            };
            // Pods below the partition keep the old revision on purpose.
            let desired = spec.replicas.zip(partition).map(|(all, partition)| all - partition);
            let updated = status.updated_replicas;
            match desired {
                Some(desired) if updated < desired => Assessment::progressing(
                    "StatefulSet/updated",
                    format!("{updated} of {} updated", replicas(desired)),
                ),
                Some(_) | None => Assessment::healthy("StatefulSet/rolled-out").message(text),
            }
        }
        ("OnDelete", _) => Assessment::healthy("StatefulSet/on-delete").message(text),
        _ if status.update_revision != status.current_revision => Assessment::progressing(
            "StatefulSet/revision",
            "waiting for all replicas to have the new revision",
        ),
        _ => Assessment::healthy("StatefulSet/rolled-out").message(text),
    }
}

#[cfg(test)]
mod tests {
    use capstan_sdk::HealthStatus::{Healthy, Progressing};
    use serde_json::{Value, json};

    use crate::cases::{both, in_argocd, natively, seen};

    const SET: &str = "apps/StatefulSet";
    const READY: &str = "3 replicas ready";

    fn spec(kind: &str, rolling: Value) -> Value {
        json!({"replicas": 3, "updateStrategy": {"type": kind, "rollingUpdate": rolling}})
    }

    fn status(ready: u32, updated: u32) -> Value {
        json!({"readyReplicas": ready, "updatedReplicas": updated, "currentRevision": "a", "updateRevision": "b"})
    }

    #[test]
    fn it_is_healthy_once_its_pods_are_ready_and_new() {
        let rolling = spec("RollingUpdate", json!({"partition": 0}));
        let same = json!({"readyReplicas": 3, "currentRevision": "b", "updateRevision": "b"});
        let unseen = json!({"spec": {"replicas": 0}});
        let mut behind = seen(&rolling, &same);
        behind["metadata"]["generation"] = json!(3);
        let not_seen = "its controller has not seen the latest spec yet";
        let (rolled_out, updated) = ("StatefulSet/rolled-out", "StatefulSet/updated");
        let partition = |count: i64| spec("RollingUpdate", json!({"partition": count}));
        let plain = spec("RollingUpdate", Value::Null);
        let revision = "waiting for all replicas to have the new revision";
        both(
            SET,
            &[
                (unseen, Progressing, "StatefulSet/generation", not_seen),
                (behind, Progressing, "StatefulSet/generation", not_seen),
                (
                    seen(&rolling, &status(2, 3)),
                    Progressing,
                    "StatefulSet/ready",
                    "2 of 3 replicas ready",
                ),
                (
                    seen(&rolling, &status(3, 2)),
                    Progressing,
                    updated,
                    "2 of 3 replicas updated",
                ),
                (seen(&rolling, &status(3, 3)), Healthy, rolled_out, READY),
                (
                    seen(&partition(2), &status(3, 0)),
                    Progressing,
                    updated,
                    "0 of 1 replica updated",
                ),
                (seen(&partition(2), &status(3, 1)), Healthy, rolled_out, READY),
                (seen(&partition(5), &status(3, 0)), Healthy, rolled_out, READY),
                (
                    seen(&spec("OnDelete", Value::Null), &status(3, 0)),
                    Healthy,
                    "StatefulSet/on-delete",
                    READY,
                ),
                (
                    seen(&spec("OnDelete", Value::Null), &status(2, 0)),
                    Progressing,
                    "StatefulSet/ready",
                    "2 of 3 replicas ready",
                ),
                (
                    seen(&plain, &status(3, 0)),
                    Progressing,
                    "StatefulSet/revision",
                    revision,
                ),
                (seen(&plain, &same), Healthy, rolled_out, READY),
            ],
        );
    }

    #[test]
    fn without_a_partition_all_pods_must_be_new() {
        let old = seen(&spec("RollingUpdate", json!({"maxUnavailable": 1})), &status(3, 0));
        natively(
            SET,
            &[(
                old.clone(),
                Progressing,
                "StatefulSet/updated",
                "0 of 3 replicas updated",
            )],
        );
        in_argocd(SET, &[(old, Healthy)]);
    }

    #[test]
    fn pods_must_be_ready_for_as_long_as_the_set_says() {
        let mut spec = spec("RollingUpdate", json!({"partition": 0}));
        spec["minReadySeconds"] = json!(10);
        let mut status = status(3, 3);
        status["availableReplicas"] = json!(2);
        let early = seen(&spec, &status);
        natively(
            SET,
            &[(
                early.clone(),
                Progressing,
                "StatefulSet/available",
                "2 of 3 replicas ready for 10 s",
            )],
        );
        in_argocd(SET, &[(early, Healthy)]);
        status["availableReplicas"] = json!(3);
        both(SET, &[(seen(&spec, &status), Healthy, "StatefulSet/rolled-out", READY)]);
    }
}
