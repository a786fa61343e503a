//! Which rules a difference comes from.

use super::DifferenceKind;
use crate::{
    model::compat::Rule,
    plan::{Plan, task::Task},
};

/// Returns the rules that the plan took down for a task and that are about one thing.
pub(super) fn rules_for(argo: &Plan, task: &Task, what: DifferenceKind) -> Vec<Rule> {
    let mut rules: Vec<Rule> = argo
        .rule_uses
        .iter()
        .filter(|used| {
            used.key == task.key
                && used
                    .phase
                    .is_none_or(|phase| phase == task.phase || task.hook().is_none())
        })
        .map(|used| used.rule)
        .filter(|rule| about(*rule).contains(&what))
        .collect();
    rules.dedup();
    rules
}

/// Returns the kinds of differences that a rule can cause.
fn about(rule: Rule) -> &'static [DifferenceKind] {
    match rule {
        Rule::MistakesAreIgnored => &[DifferenceKind::Presence, DifferenceKind::Turn, DifferenceKind::Disposal],
        Rule::HelmHookBesideOurs
        | Rule::DeleteHooksOfBoth
        | Rule::SkipBesideOthers
        | Rule::HelmHooksAlwaysRun
        | Rule::KeepEndsAtPrune
        | Rule::HooksAreNotPruned
        | Rule::SharedObjectsAreTaken
        | Rule::DefinitionsSurvive => &[DifferenceKind::Presence],
        Rule::WeightOnEveryObject
        | Rule::WaveFallsBack
        | Rule::WideWaves
        | Rule::DependenciesMoveForward
        | Rule::PruneInsideWaves
        | Rule::PruneLastWave
        | Rule::SyncFailHasNoWaves
        | Rule::PostDeleteStandsAlone
        | Rule::DeleteHooksHaveNoWaves => &[DifferenceKind::Turn],
        Rule::KindOrder | Rule::DeletionInParallel => &[DifferenceKind::Order],
        Rule::LastWaveNotAwaited | Rule::OneStepWaitsForHooksOnly | Rule::SkippedPrunesCount => &[DifferenceKind::Wait],
        Rule::PoliciesAreJoined
        | Rule::EveryKindIsReplaced
        | Rule::GeneratedHooksStay
        | Rule::OperationJudgesPolicies
        | Rule::OlderObjectCounts
        | Rule::ForegroundDeletion
        | Rule::PreDeleteHooksGo => &[DifferenceKind::Disposal],
        Rule::FieldsAreTakenOver | Rule::IgnoredFieldsAreSent | Rule::LiveOptionsCount => &[DifferenceKind::Write],
        Rule::DegradedFailsAtOnce
        | Rule::SuspendedIsAwaited
        | Rule::VanishedFails
        | Rule::PodsOnlyTell
        | Rule::FailedKindGoesOn
        | Rule::FailedWaveIsAwaited
        | Rule::SyncFailBesideHooks
        | Rule::SyncFailAfterChangesOnly
        | Rule::SyncFailInEveryTry
        | Rule::RetryFromTheStart
        | Rule::HooksClearFirst
        | Rule::UnknownHookFails
        | Rule::MissingHookSucceeds
        | Rule::UnclearDeleteHookIsDone
        | Rule::TerminateKeepsEnded => &[DifferenceKind::Outcome],
    }
}
