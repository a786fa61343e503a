//! Repeats requests that failed because a webhook didn't answer.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Operation, StepOutput, add_milliseconds,
    state::{Stage, TaskState},
};
use crate::{
    kubernetes::webhook,
    plan::{
        Plan,
        task::{FailureClass, Task, TaskId, TaskResult},
    },
    run::{
        effect::Work,
        event::{EventKind, OperationStatus},
    },
};

/// How long a webhook may take to answer for an object without a timeout of its own.
const LONGEST: Duration = Duration::from_mins(5);
/// The longest pause between two requests.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A request that is repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PendingRetry {
    /// When the request is repeated; `None` while it is being executed.
    pub at: Option<Timestamp>,
    /// When it failed first; `None` in states that an earlier version stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// How often it has failed.
    pub failures: u32,
    /// Why it failed last, for users.
    pub message: String,
}

impl Operation {
    /// Schedules the repetition of a task's apply, or of its hook's request, if it failed because a webhook didn't answer. Returns whether
    /// it did.
    pub(super) fn schedule_retry(&mut self, plan: &Plan, task: &Task, message: &str, out: &mut StepOutput) -> bool {
        let Some(unanswered) = webhook::find_unanswered(message) else {
            return false;
        };
        // Requests of a failed wave aren't repeated. In SyncFail a failure has always happened before.
        let has_failed = self.state.cause.is_some() && self.state.stage != Stage::Failing;
        let is_stopped = self.state.hook(&task.id).is_some_and(|run| run.abort.is_some());
        if has_failed || is_stopped || self.state.status != OperationStatus::Running {
            return false;
        }
        let before = self.state.retries.get(&task.id);
        let failures = before.map_or(0, |again| again.failures);
        let since = before.and_then(|again| again.since).unwrap_or(out.at);
        let (begun, longest) = match task.timeout_seconds {
            Some(seconds) => (
                self.state.started.get(&task.id).copied().unwrap_or(since),
                Duration::from_secs(seconds),
            ),
            None => (since, LONGEST),
        };
        let Some(until) = add_milliseconds(begun, longest).filter(|until| *until > out.at) else {
            return false;
        };
        let pause = 1_u64
            .checked_shl(failures)
            .map_or(LONGEST_PAUSE, Duration::from_secs)
            .min(LONGEST_PAUSE);
        let own = unanswered
            .service
            .filter(|(namespace, name)| is_service_of_plan(plan, namespace, name));
        let who = match own {
            Some((_, name)) => format!("the webhook behind Service/{name} of this set isn't up yet"),
            None => "a webhook doesn't respond".to_owned(),
        };
        let message_with_limit = format!("{who}; retrying for up to {} s: {message}", longest.as_secs());
        if before.map(|again| again.message.as_str()) != Some(message_with_limit.as_str()) {
            out.emit(EventKind::TaskProgressed {
                task: task.id.clone(),
                health: None,
                message: message_with_limit.clone(),
            });
        }
        let at = out.after(pause).map(|at| at.min(until));
        let again = PendingRetry {
            at,
            since: Some(since),
            failures: failures.saturating_add(1),
            message: message_with_limit,
        };
        self.state.retries.insert(task.id.clone(), again);
        out.must_save = true;
        true
    }

    /// Repeats a hook's request that is due. There is at most one, because a writing request blocks later ones.
    pub(super) fn retry_request(&mut self, task: &Task, out: &mut StepOutput) {
        let Some(again) = self.state.retries.get_mut(&task.id) else {
            return;
        };
        if again.at.is_none_or(|at| at > out.at) {
            return;
        }
        again.at = None;
        let Some(run) = self.state.hook(&task.id) else { return };
        for ask in run.requests.pending.iter().filter(|ask| ask.request.is_write()) {
            out.work(&task.id, Work::Perform(ask.clone()));
        }
    }

    /// Drops a scheduled repetition, because the hook is being stopped. A request that is being executed gets an answer.
    pub(super) fn cancel_request_retry(&mut self, id: &TaskId) {
        if self.retry_time(id).is_none() {
            return;
        }
        self.state.retries.remove(id);
        if let Some(run) = self.state.hook(id) {
            run.requests.pending.retain(|ask| !ask.request.is_write());
        }
    }

    /// Returns when a task's request is repeated.
    pub(super) fn retry_time(&self, id: &TaskId) -> Option<Timestamp> {
        self.state.retries.get(id)?.at
    }

    /// Repeats an apply that is due.
    pub(super) fn retry_apply(&mut self, task: &Task, out: &mut StepOutput) {
        let Some(again) = self.state.retries.get_mut(&task.id) else {
            return;
        };
        if again.at.is_some_and(|at| at <= out.at) {
            again.at = None;
            out.work(&task.id, Work::Apply);
        }
    }

    /// Ends a task whose apply is scheduled to be repeated. An apply that is being executed gets an answer.
    pub(super) fn end_waiting_apply(
        &mut self,
        task: &Task,
        result: impl FnOnce(String) -> TaskResult,
        out: &mut StepOutput,
    ) {
        if self.state.tasks.get(&task.id) != Some(&TaskState::Applying) {
            return;
        }
        if self.retry_time(&task.id).is_some()
            && let Some(again) = self.state.retries.remove(&task.id)
        {
            self.finish_resource(task, result(again.message), out);
        }
    }

    /// Stops the tasks among these that wait for a repetition, because their wave has failed or the operation is being stopped.
    pub(super) fn stop_waiting_applies(&mut self, tasks: &[Task], out: &mut StepOutput) {
        if self.state.retries.is_empty() {
            return;
        }
        for task in tasks {
            let result = |why: String| TaskResult::Stopped(format!("not applied: {why}"));
            self.end_waiting_apply(task, result, out);
        }
        self.wave_index.invalidate();
    }

    /// Fails the tasks among these that wait for a repetition, because a deadline has passed.
    pub(super) fn give_up_waiting_applies(&mut self, tasks: &[Task], what: &str, out: &mut StepOutput) {
        if self.state.retries.is_empty() {
            return;
        }
        for task in tasks {
            let result = |why: String| TaskResult::failed(FailureClass::Timeout, format!("{what}: {why}"));
            self.end_waiting_apply(task, result, out);
        }
        self.wave_index.invalidate();
    }
}

/// Returns whether the plan applies a Service.
pub(super) fn is_service_of_plan(plan: &Plan, namespace: &str, name: &str) -> bool {
    plan.tasks.iter().any(|task| {
        let key = &task.key;
        key.group.is_empty()
            && key.kind == "Service"
            && key.namespace == namespace
            && key.name == name
            && task.object.is_some()
    })
}
