//! Keep this hook's object, or delete it? The question, what comes with it, and the answer.

use std::time::Duration;

use serde::Deserialize;

use crate::{Application, Failure, Mode, Object, Propagation};

/// Decides what becomes of hooks' objects.
pub trait DeletePolicy {
    /// Decides on one object of one hook. `claim` is the policy's name, or `*`.
    fn decide(claim: &str, input: &PolicyInput<'_>) -> Result<Disposal, Failure>;
}

/// What shall become of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposal {
    /// This policy has no wish to delete, now.
    Keep,
    /// Delete it now.
    Delete(Propagation),
    /// Delete it at this moment, since 1970.
    DeleteAt(Duration),
    /// Ask again at this moment, since 1970, if anything of Capstan runs then.
    AskAgainAt(Duration),
}

/// What the host passes with the question.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PolicyInput<'a> {
    /// Why the policy is asked now.
    pub occasion: Occasion,
    /// The words the user wrote; empty when none.
    pub policies: Vec<String>,
    /// The hook's object.
    #[serde(borrow)]
    pub object: Object<'a>,
    /// The user's settings for this policy.
    #[serde(borrow)]
    pub settings: Object<'a>,
    #[serde(borrow)]
    application: Object<'a>,
    #[serde(borrow)]
    hook: Object<'a>,
    /// The hook's own outcome.
    pub outcome: Option<Outcome>,
    /// The operation's outcome, once known.
    pub operation_outcome: Option<Outcome>,
    /// When the hook's object finished, in milliseconds since 1970.
    pub finished_at: Option<u64>,
    /// 0 for the newest object of this hook, 1 for the one before.
    pub rank: u32,
    /// Whether the object's kind is one that ends by itself.
    pub runs_to_completion: bool,
    /// What the user wrote about its time to live.
    pub ttl: Ttl,
    /// Whose rules the user wants.
    #[serde(rename = "compat")]
    pub mode: Mode,
}

impl PolicyInput<'_> {
    /// Which application the hook belongs to.
    pub fn application(&self) -> Result<Application, Failure> {
        self.application.read_or_default()
    }

    /// Which hook it is.
    pub fn hook(&self) -> Result<PolicyHook, Failure> {
        self.hook.read_or_default()
    }

    /// Whether the user wants what Argo CD does.
    pub fn is_argocd(&self) -> bool {
        self.mode == Mode::ArgoCd
    }
}

/// Why a policy is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Occasion {
    /// The hook is about to be created, and an older object of it is there.
    BeforeCreation,
    /// The hook has its verdict.
    HookFinished,
    /// The operation is at its end.
    OperationFinished,
    /// The policy had asked to be asked again.
    AskedAgain,
    /// The application was deleted.
    ApplicationDeleted,
    /// An occasion of a later contract.
    #[default]
    #[serde(other)]
    Unknown,
}

/// How a hook, or an operation, ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The hook or operation succeeded.
    Succeeded,
    /// The hook or operation failed.
    Failed,
    /// A word of a later contract.
    #[serde(other)]
    Unknown,
}

/// Which hook a policy is asked about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PolicyHook {
    /// Identifies the run that created the object.
    pub run: String,
    /// The phase of that run: `PreSync`, `PostSync`.
    pub phase: String,
    /// The wave of that run.
    pub wave: i64,
}

/// How long a finished hook's object shall live, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Ttl {
    /// After it has finished.
    pub after_finished: Option<u64>,
    /// The same, after a failure.
    pub failed: Option<u64>,
}
