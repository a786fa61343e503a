//! `capstan test`: runs the test hooks of a deployed application.

use std::time::Duration;

use capstan_core::plan::Limits;
use capstan_engine::{EquivalentOperation, Request, Work};

use super::{conduct::Conductor, print, print_json, voice::Printer, which};
use crate::{
    args::{GlobalOptions, Output, Test},
    context::Context,
    exit::Exit,
    render, text,
};

pub(super) async fn run(global: &GlobalOptions, args: &Test) -> anyhow::Result<Exit> {
    let global = &which(global, &args.app.app).await?;
    let context = Context::new(global).await?;
    let result = test(&context, global, args).await;
    context.save()?;
    result
}

async fn test(context: &Context, global: &GlobalOptions, args: &Test) -> anyhow::Result<Exit> {
    let application = context.application(&args.app.app)?;
    let voice = Printer::default();
    let usual = Limits::default();
    let mut request = Request::test(application);
    request.grants.clone_from(&context.grants);
    request.plugin_settings.clone_from(&context.plugin_settings);
    request.options.selection.hook.clone_from(&args.hook);
    request.options.selection.skip_hook.clone_from(&args.skip_hook);
    request.options.limits = Limits {
        operation: args.timeout.map_or(usual.operation, Duration::from_secs),
        ..usual
    };
    let digest = request.digest();
    let mut conductor = Conductor::new(context, global, EquivalentOperation::Request(digest), &voice);
    let planned = match conductor.undertake(Work::Request(Box::new(request))).await? {
        Ok(planned) => planned,
        Err(exit) => return Ok(exit),
    };
    if planned.plan.is_empty() {
        match global.output {
            Output::Text if !planned.plan.skipped.is_empty() => conductor.show(&planned),
            Output::Text => print(&text!(
                "{} has no test hooks; `helm.sh/hook: test` or `capstan.dev/run-if: test` makes one\n",
                planned.plan.application.name
            )),
            Output::Json | Output::Jsonl | Output::Sarif => print_json(&render::mask::plan(&planned.plan)?)?,
        }
        return Ok(Exit::Done);
    }
    conductor.run_plan(planned).await
}
