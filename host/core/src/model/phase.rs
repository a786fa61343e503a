//! The six phases and their order.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A phase of an operation. Names and meaning are Argo CD's. They are ordered as declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// Before anything is deleted with the application.
    PreDelete,
    /// Before the manifests are applied.
    PreSync,
    /// The manifests, and hooks beside them. In a deletion: the deletions.
    Sync,
    /// After everything in Sync is healthy.
    PostSync,
    /// After everything has been deleted.
    PostDelete,
    /// After a failure, once per operation.
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

    /// Returns the name in annotations.
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

/// The text isn't the name of a phase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a phase")]
pub struct UnknownPhase(pub String);

/// The name must match exactly, as in Argo CD: `presync` isn't a phase.
impl FromStr for Phase {
    type Err = UnknownPhase;

    fn from_str(word: &str) -> Result<Phase, UnknownPhase> {
        Phase::ALL
            .into_iter()
            .find(|phase| phase.as_str() == word)
            .ok_or_else(|| UnknownPhase(word.to_owned()))
    }
}
