//! Helm's hook words, as the phases that they stand for (`gitops-engine/pkg/sync/hook/helm` of Argo CD), but with Helm's own
//! difference between install, upgrade, rollback and test. Argo CD knows no such difference, and nothing of the last two.

use crate::{
    compat::Rule,
    directive::{Mode, RunCondition},
    phase::Phase,
};

/// What one of Helm's words means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HelmWord {
    /// A phase of syncs, in some of them. Tests look at what is deployed, as PostSync does.
    Phase(Phase, RunCondition),
    /// A phase of deletes.
    Delete(Phase),
    /// The object is a CRD of Helm 2 and no hook.
    CrdInstall,
}

impl HelmWord {
    /// Says whether it makes a hook by these rules.
    pub(super) fn counts(self, mode: Mode) -> bool {
        match self {
            HelmWord::CrdInstall => false,
            HelmWord::Phase(_, RunCondition::Rollback | RunCondition::Test) => !mode.has(Rule::HelmHooksAlwaysRun),
            HelmWord::Phase(..) | HelmWord::Delete(_) => true,
        }
    }
}

/// The word for a test that must fail.
pub(super) const TEST_FAILURE: &str = "test-failure";

/// Helm's words.
pub(super) const WORDS: [(&str, HelmWord); 12] = [
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

/// Helm's delete policies and what they are called here.
pub(super) const POLICIES: [(&str, &str); 3] = [
    ("before-hook-creation", "BeforeHookCreation"),
    ("hook-succeeded", "HookSucceeded"),
    ("hook-failed", "HookFailed"),
];

/// Returns what a word means.
pub(super) fn word(text: &str) -> Option<HelmWord> {
    WORDS
        .iter()
        .find(|(known, _)| *known == text)
        .map(|(_, meaning)| *meaning)
}
