//! What the host shows beside an object, if the claim's `related` names it and the plugin asks: pods, events.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{Failure, Object};

/// Related objects, or why there are none.
#[derive(Debug, Default, Deserialize)]
pub struct Related<'a> {
    /// The objects found, as far as the host shows them.
    #[serde(borrow, default)]
    pub objects: Vec<Object<'a>>,
    /// How many there are; those over the host's limit are not shown.
    #[serde(default)]
    pub total: usize,
    /// Of `owned-pods`: what pods mount and isn't there.
    #[serde(default)]
    pub missing: Vec<Missing>,
    /// Why the host did not fetch them.
    #[serde(default)]
    pub refused: Option<String>,
}

/// What a pod mounts and isn't there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Missing {
    /// The name of the pod.
    pub pod: String,
    /// The kind of what is missing: `Secret`, `ConfigMap`.
    pub kind: String,
    /// The name of what is missing.
    pub name: String,
}

/// An event about an object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Event {
    /// `Normal` or `Warning`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The reason in one word, for programs: `FailedScheduling`.
    pub reason: String,
    /// The explanation for people.
    pub message: String,
}

impl Related<'_> {
    /// Reads them as events, the newest first.
    pub fn events(&self) -> Result<Vec<Event>, Failure> {
        self.objects.iter().map(Object::read).collect()
    }

    /// Says in one sentence what is wrong with the pods, if anything is:
    /// `2 of 3 pods: back-off pulling image acme/api:1.2 (not found)`.
    pub fn troubles_of_pods(&self) -> Result<Option<String>, Failure> {
        let mut counts: BTreeMap<Trouble, usize> = BTreeMap::new();
        for object in &self.objects {
            let pod: Pod = object.read()?;
            let lacks = self.missing.iter().find(|missing| missing.pod == pod.metadata.name);
            if let Some(trouble) = pod.trouble(lacks) {
                *counts.entry(trouble).or_default() += 1;
            }
        }
        // The worst, and what most pods have.
        let mut counts: Vec<(Trouble, usize)> = counts.into_iter().collect();
        counts.sort_by_key(|(trouble, count)| std::cmp::Reverse((trouble.weight, *count)));
        let total = self.total.max(self.objects.len());
        let pods = if total == 1 { "pod" } else { "pods" };
        let texts: Vec<String> = counts
            .iter()
            .take(MAX_REPORTED)
            .map(|(Trouble { text, .. }, count)| format!("{count} of {total} {pods}: {text}"))
            .collect();
        Ok((!texts.is_empty()).then(|| texts.join("; ")))
    }
}

/// Who waits reads about so many kinds of trouble; what is less bad is found by looking at the pods.
const MAX_REPORTED: usize = 2;

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// There is no node for it.
    Homeless,
    /// It starts and ends again and again.
    Crashes,
    /// It can't be started.
    Stuck,
}

/// What is wrong with a pod.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Trouble {
    weight: Weight,
    text: String,
}

impl Trouble {
    fn new(weight: Weight, text: impl Into<String>) -> Self {
        Self {
            weight,
            text: text.into(),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Pod {
    metadata: Metadata,
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    name: String,
    deletion_timestamp: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    phase: String,
    conditions: Vec<Condition>,
    init_container_statuses: Vec<Container>,
    container_statuses: Vec<Container>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    message: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Container {
    name: String,
    image: String,
    state: State,
    last_state: State,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct State {
    waiting: Option<Why>,
    terminated: Option<Why>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Why {
    reason: String,
    message: String,
    exit_code: Option<i64>,
}

impl Pod {
    fn trouble(&self, lacks: Option<&Missing>) -> Option<Trouble> {
        // One that has ended is counted by its owner, and another may have taken its place.
        if self.metadata.deletion_timestamp.is_some() || self.status.phase == "Failed" {
            return None;
        }
        if let Some(Missing { kind, name, .. }) = lacks {
            let text = format!("{kind}/{name}, which it mounts, doesn't exist");
            return Some(Trouble::new(Weight::Stuck, text));
        }
        let homeless = || {
            let mut conditions = self.status.conditions.iter();
            let found = conditions.find(|one| one.kind == "PodScheduled" && one.status == "False")?;
            Some(Trouble::new(Weight::Homeless, format!("no node: {}", found.message)))
        };
        self.containers().filter_map(Container::trouble).max().or_else(homeless)
    }

    fn containers(&self) -> impl Iterator<Item = &Container> {
        let status = &self.status;
        status.init_container_statuses.iter().chain(&status.container_statuses)
    }
}

impl Container {
    fn trouble(&self) -> Option<Trouble> {
        let Container { name, image, .. } = self;
        let Why { reason, message, .. } = self.state.waiting.as_ref()?;
        let stuck = |text| Some(Trouble::new(Weight::Stuck, text));
        match &**reason {
            "ErrImagePull" | "ImagePullBackOff" | "RegistryUnavailable" => {
                stuck(format!("back-off pulling image {image} ({})", cause(message)))
            }
            "InvalidImageName" => stuck(format!("`{image}` is not an image name")),
            "ErrImageNeverPull" => stuck(format!("image {image} isn't on the node, and is never to be pulled")),
            "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
                stuck(format!("container {name} can't be started: {message}"))
            }
            "CrashLoopBackOff" => Some(Trouble::new(
                Weight::Crashes,
                match self.last_end() {
                    Some(end) => format!("{end}, again and again"),
                    None => format!("container {name} ends again and again"),
                },
            )),
            _ => None,
        }
    }

    /// Says how it ended when it ran last, if it failed.
    fn last_end(&self) -> Option<String> {
        let Why { reason, exit_code, .. } = self.last_state.terminated.as_ref()?;
        let name = &self.name;
        match (&**reason, exit_code) {
            ("OOMKilled", _) => Some(format!("container {name} ran out of memory")),
            (_, Some(0)) => None,
            (_, Some(code)) => Some(format!("container {name} failed with exit code {code}")),
            (_, None) => Some(format!("container {name} failed")),
        }
    }
}

/// Says in a few words why an image can't be pulled. The container runtime says it in many, and each in its own.
fn cause(message: &str) -> &str {
    let lower = message.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let denied = has(&[
        "denied",
        "unauthorized",
        "forbidden",
        "authentication required",
        "no basic auth",
    ]);
    let unknown = has(&["not found", "notfound", "manifest unknown", "does not exist"]);
    match (unknown, denied) {
        (true, true) => "not found, or no access",
        (true, false) => "not found",
        (false, true) => "no access",
        (false, false) if has(&["too many requests", "toomanyrequests"]) => "too many requests",
        (false, false) if has(&["no such host", "connection refused", "timeout", "dial tcp"]) => {
            "its registry can't be reached"
        }
        (false, false) if message.is_empty() => "no reason given",
        (false, false) => message,
    }
}

#[cfg(test)]
mod tests;
