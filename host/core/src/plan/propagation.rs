//! Decides the propagation of deletions: what happens to dependents. Every deletion carries a [`DecidedPropagation`], which only this file
//! creates.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    model::{hook::Propagation, object::Object},
    plan::{
        Plan,
        task::{Action, Task},
    },
    read::directive,
};

/// A propagation that was decided by the object's annotation and the application's options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DecidedPropagation(Propagation);

impl DecidedPropagation {
    /// Returns the propagation for Capstan's own Secrets and Leases, which own nothing.
    pub fn for_stored_state() -> DecidedPropagation {
        DecidedPropagation(Propagation::Background)
    }

    /// Returns the propagation for the API server.
    pub fn get(self) -> Propagation {
        self.0
    }
}

impl fmt::Display for DecidedPropagation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a user specified for the propagation of one object's deletion.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PropagationRules {
    /// The object's `capstan.dev/propagation`.
    pub annotation: Option<Propagation>,
    /// The application's `PrunePropagationPolicy`, else the default of the compat mode.
    pub application: Option<Propagation>,
}

impl PropagationRules {
    /// Returns the rules for the objects of a task's hook.
    pub fn for_hook(plan: &Plan, task: &Task) -> PropagationRules {
        let annotation = match &task.action {
            Action::Hook(hook) => hook.propagation,
            Action::Apply(_) | Action::Delete(_) => None,
        };
        PropagationRules {
            annotation,
            application: plan.propagation,
        }
    }

    /// Completes the rules by the live object's annotation if the manifest's isn't known.
    #[must_use]
    pub fn with_live_annotation(self, live: &Object) -> PropagationRules {
        PropagationRules {
            annotation: self.annotation.or_else(|| directive::propagation_of_live(live)),
            ..self
        }
    }

    /// Decides the propagation: the annotation, else the application's options, else `otherwise`, which a delete policy or a plugin asks
    /// for.
    pub fn decide(self, otherwise: Propagation) -> DecidedPropagation {
        DecidedPropagation(self.annotation.or(self.application).unwrap_or(otherwise))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_annotation_wins_over_the_application_and_both_over_what_is_asked() {
        let decide = |annotation, application| {
            PropagationRules {
                annotation,
                application,
            }
            .decide(Propagation::Background)
            .get()
        };
        let (orphan, foreground) = (Some(Propagation::Orphan), Some(Propagation::Foreground));
        assert_eq!(decide(orphan, foreground), Propagation::Orphan);
        assert_eq!(decide(None, foreground), Propagation::Foreground);
        assert_eq!(decide(None, None), Propagation::Background);
    }

    #[test]
    fn a_live_objects_annotation_counts_where_none_is_known() {
        let live = Object(json!({ "metadata": { "annotations": { "capstan.dev/propagation": "Orphan" } } }));
        let rules = PropagationRules::default().with_live_annotation(&live);
        assert_eq!(rules.annotation, Some(Propagation::Orphan));
        let known = PropagationRules {
            annotation: Some(Propagation::Foreground),
            application: None,
        };
        assert_eq!(known.with_live_annotation(&live), known);
    }
}
