//! What an operation looks like: a fold over its events, and the only source of what any face shows.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    event::{Event, Fate, News, Outline, Status, WaitingOn},
    health::Health,
    object::ObjectKey,
    operation_kind::{OperationKind, Purpose},
    phase::Phase,
    plan::{Index, Skipped},
    plugins::{Application, Cause},
    task::{TaskId, TaskResult},
    wave::Wave,
};

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
    pub cause: Option<Cause>,
    /// What was waited for when that was last told; empty as soon as something happens.
    pub waiting: Vec<WaitingOn>,
    /// What went wrong outside any task.
    pub troubles: Vec<String>,
    /// The last event taken in.
    pub seq: u64,
    /// Where each task is; made when it is first asked for.
    #[serde(skip)]
    pub index: Index,
}

/// A task as people see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskView {
    /// The task.
    pub outline: Outline,
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
    pub fates: BTreeMap<String, (Fate, String)>,
    /// What went wrong with its plugins.
    pub troubles: Vec<String>,
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
    /// Why it was refused; empty when it was granted.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub refused: String,
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
            News::OperationStarted {
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
                self.index = Index::default();
            }
            News::OperationResumed {} | News::CheckStarted { .. } | News::CheckFinished { .. } => {}
            News::Retrying { attempt, .. } => {
                self.attempt = *attempt;
                self.current = None;
            }
            News::PhaseStarted { phase, cause } => {
                self.current = Some((*phase, None));
                if cause.is_some() {
                    self.cause.clone_from(cause);
                }
            }
            News::WaveStarted { phase, wave } => self.current = Some((*phase, Some(*wave))),
            News::WaveFinished { phase, .. } => self.current = Some((*phase, None)),
            News::PhaseFinished { .. } => self.current = None,
            News::Troubled { message } => self.troubles.push(message.clone()),
            News::Waiting { on } => self.waiting.clone_from(on),
            News::Stopping { why } => self.status = Some(Status::Terminating { by: why.clone() }),
            News::OperationFinished { status } => {
                self.status = Some(status.clone());
                self.finished_at = Some(event.at);
                self.current = None;
            }
            News::TaskHeld { task, on } => {
                let names: Vec<String> = on
                    .iter()
                    .map(|task| {
                        self.task(task)
                            .map_or_else(|| task.to_string(), |view| view.outline.key.short())
                    })
                    .collect();
                if let Some(view) = self.position(task).and_then(|position| self.tasks.get_mut(position)) {
                    view.message = format!("waits for {}", names.join(", "));
                }
            }
            News::TaskStarted { task }
            | News::ObjectMade { task, .. }
            | News::TaskProgressed { task, .. }
            | News::TaskFinished { task, .. }
            | News::LogsKept { task, .. }
            | News::HookDisposed { task, .. }
            | News::Requested { task, .. }
            | News::HookTouched { task, .. }
            | News::PluginTroubled { task, .. } => {
                if let Some(view) = self.position(task).and_then(|position| self.tasks.get_mut(position)) {
                    view.fold(event.at, &event.what);
                }
            }
        }
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

impl TaskView {
    fn new(outline: Outline) -> TaskView {
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
            requests: Vec::new(),
            touched: Vec::new(),
        }
    }

    fn fold(&mut self, at: Timestamp, news: &News) {
        match news {
            News::TaskStarted { .. } => {
                self.progress = TaskProgress::Running;
                self.message.clear();
                self.finished_at = None;
                self.started_at = Some(at);
            }
            News::ObjectMade { key, .. } => self.object = Some(key.clone()),
            News::TaskProgressed { health, message, .. } => {
                if health.is_some() {
                    self.health = *health;
                }
                self.message.clone_from(message);
            }
            News::TaskFinished { result, .. } => {
                self.message = match result {
                    TaskResult::Done(message) | TaskResult::Tolerated(message) | TaskResult::Stopped(message) => {
                        message.clone()
                    }
                    TaskResult::Failed { message, .. } => message.clone(),
                };
                self.progress = TaskProgress::Finished(result.clone());
                self.finished_at = Some(at);
            }
            News::LogsKept { bytes, .. } => self.logs = Some(*bytes),
            News::HookDisposed { key, fate, by, .. } => {
                self.fates.insert(key.to_string(), (fate.clone(), by.clone()));
            }
            News::PluginTroubled { message, .. } => self.troubles.push(message.clone()),
            News::Requested {
                what, times, refused, ..
            } => {
                self.requests.retain(|known| known.what != *what);
                self.requests.push(RequestView {
                    what: what.clone(),
                    times: *times,
                    refused: refused.clone(),
                });
            }
            News::HookTouched { key, how, .. } => {
                self.touched.retain(|(known, _)| known != key);
                self.touched.push((key.clone(), how.clone()));
            }
            News::OperationStarted { .. }
            | News::OperationResumed {}
            | News::CheckStarted { .. }
            | News::CheckFinished { .. }
            | News::Retrying { .. }
            | News::PhaseStarted { .. }
            | News::WaveStarted { .. }
            | News::WaveFinished { .. }
            | News::PhaseFinished { .. }
            | News::Troubled { .. }
            | News::Waiting { .. }
            | News::Stopping { .. }
            | News::TaskHeld { .. }
            | News::OperationFinished { .. } => {}
        }
    }
}
