//! Inputs: what happened. An operation learns everything from them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    kubernetes::observed_object::{ObservedObject, ObservedState},
    model::{
        hook::{Disposal, Occasion, Propagation},
        object::ObjectKey,
        plugins::{HookStep, PluginError},
        remedy::Remedies,
        text::{self, truncate, truncate_list},
    },
    plan::task::{FailureClass, TaskId, TaskResult},
    run::effect::{ObjectIdentity, PendingObservationKind},
};

/// The maximum number of texts in a list of an input.
const MAX_TEXTS: usize = 20;

/// An input of an operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// The time of the input; never earlier than that of the input before.
    pub at: Timestamp,
    /// What happened, with its data.
    #[serde(rename = "what")]
    pub kind: InputKind,
}

/// The kinds of inputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum InputKind {
    /// The operation may start.
    #[serde(rename = "Begun")]
    Started,
    /// Another driver continues the operation. Effects without an answer are ordered again.
    Resumed,
    /// The answer to [`Work::Check`](crate::run::effect::Work::Check).
    Checked {
        /// The task whose object was checked.
        task: TaskId,
        /// Whether the server would accept its object.
        result: Result<(), EffectFailure>,
    },
    /// The answer to [`Work::Apply`](crate::run::effect::Work::Apply).
    Applied {
        /// The task whose object was applied.
        task: TaskId,
        /// The applied object, or why it couldn't be applied.
        result: Result<AppliedObject, EffectFailure>,
    },
    /// The answer to [`Work::Delete`](crate::run::effect::Work::Delete).
    Deleted {
        /// The task that deletes the object.
        task: TaskId,
        /// The object to be deleted.
        target: ObjectIdentity,
        /// The server's answer. When the object is gone, `Observed` follows.
        result: Result<DeleteAnswer, EffectFailure>,
    },
    /// A watched object was observed.
    Observed {
        /// The task that follows the object.
        task: TaskId,
        /// The followed object.
        key: ObjectKey,
        /// The state of the object, or that it doesn't exist.
        #[serde(rename = "fact")]
        state: ObservedState,
    },
    /// The answer to [`Work::LookForOlder`](crate::run::effect::Work::LookForOlder).
    #[serde(rename = "OlderDecided")]
    PreviousDecided {
        /// The hook's task.
        task: TaskId,
        /// The objects of earlier runs, with the policies' decisions.
        result: Result<PreviousHookObjects, EffectFailure>,
    },
    /// The answer to [`Work::StepHook`](crate::run::effect::Work::StepHook).
    HookStepped {
        /// The hook's task.
        task: TaskId,
        /// The plugin's step, or why there is none.
        result: Result<HookStep, PluginError>,
    },
    /// The answer to [`Work::Perform`](crate::run::effect::Work::Perform).
    #[serde(rename = "Answered")]
    RequestAnswered {
        /// The hook's task.
        task: TaskId,
        /// The ID that the plugin gave its request.
        #[serde(rename = "ask")]
        request_id: u32,
        /// The step of the hook that made the request. An answer to an earlier step with the same ID is ignored.
        #[serde(default)]
        step: u32,
        /// The answer to the request.
        answer: Answer,
    },
    /// The answer to [`Work::KeepLogs`](crate::run::effect::Work::KeepLogs).
    #[serde(rename = "LogsKept")]
    LogsSaved {
        /// The hook's task.
        task: TaskId,
        /// The number of bytes that were saved.
        bytes: u64,
        /// What couldn't be kept, and why.
        #[serde(with = "text::or_empty", default)]
        #[serde(rename = "trouble")]
        problem: Option<String>,
    },
    /// The answer to [`Work::SetTtl`](crate::run::effect::Work::SetTtl).
    TtlSet {
        /// The hook's task.
        task: TaskId,
        /// Whether the time to live was set.
        result: Result<(), EffectFailure>,
    },
    /// The answer to [`Work::Decide`](crate::run::effect::Work::Decide).
    Decided {
        /// The hook's task.
        task: TaskId,
        /// When the policies were asked.
        occasion: Occasion,
        /// The combined decision of the policies.
        decision: DisposalDecision,
    },
    /// The time of `Wake` has come.
    Woke,
    /// Somebody wants to stop the operation.
    Terminated {
        /// Who, and how: `Ctrl-C`, `anna on laptop`.
        by: String,
    },
    /// Something that isn't about a single task went wrong or is right again, such as a watch.
    #[serde(rename = "Troubled")]
    Problem {
        /// One sentence that says what happened.
        message: String,
    },
}

impl Input {
    /// Returns the same input with every text cut to [`crate::model::text::MAX_BYTES`], because inputs become part of the stored state.
    #[must_use]
    pub fn truncated(mut self) -> Input {
        self.kind.truncate_texts();
        self
    }
}

impl InputKind {
    fn truncate_texts(&mut self) {
        match self {
            InputKind::Checked { result, .. } | InputKind::TtlSet { result, .. } => truncate_failure(result),
            InputKind::Deleted { result, .. } => truncate_failure(result),
            InputKind::Applied { result, .. } => {
                truncate_failure(result);
                if let Ok(applied) = result {
                    truncate_list(&mut applied.dropped_fields, MAX_TEXTS);
                    applied.observed.iter_mut().for_each(ObservedObject::truncate_texts);
                }
            }
            InputKind::Observed { state: fact, .. } => {
                if let ObservedState::Present(seen) = fact {
                    seen.truncate_texts();
                }
            }
            InputKind::PreviousDecided { result, .. } => {
                truncate_failure(result);
                let decided = result.iter_mut().flat_map(|older| &mut older.decisions);
                decided.for_each(|(_, decision)| decision.truncate_texts());
            }
            InputKind::HookStepped { result, .. } => match result {
                Ok(step) => truncate(&mut step.message),
                Err(error) => truncate(error.message_mut()),
            },
            InputKind::RequestAnswered { answer, .. } => answer.truncate_texts(),
            InputKind::LogsSaved { problem: trouble, .. } => trouble.iter_mut().for_each(truncate),
            InputKind::Decided { decision, .. } => decision.truncate_texts(),
            InputKind::Terminated { by } => truncate(by),
            InputKind::Problem { message } => truncate(message),
            InputKind::Started | InputKind::Resumed | InputKind::Woke => {}
        }
    }

    /// Returns the task that the input is about; `None` if it may be about any task.
    pub fn task(&self) -> Option<&TaskId> {
        match self {
            InputKind::Checked { task, .. }
            | InputKind::Applied { task, .. }
            | InputKind::Deleted { task, .. }
            | InputKind::Observed { task, .. }
            | InputKind::PreviousDecided { task, .. }
            | InputKind::HookStepped { task, .. }
            | InputKind::RequestAnswered { task, .. }
            | InputKind::LogsSaved { task, .. }
            | InputKind::TtlSet { task, .. }
            | InputKind::Decided { task, .. } => Some(task),
            InputKind::Started
            | InputKind::Resumed
            | InputKind::Woke
            | InputKind::Terminated { .. }
            | InputKind::Problem { .. } => None,
        }
    }
}

/// The result of applying an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedObject {
    /// The UID of the applied object.
    pub uid: String,
    /// Its resource version after the write. Older observations are ignored.
    pub resource_version: String,
    /// Whether the write changed anything.
    pub changed: bool,
    /// Whether the write changed its spec, so that its status may be about the old one.
    pub spec_changed: bool,
    /// Its state in the server's answer.
    #[serde(rename = "seen")]
    pub observed: Option<ObservedObject>,
    /// Fields that weren't sent because the server doesn't know them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[serde(rename = "left_out")]
    pub dropped_fields: Vec<String>,
}

/// Why an effect failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EffectFailure {
    /// The class of the failure.
    pub class: FailureClass,
    /// What went wrong, for users.
    pub message: String,
    /// What the user may do about it.
    #[serde(default, skip_serializing_if = "Remedies::is_empty")]
    pub remedies: Remedies,
}

impl From<EffectFailure> for TaskResult {
    fn from(failure: EffectFailure) -> TaskResult {
        TaskResult::Failed {
            class: failure.class,
            message: failure.message,
            remedies: failure.remedies,
        }
    }
}

fn truncate_failure<T>(result: &mut Result<T, EffectFailure>) {
    if let Err(problem) = result {
        truncate(&mut problem.message);
    }
}

impl EffectFailure {
    /// Creates a failure without remedies.
    pub fn new(class: FailureClass, message: impl Into<String>) -> EffectFailure {
        EffectFailure {
            class,
            message: message.into(),
            remedies: Remedies::default(),
        }
    }
}

/// The server's answer to a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeleteAnswer {
    /// The server accepted it.
    Accepted,
    /// The object doesn't exist, or another object has its name.
    AlreadyGone,
}

/// The objects of a hook that already exist.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousHookObjects {
    /// The object of this very run, from before a crash.
    #[serde(rename = "own")]
    pub current: Option<ObjectIdentity>,
    /// Objects of earlier runs, each with the policies' decision.
    #[serde(rename = "decided")]
    pub decisions: Vec<(ObjectIdentity, DisposalDecision)>,
}

/// The combined decision of a hook's delete policies about one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisposalDecision {
    /// What happens to the object.
    pub disposal: Disposal,
    /// Whose word it was: `HookSucceeded`; nothing when it stays.
    #[serde(with = "text::or_empty", default)]
    #[serde(rename = "by")]
    pub decided_by: Option<String>,
    /// The plugins of the policies that decided, with their versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<String>,
    /// The errors of policies that gave no answer. Those count as `Keep`.
    #[serde(rename = "troubles")]
    pub problems: Vec<String>,
    /// What may help against the troubles.
    #[serde(default, skip_serializing_if = "Remedies::is_empty")]
    pub remedies: Remedies,
}

impl DisposalDecision {
    fn truncate_texts(&mut self) {
        self.decided_by.iter_mut().for_each(truncate);
        truncate_list(&mut self.plugins, MAX_TEXTS);
        truncate_list(&mut self.problems, MAX_TEXTS);
    }

    /// Returns the decision to keep an object.
    pub fn keep() -> DisposalDecision {
        DisposalDecision {
            disposal: Disposal::Keep,
            decided_by: None,
            plugins: Vec::new(),
            problems: Vec::new(),
            remedies: Remedies::default(),
        }
    }

    /// Returns the propagation if the object is to be deleted at this time.
    pub fn deletion(&self, now: Timestamp) -> Option<Propagation> {
        match self.disposal {
            Disposal::Delete(propagation) => Some(propagation),
            Disposal::DeleteAt(at) if at <= now => Some(Propagation::Background),
            Disposal::DeleteAt(_) | Disposal::AskAgainAt(_) | Disposal::Keep => None,
        }
    }
}

/// The answer to a request of a hook's plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// The hook's object was created, or exists already from the same run.
    Created(ObjectIdentity),
    /// The hook's object existed and was applied again.
    AppliedOver(ObjectIdentity),
    /// An object of another run has the name.
    NameTaken,
    /// Another object was changed.
    #[serde(rename = "Touched")]
    Modified {
        /// The object that was changed.
        key: ObjectKey,
        /// What was done: `applied` or `changed`.
        #[serde(rename = "how")]
        action: String,
    },
    /// This object is to be watched.
    #[serde(rename = "Found")]
    Resolved(ObjectKey),
    /// The object is being deleted.
    #[serde(rename = "Going")]
    DeletionAccepted(ObjectIdentity),
    /// Anything else; the plugin receives it as it is.
    #[serde(rename = "Note")]
    Observation(PendingObservationKind),
}

impl Answer {
    fn truncate_texts(&mut self) {
        match self {
            Answer::Observation(
                PendingObservationKind::Refused(reason) | PendingObservationKind::Failed { reason, .. },
            ) => {
                truncate(reason);
            }
            Answer::Observation(PendingObservationKind::Signal { name, by, .. }) => {
                truncate(name);
                truncate(by);
            }
            Answer::Modified { action: how, .. } => truncate(how),
            Answer::Observation(
                PendingObservationKind::Created
                | PendingObservationKind::Object
                | PendingObservationKind::Gone
                | PendingObservationKind::Deleted
                | PendingObservationKind::Done
                | PendingObservationKind::OtherObject(_)
                | PendingObservationKind::Read(_)
                | PendingObservationKind::Log(_)
                | PendingObservationKind::Http(_)
                | PendingObservationKind::Woke,
            )
            | Answer::Created(_)
            | Answer::AppliedOver(_)
            | Answer::NameTaken
            | Answer::Resolved(_)
            | Answer::DeletionAccepted(_) => {}
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
            assert_eq!(read.decided_by, by);
            assert_eq!(serde_json::to_value(&read).unwrap()["by"], stored);
        }
    }
}
