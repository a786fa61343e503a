//! Termination, deadlines, and reports about what the operation waits for.

use std::collections::BTreeSet;

use std::time::Duration;

use jiff::Timestamp;

use super::{
    Operation, StepOutput, add_milliseconds,
    hook_run::{Clearing, HookStage, RunningHook, Turn},
    plugin_calls::report_leftovers,
    resource::evaluate_health,
    state::{Stage, TaskState},
    terminating::{because, why_not_gone},
};
use crate::{
    kubernetes::observed_object::ObservedState,
    model::{
        compat::Rule,
        duration,
        hook::HookOutcome,
        phase::Phase,
        plugins::{AbortReason, FailureCause},
        remedy::Remedies,
        settings::OnTimeout,
        text::join_names,
    },
    plan::{
        Plan,
        task::{Action, FailureClass, Task, TaskId, TaskResult},
    },
    run::{
        effect::{Effect, ObjectIdentity, PendingObservation, PendingObservationKind, Work},
        event::{EventKind, OperationStatus, WaitingOn},
    },
};

/// How long a driver sleeps before it is woken for a moment that has passed.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

impl Operation {
    /// Terminates the operation: running tasks are stopped, nothing else starts, not even SyncFail.
    pub(super) fn terminate(&mut self, plan: &Plan, by: String, out: &mut StepOutput) {
        match self.state.status {
            OperationStatus::Running => {}
            OperationStatus::Terminating { .. }
            | OperationStatus::Succeeded
            | OperationStatus::Failed(_)
            | OperationStatus::Terminated { .. } => return,
        }
        self.state.status = OperationStatus::Terminating { by: by.clone() };
        out.must_save = true;
        out.emit(EventKind::Stopping { reason: by });
        if self.state.stage != Stage::Closing {
            self.stop(plan, AbortReason::Terminated, out);
        }
    }

    fn stop(&mut self, plan: &Plan, reason: AbortReason, out: &mut StepOutput) {
        self.state.stage = Stage::Stopping;
        self.state.unchecked.clear();
        (self.state.phase_deadline, self.state.wave_deadline, self.state.retry_at) = (None, None, None);
        match reason {
            AbortReason::Terminated | AbortReason::Failed => self.stop_waiting_applies(&plan.tasks, out),
            AbortReason::Deadline => self.give_up_waiting_applies(&plan.tasks, "the operation's deadline passed", out),
        }
        self.wave_index.invalidate();
        for task in &plan.tasks {
            match self.state.tasks.get(&task.id) {
                Some(TaskState::Hook(_)) => self.abort_hook(task, reason, out),
                Some(TaskState::AwaitingHealth(settling)) => {
                    let health = settling.last_health();
                    let result = match reason {
                        AbortReason::Terminated | AbortReason::Failed => {
                            TaskResult::Stopped(format!("applied; its health was not awaited{health}"))
                        }
                        AbortReason::Deadline => TaskResult::failed(
                            FailureClass::Timeout,
                            format!("not healthy before the operation's deadline{health}"),
                        ),
                    };
                    self.finish_resource(task, result, out);
                }
                Some(TaskState::Deleting { held_up_by, .. }) => {
                    let result = match reason {
                        AbortReason::Terminated | AbortReason::Failed => {
                            let why = because(held_up_by.as_deref());
                            TaskResult::Stopped(format!("its deletion was requested and not awaited{why}"))
                        }
                        AbortReason::Deadline => TaskResult::failed(
                            FailureClass::Timeout,
                            format!(
                                "not gone before the operation's deadline: {}",
                                why_not_gone(held_up_by.as_deref())
                            ),
                        ),
                    };
                    self.finish_resource(task, result, out);
                }
                Some(TaskState::Pending | TaskState::Applying | TaskState::Over) | None => {}
            }
        }
    }

    /// Acts on all deadlines and times that have been reached.
    pub(super) fn check_deadlines(&mut self, plan: &Plan, out: &mut StepOutput) {
        if self.state.deadline.is_some_and(|deadline| deadline <= out.at)
            && matches!(
                self.state.stage,
                Stage::Checking | Stage::Backoff | Stage::Main | Stage::Failing
            )
        {
            self.handle_deadline(plan, out);
        }
        self.pass_wave_deadline(plan, out);
        self.update_wave_index(plan);
        for position in self.wave_index.due(out.at) {
            let Some(task) = plan.tasks.get(position) else { continue };
            self.check_task(plan, task, out);
            self.update_task_index(plan, &task.id);
        }
    }

    fn check_task(&mut self, plan: &Plan, task: &Task, out: &mut StepOutput) {
        let is_late = self.timeout_of(task).is_some_and(|until| until <= out.at);
        self.wait_for_missing(plan, task, out);
        match self.state.tasks.get_mut(&task.id) {
            Some(TaskState::Hook(run)) => {
                let runs = run.ended().is_none();
                if is_late && runs {
                    self.abort_hook(task, AbortReason::Deadline, out);
                }
                self.wake_hook(task, out);
                self.retry_request(task, out);
                self.check_own_health(plan, task, out);
                self.check_terminating(plan, task, out);
            }
            Some(TaskState::AwaitingHealth(settling)) => {
                let Action::Apply(apply) = &task.action else { return };
                if is_late {
                    let message = format!("not healthy within its timeout: {}", settling.message);
                    return self.time_out(task, message, out);
                }
                if settling.recheck_at().is_some_and(|at| at <= out.at)
                    && let Some(seen) = settling.postponed.take()
                {
                    if let Some(result) =
                        evaluate_health(plan.mode, settling, apply, task, &ObservedState::Present(seen), out)
                    {
                        self.finish_resource(task, result, out);
                    }
                    return;
                }
                if settling.unanswered_until().is_some_and(|until| until <= out.at) {
                    let result = settling.unanswered_result();
                    return self.finish_resource(task, result, out);
                }
                if settling.degraded_until().is_some_and(|until| until <= out.at) {
                    let message = format!(
                        "Degraded for {}: {}",
                        duration::format_seconds(settling.grace_seconds),
                        settling.message
                    );
                    self.finish_resource(task, TaskResult::failed(FailureClass::Health, message), out);
                }
            }
            Some(TaskState::Deleting { until, held_up_by, .. }) => {
                if is_late || until.is_some_and(|until| until <= out.at) {
                    let limit = task.timeout_seconds.map_or(plan.limits.deletion, Duration::from_secs);
                    let why = held_up_by.as_deref().unwrap_or("the reason is not known");
                    let message = format!("not gone after {}: {why}", duration::whole(limit));
                    self.time_out(task, message, out);
                }
            }
            Some(TaskState::Applying) => self.retry_apply(task, out),
            Some(TaskState::Pending | TaskState::Over) | None => {}
        }
    }

    /// Returns the next time at which something must be done about a task.
    pub(super) fn due_time(&self, task: &Task) -> Option<Timestamp> {
        match self.state.tasks.get(&task.id)? {
            TaskState::AwaitingHealth(settling) => {
                earliest_of([self.timeout_of(task), settling.grace_ends_at(), settling.recheck_at()])
            }
            TaskState::Deleting { until, .. } => earliest_of([*until, self.timeout_of(task)]),
            TaskState::Hook(run) => match &run.stage {
                HookStage::Ready => self.timeout_of(task),
                HookStage::Clearing(clearing) => earliest_of([clearing.until(), self.timeout_of(task)]),
                HookStage::Running(running) => earliest_of([
                    running.next_moment(),
                    self.timeout_of(task).filter(|_| run.abort.is_none()),
                    self.retry_time(&task.id),
                    run.health
                        .next_due()
                        .filter(|_| run.abort.is_none() && !run.is_finishing()),
                ]),
                HookStage::Ended(_) => run.terminating()?.until,
            },
            TaskState::Applying => self.retry_time(&task.id),
            TaskState::Pending | TaskState::Over => None,
        }
    }

    pub(super) fn time_out(&mut self, task: &Task, message: String, out: &mut StepOutput) {
        let result = match task.on_timeout {
            OnTimeout::Fail => TaskResult::failed(FailureClass::Timeout, message),
            OnTimeout::Continue => TaskResult::Tolerated(message),
        };
        self.finish_resource(task, result, out);
    }

    fn handle_deadline(&mut self, plan: &Plan, out: &mut StepOutput) {
        let (limit, what) = match self.state.current {
            Some((Phase::SyncFail, _)) => (plan.limits.sync_fail, "SyncFail"),
            Some(_) | None => (plan.limits.operation, "the operation"),
        };
        let why = format!("{what} took longer than {}", duration::whole(limit));
        self.state.cause.get_or_insert_with(|| FailureCause {
            class: FailureClass::Timeout,
            message: why.clone(),
            objects: Vec::new(),
            remedies: Remedies::default(),
        });
        (self.state.deadline, self.state.total_deadline) = (None, None);
        out.emit(EventKind::Stopping { reason: why });
        out.must_save = true;
        self.stop(plan, AbortReason::Deadline, out);
    }

    /// Acts on the times of a hook that have been reached.
    fn wake_hook(&mut self, task: &Task, out: &mut StepOutput) {
        let Some(run) = self.state.hook(&task.id) else { return };
        let now = out.at;
        let has_come = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        if let Some(Clearing::DeletingPrevious {
            left,
            until,
            held_up_by,
        }) = run.clearing_mut()
            && has_come(*until)
        {
            let message = format!(
                "{} of an earlier run still exists although it was deleted: {}",
                names(left),
                why_not_gone(held_up_by.as_deref())
            );
            if run.running().is_some() {
                report_leftovers(run, &task.id, out);
            }
            let result = TaskResult::failed(FailureClass::Timeout, message);
            return self.end_hook(task, HookOutcome::Failed, result, false, out);
        }
        let Some(running) = run.running_mut() else { return };
        if has_come(running.abort_until) {
            report_leftovers(run, &task.id, out);
            return self.end_hook(task, HookOutcome::Failed, TaskResult::Stopped(String::new()), true, out);
        }
        if let Turn::Retrying { call, at } = &running.turn
            && has_come(Some(*at))
        {
            let call = call.clone();
            running.turn = Turn::Asking(call.clone());
            out.work(&task.id, Work::StepHook(call));
        }
        if has_come(running.wake_at) {
            running.wake_at = None;
            run.queue.push_back(PendingObservation {
                request_id: None,
                kind: PendingObservationKind::Woke,
            });
            self.pump(task, out);
        }
    }

    fn timeout_of(&self, task: &Task) -> Option<Timestamp> {
        let started = self.state.started.get(&task.id)?;
        add_milliseconds(*started, Duration::from_secs(task.timeout_seconds?))
    }

    /// Emits what the operation waits for if nothing has changed for a while.
    pub(super) fn emit_waiting(&mut self, plan: &Plan, out: &mut StepOutput) {
        if self.state.status.is_over() {
            self.state.notice_at = None;
            return;
        }
        let is_due = self.state.notice_at.is_some_and(|at| at <= out.at);
        if out.events.is_empty() {
            if !is_due {
                return;
            }
            let on: Vec<WaitingOn> = plan
                .tasks
                .iter()
                .filter_map(|task| self.waiting_on(plan, task))
                .collect();
            if !on.is_empty() {
                out.emit(EventKind::Waiting { tasks: on });
            }
            // This also applies if there was nothing to report: a time in the past would wake the driver again and again.
            self.state.notices = self.state.notices.saturating_add(1);
        } else {
            self.state.notices = 0;
        }
        self.state.notice_at = out.after(notice_pause(plan.limits.notice, self.state.notices));
    }

    pub(super) fn waiting_on(&self, plan: &Plan, task: &Task) -> Option<WaitingOn> {
        let mut until = self.timeout_of(task);
        let mut asked_at = None;
        let message = match self.state.tasks.get(&task.id)? {
            TaskState::Pending | TaskState::Over => return None,
            TaskState::Applying => match self.state.retries.get(&task.id) {
                Some(again) => again.message.clone(),
                None => "the server's answer".to_owned(),
            },
            TaskState::AwaitingHealth(settling) => {
                until = [until, settling.grace_ends_at()].into_iter().flatten().min();
                match settling.health {
                    Some(health) => format!("{health}: {}", settling.message),
                    None => "a first look at it".to_owned(),
                }
            }
            TaskState::Deleting {
                until: end, held_up_by, ..
            } => {
                until = *end;
                format!(
                    "its end{}{}",
                    self.blocked_deletions(plan, task),
                    because(held_up_by.as_deref())
                )
            }
            TaskState::Hook(run) => match &run.stage {
                HookStage::Ready => "its turn".to_owned(),
                HookStage::Clearing(clearing)
                | HookStage::Running(RunningHook {
                    clearing: Some(clearing),
                    ..
                }) => {
                    until = clearing.until().or(until);
                    clearing.why_waited_for()
                }
                HookStage::Running(running) => {
                    asked_at = earliest_of([running.wake_at, running.retry_at()]);
                    let waits_for_webhook = self.state.retries.get(&task.id);
                    let mut message = match (waits_for_webhook, &run.message) {
                        (Some(again), _) => again.message.clone(),
                        (None, Some(message)) => message.clone(),
                        (None, None) => format!("plugin {}", plugin_name(plan, &task.id)),
                    };
                    if let Some(why) = &run.health.wait_reason {
                        message = format!("{message}; it is waited for, since {why}");
                    }
                    message
                }
                HookStage::Ended(_) if run.is_cleaning_up() => "its logs and delete policies".to_owned(),
                HookStage::Ended(_) => {
                    let terminating = run.terminating()?;
                    until = terminating.until;
                    terminating.wait_reason()
                }
            },
        };
        Some(WaitingOn {
            task: task.id.clone(),
            message,
            since: self.state.started.get(&task.id).copied()?,
            until,
            next_call_at: asked_at,
        })
    }

    /// Returns which deletions of the wave wait for this one; the first two by name.
    fn blocked_deletions(&self, plan: &Plan, task: &Task) -> String {
        if plan.mode.has(Rule::DeletionInParallel) {
            return String::new();
        }
        let wave = plan.wave(task.phase, task.wave);
        let later = &wave[wave.partition_point(|other| other.rank <= task.rank)..];
        let pending = later.iter().filter(|other| self.is_pending(other));
        let names: Vec<String> = pending.take(3).map(|other| other.key.to_string()).collect();
        match names.as_slice() {
            [] => String::new(),
            [one] => format!(", before {one} goes"),
            [one, other] => format!(", before {one} and {other} go"),
            [one, other, ..] => format!(", before {one}, {other} and others go"),
        }
    }

    /// Orders a timer for the next time at which something must be done.
    pub(super) fn schedule(&mut self, plan: &Plan, out: &mut StepOutput) {
        if self.state.status.is_over() {
            return;
        }
        self.update_wave_index(plan);
        let state = &self.state;
        let moments = [
            state.notice_at,
            state.deadline,
            state.phase_deadline,
            state.wave_deadline,
            state.retry_at,
            self.wave_index.next_due(),
        ];
        // Everything that was due has been done. A time in the past would wake the driver again and again.
        let earliest = add_milliseconds(out.at, SHORTEST_PAUSE).unwrap_or(out.at);
        if let Some(at) = moments
            .into_iter()
            .flatten()
            .min()
            .map(|at| if at <= out.at { earliest } else { at })
            && self.state.wake != Some(at)
        {
            self.state.wake = Some(at);
            out.push_effect(Effect::Wake { at });
        }
    }
}

/// Lists the names of objects.
pub(super) fn names(targets: &BTreeSet<ObjectIdentity>) -> String {
    let names: Vec<String> = targets.iter().map(|target| target.key.to_string()).collect();
    join_names(&names)
}

fn earliest_of<const N: usize>(moments: [Option<Timestamp>; N]) -> Option<Timestamp> {
    moments.into_iter().flatten().min()
}

/// Returns how long it is to the next notice, when so many were told since something last happened: the first pause, and
/// then 5, 15 and 60 times as long.
fn notice_pause(first: Duration, notices_sent: u32) -> Duration {
    let times = match notices_sent {
        0 => 1,
        1 => 5,
        2 => 15,
        _ => 60,
    };
    first.saturating_mul(times)
}

fn plugin_name<'plan>(plan: &'plan Plan, id: &TaskId) -> &'plan str {
    plan.task(id)
        .and_then(Task::hook)
        .map_or("unknown", |hook| hook.plugin.plugin.as_str())
}
