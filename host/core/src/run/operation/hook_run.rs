//! A hook's run as a state machine.
//!
//! ```text
//!  Clearing: FindingPrevious ─▶ DeletingPrevious      objects of earlier runs have the name
//!                 │                    │
//!                 ├────────────────────┘ nothing has it any more
//!                 │   Ready                           only by Argo CD's rules: its turn hasn't come
//!                 ▼
//!  Running:  ┌─▶ Idle ──start, observation, abort──▶ Asking ──no answer──▶ Retrying
//!            │    ▲                                  │ │  ▲                  │
//!            │    └──────── answer: go on ───────────┘ │  └── pause is over ─┘
//!            │                                         │ answer: verdict
//!            │                                         ▼
//!            │                                     Finishing            what was asked for beside the verdict is carried out
//!            │                                         │
//!            └ beside that, Clearing again when        │
//!              the object's name is taken              ▼
//!  Ended:    KeepingLogs ─▶ SettingTtl ─▶ AwaitingPhase ─▶ Deciding ─▶ Deleting ─▶ AwaitingDeletion ─▶ Done
//! ```
//!
//! Every stage but Ready, `AwaitingPhase` and Done has an end of its own:
//!
//! | Stage | Ends by | At the latest |
//! | --- | --- | --- |
//! | `FindingPrevious` | `PreviousDecided` | the hook's timeout |
//! | `DeletingPrevious` | `Observed`: all are gone | its `until`: the run fails |
//! | Idle | an observation, `wake_at` | the hook's timeout |
//! | Asking | `HookStepped` | the sandbox's limit for a call |
//! | Retrying | its `at` | the fifth try: the run fails |
//! | Finishing | `RequestAnswered`, `Observed` | the hook's timeout |
//! | `KeepingLogs`, `SettingTtl`, Deciding, Deleting | `LogsSaved`, `TtlSet`, `Decided`, `Deleted` | the answer |
//! | `AwaitingDeletion` | `Observed`: it is gone | its `until`: the operation fails |
//!
//! A hook is stopped (`abort`) in every stage. Before its plugin was asked anything, its run ends at once. While it is Running, the plugin
//! is told as soon as it has answered, and the run ends at `abort_until` whatever the plugin does.
//!
//! `AwaitingPhase` is left when the phase has ended (`hook_cleanup.rs`), and Done once more when the operation ends: its delete policies are
//! asked about what is still there.

mod stored;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use self::stored::StoredHookRun;
use super::{hook_health::HookObjectHealth, stop::names, terminating::because};
use crate::{
    model::{
        hook::{HookOutcome, Occasion},
        object::ObjectKey,
        plugins::{AbortReason, HookRequest, Request},
        remedy::Remedies,
        text,
    },
    plan::{propagation::DecidedPropagation, task::TaskResult},
    run::effect::{HookCall, ObjectIdentity, PendingObservation},
};

/// A hook that began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "StoredHookRun", into = "StoredHookRun")]
pub(super) struct HookRun {
    pub stage: HookStage,
    /// The hook's object; `None` before it is created.
    pub object: Option<ObjectIdentity>,
    /// The health of the hook's object.
    pub health: HookObjectHealth,
    /// The state that the plugin returned last.
    pub state: Vec<u8>,
    /// Observations that the plugin hasn't received yet.
    pub queue: VecDeque<PendingObservation>,
    /// The plugin's requests.
    pub requests: HookRequests,
    /// The plugin's last message.
    pub message: Option<String>,
    /// How many steps the plugin took.
    pub steps: u32,
    /// How often the object's name was taken.
    pub rounds: u32,
    /// Why the hook is being stopped; `None` if it isn't.
    pub abort: Option<AbortReason>,
    /// The signals that the plugin has been told, by what they are known by.
    pub delivered_signals: Vec<String>,
    /// How its objects are being deleted, to order that again after a crash.
    pub deleting_with: Option<DecidedPropagation>,
}

/// How far a hook is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum HookStage {
    /// Objects of earlier runs may have its object's name; its plugin hasn't been asked anything.
    Clearing(Clearing),
    /// Nothing has the name any more; its turn hasn't come.
    Ready,
    /// Its plugin goes on from step to step.
    Running(RunningHook),
    /// It has its verdict; what is left of it is put in order.
    Ended(EndedHook),
}

/// How far the removal of earlier objects is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Clearing {
    /// The engine looks for objects of earlier runs (`Work::LookForOlder`).
    FindingPrevious,
    /// These are being deleted.
    DeletingPrevious {
        left: BTreeSet<ObjectIdentity>,
        /// When the wait is given up.
        until: Option<Timestamp>,
        /// What holds a deletion up: finalizers.
        held_up_by: Option<String>,
    },
}

/// A hook whose plugin has been asked its first question.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct RunningHook {
    pub turn: Turn,
    /// How far the removal of another run's object is that has the object's name.
    pub clearing: Option<Clearing>,
    /// How often in a row the plugin couldn't be asked.
    pub retries: u32,
    /// When the plugin wants to be asked again.
    pub wake_at: Option<Timestamp>,
    /// When the stopping is given up; nothing until the plugin is told to stop.
    pub abort_until: Option<Timestamp>,
}

/// Whose turn it is between the operation and a hook's plugin.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum Turn {
    /// The plugin waits for something to happen.
    #[default]
    Idle,
    /// The engine calls the plugin (`Work::StepHook`).
    Asking(HookCall),
    /// The plugin couldn't answer, and is asked again.
    Retrying { call: HookCall, at: Timestamp },
    /// The plugin has its verdict and is asked nothing more, while what it asked for beside that is carried out.
    Finishing { outcome: HookOutcome, message: String },
}

/// What a hook's plugin asked for, by what has become of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct HookRequests {
    /// Has no answer yet: `Perform` is ordered.
    pub pending: Vec<HookRequest>,
    /// Waits for what was asked for before.
    pub waiting: VecDeque<HookRequest>,
    /// The calls of URLs whose answer the plugin hasn't taken in yet: in a checkpoint they are unanswered.
    pub answered: BTreeSet<u32>,
    /// The ask to follow the own object.
    pub following: Option<u32>,
    /// Whether the own object is watched.
    pub is_own_watched: bool,
    /// The ask that waits for the own object's end.
    pub deleting_own: Option<u32>,
    /// Other objects that are followed, by the ask for that.
    pub watching: BTreeMap<u32, ObjectKey>,
    /// Other objects that are being deleted, by the ask for that.
    pub deleting: BTreeMap<u32, ObjectIdentity>,
    /// Other objects that were changed, and how.
    pub modified: Vec<ModifiedObject>,
    /// What was asked for beside the own object, in words.
    pub counts: BTreeMap<String, RequestCount>,
    /// How many further requests are not listed there.
    pub unlisted: u32,
}

/// An object that isn't the hook's own, and what was done to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ModifiedObject {
    pub key: ObjectKey,
    pub how: String,
}

/// How often something was asked for, and why it was refused the last time; nothing when it was granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RequestCount {
    pub times: u32,
    #[serde(with = "text::or_empty", default)]
    pub refused: Option<String>,
    #[serde(default, skip_serializing_if = "Remedies::is_empty")]
    pub remedies: Remedies,
}

/// A hook that has its verdict.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct EndedHook {
    pub verdict: Verdict,
    pub cleanup: Cleanup,
    /// How its phase ended, once that counts for its policies.
    pub phase_outcome: Option<HookOutcome>,
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
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cleanup {
    /// `KeepLogs` is ordered.
    KeepingLogs,
    /// `SetTtl` is ordered.
    SettingTtl,
    /// It is a helper, whose policies are asked when its phase has ended.
    AwaitingPhase,
    /// `Decide` is ordered.
    Deciding(Occasion),
    /// `Delete` is ordered.
    Deleting,
    /// The end of its object is awaited, whose deletion the server has accepted.
    AwaitingDeletion(Terminating),
    /// The hook's object is dealt with.
    Done,
}

/// An object that is being deleted and whose end is awaited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Terminating {
    pub target: ObjectIdentity,
    /// When the wait is given up.
    pub until: Option<Timestamp>,
    /// What holds its deletion up, as far as it is known.
    #[serde(rename = "message", with = "text::or_empty", default)]
    pub held_up_by: Option<String>,
}

impl Clearing {
    /// Returns when the wait for the end of earlier objects is given up.
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Clearing::FindingPrevious => None,
            Clearing::DeletingPrevious { until, .. } => *until,
        }
    }

    /// Says whether the end of an earlier object with this key is awaited.
    pub fn awaits(&self, key: &ObjectKey) -> bool {
        match self {
            Clearing::FindingPrevious => false,
            Clearing::DeletingPrevious { left, .. } => left.iter().any(|target| target.key == *key),
        }
    }

    /// Says what is waited for.
    pub fn why_waited_for(&self) -> String {
        match self {
            Clearing::FindingPrevious => "objects of earlier runs".to_owned(),
            Clearing::DeletingPrevious { left, held_up_by, .. } => {
                format!("the end of {}{}", names(left), because(held_up_by.as_deref()))
            }
        }
    }
}

impl RunningHook {
    /// Returns when its plugin is asked again that couldn't answer.
    pub fn retry_at(&self) -> Option<Timestamp> {
        match &self.turn {
            Turn::Retrying { at, .. } => Some(*at),
            Turn::Idle | Turn::Asking(_) | Turn::Finishing { .. } => None,
        }
    }

    /// Returns the next moment at which something must be done about it.
    pub fn next_moment(&self) -> Option<Timestamp> {
        let clearing_until = self.clearing.as_ref().and_then(Clearing::until);
        let moments = [self.abort_until, self.retry_at(), self.wake_at, clearing_until];
        moments.into_iter().flatten().min()
    }
}

impl Cleanup {
    /// Says whether an order of it is unanswered: the wave may not go past it.
    pub fn is_under_way(&self) -> bool {
        match self {
            Cleanup::KeepingLogs | Cleanup::SettingTtl | Cleanup::Deciding(_) | Cleanup::Deleting => true,
            Cleanup::AwaitingPhase | Cleanup::AwaitingDeletion(_) | Cleanup::Done => false,
        }
    }
}

impl HookRequests {
    /// Says whether nothing is left that a verdict has to wait for.
    pub fn is_done(&self) -> bool {
        self.pending.is_empty() && self.waiting.is_empty() && self.deleting_own.is_none()
    }
}

impl HookRun {
    pub fn new() -> HookRun {
        HookRun {
            stage: HookStage::Clearing(Clearing::FindingPrevious),
            object: None,
            health: HookObjectHealth::default(),
            state: Vec::new(),
            queue: VecDeque::new(),
            requests: HookRequests::default(),
            message: None,
            steps: 0,
            rounds: 0,
            abort: None,
            delivered_signals: Vec::new(),
            deleting_with: None,
        }
    }

    /// Returns what it remembers while its plugin goes on from step to step.
    pub fn running(&self) -> Option<&RunningHook> {
        match &self.stage {
            HookStage::Running(running) => Some(running),
            HookStage::Clearing(_) | HookStage::Ready | HookStage::Ended(_) => None,
        }
    }

    /// Returns the same, to be changed.
    pub fn running_mut(&mut self) -> Option<&mut RunningHook> {
        match &mut self.stage {
            HookStage::Running(running) => Some(running),
            HookStage::Clearing(_) | HookStage::Ready | HookStage::Ended(_) => None,
        }
    }

    /// Returns what it remembers since its verdict.
    pub fn ended(&self) -> Option<&EndedHook> {
        match &self.stage {
            HookStage::Ended(ended) => Some(ended),
            HookStage::Clearing(_) | HookStage::Ready | HookStage::Running(_) => None,
        }
    }

    /// Returns the same, to be changed.
    pub fn ended_mut(&mut self) -> Option<&mut EndedHook> {
        match &mut self.stage {
            HookStage::Ended(ended) => Some(ended),
            HookStage::Clearing(_) | HookStage::Ready | HookStage::Running(_) => None,
        }
    }

    /// Returns how far the removal of earlier objects is, while it is under way.
    pub fn clearing(&self) -> Option<&Clearing> {
        match &self.stage {
            HookStage::Clearing(clearing) => Some(clearing),
            HookStage::Running(running) => running.clearing.as_ref(),
            HookStage::Ready | HookStage::Ended(_) => None,
        }
    }

    /// Returns the same, to be changed.
    pub fn clearing_mut(&mut self) -> Option<&mut Clearing> {
        match &mut self.stage {
            HookStage::Clearing(clearing) => Some(clearing),
            HookStage::Running(running) => running.clearing.as_mut(),
            HookStage::Ready | HookStage::Ended(_) => None,
        }
    }

    /// Says whether its plugin has its verdict while what it asked for beside that is carried out.
    pub fn is_finishing(&self) -> bool {
        self.running()
            .is_some_and(|running| matches!(running.turn, Turn::Finishing { .. }))
    }

    /// Takes in a verdict: its plugin is asked nothing more.
    pub fn finish_with(&mut self, outcome: HookOutcome, message: String) {
        if let Some(running) = self.running_mut() {
            running.turn = Turn::Finishing { outcome, message };
        }
    }

    /// Returns what its policies judge by: its own outcome, or that of its phase when it is a helper.
    pub fn outcome(&self) -> Option<HookOutcome> {
        let ended = self.ended()?;
        Some(ended.phase_outcome.unwrap_or(ended.verdict.outcome))
    }

    /// Says whether the wave may go past it: its verdict is in, and what its policies said is on its way.
    pub fn is_over(&self) -> bool {
        self.ended().is_some_and(|ended| !ended.cleanup.is_under_way())
    }

    /// Says whether it has its verdict while its policies still have the word.
    pub fn is_cleaning_up(&self) -> bool {
        self.ended().is_some_and(|ended| ended.cleanup.is_under_way())
    }

    /// Says whether kinds of a higher rank may start: the object was asked for and answered, or never will be.
    pub fn is_answered(&self) -> bool {
        match &self.stage {
            HookStage::Clearing(_) | HookStage::Ready => false,
            HookStage::Running(_) => {
                let mut requests = self.requests.pending.iter().chain(&self.requests.waiting);
                self.object.is_some() || (self.steps > 0 && !requests.any(|ask| ask.request == Request::CreateOwn))
            }
            HookStage::Ended(_) => true,
        }
    }

    /// Says whether it waits for the end of this object, whose deletion it ordered.
    pub fn awaits_end_of(&self, target: &ObjectIdentity) -> bool {
        let is_previous = match self.clearing() {
            Some(Clearing::DeletingPrevious { left, .. }) => left.contains(target),
            Some(Clearing::FindingPrevious) | None => false,
        };
        let is_own = self.requests.deleting_own.is_some() && self.object.as_ref() == Some(target);
        is_previous || is_own
    }

    /// Says what it waited for last, if that is known.
    pub fn last_message(&self) -> Option<&str> {
        match self.clearing() {
            Some(Clearing::DeletingPrevious {
                held_up_by: Some(reason),
                ..
            }) => Some(reason),
            Some(Clearing::FindingPrevious | Clearing::DeletingPrevious { .. }) | None => self.message.as_deref(),
        }
    }

    /// Returns its object whose end is awaited, if it is.
    pub fn terminating(&self) -> Option<&Terminating> {
        match &self.ended()?.cleanup {
            Cleanup::AwaitingDeletion(terminating) => Some(terminating),
            _ => None,
        }
    }

    /// Lists the signals that it waits for.
    pub fn signals(&self) -> impl Iterator<Item = &str> {
        let pending = self.running().map(|_| &self.requests.pending);
        pending.into_iter().flatten().filter_map(|ask| match &ask.request {
            Request::WaitSignal(name) => Some(name.as_str()),
            _ => None,
        })
    }

    pub fn object_key(&self) -> Option<ObjectKey> {
        self.object.as_ref().map(|own| own.key.clone())
    }
}
