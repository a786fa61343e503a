//! When a hook runs: operations as the conditions of hooks tell them apart.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::operation_kind::Purpose;

/// A word of a hook's condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunCondition {
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

impl RunCondition {
    /// Returns what an operation is to the conditions of hooks.
    pub const fn of(purpose: Purpose, is_first_install: bool) -> RunCondition {
        match purpose {
            Purpose::Deploy if is_first_install => RunCondition::FirstInstall,
            Purpose::Deploy => RunCondition::Upgrade,
            Purpose::Rollback => RunCondition::Rollback,
            Purpose::Test => RunCondition::Test,
        }
    }

    const fn as_text(self) -> &'static str {
        match self {
            RunCondition::FirstInstall => "at the first install",
            RunCondition::Upgrade => "in upgrades",
            RunCondition::Rollback => "in rollbacks",
            RunCondition::Test => "in tests",
            RunCondition::Changed => "when its inputs have changed",
        }
    }
}

/// When a hook runs: whenever one of its words holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunConditions(BTreeSet<RunCondition>);

/// In every sync, and in no test.
impl Default for RunConditions {
    fn default() -> RunConditions {
        RunConditions::of([
            RunCondition::FirstInstall,
            RunCondition::Upgrade,
            RunCondition::Rollback,
        ])
    }
}

impl RunConditions {
    /// Makes one of its words.
    pub fn of(words: impl IntoIterator<Item = RunCondition>) -> RunConditions {
        RunConditions(words.into_iter().collect())
    }

    /// Adds a word.
    pub fn insert(&mut self, word: RunCondition) {
        self.0.insert(word);
    }

    /// Says whether it names such an operation.
    pub fn names(&self, operation: RunCondition) -> bool {
        self.0.contains(&operation)
    }

    /// Says whether it depends on the hook's inputs whether it runs in such an operation.
    pub fn asks_inputs(&self, operation: RunCondition) -> bool {
        !self.names(operation) && operation != RunCondition::Test && self.names(RunCondition::Changed)
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
        let always = RunConditions::default();
        for is_first in [true, false] {
            assert!(always.names(RunCondition::of(Purpose::Deploy, is_first)));
            assert!(always.names(RunCondition::of(Purpose::Rollback, is_first)));
            assert!(!always.names(RunCondition::of(Purpose::Test, is_first)));
        }
        assert!(!always.asks_inputs(RunCondition::Upgrade));
    }

    #[test]
    fn a_test_never_asks_whether_inputs_have_changed() {
        let changed = RunConditions::of([RunCondition::Changed, RunCondition::FirstInstall]);
        assert!(changed.asks_inputs(RunCondition::Upgrade) && changed.asks_inputs(RunCondition::Rollback));
        assert!(!changed.asks_inputs(RunCondition::Test) && !changed.asks_inputs(RunCondition::FirstInstall));
        assert_eq!(
            changed.reason(),
            "it runs at the first install and when its inputs have changed only"
        );
    }
}
