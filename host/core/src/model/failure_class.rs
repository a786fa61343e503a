//! The classes of failures.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The class of a failure. Each has its own exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureClass {
    /// A hook's plugin returned the verdict Failed.
    Hook,
    /// An object is Degraded.
    Health,
    /// The API server refused a change.
    Apply,
    /// A deadline passed.
    Timeout,
    /// A plugin gave no answer.
    Plugin,
}

impl FailureClass {
    /// Returns the name for users and plugins.
    pub const fn as_str(self) -> &'static str {
        match self {
            FailureClass::Hook => "hook",
            FailureClass::Health => "health",
            FailureClass::Apply => "apply",
            FailureClass::Timeout => "timeout",
            FailureClass::Plugin => "plugin",
        }
    }
}

impl fmt::Display for FailureClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
