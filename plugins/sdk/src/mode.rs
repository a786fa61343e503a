//! Whose rules the user wants.

use serde::Deserialize;

/// Whose rules the user wants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// Ours. What a plugin takes if the host says nothing.
    #[default]
    Native,
    /// Argo CD's, its quirks included (`--compat argocd`).
    ArgoCd,
}

impl<'de> Deserialize<'de> for Mode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = Option::<String>::deserialize(deserializer)?;
        // A tool of a later contract: its rules are not known here, so ours are taken.
        Ok(if word.as_deref() == Some("argocd") {
            Self::ArgoCd
        } else {
            Self::Native
        })
    }
}
