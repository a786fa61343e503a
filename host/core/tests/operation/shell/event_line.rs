//! Events as lines that a test can compare.

use capstan_core::run::event::{EventKind, OperationStatus};

pub(super) fn event_line(event: &EventKind) -> Option<String> {
    Some(match event {
        EventKind::OperationStarted { .. } => "operation".to_owned(),
        EventKind::OperationResumed {} => "resumed".to_owned(),
        EventKind::Retrying { attempt, .. } => format!("try {attempt}"),
        EventKind::PhaseStarted { phase, cause } => match cause {
            Some(cause) => format!("{phase} because of {}: {}", cause.class, cause.message),
            None => phase.to_string(),
        },
        EventKind::WaveStarted { wave, .. } => format!("  wave {wave}"),
        EventKind::TaskBlocked { task, waits_for: on } => {
            let on: Vec<String> = on.iter().map(ToString::to_string).collect();
            format!("    {task} waits for {}", on.join(", "))
        }
        EventKind::TaskStarted { task } => format!("    start {task}"),
        EventKind::ObjectApplied { key, action: how, .. } => format!("    {how} {key}"),
        EventKind::TaskFinished { task, result } => {
            format!("    end {task}: {result:?}").replace(", remedies: Remedies([])", "")
        }
        EventKind::HookDisposed {
            key, outcome: fate, by, ..
        } => {
            format!("    {fate:?} {key} ({})", by.as_deref().unwrap_or_default())
        }
        EventKind::Stopping { reason: why } => format!("stopping: {why}"),
        EventKind::Waiting { tasks: on } => {
            let on: Vec<String> = on.iter().map(|on| format!("{} ({})", on.task, on.message)).collect();
            format!("waiting for {}", on.join(", "))
        }
        EventKind::OperationFinished { status } => match status {
            OperationStatus::Failed(cause) => format!("Failed: {}: {}", cause.class, cause.message),
            OperationStatus::Running
            | OperationStatus::Terminating { .. }
            | OperationStatus::Succeeded
            | OperationStatus::Terminated { .. } => {
                format!("{status:?}")
            }
        },
        EventKind::TaskProgressed { .. }
        | EventKind::CheckStarted { .. }
        | EventKind::CheckFinished { .. }
        | EventKind::LogsSaved { .. }
        | EventKind::PluginProblem { .. }
        | EventKind::PluginRequested { .. }
        | EventKind::HookModifiedObject { .. }
        | EventKind::Problem { .. }
        | EventKind::WaveFinished { .. }
        | EventKind::PhaseFinished { .. } => return None,
    })
}
