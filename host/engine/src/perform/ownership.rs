//! Tells the application's own objects from others: what its operations created, and what of it may be deleted.

use std::sync::PoisonError;

use capstan_core::{
    kubernetes::ownership::{self, Owner, Ownership, Removal},
    model::{
        inventory::Inventory,
        object::{Object, ObjectKey},
        remedy::Notice,
    },
    plan::{
        container::{self, Container, PlannedDeletions},
        task::{Action, ExpectedChange, Task, TaskResult},
    },
    run::{input::DisposalDecision, operation::Operation},
};

use super::EffectExecutor;
use crate::{contents, error::ClusterError};

/// The objects that the application created: in earlier operations, and in this one since this driver runs it.
pub(crate) struct CreatedObjects {
    pub earlier: Inventory,
    pub current: std::sync::Mutex<Inventory>,
}

impl CreatedObjects {
    pub fn new(before: Inventory) -> CreatedObjects {
        CreatedObjects {
            earlier: before,
            current: std::sync::Mutex::default(),
        }
    }
}

impl EffectExecutor {
    /// Returns the rules that tell the application's objects from those of others.
    pub(super) fn ownership(&self) -> Ownership<'_> {
        Ownership::new(&self.plan.application, &self.created.earlier).after_deletion_of(&self.plan.deleted_applications)
    }

    /// Records that this operation created an object, if it has the application's labels.
    pub(super) fn record_created(&self, object: &Object) {
        if self.ownership().owner(object) == Owner::Ours {
            let mut since = self.created.current.lock().unwrap_or_else(PoisonError::into_inner);
            since.insert(object.key(), object.uid());
        }
    }

    /// Returns the inventory at the operation's end. `gone` are the objects that were missing when it was planned.
    pub async fn inventory(&self, operation: &Operation, gone: &[(ObjectKey, String)]) -> Inventory {
        let mut now = self.created.earlier.clone();
        for (key, uid) in gone {
            now.remove(key, uid);
        }
        let since = self
            .created
            .current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut unseen = Vec::new();
        let results = &operation.state().results;
        let ended_well = |task: &&Task| results.get(&task.id).is_some_and(TaskResult::allows_next);
        for task in self.plan.tasks.iter().filter(ended_well) {
            match &task.action {
                Action::Delete(delete) => now.remove(&task.key, &delete.uid),
                Action::Hook(_) => {
                    if let Some(own) = operation.hook_object(&task.id) {
                        now.insert(own.key.clone(), &own.uid);
                    }
                }
                Action::Apply(apply) => {
                    let object = task.object.as_ref();
                    let is_ours = object.is_some_and(|object| self.ownership().owner(object) == Owner::Ours);
                    match (&apply.changes, &apply.live) {
                        _ if !is_ours => {}
                        (ExpectedChange::None, Some(live)) => now.insert(task.key.clone(), &live.uid),
                        _ if since.contains_key(&task.key) => {}
                        _ => unseen.push(task.key.clone()),
                    }
                }
            }
        }
        // Objects that a driver applied which was lost before the end.
        if !unseen.is_empty() {
            match self.cluster.look_up(unseen).await {
                Ok(found) => {
                    let ours = found.into_values().filter(|live| self.ownership().has_created(live));
                    ours.for_each(|live| now.insert(live.key(), live.uid()));
                }
                Err(error) => tracing::warn!(%error, "some applied objects are missing in the inventory"),
            }
        }
        for (key, uid) in since.iter() {
            now.insert(key.clone(), uid);
        }
        now
    }

    /// Returns why an object may not be deleted, since others are in it.
    async fn retention_reason(&self, live: &Object, task: &Task) -> Option<Notice> {
        Container::from_object(live)?;
        let leaving = PlannedDeletions::from_plan(&self.plan, &self.operation);
        // Planning has made sure that the manifests put nothing into what they leave out.
        let plan = task.hook().map(|_| &*self.plan);
        // A kind that was defined a moment ago may have objects, too.
        if let Err(error) = self.cluster.refresh().await {
            return Some(error.to_string().into());
        }
        let held = contents::retention_reason(&self.cluster, live, plan, &leaving).await?;
        Some(container::retention_message(&live.key(), &held))
    }

    /// Checks that an object that is about to be deleted contains no others.
    pub(super) async fn check_empty(&self, key: &ObjectKey, uid: &str, task: &Task) -> Result<(), ClusterError> {
        if !Container::is_container_kind(&key.group_kind()) {
            return Ok(());
        }
        let live = self.cluster.get(key).await?.filter(|live| live.uid() == uid);
        let Some(live) = live else { return Ok(()) };
        match self.retention_reason(&live, task).await {
            Some(reason) => Err(ClusterError::NotEmpty(reason)),
            None => Ok(()),
        }
    }

    /// Keeps an object that contains others, whatever a hook's delete policies say.
    pub(super) async fn keep_if_occupied(
        &self,
        decision: DisposalDecision,
        live: &Object,
        task: &Task,
    ) -> DisposalDecision {
        if decision.deletion(self.clock.now()).is_none() {
            return decision;
        }
        let Some(reason) = self.retention_reason(live, task).await else {
            return decision;
        };
        let mut troubles = decision.problems;
        let by = decision.decided_by.unwrap_or_default();
        troubles.push(format!("{by} doesn't delete {}: {}", live.key(), reason.text));
        let mut remedies = decision.remedies;
        remedies.0.extend(reason.remedies.0);
        DisposalDecision {
            problems: troubles,
            remedies,
            ..DisposalDecision::keep()
        }
    }

    /// Says whether a hook's object may replace a live object of its name.
    pub(super) fn may_be_replaced(&self, live: &Object, task: &Task) -> bool {
        task.hook().is_some_and(|hook| {
            let ownership = self.ownership();
            ownership.may_be_replaced_by_hook(live, hook.runs_to_completion, self.plan.mode)
        })
    }

    pub(super) fn name_taken_error(&self, live: &Object) -> ClusterError {
        ClusterError::Other(format!(
            "{}; {}",
            self.ownership().name_taken_message(live),
            ownership::NAME_TAKEN_HINT
        ))
    }

    /// Refuses a plugin's request for an object of another application.
    pub(super) fn check_owner(&self, live: Option<&Object>) -> Result<(), ClusterError> {
        match live.and_then(|live| self.ownership().other_owner(live)) {
            Some(owner) => Err(ClusterError::Forbidden(format!(
                "it belongs to the application {owner}"
            ))),
            None => Ok(()),
        }
    }

    /// Refuses a plugin's request to delete an object that has the application's labels and isn't the application's.
    pub(super) fn check_removal(&self, live: &Object) -> Result<(), ClusterError> {
        if self.ownership().owner(live) == Owner::Nobody {
            return Ok(());
        }
        match self.ownership().removal(live, false) {
            Removal::Allowed => Ok(()),
            Removal::NotOurs(reason) => Err(ClusterError::Forbidden(reason)),
            Removal::Unconfirmed(reason) => Err(ClusterError::Forbidden(reason.text)),
        }
    }
}
