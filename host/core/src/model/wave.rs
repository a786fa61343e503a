//! Waves: barriers inside a phase.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A barrier within a phase: tasks of a wave start after all tasks of the waves before have succeeded. Waves may be negative; the default
/// is 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Wave(pub i32);

impl fmt::Display for Wave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
