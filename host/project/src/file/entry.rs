//! One source in the file.

use capstan_core::{
    model::{error::Diagnostic, remedy::Setting},
    read::manifest::Manifest,
};
use capstan_source::{self as source, Chart, Kustomization, Source, Values};
use serde_json::Value;

use super::{EntryContext, SourceEntry, scheme_mistake};

impl SourceEntry {
    pub(super) fn mistakes(&self, document: &Manifest, pointer: &str) -> Vec<Diagnostic> {
        let kinds = [
            ("path", self.path.is_some()),
            ("chart", self.chart.is_some()),
            ("kustomization", self.kustomization.is_some()),
        ];
        let named: Vec<&str> = kinds
            .iter()
            .filter(|(_, is_there)| *is_there)
            .map(|(kind, _)| *kind)
            .collect();
        let [kind] = named.as_slice() else {
            let message = match named.as_slice() {
                [] => "this source names no manifests".to_owned(),
                [first, second, ..] => format!("this source has both `{first}` and `{second}`"),
                [_] => String::new(),
            };
            let hint = "each source has one of `path`, `chart` and `kustomization`";
            return vec![document.error(pointer, message).hint(hint)];
        };
        let is_chart = *kind == "chart";
        let own = [
            ("recursive", self.recursive.is_some(), *kind == "path"),
            ("enableHelm", self.enable_helm.is_some(), *kind == "kustomization"),
            ("version", self.version.is_some(), is_chart),
            ("repository", self.repository.is_some(), is_chart),
            ("releaseName", self.release_name.is_some(), is_chart),
            ("valueFiles", !self.value_files.is_empty(), is_chart),
            ("values", self.values.is_some(), is_chart),
            ("set", !self.set.is_empty(), is_chart),
            ("setString", !self.set_string.is_empty(), is_chart),
            ("setJson", !self.set_json.is_empty(), is_chart),
            ("setFile", !self.set_file.is_empty(), is_chart),
            ("setLiteral", !self.set_literal.is_empty(), is_chart),
            ("skipCrds", self.skip_crds.is_some(), is_chart),
            ("kubeVersion", self.kube_version.is_some(), is_chart),
            ("apiVersions", !self.api_versions.is_empty(), is_chart),
        ];
        let mut mistakes = self.chart_mistakes(document, pointer);
        let strangers = own.iter().filter(|(_, is_there, belongs)| *is_there && !belongs);
        let error = |(key, ..): &(&str, bool, bool)| {
            let message = format!("`{key}` can't be combined with `{kind}`");
            let hint = match *key {
                "recursive" => "it is for a `path`",
                "enableHelm" => "it is for a `kustomization`",
                _ => "it is for a `chart`",
            };
            document.key_error(&format!("{pointer}/{key}"), message).hint(hint)
        };
        mistakes.extend(strangers.map(error));
        mistakes
    }

    /// Lists the mistakes in the words that are passed to helm.
    fn chart_mistakes(&self, document: &Manifest, pointer: &str) -> Vec<Diagnostic> {
        let mut mistakes = Vec::new();
        if let Some(name) = &self.release_name
            && let Err((message, hint)) = source::check_release_name(name)
        {
            mistakes.push(document.error(&format!("{pointer}/releaseName"), message).hint(hint));
        }
        let chart = self.chart.as_ref();
        mistakes.extend(chart.and_then(|chart| word_mistake(document, &format!("{pointer}/chart"), chart)));
        for (index, path) in self.value_files.iter().enumerate() {
            mistakes.extend(scheme_mistake(document, &format!("{pointer}/valueFiles/{index}"), path));
        }
        for (index, text) in self.set_file.iter().enumerate() {
            let pointer = format!("{pointer}/setFile/{index}");
            if let Some((_, path)) = source::split_set_file(text) {
                mistakes.extend(scheme_mistake(document, &pointer, path));
            } else {
                let error = document.error(&pointer, format!("`{text}` is not one key and one file"));
                mistakes.push(error.hint("write `KEY=FILE`, one item for each, without commas and `\\`"));
            }
        }
        mistakes
    }

    pub(super) fn source(&self, place: &mut EntryContext<'_>, enables_helm: bool) -> Source {
        if let Some(path) = &self.kustomization {
            let enable_helm = self.enable_helm.unwrap_or(false);
            if enable_helm && !enables_helm {
                let pointer = format!("{}/enableHelm", place.pointer);
                let message = "this kustomization may render charts with helm only if you allow it";
                let error = place.configuration.document.key_error(&pointer, message);
                place.refused.push(error.hint(Setting::EnableHelm));
            }
            return Source::Kustomization(Kustomization {
                path: place.resolve_path("kustomization", path),
                enable_helm,
                ..Kustomization::default()
            });
        }
        if let Some(chart) = &self.chart {
            return Source::Chart(Box::new(self.chart(chart, place)));
        }
        let path = self.path.as_deref().unwrap_or(".");
        Source::from_path(place.resolve_path("path", path), self.recursive.unwrap_or(false))
    }

    fn chart(&self, chart: &str, place: &mut EntryContext<'_>) -> Chart {
        // A chart that isn't a path is a reference of helm's.
        let local = place.configuration.folder.join(chart);
        let is_local = local.exists() || chart.starts_with('.');
        let value_files = self.value_files.iter().enumerate();
        let value_files = value_files.map(|(index, path)| place.resolve_file(&format!("valueFiles/{index}"), path));
        let value_files: Vec<String> = value_files.collect();
        let set_file = self
            .set_file
            .iter()
            .enumerate()
            .map(|(index, one)| match one.split_once('=') {
                Some((key, path)) => format!("{key}={}", place.resolve_file(&format!("setFile/{index}"), path)),
                None => one.clone(),
            });
        let set_file: Vec<String> = set_file.collect();
        Chart {
            chart: if is_local {
                place.resolve_path("chart", chart).to_string_lossy().into_owned()
            } else {
                chart.to_owned()
            },
            version: self.version.clone(),
            repository: self.repository.clone(),
            release_name: self.release_name.clone(),
            namespace: None,
            values: Values {
                files: value_files,
                inline: self.values.clone().map(Value::Object),
                late_files: Vec::new(),
                set_json: self.set_json.clone(),
                set: self.set.clone(),
                set_string: self.set_string.clone(),
                set_file,
                set_literal: self.set_literal.clone(),
            },
            skip_crds: self.skip_crds.unwrap_or(false),
            kube_version: self.kube_version.clone(),
            api_versions: self.api_versions.clone(),
        }
    }
}

/// Returns the mistake in a word that is passed to helm, if there is one.
fn word_mistake(document: &Manifest, pointer: &str, word: &str) -> Option<Diagnostic> {
    let error = word.starts_with('-').then(|| {
        let message = format!("`{word}` begins with `-`, and helm would read it as a flag");
        document.error(pointer, message)
    });
    error.map(|error| error.hint("a folder of that name is written with `./` before it"))
}
