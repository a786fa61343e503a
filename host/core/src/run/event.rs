//! Events: what users are told about an operation. `Operation::step` creates them, and everything that is shown is computed from them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    model::{
        health::Health,
        object::ObjectKey,
        operation_kind::{OperationKind, Purpose},
        phase::Phase,
        plugins::{Application, FailureCause},
        remedy::Remedies,
        text,
        wave::Wave,
    },
    plan::{
        Skipped,
        task::{TaskId, TaskResult},
    },
};

/// The version of the event stream, in its first event. Later versions only add variants and fields.
pub const FORMAT: u32 = 1;

/// One event of an operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The event's number within the operation, from 1.
    pub seq: u64,
    /// The time of the input that caused it.
    pub at: Timestamp,
    /// What happened, with its data.
    #[serde(rename = "what")]
    pub kind: EventKind,
}

/// The kinds of events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all_fields = "camelCase")]
// The web page reads events with a deserializer that resolves the tag itself: serde's own code for it would compile every type inside an
// event a second time.
#[cfg_attr(not(all(target_family = "wasm", target_os = "unknown")), serde(tag = "kind"))]
pub enum EventKind {
    /// The operation started. It is always the first event.
    OperationStarted {
        /// The version of the stream, [`FORMAT`].
        format: u32,
        /// The operation's ID.
        operation: String,
        /// Whether the operation syncs or deletes the application.
        #[serde(rename = "does")]
        operation_kind: OperationKind,
        /// The application that is synced or deleted.
        application: Application,
        /// All tasks in their order, including those of SyncFail.
        tasks: Vec<TaskOutline>,
        /// Whether a sync deploys, rolls back or tests.
        #[serde(default, skip_serializing_if = "Purpose::is_deploy")]
        purpose: Purpose,
        /// The objects that are skipped, with reasons.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        skipped: Vec<Skipped>,
    },
    /// Another driver continues the operation.
    OperationResumed {},
    /// Dry runs of the objects started. Nothing is changed before they have ended.
    CheckStarted {
        /// The number of objects.
        objects: usize,
    },
    /// All dry runs have ended.
    CheckFinished {
        /// Whether the server accepted all objects.
        #[serde(rename = "well")]
        succeeded: bool,
    },
    /// The operation failed and will be attempted again.
    Retrying {
        /// The number of the next attempt, from 2.
        attempt: u32,
        /// When the next attempt starts.
        at: Timestamp,
        /// Why the last attempt failed.
        cause: FailureCause,
    },
    /// The first task of a phase is about to start.
    PhaseStarted {
        /// The phase that started.
        phase: Phase,
        /// In SyncFail: why the operation failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<FailureCause>,
    },
    /// The first task of a wave is about to start.
    WaveStarted {
        /// The phase of the wave.
        phase: Phase,
        /// The wave within the phase.
        wave: Wave,
    },
    /// A task of the wave that starts is blocked by other tasks of the wave.
    #[serde(rename = "TaskHeld")]
    TaskBlocked {
        /// The blocked task.
        task: TaskId,
        /// The tasks that it waits for.
        #[serde(rename = "on")]
        waits_for: Vec<TaskId>,
    },
    /// A task started.
    TaskStarted {
        /// The task that started.
        task: TaskId,
    },
    /// A hook's object was created, or a resource was applied.
    #[serde(rename = "ObjectMade")]
    ObjectApplied {
        /// The hook or resource.
        task: TaskId,
        /// The object with its real name, also for `generateName`.
        key: ObjectKey,
        /// What was done: `created`, `applied`, `changed`, `unchanged` or `adopted`.
        #[serde(rename = "how")]
        action: String,
    },
    /// The state of a task changed: what it waits for, or the health of its object.
    TaskProgressed {
        /// The task whose state changed.
        task: TaskId,
        /// The health of its object, if known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        health: Option<Health>,
        /// What the task is doing, or why its object has this health.
        message: String,
    },
    /// A task succeeded, failed or was stopped.
    TaskFinished {
        /// The task that ended.
        task: TaskId,
        /// The result of the task.
        result: TaskResult,
    },
    /// The end of a hook's logs was saved.
    #[serde(rename = "LogsKept")]
    LogsSaved {
        /// The hook's task.
        task: TaskId,
        /// The number of bytes that were saved.
        bytes: u64,
        /// What couldn't be saved, and why.
        #[serde(with = "text::or_empty", default)]
        #[serde(rename = "trouble")]
        problem: Option<String>,
    },
    /// It was decided what happens to an object of a hook.
    HookDisposed {
        /// The hook's task.
        task: TaskId,
        /// The hook's object.
        key: ObjectKey,
        /// What happens to the object.
        #[serde(rename = "fate")]
        outcome: DisposalOutcome,
        /// Why: the policy's name, `terminated`; nothing when none decided.
        #[serde(with = "text::or_empty", default)]
        by: Option<String>,
        /// The plugins of the delete policies that decided, with their versions.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        plugins: Vec<String>,
    },
    /// A hook's plugin requested something that isn't about its own object. Reported for each new request or answer, and at the end with
    /// the total count.
    #[serde(rename = "Requested")]
    PluginRequested {
        /// The hook's task.
        task: TaskId,
        /// The request, as in `patch Deployment api`.
        #[serde(rename = "what")]
        request: String,
        /// How often it was requested so far.
        times: u32,
        /// Why it was refused; nothing when it was granted.
        #[serde(with = "text::or_empty", default, skip_serializing_if = "Option::is_none")]
        #[serde(rename = "refused")]
        refusal: Option<String>,
        /// What may help when it was refused.
        #[serde(default, skip_serializing_if = "Remedies::is_empty")]
        remedies: Remedies,
    },
    /// An object was changed on request of a hook's plugin.
    #[serde(rename = "HookTouched")]
    HookModifiedObject {
        /// The hook's task.
        task: TaskId,
        /// The changed object.
        key: ObjectKey,
        /// What was done: `applied`, `changed` or `deleted`.
        #[serde(rename = "how")]
        action: String,
    },
    /// A plugin gave no answer, or an invalid one.
    #[serde(rename = "PluginTroubled")]
    PluginProblem {
        /// The task for which it was called.
        task: TaskId,
        /// What went wrong and what Capstan does about it.
        message: String,
    },
    /// Something that isn't about a single task went wrong.
    #[serde(rename = "Troubled")]
    Problem {
        /// One sentence that says what went wrong.
        message: String,
    },
    /// Nothing has changed for a while. Lists the tasks that the operation waits for.
    Waiting {
        /// One entry for each task.
        #[serde(rename = "on")]
        tasks: Vec<WaitingOn>,
    },
    /// All tasks of a wave have ended.
    WaveFinished {
        /// The phase of the wave.
        phase: Phase,
        /// The wave within the phase.
        wave: Wave,
    },
    /// All waves of a phase have ended.
    PhaseFinished {
        /// The phase that ended.
        phase: Phase,
        /// Whether all of its tasks succeeded.
        #[serde(rename = "well")]
        succeeded: bool,
    },
    /// The operation is being stopped.
    Stopping {
        /// Who stopped it, or which deadline passed.
        #[serde(rename = "why")]
        reason: String,
    },
    /// The operation ended. It is always the last event.
    OperationFinished {
        /// How the operation ended.
        status: OperationStatus,
    },
}

/// A task as the first event describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskOutline {
    /// The ID, by which later events name the task.
    pub id: TaskId,
    /// The phase in which the task runs.
    pub phase: Phase,
    /// The wave within the phase.
    pub wave: Wave,
    /// The key of the task's object, as planned.
    pub key: ObjectKey,
    /// What the task does: `create`, `change`, `check`, `delete` or `run`.
    pub action: String,
    /// The plugin that runs the hook; nothing for others.
    #[serde(with = "text::or_empty", default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "by")]
    pub plugin: Option<String>,
}

/// A task that the operation waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingOn {
    /// The task that hasn't ended.
    pub task: TaskId,
    /// What the task is doing, or what it waits for.
    pub message: String,
    /// When the task started.
    pub since: Timestamp,
    /// When the wait ends; `None` if only the operation's deadline ends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// When the hook's plugin is called again, even if nothing happens until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "asked_at")]
    pub next_call_at: Option<Timestamp>,
}

/// What happens to an object of a hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DisposalOutcome {
    /// The object stays in the cluster.
    Kept,
    /// It is being deleted.
    Deleted,
    /// It will be deleted at this time, by the cluster, the next operation or `capstan sweep`.
    Due(Timestamp),
    /// Its delete policies are asked again at this time, by the next operation or `capstan sweep`.
    AskedAgain(Timestamp),
    /// It couldn't be deleted, for this reason.
    Stuck(String),
}

/// The state of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperationStatus {
    /// The operation is running.
    Running,
    /// It is being stopped.
    Terminating {
        /// Who stopped it, or which deadline passed.
        by: String,
    },
    /// All tasks succeeded.
    Succeeded,
    /// A task failed, or a deadline passed.
    Failed(FailureCause),
    /// Somebody stopped it.
    Terminated {
        /// Who stopped it: `Ctrl-C`, `anna on laptop`.
        by: String,
    },
}

impl OperationStatus {
    /// Returns whether the operation has ended.
    pub fn is_over(&self) -> bool {
        match self {
            OperationStatus::Running | OperationStatus::Terminating { .. } => false,
            OperationStatus::Succeeded | OperationStatus::Failed(_) | OperationStatus::Terminated { .. } => true,
        }
    }
}
