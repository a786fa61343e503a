//! Tasks: one action on one object in one phase and wave.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use crate::model::failure_class::FailureClass;
use crate::{
    model::{
        hook::{HookId, OnVanished, Propagation, Ttl},
        object::{Object, ObjectKey},
        phase::Phase,
        place::Place,
        plugins::PluginRef,
        remedy::Remedies,
        settings::{OnTimeout, Wait},
        wave::Wave,
    },
    plan::{
        degraded_grace::{self, Grace},
        diff::Change,
        propagation::{DecidedPropagation, PropagationRules},
    },
    read::ignore::IgnoredFields,
};

/// Identifies a task within its operation: `PreSync/0/Job/shop/migrate`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(pub String);

impl TaskId {
    /// Names the task for an object in a phase and wave.
    pub fn new(phase: Phase, wave: Wave, key: &ObjectKey) -> TaskId {
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
    /// The ID, unique within the operation.
    pub id: TaskId,
    /// The phase in which the task runs.
    pub phase: Phase,
    /// The wave within the phase.
    pub wave: Wave,
    /// Its order among the kinds of its wave: lower ranks start first.
    pub rank: u32,
    /// The key of the task's object. For a hook with `generateName`, the prefix followed by `*`.
    pub key: ObjectKey,
    /// The desired object; `None` for a deletion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<Object>,
    /// Where it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What is done with the object.
    pub action: Action,
    /// How long it may take, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u64>,
    /// What happens on a timeout.
    pub on_timeout: OnTimeout,
    /// Whether a dry run is made before anything is changed.
    #[serde(default)]
    pub check: DryRunCheck,
    /// Other tasks of its wave that must succeed before it starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits_for: Vec<TaskId>,
    /// What happens to fields that the server doesn't know.
    #[serde(default)]
    pub unknown_fields: UnknownFields,
}

/// What happens to fields that the server doesn't know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum UnknownFields {
    /// They are a failure.
    #[default]
    Refused,
    /// They are left out.
    LeftOut,
}

/// Whether a dry run of a task's object is made before anything is changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DryRunCheck {
    /// It isn't needed: the object stays as it is, is deleted, or isn't an object of the cluster.
    #[default]
    Nothing,
    /// It is made before the first change.
    First,
    /// It isn't possible yet, for this reason. It is made when the task starts.
    #[serde(rename = "atItsTurn")]
    Deferred(String),
}

impl Task {
    /// Returns how its object is applied, if it is.
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
    /// The object is created or applied.
    Apply(Box<ApplyTask>),
    /// The object is deleted.
    Delete(DeleteTask),
    /// A hook runs.
    Hook(Box<HookTask>),
}

/// An object to be created or applied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplyTask {
    /// What applying it changes.
    pub changes: ExpectedChange,
    /// What the operation waits for afterwards.
    pub wait: Wait,
    /// The plugin that assesses its health.
    #[serde(rename = "judge")]
    pub health_plugin: PluginRef,
    /// How long it may be Degraded before that is a failure, in seconds, unless the problem is final.
    pub degraded_grace_seconds: u64,
    /// How long problems of its pods may last, in seconds.
    #[serde(default = "pods_grace_seconds")]
    pub pods_grace_seconds: u64,
    /// Whether fields of other managers are taken over. Otherwise they are a failure that names the managers.
    #[serde(default)]
    #[serde(rename = "takesOver")]
    pub force_conflicts: bool,
    /// How the object is written.
    #[serde(default)]
    #[serde(rename = "way")]
    pub strategy: ApplyStrategy,
    /// Whether fields that another tool's apply owns become Capstan's first.
    #[serde(default)]
    pub migrates: bool,
    /// The object when the plan was made; `None` if it didn't exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<LiveState>,
    /// The fields whose differences are ignored.
    #[serde(default, skip_serializing_if = "IgnoredFields::is_empty")]
    pub ignored: IgnoredFields,
    /// The number of ignored fields that differ.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[serde(rename = "hides")]
    pub ignored_differences: usize,
    /// Whether nothing seems to change, but only the server could tell and it wasn't asked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[serde(rename = "isUnsure")]
    pub is_uncertain: bool,
    /// The propagation if the object is deleted to be created again.
    #[serde(default = "foreground")]
    pub recreate_propagation: DecidedPropagation,
}

/// The default for plans of version 0.1.0, which don't contain it.
fn foreground() -> DecidedPropagation {
    PropagationRules::default().decide(Propagation::Foreground)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

fn pods_grace_seconds() -> u64 {
    degraded_grace::POD_PROBLEM_GRACE.as_secs()
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

/// How an object is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ApplyStrategy {
    /// Applied by server-side apply.
    #[default]
    Apply,
    /// The live object is replaced as a whole: fields that the manifest doesn't have are removed.
    Replace,
    /// By server-side apply. If a field is immutable, the object is deleted and created again.
    ApplyOrRecreate,
    /// It is replaced as a whole. If a field is immutable, the object is deleted and created again.
    ReplaceOrRecreate,
}

impl ApplyStrategy {
    /// Returns whether the object is replaced as a whole.
    pub fn replaces(self) -> bool {
        matches!(self, ApplyStrategy::Replace | ApplyStrategy::ReplaceOrRecreate)
    }

    /// Returns whether the object may be deleted and created again.
    pub fn recreates(self) -> bool {
        matches!(self, ApplyStrategy::ApplyOrRecreate | ApplyStrategy::ReplaceOrRecreate)
    }
}

/// The version of a live object for which a plan was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LiveState {
    /// The live object's UID.
    pub uid: String,
    /// The live object's resource version.
    pub resource_version: String,
    /// Its generation; `None` for kinds without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
}

impl LiveState {
    /// Reads the version of a live object.
    pub fn from_object(live: &Object) -> LiveState {
        LiveState {
            uid: live.uid().to_owned(),
            resource_version: live.resource_version().to_owned(),
            generation: live.generation(),
        }
    }
}

/// What applying an object is expected to change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum ExpectedChange {
    /// The object doesn't exist and is created.
    Create,
    /// These fields change. Empty if they aren't known.
    Fields(Vec<Change>),
    /// The object is as desired already.
    None,
}

/// An object to be deleted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteTask {
    /// Its UID when the plan was made. Another object of the same name isn't deleted.
    pub uid: String,
    /// What happens to the object's dependents.
    pub propagation: DecidedPropagation,
    /// How long the operation waits.
    #[serde(default)]
    #[serde(rename = "until")]
    pub wait_until: DeletionEnd,
    /// Why it is deleted, for users.
    #[serde(rename = "why")]
    pub reason: String,
}

/// How long an operation waits for a deletion.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DeletionEnd {
    /// Until the object is gone.
    #[default]
    Gone,
    /// Until the server has accepted the deletion.
    Accepted,
    /// Until the object is gone. It is already being deleted, so the server isn't asked.
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
    /// The ID of the hook, the same in each operation.
    pub hook: HookId,
    /// The plugin that runs it.
    #[serde(rename = "by")]
    pub plugin: PluginRef,
    /// The plugin that assesses the health of its object, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "judge")]
    pub health_plugin: Option<PluginRef>,
    /// Whether the manifest is an object of the cluster.
    pub has_object: bool,
    /// Whether the object's kind ends by itself. Others are helpers, which are applied and never replaced.
    pub runs_to_completion: bool,
    /// The delete policies that are asked about its objects.
    pub policies: Vec<PolicyUse>,
    /// How long its object is kept.
    pub ttl: Ttl,
    /// What happens when the hook's object vanishes.
    pub on_vanished: OnVanished,
    /// The user's settings for the plugin.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub settings: Map<String, Value>,
    /// Other objects that it may change, as its plugin reported.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[serde(rename = "also")]
    pub other_objects: Vec<String>,
    /// The digest of its inputs, if its conditions need it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<String>,
    /// Whether it is a Helm test that must fail.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub must_fail: bool,
    /// The propagation of its annotation for its objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propagation: Option<Propagation>,
    /// How long problems of its object's pods may last, in seconds.
    #[serde(default = "pods_grace_seconds")]
    pub pods_grace_seconds: u64,
    /// Whether its object is also an ordinary object of the set. Then the hook's delete policies don't delete it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_shared: bool,
}

/// The claim of a plugin that runs objects of any kind as hooks.
const ANY_KIND_CLAIM: &str = "*/*";

impl HookTask {
    /// Returns whether the hook is a helper: its object is there for other hooks, as a `ServiceAccount` is, and doesn't end. A hook whose
    /// plugin claims its word, type or kind has a verdict of that plugin and isn't a helper.
    pub fn is_helper(&self) -> bool {
        self.has_health_verdict() && !self.runs_to_completion
    }

    /// Returns whether the verdict is the health of the object. A plugin that claims the hook's word, type or kind has a verdict of its
    /// own.
    pub fn has_health_verdict(&self) -> bool {
        self.has_object && self.plugin.claim == ANY_KIND_CLAIM
    }
}

/// A delete policy of a hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyUse {
    /// The plugin that is asked.
    #[serde(rename = "by")]
    pub plugin: PluginRef,
    /// The words of the hook's delete policies; empty for policies that are asked for every hook.
    pub words: Vec<String>,
}

/// The result of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskResult {
    /// It succeeded; with a short text about what was done.
    Done(String),
    /// It failed, but its directives say to continue.
    Tolerated(String),
    /// The task failed.
    Failed {
        /// The class of the failure.
        class: FailureClass,
        /// The reason, for users.
        message: String,
        /// What may help.
        #[serde(default, skip_serializing_if = "Remedies::is_empty")]
        remedies: Remedies,
    },
    /// It was stopped before its end, for this reason.
    Stopped(String),
}

impl TaskResult {
    /// Makes one of a failure for which no option and no command helps.
    pub fn failed(class: FailureClass, message: impl Into<String>) -> TaskResult {
        TaskResult::Failed {
            class,
            message: message.into(),
            remedies: Remedies::default(),
        }
    }

    /// Returns the text of the result.
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

    /// Returns whether later tasks may start.
    pub fn allows_next(&self) -> bool {
        match self {
            TaskResult::Done(_) | TaskResult::Tolerated(_) => true,
            TaskResult::Failed { .. } | TaskResult::Stopped(_) => false,
        }
    }
}
