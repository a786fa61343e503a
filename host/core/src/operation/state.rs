//! What an operation remembers: the checkpoint.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{again::PendingRetry, hook_run::HookRun};
use crate::{
    effect::Target,
    event::Status,
    fact::ObservedObject,
    grace,
    health::Health,
    hook::Propagation,
    object::ObjectKey,
    phase::Phase,
    plan::Plan,
    plugins::FailureCause,
    task::{TaskId, TaskResult},
    text,
    wave::Wave,
};

/// Everything that an operation remembers beside its plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationState {
    /// The operation's id.
    pub id: String,
    /// 1 for the first try.
    pub attempt: u32,
    /// How it is.
    pub status: Status,
    pub(super) stage: Stage,
    /// The wave that runs.
    pub(super) current: Option<(Phase, Wave)>,
    pub(super) tasks: BTreeMap<TaskId, TaskState>,
    /// The objects that are applied again later, since a webhook doesn't answer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) again: BTreeMap<TaskId, PendingRetry>,
    /// When each task began.
    pub(super) started: BTreeMap<TaskId, Timestamp>,
    /// How the tasks ended that did.
    pub results: BTreeMap<TaskId, TaskResult>,
    /// Why it fails.
    pub(super) cause: Option<FailureCause>,
    /// How many tasks failed since it began or was last tried again.
    #[serde(default)]
    pub(super) failed: u32,
    /// What it leaves to be deleted later.
    pub(super) due: Vec<Due>,
    /// When it is given up.
    pub(super) deadline: Option<Timestamp>,
    /// The deadline of all tries together, while something else has one of its own; nothing when it has passed.
    #[serde(default)]
    pub(super) whole_deadline: Option<Timestamp>,
    /// When its phase is, and its wave.
    #[serde(default)]
    pub(super) phase_deadline: Option<Timestamp>,
    #[serde(default)]
    pub(super) wave_deadline: Option<Timestamp>,
    /// What the server hasn't been asked about yet.
    #[serde(default)]
    pub(super) unchecked: BTreeSet<TaskId>,
    /// When what failed is tried again.
    #[serde(default)]
    pub(super) retry_at: Option<Timestamp>,
    /// With which wave that begins; nothing for the first.
    #[serde(default)]
    pub(super) retry_from: Option<(Phase, Wave)>,
    /// Whether the server is asked once more about everything: it had something against the last try.
    #[serde(default)]
    pub(super) checks_again: bool,
    /// When the user is told what is waited for.
    pub(super) notice_at: Option<Timestamp>,
    /// How often that was told since something last happened.
    #[serde(default)]
    pub(super) notices: u32,
    /// The timer that was ordered last.
    pub(super) wake: Option<Timestamp>,
    /// Counts its events.
    pub(crate) seq: u64,
}

/// An object that is to be deleted after the operation's end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// Which.
    pub target: Target,
    /// What becomes of what it owns, where the annotation or the application's options say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propagation: Option<Propagation>,
    /// When.
    pub at: Timestamp,
    /// Whose word it is.
    pub by: String,
    /// The plugin of that delete policy, with its version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<String>,
    /// Whether the policies want to be asked again then, rather than have it deleted.
    pub ask_again: bool,
}

/// How far the operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stage {
    /// Not begun.
    New,
    /// The server is asked what it would say.
    Checking,
    /// Between two tries.
    #[serde(rename = "Resting")]
    Backoff,
    /// In the phases before SyncFail.
    Main,
    /// Being stopped: what runs is brought to an end.
    Stopping,
    /// In SyncFail.
    Failing,
    /// All tasks are over; policies are asked once more.
    Closing,
    /// Over.
    Over,
}

/// How far a task is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum TaskState {
    /// Not begun.
    Pending,
    /// `Apply` is ordered.
    Applying,
    /// Applied; its health is awaited.
    #[serde(rename = "Settling")]
    AwaitingHealth(Box<AwaitedHealth>),
    /// `Delete` is ordered, or its end awaited.
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
    /// Ended.
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
    pub held: Option<ObservedObject>,
    /// What was last told.
    pub health: Option<Health>,
    pub message: String,
    /// Since when it has been Degraded.
    pub degraded_since: Option<Timestamp>,
    /// How long what it is Degraded by may last, in seconds.
    #[serde(default = "others")]
    pub grace_seconds: u64,
    /// What its pods lack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lacks: Option<Box<ObjectKey>>,
    /// Since when the plugin that judges it has given no answer.
    #[serde(default)]
    pub unanswered_since: Option<Timestamp>,
}

fn others() -> u64 {
    grace::OTHERS.as_secs()
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
            status: Status::Running,
            stage: Stage::New,
            current: None,
            tasks: plan
                .tasks
                .iter()
                .map(|task| (task.id.clone(), TaskState::Pending))
                .collect(),
            again: BTreeMap::new(),
            started: BTreeMap::new(),
            results: BTreeMap::new(),
            cause: None,
            failed: 0,
            due: Vec::new(),
            deadline: None,
            whole_deadline: None,
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
