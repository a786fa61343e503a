//! Plans deletions: in a delete operation all objects, in a sync those that no manifest names any more.

use std::{cmp::Reverse, collections::BTreeSet};

use super::{Skipped, make::PlanBuilder};
use crate::{
    kubernetes::{
        kind_order,
        ownership::{Owner, Removal},
    },
    model::{
        compat::Rule,
        hook::HookId,
        object::{Object, ObjectKey, labels},
        operation_kind::OperationKind,
        phase::Phase,
        remedy::{Notice, Remedies, Setting},
        settings::Permission,
        wave::Wave,
    },
    plan::{
        compat::prune,
        task::{Action, DeleteTask, DeletionEnd, DryRunCheck, Task, TaskId, UnknownFields},
    },
    read::{
        directive::{self, Directives},
        manifest::{self, Manifest},
    },
};

/// Why the application's own namespace isn't deleted.
const HOME_NAMESPACE_REASON: &str =
    "Capstan's state of this application is stored in it; `kubectl delete namespace` removes it";

/// Why a definition isn't deleted in compat mode.
const DEFINITION_KEPT_REASON: &str = "Argo CD never deletes definitions with an application";

/// Why an object is pruned.
const PRUNE_REASON: &str = "it is no longer in the manifests";

impl PlanBuilder<'_> {
    pub(super) fn add_deletion(&mut self, manifest: &Manifest, directives: &Directives) {
        let key = manifest.key();
        let Some(live) = self.input.live.objects.get(&key) else {
            return;
        };
        if !self.input.options.selection.selects_resource(&key) {
            return;
        }
        match self.removal(live) {
            Removal::Allowed => {}
            Removal::NotOurs(reason) => return self.skip(manifest, reason),
            Removal::Unconfirmed(reason) => return self.skip(manifest, reason),
        }
        match directives.delete {
            Permission::Yes => {}
            Permission::No => return self.skip(manifest, "its annotations or options keep it (Delete=false)"),
            Permission::Confirm if self.input.options.confirmed.has(&key) => {}
            Permission::Confirm => return self.skip(manifest, self.unconfirmed_reason("Delete", &key)),
        }
        if self.is_home_namespace(live) {
            return self.skip(manifest, HOME_NAMESPACE_REASON);
        }
        if self.is_kept_definition(live) {
            return self.skip(manifest, DEFINITION_KEPT_REASON);
        }
        let wave = Wave(directives.wave.0.saturating_neg());
        self.push_deletion(live, wave, directives, "the application is deleted");
    }

    fn push_deletion(&mut self, live: &Object, wave: Wave, directives: &Directives, why: &str) {
        let key = live.key();
        let is_of_hook = live.label(labels::HOOK).is_some();
        let propagation = if is_of_hook && self.input.operation_kind == OperationKind::Delete {
            self.input.propagation_with_pods(directives)
        } else {
            self.input.propagation_of(directives)
        };
        self.tasks.push(Task {
            id: TaskId::new(Phase::Sync, wave, &key),
            phase: Phase::Sync,
            wave,
            rank: u32::MAX - kind_order::rank(&key.group_kind()),
            key,
            object: None,
            place: None,
            action: Action::Delete(DeleteTask {
                uid: live.uid().to_owned(),
                propagation,
                wait_until: DeletionEnd::Gone,
                reason: why.to_owned(),
            }),
            timeout_seconds: None,
            on_timeout: self.input.options.on_timeout,
            check: DryRunCheck::Nothing,
            unknown_fields: UnknownFields::Refused,
            waits_for: Vec::new(),
        });
    }

    /// Adds deletions of the application's objects that no manifest names.
    pub(super) fn add_removals(&mut self, ids: &[Option<HookId>]) {
        let selection = &self.input.options.selection;
        if selection.hooks == Some(super::HookSelection::Only) {
            return;
        }
        let desired: BTreeSet<ObjectKey> = self.desired.iter().map(|one| one.manifest.key()).collect();
        let hooks: BTreeSet<&str> = ids.iter().flatten().map(|id| id.0.as_str()).collect();
        let is_named = |live: &Object| {
            let of_hook = |label| live.label(label).is_some_and(|hook| hooks.contains(hook));
            of_hook(labels::HOOK) || of_hook(labels::APPLIED_BY) || desired.contains(&live.key())
        };
        let ownership = self.input.ownership();
        let may_be_ours = |live: &Object| match ownership.owner(live) {
            Owner::Ours | Owner::OursByNameOnly => true,
            Owner::Nobody => ownership.has_created(live),
            Owner::Another(_) => false,
        };
        // Objects that are being deleted already are waited for, too, so that a success means that everything is gone.
        let awaits_terminating = self.awaits_terminating();
        let left: Vec<&Object> = self
            .input
            .live
            .objects
            .values()
            .filter(|live| may_be_ours(live))
            .filter(|live| awaits_terminating || !live.is_terminating())
            .filter(|live| selection.only.is_empty() || selection.selects_resource(&live.key()))
            .filter(|live| self.input.operation_kind == OperationKind::Delete || !is_named(live))
            .collect();
        let planned = self.tasks.iter().map(|task| &task.key);
        let planned: BTreeSet<ObjectKey> = planned
            .chain(self.skipped.iter().map(|skipped| &skipped.key))
            .cloned()
            .collect();
        self.add_terminating_pods(&planned);
        let is_wanted = self.input.operation_kind == OperationKind::Delete || self.input.options.prune;
        let mut leaving: Vec<PruneCandidate<'_>> = Vec::new();
        for live in left.into_iter().filter(|live| !planned.contains(&live.key())) {
            let key = live.key();
            let may_go = self.removal(live);
            if let Removal::NotOurs(reason) = may_go {
                if is_wanted {
                    self.skip_live(key, reason.into());
                }
                continue;
            }
            if self.is_kept_hook_object(live) {
                continue;
            }
            let (directives, mut refused) = match self.read_live_directives(live) {
                Ok(directives) => {
                    let refused = self.permission(live, &directives).err();
                    (directives, refused)
                }
                Err(reason) => (Directives::default(), Some(reason.into())),
            };
            if let Removal::Unconfirmed(reason) = may_go {
                refused.get_or_insert(reason);
            }
            let goes = is_wanted && refused.is_none();
            if !is_wanted {
                self.unpruned.push(key);
            } else if let Some(reason) = refused {
                self.skip_live(key, reason);
            }
            leaving.push(PruneCandidate {
                live,
                directives,
                is_deleted: goes,
            });
        }
        self.keep_full_containers(&mut leaving);
        let going = leaving.iter().filter(|one| one.is_deleted);
        self.read_live_dependencies(going.map(|one| (one.live, &one.directives)));
        match self.input.operation_kind {
            OperationKind::Delete => {
                for PruneCandidate { live, directives, .. } in leaving.iter().filter(|one| one.is_deleted) {
                    let wave = Wave(directives.wave.0.saturating_neg());
                    self.push_deletion(live, wave, directives, "the application is deleted");
                }
            }
            OperationKind::Sync if self.input.options.mode.has(Rule::PruneInsideWaves) => {
                self.prune_inside_waves(&leaving);
            }
            OperationKind::Sync => self.prune_at_the_end(&leaving),
        }
    }

    /// Returns whether objects that are already being deleted are waited for.
    fn awaits_terminating(&self) -> bool {
        match self.input.operation_kind {
            OperationKind::Delete => true,
            OperationKind::Sync => self.input.options.prune && !self.input.options.mode.has(Rule::PruneInsideWaves),
        }
    }

    /// Adds the wait for pods whose owner, a hook's object, is gone already.
    fn add_terminating_pods(&mut self, planned: &BTreeSet<ObjectKey>) {
        if self.input.operation_kind != OperationKind::Delete || !self.input.options.selection.only.is_empty() {
            return;
        }
        for pod in &self.input.live.terminating_pods {
            if planned.contains(&pod.key()) {
                continue;
            }
            self.push_deletion(
                pod,
                Wave(0),
                &Directives::default(),
                "a hook created it and is still running",
            );
            if let Some(Action::Delete(delete)) = self.tasks.last_mut().map(|task| &mut task.action) {
                delete.wait_until = DeletionEnd::GoneByItself;
            }
        }
    }

    /// Returns whether a live object may be deleted.
    fn removal(&self, live: &Object) -> Removal {
        let is_confirmed = self.input.options.confirmed.has(&live.key());
        self.input.ownership().removal(live, is_confirmed)
    }

    fn skip_live(&mut self, key: ObjectKey, reason: Notice) {
        self.skipped.push(Skipped {
            key,
            reason: reason.text,
            remedies: reason.remedies,
            place: None,
            hook: None,
        });
    }

    /// Adds the deletions of pruned objects after everything else, in the reverse order of their waves.
    fn prune_at_the_end(&mut self, leaving: &[PruneCandidate<'_>]) {
        let tasks = self.tasks.iter().filter(|task| task.phase == Phase::Sync);
        let last = tasks.map(|task| task.wave.0).max().unwrap_or_default();
        let removed = || leaving.iter().filter(|one| one.is_deleted);
        let turns: BTreeSet<(bool, Reverse<Wave>)> = removed().map(|one| prune_order(&one.directives)).collect();
        for PruneCandidate { live, directives, .. } in removed() {
            let before = turns.range(..prune_order(directives)).count();
            let wave = last
                .saturating_add(1)
                .saturating_add(i32::try_from(before).unwrap_or(i32::MAX));
            self.push_deletion(live, Wave(wave), directives, PRUNE_REASON);
        }
    }

    /// Adds the deletions of pruned objects as Argo CD does: among the waves of Sync, in reverse order. Objects that are kept have steps,
    /// too, which do nothing.
    fn prune_inside_waves(&mut self, leaving: &[PruneCandidate<'_>]) {
        let waves: BTreeSet<Wave> = leaving.iter().map(|one| one.directives.wave).collect();
        let swapped = |one: &PruneCandidate<'_>| prune::mirrored_wave(one.directives.wave, &waves);
        let tasks = self.tasks.iter().filter(|task| task.phase == Phase::Sync);
        let highest = tasks.map(|task| task.wave).chain(leaving.iter().map(swapped)).max();
        for one in leaving {
            let (wave, rule) = if one.directives.prune_last && self.input.options.mode.has(Rule::PruneLastWave) {
                (prune::prune_last_wave(highest), Rule::PruneLastWave)
            } else {
                (swapped(one), Rule::PruneInsideWaves)
            };
            if one.is_deleted {
                self.record_rule(rule, &one.live.key(), None);
                self.push_deletion(one.live, wave, &one.directives, PRUNE_REASON);
            } else {
                self.idle_steps.push((Phase::Sync, wave));
            }
        }
    }

    /// Returns whether a live object belongs to a hook and isn't pruned in compat mode.
    fn is_kept_hook_object(&mut self, live: &Object) -> bool {
        let is_hook = live.label(labels::HOOK).is_some()
            || live.annotation("argocd.argoproj.io/hook").is_some()
            || live
                .annotation("helm.sh/hook")
                .is_some_and(|words| words != "crd-install");
        let stays = is_hook
            && self.input.operation_kind == OperationKind::Sync
            && self.input.options.mode.has(Rule::HooksAreNotPruned);
        if stays && self.input.options.prune {
            let key = live.key();
            self.record_rule(Rule::HooksAreNotPruned, &key, None);
            self.skipped.push(Skipped {
                key,
                reason: "it is a hook's object, and Argo CD never prunes those".to_owned(),
                remedies: Remedies::default(),
                place: None,
                hook: None,
            });
        }
        stays
    }

    /// Returns whether an object is the namespace with the application's own state.
    fn is_home_namespace(&self, live: &Object) -> bool {
        live.group().is_empty() && live.kind() == "Namespace" && live.name() == self.input.application.namespace
    }

    /// Reads the annotations of a live object that no manifest names.
    fn read_live_directives(&self, live: &Object) -> Result<Directives, String> {
        let read = manifest::from_live(live).and_then(|one| directive::read_directives(&one, self.input.options.mode));
        match read {
            Ok(mut directives) => {
                self.input.options.sync_options.fill_in(&mut directives);
                Ok(directives)
            }
            Err(errors) => {
                let errors: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
                Err(format!("its annotations can't be read: {}", errors.join("; ")))
            }
        }
    }

    /// Returns why a live object that no manifest names may not be deleted.
    fn permission(&mut self, live: &Object, directives: &Directives) -> Result<(), Notice> {
        if self.is_home_namespace(live) {
            return Err(HOME_NAMESPACE_REASON.into());
        }
        let (permission, option) = match self.input.operation_kind {
            OperationKind::Sync => (directives.prune, "Prune"),
            OperationKind::Delete => (directives.delete, "Delete"),
        };
        match permission {
            Permission::Confirm if !self.input.options.confirmed.has(&live.key()) => {
                Err(self.unconfirmed_reason(option, &live.key()))
            }
            Permission::Yes | Permission::Confirm if self.is_kept_definition(live) => {
                Err(DEFINITION_KEPT_REASON.into())
            }
            Permission::Yes | Permission::Confirm => Ok(()),
            Permission::No => Err(format!("its annotations or options keep it ({option}=false)").into()),
        }
    }

    fn unconfirmed_reason(&self, option: &str, key: &ObjectKey) -> Notice {
        let confirm = Setting::Confirm {
            object: self.confirmable().specifier_for(key),
            with_contents: false,
        };
        Notice::new(
            format!("its annotations require confirmation ({option}=confirm)"),
            confirm,
        )
    }

    /// Returns whether a live object is a definition that isn't deleted with its application in compat mode.
    fn is_kept_definition(&mut self, live: &Object) -> bool {
        let is_definition = live.kind() == "CustomResourceDefinition" && live.group() == "apiextensions.k8s.io";
        let survives = is_definition
            && self.input.operation_kind == OperationKind::Delete
            && self.input.options.mode.has(Rule::DefinitionsSurvive);
        if survives {
            self.record_rule(Rule::DefinitionsSurvive, &live.key(), None);
        }
        survives
    }
}

/// A live object that no manifest names any more.
pub(super) struct PruneCandidate<'a> {
    pub live: &'a Object,
    pub directives: Directives,
    /// Whether it is deleted.
    pub is_deleted: bool,
}

/// Returns the order in which an object is pruned: `PruneLast` after all others, high waves before low ones.
fn prune_order(directives: &Directives) -> (bool, Reverse<Wave>) {
    (directives.prune_last, Reverse(directives.wave))
}
