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

impl Error {
    /// Returns what was found. What this machine lacks skips the calling test.
    ///
    /// # Errors
    ///
    /// Returns what should have worked here and didn't.
    ///
    /// # Panics
    ///
    /// With `CAPSTAN_REQUIRE=1`, when this machine lacks something.
    pub fn or_skip<T>(found: Result<T, Error>) -> anyhow::Result<Option<T>> {
        match found {
            Ok(found) => Ok(Some(found)),
            Err(Error::Unavailable(missing)) => Ok(skipped_tests::or_skip(Err(missing))),
            Err(Error::Failed(error)) => Err(error),
        }
    }
}

/// What this machine lacks, and how to get it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{lacks}; hint: {hint}")]
pub struct Unavailable {
    /// The program or service that is missing.
    pub lacks: String,
    /// How to get it.
    pub hint: String,
}

impl skipped_tests::Missing for Unavailable {
    fn lacks(&self) -> String {
        self.lacks.clone()
    }

    fn hint(&self) -> String {
        self.hint.clone()
    }
}

impl Unavailable {
    pub(crate) fn new(lacks: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            lacks: lacks.into(),
            hint: hint.into(),
        }
    }
}
