//! `capstan sync`, of one application or of several.

use std::path::Path;

use capstan_core::model::on_busy::OnBusy;
use capstan_engine::{DryRunResult, EquivalentOperation, LintErrors, PreparedPlan, Work};

use super::{
    follow,
    multi_app::{self, AppWork},
    operation_runner::OperationRunner,
    plan::{PreparedApps, prepare, request},
    printer::Printer,
};
use crate::{
    args::{DryRun, GlobalOptions, Output, SyncArgs},
    context::Context,
    diagnostics::{self, Diagnostics, usage_error},
    environment,
    exit::Exit,
    render::{self, Paint, object_name},
    text,
};

pub(super) async fn run(global: &GlobalOptions, args: &SyncArgs) -> anyhow::Result<Exit> {
    let printer = Printer::default();
    if let Some(path) = &args.saved {
        let planned = load(path, args)?;
        let context = Context::new(global).await?;
        let on_busy = args.on_busy.map(Into::into).unwrap_or_default();
        let mut runner = operation_runner(&context, global, args, on_busy, &printer);
        let result = sync(&mut runner, args, Work::Saved(Box::new(planned))).await;
        context.save()?;
        return result;
    }
    let mut prepared = prepare(global, &args.set).await?;
    let result = match prepared.apps.pop() {
        Some((app, desired)) if prepared.apps.is_empty() => {
            let on_busy = args.on_busy.map(Into::into).or(app.options.on_busy).unwrap_or_default();
            let work = Work::Request(Box::new(request(&prepared.context, &app, desired)?));
            let mut runner = operation_runner(&prepared.context, &prepared.global, args, on_busy, &printer);
            sync(&mut runner, args, work).await
        }
        last => {
            prepared.apps.extend(last);
            sync_all(&mut prepared, args).await
        }
    };
    // Changes in an embedded cluster are kept, however the operation ended.
    prepared.context.save()?;
    result
}

fn load(path: &Path, args: &SyncArgs) -> anyhow::Result<PreparedPlan> {
    if !args.set.from.sources().is_empty() {
        return Err(usage_error(
            "`--plan` and sources can't be combined",
            "a saved plan contains its manifests",
        ));
    }
    let text = environment::read_text(path).map_err(|mistake| Diagnostics(vec![mistake]))?;
    PreparedPlan::load(&text).map_err(|mut mistake| {
        mistake.message = format!("{}: {}", path.display(), mistake.message);
        Diagnostics(vec![mistake]).into()
    })
}

/// Syncs several applications, each after those that it depends on.
async fn sync_all(prepared: &mut PreparedApps, args: &SyncArgs) -> anyhow::Result<Exit> {
    let mut turns = Vec::new();
    for (app, desired) in std::mem::take(&mut prepared.apps) {
        let on_busy = args.on_busy.map(Into::into).or(app.options.on_busy).unwrap_or_default();
        let request = request(&prepared.context, &app, desired)?;
        turns.push(AppWork {
            name: app.name,
            depends_on: app.depends_on,
            work: (on_busy, Work::Request(Box::new(request))),
        });
    }
    let (context, global) = (&prepared.context, &prepared.global);
    multi_app::run(global, turns, |printer, (on_busy, work)| async move {
        let result = match follow::signals() {
            Ok(signals) => {
                let mut runner = operation_runner(context, global, args, on_busy, &printer);
                runner.signals = Some(signals);
                sync(&mut runner, args, work).await
            }
            Err(error) => Err(error.into()),
        };
        (result, printer.documents())
    })
    .await
}

async fn sync(runner: &mut OperationRunner<'_>, args: &SyncArgs, work: Work) -> anyhow::Result<Exit> {
    if let Some(by) = args.dry_run {
        let planned = runner.context.engine.prepare(work).await?;
        return dry_run(runner, &planned, by).await;
    }
    if !args.again {
        runner.policy.equivalent = EquivalentOperation::Request(work.digest());
    }
    match runner.resume_or_prepare(work).await? {
        Ok(planned) => runner.run_plan(planned).await,
        Err(exit) => Ok(exit),
    }
}

/// Makes the runner of one application's sync.
fn operation_runner<'a>(
    context: &'a Context,
    global: &'a GlobalOptions,
    args: &SyncArgs,
    on_busy: OnBusy,
    printer: &'a Printer,
) -> OperationRunner<'a> {
    let mut runner = OperationRunner {
        lints: args.lints.clone(),
        ..OperationRunner::new(context, global, EquivalentOperation::None, printer)
    };
    runner.policy.on_busy = on_busy;
    runner.policy.lint_errors = LintErrors::Refuse {
        allowed: args.lints.allowed.iter().cloned().collect(),
    };
    runner
}

async fn dry_run(runner: &OperationRunner<'_>, planned: &PreparedPlan, by: DryRun) -> anyhow::Result<Exit> {
    let printer = runner.printer;
    match runner.global.output {
        Output::Text => runner.print_plan(planned),
        Output::Json | Output::Jsonl | Output::Sarif => printer.document(&render::mask::plan_json(&planned.plan)?)?,
    }
    let refused: Vec<DryRunResult> = match by {
        DryRun::Client => Vec::new(),
        DryRun::Server => {
            let all = runner.context.engine.dry_run(planned).await;
            all.into_iter().filter(|one| one.result.is_err()).collect()
        }
    };
    for one in &refused {
        if let (Err(refusal), Some(task)) = (&one.result, planned.plan.task(&one.task)) {
            let name = object_name(&task.key, &planned.plan.application.namespace);
            printer.print_stderr(&diagnostics::refused(&name, refusal, Paint::new(runner.global.color)));
        }
    }
    printer.print_stderr(&text!("dry run: nothing was changed"));
    Ok(if refused.is_empty() { Exit::Done } else { Exit::Apply })
}
