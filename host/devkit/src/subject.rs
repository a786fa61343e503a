//! The plugin that a command line names: a component, a folder with one, or a loaded plugin.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
};

use capstan_core::model::remedy::Setting;
use capstan_project::PluginSpec;
use capstan_runtime::{
    PluginHost,
    plugin_folder::{self, Stale},
    plugins,
};
use capstan_sandbox::Sandbox;

use crate::usage_error;

/// A plugin's component, and where it comes from.
pub struct Subject {
    /// Its name in messages.
    pub label: String,
    /// The component.
    pub bytes: Cow<'static, [u8]>,
    /// The folder that it is in; `None` for a built-in plugin.
    pub folder: Option<PathBuf>,
    /// The plugins among those that were read that are older than their sources.
    pub stale: Vec<Stale>,
}

impl Subject {
    /// Finds the plugin with this name or path.
    pub fn find(spec: &PluginSpec, host: &PluginHost, what: &Path) -> anyhow::Result<Subject> {
        let shown = what.display();
        if what.exists() {
            return Subject::from_path(what);
        }
        let name = what.to_string_lossy();
        let found = plugins::load(spec, host)?;
        for (label, bytes) in found.components {
            if capstan_stamp::read(&bytes).is_ok_and(|manifest| manifest.name == name) {
                return Ok(Subject {
                    folder: Some(folder_of(Path::new(&label))),
                    label,
                    bytes: bytes.into(),
                    stale: found.stale,
                });
            }
        }
        if let Some((name, bytes)) = host.built_in.iter().find(|(known, _)| *known == name) {
            return Ok(Subject {
                label: (*name).to_owned(),
                bytes: (*bytes).into(),
                folder: None,
                stale: found.stale,
            });
        }
        let built_in: Vec<String> = host.built_in.iter().map(|(name, _)| format!("`{name}`")).collect();
        Err(usage_error(
            format!("there is no file, folder or plugin `{shown}`"),
            format!(
                "name a component, a folder with a `plugin.toml`, or one of {}",
                built_in.join(", ")
            ),
        ))
    }

    /// Reads a component: a file, or the one in a folder. Also finds out whether it is older than its sources.
    pub fn from_path(path: &Path) -> anyhow::Result<Subject> {
        let path = &plugin_folder::component(path)?;
        let stale = plugin_folder::find_stale(path).into_iter().collect();
        let shown = path.display();
        let bytes = std::fs::read(path)
            .map_err(|error| usage_error(format!("{shown} can't be read: {error}"), "name a component's file"))?;
        Ok(Subject {
            label: shown.to_string(),
            bytes: bytes.into(),
            folder: Some(folder_of(path)),
            stale,
        })
    }

    /// Returns the path of its test cases: the named one, else `cases` next to it.
    pub fn cases(&self, named: Option<&Path>) -> anyhow::Result<PathBuf> {
        match (named, &self.folder) {
            (Some(path), _) => Ok(path.to_owned()),
            (None, Some(folder)) => {
                let path = folder.join(plugin_folder::CASES);
                Ok(path.strip_prefix("./").map(PathBuf::from).unwrap_or(path))
            }
            (None, None) => Err(usage_error(
                format!("it is not known where the cases of {} are", self.label),
                Setting::PlaceOfCases,
            )),
        }
    }

    /// Loads only this plugin, with the limits that it has in an operation.
    pub fn load(self, host: &PluginHost) -> anyhow::Result<(Sandbox, String)> {
        let sandbox = capstan_runtime::load_one(host, self.label, self.bytes)?;
        let name = sandbox.plugins().first().map(|plugin| plugin.name.clone());
        Ok((sandbox, name.unwrap_or_default()))
    }
}

fn folder_of(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new(".")).to_owned()
}
