//! The health of a Service: only one with a load balancer has to wait for anything.

use capstan_sdk::{Assessment, Mode};

use crate::load_balancer::Balanced;

const RULE: &str = "Service/load-balancer";

/// Assesses a Service.
pub fn assess(service: &Balanced, mode: Mode) -> Assessment {
    if service.spec.kind == "LoadBalancer" {
        return service.wait_for_address(RULE, mode);
    }
    Assessment::healthy("Service/no-load-balancer")
}

#[cfg(test)]
mod tests {
    use capstan_sdk::HealthStatus::{Healthy, Progressing};
    use serde_json::{Value, json};

    use crate::cases::{both, in_argocd, natively};

    const WAITING: &str = "waiting for the load balancer's address; if there will never be one, \
                           `capstan.dev/load-balancer: none` says so";

    fn balanced(status: &Value) -> Value {
        json!({"spec": {"type": "LoadBalancer"}, "status": status})
    }

    #[test]
    fn it_waits_only_for_its_load_balancer() {
        let address = json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}});
        let (rule, none) = ("Service/load-balancer", "Service/no-load-balancer");
        both(
            "Service",
            &[
                (balanced(&json!({"loadBalancer": {}})), Progressing, rule, WAITING),
                (balanced(&json!({})), Progressing, rule, WAITING),
                (balanced(&address), Healthy, rule, "has the load balancer's address"),
                (json!({"spec": {"type": "ClusterIP"}}), Healthy, none, ""),
                (json!({}), Healthy, none, ""),
            ],
        );
    }

    #[test]
    fn one_that_will_never_have_one_does_not_wait() {
        let mut service = balanced(&json!({}));
        service["metadata"] = json!({"annotations": {"capstan.dev/load-balancer": "none"}});
        let row = (
            service.clone(),
            Healthy,
            "Service/load-balancer",
            "no load balancer is expected",
        );
        natively("Service", &[row]);
        in_argocd("Service", &[(service, Progressing)]);
    }
}
