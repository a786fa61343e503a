//! Events as people read them: the stream itself, for those who want to know exactly.

use capstan_core::{
    plan::task::{TaskId, TaskResult},
    run::{
        event::{DisposalOutcome, Event, EventKind},
        view::OperationView,
    },
};

use crate::{
    span::{Millis, millis},
    task_state::{key, status_word, wave},
    words,
};

/// How an event is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Plain,
    Good,
    Notable,
    Bad,
}

/// An event as a row.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRow {
    pub seq: u64,
    pub at: Millis,
    /// The kind, by its name in the stream.
    pub kind: &'static str,
    pub tone: Tone,
    /// The object that it is about.
    pub object: String,
    pub says: String,
}

/// Makes a row of an event.
pub fn event_row(event: &Event, view: &OperationView) -> EventRow {
    let name = |task: &TaskId| {
        view.task(task)
            .map_or_else(|| task.to_string(), |task| key(task).kind_and_name())
    };
    let mut row = EventRow {
        seq: event.seq,
        at: millis(event.at),
        kind: "",
        tone: Tone::Plain,
        object: String::new(),
        says: String::new(),
    };
    let task = |task: &TaskId| name(task);
    match &event.kind {
        EventKind::OperationStarted { tasks, format, .. } => {
            row.kind = "OperationStarted";
            row.says = format!("{}, format {format}", words::count(tasks.len(), "task"));
        }
        EventKind::OperationResumed {} => row.kind = "OperationResumed",
        EventKind::CheckStarted { objects } => {
            row.kind = "CheckStarted";
            row.says = words::count(*objects, "object");
        }
        EventKind::CheckFinished { succeeded } => {
            row.kind = "CheckFinished";
            row.tone = if *succeeded { Tone::Good } else { Tone::Bad };
        }
        EventKind::Retrying { attempt, cause, .. } => {
            (row.kind, row.tone) = ("Retrying", Tone::Notable);
            row.says = format!(
                "{}: {}",
                words::attempt(usize::try_from(*attempt).unwrap_or(0)),
                cause.message
            );
        }
        EventKind::PhaseStarted { phase, .. } => {
            row.kind = "PhaseStarted";
            row.says = phase.to_string();
        }
        EventKind::PhaseFinished { phase, .. } => {
            row.kind = "PhaseFinished";
            row.says = phase.to_string();
        }
        EventKind::WaveStarted { phase, wave: number } => {
            row.kind = "WaveStarted";
            row.says = format!("{phase}, {}", words::wave(&wave(*number)));
        }
        EventKind::WaveFinished { phase, wave: number } => {
            row.kind = "WaveFinished";
            row.says = format!("{phase}, {}", words::wave(&wave(*number)));
        }
        EventKind::TaskBlocked { task: id, waits_for } => {
            (row.kind, row.tone, row.object) = ("TaskHeld", Tone::Notable, task(id));
            row.says = words::held_by(&waits_for.iter().map(name).collect::<Vec<_>>());
        }
        EventKind::TaskStarted { task: id } => (row.kind, row.object) = ("TaskStarted", task(id)),
        EventKind::ObjectApplied { task: id, key, action } => {
            (row.kind, row.object) = ("ObjectMade", task(id));
            row.says = format!("{action} {}", key.kind_and_name());
        }
        EventKind::TaskProgressed {
            task: id,
            health,
            message,
        } => {
            (row.kind, row.tone, row.object) = ("TaskProgressed", Tone::Notable, task(id));
            row.says = health.map_or_else(|| message.clone(), |health| format!("{health}: {message}"));
        }
        EventKind::TaskFinished { task: id, result } => {
            (row.kind, row.object) = ("TaskFinished", task(id));
            (row.tone, row.says) = match result {
                TaskResult::Done(message) => (Tone::Good, message.clone()),
                TaskResult::Tolerated(message) => (Tone::Notable, format!("tolerated: {message}")),
                TaskResult::Stopped(message) => (Tone::Notable, format!("stopped: {message}")),
                TaskResult::Failed { class, message, .. } => (Tone::Bad, format!("failed ({class}): {message}")),
            };
        }
        EventKind::LogsSaved {
            task: id,
            bytes,
            problem,
        } => {
            (row.kind, row.object) = ("LogsKept", task(id));
            row.says = match problem {
                Some(problem) => format!("{} {problem}", crate::span::bytes(*bytes)),
                None => crate::span::bytes(*bytes),
            };
        }
        EventKind::HookDisposed {
            task: id, outcome, by, ..
        } => {
            (row.kind, row.object) = ("HookDisposed", task(id));
            row.says = match by {
                Some(by) => format!("{} {by}", fate_word(outcome)),
                None => fate_word(outcome).to_owned(),
            };
        }
        EventKind::PluginRequested {
            task: id,
            request,
            refusal,
            ..
        } => {
            (row.kind, row.object) = ("Requested", task(id));
            row.says = match refusal {
                Some(refusal) => format!("{request}: {refusal}"),
                None => request.clone(),
            };
        }
        EventKind::HookModifiedObject { task: id, key, action } => {
            (row.kind, row.object) = ("HookTouched", task(id));
            row.says = format!("{action} {}", key.kind_and_name());
        }
        EventKind::PluginProblem { task: id, message } => {
            (row.kind, row.tone, row.object, row.says) = ("PluginTroubled", Tone::Bad, task(id), message.clone());
        }
        EventKind::Problem { message } => (row.kind, row.tone, row.says) = ("Troubled", Tone::Bad, message.clone()),
        EventKind::Waiting { tasks } => {
            (row.kind, row.tone) = ("Waiting", Tone::Notable);
            let waits: Vec<String> = tasks
                .iter()
                .map(|wait| format!("{}: {}", name(&wait.task), wait.message))
                .collect();
            row.says = waits.join("; ");
        }
        EventKind::Stopping { reason } => (row.kind, row.tone, row.says) = ("Stopping", Tone::Notable, reason.clone()),
        EventKind::OperationFinished { status } => {
            row.kind = "OperationFinished";
            status_word(Some(status)).clone_into(&mut row.says);
        }
    }
    row
}

/// Returns what became of a hook's object, in a word.
pub fn fate_word(fate: &DisposalOutcome) -> &'static str {
    match fate {
        DisposalOutcome::Kept => "kept",
        DisposalOutcome::Deleted => "deleted",
        DisposalOutcome::Due(_) => "to be deleted",
        DisposalOutcome::AskedAgain(_) => "asked again later",
        DisposalOutcome::Stuck(_) => "could not be deleted",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;
    use capstan_core::model::phase::Phase;

    #[test]
    fn every_event_reads_as_one_row() {
        let mut fixture = Fixture::new(&[("Sync", -1, "a", "job"), ("Sync", -1, "b", "")]);
        fixture
            .begin_wave(0, Phase::Sync, -1)
            .hold(0, "b", "a")
            .start(0, "a")
            .progress(1, "a", "1 active")
            .fail(2.0, "a")
            .end(2, false);
        let rows: Vec<String> = fixture
            .events
            .iter()
            .map(|event| event_row(event, &fixture.view))
            .map(|row| format!("{} {} {}", row.kind, row.object, row.says).replace("  ", " "))
            .collect();
        assert_eq!(
            rows,
            [
                "OperationStarted 2 tasks, format 1",
                "WaveStarted Sync, wave −1",
                "TaskHeld ConfigMap/b after Job/a",
                "TaskStarted Job/a ",
                "TaskProgressed Job/a 1 active",
                "TaskFinished Job/a failed (hook): BackoffLimitExceeded",
                "OperationFinished Failed",
            ]
        );
    }
}
