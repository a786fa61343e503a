//! A hook that is one object: it is created, followed until a verdict, and may vanish before.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{HealthStatus, HookInput, Observation, OnVanished, Request, Seen, Step};

/// The number of the ask that creates the own object.
const CREATE_REQUEST: u32 = 1;
/// The number of the ask that follows it.
const WATCH_REQUEST: u32 = 2;
/// After so many objects that vanished, something deletes them on purpose; going on would only feed it.
const MAX_RERUNS: u32 = 3;
/// How often a temporary failure is tried again: with the wait below, half a minute.
const MAX_TRIES: u32 = 6;
const RETRY_DELAY: Duration = Duration::from_secs(5);

/// What such a hook remembers. Use it as the state of a hook type, or as a field of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OwnObject {
    reruns: u32,
    tries: u32,
    is_retrying: bool,
}

impl OwnObject {
    /// Creates the own object and follows it.
    pub fn begin(message: impl Into<String>) -> Step {
        Step::running(message)
            .ask(CREATE_REQUEST, Request::CreateOwn)
            .ask(WATCH_REQUEST, Request::WatchOwn)
    }

    /// Answers every observation by the health of the object: healthy is success, degraded is failure. For a hook type
    /// that has nothing to add; one that judges the object itself asks [`OwnObject::settle`] about everything else.
    pub fn follow(&mut self, input: &HookInput<'_>, seen: &Seen<'_>) -> Step {
        let Observation::Object { health, .. } = &seen.what else {
            return self.settle(input, seen);
        };
        let or = |text: &str| {
            if health.message.is_empty() {
                text.to_owned()
            } else {
                health.message.clone()
            }
        };
        match health.status {
            HealthStatus::Healthy => Step::succeeded(or("healthy")),
            HealthStatus::Degraded => Step::failed(or("degraded")),
            HealthStatus::Progressing => Step::running(or("waiting for its object to become healthy")),
            HealthStatus::Suspended => Step::running(or("suspended")),
            HealthStatus::Missing => self.vanished(input),
            // "Could not tell" is neither healthy nor failed.
            HealthStatus::Unknown => Step::running(format!(
                "its object's health can't be determined: {}",
                or("no reason was given")
            )),
        }
    }

    /// Answers every observation that isn't the object itself.
    pub fn settle(&mut self, input: &HookInput<'_>, seen: &Seen<'_>) -> Step {
        match &seen.what {
            Observation::Gone => self.vanished(input),
            Observation::Refused(reason) => Step::failed(reason),
            Observation::Failed { reason, is_temporary } if !is_temporary || self.tries >= MAX_TRIES => {
                Step::failed(reason)
            }
            Observation::Failed { reason, .. } => {
                self.tries += 1;
                self.is_retrying = true;
                Step::running(format!("trying again: {reason}")).wake_after(RETRY_DELAY)
            }
            // Creating twice adopts the first.
            Observation::Woke if std::mem::take(&mut self.is_retrying) => Self::begin("trying again"),
            // The answer is the same for an object that was there and was applied: the host tells people which it was.
            Observation::Created(_) | Observation::Object { .. } => Step::running("waiting for its object"),
            Observation::Deleted
            | Observation::Done
            | Observation::Objects(_)
            | Observation::Log(_)
            | Observation::Http { .. }
            | Observation::Signal { .. }
            | Observation::Woke
            | Observation::Unknown(_) => Step::running("waiting for its object to change"),
        }
    }

    /// Does what the user wants if the object is gone before it had a verdict (`capstan.dev/on-vanished`).
    pub fn vanished(&mut self, input: &HookInput<'_>) -> Step {
        match input.hook.on_vanished {
            OnVanished::Succeed => {
                Step::succeeded("its object vanished before it had a verdict, which counts as success")
            }
            OnVanished::Rerun if self.reruns < MAX_RERUNS => {
                self.reruns += 1;
                Self::begin(format!(
                    "its object vanished before it had a verdict; creating it again ({} of {MAX_RERUNS})",
                    self.reruns
                ))
            }
            OnVanished::Rerun => Step::failed(format!(
                "its object vanished before it had a verdict, {} times in a row",
                self.reruns + 1
            )),
            OnVanished::Fail | OnVanished::Unknown => Step::failed("its object vanished before it had a verdict"),
        }
    }
}
