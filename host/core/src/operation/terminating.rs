//! Objects of hooks when their application is deleted: the operation waits until they are gone, or reports what remains and why.

use jiff::Timestamp;

use super::{
    Operation, StepOutput,
    ask::unwatch,
    state::{HookRun, TaskState, Terminating},
};
use crate::{
    duration,
    effect::{Effect, Target},
    event::{DisposalOutcome, EventKind, Status},
    fact::Fact,
    hook::Propagation,
    object::ObjectKey,
    operation_kind::OperationKind,
    plan::Plan,
    remedy::Remedies,
    task::{FailureClass, Task, TaskId},
};

impl Terminating {
    /// Returns what is waited for, for users.
    pub fn why_waited_for(&self) -> String {
        format!("the end of {}{}", self.target.key, because(&self.message))
    }
}

/// Says after a colon what holds a deletion up; empty when nothing is known.
pub(super) fn because(held_up_by: &str) -> String {
    if held_up_by.is_empty() {
        String::new()
    } else {
        format!(": {held_up_by}")
    }
}

/// Says what holds up a deletion that is given up.
pub(super) fn why_not_gone(held_up_by: &str) -> &str {
    if held_up_by.is_empty() {
        "nothing tells why"
    } else {
        held_up_by
    }
}

/// Starts to wait until a hook's object is gone. The server has accepted its deletion.
pub(super) fn await_end(
    run: &mut HookRun,
    id: &TaskId,
    target: Target,
    until: Option<Timestamp>,
    out: &mut StepOutput,
) {
    out.must_save = true;
    out.order(Effect::Watch {
        task: id.clone(),
        key: target.key.clone(),
    });
    run.terminating = Some(Terminating {
        target,
        until,
        message: String::new(),
    });
}

/// Returns the default propagation for a hook's object. If the application is deleted, its pods are deleted first, so that none is left
/// behind.
pub(super) fn with_all_it_owns(plan: &Plan, otherwise: Propagation) -> Propagation {
    match (plan.does, otherwise) {
        (OperationKind::Delete, Propagation::Background) => Propagation::Foreground,
        (OperationKind::Delete | OperationKind::Sync, otherwise) => otherwise,
    }
}

impl Operation {
    /// Returns whether the operation waits until objects of hooks are gone.
    pub(super) fn has_terminating(&self) -> bool {
        let mut runs = self.state.tasks.values().filter_map(TaskState::as_hook);
        self.state.status == Status::Running && runs.any(|run| run.terminating.is_some())
    }

    /// Processes an observation of a hook's object that is being deleted.
    pub(super) fn observe_terminating(&mut self, id: &TaskId, key: &ObjectKey, fact: &Fact, out: &mut StepOutput) {
        let Some(run) = self.state.hook(id) else { return };
        let Some(terminating) = run.terminating.as_mut().filter(|one| one.target.key == *key) else {
            return;
        };
        match fact {
            Fact::Present(seen) if seen.uid == terminating.target.uid => {
                if terminating.message != seen.held_up_by {
                    terminating.message.clone_from(&seen.held_up_by);
                    out.tell(EventKind::TaskProgressed {
                        task: id.clone(),
                        health: None,
                        message: terminating.why_waited_for(),
                    });
                }
            }
            Fact::Present(_) | Fact::Gone => {
                run.terminating = None;
                out.must_save = true;
                unwatch(id, key, out);
            }
        }
    }

    /// Stops the wait after its deadline. The operation fails, because it leaves an object behind.
    pub(super) fn check_terminating(&mut self, plan: &Plan, task: &Task, out: &mut StepOutput) {
        let now = out.at;
        let Some(run) = self.state.hook(&task.id) else { return };
        let is_over = |one: &mut Terminating| one.until.is_some_and(|until| until <= now);
        let Some(Terminating { target, message, .. }) = run.terminating.take_if(is_over) else {
            return;
        };
        unwatch(&task.id, &target.key, out);
        let limit = duration::seconds(plan.limits.deletion);
        let why = format!("not gone after {limit}: {}", why_not_gone(&message));
        let what = format!("{} is {why}", target.key);
        self.blame(task, FailureClass::Timeout, &what, &Remedies::default());
        out.must_save = true;
        out.tell(EventKind::HookDisposed {
            task: task.id.clone(),
            key: target.key,
            fate: DisposalOutcome::Stuck(why),
            by: String::new(),
            plugins: Vec::new(),
        });
    }
}
