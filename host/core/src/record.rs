//! What is remembered of hooks between operations: when each last ran, how that ended, what its last success was made of, and why it
//! was left out.

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

/// What is remembered of the hooks of an application.
pub type HookRecords = BTreeMap<HookId, HookRecord>;

/// What is remembered of one hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HookRecord {
    /// Its object, by the name it was written with.
    pub key: ObjectKey,
    /// Its last run in each phase.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub runs: BTreeMap<Phase, LastRun>,
    /// The last operation that left it out, if it hasn't run since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<SkippedRun>,
}

/// The last run of a hook in one phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastRun {
    /// The operation.
    pub operation: String,
    /// When it ended.
    pub at: Timestamp,
    /// How.
    pub outcome: HookOutcome,
    /// Its last success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<Success>,
}

/// A success of a hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Success {
    /// The operation.
    pub operation: String,
    /// A digest of what the hook was made of; nothing when nobody asked for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<String>,
}

/// An operation that left a hook out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SkippedRun {
    /// The operation.
    pub operation: String,
    /// When it ended.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
}

/// Returns the number of an operation, which is what its id begins with.
pub fn number(operation: &str) -> &str {
    operation.split('-').next().unwrap_or(operation)
}

/// Returns the number of the operation in which a hook last succeeded with these inputs, unless it failed since.
pub fn same_inputs<'records>(
    records: &'records HookRecords,
    hook: &HookId,
    phase: Phase,
    inputs: &str,
) -> Option<&'records str> {
    let run = records.get(hook)?.runs.get(&phase)?;
    let success = run.success.as_ref()?;
    let is_same = run.outcome == HookOutcome::Succeeded && success.inputs.as_deref() == Some(inputs);
    is_same.then(|| number(&success.operation))
}

/// Takes in an operation that is over. Hooks that its set doesn't have any more are forgotten.
pub fn remember(records: &mut HookRecords, plan: &Plan, view: &OperationView, at: Timestamp) {
    if plan.does == OperationKind::Sync && !plan.hooks.is_empty() {
        records.retain(|id, _| plan.hooks.contains(id));
    }
    let operation = &view.operation;
    for skipped in &plan.skipped {
        let Some(hook) = &skipped.hook else { continue };
        record(records, hook, &skipped.key).left_out = Some(SkippedRun {
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
        // What was refused before anything began is no run.
        if seen.started_at.is_none() {
            continue;
        }
        let record = record(records, &hook.hook, &task.key);
        record.left_out = record.left_out.take().filter(|left| left.operation == *operation);
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

fn record<'records>(records: &'records mut HookRecords, hook: &HookId, key: &ObjectKey) -> &'records mut HookRecord {
    records.entry(hook.clone()).or_insert_with(|| HookRecord {
        key: key.clone(),
        runs: BTreeMap::new(),
        left_out: None,
    })
}
