//! Applies, replaces, recreates and deletes objects.

use std::time::Duration;

use capstan_core::{
    kubernetes::{finalizer, migration, observed_object::ObservedObject, sent},
    model::{
        compat::Rule,
        object::{Object, ObjectKey},
    },
    plan::{
        Plan,
        propagation::DecidedPropagation,
        task::{Action, ApplyTask, ExpectedChange, Task, UnknownFields},
    },
    read::ignore::{self, WritePurpose},
    run::{
        effect::ObjectIdentity,
        input::{AppliedObject, DeleteAnswer},
        operation,
    },
};
use serde_json::json;

use super::{EffectExecutor, ports, request::are_changes_of_hooks};
use crate::{
    cluster::{Cluster, ConflictPolicy, DeleteOutcome, DryRun, FIELD_MANAGER},
    error::ClusterError,
};

/// How long the cluster may take to serve a kind after its definition was accepted.
const KIND_SERVED_TIMEOUT: Duration = Duration::from_secs(20);
/// How often a replace is tried when others write to the object at the same time.
const MAX_ATTEMPTS: u32 = 5;
/// How long the deletion of an object that is recreated may take.
const DELETION_TIMEOUT: Duration = Duration::from_mins(5);

/// The wait for a kind that isn't served yet.
pub(super) struct KindWait {
    started_at: tokio::time::Instant,
    pause: Duration,
}

impl KindWait {
    pub(super) fn new() -> KindWait {
        KindWait {
            started_at: tokio::time::Instant::now(),
            pause: Duration::ZERO,
        }
    }
}

/// Sends a dry run for a task's object. Returns `None` for a task about which the server has nothing to say.
pub(crate) async fn dry_run(
    cluster: &Cluster,
    plan: &Plan,
    task: &Task,
    operation: &str,
) -> Result<Option<Object>, ClusterError> {
    let Some(object) = &task.object else { return Ok(None) };
    match &task.action {
        Action::Delete(_) => Ok(None),
        Action::Hook(hook) if hook.runs_to_completion => {
            // The last run may have the name of the next one; it is deleted first.
            let own = operation::hook_object_to_create(plan, task, operation, 0);
            let own = own.as_ref().unwrap_or(object);
            match cluster.create_with(own, task.unknown_fields, DryRun::Yes).await {
                Ok(made) => Ok(Some(made)),
                Err(ClusterError::AlreadyExists(_)) => Ok(None),
                Err(error) => Err(error),
            }
        }
        Action::Hook(_) => cluster
            .apply_with(object, conflict_policy_of_hooks(plan), task.unknown_fields, DryRun::Yes)
            .await
            .map(|(made, _)| Some(made)),
        Action::Apply(apply) => match write(cluster, object, apply, task.unknown_fields, DryRun::Yes).await {
            Ok((made, _)) => Ok(Some(made)),
            // The object is replaced by a new one.
            Err(ClusterError::Immutable(_)) if apply.strategy.recreates() => Ok(Some(object.clone())),
            // Fields that kubectl owns are migrated first.
            Err(ClusterError::FieldConflicts(_)) if apply.migrates => Ok(Some(object.clone())),
            Err(error) => Err(error),
        },
    }
}

/// Returns what happens to fields of a hook's object that others own.
pub(super) fn conflict_policy_of_hooks(plan: &Plan) -> ConflictPolicy {
    if plan.mode.has(Rule::FieldsAreTakenOver) {
        ConflictPolicy::Force
    } else {
        ConflictPolicy::Refuse
    }
}

/// Writes a task's object. Returns it as it is afterwards, with the unknown fields that were left out.
///
/// # Errors
///
/// Returns why the server refuses the object, or the fields that others own unless they are taken over.
pub(crate) async fn write(
    cluster: &Cluster,
    object: &Object,
    apply: &ApplyTask,
    unknown: UnknownFields,
    rehearsal: DryRun,
) -> Result<(Object, Vec<String>), ClusterError> {
    let conflicts = if apply.force_conflicts {
        ConflictPolicy::Force
    } else {
        ConflictPolicy::Refuse
    };
    let ignores = !apply.ignored.is_empty() && !apply.ignored.is_sent;
    let replaces = apply.strategy.replaces();
    if apply.live.is_some() && (replaces || ignores) {
        let mut tries = 1;
        while let Some(live) = cluster.get(&object.key()).await? {
            let mut sent = object.clone();
            if ignores {
                let writing = if replaces {
                    WritePurpose::Replace
                } else {
                    WritePurpose::Apply
                };
                sent = ignore::preserve_ignored(object, &live, &apply.ignored, FIELD_MANAGER, writing);
            }
            if !replaces {
                return ports::apply(cluster, &sent, conflicts, unknown, rehearsal).await;
            }
            sent.set_metadata_text("resourceVersion", live.resource_version());
            match cluster.replace_with(&sent, unknown, rehearsal).await {
                // A controller updated the status in between: the object is replaced as it is now.
                Err(ClusterError::ObjectChanged(_)) if tries < MAX_ATTEMPTS => tries += 1,
                other => return other.map(|made| (made, Vec::new())),
            }
        }
    }
    match ports::apply(cluster, object, conflicts, unknown, rehearsal).await {
        // Fields that a hook of ours changed are the application's own.
        Err(error) if are_changes_of_hooks(&error) => {
            ports::apply(cluster, object, ConflictPolicy::Force, unknown, rehearsal).await
        }
        other => other,
    }
}

impl EffectExecutor {
    /// Sends a dry run for a task's object.
    pub(super) async fn check(&self, task: &Task) -> Result<(), ClusterError> {
        dry_run(&self.cluster, &self.plan, task, &self.operation)
            .await
            .map(drop)
    }

    /// Makes an object as desired, and assesses the result.
    pub(super) async fn apply(&self, task: &Task) -> Result<AppliedObject, ClusterError> {
        let (Some(object), Action::Apply(apply)) = (&task.object, &task.action) else {
            return Err(ClusterError::Other("the plan has no object for it".to_owned()));
        };
        if apply.migrates {
            self.migrate_field_managers(&task.key, apply).await?;
        }
        let unknown = task.unknown_fields;
        let mut patience = KindWait::new();
        let (mut met_others, mut has_emptied) = (false, false);
        let (made, left_out) = loop {
            match write(&self.cluster, object, apply, unknown, DryRun::No).await {
                Err(ClusterError::Immutable(_)) if apply.strategy.recreates() => {
                    break self.recreate(task, object, apply).await?;
                }
                // The owner of an ignored field may have changed it at this moment.
                Err(ClusterError::FieldConflicts(_)) if !apply.ignored.is_empty() && !met_others => met_others = true,
                Err(error) => self.wait_for_kind(&mut patience, error).await?,
                // Entries of the previous application in a list are removed after the new ones were merged in, and an empty list with
                // them.
                Ok((made, _))
                    if !apply.strategy.replaces() && !has_emptied && sent::has_lost_empty_value(object, &made) =>
                {
                    has_emptied = true;
                }
                Ok(written) => break written,
            }
        };
        self.record_created(&made);
        let by = Some(&apply.health_plugin);
        let mut assessment = self.health_assessor.assess(by, &made).await;
        // An assessment that may change is explained later, by the watch.
        if assessment.is_final {
            assessment = self
                .health_assessor
                .assess_with_related(by, &made, assessment, None)
                .await;
        }
        let before = apply.live.as_ref();
        Ok(AppliedObject {
            uid: made.uid().to_owned(),
            resource_version: made.resource_version().to_owned(),
            changed: match before {
                Some(before) => before.resource_version != made.resource_version(),
                None => apply.changes != ExpectedChange::None,
            },
            spec_changed: before.is_some_and(|before| before.generation != made.generation()),
            observed: Some(ObservedObject::new(&made, assessment)),
            dropped_fields: left_out,
        })
    }

    /// Waits for a kind after a request failed because it isn't served: an earlier wave may have applied its definition, and nothing
    /// reports when every API server has read that. Returns any other error, and this one after a timeout.
    pub(super) async fn wait_for_kind(&self, patience: &mut KindWait, error: ClusterError) -> Result<(), ClusterError> {
        let is_new = matches!(error, ClusterError::UnknownKind(_) | ClusterError::NotServed(_));
        if !is_new || patience.started_at.elapsed() > KIND_SERVED_TIMEOUT {
            return Err(error);
        }
        tokio::time::sleep(patience.pause).await;
        patience.pause = (patience.pause * 2).clamp(Duration::from_millis(50), Duration::from_secs(1));
        self.cluster.refresh().await
    }

    /// Deletes an object that can't be changed as desired, and creates it again.
    async fn recreate(
        &self,
        task: &Task,
        object: &Object,
        apply: &ApplyTask,
    ) -> Result<(Object, Vec<String>), ClusterError> {
        let (key, unknown) = (object.key(), task.unknown_fields);
        let Some(live) = self.cluster.get(&key).await? else {
            return write(&self.cluster, object, apply, unknown, DryRun::No).await;
        };
        self.check_empty(&key, live.uid(), task).await?;
        let propagation = apply.recreate_propagation;
        self.cluster.delete(&key, live.uid(), propagation).await?;
        match tokio::time::timeout(DELETION_TIMEOUT, self.cluster.wait_until_gone(&key, live.uid())).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(error),
            Err(_) => {
                let now = self.cluster.get(&key).await?;
                let why = now.as_ref().and_then(finalizer::deletion_blocker).unwrap_or_default();
                let seconds = DELETION_TIMEOUT.as_secs();
                return Err(ClusterError::Other(format!(
                    "it was deleted to be created again, and isn't gone after {seconds} s: {why}"
                )));
            }
        }
        write(&self.cluster, object, apply, unknown, DryRun::No).await
    }

    /// Migrates fields that another tool's apply left to our field manager.
    async fn migrate_field_managers(&self, key: &ObjectKey, apply: &ApplyTask) -> Result<(), ClusterError> {
        let Some(live) = self.cluster.get(key).await? else {
            return Ok(());
        };
        let adopts = self.ownership().has_no_owner(&live);
        if !migration::is_needed(&live, adopts) || apply.live.is_none() {
            return Ok(());
        }
        let fields = migration::migrated_managed_fields(&live, FIELD_MANAGER, adopts);
        let patch = json!({ "metadata": { "managedFields": fields, "resourceVersion": live.resource_version() } });
        match self.cluster.merge_patch(key, live.uid(), patch).await {
            // Another writer was faster: its fields are reported as a conflict.
            Ok(_) | Err(ClusterError::ObjectChanged(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Deletes an object. Finalizers of Argo CD, which no controller would remove, are removed first.
    pub(super) async fn delete(
        &self,
        task: &Task,
        target: &ObjectIdentity,
        propagation: DecidedPropagation,
    ) -> Result<DeleteAnswer, ClusterError> {
        self.check_empty(&target.key, &target.uid, task).await?;
        let left = match self.cluster.delete(&target.key, &target.uid, propagation).await? {
            DeleteOutcome::AlreadyGone => return Ok(DeleteAnswer::AlreadyGone),
            DeleteOutcome::Accepted(None) => return Ok(DeleteAnswer::Accepted),
            DeleteOutcome::Accepted(Some(left)) => left,
        };
        let others: Vec<&str> = finalizer::finalizers(&left)
            .filter(|name| *name != finalizer::ARGO_CD_HOOK_FINALIZER)
            .collect();
        if others.len() < finalizer::finalizers(&left).count() {
            tracing::warn!(object = %target.key, "Argo CD left its hook finalizer on it; it is removed");
            let patch = json!({ "metadata": { "finalizers": others } });
            match self.cluster.merge_patch(&target.key, &target.uid, patch).await {
                Ok(_) | Err(ClusterError::NotFound(_) | ClusterError::ObjectChanged(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(DeleteAnswer::Accepted)
    }
}
