//! A hook from its first look at older objects to its verdict: one question to its plugin at a time, and what the plugin asks for.

use std::collections::BTreeSet;

use super::{
    Operation, StepOutput,
    ask::{
        call, clear, end_asks, go_on, is_stranded, keep_what_counts, note, note_lines, note_object, others_observed,
        take, tell_left, touch, unwatch, watch_own,
    },
    hook_health::OwnHealth,
    later,
    state::{Cleanup, HookRun, HookStage, TaskState, Verdict},
};
use crate::{
    compat::Rule,
    deletion::PropagationRules,
    directive::OnTimeout,
    duration,
    effect::{Effect, HookCall, PendingObservationKind, Target, Work},
    event::{DisposalOutcome, EventKind},
    fact::Fact,
    hook::HookOutcome,
    input::{Answer, EarlierObjects, EffectFailure},
    object::ObjectKey,
    plan::Plan,
    plugins::{AbortReason, Ask, HookStep, PluginError, Progress},
    task::{FailureClass, Task, TaskId, TaskResult},
};

/// The contract's bound on the steps of one run.
const MOST_STEPS: u32 = 10_000;
/// How often in a row a plugin may ask to be asked again, or not be reachable.
const MOST_RETRIES: u32 = 5;
/// How often the way is cleared for an object whose name is taken.
const MOST_ROUNDS: u32 = 3;

impl Operation {
    pub(super) fn start_hook(&mut self, task: &Task, out: &mut StepOutput) {
        let has_object = task.hook().is_some_and(|hook| hook.has_object);
        self.state
            .tasks
            .insert(task.id.clone(), TaskState::Hook(Box::new(HookRun::new())));
        if has_object {
            out.work(&task.id, Work::LookForOlder);
        } else {
            self.go_on(task, out);
        }
    }

    /// Lets a hook begin whose way is clear, now that its turn has come.
    pub(super) fn release_hook(&mut self, task: &Task, out: &mut StepOutput) {
        if self.is_ready(task) {
            self.go_on(task, out);
        }
    }

    /// Goes on when nothing is in the way any more; by Argo CD's rules, for the first time not before its turn.
    fn cleared(&mut self, plan: &Plan, task: &Task, out: &mut StepOutput) {
        let Some(run) = self.state.hook(&task.id) else { return };
        if run.steps == 0 && plan.mode.has(Rule::HooksClearFirst) {
            run.stage = HookStage::Ready;
            out.must_save = true;
        } else {
            self.go_on(task, out);
        }
    }

    pub(super) fn older_decided(
        &mut self,
        plan: &Plan,
        id: &TaskId,
        result: Result<EarlierObjects, EffectFailure>,
        out: &mut StepOutput,
    ) {
        let Some(task) = plan.task(id) else { return };
        let Some(run) = self.state.hook(id) else { return };
        if run.stage != HookStage::FindingPrevious {
            return;
        }
        let older = match result {
            Ok(older) => older,
            Err(EffectFailure { class, message }) => {
                return self.end(
                    task,
                    HookOutcome::Failed,
                    TaskResult::Failed { class, message },
                    false,
                    out,
                );
            }
        };
        if let Some(own) = older.own {
            out.tell(EventKind::ObjectMade {
                task: id.clone(),
                key: own.key.clone(),
                how: "adopted".to_owned(),
            });
            run.object = Some(own);
        }
        let mut left = BTreeSet::new();
        for (target, decision) in older.decided {
            for trouble in &decision.troubles {
                out.tell(EventKind::PluginTroubled {
                    task: id.clone(),
                    message: format!("{trouble}; {} stays", target.key),
                });
            }
            if let Some(propagation) = decision.deletion(out.at) {
                out.tell(EventKind::HookDisposed {
                    task: id.clone(),
                    key: target.key.clone(),
                    fate: DisposalOutcome::Deleted,
                    by: decision.by.clone(),
                    plugins: decision.plugins.clone(),
                });
                let propagation = PropagationRules::of_hook(plan, task).decide(propagation);
                run.deleting_with = Some(propagation);
                clear(id, &target, propagation, out);
                left.insert(target);
            }
        }
        if left.is_empty() {
            self.cleared(plan, task, out);
        } else {
            let until = out.after(plan.limits.deletion);
            run.stage = HookStage::DeletingPrevious { left, until };
            out.must_save = true;
        }
    }

    /// Goes on when nothing is in the way any more: for the first time with `start`, else with what was asked for.
    fn go_on(&mut self, task: &Task, out: &mut StepOutput) {
        let Some(run) = self.state.hook(&task.id) else { return };
        run.stage = HookStage::Running;
        if run.steps == 0 {
            call(run, &task.id, HookCall::Start, out);
        } else {
            for ask in run.pending_requests.clone() {
                out.work(&task.id, Work::Perform(ask));
            }
        }
    }

    pub(super) fn hook_observed(
        &mut self,
        plan: &Plan,
        id: &TaskId,
        key: &ObjectKey,
        fact: &Fact,
        out: &mut StepOutput,
    ) {
        let Some(task) = plan.task(id) else { return };
        let Some(run) = self.state.hook(id) else { return };
        let is_there = |uid: &str| match fact {
            Fact::Gone => false,
            Fact::Present(seen) => seen.uid == uid,
        };
        match &mut run.stage {
            HookStage::DeletingPrevious { left, .. } => {
                let before = left.len();
                left.retain(|target| target.key != *key || is_there(&target.uid));
                if left.len() == before {
                    if let Fact::Present(seen) = fact
                        && run.message != seen.held_up_by
                    {
                        run.message.clone_from(&seen.held_up_by);
                        out.tell(EventKind::TaskProgressed {
                            task: id.clone(),
                            health: None,
                            message: format!("{key} is still there: {}", seen.held_up_by),
                        });
                    }
                    return;
                }
                let is_clear = left.is_empty();
                if !left.iter().any(|target| target.key == *key) {
                    unwatch(id, key, out);
                }
                if is_clear {
                    self.cleared(plan, task, out);
                }
            }
            HookStage::Running => {
                others_observed(run, id, key, fact, out);
                go_on(run, plan, task, out);
                let Some(own) = run.object.clone().filter(|own| own.key == *key) else {
                    return self.pump(task, out);
                };
                if is_there(&own.uid) {
                    if let (Fact::Present(seen), Some(hook)) = (fact, task.hook()) {
                        run.health.observe(&seen.assessment, hook, out.at);
                    }
                    note_object(run);
                } else {
                    run.health = OwnHealth::default();
                    run.object = None;
                    run.watched = false;
                    unwatch(id, key, out);
                    if let Some(answers) = run.deleting.take() {
                        note(run, Some(answers), PendingObservationKind::Deleted);
                    }
                    if run.following.is_some() {
                        run.queue.retain(|note| note.what != PendingObservationKind::Object);
                        note(run, run.following, PendingObservationKind::Gone);
                    }
                }
                self.pump(task, out);
            }
            HookStage::Ended { .. } => self.observe_terminating(id, key, fact, out),
            HookStage::FindingPrevious | HookStage::Ready => {}
        }
    }

    pub(super) fn hook_stepped(
        &mut self,
        plan: &Plan,
        id: &TaskId,
        result: Result<HookStep, PluginError>,
        out: &mut StepOutput,
    ) {
        let Some(task) = plan.task(id) else { return };
        let Some(run) = self.state.hook(id) else { return };
        if run.stage != HookStage::Running || run.current_call.is_none() || run.retry_at.is_some() {
            return;
        }
        match result {
            Ok(step) => self.take_step(plan, task, step, out),
            Err(error) => self.plugin_failed(task, &error, out),
        }
    }

    fn plugin_failed(&mut self, task: &Task, error: &PluginError, out: &mut StepOutput) {
        let Some(run) = self.state.hook(&task.id) else { return };
        let wait = match error {
            PluginError::Retry { after_ms, .. } => Some(u64::from(*after_ms)),
            PluginError::CouldNotTell { .. } => Some(1000 << run.retries.min(MOST_RETRIES)),
            PluginError::Invalid { .. } | PluginError::Failed { .. } | PluginError::Missing { .. } => None,
        };
        if let Some(wait) = wait
            && run.retries < MOST_RETRIES
        {
            run.retries += 1;
            run.retry_at = later(out.at, wait);
            out.tell(EventKind::PluginTroubled {
                task: task.id.clone(),
                message: format!(
                    "{error}; asking again in {:.1} s",
                    std::time::Duration::from_millis(wait).as_secs_f64()
                ),
            });
            return;
        }
        out.tell(EventKind::PluginTroubled {
            task: task.id.clone(),
            message: error.to_string(),
        });
        let result = TaskResult::Failed {
            class: FailureClass::Plugin,
            message: error.to_string(),
        };
        tell_left(run, &task.id, out);
        self.end(task, HookOutcome::Failed, result, true, out);
    }

    fn take_step(&mut self, plan: &Plan, task: &Task, step: HookStep, out: &mut StepOutput) {
        let Some(run) = self.state.hook(&task.id) else { return };
        let called = run.current_call.take();
        let was_abort = matches!(called, Some(HookCall::Abort { .. }));
        // Only now is the answer to a call known to have arrived.
        if let Some(HookCall::Advance { note, .. }) = &called
            && let Some(ask) = note.answers.filter(|ask| run.answered.remove(ask))
        {
            run.pending_requests.retain(|asked| asked.id != ask);
        }
        run.retries = 0;
        run.steps += 1;
        run.state = step.state;
        run.wake_at = step.wake_after_ms.and_then(|after| later(out.at, u64::from(after)));
        if run.message != step.message && !step.message.is_empty() {
            run.message.clone_from(&step.message);
            if step.progress == Progress::Running {
                out.tell(EventKind::TaskProgressed {
                    task: task.id.clone(),
                    health: None,
                    message: step.message.clone(),
                });
            }
        }
        if let Progress::Ended(outcome) = step.progress {
            run.verdict = Some(verdict(task, outcome, step.message));
            keep_what_counts(run, &task.id, out);
        }
        take(run, plan, task, step.asks, out);
        match step.progress {
            Progress::Running if run.steps >= MOST_STEPS => {
                run.verdict = Some((
                    HookOutcome::Failed,
                    format!("its plugin took {MOST_STEPS} steps without a verdict"),
                ));
                keep_what_counts(run, &task.id, out);
            }
            Progress::Running if !was_abort && is_stranded(run) => {
                run.verdict = Some((
                    HookOutcome::Failed,
                    "its plugin waits for nothing: no watch, no unanswered request, no time to wake".to_owned(),
                ));
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
        let is_it = |asked: &Ask| asked.id == ask && asked.step == step;
        let Some(at) = run
            .pending_requests
            .iter()
            .position(is_it)
            .filter(|_| !run.answered.contains(&ask))
        else {
            return;
        };
        let is_write = run.pending_requests.get(at).is_some_and(|asked| asked.what.is_write());
        if let Answer::Note(PendingObservationKind::Failed { reason, .. }) = &answer
            && is_write
            && self.try_later(plan, task, reason, out)
        {
            return;
        }
        if is_write {
            self.state.again.remove(id);
        }
        let Some(run) = self.state.hook(id) else { return };
        match answer {
            Answer::Created(target) => own_made(run, id, at, (ask, target, "created"), out),
            Answer::AppliedOver(target) => own_made(run, id, at, (ask, target, "applied"), out),
            Answer::NameTaken if run.rounds < MOST_ROUNDS => {
                run.rounds += 1;
                run.stage = HookStage::FindingPrevious;
                out.work(id, Work::LookForOlder);
                return;
            }
            Answer::NameTaken => {
                let message = format!(
                    "{} is in the way: an earlier run made it, and the hook's delete policies don't remove it; add \
                     BeforeHookCreation to them, or use generateName",
                    task.key
                );
                let class = FailureClass::Apply;
                return self.end(
                    task,
                    HookOutcome::Failed,
                    TaskResult::Failed { class, message },
                    false,
                    out,
                );
            }
            Answer::Touched { key, how } => {
                run.pending_requests.remove(at);
                touch(run, id, key, &how, out);
                note(run, Some(ask), PendingObservationKind::Done);
            }
            Answer::Found(key) => {
                run.pending_requests.remove(at);
                out.must_save = true;
                run.watching.insert(ask, key.clone());
                out.order(Effect::Watch { task: id.clone(), key });
            }
            Answer::Going(target) => {
                run.pending_requests.remove(at);
                out.must_save = true;
                let key = target.key.clone();
                run.deleting_others.insert(ask, target);
                out.order(Effect::Watch { task: id.clone(), key });
            }
            // Log lines come again and again.
            Answer::Note(PendingObservationKind::Log(lines)) => note_lines(run, ask, lines),
            // What is too much for a checkpoint is asked for again after a crash, until its plugin was told.
            Answer::Note(noted @ PendingObservationKind::Http(_)) if run.verdict.is_none() => {
                run.answered.insert(ask);
                note(run, Some(ask), noted);
            }
            Answer::Note(noted) => {
                run.pending_requests.remove(at);
                if let PendingObservationKind::Signal { mark, .. } = &noted {
                    out.must_save = true;
                    run.delivered_signals.push(mark.clone());
                    out.work(id, Work::ForgetSignal { mark: mark.clone() });
                }
                note(run, Some(ask), noted);
            }
        }
        go_on(run, plan, task, out);
        self.pump(task, out);
    }

    /// Asks the next question if none is being asked, or ends the hook if all is said.
    pub(super) fn pump(&mut self, task: &Task, out: &mut StepOutput) {
        let limit_ms = self.plan.limits.abort.saturating_mul(1_000);
        let Some(run) = self.state.hook(&task.id) else { return };
        if run.stage != HookStage::Running || run.current_call.is_some() {
            return;
        }
        if run.verdict.is_some()
            && run.pending_requests.is_empty()
            && run.waiting_requests.is_empty()
            && run.deleting.is_none()
        {
            if let Some((outcome, message)) = run.verdict.take() {
                self.end_as_said(task, outcome, message, out);
            }
        } else if run.verdict.is_none()
            && let Some(reason) = run.abort
            && run.abort_until.is_none()
        {
            run.abort_until = later(out.at, limit_ms);
            let state = run.state.clone();
            call(run, &task.id, HookCall::Abort { state, reason }, out);
        } else if run.verdict.is_none()
            && let Some(note) = run.queue.pop_front()
        {
            let state = run.state.clone();
            call(run, &task.id, HookCall::Advance { state, note }, out);
        }
    }

    fn end_as_said(&mut self, task: &Task, outcome: HookOutcome, message: String, out: &mut StepOutput) {
        let result = match outcome {
            HookOutcome::Succeeded => TaskResult::Done(message),
            HookOutcome::Failed => TaskResult::Failed {
                class: FailureClass::Hook,
                message,
            },
        };
        self.end(task, outcome, result, false, out);
    }

    /// Stops a hook: its plugin is told first, if it has begun.
    pub(super) fn abort_hook(&mut self, task: &Task, reason: AbortReason, out: &mut StepOutput) {
        let Some(run) = self.state.hook(&task.id) else { return };
        match run.stage {
            HookStage::Ended { .. } => {}
            HookStage::FindingPrevious | HookStage::Ready | HookStage::DeletingPrevious { .. } => {
                run.abort = Some(reason);
                self.end(task, HookOutcome::Failed, TaskResult::Stopped(String::new()), true, out);
            }
            HookStage::Running if run.abort.is_some() => {}
            HookStage::Running => {
                run.abort = Some(reason);
                run.retry_at = None;
                self.drop_waiting_request(&task.id);
                self.pump(task, out);
            }
        }
    }

    /// Records the verdict and begins to put things in order.
    pub(super) fn end(
        &mut self,
        task: &Task,
        outcome: HookOutcome,
        result: TaskResult,
        must_go: bool,
        out: &mut StepOutput,
    ) {
        let Some(run) = self.state.hook(&task.id) else { return };
        let result = match run.abort {
            None => result,
            Some(AbortReason::Terminated) => TaskResult::Stopped("terminated before its end".to_owned()),
            Some(AbortReason::Failed) => TaskResult::Stopped("something else failed".to_owned()),
            Some(AbortReason::Deadline) => {
                let message = match task.timeout_seconds {
                    Some(seconds) => format!(
                        "no end within its timeout of {}: {}",
                        duration::seconds(seconds),
                        run.message
                    ),
                    None => format!("no end before the operation's deadline: {}", run.message),
                };
                match task.on_timeout {
                    OnTimeout::Fail => TaskResult::Failed {
                        class: FailureClass::Timeout,
                        message,
                    },
                    OnTimeout::Continue => TaskResult::Tolerated(message),
                }
            }
        };
        let must_go = must_go || run.abort.is_some();
        if run.watched
            && let Some(key) = run.own_key()
        {
            run.watched = false;
            unwatch(&task.id, &key, out);
        }
        end_asks(run, &task.id, out);
        run.health = OwnHealth::default();
        run.queue.clear();
        run.current_call = None;
        run.wake_at = None;
        run.retry_at = None;
        let tidying = if run.object.is_some() {
            out.work(&task.id, Work::KeepLogs);
            Cleanup::KeepingLogs
        } else {
            Cleanup::Done
        };
        let verdict = Verdict {
            outcome,
            result: result.clone(),
            must_go,
        };
        run.stage = HookStage::Ended { verdict, tidying };
        self.state.again.remove(&task.id);
        self.finish(task, result, out);
    }
}

/// Returns what a plugin's verdict means: a test that must fail is as it should be when it does.
fn verdict(task: &Task, outcome: HookOutcome, message: String) -> (HookOutcome, String) {
    let must_fail = task.hook().is_some_and(|hook| hook.must_fail);
    match (must_fail, outcome) {
        (false, outcome) => (outcome, message),
        (true, HookOutcome::Failed) => (HookOutcome::Succeeded, format!("failed, as it must: {message}")),
        (true, HookOutcome::Succeeded) => (HookOutcome::Failed, format!("succeeded, and must fail: {message}")),
    }
}

/// Takes in that the own object is there, in answer to an ask.
fn own_made(run: &mut HookRun, id: &TaskId, at: usize, (ask, target, how): (u32, Target, &str), out: &mut StepOutput) {
    run.pending_requests.remove(at);
    out.must_save = true;
    if run.object.as_ref() != Some(&target) {
        out.tell(EventKind::ObjectMade {
            task: id.clone(),
            key: target.key.clone(),
            how: how.to_owned(),
        });
    }
    run.object = Some(target);
    watch_own(run, id, out);
    note(run, Some(ask), PendingObservationKind::Created);
}
