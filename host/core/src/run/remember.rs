//! Records an operation that has ended in the hooks' records.

use jiff::Timestamp;

use crate::{
    model::{
        hook::{HookId, HookOutcome},
        object::ObjectKey,
        operation_kind::OperationKind,
    },
    plan::{
        Plan,
        hook_record::{HookRecord, HookRecords, LastRun, SkippedRun, Success},
        task::TaskResult,
    },
    run::view::{OperationView, TaskProgress},
};
use std::collections::BTreeMap;

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
        // A task that failed before the operation started is not a run.
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
