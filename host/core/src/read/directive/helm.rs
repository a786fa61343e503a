//! Helm's hook words and the phases that they mean (as in Argo CD's `gitops-engine/pkg/sync/hook/helm`). Unlike Argo CD, they keep Helm's
//! distinction between install, upgrade, rollback and test.

use crate::{
    model::{compat::Rule, phase::Phase},
    read::directive::{Mode, RunCondition},
};

/// The meaning of one of Helm's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HelmWord {
    /// A phase of a sync, under a condition. Tests run in PostSync.
    Phase(Phase, RunCondition),
    /// A phase of a deletion.
    Delete(Phase),
    /// The object is a CRD of Helm 2 and no hook.
    CrdInstall,
}

impl HelmWord {
    /// Returns whether the word makes the object a hook in this mode.
    pub(super) fn is_hook(self, mode: Mode) -> bool {
        match self {
            HelmWord::CrdInstall => false,
            HelmWord::Phase(_, RunCondition::Rollback | RunCondition::Test) => !mode.has(Rule::HelmHooksAlwaysRun),
            HelmWord::Phase(..) | HelmWord::Delete(_) => true,
        }
    }
}

/// Helm's word for a test that must fail.
pub(super) const TEST_FAILURE: &str = "test-failure";

/// Helm's hook words.
pub(super) const HOOK_WORDS: [(&str, HelmWord); 12] = [
    (
        "pre-install",
        HelmWord::Phase(Phase::PreSync, RunCondition::FirstInstall),
    ),
    ("pre-upgrade", HelmWord::Phase(Phase::PreSync, RunCondition::Upgrade)),
    (
        "post-install",
        HelmWord::Phase(Phase::PostSync, RunCondition::FirstInstall),
    ),
    ("post-upgrade", HelmWord::Phase(Phase::PostSync, RunCondition::Upgrade)),
    ("pre-delete", HelmWord::Delete(Phase::PreDelete)),
    ("post-delete", HelmWord::Delete(Phase::PostDelete)),
    ("pre-rollback", HelmWord::Phase(Phase::PreSync, RunCondition::Rollback)),
    (
        "post-rollback",
        HelmWord::Phase(Phase::PostSync, RunCondition::Rollback),
    ),
    ("test", HelmWord::Phase(Phase::PostSync, RunCondition::Test)),
    ("test-success", HelmWord::Phase(Phase::PostSync, RunCondition::Test)),
    (TEST_FAILURE, HelmWord::Phase(Phase::PostSync, RunCondition::Test)),
    ("crd-install", HelmWord::CrdInstall),
];

/// Helm's delete policies and Argo CD's names for them.
pub(super) const DELETE_POLICIES: [(&str, &str); 3] = [
    ("before-hook-creation", "BeforeHookCreation"),
    ("hook-succeeded", "HookSucceeded"),
    ("hook-failed", "HookFailed"),
];

/// Returns the meaning of a word; `None` if Helm doesn't have it.
pub(super) fn find_word(text: &str) -> Option<HelmWord> {
    HOOK_WORDS
        .iter()
        .find(|(known, _)| *known == text)
        .map(|(_, meaning)| *meaning)
}
