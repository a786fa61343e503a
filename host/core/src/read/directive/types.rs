//! The values that are read from a manifest's annotations.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ApplyMode, OnTimeout, Permission, RunConditions, Wait};
use crate::model::{
    compat::Rule,
    hook::{OnVanished, Propagation, Ttl},
    phase::Phase,
    wave::Wave,
};

/// Whose annotation makes an object a hook.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AnnotationFamily {
    /// No annotation: it isn't a hook, or one by its type alone.
    #[default]
    None,
    /// `argocd.argoproj.io/hook`.
    ArgoCd,
    /// `helm.sh/hook`.
    Helm,
    /// `capstan.dev/hook`.
    Capstan,
}

/// Everything that the annotations of one manifest ask for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of Argo CD with this name and these two values"
)]
pub struct Directives {
    /// The family of the hook annotation that was used.
    pub family: AnnotationFamily,
    /// The words of that annotation, in order and without repetition. Phases have Argo CD's spelling; Helm's words are replaced by their
    /// phases.
    pub words: Vec<String>,
    /// The words that are phases.
    pub phases: Vec<Phase>,
    /// The conditions of the hook, except for phases in `run_if_of_phase`.
    pub run_if: RunConditions,
    /// The conditions of single phases, if they differ. Only Helm's annotation can express that: `pre-upgrade,post-install`. Use
    /// [`Directives::condition`] to read them.
    pub run_if_of_phase: BTreeMap<Phase, RunConditions>,
    /// Further inputs of the hook, as written in `capstan.dev/run-if-inputs`.
    pub run_if_inputs: Vec<String>,
    /// Whether the hook is a Helm test that must fail.
    pub must_fail: bool,
    /// Why the object is skipped, if its annotations don't say `Skip`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(rename = "leftAlone")]
    pub skip_reason: Option<String>,
    /// The hook's type, which names the plugin that runs it.
    pub hook_type: Option<String>,
    /// The phase in which an ordinary object is applied; `None` for Sync.
    pub phase: Option<Phase>,
    /// The wave within the phase.
    pub wave: Wave,
    /// The words of the delete policies. If empty, the default applies.
    pub delete_policies: Vec<String>,
    /// How long the hook's object is kept.
    pub ttl: Ttl,
    /// The timeout of the hook, or of the wait for the object's health.
    pub timeout_seconds: Option<u64>,
    /// What happens on a timeout; `None` for the default of the plan.
    pub on_timeout: Option<OnTimeout>,
    /// What happens when the hook's object vanishes.
    pub on_vanished: OnVanished,
    /// What the operation waits for after it applied the object.
    pub wait: Wait,
    /// How long the object may be Degraded before that is a failure.
    pub degraded_grace_seconds: Option<u64>,
    /// The objects that it depends on, as written in `capstan.dev/depends-on`.
    pub depends_on: Vec<String>,
    /// Ignored fields: JSON pointers, and `manager:NAME`.
    pub ignore_differences: Vec<String>,
    /// How the object is written to the cluster.
    pub apply: ApplyMode,
    /// What happens to its dependents when it is deleted.
    pub propagation: Option<Propagation>,
    /// Whether it may be pruned.
    pub prune: Permission,
    /// Whether it may be deleted with the application.
    pub delete: Permission,
    /// Whether it is pruned after everything else.
    pub prune_last: bool,
    /// Whether it is replaced instead of applied.
    pub replace: bool,
    /// Whether it is deleted and created again if it can't be changed.
    pub force: bool,
    /// The value of `ServerSideApply`. Capstan always uses server-side apply.
    pub server_side: Option<bool>,
    /// Whether fields that the server doesn't know are left out.
    pub skip_validation: bool,
    /// Whether its kind may be unknown until it is applied.
    pub skip_dry_run_on_missing: bool,
    /// The sync options that its annotations set. The application's values don't apply for them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub named_options: Vec<String>,
    /// Settings for the hook's plugin, its delete policies and its health plugin.
    pub settings: Map<String, Value>,
    /// The lint rules whose findings about it are ignored.
    pub lint_ignore: Vec<String>,
    /// Notices for the user, such as an ignored annotation.
    pub notices: Vec<String>,
    /// The rules of Argo CD that changed these directives.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
}

impl Directives {
    /// Returns whether the manifest is a hook, by a word or by its type.
    pub fn is_hook(&self) -> bool {
        !self.words.is_empty() || self.hook_type.is_some()
    }

    /// Returns the conditions of the hook in a phase; `None` for PreDelete and PostDelete, in which hooks always run.
    pub fn condition(&self, phase: Phase) -> Option<&RunConditions> {
        match phase {
            Phase::PreDelete | Phase::PostDelete => None,
            Phase::PreSync | Phase::Sync | Phase::PostSync | Phase::SyncFail => {
                Some(self.run_if_of_phase.get(&phase).unwrap_or(&self.run_if))
            }
        }
    }
}
