//! What a command is about: applications, where their manifests come from, and what is wanted of each. Flags say it, or a
//! [`File`](file::File) beside the manifests does; a flag wins over a file.

pub mod argocd;
pub mod edit;
pub mod file;
mod order;
pub mod signed;
pub(crate) mod wrong;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use capstan_core::{
    error::{PlanError, near},
    manifest::Manifest,
};

pub use self::file::NAME as FILE;
use self::file::{Configuration, Entry};
use crate::{
    args::{From, Global, Set},
    context::Context,
    options::Options,
    plugin_settings,
    report::Mistakes,
    source::{self, Desired, Gathered, Kustomization, Reading, Release, Source, WorkTree},
};

/// What a command is about.
#[derive(Debug, Clone)]
pub struct Project {
    /// The applications, each after those that it depends on.
    pub apps: Vec<App>,
    /// The options of every command, with what the files add.
    pub global: Global,
    deadline: Duration,
}

/// One application, as flags and files describe it.
#[derive(Debug, Clone, PartialEq)]
pub struct App {
    /// Its name.
    pub name: String,
    /// Its namespace; the context's if absent.
    pub namespace: Option<String>,
    /// Where its manifests come from.
    pub sources: Vec<Source>,
    /// What is wanted of it.
    pub options: Options,
    /// The applications that come before it, by name.
    pub depends_on: Vec<String>,
    /// What should be known of how it was described.
    pub notices: Vec<String>,
    /// The tree that its sources stay in; nothing if the user typed them.
    pub tree: Option<WorkTree>,
    /// What of its sources may not be read: told when they are read, as other commands need none.
    pub refused: Vec<PlanError>,
    /// Where it is described, as a file and a JSON pointer in it.
    origin: Option<(Arc<Manifest>, String)>,
}

/// An application of which everything is read that needs no cluster.
#[derive(Debug)]
pub struct Read {
    /// The application.
    pub app: App,
    gathered: Gathered,
}

impl App {
    /// Makes one of which only the name is known.
    pub fn named(name: &str) -> App {
        App {
            name: name.to_owned(),
            namespace: None,
            sources: Vec::new(),
            options: Options::default(),
            depends_on: Vec::new(),
            notices: Vec::new(),
            tree: None,
            refused: Vec::new(),
            origin: None,
        }
    }

    /// Reads its sources, as far as that needs no cluster.
    ///
    /// # Errors
    ///
    /// Returns everything that is wrong with them, together.
    pub fn gather(&self, deadline: Duration, allows_outside: bool) -> Result<Gathered, Mistakes> {
        if !self.refused.is_empty() {
            return Err(Mistakes(self.refused.clone()));
        }
        let reading = Reading {
            deadline,
            tree: self.tree.as_ref(),
            allows_outside,
            last_key_counts: self.options.compat.is_some(),
            is_applied: true,
        };
        source::gather(&self.sources, &reading)
    }

    /// Makes an error about a part of its description.
    fn error(&self, pointer: &str, message: String) -> PlanError {
        match &self.origin {
            Some((document, at)) => document.error(&format!("{at}{pointer}"), message),
            None => PlanError::new(message),
        }
    }
}

/// Finds out what a command is about.
///
/// # Errors
///
/// Returns what is missing or wrong.
pub fn of(global: &Global, set: &Set) -> anyhow::Result<Project> {
    let files = files(&set.from)?;
    let (apps, global) = if !set.from.argocd_application.is_empty() {
        let apps = of_argocd(global, set)?;
        let mut global = global.clone();
        if let [only] = apps.as_slice() {
            global.namespace = global.namespace.or_else(|| only.namespace.clone());
        }
        (apps, global)
    } else if files.is_empty() {
        (vec![of_flags(set)?], global.clone())
    } else {
        of_files(&files, global, set)?
    };
    let all = || apps.iter().flat_map(|app| &app.sources);
    if let Some(flag) = set.from.chart_flag()
        && !all().any(|source| matches!(source, Source::Chart(_)))
    {
        return Err(Mistakes::one(
            format!("{flag} is for Helm charts, and there is none among the sources"),
            "name one with `--chart`, or a folder that has a Chart.yaml with `-f`",
        ));
    }
    Ok(Project {
        apps,
        global,
        deadline: set.from.deadline(),
    })
}

/// Finds out of which applications the file of the working directory or those that were named tell; nothing without any.
///
/// # Errors
///
/// Returns what is wrong with them.
pub fn described(global: &Global, config: &[PathBuf]) -> anyhow::Result<Option<Project>> {
    let from = From {
        config: config.to_vec(),
        ..From::default()
    };
    if files(&from)?.is_empty() {
        return Ok(None);
    }
    let set = Set { from, ..Set::default() };
    of(global, &set).map(Some)
}

/// Lists the files that tell of applications: those that are named, else the working directory's, unless there are other sources.
fn files(from: &From) -> anyhow::Result<Vec<PathBuf>> {
    if !from.config.is_empty() {
        let named = |path: &PathBuf| file::named_by(path).unwrap_or_else(|| path.clone());
        return Ok(from.config.iter().map(named).collect());
    }
    let named: Vec<PathBuf> = from.files.iter().filter_map(|path| file::named_by(path)).collect();
    if named.is_empty() {
        let here = PathBuf::from(FILE);
        let is_asked = from.sources().is_empty() && here.is_file();
        return Ok(if is_asked { vec![here] } else { Vec::new() });
    }
    if named.len() < from.sources().len() {
        let shown = named.first().map(|path| path.display().to_string()).unwrap_or_default();
        return Err(Mistakes::one(
            format!("{shown} describes applications, and beside it there are other sources"),
            format!("write them into it; or with `--config {shown}` they come instead of those it names"),
        ));
    }
    Ok(named)
}

fn of_flags(set: &Set) -> anyhow::Result<App> {
    let sources = set.from.sources();
    if sources.is_empty() {
        return Err(Mistakes::one(
            "there are no manifests",
            format!(
                "name a file, a folder or - with `-f`, a kustomization with `-k`, or a Helm chart with `--chart`; or write a {FILE}"
            ),
        ));
    }
    let name = match &set.app {
        Some(name) => name.clone(),
        None => named_after(&sources)?,
    };
    Ok(App {
        sources,
        options: Options::of_flags(set),
        ..App::named(&name)
    })
}

fn named_after(sources: &[Source]) -> anyhow::Result<String> {
    let first = sources.first();
    if let Some(name) = first.and_then(Source::name) {
        return Ok(name);
    }
    // What isn't there has no folder to be named after.
    if let Some(Source::Files { path, .. } | Source::Kustomization(Kustomization { path, .. })) = first
        && path != Path::new("-")
    {
        return Err(Mistakes::one(
            format!("{} can't be read: there is no such file", path.display()),
            "name a file or a folder that is there",
        ));
    }
    Err(Mistakes::one(
        "the application has no name",
        "manifests from stdin need one: `--app NAME`",
    ))
}

/// Reads Applications of Argo CD; flags win over what they say.
fn of_argocd(global: &Global, set: &Set) -> anyhow::Result<Vec<App>> {
    let (mut apps, mut mistakes) = (Vec::new(), Vec::new());
    for file in &set.from.argocd_application {
        match argocd::read(file, global.allow_outside_tree) {
            Ok(read) => apps.extend(read),
            Err(wrong) => mistakes.extend(wrong),
        }
    }
    if !mistakes.is_empty() {
        return Err(Mistakes(mistakes).into());
    }
    let usual = Options::default();
    let settled = apps.into_iter().map(|app| settle_argocd(app, &usual, global, set));
    let mut apps: Vec<App> = settled.collect();
    if let ([only], Some(name)) = (apps.as_mut_slice(), &set.app) {
        only.name.clone_from(name);
    }
    select(order::sorted(apps).map_err(Mistakes)?, set)
}

/// Adds what flags and a file's options say to an Application of Argo CD; flags win over it, and it over the file.
fn settle_argocd(mut app: App, file: &Options, global: &Global, set: &Set) -> App {
    let own = std::mem::take(&mut app.options);
    app.options = Options::of_flags(set).over(own).over(file.clone());
    if global.namespace.is_some() {
        app.namespace = None;
    }
    for source in &mut app.sources {
        if let Source::Chart(chart) = source {
            set.from.fill(chart);
        }
    }
    app
}

/// Takes the one that is named, of several.
fn select(mut apps: Vec<App>, set: &Set) -> anyhow::Result<Vec<App>> {
    let Some(name) = set.app.as_ref().filter(|_| apps.len() > 1) else {
        return Ok(apps);
    };
    let names: Vec<String> = apps.iter().map(|app| app.name.clone()).collect();
    apps.retain(|app| app.name == *name);
    if apps.is_empty() {
        let hint = match near(name, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", names.join(", ")),
        };
        return Err(Mistakes::one(format!("there is no application `{name}`"), hint));
    }
    Ok(apps)
}

fn of_files(files: &[PathBuf], global: &Global, set: &Set) -> anyhow::Result<(Vec<App>, Global)> {
    let (mut read, mut mistakes) = (Vec::new(), Vec::new());
    for path in files {
        match file::read(path, global.allow_outside_tree) {
            Ok(configuration) => read.push(configuration),
            Err(wrong) => mistakes.extend(wrong),
        }
    }
    if !mistakes.is_empty() {
        return Err(Mistakes(mistakes).into());
    }
    let mut apps = Vec::new();
    for configuration in &read {
        apps.extend(apps_of(configuration, global, set, files.len() == 1)?);
    }
    let apps = select(order::sorted(apps).map_err(Mistakes)?, set)?;
    if apps.len() > 1 && !set.from.config.is_empty() && !set.from.sources().is_empty() {
        return Err(Mistakes::one(
            "sources on the command line can't be those of several applications",
            "name one of them with `--app`, or leave the sources out",
        ));
    }
    let mut global = global.clone();
    let mut namespaces = read.iter().map(|configuration| configuration.file.namespace.clone());
    global.namespace = global.namespace.or_else(|| namespaces.next().flatten());
    for configuration in &read {
        global.plugins.extend(configuration.plugins());
        global.signatures.0.extend(configuration.policy().map_err(Mistakes)?.0);
        let without = configuration.file.without_plugins.iter().cloned();
        global.without_plugins.extend(without);
        global.granted.extend(configuration.file.grants.clone());
        plugin_settings::add(&mut global.written_settings, configuration).map_err(|mistake| Mistakes(vec![mistake]))?;
    }
    let plugins: Vec<&capstan_registry::Source> = global.plugins.iter().map(|named| &named.source).collect();
    if !plugins.is_empty() {
        let rules = |configuration: &Configuration| {
            signed::idle(&configuration.file.plugin_signatures, &configuration.document, &plugins)
        };
        let idle: Vec<PlanError> = read.iter().flat_map(rules).collect();
        if !idle.is_empty() {
            return Err(Mistakes(idle).into());
        }
    }
    Ok((apps, global))
}

/// Lists the applications of a file.
fn apps_of(configuration: &Configuration, global: &Global, set: &Set, is_only: bool) -> anyhow::Result<Vec<App>> {
    let file = &configuration.file;
    let instead = if set.from.config.is_empty() {
        Vec::new()
    } else {
        set.from.sources()
    };
    let sources = |entries: &[Entry], pointer: &str| {
        if !instead.is_empty() {
            return (instead.clone(), Vec::new(), None);
        }
        let mut named = configuration.sources(entries, pointer, set.from.enable_helm);
        for source in &mut named.sources {
            if let Source::Chart(chart) = source {
                set.from.fill(chart);
            }
        }
        (named.sources, named.refused, Some(configuration.tree.clone()))
    };
    let namespace = |own: &Option<String>| match &global.namespace {
        Some(_) => None,
        None => own.clone().or_else(|| file.namespace.clone()),
    };
    let options = |own: &Options| Options::of_flags(set).over(own.clone());
    if file.applications.is_empty() && file.argocd_applications.is_empty() {
        let (sources, refused, tree) = sources(&file.sources, "/sources");
        let name = match (set.app.as_ref().filter(|_| is_only), &file.name) {
            (Some(name), _) | (None, Some(name)) => name.clone(),
            (None, None) => named_after(&configuration.sources(&[], "", false).sources)?,
        };
        return Ok(vec![App {
            name,
            namespace: namespace(&None),
            sources,
            options: options(&file.options),
            depends_on: file.depends_on.clone(),
            notices: Vec::new(),
            tree,
            refused,
            origin: Some((Arc::clone(&configuration.document), String::new())),
        }]);
    }
    let all = file.applications.iter().enumerate().map(|(number, one)| {
        let (sources, refused, tree) = sources(&one.sources, &format!("/applications/{number}/sources"));
        App {
            name: one.name.clone(),
            namespace: namespace(&one.namespace),
            sources,
            options: options(&one.options.clone().over(file.options.clone())),
            depends_on: one.depends_on.clone(),
            notices: Vec::new(),
            tree,
            refused,
            origin: Some((Arc::clone(&configuration.document), format!("/applications/{number}"))),
        }
    });
    let mut all: Vec<App> = all.collect();
    for (index, path) in file.argocd_applications.iter().enumerate() {
        let path = configuration.folder.join(path);
        let pointer = format!("/argocdApplications/{index}");
        let inside = configuration.confine(&pointer, &path);
        inside.map_err(|mistake| Mistakes(vec![mistake]))?;
        let read = argocd::read(&path, global.allow_outside_tree).map_err(Mistakes)?;
        all.extend(
            read.into_iter()
                .map(|app| settle_argocd(app, &file.options, global, set)),
        );
    }
    Ok(all)
}

impl Project {
    /// Reads the sources of all applications, as far as that needs no cluster.
    ///
    /// # Errors
    ///
    /// Returns everything that is wrong with them, together.
    pub fn read(&self) -> anyhow::Result<Vec<Read>> {
        let (mut read, mut mistakes) = (Vec::new(), Vec::new());
        for app in &self.apps {
            match app.gather(self.deadline, self.global.allow_outside_tree) {
                Ok(gathered) => read.push(Read {
                    app: app.clone(),
                    gathered,
                }),
                Err(Mistakes(wrong)) => mistakes.extend(wrong),
            }
        }
        if mistakes.is_empty() {
            Ok(read)
        } else {
            Err(Mistakes(mistakes).into())
        }
    }
}

impl Read {
    /// Renders what is left, now that there is a cluster that charts can be told about.
    ///
    /// # Errors
    ///
    /// Returns everything that is wrong with the charts, or why the cluster couldn't be asked.
    pub async fn render(self, context: &Context) -> anyhow::Result<(App, Desired)> {
        let namespace = self.app.namespace.as_deref().unwrap_or(&context.namespace);
        let capabilities = if self.gathered.has_charts() {
            Some(context.capabilities().await?)
        } else {
            None
        };
        let release = Release {
            name: &self.app.name,
            namespace,
            capabilities: capabilities.as_ref(),
        };
        let desired = self.gathered.render(&release)?;
        Ok((self.app, desired))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory as _;
    use serde::de::DeserializeOwned;
    use serde_json::json;

    use super::{
        file::{Application, File},
        signed::{SignatureRule, SignerEntry},
        *,
    };

    /// Flags that are about one run.
    const NO_OPTION: [&str; 5] = ["app", "plan", "dry-run", "lint", "allow-lint"];

    /// Lists the keys that may stand in something: serde says them of a key that may not.
    fn keys<T: DeserializeOwned>() -> BTreeSet<String> {
        let said = match serde_json::from_value::<T>(json!({ "?": 1 })) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        };
        said.split('`').skip(3).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn every_flag_of_a_sync_is_an_option_of_the_file() {
        let options = keys::<Options>();
        let command = crate::args::Args::command();
        let sync = command.get_subcommands().find(|command| command.get_name() == "sync");
        let flags = sync.into_iter().flat_map(clap::Command::get_arguments);
        let flags = flags.filter(|flag| flag.get_help_heading() != Some("Sources") && !flag.is_global_set());
        let mut missing = Vec::new();
        for flag in flags
            .filter_map(clap::Arg::get_long)
            .filter(|flag| !NO_OPTION.contains(flag))
        {
            let mut words = flag.split('-');
            let first = words.next().unwrap_or_default().to_owned();
            let key = words.fold(first, |key, word| {
                let (head, tail) = word.split_at(1);
                key + &head.to_uppercase() + tail
            });
            if !options.contains(&key) && !options.contains(&format!("{key}s")) {
                missing.push(key);
            }
        }
        assert_eq!(missing, Vec::<String>::new());
    }

    #[test]
    fn the_document_of_the_file_has_every_key() -> std::io::Result<()> {
        let tested = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
        let text = std::fs::read_to_string(Path::new(&tested).join("../CAPSTAN-YAML.md"))?;
        let sections = [
            ("The file", keys::<File>()),
            ("An application", keys::<Application>()),
            ("A source", keys::<Entry>()),
            ("A rule of signatures", keys::<SignatureRule>()),
            ("A signer", keys::<SignerEntry>()),
            ("Options", keys::<Options>()),
        ];
        for (title, keys) in sections {
            let section = text.split(&format!("## {title}\n")).nth(1).unwrap_or_default();
            let section = section.split("\n## ").next().unwrap_or_default();
            let rows = section
                .lines()
                .filter_map(|line| line.strip_prefix("| `")?.split('`').next());
            let rows: BTreeSet<String> = rows.map(str::to_owned).collect();
            assert_eq!(rows, keys, "in the section `{title}`");
        }
        Ok(())
    }
}
