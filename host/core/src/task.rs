//! Tasks: one action on one object in one phase and wave.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use crate::failure::FailureClass;
use crate::{
    deletion::{DecidedPropagation, PropagationRules},
    diff::Change,
    directive::{OnTimeout, Wait},
    grace::{self, Grace},
    hook::{HookId, OnVanished, Propagation, Ttl},
    ignore::Ignored,
    object::{Object, ObjectKey},
    phase::Phase,
    place::Place,
    plugins::PluginRef,
    wave::Wave,
};

/// Identifies a task within its operation: `PreSync/0/Job/shop/migrate`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(pub String);

impl TaskId {
    /// Names the task for an object in a phase and wave.
    pub fn of(phase: Phase, wave: Wave, key: &ObjectKey) -> TaskId {
        let mut parts = vec![phase.to_string(), wave.to_string(), key.group_kind().to_string()];
        if !key.namespace.is_empty() {
            parts.push(key.namespace.clone());
        }
        parts.push(key.name.clone());
        TaskId(parts.join("/"))
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One action on one object in one phase and wave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// Names it.
    pub id: TaskId,
    /// Its phase.
    pub phase: Phase,
    /// Its wave.
    pub wave: Wave,
    /// Its place among the kinds of its wave: lower ones start first.
    pub rank: u32,
    /// The object.
    pub key: ObjectKey,
    /// What is desired; nothing for what is only deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<Object>,
    /// Where it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What is done.
    pub action: Action,
    /// How long it may take, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u64>,
    /// What it means when it takes longer.
    pub on_timeout: OnTimeout,
    /// Whether the server is asked about it before anything is changed.
    #[serde(default)]
    pub check: Check,
    /// Other tasks of its wave that must have ended well before it starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits_for: Vec<TaskId>,
    /// What becomes of fields that the server doesn't know.
    #[serde(default)]
    pub unknown_fields: UnknownFields,
}

/// What becomes of fields that the server doesn't know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum UnknownFields {
    /// They are a failure.
    #[default]
    Refused,
    /// They are left out.
    LeftOut,
}

/// Whether the server is asked, before anything is changed, what it would say to a task's object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Check {
    /// There is nothing to ask: the object stays as it is, goes, or is no object of the cluster.
    #[default]
    Nothing,
    /// It is.
    First,
    /// It can't be asked yet, for this reason; it is when the object's turn comes.
    #[serde(rename = "atItsTurn")]
    Deferred(String),
}

impl Task {
    /// Returns how its object is made as desired, if that is what it does.
    pub fn apply(&self) -> Option<&ApplyTask> {
        match &self.action {
            Action::Apply(apply) => Some(apply),
            Action::Delete(_) | Action::Hook(_) => None,
        }
    }

    /// Returns the hook, if it is one.
    pub fn hook(&self) -> Option<&HookTask> {
        match &self.action {
            Action::Hook(hook) => Some(hook),
            Action::Apply(_) | Action::Delete(_) => None,
        }
    }
}

/// What a task does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Action {
    /// The object is made as desired.
    Apply(Box<ApplyTask>),
    /// The object goes.
    Delete(DeleteTask),
    /// A hook runs.
    Hook(Box<HookTask>),
}

/// An object to be made as desired.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplyTask {
    /// What that changes.
    pub changes: ExpectedChange,
    /// What is waited for afterwards.
    pub wait: Wait,
    /// Who judges its health.
    pub judge: PluginRef,
    /// How long it may be Degraded before that is a failure, in seconds, unless its judge says that waiting is useless.
    pub degraded_grace_seconds: u64,
    /// How long it may be Degraded by what only its pods tell.
    #[serde(default = "pods_grace_seconds")]
    pub pods_grace_seconds: u64,
    /// Whether fields that others own are taken over; without it, they are a failure that says whose they are.
    #[serde(default)]
    pub takes_over: bool,
    /// How the object is made as desired.
    #[serde(default)]
    pub way: ApplyStrategy,
    /// Whether fields that another tool's apply left as its own become ours first.
    #[serde(default)]
    pub migrates: bool,
    /// The object as it was when the plan was made; nothing when there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<LiveState>,
    /// What others look after.
    #[serde(default, skip_serializing_if = "Ignored::is_empty")]
    pub ignored: Ignored,
    /// How many fields of that differ.
    #[serde(default, skip_serializing_if = "is_none")]
    pub hides: usize,
    /// Whether nothing seems to change, only the server could tell, and it couldn't be asked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_unsure: bool,
    /// What becomes of what the object owns when it is deleted to be created anew.
    #[serde(default = "foreground")]
    pub recreate_propagation: DecidedPropagation,
}

/// What a plan of version 0.1.0 means, which says nothing.
fn foreground() -> DecidedPropagation {
    PropagationRules::default().decide(Propagation::Foreground)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_none(count: &usize) -> bool {
    *count == 0
}

fn pods_grace_seconds() -> u64 {
    grace::PODS.as_secs()
}

impl ApplyTask {
    /// Returns how long it may be Degraded.
    pub fn grace(&self) -> Grace {
        Grace {
            own: Duration::from_secs(self.degraded_grace_seconds),
            pods: Duration::from_secs(self.pods_grace_seconds),
        }
    }
}

/// How an object is made as desired.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ApplyStrategy {
    /// By server-side apply.
    #[default]
    Apply,
    /// The live object is replaced as a whole: what the manifest doesn't name goes.
    Replace,
    /// By server-side apply; when a field can't be changed, the object is deleted and created anew.
    ApplyOrRecreate,
    /// It is replaced as a whole; when a field can't be changed, the object is deleted and created anew.
    ReplaceOrRecreate,
}

impl ApplyStrategy {
    /// Says whether the object is replaced as a whole.
    pub fn replaces(self) -> bool {
        matches!(self, ApplyStrategy::Replace | ApplyStrategy::ReplaceOrRecreate)
    }

    /// Says whether the object may be deleted and created anew.
    pub fn recreates(self) -> bool {
        matches!(self, ApplyStrategy::ApplyOrRecreate | ApplyStrategy::ReplaceOrRecreate)
    }
}

/// Which object a plan was made on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LiveState {
    /// Its UID.
    pub uid: String,
    /// Its version.
    pub resource_version: String,
    /// Its generation; nothing for kinds that don't count theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
}

impl LiveState {
    /// Takes down which object it is.
    pub fn of(live: &Object) -> LiveState {
        LiveState {
            uid: live.uid().to_owned(),
            resource_version: live.resource_version().to_owned(),
            generation: live.generation(),
        }
    }
}

/// What applying an object changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ExpectedChange {
    /// There is none yet.
    Create,
    /// These fields.
    Fields(Vec<Change>),
    /// Nothing.
    None,
}

/// An object to be deleted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteTask {
    /// Its UID when the plan was made: another object of the same name is left alone.
    pub uid: String,
    /// What becomes of what it owns.
    pub propagation: DecidedPropagation,
    /// Until when it is awaited.
    #[serde(default)]
    pub until: DeletionEnd,
    /// Why: it left the manifests, or the application is deleted.
    pub why: String,
}

/// Until when a deletion is awaited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DeletionEnd {
    /// Until the object is gone.
    #[default]
    Gone,
    /// Until the server has taken it.
    Accepted,
    /// Until the object is gone, whose deletion was ordered before: nothing is asked of the server.
    GoneByItself,
}

/// A hook to be run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and stored under its name"
)]
pub struct HookTask {
    /// Which hook of the application.
    pub hook: HookId,
    /// The plugin that runs it.
    pub by: PluginRef,
    /// Who judges the health of its object, when it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge: Option<PluginRef>,
    /// Whether the manifest is an object of the cluster.
    pub has_object: bool,
    /// Whether the object's kind ends by itself; others are helpers, which are applied and never replaced.
    pub runs_to_completion: bool,
    /// Who is asked about its objects, and the words that brought each of them in.
    pub policies: Vec<PolicyUse>,
    /// How long its object is kept.
    pub ttl: Ttl,
    /// What a vanished object means.
    pub on_vanished: OnVanished,
    /// Settings of the user for the plugin.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub settings: Map<String, Value>,
    /// Other objects it may touch, as the plugin told it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// A digest of what it is made of, if its condition asks for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<String>,
    /// Whether it is as it should be when it fails: a test of Helm's that must.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub must_fail: bool,
    /// What its annotation says becomes of what its objects own when they are deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propagation: Option<Propagation>,
    /// How long its object may be Degraded by what only its pods tell, in seconds.
    #[serde(default = "pods_grace_seconds")]
    pub pods_grace_seconds: u64,
    /// Whether its object is an ordinary object of the set, too: then nothing that is decided about the hook deletes it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_shared: bool,
}

/// The claim of a plugin that runs any kind as a hook.
const ANY_KIND: &str = "*/*";

impl HookTask {
    /// Says whether its object is a helper: it is there for other hooks, as a `ServiceAccount` is, and has no end of its own. What a
    /// plugin runs that claims the hook's word, type or kind has its verdict from that plugin, and isn't one.
    pub fn is_helper(&self) -> bool {
        self.ends_by_health() && !self.runs_to_completion
    }

    /// Says whether its verdict is the health of its object. A plugin that claims the hook's word, type or kind has a verdict of its own.
    pub fn ends_by_health(&self) -> bool {
        self.has_object && self.by.claim == ANY_KIND
    }
}

/// A delete policy of a hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyUse {
    /// Who answers.
    pub by: PluginRef,
    /// What the user wrote for it; nothing for policies that are asked for every hook.
    pub words: Vec<String>,
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskResult {
    /// As it should: what came of it, in a few words.
    Done(String),
    /// It went wrong, but its directives say to go on.
    Tolerated(String),
    /// It failed.
    Failed {
        /// What kind of failure it is.
        class: FailureClass,
        /// Why.
        message: String,
    },
    /// It was not carried to its end, for a reason outside itself.
    Stopped(String),
}

impl TaskResult {
    /// Returns what came of it, in words.
    pub fn message(&self) -> &str {
        match self {
            TaskResult::Done(message)
            | TaskResult::Tolerated(message)
            | TaskResult::Stopped(message)
            | TaskResult::Failed { message, .. } => message,
        }
    }

    pub(crate) fn message_mut(&mut self) -> &mut String {
        match self {
            TaskResult::Done(message)
            | TaskResult::Tolerated(message)
            | TaskResult::Stopped(message)
            | TaskResult::Failed { message, .. } => message,
        }
    }

    /// Says whether what comes after it may start.
    pub fn lets_go_on(&self) -> bool {
        match self {
            TaskResult::Done(_) | TaskResult::Tolerated(_) => true,
            TaskResult::Failed { .. } | TaskResult::Stopped(_) => false,
        }
    }
}
