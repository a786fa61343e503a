//! Advances the operation: whether a wave has ended, which one is next, and what follows a failure.

use std::time::Duration;

use super::{
    Operation, StepOutput, has_sync_fail,
    hook_run::{HookRun, HookStage},
    state::{Stage, TaskState},
};
use crate::{
    kubernetes::kind_order,
    model::{compat::Rule, hook::HookOutcome, phase::Phase, wave::Wave},
    plan::{
        Plan,
        task::{Action, Task, TaskId, TaskResult},
    },
    run::event::{EventKind, OperationStatus},
};

impl Operation {
    /// Starts everything that may start now, until nothing more may.
    pub(super) fn advance(&mut self, plan: &Plan, out: &mut StepOutput) {
        loop {
            let went_on = match self.state.stage {
                Stage::New | Stage::Over => false,
                Stage::Checking => self.advance_checking(plan, out),
                Stage::Backoff => self.advance_backoff(plan, out),
                Stage::Main | Stage::Failing => self.advance_wave(plan, out),
                Stage::Stopping => self.advance_stopping(plan, out),
                Stage::Closing => self.advance_closing(plan, out),
            };
            if !went_on {
                return;
            }
        }
    }

    fn advance_wave(&mut self, plan: &Plan, out: &mut StepOutput) -> bool {
        let Some((phase, wave)) = self.state.current else {
            return self.enter_next_wave(plan, out);
        };
        self.update_wave_index(plan);
        let has_failed = self.wave_index.has_failed;
        if plan.mode.has(Rule::FailedWaveIsAwaited) {
            return self.advance_as_argo_cd(plan, phase, wave, out);
        }
        if has_failed {
            self.stop_awaiting_health(plan, phase, wave, out);
        } else {
            self.start_batch(plan, out);
        }
        let open = &self.wave_index.open;
        let is_over = open.is_empty()
            || (has_failed && open.iter().all(|position| self.is_pending(&plan.tasks[*position])))
            || (self.wave_index.has_failed && !has_failed);
        if !is_over {
            return false;
        }
        if self.wave_index.has_failed && !has_failed {
            // A task that was just started has failed at once.
            return true;
        }
        self.finish_wave(plan, phase, wave, !has_failed, out)
    }

    /// Ends a wave, and enters the next wave or SyncFail.
    pub(super) fn finish_wave(
        &mut self,
        plan: &Plan,
        phase: Phase,
        wave: Wave,
        well: bool,
        out: &mut StepOutput,
    ) -> bool {
        let (ends_phase, outcome) = if well {
            let is_last = self.next_wave(plan).map(|(phase, _)| phase) != Some(phase);
            (is_last, HookOutcome::Succeeded)
        } else {
            // The next attempt starts with this wave, and needs the helpers of the phase.
            (!self.will_retry(plan, out), HookOutcome::Failed)
        };
        if ends_phase && self.end_phase(plan, phase, outcome, out) {
            return false;
        }
        out.must_save = true;
        out.emit(EventKind::WaveFinished { phase, wave });
        if well {
            return self.enter_next_wave(plan, out);
        }
        out.emit(EventKind::PhaseFinished {
            phase,
            succeeded: false,
        });
        self.enter_failing(plan, out);
        true
    }

    /// Starts the tasks of the lowest kind that isn't done, as soon as all lower kinds were accepted. A task that waits for other tasks
    /// doesn't block tasks beside it.
    pub(super) fn start_batch(&mut self, plan: &Plan, out: &mut StepOutput) {
        while let Some(rank) = self.wave_index.rank() {
            let batch = self.wave_index.pending(rank);
            if batch.is_empty() {
                return;
            }
            for position in batch {
                let task = &plan.tasks[position];
                if self.is_ready(task) {
                    self.release_hook(task, out);
                } else {
                    self.start(plan, task, out);
                }
                self.update_task_index(plan, &task.id);
            }
        }
    }

    fn start(&mut self, plan: &Plan, task: &Task, out: &mut StepOutput) {
        out.must_save = true;
        self.state.started.insert(task.id.clone(), out.at);
        out.emit(EventKind::TaskStarted { task: task.id.clone() });
        match &task.action {
            Action::Apply(apply) => self.start_apply(task, apply, out),
            Action::Delete(delete) => self.start_delete(plan, task, delete, out),
            Action::Hook(_) => self.start_hook(task, out),
        }
    }

    fn next_wave(&self, plan: &Plan) -> Option<(Phase, Wave)> {
        let in_sync_fail = self.state.stage == Stage::Failing;
        let mut next = plan.wave_after(self.state.current);
        while let Some((phase, _)) = next
            && (phase == Phase::SyncFail) != in_sync_fail
        {
            next = plan.wave_after(next);
        }
        next
    }

    /// Enters the next wave, or closes the operation after the last one.
    fn enter_next_wave(&mut self, plan: &Plan, out: &mut StepOutput) -> bool {
        let next = self.next_wave(plan);
        let before = self.state.current.map(|(phase, _)| phase);
        self.state.current = next;
        if let Some(phase) = before
            && next.map(|(phase, _)| phase) != before
        {
            out.emit(EventKind::PhaseFinished { phase, succeeded: true });
        }
        let Some((phase, wave)) = next else {
            self.enter_closing(plan, out);
            return true;
        };
        self.begin_wave(plan, phase, wave, before != Some(phase), out);
        true
    }

    /// Emits the start of a wave, and of its phase.
    pub(super) fn begin_wave(
        &mut self,
        plan: &Plan,
        phase: Phase,
        wave: Wave,
        is_new_phase: bool,
        out: &mut StepOutput,
    ) {
        let in_sync_fail = self.state.stage == Stage::Failing;
        if is_new_phase {
            let cause = if in_sync_fail { self.state.cause.clone() } else { None };
            out.emit(EventKind::PhaseStarted { phase, cause });
        }
        out.emit(EventKind::WaveStarted { phase, wave });
        for task in plan.wave(phase, wave).iter().filter(|task| self.is_pending(task)) {
            let on: Vec<TaskId> = self.blocked_by(plan, task).map(|held_by| held_by.id.clone()).collect();
            if !on.is_empty() {
                let task = task.id.clone();
                out.emit(EventKind::TaskBlocked { task, waits_for: on });
            }
        }
        out.must_save = true;
        if in_sync_fail {
            (self.state.phase_deadline, self.state.wave_deadline) = (None, None);
            return;
        }
        let after = |limit: Option<Duration>| limit.and_then(|limit| out.after(limit));
        if is_new_phase {
            self.state.phase_deadline = after(plan.limits.phase);
        }
        self.state.wave_deadline = after(plan.limits.wave);
    }

    /// Enters the next attempt; after the last one SyncFail, once; else closes the operation.
    pub(super) fn enter_failing(&mut self, plan: &Plan, out: &mut StepOutput) {
        let failed = self.state.current.take();
        (self.state.phase_deadline, self.state.wave_deadline) = (None, None);
        self.wave_index.invalidate();
        out.must_save = true;
        if self.will_retry(plan, out) && self.enter_backoff(plan, failed, out) {
            return;
        }
        let is_changed = matches!(self.state.stage, Stage::Main);
        let may_follow = is_changed || !plan.mode.has(Rule::SyncFailAfterChangesOnly);
        if self.state.stage != Stage::Failing && may_follow && !self.was_in_sync_fail(plan) && has_sync_fail(plan) {
            self.state.stage = Stage::Failing;
            self.state.deadline = out.after(plan.limits.sync_fail);
        } else {
            self.enter_closing(plan, out);
        }
    }

    /// Returns whether the next attempt starts before anything else is done about the failure.
    fn will_retry(&self, plan: &Plan, out: &StepOutput) -> bool {
        !plan.mode.has(Rule::SyncFailInEveryTry) && self.may_retry(plan) && self.next_attempt_at(plan, out).is_some()
    }

    fn was_in_sync_fail(&self, plan: &Plan) -> bool {
        plan.tasks
            .iter()
            .any(|task| task.phase == Phase::SyncFail && !self.is_pending(task))
    }

    fn advance_stopping(&mut self, plan: &Plan, out: &mut StepOutput) -> bool {
        if !plan
            .tasks
            .iter()
            .all(|task| self.is_pending(task) || self.is_over(task))
        {
            return false;
        }
        if self.end_phases(plan, HookOutcome::Failed, out) {
            return false;
        }
        if let Some((phase, wave)) = self.state.current {
            out.emit(EventKind::WaveFinished { phase, wave });
            out.emit(EventKind::PhaseFinished {
                phase,
                succeeded: false,
            });
        }
        match self.state.status {
            OperationStatus::Terminating { .. } => {
                self.state.current = None;
                self.enter_closing(plan, out);
            }
            OperationStatus::Running
            | OperationStatus::Succeeded
            | OperationStatus::Failed(_)
            | OperationStatus::Terminated { .. } => {
                self.enter_failing(plan, out);
            }
        }
        true
    }

    fn enter_closing(&mut self, plan: &Plan, out: &mut StepOutput) {
        self.state.stage = Stage::Closing;
        self.state.deadline = None;
        self.wave_index.invalidate();
        out.must_save = true;
        self.ask_policies_at_end(plan, out);
    }

    fn advance_closing(&mut self, plan: &Plan, out: &mut StepOutput) -> bool {
        if !plan
            .tasks
            .iter()
            .all(|task| self.is_pending(task) || self.is_over(task))
        {
            return false;
        }
        if self.awaits_deletions() {
            return false;
        }
        if plan.mode.has(Rule::SyncFailInEveryTry)
            && self.may_retry_after_all(plan)
            && self.enter_backoff(plan, None, out)
        {
            return true;
        }
        self.state.stage = Stage::Over;
        self.state.status = match (&self.state.status, self.state.cause.clone()) {
            (OperationStatus::Terminating { by }, _) => OperationStatus::Terminated { by: by.clone() },
            (
                OperationStatus::Running
                | OperationStatus::Succeeded
                | OperationStatus::Failed(_)
                | OperationStatus::Terminated { .. },
                Some(cause),
            ) => OperationStatus::Failed(cause),
            (
                OperationStatus::Running
                | OperationStatus::Succeeded
                | OperationStatus::Failed(_)
                | OperationStatus::Terminated { .. },
                None,
            ) => OperationStatus::Succeeded,
        };
        out.must_save = true;
        out.emit(EventKind::OperationFinished {
            status: self.state.status.clone(),
        });
        false
    }

    /// Stops waiting for the health of resources, because their wave has failed.
    pub(super) fn stop_awaiting_health(&mut self, plan: &Plan, phase: Phase, wave: Wave, out: &mut StepOutput) {
        self.stop_waiting_applies(plan.wave(phase, wave), out);
        self.update_wave_index(plan);
        for task in plan.wave(phase, wave) {
            if let Some(TaskState::AwaitingHealth(settling)) = self.state.tasks.get(&task.id) {
                let mut text = "applied; not awaited any longer, since its wave failed".to_owned();
                if let Some(health) = settling.health {
                    text = format!("{text} (it was {health})");
                }
                self.finish_resource(task, TaskResult::Stopped(text), out);
                self.update_task_index(plan, &task.id);
            }
        }
    }

    pub(super) fn has_failed(&self, task: &Task) -> bool {
        self.state
            .results
            .get(&task.id)
            .is_some_and(|result| !result.allows_next())
    }

    /// Returns whether tasks that wait for this one may start.
    pub(super) fn is_done(&self, task: &Task) -> bool {
        self.is_over(task) && !self.has_failed(task)
    }

    pub(super) fn is_pending(&self, task: &Task) -> bool {
        self.state.tasks.get(&task.id) == Some(&TaskState::Pending)
    }

    /// Returns whether nothing blocks a hook that isn't at its turn yet.
    pub(super) fn is_ready(&self, task: &Task) -> bool {
        self.hook_run(&task.id).is_some_and(|run| run.stage == HookStage::Ready)
    }

    pub(super) fn is_over(&self, task: &Task) -> bool {
        match self.state.tasks.get(&task.id) {
            Some(
                TaskState::Pending | TaskState::Applying | TaskState::AwaitingHealth(_) | TaskState::Deleting { .. },
            ) => false,
            Some(TaskState::Hook(run)) => run.is_over(),
            Some(TaskState::Over) | None => true,
        }
    }

    pub(super) fn is_answered(&self, task: &Task) -> bool {
        match self.state.tasks.get(&task.id) {
            Some(TaskState::Pending | TaskState::Applying) => false,
            // Later kinds may be of the kind that it defines. What an APIService serves waits for it by `waits_for`.
            Some(TaskState::AwaitingHealth(_)) => !kind_order::is_definition(&task.key.group_kind()),
            Some(TaskState::Over) | None => true,
            // Earlier kinds may be needed to clean it up, such as its operator or its definition.
            Some(TaskState::Deleting { accepted, .. }) => *accepted && self.plan.mode.has(Rule::DeletionInParallel),
            Some(TaskState::Hook(run)) => run.is_answered(),
        }
    }

    /// Returns whether a hook has its verdict and its cleanup isn't done.
    pub(super) fn is_cleaning_up(&self, task: &Task) -> bool {
        self.hook_run(&task.id).is_some_and(HookRun::is_cleaning_up)
    }
}
