//! Finds the applications that the user or files describe.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use capstan_core::model::{
    error::{Diagnostic, Diagnostics, closest_match},
    grant::UserGrants,
    remedy::Setting,
};
use capstan_source::{Deadline, Kustomization, Source, Work, blocking};

use crate::{
    App, FILE, Options, Project, ProjectSpec, SourceSpec, argocd,
    file::{self, Configuration, SourceEntry},
    order, plugin_settings, signature_policy,
};

/// Finds the applications that the user or files describe.
///
/// # Errors
///
/// Returns what is missing or wrong, or which file was being read when the deadline passed.
pub async fn load(spec: &ProjectSpec, deadline: Deadline) -> Result<Project, Diagnostics> {
    let spec = spec.clone();
    blocking(deadline, move |work| loaded(&spec, work)).await
}

fn loaded(spec: &ProjectSpec, work: &Work) -> Result<Project, Diagnostics> {
    let files = files(&spec.sources)?;
    let mut project = Project {
        apps: Vec::new(),
        namespace: spec.namespace.clone(),
        plugins: spec.plugins.clone(),
    };
    if !spec.sources.argocd_applications.is_empty() {
        project.apps = apps_from_argocd(spec, work)?;
        if let [only] = project.apps.as_slice() {
            project.namespace = project.namespace.or_else(|| only.namespace.clone());
        }
    } else if files.is_empty() {
        project.apps = vec![app_from_spec(spec)?];
    } else {
        of_files(&files, spec, &mut project, work)?;
    }
    Ok(project)
}

/// Loads the applications from the project file of the working directory or from the named files; `None` without any.
///
/// # Errors
///
/// Returns what is wrong with them, or which file was being read when the deadline passed.
pub async fn find_described(spec: &ProjectSpec, deadline: Deadline) -> Result<Option<Project>, Diagnostics> {
    let spec = spec.clone();
    blocking(deadline, move |work| {
        if files(&spec.sources)?.is_empty() {
            return Ok(None);
        }
        loaded(&spec, work).map(Some)
    })
    .await
}

/// Notes that a file is read next.
fn begin(work: &Work, file: &Path) -> Result<(), Diagnostics> {
    let begun = work.begin(format!("{} can't be read", file.display()));
    begun.map_err(|mistake| Diagnostics(vec![mistake]))
}

/// Lists the files that describe applications: the named ones, else that of the working directory, unless there are other sources.
fn files(from: &SourceSpec) -> Result<Vec<PathBuf>, Diagnostics> {
    if !from.config.is_empty() {
        let named = |path: &PathBuf| file::find_file(path).unwrap_or_else(|| path.clone());
        return Ok(from.config.iter().map(named).collect());
    }
    let named: Vec<PathBuf> = from.files.iter().filter_map(|path| file::find_file(path)).collect();
    if named.is_empty() {
        let here = PathBuf::from(FILE);
        let is_asked = from.sources().is_empty() && here.is_file();
        return Ok(if is_asked { vec![here] } else { Vec::new() });
    }
    if named.len() < from.sources().len() {
        let shown = named.first().map(|path| path.display().to_string()).unwrap_or_default();
        return Err(Diagnostics::single(
            format!("{shown} describes applications, but other sources are given too"),
            ["write them into it".into(), Setting::ConfigFile { path: shown }.into()],
        ));
    }
    Ok(named)
}

fn app_from_spec(spec: &ProjectSpec) -> Result<App, Diagnostics> {
    let sources = spec.sources.sources();
    if sources.is_empty() {
        return Err(Diagnostics::single(
            "there are no manifests",
            [Setting::Sources.into(), format!("or write a {FILE}").into()],
        ));
    }
    let name = match &spec.app {
        Some(name) => name.clone(),
        None => name_from_sources(&sources)?,
    };
    Ok(App {
        sources,
        options: spec.options.clone(),
        ..App::new(&name)
    })
}

fn name_from_sources(sources: &[Source]) -> Result<String, Diagnostics> {
    let first = sources.first();
    if let Some(name) = first.and_then(Source::name) {
        return Ok(name);
    }
    // A folder that doesn't exist can't give the application its name.
    if let Some(Source::Files { path, .. } | Source::Kustomization(Kustomization { path, .. })) = first
        && path != Path::new("-")
    {
        return Err(Diagnostics::single(
            format!("{} can't be read: there is no such file", path.display()),
            "name a file or folder that exists",
        ));
    }
    Err(Diagnostics::single(
        "the application has no name",
        ["manifests from stdin need one".into(), Setting::ApplicationName.into()],
    ))
}

/// Reads Argo CD Applications; the user's options win over theirs.
fn apps_from_argocd(spec: &ProjectSpec, work: &Work) -> Result<Vec<App>, Diagnostics> {
    let (mut apps, mut mistakes) = (Vec::new(), Vec::new());
    for file in &spec.sources.argocd_applications {
        begin(work, file)?;
        match argocd::read(file, &spec.access) {
            Ok(read) => apps.extend(read),
            Err(wrong) => mistakes.extend(wrong),
        }
    }
    if !mistakes.is_empty() {
        return Err(Diagnostics(mistakes));
    }
    let usual = Options::default();
    let adjusted = apps.into_iter().map(|app| with_options(app, &usual, spec));
    let mut apps: Vec<App> = adjusted.collect();
    if let ([only], Some(name)) = (apps.as_mut_slice(), &spec.app) {
        only.name.clone_from(name);
    }
    select(order::sort_by_dependencies(apps).map_err(Diagnostics)?, spec)
}

/// Adds the user's and a file's options to an Argo CD Application. The user's win over the Application's, and those over the file's.
fn with_options(mut app: App, file: &Options, spec: &ProjectSpec) -> App {
    let own = std::mem::take(&mut app.options);
    app.options = spec.options.clone().over(own).over(file.clone());
    if spec.namespace.is_some() {
        app.namespace = None;
    }
    for source in &mut app.sources {
        if let Source::Chart(chart) = source {
            spec.sources.chart.apply_to(chart);
        }
    }
    app
}

/// Selects the application that the user named, of several.
fn select(mut apps: Vec<App>, spec: &ProjectSpec) -> Result<Vec<App>, Diagnostics> {
    let Some(name) = spec.app.as_ref().filter(|_| apps.len() > 1) else {
        return Ok(apps);
    };
    let names: Vec<String> = apps.iter().map(|app| app.name.clone()).collect();
    apps.retain(|app| app.name == *name);
    if apps.is_empty() {
        let hint = match closest_match(name, names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", names.join(", ")),
        };
        return Err(Diagnostics::single(format!("there is no application `{name}`"), hint));
    }
    Ok(apps)
}

fn of_files(files: &[PathBuf], spec: &ProjectSpec, project: &mut Project, work: &Work) -> Result<(), Diagnostics> {
    let (mut read, mut mistakes) = (Vec::new(), Vec::new());
    for path in files {
        begin(work, path)?;
        match file::read(path, &spec.access) {
            Ok(configuration) => read.push(configuration),
            Err(wrong) => mistakes.extend(wrong),
        }
    }
    if !mistakes.is_empty() {
        return Err(Diagnostics(mistakes));
    }
    let mut apps = Vec::new();
    for configuration in &read {
        apps.extend(apps_in_file(configuration, spec, files.len() == 1, work)?);
    }
    let apps = select(order::sort_by_dependencies(apps).map_err(Diagnostics)?, spec)?;
    if apps.len() > 1 && !spec.sources.config.is_empty() && !spec.sources.sources().is_empty() {
        return Err(Diagnostics::single(
            "sources on the command line can't be those of several applications",
            [Setting::Application.into(), "or leave the sources out".into()],
        ));
    }
    let mut namespaces = read.iter().map(|configuration| configuration.file.namespace.clone());
    project.namespace = project.namespace.take().or_else(|| namespaces.next().flatten());
    let mut grants = UserGrants::default();
    for configuration in &read {
        let plugins = &mut project.plugins;
        plugins.sources.extend(configuration.plugins());
        plugins
            .signatures
            .0
            .extend(configuration.signature_policy().map_err(Diagnostics)?.0);
        let without = configuration.file.without_plugins.iter().cloned();
        plugins.without.extend(without);
        grants.extend(configuration.file.grants.clone());
        plugin_settings::merge_from_file(&mut plugins.settings, configuration)?;
    }
    grants.extend(std::mem::take(&mut project.plugins.grants));
    project.plugins.grants = grants;
    let plugins: Vec<&capstan_registry::Source> = project.plugins.sources.iter().map(|named| &named.source).collect();
    if !plugins.is_empty() {
        let rules = |configuration: &Configuration| {
            signature_policy::unused_rules(&configuration.file.plugin_signatures, &configuration.document, &plugins)
        };
        let idle: Vec<Diagnostic> = read.iter().flat_map(rules).collect();
        if !idle.is_empty() {
            return Err(Diagnostics(idle));
        }
    }
    project.apps = apps;
    Ok(())
}

/// Lists the applications of a file.
fn apps_in_file(
    configuration: &Configuration,
    spec: &ProjectSpec,
    is_only: bool,
    work: &Work,
) -> Result<Vec<App>, Diagnostics> {
    let file = &configuration.file;
    let instead = if spec.sources.config.is_empty() {
        Vec::new()
    } else {
        spec.sources.sources()
    };
    let sources = |entries: &[SourceEntry], pointer: &str| {
        if !instead.is_empty() {
            return (instead.clone(), Vec::new(), None);
        }
        let mut named = configuration.sources(entries, pointer, spec.sources.enable_helm);
        for source in &mut named.sources {
            if let Source::Chart(chart) = source {
                spec.sources.chart.apply_to(chart);
            }
        }
        (named.sources, named.refused, Some(configuration.tree.clone()))
    };
    let namespace = |own: &Option<String>| match &spec.namespace {
        Some(_) => None,
        None => own.clone().or_else(|| file.namespace.clone()),
    };
    let options = |own: &Options| spec.options.clone().over(own.clone());
    if file.applications.is_empty() && file.argocd_applications.is_empty() {
        let (sources, refused, tree) = sources(&file.sources, "/sources");
        let name = match (spec.app.as_ref().filter(|_| is_only), &file.name) {
            (Some(name), _) | (None, Some(name)) => name.clone(),
            (None, None) => name_from_sources(&configuration.sources(&[], "", false).sources)?,
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
        inside.map_err(|mistake| Diagnostics(vec![mistake]))?;
        begin(work, &path)?;
        let read = argocd::read(&path, &spec.access).map_err(Diagnostics)?;
        all.extend(read.into_iter().map(|app| with_options(app, &file.options, spec)));
    }
    Ok(all)
}
