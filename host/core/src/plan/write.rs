//! How objects are written: applied or replaced, with or without force, and their sync options for that.

use super::{PlanInput, make::PlanBuilder};
use crate::{
    model::{
        compat::Rule,
        hook::Propagation,
        object::{Object, ObjectKey},
        operation_kind::OperationKind,
    },
    plan::{
        propagation::{DecidedPropagation, PropagationRules},
        task::{ApplyStrategy, UnknownFields},
    },
    read::{
        directive::{self, Directives},
        manifest,
    },
};

impl PlanInput<'_> {
    /// Returns the propagation for hooks' objects; `None` for that of their delete policies.
    pub(super) fn hook_propagation(&self) -> Option<Propagation> {
        let compat = self
            .options
            .mode
            .has(Rule::ForegroundDeletion)
            .then_some(Propagation::Foreground);
        self.options.sync_options.propagation.or(compat)
    }

    /// Returns whether ignored fields are sent, and only hidden in the plan.
    pub(super) fn sends_ignored(&self) -> bool {
        match self.options.sync_options.respect_ignored {
            Some(is_respected) => !is_respected,
            None => self.options.mode.has(Rule::IgnoredFieldsAreSent),
        }
    }

    /// Returns the propagation for an object that is deleted.
    pub(super) fn propagation_of(&self, directives: &Directives) -> DecidedPropagation {
        // Argo CD's option is about pruning; it deletes an application as its finalizer says.
        let is_deleted_by_argo_cd =
            self.operation_kind == OperationKind::Delete && self.options.mode.has(Rule::ForegroundDeletion);
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

    /// Returns the propagation for a hook's object when the application is deleted. By default its pods are deleted first, so that they are
    /// gone when it is gone.
    pub(super) fn propagation_with_pods(&self, directives: &Directives) -> DecidedPropagation {
        PropagationRules {
            annotation: directives.propagation,
            application: self.hook_propagation(),
        }
        .decide(Propagation::Foreground)
    }

    /// Returns the propagation for an object that is deleted to be created again. By default its dependents are deleted first, so that they
    /// don't meet the new object.
    pub(super) fn recreate_propagation(&self, directives: &Directives) -> DecidedPropagation {
        PropagationRules {
            annotation: directives.propagation,
            application: self.options.sync_options.propagation,
        }
        .decide(Propagation::Foreground)
    }
}

/// Returns what happens to fields that the server doesn't know.
pub(super) fn unknown_fields(directives: &Directives) -> UnknownFields {
    if directives.skip_validation {
        UnknownFields::LeftOut
    } else {
        UnknownFields::Refused
    }
}

impl PlanBuilder<'_> {
    /// Returns how an object is written. In compat mode the live object's options count, too.
    pub(super) fn apply_strategy(
        &mut self,
        directives: &Directives,
        live: Option<&Object>,
        key: &ObjectKey,
    ) -> ApplyStrategy {
        let of = |replace: bool, force: bool| match (replace, force) {
            (false, false) => ApplyStrategy::Apply,
            (true, false) => ApplyStrategy::Replace,
            (false, true) => ApplyStrategy::ApplyOrRecreate,
            (true, true) => ApplyStrategy::ReplaceOrRecreate,
        };
        let own = of(directives.replace, directives.force);
        let Some(live) = live.filter(|_| self.input.options.mode.has(Rule::LiveOptionsCount)) else {
            return own;
        };
        let read = manifest::from_live(live).and_then(|one| directive::read_directives(&one, self.input.options.mode));
        let read = read.ok();
        let Some(found) = read else { return own };
        let both = of(directives.replace || found.replace, directives.force || found.force);
        if both != own {
            self.record_rule(Rule::LiveOptionsCount, key, None);
        }
        both
    }

    /// Returns whether an object of another application becomes this one's, and adds a notice.
    pub(super) fn may_adopt_shared(&mut self, key: &ObjectKey, owner: &str) -> bool {
        let takes = self.input.options.mode.has(Rule::SharedObjectsAreTaken)
            && self.input.options.sync_options.fail_on_shared != Some(true);
        if takes {
            self.record_rule(Rule::SharedObjectsAreTaken, key, None);
            self.notices.push(format!(
                "{key} belongs to the application {owner}; it becomes part of this one"
            ));
        }
        takes
    }
}
