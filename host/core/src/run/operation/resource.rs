//! Resources: applied and waited for until healthy, or deleted and waited for until gone.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    Operation, StepOutput, add_milliseconds,
    plugin_calls::{delete_and_watch, unwatch},
    state::{AwaitedHealth, TaskState},
    terminating::update_blocker,
};
use crate::{
    kubernetes::observed_object::{Freshness, ObservedObject, ObservedState, is_older_version},
    model::{
        compat::{Mode, Rule},
        duration,
        health::{self, Assessment, Health},
        hook::HookOutcome,
        object::ObjectKey,
        remedy::{Command, Setting},
        settings::Wait,
    },
    plan::{
        Plan,
        task::{
            Action, ApplyTask, DeleteTask, DeletionEnd, ExpectedChange, FailureClass, LiveState, Task, TaskId,
            TaskResult,
        },
    },
    run::{
        effect::{Effect, ObjectIdentity, Work},
        event::EventKind,
        input::{AppliedObject, DeleteAnswer, EffectFailure},
    },
};

/// How long the plugin that assesses an object may give no answer. A plugin that fails on an object without a status may answer after a
/// controller has written one.
pub(super) const NO_ANSWER_GRACE: Duration = Duration::from_mins(2);

/// How long a controller may take to see a change when its objects don't tell.
const MAX_CONTROLLER_DELAY: Duration = Duration::from_secs(5);

impl Operation {
    pub(super) fn start_delete(&mut self, plan: &Plan, task: &Task, delete: &DeleteTask, out: &mut StepOutput) {
        let until = out.after(plan.limits.deletion);
        let deleting = TaskState::Deleting {
            accepted: false,
            until,
            held_up_by: None,
        };
        self.state.tasks.insert(task.id.clone(), deleting);
        order_deletion(task, delete, out);
    }

    pub(super) fn start_apply(&mut self, task: &Task, apply: &ApplyTask, out: &mut StepOutput) {
        let (ExpectedChange::None, Some(live)) = (&apply.changes, &apply.live) else {
            return self.order_apply(task, out);
        };
        // It is as desired already, so only its health is needed.
        emit_object_applied(task, "unchanged", out);
        match apply.wait {
            Wait::Nothing | Wait::Applied => self.finish_resource(task, TaskResult::Done("unchanged".to_owned()), out),
            Wait::Healthy | Wait::WhileHooksRun => self.await_health(task, AwaitedHealth::unchanged(live), out),
        }
    }

    fn order_apply(&mut self, task: &Task, out: &mut StepOutput) {
        self.state.retries.remove(&task.id);
        self.state.tasks.insert(task.id.clone(), TaskState::Applying);
        out.work(&task.id, Work::Apply);
    }

    fn await_health(&mut self, task: &Task, settling: AwaitedHealth, out: &mut StepOutput) {
        self.state
            .tasks
            .insert(task.id.clone(), TaskState::AwaitingHealth(Box::new(settling)));
        out.push_effect(Effect::Watch {
            task: task.id.clone(),
            key: task.key.clone(),
        });
    }

    pub(super) fn applied(
        &mut self,
        plan: &Plan,
        id: &TaskId,
        result: Result<AppliedObject, EffectFailure>,
        out: &mut StepOutput,
    ) {
        let Some(task) = plan.task(id) else { return };
        let Action::Apply(apply) = &task.action else { return };
        if self.state.tasks.get(id) != Some(&TaskState::Applying) {
            return;
        }
        let applied = match result {
            Ok(applied) => applied,
            Err(failure) => {
                if !self.schedule_retry(plan, task, &failure.message, out) {
                    self.finish_resource(task, failure.into(), out);
                }
                return;
            }
        };
        self.state.retries.remove(id);
        let how = match &apply.changes {
            ExpectedChange::Create => "created",
            ExpectedChange::Fields(_) | ExpectedChange::None if applied.changed => "changed",
            ExpectedChange::Fields(_) | ExpectedChange::None => "unchanged",
        };
        emit_object_applied(task, how, out);
        if !applied.dropped_fields.is_empty() {
            let fields = applied.dropped_fields.join(", ");
            out.emit(EventKind::TaskProgressed {
                task: id.clone(),
                health: None,
                message: format!("left out because the server doesn't know them (Validate=false): {fields}"),
            });
        }
        let mut settling = match apply.wait {
            Wait::Nothing | Wait::Applied => return self.finish_resource(task, TaskResult::Done(how.to_owned()), out),
            Wait::Healthy | Wait::WhileHooksRun => AwaitedHealth::applied(&applied, out.at),
        };
        // The server's answer may contain the final health.
        let seen = applied.observed.map(ObservedState::Present);
        match seen.and_then(|fact| evaluate_health(plan.mode, &mut settling, apply, task, &fact, out)) {
            Some(result) => self.finish_resource(task, result, out),
            None => self.await_health(task, settling, out),
        }
    }

    pub(super) fn observed(
        &mut self,
        plan: &Plan,
        id: &TaskId,
        key: &ObjectKey,
        fact: &ObservedState,
        out: &mut StepOutput,
    ) {
        let Some(task) = plan.task(id) else { return };
        match self.state.tasks.get_mut(id) {
            Some(TaskState::Hook(_)) => self.hook_observed(plan, id, key, fact, out),
            Some(TaskState::AwaitingHealth(settling)) => {
                let Action::Apply(apply) = &task.action else { return };
                if *fact == ObservedState::Gone && settling.applied_at.is_none() {
                    // It existed when the plan was made.
                    unwatch(id, key, out);
                    return self.order_apply(task, out);
                }
                if let Some(result) = evaluate_health(plan.mode, settling, apply, task, fact, out) {
                    self.finish_resource(task, result, out);
                }
            }
            Some(TaskState::Deleting { held_up_by, .. }) => {
                let Action::Delete(delete) = &task.action else { return };
                match fact {
                    ObservedState::Present(seen) if seen.uid == delete.uid => {
                        if update_blocker(held_up_by, seen) {
                            out.emit(EventKind::TaskProgressed {
                                task: id.clone(),
                                health: None,
                                message: seen.deletion_blocker.clone().unwrap_or_default(),
                            });
                        }
                    }
                    ObservedState::Present(_) | ObservedState::Gone => {
                        self.finish_resource(task, TaskResult::Done("gone".to_owned()), out);
                    }
                }
            }
            Some(TaskState::Pending | TaskState::Applying | TaskState::Over) | None => {}
        }
    }

    pub(super) fn deleted(
        &mut self,
        plan: &Plan,
        id: &TaskId,
        target: &ObjectIdentity,
        result: Result<DeleteAnswer, EffectFailure>,
        out: &mut StepOutput,
    ) {
        let Some(task) = plan.task(id) else { return };
        match self.state.tasks.get_mut(id) {
            Some(TaskState::Deleting { accepted, .. }) => match result {
                Ok(DeleteAnswer::Accepted) if deletion_end(task) == DeletionEnd::Accepted => {
                    self.finish_resource(task, TaskResult::Done("its deletion isn't awaited".to_owned()), out);
                }
                Ok(DeleteAnswer::Accepted) => *accepted = true,
                Ok(DeleteAnswer::AlreadyGone) => self.finish_resource(task, TaskResult::Done("gone".to_owned()), out),
                Err(failure) => self.finish_resource(task, failure.into(), out),
            },
            Some(TaskState::Hook(run)) if run.ended().is_some() => self.hook_object_deleted(plan, id, result, out),
            // It was deleted for something that the hook doesn't wait for any more.
            Some(TaskState::Hook(run)) if !run.awaits_end_of(target) => {}
            Some(TaskState::Hook(_)) => match result {
                Ok(DeleteAnswer::Accepted) => {}
                Ok(DeleteAnswer::AlreadyGone) => self.hook_observed(plan, id, &target.key, &ObservedState::Gone, out),
                Err(mut failure) => {
                    failure.message = format!("{} could not be deleted: {}", target.key, failure.message);
                    let outcome = HookOutcome::Failed;
                    self.end_hook(task, outcome, failure.into(), false, out);
                }
            },
            Some(TaskState::Pending | TaskState::Applying | TaskState::AwaitingHealth(_) | TaskState::Over) | None => {}
        }
    }

    /// Ends the task of a resource.
    pub(super) fn finish_resource(&mut self, task: &Task, result: TaskResult, out: &mut StepOutput) {
        self.state.retries.remove(&task.id);
        match self.state.tasks.insert(task.id.clone(), TaskState::Over) {
            Some(TaskState::AwaitingHealth(_) | TaskState::Deleting { .. }) => unwatch(&task.id, &task.key, out),
            Some(TaskState::Pending | TaskState::Applying | TaskState::Over | TaskState::Hook(_)) | None => {}
        }
        self.finish_task(task, result, out);
    }
}

/// Orders a deletion and its watch; only the watch if the object was already being deleted.
pub(super) fn order_deletion(task: &Task, delete: &DeleteTask, out: &mut StepOutput) {
    match delete.wait_until {
        DeletionEnd::Gone | DeletionEnd::Accepted => {
            delete_and_watch(&task.id, &delete_target(task, delete), delete.propagation, out);
        }
        DeletionEnd::GoneByItself => out.push_effect(Effect::Watch {
            task: task.id.clone(),
            key: task.key.clone(),
        }),
    }
}

fn deletion_end(task: &Task) -> DeletionEnd {
    match &task.action {
        Action::Delete(delete) => delete.wait_until,
        Action::Apply(_) | Action::Hook(_) => DeletionEnd::Gone,
    }
}

fn delete_target(task: &Task, delete: &DeleteTask) -> ObjectIdentity {
    ObjectIdentity {
        key: task.key.clone(),
        uid: delete.uid.clone(),
    }
}

fn emit_object_applied(task: &Task, how: &str, out: &mut StepOutput) {
    out.emit(EventKind::ObjectApplied {
        task: task.id.clone(),
        key: task.key.clone(),
        action: how.to_owned(),
    });
}

impl AwaitedHealth {
    fn unchanged(live: &LiveState) -> AwaitedHealth {
        AwaitedHealth::new(&live.resource_version, None, false)
    }

    fn applied(applied: &AppliedObject, at: Timestamp) -> AwaitedHealth {
        AwaitedHealth::new(&applied.resource_version, Some(at), applied.spec_changed)
    }

    fn new(version: &str, applied_at: Option<Timestamp>, spec_changed: bool) -> AwaitedHealth {
        AwaitedHealth {
            version: version.to_owned(),
            applied_at,
            spec_changed,
            postponed: None,
            health: None,
            message: String::new(),
            degraded_since: None,
            grace_seconds: 0,
            missing_object: None,
            unanswered_since: None,
        }
    }

    /// Returns until when an observation doesn't count, and why: the object's status may be about its old spec.
    fn stale_until(&self, seen: &ObservedObject) -> Option<(Option<Timestamp>, &'static str)> {
        match seen.freshness {
            Freshness::Stale => Some((None, "its controller hasn't seen the change yet")),
            Freshness::Unknown if self.spec_changed && seen.resource_version == self.version => Some((
                self.applied_at
                    .and_then(|at| add_milliseconds(at, MAX_CONTROLLER_DELAY)),
                "it is not known whether its controller has seen the change; waiting a few seconds",
            )),
            Freshness::Current | Freshness::Unknown => None,
        }
    }

    /// Returns until when it may stay Degraded.
    pub(super) fn degraded_until(&self) -> Option<Timestamp> {
        add_milliseconds(self.degraded_since?, Duration::from_secs(self.grace_seconds))
    }

    /// Returns until when its plugin may give no answer.
    pub(super) fn unanswered_until(&self) -> Option<Timestamp> {
        add_milliseconds(self.unanswered_since?, NO_ANSWER_GRACE)
    }

    /// Returns when the wait ends if nothing changes, not counting timeouts.
    pub(super) fn grace_ends_at(&self) -> Option<Timestamp> {
        let ends = [self.degraded_until(), self.unanswered_until()];
        ends.into_iter().flatten().min()
    }

    /// Returns the result if its plugin gave no answer for too long.
    pub(super) fn unanswered_result(&self) -> TaskResult {
        unanswered_result(&self.message)
    }

    /// Returns its last known health in brackets; empty if there is none.
    pub(super) fn last_health(&self) -> String {
        match self.health {
            Some(health) if self.message.is_empty() => format!(" (it was {health})"),
            Some(health) => format!(" (it was {health}: {})", self.message),
            None => String::new(),
        }
    }

    /// Returns when a postponed observation counts after all.
    pub(super) fn recheck_at(&self) -> Option<Timestamp> {
        let seen = self.postponed.as_ref()?;
        self.stale_until(seen)?.0
    }
}

/// Returns the result if the plugin that assesses an object gave no answer for too long. `message` is its last message.
pub(super) fn unanswered_result(message: &str) -> TaskResult {
    TaskResult::Failed {
        class: FailureClass::Plugin,
        message: format!("no answer for {}: {message}", duration::whole(NO_ANSWER_GRACE)),
        remedies: [Command::RunPlugin.into(), Setting::WithoutPlugin.into()].into(),
    }
}

/// Processes an observation of a task's object. Returns the task's result if this ends it.
pub(super) fn evaluate_health(
    mode: Mode,
    settling: &mut AwaitedHealth,
    apply: &ApplyTask,
    task: &Task,
    fact: &ObservedState,
    out: &mut StepOutput,
) -> Option<TaskResult> {
    let substitute;
    settling.postponed = None;
    let assessment = match fact {
        ObservedState::Gone if apply.wait == Wait::Healthy && mode.has(Rule::VanishedFails) => {
            let message = "it is missing; somebody may have deleted it";
            return Some(TaskResult::failed(FailureClass::Health, message));
        }
        ObservedState::Gone => {
            substitute = Assessment::new(
                Health::Missing,
                "somebody deleted it after it was applied",
                "host/missing",
            );
            &substitute
        }
        ObservedState::Present(seen) if is_older_version(&seen.resource_version, &settling.version) => return None,
        ObservedState::Present(seen) => match settling.stale_until(seen) {
            Some((until, why)) if until.is_none_or(|until| out.at < until) => {
                settling.postponed = Some(seen.clone());
                substitute = Assessment::new(Health::Progressing, why, "host/stale");
                &substitute
            }
            Some(_) | None => &seen.assessment,
        },
    };
    match assessment.rule.as_str() {
        health::NO_ANSWER_RULE => {
            settling.unanswered_since.get_or_insert(out.at);
        }
        // A plugin that pauses after a failure hasn't answered yet.
        health::ASKED_AGAIN_RULE if settling.unanswered_since.is_some() => {
            return None;
        }
        _ => settling.unanswered_since = None,
    }
    let is_news = settling.health != Some(assessment.health) || settling.message != assessment.message;
    settling.health = Some(assessment.health);
    settling.message.clone_from(&assessment.message);
    settling.missing_object.clone_from(&assessment.missing_object);
    if assessment.health != Health::Degraded {
        settling.degraded_since = None;
    }
    match assessment.health {
        Health::Suspended if mode.has(Rule::SuspendedIsAwaited) => {}
        Health::Healthy | Health::Suspended => {
            let mut text = assessment.health.to_string();
            if !assessment.message.is_empty() {
                text = format!("{text}: {}", assessment.message);
            }
            return Some(TaskResult::Done(text));
        }
        Health::Degraded => {
            settling.degraded_since.get_or_insert(out.at);
            settling.grace_seconds = apply.grace().seconds_for(assessment).as_secs();
            let until = settling.degraded_until();
            if assessment.is_final || until.is_some_and(|until| until <= out.at) {
                let message = format!("Degraded: {}", assessment.message);
                return Some(TaskResult::failed(FailureClass::Health, message));
            }
        }
        Health::Progressing | Health::Missing | Health::Unknown => {
            if settling.unanswered_until().is_some_and(|until| until <= out.at) {
                return Some(settling.unanswered_result());
            }
        }
    }
    if is_news {
        out.emit(EventKind::TaskProgressed {
            task: task.id.clone(),
            health: Some(assessment.health),
            message: assessment.message.clone(),
        });
    }
    None
}
