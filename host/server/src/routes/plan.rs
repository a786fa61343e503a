//! What an operation would do.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Extension,
    extract::{Path, Request, State},
    response::Response,
};
use capstan_api::{
    ErrorClass, PlanPage, Verb,
    plan::{Answerer, Choices, HookChoice, PlanKind, PlanRequest, PlannedAction, PluginAllowance},
};
use capstan_core::{
    model::{
        operation_kind::{OperationKind, Purpose},
        plugins::{Application, PluginRef},
    },
    plan::{Confirmation, HookSelection, Limits, Plan, PlanOptions, task::Action},
    run::event::OperationStatus,
};
use capstan_engine::{self as engine, EngineError, PastOperation, PreparedPlan};
use http::HeaderMap;

use super::{Named, body, command::command};
use crate::{Server, User, answer::json, failure::Failure, sources::SourceRequest, tasks};

pub(super) async fn usual(
    State(server): State<Server>,
    Extension(user): Extension<User>,
    Path(named): Path<Named>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let application = server.permitted(&user, &named, Verb::Plan).await?;
    json(
        &headers,
        &server.plan_page(&application, &PlanRequest::default()).await?,
    )
}

pub(super) async fn make(
    State(server): State<Server>,
    Extension(user): Extension<User>,
    Path(named): Path<Named>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Failure> {
    let application = server.permitted(&user, &named, Verb::Plan).await?;
    let wanted: PlanRequest = body(request).await?;
    json(&headers, &server.plan_page(&application, &wanted).await?)
}

impl Server {
    /// Makes a request for the engine, and says what the user should know of how its manifests were read.
    pub(super) async fn request(
        &self,
        application: &Application,
        wanted: &PlanRequest,
    ) -> Result<SourceRequest, Failure> {
        let stored = |request: engine::PlanRequest| engine::PlanRequest {
            grants: self.setup.grants.clone(),
            plugin_settings: self.setup.plugin_settings.clone(),
            ..request
        };
        let mut notices = Vec::new();
        let request = match wanted.does {
            PlanKind::Sync => {
                let read = self.setup.sources.request(application).await?;
                notices = read.notices;
                let mut request = read.request;
                choose(&mut request.options, &wanted.choices);
                request
            }
            PlanKind::Test => {
                let mut request = stored(engine::PlanRequest::test(application.clone()));
                request.options.selection.only_hooks.clone_from(&wanted.choices.hook);
                request
            }
            PlanKind::Delete => {
                let mut request = stored(engine::PlanRequest::delete(application.clone()));
                request.options.confirmed = confirmed(&wanted.confirm);
                request
            }
            PlanKind::Rollback => stored(self.rollback(application, wanted).await?),
        };
        Ok(SourceRequest { request, notices })
    }

    async fn rollback(&self, application: &Application, wanted: &PlanRequest) -> Result<engine::PlanRequest, Failure> {
        let engine = &self.setup.engine;
        let history = engine.report(application).await?.history;
        let past = match &wanted.operation {
            None => before_last(&history)?,
            Some(id) => {
                let is = |past: &&PastOperation| past.id == *id || past.id.split('-').next() == Some(id);
                history
                    .iter()
                    .rev()
                    .find(is)
                    .ok_or_else(|| Failure::new(ErrorClass::NotFound, format!("there is no operation {id}")))?
            }
        };
        let manifests = engine.manifests_of(application, past).await?;
        if manifests.is_empty() {
            let message = format!("operation {} has no manifests to roll back to", past.id);
            return Err(Failure::new(ErrorClass::Request, message));
        }
        let (mode, sync_options) = engine.rules(application).await?;
        Ok(engine::PlanRequest {
            purpose: Purpose::Rollback,
            options: PlanOptions {
                mode,
                sync_options,
                prune: wanted.choices.prune.unwrap_or(true),
                limits: Limits::default(),
                confirmed: confirmed(&wanted.confirm),
                ..PlanOptions::default()
            },
            // What is deployed again is what it was then.
            revision: past.revision.clone(),
            ..engine::PlanRequest::sync(application.clone(), manifests)
        })
    }

    /// Makes a plan, keeps it, and shows it with what the API server says.
    async fn plan_page(&self, application: &Application, wanted: &PlanRequest) -> Result<PlanPage, Failure> {
        let engine = &self.setup.engine;
        let SourceRequest { request, mut notices } = self.request(application, wanted).await?;
        let planned = Arc::new(engine.plan(request).await?);
        let answers = engine.dry_run(&planned).await;
        let deployed = match engine.report(application).await {
            Ok(report) => deployed(&report.history).and_then(|past| past.revision.clone()),
            Err(EngineError::NoApplication { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let known = self.setup.sources.applications();
        let known = known.into_iter().find(|known| known.application == *application);
        let id = self.plans().keep(Arc::clone(&planned));
        let plan = &planned.plan;
        notices.extend(plan.notices.iter().cloned());
        let tasks = tasks::of_plan(plan, &answers);
        let differing = tasks.iter().filter(|task| {
            matches!(
                task.action,
                PlannedAction::Create | PlannedAction::Change | PlannedAction::Delete
            )
        });
        let differing = differing.count();
        let is_whole = wanted.does == PlanKind::Sync && wanted.choices == Choices::default();
        if is_whole {
            self.list.saw_differences(application, differing);
        }
        let is_allowed = |rule: &String| {
            wanted
                .choices
                .allow_lint
                .iter()
                .any(|allowed| allowed == rule || allowed == "all")
        };
        Ok(PlanPage {
            id,
            made_at: engine.clock().now(),
            application: application.clone(),
            does: plan.operation_kind,
            purpose: plan.purpose,
            deployed,
            revision: planned.revision.clone(),
            is_forbidden: plan
                .findings
                .iter()
                .any(|finding| finding.blocks_plan() && !is_allowed(&finding.rule)),
            tasks,
            skipped: plan.skipped.clone(),
            left_over: plan.unpruned.clone(),
            notices,
            findings: plan.findings.clone(),
            allowances: plan.allowances.iter().map(PluginAllowance::from).collect(),
            answered_by: answerers(plan),
            limits: plan.limits,
            differing,
            command: command(known.as_ref(), application, wanted),
        })
    }

    /// Returns a plan that was looked at.
    pub(super) fn kept_plan(&self, application: &Application, id: &str) -> Result<Box<PreparedPlan>, Failure> {
        let found = self.plans().find(application, id);
        let planned = found.ok_or_else(|| {
            Failure::new(ErrorClass::Moved, format!("the plan {id} is no longer stored")).hint("look at the new plan")
        })?;
        Ok(Box::new((*planned).clone()))
    }
}

/// Applies the choices of a sync to the application's options.
fn choose(options: &mut PlanOptions, choices: &Choices) {
    let selection = &mut options.selection;
    for (own, chosen) in [
        (&mut selection.only, &choices.only),
        (&mut selection.only_hooks, &choices.hook),
        (&mut selection.skipped_hooks, &choices.skip_hook),
    ] {
        if !chosen.is_empty() {
            own.clone_from(chosen);
        }
    }
    if let Some(hooks) = choices.hooks {
        selection.hooks = Some(match hooks {
            HookChoice::All => HookSelection::All,
            HookChoice::None => HookSelection::None,
            HookChoice::Only => HookSelection::Only,
        });
    }
    options.prune = choices.prune.unwrap_or(options.prune);
    options.force_conflicts = choices.force_conflicts.unwrap_or(options.force_conflicts);
    options.create_namespace = choices.create_namespace.unwrap_or(options.create_namespace);
    options.limits.retry.max_retries = choices.retry.unwrap_or(options.limits.retry.max_retries);
}

/// Says what may go though its annotations require confirmation.
fn confirmed(words: &[String]) -> Confirmation {
    Confirmation {
        all: words.iter().any(|word| word == "all"),
        only: words.iter().filter(|word| *word != "all").cloned().collect(),
    }
}

fn deploys(past: &PastOperation) -> bool {
    past.operation_kind == OperationKind::Sync && past.purpose != Purpose::Test
}

/// Returns the last operation that deployed something.
fn deployed(history: &[PastOperation]) -> Option<&PastOperation> {
    history.iter().rev().find(|past| deploys(past))
}

/// Finds the last success with other manifests than those of the last operation.
fn before_last(history: &[PastOperation]) -> Result<&PastOperation, Failure> {
    let last = deployed(history);
    let is_other = |past: &&PastOperation| {
        deploys(past)
            && past.status == OperationStatus::Succeeded
            && last.is_some_and(|last| last.manifests_digest != past.manifests_digest)
    };
    history.iter().rev().find(is_other).ok_or_else(|| {
        Failure::new(
            ErrorClass::Request,
            "no earlier operation succeeded with other manifests",
        )
        .hint("choose one from the history")
    })
}

/// Counts what each plugin does in a plan.
fn answerers(plan: &Plan) -> Vec<Answerer> {
    let mut found: BTreeMap<&str, Answerer> = BTreeMap::new();
    for task in &plan.tasks {
        match &task.action {
            Action::Apply(apply) => count(&mut found, &apply.health_plugin, |answerer| answerer.judges += 1),
            Action::Hook(hook) => {
                count(&mut found, &hook.plugin, |answerer| answerer.runs += 1);
                for policy in &hook.policies {
                    count(&mut found, &policy.plugin, |answerer| answerer.decides += 1);
                }
            }
            Action::Delete(_) => {}
        }
    }
    found.into_values().collect()
}

fn count<'plan>(found: &mut BTreeMap<&'plan str, Answerer>, by: &'plan PluginRef, add: impl FnOnce(&mut Answerer)) {
    let answerer = found.entry(&by.digest).or_insert_with(|| Answerer {
        plugin: by.plugin.clone(),
        version: by.version.clone(),
        digest: by.digest.clone(),
        runs: 0,
        judges: 0,
        decides: 0,
    });
    add(answerer);
}
