//! Checks the user's settings for plugins against the schemas of the loaded plugins.

use std::collections::BTreeMap;

use capstan_core::model::{
    error::{Diagnostic, Diagnostics, closest_match},
    remedy::Command,
};
use capstan_project::WrittenSettings;
use capstan_sandbox::Sandbox;

/// Checks settings, by the plugins' names.
///
/// # Errors
///
/// Returns all mistakes, each with its place.
pub(crate) fn check(all: &BTreeMap<String, WrittenSettings>, sandbox: &Sandbox) -> Result<(), Diagnostics> {
    let mistakes: Vec<Diagnostic> = all
        .iter()
        .flat_map(|(name, written)| find_mistakes(name, written, sandbox))
        .collect();
    if mistakes.is_empty() {
        Ok(())
    } else {
        Err(Diagnostics(mistakes))
    }
}

fn find_mistakes(name: &str, written: &WrittenSettings, sandbox: &Sandbox) -> Vec<Diagnostic> {
    let (document, pointer) = (&written.document, WrittenSettings::pointer_to(name));
    let Some(flaws) = sandbox.flaws_of_health_settings(name, &written.settings) else {
        let known: Vec<String> = sandbox.plugins().into_iter().map(|plugin| plugin.name).collect();
        let hint = match closest_match(name, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("loaded plugins: {}; add others to `plugins`", known.join(", ")),
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
        error.hint(Command::InspectPlugin {
            plugin: Some(name.to_owned()),
        })
    });
    all.collect()
}
