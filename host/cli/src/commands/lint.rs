//! `capstan lint`: finds mistakes in manifests without a cluster.

use std::sync::Arc;

use capstan_core::{
    model::{
        finding::{Finding, Severity},
        plugins::Application,
    },
    plan::{PlanOptions, versions},
    read::manifest::Manifest,
};
use capstan_engine::{PlanRequest, offline};
use capstan_source::{Capabilities, Deadline, FileAccess, Release, Source};
use serde_json::json;

use super::{print, print_json, print_stderr};
use crate::{
    args::{self, ApplicationArgs, GlobalOptions, Output, SourceArgs},
    context,
    diagnostics::{Diagnostics, usage_error},
    exit::Exit,
    project::{self, App},
    render::{self, Paint},
    terminal::Text,
    text,
};

pub(super) async fn run(global: &GlobalOptions, args: &args::LintArgs) -> anyhow::Result<Exit> {
    let set = ApplicationArgs {
        app: args.app.clone().or_else(|| default_name(&args.from)),
        from: args.from.clone(),
        compat: args.compat,
        ..ApplicationArgs::default()
    };
    let kube_minor = match &args.from.kube_version {
        None => None,
        Some(version) => Some(versions::parse_minor(version).ok_or_else(|| {
            usage_error(
                format!("`--kube-version {version}` is not a Kubernetes version"),
                "write it as `1.30` or `v1.30.2`",
            )
        })?),
    };
    let project = project::load(global, &set).await?;
    let (mut count, mut findings) = (0, Vec::new());
    let mut paused = project.render_timeout.pause();
    for app in &project.apps {
        let namespace = app.namespace.clone().or_else(|| project.global.namespace.clone());
        let application = Application {
            name: app.name.clone(),
            namespace: namespace.unwrap_or_else(|| "default".to_owned()),
        };
        let deadline = paused.resume();
        let read = read(app, &global.files, &application, deadline).await;
        paused = deadline.pause();
        match read {
            Ok(manifests) => {
                count += manifests.len();
                findings.extend(find_findings(&project.global, app, application, (manifests, kube_minor)).await?);
            }
            // A file that can't be read is a finding, too, for programs that read the findings.
            Err(error) => {
                let Diagnostics(mistakes) = error.downcast()?;
                findings.extend(mistakes.into_iter().map(Finding::from_invalid_input));
                if deadline.left().is_zero() {
                    break;
                }
            }
        }
    }
    for finding in &mut findings {
        finding.is_ignored |= args.lints.allows(&finding.rule);
    }
    let least = args.lints.min_severity(global.verbose);
    match global.output {
        Output::Text => print(&text(&findings, count, least, Paint::new(global.color))),
        Output::Json | Output::Jsonl => {
            let shown: serde_json::Result<Vec<_>> = findings.iter().map(render::remedy::finding_json).collect();
            print_json(&json!({ "manifests": count, "findings": shown? }))?;
        }
        Output::Sarif => print_json(&render::sarif::document(&findings))?,
    }
    let stops = if args.strict {
        Severity::Warning
    } else {
        Severity::Error
    };
    let is_bad = findings
        .iter()
        .any(|finding| finding.severity >= stops && !finding.is_ignored);
    Ok(if is_bad { Exit::Usage } else { Exit::Done })
}

/// Reads the manifests. Charts see the newest version of Kubernetes that Capstan knows, unless the user names one, and helm's own
/// defaults for a cluster.
async fn read(
    app: &App,
    access: &FileAccess,
    application: &Application,
    deadline: Deadline,
) -> anyhow::Result<Vec<Manifest>> {
    let newest = Capabilities {
        kube_version: format!("1.{}.0", versions::NEWEST_MINOR),
        api_versions: Vec::new(),
    };
    let release = Release {
        name: application.name.clone(),
        namespace: application.namespace.clone(),
        capabilities: Some(Arc::new(newest)),
    };
    let is_unsaid = |source: &Source| matches!(source, Source::Chart(chart) if chart.kube_version.is_none());
    if app.sources.iter().any(is_unsaid) {
        print_stderr(&text!(
            "notice: charts are rendered for Kubernetes 1.{}, because no cluster is used; `--kube-version` names another version",
            versions::NEWEST_MINOR
        ));
    }
    let gathered = app.gather(deadline, access).await?;
    let desired = gathered.render(release, deadline).await?;
    Ok(desired.manifests)
}

/// Returns a name for sources that don't give the application one: for lint, any name will do.
fn default_name(from: &SourceArgs) -> Option<String> {
    let is_unnamed = from.sources().first().is_some_and(|source| source.name().is_none());
    is_unnamed.then(|| "app".to_owned())
}

async fn find_findings(
    global: &GlobalOptions,
    app: &App,
    application: Application,
    (manifests, kube_minor): (Vec<Manifest>, Option<u32>),
) -> anyhow::Result<Vec<Finding>> {
    let request = PlanRequest {
        options: PlanOptions {
            mode: app.options.compat.unwrap_or_default(),
            ..PlanOptions::default()
        },
        plugin_settings: global.plugins.plugin_settings(),
        ..PlanRequest::sync(application, manifests)
    };
    Ok(offline::lint(&context::load_sandbox(global)?, request, kube_minor).await)
}

fn text(findings: &[Finding], count: usize, least: Severity, paint: Paint) -> Text {
    let mut text = render::findings::text(findings, least, paint);
    if !text.is_empty() {
        text.end_line();
    }
    let found = render::findings::count(findings, least).unwrap_or_else(|| "nothing found".to_owned());
    match count {
        0 => text.push(text!("{}\n", found)),
        1 => text.push(text!("{} in 1 manifest\n", found)),
        _ => text.push(text!("{} in {} manifests\n", found, count)),
    }
    text
}
