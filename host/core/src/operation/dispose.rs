//! What becomes of a hook's object after the verdict: its logs are kept, its time to live is set, its delete policies are asked.
//!
//! The policies of a helper (a `ServiceAccount`, a `ConfigMap`) are asked when its phase has ended, since the phase's other hooks may
//! need it until then, and judge by how the phase ended.

use super::{
    Operation, Out,
    own::guards_ttl,
    state::{Due, HookStage, TaskState, Tidying, Verdict},
    terminating::{await_end, with_all_it_owns},
};
use crate::{
    compat::Rule,
    deletion::PropagationRules,
    effect::{Effect, Target},
    event::{Fate, News, Status},
    hook::{Disposal, HookOutcome, Occasion, Propagation},
    input::{Decision, DeleteAnswer, Problem},
    operation_kind::OperationKind,
    phase::Phase,
    plan::Plan,
    task::{HookTask, Task, TaskId},
};

impl Operation {
    pub(super) fn logs_kept(&mut self, plan: &Plan, id: &TaskId, bytes: u64, trouble: String, out: &mut Out) {
        let Some(task) = plan.task(id) else { return };
        if self.tidying(id) != Some(Tidying::KeepingLogs) {
            return;
        }
        out.tell(News::LogsKept {
            task: id.clone(),
            bytes,
            trouble,
        });
        let must_go = self.verdict(id).is_some_and(|verdict| verdict.must_go);
        if guards_ttl(task) && !must_go {
            self.set_tidying(id, Tidying::SettingTtl);
            out.order(Effect::SetTtl { task: id.clone() });
        } else {
            self.ask_policies(plan, task, out);
        }
    }

    pub(super) fn ttl_set(&mut self, plan: &Plan, id: &TaskId, result: Result<(), Problem>, out: &mut Out) {
        let Some(task) = plan.task(id) else { return };
        if self.tidying(id) != Some(Tidying::SettingTtl) {
            return;
        }
        if let Err(problem) = result {
            out.tell(News::Troubled {
                message: format!("{}: its time to live stays at a day: {}", task.key, problem.message),
            });
        }
        self.ask_policies(plan, task, out);
    }

    fn ask_policies(&mut self, plan: &Plan, task: &Task, out: &mut Out) {
        if task.hook().is_some_and(HookTask::is_helper)
            && let Some(run) = self.state.hook(&task.id)
        {
            run.awaits_phase = true;
            out.must_save = true;
            return self.set_tidying(&task.id, Tidying::Done);
        }
        self.ask_policies_now(plan, task, out);
    }

    fn ask_policies_now(&mut self, plan: &Plan, task: &Task, out: &mut Out) {
        let must_go = self.verdict(&task.id).is_some_and(|verdict| verdict.must_go);
        let is_shared = task.hook().is_some_and(|hook| hook.is_shared);
        let Some(own) = self.own(&task.id).cloned().filter(|_| !is_shared) else {
            return self.set_tidying(&task.id, Tidying::Done);
        };
        if must_go {
            self.delete_own(plan, task, own, Propagation::Background, "stopped".to_owned(), out);
        } else {
            self.ask(task, Occasion::HookFinished, out);
        }
    }

    /// Asks the policies of a phase's helpers, once no hook of the phase runs any more. Returns whether that is under way.
    pub(super) fn end_phase(&mut self, plan: &Plan, phase: Phase, outcome: HookOutcome, out: &mut Out) -> bool {
        let hooks = || {
            plan.tasks
                .iter()
                .filter(|task| task.phase == phase && task.hook().is_some())
        };
        let runs = |task: &Task| !self.is_pending(task) && !self.is_over(task) && !self.is_tidying(task);
        if hooks().any(runs) {
            return false;
        }
        for task in hooks() {
            let Some(run) = self.state.hook(&task.id).filter(|run| run.awaits_phase) else {
                continue;
            };
            run.awaits_phase = false;
            run.phase_outcome = Some(outcome);
            out.must_save = true;
            self.ask_policies_now(plan, task, out);
            self.touch(plan, &task.id);
        }
        hooks().any(|task| self.is_tidying(task))
    }

    /// Does the same for every phase, when the operation was stopped in the middle of one.
    pub(super) fn end_phases(&mut self, plan: &Plan, outcome: HookOutcome, out: &mut Out) -> bool {
        let mut is_under_way = false;
        for phase in Phase::ALL {
            is_under_way |= self.end_phase(plan, phase, outcome, out);
        }
        is_under_way
    }

    fn ask(&mut self, task: &Task, occasion: Occasion, out: &mut Out) {
        self.set_tidying(&task.id, Tidying::Deciding(occasion));
        out.order(Effect::Decide {
            task: task.id.clone(),
            occasion,
        });
    }

    /// Asks the policies of all hooks whose object is still there, now that the operation's outcome is known.
    pub(super) fn ask_all_at_the_end(&mut self, plan: &Plan, out: &mut Out) {
        let is_stopped = matches!(self.state.status, Status::Terminating { .. });
        if is_stopped && plan.mode.has(Rule::TerminateKeepsEnded) {
            return;
        }
        for task in &plan.tasks {
            // By Argo CD's rules a phase may be left while its hooks run, beside SyncFail.
            if let Some(run) = self.state.hook(&task.id).filter(|run| run.awaits_phase) {
                run.awaits_phase = false;
                run.phase_outcome = Some(HookOutcome::Failed);
            }
            let is_shared = task.hook().is_some_and(|hook| hook.is_shared);
            let Some(own) = self.own(&task.id).cloned().filter(|_| !is_shared) else {
                continue;
            };
            let is_due = self.state.due.iter().any(|due| due.target == own);
            if is_due || self.tidying(&task.id) != Some(Tidying::Done) {
                continue;
            }
            if task.phase == Phase::PreDelete && plan.mode.has(Rule::PreDeleteHooksGo) {
                let why = "the application is deleted".to_owned();
                self.delete_own(plan, task, own, Propagation::Background, why, out);
            } else {
                self.ask(task, Occasion::OperationFinished, out);
            }
        }
    }

    pub(super) fn decided(&mut self, plan: &Plan, id: &TaskId, occasion: Occasion, decision: Decision, out: &mut Out) {
        let Some(task) = plan.task(id) else { return };
        if self.tidying(id) != Some(Tidying::Deciding(occasion)) {
            return;
        }
        for trouble in &decision.troubles {
            out.tell(News::PluginTroubled {
                task: id.clone(),
                message: format!("{trouble}; its object stays"),
            });
        }
        let Some(own) = self.own(id).cloned() else {
            return self.set_tidying(id, Tidying::Done);
        };
        if let Some(propagation) = decision.deletion(out.at) {
            return self.delete_own(plan, task, own, propagation, decision.by, out);
        }
        let rules = PropagationRules::of_hook(plan, task);
        let due = |at, ask_again| Due {
            target: own.clone(),
            propagation: rules.annotation.or(rules.application),
            at,
            by: decision.by.clone(),
            ask_again,
        };
        let fate = match decision.disposal {
            Disposal::DeleteAt(at) => self.defer(due(at, false)),
            Disposal::AskAgainAt(at) => self.defer(due(at, true)),
            Disposal::Keep | Disposal::Delete(_) => Fate::Kept,
        };
        out.must_save = true;
        if fate != Fate::Kept || occasion == Occasion::HookFinished {
            out.tell(News::HookDisposed {
                task: id.clone(),
                key: own.key,
                fate,
                by: decision.by,
            });
        }
        self.set_tidying(id, Tidying::Done);
    }

    fn defer(&mut self, due: Due) -> Fate {
        let fate = if due.ask_again {
            Fate::AskedAgain(due.at)
        } else {
            Fate::Due(due.at)
        };
        self.state.due.push(due);
        fate
    }

    /// Orders the deletion of a hook's object. `otherwise` is the propagation where neither annotation nor options say one.
    fn delete_own(&mut self, plan: &Plan, task: &Task, own: Target, otherwise: Propagation, by: String, out: &mut Out) {
        // A hook of the same name took the object over, and its policies delete it already.
        if self.is_being_deleted(&own) {
            if let Some(run) = self.state.hook(&task.id) {
                run.own = None;
            }
            return self.set_tidying(&task.id, Tidying::Done);
        }
        let propagation = PropagationRules::of_hook(plan, task).decide(with_all_it_owns(plan, otherwise));
        if let Some(run) = self.state.hook(&task.id) {
            run.deleting_with = Some(propagation);
        }
        out.tell(News::HookDisposed {
            task: task.id.clone(),
            key: own.key.clone(),
            fate: Fate::Deleted,
            by,
        });
        self.set_tidying(&task.id, Tidying::Deleting);
        out.must_save = true;
        out.order(Effect::Delete {
            task: task.id.clone(),
            target: own,
            propagation,
        });
    }

    fn is_being_deleted(&self, target: &Target) -> bool {
        self.state.tasks.values().any(|state| match state {
            TaskState::Hook(run) => {
                let is_deleting = match &run.stage {
                    HookStage::Ended { tidying, .. } => *tidying == Tidying::Deleting,
                    HookStage::Looking | HookStage::Ready | HookStage::Clearing { .. } | HookStage::Running => false,
                };
                is_deleting && run.own.as_ref() == Some(target)
            }
            TaskState::Pending
            | TaskState::Applying
            | TaskState::Settling(_)
            | TaskState::Deleting { .. }
            | TaskState::Over => false,
        })
    }

    /// Forgets an object that is gone in the hooks of the same name that had it.
    fn forget_own(&mut self, target: &Target) {
        for state in self.state.tasks.values_mut() {
            if let TaskState::Hook(run) = state
                && run.own.as_ref() == Some(target)
                && run.is_over()
            {
                run.own = None;
            }
        }
    }

    /// Takes in that the deletion of the own object was accepted. Its end is awaited where the application is deleted: what stays then is
    /// looked after by nobody.
    pub(super) fn own_deleted(
        &mut self,
        plan: &Plan,
        id: &TaskId,
        result: Result<DeleteAnswer, Problem>,
        out: &mut Out,
    ) {
        if self.tidying(id) != Some(Tidying::Deleting) {
            return;
        }
        self.set_tidying(id, Tidying::Done);
        let is_awaited = plan.does == OperationKind::Delete && self.state.status == Status::Running;
        let Some(run) = self.state.hook(id) else { return };
        match result {
            Ok(answer) => {
                let Some(own) = run.own.take() else { return };
                if answer == DeleteAnswer::Accepted && is_awaited {
                    await_end(run, id, own.clone(), out.after(plan.limits.deletion), out);
                }
                self.forget_own(&own);
            }
            Err(problem) => {
                if let Some(own) = run.own.take() {
                    out.tell(News::HookDisposed {
                        task: id.clone(),
                        key: own.key,
                        fate: Fate::Stuck(problem.message),
                        by: String::new(),
                    });
                }
            }
        }
    }

    pub(super) fn tidying(&mut self, id: &TaskId) -> Option<Tidying> {
        match &self.state.hook(id)?.stage {
            HookStage::Ended { tidying, .. } => Some(tidying.clone()),
            HookStage::Looking | HookStage::Ready | HookStage::Clearing { .. } | HookStage::Running => None,
        }
    }

    fn verdict(&mut self, id: &TaskId) -> Option<Verdict> {
        match &self.state.hook(id)?.stage {
            HookStage::Ended { verdict, .. } => Some(verdict.clone()),
            HookStage::Looking | HookStage::Ready | HookStage::Clearing { .. } | HookStage::Running => None,
        }
    }

    fn set_tidying(&mut self, id: &TaskId, next: Tidying) {
        if let Some(run) = self.state.hook(id)
            && let HookStage::Ended { tidying, .. } = &mut run.stage
        {
            *tidying = next;
        }
    }
}
