//! The health of a `CustomResourceDefinition`: its kind can be used once it is established.
//!
//! Argo CD calls one that is not established degraded, which fails a wave in the moment between its creation and its
//! first use.

use capstan_sdk::{Assessment, Mode};

use crate::condition::{Conditioned, with};

/// Judges a `CustomResourceDefinition`.
pub fn assess(definition: &Conditioned, mode: Mode) -> Assessment {
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
    if with(conditions, "Established", "True").is_some() {
        return Assessment::healthy("CustomResourceDefinition/established").message("established");
    }
    // Argo CD, too, waits as long as there is no condition at all, or the installation has just begun.
    let is_installing = with(conditions, "Established", "False").is_some_and(|found| found.reason == "Installing");
    match mode {
        Mode::ArgoCd if !conditions.is_empty() && !is_installing => {
            Assessment::degraded("CustomResourceDefinition/established", "not established")
        }
        Mode::ArgoCd | Mode::Native => {
            Assessment::progressing("CustomResourceDefinition/established", "not established yet")
        }
    }
}

#[cfg(test)]
mod tests {
    use capstan_sdk::HealthStatus::{Degraded, Healthy, Progressing};
    use serde_json::json;

    use crate::cases::{both, in_argocd, natively, with_condition};

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

    #[test]
    fn one_that_is_not_established_yet_is_degraded_in_argo_cd() {
        let accepted = with_condition("NamesAccepted", "True", "NoConflicts", "no conflicts");
        natively(
            DEFINITION,
            &[(accepted.clone(), Progressing, ESTABLISHED, "not established yet")],
        );
        in_argocd(DEFINITION, &[(accepted, Degraded)]);
    }
}
