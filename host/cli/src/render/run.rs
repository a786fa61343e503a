//! A run for people: one line for each change, with a reason for every wait, and the hooks' logs as they are written.

use capstan_core::{
    model::{object::ObjectKey, operation_kind::OperationKind, phase::Phase, text::join_names},
    plan::task::{TaskId, TaskResult},
    run::{
        event::{DisposalOutcome, Event, EventKind, OperationStatus},
        view::{OperationView, TaskProgress},
    },
};
use capstan_engine::{HookLogLine, Record};
use jiff::Timestamp;

use super::{Paint, format_duration, object_name, phase_name, policy, remedy};
use crate::{terminal::Text, text};

/// The widest column of names; the rest of a line with a longer name moves to the right.
const MAX_NAME_WIDTH: usize = 48;

/// Converts records to lines.
pub struct RunText {
    paint: Paint,
    view: OperationView,
    width: usize,
    last: Option<(TaskId, String)>,
}

impl RunText {
    /// Starts with an empty state.
    pub fn new(paint: Paint) -> RunText {
        RunText {
            paint,
            view: OperationView::default(),
            width: 0,
            last: None,
        }
    }

    /// Returns the state so far.
    pub fn view(&self) -> &OperationView {
        &self.view
    }

    /// Describes one record; most are one line, some are none.
    pub fn text(&mut self, record: &Record) -> Text {
        match record {
            Record::Line(line) => self.log_text(line),
            Record::Snapshot(view) => {
                self.view = (**view).clone();
                Text::default()
            }
            Record::Missed { records } => {
                let what = format!("{records} lines are omitted: the output is read more slowly than it is written");
                text!("{}\n", self.paint.warning(&what))
            }
            Record::Event(event) => {
                self.view.fold(event);
                self.event_text(event)
            }
        }
    }

    fn log_text(&self, line: &HookLogLine) -> Text {
        let HookLogLine {
            pod, container, text, ..
        } = line;
        text!("{} {} > {} | {}\n", self.paint.dim("logs |"), pod, container, text)
    }

    fn name(&self, task: &TaskId) -> String {
        let key = self
            .view
            .task(task)
            .map(|view| view.object.as_ref().unwrap_or(&view.outline.key));
        key.map_or_else(|| task.to_string(), |key| self.name_of(key))
    }

    fn name_of(&self, key: &ObjectKey) -> String {
        let namespace = self
            .view
            .about
            .as_ref()
            .map(|(_, application)| application.namespace.as_str());
        object_name(key, namespace.unwrap_or_default())
    }

    fn line(&mut self, at: Timestamp, verb: &str, name: &str, rest: &str) -> Text {
        let since = self
            .view
            .started_at
            .map(|start| at.duration_since(start))
            .unwrap_or_default();
        let name = Text::from(name);
        self.width = self.width.max(name.width()).min(MAX_NAME_WIDTH);
        let room = " ".repeat(self.width.saturating_sub(name.width()));
        let padded = format!("{verb:<9}");
        let verb = match verb {
            "ok" | "created" | "changed" => self.paint.success(&padded),
            "FAILED" | "stopped" | "plugin" | "trouble" | "refused" => self.paint.failure(&padded),
            "waiting" | "passed" => self.paint.warning(&padded),
            _ => padded.into(),
        };
        let line = text!("{:>6}  {} {}{}   {}", format_duration(since), verb, name, room, rest);
        text!("{}\n", line.trim_end())
    }

    fn section(&self, title: &str) -> Text {
        let main = |view: &&capstan_core::run::view::TaskView| view.outline.phase != Phase::SyncFail;
        let all = self.view.tasks.iter().filter(main).count();
        let is_done = |view: &&capstan_core::run::view::TaskView| matches!(view.progress, TaskProgress::Finished(_));
        let done = self.view.tasks.iter().filter(main).filter(is_done).count();
        text!(
            "{}\n",
            self.paint
                .heading(&text!("---- {} [{}/{} done] ----", title, done, all))
        )
    }

    fn event_text(&mut self, event: &Event) -> Text {
        let at = event.at;
        match &event.kind {
            EventKind::OperationStarted {
                operation,
                operation_kind: kind,
                application,
                tasks,
                purpose,
                ..
            } => {
                // A generated name is longer than its prefix by the run's id.
                let long =
                    |key: &ObjectKey| self.name_of(key).chars().count() + if key.name.ends_with('*') { 9 } else { 0 };
                self.width = tasks
                    .iter()
                    .map(|task| long(&task.key))
                    .max()
                    .unwrap_or_default()
                    .min(MAX_NAME_WIDTH);
                text!(
                    "operation {}: {} of {} in namespace {}\n",
                    operation,
                    purpose.operation_name(*kind),
                    application.name,
                    application.namespace
                )
            }
            EventKind::OperationResumed {} => self.section(&format!("continuing operation {}", self.view.operation)),
            EventKind::CheckStarted { objects } => {
                let objects = if *objects == 1 {
                    "1 object".to_owned()
                } else {
                    format!("{objects} objects")
                };
                self.line(
                    at,
                    "checking",
                    "",
                    &format!("checking {objects} with the API server; nothing is changed yet"),
                )
            }
            EventKind::CheckFinished { succeeded: false } => self.line(
                at,
                "failing",
                "",
                "the API server would reject some of it; nothing was changed",
            ),
            EventKind::Retrying {
                attempt,
                at: when,
                cause,
            } => {
                let pause = format_duration(when.duration_since(at));
                self.section(&format!("try {attempt} in {pause}, because of {}", cause.message))
            }
            EventKind::PhaseStarted {
                phase: Phase::SyncFail,
                cause: Some(cause),
            } => self.line(at, "failing", "", &format!("because of {}", cause.message)),
            EventKind::WaveStarted { phase, wave } => {
                let kind = self.view.about.as_ref().map_or(OperationKind::Sync, |(kind, _)| *kind);
                self.section(&format!("{}, wave {wave}", phase_name(*phase, kind, self.view.purpose)))
            }
            EventKind::TaskBlocked { task, .. } => {
                let (name, message) = (self.name(task), self.view.task(task).map(|view| view.message.clone()));
                self.line(at, "held", &name, &message.unwrap_or_default())
            }
            EventKind::ObjectApplied { key, action: how, .. } => {
                // The end of an unchanged object says everything.
                if how == "unchanged" {
                    return Text::default();
                }
                let name = self.name_of(key);
                self.line(at, how, &name, "")
            }
            EventKind::TaskProgressed { task, health, message } => {
                // The same reason twice in a row is printed once.
                if self.last.as_ref() == Some(&(task.clone(), message.clone())) {
                    return Text::default();
                }
                self.last = Some((task.clone(), message.clone()));
                // Before the object exists there is nothing to wait for; if that takes long, `Waiting` reports it.
                let is_to_come =
                    |view: &capstan_core::run::view::TaskView| view.object.is_none() && view.outline.key.kind != "Hook";
                if health.is_none() && self.view.task(task).is_some_and(is_to_come) {
                    return Text::default();
                }
                let name = self.name(task);
                let reason = match (health, message.is_empty()) {
                    (Some(health), true) => health.to_string(),
                    (Some(health), false) => format!("{health}: {message}"),
                    (None, _) => message.clone(),
                };
                self.line(at, "waiting", &name, &reason)
            }
            EventKind::TaskFinished { task, result } => {
                let name = self.name(task);
                match result {
                    TaskResult::Done(message) => self.line(at, "ok", &name, message),
                    TaskResult::Tolerated(message) => self.line(at, "passed", &name, message),
                    TaskResult::Failed {
                        class,
                        message,
                        remedies,
                    } => {
                        let message = remedy::with_hint(message, remedies);
                        self.line(at, "FAILED", &name, &format!("{message} ({class})"))
                    }
                    TaskResult::Stopped(message) => self.line(at, "stopped", &name, message),
                }
            }
            EventKind::LogsSaved {
                task,
                problem: Some(trouble),
                ..
            } => {
                let name = self.name(task);
                self.line(at, "trouble", &name, trouble)
            }
            EventKind::HookDisposed {
                key,
                outcome: fate,
                by,
                plugins,
                ..
            } => self.disposal_text(at, key, fate, (by.as_deref().unwrap_or_default(), plugins)),
            EventKind::PluginProblem { task, message } => {
                let name = self.name(task);
                self.line(at, "plugin", &name, message)
            }
            EventKind::PluginRequested {
                task,
                request: what,
                refusal: Some(refused),
                remedies,
                ..
            } => {
                let name = self.name(task);
                let refused = remedy::with_hint(refused, remedies);
                self.line(at, "refused", &name, &format!("{what}: {refused}"))
            }
            EventKind::HookModifiedObject { task, key, action: how } => {
                let (name, hook) = (self.name_of(key), self.name(task));
                self.line(at, how, &name, &format!("for {hook}"))
            }
            EventKind::Problem { message } => self.line(at, "trouble", "", message),
            EventKind::Waiting { tasks: on } => on
                .iter()
                .map(|waiting| {
                    let name = self.name(&waiting.task);
                    let since = format_duration(at.duration_since(waiting.since));
                    let until = match waiting.until {
                        Some(until) => format!(", times out in {}", format_duration(until.duration_since(at))),
                        None => String::new(),
                    };
                    self.line(
                        at,
                        "waiting",
                        &name,
                        &format!("{} (for {since}{until})", waiting.message),
                    )
                })
                .collect(),
            EventKind::Stopping { reason: why } => self.line(at, "stopping", "", why),
            // This is in the line of the wave, of the object, or in the plan.
            EventKind::PhaseStarted { .. }
            | EventKind::WaveFinished { .. }
            | EventKind::PhaseFinished { .. }
            | EventKind::CheckFinished { succeeded: true }
            | EventKind::TaskStarted { .. }
            | EventKind::PluginRequested { .. }
            | EventKind::LogsSaved { .. } => Text::default(),
            EventKind::OperationFinished { status } => self.end_text(at, status),
        }
    }

    fn disposal_text(
        &mut self,
        at: Timestamp,
        key: &ObjectKey,
        fate: &DisposalOutcome,
        (by, plugins): (&str, &[String]),
    ) -> Text {
        let name = self.name_of(key);
        let by = policy::policy_name(by, plugins);
        match fate {
            DisposalOutcome::Kept => match policy::keeping_plugins(plugins) {
                // The plan says already that it is kept until the next run.
                None => Text::default(),
                Some(keepers) => self.line(at, "kept", &name, &keepers),
            },
            DisposalOutcome::Deleted => self.line(at, "deleted", &name, &by),
            DisposalOutcome::Due(due) => {
                let rest = format!("deleted in {} ({by})", format_duration(due.duration_since(at)));
                self.line(at, "kept", &name, &rest)
            }
            DisposalOutcome::AskedAgain(again) => {
                let rest = format!("next call in {} ({by})", format_duration(again.duration_since(at)));
                self.line(at, "kept", &name, &rest)
            }
            DisposalOutcome::Stuck(why) => self.line(at, "trouble", &name, &format!("it couldn't be deleted: {why}")),
        }
    }

    fn end_text(&self, at: Timestamp, status: &OperationStatus) -> Text {
        let took = self
            .view
            .started_at
            .map(|start| format_duration(at.duration_since(start)))
            .unwrap_or_default();
        let untouched: Vec<String> = self
            .view
            .tasks
            .iter()
            .filter(|view| view.progress == TaskProgress::Pending && view.outline.phase != Phase::SyncFail)
            .map(|view| self.name_of(&view.outline.key))
            .collect();
        let mut text = text!("\n");
        text.push(match status {
            OperationStatus::Succeeded => text!("{} in {}\n", self.paint.success("Succeeded"), took),
            OperationStatus::Failed(cause) => {
                text!(
                    "{} after {} ({}): {}\n",
                    self.paint.failure("Failed"),
                    took,
                    cause.class,
                    remedy::with_hint(&cause.message, &cause.remedies)
                )
            }
            OperationStatus::Terminated { by } => {
                text!("{} after {} by {}\n", self.paint.failure("Terminated"), took, by)
            }
            OperationStatus::Running | OperationStatus::Terminating { .. } => text!("{}\n", format!("{status:?}")),
        });
        if !untouched.is_empty() {
            text.push(text!("Not started: {}\n", join_names(&untouched)));
        }
        if *status != OperationStatus::Succeeded
            && let Some((_, application)) = &self.view.about
            && self
                .view
                .tasks
                .iter()
                .any(|view| view.logs.is_some_and(|bytes| bytes > 0))
        {
            text.push(text!(
                "The logs of its hooks: capstan logs {} -n {}\n",
                application.name,
                application.namespace
            ));
        }
        text
    }
}
