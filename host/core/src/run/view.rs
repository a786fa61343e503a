//! The view of an operation: computed from its events, and the only source for everything that is shown.

mod timing;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::timing::{EarlierTry, TaskTiming, WaveView};
use crate::{
    model::{
        health::Health,
        object::ObjectKey,
        operation_kind::{OperationKind, Purpose},
        phase::Phase,
        plugins::{Application, FailureCause},
        remedy::Remedies,
        text::{self, truncated_to},
        wave::Wave,
    },
    plan::{
        Skipped, TaskIndex,
        task::{TaskId, TaskResult},
    },
    run::{
        event::{DisposalOutcome, Event, EventKind, OperationStatus, TaskOutline, WaitingOn},
        operation::Operation,
    },
};

/// The maximum number of problems that are listed for an operation, and for each of its tasks.
const MAX_PROBLEMS: usize = 20;
/// The maximum number of tasks that a message about a blocked task names.
const MAX_NAMES: usize = 10;
/// The maximum length of texts in bytes in a view that would be too large to be stored.
const BRIEF_BYTES: usize = 100;

/// The view of an operation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationView {
    /// The operation's ID.
    pub operation: String,
    /// Sync or delete, and the application; `None` before the first event.
    pub about: Option<(OperationKind, Application)>,
    /// Whether a sync deploys, rolls back or tests.
    #[serde(default, skip_serializing_if = "Purpose::is_deploy")]
    pub purpose: Purpose,
    /// The objects that are skipped, with reasons.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Skipped>,
    /// The number of the attempt, from 1.
    #[serde(default)]
    pub attempt: u32,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// The status; `None` before the first event.
    pub status: Option<OperationStatus>,
    /// The current phase, and the wave if one is running.
    pub current: Option<(Phase, Option<Wave>)>,
    /// The waves that began, in the order in which they did. Empty in views that version 0.1.0 stored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waves: Vec<WaveView>,
    /// The tasks in the plan's order.
    pub tasks: Vec<TaskView>,
    /// Why the operation failed, as SyncFail hooks receive it.
    pub cause: Option<FailureCause>,
    /// The tasks in the last report about what the operation waits for; empty after any other event.
    pub waiting: Vec<WaitingOn>,
    /// The first problems that aren't about a task.
    #[serde(rename = "troubles")]
    pub problems: Vec<String>,
    /// The number of further such problems.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[serde(rename = "troublesLeftOut")]
    pub problems_left_out: u32,
    /// The number of the last event that was processed.
    pub seq: u64,
    /// The position of each task, computed on first use.
    #[serde(skip)]
    pub index: TaskIndex,
}

/// The view of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskView {
    /// The task, as the first event describes it.
    pub outline: TaskOutline,
    /// Whether it has started or ended.
    pub progress: TaskProgress,
    /// Its object with its real name, also for `generateName`.
    pub object: Option<ObjectKey>,
    /// The health of its object.
    pub health: Option<Health>,
    /// What it is doing, or how it ended.
    pub message: String,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// When its parts happened.
    #[serde(default, skip_serializing_if = "TaskTiming::is_empty")]
    pub timing: TaskTiming,
    /// The number of bytes of its saved logs.
    pub logs: Option<u64>,
    /// What happened to its objects, including those of earlier runs.
    #[serde(rename = "fates")]
    pub disposals: BTreeMap<String, (DisposalOutcome, String)>,
    /// The first problems of its plugins.
    #[serde(rename = "troubles")]
    pub problems: Vec<String>,
    /// The number of further such problems.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[serde(rename = "troublesLeftOut")]
    pub problems_left_out: u32,
    /// The requests of its plugin that aren't about its own object.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<RequestView>,
    /// Other objects that were changed for it, each with the last change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[serde(rename = "touched")]
    pub modified_objects: Vec<(ObjectKey, String)>,
}

/// A request of a hook's plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestView {
    /// The request in a few words.
    #[serde(rename = "what")]
    pub request: String,
    /// How often it was made.
    #[serde(rename = "times")]
    pub count: u32,
    /// Why it was refused; nothing when it was granted.
    #[serde(with = "text::or_empty", default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "refused")]
    pub refusal: Option<String>,
    /// What may help when it was refused.
    #[serde(default, skip_serializing_if = "Remedies::is_empty")]
    pub remedies: Remedies,
}

/// Whether a task has started or ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskProgress {
    /// The task hasn't started.
    Pending,
    /// The task has started and not ended.
    Running,
    /// The task ended, with this result.
    Finished(TaskResult),
}

impl OperationView {
    /// Processes one event. An event that was processed before changes nothing.
    pub fn fold(&mut self, event: &Event) {
        if event.seq <= self.seq {
            return;
        }
        self.seq = event.seq;
        self.waiting.clear();
        match &event.kind {
            EventKind::OperationStarted {
                format: _,
                operation,
                operation_kind: kind,
                application,
                tasks,
                purpose,
                skipped,
            } => {
                self.operation.clone_from(operation);
                self.purpose = *purpose;
                self.skipped.clone_from(skipped);
                self.about = Some((*kind, application.clone()));
                self.started_at = Some(event.at);
                self.status = Some(OperationStatus::Running);
                self.attempt = 1;
                self.tasks = tasks.iter().cloned().map(TaskView::new).collect();
                self.index = TaskIndex::default();
            }
            EventKind::OperationResumed {} | EventKind::CheckStarted { .. } | EventKind::CheckFinished { .. } => {}
            EventKind::Retrying { attempt, .. } => {
                self.attempt = *attempt;
                self.current = None;
            }
            EventKind::PhaseStarted { phase, cause } => {
                self.current = Some((*phase, None));
                if cause.is_some() {
                    self.cause.clone_from(cause);
                }
            }
            EventKind::WaveStarted { phase, wave } => {
                self.current = Some((*phase, Some(*wave)));
                self.waves.push(WaveView {
                    phase: *phase,
                    wave: *wave,
                    attempt: self.attempt,
                    started_at: event.at,
                    finished_at: None,
                });
            }
            EventKind::WaveFinished { phase, wave } => {
                self.current = Some((*phase, None));
                self.finish_wave(*phase, *wave, event.at);
            }
            EventKind::PhaseFinished { .. } => self.current = None,
            EventKind::Problem { message } => add_problem(&mut self.problems, &mut self.problems_left_out, message),
            EventKind::Waiting { tasks: on } => self.waiting.clone_from(on),
            EventKind::Stopping { reason: why } => self.status = Some(OperationStatus::Terminating { by: why.clone() }),
            EventKind::OperationFinished { status } => {
                self.status = Some(status.clone());
                self.finished_at = Some(event.at);
                self.current = None;
                // A wave that failed or was stopped has no event of its own.
                for wave in &mut self.waves {
                    wave.finished_at.get_or_insert(event.at);
                }
            }
            EventKind::TaskBlocked { task, waits_for: on } => {
                let mut names: Vec<String> = on
                    .iter()
                    .take(MAX_NAMES)
                    .map(|task| {
                        self.task(task)
                            .map_or_else(|| task.to_string(), |view| view.outline.key.kind_and_name())
                    })
                    .collect();
                if on.len() > names.len() {
                    names.push(format!("{} more", on.len() - names.len()));
                }
                if let Some(view) = self.position(task).and_then(|position| self.tasks.get_mut(position)) {
                    view.message = format!("waits for {}", names.join(", "));
                    view.timing.held_since.get_or_insert(event.at);
                    view.timing.held_by = on.iter().take(MAX_NAMES).cloned().collect();
                }
            }
            EventKind::TaskStarted { task }
            | EventKind::ObjectApplied { task, .. }
            | EventKind::TaskProgressed { task, .. }
            | EventKind::TaskFinished { task, .. }
            | EventKind::LogsSaved { task, .. }
            | EventKind::HookDisposed { task, .. }
            | EventKind::PluginRequested { task, .. }
            | EventKind::HookModifiedObject { task, .. }
            | EventKind::PluginProblem { task, .. } => {
                if let Some(view) = self.position(task).and_then(|position| self.tasks.get_mut(position)) {
                    view.fold(event.at, &event.kind);
                }
            }
        }
    }

    /// Creates a view of an operation whose own view wasn't stored. Only its tasks are known.
    pub fn from_operation(operation: &Operation) -> OperationView {
        let mut view = OperationView::default();
        view.fold(&Event {
            seq: 1,
            // Later events and the stored head contain the time.
            at: Timestamp::UNIX_EPOCH,
            kind: operation.started_event(),
        });
        view.started_at = None;
        view.seq = operation.state().seq;
        view.attempt = operation.state().attempt;
        view.problems
            .push("its earlier state was too large to be stored".to_owned());
        view
    }

    /// Returns a copy with little more than the state of each task, for a view that would be too large to be stored.
    #[must_use]
    pub fn shortened(&self) -> OperationView {
        let mut brief = self.clone();
        brief.waiting.clear();
        brief.skipped.clear();
        for task in &mut brief.tasks {
            task.message = truncated_to(std::mem::take(&mut task.message), BRIEF_BYTES);
            if let TaskProgress::Finished(result) = &mut task.progress {
                let message = result.message_mut();
                *message = truncated_to(std::mem::take(message), BRIEF_BYTES);
            }
            let left_out =
                task.problems.len() + task.requests.len() + task.modified_objects.len() + task.disposals.len();
            task.problems_left_out = task
                .problems_left_out
                .saturating_add(u32::try_from(left_out).unwrap_or(u32::MAX));
            task.timing.held_by.clear();
            task.timing.earlier.clear();
            task.problems.clear();
            task.requests.clear();
            task.modified_objects.clear();
            task.disposals.clear();
        }
        brief
    }

    fn finish_wave(&mut self, phase: Phase, wave: Wave, at: Timestamp) {
        let ran = |view: &&mut WaveView| view.phase == phase && view.wave == wave && view.finished_at.is_none();
        if let Some(view) = self.waves.iter_mut().rev().find(ran) {
            view.finished_at = Some(at);
        }
    }

    /// Says whether two views show the same operation in the same way. What version 0.1.0 did not store is not compared if `stored` lacks it.
    pub fn agrees_with(&self, stored: &OperationView) -> bool {
        let has_timing = |task: &TaskView| {
            let is_in = |wave: &WaveView| (wave.phase, wave.wave) == (task.outline.phase, task.outline.wave);
            task.started_at.is_none() || stored.waves.iter().any(is_in)
        };
        if stored.tasks.iter().all(has_timing) {
            return self == stored;
        }
        self.without_timing() == stored.without_timing()
    }

    fn without_timing(&self) -> OperationView {
        let mut view = self.clone();
        view.waves.clear();
        for task in &mut view.tasks {
            task.timing = TaskTiming::default();
        }
        view
    }

    /// Returns the view of a task.
    pub fn task(&self, id: &TaskId) -> Option<&TaskView> {
        self.tasks.get(self.position(id)?)
    }

    fn position(&self, id: &TaskId) -> Option<usize> {
        self.index
            .position(id, || self.tasks.iter().map(|view| &view.outline.id))
    }
}

/// Adds a problem, or counts it if there are many.
fn add_problem(troubles: &mut Vec<String>, left_out: &mut u32, message: &str) {
    if troubles.len() < MAX_PROBLEMS {
        troubles.push(message.to_owned());
    } else {
        *left_out = left_out.saturating_add(1);
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl TaskView {
    fn new(outline: TaskOutline) -> TaskView {
        TaskView {
            outline,
            progress: TaskProgress::Pending,
            object: None,
            health: None,
            message: String::new(),
            started_at: None,
            finished_at: None,
            timing: TaskTiming::default(),
            logs: None,
            disposals: BTreeMap::new(),
            problems: Vec::new(),
            problems_left_out: 0,
            requests: Vec::new(),
            modified_objects: Vec::new(),
        }
    }

    fn fold(&mut self, at: Timestamp, news: &EventKind) {
        match news {
            EventKind::TaskStarted { .. } => {
                if let Some(started_at) = self.started_at {
                    self.timing.begin_again(EarlierTry {
                        started_at,
                        finished_at: self.finished_at,
                        result: match &self.progress {
                            TaskProgress::Finished(result) => Some(result.clone()),
                            TaskProgress::Pending | TaskProgress::Running => None,
                        },
                    });
                }
                self.progress = TaskProgress::Running;
                self.message.clear();
                self.finished_at = None;
                self.started_at = Some(at);
            }
            EventKind::ObjectApplied { key, action, .. } => {
                self.object = Some(key.clone());
                self.timing.made(at, action);
            }
            EventKind::TaskProgressed { health, message, .. } => {
                if health.is_some() {
                    self.health = *health;
                }
                self.message.clone_from(message);
            }
            EventKind::TaskFinished { result, .. } => {
                result.message().clone_into(&mut self.message);
                self.progress = TaskProgress::Finished(result.clone());
                self.finished_at = Some(at);
            }
            EventKind::LogsSaved { bytes, .. } => self.logs = Some(*bytes),
            EventKind::HookDisposed {
                key, outcome: fate, by, ..
            } => {
                self.disposals
                    .insert(key.to_string(), (fate.clone(), by.clone().unwrap_or_default()));
            }
            EventKind::PluginProblem { message, .. } => {
                add_problem(&mut self.problems, &mut self.problems_left_out, message);
            }
            EventKind::PluginRequested {
                request: what,
                times,
                refusal: refused,
                remedies,
                ..
            } => {
                self.requests.retain(|known| known.request != *what);
                self.requests.push(RequestView {
                    request: what.clone(),
                    count: *times,
                    refusal: refused.clone(),
                    remedies: remedies.clone(),
                });
            }
            EventKind::HookModifiedObject { key, action: how, .. } => {
                self.modified_objects.retain(|(known, _)| known != key);
                self.modified_objects.push((key.clone(), how.clone()));
            }
            EventKind::OperationStarted { .. }
            | EventKind::OperationResumed {}
            | EventKind::CheckStarted { .. }
            | EventKind::CheckFinished { .. }
            | EventKind::Retrying { .. }
            | EventKind::PhaseStarted { .. }
            | EventKind::WaveStarted { .. }
            | EventKind::WaveFinished { .. }
            | EventKind::PhaseFinished { .. }
            | EventKind::Problem { .. }
            | EventKind::Waiting { .. }
            | EventKind::Stopping { .. }
            | EventKind::TaskBlocked { .. }
            | EventKind::OperationFinished { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_troubles_are_counted_rather_than_listed() {
        let mut view = OperationView::default();
        for seq in 1..=50 {
            view.fold(&Event {
                seq,
                at: Timestamp::UNIX_EPOCH,
                kind: EventKind::Problem {
                    message: format!("trouble {seq}"),
                },
            });
        }
        assert_eq!((view.problems.len(), view.problems_left_out), (20, 30));
        assert_eq!(view.problems.last().map(String::as_str), Some("trouble 20"));
    }
}
