//! `capstan status`, `history`, `logs`, `terminate` and `sweep`: the stored state of applications.

use capstan_core::{
    model::{
        object_specifier::{ObjectIndex, Unresolved, matches_hook},
        plugins::Application,
        remedy::ObjectOption,
    },
    plan::task::TaskId,
    run::event::OperationStatus,
};
use capstan_engine::{ApplicationReport, EngineError, PastOperation, SweepOutcome, TerminateOutcome};
use jiff::Timestamp;

use super::{follow, options_for_app, print, print_json, print_stderr, replay};
use crate::{
    args::{GlobalOptions, HistoryArgs, Logs, OptionalAppArgs, Output},
    context::Context,
    diagnostics::{Diagnostics, usage_error},
    exit::Exit,
    project::{self, Project},
    render::{Paint, columns, format_duration, lines, object_name, policy, remedy, tables},
    terminal::Text,
    text,
};

pub(super) async fn status(global: &GlobalOptions, args: &OptionalAppArgs) -> anyhow::Result<Exit> {
    let Some(app) = &args.app else {
        return match project::find_described(global, &args.config).await? {
            Some(project) => project_status(&project).await,
            None => namespace_status(global).await,
        };
    };
    let global = &options_for_app(global, app).await?;
    let context = Context::new(global).await?;
    let report = context.engine.report(&context.application(app)?).await?;
    let now = context.engine.clock().now();
    match global.output {
        Output::Text => print(&tables::report(&report, now, Paint::new(global.color))),
        Output::Json | Output::Jsonl | Output::Sarif => print_json(&report)?,
    }
    Ok(Exit::Done)
}

/// Shows the applications that files describe, whether they are deployed or not.
async fn project_status(project: &Project) -> anyhow::Result<Exit> {
    let context = Context::new(&project.global).await?;
    let (mut reports, mut absent) = (Vec::new(), Vec::new());
    for app in &project.apps {
        let application = context.application_in(&app.name, app.namespace.as_deref())?;
        match context.engine.report(&application).await {
            Ok(report) => reports.push(report),
            Err(EngineError::NoApplication { .. }) => absent.push(application),
            Err(error) => return Err(error.into()),
        }
    }
    show_all(&context, &project.global, &reports, &absent)
}

async fn namespace_status(global: &GlobalOptions) -> anyhow::Result<Exit> {
    let context = Context::new(global).await?;
    let applications = context.engine.applications(&context.namespace).await?;
    let mut reports = Vec::new();
    for application in &applications {
        reports.push(context.engine.report(application).await?);
    }
    show_all(&context, global, &reports, &[])
}

fn show_all(
    context: &Context,
    global: &GlobalOptions,
    reports: &[ApplicationReport],
    absent: &[Application],
) -> anyhow::Result<Exit> {
    let (paint, now) = (Paint::new(global.color), context.engine.clock().now());
    if global.output != Output::Text {
        print_json(&reports)?;
        return Ok(Exit::Done);
    }
    if reports.is_empty() && absent.is_empty() {
        print(&text!("no applications in namespace {}\n", context.namespace));
        return Ok(Exit::Done);
    }
    let mut rows = vec![
        ["APPLICATION", "OPERATION", "STARTED", "STATE"]
            .map(Text::from)
            .to_vec(),
    ];
    rows.extend(reports.iter().map(|report| {
        let ago = |at: Timestamp| format!("{} ago", format_duration(now.duration_since(at)));
        let (id, started, state) = match (&report.current, &report.progress, report.history.last()) {
            (Some(current), Some(progress), _) => (
                current.id.clone(),
                ago(current.started_at),
                tables::status(progress.status.as_ref().unwrap_or(&OperationStatus::Running), paint),
            ),
            (_, _, Some(past)) => (
                past.id.clone(),
                ago(past.started_at),
                tables::status(&past.status, paint),
            ),
            (_, _, None) => (String::new(), String::new(), Text::default()),
        };
        vec![Text::from(&*report.application.name), id.into(), started.into(), state]
    }));
    rows.extend(absent.iter().map(|application| {
        let state = format!("not deployed in namespace {}", application.namespace);
        vec![
            Text::from(&*application.name),
            Text::default(),
            Text::default(),
            state.into(),
        ]
    }));
    print(&lines(columns(&rows, 3)));
    Ok(Exit::Done)
}

/// Finds an operation by its number or id; without either, the last one.
pub(super) fn find_operation<'a>(
    history: &'a [PastOperation],
    requested: Option<&str>,
) -> anyhow::Result<&'a PastOperation> {
    let number = |past: &PastOperation| past.id.split('-').next().map(str::to_owned);
    let found = match requested {
        None => history.last(),
        Some(requested) => history
            .iter()
            .find(|past| past.id == requested || number(past).as_deref() == Some(requested)),
    };
    found.ok_or_else(|| {
        let known: Vec<&str> = history.iter().map(|past| past.id.as_str()).collect();
        match requested {
            Some(requested) => usage_error(
                format!("there is no operation {requested}"),
                format!("there are {}", known.join(", ")),
            ),
            None => usage_error("no operation has ended yet", "`capstan status` shows what runs"),
        }
    })
}

pub(super) async fn history(global: &GlobalOptions, args: &HistoryArgs) -> anyhow::Result<Exit> {
    let global = &options_for_app(global, &args.app.app).await?;
    let context = Context::new(global).await?;
    let application = context.application(&args.app.app)?;
    let (paint, now) = (Paint::new(global.color), context.engine.clock().now());
    let report = context.engine.report(&application).await?;
    if let Some(requested) = &args.again.replay {
        let past = find_operation(&report.history, Some(requested))?;
        return replay::run(global, &context.engine, &application, past, &args.again).await;
    }
    match (&args.operation, global.output) {
        (None, Output::Text) => print(&tables::history(&report.history, now, paint)),
        (None, Output::Json | Output::Jsonl | Output::Sarif) => print_json(&report.history)?,
        (Some(requested), output) => {
            let past = find_operation(&report.history, Some(requested))?;
            let view = context.engine.view(&application, past).await?;
            match output {
                Output::Text => {
                    print(&tables::operation(&view, paint));
                    print(&text!(
                        "\n{}",
                        tables::origin(&past.manifests_digest, past.revision.as_ref(), paint)
                    ));
                }
                Output::Json | Output::Jsonl | Output::Sarif => print_json(&view)?,
            }
        }
    }
    Ok(Exit::Done)
}

pub(super) async fn logs(global: &GlobalOptions, args: &Logs) -> anyhow::Result<Exit> {
    let global = &options_for_app(global, &args.app.app).await?;
    let context = Context::new(global).await?;
    let application = context.application(&args.app.app)?;
    let report = context.engine.report(&application).await?;
    let id = match (&args.operation, &report.current) {
        (None, Some(current)) => current.id.clone(),
        (requested, _) => find_operation(&report.history, requested.as_deref())?.id.clone(),
    };
    let mut logs = context.engine.logs(&application, &id).await?;
    if let Some(hook) = &args.hook {
        let view = match &report.progress {
            Some(progress) if report.current.as_ref().is_some_and(|current| current.id == id) => progress.clone(),
            Some(_) | None => {
                context
                    .engine
                    .view(&application, find_operation(&report.history, Some(&id))?)
                    .await?
            }
        };
        let key = |id: &TaskId| view.task(id).map(|task| &task.outline.key);
        let logged = ObjectIndex::from_keys(logs.iter().filter_map(|(id, _)| key(id).cloned()));
        match logged.resolve_hook(hook) {
            Ok(requested) => logs.retain(|(id, _)| key(id) == Some(requested)),
            // A hook without logs isn't an error.
            Err(Unresolved::Unknown { .. }) if view.tasks.iter().any(|task| matches_hook(hook, &task.outline.key)) => {
                logs.clear();
            }
            Err(why) => return Err(Diagnostics(vec![why.into_diagnostic(ObjectOption::Hook, hook)]).into()),
        }
    }
    if global.output != Output::Text {
        print_json(&logs)?;
        return Ok(Exit::Done);
    }
    for (task, streams) in &logs {
        for stream in streams {
            let phase = task.0.split('/').next().unwrap_or_default();
            let prefix = format!("{phase} {} > {}", stream.pod, stream.container);
            if stream.is_cut {
                print(&text!("{} | [earlier lines were not kept]\n", prefix));
            }
            for line in &stream.lines {
                print(&text!("{} | {}\n", prefix, line));
            }
        }
    }
    if logs.is_empty() {
        print_stderr(&text!("no logs were kept of operation {}", id));
    }
    Ok(Exit::Done)
}

pub(super) async fn terminate(global: &GlobalOptions, app: &str) -> anyhow::Result<Exit> {
    let global = &options_for_app(global, app).await?;
    let context = Context::new(global).await?;
    let application = context.application(app)?;
    let by = context.driver_name();
    match context.engine.terminate(&application, &by).await? {
        TerminateOutcome::Requested(driver) => {
            print(&text!(
                "asked {} to terminate the operation; `capstan status {}` shows the progress\n",
                driver,
                app
            ));
            Ok(Exit::Done)
        }
        TerminateOutcome::NoDriver => terminate_without_driver(&context, global, &application, &by).await,
    }
}

/// Terminates an operation without a driver: this process drives it for the moment that takes.
async fn terminate_without_driver(
    context: &Context,
    global: &GlobalOptions,
    application: &Application,
    by: &str,
) -> anyhow::Result<Exit> {
    let running = match context.engine.resume(application).await {
        Err(EngineError::NoOperation(_)) => return Ok(Exit::Done),
        other => other?,
    };
    running.terminate(by);
    let followed = follow::follow(running, global).await?;
    context.save()?;
    // The operation was terminated, as the user wants.
    Ok(match followed.exit() {
        Exit::Terminated => Exit::Done,
        other => other,
    })
}

pub(super) async fn sweep(global: &GlobalOptions, app: &str) -> anyhow::Result<Exit> {
    let global = &options_for_app(global, app).await?;
    let context = Context::new(global).await?;
    let application = context.application(app)?;
    let swept = context.engine.sweep(&application).await?;
    context.save()?;
    let now = context.engine.clock().now();
    let unanswered = swept
        .iter()
        .any(|swept| matches!(swept.outcome, SweepOutcome::Unanswered(_)));
    let failed = swept
        .iter()
        .any(|swept| matches!(swept.outcome, SweepOutcome::Failed(_)));
    if global.output == Output::Text {
        if swept.is_empty() {
            print(&text!("nothing is due\n"));
        }
        let rows: Vec<Vec<String>> = swept
            .iter()
            .map(|swept| {
                let due = &swept.object.due;
                let by = policy::policy_name(&due.decided_by, &due.plugins);
                let (word, rest) = match &swept.outcome {
                    SweepOutcome::NotDue if due.ask_again => (
                        "waits",
                        format!(
                            "next call in {} ({by})",
                            format_duration(due.due_at.duration_since(now))
                        ),
                    ),
                    SweepOutcome::NotDue => (
                        "waits",
                        format!("{} left ({by})", format_duration(due.due_at.duration_since(now))),
                    ),
                    SweepOutcome::Unanswered(why) => ("waits", remedy::with_hint(why, &swept.remedies)),
                    SweepOutcome::Deleted => ("deleted", by),
                    SweepOutcome::Gone => ("gone", "it was deleted already".to_owned()),
                    SweepOutcome::Kept => ("kept", "its delete policies keep it".to_owned()),
                    SweepOutcome::Failed(why) => ("FAILED", remedy::with_hint(why, &swept.remedies)),
                };
                vec![
                    word.to_owned(),
                    object_name(&due.target.key, &application.namespace),
                    rest,
                ]
            })
            .collect();
        print(&lines(columns(&rows, 3)));
    } else {
        print_json(&swept)?;
    }
    Ok(if failed {
        Exit::Apply
    } else if unanswered {
        Exit::Plugin
    } else {
        Exit::Done
    })
}
