//! The health of a `StatefulSet`. It is never degraded: nothing in its status says that it gave up.

use capstan_sdk::Assessment;

use crate::workload::{Workload, replicas, unobserved};

/// Judges a `StatefulSet`.
pub fn assess(set: &Workload) -> Assessment {
    let (spec, status) = (&set.spec, &set.status);
    if status.observed_generation == 0 || !set.is_observed() {
        return unobserved("StatefulSet");
    }
    let ready = status.ready_replicas;
    if let Some(wanted) = spec.replicas
        && ready < wanted
    {
        return Assessment::progressing("StatefulSet/ready", format!("{ready} of {} ready", replicas(wanted)));
    }
    if spec.update_strategy.kind == "RollingUpdate"
        && let Some(rolling) = &spec.update_strategy.rolling_update
    {
        // Pods below the partition keep the old revision on purpose.
        let updated = status.updated_replicas;
        let wanted = spec
            .replicas
            .zip(rolling.partition)
            .map(|(replicas, partition)| replicas - partition);
        if let Some(wanted) = wanted
            && updated < wanted
        {
            return Assessment::progressing(
                "StatefulSet/updated",
                format!("{updated} of {} updated", replicas(wanted)),
            );
        }
        return Assessment::healthy("StatefulSet/rolled-out").message(format!("{} ready", replicas(ready)));
    }
    if spec.update_strategy.kind == "OnDelete" {
        return Assessment::healthy("StatefulSet/on-delete").message(format!("{} ready", replicas(ready)));
    }
    if status.update_revision != status.current_revision {
        return Assessment::progressing(
            "StatefulSet/revision",
            "waiting for all replicas to have the new revision",
        );
    }
    Assessment::healthy("StatefulSet/rolled-out").message(format!("{} ready", replicas(ready)))
}
