//! A plan: what an operation will do, in order, and what was left out and why. Data with a version; `make` makes it.

mod contained;
mod depend;
mod hooks;
mod inputs;
mod kinds;
mod make;
mod namespace;
mod naming;
mod options;
mod post_delete;
mod remove;
mod repeated;
mod same_name;
mod scope;
mod select;
#[cfg(test)]
mod tests;
pub mod versions;
mod write;
mod written;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
    time::Duration,
};

use serde::{Deserialize, Serialize};

pub use self::{
    kinds::built_in,
    make::{Classified, Confirmed, LiveObjects, PlanInput, Role, Unasked, in_order, make, wait_text},
    options::PlanOptions,
    repeated::leave_out as leave_out_repeated,
    scope::{Scope, Scopes, brought, settle},
    select::{Hooks, Selection},
    written::FieldPlaces,
};
use crate::{
    compat::{Mode, RuleUse},
    container::Container,
    duration,
    grant::{Allowance, Requester},
    hook::{HookId, Propagation},
    lint::Finding,
    object::ObjectKey,
    operation_kind::{OperationKind, Purpose},
    phase::Phase,
    place::Place,
    plugins::{Application, PluginRef, PluginSettings},
    sync_options::SyncOptions,
    task::{Task, TaskId},
    wave::Wave,
};

/// The version of stored plans.
pub const FORMAT: u32 = 1;

/// What an operation will do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The version of its form.
    pub format: u32,
    /// Sync or delete.
    pub does: OperationKind,
    /// For which application.
    pub application: Application,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Purpose::is_deploy")]
    pub purpose: Purpose,
    /// Whose rules hold.
    pub mode: Mode,
    /// The hooks of the set, whether they run or not.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub hooks: BTreeSet<HookId>,
    /// The tasks by phase, wave, kind and name: the order in which they start. SyncFail's are last and run after a failure only.
    pub tasks: Vec<Task>,
    /// What is left alone, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Skipped>,
    /// What no manifest names any more and stays, since nobody asked for pruning.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_over: Vec<ObjectKey>,
    /// What the user should know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
    /// What would go wrong all the same, or may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Where Argo CD's rules made it other than it would have been by ours.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uses: Vec<RuleUse>,
    /// What becomes of what the objects of hooks own when they are deleted; nothing for what their delete policies say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub propagation: Option<Propagation>,
    /// The sync options of the application.
    #[serde(default, skip_serializing_if = "SyncOptions::is_empty")]
    pub options: SyncOptions,
    /// What the plugins of its hooks may have done beside their own objects; none for those that request nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowances: Vec<Allowance>,
    /// The user's settings for the plugins that judge health, as they were when it was planned.
    #[serde(default, skip_serializing_if = "PluginSettings::is_empty")]
    pub plugin_settings: PluginSettings,
    /// The containers that go with everything that is in them, since the user confirmed that.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub confirmed: BTreeSet<Container>,
    /// The applications that are deleted and have left objects of its names.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub deleted_applications: BTreeSet<Application>,
    /// How long things may take.
    pub limits: Limits,
    /// Where each task is; made when it is first asked for.
    #[serde(skip)]
    pub index: TaskIndex,
    /// Where the fields of its objects are written; who makes the plan or carries on with it fills it in.
    #[serde(skip)]
    pub written: FieldPlaces,
}

/// Where each task of a plan is. It follows from the tasks: two of them are never different.
#[derive(Debug, Default)]
pub struct TaskIndex(OnceLock<BTreeMap<TaskId, usize>>);

impl TaskIndex {
    /// Returns the place of a task among those that `tasks` lists.
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

/// A manifest that is left alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Which.
    pub key: ObjectKey,
    /// Why.
    pub reason: String,
    /// Where it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Which hook, of those that don't run this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hook: Option<HookId>,
}

/// How long things may take. They are stored in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// The whole operation without SyncFail.
    #[serde(with = "duration::as_seconds")]
    pub operation: Duration,
    /// SyncFail.
    #[serde(with = "duration::as_seconds")]
    pub sync_fail: Duration,
    /// A deletion that is waited for.
    #[serde(with = "duration::as_seconds")]
    pub deletion: Duration,
    /// A hook that is being stopped: its plugin's answers to that, and what they ask for.
    #[serde(with = "duration::as_seconds")]
    pub abort: Duration,
    /// How long nothing may change before the user is told what is waited for.
    #[serde(with = "duration::as_seconds")]
    pub notice: Duration,
    /// Each phase before SyncFail; as long as the operation when absent.
    #[serde(
        with = "duration::as_seconds::option",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub phase: Option<Duration>,
    /// Each wave of those.
    #[serde(
        with = "duration::as_seconds::option",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub wave: Option<Duration>,
    /// How often what failed is tried again.
    #[serde(default)]
    pub retry: Retry,
}

/// How often what failed is tried again, and after how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retry {
    /// How often; 0 for never.
    pub times: u32,
    /// How long the first pause is; each further one is twice as long.
    #[serde(with = "duration::as_seconds")]
    pub first: Duration,
    /// How long a pause is at most.
    #[serde(with = "duration::as_seconds")]
    pub most: Duration,
}

impl Default for Retry {
    fn default() -> Retry {
        Retry {
            times: 0,
            first: Duration::from_secs(5),
            most: Duration::from_mins(3),
        }
    }
}

impl Retry {
    /// Returns how long the pause after a try is; nothing when it was the last. The first try is number 1.
    pub fn pause(&self, attempt: u32) -> Option<Duration> {
        let factor = 1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
        (attempt <= self.times).then(|| self.first.saturating_mul(factor).min(self.most))
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
    /// Returns one task.
    pub fn task(&self, id: &TaskId) -> Option<&Task> {
        self.tasks.get(self.position(id)?)
    }

    /// Returns what a plugin may have done; nothing when it requests nothing.
    pub fn allowance(&self, by: &PluginRef) -> Option<&Allowance> {
        self.allowances.iter().find(|allowance| allowance.digest == by.digest)
    }

    /// Says who a hook's plugin is to the gate.
    pub fn asker(&self, task: &Task) -> Requester<'_> {
        Requester {
            application: &self.application,
            has_object: task.hook().is_some_and(|hook| hook.has_object),
            allowance: task.hook().and_then(|hook| self.allowance(&hook.by)),
        }
    }

    /// Returns the place of a task among the others.
    pub fn position(&self, id: &TaskId) -> Option<usize> {
        self.index.position(id, || self.tasks.iter().map(|task| &task.id))
    }

    /// Returns the phases and their waves in the order in which they run; SyncFail, if any, is last.
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

    /// Returns the tasks of one wave in the order in which they start.
    pub fn wave(&self, phase: Phase, wave: Wave) -> &[Task] {
        let at = (phase, wave);
        let begin = self.tasks.partition_point(|task| (task.phase, task.wave) < at);
        let end = self.tasks.partition_point(|task| (task.phase, task.wave) <= at);
        &self.tasks[begin..end]
    }

    /// Returns the first wave after another one, or the first of all.
    pub fn wave_after(&self, at: Option<(Phase, Wave)>) -> Option<(Phase, Wave)> {
        let begin = self.tasks.partition_point(|task| Some((task.phase, task.wave)) <= at);
        self.tasks.get(begin).map(|task| (task.phase, task.wave))
    }

    /// Says whether it changes nothing and runs nothing.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }
}
