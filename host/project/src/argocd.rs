//! Reads an Argo CD `Application` as a description of what to sync. It isn't applied, and its fields without effect are reported.

use std::path::{Path, PathBuf};

use capstan_core::{
    error::Diagnostic,
    ignore::IgnoreRule,
    manifest::{self, Manifest},
    remedy::{Remedies, Setting},
};
use capstan_source::{
    self as source, Chart, FileAccess, FolderRules, Glob, Repository, Source, WorkTree, is_argocd_application,
};
use serde::Deserialize as _;
use serde_json::{Map, Value};

use super::{App, file::scheme_mistake};
use crate::{
    duration::{Seconds, seconds},
    options::Options,
};

/// Reads the Applications in a file.
///
/// # Errors
///
/// Returns all mistakes, or that the file has no Application.
pub(super) fn read(file: &Path, access: &FileAccess) -> Result<Vec<App>, Vec<Diagnostic>> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let tree = Tree::around(folder.unwrap_or(Path::new(".")), access);
    let confined = tree.within.confine(file).map_err(|mistake| vec![mistake])?;
    let text = access.text(file).map_err(|mistake| vec![mistake])?;
    let name = file.display().to_string();
    let manifests = manifest::read(&manifest::Text {
        file: &name,
        text: &text,
        shows_lines: !confined.is_outside(),
        last_key_counts: false,
        is_applied: false,
    })?
    .manifests;
    let (mut apps, mut mistakes) = (Vec::new(), Vec::new());
    for manifest in manifests.iter().filter(|manifest| is_argocd_application(manifest)) {
        let mut reader = Reader {
            manifest,
            tree: &tree,
            notices: Vec::new(),
            refused: Vec::new(),
            mistakes: Vec::new(),
        };
        let app = reader.app();
        mistakes.append(&mut reader.mistakes);
        apps.push(app);
    }
    if apps.is_empty() && mistakes.is_empty() {
        let error = Diagnostic::new(format!("{} holds no Application of Argo CD", file.display()));
        return Err(vec![error.hint(Setting::Files)]);
    }
    if mistakes.is_empty() { Ok(apps) } else { Err(mistakes) }
}

/// The work tree with the file.
struct Tree {
    /// The file's folder.
    folder: PathBuf,
    /// The tree that all paths in the file have to stay in.
    within: WorkTree,
    /// The addresses of the tree's Git remotes.
    remotes: Vec<String>,
}

impl Tree {
    fn around(folder: &Path, access: &FileAccess) -> Tree {
        Tree {
            folder: folder.to_owned(),
            within: WorkTree::around(folder, access),
            remotes: Repository::around(folder, &access.git_ceilings)
                .map_or_else(Vec::new, |repository| repository.remotes()),
        }
    }

    /// Resolves the path of a source: from the root of the work tree, else from the file's folder.
    fn find(&self, path: &str) -> PathBuf {
        let path = path.trim_start_matches('/');
        let from_root = self
            .within
            .git_root()
            .map(|root| root.join(path))
            .filter(|path| path.exists());
        from_root.unwrap_or_else(|| self.folder.join(path))
    }

    fn is(&self, url: &str) -> bool {
        self.remotes.iter().any(|remote| plain(remote) == plain(url))
    }
}

/// Reduces the address of a repository to its name, however it is written.
fn plain(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split_once('@').map_or(rest, |(_, rest)| rest);
    let rest = rest.trim_end_matches('/').trim_end_matches(".git");
    rest.replace(':', "/").to_lowercase()
}

struct Reader<'a> {
    manifest: &'a Manifest,
    tree: &'a Tree,
    notices: Vec<String>,
    /// Errors about paths that lead out of the tree.
    refused: Vec<Diagnostic>,
    mistakes: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn at(&self, pointer: &str) -> Option<&Value> {
        self.manifest.object.0.pointer(pointer).filter(|value| !value.is_null())
    }

    fn text(&self, pointer: &str) -> Option<String> {
        match self.at(pointer)? {
            Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(_) | Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    fn texts(&self, pointer: &str) -> Vec<String> {
        let all = self.at(pointer).and_then(Value::as_array).into_iter().flatten();
        all.filter_map(|text| Some(text.as_str()?.to_owned())).collect()
    }

    fn is(&self, pointer: &str) -> bool {
        self.at(pointer).and_then(Value::as_bool).unwrap_or(false)
    }

    fn map(&self, pointer: &str) -> Map<String, Value> {
        self.at(pointer).and_then(Value::as_object).cloned().unwrap_or_default()
    }

    /// Returns the length of a list.
    fn count(&self, pointer: &str) -> usize {
        self.at(pointer).and_then(Value::as_array).map_or(0, Vec::len)
    }

    fn notice(&mut self, what: impl AsRef<str>) {
        let name = self.manifest.object.name();
        self.notices.push(format!("Application {name}: {}", what.as_ref()));
    }

    fn wrong(&mut self, pointer: &str, message: &str, hint: impl Into<Remedies>) {
        self.mistakes.push(self.manifest.error(pointer, message).hint(hint));
    }

    /// Adds an error if a path leads out of the tree.
    fn confine(&mut self, pointer: &str, path: &Path) {
        if let Err(mistake) = self.tree.within.confine(path) {
            let error = self.manifest.error(pointer, mistake.message);
            self.refused.push(Diagnostic {
                hint: mistake.hint,
                ..error
            });
        }
    }

    /// Adds a notice about the keys of a mapping that have no effect.
    fn others(&mut self, pointer: &str, known: &[&str]) {
        let keys: Vec<String> = self.map(pointer).into_iter().map(|(key, _)| key).collect();
        let shown = pointer.trim_start_matches('/').replace('/', ".");
        for key in keys.iter().filter(|key| !known.contains(&key.as_str())) {
            self.notice(format!("`{shown}.{key}` is not honoured"));
        }
    }

    fn app(&mut self) -> App {
        self.others(
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
        if let Some(project) = self.text("/spec/project").filter(|project| project != "default") {
            self.notice(format!(
                "the project `{project}` is not honoured: nothing is limited by it"
            ));
        }
        let ignore_differences = self.ignore_differences();
        let sources = self.sources();
        let namespace = self.destination();
        App {
            namespace,
            sources,
            options: Options {
                ignore_differences,
                ..self.sync_policy()
            },
            notices: std::mem::take(&mut self.notices),
            tree: Some(self.tree.within.clone()),
            refused: std::mem::take(&mut self.refused),
            ..App::named(self.manifest.object.name())
        }
    }

    /// Reads the rules about ignored differences. An invalid rule is a mistake at its place.
    fn ignore_differences(&mut self) -> Vec<IgnoreRule> {
        let rules = self.at("/spec/ignoreDifferences").cloned();
        let rules = rules.as_ref().and_then(Value::as_array).into_iter().flatten();
        let mut read = Vec::new();
        for (at, rule) in rules.enumerate() {
            match IgnoreRule::deserialize(rule) {
                Ok(rule) => read.push(rule),
                Err(error) => self.wrong(
                    &format!("/spec/ignoreDifferences/{at}"),
                    &format!("this is no rule of `ignoreDifferences`: {error}"),
                    "it has `group`, `kind`, `name`, `namespace`, `jsonPointers`, `managedFieldsManagers`",
                ),
            }
        }
        read
    }

    fn destination(&mut self) -> Option<String> {
        self.others("/spec/destination", &["namespace", "server", "name"]);
        let server = self
            .text("/spec/destination/server")
            .or_else(|| self.text("/spec/destination/name"));
        if let Some(server) =
            server.filter(|server| server != "https://kubernetes.default.svc" && server != "in-cluster")
        {
            self.notice(format!(
                "the cluster `{server}` is not looked for; the one of the kubeconfig is taken"
            ));
        }
        self.text("/spec/destination/namespace")
    }

    fn sync_policy(&mut self) -> Options {
        self.others(
            "/spec/syncPolicy",
            &["automated", "syncOptions", "retry", "managedNamespaceMetadata"],
        );
        self.others("/spec/syncPolicy/automated", &["prune", "enabled"]);
        self.others("/spec/syncPolicy/retry", &["limit", "backoff"]);
        self.others("/spec/syncPolicy/retry/backoff", &["duration", "factor", "maxDuration"]);
        let mut options = Options {
            prune: self.is("/spec/syncPolicy/automated/prune").then_some(true),
            ..Options::default()
        };
        if let Some(limit) = self.at("/spec/syncPolicy/retry/limit").and_then(Value::as_i64) {
            // A negative number means without limit.
            options.retry = Some(u32::try_from(limit).unwrap_or(u32::MAX));
        }
        let backoff = "/spec/syncPolicy/retry/backoff";
        options.retry_pause = self.duration(&format!("{backoff}/duration"));
        options.retry_longest_pause = self.duration(&format!("{backoff}/maxDuration"));
        if let Some(factor) = self
            .at(&format!("{backoff}/factor"))
            .and_then(Value::as_i64)
            .filter(|factor| *factor != 2)
        {
            self.notice(format!(
                "the factor {factor} of `retry.backoff` is not honoured: each pause is twice as long"
            ));
        }
        let metadata = "/spec/syncPolicy/managedNamespaceMetadata";
        self.others(metadata, &["labels", "annotations"]);
        if let Some(found) = self.at(metadata) {
            match serde_json::from_value(found.clone()) {
                Ok(found) => options.managed_namespace_metadata = Some(found),
                Err(error) => self.wrong(
                    metadata,
                    &error.to_string(),
                    "write `labels` and `annotations`, texts each",
                ),
            }
        }
        options.sync_options = self.texts("/spec/syncPolicy/syncOptions");
        options
    }

    fn duration(&mut self, pointer: &str) -> Option<Seconds> {
        let text = self.text(pointer)?;
        match seconds(&text) {
            Ok(seconds) => Some(Seconds(seconds)),
            Err(why) => {
                self.wrong(pointer, &why, "as in `5s`");
                None
            }
        }
    }

    fn sources(&mut self) -> Vec<Source> {
        let pointers: Vec<String> = match self.count("/spec/sources") {
            0 => vec!["/spec/source".to_owned()],
            count => (0..count).map(|index| format!("/spec/sources/{index}")).collect(),
        };
        let mut sources = Vec::new();
        for pointer in pointers {
            if self.at(&pointer).is_none() {
                let hint = "there is a `source` with a `path` or a `chart`";
                self.wrong("/spec", "this Application has no source", hint);
                continue;
            }
            sources.extend(self.source(&pointer));
        }
        sources
    }

    fn source(&mut self, at: &str) -> Option<Source> {
        self.others(
            at,
            &[
                "repoURL",
                "targetRevision",
                "path",
                "chart",
                "ref",
                "helm",
                "kustomize",
                "directory",
                "plugin",
                "name",
            ],
        );
        let url = self.text(&format!("{at}/repoURL")).unwrap_or_default();
        let revision = self.text(&format!("{at}/targetRevision"));
        if self.at(&format!("{at}/plugin")).is_some() {
            let message = "config management plugins of Argo CD are not run";
            self.wrong(
                &format!("{at}/plugin"),
                message,
                ["render it".into(), Setting::Stdin.into()],
            );
            return None;
        }
        if let Some(name) = self.text(&format!("{at}/chart")) {
            let is_oci = url.starts_with("oci://") || !url.contains("://");
            let chart = if is_oci {
                format!(
                    "oci://{}/{name}",
                    url.trim_start_matches("oci://").trim_end_matches('/')
                )
            } else {
                name
            };
            if chart.starts_with('-') {
                let message = format!("`{chart}` begins with `-`, and helm would take it for a flag");
                self.wrong(&format!("{at}/chart"), &message, "write the name of a chart");
            }
            let chart = Chart {
                version: revision,
                repository: (!is_oci).then_some(url),
                ..Chart::at(chart)
            };
            return self
                .helm(at, chart, Path::new(""))
                .map(|chart| Source::Chart(Box::new(chart)));
        }
        if !self.tree.is(&url) {
            self.notice(format!(
                "`{url}` is not known to be this work tree; its path is looked for here all the same"
            ));
        }
        if let Some(revision) = revision.filter(|revision| revision != "HEAD") {
            self.notice(format!(
                "the revision `{revision}` is not looked for: what is here is taken"
            ));
        }
        let Some(path) = self.text(&format!("{at}/path")) else {
            if self.text(&format!("{at}/ref")).is_none() {
                let hint = "write `path`, from the root of the work tree";
                self.wrong(at, "this source names nothing to read", hint);
            }
            return None;
        };
        let folder = self.tree.find(&path);
        self.confine(&format!("{at}/path"), &folder);
        let directory = self.directory(&format!("{at}/directory"), folder.clone());
        // With `directory`, it is a folder of manifests, whatever else is in it.
        match directory.unwrap_or_else(|| Source::of_folder(folder.clone())) {
            Source::Chart(chart) => self
                .helm(at, *chart, &folder)
                .map(|chart| Source::Chart(Box::new(chart))),
            Source::Kustomization(mut kustomization) => {
                kustomization.overlay = self.kustomize(at);
                Some(Source::Kustomization(kustomization))
            }
            Source::Files {
                path, recursive, rules, ..
            } => Some(Source::Files {
                path,
                recursive,
                rules: FolderRules {
                    is_argo_cds: true,
                    ..rules
                },
            }),
        }
    }

    /// Reads `directory`; returns `None` without it.
    fn directory(&mut self, at: &str, path: PathBuf) -> Option<Source> {
        self.others(at, &["recurse", "include", "exclude", "jsonnet"]);
        if !self.map(&format!("{at}/jsonnet")).is_empty() {
            let hint = ["evaluate it with `jsonnet`".into(), Setting::Stdin.into()];
            self.wrong(&format!("{at}/jsonnet"), "Jsonnet is not evaluated", hint);
        }
        let include = self.glob(&format!("{at}/include"));
        let exclude = self.glob(&format!("{at}/exclude"));
        let recursive = self.is(&format!("{at}/recurse"));
        (recursive || include.is_some() || exclude.is_some()).then_some(Source::Files {
            path,
            recursive,
            rules: FolderRules {
                include,
                exclude,
                is_argo_cds: true,
            },
        })
    }

    fn glob(&mut self, pointer: &str) -> Option<Glob> {
        let pattern = self.text(pointer)?;
        match Glob::new(&pattern) {
            Ok(glob) => Some(glob),
            Err(why) => {
                let message = format!("`{pattern}` is no pattern: {why}");
                self.wrong(pointer, &message, "as in `*.yaml` or `{config.json,env-usw2/*}`");
                None
            }
        }
    }

    fn helm(&mut self, at: &str, mut chart: Chart, folder: &Path) -> Option<Chart> {
        let at = format!("{at}/helm");
        self.others(
            &at,
            &[
                "releaseName",
                "valueFiles",
                "values",
                "valuesObject",
                "parameters",
                "fileParameters",
                "skipCrds",
                "kubeVersion",
                "apiVersions",
                "namespace",
                "ignoreMissingValueFiles",
            ],
        );
        let text = |key: &str| self.text(&format!("{at}/{key}"));
        chart.release_name = text("releaseName");
        chart.kube_version = text("kubeVersion");
        chart.namespace = text("namespace");
        chart.skip_crds = self.is(&format!("{at}/skipCrds"));
        chart.api_versions = self.texts(&format!("{at}/apiVersions"));
        if let Some(name) = &chart.release_name
            && let Err((message, hint)) = source::check_release_name(name)
        {
            self.wrong(&format!("{at}/releaseName"), &message, hint);
        }
        let may_miss = self.is(&format!("{at}/ignoreMissingValueFiles"));
        for (index, file) in self.texts(&format!("{at}/valueFiles")).into_iter().enumerate() {
            let path = self.value_file(&format!("{at}/valueFiles/{index}"), &file, folder)?;
            if !may_miss || path.contains("://") || Path::new(&path).exists() {
                chart.values.files.push(path);
            }
        }
        chart.values.inline = match (
            self.at(&format!("{at}/valuesObject")),
            self.text(&format!("{at}/values")),
        ) {
            (Some(object), _) => Some(object.clone()),
            (None, Some(text)) => match manifest::value(&text) {
                Ok(value) => Some(value).filter(|value| !value.is_null()),
                Err(why) => {
                    self.wrong(
                        &format!("{at}/values"),
                        &format!("these values can't be read: {why}"),
                        "write YAML",
                    );
                    None
                }
            },
            (None, None) => None,
        };
        for index in 0..self.count(&format!("{at}/parameters")) {
            let one = format!("{at}/parameters/{index}");
            let name = self.text(&format!("{one}/name")).unwrap_or_default();
            let value = self
                .at(&format!("{one}/value"))
                .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            let value = value.unwrap_or_default();
            // As in Argo CD: a comma belongs to the value, unless the value is a list.
            let value = if value.starts_with('{') {
                value
            } else {
                value.replace(',', "\\,")
            };
            if self.is(&format!("{one}/forceString")) {
                chart.values.set_string.push(format!("{name}={value}"));
            } else {
                chart.values.set.push(format!("{name}={value}"));
            }
        }
        for index in 0..self.count(&format!("{at}/fileParameters")) {
            let one = format!("{at}/fileParameters/{index}");
            let name = self.text(&format!("{one}/name")).unwrap_or_default();
            let file = self.text(&format!("{one}/path")).unwrap_or_default();
            let pointer = format!("{one}/path");
            let path = self.value_file(&pointer, &file, folder)?;
            // helm would read several keys and files in one text.
            if source::set_file_parts(&format!("{name}={file}")) != Some((name.as_str(), file.as_str())) {
                let message = format!("`{name}` and `{file}` are not one key and one file");
                self.wrong(&one, &message, "write them without commas, `=` and `\\`");
            }
            chart.values.set_file.push(format!("{name}={path}"));
        }
        Some(chart)
    }

    /// Resolves a file of values: relative to the chart, or in the source that `$NAME/...` refers to.
    fn value_file(&mut self, pointer: &str, file: &str, folder: &Path) -> Option<String> {
        if file.contains("://") {
            self.mistakes.extend(scheme_mistake(self.manifest, pointer, file));
            return Some(file.to_owned());
        }
        let Some(rest) = file.strip_prefix('$') else {
            // As in Argo CD: a path with a leading slash starts at the root of the work tree.
            let path = if file.starts_with('/') {
                self.tree.find(file)
            } else {
                folder.join(file)
            };
            self.confine(pointer, &path);
            return Some(path.to_string_lossy().into_owned());
        };
        let (name, path) = rest.split_once('/').unwrap_or((rest, ""));
        let mut refs = (0..self.count("/spec/sources")).map(|index| format!("/spec/sources/{index}"));
        let referred = refs.find(|source| self.text(&format!("{source}/ref")).as_deref() == Some(name));
        let url = referred.and_then(|source| self.text(&format!("{source}/repoURL")));
        if url.is_some_and(|url| self.tree.is(&url)) {
            let path = self.tree.find(path);
            self.confine(pointer, &path);
            return Some(path.to_string_lossy().into_owned());
        }
        let message = format!("`{file}` is in another repository than this work tree");
        self.wrong(pointer, &message, ["check it out".into(), Setting::ChartValues.into()]);
        None
    }

    /// Returns the `kustomize` fields as a kustomization on top of the folder's.
    fn kustomize(&mut self, at: &str) -> Map<String, Value> {
        let at = format!("{at}/kustomize");
        let same = [
            "namePrefix",
            "nameSuffix",
            "namespace",
            "commonAnnotations",
            "patches",
            "replicas",
        ];
        let mut known = same.to_vec();
        known.extend(["images", "commonLabels"]);
        self.others(&at, &known);
        let mut overlay = self.map(&at);
        overlay.retain(|key, value| same.contains(&key.as_str()) && !value.is_null());
        let images: Vec<Value> = self
            .texts(&format!("{at}/images"))
            .iter()
            .map(|image| image_of(image))
            .collect();
        if !images.is_empty() {
            overlay.insert("images".to_owned(), Value::Array(images));
        }
        let labels = self.map(&format!("{at}/commonLabels"));
        if !labels.is_empty() {
            overlay.insert("commonLabels".to_owned(), Value::Object(labels));
        }
        overlay
    }
}

/// Parses an image as `kustomize edit set image` does: `NAME=NEW:TAG`, `NAME:TAG`, `NAME@DIGEST`.
fn image_of(text: &str) -> Value {
    let (name, new) = text
        .split_once('=')
        .map_or((None, text), |(name, new)| (Some(name), new));
    let (new, digest) = new
        .split_once('@')
        .map_or((new, None), |(new, digest)| (new, Some(digest)));
    // A colon before the last slash belongs to the port.
    let after_slash = new.rfind('/').map_or(0, |at| at + 1);
    let colon = new
        .get(after_slash..)
        .and_then(|rest| rest.find(':'))
        .map(|at| at + after_slash);
    let (new, tag) = colon.map_or((new, None), |at| (&new[..at], new.get(at + 1..)));
    let mut image = Map::new();
    image.insert("name".to_owned(), Value::from(name.unwrap_or(new)));
    if name.is_some() {
        image.insert("newName".to_owned(), Value::from(new));
    }
    if let Some(tag) = tag {
        image.insert("newTag".to_owned(), Value::from(tag));
    }
    if let Some(digest) = digest {
        image.insert("digest".to_owned(), Value::from(digest));
    }
    Value::Object(image)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn images_are_read_as_kustomize_reads_them() {
        assert_eq!(image_of("a/b:1"), json!({ "name": "a/b", "newTag": "1" }));
        assert_eq!(
            image_of("b=host:5000/a/b:1"),
            json!({ "name": "b", "newName": "host:5000/a/b", "newTag": "1" })
        );
        assert_eq!(image_of("host:5000/b"), json!({ "name": "host:5000/b" }));
        assert_eq!(image_of("b@sha256:00"), json!({ "name": "b", "digest": "sha256:00" }));
    }

    #[test]
    fn a_repository_is_the_same_however_its_url_is_written() {
        let all = [
            "https://example.com/a/b.git",
            "git@example.com:a/b",
            "ssh://git@example.com/a/b.git",
            "https://example.com/a/b/",
        ];
        assert!(all.iter().all(|url| plain(url) == "example.com/a/b"));
    }
}
