//! Deletes objects that PostDelete hooks need only after those hooks.

use std::collections::BTreeSet;

use super::make::PlanBuilder;
use crate::{
    kubernetes::needs,
    model::{compat::Rule, object::ObjectKey, phase::Phase, wave::Wave},
    plan::task::{Action, Task, TaskId},
};

impl PlanBuilder<'_> {
    /// Moves deletions of what PostDelete hooks need after those hooks: accounts, configuration and volumes of their pods, permissions of
    /// the accounts, and the hooks' namespaces. Argo CD deletes everything before.
    pub(super) fn keep_for_post_delete(&mut self) {
        let hooks = self.tasks.iter().filter(|task| is_hook(task));
        let Some(last) = hooks.map(|task| task.wave).max() else {
            return;
        };
        let needed = self.needed_by_post_delete();
        if self.input.options.mode.has(Rule::PostDeleteStandsAlone) {
            for key in needed {
                self.record_rule(Rule::PostDeleteStandsAlone, &key, None);
            }
            return;
        }
        let is_needed = |task: &Task| is_deletion(task) && needed.contains(&task.key);
        let moved = self.tasks.iter().filter(|task| is_needed(task));
        let waves: BTreeSet<Wave> = moved.map(|task| task.wave).collect();
        for task in self.tasks.iter_mut().filter(|task| is_needed(task)) {
            let before = i32::try_from(waves.range(..task.wave).count()).unwrap_or(i32::MAX);
            task.phase = Phase::PostDelete;
            task.wave = Wave(last.0.saturating_add(1).saturating_add(before));
            task.id = TaskId::new(task.phase, task.wave, &task.key);
        }
    }

    /// Returns the keys of the deleted objects that PostDelete hooks need.
    fn needed_by_post_delete(&self) -> BTreeSet<ObjectKey> {
        let hooks = || self.tasks.iter().filter(|task| is_hook(task));
        let mut needed = BTreeSet::new();
        for object in hooks().filter_map(|task| task.object.as_ref()) {
            needed.extend(needs::pod_needs(object).into_iter().map(|need| need.key));
            needed.insert(ObjectKey {
                group: String::new(),
                kind: "Namespace".to_owned(),
                namespace: String::new(),
                name: object.namespace().to_owned(),
            });
        }
        let live = &self.input.live.objects;
        let going = || self.tasks.iter().filter(|task| is_deletion(task));
        let mut rights = BTreeSet::new();
        for binding in going().filter_map(|task| live.get(&task.key)) {
            let named: Vec<ObjectKey> = match binding.kind() {
                "RoleBinding" | "ClusterRoleBinding" => needs::binding_references(binding)
                    .into_iter()
                    .map(|(key, ..)| key)
                    .collect(),
                _ => continue,
            };
            if named.iter().any(|key| needed.contains(key)) {
                rights.insert(binding.key());
                rights.extend(named);
            }
        }
        needed.extend(rights);
        // Objects that PostDelete hooks create themselves aren't needed from before.
        let own: BTreeSet<&ObjectKey> = hooks().map(|task| &task.key).collect();
        let keys = going().map(|task| &task.key);
        keys.filter(|key| needed.contains(key) && !own.contains(key))
            .cloned()
            .collect()
    }
}

fn is_hook(task: &Task) -> bool {
    task.phase == Phase::PostDelete && task.hook().is_some()
}

fn is_deletion(task: &Task) -> bool {
    task.phase == Phase::Sync && matches!(task.action, Action::Delete(_))
}
