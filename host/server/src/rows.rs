//! Makes the forms of the interface from what the engine knows.

use std::collections::BTreeMap;

use capstan_api::{
    ApplicationRow, ApplicationState, OperationSummary, Usual, Waiting,
    application::{DueObject, WaveProgress},
    operation::{AwaitedSignal, UsualWave},
};
use capstan_core::{
    model::{operation_kind::OperationKind, phase::Phase, plugins::Application, text::truncated_to, wave::Wave},
    plan::task::TaskResult,
    run::{
        event::OperationStatus,
        view::{OperationView, TaskProgress, TaskView, WaveView},
    },
};
use capstan_engine::{self as engine, ApplicationReport, CurrentOperation, PastOperation};
use jiff::Timestamp;

use crate::operations::LocalOperation;

/// How many bytes of a sentence the list shows.
const MAX_SENTENCE: usize = 200;

/// Returns what is stored about an operation that is over.
pub(crate) fn past(past: &PastOperation) -> OperationSummary {
    OperationSummary {
        id: past.id.clone(),
        does: past.operation_kind,
        purpose: past.purpose,
        by: past.started_by.clone(),
        started_at: past.started_at,
        finished_at: Some(past.finished_at),
        status: past.status.clone(),
        digest: past.manifests_digest.clone(),
        revision: past.revision.clone(),
        waves: Vec::new(),
    }
}

/// Returns what is stored about an operation that is not over.
pub(crate) fn current(current: &CurrentOperation, view: Option<&OperationView>) -> OperationSummary {
    OperationSummary {
        id: current.id.clone(),
        does: current.operation_kind,
        purpose: current.purpose,
        by: current.started_by.clone(),
        started_at: current.started_at,
        finished_at: view.and_then(|view| view.finished_at),
        status: view
            .and_then(|view| view.status.clone())
            .unwrap_or(OperationStatus::Running),
        digest: current.manifests_digest.clone(),
        revision: current.revision.clone(),
        waves: Vec::new(),
    }
}

/// Returns what is known of an operation of this process of which nothing is stored.
pub(crate) fn local(local: &LocalOperation, view: &OperationView, status: OperationStatus) -> OperationSummary {
    let started_at = view.started_at.unwrap_or_default();
    OperationSummary {
        id: local.id.clone(),
        does: view.about.as_ref().map_or(OperationKind::Delete, |(kind, _)| *kind),
        purpose: view.purpose,
        by: local.by.clone(),
        started_at,
        finished_at: view.finished_at,
        status,
        digest: String::new(),
        revision: None,
        waves: Vec::new(),
    }
}

/// Returns what a stored operation waits for.
pub(crate) fn waiting_of(report: &ApplicationReport) -> Waiting {
    Waiting {
        on: report.waiting.clone(),
        signals: signals(&report.signals),
        deadline: report.deadline,
    }
}

/// Returns what an operation of this process waits for.
pub(crate) fn waiting(waiting: &engine::Waiting) -> Waiting {
    Waiting {
        on: waiting.on.clone(),
        signals: signals(&waiting.signals),
        deadline: waiting.deadline,
    }
}

fn signals(awaited: &[engine::AwaitedSignal]) -> Vec<AwaitedSignal> {
    let signals = awaited.iter().map(|awaited| AwaitedSignal {
        hook: awaited.hook.clone(),
        signal: awaited.signal.clone(),
    });
    signals.collect()
}

/// Returns what is to be deleted later.
pub(crate) fn due(report: &ApplicationReport) -> Vec<DueObject> {
    let due = report.due.iter().map(|object| DueObject {
        key: object.due.target.key.clone(),
        at: object.due.due_at,
        by: object.due.decided_by.clone(),
        is_asked_again: object.due.ask_again,
        operation: object.operation.clone(),
    });
    due.collect()
}

/// Says how an application is.
pub(crate) fn state(report: &ApplicationReport) -> ApplicationState {
    if report.current.is_some() {
        return if !report.is_driven {
            ApplicationState::Left
        } else if report.approvals.is_empty() {
            ApplicationState::Running
        } else {
            ApplicationState::WaitsForPerson
        };
    }
    match report.history.last().map(|past| &past.status) {
        None => ApplicationState::New,
        Some(OperationStatus::Failed(_)) => ApplicationState::Failed,
        Some(OperationStatus::Terminated { .. }) => ApplicationState::Terminated,
        Some(OperationStatus::Succeeded | OperationStatus::Running | OperationStatus::Terminating { .. }) => {
            ApplicationState::Succeeded
        }
    }
}

/// Returns the row of an application. `view` is how its operation, or its last one, looks.
pub(crate) fn row(report: &ApplicationReport, cluster: &str, view: Option<&OperationView>) -> ApplicationRow {
    let operation = match &report.current {
        Some(known) => Some(current(known, view)),
        None => report.history.last().map(past),
    };
    let now = match report.waiting.first() {
        Some(waiting) if report.current.is_some() => {
            let key = view.and_then(|view| view.task(&waiting.task)).map(name);
            format!(
                "{}: {}",
                key.unwrap_or_else(|| waiting.task.to_string()),
                waiting.message
            )
        }
        _ => match operation.as_ref().map(|operation| &operation.status) {
            Some(OperationStatus::Failed(cause)) => cause.message.clone(),
            Some(OperationStatus::Terminated { by }) => format!("terminated by {by}"),
            Some(OperationStatus::Terminating { by }) => format!("terminating: {by}"),
            Some(OperationStatus::Running | OperationStatus::Succeeded) | None => String::new(),
        },
    };
    ApplicationRow {
        application: report.application.clone(),
        cluster: cluster.to_owned(),
        state: state(report),
        current: view.and_then(|view| view.current),
        now: truncated_to(now, MAX_SENTENCE),
        waves: view.map(waves).unwrap_or_default(),
        operation,
        due: report.due.len(),
        health: None,
        differing: None,
    }
}

/// Returns the row of an application of which nothing is stored, or whose state can't be read.
pub(crate) fn bare_row(
    application: &Application,
    cluster: &str,
    state: ApplicationState,
    now: String,
) -> ApplicationRow {
    ApplicationRow {
        application: application.clone(),
        cluster: cluster.to_owned(),
        state,
        operation: None,
        current: None,
        now: truncated_to(now, MAX_SENTENCE),
        waves: Vec::new(),
        due: 0,
        health: None,
        differing: None,
    }
}

fn name(task: &TaskView) -> String {
    task.object.as_ref().unwrap_or(&task.outline.key).kind_and_name()
}

/// Returns how far the waves of an operation are, in the plan's order. SyncFail's are left out unless they ran.
fn waves(view: &OperationView) -> Vec<WaveProgress> {
    let mut waves: BTreeMap<(Phase, Wave), WaveProgress> = BTreeMap::new();
    for task in &view.tasks {
        let at = (task.outline.phase, task.outline.wave);
        let wave = waves.entry(at).or_insert_with(|| WaveProgress {
            phase: at.0,
            wave: at.1,
            tasks: 0,
            finished: 0,
            has_failed: false,
            is_current: view.current == Some((at.0, Some(at.1))),
        });
        wave.tasks += 1;
        if let TaskProgress::Finished(result) = &task.progress {
            wave.finished += 1;
            wave.has_failed |= matches!(result, TaskResult::Failed { .. });
        }
    }
    let has_run = |wave: &WaveProgress| wave.finished > 0 || wave.is_current;
    waves.retain(|(phase, _), wave| *phase != Phase::SyncFail || has_run(wave));
    waves.into_values().collect()
}

/// Returns how long things took in an operation.
pub(crate) fn usual(past: &PastOperation, view: &OperationView) -> Usual {
    let milliseconds = |from: Timestamp, to: Timestamp| u64::try_from(to.duration_since(from).as_millis()).unwrap_or(0);
    let waves = view.waves.iter().filter_map(|wave| {
        Some(UsualWave {
            phase: wave.phase,
            wave: wave.wave,
            milliseconds: milliseconds(wave.started_at, wave.finished_at?),
        })
    });
    let tasks = view.tasks.iter().filter_map(|task| {
        let took = milliseconds(task.started_at?, task.finished_at?);
        Some((task.outline.id.clone(), took))
    });
    let begins = view.tasks.iter().filter_map(|task| {
        let outline = &task.outline;
        let is_its = |wave: &&WaveView| wave.phase == outline.phase && wave.wave == outline.wave;
        let wave = view.waves.iter().rev().find(is_its)?;
        let after = milliseconds(wave.started_at, task.started_at?);
        (after > 0).then(|| (outline.id.clone(), after))
    });
    Usual {
        begins: begins.collect(),
        operation: past.id.clone(),
        milliseconds: milliseconds(past.started_at, past.finished_at),
        waves: waves.collect(),
        tasks: tasks.collect(),
    }
}
