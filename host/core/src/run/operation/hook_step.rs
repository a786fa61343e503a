//! The talk with a hook's plugin: one question at a time, and what the plugin asks for.

use std::time::Duration;

use super::{
    Operation, StepOutput, add_milliseconds,
    hook::stop_clearing,
    hook_run::{Clearing, HookRun, HookStage, Turn},
    plugin_calls::{
        accept_requests, call_plugin, keep_lasting_requests, queue_log_lines, queue_observation,
        record_modified_object, report_leftovers, start_waiting_requests, waits_for_nothing, watch_own,
    },
};
use crate::{
    model::{
        hook::HookOutcome,
        plugins::{AbortReason, HookRequest, HookStep, PluginError, Progress, Request},
    },
    plan::{
        Plan,
        task::{FailureClass, Task, TaskId, TaskResult},
    },
    run::{
        effect::{Effect, HookCall, ObjectIdentity, PendingObservationKind, Work},
        event::EventKind,
        input::Answer,
    },
};

/// The contract's limit for the steps of one run.
const MAX_STEPS: u32 = 10_000;
/// How often in a row a plugin may ask to be called again, or fail to answer.
const MAX_RETRIES: u32 = 5;
/// How often the objects of earlier runs are deleted because the name of the hook's object is in use.
const MAX_ROUNDS: u32 = 3;

impl Operation {
    pub(super) fn hook_stepped(
        &mut self,
        plan: &Plan,
        id: &TaskId,
        result: Result<HookStep, PluginError>,
        out: &mut StepOutput,
    ) {
        let Some(task) = plan.task(id) else { return };
        let Some(run) = self.state.hook(id) else { return };
        let Some(running) = run.running_mut() else { return };
        match std::mem::take(&mut running.turn) {
            Turn::Asking(call) => match result {
                Ok(step) => self.handle_step(plan, task, &call, step, out),
                Err(error) => self.plugin_failed(task, call, &error, out),
            },
            // It answers a question that isn't being asked any more.
            turn @ (Turn::Idle | Turn::Retrying { .. } | Turn::Finishing { .. }) => running.turn = turn,
        }
    }

    fn plugin_failed(&mut self, task: &Task, call: HookCall, error: &PluginError, out: &mut StepOutput) {
        let Some(run) = self.state.hook(&task.id) else { return };
        let is_stopped = run.abort.is_some() && !matches!(call, HookCall::Abort { .. });
        let Some(running) = run.running_mut() else { return };
        let wait = match error {
            PluginError::Retry { after_ms, .. } => Some(Duration::from_millis(u64::from(*after_ms))),
            PluginError::Unavailable { .. } => Some(Duration::from_secs(1 << running.retries.min(MAX_RETRIES))),
            PluginError::Invalid { .. } | PluginError::Failed { .. } | PluginError::Missing { .. } => None,
        };
        if wait.is_some() && is_stopped {
            // The question is of no interest any more.
            return self.stop_plugin(task, out);
        }
        if let Some(wait) = wait
            && running.retries < MAX_RETRIES
            && let Some(at) = add_milliseconds(out.at, wait)
        {
            running.retries += 1;
            running.turn = Turn::Retrying { call, at };
            out.emit(EventKind::PluginProblem {
                task: task.id.clone(),
                message: format!("{error}; asking again in {:.1} s", wait.as_secs_f64()),
            });
            return;
        }
        out.emit(EventKind::PluginProblem {
            task: task.id.clone(),
            message: error.to_string(),
        });
        let result = TaskResult::Failed {
            class: FailureClass::Plugin,
            message: error.to_string(),
            remedies: error.remedies(),
        };
        report_leftovers(run, &task.id, out);
        self.end_hook(task, HookOutcome::Failed, result, true, out);
    }

    fn handle_step(&mut self, plan: &Plan, task: &Task, called: &HookCall, step: HookStep, out: &mut StepOutput) {
        let Some(run) = self.state.hook(&task.id) else { return };
        let was_abort = matches!(called, HookCall::Abort { .. });
        // Only now is the answer to a call known to have arrived.
        if let HookCall::Advance { observation: note, .. } = called
            && let Some(ask) = note.request_id.filter(|ask| run.requests.answered.remove(ask))
        {
            run.requests.pending.retain(|pending| pending.id != ask);
        }
        if let Some(running) = run.running_mut() {
            running.retries = 0;
            running.wake_at = step
                .wake_after_ms
                .and_then(|after_ms| add_milliseconds(out.at, Duration::from_millis(u64::from(after_ms))));
        }
        run.steps += 1;
        run.state = step.state;
        if run.message.as_deref() != Some(&step.message) && !step.message.is_empty() {
            run.message = Some(step.message.clone());
            if step.progress == Progress::Running {
                out.emit(EventKind::TaskProgressed {
                    task: task.id.clone(),
                    health: None,
                    message: step.message.clone(),
                });
            }
        }
        if let Progress::Ended(outcome) = step.progress {
            let (outcome, message) = verdict(task, outcome, step.message);
            run.finish_with(outcome, message);
            keep_lasting_requests(run, &task.id, out);
        }
        accept_requests(run, plan, task, step.requests, out);
        match step.progress {
            Progress::Running if run.steps >= MAX_STEPS => {
                run.finish_with(
                    HookOutcome::Failed,
                    format!("its plugin took {MAX_STEPS} steps without a verdict"),
                );
                keep_lasting_requests(run, &task.id, out);
            }
            Progress::Running if !was_abort && waits_for_nothing(run) => {
                run.finish_with(
                    HookOutcome::Failed,
                    "its plugin waits for nothing: it has no watch, no pending request and no wake-up".to_owned(),
                );
            }
            Progress::Ended(_) | Progress::Running => {}
        }
        self.pump(task, out);
    }

    pub(super) fn answered(
        &mut self,
        plan: &Plan,
        id: &TaskId,
        (ask, step): (u32, u32),
        answer: Answer,
        out: &mut StepOutput,
    ) {
        let Some(task) = plan.task(id) else { return };
        let Some(run) = self.state.hook(id) else { return };
        let is_it = |pending: &HookRequest| pending.id == ask && pending.step == step;
        let Some(at) = run
            .requests
            .pending
            .iter()
            .position(is_it)
            .filter(|_| !run.requests.answered.contains(&ask))
        else {
            return;
        };
        let is_write = run
            .requests
            .pending
            .get(at)
            .is_some_and(|pending| pending.request.is_write());
        if let Answer::Observation(PendingObservationKind::Failed { reason, .. }) = &answer
            && is_write
            && self.schedule_retry(plan, task, reason, out)
        {
            return;
        }
        if is_write {
            self.state.retries.remove(id);
        }
        let Some(run) = self.state.hook(id) else { return };
        match answer {
            Answer::Created(target) => own_object_created(run, id, at, (ask, target, "created"), out),
            Answer::AppliedOver(target) => own_object_created(run, id, at, (ask, target, "applied"), out),
            // Its object is of no use any more.
            Answer::NameTaken if run.abort.is_some() => {
                run.requests.pending.remove(at);
            }
            Answer::NameTaken if run.clearing_mut().is_some() => return,
            Answer::NameTaken if run.rounds < MAX_ROUNDS => {
                run.rounds += 1;
                if let Some(running) = run.running_mut() {
                    running.clearing = Some(Clearing::FindingPrevious);
                }
                out.work(id, Work::LookForOlder);
                return;
            }
            Answer::NameTaken => {
                let message = format!(
                    "{} already exists: an earlier run created it, and the hook's delete policies don't delete it; add \
                     BeforeHookCreation to them, or use generateName",
                    task.key
                );
                let result = TaskResult::failed(FailureClass::Apply, message);
                return self.end_hook(task, HookOutcome::Failed, result, false, out);
            }
            Answer::Modified { key, action: how } => {
                run.requests.pending.remove(at);
                record_modified_object(run, id, key, &how, out);
                queue_observation(run, Some(ask), PendingObservationKind::Done);
            }
            Answer::Resolved(key) => {
                run.requests.pending.remove(at);
                out.must_save = true;
                run.requests.watching.insert(ask, key.clone());
                out.push_effect(Effect::Watch { task: id.clone(), key });
            }
            Answer::DeletionAccepted(target) => {
                run.requests.pending.remove(at);
                out.must_save = true;
                let key = target.key.clone();
                run.requests.deleting.insert(ask, target);
                out.push_effect(Effect::Watch { task: id.clone(), key });
            }
            // Log lines come again and again.
            Answer::Observation(PendingObservationKind::Log(lines)) => queue_log_lines(run, ask, lines),
            // What is too much for a checkpoint is asked for again after a crash, until its plugin was told.
            Answer::Observation(noted @ PendingObservationKind::Http(_)) if !run.is_finishing() => {
                run.requests.answered.insert(ask);
                queue_observation(run, Some(ask), noted);
            }
            Answer::Observation(noted) => {
                run.requests.pending.remove(at);
                if let PendingObservationKind::Signal { signal_id: mark, .. } = &noted {
                    out.must_save = true;
                    run.delivered_signals.push(mark.clone());
                    out.work(id, Work::ForgetSignal { mark: mark.clone() });
                }
                queue_observation(run, Some(ask), noted);
            }
        }
        start_waiting_requests(run, plan, task, out);
        self.pump(task, out);
    }

    /// Asks the next question if none is being asked, or ends the hook if all is said.
    pub(super) fn pump(&mut self, task: &Task, out: &mut StepOutput) {
        let limit = self.plan.limits.abort;
        let Some(run) = self.state.hook(&task.id) else { return };
        let HookStage::Running(running) = &mut run.stage else {
            return;
        };
        match &mut running.turn {
            Turn::Asking(_) | Turn::Retrying { .. } => {}
            Turn::Finishing { outcome, message } => {
                if run.requests.is_done() {
                    let (outcome, message) = (*outcome, std::mem::take(message));
                    self.end_with_verdict(task, outcome, message, out);
                } else if run.abort.is_some() && running.abort_until.is_none() {
                    running.abort_until = add_milliseconds(out.at, limit);
                }
            }
            Turn::Idle => {
                let state = run.state.clone();
                if let Some(reason) = run.abort.filter(|_| running.abort_until.is_none()) {
                    running.abort_until = add_milliseconds(out.at, limit);
                    call_plugin(run, &task.id, HookCall::Abort { state, reason }, out);
                } else if let Some(note) = run.queue.pop_front() {
                    call_plugin(
                        run,
                        &task.id,
                        HookCall::Advance {
                            state,
                            observation: note,
                        },
                        out,
                    );
                }
            }
        }
    }

    fn end_with_verdict(&mut self, task: &Task, outcome: HookOutcome, message: String, out: &mut StepOutput) {
        let result = match outcome {
            HookOutcome::Succeeded => TaskResult::Done(message),
            HookOutcome::Failed => TaskResult::failed(FailureClass::Hook, message),
        };
        self.end_hook(task, outcome, result, false, out);
    }

    /// Stops a hook: its plugin is told first, if it has begun.
    pub(super) fn abort_hook(&mut self, task: &Task, reason: AbortReason, out: &mut StepOutput) {
        let Some(run) = self.state.hook(&task.id) else { return };
        match run.stage {
            HookStage::Ended(_) => {}
            HookStage::Clearing(_) | HookStage::Ready => {
                if let Some(clearing) = run.clearing_mut() {
                    run.message = Some(clearing.why_waited_for());
                }
                run.abort = Some(reason);
                self.end_hook(task, HookOutcome::Failed, TaskResult::Stopped(String::new()), true, out);
            }
            HookStage::Running(_) if run.abort.is_some() => {}
            HookStage::Running(_) => {
                run.abort = Some(reason);
                self.stop_plugin(task, out);
            }
        }
    }

    /// Gives up what a hook waits for that is being stopped, and tells its plugin unless a question is being asked.
    fn stop_plugin(&mut self, task: &Task, out: &mut StepOutput) {
        self.cancel_request_retry(&task.id);
        let Some(run) = self.state.hook(&task.id) else { return };
        if let Some(clearing) = run.running().and_then(|running| running.clearing.as_ref()) {
            run.message = Some(clearing.why_waited_for());
            stop_clearing(run, &task.id, out);
            run.requests.pending.retain(|ask| ask.request != Request::CreateOwn);
        }
        let has_begun = run.steps > 0;
        let Some(running) = run.running_mut() else { return };
        match &running.turn {
            Turn::Idle | Turn::Retrying { .. } if !has_begun => {
                return self.end_hook(task, HookOutcome::Failed, TaskResult::Stopped(String::new()), true, out);
            }
            Turn::Idle | Turn::Retrying { .. } => running.turn = Turn::Idle,
            Turn::Asking(_) | Turn::Finishing { .. } => {}
        }
        self.pump(task, out);
    }
}

/// Returns what a plugin's verdict means: a test that must fail is as it should be when it does.
fn verdict(task: &Task, outcome: HookOutcome, message: String) -> (HookOutcome, String) {
    let must_fail = task.hook().is_some_and(|hook| hook.must_fail);
    match (must_fail, outcome) {
        (false, outcome) => (outcome, message),
        (true, HookOutcome::Failed) => (HookOutcome::Succeeded, format!("failed, as required: {message}")),
        (true, HookOutcome::Succeeded) => (
            HookOutcome::Failed,
            format!("succeeded, but was required to fail: {message}"),
        ),
    }
}

/// Takes in that the own object is there, in answer to an ask.
fn own_object_created(
    run: &mut HookRun,
    id: &TaskId,
    at: usize,
    (ask, target, how): (u32, ObjectIdentity, &str),
    out: &mut StepOutput,
) {
    run.requests.pending.remove(at);
    out.must_save = true;
    if run.object.as_ref() != Some(&target) {
        out.emit(EventKind::ObjectApplied {
            task: id.clone(),
            key: target.key.clone(),
            action: how.to_owned(),
        });
    }
    run.object = Some(target);
    watch_own(run, id, out);
    queue_observation(run, Some(ask), PendingObservationKind::Created);
}
