//! Resources: applied and awaited until healthy, or deleted and awaited until gone.

use super::{
    Operation, Out,
    ask::{clear, unwatch},
    later,
    state::{HookStage, Settling, TaskState},
};
use crate::{
    directive::Wait,
    effect::{Effect, Target},
    event::News,
    fact::{Fact, is_older},
    health::{Assessment, Health},
    input::{Applied, DeleteAnswer, Problem},
    object::ObjectKey,
    plan::Plan,
    task::{Action, ApplyTask, DeleteTask, FailureClass, Task, TaskId, TaskResult},
};

impl Operation {
    pub(super) fn start_delete(&mut self, plan: &Plan, task: &Task, delete: &DeleteTask, out: &mut Out) {
        let until = out.after(plan.limits.deletion);
        let accepted = false;
        self.state
            .tasks
            .insert(task.id.clone(), TaskState::Deleting { accepted, until });
        clear(&task.id, &delete_target(task, delete), delete.propagation, out);
    }

    pub(super) fn start_apply(&mut self, task: &Task, out: &mut Out) {
        self.state.tasks.insert(task.id.clone(), TaskState::Applying);
        out.order(Effect::Apply { task: task.id.clone() });
    }

    pub(super) fn applied(&mut self, plan: &Plan, id: &TaskId, result: Result<Applied, Problem>, out: &mut Out) {
        let Some(task) = plan.task(id) else { return };
        let Action::Apply(apply) = &task.action else { return };
        if self.state.tasks.get(id) != Some(&TaskState::Applying) {
            return;
        }
        let applied = match result {
            Ok(applied) => applied,
            Err(Problem { class, message }) => {
                return self.close(task, TaskResult::Failed { class, message }, out);
            }
        };
        let how = match &apply.changes {
            crate::task::Changes::Create => "created",
            crate::task::Changes::Fields(_) | crate::task::Changes::None if applied.changed => "changed",
            crate::task::Changes::Fields(_) | crate::task::Changes::None => "unchanged",
        };
        out.tell(News::ObjectMade {
            task: id.clone(),
            key: task.key.clone(),
            how: how.to_owned(),
        });
        match apply.wait {
            Wait::Nothing | Wait::Applied => self.close(task, TaskResult::Done(how.to_owned()), out),
            Wait::Healthy => {
                out.must_save = true;
                let settling = Settling {
                    version: applied.resource_version,
                    health: None,
                    message: String::new(),
                    degraded_since: None,
                };
                self.state.tasks.insert(id.clone(), TaskState::Settling(settling));
                out.order(Effect::Watch {
                    task: id.clone(),
                    key: task.key.clone(),
                });
            }
        }
    }

    pub(super) fn observed(&mut self, plan: &Plan, id: &TaskId, key: &ObjectKey, fact: &Fact, out: &mut Out) {
        let Some(task) = plan.task(id) else { return };
        match self.state.tasks.get_mut(id) {
            Some(TaskState::Hook(_)) => self.hook_observed(plan, id, key, fact, out),
            Some(TaskState::Settling(settling)) => {
                let Action::Apply(apply) = &task.action else { return };
                if let Some(result) = settle(settling, apply, task, fact, out) {
                    self.close(task, result, out);
                }
            }
            Some(TaskState::Deleting { .. }) => {
                let Action::Delete(delete) = &task.action else { return };
                let is_there = match fact {
                    Fact::Gone => false,
                    Fact::Present(seen) => seen.uid == delete.uid,
                };
                if !is_there {
                    self.close(task, TaskResult::Done("gone".to_owned()), out);
                }
            }
            Some(TaskState::Pending | TaskState::Applying | TaskState::Over) | None => {}
        }
    }

    pub(super) fn deleted(
        &mut self,
        plan: &Plan,
        id: &TaskId,
        target: &Target,
        result: Result<DeleteAnswer, Problem>,
        out: &mut Out,
    ) {
        let Some(task) = plan.task(id) else { return };
        match self.state.tasks.get_mut(id) {
            Some(TaskState::Deleting { accepted, .. }) => match result {
                Ok(DeleteAnswer::Accepted) => *accepted = true,
                Ok(DeleteAnswer::AlreadyGone) => self.close(task, TaskResult::Done("gone".to_owned()), out),
                Err(Problem { class, message }) => self.close(task, TaskResult::Failed { class, message }, out),
            },
            Some(TaskState::Hook(run)) => match &run.stage {
                HookStage::Ended { .. } => self.own_deleted(id, result, out),
                HookStage::Looking | HookStage::Clearing { .. } | HookStage::Running => match result {
                    Ok(DeleteAnswer::Accepted) => {}
                    Ok(DeleteAnswer::AlreadyGone) => self.hook_observed(plan, id, &target.key, &Fact::Gone, out),
                    Err(Problem { class, message }) => {
                        let message = format!("{} could not be deleted: {message}", target.key);
                        let outcome = crate::hook::HookOutcome::Failed;
                        self.end(task, outcome, TaskResult::Failed { class, message }, false, out);
                    }
                },
            },
            Some(TaskState::Pending | TaskState::Applying | TaskState::Settling(_) | TaskState::Over) | None => {}
        }
    }

    /// Ends the task of a resource.
    pub(super) fn close(&mut self, task: &Task, result: TaskResult, out: &mut Out) {
        match self.state.tasks.insert(task.id.clone(), TaskState::Over) {
            Some(TaskState::Settling(_) | TaskState::Deleting { .. }) => unwatch(&task.id, &task.key, out),
            Some(TaskState::Pending | TaskState::Applying | TaskState::Over | TaskState::Hook(_)) | None => {}
        }
        self.finish(task, result, out);
    }
}

pub(super) fn delete_target(task: &Task, delete: &DeleteTask) -> Target {
    Target {
        key: task.key.clone(),
        uid: delete.uid.clone(),
    }
}

/// Returns how the task ends, if this look at its object ends it.
fn settle(settling: &mut Settling, apply: &ApplyTask, task: &Task, fact: &Fact, out: &mut Out) -> Option<TaskResult> {
    let missing;
    let assessment = match fact {
        Fact::Gone => {
            missing = Assessment::new(
                Health::Missing,
                "somebody deleted it after it was applied",
                "host/missing",
            );
            &missing
        }
        Fact::Present(seen) if is_older(&seen.resource_version, &settling.version) => return None,
        Fact::Present(seen) => &seen.assessment,
    };
    let is_news = settling.health != Some(assessment.health) || settling.message != assessment.message;
    settling.health = Some(assessment.health);
    settling.message.clone_from(&assessment.message);
    if assessment.health != Health::Degraded {
        settling.degraded_since = None;
    }
    match assessment.health {
        Health::Healthy | Health::Suspended => {
            let mut text = assessment.health.to_string();
            if !assessment.message.is_empty() {
                text = format!("{text}: {}", assessment.message);
            }
            return Some(TaskResult::Done(text));
        }
        Health::Degraded => {
            let since = *settling.degraded_since.get_or_insert(out.at);
            let until = later(since, apply.degraded_grace_seconds.saturating_mul(1000));
            if assessment.is_final || until.is_some_and(|until| until <= out.at) {
                return Some(TaskResult::Failed {
                    class: FailureClass::Health,
                    message: format!("Degraded: {}", assessment.message),
                });
            }
        }
        Health::Progressing | Health::Missing | Health::Unknown => {}
    }
    if is_news {
        out.tell(News::TaskProgressed {
            task: task.id.clone(),
            health: Some(assessment.health),
            message: assessment.message.clone(),
        });
    }
    None
}
