//! `capstan plugin add`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use capstan_files::Readers;
use capstan_project::edit;
use capstan_registry::{LockFile, LockedPlugin};
use capstan_runtime::plugins;

use super::{new_store, read_configuration, read_policy, summary::PluginSummary};
use crate::{
    args::{AddArgs, GlobalOptions, Output},
    commands::{print, print_json, print_stderr},
    diagnostics::usage_error,
    exit::Exit,
    project::FILE,
    text,
};

pub(super) fn run(global: &GlobalOptions, args: &AddArgs) -> anyhow::Result<Exit> {
    let file = read_configuration(global)?;
    let lock_file = plugins::lock_path(Path::new(""));
    let mut lock = LockFile::read(&lock_file)?;
    let store = new_store(global, &args.reach, read_policy(file.as_ref())?);
    let plugin = plugins::block_on_separate_runtime(store.resolve(&args.source, Path::new("")))??;
    let shown = PluginSummary::new(global, &plugin)?;
    let of_file = file
        .iter()
        .flat_map(|configuration| &configuration.file.without_plugins);
    let mut without = of_file.chain(&global.plugins.without);
    if capstan_bundle::get(&shown.name).is_some() && !without.any(|name| *name == shown.name) {
        return Err(usage_error(
            format!(
                "there is also a built-in plugin named `{}`, and only one of them can be loaded",
                shown.name
            ),
            format!(
                "leave out the built-in one first: `withoutPlugins: [{}]` in {FILE}, or `--without-plugin {0}`",
                shown.name
            ),
        ));
    }
    let replaced = lock.pin(LockedPlugin {
        name: args.name.clone().unwrap_or_else(|| shown.name.clone()),
        version: shown.version.clone(),
        source: shown.source.clone(),
        digest: shown.digest,
        manifest_digest: shown.manifest,
    });
    lock.write(&lock_file)?;
    if global.output == Output::Text {
        print(&shown.text());
    } else {
        print_json(&shown)?;
    }
    print_stderr(&text!("pinned in {}", lock_file.display()));
    let sources: Vec<String> = replaced.into_iter().map(|locked| locked.source).collect();
    match file {
        Some(_) => add_to_configuration(&shown.source, &sources)?,
        None => print_stderr(&text!(
            "name it with `--plugin {}`, or under `plugins` of a {}",
            shown.source,
            FILE
        )),
    }
    Ok(Exit::Done)
}

/// Adds the plugin to `capstan.yaml`.
fn add_to_configuration(source: &str, instead_of: &[String]) -> anyhow::Result<()> {
    let path = PathBuf::from(FILE);
    let text = std::fs::read_to_string(&path).with_context(|| format!("failed to read {FILE}"))?;
    match edit::add_plugin(&text, source, instead_of) {
        Some(edited) if edited == text => print_stderr(&text!("{} names it already", FILE)),
        Some(edited) => {
            capstan_files::write(&path, edited.as_bytes(), Readers::Inherited)
                .with_context(|| format!("failed to write {FILE}"))?;
            print_stderr(&text!("named in {}", FILE));
        }
        None => print_stderr(&text!("{} is as it was: write `{}` under its `plugins`", FILE, source)),
    }
    Ok(())
}
