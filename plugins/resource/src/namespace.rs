//! The health of a Namespace. Argo CD has no check for it.

use capstan_sdk::Assessment;

use crate::phase::{Phased, unknown};

const RULE: &str = "Namespace/phase";

/// Judges a Namespace. One that is being deleted has been told from the others before.
pub fn assess(namespace: &Phased) -> Assessment {
    match &*namespace.status.phase {
        // Without a phase it is so new that nobody has looked at it, and already of use.
        "Active" | "" => Assessment::healthy(RULE).message("active"),
        "Terminating" => Assessment::progressing(RULE, "being deleted"),
        other => unknown(RULE, other),
    }
}

#[cfg(test)]
mod tests {
    use capstan_sdk::HealthStatus::{Healthy, Progressing, Unknown};
    use serde_json::json;

    use crate::cases::{in_argocd, natively};

    #[test]
    fn it_is_healthy_unless_it_is_leaving() {
        let phase = |phase: &str| json!({"status": {"phase": phase}});
        natively(
            "Namespace",
            &[
                (phase("Active"), Healthy, "Namespace/phase", "active"),
                (json!({}), Healthy, "Namespace/phase", "active"),
                (phase("Terminating"), Progressing, "Namespace/phase", "being deleted"),
                (phase("Odd"), Unknown, "Namespace/phase", "unknown phase `Odd`"),
            ],
        );
        in_argocd("Namespace", &[(phase("Active"), Healthy), (phase("Odd"), Healthy)]);
    }
}
