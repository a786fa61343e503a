//! When the parts of an operation happened, for a timeline.

use jiff::{Timestamp, Unit};
use serde::{Deserialize, Serialize};

use crate::{
    model::{phase::Phase, wave::Wave},
    plan::task::{TaskId, TaskResult},
};

/// The largest number of earlier tries that a task lists; `--retry` has no limit of its own.
const MAX_TRIES: usize = 20;

/// When a wave ran. A wave that is tried again has one of these for each attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WaveView {
    /// The phase of the wave.
    pub phase: Phase,
    /// The wave within the phase.
    pub wave: Wave,
    /// The attempt of the operation, from 1.
    pub attempt: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
}

/// When the parts of a task happened. Older versions of capstan stored none of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskTiming {
    /// When its object was created or applied, in whole milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_at: Option<Timestamp>,
    /// What was done to its object: `created`, `applied`, `changed`, `unchanged`, `adopted`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub how: String,
    /// Since when it could not start because of other tasks of its wave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_since: Option<Timestamp>,
    /// Those tasks; the first ten of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held_by: Vec<TaskId>,
    /// Its earlier tries, oldest first; the last twenty of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<EarlierTry>,
}

/// A try of a task before the current one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EarlierTry {
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; absent if that was not reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// The result; `None` if the attempt ended before the task did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<TaskResult>,
}

impl TaskTiming {
    /// Says whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == TaskTiming::default()
    }

    /// Records that the object is there.
    pub(super) fn made(&mut self, at: Timestamp, how: &str) {
        self.made_at.get_or_insert(in_milliseconds(at));
        how.clone_into(&mut self.how);
    }

    /// Begins another try.
    pub(super) fn begin_again(&mut self, earlier: EarlierTry) {
        self.made_at = None;
        self.how.clear();
        if self.earlier.len() == MAX_TRIES {
            self.earlier.remove(0);
        }
        self.earlier.push(earlier);
    }
}

/// Nanoseconds are of no use here, and a view of 5,000 objects would be a third larger with them.
fn in_milliseconds(at: Timestamp) -> Timestamp {
    at.round(Unit::Millisecond).unwrap_or(at)
}
