//! `capstan plan`.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use capstan_core::{
    directive::{Mode, OnTimeout},
    manifest::Manifest,
    plan::{Confirmed, Hooks, Limits, Retry, Selection},
};
use capstan_engine::{Planned, Request};

use super::{print, print_json, say};
use crate::{
    args::{self, Compat, Global, Output, Set},
    context::Context,
    exit::Exit,
    input,
    render::{self, Paint},
    report::Mistakes,
};

pub(super) async fn run(global: &Global, plan: &args::Plan) -> anyhow::Result<Exit> {
    let manifests = manifests(&plan.set)?;
    let context = Context::new(global).await?;
    let planned = context.engine.plan(request(&context, &plan.set, manifests)?).await?;
    if let Some(path) = &plan.save {
        save(path, &planned.save()?)?;
    }
    match global.output {
        Output::Text => show(global, &context, &planned),
        Output::Json | Output::Jsonl => print_json(&render::mask::plan(&planned.plan)?)?,
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

/// Prints a plan for people.
pub(super) fn show(global: &Global, context: &Context, planned: &Planned) {
    let text = render::plan::text(&planned.plan, Paint::new(global.color));
    print(&format!("on {}\n{text}", context.cluster));
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

/// Reads what is to be planned.
pub(super) fn manifests(set: &Set) -> anyhow::Result<Vec<Manifest>> {
    if set.files.is_empty() {
        return Err(Mistakes::one(
            "there are no manifests",
            "name a file, a folder or - with `-f`",
        ));
    }
    input::read(&set.files, set.recursive)
}

/// Says what is to be planned.
pub(super) fn request(context: &Context, set: &Set, manifests: Vec<Manifest>) -> anyhow::Result<Request> {
    let name = app_name(set.app.as_deref(), &set.files)?;
    let usual = Limits::default();
    let limits = Limits {
        operation: set.timeout.unwrap_or(usual.operation),
        phase: set.phase_timeout,
        wave: set.wave_timeout,
        retry: Retry {
            times: set.retry,
            first: set.retry_pause,
            ..Retry::default()
        },
        ..usual
    };
    Ok(Request {
        mode: match set.compat {
            Some(Compat::Argocd) => Mode::ArgoCd,
            None => Mode::Native,
        },
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
        adopts: set.adopt,
        confirmed: confirmed(&set.confirm),
        checks_first: set.dry_run_first == args::OnOff::On,
        on_timeout: match set.on_timeout {
            args::OnTimeout::Fail => OnTimeout::Fail,
            args::OnTimeout::Continue => OnTimeout::Continue,
        },
        limits,
        ..Request::sync(context.application(&name)?, manifests)
    })
}

/// Says what may go though its annotations want a confirmation.
pub(super) fn confirmed(words: &[String]) -> Confirmed {
    Confirmed {
        all: words.iter().any(|word| word == "all"),
        only: words.to_vec(),
    }
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
