//! Which part of a set of manifests the user selected: everything, one object, only hooks.

use serde::{Deserialize, Serialize};

use crate::model::{
    error::Diagnostic,
    object::ObjectKey,
    object_specifier::{ObjectIndex, matches, matches_hook},
    phase::Phase,
    remedy::ObjectOption,
};

/// The user's selection of manifests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Only these resources, as `KIND[.GROUP]/[NAMESPACE/]NAME`; empty for all.
    pub only: Vec<String>,
    /// Which hooks; `None` for all, or for none if `only` isn't empty.
    pub hooks: Option<HookSelection>,
    /// Only these hooks, in that form or by name, whatever their conditions say; empty for all.
    #[serde(rename = "hook")]
    pub only_hooks: Vec<String>,
    /// Not these hooks, in that form or by name.
    #[serde(rename = "skip_hook")]
    pub skipped_hooks: Vec<String>,
    /// Only these phases; empty for all.
    pub phases: Vec<Phase>,
}

/// Which hooks run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HookSelection {
    /// All hooks.
    All,
    /// No hooks.
    None,
    /// Hooks only, and no resources.
    Only,
}

impl Selection {
    /// Returns whether a resource is selected.
    pub fn selects_resource(&self, key: &ObjectKey) -> bool {
        let named = self.only.is_empty() || self.only.iter().any(|selected| matches(selected, key));
        named
            && self.hooks != Some(HookSelection::Only)
            && self.only_hooks.is_empty()
            && (self.phases.is_empty() || self.phases.contains(&Phase::Sync))
    }

    /// Returns whether a hook is selected in a phase.
    pub fn selects_hook(&self, key: &ObjectKey, phase: Phase) -> bool {
        let selected = match self.hooks {
            Some(HookSelection::None) => false,
            Some(HookSelection::All | HookSelection::Only) => true,
            None => self.only.is_empty() || !self.only_hooks.is_empty(),
        };
        selected
            && (self.phases.is_empty() || self.phases.contains(&phase))
            && (self.only_hooks.is_empty() || self.only_hooks.iter().any(|hook| matches_hook(hook, key)))
            && !self.skipped_hooks.iter().any(|hook| matches_hook(hook, key))
    }

    /// Returns whether the user named a hook, so that its conditions don't count.
    pub fn names_hook(&self, key: &ObjectKey) -> bool {
        self.only_hooks.iter().any(|hook| matches_hook(hook, key))
    }

    /// Returns an error for each word that selects nothing, or more than one object.
    pub fn check<'set>(
        &self,
        resources: impl Iterator<Item = &'set ObjectKey>,
        hooks: impl Iterator<Item = &'set ObjectKey>,
    ) -> Vec<Diagnostic> {
        let mut errors = Vec::new();
        if !self.only.is_empty() {
            let resources = ObjectIndex::from_keys(resources.cloned());
            for word in &self.only {
                errors.extend(
                    resources
                        .resolve(word)
                        .err()
                        .map(|why| why.into_diagnostic(ObjectOption::Only, word)),
                );
            }
        }
        if !self.only_hooks.is_empty() || !self.skipped_hooks.is_empty() {
            let hooks = ObjectIndex::from_keys(hooks.cloned());
            let named = [
                (ObjectOption::Hook, &self.only_hooks),
                (ObjectOption::SkipHook, &self.skipped_hooks),
            ];
            for (option, words) in named {
                for word in words {
                    errors.extend(
                        hooks
                            .resolve_hook(word)
                            .err()
                            .map(|why| why.into_diagnostic(option, word)),
                    );
                }
            }
        }
        errors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: &str, name: &str) -> ObjectKey {
        ObjectKey::of("", kind, "shop", name)
    }

    #[test]
    fn one_object_alone_runs_no_hooks() {
        let selection = Selection {
            only: vec!["configmap/settings".to_owned()],
            ..Selection::default()
        };
        assert!(selection.selects_resource(&key("ConfigMap", "settings")));
        assert!(!selection.selects_resource(&key("ConfigMap", "other")));
        assert!(!selection.selects_hook(&key("Job", "migrate"), Phase::PreSync));
    }

    #[test]
    fn only_the_hooks_of_some_phases() {
        let selection = Selection {
            hooks: Some(HookSelection::Only),
            phases: vec![Phase::PreSync],
            ..Selection::default()
        };
        assert!(selection.selects_hook(&key("Job", "migrate-*"), Phase::PreSync));
        assert!(!selection.selects_hook(&key("Job", "migrate-*"), Phase::PostSync));
        assert!(!selection.selects_resource(&key("ConfigMap", "settings")));
    }

    #[test]
    fn a_name_that_matches_nothing_is_an_error_with_a_hint() {
        let selection = Selection {
            skipped_hooks: vec!["migrat".to_owned()],
            ..Selection::default()
        };
        let hooks = [key("Job", "migrate")];
        let errors = selection.check([].iter(), hooks.iter());
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].hint.shown(), "did you mean `migrate`?");
    }

    #[test]
    fn a_word_that_fits_several_objects_is_an_error_that_lists_them() {
        let mut there = key("ConfigMap", "settings");
        there.namespace = "other".to_owned();
        let selection = Selection {
            only: vec!["ConfigMap/settings".to_owned(), "ConfigMap/shop/settings".to_owned()],
            only_hooks: vec!["migrate".to_owned()],
            ..Selection::default()
        };
        let resources = [key("ConfigMap", "settings"), there];
        let hooks = [key("Job", "migrate"), key("Pod", "migrate")];
        let errors = selection.check(resources.iter(), hooks.iter());
        let messages: Vec<_> = errors
            .iter()
            .map(|error| (error.message.as_str(), error.hint.shown()))
            .collect();
        assert_eq!(
            messages,
            [
                (
                    "ConfigMap/settings matches several objects",
                    "write one of ConfigMap/other/settings, ConfigMap/shop/settings".to_owned()
                ),
                (
                    "migrate matches several objects",
                    "write one of Job/shop/migrate, Pod/shop/migrate".to_owned()
                ),
            ]
        );
    }
}
