//! `capstan plugin build`.

use std::time::Duration;

use capstan_devkit::build::{self, BuildSpec, BuiltPlugin};
use serde_json::json;

use super::{inspect::size_text, print, print_json};
use crate::{
    args::{GlobalOptions, Output, PluginBuild},
    commands::print_stderr,
    exit::Exit,
    text,
};

pub(super) async fn run(global: &GlobalOptions, args: &PluginBuild) -> anyhow::Result<Exit> {
    let built = build(global, args).await?;
    let BuiltPlugin {
        file,
        manifest,
        size_bytes: bytes,
        ..
    } = &built;
    if global.output == Output::Text {
        let (name, version) = (&manifest.name, &manifest.version);
        print(&text!(
            "{}: {} {}, {}\n",
            file.display(),
            name,
            version,
            size_text(*bytes)
        ));
    } else {
        print_json(&json!({ "file": file, "name": manifest.name, "version": manifest.version, "size": bytes }))?;
    }
    Ok(Exit::Done)
}

/// Builds a project, and prints notes about it.
pub(super) async fn build(global: &GlobalOptions, args: &PluginBuild) -> anyhow::Result<BuiltPlugin> {
    let spec = BuildSpec {
        folder: args.folder.clone(),
        output: args.to.clone(),
        world: args.world.clone(),
        timeout: Duration::from_secs(args.timeout),
    };
    let built = build::build(&global.plugin_host, &spec, &|what| print_stderr(&text!("{}", what))).await?;
    for note in &built.notes {
        print_stderr(&text!("note: {}", note));
    }
    Ok(built)
}
