//! The state of an operation, which is its checkpoint.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{hook_run::HookRun, webhook_retry::PendingRetry};
use crate::{
    kubernetes::observed_object::ObservedObject,
    model::{
        health::Health, hook::Propagation, object::ObjectKey, phase::Phase, plugins::FailureCause, text, wave::Wave,
    },
    plan::{
        Plan, degraded_grace,
        task::{TaskId, TaskResult},
    },
    run::{effect::ObjectIdentity, event::OperationStatus},
};

/// The state of an operation, without its plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationState {
    /// The operation's ID.
    pub id: String,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// Whether the operation is running, and how it ended.
    pub status: OperationStatus,
    pub(super) stage: Stage,
    /// The wave that is running.
    pub(super) current: Option<(Phase, Wave)>,
    pub(super) tasks: BTreeMap<TaskId, TaskState>,
    /// Requests that are repeated because a webhook didn't answer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[serde(rename = "again")]
    pub(super) retries: BTreeMap<TaskId, PendingRetry>,
    /// When each task started.
    pub(super) started: BTreeMap<TaskId, Timestamp>,
    /// The results of the tasks that have ended.
    pub results: BTreeMap<TaskId, TaskResult>,
    /// Why the operation fails, if it does.
    pub(super) cause: Option<FailureCause>,
    /// The number of tasks that failed in the current attempt.
    #[serde(default)]
    pub(super) failed: u32,
    /// Objects that are to be deleted after the operation's end.
    #[serde(rename = "due")]
    pub(super) scheduled_deletions: Vec<ScheduledDeletion>,
    /// The current deadline: of the operation, or of SyncFail.
    pub(super) deadline: Option<Timestamp>,
    /// The deadline of all attempts together; `None` when it has passed.
    #[serde(default)]
    #[serde(rename = "wholeDeadline")]
    pub(super) total_deadline: Option<Timestamp>,
    /// The deadlines of the current phase and wave.
    #[serde(default)]
    pub(super) phase_deadline: Option<Timestamp>,
    #[serde(default)]
    pub(super) wave_deadline: Option<Timestamp>,
    /// Tasks whose dry run has no answer yet.
    #[serde(default)]
    pub(super) unchecked: BTreeSet<TaskId>,
    /// When the next attempt starts.
    #[serde(default)]
    pub(super) retry_at: Option<Timestamp>,
    /// The wave with which the next attempt starts; `None` for the first wave.
    #[serde(default)]
    pub(super) retry_from: Option<(Phase, Wave)>,
    /// Whether the next attempt repeats the dry runs, because the last one failed in them.
    #[serde(default)]
    pub(super) checks_again: bool,
    /// When the user is told what the operation waits for.
    pub(super) notice_at: Option<Timestamp>,
    /// How often the user was told since something last changed.
    #[serde(default)]
    pub(super) notices: u32,
    /// The time of the timer that was ordered last.
    pub(super) wake: Option<Timestamp>,
    /// The number of the last event.
    pub(crate) seq: u64,
}

/// An object that is to be deleted after the operation's end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledDeletion {
    /// The object that is due.
    pub target: ObjectIdentity,
    /// The propagation of the annotation or of the application's options, if they set one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propagation: Option<Propagation>,
    /// When it is deleted, or when its policies are asked again.
    #[serde(rename = "at")]
    pub due_at: Timestamp,
    /// The delete policy that decided.
    #[serde(rename = "by")]
    pub decided_by: String,
    /// The plugins of that delete policy, with their versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<String>,
    /// Whether the policies are asked again at that time, instead of deleting the object.
    pub ask_again: bool,
}

/// How far the operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stage {
    /// The operation hasn't started.
    New,
    /// Every object is sent to the API server as a dry run.
    Checking,
    /// The pause before the next attempt.
    #[serde(rename = "Resting")]
    Backoff,
    /// In the phases before SyncFail.
    Main,
    /// The operation is being stopped; running tasks are ended.
    Stopping,
    /// The operation failed, and its SyncFail hooks run.
    Failing,
    /// All tasks have ended; delete policies are called once more.
    Closing,
    /// The operation has ended.
    Over,
}

/// How far a task is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum TaskState {
    /// The task hasn't started.
    Pending,
    /// The engine applies the object (`Work::Apply`).
    Applying,
    /// The object is applied; the operation waits for its health.
    #[serde(rename = "Settling")]
    AwaitingHealth(Box<AwaitedHealth>),
    /// The engine deletes the object (`Work::Delete`), or the operation waits until it is gone.
    Deleting {
        /// Whether the server took it.
        accepted: bool,
        /// When it is given up.
        until: Option<Timestamp>,
        /// What holds it up, as far as it is known.
        #[serde(rename = "message", with = "text::or_empty", default)]
        held_up_by: Option<String>,
    },
    /// A hook that began; also after its end, for what is left of it.
    Hook(Box<HookRun>),
    /// The operation has ended.
    Over,
}

/// A resource whose health is awaited.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct AwaitedHealth {
    /// Looks at older versions don't count.
    pub version: String,
    /// When it was applied; nothing when the plan found it unchanged, and it wasn't.
    #[serde(default)]
    pub applied_at: Option<Timestamp>,
    /// Whether that changed what is desired of it.
    #[serde(default)]
    pub spec_changed: bool,
    /// How it looked, as long as that may be about the past.
    #[serde(default)]
    #[serde(rename = "held")]
    pub postponed: Option<ObservedObject>,
    /// What was last told.
    pub health: Option<Health>,
    pub message: String,
    /// Since when it has been Degraded.
    pub degraded_since: Option<Timestamp>,
    /// How long what it is Degraded by may last, in seconds.
    #[serde(default = "default_grace_seconds")]
    pub grace_seconds: u64,
    /// What its pods lack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "lacks")]
    pub missing_object: Option<Box<ObjectKey>>,
    /// Since when the plugin that judges it has given no answer.
    #[serde(default)]
    pub unanswered_since: Option<Timestamp>,
}

fn default_grace_seconds() -> u64 {
    degraded_grace::DEFAULT_DEGRADED_GRACE.as_secs()
}

impl TaskState {
    /// Returns the run of a hook that has begun.
    pub(super) fn as_hook(&self) -> Option<&HookRun> {
        match self {
            TaskState::Hook(run) => Some(run),
            TaskState::Pending
            | TaskState::Applying
            | TaskState::AwaitingHealth(_)
            | TaskState::Deleting { .. }
            | TaskState::Over => None,
        }
    }
}

impl OperationState {
    pub(super) fn new(id: String, plan: &Plan) -> OperationState {
        OperationState {
            id,
            attempt: 1,
            status: OperationStatus::Running,
            stage: Stage::New,
            current: None,
            tasks: plan
                .tasks
                .iter()
                .map(|task| (task.id.clone(), TaskState::Pending))
                .collect(),
            retries: BTreeMap::new(),
            started: BTreeMap::new(),
            results: BTreeMap::new(),
            cause: None,
            failed: 0,
            scheduled_deletions: Vec::new(),
            deadline: None,
            total_deadline: None,
            phase_deadline: None,
            wave_deadline: None,
            unchecked: BTreeSet::new(),
            retry_at: None,
            retry_from: None,
            checks_again: false,
            notice_at: None,
            notices: 0,
            wake: None,
            seq: 0,
        }
    }

    pub(super) fn hook(&mut self, id: &TaskId) -> Option<&mut HookRun> {
        match self.tasks.get_mut(id)? {
            TaskState::Hook(run) => Some(run),
            TaskState::Pending
            | TaskState::Applying
            | TaskState::AwaitingHealth(_)
            | TaskState::Deleting { .. }
            | TaskState::Over => None,
        }
    }
}
