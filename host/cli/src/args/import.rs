//! Health checks of other tools that become plugins.

use std::path::PathBuf;

use clap::Args as ClapArgs;

/// What becomes a plugin, and where it goes.
#[derive(Debug, Clone, ClapArgs)]
pub struct ImportArgs {
    /// File or folder with the checks
    pub path: PathBuf,
    /// Folder for the component, its plugin.toml and its cases [default: the plugin's name]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Name of the plugin
    #[arg(long = "name", value_name = "NAME", default_value = "imported-health")]
    pub name: String,
    /// Version of the plugin
    #[arg(long = "plugin-version", value_name = "VERSION", default_value = "0.1.0")]
    pub plugin_version: String,
    /// Licence of the checks, as an SPDX expression
    #[arg(long, value_name = "LICENCE", default_value = "NOASSERTION")]
    pub licence: String,
    /// Replace an existing plugin.toml that differs
    #[arg(long)]
    pub overwrite: bool,
    /// Show whole objects to the checks, even if the fields that they read are known
    #[arg(long)]
    pub whole_objects: bool,
}
