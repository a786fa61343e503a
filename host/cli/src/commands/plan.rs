//! `capstan plan`.

use std::sync::Arc;

use anyhow::Context as _;
use capstan_engine::{PlanRequest, PreparedPlan};
use capstan_files::Readers;
use capstan_project::GatheredApp;
use capstan_source::DesiredState;

use super::{explain_compat, print, print_json, print_stderr};
use crate::{
    args::{self, ApplicationArgs, GlobalOptions, LintFilterArgs, Output},
    context::Context,
    diagnostics::{self, Diagnostics, usage_error},
    exit::Exit,
    project::{self, App},
    render::{self, Paint},
    terminal::Text,
    text,
};

pub(super) async fn run(global: &GlobalOptions, plan: &args::PlanArgs) -> anyhow::Result<Exit> {
    let prepared = prepare(global, &plan.set).await?;
    let global = &prepared.global;
    let context = &prepared.context;
    let is_only = prepared.apps.len() == 1;
    if let Some(path) = plan.save.as_ref().filter(|_| !is_only) {
        return Err(usage_error(
            format!("{} can't contain the plans of several applications", path.display()),
            "name one of them with `--app`",
        ));
    }
    if plan.explain_compat && !is_only {
        return Err(usage_error(
            "`--explain-compat` compares the plans of one application",
            "name one of them with `--app`",
        ));
    }
    let (mut plans, mut failed) = (Vec::new(), None);
    for (number, (app, desired)) in prepared.apps.into_iter().enumerate() {
        let request = request(context, &app, desired)?;
        if plan.explain_compat {
            return explain_compat::run(global, context, request).await;
        }
        let planned = match context.engine.plan(request).await {
            Ok(planned) => planned,
            Err(error) if is_only => return Err(error.into()),
            Err(error) => {
                let error = anyhow::Error::from(error);
                print_stderr(&text!("{} can't be planned:", app.name));
                print_stderr(&diagnostics::error_text(&error, Paint::new(global.color)).trim_end());
                failed.get_or_insert(Exit::from_error(&error));
                continue;
            }
        };
        if let Some(path) = &plan.save {
            capstan_files::write(path, planned.save()?.as_bytes(), Readers::Owner)
                .with_context(|| format!("failed to write {}", path.display()))?;
        }
        match global.output {
            Output::Text => {
                let head = if number == 0 {
                    format!("on {}", context.cluster_description)
                } else {
                    String::new()
                };
                print(&text!(
                    "{}\n{}{}",
                    head,
                    dependencies_text(&app),
                    text(global, &planned, &plan.lints)
                ));
            }
            Output::Json | Output::Jsonl | Output::Sarif if is_only => {
                print_json(&render::mask::plan_json(&planned.plan)?)?;
            }
            Output::Json | Output::Jsonl | Output::Sarif => plans.push(render::mask::plan_json(&planned.plan)?),
        }
    }
    if !is_only && global.output != Output::Text {
        print_json(&plans)?;
    }
    if let Some(path) = &plan.save {
        print_stderr(&text!(
            "saved to {}, readable only by you because it may contain values of Secrets; `capstan sync --plan {}` runs it",
            path.display(),
            path.display()
        ));
    }
    Ok(failed.unwrap_or(Exit::Done))
}

/// Names the applications that come before one.
fn dependencies_text(app: &App) -> String {
    if app.depends_on.is_empty() {
        String::new()
    } else {
        format!("after {}: ", app.depends_on.join(", "))
    }
}

/// Describes a plan, with the findings of lint.
pub(super) fn text(global: &GlobalOptions, planned: &PreparedPlan, lints: &LintFilterArgs) -> Text {
    let paint = Paint::new(global.color);
    let mut text = render::plan::text(&planned.plan, paint);
    let findings = render::findings::text(&planned.plan.findings, lints.min_severity(global.verbose), paint);
    if !findings.is_empty() {
        text.push(text!("\n{}", findings));
    }
    text
}

/// The applications of a command, with their cluster.
pub(super) struct PreparedApps {
    /// The cluster.
    pub(super) context: Context,
    /// The options of every command, with those of the files.
    pub(super) global: GlobalOptions,
    /// The applications with their manifests, each after those that it depends on.
    pub(super) apps: Vec<(App, DesiredState)>,
}

/// Reads the sources of a command, and makes the engine at the same time: mistakes that need no cluster are reported without one.
pub(super) async fn prepare(global: &GlobalOptions, set: &ApplicationArgs) -> anyhow::Result<PreparedApps> {
    let project = project::load(global, set).await?;
    let read = project.read().await?;
    // Connecting and loading plugins have limits of their own.
    let deadline = project.render_timeout.pause();
    let context = Context::new(&project.global).await?;
    let (mut all, mut mistakes) = (Vec::new(), Vec::new());
    let capabilities = if read.iter().any(GatheredApp::has_charts) {
        Some(Arc::new(context.capabilities().await?))
    } else {
        None
    };
    let deadline = deadline.resume();
    for one in read {
        match one.render(&context.namespace, capabilities.clone(), deadline).await {
            Ok((app, desired)) => all.push((app, desired)),
            Err(Diagnostics(wrong)) => mistakes.extend(wrong),
        }
        if !mistakes.is_empty() && deadline.left().is_zero() {
            break;
        }
    }
    if !mistakes.is_empty() {
        return Err(Diagnostics(mistakes).into());
    }
    for (app, desired) in &all {
        let rendered = desired.notices.iter().map(render::remedy::notice);
        for notice in app.notices.iter().cloned().chain(rendered) {
            print_stderr(&text!("notice: {}", notice));
        }
    }
    Ok(PreparedApps {
        context,
        global: project.global,
        apps: all,
    })
}

/// Makes the request for a plan.
pub(super) fn request(context: &Context, app: &App, desired: DesiredState) -> anyhow::Result<PlanRequest> {
    let application = context.application_in(&app.name, app.namespace.as_deref())?;
    Ok(PlanRequest {
        revision: Some(desired.revision),
        options: app.options.plan_options()?,
        grants: context.grants.clone(),
        plugin_settings: context.plugin_settings.clone(),
        ..PlanRequest::sync(application, desired.manifests)
    })
}
