//! The health of a `CustomResourceDefinition`: its kind can be used once it is established.

use capstan_sdk::Assessment;

use crate::condition::{Conditioned, of, with};

/// Assesses a `CustomResourceDefinition`.
pub fn assess(definition: &Conditioned) -> Assessment {
    let conditions = &definition.status.conditions;
    if with(conditions, "Terminating", "True").is_some() {
        return Assessment::progressing("CustomResourceDefinition/terminating", "being deleted");
    }
    if let Some(refused) = with(conditions, "NamesAccepted", "False") {
        return Assessment::degraded("CustomResourceDefinition/names", &refused.message);
    }
    if let Some(flaw) = with(conditions, "NonStructuralSchema", "True") {
        return Assessment::degraded("CustomResourceDefinition/schema", &flaw.message);
    }
    match of(conditions, "Established") {
        Some(established) if established.is_true() => {
            Assessment::healthy("CustomResourceDefinition/established").message("established")
        }
        Some(established) if established.reason == "InvalidCABundle" => {
            Assessment::degraded("CustomResourceDefinition/ca-bundle", &established.message)
        }
        // The server establishes it shortly after it accepted its names.
        Some(_) | None => Assessment::progressing("CustomResourceDefinition/established", "not established yet"),
    }
}

#[cfg(test)]
mod tests {
    use capstan_sdk::HealthStatus::{Degraded, Healthy, Progressing};
    use serde_json::json;

    use crate::cases::{both, with_condition};

    const DEFINITION: &str = "apiextensions.k8s.io/CustomResourceDefinition";
    const ESTABLISHED: &str = "CustomResourceDefinition/established";

    #[test]
    fn it_is_healthy_once_it_is_established() {
        let with = |kind: &str, status: &str, reason: &str| with_condition(kind, status, reason, "taken");
        let leaving = (
            with("Terminating", "True", "InstanceDeletionInProgress"),
            Progressing,
            "CustomResourceDefinition/terminating",
            "being deleted",
        );
        both(
            DEFINITION,
            &[
                (json!({}), Progressing, ESTABLISHED, "not established yet"),
                (
                    with("Established", "False", "Installing"),
                    Progressing,
                    ESTABLISHED,
                    "not established yet",
                ),
                (
                    with("NamesAccepted", "True", "NoConflicts"),
                    Progressing,
                    ESTABLISHED,
                    "not established yet",
                ),
                (
                    with("Established", "False", "InvalidCABundle"),
                    Degraded,
                    "CustomResourceDefinition/ca-bundle",
                    "taken",
                ),
                (
                    with("Established", "True", "InitialNamesAccepted"),
                    Healthy,
                    ESTABLISHED,
                    "established",
                ),
                (
                    with("NamesAccepted", "False", "ListKindConflict"),
                    Degraded,
                    "CustomResourceDefinition/names",
                    "taken",
                ),
                (
                    with("NonStructuralSchema", "True", "Violations"),
                    Degraded,
                    "CustomResourceDefinition/schema",
                    "taken",
                ),
                leaving,
            ],
        );
    }
}
