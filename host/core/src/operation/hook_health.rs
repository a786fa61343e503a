//! How a hook's own object is, as far as the operation itself counts how long that may last: pods that can't start, and a judge that
//! gives no answer. The verdict is the hook's plugin's, which is shown the object.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Operation, StepOutput,
    ask::{note_object, tell_left},
    later,
    resource::{NO_ANSWER_GRACE, no_answer},
    state::TaskState,
};
use crate::{
    event::EventKind,
    health::{self, Assessment, Health},
    hook::HookOutcome,
    object::ObjectKey,
    plan::Plan,
    pods,
    task::{HookTask, Task, TaskId},
    text,
};

/// How a hook's own object is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct OwnHealth {
    /// Since when its pods can't start, or when that was last found to be worth waiting for.
    #[serde(skip_serializing_if = "Option::is_none")]
    degraded_since: Option<Timestamp>,
    /// How long that may last, in seconds.
    grace_seconds: u64,
    /// What its pods lack.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lacks: Option<Box<ObjectKey>>,
    /// What its judge said last.
    message: String,
    /// Why what its pods lack is waited for beyond that time; nothing while it isn't.
    #[serde(with = "text::or_empty", skip_serializing_if = "Option::is_none")]
    pub why_awaited: Option<String>,
    /// Whether the time is over, so that the plugin is shown that waiting is useless.
    is_grace_over: bool,
    /// Since when the plugin that judges it has given no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    unanswered_since: Option<Timestamp>,
}

impl OwnHealth {
    /// Says whether there is nothing to remember.
    pub fn is_clear(&self) -> bool {
        *self == OwnHealth::default()
    }

    /// Takes in one judgement of the object.
    pub fn observe(&mut self, assessment: &Assessment, hook: &HookTask, now: Timestamp) {
        let unanswered_since = match assessment.rule.as_str() {
            // Whoever has a verdict of its own doesn't need the judge's.
            _ if !hook.ends_by_health() => None,
            health::NO_ANSWER => Some(self.unanswered_since.unwrap_or(now)),
            // A plugin that rests after it broke hasn't answered yet.
            health::ASKED_AGAIN => self.unanswered_since,
            _ => None,
        };
        let may_end = assessment.health == Health::Degraded && assessment.rule == pods::RULE && !assessment.is_final;
        if may_end {
            self.degraded_since.get_or_insert(now);
            if self.lacks != assessment.lacks {
                self.why_awaited = None;
            }
            self.lacks.clone_from(&assessment.lacks);
            self.grace_seconds = hook.pods_grace_seconds;
        } else {
            *self = OwnHealth::default();
        }
        if may_end || unanswered_since.is_some() {
            self.message.clone_from(&assessment.message);
        }
        self.unanswered_since = unanswered_since;
    }

    fn degraded_until(&self) -> Option<Timestamp> {
        let since = self.degraded_since.filter(|_| !self.is_grace_over)?;
        later(since, Duration::from_secs(self.grace_seconds))
    }

    fn unanswered_until(&self) -> Option<Timestamp> {
        later(self.unanswered_since?, NO_ANSWER_GRACE)
    }

    /// Returns the next moment at which the time for something is over.
    pub fn next(&self) -> Option<Timestamp> {
        let moments = [self.degraded_until(), self.unanswered_until()];
        moments.into_iter().flatten().min()
    }
}

impl Operation {
    /// Says whether the time is over that the own object of a hook has for what its pods lack.
    pub fn is_grace_over(&self, id: &TaskId) -> bool {
        self.state
            .tasks
            .get(id)
            .and_then(TaskState::as_hook)
            .is_some_and(|run| run.health.is_grace_over)
    }

    /// Acts on the times that are over for a hook's own object.
    pub(super) fn check_own_health(&mut self, plan: &Plan, task: &Task, out: &mut StepOutput) {
        let now = out.at;
        let has_come = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        let Some(run) = self.state.hook(&task.id) else { return };
        if run.running().is_none() || run.abort.is_some() || run.is_finishing() {
            return;
        }
        if has_come(run.health.unanswered_until()) {
            let result = no_answer(&run.health.message);
            tell_left(run, &task.id, out);
            return self.end(task, HookOutcome::Failed, result, true, out);
        }
        if !has_come(run.health.degraded_until()) {
            return;
        }
        let (lacks, grace_seconds) = (run.health.lacks.clone(), run.health.grace_seconds);
        let awaited = lacks.and_then(|lacks| self.may_still_come(plan, task, &lacks, grace_seconds, now));
        let Some(run) = self.state.hook(&task.id) else { return };
        out.must_save = true;
        let Some(why) = awaited else {
            run.health.is_grace_over = true;
            run.health.why_awaited = None;
            note_object(run);
            return self.pump(task, out);
        };
        run.health.degraded_since = Some(now);
        if run.health.why_awaited.as_ref() != Some(&why) {
            let message = format!("{}; it is waited for, since {why}", run.health.message);
            run.health.why_awaited = Some(why);
            out.tell(EventKind::TaskProgressed {
                task: task.id.clone(),
                health: None,
                message,
            });
        }
    }
}
