//! What happened: the only way in which an operation learns anything.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    effect::{PendingObservationKind, Target},
    fact::{Fact, ObservedObject},
    hook::{Disposal, Occasion, Propagation},
    object::ObjectKey,
    plugins::{HookStep, PluginError},
    task::{FailureClass, TaskId},
    text::{self, bound, bound_list},
};

/// How many texts a list in an input may have.
const MOST_TEXTS: usize = 20;

/// Something that happened, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// The moment; never earlier than that of the input before.
    pub at: Timestamp,
    /// What.
    pub what: InputKind,
}

/// The kinds of inputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum InputKind {
    /// The operation may begin.
    Begun,
    /// A driver carries on with an operation whose driver was lost: whatever was ordered and not answered is ordered again.
    Resumed,
    /// Answers `Check`.
    Checked {
        /// The task.
        task: TaskId,
        /// What the server has against its object.
        result: Result<(), EffectFailure>,
    },
    /// Answers `Apply`.
    Applied {
        /// The task.
        task: TaskId,
        /// What came of it.
        result: Result<AppliedObject, EffectFailure>,
    },
    /// Answers `Delete`.
    Deleted {
        /// The task.
        task: TaskId,
        /// What was to be deleted.
        target: Target,
        /// What came of it; that it is gone altogether comes as `Observed`.
        result: Result<DeleteAnswer, EffectFailure>,
    },
    /// A followed object was seen.
    Observed {
        /// The task.
        task: TaskId,
        /// Which object.
        key: ObjectKey,
        /// How it is.
        fact: Fact,
    },
    /// Answers `LookForOlder`.
    OlderDecided {
        /// The hook's task.
        task: TaskId,
        /// What was found.
        result: Result<EarlierObjects, EffectFailure>,
    },
    /// Answers `StepHook`.
    HookStepped {
        /// The hook's task.
        task: TaskId,
        /// The plugin's answer.
        result: Result<HookStep, PluginError>,
    },
    /// Answers `Perform`.
    Answered {
        /// The hook's task.
        task: TaskId,
        /// The plugin's number for what it asked.
        ask: u32,
        /// The step that asked it: what an earlier one asked under this number is no longer of interest.
        #[serde(default)]
        step: u32,
        /// The answer.
        answer: Answer,
    },
    /// Answers `KeepLogs`.
    LogsKept {
        /// The hook's task.
        task: TaskId,
        /// How many bytes were kept.
        bytes: u64,
        /// What couldn't be kept, and why.
        #[serde(with = "text::or_empty", default)]
        trouble: Option<String>,
    },
    /// Answers `SetTtl`.
    TtlSet {
        /// The hook's task.
        task: TaskId,
        /// What came of it.
        result: Result<(), EffectFailure>,
    },
    /// Answers `Decide`.
    Decided {
        /// The hook's task.
        task: TaskId,
        /// Why it was asked.
        occasion: Occasion,
        /// What the policies said together.
        decision: DisposalDecision,
    },
    /// A moment asked for has come.
    Woke,
    /// Somebody wants the operation to stop.
    Terminated {
        /// Who, and how: `Ctrl-C`, `anna on laptop`.
        by: String,
    },
    /// Something outside any task goes wrong or right again: a watch that can't be had.
    Troubled {
        /// One sentence.
        message: String,
    },
}

impl Input {
    /// Returns the same input with every text cut to [`crate::text::MOST_BYTES`]: what an operation is told becomes part of what is
    /// stored about it.
    #[must_use]
    pub fn bounded(mut self) -> Input {
        self.what.bound();
        self
    }
}

impl InputKind {
    fn bound(&mut self) {
        match self {
            InputKind::Checked { result, .. } | InputKind::TtlSet { result, .. } => bound_problem(result),
            InputKind::Deleted { result, .. } => bound_problem(result),
            InputKind::Applied { result, .. } => {
                bound_problem(result);
                if let Ok(applied) = result {
                    bound_list(&mut applied.left_out, MOST_TEXTS);
                    applied.seen.iter_mut().for_each(ObservedObject::bound);
                }
            }
            InputKind::Observed { fact, .. } => {
                if let Fact::Present(seen) = fact {
                    seen.bound();
                }
            }
            InputKind::OlderDecided { result, .. } => {
                bound_problem(result);
                let decided = result.iter_mut().flat_map(|older| &mut older.decided);
                decided.for_each(|(_, decision)| decision.bound());
            }
            InputKind::HookStepped { result, .. } => match result {
                Ok(step) => bound(&mut step.message),
                Err(error) => bound(error.message_mut()),
            },
            InputKind::Answered { answer, .. } => answer.bound(),
            InputKind::LogsKept { trouble, .. } => trouble.iter_mut().for_each(bound),
            InputKind::Decided { decision, .. } => decision.bound(),
            InputKind::Terminated { by } => bound(by),
            InputKind::Troubled { message } => bound(message),
            InputKind::Begun | InputKind::Resumed | InputKind::Woke => {}
        }
    }

    /// Returns the task that it is about; nothing when it may be about any.
    pub fn task(&self) -> Option<&TaskId> {
        match self {
            InputKind::Checked { task, .. }
            | InputKind::Applied { task, .. }
            | InputKind::Deleted { task, .. }
            | InputKind::Observed { task, .. }
            | InputKind::OlderDecided { task, .. }
            | InputKind::HookStepped { task, .. }
            | InputKind::Answered { task, .. }
            | InputKind::LogsKept { task, .. }
            | InputKind::TtlSet { task, .. }
            | InputKind::Decided { task, .. } => Some(task),
            InputKind::Begun
            | InputKind::Resumed
            | InputKind::Woke
            | InputKind::Terminated { .. }
            | InputKind::Troubled { .. } => None,
        }
    }
}

/// An object that was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedObject {
    /// Its UID.
    pub uid: String,
    /// Its version after our write: older looks at it don't count.
    pub resource_version: String,
    /// Whether the write changed anything.
    pub changed: bool,
    /// Whether it changed what is desired of the object, so that its status may be about the past.
    pub spec_changed: bool,
    /// How it is, as the server's answer to the write shows it.
    pub seen: Option<ObservedObject>,
    /// The fields that were left out, since the server doesn't know them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

/// Why an order couldn't be carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectFailure {
    /// What kind of failure it makes.
    pub class: FailureClass,
    /// What went wrong, for people.
    pub message: String,
}

fn bound_problem<T>(result: &mut Result<T, EffectFailure>) {
    if let Err(problem) = result {
        bound(&mut problem.message);
    }
}

impl EffectFailure {
    /// Makes one.
    pub fn new(class: FailureClass, message: impl Into<String>) -> EffectFailure {
        EffectFailure {
            class,
            message: message.into(),
        }
    }
}

/// What a deletion met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeleteAnswer {
    /// The server will do it.
    Accepted,
    /// It isn't there, or another object has its name now.
    AlreadyGone,
}

/// What `LookForOlder` found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarlierObjects {
    /// The object of this very run, from before a crash.
    pub own: Option<Target>,
    /// Objects of earlier runs, and what the policies say of each.
    pub decided: Vec<(Target, DisposalDecision)>,
}

/// What a hook's delete policies said of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisposalDecision {
    /// All of them together.
    pub disposal: Disposal,
    /// Whose word it was: `HookSucceeded`; nothing when it stays.
    #[serde(with = "text::or_empty", default)]
    pub by: Option<String>,
    /// The plugins of the policies that decided so, with their versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<String>,
    /// Policies that gave no answer, each with its error; those count as `Keep`.
    pub troubles: Vec<String>,
}

impl DisposalDecision {
    fn bound(&mut self) {
        self.by.iter_mut().for_each(bound);
        bound_list(&mut self.plugins, MOST_TEXTS);
        bound_list(&mut self.troubles, MOST_TEXTS);
    }

    /// The decision of nobody: it stays.
    pub fn keep() -> DisposalDecision {
        DisposalDecision {
            disposal: Disposal::Keep,
            by: None,
            plugins: Vec::new(),
            troubles: Vec::new(),
        }
    }

    /// Returns how it is to be deleted at this moment, if at all.
    pub fn deletion(&self, now: Timestamp) -> Option<Propagation> {
        match self.disposal {
            Disposal::Delete(propagation) => Some(propagation),
            Disposal::DeleteAt(at) if at <= now => Some(Propagation::Background),
            Disposal::DeleteAt(_) | Disposal::AskAgainAt(_) | Disposal::Keep => None,
        }
    }
}

/// What came of something a hook asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// The own object is there.
    Created(Target),
    /// The own object was there, and was applied over.
    AppliedOver(Target),
    /// Another run's object has the name.
    NameTaken,
    /// Another object was applied or changed.
    Touched {
        /// Which.
        key: ObjectKey,
        /// What was done with it: `applied`, `changed`.
        how: String,
    },
    /// The object to follow is this one.
    Found(ObjectKey),
    /// The object is being deleted.
    Going(Target),
    /// Anything else, told to the plugin as it is.
    Note(PendingObservationKind),
}

impl Answer {
    fn bound(&mut self) {
        match self {
            Answer::Note(PendingObservationKind::Refused(reason) | PendingObservationKind::Failed { reason, .. }) => {
                bound(reason);
            }
            Answer::Note(PendingObservationKind::Signal { name, by, .. }) => {
                bound(name);
                bound(by);
            }
            Answer::Touched { how, .. } => bound(how),
            Answer::Note(
                PendingObservationKind::Created
                | PendingObservationKind::Object
                | PendingObservationKind::Gone
                | PendingObservationKind::Deleted
                | PendingObservationKind::Done
                | PendingObservationKind::Seen(_)
                | PendingObservationKind::Read(_)
                | PendingObservationKind::Log(_)
                | PendingObservationKind::Http(_)
                | PendingObservationKind::Woke,
            )
            | Answer::Created(_)
            | Answer::AppliedOver(_)
            | Answer::NameTaken
            | Answer::Found(_)
            | Answer::Going(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_that_is_absent_is_stored_as_an_empty_one() {
        let decision = |by| json!({ "disposal": "Keep", "by": by, "troubles": [] });
        for (stored, by) in [("", None), ("HookSucceeded", Some("HookSucceeded".to_owned()))] {
            let read: DisposalDecision = serde_json::from_value(decision(stored)).unwrap();
            assert_eq!(read.by, by);
            assert_eq!(serde_json::to_value(&read).unwrap()["by"], stored);
        }
    }
}
