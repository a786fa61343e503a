//! Waves: barriers inside a phase.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A barrier inside a phase: what is in a wave starts when everything in the waves before it has ended well. Waves may be
/// negative; without an annotation the wave is 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Wave(pub i32);

impl fmt::Display for Wave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
