//! Problems of a workload's pods that the workload's own status doesn't show: a missing image, a missing Secret.

use serde_json::Value;

use crate::model::object::{Object, ObjectKey};

/// The rule of an assessment that is based on pods.
pub const PODS_RULE: &str = "host/pods";

/// A problem of a pod.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PodProblem {
    /// How serious it is.
    pub severity: PodSeverity,
    /// One sentence that names the pod and the problem.
    pub message: String,
    /// The missing object without which the pod can't start.
    pub missing_object: Option<ObjectKey>,
    /// The pod's name.
    pub pod: String,
    /// The revision of the workload's template from which a `StatefulSet` made the pod; may be empty.
    pub revision: String,
}

impl PodProblem {
    /// Returns a hint if a `StatefulSet` waits forever for a broken pod of an earlier revision before it makes one of the new revision
    /// (kubernetes/kubernetes#67250). Parallel pod management doesn't have this problem.
    pub fn stuck_revision_hint(&self, workload: &Object) -> Option<String> {
        let is_ordered = workload.group() == "apps"
            && workload.kind() == "StatefulSet"
            && workload.text("/spec/podManagementPolicy") != Some("Parallel");
        let current = workload.text("/status/updateRevision").unwrap_or_default();
        let is_old = !self.revision.is_empty() && !current.is_empty() && self.revision != current;
        (is_ordered && is_old).then(|| {
            format!(
                "pod {} is of an earlier revision, and the StatefulSet waits for it before replacing it: `kubectl delete pod {} -n {}` lets it continue",
                self.pod,
                self.pod,
                workload.namespace()
            )
        })
    }
}

/// Returns the revision of a workload's template from which a pod was made; empty if its controller doesn't set it.
pub fn revision(pod: &Object) -> &str {
    pod.text("/metadata/labels/controller-revision-hash")
        .unwrap_or_default()
}

/// How serious a problem of a pod is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PodSeverity {
    /// It may end by itself: no node has room, a container crashes and is restarted.
    Temporary,
    /// It usually doesn't end by itself, as with a missing image or Secret. It counts after a short time.
    Degraded,
    /// It never ends by itself: the name of the image is invalid.
    Final,
}

/// Returns the label selector for a workload's pods; `None` for kinds without pods.
pub fn pod_selector(workload: &Object) -> Option<String> {
    if workload.group() == "batch" && workload.kind() == "Job" {
        return Some(format!("batch.kubernetes.io/controller-uid={}", workload.uid()));
    }
    let has_pods = workload.group() == "apps"
        && matches!(
            workload.kind(),
            "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet"
        );
    let is_controller = workload.group().is_empty() && workload.kind() == "ReplicationController";
    let selector = if is_controller {
        "/spec/selector"
    } else {
        "/spec/selector/matchLabels"
    };
    let labels = workload.0.pointer(selector)?.as_object()?;
    let terms: Option<Vec<String>> = labels
        .iter()
        .map(|(name, value)| Some(format!("{name}={}", value.as_str()?)))
        .collect();
    terms
        .filter(|terms| (has_pods || is_controller) && !terms.is_empty())
        .map(|terms| terms.join(","))
}

/// Returns the most serious problem of a pod, if it has any.
pub fn worst_problem(pod: &Object) -> Option<PodProblem> {
    if pod.is_terminating() {
        return None;
    }
    let of_containers = statuses(pod).filter_map(|status| container_problem(pod, status));
    of_containers.chain(unschedulable(pod)).max()
}

fn statuses(pod: &Object) -> impl Iterator<Item = &Value> {
    ["/status/initContainerStatuses", "/status/containerStatuses"]
        .into_iter()
        .filter_map(|list| pod.0.pointer(list).and_then(Value::as_array))
        .flatten()
}

fn container_problem(pod: &Object, status: &Value) -> Option<PodProblem> {
    let text = |pointer: &str| status.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let message = text("/state/waiting/message");
    let (container, image) = (text("/name"), text("/image"));
    let (weight, what) = match text("/state/waiting/reason") {
        "ErrImagePull" | "ImagePullBackOff" | "RegistryUnavailable" => (
            PodSeverity::Degraded,
            format!("the image {image} can't be pulled: {message}"),
        ),
        "InvalidImageName" => (PodSeverity::Final, format!("`{image}` is not an image name")),
        "ErrImageNeverPull" => {
            let what = format!("the image {image} isn't on the node, and the pod says never to pull it");
            (PodSeverity::Final, what)
        }
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
            (PodSeverity::Degraded, format!("can't be started: {message}"))
        }
        "CrashLoopBackOff" => {
            let code = status.pointer("/lastState/terminated/exitCode").and_then(Value::as_i64);
            let restarts = status.get("restartCount").and_then(Value::as_u64).unwrap_or_default();
            let code = code.map_or_else(String::new, |code| format!(" with exit code {code}"));
            (
                PodSeverity::Temporary,
                format!("crashes{code}, started {restarts} times again"),
            )
        }
        _ => return None,
    };
    Some(PodProblem {
        severity: weight,
        message: format!("pod {}, container {container}: {what}", pod.name()),
        missing_object: parse_missing_object(message).map(|(kind, name)| core_object_key(pod, kind, name)),
        pod: pod.name().to_owned(),
        revision: revision(pod).to_owned(),
    })
}

fn unschedulable(pod: &Object) -> Option<PodProblem> {
    let conditions = pod.0.pointer("/status/conditions")?.as_array()?;
    let is = |condition: &&Value| {
        let has = |field: &str, value: &str| condition.get(field).and_then(Value::as_str) == Some(value);
        has("type", "PodScheduled") && has("status", "False")
    };
    let message = conditions.iter().find(is)?.get("message").and_then(Value::as_str)?;
    Some(PodProblem {
        severity: PodSeverity::Temporary,
        message: format!("pod {} has no node: {message}", pod.name()),
        missing_object: None,
        pod: pod.name().to_owned(),
        revision: revision(pod).to_owned(),
    })
}

/// Lists the `ConfigMaps` and `Secrets` that a pod's volumes need, while its containers wait to be created.
pub fn mounted_objects(pod: &Object) -> Vec<ObjectKey> {
    let waits = statuses(pod).any(|status| {
        let reason = status.pointer("/state/waiting/reason").and_then(Value::as_str);
        matches!(reason, Some("ContainerCreating" | "PodInitializing"))
    });
    if !waits || pod.is_terminating() {
        return Vec::new();
    }
    let volumes = pod.0.pointer("/spec/volumes").and_then(Value::as_array);
    let plain = volumes.into_iter().flatten();
    let projected = plain
        .clone()
        .filter_map(|volume| volume.pointer("/projected/sources").and_then(Value::as_array))
        .flatten();
    plain
        .chain(projected)
        .filter_map(|source| mounted_object(pod, source))
        .collect()
}

fn mounted_object(pod: &Object, source: &Value) -> Option<ObjectKey> {
    let (kind, place, name) = [
        ("Secret", "secret", "secretName"),
        ("Secret", "secret", "name"),
        ("ConfigMap", "configMap", "name"),
    ]
    .into_iter()
    .find_map(|(kind, place, name)| Some((kind, source.get(place)?, source.get(place)?.get(name)?.as_str()?)))?;
    if place.get("optional").and_then(Value::as_bool) == Some(true) {
        return None;
    }
    Some(core_object_key(pod, kind, name))
}

fn core_object_key(pod: &Object, kind: &str, name: &str) -> ObjectKey {
    ObjectKey {
        group: String::new(),
        kind: kind.to_owned(),
        namespace: pod.namespace().to_owned(),
        name: name.to_owned(),
    }
}

/// Returns the missing object that a kubelet message names (`secret "keys" not found`; for a missing key, `couldn't find key password in
/// Secret shop/keys`).
fn parse_missing_object(message: &str) -> Option<(&'static str, &str)> {
    for (kind, word) in [("Secret", "secret \""), ("ConfigMap", "configmap \"")] {
        let named = message
            .split_once(word)
            .and_then(|(_, rest)| rest.split_once("\" not found"));
        if let Some((name, _)) = named.filter(|(name, _)| !name.is_empty() && !name.contains('"')) {
            return Some((kind, name));
        }
    }
    let (_, place) = message.split_once("couldn't find key ")?.1.split_once(" in ")?;
    let (kind, name) = place.split_once(' ')?;
    let kind = ["Secret", "ConfigMap"].into_iter().find(|known| *known == kind)?;
    let name = name.rsplit('/').next()?.trim();
    (!name.is_empty()).then_some((kind, name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(waiting: Value) -> Object {
        Object(json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "api-1", "namespace": "shop" },
            "spec": { "volumes": [
                { "name": "a", "secret": { "secretName": "keys" } }, { "name": "b", "configMap": { "name": "maybe", "optional": true } },
                { "name": "c", "projected": { "sources": [{ "configMap": { "name": "settings" } }, { "serviceAccountToken": {} }] } },
            ] },
            "status": { "containerStatuses": [{ "name": "main", "image": "nowhere/x:1", "restartCount": 3, "state": { "waiting": waiting } }] },
        }))
    }

    #[test]
    fn the_worst_of_a_pod_is_told() {
        let problem_of = |reason: &str| {
            worst_problem(&pod(json!({ "reason": reason, "message": "not found" })))
                .map(|found| (found.severity, found.message))
        };
        assert_eq!(
            problem_of("ImagePullBackOff"),
            Some((
                PodSeverity::Degraded,
                "pod api-1, container main: the image nowhere/x:1 can't be pulled: not found".to_owned()
            ))
        );
        assert_eq!(
            problem_of("InvalidImageName").map(|(weight, _)| weight),
            Some(PodSeverity::Final)
        );
        assert_eq!(
            problem_of("CrashLoopBackOff").map(|(weight, _)| weight),
            Some(PodSeverity::Temporary)
        );
        assert_eq!(problem_of("ContainerCreating"), None);
    }

    #[test]
    fn what_a_waiting_pod_mounts_is_listed() {
        let names = |pod: &Object| {
            mounted_objects(pod)
                .iter()
                .map(ObjectKey::kind_and_name)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            names(&pod(json!({ "reason": "ContainerCreating" }))),
            ["Secret/keys", "ConfigMap/settings"]
        );
        assert_eq!(names(&pod(json!({ "reason": "ErrImagePull" }))), Vec::<String>::new());
    }

    #[test]
    fn what_is_not_found_is_read_from_the_kubelet_s_words() {
        for (message, read) in [
            ("secret \"keys\" not found", Some(("Secret", "keys"))),
            ("configmap \"settings\" not found", Some(("ConfigMap", "settings"))),
            (
                "couldn't find key password in Secret shop/keys",
                Some(("Secret", "keys")),
            ),
            (
                "couldn't find key a in ConfigMap shop/settings",
                Some(("ConfigMap", "settings")),
            ),
            ("failed to create containerd task", None),
            ("secret \"\" not found", None),
            ("couldn't find key a in nothing", None),
        ] {
            assert_eq!(parse_missing_object(message), read, "{message}");
        }
    }

    #[test]
    fn workloads_select_their_pods() {
        let of = |group: &str, kind: &str| {
            pod_selector(&Object(
                json!({ "apiVersion": group, "kind": kind, "spec": { "selector": { "matchLabels": { "app": "x" } } } }),
            ))
        };
        assert_eq!(of("apps/v1", "Deployment").as_deref(), Some("app=x"));
        assert_eq!(of("v1", "Service"), None);
        let controller =
            json!({ "apiVersion": "v1", "kind": "ReplicationController", "spec": { "selector": { "app": "x" } } });
        assert_eq!(pod_selector(&Object(controller)).as_deref(), Some("app=x"));
    }
}
