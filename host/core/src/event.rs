//! News: what people are told. Every face of Capstan is a fold over these, and they come from `Operation::step` alone.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    health::Health,
    object::ObjectKey,
    operation_kind::{OperationKind, Purpose},
    phase::Phase,
    plan::Skipped,
    plugins::{Application, FailureCause},
    task::{TaskId, TaskResult},
    text,
    wave::Wave,
};

/// The version of the stream, in its first line. Variants and fields are added, never changed.
pub const FORMAT: u32 = 1;

/// One piece of news.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Counts from 1 in each operation.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: EventKind,
}

/// The kinds of events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all_fields = "camelCase")]
pub enum EventKind {
    /// The first event: who, what and with which tasks.
    OperationStarted {
        /// The stream's version.
        format: u32,
        /// The operation's id.
        operation: String,
        /// What it does.
        does: OperationKind,
        /// For which application.
        application: Application,
        /// Its tasks in their order, SyncFail's included.
        tasks: Vec<TaskOutline>,
        /// What it is for.
        #[serde(default, skip_serializing_if = "Purpose::is_deploy")]
        purpose: Purpose,
        /// What it leaves alone, and why.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        skipped: Vec<Skipped>,
    },
    /// Another driver carries on.
    OperationResumed {},
    /// The server is asked what it would say to the objects, before anything is changed.
    CheckStarted {
        /// To how many.
        objects: usize,
    },
    /// It has answered.
    CheckFinished {
        /// Whether it has nothing against any of them.
        well: bool,
    },
    /// What failed is tried again later.
    Retrying {
        /// The number of the try that comes: 2 for the second.
        attempt: u32,
        /// When it begins.
        at: Timestamp,
        /// What failed.
        cause: FailureCause,
    },
    /// A phase begins.
    PhaseStarted {
        /// Which.
        phase: Phase,
        /// In SyncFail: what failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<FailureCause>,
    },
    /// A wave begins.
    WaveStarted {
        /// Its phase.
        phase: Phase,
        /// Which.
        wave: Wave,
    },
    /// A task of the wave that begins can't start yet: it waits for others of the wave.
    TaskHeld {
        /// Which.
        task: TaskId,
        /// What it waits for.
        on: Vec<TaskId>,
    },
    /// A task begins.
    TaskStarted {
        /// Which.
        task: TaskId,
    },
    /// A hook's object is there, or a resource was applied.
    ObjectMade {
        /// Whose.
        task: TaskId,
        /// The object, with the name it really has.
        key: ObjectKey,
        /// What was done: `created`, `applied`, `changed`, `unchanged`, `adopted`.
        how: String,
    },
    /// What a task waits for, or how its object is, has changed.
    TaskProgressed {
        /// Which.
        task: TaskId,
        /// How its object is, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        health: Option<Health>,
        /// What is going on.
        message: String,
    },
    /// A task ended.
    TaskFinished {
        /// Which.
        task: TaskId,
        /// How.
        result: TaskResult,
    },
    /// The end of a hook's logs is saved.
    LogsKept {
        /// Of which hook.
        task: TaskId,
        /// How many bytes.
        bytes: u64,
        /// What couldn't be saved, and why.
        #[serde(with = "text::or_empty", default)]
        trouble: Option<String>,
    },
    /// It was decided what becomes of an object that a hook made.
    HookDisposed {
        /// Whose.
        task: TaskId,
        /// The object.
        key: ObjectKey,
        /// What becomes of it.
        fate: DisposalOutcome,
        /// Why: the policy's name, `terminated`; nothing when none decided.
        #[serde(with = "text::or_empty", default)]
        by: Option<String>,
        /// The plugins of the delete policies that decided so, with their versions.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        plugins: Vec<String>,
    },
    /// A hook's plugin asked for something that is not about its own object; told when it is new, and at the end how often it was.
    Requested {
        /// Which hook.
        task: TaskId,
        /// What it asked for: `patch Deployment api`.
        what: String,
        /// How often so far.
        times: u32,
        /// Why it was refused; nothing when it was granted.
        #[serde(with = "text::or_empty", default, skip_serializing_if = "Option::is_none")]
        refused: Option<String>,
    },
    /// Something was done to an object, since a hook's plugin asked for it.
    HookTouched {
        /// Which hook.
        task: TaskId,
        /// The object.
        key: ObjectKey,
        /// What was done: `applied`, `changed`, `deleted`.
        how: String,
    },
    /// A plugin gave no answer, or one that can't be followed.
    PluginTroubled {
        /// Asked for which task.
        task: TaskId,
        /// What went wrong and what is done about it.
        message: String,
    },
    /// Something outside any task goes wrong.
    Troubled {
        /// One sentence.
        message: String,
    },
    /// Nothing has changed for a while: what is still waited for.
    Waiting {
        /// One entry a task.
        on: Vec<WaitingOn>,
    },
    /// A wave is over.
    WaveFinished {
        /// Its phase.
        phase: Phase,
        /// Which.
        wave: Wave,
    },
    /// A phase is over.
    PhaseFinished {
        /// Which.
        phase: Phase,
        /// Whether all of it ended well.
        well: bool,
    },
    /// The operation is being stopped.
    Stopping {
        /// Who wants it, or which deadline passed.
        why: String,
    },
    /// The last event.
    OperationFinished {
        /// How it ended.
        status: Status,
    },
}

/// A task as the first event tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskOutline {
    /// Names it.
    pub id: TaskId,
    /// Its phase.
    pub phase: Phase,
    /// Its wave.
    pub wave: Wave,
    /// Its object.
    pub key: ObjectKey,
    /// `create`, `change`, `check`, `delete`, `run`.
    pub action: String,
    /// The plugin that runs the hook; nothing for others.
    #[serde(with = "text::or_empty", default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// A task that is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingOn {
    /// Which.
    pub task: TaskId,
    /// What is going on there.
    pub message: String,
    /// Since when it runs.
    pub since: Timestamp,
    /// When it will be given up; nothing when only the operation's own deadline ends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// When the hook's plugin is asked again, whatever happens meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_at: Option<Timestamp>,
}

/// What becomes of an object that a hook made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DisposalOutcome {
    /// It stays.
    Kept,
    /// It is being deleted.
    Deleted,
    /// It is deleted at this moment: by the cluster, the next operation or `capstan sweep`.
    Due(Timestamp),
    /// Its policies are asked again at this moment: by the next operation or `capstan sweep`.
    AskedAgain(Timestamp),
    /// It should have been deleted and couldn't be.
    Stuck(String),
}

/// How an operation is or ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// It runs.
    Running,
    /// It is being stopped.
    Terminating {
        /// By whom.
        by: String,
    },
    /// Everything ended well.
    Succeeded,
    /// Something failed.
    Failed(FailureCause),
    /// Somebody stopped it.
    Terminated {
        /// Who.
        by: String,
    },
}

impl Status {
    /// Says whether the operation is over.
    pub fn is_over(&self) -> bool {
        match self {
            Status::Running | Status::Terminating { .. } => false,
            Status::Succeeded | Status::Failed(_) | Status::Terminated { .. } => true,
        }
    }
}
