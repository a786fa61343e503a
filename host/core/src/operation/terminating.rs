//! What hooks leave when their application is deleted: the operation ends when it is gone, or says what stays and why.

use jiff::Timestamp;

use super::{
    Operation, StepOutput,
    ask::unwatch,
    hook_run::{Cleanup, HookRun, Terminating},
    state::TaskState,
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
    task::{FailureClass, Task, TaskId},
};

impl Terminating {
    /// Says what is waited for.
    pub fn why_waited_for(&self) -> String {
        match &self.held_up_by {
            Some(reason) => format!("the end of {}: {reason}", self.target.key),
            None => format!("the end of {}", self.target.key),
        }
    }
}

/// Begins to wait for the end of a hook's object, whose deletion the server has accepted.
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
    if let Some(ended) = run.ended_mut() {
        ended.cleanup = Cleanup::AwaitingDeletion(Terminating {
            target,
            until,
            held_up_by: None,
        });
    }
}

/// Returns what becomes of what a hook's object owns where nobody says it. When the application is deleted its pods go before it does, so
/// that none of them is left behind unseen.
pub(super) fn with_all_it_owns(plan: &Plan, otherwise: Propagation) -> Propagation {
    match (plan.does, otherwise) {
        (OperationKind::Delete, Propagation::Background) => Propagation::Foreground,
        (OperationKind::Delete | OperationKind::Sync, otherwise) => otherwise,
    }
}

impl Operation {
    /// Says whether the end of something that hooks made is awaited.
    pub(super) fn has_terminating(&self) -> bool {
        let mut runs = self.state.tasks.values().filter_map(TaskState::as_hook);
        self.state.status == Status::Running && runs.any(|run| run.terminating().is_some())
    }

    /// Takes in a look at a hook's object whose end is awaited.
    pub(super) fn observe_terminating(&mut self, id: &TaskId, key: &ObjectKey, fact: &Fact, out: &mut StepOutput) {
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
            Fact::Present(seen) if seen.uid == terminating.target.uid => {
                if terminating.held_up_by != seen.held_up_by {
                    terminating.held_up_by.clone_from(&seen.held_up_by);
                    out.tell(EventKind::TaskProgressed {
                        task: id.clone(),
                        health: None,
                        message: terminating.why_waited_for(),
                    });
                }
            }
            Fact::Present(_) | Fact::Gone => {
                ended.cleanup = Cleanup::Done;
                out.must_save = true;
                unwatch(id, key, out);
            }
        }
    }

    /// Gives the wait up whose time is over: the operation fails, since it leaves something behind.
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
        let why = held_up_by.as_deref().unwrap_or("nothing tells why");
        let why = format!("not gone after {}: {why}", duration::whole(plan.limits.deletion));
        self.blame(task, FailureClass::Timeout, &format!("{} is {why}", target.key));
        out.must_save = true;
        out.tell(EventKind::HookDisposed {
            task: task.id.clone(),
            key: target.key,
            fate: DisposalOutcome::Stuck(why),
            by: None,
            plugins: Vec::new(),
        });
    }
}
