//! How far a task is, in one word, and what a task is called.

use capstan_core::{
    model::{
        object::ObjectKey,
        operation_kind::{OperationKind, Purpose},
        phase::Phase,
        wave::Wave,
    },
    plan::task::TaskResult,
    run::{
        event::OperationStatus,
        view::{OperationView, TaskProgress, TaskView},
    },
};

/// How far a task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskState {
    /// It has not begun.
    Pending,
    /// Its wave runs; it waits for other tasks of it.
    Held,
    /// The task has started and has not ended.
    Running,
    /// It waits for a person's approval.
    Asks,
    /// It ended well.
    Done,
    /// It failed, and its directives say to go on.
    Tolerated,
    /// The task ended with a failure.
    Failed,
    /// It was stopped for a reason outside itself.
    Stopped,
    /// It is left alone.
    Skipped,
}

impl TaskState {
    /// Returns the state of a task.
    pub fn of(task: &TaskView) -> TaskState {
        match &task.progress {
            TaskProgress::Pending if task.timing.held_since.is_some() => TaskState::Held,
            TaskProgress::Pending => TaskState::Pending,
            TaskProgress::Running if task.outline.plugin.as_deref() == Some("approval") => TaskState::Asks,
            TaskProgress::Running => TaskState::Running,
            TaskProgress::Finished(TaskResult::Done(_)) => TaskState::Done,
            TaskProgress::Finished(TaskResult::Tolerated(_)) => TaskState::Tolerated,
            TaskProgress::Finished(TaskResult::Failed { .. }) => TaskState::Failed,
            TaskProgress::Finished(TaskResult::Stopped(_)) => TaskState::Stopped,
        }
    }

    /// Returns the word of the style sheet.
    pub const fn class(self) -> &'static str {
        match self {
            TaskState::Pending => "pending",
            TaskState::Held => "held",
            TaskState::Running => "running",
            TaskState::Asks => "person",
            TaskState::Done => "done",
            TaskState::Tolerated => "tolerated",
            TaskState::Failed => "failed",
            TaskState::Stopped => "stopped",
            TaskState::Skipped => "skipped",
        }
    }

    /// Returns the words that people read and hear.
    pub const fn words(self) -> &'static str {
        match self {
            TaskState::Pending => "not started",
            TaskState::Held => "held back",
            TaskState::Running => "running",
            TaskState::Asks => "waits for a person",
            TaskState::Done => "done",
            TaskState::Tolerated => "failed, tolerated",
            TaskState::Failed => "failed",
            TaskState::Stopped => "stopped",
            TaskState::Skipped => "left alone",
        }
    }

    /// Says whether what comes after the task may start.
    pub const fn is_well(self) -> bool {
        matches!(self, TaskState::Done | TaskState::Tolerated)
    }

    /// Says whether the task has begun and is not over.
    pub const fn is_running(self) -> bool {
        matches!(self, TaskState::Running | TaskState::Asks)
    }
}

/// Says whether a task is a hook.
pub fn is_hook(task: &TaskView) -> bool {
    task.outline.plugin.is_some()
}

/// Says whether a task is a hook that has pods, and with them logs: a hook without an object of the cluster has none.
pub fn has_logs(task: &TaskView) -> bool {
    is_hook(task) && task.outline.key.kind != "Hook"
}

/// Returns the object of a task, with the name it really has where that is known.
pub fn key(task: &TaskView) -> &ObjectKey {
    task.object.as_ref().unwrap_or(&task.outline.key)
}

/// Returns the name of a task's object without the mark of a generated name: `smoke-test` for `smoke-test-*`.
pub fn name(task: &TaskView) -> &str {
    trimmed(&task.outline.key.name)
}

/// Removes the mark of a generated name.
pub fn trimmed(name: &str) -> &str {
    name.strip_suffix('*')
        .map_or(name, |name| name.strip_suffix('-').unwrap_or(name))
}

/// Returns the kind of a task's object, short where people use a short word; for a hook without an object the plugin that runs it.
pub fn kind(task: &TaskView) -> &str {
    match &task.outline.plugin {
        Some(plugin) if task.outline.key.kind == "Hook" => plugin,
        _ => short_kind(&task.outline.key.kind),
    }
}

/// Returns a kind, short where people use a short word.
pub fn short_kind(kind: &str) -> &str {
    match kind {
        "PersistentVolumeClaim" => "PVC",
        "HorizontalPodAutoscaler" => "HPA",
        "PodDisruptionBudget" => "PDB",
        "CustomResourceDefinition" => "CRD",
        "ServiceAccount" => "SvcAccount",
        kind => kind,
    }
}

/// Returns what a task says, without the command that the command line adds to it.
pub fn says(task: &TaskView) -> String {
    let message = task.message.trim();
    let without = match message.rfind(": `") {
        Some(begin) if message.ends_with('`') => &message[..begin],
        _ => message,
    };
    match without
        .strip_prefix("waits for approval by a person (")
        .and_then(|rest| rest.strip_suffix(')'))
    {
        Some(question) => format!("waits for a person: {question}"),
        None => without.to_owned(),
    }
}

/// Returns what a phase is called in an operation.
pub fn phase_name(phase: Phase, view: &OperationView) -> &'static str {
    let does = view.about.as_ref().map(|(does, _)| *does);
    match (phase, does, view.purpose) {
        (Phase::Sync, Some(OperationKind::Delete), _) => "Deletion",
        (Phase::PostSync, _, Purpose::Test) => "Tests",
        (phase, ..) => phase.as_str(),
    }
}

/// Returns a wave's number with the sign that is as wide as a digit.
pub fn wave(wave: Wave) -> String {
    wave.to_string().replace('-', "−")
}

/// Returns what an operation does: `sync`, `rollback`, `test`, `delete`.
pub fn does(view: &OperationView) -> &'static str {
    view.about
        .as_ref()
        .map_or("", |(does, _)| view.purpose.operation_name(*does))
}

/// Returns the word for the status of an operation.
pub fn status_word(status: Option<&OperationStatus>) -> &'static str {
    match status {
        None => "Not started",
        Some(OperationStatus::Running) => "Running",
        Some(OperationStatus::Terminating { .. }) => "Terminating",
        Some(OperationStatus::Succeeded) => "Succeeded",
        Some(OperationStatus::Failed(_)) => "Failed",
        Some(OperationStatus::Terminated { .. }) => "Terminated",
    }
}

/// Returns the state whose shape stands for the status of an operation.
pub fn status_state(status: Option<&OperationStatus>) -> TaskState {
    match status {
        None => TaskState::Pending,
        Some(OperationStatus::Running) => TaskState::Running,
        Some(OperationStatus::Succeeded) => TaskState::Done,
        Some(OperationStatus::Failed(_)) => TaskState::Failed,
        Some(OperationStatus::Terminating { .. } | OperationStatus::Terminated { .. }) => TaskState::Stopped,
    }
}

/// Says whether an operation is over.
pub fn is_over(view: &OperationView) -> bool {
    view.status.as_ref().is_some_and(OperationStatus::is_over)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;

    #[test]
    fn a_message_loses_the_command_and_asks_in_plain_words() {
        let mut fixture = Fixture::new(&[("Sync", 0, "gate", "approval")]);
        fixture.start(0, "gate").progress(
            1,
            "gate",
            "waits for approval by a person (switch to 1.42): `capstan approve shop gate`",
        );
        let task = &fixture.view.tasks[0];
        assert_eq!(says(task), "waits for a person: switch to 1.42");
        assert_eq!(TaskState::of(task), TaskState::Asks);
    }

    #[test]
    fn generated_names_lose_their_mark() {
        assert_eq!(trimmed("smoke-*"), "smoke");
        assert_eq!(trimmed("smoke"), "smoke");
        assert_eq!(trimmed("a*b"), "a*b");
    }

    #[test]
    fn waves_have_a_real_minus() {
        assert_eq!(wave(Wave(-1)), "−1");
    }
}
