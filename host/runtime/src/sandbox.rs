//! Makes the sandbox: the built-in plugins and those that were named.

use std::{borrow::Cow, path::PathBuf};

use capstan_project::PluginSpec;
use capstan_registry::Access;
use capstan_sandbox::{Builder, Sandbox};

use crate::{plugin_folder::Stale, plugins};

/// What this machine has for plugins.
#[derive(Debug, Clone)]
pub struct PluginHost {
    /// The folder for compiled and downloaded plugins; without one nothing is kept.
    pub cache: Option<PathBuf>,
    /// The program that compiles plugins of others as a child process: Capstan's own. Without one they are compiled in this process.
    pub compiler: Option<PathBuf>,
    /// How registries are reached.
    pub access: Access,
    /// The plugins that are always there: their names and components.
    pub built_in: Vec<(&'static str, &'static [u8])>,
    /// Whether time is virtual: calls have no deadline in real time.
    pub is_timeless: bool,
}

/// A sandbox, and what should be known of the plugins in it.
pub struct Loaded {
    /// The sandbox.
    pub sandbox: Sandbox,
    /// The plugins that are older than their sources.
    pub stale: Vec<Stale>,
}

/// Loads the built-in plugins and those that were named.
///
/// # Errors
///
/// Returns what is wrong with one.
pub fn load(spec: &PluginSpec, host: &PluginHost) -> anyhow::Result<Loaded> {
    let mut builder = Sandbox::builder().resting().remembering();
    for (name, bytes) in &host.built_in {
        builder = builder.builtin(*name, *bytes);
    }
    let found = plugins::load(spec, host)?;
    for (name, component) in found.components {
        builder = builder.plugin(name, component);
    }
    for name in &spec.without {
        builder = builder.without(name);
    }
    for (name, settings) in &spec.settings {
        builder = builder.settings(name, settings.clone());
    }
    if host.is_timeless {
        builder = builder.timeless();
    }
    Ok(Loaded {
        sandbox: compiled(builder, host).build()?,
        stale: found.stale,
    })
}

/// Loads one plugin alone, with the limits that it has in an operation.
///
/// # Errors
///
/// Returns what is wrong with it.
pub fn alone(host: &PluginHost, label: String, component: impl Into<Cow<'static, [u8]>>) -> anyhow::Result<Sandbox> {
    let builder = Sandbox::builder().plugin(label, component);
    Ok(compiled(builder, host).build()?)
}

/// Says by whom plugins are compiled, and where that is kept.
fn compiled(mut builder: Builder, host: &PluginHost) -> Builder {
    if let Some(program) = &host.compiler {
        builder = builder.compiled_by(program);
    }
    match &host.cache {
        Some(folder) => builder.cache(folder.clone()),
        None => builder,
    }
}
