//! Webhooks: what hosting services send after a push.
//!
//! The order is fixed: the size of the body, its signature over the raw bytes, and only then what is in it. A webhook without a secret
//! doesn't exist. All that is taken from a body is which repositories, references and commits it names.

mod payload;

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use thiserror::Error;

use crate::url::{RepositoryIdentity, RepositoryUrl};

/// The most bytes of a body.
pub const MAX_BODY_BYTES: usize = 1 << 20;
/// The most changes that are taken from one body.
pub(crate) const MAX_CHANGES: usize = 100;
/// The shortest secret in bytes.
const MIN_SECRET_BYTES: usize = 8;

/// A hosting service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// `X-Hub-Signature-256`: HMAC-SHA256. Events by `X-GitHub-Event`.
    GitHub,
    /// `X-Gitlab-Token`: the secret itself. Events by `X-Gitlab-Event`.
    GitLab,
    /// `X-Gitea-Signature`: HMAC-SHA256. Events by `X-Gitea-Event`. Forgejo sends the same.
    Gitea,
    /// `X-Hub-Signature`: HMAC-SHA256. Events by `X-Event-Key`. Cloud and Data Center.
    Bitbucket,
    /// `X-Signature`: HMAC-SHA256. The body is `{"url": ..., "ref": ..., "commit": ...}`, of which only `url` is required.
    Generic,
}

/// The secret that a webhook shares with its hosting service.
#[derive(Clone)]
pub struct WebhookSecret(Vec<u8>);

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

impl WebhookSecret {
    /// Returns a secret.
    ///
    /// # Errors
    ///
    /// Returns that it is too short: everybody could guess it.
    pub fn new(secret: &[u8]) -> Result<WebhookSecret, WebhookError> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(WebhookError::ShortSecret);
        }
        Ok(WebhookSecret(secret.to_vec()))
    }

    fn mac(&self) -> Result<Hmac<Sha256>, WebhookError> {
        Hmac::new_from_slice(&self.0).map_err(|_| WebhookError::ShortSecret)
    }

    /// Compares in constant time.
    fn check_hmac(&self, body: &[u8], header: &'static str, hex: &str) -> Result<(), WebhookError> {
        let wrong = || WebhookError::WrongSignature { header };
        let digest = decode_hex(hex).ok_or_else(wrong)?;
        let mut mac = self.mac()?;
        mac.update(body);
        mac.verify_slice(&digest).map_err(|_| wrong())
    }

    /// Compares in constant time, whatever the lengths.
    fn check_token(&self, header: &'static str, token: &str) -> Result<(), WebhookError> {
        let mut expected = self.mac()?;
        expected.update(&self.0);
        let mut sent = self.mac()?;
        sent.update(token.as_bytes());
        let sent = sent.finalize().into_bytes();
        expected
            .verify_slice(&sent)
            .map_err(|_| WebhookError::WrongSignature { header })
    }
}

/// What a webhook says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Something was pushed.
    Push(Push),
    /// The webhook was set up, and nothing was pushed.
    Ping,
    /// An event that isn't about a push.
    Other(String),
}

/// What was pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    /// The repository's addresses, as the service writes them: over HTTPS, over SSH, of its page.
    pub addresses: Vec<String>,
    /// The changed references.
    pub changes: Vec<Change>,
}

/// A changed reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The whole name of the reference, such as `refs/heads/main`.
    pub reference: String,
    /// The commit or tag that it names now; `None` if the reference was deleted, or the service doesn't say.
    pub commit: Option<String>,
}

impl Push {
    /// Says whether it is about a repository, however its address is written.
    pub fn is_about(&self, url: &RepositoryUrl) -> bool {
        let own = RepositoryIdentity::from(url);
        let known = self
            .addresses
            .iter()
            .filter_map(|address| RepositoryIdentity::parse(address));
        known.into_iter().any(|other| own.is_same(&other))
    }
}

/// Why a webhook is refused. No message has anything of the secret or the body in it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WebhookError {
    /// The secret is too short.
    #[error("the secret of a webhook has fewer than 8 bytes; use `openssl rand -hex 32`")]
    ShortSecret,
    /// The body is too large.
    #[error("the body has {bytes} bytes, and may have {MAX_BODY_BYTES}")]
    TooLarge {
        /// The size of the body, or of what was read of it.
        bytes: usize,
    },
    /// The header with the signature is missing.
    #[error("there is no header `{header}`; set the same secret for the webhook at the service and here")]
    NoSignature {
        /// The name of the HTTP header.
        header: &'static str,
    },
    /// The signature isn't one of this body with this secret.
    #[error("the header `{header}` doesn't fit the body and the secret; set the same secret at the service and here")]
    WrongSignature {
        /// The name of the HTTP header.
        header: &'static str,
    },
    /// The header with the event is missing.
    #[error("there is no header `{header}`; is the webhook of the type that is configured?")]
    NoEvent {
        /// The name of the HTTP header.
        header: &'static str,
    },
    /// The body isn't what the service sends.
    #[error("the body can't be read: {reason}")]
    Body {
        /// The reason, without anything of the body.
        reason: String,
    },
}

/// Reads a webhook. `header` returns the value of a header, whose name is given in lower case.
///
/// # Errors
///
/// Returns why it is refused.
pub fn read<'a>(
    provider: Provider,
    secret: &WebhookSecret,
    header: impl Fn(&str) -> Option<&'a str>,
    body: &[u8],
) -> Result<Event, WebhookError> {
    if body.len() > MAX_BODY_BYTES {
        return Err(WebhookError::TooLarge { bytes: body.len() });
    }
    let (signature, event) = match provider {
        Provider::GitHub => ("x-hub-signature-256", "x-github-event"),
        Provider::GitLab => ("x-gitlab-token", "x-gitlab-event"),
        Provider::Gitea => ("x-gitea-signature", "x-gitea-event"),
        Provider::Bitbucket => ("x-hub-signature", "x-event-key"),
        Provider::Generic => ("x-signature", ""),
    };
    let sent = header(signature).ok_or(WebhookError::NoSignature { header: signature })?;
    match provider {
        Provider::GitLab => secret.check_token(signature, sent)?,
        Provider::Gitea => secret.check_hmac(body, signature, sent)?,
        Provider::GitHub | Provider::Bitbucket | Provider::Generic => {
            let wrong = WebhookError::WrongSignature { header: signature };
            secret.check_hmac(body, signature, sent.strip_prefix("sha256=").ok_or(wrong)?)?;
        }
    }
    let name = match provider {
        Provider::Generic => "push",
        _ => header(event).ok_or(WebhookError::NoEvent { header: event })?,
    };
    payload::read(provider, name, body)
}

fn decode_hex(text: &str) -> Option<Vec<u8>> {
    // A digest has 64 digits.
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let digits = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    // `from_str_radix` would accept a sign.
    text.bytes()
        .all(|digit| digit.is_ascii_hexdigit())
        .then(|| digits.map(byte).collect())?
}

#[cfg(test)]
mod tests;
