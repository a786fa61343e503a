//! How objects are written: merged or replaced, taken from others or not, and what their sync options have to do with that.

use super::{PlanInput, make::PlanBuilder};
use crate::{
    compat::Rule,
    deletion::{DecidedPropagation, PropagationRules},
    directive::{self, Directives},
    hook::Propagation,
    manifest,
    object::{Object, ObjectKey},
    operation_kind::OperationKind,
    task::{ApplyStrategy, UnknownFields},
};

impl PlanInput<'_> {
    /// Returns what becomes of what the objects of hooks own; nothing for what their delete policies say.
    pub(super) fn hook_propagation(&self) -> Option<Propagation> {
        let compat = self
            .options
            .mode
            .has(Rule::ForegroundDeletion)
            .then_some(Propagation::Foreground);
        self.options.sync_options.propagation.or(compat)
    }

    /// Says whether what is ignored is only not shown.
    pub(super) fn sends_ignored(&self) -> bool {
        match self.options.sync_options.respect_ignored {
            Some(is_respected) => !is_respected,
            None => self.options.mode.has(Rule::IgnoredFieldsAreSent),
        }
    }

    /// Returns what becomes of what an object owns that is removed.
    pub(super) fn propagation_of(&self, directives: &Directives) -> DecidedPropagation {
        // Argo CD's option is about pruning; it deletes an application as its finalizer says.
        let is_deleted_by_argo_cd =
            self.does == OperationKind::Delete && self.options.mode.has(Rule::ForegroundDeletion);
        let usual = if self.options.mode.has(Rule::ForegroundDeletion) {
            Propagation::Foreground
        } else {
            Propagation::Background
        };
        PropagationRules {
            annotation: directives.propagation,
            application: self.options.sync_options.propagation.filter(|_| !is_deleted_by_argo_cd),
        }
        .decide(usual)
    }

    /// Returns what becomes of what a hook's object owns when the application is deleted. Without a word its pods go before it does, so
    /// that its end is theirs, too.
    pub(super) fn propagation_with_pods(&self, directives: &Directives) -> DecidedPropagation {
        PropagationRules {
            annotation: directives.propagation,
            application: self.hook_propagation(),
        }
        .decide(Propagation::Foreground)
    }

    /// Returns what becomes of what an object owns that is deleted to be created anew. Without a word it goes first, so that the new
    /// object never meets it.
    pub(super) fn recreate_propagation(&self, directives: &Directives) -> DecidedPropagation {
        PropagationRules {
            annotation: directives.propagation,
            application: self.options.sync_options.propagation,
        }
        .decide(Propagation::Foreground)
    }
}

/// Returns what becomes of fields that the server doesn't know.
pub(super) fn unknown_fields(directives: &Directives) -> UnknownFields {
    if directives.skip_validation {
        UnknownFields::LeftOut
    } else {
        UnknownFields::Refused
    }
}

impl PlanBuilder<'_> {
    /// Returns how an object is made as desired. By Argo CD's rules the live object's options count, too.
    pub(super) fn way(&mut self, directives: &Directives, live: Option<&Object>, key: &ObjectKey) -> ApplyStrategy {
        let of = |replace: bool, force: bool| match (replace, force) {
            (false, false) => ApplyStrategy::Apply,
            (true, false) => ApplyStrategy::Replace,
            (false, true) => ApplyStrategy::ApplyOrRecreate,
            (true, true) => ApplyStrategy::ReplaceOrRecreate,
        };
        let own = of(directives.replace, directives.force);
        let Some(live) = live.filter(|_| self.planning.options.mode.has(Rule::LiveOptionsCount)) else {
            return own;
        };
        let read = manifest::of_live(live).and_then(|one| directive::directives(&one, self.planning.options.mode));
        let read = read.ok();
        let Some(found) = read else { return own };
        let both = of(directives.replace || found.replace, directives.force || found.force);
        if both != own {
            self.used(Rule::LiveOptionsCount, key, None);
        }
        both
    }

    /// Says whether an object of another application becomes this one's, and tells so.
    pub(super) fn takes_shared(&mut self, key: &ObjectKey, owner: &str) -> bool {
        let takes = self.planning.options.mode.has(Rule::SharedObjectsAreTaken)
            && self.planning.options.sync_options.fail_on_shared != Some(true);
        if takes {
            self.used(Rule::SharedObjectsAreTaken, key, None);
            self.notices.push(format!(
                "{key} belongs to the application {owner}; it becomes part of this one"
            ));
        }
        takes
    }
}
