//! Who asks, and what they may do.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Who asks, and what they may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Me {
    /// The name of the user, as the server shows it.
    pub name: String,
    /// The version of capstan.
    pub version: String,
    /// The clusters whose applications are shown.
    pub clusters: Vec<String>,
    /// The namespace of applications that name none.
    pub namespace: String,
    /// The time on the server, whose clock may be another one than the browser's: of an embedded cluster it is.
    pub now: Timestamp,
    /// Whether nothing can be changed through this server.
    #[serde(default)]
    pub is_read_only: bool,
    /// What the user may not do, each with the right that is missing: `create applications/trigger in shop`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub missing: BTreeMap<Verb, String>,
}

impl Me {
    /// Returns why something may not be done; nothing if it may.
    pub fn denied(&self, verb: Verb) -> Option<&str> {
        let missing = self.missing.get(&verb).map(String::as_str);
        missing.or((self.is_read_only && verb.is_change()).then_some("this server is read-only"))
    }
}

/// What can be done with an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verb {
    /// See the application.
    Get,
    /// Plan a sync, and see the plan with its diffs.
    Plan,
    /// See logs of hooks.
    Logs,
    /// See the live objects of an application.
    Objects,
    /// Sync an application.
    Sync,
    /// Approve or reject a hook.
    Approve,
    /// Terminate an operation.
    Terminate,
    /// Roll it back.
    Rollback,
    /// Run its tests.
    Test,
    /// Delete an application.
    Delete,
    /// Delete what is due.
    Sweep,
}

impl Verb {
    /// All of them.
    pub const ALL: [Verb; 11] = [
        Verb::Get,
        Verb::Plan,
        Verb::Logs,
        Verb::Objects,
        Verb::Sync,
        Verb::Approve,
        Verb::Terminate,
        Verb::Rollback,
        Verb::Test,
        Verb::Delete,
        Verb::Sweep,
    ];

    /// Says whether it changes something.
    pub fn is_change(self) -> bool {
        match self {
            Verb::Get | Verb::Plan | Verb::Logs | Verb::Objects => false,
            Verb::Sync | Verb::Approve | Verb::Terminate | Verb::Rollback | Verb::Test | Verb::Delete | Verb::Sweep => {
                true
            }
        }
    }
}
