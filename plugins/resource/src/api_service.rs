//! The health of an `APIService`: the API server reaches the one that serves it.

use capstan_sdk::Assessment;

use crate::condition::{Conditioned, of};

const RULE: &str = "APIService/available";

/// Assesses an `APIService`.
pub fn assess(service: &Conditioned) -> Assessment {
    match of(&service.status.conditions, "Available") {
        Some(available) if available.is_true() => Assessment::healthy(RULE).message(available.text("available")),
        Some(available) => Assessment::progressing(RULE, available.text("not available")),
        None => Assessment::progressing(RULE, "its availability hasn't been checked yet"),
    }
}

#[cfg(test)]
mod tests {
    use capstan_sdk::HealthStatus::{Healthy, Progressing};
    use serde_json::json;

    use crate::cases::{both, with_condition};

    #[test]
    fn it_is_healthy_once_it_is_available() {
        let available =
            |status: &str, reason: &str, message: &str| with_condition("Available", status, reason, message);
        let rule = "APIService/available";
        both(
            "apiregistration.k8s.io/APIService",
            &[
                (json!({}), Progressing, rule, "its availability hasn't been checked yet"),
                (
                    available("True", "Passed", "all checks passed"),
                    Healthy,
                    rule,
                    "Passed: all checks passed",
                ),
                (available("True", "", ""), Healthy, rule, "available"),
                (
                    available("False", "MissingEndpoints", ""),
                    Progressing,
                    rule,
                    "MissingEndpoints",
                ),
                (available("Unknown", "", ""), Progressing, rule, "not available"),
            ],
        );
    }
}
