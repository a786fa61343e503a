//! Effects: what an operation orders. Each may be executed twice, with the same result as once.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    model::{
        hook::Occasion,
        object::ObjectKey,
        plugins::{AbortReason, HookRequest, HttpResponse, LogLine, Request},
    },
    plan::{propagation::DecidedPropagation, task::TaskId},
};

/// Something that the operation orders from the engine or the driver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Work for a task that takes its time: requests to the API server, questions to plugins.
    Do {
        /// The task that the work is for; the answer names it.
        task: TaskId,
        /// What the engine does for the task.
        work: Work,
    },
    /// Follow the task's object and tell how it is, until `Unwatch`. Answered by `Observed`, whenever it changes.
    Watch {
        /// The task that follows the object.
        task: TaskId,
        /// The object to follow.
        key: ObjectKey,
    },
    /// Stop following.
    Unwatch {
        /// The task that follows the object.
        task: TaskId,
        /// The object that was followed.
        key: ObjectKey,
    },
    /// Stop what still runs for a hook that ended: the wait for a signal, log lines, calls of URLs. Not answered.
    Release {
        /// The hook's task.
        task: TaskId,
    },
    /// Report when this time has come. Answered by `Woke`; a later order replaces an earlier one.
    Wake {
        /// When `Woke` is due.
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
        /// The object to delete.
        target: ObjectIdentity,
        /// What becomes of what it owns.
        propagation: DecidedPropagation,
    },
    /// Find the objects that earlier runs of this hook left, and ask its delete policies about each. Answered by `PreviousDecided`.
    LookForOlder,
    /// Ask the hook type for its next step. Answered by `HookStepped`.
    StepHook(HookCall),
    /// Do what the hook type asked for. Answered by `RequestAnswered`.
    Perform(HookRequest),
    /// Save the end of the logs of the hook's containers with the history. Answered by `LogsSaved`.
    KeepLogs,
    /// Give the hook's Job the time to live that its user wrote: until its verdict was recorded, it had a longer one. Answered by
    /// `TtlSet`.
    SetTtl,
    /// Ask the delete policies about the hook's object, for this reason. Answered by `Decided`.
    Decide(Occasion),
    /// Take a signal off the application that a hook has been told. Not answered; ordered again by whoever continues.
    ForgetSignal {
        /// What the signal is known by.
        mark: String,
    },
}

/// An object, distinguished from others of the same name by its UID.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectIdentity {
    /// The object's key.
    pub key: ObjectKey,
    /// The UID that the server gave the object.
    pub uid: String,
}

/// A call of a hook type, before the engine adds the current objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HookCall {
    /// The hook starts.
    Start,
    /// There is an observation for the hook.
    Advance {
        /// The state that the plugin returned last.
        state: Vec<u8>,
        /// What the plugin is told.
        #[serde(rename = "note")]
        observation: PendingObservation,
    },
    /// The hook is being stopped.
    Abort {
        /// The state that the plugin returned last.
        state: Vec<u8>,
        /// Why the hook is being stopped.
        reason: AbortReason,
    },
}

/// An observation for a hook type that is small enough for a checkpoint. Objects are read when the plugin is called, as they are then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingObservation {
    /// The ID of the request that it answers; `None` if it answers none.
    #[serde(rename = "answers")]
    pub request_id: Option<u32>,
    /// What was observed, or the answer to the request.
    #[serde(rename = "what")]
    pub kind: PendingObservationKind,
}

/// The kinds of pending observations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PendingObservationKind {
    /// The hook's own object was created, or exists already from the same run.
    Created,
    /// The hook's own object changed.
    Object,
    /// The hook's own object, or a watched one, doesn't exist any more.
    Gone,
    /// The requested deletion is complete.
    Deleted,
    /// A request without an answer of its own was executed.
    Done,
    /// Another watched object changed.
    #[serde(rename = "Seen")]
    OtherObject(ObjectKey),
    /// Objects are to be read for this request when the plugin is called.
    Read(Request),
    /// Log lines of the own object's pods.
    Log(Vec<LogLine>),
    /// The response to an HTTP call.
    Http(HttpResponse),
    /// A signal was sent.
    Signal {
        /// The signal's name.
        name: String,
        /// The user who sent it, or the system.
        by: String,
        /// The value that was sent with it.
        value: Value,
        /// The ID of the signal, under which it is removed from the application.
        #[serde(rename = "mark")]
        signal_id: String,
    },
    /// The requested time has come.
    Woke,
    /// The request was refused, for this reason, and won't be executed.
    Refused(String),
    /// The request was executed and failed.
    Failed {
        /// The error of the API server or of the connection.
        reason: String,
        /// Whether it may succeed if it is repeated.
        temporary: bool,
    },
}

impl PendingObservationKind {
    /// Returns whether it is too large for a checkpoint. After a crash it is fetched again, because its request is still pending.
    pub fn is_transient(&self) -> bool {
        match self {
            PendingObservationKind::Http(_) | PendingObservationKind::Log(_) => true,
            PendingObservationKind::Created
            | PendingObservationKind::Object
            | PendingObservationKind::Gone
            | PendingObservationKind::Deleted
            | PendingObservationKind::Done
            | PendingObservationKind::OtherObject(_)
            | PendingObservationKind::Read(_)
            | PendingObservationKind::Signal { .. }
            | PendingObservationKind::Woke
            | PendingObservationKind::Refused(_)
            | PendingObservationKind::Failed { .. } => false,
        }
    }
}
