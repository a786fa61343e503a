//! What Argo CD does and `--compat argocd` doesn't do.

/// A behaviour of Argo CD that Capstan doesn't copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotCopied {
    /// What Argo CD does.
    pub what: &'static str,
    /// What Capstan does instead, and why.
    pub instead: &'static str,
}

const fn not(what: &'static str, instead: &'static str) -> NotCopied {
    NotCopied { what, instead }
}

/// All behaviours that Capstan doesn't copy, in the order of the documentation.
pub const NOT_COPIED: [NotCopied; 21] = [
    not(
        "The pause of 2 s after each wave (`ARGOCD_SYNC_WAVE_DELAY`)",
        "a status that may be about what was desired before isn't judged: that is what the pause is for",
    ),
    not(
        "The finalizer on hooks (`argocd.argoproj.io/hook-finalizer`) and those on Applications",
        "a hook's verdict is stored the moment it is seen; an application's delete hooks are stored with its last sync",
    ),
    not(
        "Client-side apply, `kubectl auth reconcile`, and the dry run on the client",
        "everything is applied and checked by the server; `ServerSideApply=false` is told and changes nothing",
    ),
    not(
        "Names made of `generateName`, revision, phase and time; hooks of one `generateName`, kind and phase get the same one",
        "the prefix and a hash of the run, at most 63 characters: different for each hook, phase and try",
    ),
    not(
        "A hook with `generateName` that succeeded in one try counts as done in the next",
        "it runs again, as every other hook does then",
    ),
    not(
        "Of several manifests of one kind and name the last one counts, whatever they are",
        "hooks of one name run in their phases and waves, and a hook beside an ordinary object leaves it to the set; only of hooks in one phase and wave the last one counts",
    ),
    not(
        "The dry run of everything when only a hook was deleted so far",
        "the server is asked once before the first change, and once more before each further try",
    ),
    not(
        "Delete hooks that failed are created again, without end",
        "the deletion has failed; the next `capstan delete` runs them again",
    ),
    not(
        "An operation that waits for `Prune=confirm` or `Delete=confirm`",
        "what isn't confirmed when it is planned stays, and the plan says so: `--confirm` lets it go",
    ),
    not(
        "Hooks of a kind that isn't watched are awaited for ever",
        "every object is watched that is waited for",
    ),
    not(
        "After a refusal, resources of the failed wave are awaited beside SyncFail, for ever if need be",
        "SyncFail alone is awaited",
    ),
    not(
        "`HookFailed` removes objects of hooks that didn't run in this operation",
        "only what this operation made is judged by how it ended",
    ),
    not(
        "`Replace=true` with `Force=true` deletes and creates in every case",
        "it does where the object can't be changed",
    ),
    not(
        "After a definition is applied, 3 s are waited for it at most",
        "objects of the wave wait until its kind is served",
    ),
    not("The texts of messages", "the same things are said in Capstan's words"),
    not(
        "The built-in health checks of 112 API groups in Lua, but for CronJobs, definitions and PodDisruptionBudgets",
        "health is judged by plugins in both modes; the built-in ones judge each kind as Argo CD's code does, `plugins/README.md` says where ours differs. `capstan plugin import-argo` makes a plugin of the scripts",
    ),
    not(
        "A Namespace or a definition is pruned, and replaced as a hook's object, with everything that is in it",
        "it stays while anything lives in it that doesn't go as well; `--confirm` lets it go",
    ),
    not(
        "A hook's object is applied over whatever has its name, and its delete policies remove that",
        "what this application didn't make is refused, unless Argo CD or Helm made it for a hook",
    ),
    not(
        "What carries the tracking label is pruned, copies included",
        "only what the application made is, and nothing that a controller looks after",
    ),
    not(
        "Auto-sync, self-heal, sync windows, projects",
        "they belong to a controller; `capstan sync` is the manual sync",
    ),
    not(
        "Objects that another Argo CD tracks are synced all the same",
        "`--adopt` is needed in both modes, so that two tools don't fight over them",
    ),
];
