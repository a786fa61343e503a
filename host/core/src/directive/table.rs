//! All annotations that Capstan reads. The table in `host/ANNOTATIONS.md` is made from this one.

use crate::object::labels;

/// An annotation that Capstan reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Annotation {
    /// Its full name.
    pub annotation: &'static str,
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
        annotation,
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
        "list of `PreDelete`, `PreSync`, `Sync`, `PostSync`, `PostDelete`, `SyncFail`, `Skip` and words that plugins claim",
        "`argocd.argoproj.io/hook`, else `helm.sh/hook`",
        "Makes the object a hook that runs in these phases.",
    ),
    row(
        "capstan.dev/hook-type",
        "name of a hook type",
        "the plugin that claims a word of the hook annotation, else the object's kind",
        "Says which plugin runs the hook.",
    ),
    row(
        "capstan.dev/phase",
        "`PreSync`, `Sync`, `PostSync`",
        "`Sync`",
        "Applies an ordinary object in this phase, while it stays one: it is pruned and compared like any other.",
    ),
    row(
        "capstan.dev/wave",
        "whole number",
        "`argocd.argoproj.io/sync-wave`, else `helm.sh/hook-weight` of a hook, else `0`",
        "The wave inside the phase; lower ones come first.",
    ),
    row(
        "capstan.dev/delete-policy",
        "list of `BeforeHookCreation`, `HookSucceeded`, `HookFailed` and policies of plugins",
        "`argocd.argoproj.io/hook-delete-policy`, else `helm.sh/hook-delete-policy`, else `BeforeHookCreation`",
        "When the hook's object is deleted. What runs to completion, or has its verdict from a plugin of its own, is judged by its own outcome, at once. A helper, such as a ServiceAccount, stays until its phase has ended, and the phase's outcome counts: after a failure HookFailed removes it and HookSucceeded leaves it. An object that is an ordinary object of the set, too, is never deleted by its hook's policies.",
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
        "How long it is kept after the hook failed.",
    ),
    row(
        "capstan.dev/timeout",
        "duration",
        "no limit of its own",
        "How long the hook may run, or the object may take to become healthy.",
    ),
    row(
        "capstan.dev/on-timeout",
        "`fail`, `continue`",
        "`fail`",
        "What happens when it takes longer.",
    ),
    row(
        "capstan.dev/on-vanished",
        "`fail`, `rerun`, `succeed`",
        "`fail`",
        "What it means when the hook's object is gone before it had a verdict.",
    ),
    row(
        "capstan.dev/wait",
        "`none`, `applied`, `healthy`",
        "`healthy`",
        "What is waited for after the object was applied.",
    ),
    row(
        "capstan.dev/degraded-grace",
        "duration",
        "by kind, see below",
        "How long the object may be Degraded before that is a failure.",
    ),
    row(
        "capstan.dev/load-balancer",
        "`expected`, `none`",
        "`expected`",
        "`none`: a Service of type LoadBalancer or an Ingress never gets an address, and is healthy without one.",
    ),
    row(
        "capstan.dev/run-if",
        "list of `always`, `changed`, `first-install`, `upgrade`, `rollback`, `test`",
        "`always`; for Helm's hooks what their words say",
        "Runs the hook when one of the words holds: in every sync; when what it is made of isn't what its last success was made of; in \
         the application's first sync; in later ones; in `capstan rollback`; in `capstan test`. `--hook NAME` runs it whatever it says.",
    ),
    row(
        "capstan.dev/run-if-inputs",
        "list of `KIND[.GROUP]/[NAMESPACE/]NAME`",
        "",
        "What else `changed` looks at, beside the hook and the objects of the set that its pods name: all without their metadata.",
    ),
    row(
        "capstan.dev/depends-on",
        "list of `KIND[.GROUP]/[NAMESPACE/]NAME`",
        "",
        "Other objects of the set that must be done first, within a wave too: healthy, as their `capstan.dev/wait` says, or succeeded. \
         What goes, goes before what it depends on.",
    ),
    row(
        "capstan.dev/ignore-differences",
        "list of JSON pointers and `manager:NAME`",
        "",
        "Fields that others look after, and all that these managers own: differences in them aren't shown, and they stay as they are. `*` \
         in a pointer stands for every member of a list.",
    ),
    row(
        "capstan.dev/apply",
        "`merge`, `override`, `if-not-present`, `ignore`",
        "`merge`",
        "How the object is written: merged into the live one, fields taken over from others, created only, or not at all.",
    ),
    row(
        "capstan.dev/propagation",
        "`foreground`, `background`, `orphan`",
        "`PrunePropagationPolicy`, else by what deletes it",
        "What becomes of what the object owns when it is deleted: pruned, deleted with the application, deleted to be created anew (`Force`), and as a hook's object.",
    ),
    row(
        "capstan.dev/settings",
        "mapping in YAML or JSON",
        "",
        "Settings for the plugin that runs the hook, for the plugins of its delete policies, and for the plugin that judges the object's health.",
    ),
    row(
        "capstan.dev/lint-ignore",
        "list of rules of `LINTS.md`",
        "",
        "What these rules find about the object is known: it is not shown, and stops nothing.",
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
         `post-delete`, `test`, `test-success`, `test-failure`; `crd-install` makes no hook",
        "",
        "Helm's annotation for hooks: PreSync, PostSync, PreDelete, PostDelete, in the first sync, in later ones, in `capstan rollback` or, \
         in PostSync, in `capstan test`. By Argo CD's rules in every sync, and the words for rollbacks and tests mean nothing.",
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
        "Keeps the object when it leaves the manifests and when the application is deleted, unless `Prune=` or `Delete=` say otherwise.",
    ),
];
