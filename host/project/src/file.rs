//! `capstan.yaml`: one application, or several, with their sources and options, so that `capstan sync` alone is enough.
//!
//! Every mistake has a place, and a misspelt word a suggestion. A key means the same as the flag of its name; a flag wins.

mod entry;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use capstan_core::{
    model::{error::Diagnostic, grant::UserGrants},
    read::manifest::{self, Manifest},
};
use capstan_registry::SignaturePolicy;
use serde::Deserialize;
use serde_json::Value;

use capstan_source::{self as source, FileAccess, Source, WorkTree};

use super::{
    Options, config_errors, plugins,
    signature_policy::{self, SignatureRuleEntry},
};

/// The file's name in a folder.
pub const FILE_NAME: &str = source::PROJECT_FILE;

/// The contents of `capstan.yaml`: one application, or several under `applications`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ConfigFile {
    /// Name of the application; the folder's if absent.
    pub name: Option<String>,
    /// Namespace of the application, or of all that don't name one; the context's if absent.
    pub namespace: Option<String>,
    /// Where the application's manifests come from; the file's own folder if absent.
    pub sources: Vec<SourceEntry>,
    /// The options of the application, or of all.
    pub options: Options,
    /// The applications that must have been synced before, by name, in this file or another one of the same command.
    pub depends_on: Vec<String>,
    /// Several applications, instead of `name`, `sources` and `dependsOn`.
    pub applications: Vec<ApplicationEntry>,
    /// Files with Argo CD Applications, which are read as descriptions of what to sync; allowed beside `applications`, or alone.
    pub argocd_applications: Vec<String>,
    /// Plugins to load, by their sources; they come before the built-in ones.
    pub plugins: Vec<String>,
    /// Which plugins have to be signed, and by whom.
    pub plugin_signatures: Vec<SignatureRuleEntry>,
    /// Plugins to leave out, by name.
    pub without_plugins: Vec<String>,
    /// Settings of plugins that judge health, by name. An object's `capstan.dev/settings` comes before them.
    pub plugin_settings: BTreeMap<String, serde_json::Map<String, Value>>,
    /// The grants for plugins, by name: some of what their manifests request, or `requested` for all of it.
    pub grants: UserGrants,
}

/// One of several applications in a file.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApplicationEntry {
    /// The application's name.
    pub name: String,
    /// Its namespace; that of the file if absent.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Where its manifests come from.
    pub sources: Vec<SourceEntry>,
    /// Its options. For those that are absent, the file's `options` are used.
    #[serde(default)]
    pub options: Options,
    /// The applications that must have been synced before it, by name.
    #[serde(default)]
    pub depends_on: Vec<String>,
}

/// A source: one of `path`, `chart` and `kustomization`, with its options. Paths start at the file's folder.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct SourceEntry {
    /// A file or a folder of manifests.
    pub path: Option<String>,
    /// Whether the subfolders are read, too.
    pub recursive: Option<bool>,
    /// A folder with a kustomization.
    pub kustomization: Option<String>,
    /// Whether the kustomization may use helm to render charts.
    pub enable_helm: Option<bool>,
    /// A Helm chart: a folder, a packed file, `oci://...` or `REPOSITORY/NAME`.
    pub chart: Option<String>,
    /// Which version of a chart from a repository.
    pub version: Option<String>,
    /// The URL of the repository, if `chart` is only a name.
    pub repository: Option<String>,
    /// Name of the chart's release; the application's if absent.
    pub release_name: Option<String>,
    /// Files with values for the chart; later ones win.
    pub value_files: Vec<String>,
    /// Values for the chart; they win over the files.
    pub values: Option<serde_json::Map<String, Value>>,
    /// Values for the chart, as `KEY=VALUE`.
    pub set: Vec<String>,
    /// Values for the chart, as `KEY=VALUE`, that are always strings.
    pub set_string: Vec<String>,
    /// Values for the chart, as JSON.
    pub set_json: Vec<String>,
    /// Values for the chart that are the texts of files, as `KEY=FILE`.
    pub set_file: Vec<String>,
    /// Values for the chart, as `KEY=VALUE`, that are taken literally.
    pub set_literal: Vec<String>,
    /// Leave out the definitions in the chart's `crds/`.
    pub skip_crds: Option<bool>,
    /// The version of Kubernetes that the chart sees; the cluster's if absent.
    pub kube_version: Option<String>,
    /// Further API versions that the chart sees as served.
    pub api_versions: Vec<String>,
}

/// A file that was read, with the places of its contents.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// The contents.
    pub file: ConfigFile,
    /// The YAML document, with the places of all values.
    pub document: Arc<Manifest>,
    /// Its folder; empty for the working directory.
    pub folder: PathBuf,
    /// The tree that all paths in the file have to stay in.
    pub tree: WorkTree,
}

/// The sources in a file, with the errors about them.
#[derive(Debug, Default)]
pub struct NamedSources {
    /// The sources, in the order of the file.
    pub sources: Vec<Source>,
    /// Errors about paths that lead out of the tree, and about what only a flag of the user allows.
    pub refused: Vec<Diagnostic>,
}

/// Returns the project file at a path: the file itself, or the one in a folder.
pub fn find_file(path: &Path) -> Option<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if path.is_dir() {
        Some(path.join(FILE_NAME)).filter(|file| file.is_file())
    } else {
        (name == FILE_NAME || name.ends_with(".capstan.yaml")).then(|| path.to_owned())
    }
}

/// Reads a file.
///
/// # Errors
///
/// Returns all mistakes in it.
pub fn read(path: &Path, access: &FileAccess) -> Result<Configuration, Vec<Diagnostic>> {
    let folder = path.parent().map(Path::to_owned).unwrap_or_default();
    let tree = WorkTree::find(&folder, access);
    let confined = tree.confine(path).map_err(|mistake| vec![mistake])?;
    let text = access.read_text(path).map_err(|mistake| vec![mistake])?;
    let name = path.display().to_string();
    let document = if confined.is_outside() {
        manifest::parse_hidden_document(&name, &text)?
    } else {
        manifest::parse_document(&name, &text)?
    };
    let file: ConfigFile = config_errors::deserialize(&document, "it starts with keys like `name:` and `sources:`")?;
    let configuration = Configuration {
        file,
        document: Arc::new(document),
        folder,
        tree,
    };
    let mistakes = configuration.mistakes();
    if mistakes.is_empty() {
        Ok(configuration)
    } else {
        Err(mistakes)
    }
}

impl Configuration {
    fn mistakes(&self) -> Vec<Diagnostic> {
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
                    format!("`{key}` is only for a file with a single application, and this file names several");
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
            let pointer = format!("/plugins/{index}");
            match plugin.parse::<capstan_registry::Source>() {
                Ok(source) => {
                    let file = source.file_path(&self.folder);
                    mistakes.extend(file.and_then(|file| self.confine(&pointer, &file).err()));
                }
                Err(error) => {
                    let message = format!("this is not a source of a plugin: {}", error.reason);
                    mistakes.push(document.error(&pointer, message).hint(error.hint));
                }
            }
        }
        mistakes.extend(signature_policy::find_mistakes(&file.plugin_signatures, document));
        mistakes
    }

    /// Checks that a path at a JSON pointer stays in the tree.
    pub(super) fn confine(&self, pointer: &str, path: &Path) -> Result<(), Diagnostic> {
        self.tree.confine(path).map(drop).map_err(|mistake| {
            let error = self.document.error(pointer, mistake.message);
            Diagnostic {
                hint: mistake.hint,
                ..error
            }
        })
    }

    /// Returns the sources of the entries at a JSON pointer; without entries, the file's own folder is the source. `enables_helm` is the
    /// user's flag for charts in kustomizations.
    pub fn sources(&self, entries: &[SourceEntry], pointer: &str, enables_helm: bool) -> NamedSources {
        if entries.is_empty() {
            let here = if self.folder.as_os_str().is_empty() {
                PathBuf::from(".")
            } else {
                self.folder.clone()
            };
            return NamedSources {
                sources: vec![Source::from_folder(here)],
                refused: Vec::new(),
            };
        }
        let mut named = NamedSources::default();
        for (index, entry) in entries.iter().enumerate() {
            let mut place = EntryContext {
                configuration: self,
                pointer: format!("{pointer}/{index}"),
                refused: &mut named.refused,
            };
            let source = entry.source(&mut place, enables_helm);
            named.sources.push(source);
        }
        named
    }

    /// Returns the plugins to load.
    pub fn plugins(&self) -> impl Iterator<Item = plugins::NamedPlugin> {
        let sources = self.file.plugins.iter().filter_map(|text| text.parse().ok());
        sources.map(|source| plugins::NamedPlugin {
            source,
            folder: self.folder.clone(),
        })
    }

    /// Returns the signature policy.
    ///
    /// # Errors
    ///
    /// Returns which keys can't be read.
    pub fn signature_policy(&self) -> Result<SignaturePolicy, Vec<Diagnostic>> {
        signature_policy::read_policy(&self.file.plugin_signatures, self)
    }
}

/// The place of an entry, and the errors about its paths.
struct EntryContext<'a> {
    configuration: &'a Configuration,
    pointer: String,
    refused: &'a mut Vec<Diagnostic>,
}

impl EntryContext<'_> {
    /// Resolves a path from the file's folder. A path that leads outside the tree becomes an error at its place.
    fn resolve_path(&mut self, key: &str, path: &str) -> PathBuf {
        let whole = self.configuration.folder.join(path);
        let refused = self
            .configuration
            .confine(&format!("{}/{key}", self.pointer), &whole)
            .err();
        self.refused.extend(refused);
        whole
    }

    /// Resolves the path of a file for helm; a URL stays as it is.
    fn resolve_file(&mut self, key: &str, path: &str) -> String {
        if path.contains("://") {
            return path.to_owned();
        }
        self.resolve_path(key, path).to_string_lossy().into_owned()
    }
}

/// Returns the mistake in the address of a file, if there is one: for other schemes, helm runs plugins of the user.
pub(super) fn scheme_mistake(document: &Manifest, pointer: &str, path: &str) -> Option<Diagnostic> {
    let (scheme, _) = path.split_once("://")?;
    let is_known = ["http", "https"].contains(&scheme);
    let error = || document.error(pointer, format!("files can't be read from `{scheme}:`"));
    (!is_known).then(|| error().hint("name a file, or an `https://` address"))
}
