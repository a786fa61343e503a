//! `capstan delete`.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use capstan_core::plan::{Limits, Plan};
use capstan_engine::Request;

use super::{
    follow::{self, Followed},
    plan::show,
    print,
    sync::carry_on,
};
use crate::{
    args::{Delete, Global, Lints, OnBusy, Output},
    context::Context,
    exit::Exit,
    options::confirmed,
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
    if let Some(exit) = carry_on(context, global, &application, OnBusy::Refuse).await? {
        return Ok(exit);
    }
    let mut limits = Limits::default();
    limits.operation = delete.timeout.unwrap_or(limits.operation);
    let request = Request {
        limits,
        confirmed: confirmed(&delete.confirm),
        ..Request::delete(application)
    };
    let planned = context.engine.plan(request).await?;
    if global.output == Output::Text {
        show(global, context, &planned, &Lints::default());
        print("\n");
    }
    if !delete.yes && !is_confirmed(&planned.plan)? {
        print("nothing was deleted\n");
        return Ok(Exit::Usage);
    }
    let running = context.engine.start(planned, &context.who()).await?;
    follow::to_end(running, global).await.map(Followed::exit)
}

fn is_confirmed(plan: &Plan) -> anyhow::Result<bool> {
    let question = format!(
        "Delete {} from namespace {}?",
        plan.application.name, plan.application.namespace
    );
    asks(&question, "deleting")
}

/// Asks for a yes. `what` is what needs it.
pub(super) fn asks(question: &str, what: &str) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Err(Mistakes::one(
            format!("{what} needs a yes, and there is no terminal to ask on"),
            "add `--yes`",
        ));
    }
    print(&format!("{question} [yN] "));
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
