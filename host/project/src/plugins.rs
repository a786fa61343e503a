//! Which plugins are loaded besides the built-in ones.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use capstan_core::model::{
    grant::UserGrants,
    remedy::{Command, Remedies, Remedy, Setting},
};
use capstan_registry::{Hint, RegistryError, SignaturePolicy, Source};

use crate::plugin_settings::WrittenSettings;

/// Which plugins are loaded, with their signatures, grants and settings, from flags and files together.
#[derive(Debug, Clone, Default)]
pub struct PluginSpec {
    /// The plugins. The first takes precedence over the others, and all of them over the built-in ones.
    pub sources: Vec<NamedPlugin>,
    /// The plugins that are left out, by name.
    pub without: Vec<String>,
    /// The signature policy.
    pub signatures: SignaturePolicy,
    /// The grants for plugins.
    pub grants: UserGrants,
    /// Settings of plugins that assess health, by the plugin's name.
    pub settings: BTreeMap<String, WrittenSettings>,
}

/// A plugin that the user named.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedPlugin {
    /// The plugin's source.
    pub source: Source,
    /// The folder for relative paths and for `capstan.lock`; empty for the working directory.
    pub folder: PathBuf,
}

impl NamedPlugin {
    /// Parses the value of a flag.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with it.
    pub fn from_flag(text: &str) -> Result<NamedPlugin, String> {
        let source = parse_source(text)?;
        Ok(NamedPlugin {
            source,
            folder: PathBuf::new(),
        })
    }
}

/// Parses the source of a plugin.
///
/// # Errors
///
/// Returns what is wrong with it, and a hint.
pub fn parse_source(text: &str) -> Result<Source, String> {
    text.parse()
        .map_err(|error: capstan_registry::SourceError| format!("{}; {}", error.reason, error.hint))
}

/// Returns what may help against an error of a registry.
pub fn registry_remedies(error: &RegistryError) -> Remedies {
    let remedy = |hint| match hint {
        Hint::Text(text) => Remedy::Text(text),
        Hint::TrustCertificate => Setting::RegistryCertificate.into(),
        Hint::UpdatePin => Command::UpdatePlugins.into(),
        Hint::Publish => Command::PublishPlugin.into(),
        Hint::Pin(source) => Command::AddPlugin { source }.into(),
        Hint::OverwriteTag => Setting::OverwriteTag.into(),
    };
    Remedies(error.hints().into_iter().map(remedy).collect())
}

/// The name in errors and lists.
impl fmt::Display for NamedPlugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::Path(path) => self.folder.join(path).display().fmt(f),
            other => other.fmt(f),
        }
    }
}
