//! `capstan plugin add`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use capstan_files::Readers;
use capstan_project::edit;
use capstan_registry::{Lock, Locked};
use capstan_runtime::plugins;

use super::{here, policy, shown::Shown, store};
use crate::{
    args::{AddArgs, GlobalOptions, Output},
    commands::{print, print_json, say},
    exit::Exit,
    project::FILE,
    report::usage_error,
    text,
};

pub(super) fn run(global: &GlobalOptions, args: &AddArgs) -> anyhow::Result<Exit> {
    let file = here(global)?;
    let lock_file = plugins::lock_path(Path::new(""));
    let mut lock = Lock::read(&lock_file)?;
    let store = store(global, &args.reach, policy(file.as_ref())?);
    let plugin = plugins::apart(store.resolve(&args.source, Path::new("")))??;
    let shown = Shown::new(global, &plugin)?;
    let of_file = file
        .iter()
        .flat_map(|configuration| &configuration.file.without_plugins);
    let mut without = of_file.chain(&global.plugins.without);
    if capstan_bundle::get(&shown.name).is_some() && !without.any(|name| *name == shown.name) {
        return Err(usage_error(
            format!(
                "a built-in plugin is named `{}`, too, and only one of them can be loaded",
                shown.name
            ),
            format!(
                "leave that one out first: `withoutPlugins: [{}]` in {FILE}, or `--without-plugin {0}`",
                shown.name
            ),
        ));
    }
    let replaced = lock.put(Locked {
        name: args.name.clone().unwrap_or_else(|| shown.name.clone()),
        version: shown.version.clone(),
        source: shown.source.clone(),
        digest: shown.digest,
        manifest: shown.manifest,
    });
    lock.write(&lock_file)?;
    if global.output == Output::Text {
        print(&shown.text());
    } else {
        print_json(&shown)?;
    }
    say(&text!("pinned in {}", lock_file.display()));
    let sources: Vec<String> = replaced.into_iter().map(|locked| locked.source).collect();
    match file {
        Some(_) => name(&shown.source, &sources)?,
        None => say(&text!(
            "name it with `--plugin {}`, or under `plugins` of a {}",
            shown.source,
            FILE
        )),
    }
    Ok(Exit::Done)
}

/// Adds the plugin to `capstan.yaml`.
fn name(source: &str, instead_of: &[String]) -> anyhow::Result<()> {
    let path = PathBuf::from(FILE);
    let text = std::fs::read_to_string(&path).with_context(|| format!("failed to read {FILE}"))?;
    match edit::add_plugin(&text, source, instead_of) {
        Some(edited) if edited == text => say(&text!("{} names it already", FILE)),
        Some(edited) => {
            capstan_files::write(&path, edited.as_bytes(), Readers::AsUsual)
                .with_context(|| format!("failed to write {FILE}"))?;
            say(&text!("named in {}", FILE));
        }
        None => say(&text!("{} is as it was: write `{}` under its `plugins`", FILE, source)),
    }
    Ok(())
}
