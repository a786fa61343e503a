//! Reads manifests: from files, folders and stdin; from Helm charts, rendered by the installed `helm`; and from kustomizations, built by
//! `kustomize` or `kubectl`. These programs run in child processes with a deadline, and don't get access to the cluster.
//!
//! There are two steps, as a chart may depend on what the cluster serves: [`gather`] does everything that needs no cluster, and
//! [`Gathered::render`] the rest. This crate doesn't interpret the manifests. [`FileAccess`] is passed in by the process: this crate
//! knows no command line, no environment variables and no terminal.

mod access;
mod bases;
mod files;
mod git;
mod glob;
mod helm;
mod kustomize;
mod program;
mod repository;
mod told;
mod tree;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use capstan_core::{
    error::{Diagnostic, Diagnostics},
    manifest::Manifest,
    remedy::Notice,
    revision::Revision,
};
use capstan_process::Program;

use self::told::Told;
pub use self::{
    access::{FileAccess, Stdin},
    files::{FolderRules, name_of},
    glob::Glob,
    helm::{Chart, Values, check_release_name, set_file_parts},
    kustomize::Kustomization,
    repository::Repository,
    told::is_argocd_application,
    tree::{ConfinedPath, WorkTree, text},
};

/// The project file of a folder, which is skipped as it isn't a manifest.
pub const PROJECT_FILE: &str = "capstan.yaml";

/// How long rendering may take by default.
pub const RENDERING: Duration = Duration::from_mins(2);

/// A source of manifests.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A file, a folder, or `-` for stdin.
    Files {
        /// Its path.
        path: PathBuf,
        /// Whether the subfolders of a folder are read, too.
        recursive: bool,
        /// Which files of a folder are manifests.
        rules: FolderRules,
    },
    /// A Helm chart.
    Chart(Box<Chart>),
    /// A folder with a kustomization.
    Kustomization(Kustomization),
}

/// What a chart may know about the cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// The version of Kubernetes.
    pub kube_version: String,
    /// The served API versions: `apps/v1`, `apps/v1/Deployment`.
    pub api_versions: Vec<String>,
}

/// The release for which charts are rendered.
#[derive(Debug, Clone, Copy)]
pub struct Release<'a> {
    /// The application's name; also the release's, unless the chart's source has another one.
    pub name: &'a str,
    /// The application's namespace.
    pub namespace: &'a str,
    /// What the cluster serves; helm's own defaults without a cluster.
    pub capabilities: Option<&'a Capabilities>,
}

/// Sources after the first step: everything that needs no cluster was read.
#[derive(Debug)]
pub struct Gathered {
    parts: Vec<Part>,
    sources: Vec<Source>,
    deadline: Duration,
    access: FileAccess,
    told: Told,
}

#[derive(Debug)]
enum Part {
    Manifests(Vec<Manifest>),
    Chart(Box<Chart>, Program),
}

/// Options for reading sources.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// How long each rendering program may take.
    pub deadline: Duration,
    /// The tree that paths in a file have to stay in; `None` for paths from the command line, which may be anywhere.
    pub tree: Option<&'a WorkTree>,
    /// The files that may be read, and the process's standard input.
    pub access: &'a FileAccess,
    /// Whether files may repeat a key, of which the last one counts, as by Argo CD's rules. Rendered charts always may.
    pub last_key_counts: bool,
    /// Whether the manifests are to be applied, rather than only looked up.
    pub is_applied: bool,
}

/// The result of reading and rendering.
#[derive(Debug, Clone, PartialEq)]
pub struct Desired {
    /// The manifests.
    pub manifests: Vec<Manifest>,
    /// The revision of the sources.
    pub revision: Revision,
    /// What the user should know about how they were read.
    pub notices: Vec<Notice>,
}

/// Rendered manifests, with what the program wrote to stderr.
struct Rendered {
    texts: Vec<Text>,
    said: Vec<String>,
}

/// A text with manifests.
struct Text {
    /// Its name in messages.
    name: String,
    text: String,
    /// Whether it comes from outside of the work tree: then its lines aren't shown in messages.
    is_outside: bool,
}

impl Text {
    /// Makes an empty text that a program rendered.
    fn rendered(name: String) -> Text {
        Text {
            name,
            text: String::new(),
            is_outside: false,
        }
    }
}

impl Source {
    /// Returns the source at a path: a chart, or manifests.
    pub fn of_path(path: PathBuf, recursive: bool) -> Source {
        if helm::is_chart(&path) {
            Source::Chart(Box::new(Chart::at(path.to_string_lossy())))
        } else {
            Source::Files {
                path,
                recursive,
                rules: FolderRules::default(),
            }
        }
    }

    /// Returns the source in a folder: a kustomization, a chart, or manifests.
    pub fn of_folder(path: PathBuf) -> Source {
        if kustomize::is_kustomization(&path) {
            return Source::Kustomization(Kustomization {
                path,
                ..Kustomization::default()
            });
        }
        Source::of_path(path, false)
    }

    /// Returns the local files and folders that it is read from.
    fn paths(&self) -> Vec<&Path> {
        match self {
            Source::Files { path, .. } if path == Path::new("-") => Vec::new(),
            Source::Files { path, .. } => vec![path],
            Source::Chart(chart) => chart.paths(),
            Source::Kustomization(kustomization) => vec![&kustomization.path],
        }
    }

    fn about(&self) -> String {
        match self {
            Source::Files { path, .. } if path == Path::new("-") => "stdin".to_owned(),
            Source::Files { path, .. } => path.display().to_string(),
            Source::Chart(chart) => chart.about(),
            Source::Kustomization(kustomization) => format!("kustomization {}", kustomization.path.display()),
        }
    }

    /// Returns the name of an application with this source.
    pub fn name(&self) -> Option<String> {
        match self {
            Source::Files { path, .. } => name_of(path),
            Source::Chart(chart) => chart.name(),
            Source::Kustomization(kustomization) => name_of(&kustomization.path),
        }
    }
}

/// Reads everything that needs no cluster, and finds the programs for the rest.
///
/// # Errors
///
/// Returns all mistakes together.
pub fn gather(sources: &[Source], reading: &Reading<'_>) -> Result<Gathered, Diagnostics> {
    let mut parts = Vec::new();
    let mut mistakes = Vec::new();
    let mut told = Told::default();
    for source in sources {
        let read = match source {
            Source::Files { path, recursive, rules } => {
                reading.files(path, *recursive, rules).map_err(|mistake| vec![mistake])
            }
            Source::Kustomization(kustomization) => reading.kustomization(kustomization),
            Source::Chart(chart) => match reading.chart(chart) {
                Ok(program) => {
                    parts.push(Part::Chart(chart.clone(), program));
                    continue;
                }
                Err(mistake) => Err(vec![mistake]),
            },
        };
        match read.and_then(|read| told.decode(read, reading.last_key_counts, reading.is_applied)) {
            Ok(manifests) => parts.push(Part::Manifests(manifests)),
            Err(wrong) => mistakes.extend(wrong),
        }
    }
    if !mistakes.is_empty() {
        return Err(Diagnostics(mistakes));
    }
    Ok(Gathered {
        parts,
        sources: sources.to_vec(),
        deadline: reading.deadline,
        access: reading.access.clone(),
        told,
    })
}

impl<'a> Reading<'a> {
    /// Returns the options for paths from the command line.
    pub fn typed(access: &'a FileAccess) -> Reading<'a> {
        Reading {
            deadline: RENDERING,
            tree: None,
            access,
            last_key_counts: false,
            is_applied: true,
        }
    }

    /// Checks that a path of a source may be read.
    fn confine(&self, path: &Path) -> Result<ConfinedPath, Diagnostic> {
        match self.tree {
            Some(tree) => tree.confine(path),
            None => WorkTree::confine_typed(path, self.access),
        }
    }

    /// Returns the tree that everything below a path has to stay in.
    fn tree_of(&self, path: &Path) -> WorkTree {
        self.tree
            .cloned()
            .unwrap_or_else(|| WorkTree::around(path, self.access))
    }

    fn files(&self, path: &Path, recursive: bool, rules: &FolderRules) -> Result<Rendered, Diagnostic> {
        let path = self.confine(path)?;
        let texts = files::texts(&path, recursive, rules, &self.tree_of(path.path()), &self.access.stdin)?;
        Ok(Rendered {
            texts,
            said: Vec::new(),
        })
    }

    fn kustomization(&self, kustomization: &Kustomization) -> Result<Rendered, Vec<Diagnostic>> {
        self.confine(&kustomization.path).map_err(|mistake| vec![mistake])?;
        kustomize::build(kustomization, &self.tree_of(&kustomization.path), self.deadline)
    }

    fn chart(&self, chart: &Chart) -> Result<Program, Diagnostic> {
        if let Some(path) = chart.local() {
            self.confine(path)?;
        }
        helm::find(chart, self.tree, self.access)
    }
}

/// Reads the manifests of files and folders.
///
/// # Errors
///
/// Returns all mistakes together.
pub fn manifests(paths: &[PathBuf], access: &FileAccess) -> Result<Vec<Manifest>, Diagnostics> {
    let files = |path: &PathBuf| Source::Files {
        path: path.clone(),
        recursive: false,
        rules: FolderRules::default(),
    };
    let sources: Vec<Source> = paths.iter().map(files).collect();
    let parts = gather(&sources, &Reading::typed(access))?.parts;
    let manifests = parts.into_iter().flat_map(|part| match part {
        Part::Manifests(manifests) => manifests,
        Part::Chart(..) => Vec::new(),
    });
    Ok(manifests.collect())
}

impl Gathered {
    /// Says whether there are charts to render.
    pub fn has_charts(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Chart(..)))
    }

    /// Renders the charts.
    ///
    /// # Errors
    ///
    /// Returns all mistakes together.
    pub fn render(self, release: &Release<'_>) -> Result<Desired, Diagnostics> {
        let (mut manifests, mut mistakes) = (Vec::new(), Vec::new());
        let mut told = self.told;
        for part in self.parts {
            let (chart, program) = match part {
                Part::Manifests(read) => {
                    manifests.extend(read);
                    continue;
                }
                Part::Chart(chart, program) => (chart, program),
            };
            let rendered = helm::render(&chart, &program, release, self.deadline, &self.access.stdin);
            match rendered
                .map_err(|mistake| vec![mistake])
                .and_then(|rendered| told.decode(rendered, true, true))
            {
                Ok(read) => manifests.extend(read),
                Err(wrong) => mistakes.extend(wrong),
            }
        }
        if !mistakes.is_empty() {
            return Err(Diagnostics(mistakes));
        }
        Ok(Desired {
            manifests,
            revision: Revision {
                commit: git::commit(&self.sources, &self.access.git_ceilings),
                sources: self.sources.iter().map(Source::about).collect(),
            },
            notices: told.notices(),
        })
    }
}
