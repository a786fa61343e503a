//! `pluginSettings` of `capstan.yaml`: what a user sets for the plugins that judge health.

use std::{collections::BTreeMap, sync::Arc};

use capstan_core::{
    error::{PlanError, near},
    manifest::Manifest,
    place::reference_token,
    plugins::PluginSettings,
};
use capstan_sandbox::Sandbox;
use serde_json::{Map, Value};

use crate::{args::Global, project::file::Configuration, report::Mistakes};

/// A plugin's settings, and the file in which they are written.
#[derive(Debug, Clone)]
pub struct WrittenSettings {
    /// The settings.
    pub settings: Map<String, Value>,
    document: Arc<Manifest>,
}

impl Global {
    /// Returns the settings of plugins that judge health.
    pub fn plugin_settings(&self) -> PluginSettings {
        let all = self.written_settings.iter();
        PluginSettings(
            all.map(|(name, written)| (name.clone(), written.settings.clone()))
                .collect(),
        )
    }
}

/// Adds the settings of a file to those of the files before it.
///
/// # Errors
///
/// Returns that another file of the same command has other settings for the same plugin.
pub fn add(all: &mut BTreeMap<String, WrittenSettings>, configuration: &Configuration) -> Result<(), PlanError> {
    for (name, settings) in &configuration.file.plugin_settings {
        if let Some(known) = all.get(name)
            && known.settings != *settings
        {
            let message = format!("another file of this command has other settings for the plugin `{name}`");
            let error = configuration.document.key_error(&pointer(name), message);
            return Err(
                error.hint("plugins are set once for a command: run one command for each file, or write the same")
            );
        }
        let written = WrittenSettings {
            settings: settings.clone(),
            document: Arc::clone(&configuration.document),
        };
        all.insert(name.clone(), written);
    }
    Ok(())
}

/// Checks settings against what the loaded plugins say of theirs.
///
/// # Errors
///
/// Returns everything that is wrong with them, each with its place.
pub fn check(all: &BTreeMap<String, WrittenSettings>, sandbox: &Sandbox) -> Result<(), Mistakes> {
    let mistakes: Vec<PlanError> = all
        .iter()
        .flat_map(|(name, written)| mistakes(name, written, sandbox))
        .collect();
    if mistakes.is_empty() {
        Ok(())
    } else {
        Err(Mistakes(mistakes))
    }
}

fn mistakes(name: &str, written: &WrittenSettings, sandbox: &Sandbox) -> Vec<PlanError> {
    let (document, pointer) = (&written.document, pointer(name));
    let Some(flaws) = sandbox.flaws_of_health_settings(name, &written.settings) else {
        let known: Vec<String> = sandbox.plugins().into_iter().map(|plugin| plugin.name).collect();
        let hint = match near(name, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("loaded are {}; `plugins` names further ones", known.join(", ")),
        };
        let error = document.key_error(&pointer, format!("no plugin `{name}` is loaded"));
        return vec![error.hint(hint)];
    };
    let all = flaws.into_iter().map(|flaw| {
        let message = format!("the settings of plugin {name}: {}", flaw.message);
        let error = if flaw.pointer.is_empty() {
            document.key_error(&pointer, message)
        } else {
            document.error(&format!("{pointer}{}", flaw.pointer), message)
        };
        error.hint(format!("`capstan plugin inspect {name}` shows what it takes"))
    });
    all.collect()
}

/// Returns the JSON pointer to a plugin's settings in the file.
fn pointer(name: &str) -> String {
    format!("/pluginSettings/{}", reference_token(name))
}
