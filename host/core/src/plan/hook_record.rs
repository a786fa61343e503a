//! What is stored about hooks between operations: the last run, its outcome, the inputs of the last success, and why a hook was skipped.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{
    hook::{HookId, HookOutcome},
    object::ObjectKey,
    phase::Phase,
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
