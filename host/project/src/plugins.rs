//! Which plugins are loaded beside the built-in ones, and what holds for them.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use capstan_core::{
    grant::UserGrants,
    remedy::{Command, Remedies, Remedy, Setting},
};
use capstan_registry::{Hint, Policy, RegistryError, Source};

use crate::plugin_settings::WrittenSettings;

/// Which plugins are loaded, whose signatures they need, and what they are granted: what flags and files say together.
#[derive(Debug, Clone, Default)]
pub struct PluginSpec {
    /// The plugins; the first comes before the others, and all come before the built-in ones.
    pub sources: Vec<Named>,
    /// The plugins that are left out, by name.
    pub without: Vec<String>,
    /// Who has to sign what.
    pub signatures: Policy,
    /// What plugins are granted.
    pub grants: UserGrants,
    /// Settings of plugins that judge health, by the plugin's name.
    pub settings: BTreeMap<String, WrittenSettings>,
}

/// A plugin that was named.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// Where it comes from.
    pub source: Source,
    /// The folder at which paths start, and in which `capstan.lock` is; empty for the working directory.
    pub folder: PathBuf,
}

impl Named {
    /// Takes a flag's value.
    ///
    /// # Errors
    ///
    /// Returns why it is no source.
    pub fn by_flag(text: &str) -> Result<Named, String> {
        let source = source(text)?;
        Ok(Named {
            source,
            folder: PathBuf::new(),
        })
    }
}

/// Takes a text for a source.
///
/// # Errors
///
/// Returns why it is none, and what may help.
pub fn source(text: &str) -> Result<Source, String> {
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

/// As errors and lists call it.
impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::Path(path) => self.folder.join(path).display().fmt(f),
            other => other.fmt(f),
        }
    }
}
