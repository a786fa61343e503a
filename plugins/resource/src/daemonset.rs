//! The health of a `DaemonSet`. It is never degraded: nothing in its status says that it gave up.

use capstan_sdk::Assessment;

use crate::workload::{Workload, unobserved};

/// Judges a `DaemonSet`.
pub fn assess(set: &Workload) -> Assessment {
    let (strategy, status) = (&set.spec.update_strategy, &set.status);
    if !set.is_observed() {
        return unobserved("DaemonSet");
    }
    let (wanted, updated, available) = (
        status.desired_number_scheduled,
        status.updated_number_scheduled,
        status.number_available,
    );
    if strategy.kind == "OnDelete" {
        return Assessment::healthy("DaemonSet/on-delete")
            .message(format!("available on {available} of {}", nodes(wanted)));
    }
    if updated < wanted {
        return Assessment::progressing(
            "DaemonSet/updated",
            format!("updated on {updated} of {}", nodes(wanted)),
        );
    }
    if available < wanted {
        return Assessment::progressing(
            "DaemonSet/available",
            format!("available on {available} of {}", nodes(wanted)),
        );
    }
    Assessment::healthy("DaemonSet/rolled-out").message(format!("available on {}", nodes(available)))
}

fn nodes(count: i64) -> String {
    if count == 1 {
        "1 node".to_owned()
    } else {
        format!("{count} nodes")
    }
}
