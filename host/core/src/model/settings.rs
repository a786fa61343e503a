//! Settings of objects that planning and running share: what is waited for, how an object is written, whether it may be deleted.

use serde::{Deserialize, Serialize};

/// What the operation waits for after it applied an object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Wait {
    /// Nothing: later tasks don't wait for it.
    Nothing,
    /// Until the server accepted the object.
    Applied,
    /// Until the object is healthy.
    #[default]
    Healthy,
    /// Until the hooks beside it have ended; it fails if it is Degraded before that.
    WhileHooksRun,
}

/// What happens when a task exceeds its timeout.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OnTimeout {
    /// The task fails.
    #[default]
    Fail,
    /// The operation continues without it.
    Continue,
}

/// How an object is written to the cluster.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ApplyMode {
    /// By server-side apply. Fields of other managers are left alone.
    #[default]
    Merge,
    /// By server-side apply with force: fields of other managers are taken over.
    Override,
    /// It is created if it doesn't exist, and never changed.
    IfNotPresent,
    /// The object isn't applied.
    Ignore,
}

/// Whether an object may be deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Permission {
    /// It may be deleted.
    #[default]
    Yes,
    /// The object is kept.
    No,
    /// It may be deleted after the user confirmed it.
    Confirm,
}

impl Permission {
    /// Reads the value of a sync option: `true`, `false` or `confirm`.
    pub(crate) fn from_option_value(value: &str) -> Permission {
        match value {
            "false" => Permission::No,
            "confirm" => Permission::Confirm,
            _ => Permission::Yes,
        }
    }
}
