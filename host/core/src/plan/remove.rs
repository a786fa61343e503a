//! What goes: in a delete all of it, in a sync what no manifest names any more.

use std::{cmp::Reverse, collections::BTreeSet};

use super::{Skipped, make::Making};
use crate::{
    directive::{self, Directives, Permission},
    error::PlanError,
    hook::{HookId, Propagation},
    manifest::{self, Manifest},
    object::{Object, ObjectKey, labels},
    operation_kind::OperationKind,
    order,
    phase::Phase,
    task::{Action, Check, DeleteTask, Task, TaskId},
    wave::Wave,
};

/// Why the application's own namespace is not removed.
const HOME: &str = "what is stored about this application is in it; `kubectl delete namespace` removes it";

impl Making<'_> {
    pub(super) fn add_deletion(&mut self, manifest: &Manifest, directives: &Directives) {
        let key = manifest.key();
        let Some(live) = self.planning.live.objects.get(&key) else {
            return;
        };
        if !self.planning.selection.takes_resource(&key) {
            return;
        }
        if let Some(owner) = self.foreign_owner(Some(live)) {
            let reason = format!("it belongs to the application {owner}");
            return self.skip(manifest, &reason);
        }
        match directives.delete {
            Permission::Yes => {}
            Permission::No => return self.skip(manifest, "its annotations keep it (Delete=false)"),
            Permission::Confirm if self.planning.confirmed.has(&key) => {}
            Permission::Confirm => return self.skip(manifest, &unconfirmed("Delete", &key)),
        }
        if self.is_home(live) {
            return self.skip(manifest, HOME);
        }
        let wave = Wave(directives.wave.0.saturating_neg());
        let propagation = directives.propagation.unwrap_or(Propagation::Background);
        self.push_deletion(live, wave, propagation, "the application is deleted");
    }

    fn push_deletion(&mut self, live: &Object, wave: Wave, propagation: Propagation, why: &str) {
        let key = live.key();
        self.tasks.push(Task {
            id: TaskId::of(Phase::Sync, wave, &key),
            phase: Phase::Sync,
            wave,
            rank: u32::MAX - order::rank(&key.group_kind()),
            key,
            object: None,
            place: None,
            action: Action::Delete(DeleteTask {
                uid: live.uid().to_owned(),
                propagation,
                why: why.to_owned(),
            }),
            timeout_seconds: None,
            on_timeout: self.planning.on_timeout,
            check: Check::Nothing,
        });
    }

    /// Adds what carries the application's label and no manifest names: removed with the application, or by pruning.
    pub(super) fn add_removals(&mut self, ids: &[Option<HookId>]) {
        if !self.planning.selection.only.is_empty() || self.planning.selection.hooks == Some(super::Hooks::Only) {
            return;
        }
        let desired: BTreeSet<ObjectKey> = self.planning.desired.iter().map(|one| one.manifest.key()).collect();
        let hooks: BTreeSet<&str> = ids.iter().flatten().map(|id| id.0.as_str()).collect();
        let is_named = |live: &Object| {
            live.label(labels::HOOK).is_some_and(|hook| hooks.contains(hook)) || desired.contains(&live.key())
        };
        let left: Vec<&Object> = self
            .planning
            .live
            .objects
            .values()
            .filter(|live| live.label(labels::APPLICATION) == Some(&self.planning.application.name))
            .filter(|live| !live.is_terminating())
            .filter(|live| self.planning.does == OperationKind::Delete || !is_named(live))
            .collect();
        let mut removed: Vec<(&Object, Directives)> = Vec::new();
        let planned = self.tasks.iter().map(|task| &task.key);
        let planned: BTreeSet<ObjectKey> = planned
            .chain(self.skipped.iter().map(|skipped| &skipped.key))
            .cloned()
            .collect();
        for live in left {
            let key = live.key();
            if planned.contains(&key) {
                continue;
            }
            if self.planning.does == OperationKind::Sync && !self.planning.prune {
                self.left_over.push(key);
                continue;
            }
            match self.permission(live) {
                Ok(directives) => removed.push((live, directives)),
                Err(reason) => self.skipped.push(Skipped {
                    key,
                    reason,
                    place: None,
                }),
            }
        }
        let why = match self.planning.does {
            OperationKind::Delete => "the application is deleted",
            OperationKind::Sync => "no manifest names it any more",
        };
        // What came last goes first; in a sync after everything else.
        let tasks = self.tasks.iter().filter(|task| task.phase == Phase::Sync);
        let last = tasks.map(|task| task.wave.0).max().unwrap_or_default();
        let turns: BTreeSet<(bool, Reverse<Wave>)> = removed.iter().map(|(_, directives)| turn(directives)).collect();
        for (live, directives) in removed {
            let wave = match self.planning.does {
                OperationKind::Delete => directives.wave.0.saturating_neg(),
                OperationKind::Sync => {
                    let before = turns.range(..turn(&directives)).count();
                    last.saturating_add(1)
                        .saturating_add(i32::try_from(before).unwrap_or(i32::MAX))
                }
            };
            let propagation = directives.propagation.unwrap_or(Propagation::Background);
            self.push_deletion(live, Wave(wave), propagation, why);
        }
    }

    /// Says whether an object is the namespace in which the application's own state is.
    fn is_home(&self, live: &Object) -> bool {
        live.group().is_empty() && live.kind() == "Namespace" && live.name() == self.planning.application.namespace
    }

    /// Reads off the annotations of a live object, which no manifest names, whether it may be removed, and how.
    fn permission(&self, live: &Object) -> Result<Directives, String> {
        if self.is_home(live) {
            return Err(HOME.to_owned());
        }
        let read = manifest::decode("the live object", &live.0.to_string()).and_then(|manifests| {
            manifests
                .iter()
                .map(|one| directive::directives(one, self.planning.mode))
                .collect()
        });
        let read: Result<Vec<Directives>, Vec<PlanError>> = read;
        let directives = match read {
            Ok(mut directives) => directives.pop().unwrap_or_default(),
            Err(errors) => {
                let errors: Vec<&str> = errors.iter().map(|error| error.message.as_str()).collect();
                return Err(format!("its annotations can't be read: {}", errors.join("; ")));
            }
        };
        let (permission, option) = match self.planning.does {
            OperationKind::Sync => (directives.prune, "Prune"),
            OperationKind::Delete => (directives.delete, "Delete"),
        };
        match permission {
            Permission::Confirm if !self.planning.confirmed.has(&live.key()) => Err(unconfirmed(option, &live.key())),
            Permission::Yes | Permission::Confirm => Ok(directives),
            Permission::No => Err(format!("its annotations keep it ({option}=false)")),
        }
    }
}

/// When an object that left the manifests is removed: those marked `PruneLast` after all others, high waves before low ones.
fn turn(directives: &Directives) -> (bool, Reverse<Wave>) {
    (directives.prune_last, Reverse(directives.wave))
}

fn unconfirmed(option: &str, key: &ObjectKey) -> String {
    format!(
        "its annotations want a confirmation ({option}=confirm): `--confirm {}`",
        key.short()
    )
}
