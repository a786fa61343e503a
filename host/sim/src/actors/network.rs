//! The cloud provider: gives Services of type `LoadBalancer` and Ingresses an address, a second after their creation.

use serde_json::{Value, json};

use super::{
    Actions, ClusterView,
    access::{is_terminating, items, plus_seconds, status_of, text, timestamp, uid},
};

/// How long the cloud provider takes, in seconds.
const PROVISION_SECONDS: i64 = 1;

pub(crate) fn reconcile(sight: &ClusterView<'_>) -> Actions {
    let mut turn = Actions::default();
    for service in sight.list("", "Service") {
        if text(service, "/spec/type") == "LoadBalancer" {
            assign_address(sight, &mut turn, service);
        }
    }
    for ingress in sight.list("networking.k8s.io", "Ingress") {
        assign_address(sight, &mut turn, ingress);
    }
    turn
}

fn assign_address(sight: &ClusterView<'_>, turn: &mut Actions, object: &Value) {
    if is_terminating(object) || !items(object, "/status/loadBalancer/ingress").is_empty() {
        return;
    }
    let created = timestamp(object, "/metadata/creationTimestamp").unwrap_or(sight.now);
    let given = plus_seconds(created, PROVISION_SECONDS);
    if given > sight.now {
        turn.wake_by(given);
        return;
    }
    // 203.0.113.0/24 is reserved for examples; the last byte is derived from the UID, so that it doesn't change.
    let last = uid(object)
        .bytes()
        .fold(0_u32, |sum, byte| (sum * 31 + u32::from(byte)) % 253)
        + 1;
    let mut status = status_of(object);
    status.insert(
        "loadBalancer".into(),
        json!({"ingress": [{"ip": format!("203.0.113.{last}")}]}),
    );
    turn.status(object, status);
}
