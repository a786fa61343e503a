//! A plan: what an operation does, in order, and what it skips and why. It has a format version. `make` creates it.

mod builtin_kinds;
pub mod compat;
pub mod container;
pub mod degraded_grace;
mod deletions;
mod dependencies;
pub mod diff;
mod duplicates;
mod field_places;
mod hook_inputs;
pub mod hook_record;
mod hooks;
mod kept_containers;
mod make;
pub mod mask;
mod namespace;
mod naming;
mod options;
mod plan_input;
mod post_delete;
pub mod propagation;
mod same_name;
mod scope;
mod selection;
pub mod task;
#[cfg(test)]
mod tests;
pub mod versions;
mod write;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
    time::Duration,
};

use serde::{Deserialize, Serialize};

pub use self::{
    builtin_kinds::built_in_scopes,
    duplicates::leave_out as leave_out_repeated,
    field_places::FieldPlaces,
    make::{in_written_order, make_plan, wait_text},
    options::PlanOptions,
    plan_input::{Classified, Confirmation, DesiredManifests, DryRunBlocker, LiveObjects, PlanInput, Role},
    scope::{Scope, Scopes, defined_scopes, resolve_namespaces},
    selection::{HookSelection, Selection},
};
use crate::{
    model::{
        compat::{Mode, RuleUse},
        duration,
        finding::Finding,
        grant::{Allowance, Requester},
        hook::{HookId, Propagation},
        object::ObjectKey,
        operation_kind::{OperationKind, Purpose},
        phase::Phase,
        place::Place,
        plugins::{Application, PluginRef, PluginSettings},
        remedy::Remedies,
        wave::Wave,
    },
    plan::{
        container::Container,
        task::{Task, TaskId},
    },
    read::sync_options::SyncOptions,
};

/// The version of stored plans.
pub const FORMAT: u32 = 1;

/// What an operation does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The format version, [`FORMAT`].
    pub format: u32,
    /// Whether the operation syncs or deletes the application.
    #[serde(rename = "does")]
    pub operation_kind: OperationKind,
    /// The application that the plan is for.
    pub application: Application,
    /// Whether a sync deploys, rolls back or tests.
    #[serde(default, skip_serializing_if = "Purpose::is_deploy")]
    pub purpose: Purpose,
    /// Whose rules the plan follows.
    pub mode: Mode,
    /// All hooks of the set, whether they run or not.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub hooks: BTreeSet<HookId>,
    /// The tasks in the order in which they start: by phase, wave, kind and name. Those of SyncFail are last and run only after a failure.
    pub tasks: Vec<Task>,
    /// What is skipped, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Skipped>,
    /// Live objects that no manifest names any more and that are kept because pruning wasn't requested.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[serde(rename = "leftOver")]
    pub unpruned: Vec<ObjectKey>,
    /// Notices for the user.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
    /// Lint findings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Where rules of Argo CD changed the plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[serde(rename = "uses")]
    pub rule_uses: Vec<RuleUse>,
    /// The propagation for deletions of hooks' objects; `None` for that of their delete policies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propagation: Option<Propagation>,
    /// The sync options of the application.
    #[serde(default, skip_serializing_if = "SyncOptions::is_empty")]
    #[serde(rename = "options")]
    pub sync_options: SyncOptions,
    /// The permissions of the plugins of its hooks, for each plugin that requests any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowances: Vec<Allowance>,
    /// The user's settings for health plugins when the plan was made.
    #[serde(default, skip_serializing_if = "PluginSettings::is_empty")]
    pub plugin_settings: PluginSettings,
    /// Containers that are deleted with their contents, because the user confirmed it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub confirmed: BTreeSet<Container>,
    /// Deleted applications that left objects with the names of objects of this plan.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub deleted_applications: BTreeSet<Application>,
    /// Deadlines and retries.
    pub limits: Limits,
    /// The position of each task, computed on first use.
    #[serde(skip)]
    pub index: TaskIndex,
    /// The places of the objects' fields. They aren't stored: set when the plan is made or continued.
    #[serde(skip)]
    pub field_places: FieldPlaces,
}

/// The position of each task of a plan. It follows from the tasks, so two indexes are always equal.
#[derive(Debug, Default)]
pub struct TaskIndex(OnceLock<BTreeMap<TaskId, usize>>);

impl TaskIndex {
    /// Returns the position of a task in the list that `tasks` returns.
    pub(crate) fn position<'task, I: Iterator<Item = &'task TaskId>>(
        &self,
        id: &TaskId,
        tasks: impl FnOnce() -> I,
    ) -> Option<usize> {
        let index = self.0.get_or_init(|| {
            let tasks = tasks().enumerate();
            tasks.map(|(position, task)| (task.clone(), position)).collect()
        });
        index.get(id).copied()
    }
}

impl Clone for TaskIndex {
    fn clone(&self) -> TaskIndex {
        TaskIndex::default()
    }
}

impl PartialEq for TaskIndex {
    fn eq(&self, _: &TaskIndex) -> bool {
        true
    }
}

/// A manifest or live object that is skipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The key of the skipped object.
    pub key: ObjectKey,
    /// Why it is skipped.
    pub reason: String,
    /// What may help if the object should not be skipped.
    #[serde(default, skip_serializing_if = "Remedies::is_empty")]
    pub remedies: Remedies,
    /// Where it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The hook, if it is one that doesn't run this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook: Option<HookId>,
}

/// How long things may take. They are stored in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// The deadline of the operation, without SyncFail.
    #[serde(with = "duration::as_seconds")]
    pub operation: Duration,
    /// The deadline of SyncFail.
    #[serde(with = "duration::as_seconds")]
    pub sync_fail: Duration,
    /// How long a deletion is waited for.
    #[serde(with = "duration::as_seconds")]
    pub deletion: Duration,
    /// How long a hook that is being stopped may take: its plugin's calls, and their requests.
    #[serde(with = "duration::as_seconds")]
    pub abort: Duration,
    /// The time without changes after which the user is told what the operation waits for.
    #[serde(with = "duration::as_seconds")]
    pub notice: Duration,
    /// The deadline of each phase before SyncFail; `None` for that of the operation.
    #[serde(
        with = "duration::as_seconds::option",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub phase: Option<Duration>,
    /// The deadline of each wave before SyncFail; `None` for that of its phase.
    #[serde(
        with = "duration::as_seconds::option",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub wave: Option<Duration>,
    /// Further attempts after a failure.
    #[serde(default)]
    pub retry: Retry,
}

/// Further attempts after a failure, and the pauses before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retry {
    /// The maximum number of further attempts; 0 for none.
    #[serde(rename = "times")]
    pub max_retries: u32,
    /// How long the first pause is; each further one is twice as long.
    #[serde(with = "duration::as_seconds")]
    #[serde(rename = "first")]
    pub first_pause: Duration,
    /// The longest pause.
    #[serde(with = "duration::as_seconds")]
    #[serde(rename = "most")]
    pub max_pause: Duration,
}

impl Default for Retry {
    fn default() -> Retry {
        Retry {
            max_retries: 0,
            first_pause: Duration::from_secs(5),
            max_pause: Duration::from_mins(3),
        }
    }
}

impl Retry {
    /// Returns how long the pause after a try is; nothing when it was the last. The first try is number 1.
    pub fn pause_seconds(&self, attempt: u32) -> Option<Duration> {
        let factor = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        (attempt <= self.max_retries).then(|| self.first_pause.saturating_mul(factor).min(self.max_pause))
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            operation: Duration::from_hours(6),
            sync_fail: Duration::from_mins(10),
            deletion: Duration::from_mins(5),
            abort: Duration::from_secs(10),
            notice: Duration::from_mins(1),
            phase: None,
            wave: None,
            retry: Retry::default(),
        }
    }
}

impl Plan {
    /// Returns a task by its ID.
    pub fn task(&self, id: &TaskId) -> Option<&Task> {
        self.tasks.get(self.position(id)?)
    }

    /// Returns the permissions of a plugin; `None` if it requests none.
    pub fn allowance(&self, by: &PluginRef) -> Option<&Allowance> {
        self.allowances.iter().find(|allowance| allowance.digest == by.digest)
    }

    /// Returns the requester of a hook's task, for the gate.
    pub fn requester(&self, task: &Task) -> Requester<'_> {
        Requester {
            application: &self.application,
            has_object: task.hook().is_some_and(|hook| hook.has_object),
            allowance: task.hook().and_then(|hook| self.allowance(&hook.plugin)),
        }
    }

    /// Returns the position of a task in the plan.
    pub fn position(&self, id: &TaskId) -> Option<usize> {
        self.index.position(id, || self.tasks.iter().map(|task| &task.id))
    }

    /// Returns the phases with their waves in the order in which they run; SyncFail is last.
    pub fn waves(&self) -> Vec<(Phase, Vec<Wave>)> {
        let mut phases: BTreeMap<Phase, Vec<Wave>> = BTreeMap::new();
        for task in &self.tasks {
            let waves = phases.entry(task.phase).or_default();
            if !waves.contains(&task.wave) {
                waves.push(task.wave);
            }
        }
        phases.into_iter().collect()
    }

    /// Returns the tasks of a wave in the order in which they start.
    pub fn wave(&self, phase: Phase, wave: Wave) -> &[Task] {
        let at = (phase, wave);
        let begin = self.tasks.partition_point(|task| (task.phase, task.wave) < at);
        let end = self.tasks.partition_point(|task| (task.phase, task.wave) <= at);
        &self.tasks[begin..end]
    }

    /// Returns the first wave after another one; for `None` the first wave of the plan.
    pub fn wave_after(&self, at: Option<(Phase, Wave)>) -> Option<(Phase, Wave)> {
        let begin = self.tasks.partition_point(|task| Some((task.phase, task.wave)) <= at);
        self.tasks.get(begin).map(|task| (task.phase, task.wave))
    }

    /// Returns whether the plan has no tasks.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }
}
