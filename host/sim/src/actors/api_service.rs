//! The availability of each `APIService`, as the API server's aggregator reports it. The extension server itself isn't called: it counts
//! as available once its Service has a ready pod or endpoint.
//!
//! Reasons and messages: `staging/src/k8s.io/kube-aggregator/pkg/controllers/status/remote/remote_available_controller.go` of Kubernetes.

use serde_json::Value;

use super::{
    Actions, ClusterView,
    access::{has_labels, is_condition, is_terminating, is_true, items, namespace, number, status_of, text},
    condition::{self, ConditionUpdate},
};

/// The default port of `spec.service`.
const DEFAULT_PORT: i64 = 443;

pub(crate) fn reconcile(sight: &ClusterView<'_>) -> Actions {
    let mut turn = Actions::default();
    for service in sight.list("apiregistration.k8s.io", "APIService") {
        if is_terminating(service) {
            continue;
        }
        let (holds, reason, message) = match availability(sight, service) {
            Ok((reason, message)) => (true, reason, message.to_owned()),
            Err((reason, message)) => (false, reason, message),
        };
        let mut status = status_of(service);
        let update = ConditionUpdate {
            kind: "Available",
            is_true: holds,
            reason,
            message: &message,
        };
        condition::set(&mut status, update, None, sight.now);
        turn.status(service, status);
    }
    turn
}

/// Returns reason and message: why it is available, or why it isn't.
fn availability(sight: &ClusterView<'_>, of: &Value) -> Result<(&'static str, &'static str), (&'static str, String)> {
    if of.pointer("/spec/service").is_none_or(Value::is_null) {
        return Ok(("Local", "Local APIServices are always available"));
    }
    let (space, name) = (text(of, "/spec/service/namespace"), text(of, "/spec/service/name"));
    let service = sight.get("", "Service", space, name).ok_or_else(|| {
        (
            "ServiceNotFound",
            format!("service/{name} in \"{space}\" is not present"),
        )
    })?;
    if text(service, "/spec/type") == "ExternalName" {
        return Ok(("Passed", "all checks passed"));
    }
    let desired_port = number(of, "/spec/service/port").unwrap_or(DEFAULT_PORT);
    let mut ports = items(service, "/spec/ports").iter();
    let Some(port) = ports.find(|port| number(port, "/port") == Some(desired_port)) else {
        let message = format!("service/{name} in \"{space}\" is not listening on port {desired_port}");
        return Err(("ServicePortError", message));
    };
    if has_endpoints(sight, service) {
        return Ok(("Passed", "all checks passed"));
    }
    let message = format!(
        "endpoints for service/{name} in \"{space}\" have no addresses with port name \"{}\"",
        text(port, "/name")
    );
    Err(("MissingEndpoints", message))
}

/// Says whether a Service has endpoints: a ready pod, or for a Service without a selector, endpoints that somebody wrote.
fn has_endpoints(sight: &ClusterView<'_>, service: &Value) -> bool {
    let (space, name) = (namespace(service), super::access::name(service));
    let selector = service.pointer("/spec/selector").filter(|selector| !selector.is_null());
    if let Some(selector) = selector {
        return sight.list("", "Pod").into_iter().any(|pod| {
            namespace(pod) == space && !is_terminating(pod) && has_labels(pod, selector) && is_condition(pod, "Ready")
        });
    }
    let is_ready = |endpoint: &Value| {
        !items(endpoint, "/addresses").is_empty()
            && (endpoint.pointer("/conditions/ready").is_none_or(Value::is_null)
                || is_true(endpoint, "/conditions/ready"))
    };
    let has_slice = sight
        .list("discovery.k8s.io", "EndpointSlice")
        .into_iter()
        .any(|slice| {
            namespace(slice) == space
                && text(slice, "/metadata/labels/kubernetes.io~1service-name") == name
                && items(slice, "/endpoints").iter().any(is_ready)
        });
    has_slice
        || sight.get("", "Endpoints", space, name).is_some_and(|endpoints| {
            let mut subsets = items(endpoints, "/subsets").iter();
            subsets.any(|subset| !items(subset, "/addresses").is_empty())
        })
}
