//! `pluginSettings` of `capstan.yaml`: the user's settings for the plugins that assess health.

use std::{collections::BTreeMap, sync::Arc};

use capstan_core::{
    model::{error::Diagnostic, place::reference_token, plugins::PluginSettings},
    read::manifest::Manifest,
};
use serde_json::{Map, Value};

use crate::{PluginSpec, file::Configuration};

/// A plugin's settings, and the file in which they are written.
#[derive(Debug, Clone)]
pub struct WrittenSettings {
    /// The settings as they are written.
    pub settings: Map<String, Value>,
    /// The file that contains the settings, for error messages.
    pub document: Arc<Manifest>,
}

impl WrittenSettings {
    /// Returns the JSON pointer to the settings of a plugin in its file.
    pub fn pointer_to(plugin: &str) -> String {
        format!("/pluginSettings/{}", reference_token(plugin))
    }
}

impl PluginSpec {
    /// Returns the settings of plugins that judge health.
    pub fn plugin_settings(&self) -> PluginSettings {
        let all = self.settings.iter();
        PluginSettings(
            all.map(|(name, written)| (name.clone(), written.settings.clone()))
                .collect(),
        )
    }
}

/// Adds the settings in a file to those of the files before.
///
/// # Errors
///
/// Returns that another file of the same command has different settings for the same plugin.
pub(crate) fn merge_from_file(
    all: &mut BTreeMap<String, WrittenSettings>,
    configuration: &Configuration,
) -> Result<(), Diagnostic> {
    for (name, settings) in &configuration.file.plugin_settings {
        if let Some(known) = all.get(name)
            && known.settings != *settings
        {
            let message = format!("another file of this command has other settings for the plugin `{name}`");
            let error = configuration
                .document
                .key_error(&WrittenSettings::pointer_to(name), message);
            return Err(error.hint(
                "plugin settings are the same for a whole command: run one command per file, or use equal settings",
            ));
        }
        let written = WrittenSettings {
            settings: settings.clone(),
            document: Arc::clone(&configuration.document),
        };
        all.insert(name.clone(), written);
    }
    Ok(())
}
