//! `capstan delete`.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use capstan_core::{
    directive::Mode,
    operation_kind::OperationKind,
    plan::{Limits, Plan, Selection},
};
use capstan_engine::Request;

use super::{
    follow::{self, Followed},
    print,
    sync::carry_on,
};
use crate::{
    args::{Delete, Global, Output},
    context::Context,
    exit::Exit,
    render::{self, Paint},
    report::Mistakes,
};

pub(super) async fn run(global: &Global, delete: &Delete) -> anyhow::Result<Exit> {
    let context = Context::new(global).await?;
    let result = remove(&context, global, delete).await;
    context.save()?;
    result
}

async fn remove(context: &Context, global: &Global, delete: &Delete) -> anyhow::Result<Exit> {
    let application = context.application(&delete.app.app)?;
    if let Some(exit) = carry_on(context, global, &application).await? {
        return Ok(exit);
    }
    let mut limits = Limits::default();
    limits.operation = delete.timeout.unwrap_or(limits.operation);
    let request = Request {
        application,
        does: OperationKind::Delete,
        mode: Mode::Native,
        manifests: Vec::new(),
        selection: Selection::default(),
        prune: false,
        takes_over: false,
        create_namespace: false,
        limits,
    };
    let planned = context.engine.plan(request).await?;
    if global.output == Output::Text {
        let paint = Paint::new(global.color);
        print(&format!(
            "on {}\n{}\n",
            context.cluster,
            render::plan::text(&planned.plan, paint)
        ));
    }
    if !delete.yes && !is_confirmed(&planned.plan)? {
        print("nothing was deleted\n");
        return Ok(Exit::Usage);
    }
    let running = context.engine.start(planned, &context.who()).await?;
    follow::to_end(running, global).await.map(Followed::exit)
}

fn is_confirmed(plan: &Plan) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(Mistakes::one(
            "deleting needs a yes, and there is no terminal to ask on",
            "add `--yes`",
        ));
    }
    print(&format!(
        "Delete {} from namespace {}? [yN] ",
        plan.application.name, plan.application.namespace
    ));
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
