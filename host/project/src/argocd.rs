//! Reads an Argo CD `Application` as a description of what to sync. It isn't applied, and its fields without effect are reported.

mod source;

use std::path::{Path, PathBuf};

use capstan_core::{
    model::{
        error::Diagnostic,
        remedy::{Remedies, Setting},
    },
    read::{
        ignore::IgnoreRule,
        manifest::{self, Manifest},
    },
};
use capstan_source::{FileAccess, Repository, Source, WorkTree, is_argocd_application};
use serde::Deserialize as _;
use serde_json::{Map, Value};

use super::App;
use crate::{
    duration::{Seconds, parse_seconds},
    options::Options,
};

/// Reads the Applications in a file.
///
/// # Errors
///
/// Returns all mistakes, or that the file has no Application.
pub(super) fn read(file: &Path, access: &FileAccess) -> Result<Vec<App>, Vec<Diagnostic>> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let tree = ApplicationTree::find(folder.unwrap_or(Path::new(".")), access);
    let confined = tree.work_tree.confine(file).map_err(|mistake| vec![mistake])?;
    let text = access.read_text(file).map_err(|mistake| vec![mistake])?;
    let name = file.display().to_string();
    let manifests = manifest::read(&manifest::ManifestText {
        file: &name,
        text: &text,
        shows_lines: !confined.is_outside(),
        last_key_counts: false,
        is_applied: false,
    })?
    .manifests;
    let (mut apps, mut mistakes) = (Vec::new(), Vec::new());
    for manifest in manifests.iter().filter(|manifest| is_argocd_application(manifest)) {
        let mut reader = ApplicationReader {
            manifest,
            tree: &tree,
            notices: Vec::new(),
            refused: Vec::new(),
            mistakes: Vec::new(),
        };
        let app = reader.read_app();
        mistakes.append(&mut reader.mistakes);
        apps.push(app);
    }
    if apps.is_empty() && mistakes.is_empty() {
        let error = Diagnostic::new(format!("{} contains no Argo CD Application", file.display()));
        return Err(vec![error.hint(Setting::Files)]);
    }
    if mistakes.is_empty() { Ok(apps) } else { Err(mistakes) }
}

/// The work tree with the file.
struct ApplicationTree {
    /// The file's folder.
    folder: PathBuf,
    /// The tree that all paths in the file have to stay in.
    work_tree: WorkTree,
    /// The addresses of the tree's Git remotes.
    remotes: Vec<String>,
}

impl ApplicationTree {
    fn find(folder: &Path, access: &FileAccess) -> ApplicationTree {
        ApplicationTree {
            folder: folder.to_owned(),
            work_tree: WorkTree::find(folder, access),
            remotes: Repository::find(folder, &access.git_ceilings)
                .map_or_else(Vec::new, |repository| repository.remotes()),
        }
    }

    /// Resolves the path of a source: from the root of the work tree, else from the file's folder.
    fn resolve(&self, path: &str) -> PathBuf {
        let path = path.trim_start_matches('/');
        let from_root = self
            .work_tree
            .git_root()
            .map(|root| root.join(path))
            .filter(|path| path.exists());
        from_root.unwrap_or_else(|| self.folder.join(path))
    }

    fn is_remote(&self, url: &str) -> bool {
        self.remotes
            .iter()
            .any(|remote| repository_name(remote) == repository_name(url))
    }
}

/// Reduces the address of a repository to its name, however it is written.
fn repository_name(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split_once('@').map_or(rest, |(_, rest)| rest);
    let rest = rest.trim_end_matches('/').trim_end_matches(".git");
    rest.replace(':', "/").to_lowercase()
}

struct ApplicationReader<'a> {
    manifest: &'a Manifest,
    tree: &'a ApplicationTree,
    notices: Vec<String>,
    /// Errors about paths that lead out of the tree.
    refused: Vec<Diagnostic>,
    mistakes: Vec<Diagnostic>,
}

impl ApplicationReader<'_> {
    fn value_at(&self, pointer: &str) -> Option<&Value> {
        self.manifest.object.0.pointer(pointer).filter(|value| !value.is_null())
    }

    fn text_at(&self, pointer: &str) -> Option<String> {
        match self.value_at(pointer)? {
            Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(_) | Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    fn texts_at(&self, pointer: &str) -> Vec<String> {
        let all = self.value_at(pointer).and_then(Value::as_array).into_iter().flatten();
        all.filter_map(|text| Some(text.as_str()?.to_owned())).collect()
    }

    fn is_true_at(&self, pointer: &str) -> bool {
        self.value_at(pointer).and_then(Value::as_bool).unwrap_or(false)
    }

    fn map_at(&self, pointer: &str) -> Map<String, Value> {
        self.value_at(pointer)
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default()
    }

    /// Returns the length of a list.
    fn count_at(&self, pointer: &str) -> usize {
        self.value_at(pointer).and_then(Value::as_array).map_or(0, Vec::len)
    }

    fn add_notice(&mut self, what: impl AsRef<str>) {
        let name = self.manifest.object.name();
        self.notices.push(format!("Application {name}: {}", what.as_ref()));
    }

    fn add_mistake(&mut self, pointer: &str, message: &str, hint: impl Into<Remedies>) {
        self.mistakes.push(self.manifest.error(pointer, message).hint(hint));
    }

    /// Adds an error if a path leads outside the tree.
    fn confine(&mut self, pointer: &str, path: &Path) {
        if let Err(mistake) = self.tree.work_tree.confine(path) {
            let error = self.manifest.error(pointer, mistake.message);
            self.refused.push(Diagnostic {
                hint: mistake.hint,
                ..error
            });
        }
    }

    /// Adds a notice about the keys of a mapping that have no effect.
    fn notice_other_keys(&mut self, pointer: &str, known: &[&str]) {
        let keys: Vec<String> = self.map_at(pointer).into_iter().map(|(key, _)| key).collect();
        let shown = pointer.trim_start_matches('/').replace('/', ".");
        for key in keys.iter().filter(|key| !known.contains(&key.as_str())) {
            self.add_notice(format!("`{shown}.{key}` is ignored"));
        }
    }

    fn read_app(&mut self) -> App {
        self.notice_other_keys(
            "/spec",
            &[
                "project",
                "source",
                "sources",
                "destination",
                "syncPolicy",
                "ignoreDifferences",
                "info",
            ],
        );
        if let Some(project) = self.text_at("/spec/project").filter(|project| project != "default") {
            self.add_notice(format!(
                "the project `{project}` is ignored: its restrictions don't apply"
            ));
        }
        let ignore_differences = self.read_ignore_differences();
        let sources = self.read_sources();
        let namespace = self.read_destination();
        App {
            namespace,
            sources,
            options: Options {
                ignore_differences,
                ..self.read_sync_policy()
            },
            notices: std::mem::take(&mut self.notices),
            tree: Some(self.tree.work_tree.clone()),
            refused: std::mem::take(&mut self.refused),
            ..App::new(self.manifest.object.name())
        }
    }

    /// Reads the rules about ignored differences. An invalid rule is a mistake at its place.
    fn read_ignore_differences(&mut self) -> Vec<IgnoreRule> {
        let rules = self.value_at("/spec/ignoreDifferences").cloned();
        let rules = rules.as_ref().and_then(Value::as_array).into_iter().flatten();
        let mut read = Vec::new();
        for (at, rule) in rules.enumerate() {
            match IgnoreRule::deserialize(rule) {
                Ok(rule) => read.push(rule),
                Err(error) => self.add_mistake(
                    &format!("/spec/ignoreDifferences/{at}"),
                    &format!("this is not a rule of `ignoreDifferences`: {error}"),
                    "it has `group`, `kind`, `name`, `namespace`, `jsonPointers`, `managedFieldsManagers`",
                ),
            }
        }
        read
    }

    fn read_destination(&mut self) -> Option<String> {
        self.notice_other_keys("/spec/destination", &["namespace", "server", "name"]);
        let server = self
            .text_at("/spec/destination/server")
            .or_else(|| self.text_at("/spec/destination/name"));
        if let Some(server) =
            server.filter(|server| server != "https://kubernetes.default.svc" && server != "in-cluster")
        {
            self.add_notice(format!(
                "the cluster `{server}` is ignored; the kubeconfig's cluster is used"
            ));
        }
        self.text_at("/spec/destination/namespace")
    }

    fn read_sync_policy(&mut self) -> Options {
        self.notice_other_keys(
            "/spec/syncPolicy",
            &["automated", "syncOptions", "retry", "managedNamespaceMetadata"],
        );
        self.notice_other_keys("/spec/syncPolicy/automated", &["prune", "enabled"]);
        self.notice_other_keys("/spec/syncPolicy/retry", &["limit", "backoff"]);
        self.notice_other_keys("/spec/syncPolicy/retry/backoff", &["duration", "factor", "maxDuration"]);
        let mut options = Options {
            prune: self.is_true_at("/spec/syncPolicy/automated/prune").then_some(true),
            ..Options::default()
        };
        if let Some(limit) = self.value_at("/spec/syncPolicy/retry/limit").and_then(Value::as_i64) {
            // A negative number means without limit.
            options.retry = Some(u32::try_from(limit).unwrap_or(u32::MAX));
        }
        let backoff = "/spec/syncPolicy/retry/backoff";
        options.retry_pause = self.read_duration(&format!("{backoff}/duration"));
        options.retry_longest_pause = self.read_duration(&format!("{backoff}/maxDuration"));
        if let Some(factor) = self
            .value_at(&format!("{backoff}/factor"))
            .and_then(Value::as_i64)
            .filter(|factor| *factor != 2)
        {
            self.add_notice(format!(
                "the factor {factor} of `retry.backoff` is ignored: each pause is twice as long"
            ));
        }
        let metadata = "/spec/syncPolicy/managedNamespaceMetadata";
        self.notice_other_keys(metadata, &["labels", "annotations"]);
        if let Some(found) = self.value_at(metadata) {
            match serde_json::from_value(found.clone()) {
                Ok(found) => options.managed_namespace_metadata = Some(found),
                Err(error) => self.add_mistake(
                    metadata,
                    &error.to_string(),
                    "write `labels` and `annotations`, texts each",
                ),
            }
        }
        options.sync_options = self.texts_at("/spec/syncPolicy/syncOptions");
        options
    }

    fn read_duration(&mut self, pointer: &str) -> Option<Seconds> {
        let text = self.text_at(pointer)?;
        match parse_seconds(&text) {
            Ok(seconds) => Some(Seconds(seconds)),
            Err(why) => {
                self.add_mistake(pointer, &why, "as in `5s`");
                None
            }
        }
    }

    fn read_sources(&mut self) -> Vec<Source> {
        let pointers: Vec<String> = match self.count_at("/spec/sources") {
            0 => vec!["/spec/source".to_owned()],
            count => (0..count).map(|index| format!("/spec/sources/{index}")).collect(),
        };
        let mut sources = Vec::new();
        for pointer in pointers {
            if self.value_at(&pointer).is_none() {
                let hint = "there is a `source` with a `path` or a `chart`";
                self.add_mistake("/spec", "this Application has no source", hint);
                continue;
            }
            sources.extend(self.source(&pointer));
        }
        sources
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_the_same_however_its_url_is_written() {
        let all = [
            "https://example.com/a/b.git",
            "git@example.com:a/b",
            "ssh://git@example.com/a/b.git",
            "https://example.com/a/b/",
        ];
        assert!(all.iter().all(|url| repository_name(url) == "example.com/a/b"));
    }
}
