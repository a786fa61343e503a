//! `capstan plan`.

use std::{io::Write as _, path::Path};

use anyhow::Context as _;
use capstan_engine::{Planned, Request};

use super::{explain_compat, print, print_json, say};
use crate::{
    args::{self, Global, Lints, Output, Set},
    context::Context,
    exit::Exit,
    project::{self, App},
    render::{self, Paint, harmless},
    source::Desired,
};

pub(super) async fn run(global: &Global, plan: &args::Plan) -> anyhow::Result<Exit> {
    let (context, app, desired) = prepare(global, &plan.set).await?;
    let request = request(&context, &app, desired)?;
    if plan.explain_compat {
        return explain_compat::run(global, &context, request).await;
    }
    let planned = context.engine.plan(request).await?;
    if let Some(path) = &plan.save {
        save(path, &planned.save()?)?;
    }
    match global.output {
        Output::Text => show(global, &context, &planned, &plan.lints),
        Output::Json | Output::Jsonl | Output::Sarif => print_json(&render::mask::plan(&planned.plan)?)?,
    }
    if let Some(path) = &plan.save {
        say(&format!(
            "saved to {}, for its owner only: it may hold the values of Secrets; `capstan sync --plan {}` runs it",
            path.display(),
            path.display()
        ));
    }
    Ok(Exit::Done)
}

/// Prints a plan for people, and what would go wrong all the same.
pub(super) fn show(global: &Global, context: &Context, planned: &Planned, lints: &Lints) {
    let paint = Paint::new(global.color);
    let text = render::plan::text(&planned.plan, paint);
    print(&format!("on {}\n{text}", context.cluster));
    let findings = render::findings::text(&planned.plan.findings, lints.least(global.verbose), paint);
    if !findings.is_empty() {
        print(&format!("\n{findings}"));
    }
}

/// Writes a file that only its owner may read.
fn save(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let beside = path.with_extension("new");
    // One that is there already may be open to others.
    std::fs::remove_file(&beside).ok();
    let written = options
        .open(&beside)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written
        .and_then(|()| std::fs::rename(&beside, path))
        .with_context(|| format!("failed to write {}", path.display()))
}

/// Reads what a command is about, and makes the engine meanwhile: mistakes that need no cluster are told without one.
pub(super) async fn prepare(global: &Global, set: &Set) -> anyhow::Result<(Context, App, Desired)> {
    let read = project::read(project::of(set)?, set.from.deadline())?;
    let context = Context::new(global).await?;
    let (app, desired) = read.render(&context).await?;
    for notice in &desired.notices {
        say(&format!("notice: {}", harmless(notice)));
    }
    Ok((context, app, desired))
}

/// Says what is to be planned.
pub(super) fn request(context: &Context, app: &App, desired: Desired) -> anyhow::Result<Request> {
    let application = context.application_in(&app.name, app.namespace.as_deref())?;
    app.options.request(application, desired)
}
