//! `capstan plugin build`.

use std::time::Duration;

use capstan_devkit::build::{self, BuildSpec, Built};
use serde_json::json;

use super::{inspect::size, print, print_json};
use crate::{
    args::{GlobalOptions, Output, PluginBuild},
    commands::say,
    exit::Exit,
    text,
};

pub(super) async fn run(global: &GlobalOptions, args: &PluginBuild) -> anyhow::Result<Exit> {
    let built = build(global, args).await?;
    let Built {
        file,
        manifest,
        size: bytes,
        ..
    } = &built;
    if global.output == Output::Text {
        let (name, version) = (&manifest.name, &manifest.version);
        print(&text!("{}: {} {}, {}\n", file.display(), name, version, size(*bytes)));
    } else {
        print_json(&json!({ "file": file, "name": manifest.name, "version": manifest.version, "size": bytes }))?;
    }
    Ok(Exit::Done)
}

/// Builds a project, and prints notes about it.
pub(super) async fn build(global: &GlobalOptions, args: &PluginBuild) -> anyhow::Result<Built> {
    let spec = BuildSpec {
        folder: args.folder.clone(),
        to: args.to.clone(),
        world: args.world.clone(),
        timeout: Duration::from_secs(args.timeout),
    };
    let built = build::build(&global.plugin_host, &spec, &|what| say(&text!("{}", what))).await?;
    for note in &built.notes {
        say(&text!("note: {}", note));
    }
    Ok(built)
}
