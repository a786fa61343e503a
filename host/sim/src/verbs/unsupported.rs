//! Refuses subresources that the embedded cluster doesn't support, with messages that `kubectl` shows.

use crate::{kinds::Resource, status::StatusError};

/// Subresources that connect to a pod, each with its kind in discovery.
pub(crate) const CONNECTIONS: [(&str, &str); 3] = [
    ("attach", "PodAttachOptions"),
    ("exec", "PodExecOptions"),
    ("portforward", "PodPortForwardOptions"),
];

/// Returns the error for a subresource: that it isn't supported, or that there is no such path.
pub(super) fn subresource(resource: &Resource, name: &str) -> StatusError {
    let why = match (resource.group.as_str(), resource.kind.as_str(), name) {
        ("", "Pod", "exec" | "attach" | "portforward") => {
            "pods of the embedded cluster can't be connected to: they are scripted, or child processes without a terminal; `exec`, \
             `attach`, `port-forward` and `cp` need a real cluster, `logs` works"
        }
        ("", "Pod", "ephemeralcontainers") => {
            "the embedded cluster has no ephemeral containers: `kubectl debug` needs a real cluster"
        }
        ("", "Pod" | "Service" | "Node", "proxy") => {
            "the embedded cluster has no network between its API server and its pods: `proxy` needs a real cluster"
        }
        ("", "Pod", "resize") => "pods of the embedded cluster can't be resized: they use no measured resources",
        ("", "ServiceAccount", "token") => "the embedded cluster issues no tokens for service accounts",
        _ => return StatusError::no_such_path(),
    };
    StatusError::bad_request(why)
}
