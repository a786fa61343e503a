//! Why there is no cluster: this machine can't run one, or something broke. Only the first may skip a test.

/// Why a cluster doesn't come up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This machine lacks something that a person can add.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// It should have worked here, and didn't.
    #[error(transparent)]
    Failed(#[from] anyhow::Error),
}

/// What this machine lacks, and how to get it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{lacks}; hint: {hint}")]
pub struct Unavailable {
    /// What is missing.
    pub lacks: String,
    /// How to get it.
    pub hint: String,
}

impl Unavailable {
    pub(crate) fn new(lacks: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            lacks: lacks.into(),
            hint: hint.into(),
        }
    }
}
