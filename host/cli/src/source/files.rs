//! Files, folders and stdin.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use capstan_core::error::PlanError;

use super::{helm, kustomize};

/// Reads a text file or stdin.
///
/// # Errors
///
/// Returns why it couldn't be read.
pub fn text(path: &Path) -> Result<String, PlanError> {
    let bytes = if path == Path::new("-") {
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut io::stdin(), &mut bytes).map(|_| bytes)
    } else {
        fs::read(path)
    };
    let name = path.display();
    let bytes = bytes.map_err(|error| PlanError::new(format!("{name} can't be read: {}", plain(&error))))?;
    String::from_utf8(bytes).map_err(|_| PlanError::new(format!("{name} is not text in UTF-8")))
}

fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "it is not allowed".to_owned(),
        _ => error.to_string(),
    }
}

/// Reads the texts of a path, with their names; a folder's files by name.
pub(super) fn texts(path: &Path, recursive: bool) -> Result<Vec<(String, String)>, PlanError> {
    if !path.is_dir() {
        let name = if path == Path::new("-") {
            "stdin".to_owned()
        } else {
            path.display().to_string()
        };
        return Ok(vec![(name, text(path)?)]);
    }
    let mut files = Vec::new();
    if let Some(file) = kustomize::FILES.iter().find(|file| path.join(file).is_file()) {
        let shown = path.display();
        let error = PlanError::new(format!(
            "{shown} has a {file}: it is a kustomization, not a folder of manifests"
        ));
        return Err(error.hint(format!("`-k {shown}` builds it")));
    }
    collect(path, recursive, &mut files)?;
    if files.is_empty() {
        let error = PlanError::new(format!("{} has no .yaml, .yml or .json files", path.display()));
        return Err(error.hint(if recursive {
            "name another folder"
        } else {
            "`-R` reads its subfolders, too"
        }));
    }
    let read = |file: PathBuf| Ok((file.display().to_string(), text(&file)?));
    files.into_iter().map(read).collect()
}

fn collect(folder: &Path, recursive: bool, files: &mut Vec<PathBuf>) -> Result<(), PlanError> {
    let wrong = |error: io::Error| PlanError::new(format!("{} can't be read: {}", folder.display(), plain(&error)));
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(wrong)? {
        entries.push(entry.map_err(wrong)?.path());
    }
    entries.sort();
    for entry in entries {
        let is_manifest = |ending: &std::ffi::OsStr| ["yaml", "yml", "json"].iter().any(|known| ending == *known);
        if entry.is_dir() {
            if recursive && helm::is_chart(&entry) {
                let shown = entry.display();
                let error = PlanError::new(format!("{shown} is a Helm chart in a folder of manifests"));
                return Err(error.hint(format!(
                    "name it by itself, with `--chart {shown}`, and the manifests beside it"
                )));
            }
            if recursive {
                collect(&entry, recursive, files)?;
            }
        } else if entry.file_name().is_some_and(|name| name == crate::project::FILE) {
            // It says what to do with the folder.
        } else if entry.extension().is_some_and(is_manifest) {
            files.push(entry);
        }
    }
    Ok(())
}

/// Names an application after the folder of its manifests.
pub fn name_of(path: &Path) -> Option<String> {
    if path == Path::new("-") {
        return None;
    }
    let whole = fs::canonicalize(path).ok()?;
    let folder = if whole.is_dir() {
        whole.as_path()
    } else {
        whole.parent()?
    };
    let name = folder.file_name()?.to_str()?.to_lowercase();
    let name: String = name
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' })
        .collect();
    let name = name.trim_matches('-').to_owned();
    (!name.is_empty()).then_some(name)
}
