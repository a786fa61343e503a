//! Runs a wave as Argo CD does: after a refusal later kinds are still applied, and after a failure the rest of the wave is waited for.

use super::{
    Operation, StepOutput, has_sync_fail,
    state::{Stage, TaskState},
    terminating::because,
};
use crate::{
    model::{compat::Rule, hook::HookOutcome, phase::Phase, settings::Wait, wave::Wave},
    plan::{
        Plan,
        task::{Action, FailureClass, Task, TaskResult},
    },
};

/// What has failed in a wave so far, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum WaveFailure {
    /// Every task of the wave succeeded.
    None,
    /// A resource or hook failed after the server had accepted it.
    AfterApply,
    /// The server refused an object.
    Refused,
    /// A deletion failed.
    Removal,
}

impl Operation {
    /// Starts the tasks of the wave that may start, and ends the wave when nothing more is waited for.
    pub(super) fn advance_as_argo_cd(&mut self, plan: &Plan, phase: Phase, wave: Wave, out: &mut StepOutput) -> bool {
        if self.failure_in(plan, phase, wave) < WaveFailure::Removal {
            self.start_batch(plan, out);
        }
        self.stop_watching_after_hooks(plan, phase, wave, out);
        let failure = self.failure_in(plan, phase, wave);
        let tasks = plan.wave(phase, wave);
        let runs = |task: &Task| !self.is_over(task) && !self.is_pending(task) && !self.is_ready(task);
        let running: Vec<&Task> = tasks.iter().filter(|task| runs(task)).collect();
        // A task that waits for a failed one never starts.
        let may_start = |task: &Task| self.is_pending(task) && !self.is_blocked(plan, task);
        let has_more = tasks.iter().any(|task| may_start(task) || self.is_ready(task));
        match failure {
            WaveFailure::None | WaveFailure::AfterApply if has_more || !running.is_empty() => return false,
            WaveFailure::Refused if has_more => return false,
            WaveFailure::Refused | WaveFailure::Removal => {
                let hooks_run = running.iter().any(|task| task.hook().is_some());
                if running.iter().any(|task| !self.is_answered(task)) || (hooks_run && !self.may_start_sync_fail(plan))
                {
                    return false;
                }
                let others: Vec<Task> = running
                    .into_iter()
                    .filter(|task| task.hook().is_none())
                    .cloned()
                    .collect();
                for task in &others {
                    let why = match self.state.tasks.get(&task.id) {
                        Some(TaskState::Deleting { held_up_by, .. }) => because(held_up_by.as_deref()),
                        _ => String::new(),
                    };
                    let text = format!("not awaited any longer, since its wave failed{why}");
                    self.finish_resource(task, TaskResult::Stopped(text), out);
                }
            }
            WaveFailure::None | WaveFailure::AfterApply => {}
        }
        for task in tasks
            .iter()
            .filter(|task| self.is_ready(task))
            .cloned()
            .collect::<Vec<_>>()
        {
            let stopped = TaskResult::Stopped("its wave failed before it started".to_owned());
            self.end_hook(&task, HookOutcome::Failed, stopped, false, out);
        }
        if self.state.stage == Stage::Failing && !self.is_idle(plan) {
            return false;
        }
        self.wave_index.invalidate();
        self.finish_wave(plan, phase, wave, failure == WaveFailure::None, out)
    }

    /// Returns whether SyncFail may start while hooks still run.
    fn may_start_sync_fail(&self, plan: &Plan) -> bool {
        self.state.stage == Stage::Main && has_sync_fail(plan) && plan.mode.has(Rule::SyncFailBesideHooks)
    }

    fn is_idle(&self, plan: &Plan) -> bool {
        plan.tasks
            .iter()
            .all(|task| self.is_pending(task) || self.is_over(task))
    }

    fn failure_in(&self, plan: &Plan, phase: Phase, wave: Wave) -> WaveFailure {
        let of = |task: &Task| match self.state.results.get(&task.id) {
            Some(TaskResult::Failed { class, .. }) => match (&task.action, class) {
                (Action::Delete(_), _) => WaveFailure::Removal,
                (Action::Apply(_), FailureClass::Apply) => WaveFailure::Refused,
                (
                    Action::Apply(_) | Action::Hook(_),
                    FailureClass::Apply
                    | FailureClass::Hook
                    | FailureClass::Health
                    | FailureClass::Timeout
                    | FailureClass::Plugin,
                ) => WaveFailure::AfterApply,
            },
            Some(TaskResult::Stopped(_)) => WaveFailure::AfterApply,
            Some(TaskResult::Done(_) | TaskResult::Tolerated(_)) | None => WaveFailure::None,
        };
        if !self.wave_index.has_failed {
            return WaveFailure::None;
        }
        plan.wave(phase, wave).iter().map(of).max().unwrap_or(WaveFailure::None)
    }

    /// Stops watching resources that are only watched while hooks run.
    fn stop_watching_after_hooks(&mut self, plan: &Plan, phase: Phase, wave: Wave, out: &mut StepOutput) {
        let tasks = plan.wave(phase, wave);
        let never_runs =
            |task: &Task| self.wave_index.has_failed && self.is_pending(task) && self.is_blocked(plan, task);
        let hooks_run = tasks
            .iter()
            .any(|task| task.hook().is_some() && !self.is_over(task) && !never_runs(task));
        if hooks_run {
            return;
        }
        for task in tasks {
            let Action::Apply(apply) = &task.action else { continue };
            if apply.wait == Wait::WhileHooksRun
                && let Some(TaskState::AwaitingHealth(settling)) = self.state.tasks.get(&task.id)
            {
                let mut text = "applied; not awaited any longer, since the hooks have ended".to_owned();
                if let Some(health) = settling.health {
                    text = format!("{text} (it was {health})");
                }
                self.finish_resource(task, TaskResult::Done(text), out);
                self.update_task_index(plan, &task.id);
            }
        }
    }
}
