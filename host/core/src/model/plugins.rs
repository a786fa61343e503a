//! Plugins, as the core and the engine see them: questions and answers. The engine calls them, the sandbox implements them, and tests have
//! scripted ones.

mod policy;

use std::{collections::BTreeMap, fmt};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::policy::{PolicyHook, PolicyQuestion};
pub use crate::model::request::{HeaderValue, HookRequest, HttpRequest, HttpResponse, ObjectRef, Request, Selector};
use crate::model::{
    compat::Mode,
    failure_class::FailureClass,
    grant::Grants,
    health::Assessment,
    hook::{Disposal, HookOutcome, OnVanished, RunId},
    object::{GroupKind, Object},
    operation_kind::OperationKind,
    phase::Phase,
    related::Related,
    remedy::{Remedies, Setting},
    wave::Wave,
};

/// What a plugin is needed for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PluginQuery {
    /// A hook type, by its name: `http-check`.
    HookType(String),
    /// A word of the hook annotation that isn't a phase.
    HookWord(String),
    /// To run objects of a kind as hooks.
    HookKind(GroupKind),
    /// To assess the health of a kind.
    Health(GroupKind),
    /// A delete policy, by its name.
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

/// A plugin, and the claim under which it is called.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PluginRef {
    /// The plugin's name.
    pub plugin: String,
    /// The plugin's version, from its manifest.
    pub version: String,
    /// The SHA-256 digest of the component, in hex. An operation uses the same component until its end.
    pub digest: String,
    /// The text of the claim, which is passed with each call.
    pub claim: String,
}

/// `job 0.1.0`.
impl fmt::Display for PluginRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.plugin, self.version)
    }
}

/// An application, identified by name and namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Application {
    /// The name; unique within the namespace.
    pub name: String,
    /// The namespace that contains the application's state.
    pub namespace: String,
}

/// The question to a hook type how a manifest is run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlacementQuestion {
    /// The application that the manifest belongs to.
    pub application: Application,
    /// The user's settings for this hook.
    pub settings: Map<String, Value>,
    /// The manifest.
    pub object: Object,
    /// The words of the hook annotation, in order.
    pub words: Vec<String>,
    /// The words that are phases.
    pub phases: Vec<Phase>,
    /// What to do if the hook's object vanishes.
    pub on_vanished: OnVanished,
}

/// A setting that a plugin's manifest doesn't allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsProblem {
    /// The setting, as a JSON pointer.
    pub pointer: String,
    /// Why it isn't allowed.
    pub message: String,
}

/// The answer of a hook type how a manifest is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Placement {
    /// It is run as a hook.
    Run {
        /// The phases in which the hook runs.
        phases: Vec<Phase>,
        /// Whether the manifest is an object of the cluster, to be created when the hook asks for it.
        has_object: bool,
        /// Other objects that it may change, as JSON.
        #[serde(rename = "also")]
        other_objects: Vec<String>,
    },
    /// It is skipped, for this reason.
    Skip(String),
}

/// The question of one call of a hook type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum HookQuestion {
    /// The hook starts.
    Start,
    /// There is an observation for the hook.
    Advance {
        /// The state that the plugin returned last.
        state: Vec<u8>,
        /// What the plugin hasn't seen yet.
        observation: Observation,
    },
    /// The hook is being stopped.
    Abort {
        /// The state that the plugin returned last.
        state: Vec<u8>,
        /// Why the hook is being stopped.
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
    /// Another task of the operation failed.
    Failed,
}

/// What a hook's plugin learns about the hook and its operation in every call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HookContext {
    /// The application that the hook belongs to.
    pub application: Application,
    /// The user's settings for this hook.
    pub settings: Map<String, Value>,
    /// The run of the hook.
    pub hook: HookRunInfo,
    /// The operation that runs the hook.
    pub operation: OperationInfo,
    /// The manifest as planned.
    pub object: Object,
    /// In SyncFail: why the operation failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<FailureCause>,
    /// The plugin's permissions, which say what of Secrets it may see.
    #[serde(skip)]
    pub grants: Grants,
    /// Whose rules the operation follows.
    pub mode: Mode,
}

/// A run of a hook, as its plugin sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HookRunInfo {
    /// The run's ID, which is the same after a crash.
    pub run: RunId,
    /// The phase in which the hook runs.
    pub phase: Phase,
    /// The wave of the hook within its phase.
    pub wave: Wave,
    /// The number of the operation's attempt, from 1.
    pub attempt: u32,
    /// What to do if the hook's object vanishes.
    pub on_vanished: OnVanished,
}

/// An operation, as a plugin sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationInfo {
    /// The operation's ID, which the events and the history show.
    pub id: String,
    /// Whether the operation syncs or deletes the application.
    pub kind: OperationKind,
}

/// Why an operation failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureCause {
    /// The class of the first failure, which also determines the exit code.
    pub class: FailureClass,
    /// The messages of the failures.
    pub message: String,
    /// The objects that failed: `Job shop/migrate`.
    pub objects: Vec<String>,
    /// What may help; not part of what plugins are told.
    #[serde(default, skip_serializing_if = "Remedies::is_empty")]
    pub remedies: Remedies,
}

/// An observation for a hook's plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// The ID of the request that it answers; `None` if it answers none.
    #[serde(rename = "answers")]
    pub request_id: Option<u32>,
    /// What was observed, or the answer to the request.
    #[serde(rename = "what")]
    pub kind: ObservationKind,
}

/// The kinds of observations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ObservationKind {
    /// The hook's own object exists.
    Created(Object),
    /// The current state of a watched object.
    Object {
        /// The complete object, as the cluster has it now.
        object: Object,
        /// The assessment of the plugin that claims the object's kind.
        health: Assessment,
    },
    /// A watched object doesn't exist any more.
    Gone,
    /// A deletion is complete.
    Deleted,
    /// A request without an answer of its own was executed.
    Done,
    /// All objects that match a list request.
    Objects(Vec<Object>),
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

/// A log line of a hook's pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// The name of the pod.
    pub pod: String,
    /// The name of the container.
    pub container: String,
    /// The line, without a line break.
    pub text: String,
}

/// The answer of a hook type to a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookStep {
    /// Whether the hook has ended.
    pub progress: Progress,
    /// One sentence about what the hook is doing.
    pub message: String,
    /// Requests to the host, in this order.
    #[serde(rename = "asks")]
    pub requests: Vec<HookRequest>,
    /// The state for the next call.
    pub state: Vec<u8>,
    /// When to call again even if nothing happens, in milliseconds.
    pub wake_after_ms: Option<u32>,
}

/// Whether a hook has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Progress {
    /// The hook hasn't ended.
    Running,
    /// It has ended with this verdict.
    Ended(HookOutcome),
}

/// The user's settings for health plugins, by the names of the plugins.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PluginSettings(pub BTreeMap<String, Map<String, Value>>);

impl PluginSettings {
    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the settings for a plugin, by its name.
    pub fn for_plugin(&self, plugin: &str) -> Option<&Map<String, Value>> {
        self.0.get(plugin)
    }
}

/// Returns the settings for an assessment: those of the plugin, overridden by those of the object.
#[must_use]
pub fn health_settings(of_plugin: Option<&Map<String, Value>>, of_object: Map<String, Value>) -> Map<String, Value> {
    let mut settings = of_plugin.cloned().unwrap_or_default();
    settings.extend(of_object);
    settings
}

/// The question about the health of an object.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HealthQuestion<'a> {
    /// The application that the object belongs to.
    pub application: &'a Application,
    /// The complete object. The sandbox passes only the fields that the plugin's claim lists.
    pub object: &'a Object,
    /// Whose rules the operation follows.
    pub mode: Mode,
    /// Related objects that the plugin requested in an earlier call.
    pub related: Option<&'a Related>,
    /// The user's settings for the plugin; those of the object override them.
    pub settings: Option<&'a Map<String, Value>>,
    /// The time of the call.
    pub now: Timestamp,
}

/// Why a plugin gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum PluginError {
    /// The plugin reports that the input is invalid.
    #[error("{plugin}: {message}")]
    Invalid {
        /// The plugin and its version.
        plugin: String,
        /// What the user has to change.
        message: String,
    },
    /// The plugin asks to be called again.
    #[error("{plugin} asks for a retry in {after_ms} ms: {message}")]
    Retry {
        /// The plugin and its version.
        plugin: String,
        /// Why it can't answer now.
        message: String,
        /// When to call again, in milliseconds.
        after_ms: u32,
    },
    /// The plugin failed: it reported so, trapped, exceeded its budget, or violated the contract.
    #[error("{plugin} failed in `{function}` under the claim `{claim}` for {object}: {message}")]
    Failed {
        /// The plugin and its version.
        plugin: String,
        /// The function of the contract.
        function: String,
        /// The claim under which it was called.
        claim: String,
        /// The object that the call was about.
        object: String,
        /// What went wrong, in one line.
        message: String,
        /// The guest's stack and its output on stderr; may be empty.
        backtrace: String,
    },
    /// The plugin couldn't be called for a reason outside the plugin, such as a lack of memory. Another call may succeed.
    #[error("failed to call {plugin}: {message}")]
    #[serde(rename = "CouldNotTell")]
    Unavailable {
        /// The plugin and its version.
        plugin: String,
        /// Why it couldn't be called.
        message: String,
    },
    /// The plugin with which the operation started isn't loaded.
    #[error("plugin {plugin} with digest {digest} is not loaded")]
    Missing {
        /// The plugin and its version.
        plugin: String,
        /// The digest of the component that the operation started with.
        digest: String,
    },
}

impl PluginError {
    /// Returns what may help.
    pub fn remedies(&self) -> Remedies {
        match self {
            PluginError::Missing { .. } => Setting::ThisPlugin.into(),
            PluginError::Invalid { .. }
            | PluginError::Retry { .. }
            | PluginError::Failed { .. }
            | PluginError::Unavailable { .. } => Remedies::default(),
        }
    }

    /// Returns the message; for a plugin that isn't loaded its name.
    pub(crate) fn message_mut(&mut self) -> &mut String {
        match self {
            PluginError::Invalid { message, .. }
            | PluginError::Retry { message, .. }
            | PluginError::Failed { message, .. }
            | PluginError::Unavailable { message, .. } => message,
            PluginError::Missing { plugin, .. } => plugin,
        }
    }
}

/// The loaded plugins.
#[async_trait]
pub trait Plugins: Send + Sync {
    /// Returns the plugin for a query; `None` if no plugin claims it.
    fn plugin_for(&self, need: &PluginQuery) -> Option<PluginRef>;

    /// Lists the policies that are asked for every hook.
    fn policies_for_all(&self) -> Vec<PluginRef>;

    /// Returns what a plugin's manifest requests; by default nothing.
    fn requested_grants(&self, by: &PluginRef) -> Grants {
        _ = by;
        Grants::default()
    }

    /// Lists the user's settings for a hook that the manifest of its type, or of one of its policies, doesn't allow.
    fn check_settings(&self, by: &PluginRef, settings: &Map<String, Value>) -> Vec<SettingsProblem> {
        _ = (by, settings);
        Vec::new()
    }

    /// Lists the settings that a plugin's manifest names, for hints; `None` if the manifest has no schema of settings.
    fn setting_names(&self, by: &PluginRef) -> Option<Vec<String>> {
        _ = by;
        None
    }

    /// Lists the hook types that plugins claim by name, for hints.
    fn hook_types(&self) -> Vec<String> {
        Vec::new()
    }

    /// Asks a hook type how a manifest is run.
    async fn place(&self, by: &PluginRef, question: PlacementQuestion) -> Result<Placement, PluginError>;

    /// Asks a hook type for the next step.
    async fn step(
        &self,
        by: &PluginRef,
        context: &HookContext,
        question: HookQuestion,
        now: Timestamp,
    ) -> Result<HookStep, PluginError>;

    /// Asks for the health of an object.
    async fn assess(&self, by: &PluginRef, question: HealthQuestion<'_>) -> Result<Assessment, PluginError>;

    /// Asks a delete policy about an object.
    async fn decide(&self, by: &PluginRef, question: PolicyQuestion, now: Timestamp) -> Result<Disposal, PluginError>;
}
