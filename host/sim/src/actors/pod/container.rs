//! The state of one container over its restarts.
//!
//! ```text
//!   Idle -> Begun -> Ended -> (back-off) -> Begun ...
//!     \-> Refused (a reference is missing)    Begun -> NoImage
//! ```

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    actors::access::{format_timestamp, plus_seconds},
    pods::{ContainerReport, Ended},
};

/// The first back-off in seconds, before the second restart; it doubles each time.
const MIN_BACKOFF_SECONDS: i64 = 10;
/// The longest back-off before a restart, in seconds.
const MAX_BACKOFF_SECONDS: i64 = 300;
/// After a container has run for this many seconds, the back-off is reset.
const BACKOFF_RESET_SECONDS: i64 = 600;

/// The state of one container.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct ContainerState {
    pub stage: Stage,
    pub restarts: u32,
    /// How the run before this one ended.
    pub last: Option<Ended>,
    /// Restarts in a row after short runs.
    crashes: u32,
}

/// The stage of a container.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) enum Stage {
    /// The container wasn't started.
    #[default]
    Idle,
    /// It can't be started: `CreateContainerConfigError`, with this message.
    #[serde(rename = "Refused")]
    ConfigError(String),
    /// The runtime has it; `None` while it is being created.
    #[serde(rename = "Begun")]
    Started(Option<(Timestamp, bool)>),
    /// Its image can't be pulled, since this time and with this message.
    NoImage(Timestamp, String, bool),
    /// The container has ended.
    Ended(Ended),
}

impl ContainerState {
    /// Updates the state from the runtime's report. Returns when to check again.
    pub fn observe(&mut self, report: Option<ContainerReport>, now: Timestamp) -> Option<Timestamp> {
        if !self.is_alive() {
            return None;
        }
        match report {
            None | Some(ContainerReport::Creating) => None,
            Some(ContainerReport::Running { since, ready }) => {
                self.stage = Stage::Started(Some((since, ready)));
                None
            }
            Some(ContainerReport::Ended(ended)) => {
                self.stage = Stage::Ended(ended);
                None
            }
            Some(ContainerReport::NoImage { message }) => {
                // The error shows for a moment, then the kubelet reports that it waits before the next try.
                let since = match &self.stage {
                    Stage::NoImage(since, _, _) => *since,
                    Stage::Idle | Stage::ConfigError(_) | Stage::Started(_) | Stage::Ended(_) => now,
                };
                let backs_off_at = plus_seconds(since, 1);
                self.stage = Stage::NoImage(since, message, now >= backs_off_at);
                (now < backs_off_at).then_some(backs_off_at)
            }
        }
    }

    /// Returns when the container may start; `None` if it runs or isn't restarted.
    pub fn starts_at(&self, policy: &str) -> Option<Timestamp> {
        match &self.stage {
            Stage::Idle | Stage::ConfigError(_) => Some(Timestamp::MIN),
            Stage::Started(_) | Stage::NoImage(..) => None,
            Stage::Ended(ended) => restarts(policy, ended).then(|| plus_seconds(ended.finished, self.rest())),
        }
    }

    /// Returns the seconds between the end and the restart: the first restart is immediate, see `doBackOff`.
    fn rest(&self) -> i64 {
        match self.crashes.checked_sub(1) {
            None => 0,
            Some(doublings) => (MIN_BACKOFF_SECONDS << doublings.min(10)).min(MAX_BACKOFF_SECONDS),
        }
    }

    /// Records that the container is given to the runtime. Returns whether it is a restart.
    pub fn start(&mut self) -> bool {
        let before = std::mem::replace(&mut self.stage, Stage::Started(None));
        let Stage::Ended(ended) = before else { return false };
        let recovered = plus_seconds(ended.started, BACKOFF_RESET_SECONDS) <= ended.finished;
        self.crashes = if recovered { 0 } else { self.crashes + 1 };
        self.restarts += 1;
        self.last = Some(ended);
        true
    }

    /// Says whether the runtime has it.
    pub fn is_alive(&self) -> bool {
        matches!(self.stage, Stage::Started(_) | Stage::NoImage(..))
    }

    /// Says whether it ended and is not restarted.
    pub fn is_over(&self, policy: &str) -> bool {
        matches!(&self.stage, Stage::Ended(ended) if !restarts(policy, ended))
    }

    pub fn has_succeeded(&self) -> bool {
        matches!(&self.stage, Stage::Ended(ended) if ended.code == 0)
    }

    pub fn has_started(&self) -> bool {
        matches!(self.stage, Stage::Started(Some(_)))
    }

    pub fn is_ready(&self) -> bool {
        matches!(self.stage, Stage::Started(Some((_, true))))
    }

    /// Writes the `state` and `lastState` of the container's status.
    pub fn states(&self, title: &str, waiting: &str, policy: &str) -> (Value, Value) {
        let last = self.last.as_ref().map_or_else(|| json!({}), terminated);
        let waits = |reason: &str, message: String| {
            let mut waiting = json!({"reason": reason});
            if !message.is_empty() {
                waiting["message"] = json!(message);
            }
            json!({"waiting": waiting})
        };
        let looping = |rest: i64| {
            let message = format!("back-off {} restarting failed container={title}", format_seconds(rest));
            waits("CrashLoopBackOff", message)
        };
        let state = match &self.stage {
            Stage::Idle => waits(waiting, String::new()),
            Stage::ConfigError(message) => waits("CreateContainerConfigError", message.clone()),
            Stage::Started(Some((since, _))) => json!({"running": {"startedAt": format_timestamp(*since)}}),
            Stage::Started(None) => match &self.last {
                None => waits(waiting, String::new()),
                Some(last) if self.crashes <= 1 => return (terminated(last), json!({})),
                Some(_) => looping((MIN_BACKOFF_SECONDS << (self.crashes - 2).min(10)).min(MAX_BACKOFF_SECONDS)),
            },
            Stage::NoImage(_, message, false) => waits("ErrImagePull", message.clone()),
            Stage::NoImage(_, message, true) => waits("ImagePullBackOff", format!("Back-off pulling image: {message}")),
            Stage::Ended(ended) if restarts(policy, ended) && self.rest() > 0 => {
                return (looping(self.rest()), terminated(ended));
            }
            Stage::Ended(ended) => terminated(ended),
        };
        (state, last)
    }
}

fn restarts(policy: &str, ended: &Ended) -> bool {
    match policy {
        "Always" => true,
        "OnFailure" => ended.code != 0,
        _ => false,
    }
}

fn terminated(ended: &Ended) -> Value {
    let mut terminated = json!({
        "exitCode": ended.code,
        "reason": ended.reason,
        "startedAt": format_timestamp(ended.started),
        "finishedAt": format_timestamp(ended.finished),
    });
    if !ended.message.is_empty() {
        terminated["message"] = json!(ended.message);
    }
    json!({"terminated": terminated})
}

/// Formats seconds as Go does: `10s`, `1m20s`.
fn format_seconds(seconds: i64) -> String {
    match seconds / 60 {
        0 => format!("{seconds}s"),
        minutes => format!("{minutes}m{}s", seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restarts_wait_longer_each_time_up_to_five_minutes() {
        let mut cell = ContainerState::default();
        let mut rests = Vec::new();
        for _ in 0..8 {
            cell.start();
            let at = Timestamp::UNIX_EPOCH;
            cell.stage = Stage::Ended(Ended {
                code: 1,
                reason: "Error".into(),
                message: String::new(),
                started: at,
                finished: at,
            });
            rests.push(cell.starts_at("Always").unwrap().as_second());
        }
        assert_eq!(rests, [0, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(cell.starts_at("Never"), None);
    }
}
