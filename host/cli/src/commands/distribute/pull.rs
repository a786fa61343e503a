//! `capstan plugin pull`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use capstan_files::Readers;

use capstan_runtime::plugins;

use super::{new_store, read_configuration, read_policy};
use crate::{
    args::{GlobalOptions, PullArgs},
    commands::print_stderr,
    exit::Exit,
    text,
};

pub(super) fn run(global: &GlobalOptions, args: &PullArgs) -> anyhow::Result<Exit> {
    let store = new_store(global, &args.reach, read_policy(read_configuration(global)?.as_ref())?);
    let plugin = plugins::block_on_separate_runtime(store.resolve(&args.source, Path::new("")))??;
    // Its name contains no character that has a meaning in paths: the manifest was checked.
    let usual = || PathBuf::from(format!("{}.wasm", plugin.stamp.name));
    let file = args.file.clone().unwrap_or_else(usual);
    capstan_files::write(&file, &plugin.component.bytes, Readers::Inherited)
        .with_context(|| format!("failed to write {}", file.display()))?;
    print_stderr(&text!(
        "{} {} is in {}, {}",
        plugin.stamp.name,
        plugin.stamp.version,
        file.display(),
        plugin.component.digest
    ));
    Ok(Exit::Done)
}
