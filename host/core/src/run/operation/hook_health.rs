//! The health of a hook's own object, as far as the operation limits how long a state may last: pods that can't start, and a health plugin
//! without an answer. The hook's plugin decides the verdict.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Operation, StepOutput, add_milliseconds,
    plugin_calls::{queue_own_object, report_leftovers},
    resource::{NO_ANSWER_GRACE, unanswered_result},
    state::TaskState,
};
use crate::{
    kubernetes::pod_problems,
    model::{
        health::{self, Assessment, Health},
        hook::HookOutcome,
        object::ObjectKey,
        text,
    },
    plan::{
        Plan,
        task::{HookTask, Task, TaskId},
    },
    run::event::EventKind,
};

/// The health of a hook's own object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct HookObjectHealth {
    /// Since when its pods can't start, or when that was last found worth waiting for.
    #[serde(skip_serializing_if = "Option::is_none")]
    degraded_since: Option<Timestamp>,
    /// How long its pods may be unable to start, in seconds.
    grace_seconds: u64,
    /// The object whose absence keeps its pods from starting.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(rename = "lacks")]
    pub missing_object: Option<Box<ObjectKey>>,
    /// The last message of the health plugin.
    message: String,
    /// Why what its pods lack is waited for beyond that time; nothing while it isn't.
    #[serde(with = "text::or_empty", skip_serializing_if = "Option::is_none")]
    #[serde(rename = "whyAwaited")]
    pub wait_reason: Option<String>,
    /// Whether that time is over, so that the hook's plugin sees a final problem.
    is_grace_over: bool,
    /// Since when the health plugin has given no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    unanswered_since: Option<Timestamp>,
}

impl HookObjectHealth {
    /// Returns whether there is nothing to store.
    pub fn is_clear(&self) -> bool {
        *self == HookObjectHealth::default()
    }

    /// Processes an assessment of the object.
    pub fn observe(&mut self, assessment: &Assessment, hook: &HookTask, now: Timestamp) {
        let unanswered_since = match assessment.rule.as_str() {
            // A hook with a verdict of its own doesn't need the health plugin.
            _ if !hook.has_health_verdict() => None,
            health::NO_ANSWER_RULE => Some(self.unanswered_since.unwrap_or(now)),
            // A plugin that pauses after a failure hasn't answered yet.
            health::ASKED_AGAIN_RULE => self.unanswered_since,
            _ => None,
        };
        let may_end =
            assessment.health == Health::Degraded && assessment.rule == pod_problems::PODS_RULE && !assessment.is_final;
        if may_end {
            self.degraded_since.get_or_insert(now);
            if self.missing_object != assessment.missing_object {
                self.wait_reason = None;
            }
            self.missing_object.clone_from(&assessment.missing_object);
            self.grace_seconds = hook.pods_grace_seconds;
        } else {
            *self = HookObjectHealth::default();
        }
        if may_end || unanswered_since.is_some() {
            self.message.clone_from(&assessment.message);
        }
        self.unanswered_since = unanswered_since;
    }

    fn degraded_until(&self) -> Option<Timestamp> {
        let since = self.degraded_since.filter(|_| !self.is_grace_over)?;
        add_milliseconds(since, Duration::from_secs(self.grace_seconds))
    }

    fn unanswered_until(&self) -> Option<Timestamp> {
        add_milliseconds(self.unanswered_since?, NO_ANSWER_GRACE)
    }

    /// Returns when the next limit is reached.
    pub fn next_due(&self) -> Option<Timestamp> {
        let moments = [self.degraded_until(), self.unanswered_until()];
        moments.into_iter().flatten().min()
    }
}

impl Operation {
    /// Returns whether the time is over for which the pods of a hook's own object may be unable to start.
    pub fn is_grace_over(&self, id: &TaskId) -> bool {
        self.state
            .tasks
            .get(id)
            .and_then(TaskState::as_hook)
            .is_some_and(|run| run.health.is_grace_over)
    }

    /// Acts on the limits that a hook's own object has reached.
    pub(super) fn check_own_health(&mut self, plan: &Plan, task: &Task, out: &mut StepOutput) {
        let now = out.at;
        let has_come = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        let Some(run) = self.state.hook(&task.id) else { return };
        if run.running().is_none() || run.abort.is_some() || run.is_finishing() {
            return;
        }
        if has_come(run.health.unanswered_until()) {
            let result = unanswered_result(&run.health.message);
            report_leftovers(run, &task.id, out);
            return self.end_hook(task, HookOutcome::Failed, result, true, out);
        }
        if !has_come(run.health.degraded_until()) {
            return;
        }
        let (lacks, grace_seconds) = (run.health.missing_object.clone(), run.health.grace_seconds);
        let awaited = lacks.and_then(|lacks| self.reason_to_wait(plan, task, &lacks, grace_seconds, now));
        let Some(run) = self.state.hook(&task.id) else { return };
        out.must_save = true;
        let Some(why) = awaited else {
            run.health.is_grace_over = true;
            run.health.wait_reason = None;
            queue_own_object(run);
            return self.pump(task, out);
        };
        run.health.degraded_since = Some(now);
        if run.health.wait_reason.as_ref() != Some(&why) {
            let message = format!("{}; it is waited for, since {why}", run.health.message);
            run.health.wait_reason = Some(why);
            out.emit(EventKind::TaskProgressed {
                task: task.id.clone(),
                health: None,
                message,
            });
        }
    }
}
