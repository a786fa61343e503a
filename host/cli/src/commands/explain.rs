//! `capstan explain`: what the running operation waits for, why, and what will end it.

use capstan_core::{
    model::object::ObjectKey,
    run::{
        event::OperationStatus,
        view::{TaskProgress, TaskView},
    },
};
use capstan_engine::{APPROVAL, ApplicationReport, AwaitedSignal};
use jiff::Timestamp;

use super::{options_for_app, print, print_json};
use crate::{
    args::{GlobalOptions, Output},
    context::Context,
    exit::Exit,
    render::{Paint, format_duration, object_name, phase_name, tables},
    terminal::Text,
    text,
};

pub(super) async fn run(global: &GlobalOptions, app: &str) -> anyhow::Result<Exit> {
    let global = &options_for_app(global, app).await?;
    let context = Context::new(global).await?;
    let report = context.engine.report(&context.application(app)?).await?;
    match global.output {
        Output::Text => {
            let now = context.engine.clock().now();
            print(&text(&report, now, Paint::new(global.color)));
        }
        Output::Json | Output::Jsonl | Output::Sarif => print_json(&report)?,
    }
    Ok(Exit::Done)
}

/// Lists the signals that a hook waits for. Signals are sent to a hook by the name that its manifest has.
fn signals_for<'a>(report: &'a ApplicationReport, task: &'a TaskView) -> impl Iterator<Item = &'a AwaitedSignal> {
    let name = task.outline.key.name.trim_end_matches('*');
    report.signals.iter().filter(move |awaited| awaited.hook == name)
}

fn text(report: &ApplicationReport, now: Timestamp, paint: Paint) -> Text {
    let name = &report.application.name;
    let (Some(current), Some(view)) = (&report.current, &report.progress) else {
        let last = report.history.last();
        let last = last.map(|past| text!("; the last one, {}, {}", past.id, tables::status(&past.status, paint)));
        return text!("no operation of {} runs{}\n", name, last.unwrap_or_default());
    };
    let mut text = text!(
        "{} {} by {}, begun {} ago\n",
        paint.heading(format!("operation {}:", current.id)),
        current.purpose.operation_name(current.operation_kind),
        current.started_by,
        format_duration(now.duration_since(current.started_at))
    );
    if !report.is_driven {
        text.push(text!("{} no process runs it any more; the command that started it continues it, `capstan terminate {}` ends it\n", paint.failure("left:"), name));
    }
    if let Some(OperationStatus::Terminating { by }) = &view.status {
        text.push(text!("{} {}\n", paint.warning("stopping:"), by));
    }
    match view.current {
        Some((phase, Some(wave))) => {
            text.push(text!(
                "in {}, wave {}\n",
                phase_name(phase, current.operation_kind, current.purpose),
                wave
            ));
        }
        Some((phase, None)) => {
            text.push(text!(
                "in {}\n",
                phase_name(phase, current.operation_kind, current.purpose)
            ));
        }
        None => text.push(text!("between two phases\n")),
    }
    if report.waiting.is_empty() {
        text.push(text!("it waits for nothing at the moment\n"));
    }
    for waiting in &report.waiting {
        let task = view.task(&waiting.task);
        let key: Option<&ObjectKey> = task.map(|task| task.object.as_ref().unwrap_or(&task.outline.key));
        let who = key.map_or_else(
            || waiting.task.to_string(),
            |key| object_name(key, &report.application.namespace),
        );
        text.push(text!(
            "{} {}: {} (for {})\n",
            paint.warning("waits for"),
            who,
            waiting.message,
            format_duration(now.duration_since(waiting.since))
        ));
        for awaited in task.map(|task| signals_for(report, task)).into_iter().flatten() {
            text.push(if awaited.signal == APPROVAL {
                text!(
                    "  what ends the wait: a person, with `capstan approve {} {}` or with `--reject`\n",
                    name,
                    awaited.hook
                )
            } else {
                text!(
                    "  what ends the wait: a signal, sent with `capstan signal {} {} {}`\n",
                    name,
                    awaited.hook,
                    awaited.signal
                )
            });
        }
        if let Some(at) = waiting.next_call_at {
            text.push(text!(
                "  the next call of its plugin is in {}\n",
                format_duration(at.duration_since(now))
            ));
        }
        let ends = match (waiting.until, report.deadline) {
            (Some(until), _) => format!("times out in {}", format_duration(until.duration_since(now))),
            (None, Some(until)) => format!(
                "the whole operation times out in {}; `capstan terminate {name}` ends it now",
                format_duration(until.duration_since(now))
            ),
            (None, None) => format!("`capstan terminate {name}`"),
        };
        text.push(text!("  what else ends it: {}\n", ends));
    }
    for task in view
        .tasks
        .iter()
        .filter(|task| task.progress == TaskProgress::Pending && !task.message.is_empty())
    {
        let who = object_name(&task.outline.key, &report.application.namespace);
        text.push(text!("{} {}: {}\n", paint.warning("held:"), who, task.message));
    }
    text
}
