//! Containers that a plan would delete: a Namespace or a `CustomResourceDefinition` is kept while it contains anything that isn't deleted.

use super::{Skipped, deletions::PruneCandidate, make::PlanBuilder};
use crate::{
    model::{
        object::{Object, ObjectKey},
        operation_kind::OperationKind,
        phase::Phase,
        remedy::Notice,
    },
    plan::{
        Role,
        container::{self, Container, Contents, RetentionReason},
        task::Action,
    },
};

impl PlanBuilder<'_> {
    /// Keeps containers that aren't empty. A container that is kept may be in another one, so this is repeated until nothing changes.
    pub(super) fn keep_full_containers(&mut self, leaving: &mut [PruneCandidate<'_>]) {
        let live = &self.input.live.objects;
        let containers: Vec<(ObjectKey, Container)> = self
            .deleted()
            .chain(leaving.iter().filter(|one| one.is_deleted).map(|one| one.live.key()))
            .filter_map(|key| Some((key.clone(), Container::from_object(live.get(&key)?)?)))
            .collect();
        if containers.is_empty() {
            return;
        }
        for (key, container) in &containers {
            if self.input.options.confirmed.has(key) {
                self.confirmed.insert(container.clone());
            }
        }
        let mut staying = containers;
        loop {
            let going = self.planned_deletions(leaving);
            let held = staying
                .iter()
                .enumerate()
                .find_map(|(at, (key, container))| Some((at, self.retention_reason(key, container, &going)?)));
            let Some((at, held)) = held else { return };
            let (key, container) = staying.remove(at);
            self.confirmed.remove(&container);
            let reason = container::retention_message(&key, &held);
            self.keep_object(&key, reason, leaving);
        }
    }

    /// Records that a hook's container is deleted with its contents, if the user confirmed that.
    pub(super) fn confirm_container(&mut self, object: &Object) {
        if self.input.options.confirmed.has(&object.key())
            && let Some(container) = Container::from_object(object)
        {
            self.confirmed.insert(container);
        }
    }

    fn deleted(&self) -> impl Iterator<Item = ObjectKey> {
        let tasks = self.tasks.iter();
        tasks
            .filter(|task| matches!(task.action, Action::Delete(_)))
            .map(|task| task.key.clone())
    }

    /// Returns what the plan deletes so far.
    fn planned_deletions(&self, leaving: &[PruneCandidate<'_>]) -> container::PlannedDeletions {
        let mut going = container::PlannedDeletions::default();
        for task in &self.tasks {
            if let Action::Delete(delete) = &task.action {
                going.add(&delete.uid, delete.propagation.get());
            }
        }
        for one in leaving.iter().filter(|one| one.is_deleted) {
            going.add(one.live.uid(), self.input.propagation_of(&one.directives).get());
        }
        for container in &self.confirmed {
            going.add_confirmed(container.clone());
        }
        going
    }

    fn retention_reason(
        &self,
        key: &ObjectKey,
        container: &Container,
        going: &container::PlannedDeletions,
    ) -> Option<RetentionReason> {
        if going.is_confirmed(container) {
            return None;
        }
        if let Some(put) = self.object_added_by_plan(container) {
            return Some(RetentionReason::PlannedObject(put));
        }
        match self.input.live.contents.get(key) {
            Some(contents) => container::retention_reason(container, contents, going),
            None => container::retention_reason(container, &Contents::Unknown("nobody looked".to_owned()), going),
        }
    }

    /// Returns the first object of the set that would be in a container after the plan has run.
    fn object_added_by_plan(&self, container: &Container) -> Option<ObjectKey> {
        if self.input.operation_kind == OperationKind::Sync {
            let desired = self.desired.iter();
            let desired = desired.filter(|one| !matches!(one.role, Role::Skip(_)));
            return desired
                .map(|one| one.manifest.key())
                .find(|key| container.contains(key));
        }
        let later = self.tasks.iter().filter(|task| {
            let is_hook = task.hook().is_some_and(|hook| hook.has_object);
            is_hook && task.phase != Phase::PreDelete
        });
        later.map(|task| task.key.clone()).find(|key| container.contains(key))
    }

    fn keep_object(&mut self, key: &ObjectKey, reason: Notice, leaving: &mut [PruneCandidate<'_>]) {
        self.tasks
            .retain(|task| task.key != *key || !matches!(task.action, Action::Delete(_)));
        for one in leaving.iter_mut().filter(|one| one.live.key() == *key) {
            one.is_deleted = false;
        }
        let manifest = self.desired.iter().find(|one| one.manifest.key() == *key);
        self.skipped.push(Skipped {
            key: key.clone(),
            reason: reason.text,
            remedies: reason.remedies,
            place: manifest.and_then(|one| one.manifest.place("")),
            hook: None,
        });
    }
}
