//! A new driver carries on: whatever was ordered and not answered is ordered again.

use std::collections::BTreeSet;

use super::{
    Operation, StepOutput,
    ask::clear,
    resource::order_deletion,
    state::{Cleanup, HookRun, HookStage, Stage, TaskState},
};
use crate::{
    deletion::{DecidedPropagation, PropagationRules},
    effect::{Effect, PendingObservationKind, Work},
    event::EventKind,
    hook::Propagation,
    object::ObjectKey,
    plan::Plan,
    task::{Action, TaskId},
};

impl Operation {
    pub(super) fn resume(&mut self, plan: &Plan, out: &mut StepOutput) {
        if self.state.stage == Stage::New {
            return self.begin(plan, out);
        }
        self.state.wake = None;
        self.state.notice_at = out.after(plan.limits.notice);
        out.tell(EventKind::OperationResumed {});
        if self.state.stage == Stage::Checking {
            self.order_checks(out);
        }
        for task in &plan.tasks {
            match self.state.tasks.get_mut(&task.id) {
                Some(TaskState::Applying) => {
                    if let Some(again) = self.state.again.get_mut(&task.id) {
                        again.at = None;
                    }
                    out.work(&task.id, Work::Apply);
                }
                Some(TaskState::AwaitingHealth(_)) => out.order(Effect::Watch {
                    task: task.id.clone(),
                    key: task.key.clone(),
                }),
                Some(TaskState::Deleting { .. }) => {
                    if let Action::Delete(delete) = &task.action {
                        order_deletion(task, delete, out);
                    }
                }
                Some(TaskState::Hook(run)) => {
                    // What a plugin or policy asked for is unknown in state that version 0.1.0 stored.
                    if let Some(again) = self.state.again.get_mut(&task.id) {
                        again.at = None;
                    }
                    let usual = PropagationRules::of_hook(plan, task).decide(Propagation::Background);
                    order_again(run, &task.id, run.deleting_with.unwrap_or(usual), out);
                    for mark in &run.delivered_signals {
                        out.work(&task.id, Work::ForgetSignal { mark: mark.clone() });
                    }
                    self.pump(task, out);
                }
                Some(TaskState::Pending | TaskState::Over) | None => {}
            }
        }
    }
}

fn order_again(run: &mut HookRun, id: &TaskId, propagation: DecidedPropagation, out: &mut StepOutput) {
    let task = id.clone();
    match &run.stage {
        HookStage::FindingPrevious => out.work(id, Work::LookForOlder),
        HookStage::Ready => {}
        HookStage::DeletingPrevious { left, .. } => {
            for target in left {
                clear(id, target, propagation, out);
            }
        }
        HookStage::Running => {
            if let (Some(call), None) = (&run.current_call, run.retry_at) {
                out.work(&task, Work::StepHook(call.clone()));
            }
            for ask in &run.pending_requests {
                out.work(&task, Work::Perform(ask.clone()));
            }
            // A watch tells the object's state anew; what was noted about the older one is dropped.
            run.queue.retain(|note| {
                note.what != PendingObservationKind::Object && !matches!(note.what, PendingObservationKind::Seen(_))
            });
            let going = run.deleting_others.values().map(|target| &target.key);
            let others: BTreeSet<&ObjectKey> = run.watching.values().chain(going).collect();
            for key in others {
                out.order(Effect::Watch {
                    task: task.clone(),
                    key: key.clone(),
                });
            }
            if let Some(own) = &run.object {
                if run.deleting.is_some() {
                    clear(id, own, propagation, out);
                } else if run.watched {
                    out.order(Effect::Watch {
                        task,
                        key: own.key.clone(),
                    });
                }
            }
        }
        HookStage::Ended { tidying, .. } => match (tidying, &run.object) {
            (Cleanup::KeepingLogs, _) => out.work(id, Work::KeepLogs),
            (Cleanup::SettingTtl, _) => out.work(id, Work::SetTtl),
            (Cleanup::Deciding(occasion), _) => out.work(id, Work::Decide(*occasion)),
            (Cleanup::Deleting, Some(own)) => out.work(
                id,
                Work::Delete {
                    target: own.clone(),
                    propagation,
                },
            ),
            (Cleanup::Deleting, None) | (Cleanup::Done, _) => {
                if let Some(terminating) = &run.terminating {
                    out.order(Effect::Watch {
                        task,
                        key: terminating.target.key.clone(),
                    });
                }
            }
        },
    }
}
