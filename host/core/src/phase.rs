//! The six phases and what comes before what.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A part of an operation. The words and their meaning are Argo CD's; the order is the order of declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// Before anything is deleted.
    PreDelete,
    /// Before the manifests are applied.
    PreSync,
    /// The manifests, and hooks beside them. In a delete: the deletions.
    Sync,
    /// After everything of Sync is healthy.
    PostSync,
    /// After everything has been deleted.
    PostDelete,
    /// After a failure, once.
    SyncFail,
}

impl Phase {
    /// All phases in their order.
    pub const ALL: [Phase; 6] = [
        Phase::PreDelete,
        Phase::PreSync,
        Phase::Sync,
        Phase::PostSync,
        Phase::PostDelete,
        Phase::SyncFail,
    ];

    /// Returns the annotation's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Phase::PreDelete => "PreDelete",
            Phase::PreSync => "PreSync",
            Phase::Sync => "Sync",
            Phase::PostSync => "PostSync",
            Phase::PostDelete => "PostDelete",
            Phase::SyncFail => "SyncFail",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text is not the name of a phase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a phase")]
pub struct NotAPhase(pub String);

/// Exact, as in Argo CD: `presync` is no phase.
impl FromStr for Phase {
    type Err = NotAPhase;

    fn from_str(word: &str) -> Result<Phase, NotAPhase> {
        Phase::ALL
            .into_iter()
            .find(|phase| phase.as_str() == word)
            .ok_or_else(|| NotAPhase(word.to_owned()))
    }
}
