//! The differences, and which of them hold.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Row;
use crate::{object::ObjectKey, phase::Phase};

/// Whose rules hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// Ours: a mistake is an error, and no hook is lost silently.
    #[default]
    Native,
    /// Those of Argo CD 3.6, its quirks included.
    ArgoCd,
}

impl Mode {
    /// Says whether Argo CD's way holds where it differs from ours.
    pub const fn has(self, _: Rule) -> bool {
        match self {
            Mode::Native => false,
            Mode::ArgoCd => true,
        }
    }

    /// Returns the word by which plugins know that Argo CD's way holds.
    pub const fn word(self) -> Option<&'static str> {
        match self {
            Mode::Native => None,
            Mode::ArgoCd => Some("argocd"),
        }
    }
}

/// One difference between Argo CD and us. [`Rule::row`] says what it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Words, policies, waves and options that nobody knows.
    MistakesAreIgnored,
    /// A hook annotation without a valid word beside Helm's.
    HelmHookBesideOurs,
    /// Delete hooks of two annotations.
    DeleteHooksOfBoth,
    /// `Skip` beside other words.
    SkipBesideOthers,
    /// Helm's install and upgrade hooks.
    HelmHooksAlwaysRun,
    /// Helm's weight on what is no hook.
    WeightOnEveryObject,
    /// A wave that is no number.
    WaveFallsBack,
    /// How a wave is written.
    WideWaves,
    /// Delete policies of two annotations.
    PoliciesAreJoined,
    /// Helm's `keep` when an object left the manifests.
    KeepEndsAtPrune,
    /// The order of kinds inside a wave.
    KindOrder,
    /// Namespaces and definitions that others need earlier.
    DependenciesMoveForward,
    /// When what left the manifests is removed.
    PruneInsideWaves,
    /// When what is marked `PruneLast` is removed.
    PruneLastWave,
    /// What isn't removed though it left the manifests.
    SkippedPrunesCount,
    /// Hooks that left the manifests.
    HooksAreNotPruned,
    /// Whether the last wave is awaited.
    LastWaveNotAwaited,
    /// Whether resources beside hooks are awaited where there is one step only.
    OneStepWaitsForHooksOnly,
    /// How long an object may be Degraded.
    DegradedFailsAtOnce,
    /// Resources that are suspended.
    SuspendedIsAwaited,
    /// Resources that vanish while they are awaited.
    VanishedFails,
    /// What the pods of a workload tell.
    PodsOnlyTell,
    /// What becomes of what a deleted object owns.
    ForegroundDeletion,
    /// Fields that others own.
    FieldsAreTakenOver,
    /// Fields that `ignoreDifferences` names.
    IgnoredFieldsAreSent,
    /// Objects of another application.
    SharedObjectsAreTaken,
    /// Options on the live object.
    LiveOptionsCount,
    /// Waves of PreDelete and PostDelete.
    DeleteHooksHaveNoWaves,
    /// Definitions when the application is deleted.
    DefinitionsSurvive,
    /// The order of deletions inside a wave.
    DeletionInParallel,
    /// What PreDelete hooks made.
    PreDeleteHooksGo,
    /// What PostDelete hooks need.
    PostDeleteStandsAlone,
    /// What still starts in a wave in which something was refused.
    FailedKindGoesOn,
    /// What is still awaited in a wave in which something failed.
    FailedWaveIsAwaited,
    /// SyncFail while hooks of the failed wave still run.
    SyncFailBesideHooks,
    /// Waves of SyncFail.
    SyncFailHasNoWaves,
    /// After which failures SyncFail runs.
    SyncFailAfterChangesOnly,
    /// How often SyncFail runs.
    SyncFailInEveryTry,
    /// Where the next try begins.
    RetryFromTheStart,
    /// When objects of earlier runs go.
    HooksClearFirst,
    /// Which kinds `BeforeHookCreation` replaces.
    EveryKindIsReplaced,
    /// What earlier runs of hooks with `generateName` left.
    GeneratedHooksStay,
    /// Whose outcome `HookSucceeded` and `HookFailed` judge.
    OperationJudgesPolicies,
    /// Objects of earlier runs that stay.
    OlderObjectCounts,
    /// Hooks whose health can't be told.
    UnknownHookFails,
    /// Hooks whose health is Missing.
    MissingHookSucceeds,
    /// Delete hooks that are neither healthy nor on their way.
    UnclearDeleteHookIsDone,
    /// Hooks that have ended when the operation is terminated.
    TerminateKeepsEnded,
}

impl Rule {
    /// All rules in their order.
    pub const ALL: [Rule; 48] = [
        Rule::MistakesAreIgnored,
        Rule::HelmHookBesideOurs,
        Rule::DeleteHooksOfBoth,
        Rule::SkipBesideOthers,
        Rule::HelmHooksAlwaysRun,
        Rule::WeightOnEveryObject,
        Rule::WaveFallsBack,
        Rule::WideWaves,
        Rule::PoliciesAreJoined,
        Rule::KeepEndsAtPrune,
        Rule::KindOrder,
        Rule::DependenciesMoveForward,
        Rule::PruneInsideWaves,
        Rule::PruneLastWave,
        Rule::SkippedPrunesCount,
        Rule::HooksAreNotPruned,
        Rule::LastWaveNotAwaited,
        Rule::OneStepWaitsForHooksOnly,
        Rule::DegradedFailsAtOnce,
        Rule::SuspendedIsAwaited,
        Rule::VanishedFails,
        Rule::PodsOnlyTell,
        Rule::ForegroundDeletion,
        Rule::FieldsAreTakenOver,
        Rule::IgnoredFieldsAreSent,
        Rule::SharedObjectsAreTaken,
        Rule::LiveOptionsCount,
        Rule::DeleteHooksHaveNoWaves,
        Rule::DefinitionsSurvive,
        Rule::DeletionInParallel,
        Rule::PreDeleteHooksGo,
        Rule::PostDeleteStandsAlone,
        Rule::FailedKindGoesOn,
        Rule::FailedWaveIsAwaited,
        Rule::SyncFailBesideHooks,
        Rule::SyncFailHasNoWaves,
        Rule::SyncFailAfterChangesOnly,
        Rule::SyncFailInEveryTry,
        Rule::RetryFromTheStart,
        Rule::HooksClearFirst,
        Rule::EveryKindIsReplaced,
        Rule::GeneratedHooksStay,
        Rule::OperationJudgesPolicies,
        Rule::OlderObjectCounts,
        Rule::UnknownHookFails,
        Rule::MissingHookSucceeds,
        Rule::UnclearDeleteHookIsDone,
        Rule::TerminateKeepsEnded,
    ];

    /// Returns its name: `kind-order`.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// Returns what it is about.
    pub const fn row(self) -> Row {
        super::table::row(self)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// That a rule made something in a plan other than it would have been.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleUse {
    /// Which rule.
    pub rule: Rule,
    /// For which object.
    pub key: ObjectKey,
    /// In which phase; nothing when in all of its phases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_rule_is_listed_once_under_a_name_of_its_own() {
        for (position, rule) in Rule::ALL.into_iter().enumerate() {
            assert_eq!(rule as usize, position, "{rule:?}");
            assert_eq!(serde_json::to_value(rule).expect("a word"), rule.name(), "{rule:?}");
        }
        let last = Rule::ALL.last().expect("there are rules");
        assert_eq!(*last, Rule::TerminateKeepsEnded, "the last variant is listed last");
        let rows: BTreeSet<&str> = Rule::ALL.into_iter().map(|rule| rule.row().argo_cd).collect();
        assert_eq!(rows.len(), Rule::ALL.len());
    }

    #[test]
    fn native_has_none_of_them_and_compat_has_all() {
        for rule in Rule::ALL {
            assert!(!Mode::Native.has(rule) && Mode::ArgoCd.has(rule), "{rule}");
        }
    }
}
