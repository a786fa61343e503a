//! In which operations a hook runs.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::operation_kind::Purpose;

/// A condition of a hook: a word of `capstan.dev/run-if`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunCondition {
    /// In the application's first sync.
    FirstInstall,
    /// In every sync after the first.
    Upgrade,
    /// In `capstan rollback`.
    Rollback,
    /// In `capstan test`.
    Test,
    /// In any sync, if the hook's inputs have changed since its last success.
    Changed,
}

impl RunCondition {
    /// Returns the condition that an operation fulfils.
    pub const fn for_operation(purpose: Purpose, is_first_install: bool) -> RunCondition {
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

/// The conditions of a hook. It runs if one of them is fulfilled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunConditions(BTreeSet<RunCondition>);

/// The default: in every sync and rollback, but in no test.
impl Default for RunConditions {
    fn default() -> RunConditions {
        RunConditions::from_words([
            RunCondition::FirstInstall,
            RunCondition::Upgrade,
            RunCondition::Rollback,
        ])
    }
}

impl RunConditions {
    /// Collects conditions.
    pub fn from_words(words: impl IntoIterator<Item = RunCondition>) -> RunConditions {
        RunConditions(words.into_iter().collect())
    }

    /// Adds a condition.
    pub fn insert(&mut self, word: RunCondition) {
        self.0.insert(word);
    }

    /// Returns whether the conditions include this one.
    pub fn includes(&self, operation: RunCondition) -> bool {
        self.0.contains(&operation)
    }

    /// Returns whether it depends on the hook's inputs if it runs in such an operation.
    pub fn depends_on_inputs(&self, operation: RunCondition) -> bool {
        !self.includes(operation) && operation != RunCondition::Test && self.includes(RunCondition::Changed)
    }

    /// Returns why the hook doesn't run, for users: the operations in which it does.
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
            assert!(always.includes(RunCondition::for_operation(Purpose::Deploy, is_first)));
            assert!(always.includes(RunCondition::for_operation(Purpose::Rollback, is_first)));
            assert!(!always.includes(RunCondition::for_operation(Purpose::Test, is_first)));
        }
        assert!(!always.depends_on_inputs(RunCondition::Upgrade));
    }

    #[test]
    fn a_test_never_asks_whether_inputs_have_changed() {
        let changed = RunConditions::from_words([RunCondition::Changed, RunCondition::FirstInstall]);
        assert!(changed.depends_on_inputs(RunCondition::Upgrade) && changed.depends_on_inputs(RunCondition::Rollback));
        assert!(
            !changed.depends_on_inputs(RunCondition::Test) && !changed.depends_on_inputs(RunCondition::FirstInstall)
        );
        assert_eq!(
            changed.reason(),
            "it runs at the first install and when its inputs have changed only"
        );
    }
}
