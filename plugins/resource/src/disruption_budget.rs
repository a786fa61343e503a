//! The health of a `PodDisruptionBudget`.

use capstan_sdk::{Assessment, Mode};

use crate::condition::Conditioned;

const RULE: &str = "PodDisruptionBudget/conditions";

/// Judges a `PodDisruptionBudget`. That too few pods are there is what it is for.
pub fn assess(budget: &Conditioned, mode: Mode) -> Assessment {
    let conditions = &budget.status.conditions;
    let bad = conditions
        .iter()
        .find(|condition| condition.status == "False" && condition.reason != "InsufficientPods");
    match (bad, conditions.last(), mode) {
        (Some(bad), ..) => Assessment::degraded(RULE, bad.text("it can't be computed")),
        (None, Some(last), _) => Assessment::healthy(RULE).message(&last.reason),
        (None, None, Mode::ArgoCd) => Assessment::progressing(RULE, "no status yet"),
        // It has nothing to wait for: the pods it speaks of may come in a later wave.
        (None, None, Mode::Native) => Assessment::healthy(RULE).message("no status yet"),
    }
}

#[cfg(test)]
mod tests {
    use capstan_sdk::HealthStatus::{Degraded, Healthy, Progressing};
    use serde_json::json;

    use crate::cases::{both, in_argocd, natively, with_condition};

    const BUDGET: &str = "policy/PodDisruptionBudget";
    const RULE: &str = "PodDisruptionBudget/conditions";

    #[test]
    fn it_is_healthy_unless_it_can_not_be_computed() {
        let allowed =
            |status: &str, reason: &str, message: &str| with_condition("DisruptionAllowed", status, reason, message);
        both(
            BUDGET,
            &[
                (allowed("True", "SufficientPods", ""), Healthy, RULE, "SufficientPods"),
                (
                    allowed("False", "InsufficientPods", ""),
                    Healthy,
                    RULE,
                    "InsufficientPods",
                ),
                (
                    allowed("False", "SyncFailed", "two budgets"),
                    Degraded,
                    RULE,
                    "SyncFailed: two budgets",
                ),
            ],
        );
    }

    #[test]
    fn one_that_nobody_has_looked_at_has_nothing_to_wait_for() {
        natively(BUDGET, &[(json!({}), Healthy, RULE, "no status yet")]);
        in_argocd(BUDGET, &[(json!({}), Progressing)]);
    }
}
