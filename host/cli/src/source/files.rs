//! Files, folders and stdin.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use capstan_core::error::PlanError;

use super::{
    Text, helm, kustomize,
    tree::{ConfinedPath, WorkTree, plain, text},
};

/// Reads the texts of a path; a folder's files by name. What the folder holds stays in `tree`.
pub(super) fn texts(path: &ConfinedPath, recursive: bool, tree: &WorkTree) -> Result<Vec<Text>, PlanError> {
    let (path, is_outside) = (path.path(), path.is_outside());
    if path == Path::new("-") {
        return Ok(vec![Text {
            name: "stdin".to_owned(),
            text: text(path)?,
            is_outside: false,
        }]);
    }
    if !path.is_dir() {
        return Ok(vec![Text {
            name: path.display().to_string(),
            text: text(path)?,
            is_outside,
        }]);
    }
    let mut files = Vec::new();
    if let Some(file) = kustomize::FILES.iter().find(|file| path.join(file).is_file()) {
        let shown = path.display();
        let error = PlanError::new(format!(
            "{shown} has a {file}: it is a kustomization, not a folder of manifests"
        ));
        return Err(error.hint(format!("`-k {shown}` builds it")));
    }
    collect(path, recursive, tree, 0, &mut files)?;
    if files.is_empty() {
        let error = PlanError::new(format!("{} has no .yaml, .yml or .json files", path.display()));
        return Err(error.hint(if recursive {
            "name another folder"
        } else {
            "`-R` reads its subfolders, too"
        }));
    }
    let read = |file: PathBuf| {
        let file = tree.confine(&file)?;
        Ok(Text {
            name: file.path().display().to_string(),
            text: file.text()?,
            is_outside: file.is_outside(),
        })
    };
    files.into_iter().map(read).collect()
}

/// How deep folders may be in each other: a link to a folder above it would have no end.
const DEPTH: usize = 64;

fn collect(
    folder: &Path,
    recursive: bool,
    tree: &WorkTree,
    depth: usize,
    files: &mut Vec<PathBuf>,
) -> Result<(), PlanError> {
    if depth > DEPTH {
        let message = format!("{} is more than {DEPTH} folders deep", folder.display());
        return Err(PlanError::new(message).hint("is a folder linked into itself?"));
    }
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
                tree.confine(&entry)?;
                collect(&entry, recursive, tree, depth + 1, files)?;
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
