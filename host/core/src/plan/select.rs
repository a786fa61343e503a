//! What a user wants of a set of manifests: all of it, one object, only the hooks.

use serde::{Deserialize, Serialize};

use crate::{error::PlanError, object::ObjectKey, phase::Phase};

/// Which manifests an operation is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Only these resources, as `KIND/NAME`; empty for all.
    pub only: Vec<String>,
    /// Which hooks; without a word, none beside `only` and else all.
    pub hooks: Option<Hooks>,
    /// Only the hooks of these names, and these whatever their conditions say; empty for all.
    pub hook: Vec<String>,
    /// Not the hooks of these names.
    pub skip_hook: Vec<String>,
    /// Only these phases; empty for all.
    pub phases: Vec<Phase>,
}

/// Which hooks run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hooks {
    /// All.
    All,
    /// None.
    None,
    /// They, and nothing else.
    Only,
}

impl Selection {
    /// Says whether a resource is taken.
    pub fn takes_resource(&self, key: &ObjectKey) -> bool {
        let named = self.only.is_empty() || self.only.iter().any(|wanted| names(wanted, key));
        named
            && self.hooks != Some(Hooks::Only)
            && self.hook.is_empty()
            && (self.phases.is_empty() || self.phases.contains(&Phase::Sync))
    }

    /// Says whether a hook is taken in a phase.
    pub fn takes_hook(&self, key: &ObjectKey, phase: Phase) -> bool {
        let wanted = match self.hooks {
            Some(Hooks::None) => false,
            Some(Hooks::All | Hooks::Only) => true,
            None => self.only.is_empty() || !self.hook.is_empty(),
        };
        wanted
            && (self.phases.is_empty() || self.phases.contains(&phase))
            && (self.hook.is_empty() || self.hook.iter().any(|hook| is_called(hook, key)))
            && !self.skip_hook.iter().any(|hook| is_called(hook, key))
    }

    /// Says whether a hook is named, so that it runs whatever its conditions say.
    pub fn names_hook(&self, key: &ObjectKey) -> bool {
        self.hook.iter().any(|hook| is_called(hook, key))
    }

    /// Returns an error for each word that selects nothing of what is there.
    pub fn check<'set>(
        &self,
        resources: impl Iterator<Item = &'set ObjectKey> + Clone,
        hooks: impl Iterator<Item = &'set ObjectKey> + Clone,
    ) -> Vec<PlanError> {
        let mut errors = Vec::new();
        for wanted in &self.only {
            if !resources.clone().any(|key| names(wanted, key)) {
                let known: Vec<String> = resources.clone().map(ObjectKey::short).collect();
                errors.push(nothing_called("--only", wanted, &known));
            }
        }
        for (flag, words) in [("--hook", &self.hook), ("--skip-hook", &self.skip_hook)] {
            for wanted in words {
                if !hooks.clone().any(|key| is_called(wanted, key)) {
                    let known: Vec<String> = hooks.clone().map(|key| key.name.clone()).collect();
                    errors.push(nothing_called(flag, wanted, &known));
                }
            }
        }
        errors
    }
}

fn nothing_called(flag: &str, wanted: &str, known: &[String]) -> PlanError {
    let error = PlanError::new(format!("{flag} {wanted} matches nothing in the manifests"));
    match crate::error::near(wanted, known.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None if known.is_empty() => error.hint("there is nothing it could match"),
        None => error.hint(format!("there is {}", known.join(", "))),
    }
}

/// Says whether `KIND/NAME`, or `KIND.GROUP/NAME`, names the object; the kind in any case.
fn names(wanted: &str, key: &ObjectKey) -> bool {
    let Some((kind, name)) = wanted.split_once('/') else {
        return false;
    };
    let (kind, group) = kind.split_once('.').unwrap_or((kind, &key.group));
    kind.eq_ignore_ascii_case(&key.kind) && group == key.group && name == key.name
}

/// Says whether a hook has this name; `generateName` hooks are called by their prefix, with or without `*`.
fn is_called(wanted: &str, key: &ObjectKey) -> bool {
    let name = wanted.rsplit('/').next().unwrap_or(wanted);
    name == key.name
        || key
            .name
            .strip_suffix('*')
            .is_some_and(|prefix| prefix.trim_end_matches('-') == name.trim_end_matches(['*', '-']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: &str, name: &str) -> ObjectKey {
        ObjectKey {
            group: String::new(),
            kind: kind.to_owned(),
            namespace: "shop".to_owned(),
            name: name.to_owned(),
        }
    }

    #[test]
    fn one_object_alone_runs_no_hooks() {
        let selection = Selection {
            only: vec!["configmap/settings".to_owned()],
            ..Selection::default()
        };
        assert!(selection.takes_resource(&key("ConfigMap", "settings")));
        assert!(!selection.takes_resource(&key("ConfigMap", "other")));
        assert!(!selection.takes_hook(&key("Job", "migrate"), Phase::PreSync));
    }

    #[test]
    fn only_the_hooks_of_some_phases() {
        let selection = Selection {
            hooks: Some(Hooks::Only),
            phases: vec![Phase::PreSync],
            ..Selection::default()
        };
        assert!(selection.takes_hook(&key("Job", "migrate-*"), Phase::PreSync));
        assert!(!selection.takes_hook(&key("Job", "migrate-*"), Phase::PostSync));
        assert!(!selection.takes_resource(&key("ConfigMap", "settings")));
    }

    #[test]
    fn a_name_that_matches_nothing_is_an_error_with_a_hint() {
        let selection = Selection {
            skip_hook: vec!["migrat".to_owned()],
            ..Selection::default()
        };
        let hooks = [key("Job", "migrate")];
        let errors = selection.check([].iter(), hooks.iter());
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].hint.as_deref(), Some("did you mean `migrate`?"));
    }

    #[test]
    fn a_generated_name_is_called_by_its_prefix() {
        assert!(is_called("presync-job", &key("Job", "presync-job*")));
        assert!(is_called("migrate", &key("Job", "migrate-*")));
        assert!(!is_called("migrat", &key("Job", "migrate-*")));
    }
}
