//! `capstan.yaml`: one application, or several, with their sources and options, so that `capstan sync` alone is enough.
//!
//! Every mistake has a place and, where a word is nearly right, the right one. What is written here means what the flag of the same
//! name means; a flag wins.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use capstan_core::{
    error::PlanError,
    grant::UserGrants,
    manifest::{self, Manifest},
};
use capstan_registry::Policy;
use serde::Deserialize;
use serde_json::Value;

use super::{
    signed::{self, SignatureRule},
    wrong,
};
use crate::{
    options::Options,
    plugins::Named,
    source::{self, Chart, Kustomization, Source, Values},
};

/// The file's name in a folder.
pub const NAME: &str = "capstan.yaml";

/// What `capstan.yaml` says: one application, or under `applications` several.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct File {
    /// Name of the application; the folder's if absent.
    pub name: Option<String>,
    /// Namespace of the application, or of all that name none; the context's if absent.
    pub namespace: Option<String>,
    /// Where the application's manifests come from; the file's own folder if absent.
    pub sources: Vec<Entry>,
    /// What is wanted of the application, or of all.
    pub options: Options,
    /// The applications that must have been synced before, by name, in this file or another one of the same command.
    pub depends_on: Vec<String>,
    /// Several applications, instead of `name`, `sources` and `dependsOn`.
    pub applications: Vec<Application>,
    /// Files with Applications of Argo CD, which are read as descriptions of what to sync; beside `applications`, or alone.
    pub argocd_applications: Vec<String>,
    /// Plugins to load, by their sources; they come before the built-in ones.
    pub plugins: Vec<String>,
    /// Which plugins have to be signed, and by whom.
    pub plugin_signatures: Vec<SignatureRule>,
    /// Plugins to leave out, by name.
    pub without_plugins: Vec<String>,
    /// What plugins may have done of what their manifests request, by name; `requested` for all of it.
    pub grants: UserGrants,
}

/// One of several applications.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Application {
    /// Its name.
    pub name: String,
    /// Its namespace; that of the file if absent.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Where its manifests come from.
    pub sources: Vec<Entry>,
    /// What is wanted of it; what it doesn't say, the file's `options` say.
    #[serde(default)]
    pub options: Options,
    /// The applications that must have been synced before it, by name.
    #[serde(default)]
    pub depends_on: Vec<String>,
}

/// A source: one of `path`, `chart` and `kustomization`, with what belongs to it. Paths start at the file's folder.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// A file or a folder of manifests.
    pub path: Option<String>,
    /// Read a folder with all its subfolders.
    pub recursive: Option<bool>,
    /// A folder with a kustomization.
    pub kustomization: Option<String>,
    /// Let the kustomization have charts rendered by helm.
    pub enable_helm: Option<bool>,
    /// A Helm chart: a folder, a packed file, `oci://...` or `REPOSITORY/NAME`.
    pub chart: Option<String>,
    /// Which version of a chart from a repository.
    pub version: Option<String>,
    /// The URL of the repository, where `chart` is only a name.
    pub repository: Option<String>,
    /// Name of the chart's release; the application's if absent.
    pub release_name: Option<String>,
    /// Files with values for the chart; later ones win.
    pub value_files: Vec<String>,
    /// Values for the chart; they win over the files.
    pub values: Option<serde_json::Map<String, Value>>,
    /// Values for the chart, as `KEY=VALUE`.
    pub set: Vec<String>,
    /// Values for the chart that are texts whatever they look like.
    pub set_string: Vec<String>,
    /// Values for the chart, as JSON.
    pub set_json: Vec<String>,
    /// Values for the chart that are the texts of files, as `KEY=FILE`.
    pub set_file: Vec<String>,
    /// Values for the chart that are taken letter by letter.
    pub set_literal: Vec<String>,
    /// Leave out the definitions in the chart's `crds/`.
    pub skip_crds: Option<bool>,
    /// Which version of Kubernetes the chart is told; the cluster's if absent.
    pub kube_version: Option<String>,
    /// What the chart is told to be served beside what the cluster serves.
    pub api_versions: Vec<String>,
}

/// A file that was read, with the places of everything in it.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// What it says.
    pub file: File,
    /// What it says, with places.
    pub document: Arc<Manifest>,
    /// Its folder; empty for the working directory.
    pub folder: PathBuf,
}

/// Returns the file that a path names by itself or as its folder, if it does.
pub fn named_by(path: &Path) -> Option<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if path.is_dir() {
        Some(path.join(NAME)).filter(|file| file.is_file())
    } else {
        (name == NAME || name.ends_with(".capstan.yaml")).then(|| path.to_owned())
    }
}

/// Reads a file.
///
/// # Errors
///
/// Returns everything that is wrong with it.
pub fn read(path: &Path) -> Result<Configuration, Vec<PlanError>> {
    let text = source::text(path).map_err(|mistake| vec![mistake])?;
    let document = manifest::document(&path.display().to_string(), &text)?;
    let file: File = wrong::deserialize(&document)?;
    let configuration = Configuration {
        file,
        document: Arc::new(document),
        folder: path.parent().map(Path::to_owned).unwrap_or_default(),
    };
    let mistakes = configuration.mistakes();
    if mistakes.is_empty() {
        Ok(configuration)
    } else {
        Err(mistakes)
    }
}

impl Configuration {
    fn mistakes(&self) -> Vec<PlanError> {
        let (file, document) = (&self.file, &self.document);
        let mut mistakes = Vec::new();
        if !file.applications.is_empty() || !file.argocd_applications.is_empty() {
            let own = [
                ("name", file.name.is_some()),
                ("sources", !file.sources.is_empty()),
                ("dependsOn", !file.depends_on.is_empty()),
            ];
            for (key, _) in own.iter().filter(|(_, is_there)| *is_there) {
                let message =
                    format!("`{key}` is for a file with one application of its own, and this one names several");
                let error = document.key_error(&format!("/{key}"), message);
                mistakes.push(error.hint(format!("write `{key}` for each of them")));
            }
        }
        for (index, entry) in file.sources.iter().enumerate() {
            mistakes.extend(entry.mistakes(document, &format!("/sources/{index}")));
        }
        for (number, application) in file.applications.iter().enumerate() {
            if application.sources.is_empty() {
                let message = format!("the application `{}` has no sources", application.name);
                let error = document.error(&format!("/applications/{number}/sources"), message);
                mistakes.push(error.hint("name one, as in `sources: [{ path: shop/ }]`"));
            }
            for (index, entry) in application.sources.iter().enumerate() {
                let pointer = format!("/applications/{number}/sources/{index}");
                mistakes.extend(entry.mistakes(document, &pointer));
            }
        }
        for (index, plugin) in file.plugins.iter().enumerate() {
            if let Err(error) = plugin.parse::<capstan_registry::Source>() {
                let message = format!("this is no source of a plugin: {}", error.reason);
                mistakes.push(document.error(&format!("/plugins/{index}"), message).hint(error.hint));
            }
        }
        mistakes.extend(signed::mistakes(&file.plugin_signatures, document));
        mistakes
    }

    /// Turns entries into sources; without entries, the file's own folder is the source.
    pub fn sources(&self, entries: &[Entry]) -> Vec<Source> {
        if entries.is_empty() {
            let here = if self.folder.as_os_str().is_empty() {
                PathBuf::from(".")
            } else {
                self.folder.clone()
            };
            return vec![Source::of_folder(here)];
        }
        entries.iter().map(|entry| entry.source(&self.folder)).collect()
    }

    /// Returns the plugins to load.
    pub fn plugins(&self) -> impl Iterator<Item = Named> {
        let sources = self.file.plugins.iter().filter_map(|text| text.parse().ok());
        sources.map(|source| Named {
            source,
            folder: self.folder.clone(),
        })
    }

    /// Returns which plugins have to be signed.
    ///
    /// # Errors
    ///
    /// Returns which keys can't be read.
    pub fn policy(&self) -> Result<Policy, Vec<PlanError>> {
        signed::policy(&self.file.plugin_signatures, &self.document, &self.folder)
    }
}

impl Entry {
    fn mistakes(&self, document: &Manifest, pointer: &str) -> Vec<PlanError> {
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
                [] => "this source names nothing to read".to_owned(),
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
        let strangers = own.iter().filter(|(_, is_there, belongs)| *is_there && !belongs);
        let error = |(key, ..): &(&str, bool, bool)| {
            let message = format!("`{key}` doesn't go with `{kind}`");
            let hint = match *key {
                "recursive" => "it is for a `path`",
                "enableHelm" => "it is for a `kustomization`",
                _ => "it is for a `chart`",
            };
            document.key_error(&format!("{pointer}/{key}"), message).hint(hint)
        };
        strangers.map(error).collect()
    }

    fn source(&self, folder: &Path) -> Source {
        let at = |path: &str| folder.join(path);
        if let Some(path) = &self.kustomization {
            return Source::Kustomization(Kustomization {
                path: at(path),
                enable_helm: self.enable_helm.unwrap_or(false),
                ..Kustomization::default()
            });
        }
        if let Some(chart) = &self.chart {
            return Source::Chart(Box::new(self.chart(chart, folder)));
        }
        let path = self.path.as_deref().unwrap_or(".");
        Source::of_path(at(path), self.recursive.unwrap_or(false))
    }

    fn chart(&self, chart: &str, folder: &Path) -> Chart {
        // What is no path is what helm calls it.
        let local = folder.join(chart);
        let is_local = local.exists() || chart.starts_with('.');
        let file = |path: &String| {
            if path.contains("://") {
                path.clone()
            } else {
                folder.join(path).to_string_lossy().into_owned()
            }
        };
        let set_file = |one: &String| match one.split_once('=') {
            Some((key, path)) => format!("{key}={}", file(&path.to_owned())),
            None => one.clone(),
        };
        Chart {
            chart: if is_local {
                local.to_string_lossy().into_owned()
            } else {
                chart.to_owned()
            },
            version: self.version.clone(),
            repository: self.repository.clone(),
            release_name: self.release_name.clone(),
            namespace: None,
            values: Values {
                files: self.value_files.iter().map(file).collect(),
                inline: self.values.clone().map(Value::Object),
                late_files: Vec::new(),
                set_json: self.set_json.clone(),
                set: self.set.clone(),
                set_string: self.set_string.clone(),
                set_file: self.set_file.iter().map(set_file).collect(),
                set_literal: self.set_literal.clone(),
            },
            skip_crds: self.skip_crds.unwrap_or(false),
            kube_version: self.kube_version.clone(),
            api_versions: self.api_versions.clone(),
        }
    }
}
