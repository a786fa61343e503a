//! When a hook runs: operations as the conditions of hooks tell them apart.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::operation_kind::Purpose;

/// A word of a hook's condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// The application's first sync.
    FirstInstall,
    /// Any later one.
    Upgrade,
    /// Going back to earlier manifests.
    Rollback,
    /// `capstan test`.
    Test,
    /// Any sync, if what the hook is made of isn't what its last success was made of.
    Changed,
}

impl When {
    /// Returns what an operation is to the conditions of hooks.
    pub const fn of(purpose: Purpose, is_first_install: bool) -> When {
        match purpose {
            Purpose::Deploy if is_first_install => When::FirstInstall,
            Purpose::Deploy => When::Upgrade,
            Purpose::Rollback => When::Rollback,
            Purpose::Test => When::Test,
        }
    }

    const fn as_text(self) -> &'static str {
        match self {
            When::FirstInstall => "at the first install",
            When::Upgrade => "in upgrades",
            When::Rollback => "in rollbacks",
            When::Test => "in `capstan test`",
            When::Changed => "when its inputs have changed",
        }
    }
}

/// When a hook runs: whenever one of its words holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunIf(BTreeSet<When>);

/// In every sync, and in no test.
impl Default for RunIf {
    fn default() -> RunIf {
        RunIf::of([When::FirstInstall, When::Upgrade, When::Rollback])
    }
}

impl RunIf {
    /// Makes one of its words.
    pub fn of(words: impl IntoIterator<Item = When>) -> RunIf {
        RunIf(words.into_iter().collect())
    }

    /// Adds a word.
    pub fn insert(&mut self, word: When) {
        self.0.insert(word);
    }

    /// Says whether it names such an operation.
    pub fn names(&self, operation: When) -> bool {
        self.0.contains(&operation)
    }

    /// Says whether it depends on the hook's inputs whether it runs in such an operation.
    pub fn asks_inputs(&self, operation: When) -> bool {
        !self.names(operation) && operation != When::Test && self.names(When::Changed)
    }

    /// Says in which operations it runs, for people.
    pub fn reason(&self) -> String {
        let words: Vec<&str> = self.0.iter().map(|word| word.as_text()).collect();
        format!("it runs {} only", words.join(" and "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_condition_a_hook_runs_in_every_sync_and_in_no_test() {
        let always = RunIf::default();
        for is_first in [true, false] {
            assert!(always.names(When::of(Purpose::Deploy, is_first)));
            assert!(always.names(When::of(Purpose::Rollback, is_first)));
            assert!(!always.names(When::of(Purpose::Test, is_first)));
        }
        assert!(!always.asks_inputs(When::Upgrade));
    }

    #[test]
    fn a_test_never_asks_whether_inputs_have_changed() {
        let changed = RunIf::of([When::Changed, When::FirstInstall]);
        assert!(changed.asks_inputs(When::Upgrade) && changed.asks_inputs(When::Rollback));
        assert!(!changed.asks_inputs(When::Test) && !changed.asks_inputs(When::FirstInstall));
        assert_eq!(
            changed.reason(),
            "it runs at the first install and when its inputs have changed only"
        );
    }
}
