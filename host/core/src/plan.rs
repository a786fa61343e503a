//! A plan: what an operation will do, in order, and what was left out and why. Data with a version; `make` makes it.

mod hooks;
mod make;
mod remove;
mod scope;
mod select;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::{
    make::{Classified, Live, Planning, Role, make, wait_text},
    scope::{Scope, Scopes, settle},
    select::{Hooks, Selection},
};
use crate::{
    directive::Mode,
    object::ObjectKey,
    operation_kind::OperationKind,
    phase::Phase,
    place::Place,
    plugins::Application,
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
    /// Whose rules hold.
    pub mode: Mode,
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
    /// How long things may take.
    pub limits: Limits,
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
}

/// How long things may take, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// The whole operation without SyncFail.
    pub operation: u64,
    /// SyncFail.
    pub sync_fail: u64,
    /// A deletion that is waited for.
    pub deletion: u64,
    /// A hook that is being stopped.
    pub abort: u64,
    /// How long nothing may change before the user is told what is waited for.
    pub notice: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            operation: 6 * 60 * 60,
            sync_fail: 10 * 60,
            deletion: 5 * 60,
            abort: 10,
            notice: 60,
        }
    }
}

impl Plan {
    /// Returns one task.
    pub fn task(&self, id: &TaskId) -> Option<&Task> {
        self.tasks.iter().find(|task| task.id == *id)
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
    pub fn wave(&self, phase: Phase, wave: Wave) -> impl Iterator<Item = &Task> {
        self.tasks
            .iter()
            .filter(move |task| task.phase == phase && task.wave == wave)
    }

    /// Says whether it changes nothing and runs nothing.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }
}
