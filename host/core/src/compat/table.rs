//! Describes each rule. `host/COMPAT.md` is made from this table.

use super::Rule;

/// The description of one rule: a line of `host/COMPAT.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
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

const fn line(name: &'static str, native: &'static str, argo_cd: &'static str, source: &'static str) -> Row {
    Row {
        name,
        native,
        argo_cd,
        source,
    }
}

/// Returns the description of a rule.
#[expect(clippy::too_many_lines, reason = "a table: one entry for each rule")]
pub(super) const fn row(rule: Rule) -> Row {
    match rule {
        Rule::MistakesAreIgnored => line(
            "mistakes-are-ignored",
            "a hook word, delete policy, wave, option or annotation that nobody knows is an error, with its place, and so are two objects of one name and equal keys of a mapping",
            "what nobody knows is ignored; a hook without any valid word is left out; of several objects of one name, and of equal keys, the last counts",
            HOOK,
        ),
        Rule::HelmHookBesideOurs => line(
            "helm-hook-beside-ours",
            "of Argo CD's and Helm's hook annotation the first one that is there counts",
            "where Argo CD's hook annotation has no valid word of a sync, Helm's counts",
            HOOK,
        ),
        Rule::DeleteHooksOfBoth => line(
            "delete-hooks-of-both",
            "of Argo CD's and Helm's hook annotation the first one that is there counts, for delete hooks too",
            "PreDelete and PostDelete are read from Argo CD's and from Helm's annotation",
            DELETE,
        ),
        Rule::SkipBesideOthers => line(
            "skip-beside-others",
            "`Skip` among other words leaves the object alone",
            "`Skip` among other words is ignored",
            HOOK,
        ),
        Rule::HelmHooksAlwaysRun => line(
            "helm-hooks-always-run",
            "`pre-install` and `post-install` run in the first sync only, `pre-upgrade` and `post-upgrade` in later ones, \
             `pre-rollback` and `post-rollback` in `capstan rollback`, tests in `capstan test`",
            "Helm's install and upgrade hooks run in every sync, the others never",
            HOOK,
        ),
        Rule::WeightOnEveryObject => line(
            "weight-on-every-object",
            "`helm.sh/hook-weight` is the wave of hooks",
            "`helm.sh/hook-weight` is the wave of every object without a `sync-wave`",
            WAVES,
        ),
        Rule::WaveFallsBack => line(
            "wave-falls-back",
            "a wave that is no number is an error",
            "where the wave is no number, Helm's weight counts, and else 0",
            WAVES,
        ),
        Rule::WideWaves => line(
            "wide-waves",
            "a wave has 32 bits, and may have white space around it",
            "a wave has 64 bits, and is no number with white space around it",
            WAVES,
        ),
        Rule::PoliciesAreJoined => line(
            "policies-are-joined",
            "Argo CD's delete policies win over Helm's",
            "Argo CD's and Helm's delete policies both count",
            HOOK,
        ),
        Rule::KeepEndsAtPrune => line(
            "keep-ends-at-prune",
            "`helm.sh/resource-policy: keep` keeps an object that left the manifests",
            "`helm.sh/resource-policy: keep` keeps objects only when the application is deleted",
            "controller/appcontroller.go",
        ),
        Rule::KindOrder => line(
            "kind-order",
            "inside a wave: Helm's order with PriorityClasses first and webhook configurations last; kinds of other groups with a \
             known name are kinds of their own",
            "Helm's older order by the kind's name alone, everything else last; kinds of one place by the object's name, cut into \
             runs of equal kind",
            TASKS,
        ),
        Rule::DependenciesMoveForward => line(
            "dependencies-move-forward",
            "a Namespace or definition stays in its phase and wave",
            "a Namespace or definition moves to the phase and wave of the first object that needs it",
            TASKS,
        ),
        Rule::PruneInsideWaves => line(
            "prune-inside-waves",
            "what left the manifests is removed after everything else, high waves first, and awaited until gone",
            "what left the manifests is removed before anything is created in a wave of Sync; the waves that have something to remove are \
             swapped end for end",
            CONTEXT,
        ),
        Rule::PruneLastWave => line(
            "prune-last-wave",
            "`PruneLast` comes after all other removals",
            "`PruneLast` is the wave after the highest of Sync",
            CONTEXT,
        ),
        Rule::SkippedPrunesCount => line(
            "skipped-prunes-count",
            "what stays though it left the manifests is no part of the order",
            "what stays though it left the manifests is a task that does nothing, and its wave makes the operation one of several steps",
            CONTEXT,
        ),
        Rule::HooksAreNotPruned => line(
            "hooks-are-not-pruned",
            "a hook's object that left the manifests is removed like any other",
            "hooks that left the manifests stay for ever",
            CONTEXT,
        ),
        Rule::LastWaveNotAwaited => line(
            "last-wave-not-awaited",
            "every wave is awaited until healthy, or gone",
            "the last wave isn't awaited when it has no hook: the operation succeeds as soon as everything was taken",
            CONTEXT,
        ),
        Rule::OneStepWaitsForHooksOnly => line(
            "one-step-waits-for-hooks-only",
            "resources beside hooks are awaited until healthy",
            "where everything is in one phase and wave, hooks are awaited and resources are not, but one that is Degraded meanwhile \
             is a failure",
            CONTEXT,
        ),
        Rule::DegradedFailsAtOnce => line(
            "degraded-fails-at-once",
            "an object may be Degraded as long as its kind usually is for a moment, or for its own grace",
            "an awaited object that is Degraded has failed, whatever becomes of it",
            CONTEXT,
        ),
        Rule::SuspendedIsAwaited => line(
            "suspended-is-awaited",
            "a suspended resource is done",
            "a suspended resource is awaited until it is healthy",
            CONTEXT,
        ),
        Rule::VanishedFails => line(
            "vanished-fails",
            "a resource that somebody deletes while it is awaited is awaited further",
            "a resource that vanishes while it is awaited has failed",
            CONTEXT,
        ),
        Rule::PodsOnlyTell => line(
            "pods-only-tell",
            "pods that can't start make their workload Degraded, and a hook fail after 30 s",
            "only the workload's own status counts; here what its pods say is told beside it",
            "gitops-engine/pkg/health",
        ),
        Rule::ForegroundDeletion => line(
            "foreground-deletion",
            "what a deleted object owns goes after it",
            "what a deleted object owns goes before it, unless `PrunePropagationPolicy` says otherwise",
            CONTEXT,
        ),
        Rule::FieldsAreTakenOver => line(
            "fields-are-taken-over",
            "a field that another manager owns is a failure that names it, unless it is to be taken over",
            "a field that another manager owns is overwritten",
            CONTEXT,
        ),
        Rule::IgnoredFieldsAreSent => line(
            "ignored-fields-are-sent",
            "fields that `ignoreDifferences` names stay as they are live",
            "they are not shown, and sent nevertheless, unless `RespectIgnoreDifferences` is set",
            "controller/sync.go",
        ),
        Rule::SharedObjectsAreTaken => line(
            "shared-objects-are-taken",
            "an object of another application is an error",
            "an object of another application becomes this one's, unless `FailOnSharedResource=true`",
            "controller/state.go",
        ),
        Rule::LiveOptionsCount => line(
            "live-options-count",
            "an object's options are what its manifest says",
            "`Replace=true` and `Force=true` on the live object count, too",
            CONTEXT,
        ),
        Rule::DeleteHooksHaveNoWaves => line(
            "delete-hooks-have-no-waves",
            "PreDelete and PostDelete hooks have waves and an order of kinds",
            "all PreDelete hooks are created at once, and so are all PostDelete hooks",
            DELETE,
        ),
        Rule::DefinitionsSurvive => line(
            "definitions-survive",
            "CustomResourceDefinitions are deleted with the application",
            "CustomResourceDefinitions stay when their application is deleted",
            DELETE,
        ),
        Rule::DeletionInParallel => line(
            "deletion-in-parallel",
            "inside a wave kinds are deleted in the reverse order of their creation, each when what was created after it is gone",
            "all objects of a wave are deleted at once",
            DELETE,
        ),
        Rule::PreDeleteHooksGo => line(
            "pre-delete-hooks-go",
            "what a PreDelete hook made goes when its delete policies say so",
            "what a PreDelete hook made goes with the application's other objects in every case",
            DELETE,
        ),
        Rule::PostDeleteStandsAlone => line(
            "post-delete-stands-alone",
            "what a PostDelete hook needs, such as its ServiceAccount, is deleted after it",
            "everything of the application is deleted before PostDelete hooks run",
            DELETE,
        ),
        Rule::FailedKindGoesOn => line(
            "failed-kind-goes-on",
            "after a failure nothing else of the wave starts",
            "when an object was refused, later kinds of the wave are still applied; only a failed removal stops them",
            CONTEXT,
        ),
        Rule::FailedWaveIsAwaited => line(
            "failed-wave-is-awaited",
            "when a resource or hook failed, resources of its wave are no longer awaited",
            "resources of a wave in which something failed are awaited to their end first",
            CONTEXT,
        ),
        Rule::SyncFailBesideHooks => line(
            "sync-fail-beside-hooks",
            "SyncFail begins when nothing of the failed wave runs any more",
            "when an object was refused, SyncFail begins at once, beside the wave's hooks",
            CONTEXT,
        ),
        Rule::SyncFailHasNoWaves => line(
            "sync-fail-has-no-waves",
            "SyncFail hooks have waves",
            "all SyncFail hooks start at once, kind by kind",
            CONTEXT,
        ),
        Rule::SyncFailAfterChangesOnly => line(
            "sync-fail-after-changes-only",
            "SyncFail runs after every failure of an operation that has begun: dry runs and deadlines too",
            "SyncFail doesn't run when the dry run failed or a deadline passed",
            CONTEXT,
        ),
        Rule::SyncFailInEveryTry => line(
            "sync-fail-in-every-try",
            "SyncFail runs once, after the last try",
            "SyncFail runs after every try that failed",
            CONTEXT,
        ),
        Rule::RetryFromTheStart => line(
            "retry-from-the-start",
            "the next try begins with the wave that failed; hooks that succeeded don't run again",
            "everything runs again from PreSync on",
            "controller/appcontroller.go",
        ),
        Rule::HooksClearFirst => line(
            "hooks-clear-first",
            "the object of a hook's earlier run goes when the hook's turn has come",
            "the objects of earlier runs of all hooks of a wave go first, and nothing of the wave is created before they are gone",
            CONTEXT,
        ),
        Rule::EveryKindIsReplaced => line(
            "every-kind-is-replaced",
            "`BeforeHookCreation` replaces kinds that run to completion; others are applied",
            "`BeforeHookCreation` deletes and creates every kind anew",
            HOOK,
        ),
        Rule::GeneratedHooksStay => line(
            "generated-hooks-stay",
            "`BeforeHookCreation` removes what earlier runs of a hook with `generateName` left",
            "it removes what has the hook's own name, which is a new one in every operation: what they left stays",
            CONTEXT,
        ),
        Rule::OperationJudgesPolicies => line(
            "operation-judges-policies",
            "`HookSucceeded` and `HookFailed` judge the hook, as soon as it has ended; of a helper, such as a ServiceAccount, they judge its phase, when that has ended",
            "`HookSucceeded` and `HookFailed` judge the whole operation, when that has ended",
            CONTEXT,
        ),
        Rule::OlderObjectCounts => line(
            "older-object-counts",
            "an object that an earlier run left is never taken for this run's: it is replaced, or in the way",
            "where no policy deletes what an earlier run left, it is applied over, and its old verdict counts",
            CONTEXT,
        ),
        Rule::UnknownHookFails => line(
            "unknown-hook-fails",
            "a hook whose health can't be told runs on",
            "a hook whose health can't be told has failed",
            CONTEXT,
        ),
        Rule::MissingHookSucceeds => line(
            "missing-hook-succeeds",
            "a hook whose health is Missing has vanished (`capstan.dev/on-vanished`)",
            "a hook whose health is Missing has succeeded",
            CONTEXT,
        ),
        Rule::UnclearDeleteHookIsDone => line(
            "unclear-delete-hook-is-done",
            "a PreDelete or PostDelete hook ends like any other",
            "a PreDelete or PostDelete hook that is Suspended, Unknown or Missing is done",
            DELETE,
        ),
        Rule::TerminateKeepsEnded => line(
            "terminate-keeps-ended",
            "after a termination the delete policies of hooks that had ended are asked, as at every end",
            "after a termination only what still runs is deleted",
            CONTEXT,
        ),
    }
}
