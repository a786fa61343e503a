//! Reads manifests from files, folders and stdin.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use capstan_core::model::{
    error::Diagnostic,
    remedy::{Remedies, Setting},
};

use super::{
    SourceText, Stdin,
    deadline::Work,
    glob::Glob,
    kustomize,
    work_tree::{ConfinedPath, WorkTree, io_error_message, read_text_file},
};

/// Which files of a folder are manifests, beside their endings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FolderRules {
    /// Only files whose path in the folder matches.
    pub include: Option<Glob>,
    /// No files whose path in the folder matches.
    pub exclude: Option<Glob>,
    /// Whether the folder is read by the rules of an Argo CD Application: files with its marker are skipped, and Jsonnet belongs to the
    /// manifests.
    pub follows_argo_cd: bool,
}

/// A file with this text anywhere in it has no manifests for Argo CD.
const SKIP_FILE_MARKER: &str = "+argocd:skip-file-rendering";

impl FolderRules {
    /// Says whether a file is read; `path` is its path in the folder.
    fn includes(&self, path: &Path) -> bool {
        let path = path.to_string_lossy();
        let is_excluded = self.exclude.as_ref().is_some_and(|glob| glob.matches(&path));
        !is_excluded && self.include.as_ref().is_none_or(|glob| glob.matches(&path))
    }
}

/// Reads the files of a path; those of a folder sorted by name. Every file has to be in `tree`.
pub(super) fn read_texts(
    path: &ConfinedPath,
    recursive: bool,
    rules: &FolderRules,
    tree: &WorkTree,
    stdin: &Stdin,
    work: &Work,
) -> Result<Vec<SourceText>, Diagnostic> {
    let (path, is_outside) = (path.path(), path.is_outside());
    work.begin(format!("{} can't be read", path.display()))?;
    if path == Path::new("-") {
        return Ok(vec![SourceText {
            name: "stdin".to_owned(),
            text: stdin.read_text()?,
            is_outside: false,
        }]);
    }
    if !path.is_dir() {
        return Ok(vec![SourceText {
            name: path.display().to_string(),
            text: read_text_file(path)?,
            is_outside,
        }]);
    }
    if let Some(file) = kustomize::KUSTOMIZATION_FILES
        .iter()
        .find(|file| path.join(file).is_file())
    {
        let shown = path.display();
        let error = Diagnostic::new(format!(
            "{shown} has a {file}: it is a kustomization, not a folder with manifests"
        ));
        return Err(error.hint(Setting::Kustomization {
            path: Some(shown.to_string()),
        }));
    }
    let mut walk = FolderWalk {
        root: path,
        recursive,
        rules,
        tree,
        work,
        folders: BTreeMap::new(),
        files: Vec::new(),
    };
    walk.walk_folder(path, 0)?;
    let files = walk.files;
    if files.is_empty() {
        let has_rules = rules.include.is_some() || rules.exclude.is_some();
        let which = if has_rules { "that its rules take" } else { "" };
        let message = format!("{} has no .yaml, .yml or .json files {which}", path.display());
        let error = Diagnostic::new(message.trim_end());
        return Err(error.hint(match (recursive, rules.follows_argo_cd) {
            (true, _) => "name another folder".into(),
            (false, true) => "`directory.recurse: true` reads its subfolders, too".into(),
            (false, false) => Remedies::from(Setting::Recursive),
        }));
    }
    let mut texts = Vec::with_capacity(files.len());
    for file in files {
        let file = tree.confine(&file)?;
        work.begin(format!("{} can't be read", file.path().display()))?;
        let text = file.read_text()?;
        if rules.follows_argo_cd && text.contains(SKIP_FILE_MARKER) {
            continue;
        }
        texts.push(SourceText {
            name: file.path().display().to_string(),
            text,
            is_outside: file.is_outside(),
        });
    }
    Ok(texts)
}

/// The file that makes a folder a Helm chart.
const CHART_FILE: &str = "Chart.yaml";

/// The deepest nesting of folders.
const MAX_DEPTH: usize = 64;

/// The state of a walk through a folder.
struct FolderWalk<'a> {
    root: &'a Path,
    recursive: bool,
    rules: &'a FolderRules,
    tree: &'a WorkTree,
    work: &'a Work,
    /// The folders that were visited: by canonical path, the path by which each was reached.
    folders: BTreeMap<PathBuf, PathBuf>,
    files: Vec<PathBuf>,
}

impl FolderWalk<'_> {
    fn walk_folder(&mut self, folder: &Path, depth: usize) -> Result<(), Diagnostic> {
        if depth > MAX_DEPTH {
            let message = format!("{} is more than {MAX_DEPTH} folders deep", folder.display());
            return Err(Diagnostic::new(message).hint("name a folder further down"));
        }
        self.work.begin(format!("{} can't be read", folder.display()))?;
        let wrong = |error: io::Error| {
            Diagnostic::new(format!(
                "{} can't be read: {}",
                folder.display(),
                io_error_message(&error)
            ))
        };
        let real = folder.canonicalize().map_err(wrong)?;
        if let Some(other) = self.folders.insert(real, folder.to_owned()) {
            let message = format!(
                "{} is the same folder as {}: through a symbolic link",
                folder.display(),
                other.display()
            );
            return Err(Diagnostic::new(message).hint("remove the link: the folder's files would be read twice"));
        }
        let mut entries = Vec::new();
        for entry in fs::read_dir(folder).map_err(wrong)? {
            entries.push(entry.map_err(wrong)?.path());
        }
        entries.sort();
        for entry in entries {
            self.walk_entry(entry, depth)?;
        }
        Ok(())
    }

    fn walk_entry(&mut self, entry: PathBuf, depth: usize) -> Result<(), Diagnostic> {
        let ends_with = |endings: &[&str]| {
            let ending = entry.extension();
            ending.is_some_and(|ending| endings.iter().any(|known| ending == *known))
        };
        let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let inside = entry.strip_prefix(self.root).unwrap_or(&entry);
        if name.starts_with("..") {
            // A mounted ConfigMap has its files in such a folder, and links to them next to it.
        } else if entry.is_dir() {
            if self.recursive {
                self.tree.confine(&entry)?;
                self.walk_folder(&entry, depth + 1)?;
            }
        } else if name == crate::PROJECT_FILE || !self.rules.includes(inside) {
            // The kustomization or chart decides what the folder means.
        } else if name == CHART_FILE && depth > 0 {
            let shown = entry.parent().unwrap_or(&entry).display();
            let error = Diagnostic::new(format!("{shown} is a Helm chart in a folder of manifests"));
            let chart = Setting::Chart {
                path: Some(shown.to_string()),
            };
            return Err(error.hint(chart));
        } else if self.rules.follows_argo_cd && ends_with(&["jsonnet"]) {
            let message = format!("{} is Jsonnet, which Capstan doesn't evaluate", entry.display());
            return Err(Diagnostic::new(message).hint([
                "evaluate it with `jsonnet`".into(),
                Setting::Stdin.into(),
                "or leave it out with `directory.exclude`".into(),
            ]));
        } else if ends_with(&["yaml", "yml", "json"]) {
            self.files.push(entry);
        }
        Ok(())
    }
}

/// Returns the name of an application from the folder of its manifests.
pub fn application_name(path: &Path) -> Option<String> {
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
