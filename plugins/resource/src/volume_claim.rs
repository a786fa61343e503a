//! The health of a `PersistentVolumeClaim`.

use capstan_sdk::Assessment;

use crate::phase::{Phased, unknown};

const RULE: &str = "PersistentVolumeClaim/phase";

/// Judges a `PersistentVolumeClaim`.
pub fn assess(claim: &Phased) -> Assessment {
    match &*claim.status.phase {
        "Bound" => Assessment::healthy(RULE).message("bound"),
        "Lost" => Assessment::degraded(RULE, "its volume is lost"),
        // Whether its storage class binds only for the first Pod can't be told from the claim.
        "Pending" => Assessment::progressing(
            RULE,
            "no volume yet; with volumeBindingMode WaitForFirstConsumer there is none before a Pod uses it",
        ),
        other => unknown(RULE, other),
    }
}

#[cfg(test)]
mod tests {
    use capstan_sdk::HealthStatus::{Degraded, Healthy, Progressing, Unknown};
    use serde_json::json;

    use super::RULE;
    use crate::cases::both;

    #[test]
    fn it_is_healthy_once_it_is_bound() {
        let pending = "no volume yet; with volumeBindingMode WaitForFirstConsumer there is none before a Pod uses it";
        let phase = |phase: &str| json!({"status": {"phase": phase}});
        both(
            "PersistentVolumeClaim",
            &[
                (phase("Bound"), Healthy, RULE, "bound"),
                (phase("Pending"), Progressing, RULE, pending),
                (phase("Lost"), Degraded, RULE, "its volume is lost"),
                (phase("Odd"), Unknown, RULE, "unknown phase `Odd`"),
                (json!({}), Unknown, RULE, "no phase yet"),
            ],
        );
    }
}
