//! Several manifests with the same kind and name: hooks of several phases, or a hook beside an ordinary object.

use std::collections::{BTreeMap, BTreeSet};

use super::{Classified, Role, Skipped, hooks, make::PlanBuilder};
use crate::{
    model::{
        compat::Rule,
        object::{Object, ObjectKey},
        operation_kind::OperationKind,
        phase::Phase,
        remedy::Remedies,
        wave::Wave,
    },
    plan::task::{Action, ExpectedChange, Task},
    read::manifest::Manifest,
};

/// What happens to a hook beside an ordinary object of its name.
enum SameNameOutcome {
    /// It runs, and its delete policies don't delete the object.
    Shares,
    /// It doesn't run, for this reason.
    LeftOut(&'static str),
    /// The object doesn't exist then, so the hook runs like any other.
    Alone,
}

impl PlanBuilder<'_> {
    /// Reports manifests that can't be in one set: two ordinary objects with one name, or a Job that is both a hook and an ordinary object.
    pub(super) fn check_same_names(&mut self) {
        let mut seen: BTreeMap<(ObjectKey, bool), &Manifest> = BTreeMap::new();
        let mut errors = Vec::new();
        for classified in &self.desired {
            let manifest = &classified.manifest;
            if manifest.object.generate_name().is_some() {
                continue;
            }
            let key = manifest.key();
            let is_hook = is_hook_with_object(classified);
            let ends = hooks::runs_to_completion(&key.group_kind());
            let equal = seen.get(&(key.clone(), false)).filter(|_| !is_hook);
            let across = seen.get(&(key.clone(), !is_hook)).filter(|_| ends);
            if let Some(first) = equal {
                let error = manifest.error("/metadata/name", format!("{key} is there twice"));
                errors.push(match first.place("/metadata/name") {
                    Some(place) => error.hint(format!("the first one is in {place}")),
                    None => error,
                });
            } else if let Some(first) = across {
                let message = format!(
                    "{key} is defined twice: as a hook and as an ordinary object, and only one can have the name"
                );
                let error = manifest.error("/metadata/name", message);
                errors.push(match first.place("/metadata/name") {
                    Some(place) => error.hint(format!("give one of them another name; the first one is in {place}")),
                    None => error.hint("give one of them another name"),
                });
            } else {
                seen.entry((key, is_hook)).or_insert(manifest);
            }
        }
        self.errors.extend(errors);
    }

    /// Resolves a conflict of a hook with another one that has its name, phase and wave: an error; in compat mode the last one runs.
    ///
    /// Returns whether the hook may run.
    pub(super) fn resolve_slot_conflict(&mut self, manifest: &Manifest, phase: Phase, wave: Wave) -> bool {
        if manifest.object.generate_name().is_some() {
            return true;
        }
        let key = manifest.key();
        let has_turn =
            |task: &Task| task.hook().is_some() && task.phase == phase && task.wave == wave && task.key == key;
        let Some(first) = self.tasks.iter().position(has_turn) else {
            return true;
        };
        if self.input.options.mode.has(Rule::MistakesAreIgnored) {
            let first = self.tasks.remove(first);
            let place = first.place.map_or_else(String::new, |place| format!(" in {place}"));
            self.record_rule(Rule::MistakesAreIgnored, &key, Some(phase));
            self.notices.push(format!(
                "{key}: two hooks of {phase}, wave {wave}, have this name; the first one{place} is ignored"
            ));
            return true;
        }
        let message =
            format!("{key} is defined twice: both are hooks of {phase}, wave {wave}, and would run at the same time");
        let error = manifest.error("/metadata/name", message);
        self.errors.push(match &self.tasks[first].place {
            Some(place) => error.hint(format!(
                "give one of them another name or wave; the first one is in {place}"
            )),
            None => error.hint("give one of them another name or wave"),
        });
        false
    }

    /// Decides what happens to hooks beside ordinary objects of their name. The object belongs to the set: it is applied as the set
    /// contains it, and no hook's policy deletes it.
    pub(super) fn share_objects(&mut self) {
        let of_hooks: BTreeSet<ObjectKey> = self
            .desired
            .iter()
            .filter(|one| is_hook_with_object(one) && one.manifest.object.generate_name().is_none())
            .map(|one| one.manifest.key())
            .collect();
        let resources: BTreeMap<ObjectKey, &Object> = self
            .desired
            .iter()
            .filter(|one| matches!(one.role, Role::Resource))
            .map(|one| (one.manifest.key(), &one.manifest.object))
            .filter(|(key, _)| of_hooks.contains(key))
            .collect();
        if resources.is_empty() {
            return;
        }
        let mut others: BTreeMap<ObjectKey, usize> = BTreeMap::new();
        for (at, task) in self.tasks.iter().enumerate() {
            if task.hook().is_none() && resources.contains_key(&task.key) {
                others.insert(task.key.clone(), at);
            }
        }
        let mut left_out = BTreeSet::new();
        for at in 0..self.tasks.len() {
            let task = &self.tasks[at];
            let (Some(object), Some(hook)) = (resources.get(&task.key), task.hook()) else {
                continue;
            };
            let other = others.get(&task.key).copied();
            match self.same_name_outcome(task, object, other.map(|other| &self.tasks[other])) {
                SameNameOutcome::Alone => {}
                SameNameOutcome::LeftOut(reason) => {
                    self.skipped.push(Skipped {
                        key: task.key.clone(),
                        reason: format!("as a hook of {}: {reason}", task.phase),
                        remedies: Remedies::default(),
                        place: task.place.clone(),
                        hook: Some(hook.hook.clone()),
                    });
                    left_out.insert(task.id.clone());
                }
                SameNameOutcome::Shares => {
                    if let Action::Hook(hook) = &mut self.tasks[at].action {
                        hook.is_shared = true;
                    }
                    // The set's task restores what the hook changes.
                    if let Some(other) = other
                        && let Action::Apply(apply) = &mut self.tasks[other].action
                        && apply.changes == ExpectedChange::None
                    {
                        apply.changes = ExpectedChange::Fields(Vec::new());
                    }
                }
            }
        }
        self.tasks.retain(|task| !left_out.contains(&task.id));
    }

    fn same_name_outcome(&self, hook: &Task, object: &Object, other: Option<&Task>) -> SameNameOutcome {
        if self.input.operation_kind == OperationKind::Delete {
            let is_live = self.input.live.objects.contains_key(&hook.key);
            let goes_before = other.is_some() && hook.phase == Phase::PostDelete;
            return if is_live && !goes_before {
                SameNameOutcome::LeftOut("the set's own object of this name is still there")
            } else {
                SameNameOutcome::Alone
            };
        }
        let Some(other) = other.filter(|_| hook.phase != Phase::SyncFail) else {
            return SameNameOutcome::Shares;
        };
        if (other.phase, other.wave) <= (hook.phase, hook.wave) {
            return SameNameOutcome::LeftOut("the set's own object of this name is applied by then");
        }
        let is_as_desired = matches!(&other.action, Action::Apply(apply) if apply.changes == ExpectedChange::None);
        if is_as_desired && hook.object.as_ref().is_some_and(|own| has_same_content(own, object)) {
            return SameNameOutcome::LeftOut("the set's own object of this name is there already");
        }
        SameNameOutcome::Shares
    }
}

/// Returns whether a manifest is a hook with an object.
fn is_hook_with_object(classified: &Classified) -> bool {
    matches!(classified.role, Role::Hook { has_object: true, .. })
}

/// Compares two manifests without their metadata.
fn has_same_content(one: &Object, other: &Object) -> bool {
    let content = |object: &Object| {
        let fields = object.0.as_object().into_iter().flatten();
        let fields = fields.filter(|(field, _)| *field != "metadata");
        fields
            .map(|(field, value)| (field.clone(), value.clone()))
            .collect::<BTreeMap<_, _>>()
    };
    content(one) == content(other)
}
