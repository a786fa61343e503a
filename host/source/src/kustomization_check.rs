//! Checks what a kustomization refers to before kustomize is started: everything is in the work tree, and nothing is fetched.
//!
//! kustomize itself only keeps files below the kustomization that refers to them. Bases may be anywhere on this machine, and wherever a
//! path may stand, an address is fetched, by `git` or over HTTP. Here every base has to exist in the tree, and no path may be an address.
//! Fields: <https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/>.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use capstan_core::{
    model::{
        error::Diagnostic,
        place::reference_token,
        remedy::{Remedies, Setting},
    },
    read::manifest::{self, Manifest},
};
use serde_json::Value;

use super::{deadline::Work, kustomize::KUSTOMIZATION_FILES, work_tree::WorkTree};

/// The most kustomizations that may refer to each other.
const MAX_KUSTOMIZATIONS: usize = 1000;

/// Keys with files and folders that are kustomizations themselves. A generator may also be written in place, as an object.
const BASE_KEYS: [&str; 8] = [
    "bases",
    "components",
    "configurations",
    "crds",
    "generators",
    "resources",
    "transformers",
    "validators",
];
/// Other keys with paths: files, which kustomize keeps below the kustomization unless they are addresses, and those of helm.
const FILE_KEYS: [&str; 10] = [
    "additionalvaluesfiles",
    "charthome",
    "confighome",
    "env",
    "envs",
    "files",
    "patchesstrategicmerge",
    "path",
    "repo",
    "valuesfile",
];

/// Checks a kustomization and everything that it is built from. `charts` says whether it may use helm.
pub(super) fn check(folder: &Path, tree: &WorkTree, charts: bool, work: &Work) -> Result<(), Vec<Diagnostic>> {
    if tree.allows_outside() {
        return Ok(());
    }
    let mut check = KustomizationCheck {
        tree,
        charts,
        work,
        seen: BTreeSet::new(),
        mistakes: Vec::new(),
    };
    check.check_kustomization(folder);
    if check.mistakes.is_empty() {
        Ok(())
    } else {
        Err(check.mistakes)
    }
}

/// Checks the fields that are added on top of a kustomization.
pub(super) fn check_overlay(overlay: &Value, tree: &WorkTree) -> Result<(), Vec<Diagnostic>> {
    let mistakes = named_files(overlay).into_iter().filter_map(|named| {
        let path = named.word.split_once('=').map_or(named.word.as_str(), |(_, path)| path);
        (has_scheme(path) && !tree.allows_outside()).then(|| Diagnostic::new(fetched_message(&named.word)).hint(hint()))
    });
    let mistakes: Vec<Diagnostic> = mistakes.collect();
    if mistakes.is_empty() { Ok(()) } else { Err(mistakes) }
}

/// Returns what to do about what would be fetched.
fn hint() -> Remedies {
    let allow = Setting::AllowOutsideTree.into();
    ["keep a copy of it in the work tree".into(), allow].into()
}

fn fetched_message(word: &str) -> String {
    format!("`{word}` would be fetched from a remote location")
}

struct KustomizationCheck<'a> {
    tree: &'a WorkTree,
    charts: bool,
    work: &'a Work,
    seen: BTreeSet<PathBuf>,
    mistakes: Vec<Diagnostic>,
}

impl KustomizationCheck<'_> {
    fn check_kustomization(&mut self, folder: &Path) {
        let real = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        if !self.seen.insert(real) {
            return;
        }
        if let Err(mistake) = self.work.begin(format!("{} can't be read", folder.display())) {
            // Once is enough.
            if self.mistakes.last() != Some(&mistake) {
                self.mistakes.push(mistake);
            }
            return;
        }
        if self.seen.len() > MAX_KUSTOMIZATIONS {
            if self.seen.len() == MAX_KUSTOMIZATIONS + 1 {
                let message = format!("it includes more than {MAX_KUSTOMIZATIONS} kustomizations");
                self.mistakes.push(Diagnostic::new(message));
            }
            return;
        }
        for file in KUSTOMIZATION_FILES
            .iter()
            .map(|file| folder.join(file))
            .filter(|file| file.exists())
        {
            let text = self.tree.confine(&file).and_then(|file| file.read_text());
            let read = text
                .map_err(|mistake| vec![mistake])
                .and_then(|text| manifest::parse_document(&file.display().to_string(), &text));
            match read {
                Ok(document) => self.check_document(&document, folder),
                Err(mistakes) => self.mistakes.extend(mistakes),
            }
        }
    }

    fn check_document(&mut self, document: &Manifest, folder: &Path) {
        let empty = serde_json::Map::new();
        let keys = document.object.0.as_object().unwrap_or(&empty);
        for (key, value) in keys {
            let folded = fold_key(key);
            if BASE_KEYS.contains(&folded.as_str()) {
                for (pointer, word) in texts_with_pointers(value, &format!("/{}", reference_token(key))) {
                    self.check_base(document, folder, &pointer, &word);
                }
            }
        }
        self.check_named(document, folder, &document.object.0, None);
        let has_charts = |key: &String| ["helmcharts", "helmchartinflationgenerator"].contains(&fold_key(key).as_str());
        if self.charts && keys.keys().any(has_charts) {
            self.check_links(&folder.join("charts"));
        }
    }

    /// Checks the paths in a part of a document. `at` is the pointer of that part, if it is a text in the document.
    fn check_named(&mut self, document: &Manifest, folder: &Path, value: &Value, at: Option<&str>) {
        for NamedPath { pointer, key, word } in named_files(value) {
            let Err(Diagnostic { message, hint, .. }) = self.check_path(folder, &key, &word) else {
                continue;
            };
            let error = document.error(at.unwrap_or(&pointer), message);
            self.mistakes.push(Diagnostic { hint, ..error });
        }
    }

    fn check_path(&mut self, folder: &Path, key: &str, word: &str) -> Result<(), Diagnostic> {
        match key {
            "confighome" => {
                let message = format!("helm would read its configuration and its plugins from `{word}`");
                Err(Diagnostic::new(message).hint(["leave `configHome` out".into(), Setting::AllowOutsideTree.into()]))
            }
            "charthome" => {
                let home = folder.join(word);
                self.tree.confine(&home)?;
                if self.charts {
                    self.check_links(&home);
                }
                Ok(())
            }
            // A chart is fetched from where it says: the user allowed helm for that.
            "repo" if self.charts => Ok(()),
            // A patch may be written in place of its path.
            _ if word.contains('\n') => Ok(()),
            _ => {
                // A generator's file may get another name: `NAME=PATH`.
                let path = word.split_once('=').map_or(word, |(_, path)| path);
                if has_scheme(path) || has_scheme(word) {
                    return Err(Diagnostic::new(fetched_message(word)).hint(hint()));
                }
                Ok(())
            }
        }
    }

    /// Checks a base of a kustomization.
    fn check_base(&mut self, document: &Manifest, folder: &Path, pointer: &str, word: &str) {
        if let Some(inline) = parse_inline_object(word) {
            return self.check_named(document, folder, &inline, Some(pointer));
        }
        let path = folder.join(word);
        if is_address(word, path.is_file()) {
            self.mistakes
                .push(document.error(pointer, fetched_message(word)).hint(hint()));
        } else if !path.exists() {
            let error = document.error(
                pointer,
                format!("{} can't be read: there is no such file", path.display()),
            );
            self.mistakes.push(error.hint([
                "kustomize may treat it as a remote address; correct it".into(),
                Setting::AllowOutsideTree.into(),
            ]));
        } else if let Err(mistake) = self.tree.confine(&path) {
            let error = document.error(pointer, mistake.message);
            self.mistakes.push(Diagnostic {
                hint: mistake.hint,
                ..error
            });
        } else if path.is_dir() {
            self.check_kustomization(&path);
        } else {
            self.check_object_file(&path, folder);
        }
    }

    /// Checks the paths in a file of a generator or transformer.
    fn check_object_file(&mut self, path: &Path, folder: &Path) {
        let Ok(text) = self.tree.confine(path).and_then(|path| path.read_text()) else {
            return;
        };
        // A file that can't be read here isn't an object for kustomize either, which reports it.
        let objects = manifest::decode_as_written(&path.display().to_string(), &text).unwrap_or_default();
        for object in objects.iter().filter(|object| is_configuration(&object.object.0)) {
            self.check_named(object, folder, &object.object.0, None);
        }
    }

    fn check_links(&mut self, folder: &Path) {
        if folder.is_dir()
            && let Err(mistake) = check_links(folder, self.tree, self.work)
        {
            self.mistakes.push(mistake);
        }
    }
}

/// The most files of a chart that are checked.
const MAX_CHART_FILES: usize = 100_000;

/// Checks that no symbolic link in a chart's folder leads outside the tree, as helm follows links, and that everything else is a regular
/// file.
pub(super) fn check_links(folder: &Path, tree: &WorkTree, work: &Work) -> Result<(), Diagnostic> {
    let mut folders = vec![folder.to_owned()];
    let (mut seen, mut count) = (BTreeSet::new(), 0);
    while let Some(folder) = folders.pop() {
        if !seen.insert(folder.canonicalize().unwrap_or_else(|_| folder.clone())) {
            continue;
        }
        work.begin(format!("{} can't be read", folder.display()))?;
        let wrong = |error: std::io::Error| Diagnostic::new(format!("{} can't be read: {error}", folder.display()));
        for entry in fs::read_dir(&folder).map_err(wrong)? {
            let path = entry.map_err(wrong)?.path();
            count += 1;
            if count > MAX_CHART_FILES {
                return Err(Diagnostic::new(format!(
                    "{} has more than {MAX_CHART_FILES} files",
                    folder.display()
                )));
            }
            tree.confine(&path)?;
            let kind = fs::metadata(&path).map(|meta| meta.file_type());
            match kind {
                Ok(kind) if kind.is_dir() => folders.push(path),
                Ok(kind) if !kind.is_file() => {
                    let message = format!("{} is not a regular file", path.display());
                    return Err(Diagnostic::new(message).hint("remove it from the chart"));
                }
                // helm reports a link to nothing.
                Ok(_) | Err(_) => {}
            }
        }
    }
    Ok(())
}

/// A path in a document.
struct NamedPath {
    pointer: String,
    key: String,
    word: String,
}

/// Lists the paths under [`FILE_KEYS`], at any depth.
fn named_files(value: &Value) -> Vec<NamedPath> {
    let mut found = Vec::new();
    let mut parts = vec![(String::new(), value)];
    while let Some((at, value)) = parts.pop() {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    let (pointer, key) = (format!("{at}/{}", reference_token(key)), fold_key(key));
                    if FILE_KEYS.contains(&key.as_str()) {
                        let named = texts_with_pointers(value, &pointer)
                            .into_iter()
                            .map(|(pointer, word)| NamedPath {
                                pointer,
                                key: key.clone(),
                                word,
                            });
                        found.extend(named);
                    }
                    parts.push((pointer, value));
                }
            }
            Value::Array(items) => {
                let items = items.iter().enumerate();
                parts.extend(items.map(|(number, item)| (format!("{at}/{number}"), item)));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    found
}

/// Returns a text or the texts of a list, with their pointers.
fn texts_with_pointers(value: &Value, pointer: &str) -> Vec<(String, String)> {
    match value {
        Value::String(word) => vec![(pointer.to_owned(), word.clone())],
        Value::Array(items) => {
            let words = items.iter().enumerate();
            let words = words.filter_map(|(at, item)| Some((format!("{pointer}/{at}"), item.as_str()?.to_owned())));
            words.collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}

/// Parses an object that is written in place of a path.
fn parse_inline_object(word: &str) -> Option<Value> {
    if !word.contains(':') {
        return None;
    }
    let value = manifest::parse_value(word).ok()?;
    value.get("kind").is_some().then_some(value)
}

/// Says whether an object configures kustomize: a generator, a transformer, a validator.
fn is_configuration(value: &Value) -> bool {
    let version = value.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    let group = version.split_once('/').map_or(version, |(group, _)| group);
    group.is_empty() || group == "builtin" || group.ends_with("kustomize.config.k8s.io")
}

fn has_scheme(word: &str) -> bool {
    word.contains("://")
}

/// Says whether kustomize may treat a word as the address of a repository or a file, even if a folder has that name. The forms are those
/// of `NewRepoSpecFromURL`.
fn is_address(word: &str, is_file: bool) -> bool {
    if has_scheme(word) {
        return true;
    }
    let lower = word.trim().to_ascii_lowercase();
    !is_file && (lower.starts_with("github.com") || lower.contains([':', '@', '?']))
}

/// Folds a key as kustomize's JSON decoder does: it ignores letter case, and two letters beyond ASCII fold to `s` and `k`.
fn fold_key(key: &str) -> String {
    let ascii = key.chars().map(|letter| match letter {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    });
    ascii.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_known_in_every_form_that_kustomize_knows() {
        for word in [
            "https://example.com/a.yaml",
            "HTTP://127.0.0.1/a",
            "github.com/a/b//c?ref=v1",
            "GitHub.com/a/b",
            "git@example.com:a/b",
            "org-12@github.com:a/b",
            "git::https://example.com/a",
            "gh:a/b",
            "ssh://git@example.com/a",
            "file:///etc",
            "example.com/a/b?ref=1",
        ] {
            assert!(is_address(word, false), "{word}");
        }
        for word in ["../base", "base/", "./github.com", "a.yaml", "-x"] {
            assert!(!is_address(word, false), "{word}");
        }
        assert!(!is_address("me@example.yaml", true) && is_address("http://a/b.yaml", true));
    }

    #[test]
    fn keys_are_folded_as_go_folds_them() {
        for key in ["resources", "Resources", "RESOURCES", "re\u{17f}ources"] {
            assert_eq!(fold_key(key), "resources");
        }
    }

    #[test]
    fn a_path_is_found_wherever_it_may_stand() {
        let value = serde_json::json!({
            "configMapGenerator": [{ "name": "a", "files": ["x=http://127.0.0.1/x"], "literals": ["url=https://shown"] }],
            "patches": [{ "Path": "https://a/b.yaml", "patch": "path: https://text" }],
            "openapi": { "path": "http://a" },
            "helmCharts": [{ "repo": "https://charts", "valuesFile": "http://v" }],
            "helmGlobals": { "configHome": "./helm" },
        });
        let mut found: Vec<String> = named_files(&value).into_iter().map(|named| named.pointer).collect();
        found.sort();
        assert_eq!(
            found,
            [
                "/configMapGenerator/0/files/0",
                "/helmCharts/0/repo",
                "/helmCharts/0/valuesFile",
                "/helmGlobals/configHome",
                "/openapi/path",
                "/patches/0/Path"
            ]
        );
    }
}
