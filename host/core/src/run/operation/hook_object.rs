//! The object of a hook as it is created.

use std::time::Duration;

use serde_json::Value;

use crate::{
    kubernetes::ownership,
    model::{
        hook::RunId,
        object::{Object, labels},
    },
    plan::{Plan, task::Task},
};

/// A Job is kept for at least so long until its verdict is recorded.
const MIN_TTL: Duration = Duration::from_hours(24);

pub(super) fn hook_object_to_create(plan: &Plan, task: &Task, operation: &str, attempt: u32) -> Option<Object> {
    let hook = task.hook()?;
    let mut object = task.object.clone()?;
    let run = RunId::new(&hook.hook, operation, attempt, task.phase);
    if let Some(prefix) = object.generate_name().map(str::to_owned) {
        object.set_metadata_text("name", &run.object_name(&prefix));
        if let Some(metadata) = object.0.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("generateName");
        }
    }
    ownership::add_labels(&mut object, &plan.application);
    object.set_label(labels::HOOK, &hook.hook.0);
    object.set_label(labels::RUN, &run.0);
    object.set_label(labels::OPERATION, operation);
    if has_short_ttl(task) {
        object.set(&["spec", "ttlSecondsAfterFinished"], Value::from(MIN_TTL.as_secs()));
    }
    Some(object)
}

/// Returns whether the time to live of a hook's Job is so short that its outcome could be lost.
pub(super) fn has_short_ttl(task: &Task) -> bool {
    let Some(object) = &task.object else { return false };
    object.group() == "batch"
        && object.kind() == "Job"
        && object
            .0
            .pointer("/spec/ttlSecondsAfterFinished")
            .and_then(Value::as_u64)
            .is_some_and(|ttl| ttl < MIN_TTL.as_secs())
}
