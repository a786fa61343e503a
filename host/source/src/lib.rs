//! Reads manifests: from files, folders and stdin; from Helm charts, rendered by the installed `helm`; and from kustomizations, built by
//! `kustomize` or `kubectl`. These programs run in child processes with a deadline, and don't get access to the cluster.
//!
//! In two steps, since a chart may ask what the cluster serves: [`gather`] does all that needs no cluster, and
//! [`Gathered::render`] the rest. Both work on a thread where that may block, and one [`Deadline`] holds for all of it. What anything
//! means is not known here. [`FileAccess`] is what the process hands in: this crate knows no command line, no environment and no
//! terminal.

mod access;
mod deadline;
mod files;
mod git;
mod glob;
mod helm;
mod kustomization_check;
mod kustomize;
mod notices;
mod program;
mod repository;
mod work_tree;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use capstan_core::{
    model::{
        error::{Diagnostic, Diagnostics},
        remedy::Notice,
        revision::Revision,
    },
    read::manifest::Manifest,
};
use capstan_process::Program;

use self::notices::Notices;
pub use self::{
    access::{FileAccess, Stdin},
    deadline::{Deadline, PausedDeadline, Work, blocking},
    files::{FolderRules, application_name},
    glob::Glob,
    helm::{Chart, Values, check_release_name, split_set_file},
    kustomize::Kustomization,
    notices::is_argocd_application,
    repository::Repository,
    work_tree::{ConfinedPath, WorkTree, read_text_file},
};

/// The project file of a folder, which is skipped as it isn't a manifest.
pub const PROJECT_FILE: &str = "capstan.yaml";

/// How long all reading and rendering may take if nobody says.
pub const RENDER_TIMEOUT: Duration = Duration::from_mins(2);

/// A source of manifests.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A file, a folder, or `-` for stdin.
    Files {
        /// The path of the file or folder.
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
#[derive(Debug, Clone)]
pub struct Release {
    /// The application's name; also the release's, unless the chart's source has another one.
    pub name: String,
    /// The application's namespace.
    pub namespace: String,
    /// What the cluster serves; helm's own defaults without a cluster.
    pub capabilities: Option<Arc<Capabilities>>,
}

/// Sources after the first step: everything that needs no cluster was read.
#[derive(Debug)]
pub struct Gathered {
    parts: Vec<Part>,
    sources: Vec<Source>,
    access: FileAccess,
    notices: Notices,
}

#[derive(Debug)]
enum Part {
    Manifests(Vec<Manifest>),
    Chart(Box<Chart>, Program),
}

/// Options for reading sources.
#[derive(Debug, Clone)]
pub struct ReadOptions {
    /// When all of it has to be done.
    pub render_timeout: Deadline,
    /// The tree that paths in a file have to stay in; `None` for paths from the command line, which may be anywhere.
    pub tree: Option<WorkTree>,
    /// The files that may be read, and the process's standard input.
    pub access: FileAccess,
    /// Whether files may repeat a key, of which the last one counts, as by Argo CD's rules. Rendered charts always may.
    pub allows_duplicate_keys: bool,
    /// Whether the manifests are to be applied, rather than only looked up.
    pub is_applied: bool,
}

/// The result of reading and rendering.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredState {
    /// The manifests.
    pub manifests: Vec<Manifest>,
    /// The revision of the sources.
    pub revision: Revision,
    /// What the user should know about how they were read.
    pub notices: Vec<Notice>,
}

/// Rendered manifests, with what the program wrote to stderr.
struct Rendered {
    texts: Vec<SourceText>,
    notices: Vec<String>,
}

/// A text with manifests.
struct SourceText {
    /// Its name in messages.
    name: String,
    text: String,
    /// Whether it comes from outside of the work tree: then its lines aren't shown in messages.
    is_outside: bool,
}

impl SourceText {
    /// Makes an empty text that a program rendered.
    fn empty(name: String) -> SourceText {
        SourceText {
            name,
            text: String::new(),
            is_outside: false,
        }
    }
}

impl Source {
    /// Returns the source at a path: a chart, or manifests.
    pub fn from_path(path: PathBuf, recursive: bool) -> Source {
        if helm::is_chart(&path) {
            Source::Chart(Box::new(Chart::new(path.to_string_lossy())))
        } else {
            Source::Files {
                path,
                recursive,
                rules: FolderRules::default(),
            }
        }
    }

    /// Returns the source in a folder: a kustomization, a chart, or manifests.
    pub fn from_folder(path: PathBuf) -> Source {
        if kustomize::is_kustomization(&path) {
            return Source::Kustomization(Kustomization {
                path,
                ..Kustomization::default()
            });
        }
        Source::from_path(path, false)
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

    /// Says what it is, for people: `shop/`, `chart charts/shop 1.2.0`, `kustomization overlays/prod`.
    pub fn description(&self) -> String {
        match self {
            Source::Files { path, .. } if path == Path::new("-") => "stdin".to_owned(),
            Source::Files { path, .. } => path.display().to_string(),
            Source::Chart(chart) => chart.description(),
            Source::Kustomization(kustomization) => format!("kustomization {}", kustomization.path.display()),
        }
    }

    /// Returns the name of an application with this source.
    pub fn name(&self) -> Option<String> {
        match self {
            Source::Files { path, .. } => application_name(path),
            Source::Chart(chart) => chart.name(),
            Source::Kustomization(kustomization) => application_name(&kustomization.path),
        }
    }
}

/// Reads everything that needs no cluster, and finds the programs for the rest.
///
/// # Errors
///
/// Returns everything that is wrong, together, or what was being done when the deadline passed.
pub async fn gather(sources: Vec<Source>, reading: ReadOptions) -> Result<Gathered, Diagnostics> {
    blocking(reading.render_timeout, move |work| gathered(sources, reading, work)).await
}

fn gathered(sources: Vec<Source>, reading: ReadOptions, work: &Work) -> Result<Gathered, Diagnostics> {
    let mut parts = Vec::new();
    let mut mistakes = Vec::new();
    let mut notices = Notices::default();
    for source in &sources {
        let read = match source {
            Source::Files { path, recursive, rules } => reading
                .read_files(path, *recursive, rules, work)
                .map_err(|mistake| vec![mistake]),
            Source::Kustomization(kustomization) => reading.build_kustomization(kustomization, work),
            Source::Chart(chart) => match reading.find_helm(chart, work) {
                Ok(program) => {
                    parts.push(Part::Chart(chart.clone(), program));
                    continue;
                }
                Err(mistake) => Err(vec![mistake]),
            },
        };
        match read.and_then(|read| notices.decode(read, reading.allows_duplicate_keys, reading.is_applied)) {
            Ok(manifests) => parts.push(Part::Manifests(manifests)),
            Err(wrong) => mistakes.extend(wrong),
        }
        if work.is_over() && !mistakes.is_empty() {
            break;
        }
    }
    if !mistakes.is_empty() {
        return Err(Diagnostics(mistakes));
    }
    Ok(Gathered {
        parts,
        sources,
        access: reading.access,
        notices,
    })
}

impl ReadOptions {
    /// Returns the options for paths from the command line.
    pub fn from_command_line(access: &FileAccess) -> ReadOptions {
        ReadOptions {
            render_timeout: Deadline::after(RENDER_TIMEOUT),
            tree: None,
            access: access.clone(),
            allows_duplicate_keys: false,
            is_applied: true,
        }
    }

    /// Checks that a path of a source may be read.
    fn confine(&self, path: &Path) -> Result<ConfinedPath, Diagnostic> {
        match &self.tree {
            Some(tree) => tree.confine(path),
            None => WorkTree::confine_typed(path, &self.access),
        }
    }

    /// Returns the tree that everything below a path has to stay in.
    fn tree_of(&self, path: &Path) -> WorkTree {
        self.tree.clone().unwrap_or_else(|| WorkTree::find(path, &self.access))
    }

    fn read_files(
        &self,
        path: &Path,
        recursive: bool,
        rules: &FolderRules,
        work: &Work,
    ) -> Result<Rendered, Diagnostic> {
        let path = self.confine(path)?;
        let tree = self.tree_of(path.path());
        let texts = files::read_texts(&path, recursive, rules, &tree, &self.access.stdin, work)?;
        Ok(Rendered {
            texts,
            notices: Vec::new(),
        })
    }

    fn build_kustomization(&self, kustomization: &Kustomization, work: &Work) -> Result<Rendered, Vec<Diagnostic>> {
        self.confine(&kustomization.path).map_err(|mistake| vec![mistake])?;
        kustomize::build(kustomization, &self.tree_of(&kustomization.path), work)
    }

    fn find_helm(&self, chart: &Chart, work: &Work) -> Result<Program, Diagnostic> {
        if let Some(path) = chart.local_path() {
            self.confine(path)?;
        }
        helm::find(chart, self.tree.as_ref(), &self.access, work)
    }
}

impl Gathered {
    /// Says whether there are charts to render.
    pub fn has_charts(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Chart(..)))
    }

    /// Renders the charts. `deadline` is the one that they were gathered by, or what was left of it.
    ///
    /// # Errors
    ///
    /// Returns everything that is wrong, together, or what was being done when the deadline passed.
    pub async fn render(self, release: Release, deadline: Deadline) -> Result<DesiredState, Diagnostics> {
        blocking(deadline, move |work| self.rendered(&release, work)).await
    }

    fn rendered(self, release: &Release, work: &Work) -> Result<DesiredState, Diagnostics> {
        let (mut manifests, mut mistakes) = (Vec::new(), Vec::new());
        let mut notices = self.notices;
        for part in self.parts {
            let (chart, program) = match part {
                Part::Manifests(read) => {
                    manifests.extend(read);
                    continue;
                }
                Part::Chart(chart, program) => (chart, program),
            };
            let rendered = helm::render(&chart, &program, release, work, &self.access.stdin);
            match rendered
                .map_err(|mistake| vec![mistake])
                .and_then(|rendered| notices.decode(rendered, true, true))
            {
                Ok(read) => manifests.extend(read),
                Err(wrong) => mistakes.extend(wrong),
            }
            if work.is_over() && !mistakes.is_empty() {
                break;
            }
        }
        if !mistakes.is_empty() {
            return Err(Diagnostics(mistakes));
        }
        let commit = git::commit(&self.sources, &self.access.git_ceilings, work);
        let commit = commit.map_err(|mistake| Diagnostics(vec![mistake]))?;
        let (commit, subject) = commit.map(|commit| (commit.id, commit.subject)).unzip();
        Ok(DesiredState {
            manifests,
            revision: Revision {
                commit,
                subject: subject.flatten(),
                sources: self.sources.iter().map(Source::description).collect(),
            },
            notices: notices.notices(),
        })
    }
}
