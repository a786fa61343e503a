//! The folder of a plugin: its `plugin.toml`, the component that was built in it, and whether the component is older than its sources.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use capstan_core::model::{
    error::{Diagnostic, Diagnostics},
    remedy::Command,
};
use capstan_stamp::{Manifest, ManifestError};

/// The name of a plugin's manifest.
pub const MANIFEST: &str = "plugin.toml";

/// The folder with a plugin's test cases.
pub const CASES: &str = "cases";

/// A project with sources has at least one of these files. An imported plugin has none.
const PROJECT_FILES: [&str; 4] = ["Cargo.toml", "package.json", "requirements.txt", "go.mod"];

/// The folders and files that a build writes.
const BUILD_OUTPUTS: [&str; 6] = [
    "node_modules",
    "target",
    "__pycache__",
    "wit_exports.go",
    "Cargo.lock",
    "package-lock.json",
];

/// How deep the folders of a project are searched for sources.
const MAX_DEPTH: usize = 16;

/// Returns the component in a folder, or the path itself if it isn't a folder.
///
/// # Errors
///
/// Returns what is wrong with the folder's `plugin.toml`, or that nothing was built.
pub fn component(path: &Path) -> Result<PathBuf, Diagnostics> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let file = path.join(manifest(path)?.name).with_extension("wasm");
    if file.is_file() {
        return Ok(file.strip_prefix("./").map(Path::to_owned).unwrap_or(file));
    }
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    Err(Diagnostics::single(
        format!("there is no {}: the plugin {name} hasn't been built", file.display()),
        Command::BuildPlugin {
            folder: Some(path.display().to_string()),
        },
    ))
}

/// Reads and checks a folder's `plugin.toml`.
///
/// # Errors
///
/// Returns every mistake in it.
pub fn manifest(folder: &Path) -> Result<Manifest, Diagnostics> {
    let path = folder.join(MANIFEST);
    let shown = path.display();
    let text = fs::read_to_string(&path).map_err(|error| {
        let hint = [
            "a plugin's folder has a `plugin.toml`".into(),
            Command::NewPlugin.into(),
        ];
        Diagnostics::single(format!("{shown} can't be read: {error}"), hint)
    })?;
    let hint = "`wit/README.md`, which every new project has, shows all that a `plugin.toml` may say";
    Manifest::from_toml(&text).map_err(|error| match error {
        ManifestError::Toml(error) => Diagnostics::single(format!("{shown}: {}", error.to_string().trim_end()), hint),
        ManifestError::Flaws(flaws) => {
            let flaws = flaws
                .0
                .into_iter()
                .map(|flaw| Diagnostic::new(format!("{shown}: {}: {}", flaw.place, flaw.message)).hint(hint));
            Diagnostics(flaws.collect())
        }
    })
}

/// A component that is older than a source file of its project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    /// The component file that is older than its sources.
    pub component: PathBuf,
    /// The source file that changed last.
    pub source: PathBuf,
    /// The project's folder.
    pub folder: PathBuf,
}

/// Finds out whether a component is older than a source file of its project.
pub fn find_stale(component: &Path) -> Option<Stale> {
    let folder = match component.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    };
    let source = newer_source(component, folder)?;
    Some(Stale {
        component: component.to_owned(),
        source: source.strip_prefix("./").map(Path::to_owned).unwrap_or(source),
        folder: folder.to_owned(),
    })
}

/// Returns the source file that changed last, if it changed after the build.
fn newer_source(component: &Path, folder: &Path) -> Option<PathBuf> {
    let manifest = folder.join(MANIFEST);
    if !manifest.is_file() {
        return None;
    }
    let built = fs::metadata(component).ok()?.modified().ok()?;
    // An imported plugin has no sources but its manifest, which its owner may edit.
    let is_project = PROJECT_FILES.iter().any(|name| folder.join(name).is_file());
    let is_source = |path: &Path| {
        if is_project {
            !path.starts_with(folder.join(CASES))
        } else {
            path == manifest
        }
    };
    let sources = modified_times(folder).into_iter().filter(|(path, _)| is_source(path));
    let (path, changed) = sources.max_by_key(|(_, changed)| *changed)?;
    (changed > built).then_some(path)
}

/// Returns the modification time of each file of a project, except for files that a build writes.
pub fn modified_times(folder: &Path) -> BTreeMap<PathBuf, SystemTime> {
    let mut found = BTreeMap::new();
    collect(folder, 0, &mut found);
    found
}

fn collect(folder: &Path, depth: usize, found: &mut BTreeMap<PathBuf, SystemTime>) {
    // A folder that was just removed counts as empty.
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let path = entry.path();
        let is_built = BUILD_OUTPUTS.contains(&&*name)
            || name.starts_with('.')
            || name.starts_with("capstan_plugin_")
            || name.ends_with(".wasm");
        if is_built {
            continue;
        }
        let Ok(about) = entry.metadata() else { continue };
        if about.is_dir() && depth < MAX_DEPTH {
            collect(&path, depth + 1, found);
        } else if let Ok(at) = about.modified() {
            found.insert(path, at);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn write(folder: &Path, name: &str, age_seconds: u64) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, name).unwrap();
        let at = SystemTime::now() - Duration::from_secs(age_seconds);
        fs::File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(at)
            .unwrap();
    }

    #[test]
    fn a_component_is_stale_if_a_source_changed_after_it_was_built() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        write(path, "plugin.toml", 100);
        write(path, "package.json", 100);
        write(path, "plugin.js", 100);
        write(path, "queue.wasm", 50);
        let component = path.join("queue.wasm");
        assert_eq!(newer_source(&component, path), None);
        for built in ["node_modules/x/index.js", ".git/index", "other.wasm", "cases/a.yaml"] {
            write(path, built, 10);
        }
        assert_eq!(newer_source(&component, path), None);
        write(path, "lib/helper.js", 20);
        assert_eq!(newer_source(&component, path), Some(path.join("lib/helper.js")));
    }

    #[test]
    fn an_imported_plugin_is_stale_only_if_its_manifest_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let component = path.join("our-health.wasm");
        write(path, "our-health.wasm", 50);
        write(path, "notes.md", 10);
        assert_eq!(newer_source(&component, path), None);
        write(path, "plugin.toml", 60);
        assert_eq!(newer_source(&component, path), None);
        write(path, "plugin.toml", 20);
        assert_eq!(newer_source(&component, path), Some(path.join("plugin.toml")));
    }
}
