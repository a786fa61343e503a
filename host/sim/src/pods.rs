//! The behaviour of scripted pods: the first behaviour that matches a container says when it starts, what it logs, and how it ends.
//!
//! Without one, a container of a pod that runs to completion starts after a second, runs for a second, and exits with 0; any other
//! container starts after a second, is ready at once, and runs forever. Nothing is executed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    actors::access::{controller, name, namespace, text},
    glob,
    span::{Span, Wait},
};

pub(crate) mod script;

/// How containers are run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PodMode {
    /// By behaviours, in the world's time; nothing is executed.
    #[default]
    Scripted,
    /// As child processes, in real time; images are ignored.
    Exec,
}

/// The behaviour of some containers.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Behaviour {
    /// The containers that it applies to; all if empty.
    #[serde(rename = "match")]
    pub matches: ContainerMatch,
    /// The time from the request to start until the container runs; a second by default.
    pub startup: Option<Span>,
    /// The time from running to the exit.
    pub run: Option<Span>,
    /// The container runs until it is stopped, even in a Job.
    pub never_ends: bool,
    /// The exit code.
    #[serde(rename = "exit")]
    pub exit_code: i32,
    /// The exit codes of the first attempt, the second and so on; the last one is repeated. Takes precedence over `exit`.
    pub exit_codes: Vec<i32>,
    /// The time from running until ready; zero by default.
    pub ready_after: Option<Wait>,
    /// The lines that the container logs.
    pub log: Vec<Line>,
    /// Namespaced objects that the container creates, by default in its pod's namespace.
    #[serde(rename = "makes")]
    pub creates: Vec<CreatedObject>,
    /// The result of pulling the image.
    pub image_pull: ImagePull,
    /// The container ends with `OOMKilled` and exit code 137.
    #[serde(rename = "oom")]
    pub is_oom_killed: bool,
    /// The time from the request to stop until the container ends, at most the grace period; a second by default.
    pub stop: Option<Span>,
}

/// Selects containers. Every given field must match; names and images are globs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ContainerMatch {
    /// The name of the pod.
    pub pod: Option<String>,
    /// The name of the pod's controller, or of the object that its pods are named after: `migrate` or `Job/migrate`.
    pub owner: Option<String>,
    /// Only in this namespace; `None` for all.
    pub namespace: Option<String>,
    /// The name of the container.
    pub container: Option<String>,
    /// Only this image; `None` for all.
    pub image: Option<String>,
    /// Labels that the pod must have.
    pub labels: BTreeMap<String, String>,
}

/// A line in a log.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Line {
    /// Logged as soon as the container runs.
    Plain(String),
    /// Logged some time later.
    Timed {
        /// The time from running until it is logged.
        at: Span,
        /// The text.
        line: String,
    },
}

/// An object that a container creates, unless it exists already.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CreatedObject {
    /// The time from running to the creation. By default, when the container has ended with 0, or is ready if it never ends.
    #[serde(default)]
    pub at: Option<Span>,
    /// The object's manifest.
    pub object: Value,
}

/// The result of pulling an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImagePull {
    /// The image is pulled.
    #[default]
    Ok,
    /// The image can't be pulled: `ErrImagePull`, then `ImagePullBackOff`.
    Error,
}

/// The behaviour of some volume claims.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ClaimBehaviour {
    /// The name of the claim, a glob.
    pub name: String,
    /// The time from its creation until it is bound.
    pub bind_after: Wait,
}

/// A container about to be started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Launch<'a> {
    pub pod: &'a Value,
    pub container: &'a Value,
    /// The container is expected to end by itself.
    pub runs_to_completion: bool,
    /// The number of attempts before.
    pub attempts: usize,
    /// The environment, resolved, in order.
    pub environment: &'a [(String, String)],
    pub now: Timestamp,
}

/// The state of a container that was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ContainerReport {
    /// It isn't running yet.
    Creating,
    /// Its image can't be pulled.
    NoImage { message: String },
    /// The container is running.
    Running { since: Timestamp, ready: bool },
    /// The container has ended.
    Ended(Ended),
}

/// How a container ended.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Ended {
    pub code: i32,
    pub reason: String,
    pub message: String,
    pub started: Timestamp,
    pub finished: Timestamp,
}

/// Starts and stops containers: by a script, or as processes of this machine.
pub(crate) trait Runtime: Send {
    /// Starts a container.
    fn start(&mut self, launch: Launch<'_>);
    /// Returns the current state of a container.
    fn report(&self, pod: &str, container: &str, now: Timestamp) -> Option<ContainerReport>;
    /// Stops a container: by a signal, and by force after the grace period. Calling it twice has no further effect.
    fn stop(&mut self, pod: &str, container: &str, grace: Span, now: Timestamp);
    /// Removes a pod that was deleted.
    fn forget(&mut self, pod: &str);
    /// Returns the lines that were logged since the last call: pod, container and text.
    fn take_lines(&mut self, now: Timestamp) -> Vec<(String, String, String)>;
    /// Returns the objects that were created since the last call: pod and object.
    fn take_created(&mut self, now: Timestamp) -> Vec<(String, Value)> {
        let _ = now;
        Vec::new()
    }
    /// Returns the next moment after `now` at which something changes without a notification.
    fn next_change(&self, now: Timestamp) -> Option<Timestamp>;
    /// Returns the state that must survive a restart.
    fn save(&self) -> Value;
    /// Restores saved state.
    fn restore(&mut self, saved: &Value);
}

impl Behaviour {
    /// Returns the first behaviour that matches this container.
    pub(crate) fn find<'a>(behaviours: &'a [Self], pod: &Value, container: &Value) -> Option<&'a Self> {
        behaviours
            .iter()
            .find(|behaviour| behaviour.matches.matches(pod, container))
    }
}

impl ContainerMatch {
    fn matches(&self, pod: &Value, container: &Value) -> bool {
        let fits = |pattern: &Option<String>, found: &str| {
            pattern.as_deref().is_none_or(|pattern| glob::matches(pattern, found))
        };
        let labels = pod.pointer("/metadata/labels");
        fits(&self.pod, name(pod))
            && fits(&self.namespace, namespace(pod))
            && fits(&self.container, text(container, "/name"))
            && self
                .image
                .as_deref()
                .is_none_or(|image| glob::matches(&image.replace('*', "**"), text(container, "/image")))
            && self.owner.as_deref().is_none_or(|owner| is_owner(owner, pod))
            && self
                .labels
                .iter()
                .all(|(key, value)| labels.and_then(|labels| labels.get(key)).and_then(Value::as_str) == Some(value))
    }
}

/// A pod of Deployment `web` is controlled by ReplicaSet `web-6b7f`, but people think of `web`: both names match.
fn is_owner(pattern: &str, pod: &Value) -> bool {
    let Some(owner) = controller(pod) else { return false };
    let (kind, owner) = (text(owner, "/kind"), text(owner, "/name"));
    let (kind_pattern, pattern) = pattern
        .split_once('/')
        .map_or((None, pattern), |(kind, name)| (Some(kind), name));
    let of_kind = |kind: &str| kind_pattern.is_none_or(|kind_pattern| kind_pattern.eq_ignore_ascii_case(kind));
    let hash = text(pod, "/metadata/labels/pod-template-hash");
    let deployment = (kind == "ReplicaSet" && !hash.is_empty())
        .then(|| owner.strip_suffix(hash).and_then(|name| name.strip_suffix('-')))
        .flatten();
    (of_kind(kind) && glob::matches(pattern, owner))
        || (of_kind("Deployment") && deployment.is_some_and(|deployment| glob::matches(pattern, deployment)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_field_of_a_match_must_fit() {
        let pod = json!({"metadata": {
            "name": "web-abc-x1", "namespace": "shop", "labels": {"app": "web", "pod-template-hash": "abc"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": "web-abc", "controller": true, "uid": "1"}]}});
        let container = json!({"name": "main", "image": "registry.example/shop/web:1"});
        for (matches, expected) in [
            (json!({}), true),
            (json!({"pod": "web-*"}), true),
            (json!({"owner": "web"}), true),
            (json!({"owner": "Deployment/web"}), true),
            (json!({"owner": "ReplicaSet/web"}), false),
            (json!({"owner": "web-abc", "container": "main"}), true),
            (json!({"owner": "web", "container": "side"}), false),
            (json!({"image": "*web:1"}), true),
            (json!({"labels": {"app": "web"}}), true),
            (json!({"labels": {"app": "api"}}), false),
            (json!({"namespace": "other"}), false),
        ] {
            let matches_: ContainerMatch = serde_json::from_value(matches.clone()).unwrap();
            assert_eq!(matches_.matches(&pod, &container), expected, "{matches}");
        }
    }
}
