//! `capstan plugin update`.

use std::path::Path;

use capstan_core::model::error::closest_match;
use capstan_registry::{LockFile, LockedPlugin};
use capstan_runtime::plugins;
use serde_json::json;

use super::{new_store, read_configuration, read_policy, summary::PluginSummary};
use crate::{
    args::{GlobalOptions, Output, UpdateArgs},
    commands::{print, print_json, print_stderr},
    diagnostics::usage_error,
    exit::Exit,
    terminal::Text,
    text,
};

pub(super) fn run(global: &GlobalOptions, args: &UpdateArgs) -> anyhow::Result<Exit> {
    let file = read_configuration(global)?;
    let lock_file = plugins::lock_path(Path::new(""));
    let mut lock = LockFile::read(&lock_file)?;
    let selection = selected(&lock, args.name.as_deref())?;
    let store = new_store(global, &args.reach, read_policy(file.as_ref())?);
    let mut updated = Vec::new();
    // All plugins are looked up before any is pinned: if one fails, the file stays as it was.
    for old in selection {
        let source = old.source.parse::<capstan_registry::Source>();
        let source = source.map_err(capstan_registry::RegistryError::from)?;
        let plugin = plugins::block_on_separate_runtime(store.resolve(&source, Path::new("")))??;
        let shown = PluginSummary::new(global, &plugin)?;
        lock.pin(LockedPlugin {
            name: old.name.clone(),
            version: shown.version.clone(),
            source: old.source.clone(),
            digest: shown.digest,
            manifest_digest: shown.manifest,
        });
        updated.push((old, shown));
    }
    lock.write(&lock_file)?;
    if updated.is_empty() {
        print_stderr(&text!("no plugin is pinned; use `capstan plugin add SOURCE`"));
    }
    if global.output == Output::Text {
        for (old, new) in &updated {
            print(&text(old, new));
        }
    } else {
        let all: Vec<_> = updated
            .iter()
            .map(|(old, new)| json!({ "before": old, "now": new }))
            .collect();
        print_json(&all)?;
    }
    Ok(Exit::Done)
}

fn selected(lock: &LockFile, name: Option<&str>) -> anyhow::Result<Vec<LockedPlugin>> {
    let Some(name) = name else {
        return Ok(lock.plugins.clone());
    };
    let found: Vec<LockedPlugin> = lock
        .plugins
        .iter()
        .filter(|plugin| plugin.name == name)
        .cloned()
        .collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let names: Vec<&str> = lock.plugins.iter().map(|plugin| &*plugin.name).collect();
    let hint = match closest_match(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => "no plugin is pinned; use `capstan plugin add SOURCE`".to_owned(),
        None => format!("there are {}", names.join(", ")),
    };
    Err(usage_error(format!("no plugin `{name}` is pinned"), hint))
}

fn text(old: &LockedPlugin, new: &PluginSummary) -> Text {
    let is_same = old.digest == new.digest && old.manifest_digest == new.manifest;
    if is_same {
        return text!("{} {}: unchanged\n", old.name, new.version);
    }
    text!("{} {} -> {}\n{}", old.name, old.version, new.version, new.text())
}
