//! Orders: what an operation wants done. Each may be performed twice, and twice must equal once.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    deletion::DecidedPropagation,
    hook::Occasion,
    object::ObjectKey,
    plugins::{AbortReason, Ask, HttpAnswer, LogLine, Request},
    task::TaskId,
};

/// One order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Work for a task that takes its time: requests to the API server, questions to plugins.
    Do {
        /// The task.
        task: TaskId,
        /// The work.
        work: Work,
    },
    /// Follow the task's object and tell how it is, until `Unwatch`. Answered by `Observed`, whenever it changes.
    Watch {
        /// The task.
        task: TaskId,
        /// What to follow.
        key: ObjectKey,
    },
    /// Stop following.
    Unwatch {
        /// The task.
        task: TaskId,
        /// What was followed.
        key: ObjectKey,
    },
    /// Stop what still runs for a hook that ended: the wait for a signal, log lines, calls of URLs. Not answered.
    Release {
        /// The hook's task.
        task: TaskId,
    },
    /// Say when this moment has come. Answered by `Woke`; a later order replaces an earlier one.
    Wake {
        /// The moment.
        at: Timestamp,
    },
}

/// Work for one task. Each variant names the input that answers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Work {
    /// Ask the server what it would say to the task's object; nothing is changed. Answered by `Checked`.
    Check,
    /// Apply the task's object by server-side apply. Answered by `Applied`.
    Apply,
    /// Delete one object, if it still has this UID. Answered by `Deleted`.
    Delete {
        /// The object.
        target: Target,
        /// What becomes of what it owns.
        propagation: DecidedPropagation,
    },
    /// Find the objects that earlier runs of this hook left, and ask its delete policies about each. Answered by `OlderDecided`.
    LookForOlder,
    /// Ask the hook type for its next step. Answered by `HookStepped`.
    StepHook(HookCall),
    /// Do what the hook type asked for. Answered by `Answered`.
    Perform(Ask),
    /// Save the end of the logs of the hook's containers with the history. Answered by `LogsKept`.
    KeepLogs,
    /// Give the hook's Job the time to live that its user wrote: until its verdict was recorded, it had a longer one. Answered by
    /// `TtlSet`.
    SetTtl,
    /// Ask the delete policies about the hook's object, for this reason. Answered by `Decided`.
    Decide(Occasion),
    /// Take a signal off the application that a hook has been told. Not answered; ordered again by whoever carries on.
    ForgetSignal {
        /// What the signal is known by.
        mark: String,
    },
}

/// One object, told from others that have had its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Target {
    /// Its key.
    pub key: ObjectKey,
    /// Its UID.
    pub uid: String,
}

/// A question to a hook type, before the engine fills in the live object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HookCall {
    /// Its turn has come.
    Start,
    /// Something happened.
    Advance {
        /// What the plugin remembers.
        state: Vec<u8>,
        /// What happened.
        note: PendingObservation,
    },
    /// It is being stopped.
    Abort {
        /// What the plugin remembers.
        state: Vec<u8>,
        /// Why.
        reason: AbortReason,
    },
}

/// An observation for a hook type, small enough for a checkpoint: objects are filled in when the question is asked, as they are then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingObservation {
    /// The ask it answers.
    pub answers: Option<u32>,
    /// What happened.
    pub what: PendingObservationKind,
}

/// The kinds of notes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PendingObservationKind {
    /// The own object was created, or is there already from the same run.
    Created,
    /// The own object changed.
    Object,
    /// The own object is no longer there.
    Gone,
    /// The deletion asked for is complete.
    Deleted,
    /// An ask without an answer of its own was performed.
    Done,
    /// Another object that is followed changed.
    Seen(ObjectKey),
    /// One or more objects are to be read for this request, when the plugin is told.
    Read(Request),
    /// Lines of the own object's pods.
    Log(Vec<LogLine>),
    /// What a call of a URL was answered.
    Http(HttpAnswer),
    /// A signal came.
    Signal {
        /// Which.
        name: String,
        /// Who sent it.
        by: String,
        /// What was sent with it.
        value: Value,
        /// What it is known by.
        mark: String,
    },
    /// The time asked for has come.
    Woke,
    /// The ask was not performed and never will be.
    Refused(String),
    /// The ask was tried and failed.
    Failed {
        /// What went wrong.
        reason: String,
        /// Whether trying again may help.
        temporary: bool,
    },
}

impl PendingObservationKind {
    /// Says whether it is too much for a checkpoint: after a crash it is brought again, since what asked for it is still there.
    pub fn is_fleeting(&self) -> bool {
        match self {
            PendingObservationKind::Http(_) | PendingObservationKind::Log(_) => true,
            PendingObservationKind::Created
            | PendingObservationKind::Object
            | PendingObservationKind::Gone
            | PendingObservationKind::Deleted
            | PendingObservationKind::Done
            | PendingObservationKind::Seen(_)
            | PendingObservationKind::Read(_)
            | PendingObservationKind::Signal { .. }
            | PendingObservationKind::Woke
            | PendingObservationKind::Refused(_)
            | PendingObservationKind::Failed { .. } => false,
        }
    }
}
