//! Dry runs before the first change, and further attempts after a failure.

use super::{
    Operation, StepOutput,
    state::{Stage, TaskState},
    terminating::because,
    webhook_retry::is_service_of_plan,
};
use crate::{
    kubernetes::webhook,
    model::{compat::Rule, duration, phase::Phase, plugins::AbortReason, wave::Wave},
    plan::{
        Plan,
        task::{Action, DryRunCheck, FailureClass, Task, TaskId, TaskResult},
    },
    run::{
        effect::Work,
        event::{EventKind, OperationStatus},
        input::EffectFailure,
    },
};

impl Operation {
    /// Orders the dry runs; starts at once if there are none.
    pub(super) fn begin_checks(&mut self, plan: &Plan, out: &mut StepOutput) {
        let first = plan.tasks.iter().filter(|task| task.check == DryRunCheck::First);
        self.state.unchecked = first.map(|task| task.id.clone()).collect();
        if self.state.unchecked.is_empty() {
            self.state.stage = Stage::Main;
            return;
        }
        self.state.stage = Stage::Checking;
        out.emit(EventKind::CheckStarted {
            objects: self.state.unchecked.len(),
        });
        self.order_checks(out);
    }

    pub(super) fn order_checks(&self, out: &mut StepOutput) {
        for task in &self.state.unchecked {
            out.work(task, Work::Check);
        }
    }

    pub(super) fn checked(
        &mut self,
        plan: &Plan,
        id: &TaskId,
        result: Result<(), EffectFailure>,
        out: &mut StepOutput,
    ) {
        if self.state.stage != Stage::Checking || !self.state.unchecked.remove(id) {
            return;
        }
        let (Some(task), Err(failure)) = (plan.task(id), result) else {
            return;
        };
        // A webhook's Service in this plan may only get its pods by this very sync.
        let behind = webhook::find_unanswered(&failure.message).and_then(|unanswered| unanswered.service);
        if behind.is_some_and(|(namespace, name)| is_service_of_plan(plan, &namespace, &name)) {
            return;
        }
        self.state.tasks.insert(id.clone(), TaskState::Over);
        self.wave_index.invalidate();
        self.finish_task(task, failure.into(), out);
    }

    pub(super) fn advance_checking(&mut self, plan: &Plan, out: &mut StepOutput) -> bool {
        if !self.state.unchecked.is_empty() {
            return false;
        }
        let well = self.state.cause.is_none();
        out.must_save = true;
        out.emit(EventKind::CheckFinished { succeeded: well });
        if well {
            self.state.stage = Stage::Main;
        } else {
            self.enter_failing(plan, out);
        }
        true
    }

    /// Returns whether a failure may be followed by another attempt: not after a deadline, a termination, or in SyncFail.
    pub(super) fn may_retry(&self, plan: &Plan) -> bool {
        let by_deadline = self.state.deadline.is_none();
        matches!(self.state.stage, Stage::Main | Stage::Checking)
            && self.state.status == OperationStatus::Running
            && !by_deadline
            && plan.limits.retry.pause_seconds(self.state.attempt).is_some()
    }

    /// Returns whether another attempt may follow SyncFail, as in Argo CD: not after a deadline.
    pub(super) fn may_retry_after_all(&self, plan: &Plan) -> bool {
        self.state.status == OperationStatus::Running
            && self.state.cause.is_some()
            && self.state.total_deadline.is_some()
            && plan.limits.retry.pause_seconds(self.state.attempt).is_some()
    }

    /// Returns when the next attempt starts; `None` if there is none before the operation's deadline.
    pub(super) fn next_attempt_at(&self, plan: &Plan, out: &StepOutput) -> Option<jiff::Timestamp> {
        let pause = plan.limits.retry.pause_seconds(self.state.attempt)?;
        let at = out.after(pause)?;
        self.state.cause.as_ref()?;
        let is_in_time = self.state.total_deadline.is_none_or(|deadline| at < deadline);
        is_in_time.then_some(at)
    }

    /// Schedules the next attempt, which starts with the failed wave; in compat mode with the first wave.
    ///
    /// Returns whether there is one: not if it would only start after the operation's deadline.
    pub(super) fn enter_backoff(&mut self, plan: &Plan, failed: Option<(Phase, Wave)>, out: &mut StepOutput) -> bool {
        let (Some(at), Some(cause)) = (self.next_attempt_at(plan, out), self.state.cause.clone()) else {
            return false;
        };
        self.state.deadline = self.state.total_deadline.or(self.state.deadline);
        self.state.cause = None;
        self.state.failed = 0;
        self.state.attempt += 1;
        self.state.retry_at = Some(at);
        let from_the_start = plan.mode.has(Rule::RetryFromTheStart);
        self.state.checks_again = from_the_start || self.state.stage == Stage::Checking;
        self.state.stage = Stage::Backoff;
        self.state.retry_from = failed.filter(|_| !from_the_start);
        let begins_anew = |task: &&Task| from_the_start || task.phase != Phase::SyncFail;
        for task in plan.tasks.iter().filter(begins_anew) {
            let is_done = self.is_over(task) && !self.is_pending(task) && !self.has_failed(task);
            let is_kept = if from_the_start {
                // A deleted object stays deleted.
                is_done && matches!(task.action, Action::Delete(_))
            } else {
                is_done && !self.was_stopped(task)
            };
            if !is_kept {
                self.state.tasks.insert(task.id.clone(), TaskState::Pending);
                self.state.started.remove(&task.id);
                self.state.results.remove(&task.id);
            }
        }
        out.emit(EventKind::Retrying {
            attempt: self.state.attempt,
            at,
            cause,
        });
        true
    }

    fn was_stopped(&self, task: &Task) -> bool {
        matches!(self.state.results.get(&task.id), Some(TaskResult::Stopped(_)))
    }

    pub(super) fn advance_backoff(&mut self, plan: &Plan, out: &mut StepOutput) -> bool {
        if self.state.retry_at.is_some_and(|at| at > out.at) {
            return false;
        }
        self.state.retry_at = None;
        self.state.stage = Stage::Main;
        self.wave_index.invalidate();
        out.must_save = true;
        if self.state.checks_again {
            self.begin_checks(plan, out);
        }
        if let Some((phase, wave)) = self.state.retry_from.take() {
            self.state.current = Some((phase, wave));
            self.begin_wave(plan, phase, wave, true, out);
        }
        true
    }

    /// Ends the tasks of a phase or wave that exceeded its deadline. They fail, unless their directives say to continue.
    pub(super) fn pass_wave_deadline(&mut self, plan: &Plan, out: &mut StepOutput) {
        let has_come = |at: Option<jiff::Timestamp>| at.is_some_and(|at| at <= out.at);
        let Some((phase, wave)) = self.state.current else {
            return;
        };
        let what = if has_come(self.state.wave_deadline) {
            format!(
                "wave {wave} of {phase} took longer than {}",
                duration::whole(plan.limits.wave.unwrap_or_default())
            )
        } else if has_come(self.state.phase_deadline) {
            format!(
                "{phase} took longer than {}",
                duration::whole(plan.limits.phase.unwrap_or_default())
            )
        } else {
            return;
        };
        (self.state.wave_deadline, self.state.phase_deadline) = (None, None);
        out.must_save = true;
        out.emit(EventKind::Problem { message: what.clone() });
        self.give_up_waiting_applies(plan.wave(phase, wave), &what, out);
        for task in plan.wave(phase, wave) {
            match self.state.tasks.get(&task.id) {
                Some(TaskState::Hook(_)) => self.abort_hook(task, AbortReason::Deadline, out),
                Some(TaskState::AwaitingHealth(settling)) => {
                    let message = format!("{what}: {}", settling.message);
                    self.time_out(task, message, out);
                }
                Some(TaskState::Deleting { held_up_by, .. }) => {
                    let message = format!("{what}{}", because(held_up_by.as_deref()));
                    self.time_out(task, message, out);
                }
                Some(TaskState::Pending) => {
                    let message = format!("{what}; it was not started");
                    self.state.tasks.insert(task.id.clone(), TaskState::Over);
                    self.finish_task(task, TaskResult::failed(FailureClass::Timeout, message), out);
                }
                Some(TaskState::Applying | TaskState::Over) | None => {}
            }
        }
        self.wave_index.invalidate();
    }
}
