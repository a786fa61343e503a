//! Which plugin a command line means: a component, the folder it is built in, or one that is loaded.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
};

use capstan_runtime::{plugin_folder, plugins};
use capstan_sandbox::Sandbox;

use crate::{
    args::Global,
    report::{self, usage_error},
};

/// A plugin's component, and where it comes from.
pub(in crate::commands) struct Subject {
    /// What messages call it.
    pub label: String,
    /// The component.
    pub bytes: Cow<'static, [u8]>,
    /// The folder it is in; none of a built-in one.
    pub folder: Option<PathBuf>,
}

impl Subject {
    /// Finds what is meant.
    pub fn find(global: &Global, what: &Path) -> anyhow::Result<Subject> {
        let shown = what.display();
        if what.exists() {
            return Subject::of_path(what);
        }
        let name = what.to_string_lossy();
        let found = plugins::load(&global.plugins, &global.plugin_host)?;
        found.stale.iter().for_each(report::stale);
        for (label, bytes) in found.components {
            if capstan_stamp::read(&bytes).is_ok_and(|manifest| manifest.name == name) {
                return Ok(Subject {
                    folder: Some(folder_of(Path::new(&label))),
                    label,
                    bytes: bytes.into(),
                });
            }
        }
        if let Some(plugin) = capstan_bundle::get(&name) {
            return Ok(Subject {
                label: plugin.name.to_owned(),
                bytes: plugin.bytes.into(),
                folder: None,
            });
        }
        let built_in: Vec<String> = capstan_bundle::ALL
            .iter()
            .map(|plugin| format!("`{}`", plugin.name))
            .collect();
        Err(usage_error(
            format!("there is no file, folder or plugin `{shown}`"),
            format!(
                "name a component, a folder with a `plugin.toml`, or one of {}",
                built_in.join(", ")
            ),
        ))
    }

    /// Reads a component: a file, or what was built in a folder. Warns if its sources changed since.
    pub fn of_path(path: &Path) -> anyhow::Result<Subject> {
        let path = &plugin_folder::component(path)?;
        if let Some(stale) = plugin_folder::stale(path) {
            report::stale(&stale);
        }
        let shown = path.display();
        let bytes = std::fs::read(path)
            .map_err(|error| usage_error(format!("{shown} can't be read: {error}"), "name a component's file"))?;
        Ok(Subject {
            label: shown.to_string(),
            bytes: bytes.into(),
            folder: Some(folder_of(path)),
        })
    }

    /// Returns where its cases are: where the user says, else beside it.
    pub fn cases(&self, named: Option<&Path>) -> anyhow::Result<PathBuf> {
        match (named, &self.folder) {
            (Some(path), _) => Ok(path.to_owned()),
            (None, Some(folder)) => {
                let path = folder.join(plugin_folder::CASES);
                Ok(path.strip_prefix("./").map(PathBuf::from).unwrap_or(path))
            }
            (None, None) => Err(usage_error(
                format!("it is not known where the cases of {} are", self.label),
                "`--cases PATH` names them",
            )),
        }
    }

    /// Loads it alone, with the limits that it has in an operation.
    pub fn load(self, global: &Global) -> anyhow::Result<(Sandbox, String)> {
        let sandbox = capstan_runtime::alone(&global.plugin_host, self.label, self.bytes)?;
        let name = sandbox.plugins().first().map(|plugin| plugin.name.clone());
        Ok((sandbox, name.unwrap_or_default()))
    }
}

fn folder_of(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new(".")).to_owned()
}
