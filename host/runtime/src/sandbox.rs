//! Makes the sandbox with the built-in plugins and those that the user named.

use std::{borrow::Cow, path::PathBuf};

use capstan_project::PluginSpec;
use capstan_registry::Access;
use capstan_sandbox::{Builder, Sandbox};

use crate::{plugin_folder::Stale, plugin_settings, plugins};

/// The environment in which plugins are loaded.
#[derive(Debug, Clone)]
pub struct PluginHost {
    /// The folder for compiled and downloaded plugins; without one nothing is cached.
    pub cache: Option<PathBuf>,
    /// The program that compiles plugins of others in a child process: Capstan's own executable. Without one they are compiled in this
    /// process.
    pub compiler: Option<PathBuf>,
    /// How registries are reached.
    pub access: Access,
    /// The built-in plugins: their names and components.
    pub built_in: Vec<(&'static str, &'static [u8])>,
    /// Whether time is virtual: then calls have no deadline in real time.
    pub uses_virtual_time: bool,
}

/// A sandbox with warnings about its plugins.
pub struct LoadedSandbox {
    /// The sandbox.
    pub sandbox: Sandbox,
    /// The plugins that are older than their sources.
    pub stale: Vec<Stale>,
}

/// Loads the built-in plugins and those that the user named.
///
/// # Errors
///
/// Returns why one can't be loaded, or the mistakes in the user's settings.
pub fn load(spec: &PluginSpec, host: &PluginHost) -> anyhow::Result<LoadedSandbox> {
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
    if host.uses_virtual_time {
        builder = builder.timeless();
    }
    let sandbox = configure_compiler(builder, host).build()?;
    plugin_settings::check(&spec.settings, &sandbox)?;
    Ok(LoadedSandbox {
        sandbox,
        stale: found.stale,
    })
}

/// Loads a single plugin, with the limits that it has in an operation.
///
/// # Errors
///
/// Returns what is wrong with it.
pub fn load_one(host: &PluginHost, label: String, component: impl Into<Cow<'static, [u8]>>) -> anyhow::Result<Sandbox> {
    let builder = Sandbox::builder().plugin(label, component);
    Ok(configure_compiler(builder, host).build()?)
}

/// Sets the program that compiles plugins, and the cache.
fn configure_compiler(mut builder: Builder, host: &PluginHost) -> Builder {
    if let Some(program) = &host.compiler {
        builder = builder.compiled_by(program);
    }
    match &host.cache {
        Some(folder) => builder.cache(folder.clone()),
        None => builder,
    }
}
