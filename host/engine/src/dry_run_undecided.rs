//! Server-side dry runs of the objects of a plan for which it isn't certain that nothing changes.

use std::collections::{BTreeMap, BTreeSet};

use capstan_core::{
    model::object::{GroupKind, Object, ObjectKey},
    plan::{
        Plan,
        container::Container,
        diff::DryRunAnswer,
        task::{ApplyTask, ExpectedChange, Task},
    },
};
use futures::StreamExt as _;

use crate::{
    cluster::{Cluster, DryRun, FIELD_MANAGER},
    concurrent::in_any_order,
    error::ClusterError,
    perform,
};

/// Sends a dry run for every live object of a plan that may change, several at a time. There is no entry for an object that the server
/// refuses or that we may not ask about: that error is reported when the task is checked.
pub(crate) async fn dry_run_undecided(
    cluster: &Cluster,
    plan: &Plan,
    live: &BTreeMap<ObjectKey, Object>,
) -> BTreeMap<ObjectKey, DryRunAnswer> {
    let open = plan.tasks.iter().filter_map(|task| undecided_task(task, live));
    let (definitions, others): (Vec<UndecidedTask<'_>>, Vec<UndecidedTask<'_>>) =
        open.partition(|open| defined_kind(open.object).is_some());
    let mut answers = ask(cluster, definitions).await;
    // A definition that changes may change how the server reads its objects.
    let changing: BTreeSet<GroupKind> = plan
        .tasks
        .iter()
        .filter(|task| task.apply().is_some_and(|apply| apply.changes != ExpectedChange::None))
        .filter(|task| {
            let answer = answers.get(&task.key);
            answer.is_none_or(|answer| !answer.is_unchanged(FIELD_MANAGER))
        })
        .filter_map(|task| defined_kind(task.object.as_ref()?))
        .collect();
    let others = others
        .into_iter()
        .filter(|open| !changing.contains(&open.object.group_kind()))
        .collect();
    answers.extend(ask(cluster, others).await);
    answers
}

/// A task of which it isn't known yet whether it changes anything.
struct UndecidedTask<'a> {
    task: &'a Task,
    apply: &'a ApplyTask,
    object: &'a Object,
    live: &'a Object,
}

fn undecided_task<'a>(task: &'a Task, live: &'a BTreeMap<ObjectKey, Object>) -> Option<UndecidedTask<'a>> {
    let apply = task.apply()?;
    let is_open = matches!(apply.changes, ExpectedChange::Fields(_));
    // Fields that another tool's apply left are migrated to our field manager first. A dry run before that would be about another state.
    if !is_open || apply.migrates {
        return None;
    }
    Some(UndecidedTask {
        task,
        apply,
        object: task.object.as_ref()?,
        live: live.get(&task.key)?,
    })
}

/// Returns the kind that an object defines.
fn defined_kind(object: &Object) -> Option<GroupKind> {
    match Container::from_object(object) {
        Some(Container::Definition(kind)) => Some(kind),
        Some(Container::Namespace(_)) | None => None,
    }
}

async fn ask(cluster: &Cluster, open: Vec<UndecidedTask<'_>>) -> BTreeMap<ObjectKey, DryRunAnswer> {
    let dry_runs = open.into_iter().map(|open| async move {
        let key = &open.task.key;
        match answer(cluster, &open).await {
            Ok(answer) => answer.map(|answer| (key.clone(), answer)),
            Err(error) => {
                tracing::debug!(object = %key, %error, "the server gives no answer to a dry run");
                None
            }
        }
    });
    let dry_runs: Vec<Option<(ObjectKey, DryRunAnswer)>> = in_any_order(dry_runs).collect().await;
    dry_runs.into_iter().flatten().collect()
}

async fn answer(cluster: &Cluster, open: &UndecidedTask<'_>) -> Result<Option<DryRunAnswer>, ClusterError> {
    let UndecidedTask {
        task,
        apply,
        object,
        live,
    } = open;
    let (after, _) = perform::write(cluster, object, apply, task.unknown_fields, DryRun::Yes).await?;
    let is_about = |before: &Object| {
        before.api_version() == after.api_version() && before.resource_version() == after.resource_version()
    };
    if is_about(live) {
        let before = (*live).clone();
        return Ok(Some(DryRunAnswer { before, after }));
    }
    // The object was changed since it was read, or it was read in another version.
    let before = cluster.get_live(object).await?;
    Ok(before.map(|before| DryRunAnswer { before, after }))
}
