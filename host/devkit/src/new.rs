//! Creates the project of a new plugin, which builds and whose test cases pass.

use std::{fs, path::Path};

use capstan_core::model::remedy::Setting;
use capstan_files::Readers;
use capstan_stamp::Manifest;

use crate::{language::Language, sdk_files, template, usage_error};

/// The kind of a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PluginKind {
    /// It assesses the health of objects.
    Health,
    /// It is a hook type.
    Hook,
    /// It is a delete policy.
    DeletePolicy,
}

/// Returns the folder of a project that has the library for plugin authors.
pub fn library_folder(language: Language) -> &'static str {
    sdk_files::folder(language)
}

/// Writes a project into a folder that is empty or doesn't exist. Returns the paths of its files in the folder.
///
/// # Errors
///
/// Returns what is wrong with the name, that the folder isn't empty, or why a file can't be written.
pub fn write(folder: &Path, name: &str, kind: PluginKind, language: Language) -> anyhow::Result<Vec<String>> {
    let files = template::project_files(name, kind, language);
    let manifest = files.iter().find(|(path, _)| path == "plugin.toml");
    let manifest = manifest.map(|(_, text)| text.as_str()).unwrap_or_default();
    if let Err(error) = Manifest::from_toml(manifest) {
        return Err(usage_error(
            format!("`{name}` can't be a plugin's name: {error}"),
            "write one like `queue-health`",
        ));
    }
    let shown = folder.display();
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) || folder.is_file() {
        return Err(usage_error(
            format!("{shown} is there already"),
            [
                "nothing was changed; choose another name".into(),
                Setting::ProjectFolder.into(),
            ],
        ));
    }
    for (path, text) in &files {
        let path = folder.join(path);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        let made = made.and_then(|()| capstan_files::write(&path, text.as_bytes(), Readers::Inherited));
        made.map_err(|error| {
            let message = format!("{} can't be written: {error}", path.display());
            usage_error(message, Setting::ProjectFolder)
        })?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}
