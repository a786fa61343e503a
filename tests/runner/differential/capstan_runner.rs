//! Runs a step by Capstan in compat mode.

use std::time::Duration;

use capstan_core::{
    model::compat::Mode,
    plan::{
        Confirmation, HookSelection, Retry, Selection,
        task::{FailureClass, TaskResult},
    },
    read::{manifest, sync_options::SyncOptions},
    run::{
        event::OperationStatus,
        view::{OperationView, TaskProgress, TaskView},
    },
};
use capstan_engine::{EngineError, PlanRequest};
use capstan_sim::world::Setup;

use super::{argo_engine, case::Step, observer::Space, set, step_result::StepResult};
use crate::{
    real::ControlPlane,
    stage::{Stage, TERMINATED_BY},
};

/// Capstan on the namespace of a case.
pub struct CapstanRunner {
    stage: Stage,
}

impl CapstanRunner {
    /// Prepares the namespace.
    ///
    /// # Errors
    ///
    /// Returns why it couldn't be prepared.
    pub async fn start(plane: &ControlPlane, namespace: &str, setup: Setup) -> anyhow::Result<CapstanRunner> {
        let stage = Stage::real(plane, namespace, setup).await?;
        Ok(CapstanRunner { stage })
    }

    /// Runs a step.
    ///
    /// # Errors
    ///
    /// Returns why the operation couldn't be followed to its end.
    pub async fn run_step(&self, space: &Space, step: &Step) -> anyhow::Result<StepResult> {
        let text = set::text(&step.set, &space.name)?;
        let manifests = match manifest::decode("set", &text) {
            Ok(manifests) => manifests,
            Err(mistakes) => return Ok(refused_result(space, &mistakes)),
        };
        let options = match SyncOptions::parse(step.options.iter().map(String::as_str), Mode::ArgoCd) {
            Ok(options) => options,
            Err(mistakes) => return Ok(refused_result(space, &mistakes)),
        };
        let mut request = self.request(step, manifests);
        request.options.sync_options = options;
        let planned = match self.stage.engine.plan(request).await {
            Ok(planned) => planned,
            Err(EngineError::InvalidInput(mistakes)) => return Ok(refused_result(space, &mistakes)),
            Err(error) => return Err(error.into()),
        };
        let running = self.stage.engine.start(planned, TERMINATED_BY).await?;
        let end_at = step.terminate_at.as_ref().map(|name| format!("created {name}"));
        let followed = self.stage.follow(running, end_at.as_deref());
        if step.never_ends {
            let long_enough = Duration::from_secs(u64::from(argo_engine::ENDLESS_CASE_SECONDS));
            if let Ok(ran) = tokio::time::timeout(long_enough, followed).await {
                return Ok(step_result(space, step, &ran?.view));
            }
            let report = self.stage.engine.report(&self.stage.application).await?;
            return Ok(step_result(space, step, &report.progress.unwrap_or_default()));
        }
        Ok(step_result(space, step, &followed.await?.view))
    }

    fn request(&self, step: &Step, manifests: Vec<manifest::Manifest>) -> PlanRequest {
        let mut request = PlanRequest::sync(self.stage.application.clone(), manifests);
        request.options.mode = Mode::ArgoCd;
        request.options.prune = step.prune;
        request.options.dry_run_first = !step.unchecked;
        request.options.selection = Selection {
            only: step.only.clone(),
            hooks: step.skip_hooks.then_some(HookSelection::None),
            ..Selection::default()
        };
        request.options.confirmed = Confirmation {
            all: step.confirmed,
            only: Vec::new(),
        };
        request.options.limits.retry = Retry {
            max_retries: step.retries,
            first_pause: Duration::from_secs(1),
            max_pause: Duration::from_secs(1),
        };
        request
    }
}

fn refused_result<Mistake: std::fmt::Display>(space: &Space, mistakes: &[Mistake]) -> StepResult {
    let words: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    StepResult {
        status: "Failed".to_owned(),
        message: space.normalize(&words.join("; ")),
        ..StepResult::default()
    }
}

fn step_result(space: &Space, step: &Step, view: &OperationView) -> StepResult {
    // Argo CD reports nothing about objects that it leaves alone because of this option.
    let tells_all = !step.options.iter().any(|option| option == "ApplyOutOfSyncOnly=true");
    let has_message = |task: &&TaskView| tells_all || task.outline.action != "check";
    let (status, words) = match &view.status {
        None | Some(OperationStatus::Running | OperationStatus::Terminating { .. }) => ("Running", String::new()),
        Some(OperationStatus::Succeeded) => ("Succeeded", String::new()),
        Some(OperationStatus::Failed(cause)) => ("Failed", cause.message.clone()),
        Some(OperationStatus::Terminated { by }) => ("Failed", format!("terminated by {by}")),
    };
    let attempts = (view.attempt > 1).then(|| format!(" in try {}", view.attempt));
    let details = view
        .tasks
        .iter()
        .map(|task| format!("; {}: {}", task.outline.key.kind_and_name(), task.message));
    StepResult {
        status: format!("{status}{}", attempts.unwrap_or_default()),
        message: space.normalize(&format!("{words}{}", details.collect::<String>())),
        results: view
            .tasks
            .iter()
            .filter(has_message)
            .filter_map(|task| task_result(space, task))
            .collect(),
        ..StepResult::default()
    }
}

fn task_result(space: &Space, task: &TaskView) -> Option<String> {
    let outline = &task.outline;
    let is_hook = outline.action == "run";
    let outcome = match &task.progress {
        TaskProgress::Pending => return None,
        // An object that was applied and isn't waited for any more counts as synced.
        TaskProgress::Running | TaskProgress::Finished(TaskResult::Stopped(_)) if !is_hook => "Synced",
        TaskProgress::Running => "Running",
        TaskProgress::Finished(TaskResult::Done(_) | TaskResult::Tolerated(_)) => match outline.action.as_str() {
            "delete" => "Pruned",
            "run" => "Succeeded",
            _ => "Synced",
        },
        TaskProgress::Finished(TaskResult::Stopped(_)) => "Failed",
        TaskProgress::Finished(TaskResult::Failed { .. }) if is_hook => "Failed",
        TaskProgress::Finished(TaskResult::Failed { class, .. }) => match class {
            FailureClass::Apply => "SyncFailed",
            FailureClass::Hook | FailureClass::Health | FailureClass::Timeout | FailureClass::Plugin => "Degraded",
        },
    };
    Some(format!(
        "{} {}/{} {outcome}",
        outline.phase,
        outline.key.kind,
        space.normalize_name(&outline.key.name)
    ))
}
