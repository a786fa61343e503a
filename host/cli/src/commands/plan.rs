//! `capstan plan`.

use std::path::PathBuf;

use capstan_core::{
    directive::Mode,
    operation_kind::OperationKind,
    plan::{Hooks, Limits, Selection},
};
use capstan_engine::Request;

use super::{print, print_json};
use crate::{
    args::{self, Compat, Global, Output, Set},
    context::Context,
    exit::Exit,
    input,
    render::{self, Paint},
    report::Mistakes,
};

pub(super) async fn run(global: &Global, set: &Set) -> anyhow::Result<Exit> {
    let manifests = input::read(&set.files, set.recursive)?;
    let context = Context::new(global).await?;
    let planned = context.engine.plan(request(&context, set, manifests)?).await?;
    match global.output {
        Output::Text => {
            let text = render::plan::text(&planned.plan, Paint::new(global.color));
            print(&format!("on {}\n{text}", context.cluster));
        }
        Output::Json | Output::Jsonl => print_json(&render::mask::plan(&planned.plan)?)?,
    }
    Ok(Exit::Done)
}

/// Says what is to be planned.
pub(super) fn request(
    context: &Context,
    set: &Set,
    manifests: Vec<capstan_core::manifest::Manifest>,
) -> anyhow::Result<Request> {
    let name = app_name(set.app.as_deref(), &set.files)?;
    let mut limits = Limits::default();
    limits.operation = set.timeout.unwrap_or(limits.operation);
    Ok(Request {
        application: context.application(&name)?,
        does: OperationKind::Sync,
        mode: match set.compat {
            Some(Compat::Argocd) => Mode::ArgoCd,
            None => Mode::Native,
        },
        manifests,
        selection: Selection {
            only: set.only.clone(),
            hooks: set.hooks.map(|hooks| match hooks {
                args::Hooks::All => Hooks::All,
                args::Hooks::None => Hooks::None,
                args::Hooks::Only => Hooks::Only,
            }),
            hook: set.hook.clone(),
            skip_hook: set.skip_hook.clone(),
            phases: set.phases.clone(),
        },
        prune: set.prune,
        takes_over: set.force_conflicts,
        create_namespace: set.create_namespace,
        limits,
    })
}

fn app_name(flag: Option<&str>, files: &[PathBuf]) -> anyhow::Result<String> {
    if let Some(name) = flag {
        return Ok(name.to_owned());
    }
    input::folder_name(files).ok_or_else(|| {
        Mistakes::one(
            "the application has no name",
            "manifests from stdin need one: `--app NAME`",
        )
    })
}
