//! `capstan rollback`: syncs the manifests of an earlier operation again.

use std::time::Duration;

use capstan_core::{
    model::{
        operation_kind::{OperationKind, Purpose},
        plugins::Application,
    },
    plan::{Limits, PlanOptions},
    run::event::OperationStatus,
};
use capstan_engine::{EquivalentOperation, PastOperation, PlanRequest};

use super::{
    application_state::find_operation, delete::confirm, operation_runner::OperationRunner, options_for_app, print,
    print_stderr, printer::Printer,
};
use crate::{
    args::{GlobalOptions, Output, RollbackArgs},
    context::Context,
    diagnostics::usage_error,
    exit::Exit,
    text,
};

pub(super) async fn run(global: &GlobalOptions, args: &RollbackArgs) -> anyhow::Result<Exit> {
    let global = &options_for_app(global, &args.app.app).await?;
    let context = Context::new(global).await?;
    let result = roll_back(&context, global, args).await;
    context.save()?;
    result
}

async fn roll_back(context: &Context, global: &GlobalOptions, args: &RollbackArgs) -> anyhow::Result<Exit> {
    let application = context.application(&args.app.app)?;
    let printer = Printer::default();
    let before = history_of(context, &application).await?;
    let same = match &args.operation {
        // The target of an unfinished rollback was decided when it was started.
        None => EquivalentOperation::Rollback(None),
        Some(requested) => match find_operation(&before, Some(requested)) {
            Ok(past) => EquivalentOperation::Rollback(Some(past.manifests_digest.clone())),
            Err(_) => EquivalentOperation::None,
        },
    };
    let mut runner = OperationRunner::new(context, global, same, &printer);
    if let Some(exit) = runner.resume_unfinished(&application).await? {
        return Ok(exit);
    }
    let history = history_of(context, &application).await?;
    let past = match &args.operation {
        Some(requested) => find_operation(&history, Some(requested))?,
        None => previous_success(&history)?,
    };
    let manifests = context.engine.manifests_of(&application, past).await?;
    if manifests.is_empty() {
        return Err(usage_error(
            format!("operation {} has no manifests to roll back to", past.id),
            "`capstan history` lists the others; a deletion has no manifests",
        ));
    }
    let usual = Limits::default();
    let (mode, sync_options) = context.engine.rules(&application).await?;
    let request = PlanRequest {
        purpose: Purpose::Rollback,
        options: PlanOptions {
            mode,
            sync_options,
            prune: !args.no_prune,
            limits: Limits {
                operation: args.timeout.map_or(usual.operation, Duration::from_secs),
                ..usual
            },
            ..PlanOptions::default()
        },
        grants: context.grants.clone(),
        plugin_settings: context.plugin_settings.clone(),
        // The manifests are deployed as they were stored.
        revision: past.revision.clone(),
        ..PlanRequest::sync(application, manifests)
    };
    let planned = context.engine.plan(request).await?;
    print_stderr(&text!(
        "rollrollrollrollrollrollback to the manifests of operation {}",
        past.id
    ));
    if !args.yes {
        if global.output == Output::Text {
            runner.print_plan(&planned);
        }
        if !confirm("Go back?", "going back")? {
            print(&text!("nothing was changed\n"));
            return Ok(Exit::Usage);
        }
    }
    runner.run_plan(planned).await
}

async fn history_of(context: &Context, application: &Application) -> anyhow::Result<Vec<PastOperation>> {
    Ok(context.engine.report(application).await?.history)
}

/// Finds the last successful operation with other manifests than the last one.
fn previous_success(history: &[PastOperation]) -> anyhow::Result<&PastOperation> {
    let deploys = |past: &PastOperation| past.operation_kind == OperationKind::Sync && past.purpose != Purpose::Test;
    let last = history.iter().rev().find(|past| deploys(past));
    let is_other = |past: &&PastOperation| {
        deploys(past)
            && past.status == OperationStatus::Succeeded
            && last.is_some_and(|last| last.manifests_digest != past.manifests_digest)
    };
    history.iter().rev().find(is_other).ok_or_else(|| {
        usage_error(
            "no earlier operation succeeded with other manifests",
            "`capstan history` lists the operations; name one of them",
        )
    })
}
