//! Dry runs of a plan.

use capstan_core::{
    model::object::Object,
    plan::{
        Plan,
        task::{Action, ExpectedChange, Task, TaskId},
    },
    read::ignore,
};
use futures::StreamExt as _;

use crate::{
    cluster::Cluster, concurrent::in_order, error::ClusterError, hook_logs::redact::Redactor, perform, refusal::Refusal,
};

/// The result of a dry run of one task.
#[derive(Debug)]
pub struct DryRunResult {
    /// The task whose object was sent.
    pub task: TaskId,
    /// The object as it is; `None` if it doesn't exist.
    pub live: Option<Object>,
    /// The object as it would be, `None` when it would be deleted; or why the server refuses the change.
    pub result: Result<Option<Object>, Refusal>,
}

/// Sends a dry run for every object of a plan that would change.
pub(crate) async fn dry_run(cluster: &Cluster, plan: &Plan) -> Vec<DryRunResult> {
    let dry_runs = plan
        .tasks
        .iter()
        .filter(|task| may_change(task))
        .map(|task| async move {
            // Objects are read in the version of the manifest, which is also that of the answer.
            let live = match &task.object {
                Some(object) if task.hook().is_none() => cluster.get_live(object).await,
                Some(_) | None => cluster.get(&task.key).await,
            };
            let live = match live {
                Ok(live) => live,
                Err(ClusterError::UnknownKind(_)) => None,
                Err(error) => return (task, None, Err(error)),
            };
            let ignored = match &task.action {
                Action::Apply(apply) => Some(&apply.ignored),
                Action::Delete(_) | Action::Hook(_) => None,
            };
            let result = match perform::dry_run(cluster, plan, task, "rehearsal").await {
                // Its kind or its namespace doesn't exist yet.
                Err(ClusterError::UnknownKind(_) | ClusterError::NotServed(_) | ClusterError::NotFound(_))
                    if live.is_none() =>
                {
                    Ok(task.object.clone())
                }
                other => other,
            };
            let result = match (result, &live, ignored) {
                (Ok(Some(after)), Some(live), Some(ignored)) => Ok(Some(ignore::mask_ignored(&after, live, ignored))),
                (result, _, _) => result,
            };
            (task, live, result)
        });
    let dry_runs = in_order(dry_runs);
    let redactor = Redactor::for_plan(plan);
    dry_runs
        .map(|(task, live, result)| DryRunResult {
            task: task.id.clone(),
            live,
            result: result.map_err(|error| Refusal::of(plan, task, error.map_messages(|text| redactor.redact(text)))),
        })
        .collect()
        .await
}

fn may_change(task: &Task) -> bool {
    match &task.action {
        Action::Apply(apply) => apply.changes != ExpectedChange::None,
        Action::Delete(_) => true,
        Action::Hook(hook) => hook.has_object,
    }
}
