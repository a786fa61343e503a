//! All annotations that Capstan reads. The table in `host/ANNOTATIONS.md` is made from this one.

use crate::model::object::labels;

/// An annotation that Capstan reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Annotation {
    /// The annotation's full name, with its prefix.
    pub name: &'static str,
    /// Its possible values, in Markdown.
    pub values: &'static str,
    /// The value if it is missing, in Markdown; empty if there is none.
    pub default: &'static str,
    /// Its meaning, in one or two sentences of Markdown.
    pub meaning: &'static str,
}

const fn row(
    annotation: &'static str,
    values: &'static str,
    default: &'static str,
    meaning: &'static str,
) -> Annotation {
    Annotation {
        name: annotation,
        values,
        default,
        meaning,
    }
}

/// Labels that Capstan writes on objects. In a manifest that was exported from a cluster they are ignored.
pub const WRITTEN_BY_HOST: [&str; 5] = [
    labels::APPLICATION,
    labels::NAMESPACE,
    labels::HOOK,
    labels::RUN,
    labels::OPERATION,
];

/// All annotations that Capstan reads, its own first.
pub const ANNOTATIONS: [Annotation; 29] = [
    row(
        "capstan.dev/hook",
        "list of `PreDelete`, `PreSync`, `Sync`, `PostSync`, `PostDelete`, `SyncFail`, `Skip` and values that plugins claim",
        "`argocd.argoproj.io/hook`, else `helm.sh/hook`",
        "Makes the object a hook that runs in these phases.",
    ),
    row(
        "capstan.dev/hook-type",
        "name of a hook type",
        "the plugin that claims a value of the hook annotation, otherwise the one that claims the object's kind",
        "Selects the plugin that runs the hook.",
    ),
    row(
        "capstan.dev/phase",
        "`PreSync`, `Sync`, `PostSync`",
        "`Sync`",
        "Applies an ordinary object in this phase. It is still pruned and compared like other ordinary objects.",
    ),
    row(
        "capstan.dev/wave",
        "whole number",
        "`argocd.argoproj.io/sync-wave`, else `helm.sh/hook-weight` of a hook, else `0`",
        "The wave within the phase; lower waves run first.",
    ),
    row(
        "capstan.dev/delete-policy",
        "list of `BeforeHookCreation`, `HookSucceeded`, `HookFailed` and policies of plugins",
        "`argocd.argoproj.io/hook-delete-policy`, else `helm.sh/hook-delete-policy`, else `BeforeHookCreation`",
        "When the hook's object is deleted. For objects that run to completion, and for hooks with a plugin of their own, the policy applies as soon as the hook has its verdict. A helper hook, such as a ServiceAccount, stays until its phase has ended, and the outcome of the phase decides: after a failure, HookFailed deletes it and HookSucceeded keeps it. An object that is also an ordinary object of the set is never deleted by its hook's policies.",
    ),
    row(
        "capstan.dev/ttl",
        "duration: `600`, `10m`, `1h30m`, `2d`",
        "`spec.ttlSecondsAfterFinished`",
        "How long the hook's object is kept after the hook ended.",
    ),
    row(
        "capstan.dev/ttl-failed",
        "duration",
        "`capstan.dev/ttl`",
        "How long the hook's object is kept if the hook failed.",
    ),
    row(
        "capstan.dev/timeout",
        "duration",
        "no limit",
        "How long the hook may run, or the object may take to become healthy.",
    ),
    row(
        "capstan.dev/on-timeout",
        "`fail`, `continue`",
        "`fail`",
        "What happens when `capstan.dev/timeout` is exceeded.",
    ),
    row(
        "capstan.dev/on-vanished",
        "`fail`, `rerun`, `succeed`",
        "`fail`",
        "What happens if somebody deletes the hook's object before the hook has a verdict.",
    ),
    row(
        "capstan.dev/wait",
        "`none`, `applied`, `healthy`",
        "`healthy`",
        "What the sync waits for after it applied the object.",
    ),
    row(
        "capstan.dev/degraded-grace",
        "duration",
        "depends on the kind, see below",
        "How long the object may be Degraded before it counts as failed.",
    ),
    row(
        "capstan.dev/load-balancer",
        "`expected`, `none`",
        "`expected`",
        "With `none`, a Service of type LoadBalancer or an Ingress counts as healthy without an address.",
    ),
    row(
        "capstan.dev/run-if",
        "list of `always`, `changed`, `first-install`, `upgrade`, `rollback`, `test`",
        "`always`; for Helm hooks according to their annotation",
        "Runs the hook if one of these applies: in every sync; if its inputs changed since its last success; in the first sync of the \
         application; in later syncs; in `capstan rollback`; in `capstan test`. `--hook NAME` runs it regardless.",
    ),
    row(
        "capstan.dev/run-if-inputs",
        "list of `KIND[.GROUP]/[NAMESPACE/]NAME`",
        "",
        "Additional objects whose content counts for `changed`, besides the hook and the objects of the set that its pods refer to. Metadata is not compared.",
    ),
    row(
        "capstan.dev/depends-on",
        "list of `KIND[.GROUP]/[NAMESPACE/]NAME`",
        "",
        "Other objects of the set that must be ready first, also within a wave: applied or healthy according to their `capstan.dev/wait`, \
         or succeeded. Deletions use the reverse order.",
    ),
    row(
        "capstan.dev/ignore-differences",
        "list of JSON pointers and `manager:NAME`",
        "",
        "Fields that others manage: the listed fields and all fields of the listed field managers. They are not compared and not changed. \
         `*` in a pointer matches every element of a list.",
    ),
    row(
        "capstan.dev/apply",
        "`merge`, `override`, `if-not-present`, `ignore`",
        "`merge`",
        "How the object is applied: with conflicts as errors, with fields of other managers taken over, only if it doesn't exist, or not at all.",
    ),
    row(
        "capstan.dev/propagation",
        "`foreground`, `background`, `orphan`",
        "`PrunePropagationPolicy`, else by what deletes it",
        "The propagation policy for every deletion of the object: by pruning, with the application, before it is recreated (`Force`), and as a hook's object.",
    ),
    row(
        "capstan.dev/settings",
        "mapping in YAML or JSON",
        "",
        "Settings for the plugin that runs the hook, for the plugins of its delete policies, and for the plugin that checks the object's health.",
    ),
    row(
        "capstan.dev/lint-ignore",
        "list of rules of `LINTS.md`",
        "",
        "Suppresses the findings of these rules for this object.",
    ),
    row(
        "argocd.argoproj.io/hook",
        "as `capstan.dev/hook`",
        "`helm.sh/hook`",
        "Argo CD's annotation for hooks.",
    ),
    row(
        "argocd.argoproj.io/hook-delete-policy",
        "as `capstan.dev/delete-policy`",
        "`helm.sh/hook-delete-policy`",
        "Argo CD's annotation for delete policies.",
    ),
    row(
        "argocd.argoproj.io/sync-wave",
        "whole number",
        "`helm.sh/hook-weight` of a hook, else `0`",
        "Argo CD's annotation for waves.",
    ),
    row(
        "argocd.argoproj.io/sync-options",
        "list of `Prune=false`, `Prune=confirm`, `Delete=false`, `Delete=confirm`, `PruneLast=true`, `Replace=true`, `Force=true`, \
         `ServerSideApply=true`, `Validate=false`, `SkipDryRunOnMissingResource=true`",
        "",
        "Argo CD's options of one object.",
    ),
    row(
        "helm.sh/hook",
        "list of `pre-install`, `pre-upgrade`, `pre-rollback`, `post-install`, `post-upgrade`, `post-rollback`, `pre-delete`, \
         `post-delete`, `test`, `test-success`, `test-failure`; `crd-install` does not make the object a hook",
        "",
        "Helm's annotation for hooks: PreSync, PostSync, PreDelete or PostDelete; in the first sync, in later syncs, in `capstan rollback`, \
         or in `capstan test`. With Argo CD's rules install and upgrade hooks run in every sync, and rollback and test hooks never.",
    ),
    row("helm.sh/hook-weight", "whole number", "`0`", "The wave of a hook."),
    row(
        "helm.sh/hook-delete-policy",
        "list of `before-hook-creation`, `hook-succeeded`, `hook-failed`",
        "",
        "Helm's annotation for delete policies.",
    ),
    row(
        "helm.sh/resource-policy",
        "`keep`",
        "",
        "Keeps the object when it is no longer in the manifests and when the application is deleted, unless `Prune=` or `Delete=` is set.",
    ),
];
