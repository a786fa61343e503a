//! A new driver continues the operation: effects without an answer are ordered again.

use std::collections::BTreeSet;

use super::{
    Operation, StepOutput,
    hook_run::{Cleanup, Clearing, HookRun, HookStage, Turn},
    plugin_calls::delete_and_watch,
    resource::order_deletion,
    state::{Stage, TaskState},
};
use crate::{
    model::{hook::Propagation, object::ObjectKey, plugins::Request},
    plan::{
        Plan,
        propagation::{DecidedPropagation, PropagationRules},
        task::{Action, TaskId},
    },
    run::{
        effect::{Effect, PendingObservationKind, Work},
        event::EventKind,
    },
};

impl Operation {
    pub(super) fn resume(&mut self, plan: &Plan, out: &mut StepOutput) {
        if self.state.stage == Stage::New {
            return self.begin(plan, out);
        }
        self.state.wake = None;
        self.state.notice_at = out.after(plan.limits.notice);
        out.emit(EventKind::OperationResumed {});
        if self.state.stage == Stage::Checking {
            self.order_checks(out);
        }
        for task in &plan.tasks {
            match self.state.tasks.get_mut(&task.id) {
                Some(TaskState::Applying) => {
                    if let Some(again) = self.state.retries.get_mut(&task.id) {
                        again.at = None;
                    }
                    out.work(&task.id, Work::Apply);
                }
                Some(TaskState::AwaitingHealth(_)) => out.push_effect(Effect::Watch {
                    task: task.id.clone(),
                    key: task.key.clone(),
                }),
                Some(TaskState::Deleting { .. }) => {
                    if let Action::Delete(delete) = &task.action {
                        order_deletion(task, delete, out);
                    }
                }
                Some(TaskState::Hook(run)) => {
                    // States of version 0.1.0 don't contain the propagation.
                    if let Some(again) = self.state.retries.get_mut(&task.id) {
                        again.at = None;
                    }
                    let usual = PropagationRules::for_hook(plan, task).decide(Propagation::Background);
                    repeat_effects(run, &task.id, run.deleting_with.unwrap_or(usual), out);
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

fn repeat_effects(run: &mut HookRun, id: &TaskId, propagation: DecidedPropagation, out: &mut StepOutput) {
    match &run.stage {
        HookStage::Ready => {}
        HookStage::Clearing(clearing) => clear_again(clearing, id, propagation, out),
        HookStage::Running(running) => {
            if let Turn::Asking(call) = &running.turn {
                out.work(id, Work::StepHook(call.clone()));
            }
            if let Some(clearing) = &running.clearing {
                clear_again(clearing, id, propagation, out);
            }
            for ask in &run.requests.pending {
                // It is tried again when nothing has the name any more.
                let waits = running.clearing.is_some() && ask.request == Request::CreateOwn;
                if !waits {
                    out.work(id, Work::Perform(ask.clone()));
                }
            }
            // A watch reports the object's state again, so observations of the older state are dropped.
            run.queue.retain(|note| {
                note.kind != PendingObservationKind::Object
                    && !matches!(note.kind, PendingObservationKind::OtherObject(_))
            });
            let going = run.requests.deleting.values().map(|target| &target.key);
            let others: BTreeSet<&ObjectKey> = run.requests.watching.values().chain(going).collect();
            for key in others {
                watch(id, key, out);
            }
            if let Some(own) = &run.object {
                if run.requests.deleting_own.is_some() {
                    delete_and_watch(id, own, propagation, out);
                } else if run.requests.is_own_watched {
                    watch(id, &own.key, out);
                }
            }
        }
        HookStage::Ended(ended) => match &ended.cleanup {
            Cleanup::KeepingLogs => out.work(id, Work::KeepLogs),
            Cleanup::SettingTtl => out.work(id, Work::SetTtl),
            Cleanup::Deciding(occasion) => out.work(id, Work::Decide(*occasion)),
            Cleanup::Deleting => {
                if let Some(own) = &run.object {
                    let target = own.clone();
                    out.work(id, Work::Delete { target, propagation });
                }
            }
            Cleanup::AwaitingDeletion(terminating) => watch(id, &terminating.target.key, out),
            Cleanup::AwaitingPhase | Cleanup::Done => {}
        },
    }
}

fn clear_again(clearing: &Clearing, id: &TaskId, propagation: DecidedPropagation, out: &mut StepOutput) {
    match clearing {
        Clearing::FindingPrevious => out.work(id, Work::LookForOlder),
        Clearing::DeletingPrevious { left, .. } => {
            for target in left {
                delete_and_watch(id, target, propagation, out);
            }
        }
    }
}

fn watch(id: &TaskId, key: &ObjectKey, out: &mut StepOutput) {
    out.push_effect(Effect::Watch {
        task: id.clone(),
        key: key.clone(),
    });
}
