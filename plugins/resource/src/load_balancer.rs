//! What Services and Ingresses have in common: both may wait for the address of a load balancer.

use capstan_sdk::{Assessment, Mode};
use serde::Deserialize;
use serde_json::Value;

/// What of them is looked at.
#[derive(Deserialize)]
pub struct Balanced {
    #[serde(default)]
    metadata: Metadata,
    /// The object's `spec`.
    #[serde(default)]
    pub spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    annotations: Annotations,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Annotations {
    #[serde(rename = "capstan.dev/load-balancer")]
    load_balancer: String,
}

/// The `spec` of a Service; an Ingress has none of these fields.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Spec {
    /// Of a Service: its type.
    #[serde(rename = "type")]
    pub kind: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    load_balancer: LoadBalancer,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct LoadBalancer {
    ingress: Vec<Value>,
}

impl Balanced {
    /// Waits for the address, unless the user says that there will never be one: nothing of the object itself tells.
    pub fn wait_for_address(&self, rule: &str, mode: Mode) -> Assessment {
        let addresses = &self.status.load_balancer.ingress;
        // Argo CD counts an element without an address, too.
        if addresses
            .iter()
            .any(|address| mode == Mode::ArgoCd || has_address(address))
        {
            return Assessment::healthy(rule).message("has the load balancer's address");
        }
        match mode {
            Mode::Native
                if self
                    .metadata
                    .annotations
                    .load_balancer
                    .trim()
                    .eq_ignore_ascii_case("none") =>
            {
                Assessment::healthy(rule).message("no load balancer is expected")
            }
            Mode::Native => Assessment::progressing(
                rule,
                "waiting for the load balancer's address; if there will never be one, \
                 `capstan.dev/load-balancer: none` says so",
            ),
            Mode::ArgoCd => Assessment::progressing(rule, "waiting for the load balancer's address"),
        }
    }
}

/// Says whether an element of `status.loadBalancer.ingress` names an address.
fn has_address(address: &Value) -> bool {
    let is_named = |field: &str| {
        address
            .get(field)
            .and_then(Value::as_str)
            .is_some_and(|text| !text.is_empty())
    };
    ["ip", "hostname"].into_iter().any(is_named)
}
