//! `capstan delete`.

use std::{
    io::{BufRead as _, IsTerminal as _},
    time::Duration,
};

use capstan_core::{
    model::plugins::Application,
    plan::{Limits, Plan, PlanOptions},
};
use capstan_engine::{EngineError, EquivalentOperation, PlanRequest, Work};
use capstan_project::confirmed_objects;
use serde_json::json;

use super::{
    follow::{self, FollowOutcome},
    multi_app::{self, AppWork},
    operation_runner::OperationRunner,
    options_for_app, print, print_json,
    printer::Printer,
};
use crate::{
    args::{DeleteArgs, GlobalOptions, Output},
    context::Context,
    diagnostics::usage_error,
    exit::Exit,
    project::{self, Project},
    render::object_name,
    terminal, text,
};

pub(super) async fn run(global: &GlobalOptions, delete: &DeleteArgs) -> anyhow::Result<Exit> {
    let Some(app) = &delete.app else {
        return match project::find_described(global, &delete.config).await? {
            Some(project) => remove_all(project, delete).await,
            None => Err(usage_error(
                "no application is named",
                format!(
                    "name one, or a description of several with `--config`, or write a {}",
                    project::FILE
                ),
            )),
        };
    };
    let global = &options_for_app(global, app).await?;
    let context = Context::new(global).await?;
    if delete.abandon {
        return remove_state(&context, global, delete, &context.application(app)?).await;
    }
    let printer = Printer::default();
    let mut runner = OperationRunner::new(&context, global, EquivalentOperation::Deletion, &printer);
    let result = match context.application(app) {
        Ok(application) => remove(&mut runner, delete, application, Confirmation::Required).await,
        Err(error) => Err(error),
    };
    context.save()?;
    result
}

/// Whether the user is asked for a confirmation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Confirmation {
    /// Yes, unless `--yes` is given.
    Required,
    /// No: it was given.
    Given,
}

/// Deletes several applications, each after those that depend on it.
async fn remove_all(project: Project, delete: &DeleteArgs) -> anyhow::Result<Exit> {
    let context = Context::new(&project.global).await?;
    let names: Vec<&str> = project.apps.iter().rev().map(|app| app.name.as_str()).collect();
    if !delete.yes && !confirm(&format!("Delete {}?", names.join(", then ")), "deleting")? {
        print(&text!("nothing was deleted\n"));
        return Ok(Exit::Usage);
    }
    let mut turns = Vec::new();
    for app in project.apps.iter().rev() {
        let comes_before = |other: &&project::App| other.depends_on.contains(&app.name);
        turns.push(AppWork {
            name: app.name.clone(),
            depends_on: project
                .apps
                .iter()
                .filter(comes_before)
                .map(|other| other.name.clone())
                .collect(),
            work: context.application_in(&app.name, app.namespace.as_deref())?,
        });
    }
    let (context, global) = (&context, &project.global);
    let result = multi_app::run(global, turns, |printer, application| async move {
        let result = match follow::signals() {
            Ok(signals) => {
                let mut runner = OperationRunner {
                    signals: Some(signals),
                    ..OperationRunner::new(context, global, EquivalentOperation::Deletion, &printer)
                };
                let result = remove(&mut runner, delete, application, Confirmation::Given).await;
                ignore_missing(result, &printer)
            }
            Err(error) => Err(error.into()),
        };
        (result, printer.documents())
    });
    let result = result.await;
    context.save()?;
    result
}

/// Ignores the error that an application doesn't exist.
fn ignore_missing(result: anyhow::Result<Exit>, printer: &Printer) -> anyhow::Result<Exit> {
    match result {
        Err(error) if matches!(error.downcast_ref(), Some(EngineError::NoApplication { .. })) => {
            printer.print_stderr(&text!("{}", error));
            Ok(Exit::Done)
        }
        other => other,
    }
}

async fn remove(
    runner: &mut OperationRunner<'_>,
    delete: &DeleteArgs,
    application: Application,
    question: Confirmation,
) -> anyhow::Result<Exit> {
    let mut limits = Limits::default();
    limits.operation = delete.timeout.map_or(limits.operation, Duration::from_secs);
    let request = PlanRequest {
        options: PlanOptions {
            confirmed: confirmed_objects(&delete.confirm),
            limits,
            ..PlanOptions::default()
        },
        grants: runner.context.grants.clone(),
        plugin_settings: runner.context.plugin_settings.clone(),
        ..PlanRequest::delete(application)
    };
    let planned = match runner.resume_or_prepare(Work::Request(Box::new(request))).await? {
        Ok(planned) => planned,
        Err(exit) => return Ok(exit),
    };
    if runner.global.output == Output::Text {
        runner.print_plan(&planned);
        runner.printer.print(&text!("\n"));
    }
    if question == Confirmation::Required && !delete.yes && !is_confirmed(&planned.plan)? {
        print(&text!("nothing was deleted\n"));
        return Ok(Exit::Usage);
    }
    let running = runner.start(planned).await?;
    runner.follow(running).await.map(FollowOutcome::exit)
}

/// How many remaining objects are listed.
const MAX_LISTED: usize = 100;

/// Removes the stored state of an application, and lists the objects that stay in the cluster.
async fn remove_state(
    context: &Context,
    global: &GlobalOptions,
    delete: &DeleteArgs,
    application: &Application,
) -> anyhow::Result<Exit> {
    let left = context.engine.remaining_objects(application).await?;
    let Application { name, namespace } = application;
    if global.output == Output::Text {
        print(&match left.objects.len() {
            0 => text!("no object carries the label of {}\n", name),
            1 => text!("this object carries its label and stays in the cluster:\n"),
            count => text!("these {} objects carry its label and stay in the cluster:\n", count),
        });
        for key in left.objects.iter().take(MAX_LISTED) {
            print(&text!("  {}\n", object_name(key, namespace)));
        }
        if left.objects.len() > MAX_LISTED {
            print(&text!(
                "  and {} more; `-o json` lists all\n",
                left.objects.len() - MAX_LISTED
            ));
        }
        if left.unlisted > 0 {
            print(&text!(
                "{} kinds can't be listed for lack of permission: there may be more objects of these kinds\n",
                left.unlisted
            ));
        }
    }
    let question = format!("Delete the stored state of {name} in namespace {namespace}?");
    if !delete.yes && !confirm(&question, "forgetting an application")? {
        print(&text!("nothing was deleted\n"));
        return Ok(Exit::Usage);
    }
    let abandoned = context.engine.abandon(application).await?;
    if global.output == Output::Text {
        print(&text!(
            "{}: the stored state was deleted: {} Secrets, and nothing else\n",
            name,
            abandoned.secrets
        ));
    } else {
        print_json(&json!({ "left": left, "secrets": abandoned.secrets }))?;
    }
    Ok(Exit::Done)
}

fn is_confirmed(plan: &Plan) -> anyhow::Result<bool> {
    let question = format!(
        "Delete {} from namespace {}?",
        plan.application.name, plan.application.namespace
    );
    confirm(&question, "deleting")
}

/// Asks for a confirmation. `what` names what needs it, for an error without a terminal.
pub(super) fn confirm(question: &str, what: &str) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(usage_error(
            format!("{what} needs confirmation, and there is no terminal to ask for it"),
            "add `--yes`",
        ));
    }
    print(&text!("{} [yN] ", question));
    terminal::flush();
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
