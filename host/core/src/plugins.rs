//! What is asked of plugins, in our own words. Declared here so that the core can speak of the answers; called only by the
//! engine; implemented by the sandbox, and by scripted stand-ins in tests.

mod policy;

use std::{collections::BTreeMap, fmt};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::policy::{PolicyHook, PolicyQuestion};
pub use crate::request::{Ask, HeaderValue, HttpAnswer, HttpRequest, ObjectRef, Request, Selector};
use crate::{
    compat::Mode,
    failure::FailureClass,
    grant::Grants,
    health::Assessment,
    hook::{Disposal, HookOutcome, OnVanished, RunId},
    object::{GroupKind, Object},
    operation_kind::OperationKind,
    phase::Phase,
    related::Related,
    wave::Wave,
};

/// What somebody has to answer for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PluginQuery {
    /// A hook type by its name: `http-check`.
    HookType(String),
    /// A word of the hook annotation that is no phase: `Skip`.
    HookWord(String),
    /// A kind that runs as a hook.
    HookKind(GroupKind),
    /// The health of a kind.
    Health(GroupKind),
    /// A delete policy by its name.
    Policy(String),
}

impl fmt::Display for PluginQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PluginQuery::HookType(name) => write!(f, "hook type `{name}`"),
            PluginQuery::HookWord(word) => write!(f, "hook word `{word}`"),
            PluginQuery::HookKind(kind) => write!(f, "{kind} as a hook"),
            PluginQuery::Health(kind) => write!(f, "health of {kind}"),
            PluginQuery::Policy(name) => write!(f, "delete policy `{name}`"),
        }
    }
}

/// A plugin that answers for something, and the claim it does so under.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PluginRef {
    /// The plugin's name.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the component, in hex: an operation goes on with the plugin it started with.
    pub digest: String,
    /// The text of the claim, which each call is given.
    pub claim: String,
}

/// `job 0.1.0`.
impl fmt::Display for PluginRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.plugin, self.version)
    }
}

/// Which application a question is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Application {
    /// Its name.
    pub name: String,
    /// The namespace it lives in.
    pub namespace: String,
}

/// Asks where a manifest goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlaceQuestion {
    /// The application.
    pub application: Application,
    /// Settings of the user for this hook.
    pub settings: Map<String, Value>,
    /// The manifest.
    pub object: Object,
    /// The words of the hook annotation, in order.
    pub words: Vec<String>,
    /// Those of them that are phases.
    pub phases: Vec<Phase>,
    /// What to do when the object vanishes.
    pub on_vanished: OnVanished,
}

/// What a manifest's schema has against a user's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsFlaw {
    /// Where in the settings, as a JSON pointer.
    pub pointer: String,
    /// What is wrong there.
    pub message: String,
}

/// Where a manifest goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Placement {
    /// It runs as a hook.
    Run {
        /// In these phases.
        phases: Vec<Phase>,
        /// Whether the manifest is an object of the cluster, to be created when the hook asks for it.
        has_object: bool,
        /// Other objects it may touch, as JSON texts.
        also: Vec<String>,
    },
    /// It is left alone, for this reason.
    Skip(String),
}

/// Which of a hook's three questions is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum HookQuestion {
    /// Its turn has come.
    Start,
    /// Something happened.
    Advance {
        /// What the plugin remembers.
        state: Vec<u8>,
        /// What happened.
        observation: Observation,
    },
    /// It is being stopped.
    Abort {
        /// What the plugin remembers.
        state: Vec<u8>,
        /// Why.
        reason: AbortReason,
    },
}

/// Why a hook is being stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AbortReason {
    /// Somebody terminated the operation.
    Terminated,
    /// A deadline passed.
    Deadline,
    /// Something else failed.
    Failed,
}

/// What a hook is told about itself and its operation with every question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HookContext {
    /// The application.
    pub application: Application,
    /// Settings of the user for this hook.
    pub settings: Map<String, Value>,
    /// The run.
    pub hook: HookFacts,
    /// The operation.
    pub operation: OperationFacts,
    /// The manifest as planned.
    pub object: Object,
    /// In SyncFail: what failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<FailureCause>,
    /// What its plugin may have done: which Secrets it may see.
    #[serde(skip)]
    pub grants: Grants,
    /// Whose rules the user wants.
    pub mode: Mode,
}

/// One run of a hook, as its plugin sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HookFacts {
    /// Identifies the run; the same after a crash.
    pub run: RunId,
    /// Its phase.
    pub phase: Phase,
    /// Its wave.
    pub wave: Wave,
    /// 1 for the first try of the operation.
    pub attempt: u32,
    /// What to do when its object vanishes.
    pub on_vanished: OnVanished,
}

/// The operation, as a plugin sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationFacts {
    /// Its id.
    pub id: String,
    /// What it does.
    pub kind: OperationKind,
}

/// Why SyncFail runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureCause {
    /// The class of the first failure, which also makes the exit code.
    pub class: FailureClass,
    /// What failed, in one text.
    pub message: String,
    /// The objects that failed: `Job shop/migrate`.
    pub objects: Vec<String>,
}

/// One thing that happened to a hook, as told to its plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// The ask it answers.
    pub answers: Option<u32>,
    /// What it was.
    pub what: ObservationKind,
}

/// The kinds of observations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ObservationKind {
    /// The own object is there.
    Created(Object),
    /// A watched object, now, with the judgement of whoever claims its kind.
    Object {
        /// The object.
        object: Object,
        /// How it is.
        health: Assessment,
    },
    /// A watched object is no longer there.
    Gone,
    /// A deletion is complete.
    Deleted,
    /// An ask without an answer of its own was performed.
    Done,
    /// All objects that match.
    Objects(Vec<Object>),
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

/// A line that a hook's pod wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// The pod.
    pub pod: String,
    /// The container.
    pub container: String,
    /// The line, without its end.
    pub text: String,
}

/// How far a hook is and what it wants done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookStep {
    /// How far.
    pub progress: Progress,
    /// One sentence on what is going on.
    pub message: String,
    /// What the host shall do, in this order.
    pub asks: Vec<Ask>,
    /// What the plugin wants to remember.
    pub state: Vec<u8>,
    /// Ask again after so many milliseconds.
    pub wake_after_ms: Option<u32>,
}

/// How far a hook is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Progress {
    /// Not at its end.
    Running,
    /// It has its verdict.
    Ended(HookOutcome),
}

/// What the user sets for plugins that judge health, by the plugins' names.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PluginSettings(pub BTreeMap<String, Map<String, Value>>);

impl PluginSettings {
    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the settings of one plugin, by its name.
    pub fn of(&self, plugin: &str) -> Option<&Map<String, Value>> {
        self.0.get(plugin)
    }
}

/// Returns the settings with which a plugin judges an object: those of the plugin, replaced by those of the object where both have one.
#[must_use]
pub fn health_settings(of_plugin: Option<&Map<String, Value>>, of_object: Map<String, Value>) -> Map<String, Value> {
    let mut settings = of_plugin.cloned().unwrap_or_default();
    settings.extend(of_object);
    settings
}

/// Asks how an object is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HealthQuestion<'a> {
    /// The application.
    pub application: &'a Application,
    /// The whole object: the sandbox shows the plugin what its claim may see.
    pub object: &'a Object,
    /// Whose rules the user wants.
    pub mode: Mode,
    /// What the plugin asked to see beside it, when it is asked again.
    pub related: Option<&'a Related>,
    /// The user's settings for the plugin; those of the object itself come before them.
    pub settings: Option<&'a Map<String, Value>>,
    /// The call's moment.
    pub now: Timestamp,
}

/// Why a plugin gave no answer. The text of each names what the plugin was asked about where that helps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum PluginError {
    /// The plugin says that the input can never work.
    #[error("{plugin}: {message}")]
    Invalid {
        /// The plugin and its version.
        plugin: String,
        /// What the user has to change.
        message: String,
    },
    /// The plugin asks to be asked again.
    #[error("{plugin} asks to be asked again in {after_ms} ms: {message}")]
    Retry {
        /// The plugin and its version.
        plugin: String,
        /// Why.
        message: String,
        /// When.
        after_ms: u32,
    },
    /// The plugin failed: it said so, trapped, used up its budget, or gave an answer outside the contract.
    #[error("{plugin} failed in `{function}` under the claim `{claim}` for {object}: {message}")]
    Failed {
        /// The plugin and its version.
        plugin: String,
        /// The function of the contract.
        function: String,
        /// The claim.
        claim: String,
        /// The object it was asked about.
        object: String,
        /// What went wrong, in one line.
        message: String,
        /// The guest's stack and what it wrote to stderr; may be empty.
        backtrace: String,
    },
    /// It could not be told, for reasons outside the plugin (a starved machine): worth asking again.
    #[error("could not ask {plugin}: {message}")]
    CouldNotTell {
        /// The plugin and its version.
        plugin: String,
        /// Why.
        message: String,
    },
    /// The plugin that the operation started with is not loaded.
    #[error("plugin {plugin} with digest {digest} is not loaded: `--plugin` loads it")]
    Missing {
        /// The plugin and its version.
        plugin: String,
        /// What it was.
        digest: String,
    },
}

impl PluginError {
    /// Returns its words, or for a plugin that isn't loaded its name.
    pub(crate) fn message_mut(&mut self) -> &mut String {
        match self {
            PluginError::Invalid { message, .. }
            | PluginError::Retry { message, .. }
            | PluginError::Failed { message, .. }
            | PluginError::CouldNotTell { message, .. } => message,
            PluginError::Missing { plugin, .. } => plugin,
        }
    }
}

/// Answers questions about hooks, health and deletion.
#[async_trait]
pub trait Plugins: Send + Sync {
    /// Says who answers for a need; nobody may.
    fn answerer(&self, need: &PluginQuery) -> Option<PluginRef>;

    /// Lists the policies that are asked for every hook.
    fn policies_for_all(&self) -> Vec<PluginRef>;

    /// Returns what a plugin's manifest requests; nothing unless it says so.
    fn requested(&self, by: &PluginRef) -> Grants {
        _ = by;
        Grants::default()
    }

    /// Lists what a user's settings for a hook have that the manifest of its type, or of one of its policies, doesn't allow.
    fn flaws_of_settings(&self, by: &PluginRef, settings: &Map<String, Value>) -> Vec<SettingsFlaw> {
        _ = (by, settings);
        Vec::new()
    }

    /// Lists the settings that a plugin's manifest names, for hints; nothing when the manifest has no schema of settings.
    fn names_of_settings(&self, by: &PluginRef) -> Option<Vec<String>> {
        _ = by;
        None
    }

    /// Lists the hook types that the loaded plugins claim by name, for hints.
    fn hook_types(&self) -> Vec<String> {
        Vec::new()
    }

    /// Asks a hook type where a manifest goes.
    async fn place(&self, by: &PluginRef, question: PlaceQuestion) -> Result<Placement, PluginError>;

    /// Asks a hook type for its next step.
    async fn step(
        &self,
        by: &PluginRef,
        context: &HookContext,
        question: HookQuestion,
        now: Timestamp,
    ) -> Result<HookStep, PluginError>;

    /// Asks how an object is.
    async fn assess(&self, by: &PluginRef, question: HealthQuestion<'_>) -> Result<Assessment, PluginError>;

    /// Asks a delete policy about one object.
    async fn decide(&self, by: &PluginRef, question: PolicyQuestion, now: Timestamp) -> Result<Disposal, PluginError>;
}
