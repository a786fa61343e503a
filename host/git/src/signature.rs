//! Signatures of commits and tags, by keys that are handed in.
//!
//! Formats: OpenPGP (RFC 9580, version 4 of its keys and signatures) and SSH
//! (<https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.sshsig>). The algorithms are those of `ring`: RSA with 2048 to 8192
//! bits, Ed25519, and ECDSA with P-256 and P-384.

mod openpgp;
mod ssh;

use std::fmt;

use jiff::Timestamp;
use thiserror::Error;

use crate::commit::Signed;

/// The most bytes of a file with keys.
const MAX_KEY_BYTES: usize = 1 << 20;
/// The most bytes of a signature.
const MAX_SIGNATURE_BYTES: usize = 64 << 10;

/// What has to be signed, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignaturePolicy {
    /// What has to be signed.
    pub of: SignedObject,
    /// By one of these keys.
    pub keys: TrustedKeys,
}

/// What has to be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedObject {
    /// The commit must be signed.
    Commit,
    /// The annotated tag. It has to have the name by which it is requested.
    Tag,
    /// The tag and its commit must both be signed.
    TagAndCommit,
}

impl SignedObject {
    pub(crate) fn has_commit(self) -> bool {
        matches!(self, SignedObject::Commit | SignedObject::TagAndCommit)
    }

    pub(crate) fn has_tag(self) -> bool {
        matches!(self, SignedObject::Tag | SignedObject::TagAndCommit)
    }
}

/// Public keys whose signatures are trusted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedKeys {
    openpgp: Vec<(String, openpgp::PublicKey)>,
    ssh: Vec<(String, ssh::PublicKey)>,
}

/// Why a file has no trusted keys.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{file}` has no usable public keys: {reason}")]
pub struct KeyError {
    /// The file's name.
    pub file: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Who signed something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// The file with the public key.
    pub file: String,
    /// The key: `SSH SHA256:...`, or `OpenPGP` with the fingerprint of the signing key.
    pub key: String,
}

impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.key, self.file)
    }
}

/// Why something doesn't count as signed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what} {problem}; expected is a signature by {}", expected.join(" or "))]
pub struct SignatureError {
    /// The commit or tag, with its abbreviated id.
    pub what: String,
    /// What is wrong with its signature.
    pub problem: VerifyError,
    /// The trusted keys, with their files.
    pub expected: Vec<String>,
}

/// What is wrong with a signature. Continues "commit 0123456789ab ...".
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// There is none.
    #[error("is not signed")]
    Missing,
    /// A tag has to be signed, and there is no annotated tag.
    #[error("is no annotated tag, so it can't be signed as one")]
    NoTag,
    /// The tag is signed, but under another name.
    #[error("is signed under this name, and was requested as `{0}`")]
    OtherTag(String),
    /// There is more than one.
    #[error("can't be verified: {0}")]
    Ambiguous(String),
    /// The signature breaks the rules of its format, or uses an algorithm that isn't supported.
    #[error("has a signature that can't be verified: {0}")]
    Unsupported(String),
    /// None of the trusted keys has the key's id.
    #[error("is signed by {0}, which is not trusted")]
    Untrusted(String),
    /// The signature isn't one of this content by this key.
    #[error("has a wrong signature: it names {0}, but the content is not what that key signed")]
    Wrong(String),
    /// The key may not be used.
    #[error("is signed by {key}, which may not be used: {reason}")]
    Unusable {
        /// The fingerprint or ID of the key that made the signature.
        key: String,
        /// Why it may not be used.
        reason: String,
    },
}

impl VerifyError {
    pub(crate) fn about(self, what: &str, expected: Vec<String>) -> SignatureError {
        SignatureError {
            what: what.to_owned(),
            problem: self,
            expected,
        }
    }
}

impl SignatureError {
    /// Returns what the user can do.
    pub fn hint(&self) -> String {
        match &self.problem {
            VerifyError::Missing => "sign it: `git commit -S` or `git tag -s`; it was not used",
            VerifyError::NoTag => "name a tag that was made with `git tag -s`, or ask for a signature of the commit",
            VerifyError::OtherTag(_) => "somebody may have moved the tag; make it again with `git tag -s -f`",
            VerifyError::Untrusted(_) => {
                "sign it with a trusted key, or add the signer's public key to the trusted ones"
            }
            VerifyError::Wrong(_) | VerifyError::Ambiguous(_) => "somebody may have changed it; it was not used",
            VerifyError::Unsupported(_) => "sign it with Ed25519, RSA or ECDSA on P-256 or P-384",
            VerifyError::Unusable { .. } => "sign it with another key, or renew the public key among the trusted ones",
        }
        .to_owned()
    }
}

impl TrustedKeys {
    /// Reads public keys from files: OpenPGP keys as `gpg --export --armor` writes them, or SSH keys as in `id_ed25519.pub` or git's
    /// `allowedSignersFile`.
    ///
    /// # Errors
    ///
    /// Returns the first file without keys, or with something else in it, and the reason. Without any key, nothing could be trusted.
    pub fn parse<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<TrustedKeys, KeyError> {
        let mut keys = TrustedKeys::default();
        for (file, content) in files {
            let wrong = |reason: String| KeyError {
                file: file.to_owned(),
                reason,
            };
            if content.len() > MAX_KEY_BYTES {
                return Err(wrong(format!("it is longer than {MAX_KEY_BYTES} bytes")));
            }
            let text =
                std::str::from_utf8(content).map_err(|_| wrong("it is not text; export keys in armor".to_owned()))?;
            if text.contains("PRIVATE KEY") {
                return Err(wrong("there is a private key in it".to_owned()));
            }
            if text.contains(openpgp::KEY_HEADER) {
                let found = openpgp::PublicKey::parse_all(text).map_err(wrong)?;
                keys.openpgp.extend(found.into_iter().map(|key| (file.to_owned(), key)));
            } else {
                let found = ssh::PublicKey::parse_all(text).map_err(wrong)?;
                keys.ssh.extend(found.into_iter().map(|key| (file.to_owned(), key)));
            }
        }
        if keys.openpgp.is_empty() && keys.ssh.is_empty() {
            return Err(KeyError {
                file: "the list of trusted keys".to_owned(),
                reason: "it is empty".to_owned(),
            });
        }
        Ok(keys)
    }

    /// Returns all keys with their files, for people.
    pub(crate) fn descriptions(&self) -> Vec<String> {
        let openpgp = self
            .openpgp
            .iter()
            .map(|(file, key)| format!("{} ({file})", key.description()));
        let ssh = self
            .ssh
            .iter()
            .map(|(file, key)| format!("{} ({file})", key.description()));
        openpgp.chain(ssh).collect()
    }

    /// Checks a signature.
    ///
    /// # Errors
    ///
    /// Returns why it isn't one by a trusted key.
    pub(crate) fn verify(&self, signed: Option<&Signed>, now: Timestamp) -> Result<Signer, VerifyError> {
        let signed = signed.ok_or(VerifyError::Missing)?;
        let text = signed.signature.trim();
        if text.len() > MAX_SIGNATURE_BYTES {
            return Err(VerifyError::Unsupported("it is too long".to_owned()));
        }
        if text.starts_with(openpgp::SIGNATURE_HEADER) {
            openpgp::verify(&self.openpgp, text, &signed.content, now)
        } else if text.starts_with(ssh::SIGNATURE_HEADER) {
            ssh::verify(&self.ssh, text, &signed.content)
        } else {
            Err(VerifyError::Unsupported(
                "it is neither of OpenPGP nor of SSH".to_owned(),
            ))
        }
    }
}

/// Reads the base64 between the lines of an armor, without its headers and its checksum.
fn armored(text: &str, begin: &str, end: &str) -> Result<Vec<u8>, String> {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    let missing = || format!("there is no `{begin}` and `{end}` around it");
    let (_, rest) = text.split_once(begin).ok_or_else(missing)?;
    let (body, _) = rest.split_once(end).ok_or_else(missing)?;
    let lines = body.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.contains(':') && !line.starts_with('='));
    let joined: String = lines.collect();
    BASE64_STANDARD
        .decode(joined)
        .map_err(|_| "it is not base64".to_owned())
}

#[cfg(test)]
mod tests;
