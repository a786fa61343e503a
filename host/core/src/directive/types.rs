//! The answers of a manifest's annotations.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::RunConditions;
use crate::{
    compat::Rule,
    hook::{OnVanished, Propagation, Ttl},
    phase::Phase,
    wave::Wave,
};

/// Whose annotation makes an object a hook.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Family {
    /// Nobody's: it is no hook, or one by its type alone.
    #[default]
    None,
    /// `argocd.argoproj.io/hook`.
    ArgoCd,
    /// `helm.sh/hook`.
    Helm,
    /// `capstan.dev/hook`.
    Capstan,
}

/// What is waited for after an object was applied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Wait {
    /// Nothing: what comes next doesn't wait for it.
    Nothing,
    /// That the server took it.
    Applied,
    /// That it is healthy.
    #[default]
    Healthy,
    /// That the hooks beside it have ended; it must not be Degraded before that.
    WhileHooksRun,
}

/// What it means when something takes longer than it may.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OnTimeout {
    /// It failed.
    #[default]
    Fail,
    /// The operation goes on without it.
    Continue,
}

/// How an object is written to the cluster.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ApplyMode {
    /// Its fields are merged into the live object; those of others are left alone.
    #[default]
    Merge,
    /// Its fields are taken over from others, too.
    Override,
    /// It is created, and never changed afterwards.
    IfNotPresent,
    /// It is not written at all.
    Ignore,
}

/// Whether an object may be removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Permission {
    /// It may.
    #[default]
    Yes,
    /// It stays.
    No,
    /// It may once somebody has said yes.
    Confirm,
}

impl Permission {
    /// Reads the value of a sync option: `true`, `false` or `confirm`.
    pub(crate) fn of(value: &str) -> Permission {
        match value {
            "false" => Permission::No,
            "confirm" => Permission::Confirm,
            _ => Permission::Yes,
        }
    }
}

/// Everything that the annotations of one manifest ask for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of Argo CD with this name and these two values"
)]
pub struct Directives {
    /// Whose hook annotation was used.
    pub family: Family,
    /// The words of that annotation, in order, each once; phases in Argo CD's spelling, Helm's words as the phases they stand for.
    pub words: Vec<String>,
    /// Those of the words that are phases.
    pub phases: Vec<Phase>,
    /// In which operations the hook runs, unless its phase has an entry in `run_if_of_phase`.
    pub run_if: RunConditions,
    /// The phases for which that differs. Only Helm's annotation can say such a thing: `pre-upgrade,post-install`. Ask
    /// [`Directives::condition`].
    pub run_if_of_phase: BTreeMap<Phase, RunConditions>,
    /// What else counts as an input of the hook, as it is written.
    pub run_if_inputs: Vec<String>,
    /// Whether the hook is a test that must fail.
    pub must_fail: bool,
    /// Why the object is left alone, where its annotations say so without the word `Skip`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_alone: Option<String>,
    /// The hook's type: the plugin that runs it.
    pub hook_type: Option<String>,
    /// The phase in which an ordinary object is applied, if not Sync.
    pub phase: Option<Phase>,
    /// The wave.
    pub wave: Wave,
    /// The words of the delete policies; none asks for the default.
    pub delete_policies: Vec<String>,
    /// How long the hook's object is kept.
    pub ttl: Ttl,
    /// How long it may take.
    pub timeout_seconds: Option<u64>,
    /// What it means when it takes longer; whoever plans decides when it isn't written.
    pub on_timeout: Option<OnTimeout>,
    /// What it means when the hook's object vanishes.
    pub on_vanished: OnVanished,
    /// What is waited for.
    pub wait: Wait,
    /// How long it may be Degraded before that is a failure.
    pub degraded_grace_seconds: Option<u64>,
    /// What it comes after, as it is written.
    pub depends_on: Vec<String>,
    /// Whose differences don't count: JSON pointers, and `manager:NAME`.
    pub ignore_differences: Vec<String>,
    /// How it is written to the cluster.
    pub apply: ApplyMode,
    /// What becomes of what it owns when it is deleted.
    pub propagation: Option<Propagation>,
    /// Whether it may be removed when it left the manifests.
    pub prune: Permission,
    /// Whether it may be removed with the application.
    pub delete: Permission,
    /// Whether it is removed after everything else.
    pub prune_last: bool,
    /// Whether it is replaced instead of merged.
    pub replace: bool,
    /// Whether it is deleted and created when it can't be changed.
    pub force: bool,
    /// Whether Argo CD would apply it on the server's side; we always do.
    pub server_side: Option<bool>,
    /// Whether the server shall ignore fields that it doesn't know.
    pub skip_validation: bool,
    /// Whether its kind may be unknown until its turn comes.
    pub skip_dry_run_on_missing: bool,
    /// The sync options that its annotations name: those of the application don't count for them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub named_options: Vec<String>,
    /// Settings for the hook's plugin.
    pub settings: Map<String, Value>,
    /// The lint rules whose findings about it are known.
    pub lint_ignore: Vec<String>,
    /// What the user should know: which annotation was passed over for which.
    pub notices: Vec<String>,
    /// Which of Argo CD's rules made it other than it would have been by ours.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
}

impl Directives {
    /// Says whether the manifest is a hook: by a word or by its type.
    pub fn is_hook(&self) -> bool {
        !self.words.is_empty() || self.hook_type.is_some()
    }

    /// Returns when the hook runs in a phase; nothing for the phases of a delete, in which it always does.
    pub fn condition(&self, phase: Phase) -> Option<&RunConditions> {
        match phase {
            Phase::PreDelete | Phase::PostDelete => None,
            Phase::PreSync | Phase::Sync | Phase::PostSync | Phase::SyncFail => {
                Some(self.run_if_of_phase.get(&phase).unwrap_or(&self.run_if))
            }
        }
    }
}
