//! What is to be done for an application.

use jiff::Timestamp;

use super::{
    conditions::Conditions,
    facts::{DesiredSet, HeldBack, OperationType},
    trigger::SyncParameters,
};

/// What follows from facts. The same facts always have the same reconciliation.
#[derive(Debug, Clone, PartialEq)]
pub struct Reconciliation {
    /// What is to be done now.
    pub decision: Decision,
    /// The conditions of the Application's status.
    pub conditions: Conditions,
    /// When to decide again if no fact changes before; later than the facts' time. `None` if only a change of facts can matter.
    pub check_at: Option<Timestamp>,
}

/// What is to be done now. There is at most one thing to do at a time.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Everything is as it should be.
    Nothing,
    /// Wait until facts change, or until a time.
    Wait(Wait),
    /// Only a person, or a change of the origin, can help.
    Stall(Stall),
    /// Read the application's state.
    ReadState,
    /// Fetch the newest revision of the origin.
    Fetch,
    /// Render the manifests of a revision. A revision that a trigger names is fetched first.
    Render {
        /// The revision to render, as the origin names it.
        revision: String,
    },
    /// Plan and begin an operation.
    Begin(Box<OperationRequest>),
    /// Drive an operation whose driver ended.
    Resume {
        /// The ID of the operation.
        operation: String,
    },
    /// Terminate an operation. One without a driver is driven until it has ended.
    Terminate {
        /// The ID of the running operation.
        operation: String,
        /// Why it is terminated.
        cause: TerminationCause,
    },
    /// Delete objects whose time to live is over. That is not an operation.
    Sweep,
    /// Store that a trigger was handled, with its result. Nothing else is to be done for it.
    AnswerTrigger {
        /// The trigger's ID.
        id: String,
        /// What came of it, in words.
        result: String,
    },
    /// Store that no set is held back any more, and that a trigger was handled.
    Release {
        /// The trigger's ID.
        trigger: String,
    },
    /// Remove the finalizer, so that the API server removes the Application.
    RemoveFinalizer(FinalizerRemoval),
}

impl Decision {
    /// Returns whether nothing is to be done before facts change or time passes.
    pub const fn is_passive(&self) -> bool {
        matches!(self, Decision::Nothing | Decision::Wait(_) | Decision::Stall(_))
    }
}

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// What the application waits for.
    pub reason: WaitReason,
    /// What for, in words for users: since when, until when.
    pub message: String,
    /// When to decide again; `None` if a change of facts ends the wait.
    pub until: Option<Timestamp>,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitReason {
    /// The state is read.
    ReadingState,
    /// The origin is fetched.
    Fetching,
    /// Manifests are rendered.
    Rendering,
    /// An operation is planned and begun.
    Planning,
    /// An operation runs.
    Running,
    /// An operation waits for a person's approval.
    WaitingForApproval,
    /// An operation was terminated and isn't over.
    Terminating,
    /// Something failed and is tried again.
    Retrying,
    /// Dependencies aren't Ready.
    WaitingForDependency,
    /// A window is closed.
    WaitingForWindow,
    /// Drift is healed after a pause.
    WaitingForHealing,
    /// The application is being deleted.
    Deleting,
}

/// Why only a person can help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stall {
    /// Why nothing more is done without a person.
    pub reason: StallReason,
    /// Why, in words for users, and what helps.
    pub message: String,
    /// When to look again nevertheless, where something outside of the facts may change.
    pub until: Option<Timestamp>,
}

/// Why only a person can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StallReason {
    /// The object is invalid.
    InvalidSpec,
    /// The service account doesn't exist.
    NoServiceAccount,
    /// The service account can't be used.
    Forbidden,
    /// A newer version of Capstan wrote the state.
    NewerState,
    /// The application is part of a cycle of dependencies.
    DependencyCycle,
    /// A dependency is Stalled or missing.
    DependencyStalled,
    /// The origin can't be fetched.
    SourceFailed,
    /// The manifests can't be rendered.
    RenderFailed,
    /// The plan was refused.
    PlanRefused,
    /// The operation failed, by the class of its failure.
    OperationFailed(crate::model::failure_class::FailureClass),
    /// A person terminated the operation.
    Terminated,
    /// A person rolled back from this set.
    HeldBack,
    /// Automatic syncs are disabled, and the newest set isn't deployed.
    SyncRequired,
    /// The application is suspended, and something would have to begin.
    Suspended,
    /// No window ever lets an operation begin.
    WindowsClosed,
}

/// An operation that is to begin.
#[derive(Debug, Clone, PartialEq)]
pub struct OperationRequest {
    /// What it does.
    pub operation: NewOperation,
    /// Why it begins.
    pub cause: BeginCause,
    /// The set that isn't synced automatically from then on. It is stored with the operation.
    pub held_back: Option<HeldBack>,
    /// Whether Capstan's finalizer is added to the Application first.
    pub adds_finalizer: bool,
}

impl OperationRequest {
    /// Returns the type of the operation.
    pub const fn kind(&self) -> OperationType {
        match &self.operation {
            NewOperation::Sync { .. } => OperationType::Sync,
            NewOperation::Heal { .. } => OperationType::Heal,
            NewOperation::Rollback { .. } => OperationType::Rollback,
            NewOperation::Test => OperationType::Test,
            NewOperation::Delete { .. } => OperationType::Delete,
        }
    }
}

/// What an operation that is to begin does.
#[derive(Debug, Clone, PartialEq)]
pub enum NewOperation {
    /// Sync a set.
    Sync {
        /// The manifests to apply.
        set: DesiredSet,
        /// The parameters of the trigger; the default for an automatic sync.
        parameters: SyncParameters,
    },
    /// Sync the deployed set without hooks, except for those that run when drift is healed.
    Heal {
        /// The manifests to apply.
        set: DesiredSet,
    },
    /// Deploy the set of an earlier operation.
    Rollback {
        /// The number or ID of that operation.
        to: String,
    },
    /// Run test hooks.
    Test,
    /// Delete the application.
    Delete {
        /// Whether delete hooks are left out.
        skip_hooks: bool,
    },
}

/// Why an operation begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BeginCause {
    /// There is another revision.
    Revision,
    /// The spec changed what is rendered from the same revision.
    Spec,
    /// Live objects drifted.
    Drift,
    /// The last operation failed because the API server or a webhook gave no answer.
    Retry,
    /// A person triggered it. The trigger is handled once the operation is stored, or its plan was refused.
    Trigger {
        /// The trigger's ID.
        id: String,
        /// The user who set the trigger; `None` if it is unknown.
        by: Option<String>,
    },
    /// The Application was deleted.
    Deletion,
}

impl BeginCause {
    /// Returns the word for `status.operation.trigger`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            BeginCause::Revision => "revision",
            BeginCause::Spec => "spec",
            BeginCause::Drift => "drift",
            BeginCause::Retry => "retry",
            BeginCause::Trigger { .. } => "person",
            BeginCause::Deletion => "deletion",
        }
    }
}

/// Why an operation is terminated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TerminationCause {
    /// A newer revision takes its place. SyncFail doesn't run.
    Superseded {
        /// The revision, or the person who triggered another operation.
        by: String,
    },
    /// A person terminated it. The trigger is handled.
    Trigger {
        /// The trigger's ID.
        id: String,
        /// The user who set the trigger; `None` if it is unknown.
        by: Option<String>,
    },
    /// The Application was deleted.
    Deletion,
}

/// Why the finalizer is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinalizerRemoval {
    /// Everything was deleted.
    Deleted,
    /// The spec keeps the objects.
    Kept,
    /// A person abandoned the objects. An operation that runs is left.
    Abandoned,
    /// The deletion took too long, and the spec abandons the objects then. An operation that runs is left.
    TimedOut,
    /// The namespace is being deleted, and its deletion must not wait longer. An operation that runs is left.
    NamespaceDeleted,
}
