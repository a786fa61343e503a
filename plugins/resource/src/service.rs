//! The health of a Service: only one with a load balancer has to wait for anything.

use capstan_sdk::Assessment;
use serde::{Deserialize, de::IgnoredAny};

/// What of a Service is looked at.
#[derive(Deserialize)]
pub struct Service {
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Spec {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    load_balancer: LoadBalancer,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct LoadBalancer {
    ingress: Vec<IgnoredAny>,
}

/// Judges a Service.
pub fn assess(service: &Service) -> Assessment {
    if service.spec.kind == "LoadBalancer" && service.status.load_balancer.ingress.is_empty() {
        return Assessment::progressing("Service/load-balancer", "waiting for the load balancer's address");
    }
    Assessment::healthy("Service/load-balancer")
}
