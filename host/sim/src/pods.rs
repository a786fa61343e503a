//! How scripted pods behave: the first behaviour that matches a container says when it starts, what it logs, how it ends.
//!
//! Without one, a container of a run-to-completion pod starts after a second, runs a second, and exits with 0; any other
//! starts after a second, is ready at once, and runs for ever. Nothing is executed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    actors::look::{controller, name, namespace, text},
    glob,
    span::{Span, Wait},
};

pub(crate) mod script;

/// How the containers of pods come to life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pods {
    /// By behaviours, in the world's own time; nothing is executed.
    #[default]
    Scripted,
    /// As child processes of this one, in real time; images are ignored.
    Exec,
}

/// What some containers do.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Behaviour {
    /// Which containers; an empty match is every container.
    #[serde(rename = "match")]
    pub matches: Match,
    /// From the order to start until the container runs; a second unless given.
    pub startup: Option<Span>,
    /// From running to the exit.
    pub run: Option<Span>,
    /// The container runs until it is stopped, even in a Job.
    pub never_ends: bool,
    /// The exit code.
    pub exit: i32,
    /// The exit codes of the first try, the second and so on; the last repeats. Goes before `exit`.
    pub exit_codes: Vec<i32>,
    /// From running until ready; at once unless given.
    pub ready_after: Option<Wait>,
    /// What the container writes.
    pub log: Vec<Line>,
    /// Objects that live in namespaces and that the container creates, in its pod's unless they name another.
    pub makes: Vec<Made>,
    /// How pulling the image goes.
    pub image_pull: ImagePull,
    /// The container ends as one that used too much memory: `OOMKilled`, 137.
    pub oom: bool,
    /// From the order to stop until the container ends, at most the grace period; a second unless given.
    pub stop: Option<Span>,
}

/// Which containers a behaviour is for. Every field given must match; names and images are globs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Match {
    /// The name of the pod.
    pub pod: Option<String>,
    /// The name of the pod's controller, or of the object its pods are named after: `migrate` or `Job/migrate`.
    pub owner: Option<String>,
    /// The namespace.
    pub namespace: Option<String>,
    /// The name of the container.
    pub container: Option<String>,
    /// The image.
    pub image: Option<String>,
    /// Labels the pod has, among others.
    pub labels: BTreeMap<String, String>,
}

/// A line in a log.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Line {
    /// Written as soon as the container runs.
    Plain(String),
    /// Written some time after.
    Timed {
        /// From running to the writing.
        at: Span,
        /// The text.
        line: String,
    },
}

/// An object that a container creates; one of that name that is there already stays as it is.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Made {
    /// From running to the creation; when the container has ended with 0, or is ready if it never ends, unless given.
    #[serde(default)]
    pub at: Option<Span>,
    /// The object that is created, as a manifest has it.
    pub object: Value,
}

/// How pulling an image goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImagePull {
    /// The image is there.
    #[default]
    Ok,
    /// It can't be pulled: `ErrImagePull`, then `ImagePullBackOff`.
    Error,
}

/// How some volume claims behave.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Claim {
    /// The name of the claim, a glob.
    pub name: String,
    /// From creation until it is bound.
    pub bind_after: Wait,
}

/// A container about to be started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Launch<'a> {
    pub pod: &'a Value,
    pub container: &'a Value,
    /// The container ends by itself, if all goes well.
    pub completes: bool,
    /// How often it was tried before.
    pub tries: usize,
    /// The environment, resolved, in order.
    pub environment: &'a [(String, String)],
    pub now: Timestamp,
}

/// How a container that was started is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// Not running yet.
    Creating,
    /// The image can't be pulled.
    NoImage { message: String },
    /// Running.
    Running { since: Timestamp, ready: bool },
    /// Over.
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

/// What starts and stops containers: a script, or this machine.
pub(crate) trait Runtime: Send {
    /// Starts a container.
    fn start(&mut self, launch: Launch<'_>);
    /// Says how the container is doing now.
    fn look(&self, pod: &str, container: &str, now: Timestamp) -> Option<Report>;
    /// Stops a container: politely, and after the grace period by force. Twice is as once.
    fn stop(&mut self, pod: &str, container: &str, grace: Span, now: Timestamp);
    /// Forgets a pod that is gone, and whatever it left.
    fn forget(&mut self, pod: &str);
    /// Takes the lines written until now: pod, container and text.
    fn take_lines(&mut self, now: Timestamp) -> Vec<(String, String, String)>;
    /// Takes the objects created until now: pod and object.
    fn take_made(&mut self, now: Timestamp) -> Vec<(String, Value)> {
        let _ = now;
        Vec::new()
    }
    /// Returns the moment after `now` at which something will have changed without notice.
    fn due(&self, now: Timestamp) -> Option<Timestamp>;
    /// Writes down what must survive a restart.
    fn save(&self) -> Value;
    /// Takes up what was written down.
    fn restore(&mut self, saved: &Value);
}

impl Behaviour {
    /// Returns the first behaviour for this container.
    pub(crate) fn find<'a>(behaviours: &'a [Self], pod: &Value, container: &Value) -> Option<&'a Self> {
        behaviours
            .iter()
            .find(|behaviour| behaviour.matches.is_for(pod, container))
    }
}

impl Match {
    fn is_for(&self, pod: &Value, container: &Value) -> bool {
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

/// A pod of Deployment `web` is controlled by ReplicaSet `web-6b7f`, but people think of `web`: both names fit.
fn is_owner(pattern: &str, pod: &Value) -> bool {
    let Some(owner) = controller(pod) else { return false };
    let (kind, owner) = (text(owner, "/kind"), text(owner, "/name"));
    let (wanted, pattern) = pattern
        .split_once('/')
        .map_or((None, pattern), |(kind, name)| (Some(kind), name));
    let of_kind = |kind: &str| wanted.is_none_or(|wanted| wanted.eq_ignore_ascii_case(kind));
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
            let matches_: Match = serde_json::from_value(matches.clone()).unwrap();
            assert_eq!(matches_.is_for(&pod, &container), expected, "{matches}");
        }
    }
}
