//! An index of what the current wave waits for, updated task by task, so that the cost of a step doesn't depend on the size of the plan.
//!
//! It isn't stored: it is computed from the state, and computed again whenever more than one task may have changed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Operation, hook_run::HookStage, state::TaskState};
use crate::{
    model::{compat::Rule, phase::Phase, wave::Wave},
    plan::{
        Plan,
        compat::order::DELETE_PREVIOUS_RANK,
        task::{Task, TaskId},
    },
};

/// The index. Tasks are named by their position in the plan.
#[derive(Debug, Clone, Default)]
pub(super) struct WaveIndex {
    /// Whether it corresponds to the state.
    is_valid: bool,
    wave: Option<(Phase, Wave)>,
    /// The tasks of the wave that block kinds of a higher rank.
    unanswered: BTreeSet<(u32, usize)>,
    /// The tasks of the wave that haven't started, by rank.
    pending: BTreeSet<(u32, usize)>,
    /// The tasks of the wave that haven't ended.
    pub open: BTreeSet<usize>,
    /// For each blocked task the tasks that it waits for, and for each of those the tasks that it blocks.
    blocked: BTreeMap<usize, BTreeSet<usize>>,
    blocks: BTreeMap<usize, Vec<usize>>,
    /// Whether a task of the wave has failed.
    pub has_failed: bool,
    /// When something must be done about a task, in any wave.
    moments: BTreeMap<usize, Timestamp>,
    by_moment: BTreeSet<(Timestamp, usize)>,
}

impl WaveIndex {
    /// Invalidates the index, because more than one task may have changed.
    pub fn invalidate(&mut self) {
        self.is_valid = false;
    }

    /// Returns the tasks of a rank that haven't started.
    pub fn pending(&self, rank: u32) -> Vec<usize> {
        let pending = self.pending.range((rank, 0)..=(rank, usize::MAX));
        pending.map(|(_, position)| *position).collect()
    }

    /// Returns the lowest rank that isn't done.
    pub fn rank(&self) -> Option<u32> {
        self.unanswered.first().map(|(rank, _)| *rank)
    }

    /// Returns the tasks that are due.
    pub fn due(&self, now: Timestamp) -> Vec<usize> {
        let due = self.by_moment.iter().take_while(|(at, _)| *at <= now);
        due.map(|(_, position)| *position).collect()
    }

    /// Returns the next time at which a task is due.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.by_moment.first().map(|(at, _)| *at)
    }

    fn set_due(&mut self, position: usize, at: Option<Timestamp>) {
        if let Some(before) = self.moments.remove(&position) {
            self.by_moment.remove(&(before, position));
        }
        if let Some(at) = at {
            self.moments.insert(position, at);
            self.by_moment.insert((at, position));
        }
    }
}

impl Operation {
    /// Computes the index again if it isn't valid.
    pub(super) fn update_wave_index(&mut self, plan: &Plan) {
        if self.wave_index.is_valid && self.wave_index.wave == self.state.current {
            return;
        }
        self.wave_index = WaveIndex {
            is_valid: true,
            wave: self.state.current,
            ..WaveIndex::default()
        };
        for (position, task) in plan.tasks.iter().enumerate() {
            if self.wave_index.wave == Some((task.phase, task.wave)) && !task.waits_for.is_empty() {
                self.block(plan, position, task);
            }
        }
        for (position, task) in plan.tasks.iter().enumerate() {
            self.index_task(plan, position, task);
        }
    }

    /// Lists the tasks that another task still waits for.
    pub(super) fn blocked_by<'plan>(&self, plan: &'plan Plan, task: &'plan Task) -> impl Iterator<Item = &'plan Task> {
        let dependency = task.waits_for.iter().filter_map(|dependency| plan.task(dependency));
        dependency.filter(|dependency| !self.is_done(dependency))
    }

    /// Returns whether a task of the wave waits for another one.
    pub(super) fn is_blocked(&self, plan: &Plan, task: &Task) -> bool {
        let position = plan.position(&task.id);
        position.is_some_and(|position| self.wave_index.blocked.contains_key(&position))
    }

    fn block(&mut self, plan: &Plan, position: usize, task: &Task) {
        let dependency = self
            .blocked_by(plan, task)
            .filter_map(|dependency| plan.position(&dependency.id));
        let dependency: BTreeSet<usize> = dependency.collect();
        for dependency in &dependency {
            self.wave_index.blocks.entry(*dependency).or_default().push(position);
        }
        if !dependency.is_empty() {
            self.wave_index.blocked.insert(position, dependency);
        }
    }

    /// Unblocks the tasks that waited only for this one.
    fn unblock(&mut self, plan: &Plan, position: usize) {
        for waiting in self.wave_index.blocks.remove(&position).unwrap_or_default() {
            let Some(dependency) = self.wave_index.blocked.get_mut(&waiting) else {
                continue;
            };
            dependency.remove(&position);
            if dependency.is_empty() {
                self.wave_index.blocked.remove(&waiting);
                self.index_task(plan, waiting, &plan.tasks[waiting]);
            }
        }
    }

    /// Updates the index for one task.
    pub(super) fn update_task_index(&mut self, plan: &Plan, id: &TaskId) {
        if let Some(position) = plan.position(id)
            && self.wave_index.is_valid
        {
            self.index_task(plan, position, &plan.tasks[position]);
        }
    }

    /// Returns a task's current rank. In compat mode, the previous objects of all hooks of a wave are deleted before anything is created.
    fn rank_of(&self, task: &Task) -> u32 {
        let clears = self.plan.mode.has(Rule::HooksClearFirst) && task.hook().is_some_and(|hook| hook.has_object);
        if clears && self.may_find_previous(task) {
            DELETE_PREVIOUS_RANK
        } else {
            task.rank
        }
    }

    /// Returns whether a hook hasn't started and a previous object may exist.
    fn may_find_previous(&self, task: &Task) -> bool {
        match self.state.tasks.get(&task.id) {
            Some(TaskState::Pending) => true,
            Some(TaskState::Hook(run)) => matches!(run.stage, HookStage::Clearing(_)),
            Some(TaskState::Applying | TaskState::AwaitingHealth(_) | TaskState::Deleting { .. } | TaskState::Over)
            | None => false,
        }
    }

    fn index_task(&mut self, plan: &Plan, position: usize, task: &Task) {
        let moment = self.due_time(task);
        self.wave_index.set_due(position, moment);
        if self.wave_index.wave != Some((task.phase, task.wave)) {
            return;
        }
        let rank = self.rank_of(task);
        for known in [task.rank, DELETE_PREVIOUS_RANK] {
            self.wave_index.unanswered.remove(&(known, position));
            self.wave_index.pending.remove(&(known, position));
        }
        // A task that waits for others doesn't block tasks beside it.
        let is_held = self.wave_index.blocked.contains_key(&position);
        if !is_held && !self.is_answered(task) {
            self.wave_index.unanswered.insert((rank, position));
        }
        if !is_held && (self.is_pending(task) || self.is_ready(task)) {
            self.wave_index.pending.insert((rank, position));
        }
        if self.is_over(task) {
            self.wave_index.open.remove(&position);
        } else {
            self.wave_index.open.insert(position);
        }
        self.wave_index.has_failed |= self.has_failed(task);
        if self.is_done(task) {
            self.unblock(plan, position);
        }
    }
}
