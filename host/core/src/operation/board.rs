//! What the current wave is still waiting for, kept up to date task by task, so that a step costs the same however large the plan is.
//!
//! Nothing here is stored: it follows from the state, and is made anew whenever more than one task may have changed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Operation, hook_run::HookStage, state::TaskState};
use crate::{
    compat::{Rule, order::CLEARING},
    phase::Phase,
    plan::Plan,
    task::{Task, TaskId},
    wave::Wave,
};

/// What follows from the state of the tasks. Tasks are named by their position in the plan.
#[derive(Debug, Clone, Default)]
pub(super) struct WaveIndex {
    /// Whether it still says what the state says.
    is_valid: bool,
    wave: Option<(Phase, Wave)>,
    /// The tasks of the wave that hold back kinds of a higher rank.
    unanswered: BTreeSet<(u32, usize)>,
    /// Those that haven't begun, by rank.
    pending: BTreeSet<(u32, usize)>,
    /// The tasks of the wave that aren't over.
    pub open: BTreeSet<usize>,
    /// What the tasks of the wave wait for that isn't done, and who waits for each of those.
    held: BTreeMap<usize, BTreeSet<usize>>,
    holds: BTreeMap<usize, Vec<usize>>,
    /// Whether a task of the wave has failed.
    pub has_failed: bool,
    /// When something must be done about a task, of any wave.
    moments: BTreeMap<usize, Timestamp>,
    by_moment: BTreeSet<(Timestamp, usize)>,
}

impl WaveIndex {
    /// Says that more than one task may have changed.
    pub fn wipe(&mut self) {
        self.is_valid = false;
    }

    /// Returns the tasks of a rank in the wave that haven't begun.
    pub fn pending(&self, rank: u32) -> Vec<usize> {
        let pending = self.pending.range((rank, 0)..=(rank, usize::MAX));
        pending.map(|(_, position)| *position).collect()
    }

    /// Returns the lowest rank in the wave that isn't done with.
    pub fn rank(&self) -> Option<u32> {
        self.unanswered.first().map(|(rank, _)| *rank)
    }

    /// Returns the tasks about which something must be done by now.
    pub fn due(&self, now: Timestamp) -> Vec<usize> {
        let due = self.by_moment.iter().take_while(|(at, _)| *at <= now);
        due.map(|(_, position)| *position).collect()
    }

    /// Returns the next moment at which something must be done about a task.
    pub fn next(&self) -> Option<Timestamp> {
        self.by_moment.first().map(|(at, _)| *at)
    }

    fn set_moment(&mut self, position: usize, at: Option<Timestamp>) {
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
    /// Brings the board up to date, if more than one task may have changed.
    pub(super) fn sync_board(&mut self, plan: &Plan) {
        if self.board.is_valid && self.board.wave == self.state.current {
            return;
        }
        self.board = WaveIndex {
            is_valid: true,
            wave: self.state.current,
            ..WaveIndex::default()
        };
        for (position, task) in plan.tasks.iter().enumerate() {
            if self.board.wave == Some((task.phase, task.wave)) && !task.waits_for.is_empty() {
                self.hold(plan, position, task);
            }
        }
        for (position, task) in plan.tasks.iter().enumerate() {
            self.note_task(plan, position, task);
        }
    }

    /// Lists the tasks for which another one has to wait, as it is now.
    pub(super) fn held_by<'plan>(&self, plan: &'plan Plan, task: &'plan Task) -> impl Iterator<Item = &'plan Task> {
        let wanted = task.waits_for.iter().filter_map(|wanted| plan.task(wanted));
        wanted.filter(|wanted| !self.is_done(wanted))
    }

    /// Says whether a task of the wave has to wait for another one.
    pub(super) fn is_held(&self, plan: &Plan, task: &Task) -> bool {
        let position = plan.position(&task.id);
        position.is_some_and(|position| self.board.held.contains_key(&position))
    }

    fn hold(&mut self, plan: &Plan, position: usize, task: &Task) {
        let wanted = self.held_by(plan, task).filter_map(|wanted| plan.position(&wanted.id));
        let wanted: BTreeSet<usize> = wanted.collect();
        for wanted in &wanted {
            self.board.holds.entry(*wanted).or_default().push(position);
        }
        if !wanted.is_empty() {
            self.board.held.insert(position, wanted);
        }
    }

    /// Lets those go on that waited for nothing but this task.
    fn let_go(&mut self, plan: &Plan, position: usize) {
        for waiting in self.board.holds.remove(&position).unwrap_or_default() {
            let Some(wanted) = self.board.held.get_mut(&waiting) else {
                continue;
            };
            wanted.remove(&position);
            if wanted.is_empty() {
                self.board.held.remove(&waiting);
                self.note_task(plan, waiting, &plan.tasks[waiting]);
            }
        }
    }

    /// Takes in that one task may have changed.
    pub(super) fn touch(&mut self, plan: &Plan, id: &TaskId) {
        if let Some(position) = plan.position(id)
            && self.board.is_valid
        {
            self.note_task(plan, position, &plan.tasks[position]);
        }
    }

    /// Returns when it is a task's turn. By Argo CD's rules the ways of all hooks of a wave are cleared before anything is created.
    fn rank_of(&self, task: &Task) -> u32 {
        let clears = self.plan.mode.has(Rule::HooksClearFirst) && task.hook().is_some_and(|hook| hook.has_object);
        if clears && self.is_in_the_way(task) {
            CLEARING
        } else {
            task.rank
        }
    }

    /// Says whether a hook hasn't begun, and something may be in its way.
    fn is_in_the_way(&self, task: &Task) -> bool {
        match self.state.tasks.get(&task.id) {
            Some(TaskState::Pending) => true,
            Some(TaskState::Hook(run)) => matches!(run.stage, HookStage::Clearing(_)),
            Some(TaskState::Applying | TaskState::AwaitingHealth(_) | TaskState::Deleting { .. } | TaskState::Over)
            | None => false,
        }
    }

    fn note_task(&mut self, plan: &Plan, position: usize, task: &Task) {
        let moment = self.moment_of(task);
        self.board.set_moment(position, moment);
        if self.board.wave != Some((task.phase, task.wave)) {
            return;
        }
        let rank = self.rank_of(task);
        for known in [task.rank, CLEARING] {
            self.board.unanswered.remove(&(known, position));
            self.board.pending.remove(&(known, position));
        }
        // What waits for another task holds nobody back.
        let is_held = self.board.held.contains_key(&position);
        if !is_held && !self.is_answered(task) {
            self.board.unanswered.insert((rank, position));
        }
        if !is_held && (self.is_pending(task) || self.is_ready(task)) {
            self.board.pending.insert((rank, position));
        }
        if self.is_over(task) {
            self.board.open.remove(&position);
        } else {
            self.board.open.insert(position);
        }
        self.board.has_failed |= self.has_failed(task);
        if self.is_done(task) {
            self.let_go(plan, position);
        }
    }
}
