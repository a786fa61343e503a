//! `capstan sync`.

use capstan_core::{manifest::Manifest, plugins::Application};
use capstan_engine::EngineError;

use super::{
    follow::{self, Followed},
    plan::request,
    print,
};
use crate::{
    args::{Global, Output, Set},
    context::Context,
    exit::Exit,
    input,
    render::{self, Paint},
};

pub(super) async fn run(global: &Global, set: &Set) -> anyhow::Result<Exit> {
    let manifests = input::read(&set.files, set.recursive)?;
    let context = Context::new(global).await?;
    let result = sync(&context, global, set, manifests).await;
    // What was done in an embedded cluster was done, however it ended.
    context.save()?;
    result
}

async fn sync(context: &Context, global: &Global, set: &Set, manifests: Vec<Manifest>) -> anyhow::Result<Exit> {
    let request = request(context, set, manifests)?;
    if let Some(exit) = carry_on(context, global, &request.application).await? {
        return Ok(exit);
    }
    let planned = context.engine.plan(request).await?;
    if global.output == Output::Text {
        let paint = Paint::new(global.color);
        print(&format!(
            "on {}\n{}\n",
            context.cluster,
            render::plan::text(&planned.plan, paint)
        ));
        if planned.plan.is_empty() {
            return Ok(Exit::Done);
        }
    }
    let running = context.engine.start(planned, &context.who()).await?;
    follow::to_end(running, global).await.map(Followed::exit)
}

/// Brings an operation to its end whose driver is gone. Its result is the command's own unless it succeeded.
pub(super) async fn carry_on(
    context: &Context,
    global: &Global,
    application: &Application,
) -> anyhow::Result<Option<Exit>> {
    let Some(current) = context.engine.current(application).await? else {
        return Ok(None);
    };
    let running = match context.engine.resume(application).await {
        Ok(running) => running,
        Err(EngineError::NothingRuns(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if global.output == Output::Text {
        print(&format!(
            "operation {} ({} by {}) was left before its end; carrying on with it first\n",
            current.id, current.does, current.by
        ));
    }
    let followed = follow::to_end(running, global).await?;
    Ok(match followed.exit() {
        Exit::Done => None,
        other => Some(other),
    })
}
