//! Runs a step by Argo CD's engine: the program `argo-differential` runs all of them in one process, like a controller.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context as _;
use capstan_cluster::{Error, argo_differential};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, ChildStdin, Command},
    sync::oneshot,
};

use super::{case::Step, observer::Space, set, step_result::StepResult};

/// How long an operation may take, in seconds.
const TIMEOUT_SECONDS: u32 = 90;
/// How long an operation without an end is observed, in seconds.
pub const ENDLESS_CASE_SECONDS: u32 = 8;

/// Returns the program. Returns `None` when it can't be built here; the test is skipped then.
///
/// # Errors
///
/// Returns why the build failed.
pub fn program() -> anyhow::Result<Option<PathBuf>> {
    Error::or_skip(argo_differential())
}

/// A request to run a step.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StepRequest<'step> {
    id: String,
    app: &'step str,
    namespace: &'step str,
    manifests: String,
    sync_options: &'step [String],
    prune: bool,
    skip_hooks: bool,
    only: &'step [String],
    confirmed: bool,
    retries: u32,
    terminate_at: Option<&'step str>,
    /// The existing objects with their resource versions, which the engine's cache must have before it starts.
    live: BTreeMap<String, u64>,
    seconds: u32,
}

/// The result of a step.
#[derive(Debug, Deserialize)]
struct StepReport {
    id: String,
    phase: String,
    message: String,
    attempts: u32,
    passes: u32,
    results: Vec<TaskOutcome>,
    #[serde(default)]
    #[serde(rename = "trouble")]
    error: String,
}

#[derive(Debug, Deserialize)]
struct TaskOutcome {
    phase: String,
    kind: String,
    name: String,
    hook: bool,
    status: String,
    state: String,
    message: String,
}

type PendingReports = Arc<Mutex<BTreeMap<String, oneshot::Sender<StepReport>>>>;

/// The running program.
pub struct ArgoEngine {
    orders: tokio::sync::Mutex<(ChildStdin, u64)>,
    waiting: PendingReports,
    _program: Child,
}

impl ArgoEngine {
    /// Starts the program.
    ///
    /// # Errors
    ///
    /// Returns that it can't be started.
    pub fn start(program: &Path, kubeconfig: &Path) -> anyhow::Result<ArgoEngine> {
        let mut child = Command::new(program)
            .arg("--kubeconfig")
            .arg(kubeconfig)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| program.display().to_string())?;
        let (orders, answers) = (child.stdin.take(), child.stdout.take());
        let waiting = PendingReports::default();
        let listeners = Arc::clone(&waiting);
        let mut lines = BufReader::new(answers.context("an output")?).lines();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let Ok(report) = serde_json::from_str::<StepReport>(&line) else {
                    break;
                };
                let listener = listeners
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .remove(&report.id);
                if let Some(listener) = listener {
                    let _ = listener.send(report);
                }
            }
            // Waiting callers get an error when their channel is dropped.
            listeners.lock().unwrap_or_else(PoisonError::into_inner).clear();
        });
        Ok(ArgoEngine {
            orders: tokio::sync::Mutex::new((orders.context("an input")?, 0)),
            waiting,
            _program: child,
        })
    }

    /// Runs a step.
    ///
    /// # Errors
    ///
    /// Returns that the program ended, or that the engine couldn't be driven.
    pub async fn run_step(
        &self,
        space: &Space,
        step: &Step,
        live: BTreeMap<String, u64>,
    ) -> anyhow::Result<StepResult> {
        let (tx, report) = oneshot::channel();
        {
            let mut orders = self.orders.lock().await;
            orders.1 += 1;
            let order = StepRequest {
                id: orders.1.to_string(),
                app: &space.name,
                namespace: &space.name,
                manifests: set::text(&step.set, &space.name)?,
                sync_options: &step.options,
                prune: step.prune,
                skip_hooks: step.skip_hooks,
                only: &step.only,
                confirmed: step.confirmed,
                retries: step.retries,
                terminate_at: step.terminate_at.as_deref(),
                live,
                seconds: if step.never_ends {
                    ENDLESS_CASE_SECONDS
                } else {
                    TIMEOUT_SECONDS
                },
            };
            self.waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(order.id.clone(), tx);
            let line = serde_json::to_string(&order)? + "\n";
            orders.0.write_all(line.as_bytes()).await?;
        }
        let report = report.await.context("the program of Argo CD's engine ended")?;
        let is_endless = step.never_ends && report.phase == "Running";
        anyhow::ensure!(
            report.error.is_empty() || is_endless,
            "Argo CD's engine got stuck: {}: {}",
            report.error,
            report.message
        );
        Ok(report.step_result(space))
    }
}

impl StepReport {
    fn step_result(&self, space: &Space) -> StepResult {
        let attempts = (self.attempts > 1).then(|| format!(" in try {}", self.attempts));
        let status = if self.phase == "Error" { "Failed" } else { &self.phase };
        let words = self
            .results
            .iter()
            .map(|one| format!("; {}/{}: {}", one.kind, one.name, one.message));
        StepResult {
            status: format!("{status}{}", attempts.unwrap_or_default()),
            message: space.normalize(&format!(
                "{} after {} passes{}",
                self.message,
                self.passes,
                words.collect::<String>()
            )),
            results: self.results.iter().filter_map(|one| one.result_text(space)).collect(),
            ..StepResult::default()
        }
    }
}

impl TaskOutcome {
    /// A pruned object is reported by its absence.
    fn result_text(&self, space: &Space) -> Option<String> {
        let outcome = match (self.status.as_str(), self.state.as_str()) {
            ("PruneSkipped", _) => return None,
            // A refused hook has failed.
            ("SyncFailed", _) if self.hook => "Failed",
            ("SyncFailed", _) => "SyncFailed",
            ("Pruned", _) => "Pruned",
            // Whether an object of the last wave was still assessed depends on timing.
            ("Synced", "Running" | "Succeeded") if !self.hook => "Synced",
            ("Synced", "Failed") if !self.hook => "Degraded",
            (_, state) => state,
        };
        Some(format!(
            "{} {}/{} {outcome}",
            self.phase,
            self.kind,
            space.normalize_name(&self.name)
        ))
    }
}
