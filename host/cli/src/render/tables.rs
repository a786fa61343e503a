//! The stored state of applications, for people.

use capstan_core::{
    event::Status,
    record,
    task::TaskResult,
    view::{OperationView, TaskProgress},
};
use capstan_engine::{ApplicationReport, PastOperation, Revision};
use jiff::Timestamp;

use super::{Paint, columns, lines, name_of, policy, remedy, span};
use crate::{terminal::Text, text};

/// Describes the status of an operation in a few words.
pub fn status(status: &Status, paint: Paint) -> Text {
    match status {
        Status::Running => "Running".into(),
        Status::Terminating { by } => text!("Terminating ({})", by),
        Status::Succeeded => paint.good("Succeeded"),
        Status::Failed(cause) => text!(
            "{} ({}): {}",
            paint.bad("Failed"),
            cause.class,
            remedy::with_hint(&cause.message, &cause.remedies)
        ),
        Status::Terminated { by } => text!("{} by {}", paint.bad("Terminated"), by),
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
            past.purpose.word(past.does).into(),
            text!("{} ago", span(now.duration_since(past.started_at))),
            span(past.finished_at.duration_since(past.started_at)).into(),
            Text::from(&*past.by),
            revision(past).into(),
            status(&past.status, paint),
        ]
    }));
    lines(columns(&rows, 3))
}

/// Returns the deployed revision: the Git commit, or the digest of the manifests without one.
fn revision(past: &PastOperation) -> String {
    let commit = past.revision.as_ref().and_then(Revision::short_commit);
    commit.unwrap_or_else(|| past.digest.clone())
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
    text!("{} {}\n", paint.strong("revision:"), parts.join(", "))
}

/// Describes the state of an application.
pub fn report(report: &ApplicationReport, now: Timestamp, paint: Paint) -> Text {
    let application = &report.application;
    let mut text = text!(
        "{} in namespace {}\n",
        paint.strong(&application.name),
        application.namespace
    );
    match (&report.current, &report.progress) {
        (Some(current), Some(progress)) => {
            let by = &current.by;
            text.push(if report.is_driven {
                text!("\nrunning, started by {}:\n", by)
            } else {
                let name = &application.name;
                text!(
                    "\nleft before its end, started by {}; the next sync carries on, `capstan terminate {}` ends it:\n",
                    by,
                    name
                )
            });
            text.push(origin(&current.digest, current.revision.as_ref(), paint));
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
            let left = due.at.duration_since(now);
            let when = match (left.is_positive(), due.ask_again) {
                (true, true) => format!("asked again in {}", span(left)),
                (true, false) => format!("in {}", span(left)),
                (false, true) => "asked again now".to_owned(),
                (false, false) => format!("overdue by {}", span(-left)),
            };
            vec![
                format!("  {}", name_of(&due.target.key, &application.namespace)),
                when,
                policy::name(&due.by, &due.plugins),
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
        let name = name_of(&record.key, &report.application.namespace);
        for (phase, run) in &record.runs {
            rows.push(vec![
                name.clone(),
                phase.to_string(),
                format!("{} ago", span(now.duration_since(run.at))),
                record::number(&run.operation).to_owned(),
                run.outcome.to_string(),
            ]);
        }
        if let Some(left) = &record.left_out {
            let when = record::number(&left.operation).to_owned();
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
    let mut text = text!("operation {}", paint.strong(&view.operation));
    if let Some((does, application)) = &view.about {
        text.push(text!(
            ": {} of {} in namespace {}",
            view.purpose.word(*does),
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
            .map(|(start, end)| span(end.duration_since(start)));
        vec![
            task.outline.phase.into(),
            task.outline.wave.into(),
            name_of(task.object.as_ref().unwrap_or(&task.outline.key), &namespace).into(),
            took.unwrap_or_default().into(),
            match &task.progress {
                TaskProgress::Pending => "not started".into(),
                TaskProgress::Running => "running".into(),
                TaskProgress::Finished(TaskResult::Done(_)) => paint.good("ok"),
                TaskProgress::Finished(TaskResult::Tolerated(_)) => "passed".into(),
                TaskProgress::Finished(TaskResult::Failed { .. }) => paint.bad("FAILED"),
                TaskProgress::Finished(TaskResult::FixedClock(_)) => "stopped".into(),
            },
            Text::from(&*task.message),
        ]
    }));
    text.push(lines(columns(&rows, 3)));
    if !view.skipped.is_empty() {
        text.push(text!("\nLeft alone:\n"));
        let rows = view.skipped.iter().map(|skipped| {
            vec![
                format!("  {}", name_of(&skipped.key, &namespace)),
                remedy::with_hint(&skipped.reason, &skipped.remedies),
            ]
        });
        text.push(lines(columns(&rows.collect::<Vec<_>>(), 3)));
    }
    for task in &view.tasks {
        let hook = name_of(&task.outline.key, &namespace);
        for request in &task.requests {
            let times = if request.times > 1 {
                format!(" ({} times)", request.times)
            } else {
                String::new()
            };
            let what = &request.what;
            text.push(match &request.refused {
                None => text!("{} asked: {}{}\n", hook, what, times),
                Some(why) => {
                    let why = remedy::with_hint(why, &request.remedies);
                    text!("{} {}: {}{}: {}\n", paint.odd("refused:"), hook, what, times, why)
                }
            });
        }
        for (key, how) in &task.touched {
            text.push(text!("{} {} {}\n", hook, how, name_of(key, &namespace)));
        }
    }
    for trouble in view
        .troubles
        .iter()
        .chain(view.tasks.iter().flat_map(|task| &task.troubles))
    {
        text.push(text!("{} {}\n", paint.odd("trouble:"), trouble));
    }
    let left_out = view.tasks.iter().map(|task| task.troubles_left_out);
    let left_out = left_out.fold(view.troubles_left_out, u32::saturating_add);
    if left_out > 0 {
        text.push(text!("{} {} more, not listed\n", paint.odd("trouble:"), left_out));
    }
    text
}
