//! Why a plugin can't be fetched or published, with a hint.

use std::{
    io,
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::{digest::Digest, policy::SignatureError};

/// Why a text isn't a source.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is not a source of a plugin: {reason}")]
pub struct SourceError {
    /// The text that was parsed.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
    /// A hint how to write it.
    pub hint: String,
}

/// Why a plugin can't be fetched from a source, or published there.
#[derive(Debug, Error)]
pub enum RegistryError {
    /// The text isn't a source.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The host doesn't answer in time, or its certificate isn't trusted.
    #[error("{host} can't be reached: {reason}")]
    Unreachable {
        /// The registry's host, with its port if it isn't the usual one.
        host: String,
        /// The error of the connection.
        reason: String,
    },
    /// The credentials don't permit it.
    #[error("{host} refuses {what} {}", who.as_deref().map_or("without credentials".to_owned(), |who| format!("to {who}")))]
    Denied {
        /// The host that refuses.
        host: String,
        /// What was requested, as a phrase for the message.
        what: String,
        /// The user name and the origin of the credentials; `None` without credentials.
        who: Option<String>,
    },
    /// The repository, tag or digest doesn't exist.
    #[error("there is no {what}")]
    NotFound {
        /// What was requested, as a phrase for the message.
        what: String,
    },
    /// The server's answer isn't what was requested.
    #[error("{host} answers {what} with {answer}")]
    UnexpectedAnswer {
        /// The host that answers.
        host: String,
        /// What was requested, as a phrase for the message.
        what: String,
        /// A short description of the answer.
        answer: String,
    },
    /// It is larger than the limit.
    #[error("{what} has {} bytes, and may have {limit}", size.map_or(format!("more than {limit}"), |size| size.to_string()))]
    TooLarge {
        /// What was requested, as a phrase for the message.
        what: String,
        /// Its size in bytes, if it is known.
        size: Option<u64>,
        /// The limit in bytes.
        limit: u64,
    },
    /// The download was interrupted.
    #[error("the download of {what} was cut after {got} bytes{}", of.map_or(String::new(), |of| format!(" of {of}")))]
    Interrupted {
        /// What was requested, as a phrase for the message.
        what: String,
        /// The number of bytes received.
        got: u64,
        /// The number of bytes in total, if the server announced it.
        of: Option<u64>,
    },
    /// Its digest is wrong.
    #[error("{what} has the digest {found}, and {expected} is expected")]
    WrongDigest {
        /// What was requested, as a phrase for the message.
        what: String,
        /// The pinned or announced digest.
        expected: Digest,
        /// The actual digest.
        found: Digest,
    },
    /// The artifact in the registry isn't a plugin.
    #[error("{reference} is not a plugin: {reason}")]
    NotAPlugin {
        /// The reference of the artifact.
        reference: String,
        /// What it is instead.
        reason: String,
    },
    /// The tag isn't pinned.
    #[error("{source_text} is not pinned in {}", lock.display())]
    NotLocked {
        /// The source as the user wrote it.
        source_text: String,
        /// The lock file in which it would be pinned.
        lock: PathBuf,
    },
    /// It doesn't have the signatures that a rule requires.
    #[error(transparent)]
    Unsigned(#[from] SignatureError),
    /// The tag exists already.
    #[error("{reference} is there already, with the digest {digest}")]
    TagExists {
        /// The tag's reference.
        reference: String,
        /// The digest of the manifest that it names.
        digest: Digest,
    },
    /// The credentials can't be read.
    #[error("the credentials for {host} can't be read: {reason}")]
    Credentials {
        /// The host of the registry.
        host: String,
        /// The error of the file or of the credential helper.
        reason: String,
    },
    /// A file can't be read, or is invalid.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// What the user can do about an error. Whoever shows it names the options and commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// Advice in words.
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
    /// Returns a hint what the user can do.
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
            RegistryError::NotFound { .. } => vec![text(
                "check its name; registries often give the same answer when permission is missing",
            )],
            RegistryError::TooLarge { .. } => vec![text("build it in release mode, without debug information")],
            RegistryError::Interrupted { .. } => vec![text("run the same command again; nothing was stored")],
            RegistryError::WrongDigest { .. } => {
                vec![text("it was not used"), Hint::UpdatePin]
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
            RegistryError::TagExists { .. } => {
                vec![text("give it another version"), Hint::OverwriteTag]
            }
            RegistryError::Credentials { host, .. } => vec![Hint::Text(format!(
                "`docker login {host}` writes them again; CAPSTAN_REGISTRY_USER and CAPSTAN_REGISTRY_PASSWORD come before"
            ))],
            RegistryError::UnexpectedAnswer { .. } | RegistryError::File { .. } => Vec::new(),
        }
    }

    /// Makes an error about reading or writing a file.
    pub(crate) fn from_io(path: &Path, error: &io::Error) -> RegistryError {
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

    /// Says whether another try may succeed.
    pub(crate) fn is_temporary(&self) -> bool {
        match self {
            RegistryError::Unreachable { .. } | RegistryError::Interrupted { .. } => true,
            RegistryError::UnexpectedAnswer { answer, .. } => answer.starts_with('5') || answer.starts_with("429"),
            RegistryError::Source(_)
            | RegistryError::Denied { .. }
            | RegistryError::NotFound { .. }
            | RegistryError::TooLarge { .. }
            | RegistryError::WrongDigest { .. }
            | RegistryError::NotAPlugin { .. }
            | RegistryError::NotLocked { .. }
            | RegistryError::Unsigned(_)
            | RegistryError::TagExists { .. }
            | RegistryError::Credentials { .. }
            | RegistryError::File { .. } => false,
        }
    }
}
