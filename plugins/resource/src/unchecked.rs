//! The rule for kinds without a check: they count as healthy, by a rule that says so.

use capstan_sdk::Assessment;

use crate::object::Any;

/// Lets an object pass. Argo CD's outcome, but as a rule that people can see.
pub fn assess(object: &Any) -> Assessment {
    Assessment::healthy(format!("no check for {}: counts as healthy", object.kind()))
        .message("no health check for this kind")
}

#[cfg(test)]
mod tests {
    use capstan_sdk::HealthStatus::Healthy;
    use serde_json::json;

    use crate::cases::both;

    #[test]
    fn a_kind_without_a_check_counts_as_healthy_by_a_rule_that_says_so() {
        let message = "no health check for this kind";
        let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role"});
        both(
            "*/*",
            &[
                (
                    json!({"kind": "ConfigMap"}),
                    Healthy,
                    "no check for ConfigMap: counts as healthy",
                    message,
                ),
                (
                    role,
                    Healthy,
                    "no check for Role.rbac.authorization.k8s.io: counts as healthy",
                    message,
                ),
            ],
        );
    }
}
