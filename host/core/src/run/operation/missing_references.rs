//! A missing Secret or ConfigMap that pods need: whether something of the operation may still create it.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Operation, StepOutput, add_milliseconds, state::TaskState};
use crate::{
    model::object::ObjectKey,
    plan::{
        Plan, degraded_grace,
        task::{Action, Task, TaskId},
    },
    run::{event::EventKind, makers},
};

/// Separates a message from the reason why something is waited for.
const WAIT_REASON_PREFIX: &str = "; it is waited for, since ";

impl Operation {
    /// Gives an object more time after its grace if the missing object may still be created.
    pub(super) fn wait_for_missing(&mut self, plan: &Plan, task: &Task, out: &mut StepOutput) {
        let Some(TaskState::AwaitingHealth(settling)) = self.state.tasks.get(&task.id) else {
            return;
        };
        if settling.degraded_until().is_none_or(|until| until > out.at) {
            return;
        }
        let Action::Apply(apply) = &task.action else { return };
        let why = settling
            .missing_object
            .as_ref()
            .and_then(|lacks| self.reason_to_wait(plan, task, lacks, apply.pods_grace_seconds, out.at));
        let Some(TaskState::AwaitingHealth(settling)) = self.state.tasks.get_mut(&task.id) else {
            return;
        };
        let before = settling.message.clone();
        // The earlier reason may not apply any more.
        if let Some(end) = before.rfind(WAIT_REASON_PREFIX) {
            settling.message.truncate(end);
        }
        let Some(why) = why else { return };
        settling.degraded_since = Some(out.at);
        settling.message.push_str(WAIT_REASON_PREFIX);
        settling.message.push_str(&why);
        if settling.message != before {
            out.emit(EventKind::TaskProgressed {
                task: task.id.clone(),
                health: settling.health,
                message: settling.message.clone(),
            });
        }
        out.must_save = true;
    }

    /// Returns why a missing object may still be created; `None` if it may not. What a Job or hook could create is waited for as long as it
    /// runs; what an object of the set names, until the waiting object's timeout; what a controller of the set may create without naming
    /// it, for [`degraded_grace::CONTROLLER_CREATION_GRACE`]. `grace_seconds` is how long the object may be Degraded by its pods.
    pub(super) fn reason_to_wait(
        &self,
        plan: &Plan,
        task: &Task,
        lacks: &ObjectKey,
        grace_seconds: u64,
        now: Timestamp,
    ) -> Option<String> {
        // A user who set a grace means it.
        if grace_seconds != degraded_grace::POD_PROBLEM_GRACE.as_secs() {
            return None;
        }
        let others = || plan.tasks.iter().filter(|other| other.id != task.id);
        // A task that lacks nothing itself is the better reason. Two tasks that wait for each other create nothing.
        let mut blocked = BTreeSet::from([&task.id]);
        let working =
            others().find(|other| self.runs_to_completion_now(other) && self.missing_object_of(other).is_none());
        let running = working.or_else(|| others().find(|other| self.may_create_something(plan, other, &mut blocked)));
        if let Some(running) = running {
            return Some(format!("{} still runs and may make it", running.key.kind_and_name()));
        }
        let begun = || others().filter(|other| self.is_applied_or_applying(other));
        if let Some(maker) = begun().find(|other| creates(other, lacks)) {
            return Some(format!("{} stands for it", maker.key.kind_and_name()));
        }
        let started = self.state.started.get(&task.id)?;
        let until = add_milliseconds(*started, degraded_grace::CONTROLLER_CREATION_GRACE)?;
        if now >= until {
            return None;
        }
        let maker = begun().find(|other| makers::may_create(plan, other, lacks))?;
        Some(format!("{} may create it", maker.key.kind_and_name()))
    }

    /// Returns whether a task runs something that ends by itself and hasn't ended.
    fn runs_to_completion_now(&self, task: &Task) -> bool {
        match (self.state.tasks.get(&task.id), &task.action) {
            (Some(TaskState::Hook(run)), Action::Hook(hook)) => hook.runs_to_completion && run.running().is_some(),
            (Some(TaskState::Applying | TaskState::AwaitingHealth(_)), Action::Apply(_)) => {
                task.key.group == "batch" && task.key.kind == "Job"
            }
            _ => false,
        }
    }

    /// Returns whether a task is running to completion and its pods can work: they lack nothing, or something that another such task may
    /// create. `blocked` are the tasks that are known to wait.
    fn may_create_something<'plan>(
        &self,
        plan: &'plan Plan,
        task: &'plan Task,
        blocked: &mut BTreeSet<&'plan TaskId>,
    ) -> bool {
        if !self.runs_to_completion_now(task) || blocked.contains(&task.id) {
            return false;
        }
        let Some(lacks) = self.missing_object_of(task) else {
            return true;
        };
        blocked.insert(&task.id);
        let mut others = plan.tasks.iter().filter(|other| other.id != task.id);
        others.any(|other| {
            let is_maker = creates(other, lacks) || makers::may_create(plan, other, lacks);
            (is_maker && self.is_applied_or_applying(other)) || self.may_create_something(plan, other, blocked)
        })
    }

    /// Returns the object that a task's pods lack.
    fn missing_object_of(&self, task: &Task) -> Option<&ObjectKey> {
        match self.state.tasks.get(&task.id)? {
            TaskState::Hook(run) => run.health.missing_object.as_deref(),
            TaskState::AwaitingHealth(settling) => settling.missing_object.as_deref(),
            TaskState::Pending | TaskState::Applying | TaskState::Deleting { .. } | TaskState::Over => None,
        }
    }

    /// Returns whether a task's object has been applied or is being applied.
    fn is_applied_or_applying(&self, task: &Task) -> bool {
        task.object.is_some() && !self.is_pending(task) && !self.has_failed(task)
    }
}

/// Returns whether a controller creates the missing object from a task's object.
fn creates(task: &Task, lacks: &ObjectKey) -> bool {
    task.object
        .as_ref()
        .is_some_and(|object| makers::creates(object, lacks))
}
