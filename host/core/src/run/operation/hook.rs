//! A hook's run but for the talk with its plugin: removing earlier objects, looking at objects, ending. Its states are drawn in
//! `hook_run.rs`.

use std::collections::BTreeSet;

use super::{
    Operation, StepOutput,
    hook_health::HookObjectHealth,
    hook_run::{Cleanup, Clearing, EndedHook, HookRun, HookStage, RunningHook, Verdict},
    plugin_calls::{
        call_plugin, delete_and_watch, end_requests, others_observed, queue_observation, queue_own_object,
        start_waiting_requests, stop_watching, unwatch,
    },
    state::TaskState,
    terminating::update_blocker,
};
use crate::{
    kubernetes::observed_object::ObservedState,
    model::{
        compat::Rule,
        duration,
        hook::HookOutcome,
        object::ObjectKey,
        plugins::{AbortReason, Request},
        settings::OnTimeout,
    },
    plan::{
        Plan,
        propagation::PropagationRules,
        task::{FailureClass, Task, TaskId, TaskResult},
    },
    run::{
        effect::{HookCall, ObjectIdentity, PendingObservationKind, Work},
        event::{DisposalOutcome, EventKind},
        input::{EffectFailure, PreviousHookObjects},
    },
};

impl Operation {
    pub(super) fn start_hook(&mut self, task: &Task, out: &mut StepOutput) {
        let has_object = task.hook().is_some_and(|hook| hook.has_object);
        self.state
            .tasks
            .insert(task.id.clone(), TaskState::Hook(Box::new(HookRun::new())));
        if has_object {
            out.work(&task.id, Work::LookForOlder);
        } else {
            self.ask_first(task, out);
        }
    }

    /// Lets a hook begin whose way is clear, now that it starts.
    pub(super) fn release_hook(&mut self, task: &Task, out: &mut StepOutput) {
        if self.is_ready(task) {
            self.ask_first(task, out);
        }
    }

    /// Asks the plugin its first question.
    fn ask_first(&mut self, task: &Task, out: &mut StepOutput) {
        let Some(run) = self.state.hook(&task.id) else { return };
        run.stage = HookStage::Running(RunningHook::default());
        call_plugin(run, &task.id, HookCall::Start, out);
    }

    /// Goes on when no earlier object is in the way any more; by Argo CD's rules, for the first time not before its turn.
    fn previous_deleted(&mut self, plan: &Plan, task: &Task, out: &mut StepOutput) {
        let Some(run) = self.state.hook(&task.id) else { return };
        match &mut run.stage {
            HookStage::Clearing(_) if plan.mode.has(Rule::HooksClearFirst) => {
                run.stage = HookStage::Ready;
                out.must_save = true;
            }
            HookStage::Clearing(_) => self.ask_first(task, out),
            HookStage::Running(running) => {
                running.clearing = None;
                let create = run
                    .requests
                    .pending
                    .iter()
                    .filter(|ask| ask.request == Request::CreateOwn);
                for ask in create {
                    out.work(&task.id, Work::Perform(ask.clone()));
                }
            }
            HookStage::Ready | HookStage::Ended(_) => {}
        }
    }

    pub(super) fn previous_decided(
        &mut self,
        plan: &Plan,
        id: &TaskId,
        result: Result<PreviousHookObjects, EffectFailure>,
        out: &mut StepOutput,
    ) {
        let Some(task) = plan.task(id) else { return };
        let Some(run) = self.state.hook(id) else { return };
        if run.clearing_mut() != Some(&mut Clearing::FindingPrevious) {
            return;
        }
        let older = match result {
            Ok(older) => older,
            Err(failure) => {
                return self.end_hook(task, HookOutcome::Failed, failure.into(), false, out);
            }
        };
        if let Some(own) = older.current {
            out.emit(EventKind::ObjectApplied {
                task: id.clone(),
                key: own.key.clone(),
                action: "adopted".to_owned(),
            });
            run.object = Some(own);
        }
        let mut left = BTreeSet::new();
        for (target, decision) in older.decisions {
            for trouble in &decision.problems {
                out.emit(EventKind::PluginProblem {
                    task: id.clone(),
                    message: format!("{trouble}; {} stays", target.key),
                });
            }
            if let Some(propagation) = decision.deletion(out.at) {
                out.emit(EventKind::HookDisposed {
                    task: id.clone(),
                    key: target.key.clone(),
                    outcome: DisposalOutcome::Deleted,
                    by: decision.decided_by.clone(),
                    plugins: decision.plugins.clone(),
                });
                let propagation = PropagationRules::for_hook(plan, task).decide(propagation);
                run.deleting_with = Some(propagation);
                delete_and_watch(id, &target, propagation, out);
                left.insert(target);
            }
        }
        if left.is_empty() {
            self.previous_deleted(plan, task, out);
        } else {
            let until = out.after(plan.limits.deletion);
            if let Some(clearing) = run.clearing_mut() {
                *clearing = Clearing::DeletingPrevious {
                    left,
                    until,
                    held_up_by: None,
                };
            }
            out.must_save = true;
        }
    }

    pub(super) fn hook_observed(
        &mut self,
        plan: &Plan,
        id: &TaskId,
        key: &ObjectKey,
        fact: &ObservedState,
        out: &mut StepOutput,
    ) {
        let Some(task) = plan.task(id) else { return };
        let Some(run) = self.state.hook(id) else { return };
        if let Some(clearing) = run.clearing_mut()
            && let Some(is_clear) = previous_observed(clearing, id, key, fact, out)
        {
            stop_watching(run, id, key, out);
            if is_clear {
                self.previous_deleted(plan, task, out);
            }
        }
        let Some(run) = self.state.hook(id) else { return };
        match &run.stage {
            HookStage::Running(_) => self.running_observed(plan, task, key, fact, out),
            HookStage::Ended(_) => self.observe_terminating(id, key, fact, out),
            HookStage::Clearing(_) | HookStage::Ready => {}
        }
    }

    fn running_observed(
        &mut self,
        plan: &Plan,
        task: &Task,
        key: &ObjectKey,
        fact: &ObservedState,
        out: &mut StepOutput,
    ) {
        let id = &task.id;
        let Some(run) = self.state.hook(id) else { return };
        others_observed(run, id, key, fact, out);
        start_waiting_requests(run, plan, task, out);
        let Some(own) = run.object.clone().filter(|own| own.key == *key) else {
            return self.pump(task, out);
        };
        if is_there(fact, &own) {
            if let (ObservedState::Present(seen), Some(hook)) = (fact, task.hook()) {
                run.health.observe(&seen.assessment, hook, out.at);
            }
            queue_own_object(run);
        } else {
            run.health = HookObjectHealth::default();
            run.object = None;
            run.requests.is_own_watched = false;
            unwatch(id, key, out);
            if let Some(answers) = run.requests.deleting_own.take() {
                queue_observation(run, Some(answers), PendingObservationKind::Deleted);
            }
            if run.requests.following.is_some() {
                run.queue.retain(|note| note.kind != PendingObservationKind::Object);
                queue_observation(run, run.requests.following, PendingObservationKind::Gone);
            }
        }
        self.pump(task, out);
    }

    /// Records the verdict and begins to put things in order.
    pub(super) fn end_hook(
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
            Some(AbortReason::Terminated) => TaskResult::Stopped("terminated while it was running".to_owned()),
            Some(AbortReason::Failed) => TaskResult::Stopped("something else failed".to_owned()),
            Some(AbortReason::Deadline) => {
                let message = match task.timeout_seconds {
                    Some(seconds) => format!(
                        "no end within its timeout of {}: {}",
                        duration::format_seconds(seconds),
                        run.last_message().unwrap_or_default()
                    ),
                    None => format!(
                        "no end before the operation's deadline: {}",
                        run.last_message().unwrap_or_default()
                    ),
                };
                match task.on_timeout {
                    OnTimeout::Fail => TaskResult::failed(FailureClass::Timeout, message),
                    OnTimeout::Continue => TaskResult::Tolerated(message),
                }
            }
        };
        let must_go = must_go || run.abort.is_some();
        if run.requests.is_own_watched
            && let Some(key) = run.object_key()
        {
            run.requests.is_own_watched = false;
            unwatch(&task.id, &key, out);
        }
        stop_clearing(run, &task.id, out);
        end_requests(run, &task.id, out);
        run.health = HookObjectHealth::default();
        run.queue.clear();
        let cleanup = if run.object.is_some() {
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
        run.stage = HookStage::Ended(EndedHook {
            verdict,
            cleanup,
            phase_outcome: None,
        });
        self.state.retries.remove(&task.id);
        self.finish_task(task, result, out);
    }
}

/// Stops following the earlier objects that are being deleted.
pub(super) fn stop_clearing(run: &mut HookRun, id: &TaskId, out: &mut StepOutput) {
    let Some(clearing) = run.clearing_mut() else { return };
    let left = match std::mem::replace(clearing, Clearing::FindingPrevious) {
        Clearing::FindingPrevious => BTreeSet::new(),
        Clearing::DeletingPrevious { left, .. } => left,
    };
    if let Some(running) = run.running_mut() {
        running.clearing = None;
    }
    let keys: BTreeSet<ObjectKey> = left.into_iter().map(|target| target.key).collect();
    for key in keys {
        stop_watching(run, id, &key, out);
    }
}

/// Takes in how an object is that may be one of an earlier run. When it is gone, returns whether it was the last one.
fn previous_observed(
    clearing: &mut Clearing,
    id: &TaskId,
    key: &ObjectKey,
    fact: &ObservedState,
    out: &mut StepOutput,
) -> Option<bool> {
    let Clearing::DeletingPrevious { left, held_up_by, .. } = clearing else {
        return None;
    };
    let before = left.len();
    left.retain(|target| target.key != *key || is_there(fact, target));
    if left.len() < before {
        return Some(left.is_empty());
    }
    if let ObservedState::Present(seen) = fact
        && left.iter().any(|target| target.key == *key)
        && update_blocker(held_up_by, seen)
        && let Some(reason) = held_up_by
    {
        out.emit(EventKind::TaskProgressed {
            task: id.clone(),
            health: None,
            message: format!("{key} is still there: {reason}"),
        });
    }
    None
}

fn is_there(fact: &ObservedState, target: &ObjectIdentity) -> bool {
    match fact {
        ObservedState::Gone => false,
        ObservedState::Present(seen) => seen.uid == target.uid,
    }
}
