//! What Argo CD does and `--compat argocd` doesn't do.

/// A behaviour of Argo CD that Capstan doesn't copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotCopied {
    /// What Argo CD does.
    pub argo_cd: &'static str,
    /// What Capstan does instead, and why.
    pub capstan: &'static str,
}

const fn entry(what: &'static str, instead: &'static str) -> NotCopied {
    NotCopied {
        argo_cd: what,
        capstan: instead,
    }
}

/// All behaviours that Capstan doesn't copy, in the order of the documentation.
pub const NOT_COPIED: [NotCopied; 21] = [
    entry(
        "The pause of 2 s after each wave (`ARGOCD_SYNC_WAVE_DELAY`)",
        "a status that may belong to an earlier spec is not evaluated, so no pause is needed",
    ),
    entry(
        "The finalizer on hooks (`argocd.argoproj.io/hook-finalizer`) and those on Applications",
        "a hook's verdict is stored as soon as it is known; an application's delete hooks are stored with its last sync",
    ),
    entry(
        "Client-side apply, `kubectl auth reconcile`, and the dry run on the client",
        "everything is applied and checked by the server; `ServerSideApply=false` is reported and has no effect",
    ),
    entry(
        "Names from `generateName`, revision, phase and time; hooks with the same `generateName`, kind and phase get the same name",
        "the prefix and a hash of the run, at most 63 characters: different for each hook, phase and attempt",
    ),
    entry(
        "A hook with `generateName` that succeeded in one attempt counts as done in the next",
        "it runs again, like every other hook",
    ),
    entry(
        "Of several manifests with the same kind and name, only the last one counts",
        "hooks with the same name run in their phases and waves, and a hook with the name of an ordinary object leaves that object to the set; only of hooks in the same phase and wave the last one counts",
    ),
    entry(
        "A dry run of everything if only a hook was deleted so far",
        "there is one dry run before the first change, and one before each retry",
    ),
    entry(
        "Failed delete hooks are created again endlessly",
        "the deletion has failed; the next `capstan delete` runs them again",
    ),
    entry(
        "An operation that waits for `Prune=confirm` or `Delete=confirm`",
        "unconfirmed objects stay, and the plan says so; `--confirm` confirms their deletion",
    ),
    entry(
        "Hooks of a kind that isn't watched are awaited forever",
        "every awaited object is watched",
    ),
    entry(
        "After a rejection, resources of the failed wave are awaited during SyncFail, possibly forever",
        "SyncFail alone is awaited",
    ),
    entry(
        "`HookFailed` removes objects of hooks that didn't run in this operation",
        "only objects of this operation's hooks are affected by its result",
    ),
    entry(
        "`Replace=true` with `Force=true` deletes and creates in every case",
        "only if the object can't be changed",
    ),
    entry(
        "After a CustomResourceDefinition is applied, it is awaited for at most 3 s",
        "objects of the wave wait until its kind is served",
    ),
    entry("The texts of messages", "Capstan has its own messages"),
    entry(
        "The built-in Lua health checks of 112 API groups, except for CronJobs, CustomResourceDefinitions and PodDisruptionBudgets",
        "health checks are plugins in both modes; the built-in ones follow Argo CD's Go code, and `plugins/README.md` lists the differences. `capstan plugin import-argo` makes a plugin from the Lua scripts",
    ),
    entry(
        "A Namespace or CustomResourceDefinition is pruned, or replaced as a hook's object, with everything in it",
        "it stays as long as it contains objects that are not deleted too; `--confirm` deletes it",
    ),
    entry(
        "A hook's object is applied over any existing object with its name, which its delete policies then delete",
        "an existing object of another origin is an error, unless Argo CD or Helm created it for a hook",
    ),
    entry(
        "Objects with the tracking label are pruned, including copies",
        "only objects that the application created are pruned, and none that a controller owns",
    ),
    entry(
        "Auto-sync, self-heal, sync windows, projects",
        "they belong to a controller; `capstan sync` is the manual sync",
    ),
    entry(
        "Objects that another Argo CD tracks are synced all the same",
        "`--adopt` is needed in both modes, so that two tools don't manage the same objects",
    ),
];
