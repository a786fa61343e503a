//! Why a plugin can't be had, and what may help.

use std::{
    io,
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::{digest::Digest, policy::Unmet};

/// Why a text is no source.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is no source of a plugin: {reason}")]
pub struct SourceError {
    /// The text.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
    /// What may help.
    pub hint: String,
}

/// Why a plugin can't be had from a source, or be put there.
#[derive(Debug, Error)]
pub enum RegistryError {
    /// The text is no source.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Nobody answers, or not in time, or nobody who can be trusted.
    #[error("{host} can't be reached: {reason}")]
    Unreachable {
        /// Who.
        host: String,
        /// Why.
        reason: String,
    },
    /// Who asks may not have it.
    #[error("{host} refuses {what} {}", who.as_deref().map_or("to who doesn't say who they are".to_owned(), |who| format!("to {who}")))]
    Denied {
        /// Who refuses.
        host: String,
        /// What was asked for.
        what: String,
        /// As who, and where that was said; nothing when it was said nowhere.
        who: Option<String>,
    },
    /// There is no such thing.
    #[error("there is no {what}")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// The server answers, but not with what was asked for.
    #[error("{host} answers {what} with {answer}")]
    Answer {
        /// Who.
        host: String,
        /// What was asked for.
        what: String,
        /// The answer in a few words.
        answer: String,
    },
    /// It is larger than it may be.
    #[error("{what} has {} bytes, and may have {limit}", size.map_or(format!("more than {limit}"), |size| size.to_string()))]
    TooLarge {
        /// What.
        what: String,
        /// Its size, if it is known.
        size: Option<u64>,
        /// What it may have.
        limit: u64,
    },
    /// The connection broke before the end.
    #[error("the download of {what} was cut after {got} bytes{}", of.map_or(String::new(), |of| format!(" of {of}")))]
    Cut {
        /// What.
        what: String,
        /// How much came.
        got: u64,
        /// How much there is, if the server said so.
        of: Option<u64>,
    },
    /// It is not what it should be.
    #[error("{what} has the digest {found}, and {expected} is expected")]
    WrongDigest {
        /// What.
        what: String,
        /// What was promised or pinned.
        expected: Digest,
        /// What came.
        found: Digest,
    },
    /// What is in the registry is no plugin.
    #[error("{reference} is no plugin: {reason}")]
    NotAPlugin {
        /// Where it is.
        reference: String,
        /// What it is instead.
        reason: String,
    },
    /// A tag is not pinned.
    #[error("{source_text} is not pinned in {}", lock.display())]
    NotLocked {
        /// The source.
        source_text: String,
        /// The file where it would be.
        lock: PathBuf,
    },
    /// It is not signed as a rule wants it.
    #[error(transparent)]
    Unsigned(#[from] Unmet),
    /// A tag is taken.
    #[error("{reference} is there already, with the digest {digest}")]
    Taken {
        /// The tag.
        reference: String,
        /// What it names.
        digest: Digest,
    },
    /// Credentials can't be had.
    #[error("the credentials for {host} can't be read: {reason}")]
    Credentials {
        /// For whom.
        host: String,
        /// Why.
        reason: String,
    },
    /// A file can't be read, or is not what it should be.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// What the user can do about an error. Whoever shows it names the options and commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// In words.
    Text(String),
    /// Trust the registry's own certificate authority.
    TrustCertificate,
    /// Pin the digest that the source has now.
    UpdatePin,
    /// Publish the plugin as plugins are published.
    Publish,
    /// Pin this source.
    Pin(String),
    /// Publish it under the tag all the same.
    OverwriteTag,
}

fn text(words: &str) -> Hint {
    Hint::Text(words.to_owned())
}

impl RegistryError {
    /// Says what the user can do about it.
    pub fn hints(&self) -> Vec<Hint> {
        match self {
            RegistryError::Source(error) => vec![Hint::Text(error.hint.clone())],
            RegistryError::Unreachable { reason, .. } if reason.contains("certificate") => {
                vec![Hint::TrustCertificate]
            }
            RegistryError::Unreachable { host, .. } => vec![Hint::Text(format!(
                "check the address; a registry without TLS is named by CAPSTAN_REGISTRY_HTTP={host}"
            ))],
            RegistryError::Denied { host, who: None, .. } => vec![Hint::Text(format!(
                "log in with `docker login {host}`, or set CAPSTAN_REGISTRY={host}, CAPSTAN_REGISTRY_USER and CAPSTAN_REGISTRY_PASSWORD"
            ))],
            RegistryError::Denied { host, .. } => vec![Hint::Text(format!(
                "the credentials may have expired, or may not do this; `docker login {host}` renews them"
            ))],
            RegistryError::NotFound { .. } => vec![text("check its name; who may not see it is often told the same")],
            RegistryError::TooLarge { .. } => vec![text("build it in release mode, without debug information")],
            RegistryError::Cut { .. } => vec![text("run the same command again; nothing of it was kept")],
            RegistryError::WrongDigest { .. } => {
                vec![text("nothing of it was used"), Hint::UpdatePin]
            }
            RegistryError::NotAPlugin { .. } => {
                vec![Hint::Publish]
            }
            RegistryError::NotLocked { source_text, .. } => {
                vec![
                    Hint::Pin(source_text.clone()),
                    text("or name the digest of its manifest, `@sha256:...`"),
                ]
            }
            RegistryError::Unsigned(unmet) => vec![Hint::Text(unmet.hint())],
            RegistryError::Taken { .. } => {
                vec![text("give it another version"), Hint::OverwriteTag]
            }
            RegistryError::Credentials { host, .. } => vec![Hint::Text(format!(
                "`docker login {host}` writes them anew; CAPSTAN_REGISTRY_USER and CAPSTAN_REGISTRY_PASSWORD come before"
            ))],
            RegistryError::Answer { .. } | RegistryError::File { .. } => Vec::new(),
        }
    }

    /// Says why a file can't be read or written.
    pub(crate) fn of_file(path: &Path, error: &io::Error) -> RegistryError {
        let reason = match error.kind() {
            io::ErrorKind::NotFound => "there is no such file".to_owned(),
            io::ErrorKind::PermissionDenied => "that is not permitted".to_owned(),
            _ => error.to_string(),
        };
        RegistryError::File {
            path: path.to_owned(),
            reason,
        }
    }

    /// Says whether the same may succeed a moment later.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            RegistryError::Unreachable { .. } | RegistryError::Cut { .. } => true,
            RegistryError::Answer { answer, .. } => answer.starts_with('5') || answer.starts_with("429"),
            RegistryError::Source(_)
            | RegistryError::Denied { .. }
            | RegistryError::NotFound { .. }
            | RegistryError::TooLarge { .. }
            | RegistryError::WrongDigest { .. }
            | RegistryError::NotAPlugin { .. }
            | RegistryError::NotLocked { .. }
            | RegistryError::Unsigned(_)
            | RegistryError::Taken { .. }
            | RegistryError::Credentials { .. }
            | RegistryError::File { .. } => false,
        }
    }
}
