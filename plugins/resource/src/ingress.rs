//! The health of an Ingress: it has the address of its load balancer.

use capstan_sdk::{Assessment, Mode};

use crate::load_balancer::Balanced;

/// Assesses an Ingress.
pub fn assess(ingress: &Balanced, mode: Mode) -> Assessment {
    ingress.wait_for_address("Ingress/load-balancer", mode)
}

#[cfg(test)]
mod tests {
    use capstan_sdk::HealthStatus::{Healthy, Progressing};
    use serde_json::json;

    use crate::cases::{argocd, both, native};

    #[test]
    fn it_waits_for_its_load_balancer_unless_there_will_be_none() {
        let address = json!({"status": {"loadBalancer": {"ingress": [{"hostname": "lb.example.com"}]}}});
        for claim in ["networking.k8s.io/Ingress", "extensions/Ingress"] {
            let row = (
                address.clone(),
                Healthy,
                "Ingress/load-balancer",
                "has the load balancer's address",
            );
            both(claim, &[row]);
            let mut waiting = json!({"status": {"loadBalancer": {}}});
            assert_eq!(native(claim, &waiting).status, Progressing);
            assert_eq!(argocd(claim, &waiting).status, Progressing);
            let unnamed = json!({"status": {"loadBalancer": {"ingress": [{}, {"ip": ""}, {"ports": []}]}}});
            assert_eq!(native(claim, &unnamed).status, Progressing);
            assert_eq!(argocd(claim, &unnamed).status, Healthy);
            waiting["metadata"] = json!({"annotations": {"capstan.dev/load-balancer": "none"}});
            assert_eq!(native(claim, &waiting).status, Healthy);
            assert_eq!(argocd(claim, &waiting).status, Progressing);
        }
    }
}
