//! What an operation does.

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
