//! What of a plan a person chose to sync, and how that is asked of the server.

use std::collections::HashSet;

use capstan_api::plan::{Choices, HookChoice};
use capstan_core::model::phase::Phase;

/// An object or a hook that can be chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Pick {
    pub id: String,
    pub phase: Phase,
    pub wave: String,
    pub name: String,
    pub kind: String,
    /// By which word it is chosen: `Deployment/api`.
    pub word: String,
    pub is_hook: bool,
    pub is_same: bool,
    pub is_new: bool,
}

impl Pick {
    /// Says whether it is left out.
    pub fn is_off(&self, hooks: HookChoice, off: &HashSet<String>) -> bool {
        off.contains(&self.id)
            || match hooks {
                HookChoice::All => false,
                HookChoice::None => self.is_hook,
                HookChoice::Only => !self.is_hook,
            }
    }
}

/// What comes of the choices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    pub to_apply: usize,
    pub unchanged: usize,
    pub hooks: usize,
    /// The names of hooks that won't run.
    pub hooks_left_out: Vec<String>,
    /// The words of the objects that are chosen.
    objects: Vec<String>,
    /// Whether objects are left out one by one.
    is_partial: bool,
    skipped_hooks: Vec<String>,
    chosen_hooks: Vec<String>,
}

impl Selection {
    /// Sums up the choices.
    pub fn of(picks: &[Pick], hooks: HookChoice, off: &HashSet<String>) -> Selection {
        let mut selection = Selection::default();
        for pick in picks {
            match (pick.is_off(hooks, off), pick.is_hook) {
                (true, true) => {
                    selection.hooks_left_out.push(pick.name.clone());
                    selection.skipped_hooks.push(pick.word.clone());
                }
                (true, false) => selection.is_partial |= hooks != HookChoice::Only,
                (false, true) => {
                    selection.hooks += 1;
                    selection.chosen_hooks.push(pick.word.clone());
                }
                (false, false) => {
                    selection.objects.push(pick.word.clone());
                    if pick.is_same {
                        selection.unchanged += 1;
                    } else {
                        selection.to_apply += 1;
                    }
                }
            }
        }
        selection
    }

    /// Says whether nothing is chosen.
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// Returns how many are chosen.
    pub fn count(&self) -> usize {
        self.to_apply + self.unchanged + self.hooks
    }

    /// Returns the choices as they are sent. Chosen objects run without hooks, as `--only` has it: then the hooks that were left on are
    /// named one by one.
    pub fn choices(&self, picks: &[Pick], hooks: HookChoice) -> Choices {
        let mut choices = Choices::default();
        let all_hooks = picks.iter().filter(|pick| pick.is_hook).count();
        if self.is_partial {
            choices.only.clone_from(&self.objects);
            if self.objects.is_empty() {
                choices.hooks = Some(HookChoice::Only);
            }
            choices.hook.clone_from(&self.chosen_hooks);
            return choices;
        }
        match hooks {
            HookChoice::None => choices.hooks = Some(HookChoice::None),
            HookChoice::Only => choices.hooks = Some(HookChoice::Only),
            HookChoice::All if self.hooks == 0 && all_hooks > 0 => choices.hooks = Some(HookChoice::None),
            HookChoice::All => {}
        }
        if choices.hooks != Some(HookChoice::None) {
            choices.skip_hook.clone_from(&self.skipped_hooks);
        }
        choices
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pick(word: &str, is_hook: bool, is_same: bool) -> Pick {
        Pick {
            id: word.to_owned(),
            phase: Phase::Sync,
            wave: "0".to_owned(),
            name: word.rsplit('/').next().unwrap_or_default().to_owned(),
            kind: String::new(),
            word: word.to_owned(),
            is_hook,
            is_same,
            is_new: false,
        }
    }

    fn off(ids: &[&str]) -> HashSet<String> {
        ids.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn one_object_is_synced_without_hooks_and_that_is_said() {
        let picks = [
            pick("Deployment/api", false, false),
            pick("Service/api", false, true),
            pick("Job/migrate", true, false),
        ];
        let selection = Selection::of(&picks, HookChoice::None, &off(&["Service/api"]));
        assert_eq!((selection.to_apply, selection.unchanged, selection.hooks), (1, 0, 0));
        assert_eq!(selection.hooks_left_out, ["migrate"]);
        let choices = selection.choices(&picks, HookChoice::None);
        assert_eq!(choices.only, ["Deployment/api"]);
        assert_eq!(choices.hooks, None);
    }

    #[test]
    fn hooks_are_left_out_one_by_one_or_all_at_once() {
        let picks = [
            pick("Deployment/api", false, false),
            pick("Job/a", true, false),
            pick("Job/b", true, false),
        ];
        let choices = |hooks, ids: &[&str]| Selection::of(&picks, hooks, &off(ids)).choices(&picks, hooks);
        assert_eq!(choices(HookChoice::All, &[]), Choices::default());
        assert_eq!(choices(HookChoice::All, &["Job/b"]).skip_hook, ["Job/b"]);
        assert_eq!(
            choices(HookChoice::All, &["Job/a", "Job/b"]).hooks,
            Some(HookChoice::None)
        );
        let only = choices(HookChoice::Only, &["Job/a"]);
        assert_eq!(
            (only.hooks, only.skip_hook.as_slice(), only.only.len()),
            (Some(HookChoice::Only), &["Job/a".to_owned()][..], 0)
        );
        assert!(Selection::of(&picks, HookChoice::None, &off(&["Deployment/api"])).is_empty());
    }
}
