//! One source of an Application: a folder, a chart or a kustomization.

use std::path::{Path, PathBuf};

use capstan_core::{model::remedy::Setting, read::manifest};
use capstan_source::{self as source, Chart, FolderRules, Glob, Source};
use serde_json::{Map, Value};

use super::ApplicationReader;
use crate::file::scheme_mistake;

impl ApplicationReader<'_> {
    pub(super) fn source(&mut self, at: &str) -> Option<Source> {
        self.notice_other_keys(
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
        let url = self.text_at(&format!("{at}/repoURL")).unwrap_or_default();
        let revision = self.text_at(&format!("{at}/targetRevision"));
        if self.value_at(&format!("{at}/plugin")).is_some() {
            let message = "config management plugins of Argo CD are not run";
            self.add_mistake(
                &format!("{at}/plugin"),
                message,
                ["render it".into(), Setting::Stdin.into()],
            );
            return None;
        }
        if let Some(name) = self.text_at(&format!("{at}/chart")) {
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
                let message = format!("`{chart}` begins with `-`, and helm would read it as a flag");
                self.add_mistake(&format!("{at}/chart"), &message, "write the name of a chart");
            }
            let chart = Chart {
                version: revision,
                repository: (!is_oci).then_some(url),
                ..Chart::new(chart)
            };
            return self
                .helm(at, chart, Path::new(""))
                .map(|chart| Source::Chart(Box::new(chart)));
        }
        if !self.tree.is_remote(&url) {
            self.add_notice(format!(
                "`{url}` may not be this work tree's repository; its path is read from here anyway"
            ));
        }
        if let Some(revision) = revision.filter(|revision| revision != "HEAD") {
            self.add_notice(format!(
                "the revision `{revision}` is ignored: the files in the work tree are used"
            ));
        }
        let Some(path) = self.text_at(&format!("{at}/path")) else {
            if self.text_at(&format!("{at}/ref")).is_none() {
                let hint = "write `path`, from the root of the work tree";
                self.add_mistake(at, "this source names no manifests", hint);
            }
            return None;
        };
        let folder = self.tree.resolve(&path);
        self.confine(&format!("{at}/path"), &folder);
        let directory = self.directory(&format!("{at}/directory"), folder.clone());
        // With `directory`, it is a folder of manifests, whatever else is in it.
        match directory.unwrap_or_else(|| Source::from_folder(folder.clone())) {
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
                    follows_argo_cd: true,
                    ..rules
                },
            }),
        }
    }

    /// Reads `directory`; returns `None` without it.
    fn directory(&mut self, at: &str, path: PathBuf) -> Option<Source> {
        self.notice_other_keys(at, &["recurse", "include", "exclude", "jsonnet"]);
        if !self.map_at(&format!("{at}/jsonnet")).is_empty() {
            let hint = ["evaluate it with `jsonnet`".into(), Setting::Stdin.into()];
            self.add_mistake(&format!("{at}/jsonnet"), "Jsonnet is not evaluated", hint);
        }
        let include = self.glob(&format!("{at}/include"));
        let exclude = self.glob(&format!("{at}/exclude"));
        let recursive = self.is_true_at(&format!("{at}/recurse"));
        (recursive || include.is_some() || exclude.is_some()).then_some(Source::Files {
            path,
            recursive,
            rules: FolderRules {
                include,
                exclude,
                follows_argo_cd: true,
            },
        })
    }

    fn glob(&mut self, pointer: &str) -> Option<Glob> {
        let pattern = self.text_at(pointer)?;
        match Glob::new(&pattern) {
            Ok(glob) => Some(glob),
            Err(why) => {
                let message = format!("`{pattern}` is not a pattern: {why}");
                self.add_mistake(pointer, &message, "as in `*.yaml` or `{config.json,env-usw2/*}`");
                None
            }
        }
    }

    fn helm(&mut self, at: &str, mut chart: Chart, folder: &Path) -> Option<Chart> {
        let at = format!("{at}/helm");
        self.notice_other_keys(
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
        let text = |key: &str| self.text_at(&format!("{at}/{key}"));
        chart.release_name = text("releaseName");
        chart.kube_version = text("kubeVersion");
        chart.namespace = text("namespace");
        chart.skip_crds = self.is_true_at(&format!("{at}/skipCrds"));
        chart.api_versions = self.texts_at(&format!("{at}/apiVersions"));
        if let Some(name) = &chart.release_name
            && let Err((message, hint)) = source::check_release_name(name)
        {
            self.add_mistake(&format!("{at}/releaseName"), &message, hint);
        }
        let may_miss = self.is_true_at(&format!("{at}/ignoreMissingValueFiles"));
        for (index, file) in self.texts_at(&format!("{at}/valueFiles")).into_iter().enumerate() {
            let path = self.resolve_value_file(&format!("{at}/valueFiles/{index}"), &file, folder)?;
            if !may_miss || path.contains("://") || Path::new(&path).exists() {
                chart.values.files.push(path);
            }
        }
        chart.values.inline = match (
            self.value_at(&format!("{at}/valuesObject")),
            self.text_at(&format!("{at}/values")),
        ) {
            (Some(object), _) => Some(object.clone()),
            (None, Some(text)) => match manifest::parse_value(&text) {
                Ok(value) => Some(value).filter(|value| !value.is_null()),
                Err(why) => {
                    self.add_mistake(
                        &format!("{at}/values"),
                        &format!("these values can't be read: {why}"),
                        "write YAML",
                    );
                    None
                }
            },
            (None, None) => None,
        };
        for index in 0..self.count_at(&format!("{at}/parameters")) {
            let one = format!("{at}/parameters/{index}");
            let name = self.text_at(&format!("{one}/name")).unwrap_or_default();
            let value = self
                .value_at(&format!("{one}/value"))
                .map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            let value = value.unwrap_or_default();
            // As in Argo CD: a comma belongs to the value, unless the value is a list.
            let value = if value.starts_with('{') {
                value
            } else {
                value.replace(',', "\\,")
            };
            if self.is_true_at(&format!("{one}/forceString")) {
                chart.values.set_string.push(format!("{name}={value}"));
            } else {
                chart.values.set.push(format!("{name}={value}"));
            }
        }
        for index in 0..self.count_at(&format!("{at}/fileParameters")) {
            let one = format!("{at}/fileParameters/{index}");
            let name = self.text_at(&format!("{one}/name")).unwrap_or_default();
            let file = self.text_at(&format!("{one}/path")).unwrap_or_default();
            let pointer = format!("{one}/path");
            let path = self.resolve_value_file(&pointer, &file, folder)?;
            // helm would read several keys and files in one text.
            if source::split_set_file(&format!("{name}={file}")) != Some((name.as_str(), file.as_str())) {
                let message = format!("`{name}` and `{file}` must be one key and one file");
                self.add_mistake(&one, &message, "write them without commas, `=` and `\\`");
            }
            chart.values.set_file.push(format!("{name}={path}"));
        }
        Some(chart)
    }

    /// Resolves a file of values: relative to the chart, or in the source that `$NAME/...` refers to.
    fn resolve_value_file(&mut self, pointer: &str, file: &str, folder: &Path) -> Option<String> {
        if file.contains("://") {
            self.mistakes.extend(scheme_mistake(self.manifest, pointer, file));
            return Some(file.to_owned());
        }
        let Some(rest) = file.strip_prefix('$') else {
            // As in Argo CD: a path with a leading slash starts at the root of the work tree.
            let path = if file.starts_with('/') {
                self.tree.resolve(file)
            } else {
                folder.join(file)
            };
            self.confine(pointer, &path);
            return Some(path.to_string_lossy().into_owned());
        };
        let (name, path) = rest.split_once('/').unwrap_or((rest, ""));
        let mut refs = (0..self.count_at("/spec/sources")).map(|index| format!("/spec/sources/{index}"));
        let referred = refs.find(|source| self.text_at(&format!("{source}/ref")).as_deref() == Some(name));
        let url = referred.and_then(|source| self.text_at(&format!("{source}/repoURL")));
        if url.is_some_and(|url| self.tree.is_remote(&url)) {
            let path = self.tree.resolve(path);
            self.confine(pointer, &path);
            return Some(path.to_string_lossy().into_owned());
        }
        let message = format!("`{file}` is in another repository than this work tree");
        self.add_mistake(pointer, &message, ["check it out".into(), Setting::ChartValues.into()]);
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
        self.notice_other_keys(&at, &known);
        let mut overlay = self.map_at(&at);
        overlay.retain(|key, value| same.contains(&key.as_str()) && !value.is_null());
        let images: Vec<Value> = self
            .texts_at(&format!("{at}/images"))
            .iter()
            .map(|image| image_of(image))
            .collect();
        if !images.is_empty() {
            overlay.insert("images".to_owned(), Value::Array(images));
        }
        let labels = self.map_at(&format!("{at}/commonLabels"));
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
}
