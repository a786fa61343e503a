//! Describes each rule. `host/COMPAT.md` is made from this table.

use super::Rule;

/// The description of one rule: a line of `host/COMPAT.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleDescription {
    /// The rule's name, such as `kind-order`.
    pub name: &'static str,
    /// What Capstan does in native mode.
    pub native: &'static str,
    /// What Argo CD does, and Capstan in compat mode.
    pub argo_cd: &'static str,
    /// The file or package of Argo CD that does it.
    pub source: &'static str,
}

const HOOK: &str = "gitops-engine/pkg/sync/hook";
const WAVES: &str = "gitops-engine/pkg/sync/syncwaves";
const TASKS: &str = "gitops-engine/pkg/sync/sync_tasks.go";
const CONTEXT: &str = "gitops-engine/pkg/sync/sync_context.go";
const DELETE: &str = "controller/hook.go, controller/appcontroller.go";

const fn description(
    name: &'static str,
    native: &'static str,
    argo_cd: &'static str,
    source: &'static str,
) -> RuleDescription {
    RuleDescription {
        name,
        native,
        argo_cd,
        source,
    }
}

/// Returns the description of a rule.
#[expect(clippy::too_many_lines, reason = "a table: one entry for each rule")]
pub(super) const fn describe(rule: Rule) -> RuleDescription {
    match rule {
        Rule::MistakesAreIgnored => description(
            "mistakes-are-ignored",
            "an unknown hook phase, delete policy, wave, option or annotation is an error with its location, and so are two objects with the same name and duplicate keys in a mapping",
            "unknown values are ignored; a hook without any valid phase is left out; of several objects with the same name, and of duplicate keys, the last one counts",
            HOOK,
        ),
        Rule::HelmHookBesideOurs => description(
            "helm-hook-beside-ours",
            "of Argo CD's and Helm's hook annotation the first one that is there counts",
            "if Argo CD's hook annotation has no valid phase of a sync, Helm's counts",
            HOOK,
        ),
        Rule::DeleteHooksOfBoth => description(
            "delete-hooks-of-both",
            "of Argo CD's and Helm's hook annotation the first one that is there counts, for delete hooks too",
            "PreDelete and PostDelete are read from Argo CD's and from Helm's annotation",
            DELETE,
        ),
        Rule::SkipBesideOthers => description(
            "skip-beside-others",
            "`Skip` together with phases skips the object",
            "`Skip` together with phases is ignored",
            HOOK,
        ),
        Rule::HelmHooksAlwaysRun => description(
            "helm-hooks-always-run",
            "`pre-install` and `post-install` run in the first sync only, `pre-upgrade` and `post-upgrade` in later ones, \
             `pre-rollback` and `post-rollback` in `capstan rollback`, tests in `capstan test`",
            "Helm's install and upgrade hooks run in every sync, the others never",
            HOOK,
        ),
        Rule::WeightOnEveryObject => description(
            "weight-on-every-object",
            "`helm.sh/hook-weight` is the wave of hooks",
            "`helm.sh/hook-weight` is the wave of every object without a `sync-wave`",
            WAVES,
        ),
        Rule::WaveFallsBack => description(
            "wave-falls-back",
            "a wave that is not a number is an error",
            "if the wave is not a number, Helm's weight counts, otherwise 0",
            WAVES,
        ),
        Rule::WideWaves => description(
            "wide-waves",
            "a wave has 32 bits and may have surrounding white space",
            "a wave has 64 bits; with surrounding white space it is not a number",
            WAVES,
        ),
        Rule::PoliciesAreJoined => description(
            "policies-are-joined",
            "Argo CD's delete policies take precedence over Helm's",
            "Argo CD's and Helm's delete policies both count",
            HOOK,
        ),
        Rule::KeepEndsAtPrune => description(
            "keep-ends-at-prune",
            "`helm.sh/resource-policy: keep` keeps an object that is no longer in the manifests",
            "`helm.sh/resource-policy: keep` keeps objects only when the application is deleted",
            "controller/appcontroller.go",
        ),
        Rule::KindOrder => description(
            "kind-order",
            "within a wave: Helm's order with PriorityClasses first and webhook configurations last; a kind with a known name in another group is a different kind",
            "Helm's older order, by the kind's name without the group, unknown kinds last; objects of equal rank by name, split into groups of equal kind",
            TASKS,
        ),
        Rule::DependenciesMoveForward => description(
            "dependencies-move-forward",
            "a Namespace or definition stays in its phase and wave",
            "a Namespace or definition moves to the phase and wave of the first object that needs it",
            TASKS,
        ),
        Rule::PruneInsideWaves => description(
            "prune-inside-waves",
            "objects that are no longer in the manifests are deleted after everything else, high waves first, and awaited until gone",
            "objects that are no longer in the manifests are deleted at the beginning of a wave of Sync; the waves that have such objects are used in reverse order",
            CONTEXT,
        ),
        Rule::PruneLastWave => description(
            "prune-last-wave",
            "`PruneLast` comes after all other removals",
            "`PruneLast` is the wave after the highest of Sync",
            CONTEXT,
        ),
        Rule::SkippedPrunesCount => description(
            "skipped-prunes-count",
            "objects that stay although they are no longer in the manifests don't affect the order",
            "objects that stay although they are no longer in the manifests are tasks without effect, and their waves count as steps of the operation",
            CONTEXT,
        ),
        Rule::HooksAreNotPruned => description(
            "hooks-are-not-pruned",
            "an object of a hook that is no longer in the manifests is deleted like any other",
            "objects of hooks that are no longer in the manifests stay forever",
            CONTEXT,
        ),
        Rule::LastWaveNotAwaited => description(
            "last-wave-not-awaited",
            "every wave is awaited until healthy, or gone",
            "the last wave isn't awaited if it has no hook: the operation succeeds as soon as everything is applied",
            CONTEXT,
        ),
        Rule::OneStepWaitsForHooksOnly => description(
            "one-step-waits-for-hooks-only",
            "resources beside hooks are awaited until healthy",
            "if everything is in one phase and wave, hooks are awaited and resources are not; a resource that is Degraded meanwhile is a failure",
            CONTEXT,
        ),
        Rule::DegradedFailsAtOnce => description(
            "degraded-fails-at-once",
            "an object may be Degraded for a grace period that depends on its kind or its annotation",
            "an awaited object that is Degraded has failed, even if it recovers",
            CONTEXT,
        ),
        Rule::SuspendedIsAwaited => description(
            "suspended-is-awaited",
            "a suspended resource counts as done",
            "a suspended resource is awaited until it is healthy",
            CONTEXT,
        ),
        Rule::VanishedFails => description(
            "vanished-fails",
            "a resource that is deleted while it is awaited is still awaited",
            "a resource that vanishes while it is awaited has failed",
            CONTEXT,
        ),
        Rule::PodsOnlyTell => description(
            "pods-only-tell",
            "if its pods can't start, a workload becomes Degraded and a hook fails after 30 s",
            "only the workload's own status counts; Capstan additionally shows the problems of its pods",
            "gitops-engine/pkg/health",
        ),
        Rule::ForegroundDeletion => description(
            "foreground-deletion",
            "the dependents of a deleted object are deleted after it",
            "the dependents of a deleted object are deleted before it, unless `PrunePropagationPolicy` is set",
            CONTEXT,
        ),
        Rule::FieldsAreTakenOver => description(
            "fields-are-taken-over",
            "a field of another field manager is an error that names the manager, unless conflicts are forced",
            "a field of another field manager is overwritten",
            CONTEXT,
        ),
        Rule::IgnoredFieldsAreSent => description(
            "ignored-fields-are-sent",
            "fields in `ignoreDifferences` keep their live values",
            "they are not shown as differences, but are still applied unless `RespectIgnoreDifferences` is set",
            "controller/sync.go",
        ),
        Rule::SharedObjectsAreTaken => description(
            "shared-objects-are-taken",
            "an object of another application is an error",
            "an object of another application becomes this one's, unless `FailOnSharedResource=true`",
            "controller/state.go",
        ),
        Rule::LiveOptionsCount => description(
            "live-options-count",
            "an object's options are what its manifest says",
            "`Replace=true` and `Force=true` on the live object count too",
            CONTEXT,
        ),
        Rule::DeleteHooksHaveNoWaves => description(
            "delete-hooks-have-no-waves",
            "PreDelete and PostDelete hooks have waves and an order of kinds",
            "all PreDelete hooks are created at once, and so are all PostDelete hooks",
            DELETE,
        ),
        Rule::DefinitionsSurvive => description(
            "definitions-survive",
            "CustomResourceDefinitions are deleted with the application",
            "CustomResourceDefinitions stay when their application is deleted",
            DELETE,
        ),
        Rule::DeletionInParallel => description(
            "deletion-in-parallel",
            "within a wave, kinds are deleted in the reverse order of creation, each after the later kinds are gone",
            "all objects of a wave are deleted at once",
            DELETE,
        ),
        Rule::PreDeleteHooksGo => description(
            "pre-delete-hooks-go",
            "objects of PreDelete hooks are deleted according to their delete policies",
            "objects of PreDelete hooks are always deleted together with the application's other objects",
            DELETE,
        ),
        Rule::PostDeleteStandsAlone => description(
            "post-delete-stands-alone",
            "objects that a PostDelete hook needs, such as its ServiceAccount, are deleted after it",
            "everything of the application is deleted before PostDelete hooks run",
            DELETE,
        ),
        Rule::FailedKindGoesOn => description(
            "failed-kind-goes-on",
            "after a failure nothing else of the wave starts",
            "if an object is rejected, later kinds of the wave are still applied; only a failed deletion stops them",
            CONTEXT,
        ),
        Rule::FailedWaveIsAwaited => description(
            "failed-wave-is-awaited",
            "when a resource or hook failed, resources of its wave are no longer awaited",
            "resources of a wave in which something failed are awaited to their end first",
            CONTEXT,
        ),
        Rule::SyncFailBesideHooks => description(
            "sync-fail-beside-hooks",
            "SyncFail begins when everything of the failed wave has ended",
            "if an object is rejected, SyncFail begins at once, while the wave's hooks still run",
            CONTEXT,
        ),
        Rule::SyncFailHasNoWaves => description(
            "sync-fail-has-no-waves",
            "SyncFail hooks have waves",
            "all SyncFail hooks start at once, kind by kind",
            CONTEXT,
        ),
        Rule::SyncFailAfterChangesOnly => description(
            "sync-fail-after-changes-only",
            "SyncFail runs after every failure of a started operation, including dry runs and time limits",
            "SyncFail doesn't run if the dry run failed or a time limit was exceeded",
            CONTEXT,
        ),
        Rule::SyncFailInEveryTry => description(
            "sync-fail-in-every-try",
            "SyncFail runs once, after the last attempt",
            "SyncFail runs after every failed attempt",
            CONTEXT,
        ),
        Rule::RetryFromTheStart => description(
            "retry-from-the-start",
            "a retry begins with the failed wave; hooks that succeeded don't run again",
            "everything runs again from PreSync on",
            "controller/appcontroller.go",
        ),
        Rule::HooksClearFirst => description(
            "hooks-clear-first",
            "the object of a hook's earlier run is deleted when the hook starts",
            "the objects of earlier runs of all hooks of a wave are deleted first, and nothing of the wave is created before they are gone",
            CONTEXT,
        ),
        Rule::EveryKindIsReplaced => description(
            "every-kind-is-replaced",
            "`BeforeHookCreation` replaces kinds that run to completion; others are applied",
            "`BeforeHookCreation` deletes and recreates every kind",
            HOOK,
        ),
        Rule::GeneratedHooksStay => description(
            "generated-hooks-stay",
            "`BeforeHookCreation` deletes the objects of earlier runs of a hook with `generateName`",
            "it deletes only an object with the hook's own name, which is new in every operation: objects of earlier runs stay",
            CONTEXT,
        ),
        Rule::OperationJudgesPolicies => description(
            "operation-judges-policies",
            "`HookSucceeded` and `HookFailed` refer to the hook's result, as soon as it has ended; for a helper hook, such as a ServiceAccount, to the result of its phase",
            "`HookSucceeded` and `HookFailed` refer to the result of the whole operation",
            CONTEXT,
        ),
        Rule::OlderObjectCounts => description(
            "older-object-counts",
            "an object of an earlier run is never used for this run: it is replaced, or the hook fails",
            "if no policy deletes the object of an earlier run, it is applied again, and its old result counts",
            CONTEXT,
        ),
        Rule::UnknownHookFails => description(
            "unknown-hook-fails",
            "a hook with unknown health continues to run",
            "a hook with unknown health has failed",
            CONTEXT,
        ),
        Rule::MissingHookSucceeds => description(
            "missing-hook-succeeds",
            "a hook whose health is Missing was deleted (`capstan.dev/on-vanished` applies)",
            "a hook whose health is Missing has succeeded",
            CONTEXT,
        ),
        Rule::UnclearDeleteHookIsDone => description(
            "unclear-delete-hook-is-done",
            "a PreDelete or PostDelete hook ends like any other",
            "a PreDelete or PostDelete hook that is Suspended, Unknown or Missing counts as done",
            DELETE,
        ),
        Rule::TerminateKeepsEnded => description(
            "terminate-keeps-ended",
            "after a termination, the delete policies of ended hooks apply as usual",
            "after a termination, only objects of running hooks are deleted",
            CONTEXT,
        ),
    }
}
