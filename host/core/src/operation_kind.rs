//! What an operation does, and what for.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OperationKind {
    /// Makes the cluster as the manifests say.
    Sync,
    /// Removes the application.
    Delete,
}

impl fmt::Display for OperationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            OperationKind::Sync => "sync",
            OperationKind::Delete => "delete",
        })
    }
}

/// What a sync is for. All run alike; which hooks are among their tasks differs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// To deploy what is desired now.
    #[default]
    Deploy,
    /// To go back to what an earlier sync deployed.
    Rollback,
    /// To test what is deployed: nothing runs but test hooks.
    Test,
}

impl Purpose {
    /// Says whether it is the usual one, which stored forms leave out.
    pub const fn is_deploy(&self) -> bool {
        matches!(self, Purpose::Deploy)
    }

    /// Returns the word for an operation that does this for that.
    pub const fn word(self, does: OperationKind) -> &'static str {
        match (does, self) {
            (OperationKind::Delete, _) => "delete",
            (OperationKind::Sync, Purpose::Deploy) => "sync",
            (OperationKind::Sync, Purpose::Rollback) => "rollback",
            (OperationKind::Sync, Purpose::Test) => "test",
        }
    }
}
