//! Deletes the objects of hooks whose time has come since an operation ended.

use capstan_core::{
    kubernetes::ownership::Ownership,
    model::{
        compat::Mode,
        hook::{Disposal, HookOutcome, Occasion},
        object::{Object, labels},
        plugins::Plugins,
        remedy::Remedies,
    },
    plan::{
        container::{self, PlannedDeletions},
        propagation::PropagationRules,
    },
    run::{event::OperationStatus, input::DisposalDecision},
};
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    checkpoint::{DueObject, Store},
    clock::Clock,
    cluster::{Cluster, DeleteOutcome},
    contents,
    error::{ClusterError, EngineError},
    perform::{PolicyCase, ask_policies, creation_timestamp, due_propagation},
};

/// The result for one object that is or was due.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SweepResult {
    /// The object that was due.
    pub object: DueObject,
    /// What the sweep did about it.
    #[serde(rename = "fate")]
    pub outcome: SweepOutcome,
    /// What may help if that isn't its deletion.
    #[serde(skip_serializing_if = "Remedies::is_empty")]
    pub remedies: Remedies,
}

/// What a sweep did about one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum SweepOutcome {
    /// Nothing: its time hasn't come.
    #[serde(rename = "waits")]
    NotDue,
    /// It is being deleted.
    Deleted,
    /// It didn't exist any more.
    Gone,
    /// Its policies keep it.
    Kept,
    /// A plugin that decides about it isn't loaded, or gave no answer: this is the reason. The next sweep asks again.
    Unanswered(String),
    /// It couldn't be deleted, for this reason. The next sweep tries again.
    Failed(String),
}

/// Goes through everything that is due, and removes the finished entries.
pub(crate) async fn sweep(
    cluster: &Cluster,
    plugins: &dyn Plugins,
    clock: Clock,
    store: &mut Store,
) -> Result<Vec<SweepResult>, EngineError> {
    let mut swept = Vec::new();
    let mut left = Vec::new();
    for mut object in std::mem::take(&mut store.head.due) {
        let mut remedies = Remedies::default();
        let fate = if object.due.due_at > clock.now() {
            SweepOutcome::NotDue
        } else {
            match dispose(cluster, plugins, clock, store, &mut object, &mut remedies).await {
                Ok(fate) => fate,
                Err(error) => SweepOutcome::Failed(error.to_string()),
            }
        };
        if matches!(
            fate,
            SweepOutcome::NotDue | SweepOutcome::Unanswered(_) | SweepOutcome::Failed(_)
        ) {
            left.push(object.clone());
        }
        swept.push(SweepResult {
            object,
            outcome: fate,
            remedies,
        });
    }
    store.head.due = left;
    if swept.iter().any(|swept| swept.outcome != SweepOutcome::NotDue) {
        store.write().await?;
    }
    Ok(swept)
}

async fn dispose(
    cluster: &Cluster,
    plugins: &dyn Plugins,
    clock: Clock,
    store: &Store,
    object: &mut DueObject,
    remedies: &mut Remedies,
) -> Result<SweepOutcome, ClusterError> {
    let target = &object.due.target;
    let live = cluster.get(&target.key).await?.filter(|live| live.uid() == target.uid);
    let Some(live) = live else {
        return Ok(SweepOutcome::Gone);
    };
    let mut disposal = Disposal::DeleteAt(object.due.due_at);
    if object.due.ask_again {
        let decision = ask_again(cluster, plugins, clock, store, object, &live).await?;
        disposal = decision.disposal;
        let deletes = decision.deletion(clock.now()).is_some();
        if let Some(trouble) = decision.problems.first().filter(|_| !deletes) {
            *remedies = decision.remedies;
            return Ok(SweepOutcome::Unanswered(trouble.clone()));
        }
        match disposal {
            Disposal::Keep => return Ok(SweepOutcome::Kept),
            Disposal::DeleteAt(at) if at > clock.now() => return Ok(postpone(object, at, false)),
            Disposal::AskAgainAt(at) => return Ok(postpone(object, at, true)),
            Disposal::Delete(_) | Disposal::DeleteAt(_) => {}
        }
    }
    if let Some(held) = contents::retention_reason(cluster, &live, None, &PlannedDeletions::default()).await {
        let reason = container::retention_message(&live.key(), &held);
        *remedies = reason.remedies;
        return Ok(SweepOutcome::Failed(reason.text));
    }
    let rules = PropagationRules {
        annotation: object.due.propagation,
        application: None,
    };
    let propagation_of_policy = due_propagation(disposal, clock.now()).unwrap_or_default();
    let propagation = rules.with_live_annotation(&live).decide(propagation_of_policy);
    let target = &object.due.target;
    Ok(match cluster.delete(&target.key, &target.uid, propagation).await? {
        DeleteOutcome::Accepted(_) => SweepOutcome::Deleted,
        DeleteOutcome::AlreadyGone => SweepOutcome::Gone,
    })
}

fn postpone(object: &mut DueObject, at: Timestamp, ask_again: bool) -> SweepOutcome {
    object.due.due_at = at;
    object.due.ask_again = ask_again;
    SweepOutcome::NotDue
}

async fn ask_again(
    cluster: &Cluster,
    plugins: &dyn Plugins,
    clock: Clock,
    store: &Store,
    object: &DueObject,
    live: &Object,
) -> Result<DisposalDecision, ClusterError> {
    let rank = rank_of(cluster, store, live).await?;
    let mut history = store.head.history.iter();
    let operation = history.find(|past| past.id == object.operation);
    let case = PolicyCase {
        application: &store.head.application,
        mode: Mode::Native,
        occasion: Occasion::AskedAgain,
        object: live,
        run: object.run.clone(),
        phase: object.phase,
        wave: object.wave,
        outcome: object.outcome,
        operation_outcome: operation.map(|past| hook_outcome(&past.status)),
        rank,
        runs_to_completion: object.runs_to_completion,
        ttl: object.ttl,
        policies: &object.policies,
        settings: &object.settings,
    };
    Ok(ask_policies(plugins, clock, case).await)
}

fn hook_outcome(status: &OperationStatus) -> HookOutcome {
    match status {
        OperationStatus::Succeeded => HookOutcome::Succeeded,
        OperationStatus::Running
        | OperationStatus::Terminating { .. }
        | OperationStatus::Failed(_)
        | OperationStatus::Terminated { .. } => HookOutcome::Failed,
    }
}

/// Counts the newer objects of the same hook.
async fn rank_of(cluster: &Cluster, store: &Store, live: &Object) -> Result<u32, ClusterError> {
    let Some(hook) = live.label(labels::HOOK) else {
        return Ok(0);
    };
    let key = live.key();
    let selector = format!("{}={hook}", labels::HOOK);
    let all = cluster.list(&key.group_kind(), &key.namespace, &selector).await?;
    let inventory = store.inventory().await;
    let ownership = Ownership::new(&store.head.application, &inventory);
    let newer = all.iter().filter(|other| {
        other.uid() != live.uid() && creation_timestamp(other) > creation_timestamp(live) && ownership.is_own(other)
    });
    Ok(u32::try_from(newer.count()).unwrap_or(u32::MAX))
}
