//! The manifests of a project, read again for each plan.

use std::{path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use capstan_core::model::{error::Diagnostics, plugins::Application};
use capstan_project::App;
use capstan_server::{KnownApplication, SourceError, SourceRequest, Sources};
use capstan_source::{Deadline, DesiredState, FileAccess, Source};

use super::super::plan::request;
use crate::{
    args::{SourceArgs, Ui},
    context::Context,
    project::Project,
    render::remedy,
};

/// The manifests of a project's applications.
pub(super) struct ProjectSources {
    context: Arc<Context>,
    apps: Vec<(Application, App)>,
    files: FileAccess,
    render_timeout: Duration,
    /// The flags that name the sources.
    flags: Vec<String>,
}

impl ProjectSources {
    /// Makes one. Without a project it knows no application.
    pub fn new(context: Arc<Context>, project: Option<Project>, args: &Ui) -> anyhow::Result<ProjectSources> {
        let mut apps = Vec::new();
        let files = project
            .as_ref()
            .map(|project| project.global.files.clone())
            .unwrap_or_default();
        for app in project.into_iter().flat_map(|project| project.apps) {
            apps.push((context.application_in(&app.name, app.namespace.as_deref())?, app));
        }
        Ok(ProjectSources {
            context,
            apps,
            files,
            render_timeout: args.from.render_timeout(),
            flags: flags(&args.from),
        })
    }

    /// Returns the application that the page opens with: the only one.
    pub fn first(&self) -> Option<Application> {
        match self.apps.as_slice() {
            [(application, _)] => Some(application.clone()),
            _ => None,
        }
    }

    async fn read(&self, app: App) -> Result<(App, DesiredState), SourceError> {
        let deadline = Deadline::after(self.render_timeout);
        let read = capstan_project::read(&[app], deadline, &self.files)
            .await
            .map_err(SourceError::Mistakes)?;
        let Some(read) = read.into_iter().next() else {
            return Err(SourceError::Unknown);
        };
        // Connecting has a limit of its own.
        let deadline = deadline.pause();
        let capabilities = if read.has_charts() {
            let capabilities = self.context.capabilities().await;
            let capabilities = capabilities.map_err(|error| SourceError::Other(format!("{error:#}")))?;
            Some(Arc::new(capabilities))
        } else {
            None
        };
        let rendered = read
            .render(&self.context.namespace, capabilities, deadline.resume())
            .await;
        rendered.map_err(SourceError::Mistakes)
    }
}

#[async_trait]
impl Sources for ProjectSources {
    fn applications(&self) -> Vec<KnownApplication> {
        let known = self.apps.iter().map(|(application, app)| {
            let mut words = self.flags.clone();
            words.extend(["--app".to_owned(), application.name.clone()]);
            words.extend(["-n".to_owned(), application.namespace.clone()]);
            KnownApplication {
                application: application.clone(),
                sources: app.sources.iter().map(Source::description).collect(),
                words,
            }
        });
        known.collect()
    }

    async fn request(&self, application: &Application) -> Result<SourceRequest, SourceError> {
        let known = self.apps.iter().find(|(known, _)| known == application);
        let (_, app) = known.ok_or(SourceError::Unknown)?;
        let (app, desired) = self.read(app.clone()).await?;
        let notices = app.notices.iter().cloned();
        let notices = notices.chain(desired.notices.iter().map(remedy::notice)).collect();
        let request = request(&self.context, &app, desired).map_err(|error| match error.downcast::<Diagnostics>() {
            Ok(mistakes) => SourceError::Mistakes(mistakes),
            Err(error) => SourceError::Other(format!("{error:#}")),
        })?;
        Ok(SourceRequest { request, notices })
    }
}

/// Returns the flags that name the sources, for a command that does the same.
fn flags(from: &SourceArgs) -> Vec<String> {
    let shown = |path: &Path| path.display().to_string();
    let mut flags = Vec::new();
    let mut add = |flag: &str, values: Vec<String>| {
        for value in values {
            flags.extend([flag.to_owned(), value]);
        }
    };
    add("-f", from.files.iter().map(|path| shown(path)).collect());
    add("-k", from.kustomizations.iter().map(|path| shown(path)).collect());
    add("--chart", from.charts.clone());
    add("--chart-version", from.chart_version.iter().cloned().collect());
    add("--values", from.values.clone());
    add("--set", from.set.clone());
    add("--set-string", from.set_string.clone());
    add("--set-json", from.set_json.clone());
    add("--set-file", from.set_file.clone());
    add("--set-literal", from.set_literal.clone());
    add("--release-name", from.release_name.iter().cloned().collect());
    add("--kube-version", from.kube_version.iter().cloned().collect());
    add("--api-versions", from.api_versions.clone());
    add("--config", from.config.iter().map(|path| shown(path)).collect());
    add(
        "--argocd-application",
        from.argocd_application.iter().map(|path| shown(path)).collect(),
    );
    for (flag, is_on) in [
        ("-R", from.recursive),
        ("--enable-helm", from.enable_helm),
        ("--skip-crds", from.skip_crds),
    ] {
        if is_on {
            flags.push(flag.to_owned());
        }
    }
    flags
}
