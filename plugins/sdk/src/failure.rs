//! Why a plugin could not answer.

use std::{fmt, time::Duration};

/// Why a plugin could not answer. An answer that people may not like is not a failure: say `degraded` or `failed` then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The input can never work; the text tells the user what to change. Not asked again.
    Invalid(String),
    /// Not now: the host asks again after at least this long, five times in a row at most.
    Retry {
        /// What is in the way.
        message: String,
        /// 100 milliseconds or more.
        after: Duration,
    },
    /// Anything else: health becomes Unknown, a hook fails, a disposal keeps.
    Failed(String),
}

impl Failure {
    /// Refuses the input; the text tells the user what to change.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(message.into())
    }

    /// Gives up, for a reason the user can't change.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(message) | Self::Retry { message, .. } | Self::Failed(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Failure {}
