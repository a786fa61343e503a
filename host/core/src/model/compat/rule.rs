//! The rules by which the modes differ.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::RuleDescription;
use crate::model::{object::ObjectKey, phase::Phase};

/// Which behaviour applies where Argo CD and Capstan differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// Capstan's own: a mistake is an error, and no hook is ignored silently.
    #[default]
    Native,
    /// That of Argo CD 3.6, including its quirks.
    ArgoCd,
}

impl Mode {
    /// Returns whether Argo CD's behaviour applies for a rule.
    pub const fn has(self, _: Rule) -> bool {
        match self {
            Mode::Native => false,
            Mode::ArgoCd => true,
        }
    }

    /// Returns the mode's name in the plugin contract; `None` for native mode.
    pub const fn contract_name(self) -> Option<&'static str> {
        match self {
            Mode::Native => None,
            Mode::ArgoCd => Some("argocd"),
        }
    }
}

/// One difference between Argo CD and Capstan. [`Rule::description`] describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Unknown hook words, delete policies, waves and options are ignored.
    MistakesAreIgnored,
    /// Helm's hook annotation applies if Argo CD's has no valid word.
    HelmHookBesideOurs,
    /// PreDelete and PostDelete are read from Argo CD's and from Helm's annotation.
    DeleteHooksOfBoth,
    /// `Skip` together with other hook words is ignored.
    SkipBesideOthers,
    /// Helm's install and upgrade hooks run in every sync.
    HelmHooksAlwaysRun,
    /// `helm.sh/hook-weight` sets the wave of ordinary objects, too.
    WeightOnEveryObject,
    /// A wave that isn't a number falls back to Helm's weight, then to 0.
    WaveFallsBack,
    /// Waves have 64 bits, and no white space around them.
    WideWaves,
    /// Argo CD's and Helm's delete policies are joined.
    PoliciesAreJoined,
    /// `helm.sh/resource-policy: keep` doesn't prevent pruning.
    KeepEndsAtPrune,
    /// Kinds within a wave have Helm's older order.
    KindOrder,
    /// Namespaces and definitions move forward to the first object that needs them.
    DependenciesMoveForward,
    /// Objects are pruned within the waves of Sync.
    PruneInsideWaves,
    /// `PruneLast` objects are pruned in the wave after the highest one of Sync.
    PruneLastWave,
    /// Objects that aren't pruned although they left the manifests count as steps.
    SkippedPrunesCount,
    /// Objects of hooks are never pruned.
    HooksAreNotPruned,
    /// The last wave isn't waited for if it has no hook.
    LastWaveNotAwaited,
    /// If everything is in one step, only hooks are waited for.
    OneStepWaitsForHooksOnly,
    /// A Degraded object fails at once.
    DegradedFailsAtOnce,
    /// A suspended resource is waited for until it is healthy.
    SuspendedIsAwaited,
    /// A resource that vanishes while it is waited for has failed.
    VanishedFails,
    /// Problems of a workload's pods are only shown.
    PodsOnlyTell,
    /// Dependents of a deleted object are deleted before it.
    ForegroundDeletion,
    /// Fields of other field managers are overwritten.
    FieldsAreTakenOver,
    /// Fields of `ignoreDifferences` are sent.
    IgnoredFieldsAreSent,
    /// Objects of another application are taken over.
    SharedObjectsAreTaken,
    /// `Replace=true` and `Force=true` on the live object count, too.
    LiveOptionsCount,
    /// PreDelete and PostDelete hooks have no waves.
    DeleteHooksHaveNoWaves,
    /// `CustomResourceDefinitions` stay when their application is deleted.
    DefinitionsSurvive,
    /// All objects of a wave are deleted at once.
    DeletionInParallel,
    /// Objects of PreDelete hooks are deleted with the application.
    PreDeleteHooksGo,
    /// All objects are deleted before PostDelete hooks run.
    PostDeleteStandsAlone,
    /// Later kinds of a wave are still applied after the server refused an object.
    FailedKindGoesOn,
    /// Resources of a wave in which something failed are waited for.
    FailedWaveIsAwaited,
    /// SyncFail starts beside running hooks of the failed wave.
    SyncFailBesideHooks,
    /// SyncFail hooks have no waves.
    SyncFailHasNoWaves,
    /// SyncFail doesn't run after a failed dry run or a passed deadline.
    SyncFailAfterChangesOnly,
    /// SyncFail runs after every failed attempt.
    SyncFailInEveryTry,
    /// The next attempt starts again with PreSync.
    RetryFromTheStart,
    /// Objects of earlier runs of all hooks of a wave are deleted before anything is created.
    HooksClearFirst,
    /// `BeforeHookCreation` replaces objects of every kind.
    EveryKindIsReplaced,
    /// `BeforeHookCreation` keeps objects of hooks with `generateName`.
    GeneratedHooksStay,
    /// `HookSucceeded` and `HookFailed` are decided by the outcome of the operation.
    OperationJudgesPolicies,
    /// An object that an earlier run left is applied over, and its result counts.
    OlderObjectCounts,
    /// A hook with unknown health has failed.
    UnknownHookFails,
    /// A hook with the health Missing has succeeded.
    MissingHookSucceeds,
    /// A PreDelete or PostDelete hook that is Suspended, Unknown or Missing is done.
    UnclearDeleteHookIsDone,
    /// After a termination, objects of hooks that had ended stay.
    TerminateKeepsEnded,
}

impl Rule {
    /// All rules in the order of the documentation.
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

    /// Returns the rule's name, such as `kind-order`.
    pub const fn name(self) -> &'static str {
        self.description().name
    }

    /// Returns what both modes do.
    pub const fn description(self) -> RuleDescription {
        super::table::describe(self)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Records that a rule changed something in a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleUse {
    /// The rule that had an effect.
    pub rule: Rule,
    /// The object that it affected.
    pub key: ObjectKey,
    /// The phase that it affected; `None` for all phases of the object.
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
        let rows: BTreeSet<&str> = Rule::ALL.into_iter().map(|rule| rule.description().argo_cd).collect();
        assert_eq!(rows.len(), Rule::ALL.len());
    }

    #[test]
    fn native_has_none_of_them_and_compat_has_all() {
        for rule in Rule::ALL {
            assert!(!Mode::Native.has(rule) && Mode::ArgoCd.has(rule), "{rule}");
        }
    }
}
