//! `capstan signal`.

use capstan_engine::APPROVAL;
use serde_json::Value;

use super::{options_for_app, print};
use crate::{
    args::{GlobalOptions, SignalArgs},
    context::Context,
    diagnostics::usage_error,
    exit::Exit,
    text,
};

/// The most bytes of a signal's value: annotations of one object have 256 KiB together.
const MAX_VALUE_BYTES: usize = 64 << 10;

pub(super) async fn run(global: &GlobalOptions, args: &SignalArgs) -> anyhow::Result<Exit> {
    let app = &args.app.app;
    if args.signal == APPROVAL {
        return Err(usage_error(
            format!("`{APPROVAL}` is reserved for a person's decision"),
            format!("send it with `capstan approve {app} {}`", args.hook),
        ));
    }
    let value = parse_value(&args.value)?;
    let global = &options_for_app(global, app).await?;
    let context = Context::new(global).await?;
    let application = context.application(app)?;
    let (who, hook) = (context.driver_name(), Some(args.hook.as_str()));
    let sent = context.engine.signal(&application, hook, &args.signal, &who, value);
    let hook = sent.await?;
    context.save()?;
    print(&text!(
        "sent {} to {}; `capstan status {}` shows its progress\n",
        args.signal,
        hook,
        application.name
    ));
    Ok(Exit::Done)
}

fn parse_value(text: &str) -> anyhow::Result<Value> {
    if text.len() > MAX_VALUE_BYTES {
        return Err(usage_error(
            format!("`--value` has {} bytes", text.len()),
            format!("a signal's value has at most {} KiB", MAX_VALUE_BYTES >> 10),
        ));
    }
    serde_json::from_str(text).map_err(|error| {
        usage_error(
            format!("`--value` is not JSON: {error}"),
            r#"write JSON, as in `--value '{"rows": 1200}'`, or a text with its quotes, as in `--value '"done"'`"#,
        )
    })
}
