//! Objects of hooks when their application is deleted: the operation waits until they are gone, or reports what remains and why.

use jiff::Timestamp;

use super::{
    Operation, StepOutput,
    hook_run::{Cleanup, HookRun, Terminating},
    plugin_calls::unwatch,
    state::TaskState,
};
use crate::{
    kubernetes::observed_object::{ObservedObject, ObservedState},
    model::{duration, hook::Propagation, object::ObjectKey, operation_kind::OperationKind, remedy::Remedies},
    plan::{
        Plan,
        task::{FailureClass, Task, TaskId},
    },
    run::{
        effect::{Effect, ObjectIdentity},
        event::{DisposalOutcome, EventKind, OperationStatus},
    },
};

impl Terminating {
    /// Returns what is waited for, for users.
    pub fn wait_reason(&self) -> String {
        format!("the end of {}{}", self.target.key, because(self.held_up_by.as_deref()))
    }
}

/// Stores what holds up a deletion, and returns whether that has changed.
pub(super) fn update_blocker(held_up_by: &mut Option<String>, seen: &ObservedObject) -> bool {
    let has_changed = *held_up_by != seen.deletion_blocker;
    if has_changed {
        held_up_by.clone_from(&seen.deletion_blocker);
    }
    has_changed
}

/// Returns what holds up a deletion, after a colon; empty if it isn't known.
pub(super) fn because(held_up_by: Option<&str>) -> String {
    held_up_by.map(|reason| format!(": {reason}")).unwrap_or_default()
}

/// Returns what holds up a deletion for which the operation no longer waits.
pub(super) fn why_not_gone(held_up_by: Option<&str>) -> &str {
    held_up_by.unwrap_or("the reason is not known")
}

/// Starts to wait until a hook's object is gone. The server has accepted its deletion.
pub(super) fn await_deletion(
    run: &mut HookRun,
    id: &TaskId,
    target: ObjectIdentity,
    until: Option<Timestamp>,
    out: &mut StepOutput,
) {
    out.must_save = true;
    out.push_effect(Effect::Watch {
        task: id.clone(),
        key: target.key.clone(),
    });
    if let Some(ended) = run.ended_mut() {
        ended.cleanup = Cleanup::AwaitingDeletion(Terminating {
            target,
            until,
            held_up_by: None,
        });
    }
}

/// Returns the default propagation for a hook's object. If the application is deleted, its pods are deleted first, so that none is left
/// behind.
pub(super) fn propagation_with_pods(plan: &Plan, otherwise: Propagation) -> Propagation {
    match (plan.operation_kind, otherwise) {
        (OperationKind::Delete, Propagation::Background) => Propagation::Foreground,
        (OperationKind::Delete | OperationKind::Sync, otherwise) => otherwise,
    }
}

impl Operation {
    /// Returns whether the operation waits until objects of hooks are gone.
    pub(super) fn awaits_deletions(&self) -> bool {
        let mut runs = self.state.tasks.values().filter_map(TaskState::as_hook);
        self.state.status == OperationStatus::Running && runs.any(|run| run.terminating().is_some())
    }

    /// Processes an observation of a hook's object that is being deleted.
    pub(super) fn observe_terminating(
        &mut self,
        id: &TaskId,
        key: &ObjectKey,
        fact: &ObservedState,
        out: &mut StepOutput,
    ) {
        let Some(ended) = self.state.hook(id).and_then(HookRun::ended_mut) else {
            return;
        };
        let Cleanup::AwaitingDeletion(terminating) = &mut ended.cleanup else {
            return;
        };
        if terminating.target.key != *key {
            return;
        }
        match fact {
            ObservedState::Present(seen) if seen.uid == terminating.target.uid => {
                if update_blocker(&mut terminating.held_up_by, seen) {
                    out.emit(EventKind::TaskProgressed {
                        task: id.clone(),
                        health: None,
                        message: terminating.wait_reason(),
                    });
                }
            }
            ObservedState::Present(_) | ObservedState::Gone => {
                ended.cleanup = Cleanup::Done;
                out.must_save = true;
                unwatch(id, key, out);
            }
        }
    }

    /// Stops the wait after its deadline. The operation fails, because it leaves an object behind.
    pub(super) fn check_terminating(&mut self, plan: &Plan, task: &Task, out: &mut StepOutput) {
        let now = out.at;
        let Some(ended) = self.state.hook(&task.id).and_then(HookRun::ended_mut) else {
            return;
        };
        let Terminating { target, held_up_by, .. } = match &ended.cleanup {
            Cleanup::AwaitingDeletion(one) if one.until.is_some_and(|until| until <= now) => one.clone(),
            _ => return,
        };
        ended.cleanup = Cleanup::Done;
        unwatch(&task.id, &target.key, out);
        let limit = duration::whole(plan.limits.deletion);
        let why = format!("not gone after {limit}: {}", why_not_gone(held_up_by.as_deref()));
        let what = format!("{} is {why}", target.key);
        self.record_failure(task, FailureClass::Timeout, &what, &Remedies::default());
        out.must_save = true;
        out.emit(EventKind::HookDisposed {
            task: task.id.clone(),
            key: target.key,
            outcome: DisposalOutcome::Stuck(why),
            by: None,
            plugins: Vec::new(),
        });
    }
}
