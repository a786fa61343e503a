//! The cleanup of a hook's object after the verdict: its logs are saved, its time to live is set, its delete policies are asked.
//!
//! The policies of a helper (a `ServiceAccount`, a `ConfigMap`) are asked when its phase has ended, with the outcome of the phase, because
//! other hooks of the phase may need it until then.

use super::{
    Operation, StepOutput,
    hook_object::has_short_ttl,
    hook_run::{Cleanup, HookRun, Verdict},
    state::{ScheduledDeletion, TaskState},
    terminating::{await_deletion, propagation_with_pods},
};
use crate::{
    model::{
        compat::Rule,
        hook::{Disposal, HookOutcome, Occasion, Propagation},
        operation_kind::OperationKind,
        phase::Phase,
    },
    plan::{
        Plan,
        propagation::PropagationRules,
        task::{HookTask, Task, TaskId},
    },
    run::{
        effect::{ObjectIdentity, Work},
        event::{DisposalOutcome, EventKind, OperationStatus},
        input::{DeleteAnswer, DisposalDecision, EffectFailure},
    },
};

/// Why a hook's object is deleted.
struct DeletionReason {
    /// The name of the delete policy, or another reason.
    by: Option<String>,
    /// The plugins of the delete policies that decided.
    plugins: Vec<String>,
}

impl DeletionReason {
    /// Creates a reason without a delete policy.
    fn without_policy(text: &str) -> DeletionReason {
        DeletionReason {
            by: Some(text.to_owned()),
            plugins: Vec::new(),
        }
    }
}

impl Operation {
    pub(super) fn logs_kept(
        &mut self,
        plan: &Plan,
        id: &TaskId,
        bytes: u64,
        trouble: Option<String>,
        out: &mut StepOutput,
    ) {
        let Some(task) = plan.task(id) else { return };
        if self.cleanup(id) != Some(Cleanup::KeepingLogs) {
            return;
        }
        out.emit(EventKind::LogsSaved {
            task: id.clone(),
            bytes,
            problem: trouble,
        });
        let must_go = self.verdict(id).is_some_and(|verdict| verdict.must_go);
        if has_short_ttl(task) && !must_go {
            self.set_cleanup(id, Cleanup::SettingTtl);
            out.work(id, Work::SetTtl);
        } else {
            self.ask_policies(plan, task, out);
        }
    }

    pub(super) fn ttl_set(
        &mut self,
        plan: &Plan,
        id: &TaskId,
        result: Result<(), EffectFailure>,
        out: &mut StepOutput,
    ) {
        let Some(task) = plan.task(id) else { return };
        if self.cleanup(id) != Some(Cleanup::SettingTtl) {
            return;
        }
        if let Err(problem) = result {
            out.emit(EventKind::Problem {
                message: format!("{}: its time to live stays at a day: {}", task.key, problem.message),
            });
        }
        self.ask_policies(plan, task, out);
    }

    fn ask_policies(&mut self, plan: &Plan, task: &Task, out: &mut StepOutput) {
        if task.hook().is_some_and(HookTask::is_helper) {
            out.must_save = true;
            return self.set_cleanup(&task.id, Cleanup::AwaitingPhase);
        }
        self.ask_policies_now(plan, task, out);
    }

    fn ask_policies_now(&mut self, plan: &Plan, task: &Task, out: &mut StepOutput) {
        let must_go = self.verdict(&task.id).is_some_and(|verdict| verdict.must_go);
        let is_shared = task.hook().is_some_and(|hook| hook.is_shared);
        let Some(own) = self.hook_object(&task.id).cloned().filter(|_| !is_shared) else {
            return self.set_cleanup(&task.id, Cleanup::Done);
        };
        if must_go {
            self.delete_hook_object(
                plan,
                task,
                own,
                Propagation::Background,
                DeletionReason::without_policy("stopped"),
                out,
            );
        } else {
            self.ask_delete_policies(task, Occasion::HookFinished, out);
        }
    }

    /// Asks the policies of a phase's helpers if no hook of the phase is running. Returns whether their cleanup isn't done.
    pub(super) fn end_phase(&mut self, plan: &Plan, phase: Phase, outcome: HookOutcome, out: &mut StepOutput) -> bool {
        let hooks = || {
            plan.tasks
                .iter()
                .filter(|task| task.phase == phase && task.hook().is_some())
        };
        let runs = |task: &Task| !self.is_pending(task) && !self.is_over(task) && !self.is_cleaning_up(task);
        if hooks().any(runs) {
            return false;
        }
        for task in hooks() {
            if !self.phase_has_ended(&task.id, outcome) {
                continue;
            }
            out.must_save = true;
            self.ask_policies_now(plan, task, out);
            self.update_task_index(plan, &task.id);
        }
        hooks().any(|task| self.is_cleaning_up(task))
    }

    /// Does the same for every phase, when the operation was stopped within one.
    pub(super) fn end_phases(&mut self, plan: &Plan, outcome: HookOutcome, out: &mut StepOutput) -> bool {
        let mut is_under_way = false;
        for phase in Phase::ALL {
            is_under_way |= self.end_phase(plan, phase, outcome, out);
        }
        is_under_way
    }

    /// Notes how the phase of a helper ended that waits for that. Returns whether it does.
    fn phase_has_ended(&mut self, id: &TaskId, outcome: HookOutcome) -> bool {
        let ended = self.state.hook(id).and_then(HookRun::ended_mut);
        let Some(ended) = ended.filter(|ended| ended.cleanup == Cleanup::AwaitingPhase) else {
            return false;
        };
        ended.cleanup = Cleanup::Done;
        ended.phase_outcome = Some(outcome);
        true
    }

    fn ask_delete_policies(&mut self, task: &Task, occasion: Occasion, out: &mut StepOutput) {
        self.set_cleanup(&task.id, Cleanup::Deciding(occasion));
        out.work(&task.id, Work::Decide(occasion));
    }

    /// Asks the policies of all hooks whose object still exists, now that the operation's outcome is known.
    pub(super) fn ask_policies_at_end(&mut self, plan: &Plan, out: &mut StepOutput) {
        let is_stopped = matches!(self.state.status, OperationStatus::Terminating { .. });
        if is_stopped && plan.mode.has(Rule::TerminateKeepsEnded) {
            return;
        }
        for task in &plan.tasks {
            // In compat mode SyncFail may start while hooks of another phase run.
            self.phase_has_ended(&task.id, HookOutcome::Failed);
            let is_shared = task.hook().is_some_and(|hook| hook.is_shared);
            let Some(own) = self.hook_object(&task.id).cloned().filter(|_| !is_shared) else {
                continue;
            };
            let is_due = self.state.scheduled_deletions.iter().any(|due| due.target == own);
            if is_due || self.cleanup(&task.id) != Some(Cleanup::Done) {
                continue;
            }
            if task.phase == Phase::PreDelete && plan.mode.has(Rule::PreDeleteHooksGo) {
                let why = DeletionReason::without_policy("the application is deleted");
                self.delete_hook_object(plan, task, own, Propagation::Background, why, out);
            } else {
                self.ask_delete_policies(task, Occasion::OperationFinished, out);
            }
        }
    }

    pub(super) fn decided(
        &mut self,
        plan: &Plan,
        id: &TaskId,
        occasion: Occasion,
        decision: DisposalDecision,
        out: &mut StepOutput,
    ) {
        let Some(task) = plan.task(id) else { return };
        if self.cleanup(id) != Some(Cleanup::Deciding(occasion)) {
            return;
        }
        for trouble in &decision.problems {
            out.emit(EventKind::PluginProblem {
                task: id.clone(),
                message: format!("{trouble}; its object stays"),
            });
        }
        let Some(own) = self.hook_object(id).cloned() else {
            return self.set_cleanup(id, Cleanup::Done);
        };
        if let Some(propagation) = decision.deletion(out.at) {
            let why = DeletionReason {
                by: decision.decided_by,
                plugins: decision.plugins,
            };
            return self.delete_hook_object(plan, task, own, propagation, why, out);
        }
        let rules = PropagationRules::for_hook(plan, task);
        let due = |at, ask_again| ScheduledDeletion {
            target: own.clone(),
            propagation: rules.annotation.or(rules.application),
            due_at: at,
            decided_by: decision.decided_by.clone().unwrap_or_default(),
            plugins: decision.plugins.clone(),
            ask_again,
        };
        let fate = match decision.disposal {
            Disposal::DeleteAt(at) => self.schedule_deletion(due(at, false)),
            Disposal::AskAgainAt(at) => self.schedule_deletion(due(at, true)),
            Disposal::Keep | Disposal::Delete(_) => DisposalOutcome::Kept,
        };
        out.must_save = true;
        if fate != DisposalOutcome::Kept || occasion == Occasion::HookFinished {
            out.emit(EventKind::HookDisposed {
                task: id.clone(),
                key: own.key,
                outcome: fate,
                by: decision.decided_by,
                plugins: decision.plugins,
            });
        }
        self.set_cleanup(id, Cleanup::Done);
    }

    fn schedule_deletion(&mut self, due: ScheduledDeletion) -> DisposalOutcome {
        let fate = if due.ask_again {
            DisposalOutcome::AskedAgain(due.due_at)
        } else {
            DisposalOutcome::Due(due.due_at)
        };
        self.state.scheduled_deletions.push(due);
        fate
    }

    /// Deletes a hook's object. `otherwise` is the propagation if neither annotation nor options set one.
    fn delete_hook_object(
        &mut self,
        plan: &Plan,
        task: &Task,
        own: ObjectIdentity,
        otherwise: Propagation,
        why: DeletionReason,
        out: &mut StepOutput,
    ) {
        // A hook of the same name uses the object now, and its policies already delete it.
        if self.is_being_deleted(&own) {
            if let Some(run) = self.state.hook(&task.id) {
                run.object = None;
            }
            return self.set_cleanup(&task.id, Cleanup::Done);
        }
        let propagation = PropagationRules::for_hook(plan, task).decide(propagation_with_pods(plan, otherwise));
        if let Some(run) = self.state.hook(&task.id) {
            run.deleting_with = Some(propagation);
        }
        out.emit(EventKind::HookDisposed {
            task: task.id.clone(),
            key: own.key.clone(),
            outcome: DisposalOutcome::Deleted,
            by: why.by,
            plugins: why.plugins,
        });
        self.set_cleanup(&task.id, Cleanup::Deleting);
        out.must_save = true;
        out.work(
            &task.id,
            Work::Delete {
                target: own,
                propagation,
            },
        );
    }

    fn is_being_deleted(&self, target: &ObjectIdentity) -> bool {
        self.state.tasks.values().any(|state| match state {
            TaskState::Hook(run) => {
                let is_deleting = run.ended().is_some_and(|ended| ended.cleanup == Cleanup::Deleting);
                is_deleting && run.object.as_ref() == Some(target)
            }
            TaskState::Pending
            | TaskState::Applying
            | TaskState::AwaitingHealth(_)
            | TaskState::Deleting { .. }
            | TaskState::Over => false,
        })
    }

    /// Forgets an object that is gone, in all ended hooks that had it.
    fn forget_hook_object(&mut self, target: &ObjectIdentity) {
        for state in self.state.tasks.values_mut() {
            if let TaskState::Hook(run) = state
                && run.object.as_ref() == Some(target)
                && run.is_over()
            {
                run.object = None;
            }
        }
    }

    /// Processes the answer to the deletion of a hook's object. If the application is deleted, the operation waits until the object is
    /// gone.
    pub(super) fn hook_object_deleted(
        &mut self,
        plan: &Plan,
        id: &TaskId,
        result: Result<DeleteAnswer, EffectFailure>,
        out: &mut StepOutput,
    ) {
        if self.cleanup(id) != Some(Cleanup::Deleting) {
            return;
        }
        self.set_cleanup(id, Cleanup::Done);
        let is_awaited = plan.operation_kind == OperationKind::Delete && self.state.status == OperationStatus::Running;
        let Some(run) = self.state.hook(id) else { return };
        match result {
            Ok(answer) => {
                let Some(own) = run.object.take() else { return };
                if answer == DeleteAnswer::Accepted && is_awaited {
                    await_deletion(run, id, own.clone(), out.after(plan.limits.deletion), out);
                }
                self.forget_hook_object(&own);
            }
            Err(problem) => {
                if let Some(own) = run.object.take() {
                    out.emit(EventKind::HookDisposed {
                        task: id.clone(),
                        key: own.key,
                        outcome: DisposalOutcome::Stuck(problem.message),
                        by: None,
                        plugins: Vec::new(),
                    });
                }
            }
        }
    }

    pub(super) fn cleanup(&mut self, id: &TaskId) -> Option<Cleanup> {
        self.state.hook(id)?.ended().map(|ended| ended.cleanup.clone())
    }

    fn verdict(&mut self, id: &TaskId) -> Option<Verdict> {
        self.state.hook(id)?.ended().map(|ended| ended.verdict.clone())
    }

    fn set_cleanup(&mut self, id: &TaskId, next: Cleanup) {
        if let Some(ended) = self.state.hook(id).and_then(HookRun::ended_mut) {
            ended.cleanup = next;
        }
    }
}
