//! Operations as facts.

use jiff::Timestamp;

use crate::model::failure_class::FailureClass;

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationType {
    /// It syncs a set.
    Sync,
    /// It syncs the deployed set because live objects drifted.
    Heal,
    /// It deploys an earlier set.
    Rollback,
    /// It runs test hooks.
    Test,
    /// It deletes the application.
    Delete,
}

impl OperationType {
    /// Returns the word for users.
    pub const fn as_str(self) -> &'static str {
        match self {
            OperationType::Sync => "sync",
            OperationType::Heal => "heal",
            OperationType::Rollback => "rollback",
            OperationType::Test => "test",
            OperationType::Delete => "delete",
        }
    }
}

/// An operation that isn't over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningOperation {
    /// The ID of the operation.
    pub id: String,
    /// What it does.
    pub kind: OperationType,
    /// The digest of its set; empty for a deletion.
    pub digest: String,
    /// The revision of its set.
    pub revision: String,
    /// Who drives it.
    pub driver: Driver,
    /// Whether it was terminated and isn't over yet.
    pub is_terminating: bool,
    /// How it proceeds.
    pub progress: Progress,
}

/// Who drives an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Driver {
    /// This controller runs the operation.
    Controller,
    /// Nobody: its driver ended.
    Nobody,
    /// Somebody else, such as a command line.
    Other(String),
}

/// How an operation proceeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Whether something is being done: a hook runs, or a write has no answer. A hook whose pods can't start isn't running.
    pub is_busy: bool,
    /// Why what it waits for doesn't go well.
    pub trouble: Option<Trouble>,
    /// When anything last changed.
    pub changed_at: Timestamp,
    /// What it waits for, in words.
    pub message: String,
}

/// Why what an operation waits for doesn't go well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// An object is Degraded, or its pods can't start.
    Degraded,
    /// The operation failed and pauses before its next attempt.
    Retrying,
    /// A hook waits for a person's approval.
    Approval,
}

/// An operation that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinishedOperation {
    /// Its ID; empty if its plan was refused, so that none began.
    pub id: String,
    /// What it did.
    pub kind: OperationType,
    /// The digest of its set; empty for a deletion.
    pub digest: String,
    /// The revision of its set.
    pub revision: String,
    /// When it ended.
    pub finished_at: Timestamp,
    /// How it ended.
    pub result: OperationResult,
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperationResult {
    /// The operation succeeded.
    Succeeded,
    /// It failed, after its own retries.
    Failed {
        /// The class of the failure.
        class: FailureClass,
        /// What failed, in words of the operation.
        message: String,
        /// How often in a row operations of this set failed because the API server or a webhook gave no answer; 0 if this one failed for
        /// another reason.
        outages: u32,
    },
    /// Its plan was refused before anything began.
    Refused {
        /// Why the operation was refused, in words of the engine.
        message: String,
        /// As for [`OperationResult::Failed`].
        outages: u32,
    },
    /// It was terminated.
    Terminated {
        /// Who terminated it.
        by: String,
        /// Whether the controller did, for a newer revision or a deletion.
        is_superseded: bool,
    },
}
