//! What an operation does, and for which purpose.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OperationKind {
    /// Applies the manifests and prunes.
    Sync,
    /// Deletes the application.
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

/// The purpose of a sync. All purposes run alike but select different hooks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// To deploy the manifests.
    #[default]
    Deploy,
    /// To return to the manifests of an earlier sync.
    Rollback,
    /// To test what is deployed: only test hooks run.
    Test,
}

impl Purpose {
    /// Returns whether it is the default, which stored formats leave out.
    pub const fn is_deploy(&self) -> bool {
        matches!(self, Purpose::Deploy)
    }

    /// Returns the name of an operation with this purpose, as in the command line.
    pub const fn operation_name(self, kind: OperationKind) -> &'static str {
        match (kind, self) {
            (OperationKind::Delete, _) => "delete",
            (OperationKind::Sync, Purpose::Deploy) => "sync",
            (OperationKind::Sync, Purpose::Rollback) => "rollback",
            (OperationKind::Sync, Purpose::Test) => "test",
        }
    }
}
