//! Helm's hook words, as the phases that they stand for (`gitops-engine/pkg/sync/hook/helm` of Argo CD), but with Helm's own
//! difference between install and upgrade.

use crate::{directive::RunIf, phase::Phase};

/// What one of Helm's words means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HelmWord {
    /// A phase, in some operations.
    Phase(Phase, RunIf),
    /// The object is a CRD of Helm 2 and no hook.
    CrdInstall,
    /// It never runs in a deployment.
    Elsewhere(&'static str),
}

/// Helm's words.
pub(super) const WORDS: [(&str, HelmWord); 12] = [
    ("pre-install", HelmWord::Phase(Phase::PreSync, RunIf::Install)),
    ("pre-upgrade", HelmWord::Phase(Phase::PreSync, RunIf::Upgrade)),
    ("post-install", HelmWord::Phase(Phase::PostSync, RunIf::Install)),
    ("post-upgrade", HelmWord::Phase(Phase::PostSync, RunIf::Upgrade)),
    ("pre-delete", HelmWord::Phase(Phase::PreDelete, RunIf::Always)),
    ("post-delete", HelmWord::Phase(Phase::PostDelete, RunIf::Always)),
    ("pre-rollback", HelmWord::Elsewhere("runs in `helm rollback` only")),
    ("post-rollback", HelmWord::Elsewhere("runs in `helm rollback` only")),
    ("test", HelmWord::Elsewhere("runs in `helm test` only")),
    ("test-success", HelmWord::Elsewhere("runs in `helm test` only")),
    ("test-failure", HelmWord::Elsewhere("runs in `helm test` only")),
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
