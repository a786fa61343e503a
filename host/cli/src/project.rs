//! What a command is about: applications, where their manifests come from, and what is wanted of each.

use std::time::Duration;

use capstan_core::error::PlanError;

use crate::{
    args::Set,
    context::Context,
    options::Options,
    report::Mistakes,
    source::{self, Desired, Gathered, Release, Source},
};

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
}

/// An application of which everything is read that needs no cluster.
#[derive(Debug)]
pub struct Read {
    /// The application.
    pub app: App,
    gathered: Gathered,
}

/// Finds out what a command is about.
///
/// # Errors
///
/// Returns what is missing or wrong.
pub fn of(set: &Set) -> anyhow::Result<App> {
    let sources = set.from.sources();
    if sources.is_empty() {
        return Err(Mistakes::one(
            "there are no manifests",
            "name a file, a folder or - with `-f`, a kustomization with `-k`, or a Helm chart with `--chart`",
        ));
    }
    let is_chart = |source: &Source| matches!(source, Source::Chart(_));
    if let Some(flag) = set.from.chart_flag()
        && !sources.iter().any(is_chart)
    {
        return Err(Mistakes::one(
            format!("{flag} is for Helm charts, and there is none among the sources"),
            "name one with `--chart`, or a folder that has a Chart.yaml with `-f`",
        ));
    }
    let name = match &set.app {
        Some(name) => name.clone(),
        None => named_after(&sources)?,
    };
    Ok(App {
        name,
        namespace: None,
        sources,
        options: Options::of_flags(set),
    })
}

fn named_after(sources: &[Source]) -> anyhow::Result<String> {
    let found = sources.first().and_then(Source::name);
    found.ok_or_else(|| {
        Mistakes(vec![
            PlanError::new("the application has no name").hint("manifests from stdin need one: `--app NAME`"),
        ])
        .into()
    })
}

/// Reads an application's sources, as far as that needs no cluster.
///
/// # Errors
///
/// Returns everything that is wrong with them, together.
pub fn read(app: App, deadline: Duration) -> anyhow::Result<Read> {
    let gathered = source::gather(&app.sources, deadline)?;
    Ok(Read { app, gathered })
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
