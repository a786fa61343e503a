//! The stored state of applications, for people.

use capstan_core::{
    plan::{hook_record, task::TaskResult},
    run::{
        event::OperationStatus,
        view::{OperationView, TaskProgress},
    },
};
use capstan_engine::{ApplicationReport, PastOperation, Revision};
use jiff::Timestamp;

use super::{Paint, columns, format_duration, lines, object_name, policy, remedy};
use crate::{terminal::Text, text};

/// Describes the status of an operation in a few words.
pub fn status(status: &OperationStatus, paint: Paint) -> Text {
    match status {
        OperationStatus::Running => "Running".into(),
        OperationStatus::Terminating { by } => text!("Terminating ({})", by),
        OperationStatus::Succeeded => paint.success("Succeeded"),
        OperationStatus::Failed(cause) => text!(
            "{} ({}): {}",
            paint.failure("Failed"),
            cause.class,
            remedy::with_hint(&cause.message, &cause.remedies)
        ),
        OperationStatus::Terminated { by } => text!("{} by {}", paint.failure("Terminated"), by),
    }
}

/// Lists the last operations, the newest first.
pub fn history(history: &[PastOperation], now: Timestamp, paint: Paint) -> Text {
    let mut rows = vec![
        ["OPERATION", "DOES", "STARTED", "TOOK", "BY", "REVISION", "RESULT"]
            .map(Text::from)
            .to_vec(),
    ];
    rows.extend(history.iter().rev().map(|past| {
        vec![
            Text::from(&*past.id),
            past.purpose.operation_name(past.operation_kind).into(),
            text!("{} ago", format_duration(now.duration_since(past.started_at))),
            format_duration(past.finished_at.duration_since(past.started_at)).into(),
            Text::from(&*past.started_by),
            revision(past).into(),
            status(&past.status, paint),
        ]
    }));
    lines(columns(&rows, 3))
}

/// Returns the deployed revision: the Git commit, or the digest of the manifests without one.
fn revision(past: &PastOperation) -> String {
    let commit = past.revision.as_ref().and_then(Revision::short_commit);
    commit.unwrap_or_else(|| past.manifests_digest.clone())
}

/// Describes the origin of an operation's manifests, in one line.
pub fn origin(digest: &str, revision: Option<&Revision>, paint: Paint) -> Text {
    let mut parts = vec![format!("manifests {digest}")];
    if let Some(revision) = revision {
        parts.extend(revision.commit.as_ref().map(|commit| format!("commit {commit}")));
        if !revision.sources.is_empty() {
            parts.push(format!("from {}", revision.sources.join(", ")));
        }
    }
    text!("{} {}\n", paint.heading("revision:"), parts.join(", "))
}

/// Describes the state of an application.
pub fn report(report: &ApplicationReport, now: Timestamp, paint: Paint) -> Text {
    let application = &report.application;
    let mut text = text!(
        "{} in namespace {}\n",
        paint.heading(&application.name),
        application.namespace
    );
    match (&report.current, &report.progress) {
        (Some(current), Some(progress)) => {
            let by = &current.started_by;
            text.push(if report.is_driven {
                text!("\nrunning, started by {}:\n", by)
            } else {
                let name = &application.name;
                text!(
                    "\nunfinished, started by {}; the next sync continues it, `capstan terminate {}` ends it:\n",
                    by,
                    name
                )
            });
            text.push(origin(&current.manifests_digest, current.revision.as_ref(), paint));
            text.push(operation(progress, paint));
        }
        _ => text.push(text!("\nno operation is running\n")),
    }
    if !report.history.is_empty() {
        text.push(text!("\n{}", history(&report.history, now, paint)));
    }
    if !report.hooks.is_empty() {
        text.push(text!("\n{}", hooks(report, now)));
    }
    if !report.due.is_empty() {
        text.push(text!(
            "\nTo be deleted later, by the cluster, the next operation or `capstan sweep`:\n"
        ));
        let rows = report.due.iter().map(|object| {
            let due = &object.due;
            let left = due.due_at.duration_since(now);
            let when = match (left.is_positive(), due.ask_again) {
                (true, true) => format!("next call in {}", format_duration(left)),
                (true, false) => format!("in {}", format_duration(left)),
                (false, true) => "next call now".to_owned(),
                (false, false) => format!("overdue by {}", format_duration(-left)),
            };
            vec![
                format!("  {}", object_name(&due.target.key, &application.namespace)),
                when,
                policy::policy_name(&due.decided_by, &due.plugins),
            ]
        });
        text.push(lines(columns(&rows.collect::<Vec<_>>(), 3)));
    }
    text
}

/// Lists when each hook last ran, and why it was skipped since.
fn hooks(report: &ApplicationReport, now: Timestamp) -> Text {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for record in report.hooks.values() {
        let name = object_name(&record.key, &report.application.namespace);
        for (phase, run) in &record.runs {
            rows.push(vec![
                name.clone(),
                phase.to_string(),
                format!("{} ago", format_duration(now.duration_since(run.at))),
                hook_record::operation_number(&run.operation).to_owned(),
                run.outcome.to_string(),
            ]);
        }
        if let Some(left) = &record.last_skip {
            let when = hook_record::operation_number(&left.operation).to_owned();
            let never = if record.runs.is_empty() { "never" } else { "" };
            let reason = format!("left out: {}", left.reason);
            rows.push(vec![name, String::new(), never.to_owned(), when, reason]);
        }
    }
    rows.sort_by(|one, other| one.first().cmp(&other.first()));
    rows.insert(
        0,
        ["HOOK", "PHASE", "LAST RAN", "OPERATION", "RESULT"]
            .map(str::to_owned)
            .to_vec(),
    );
    lines(columns(&rows, 3))
}

/// Describes one operation with its tasks.
pub fn operation(view: &OperationView, paint: Paint) -> Text {
    let namespace = view
        .about
        .as_ref()
        .map(|(_, application)| application.namespace.clone())
        .unwrap_or_default();
    let mut text = text!("operation {}", paint.heading(&view.operation));
    if let Some((kind, application)) = &view.about {
        text.push(text!(
            ": {} of {} in namespace {}",
            view.purpose.operation_name(*kind),
            application.name,
            application.namespace
        ));
    }
    if let Some(started) = view.started_at {
        text.push(text!("\nstarted {}", format!("{started:.0}")));
    }
    if let Some(found) = &view.status {
        text.push(text!("\n{}", status(found, paint)));
    }
    text.push(text!("\n\n"));
    let mut rows = vec![
        ["PHASE", "WAVE", "OBJECT", "TOOK", "RESULT", "MESSAGE"]
            .map(Text::from)
            .to_vec(),
    ];
    rows.extend(view.tasks.iter().map(|task| {
        let took = task
            .started_at
            .zip(task.finished_at)
            .map(|(start, end)| format_duration(end.duration_since(start)));
        vec![
            task.outline.phase.into(),
            task.outline.wave.into(),
            object_name(task.object.as_ref().unwrap_or(&task.outline.key), &namespace).into(),
            took.unwrap_or_default().into(),
            match &task.progress {
                TaskProgress::Pending => "not started".into(),
                TaskProgress::Running => "running".into(),
                TaskProgress::Finished(TaskResult::Done(_)) => paint.success("ok"),
                TaskProgress::Finished(TaskResult::Tolerated(_)) => "passed".into(),
                TaskProgress::Finished(TaskResult::Failed { .. }) => paint.failure("FAILED"),
                TaskProgress::Finished(TaskResult::Stopped(_)) => "stopped".into(),
            },
            Text::from(&*task.message),
        ]
    }));
    text.push(lines(columns(&rows, 3)));
    if !view.skipped.is_empty() {
        text.push(text!("\nLeft alone:\n"));
        let rows = view.skipped.iter().map(|skipped| {
            vec![
                format!("  {}", object_name(&skipped.key, &namespace)),
                remedy::with_hint(&skipped.reason, &skipped.remedies),
            ]
        });
        text.push(lines(columns(&rows.collect::<Vec<_>>(), 3)));
    }
    for task in &view.tasks {
        let hook = object_name(&task.outline.key, &namespace);
        for request in &task.requests {
            let times = if request.count > 1 {
                format!(" ({} times)", request.count)
            } else {
                String::new()
            };
            let what = &request.request;
            text.push(match &request.refusal {
                None => text!("{} asked: {}{}\n", hook, what, times),
                Some(why) => {
                    let why = remedy::with_hint(why, &request.remedies);
                    text!("{} {}: {}{}: {}\n", paint.warning("refused:"), hook, what, times, why)
                }
            });
        }
        for (key, how) in &task.modified_objects {
            text.push(text!("{} {} {}\n", hook, how, object_name(key, &namespace)));
        }
    }
    for trouble in view
        .problems
        .iter()
        .chain(view.tasks.iter().flat_map(|task| &task.problems))
    {
        text.push(text!("{} {}\n", paint.warning("trouble:"), trouble));
    }
    let left_out = view.tasks.iter().map(|task| task.problems_left_out);
    let left_out = left_out.fold(view.problems_left_out, u32::saturating_add);
    if left_out > 0 {
        text.push(text!("{} {} more, not listed\n", paint.warning("trouble:"), left_out));
    }
    text
}
