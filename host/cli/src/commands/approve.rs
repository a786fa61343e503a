//! `capstan approve`.

use capstan_engine::APPROVAL;
use serde_json::json;

use super::{options_for_app, print};
use crate::{
    args::{Approve, GlobalOptions},
    context::Context,
    exit::Exit,
    text,
};

pub(super) async fn run(global: &GlobalOptions, args: &Approve) -> anyhow::Result<Exit> {
    let global = &options_for_app(global, &args.app.app).await?;
    let context = Context::new(global).await?;
    let application = context.application(&args.app.app)?;
    let (verdict, done) = if args.reject {
        ("rejected", "rejected")
    } else {
        ("approved", "approved")
    };
    let value = json!({ "verdict": verdict, "reason": args.reason });
    let (who, hook) = (context.driver_name(), args.hook.as_deref());
    let hook = context.engine.signal(&application, hook, APPROVAL, &who, value).await?;
    context.save()?;
    print(&text!(
        "{} {}; `capstan status {}` shows its progress\n",
        done,
        hook,
        application.name
    ));
    Ok(Exit::Done)
}
