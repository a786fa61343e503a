//! What is stored about hooks between operations: the last run, its outcome, the inputs of the last success, and why a hook was skipped.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    hook::{HookId, HookOutcome},
    object::ObjectKey,
    operation_kind::OperationKind,
    phase::Phase,
    plan::Plan,
    task::TaskResult,
    view::{OperationView, TaskProgress},
};

/// The records of an application's hooks.
pub type HookRecords = BTreeMap<HookId, HookRecord>;

/// The record of one hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HookRecord {
    /// The key of its object as written, also for `generateName`.
    pub key: ObjectKey,
    /// Its last run in each phase.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub runs: BTreeMap<Phase, LastRun>,
    /// The last operation that skipped it, if it hasn't run since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "leftOut")]
    pub last_skip: Option<SkippedRun>,
}

/// The last run of a hook in one phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastRun {
    /// The ID of the operation.
    pub operation: String,
    /// When the run ended.
    pub at: Timestamp,
    /// The outcome of the run.
    pub outcome: HookOutcome,
    /// The last successful run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<Success>,
}

/// A successful run of a hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Success {
    /// The ID of the operation.
    pub operation: String,
    /// The digest of the hook's inputs; `None` if its conditions don't need it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<String>,
}

/// An operation that skipped a hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SkippedRun {
    /// The ID of the operation.
    pub operation: String,
    /// When the operation ended.
    pub at: Timestamp,
    /// Why the hook was skipped.
    pub reason: String,
}

/// Returns the number of an operation, with which its ID begins.
pub fn operation_number(operation: &str) -> &str {
    operation.split('-').next().unwrap_or(operation)
}

/// Returns the number of the operation in which a hook last succeeded with these inputs, unless it has failed since.
pub fn last_success_with_inputs<'records>(
    records: &'records HookRecords,
    hook: &HookId,
    phase: Phase,
    inputs: &str,
) -> Option<&'records str> {
    let run = records.get(hook)?.runs.get(&phase)?;
    let success = run.success.as_ref()?;
    let is_same = run.outcome == HookOutcome::Succeeded && success.inputs.as_deref() == Some(inputs);
    is_same.then(|| operation_number(&success.operation))
}

/// Records an operation that has ended. Hooks that the set no longer has are forgotten.
pub fn record_operation(records: &mut HookRecords, plan: &Plan, view: &OperationView, at: Timestamp) {
    if plan.operation_kind == OperationKind::Sync && !plan.hooks.is_empty() {
        records.retain(|id, _| plan.hooks.contains(id));
    }
    let operation = &view.operation;
    for skipped in &plan.skipped {
        let Some(hook) = &skipped.hook else { continue };
        record_of_hook(records, hook, &skipped.key).last_skip = Some(SkippedRun {
            operation: operation.clone(),
            at,
            reason: skipped.reason.clone(),
        });
    }
    for task in &plan.tasks {
        let (Some(hook), Some(seen)) = (task.hook(), view.task(&task.id)) else {
            continue;
        };
        let TaskProgress::Finished(result) = &seen.progress else {
            continue;
        };
        // A task that failed before the operation started is no run.
        if seen.started_at.is_none() {
            continue;
        }
        let record = record_of_hook(records, &hook.hook, &task.key);
        record.last_skip = record.last_skip.take().filter(|left| left.operation == *operation);
        let before = record.runs.remove(&task.phase).and_then(|run| run.success);
        let (outcome, success) = match result {
            TaskResult::Done(_) => {
                let success = Success {
                    operation: operation.clone(),
                    inputs: hook.inputs.clone(),
                };
                (HookOutcome::Succeeded, Some(success))
            }
            TaskResult::Tolerated(_) | TaskResult::Failed { .. } | TaskResult::Stopped(_) => {
                (HookOutcome::Failed, before)
            }
        };
        let run = LastRun {
            operation: operation.clone(),
            at: seen.finished_at.unwrap_or(at),
            outcome,
            success,
        };
        record.runs.insert(task.phase, run);
    }
}

fn record_of_hook<'records>(
    records: &'records mut HookRecords,
    hook: &HookId,
    key: &ObjectKey,
) -> &'records mut HookRecord {
    records.entry(hook.clone()).or_insert_with(|| HookRecord {
        key: key.clone(),
        runs: BTreeMap::new(),
        last_skip: None,
    })
}
