//! The state of an operation, which is its checkpoint.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{again::PendingRetry, hook_health::OwnHealth};
use crate::{
    deletion::DecidedPropagation,
    effect::{HookCall, PendingObservation, Target},
    event::Status,
    fact::ObservedObject,
    grace,
    health::Health,
    hook::{HookOutcome, Occasion, Propagation},
    object::ObjectKey,
    phase::Phase,
    plan::Plan,
    plugins::{AbortReason, Ask, FailureCause, Request},
    remedy::Remedies,
    task::{TaskId, TaskResult},
    wave::Wave,
};

/// The state of an operation, without its plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationState {
    /// The operation's id.
    pub id: String,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// Whether the operation is running, and how it ended.
    pub status: Status,
    pub(super) stage: Stage,
    /// The wave that is running.
    pub(super) current: Option<(Phase, Wave)>,
    pub(super) tasks: BTreeMap<TaskId, TaskState>,
    /// Requests that are repeated because a webhook didn't answer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) again: BTreeMap<TaskId, PendingRetry>,
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
    pub(super) due: Vec<Due>,
    /// The current deadline: of the operation, or of SyncFail.
    pub(super) deadline: Option<Timestamp>,
    /// The deadline of all attempts together; `None` when it has passed.
    #[serde(default)]
    pub(super) whole_deadline: Option<Timestamp>,
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
pub struct Due {
    /// The object.
    pub target: Target,
    /// The propagation of the annotation or of the application's options, if they set one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propagation: Option<Propagation>,
    /// When it is deleted, or when its policies are asked again.
    pub at: Timestamp,
    /// The delete policy that decided.
    pub by: String,
    /// The plugins of that delete policy, with their versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<String>,
    /// Whether the policies are asked again at that time, instead of deleting the object.
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
        /// What holds it up.
        #[serde(default)]
        message: String,
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
    grace::OTHERS
}

/// A hook that began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct HookRun {
    pub stage: HookStage,
    /// What the plugin remembers.
    pub state: Vec<u8>,
    /// Its object.
    #[serde(rename = "own")]
    pub object: Option<Target>,
    /// The question that is being asked.
    #[serde(serialize_with = "lasting::call")]
    #[serde(rename = "calling")]
    pub current_call: Option<HookCall>,
    /// What the plugin hasn't been told yet.
    #[serde(serialize_with = "lasting::notes")]
    pub queue: VecDeque<PendingObservation>,
    /// What it asked for and has no answer yet.
    #[serde(rename = "asked")]
    pub pending_requests: Vec<Ask>,
    /// The ask to follow the own object.
    pub following: Option<u32>,
    /// The ask that waits for the own object's end.
    pub deleting: Option<u32>,
    /// Whether the own object is watched.
    pub watched: bool,
    /// When the plugin wants to be asked again.
    pub wake_at: Option<Timestamp>,
    /// What is going on.
    pub message: String,
    /// How often in a row the plugin couldn't be asked.
    pub retries: u32,
    /// How many steps it took.
    pub steps: u32,
    /// How often older objects were looked for.
    pub rounds: u32,
    /// Set when the hook must be stopped as soon as its plugin has answered.
    pub abort: Option<AbortReason>,
    /// When the stopping is given up.
    pub abort_until: Option<Timestamp>,
    /// When the question in `calling` is asked again; nothing while it is being asked.
    pub retry_at: Option<Timestamp>,
    /// The plugin's verdict, while what it asked for beside it is carried out.
    #[serde(rename = "said")]
    pub verdict: Option<(HookOutcome, String)>,
    /// What it asked for that waits for what it asked for before.
    #[serde(default)]
    #[serde(rename = "waiting")]
    pub waiting_requests: VecDeque<Ask>,
    /// The calls of URLs whose answer it hasn't taken in yet: in a checkpoint they are unanswered.
    #[serde(skip)]
    pub answered: BTreeSet<u32>,
    /// Other objects that are followed, by the ask for that.
    #[serde(default)]
    pub watching: BTreeMap<u32, ObjectKey>,
    /// Other objects that are being deleted, by the ask for that.
    #[serde(default)]
    #[serde(rename = "leaving")]
    pub deleting_others: BTreeMap<u32, Target>,
    /// Other objects that it changed, and how.
    #[serde(default)]
    #[serde(rename = "touched")]
    pub modified_objects: Vec<ModifiedObject>,
    /// What it asked for beside its own object, in words.
    #[serde(default)]
    pub requests: BTreeMap<String, RequestCount>,
    /// How many further requests are not listed.
    #[serde(default)]
    #[serde(rename = "unlisted")]
    pub unlisted_requests: u32,
    /// The signals that it has been told, by what they are known by.
    #[serde(default)]
    #[serde(rename = "heard")]
    pub delivered_signals: Vec<String>,
    /// How its objects are being deleted, to order that again after a crash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleting_with: Option<DecidedPropagation>,
    /// Whether it is a helper that has ended and whose policies are asked when its phase has ended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub awaits_phase: bool,
    /// How its phase ended, once that counts for its policies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase_outcome: Option<HookOutcome>,
    /// How its object is.
    #[serde(default, skip_serializing_if = "OwnHealth::is_clear")]
    pub health: OwnHealth,
    /// Its object, after its deletion was accepted in the deletion of the application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminating: Option<Terminating>,
}

/// An object that is being deleted and whose end is awaited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Terminating {
    pub target: Target,
    /// When the wait is given up.
    pub until: Option<Timestamp>,
    /// What holds its deletion up; empty while nothing is known.
    pub message: String,
}

/// An object that isn't the hook's own, and what was done to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ModifiedObject {
    pub key: ObjectKey,
    pub how: String,
}

/// How often something was asked for, and why it was refused the last time; empty when it was granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RequestCount {
    pub times: u32,
    pub refused: String,
    #[serde(default, skip_serializing_if = "Remedies::is_empty")]
    pub remedies: Remedies,
}

/// Stores what can be stored of a hook's notes: the rest is brought again after a crash.
mod lasting {
    use std::collections::VecDeque;

    use serde::{Serialize as _, Serializer};

    use crate::effect::{HookCall, PendingObservation};

    pub(super) fn notes<S: Serializer>(notes: &VecDeque<PendingObservation>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(notes.iter().filter(|note| !note.what.is_fleeting()))
    }

    #[expect(clippy::ref_option, reason = "serde passes a reference")]
    pub(super) fn call<S: Serializer>(call: &Option<HookCall>, serializer: S) -> Result<S::Ok, S::Error> {
        match call {
            Some(HookCall::Advance { note, .. }) if note.what.is_fleeting() => serializer.serialize_none(),
            other => other.serialize(serializer),
        }
    }
}

/// How far a hook is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum HookStage {
    /// Objects of earlier runs are looked for.
    #[serde(rename = "Looking")]
    FindingPrevious,
    /// Nothing is in its way any more; its turn hasn't come.
    Ready,
    /// These are being deleted.
    #[serde(rename = "Clearing")]
    DeletingPrevious {
        left: BTreeSet<Target>,
        until: Option<Timestamp>,
    },
    /// Its plugin goes on from step to step.
    Running,
    /// It has its verdict; what is left of it is put in order.
    Ended { verdict: Verdict, tidying: Cleanup },
}

/// How a hook ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Verdict {
    pub outcome: HookOutcome,
    pub result: TaskResult,
    /// Whether the own object must go, whatever the policies say: the hook was stopped while it ran.
    pub must_go: bool,
}

/// What is left to be done after a hook's verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Cleanup {
    /// `KeepLogs` is ordered.
    KeepingLogs,
    /// `SetTtl` is ordered.
    SettingTtl,
    /// `Decide` is ordered.
    Deciding(Occasion),
    /// `Delete` is ordered.
    Deleting,
    /// Nothing.
    Done,
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

impl HookRun {
    pub(super) fn new() -> HookRun {
        HookRun {
            stage: HookStage::FindingPrevious,
            state: Vec::new(),
            object: None,
            current_call: None,
            queue: VecDeque::new(),
            pending_requests: Vec::new(),
            following: None,
            deleting: None,
            watched: false,
            wake_at: None,
            message: String::new(),
            retries: 0,
            steps: 0,
            rounds: 0,
            abort: None,
            abort_until: None,
            retry_at: None,
            verdict: None,
            waiting_requests: VecDeque::new(),
            answered: BTreeSet::new(),
            watching: BTreeMap::new(),
            deleting_others: BTreeMap::new(),
            modified_objects: Vec::new(),
            requests: BTreeMap::new(),
            unlisted_requests: 0,
            delivered_signals: Vec::new(),
            deleting_with: None,
            awaits_phase: false,
            phase_outcome: None,
            health: OwnHealth::default(),
            terminating: None,
        }
    }

    /// Returns what its policies judge by: its own outcome, or that of its phase when it is a helper.
    pub(super) fn outcome(&self) -> Option<HookOutcome> {
        if self.phase_outcome.is_some() {
            return self.phase_outcome;
        }
        match &self.stage {
            HookStage::FindingPrevious | HookStage::Ready | HookStage::DeletingPrevious { .. } | HookStage::Running => {
                None
            }
            HookStage::Ended { verdict, .. } => Some(verdict.outcome),
        }
    }

    /// Says whether the wave may go past it: its verdict is in, and what its policies said is on its way.
    pub(super) fn is_over(&self) -> bool {
        match &self.stage {
            HookStage::FindingPrevious | HookStage::Ready | HookStage::DeletingPrevious { .. } | HookStage::Running => {
                false
            }
            HookStage::Ended { tidying, .. } => *tidying == Cleanup::Done,
        }
    }

    /// Says whether kinds of a higher rank may start: the object was asked for and answered, or never will be.
    pub(super) fn is_answered(&self) -> bool {
        match &self.stage {
            HookStage::FindingPrevious | HookStage::Ready | HookStage::DeletingPrevious { .. } => false,
            HookStage::Running => {
                let mut asked = self.pending_requests.iter().chain(&self.waiting_requests);
                self.object.is_some() || (self.steps > 0 && !asked.any(|ask| ask.what == Request::CreateOwn))
            }
            HookStage::Ended { .. } => true,
        }
    }

    /// Lists the signals that it waits for.
    pub(super) fn signals(&self) -> impl Iterator<Item = &str> {
        let asked = (self.stage == HookStage::Running).then_some(&self.pending_requests);
        asked.into_iter().flatten().filter_map(|ask| match &ask.what {
            Request::WaitSignal(name) => Some(name.as_str()),
            _ => None,
        })
    }

    pub(super) fn own_key(&self) -> Option<ObjectKey> {
        self.object.as_ref().map(|own| own.key.clone())
    }
}
