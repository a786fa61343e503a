//! `capstan test`: runs the test hooks of a deployed application.

use std::time::Duration;

use capstan_core::plan::Limits;
use capstan_engine::{EquivalentOperation, PlanRequest, Work};

use super::{operation_runner::OperationRunner, options_for_app, print, print_json, printer::Printer};
use crate::{
    args::{GlobalOptions, Output, TestArgs},
    context::Context,
    exit::Exit,
    render, text,
};

pub(super) async fn run(global: &GlobalOptions, args: &TestArgs) -> anyhow::Result<Exit> {
    let global = &options_for_app(global, &args.app.app).await?;
    let context = Context::new(global).await?;
    let result = test(&context, global, args).await;
    context.save()?;
    result
}

async fn test(context: &Context, global: &GlobalOptions, args: &TestArgs) -> anyhow::Result<Exit> {
    let application = context.application(&args.app.app)?;
    let printer = Printer::default();
    let usual = Limits::default();
    let mut request = PlanRequest::test(application);
    request.grants.clone_from(&context.grants);
    request.plugin_settings.clone_from(&context.plugin_settings);
    request.options.selection.only_hooks.clone_from(&args.hook);
    request.options.selection.skipped_hooks.clone_from(&args.skip_hook);
    request.options.limits = Limits {
        operation: args.timeout.map_or(usual.operation, Duration::from_secs),
        ..usual
    };
    let digest = request.digest();
    let mut runner = OperationRunner::new(context, global, EquivalentOperation::Request(digest), &printer);
    let planned = match runner.resume_or_prepare(Work::Request(Box::new(request))).await? {
        Ok(planned) => planned,
        Err(exit) => return Ok(exit),
    };
    if planned.plan.is_empty() {
        match global.output {
            Output::Text if !planned.plan.skipped.is_empty() => runner.print_plan(&planned),
            Output::Text => print(&text!(
                "{} has no test hooks; `helm.sh/hook: test` or `capstan.dev/run-if: test` makes an object a test hook\n",
                planned.plan.application.name
            )),
            Output::Json | Output::Jsonl | Output::Sarif => print_json(&render::mask::plan_json(&planned.plan)?)?,
        }
        return Ok(Exit::Done);
    }
    runner.run_plan(planned).await
}
