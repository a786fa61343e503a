//! The health of an `EventBus` of Argo Events.

use capstan_sdk::Assessment;

use crate::managed::{Managed, of};

const RULE: &str = "EventBus/deployed";

/// Assesses an `EventBus`.
pub fn assess(bus: &Managed) -> Assessment {
    let conditions = bus.conditions();
    match of(&conditions, "Deployed").map(|found| &found.condition) {
        Some(deployed) if deployed.is_true() => Assessment::healthy(RULE).message(deployed.text("deployed")),
        Some(deployed) if deployed.status == "False" => Assessment::degraded(RULE, deployed.text("not deployed")),
        _ => Assessment::progressing(RULE, "not deployed yet"),
    }
}

#[cfg(test)]
mod tests {
    use capstan_sdk::HealthStatus::{Degraded, Healthy, Progressing};
    use serde_json::json;

    use crate::cases::{both, with_condition};

    #[test]
    fn it_is_healthy_once_it_is_deployed() {
        let rule = "EventBus/deployed";
        both(
            "argoproj.io/EventBus",
            &[
                (json!({}), Progressing, rule, "not deployed yet"),
                (
                    with_condition("Deployed", "Unknown", "", ""),
                    Progressing,
                    rule,
                    "not deployed yet",
                ),
                (with_condition("Deployed", "True", "", "up"), Healthy, rule, "up"),
                (
                    with_condition("Deployed", "False", "NoStorage", ""),
                    Degraded,
                    rule,
                    "NoStorage",
                ),
            ],
        );
    }
}
