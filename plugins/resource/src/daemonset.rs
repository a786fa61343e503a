//! The health of a `DaemonSet`. It is never degraded: nothing in its status says that it gave up.

use capstan_sdk::{Assessment, Mode};

use crate::workload::{Workload, unobserved};

/// Assesses a `DaemonSet`.
pub fn assess(set: &Workload, mode: Mode) -> Assessment {
    let status = &set.status;
    if !set.is_observed() {
        return unobserved("DaemonSet");
    }
    let (desired, updated, available) = (
        status.desired_number_scheduled,
        status.updated_number_scheduled,
        status.number_available,
    );
    let on_delete = set.spec.update_strategy.kind == "OnDelete";
    if updated < desired && !on_delete {
        return Assessment::progressing(
            "DaemonSet/updated",
            format!("updated on {updated} of {}", nodes(desired)),
        );
    }
    // That old pods stay as they are is wanted; that there are none isn't, but Argo CD doesn't look.
    if available < desired && !(on_delete && mode == Mode::ArgoCd) {
        return Assessment::progressing(
            "DaemonSet/available",
            format!("available on {available} of {}", nodes(desired)),
        );
    }
    if on_delete {
        let message = format!("available on {available} of {}, {updated} updated", nodes(desired));
        return Assessment::healthy("DaemonSet/on-delete").message(message);
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

#[cfg(test)]
mod tests {
    use capstan_sdk::HealthStatus::{Healthy, Progressing};
    use serde_json::{Value, json};

    use crate::cases::{both, in_argocd, natively, seen};

    const SET: &str = "apps/DaemonSet";

    fn status(updated: u32, available: u32) -> Value {
        json!({"desiredNumberScheduled": 2, "updatedNumberScheduled": updated, "numberAvailable": available})
    }

    #[test]
    fn it_is_healthy_once_it_is_on_every_node() {
        let unseen = json!({"metadata": {"generation": 1}});
        let on_delete = json!({"updateStrategy": {"type": "OnDelete"}});
        let not_seen = "its controller has not seen the latest spec yet";
        both(
            SET,
            &[
                (unseen, Progressing, "DaemonSet/generation", not_seen),
                (
                    seen(&json!({}), &status(1, 2)),
                    Progressing,
                    "DaemonSet/updated",
                    "updated on 1 of 2 nodes",
                ),
                (
                    seen(&json!({}), &status(2, 1)),
                    Progressing,
                    "DaemonSet/available",
                    "available on 1 of 2 nodes",
                ),
                (
                    seen(&json!({}), &status(2, 2)),
                    Healthy,
                    "DaemonSet/rolled-out",
                    "available on 2 nodes",
                ),
                (
                    seen(&on_delete, &status(0, 2)),
                    Healthy,
                    "DaemonSet/on-delete",
                    "available on 2 of 2 nodes, 0 updated",
                ),
            ],
        );
    }

    #[test]
    fn pods_that_somebody_deletes_by_hand_must_be_there_but_not_new() {
        let none = seen(&json!({"updateStrategy": {"type": "OnDelete"}}), &status(0, 1));
        natively(
            SET,
            &[(
                none.clone(),
                Progressing,
                "DaemonSet/available",
                "available on 1 of 2 nodes",
            )],
        );
        in_argocd(SET, &[(none, Healthy)]);
    }
}
