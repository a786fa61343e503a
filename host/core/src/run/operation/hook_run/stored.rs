//! The stored form of a hook's run. Version 0.1.0 wrote it flat: what belongs to one stage stands beside the stage, with defaults in the
//! others. It is only extended, by members with a default.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Cleanup, Clearing, EndedHook, HookRequests, HookRun, HookStage, ModifiedObject, RequestCount, RunningHook,
    Terminating, Turn, Verdict,
};
use crate::{
    model::{
        hook::{HookOutcome, Occasion},
        object::ObjectKey,
        plugins::{AbortReason, HookRequest},
        text,
    },
    plan::propagation::DecidedPropagation,
    run::{
        effect::{HookCall, ObjectIdentity, PendingObservation},
        operation::hook_health::HookObjectHealth,
    },
};

#[derive(Serialize, Deserialize)]
pub(super) struct StoredHookRun {
    stage: StoredStage,
    state: Vec<u8>,
    own: Option<ObjectIdentity>,
    /// The call of `Asking` and `Retrying`.
    calling: Option<HookCall>,
    queue: VecDeque<PendingObservation>,
    asked: Vec<HookRequest>,
    following: Option<u32>,
    deleting: Option<u32>,
    watched: bool,
    wake_at: Option<Timestamp>,
    /// Before the first step, what holds a deletion up.
    #[serde(with = "text::or_empty")]
    message: Option<String>,
    retries: u32,
    steps: u32,
    rounds: u32,
    abort: Option<AbortReason>,
    abort_until: Option<Timestamp>,
    retry_at: Option<Timestamp>,
    /// The verdict of `Finishing`.
    said: Option<(HookOutcome, String)>,
    #[serde(default)]
    waiting: VecDeque<HookRequest>,
    #[serde(default)]
    watching: BTreeMap<u32, ObjectKey>,
    #[serde(default)]
    leaving: BTreeMap<u32, ObjectIdentity>,
    #[serde(default)]
    touched: Vec<ModifiedObject>,
    #[serde(default)]
    requests: BTreeMap<String, RequestCount>,
    #[serde(default)]
    unlisted: u32,
    #[serde(default)]
    heard: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deleting_with: Option<DecidedPropagation>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    awaits_phase: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    phase_outcome: Option<HookOutcome>,
    #[serde(default, skip_serializing_if = "HookObjectHealth::is_clear")]
    health: HookObjectHealth,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    terminating: Option<Terminating>,
}

#[derive(Serialize, Deserialize)]
enum StoredStage {
    /// Also of a running hook whose object's name is taken: that has made steps.
    Looking,
    Ready,
    /// Deleting objects of earlier runs.
    Clearing {
        left: BTreeSet<ObjectIdentity>,
        until: Option<Timestamp>,
        /// Only of a running hook.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        held_up_by: Option<String>,
    },
    Running,
    Ended {
        verdict: Verdict,
        tidying: StoredCleanup,
    },
}

#[derive(Serialize, Deserialize)]
enum StoredCleanup {
    KeepingLogs,
    SettingTtl,
    Deciding(Occasion),
    Deleting,
    /// Also while the end of the phase or of the object is awaited.
    Done,
}

impl StoredStage {
    fn of(clearing: Clearing) -> StoredStage {
        match clearing {
            Clearing::FindingPrevious => StoredStage::Looking,
            Clearing::DeletingPrevious {
                left,
                until,
                held_up_by,
            } => StoredStage::Clearing {
                left,
                until,
                held_up_by,
            },
        }
    }
}

impl From<HookRun> for StoredHookRun {
    fn from(run: HookRun) -> StoredHookRun {
        let requests = run.requests;
        let mut stored = StoredHookRun {
            stage: StoredStage::Running,
            state: run.state,
            own: run.object,
            calling: None,
            // The others are brought again after a crash, since what asked for them is still there.
            queue: run.queue.into_iter().filter(|note| !note.kind.is_transient()).collect(),
            asked: requests.pending,
            following: requests.following,
            deleting: requests.deleting_own,
            watched: requests.is_own_watched,
            wake_at: None,
            message: run.message,
            retries: 0,
            steps: run.steps,
            rounds: run.rounds,
            abort: run.abort,
            abort_until: None,
            retry_at: None,
            said: None,
            waiting: requests.waiting,
            watching: requests.watching,
            leaving: requests.deleting,
            touched: requests.modified,
            requests: requests.counts,
            unlisted: requests.unlisted,
            heard: run.delivered_signals,
            deleting_with: run.deleting_with,
            awaits_phase: false,
            phase_outcome: None,
            health: run.health,
            terminating: None,
        };
        match run.stage {
            HookStage::Clearing(clearing) => stored.set_clearing(clearing),
            HookStage::Ready => stored.stage = StoredStage::Ready,
            HookStage::Running(running) => stored.set_running(running),
            HookStage::Ended(ended) => stored.set_ended(ended),
        }
        stored
    }
}

impl StoredHookRun {
    fn set_clearing(&mut self, mut clearing: Clearing) {
        if let Clearing::DeletingPrevious { held_up_by, .. } = &mut clearing {
            self.message = held_up_by.take();
        }
        self.stage = StoredStage::of(clearing);
    }

    fn set_running(&mut self, running: RunningHook) {
        if let Some(clearing) = running.clearing {
            self.stage = StoredStage::of(clearing);
        }
        self.retries = running.retries;
        self.wake_at = running.wake_at;
        self.abort_until = running.abort_until;
        match running.turn {
            Turn::Idle => {}
            Turn::Asking(call) => self.calling = Some(call).filter(is_lasting),
            Turn::Retrying { call, at } => {
                self.calling = Some(call).filter(is_lasting);
                self.retry_at = self.calling.as_ref().map(|_| at);
            }
            Turn::Finishing { outcome, message } => self.said = Some((outcome, message)),
        }
    }

    fn set_ended(&mut self, ended: EndedHook) {
        let tidying = match ended.cleanup {
            Cleanup::KeepingLogs => StoredCleanup::KeepingLogs,
            Cleanup::SettingTtl => StoredCleanup::SettingTtl,
            Cleanup::Deciding(occasion) => StoredCleanup::Deciding(occasion),
            Cleanup::Deleting => StoredCleanup::Deleting,
            Cleanup::AwaitingPhase => {
                self.awaits_phase = true;
                StoredCleanup::Done
            }
            Cleanup::AwaitingDeletion(terminating) => {
                self.terminating = Some(terminating);
                StoredCleanup::Done
            }
            Cleanup::Done => StoredCleanup::Done,
        };
        self.phase_outcome = ended.phase_outcome;
        self.stage = StoredStage::Ended {
            verdict: ended.verdict,
            tidying,
        };
    }
}

/// Says whether a call can be stored. What a fleeting one tells is brought again after a crash.
fn is_lasting(call: &HookCall) -> bool {
    !matches!(call, HookCall::Advance { observation, .. } if observation.kind.is_transient())
}

impl From<StoredHookRun> for HookRun {
    fn from(stored: StoredHookRun) -> HookRun {
        let turn = match (stored.said, stored.calling, stored.retry_at) {
            (Some((outcome, message)), ..) => Turn::Finishing { outcome, message },
            (None, Some(call), Some(at)) => Turn::Retrying { call, at },
            (None, Some(call), None) => Turn::Asking(call),
            (None, None, _) => Turn::Idle,
        };
        let running = RunningHook {
            turn,
            clearing: None,
            retries: stored.retries,
            wake_at: stored.wake_at,
            abort_until: stored.abort_until,
        };
        let has_begun = stored.steps > 0;
        let clearing = |running, clearing| {
            if has_begun {
                HookStage::Running(RunningHook {
                    clearing: Some(clearing),
                    ..running
                })
            } else {
                HookStage::Clearing(clearing)
            }
        };
        let mut message = stored.message;
        let stage = match stored.stage {
            StoredStage::Looking => clearing(running, Clearing::FindingPrevious),
            StoredStage::Ready => HookStage::Ready,
            StoredStage::Clearing {
                left,
                until,
                held_up_by,
            } => {
                let held_up_by = if has_begun { held_up_by } else { message.take() };
                clearing(
                    running,
                    Clearing::DeletingPrevious {
                        left,
                        until,
                        held_up_by,
                    },
                )
            }
            StoredStage::Running => HookStage::Running(running),
            StoredStage::Ended { verdict, tidying } => HookStage::Ended(EndedHook {
                verdict,
                cleanup: match (tidying, stored.terminating) {
                    (StoredCleanup::KeepingLogs, _) => Cleanup::KeepingLogs,
                    (StoredCleanup::SettingTtl, _) => Cleanup::SettingTtl,
                    (StoredCleanup::Deciding(occasion), _) => Cleanup::Deciding(occasion),
                    (StoredCleanup::Deleting, _) => Cleanup::Deleting,
                    (StoredCleanup::Done, Some(terminating)) => Cleanup::AwaitingDeletion(terminating),
                    (StoredCleanup::Done, None) if stored.awaits_phase => Cleanup::AwaitingPhase,
                    (StoredCleanup::Done, None) => Cleanup::Done,
                },
                phase_outcome: stored.phase_outcome,
            }),
        };
        HookRun {
            stage,
            object: stored.own,
            health: stored.health,
            state: stored.state,
            queue: stored.queue,
            requests: HookRequests {
                pending: stored.asked,
                waiting: stored.waiting,
                answered: BTreeSet::new(),
                following: stored.following,
                is_own_watched: stored.watched,
                deleting_own: stored.deleting,
                watching: stored.watching,
                deleting: stored.leaving,
                modified: stored.touched,
                counts: stored.requests,
                unlisted: stored.unlisted,
            },
            message,
            steps: stored.steps,
            rounds: stored.rounds,
            abort: stored.abort,
            delivered_signals: stored.heard,
            deleting_with: stored.deleting_with,
        }
    }
}
