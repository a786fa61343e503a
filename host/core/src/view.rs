//! What an operation looks like: a fold over its events, and the only source of what any face shows.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    event::{DisposalOutcome, Event, EventKind, Status, TaskOutline, WaitingOn},
    health::Health,
    object::ObjectKey,
    operation::Operation,
    operation_kind::{OperationKind, Purpose},
    phase::Phase,
    plan::{Skipped, TaskIndex},
    plugins::{Application, FailureCause},
    task::{TaskId, TaskResult},
    text::{self, bounded_to},
    wave::Wave,
};

/// How many troubles of an operation, and of each of its tasks, are listed.
const MOST_TROUBLES: usize = 20;
/// How many of the tasks that one waits for are named.
const MOST_NAMES: usize = 10;
/// How many bytes of a text are kept in a view that would be too large to be stored.
const BRIEF_BYTES: usize = 100;

/// An operation as people see it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationView {
    /// Its id.
    pub operation: String,
    /// What it does, and for which application; nothing before its first event.
    pub about: Option<(OperationKind, Application)>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Purpose::is_deploy")]
    pub purpose: Purpose,
    /// What it leaves alone, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Skipped>,
    /// Which try it is, from 1.
    #[serde(default)]
    pub attempt: u32,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// How it is.
    pub status: Option<Status>,
    /// Where it is.
    pub current: Option<(Phase, Option<Wave>)>,
    /// Its tasks, in the plan's order.
    pub tasks: Vec<TaskView>,
    /// What SyncFail was told.
    pub cause: Option<FailureCause>,
    /// What was waited for when that was last told; empty as soon as something happens.
    pub waiting: Vec<WaitingOn>,
    /// What went wrong outside any task: the first of it.
    pub troubles: Vec<String>,
    /// How much more of that isn't listed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub troubles_left_out: u32,
    /// The last event taken in.
    pub seq: u64,
    /// Where each task is; made when it is first asked for.
    #[serde(skip)]
    pub index: TaskIndex,
}

/// A task as people see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskView {
    /// The task.
    pub outline: TaskOutline,
    /// How far it is.
    pub progress: TaskProgress,
    /// The object it made, with the name it really has.
    pub object: Option<ObjectKey>,
    /// How its object is.
    pub health: Option<Health>,
    /// What is going on, or how it ended.
    pub message: String,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// How many bytes of its logs were kept.
    pub logs: Option<u64>,
    /// What became of the objects it made, and of those of earlier runs.
    pub fates: BTreeMap<String, (DisposalOutcome, String)>,
    /// What went wrong with its plugins: the first of it.
    pub troubles: Vec<String>,
    /// How much more of that isn't listed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub troubles_left_out: u32,
    /// What its plugin asked for beside its own object.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<RequestView>,
    /// What was done to other objects for it: each once, with what was done last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub touched: Vec<(ObjectKey, String)>,
}

/// Something that a hook's plugin asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestView {
    /// What.
    pub what: String,
    /// How often.
    pub times: u32,
    /// Why it was refused; nothing when it was granted.
    #[serde(with = "text::or_empty", default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// How far a task is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskProgress {
    /// It hasn't begun.
    Pending,
    /// It runs.
    Running,
    /// It ended.
    Finished(TaskResult),
}

impl OperationView {
    /// Takes in one event; one that was taken in before changes nothing.
    pub fn fold(&mut self, event: &Event) {
        if event.seq <= self.seq {
            return;
        }
        self.seq = event.seq;
        self.waiting.clear();
        match &event.what {
            EventKind::OperationStarted {
                format: _,
                operation,
                does,
                application,
                tasks,
                purpose,
                skipped,
            } => {
                self.operation.clone_from(operation);
                self.purpose = *purpose;
                self.skipped.clone_from(skipped);
                self.about = Some((*does, application.clone()));
                self.started_at = Some(event.at);
                self.status = Some(Status::Running);
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
            EventKind::WaveStarted { phase, wave } => self.current = Some((*phase, Some(*wave))),
            EventKind::WaveFinished { phase, .. } => self.current = Some((*phase, None)),
            EventKind::PhaseFinished { .. } => self.current = None,
            EventKind::Troubled { message } => list(&mut self.troubles, &mut self.troubles_left_out, message),
            EventKind::Waiting { on } => self.waiting.clone_from(on),
            EventKind::Stopping { why } => self.status = Some(Status::Terminating { by: why.clone() }),
            EventKind::OperationFinished { status } => {
                self.status = Some(status.clone());
                self.finished_at = Some(event.at);
                self.current = None;
            }
            EventKind::TaskHeld { task, on } => {
                let mut names: Vec<String> = on
                    .iter()
                    .take(MOST_NAMES)
                    .map(|task| {
                        self.task(task)
                            .map_or_else(|| task.to_string(), |view| view.outline.key.short())
                    })
                    .collect();
                if on.len() > names.len() {
                    names.push(format!("{} more", on.len() - names.len()));
                }
                if let Some(view) = self.position(task).and_then(|position| self.tasks.get_mut(position)) {
                    view.message = format!("waits for {}", names.join(", "));
                }
            }
            EventKind::TaskStarted { task }
            | EventKind::ObjectMade { task, .. }
            | EventKind::TaskProgressed { task, .. }
            | EventKind::TaskFinished { task, .. }
            | EventKind::LogsKept { task, .. }
            | EventKind::HookDisposed { task, .. }
            | EventKind::Requested { task, .. }
            | EventKind::HookTouched { task, .. }
            | EventKind::PluginTroubled { task, .. } => {
                if let Some(view) = self.position(task).and_then(|position| self.tasks.get_mut(position)) {
                    view.fold(event.at, &event.what);
                }
            }
        }
    }

    /// Makes the view of an operation of which nothing is known but its tasks: its own view wasn't stored.
    pub fn unseen(operation: &Operation) -> OperationView {
        let mut view = OperationView::default();
        view.fold(&Event {
            seq: 1,
            // It is told by the events to come, and by the head.
            at: Timestamp::UNIX_EPOCH,
            what: operation.started(),
        });
        view.started_at = None;
        view.seq = operation.state().seq;
        view.attempt = operation.state().attempt;
        view.troubles
            .push("what it looked like until here was too large to be stored".to_owned());
        view
    }

    /// Returns the same view with little more of each task than how it is: for one that would be too large to be stored.
    #[must_use]
    pub fn brief(&self) -> OperationView {
        let mut brief = self.clone();
        brief.waiting.clear();
        brief.skipped.clear();
        for task in &mut brief.tasks {
            task.message = bounded_to(std::mem::take(&mut task.message), BRIEF_BYTES);
            if let TaskProgress::Finished(result) = &mut task.progress {
                let message = result.message_mut();
                *message = bounded_to(std::mem::take(message), BRIEF_BYTES);
            }
            let left_out = task.troubles.len() + task.requests.len() + task.touched.len() + task.fates.len();
            task.troubles_left_out = task
                .troubles_left_out
                .saturating_add(u32::try_from(left_out).unwrap_or(u32::MAX));
            task.troubles.clear();
            task.requests.clear();
            task.touched.clear();
            task.fates.clear();
        }
        brief
    }

    /// Returns the view of one task.
    pub fn task(&self, id: &TaskId) -> Option<&TaskView> {
        self.tasks.get(self.position(id)?)
    }

    fn position(&self, id: &TaskId) -> Option<usize> {
        self.index
            .position(id, || self.tasks.iter().map(|view| &view.outline.id))
    }
}

/// Lists a trouble, or counts it when there are many.
fn list(troubles: &mut Vec<String>, left_out: &mut u32, message: &str) {
    if troubles.len() < MOST_TROUBLES {
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
            logs: None,
            fates: BTreeMap::new(),
            troubles: Vec::new(),
            troubles_left_out: 0,
            requests: Vec::new(),
            touched: Vec::new(),
        }
    }

    fn fold(&mut self, at: Timestamp, news: &EventKind) {
        match news {
            EventKind::TaskStarted { .. } => {
                self.progress = TaskProgress::Running;
                self.message.clear();
                self.finished_at = None;
                self.started_at = Some(at);
            }
            EventKind::ObjectMade { key, .. } => self.object = Some(key.clone()),
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
            EventKind::LogsKept { bytes, .. } => self.logs = Some(*bytes),
            EventKind::HookDisposed { key, fate, by, .. } => {
                self.fates
                    .insert(key.to_string(), (fate.clone(), by.clone().unwrap_or_default()));
            }
            EventKind::PluginTroubled { message, .. } => {
                list(&mut self.troubles, &mut self.troubles_left_out, message);
            }
            EventKind::Requested {
                what, times, refused, ..
            } => {
                self.requests.retain(|known| known.what != *what);
                self.requests.push(RequestView {
                    what: what.clone(),
                    times: *times,
                    refused: refused.clone(),
                });
            }
            EventKind::HookTouched { key, how, .. } => {
                self.touched.retain(|(known, _)| known != key);
                self.touched.push((key.clone(), how.clone()));
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
            | EventKind::Troubled { .. }
            | EventKind::Waiting { .. }
            | EventKind::Stopping { .. }
            | EventKind::TaskHeld { .. }
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
                what: EventKind::Troubled {
                    message: format!("trouble {seq}"),
                },
            });
        }
        assert_eq!((view.troubles.len(), view.troubles_left_out), (20, 30));
        assert_eq!(view.troubles.last().map(String::as_str), Some("trouble 20"));
    }
}
