//! What a Job's status says, in one word and a sentence.
//!
//! A condition counts only if its status is `True`: Argo CD looks at its presence, and takes a resumed Job (`Suspended`
//! is `False`) for a healthy one while its pods still run.

use capstan_sdk::Mode;
use serde::Deserialize;

/// What of a Job is looked at.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    deletion_timestamp: Option<String>,
    finalizers: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    backoff_limit: Option<u32>,
    completions: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    active: u32,
    ready: Option<u32>,
    succeeded: u32,
    failed: u32,
    start_time: Option<String>,
    conditions: Vec<Condition>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    reason: String,
    message: String,
}

/// How far a Job is.
pub enum State {
    /// It has done its work.
    Complete(String),
    /// It has given up, for this reason.
    Failed(String),
    /// It is being deleted and has no verdict.
    Leaving,
    /// It waits for somebody to resume it.
    Suspended,
    /// Its pods are on their way.
    Running(String),
    /// Argo CD can't tell, for this reason.
    Unknown(String),
}

/// What Kubernetes takes if the manifest says nothing.
const DEFAULT_BACKOFF_LIMIT: u32 = 6;
/// With a limit per index Kubernetes sets the whole Job's to the largest number there is: not worth saying.
const NO_LIMIT: u32 = i32::MAX as u32;

/// What Argo CD puts on its hooks.
const HOOK_FINALIZER: &str = "argocd.argoproj.io/hook-finalizer";

/// What a Job is to the one who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A hook's own object.
    Hook,
    /// Any object whose health is asked for.
    Object,
}

impl Job {
    /// Says how far it is.
    pub fn state(&self, mode: Mode, role: Role) -> State {
        match mode {
            Mode::Native => self.our_state(),
            Mode::ArgoCd => self.argo_cds_state(role),
        }
    }

    /// The presence of a condition decides, whatever its status; and one that is going has no verdict, unless the
    /// finalizer that Argo CD gives its hooks keeps it. Ours have none: a hook is judged as if it had.
    fn argo_cds_state(&self, role: Role) -> State {
        let finalizers = self.metadata.finalizers.as_deref().unwrap_or_default();
        let is_kept = role == Role::Hook || finalizers.iter().any(|name| name == HOOK_FINALIZER);
        if self.metadata.deletion_timestamp.is_some() && !is_kept {
            return State::Leaving;
        }
        if self.api_version != "batch/v1" {
            return State::Unknown(format!("there is no check for version {}", self.api_version));
        }
        let present = |kind: &str| self.status.conditions.iter().find(|condition| condition.kind == kind);
        match (present("Failed"), present("Complete"), present("Suspended")) {
            (Some(failed), ..) => State::Failed(failed.reason()),
            (None, None, None) => State::Running(self.pods()),
            (None, _, Some(suspended)) if suspended.status == "True" => State::Suspended,
            (None, ..) => State::Complete("complete".to_owned()),
        }
    }

    /// A verdict stands, even if the Job is being deleted since.
    fn our_state(&self) -> State {
        if let Some(failed) = self.condition("Failed") {
            return State::Failed(failed.reason());
        }
        if self.condition("Complete").is_some() {
            return State::Complete(match self.status.succeeded {
                0 | 1 => "complete".to_owned(),
                pods => format!("complete: {pods} pods succeeded"),
            });
        }
        if self.metadata.deletion_timestamp.is_some() {
            return State::Leaving;
        }
        if self.condition("Suspended").is_some() {
            return State::Suspended;
        }
        // The verdict is decided, but pods are still being stopped: it is not there before all are gone.
        if let Some(target) = self.condition("FailureTarget") {
            return State::Running(format!("failing, its pods are being stopped: {}", target.reason()));
        }
        if self.condition("SuccessCriteriaMet").is_some() {
            return State::Running("succeeded; waiting for its other pods to end".to_owned());
        }
        State::Running(self.pods())
    }

    /// Whether Kubernetes has begun with it.
    pub fn is_started(&self) -> bool {
        self.status.start_time.is_some()
    }

    /// Whether it has had any pods.
    pub fn has_pods(&self) -> bool {
        let Status {
            active,
            succeeded,
            failed,
            ..
        } = self.status;
        active + succeeded + failed > 0
    }

    fn condition(&self, kind: &str) -> Option<&Condition> {
        self.status
            .conditions
            .iter()
            .find(|condition| condition.kind == kind && condition.status == "True")
    }

    /// `waiting for the Job's pods: 1 active, 1 failed of 3 tries`.
    fn pods(&self) -> String {
        let Status {
            active,
            ready,
            succeeded,
            failed,
            ..
        } = self.status;
        if self.status.start_time.is_none() && active + succeeded + failed == 0 {
            return "waiting for Kubernetes to start the Job".to_owned();
        }
        let mut parts = vec![format!("{active} active")];
        if active > 0 && ready == Some(0) {
            parts.push("none ready".to_owned());
        }
        if let Some(total @ 2..) = self.spec.completions {
            parts.push(format!("{succeeded} of {total} succeeded"));
        }
        if failed > 0 {
            parts.push(match self.spec.backoff_limit.unwrap_or(DEFAULT_BACKOFF_LIMIT) {
                NO_LIMIT => format!("{failed} failed"),
                limit => format!(
                    "{failed} failed of {} {}",
                    limit + 1,
                    if limit == 0 { "try" } else { "tries" }
                ),
            });
        }
        format!("waiting for the Job's pods: {}", parts.join(", "))
    }
}

impl Condition {
    /// `BackoffLimitExceeded: Job has reached the specified backoff limit`.
    fn reason(&self) -> String {
        match (&*self.reason, &*self.message) {
            ("", "") => "the Job failed".to_owned(),
            ("", text) | (text, "") => text.to_owned(),
            (reason, message) => format!("{reason}: {message}"),
        }
    }
}
