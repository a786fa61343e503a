//! What a plan says of its tasks, for people. The data of Secrets is left out.

use capstan_api::{
    operation::{FieldChange, TaskPlan},
    plan::{PlannedAction, PlannedTask},
};
use capstan_core::{
    kubernetes::secret::is_secret_kind,
    model::{
        object::{Object, ObjectKey},
        object_specifier::ObjectIndex,
        text::truncated_to,
    },
    plan::{
        Plan,
        diff::{self, Change},
        mask,
        task::{Action, DeletionEnd, ExpectedChange, Task},
        wait_text,
    },
};
use capstan_engine::{DryRunResult, cluster::FIELD_MANAGER};
use capstan_yaml::write as yaml;
use serde_json::Value;
use similar::TextDiff;

/// How many bytes of a changed value are shown.
const MAX_VALUE: usize = 512;
/// How many changed fields of an object are listed.
const MAX_CHANGES: usize = 100;
/// How many bytes of an object's diff are shown.
const MAX_DIFF: usize = 256 * 1024;
/// What stands where the value of a Secret was.
const HIDDEN: &str = "(hidden)";

/// Returns what a plan says of a task beside its outline.
pub(crate) fn of_operation(task: &Task) -> TaskPlan {
    TaskPlan {
        wait: wait(task).to_owned(),
        judged_by: by(task),
        timeout_seconds: task.timeout_seconds,
        waits_for: task.waits_for.clone(),
        place: task.place.clone(),
        changes: changes(task),
        policies: policies(task),
    }
}

/// Returns the tasks of a plan, with what the API server says of each.
pub(crate) fn of_plan(plan: &Plan, answers: &[DryRunResult]) -> Vec<PlannedTask> {
    let words = ObjectIndex::from_keys(plan.tasks.iter().map(|task| task.key.clone()));
    let answer = |task: &Task| answers.iter().find(|answer| answer.task == task.id);
    let tasks = plan.tasks.iter().map(|task| {
        let (diff, refused) = match answer(task) {
            None => (String::new(), None),
            Some(answer) => match &answer.result {
                Err(error) => (String::new(), Some(error.to_string())),
                // A hook runs anyway.
                Ok(_) if task.hook().is_some() => (String::new(), None),
                Ok(after) => (unified(&task.key, answer.live.as_ref(), after.as_ref()), None),
            },
        };
        PlannedTask {
            id: task.id.clone(),
            phase: task.phase,
            wave: task.wave,
            key: task.key.clone(),
            word: words.specifier_for(&task.key),
            action: action(task),
            wait: wait(task).to_owned(),
            by: by(task),
            timeout_seconds: task.timeout_seconds,
            waits_for: task.waits_for.clone(),
            place: task.place.clone(),
            changes: changes(task),
            diff,
            refused,
            policies: policies(task),
        }
    });
    tasks.collect()
}

/// Returns what is done with a task's object.
pub(crate) fn action(task: &Task) -> PlannedAction {
    match &task.action {
        Action::Hook(_) => PlannedAction::Run,
        Action::Delete(_) => PlannedAction::Delete,
        Action::Apply(apply) => match &apply.changes {
            ExpectedChange::Create => PlannedAction::Create,
            ExpectedChange::Fields(_) => PlannedAction::Change,
            ExpectedChange::None => PlannedAction::Keep,
        },
    }
}

fn wait(task: &Task) -> &'static str {
    match &task.action {
        Action::Hook(_) => "run, wait Succeeded",
        Action::Apply(apply) => wait_text(apply.wait),
        Action::Delete(delete) => match delete.wait_until {
            DeletionEnd::Gone => "delete, wait gone",
            DeletionEnd::Accepted => "delete",
            DeletionEnd::GoneByItself => "wait gone",
        },
    }
}

fn by(task: &Task) -> String {
    match &task.action {
        Action::Hook(hook) => hook.plugin.to_string(),
        Action::Apply(apply) => apply.health_plugin.to_string(),
        Action::Delete(_) => String::new(),
    }
}

fn policies(task: &Task) -> Vec<String> {
    let policies = task.hook().into_iter().flat_map(|hook| &hook.policies);
    policies
        .map(|policy| match &*policy.words {
            [] => policy.plugin.to_string(),
            words => format!("{} ({})", words.join(", "), policy.plugin),
        })
        .collect()
}

fn changes(task: &Task) -> Vec<FieldChange> {
    let Some(ExpectedChange::Fields(changes)) = task.apply().map(|apply| &apply.changes) else {
        return Vec::new();
    };
    let is_secret = is_secret_kind(&task.key.group, &task.key.kind);
    changes
        .iter()
        .take(MAX_CHANGES)
        .map(|change| field(change, is_secret))
        .collect()
}

fn field(change: &Change, is_secret: bool) -> FieldChange {
    let shown = |value: &Value| {
        if is_secret {
            return HIDDEN.to_owned();
        }
        let mut value = value.clone();
        mask::mask_secrets(&mut value);
        truncated_to(value.to_string(), MAX_VALUE)
    };
    let tokens = change.pointer.split('/').skip(1);
    let names: Vec<String> = tokens
        .map(|token| token.replace("~1", "/").replace("~0", "~"))
        .collect();
    FieldChange {
        field: names.join("."),
        from: change.from.as_ref().map(shown),
        to: change.to.as_ref().map(shown),
    }
}

/// Compares an object before and after, as `capstan diff` does.
fn unified(key: &ObjectKey, before: Option<&Object>, after: Option<&Object>) -> String {
    let (before, after) = mask::mask_pair(before, after);
    let written = |object: Option<Object>| {
        object.map_or_else(String::new, |object| {
            yaml::to_text(&diff::comparable(&object, FIELD_MANAGER))
        })
    };
    let (before, after) = (written(before), written(after));
    if before == after {
        return String::new();
    }
    let name = key.kind_and_name();
    let compared = TextDiff::from_lines(&before, &after);
    let unified = compared
        .unified_diff()
        .context_radius(3)
        .header(&format!("live {name}"), &format!("desired {name}"))
        .to_string();
    truncated_to(unified, MAX_DIFF)
}
