//! Signatures by OpenPGP keys (RFC 9580). Keys and signatures of version 4, as GnuPG makes them.
//!
//! A key counts with what its owner has said of it: which subkeys sign, until when, and whether it was revoked. Such statements count only
//! if the primary key signed them. A key that has expired is refused even for signatures made before, as git does: whoever has an old key
//! can write any date.

mod algorithm;
mod packet;

use jiff::Timestamp;

use self::{
    algorithm::KeyMaterial,
    packet::{Packets, SignaturePacket, tag},
};
use super::{Signer, VerifyError, armored};

pub(super) const KEY_HEADER: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
const KEY_FOOTER: &str = "-----END PGP PUBLIC KEY BLOCK-----";
pub(super) const SIGNATURE_HEADER: &str = "-----BEGIN PGP SIGNATURE-----";
const SIGNATURE_FOOTER: &str = "-----END PGP SIGNATURE-----";

/// The most signatures in one armor.
const MAX_SIGNATURES: usize = 8;
/// The flag of a key that it may sign data.
const MAY_SIGN: u8 = 0x02;

/// Types of signatures.
mod kind {
    pub(super) const BINARY: u8 = 0x00;
    pub(super) const CERTIFICATIONS: std::ops::RangeInclusive<u8> = 0x10..=0x13;
    pub(super) const SUBKEY_BINDING: u8 = 0x18;
    pub(super) const PRIMARY_KEY_BINDING: u8 = 0x19;
    pub(super) const DIRECT_KEY: u8 = 0x1f;
    pub(super) const KEY_REVOCATION: u8 = 0x20;
    pub(super) const SUBKEY_REVOCATION: u8 = 0x28;
}

/// A public key with its subkeys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PublicKey {
    primary: Key,
    subkeys: Vec<Key>,
}

/// A primary key or subkey, with what the primary key has said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    material: KeyMaterial,
    /// Its body, as it is hashed for signatures and the fingerprint.
    body: Vec<u8>,
    fingerprint: Vec<u8>,
    created: u64,
    /// `None` without any valid statement.
    statement: Option<Statement>,
    is_revoked: bool,
}

/// The newest valid statement of a primary key about a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Statement {
    made: u64,
    may_sign: bool,
    /// When the key expires, in seconds of Unix time.
    expires: Option<u64>,
}

impl Key {
    fn parse(body: &[u8]) -> Result<Key, String> {
        let (created, material) = KeyMaterial::parse(body)?;
        Ok(Key {
            fingerprint: packet::fingerprint(body),
            material,
            body: body.to_vec(),
            created,
            statement: None,
            is_revoked: false,
        })
    }

    /// Returns the bytes that stand for this key in what is signed.
    fn hashed(&self) -> Vec<u8> {
        packet::hashed_key(&self.body)
    }

    fn has_id(&self, signature: &SignaturePacket) -> bool {
        match (&signature.issuer_fingerprint, &signature.issuer_id) {
            (Some(fingerprint), _) => *fingerprint == self.fingerprint,
            (None, Some(id)) => self.fingerprint.ends_with(id),
            (None, None) => false,
        }
    }

    fn description(&self) -> String {
        format!("OpenPGP {}", packet::hex(&self.fingerprint))
    }

    /// Takes a statement of the primary key, if it is the newest one.
    fn apply(&mut self, signature: &SignaturePacket, may_sign: bool) {
        if self.statement.is_some_and(|known| known.made > signature.created) {
            return;
        }
        self.statement = Some(Statement {
            made: signature.created,
            may_sign,
            expires: signature.key_lifetime.map(|lifetime| self.created + lifetime),
        });
    }

    /// Returns why this key may not have made a signature.
    fn refusal(&self, made: u64, now: u64) -> Option<&'static str> {
        let Some(statement) = self.statement else {
            return Some("it has no valid self-signature with SHA-256 or better");
        };
        if self.is_revoked {
            return Some("it was revoked");
        }
        if !statement.may_sign {
            return Some("it is not for signing");
        }
        if made < self.created {
            return Some("the signature is older than the key");
        }
        if statement.expires.is_some_and(|expires| expires <= now.max(made)) {
            return Some("it has expired");
        }
        None
    }
}

impl PublicKey {
    /// Reads all keys in a text with armor.
    pub(super) fn parse_all(text: &str) -> Result<Vec<PublicKey>, String> {
        let mut keys = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(KEY_HEADER) {
            let block = rest.get(at..).unwrap_or_default();
            let bytes = armored(block, KEY_HEADER, KEY_FOOTER)?;
            parse_keys(&bytes, &mut keys)?;
            rest = block.split_once(KEY_FOOTER).map_or("", |(_, after)| after);
        }
        if keys.is_empty() {
            return Err("there is no OpenPGP key in it".to_owned());
        }
        Ok(keys)
    }

    pub(super) fn description(&self) -> String {
        self.primary.description()
    }
}

/// What signatures that follow are about.
enum Subject {
    Primary,
    User(Vec<u8>),
    Subkey(usize),
    /// A subkey of an algorithm that isn't supported: it encrypts.
    Ignored,
}

fn parse_keys(bytes: &[u8], keys: &mut Vec<PublicKey>) -> Result<(), String> {
    let mut subject = Subject::Primary;
    for packet in Packets::new(bytes) {
        let (tag, body) = packet?;
        match (tag, keys.last_mut()) {
            (tag::PUBLIC_KEY, _) => {
                keys.push(PublicKey {
                    primary: Key::parse(body)?,
                    subkeys: Vec::new(),
                });
                subject = Subject::Primary;
            }
            (tag::SECRET_KEY | tag::SECRET_SUBKEY, _) => return Err("there is a private key in it".to_owned()),
            (_, None) => return Err("it doesn't begin with a public key".to_owned()),
            (tag::USER_ID, Some(_)) => subject = Subject::User(packet::hashed_user(0xb4, body)),
            (tag::USER_ATTRIBUTE, Some(_)) => subject = Subject::User(packet::hashed_user(0xd1, body)),
            (tag::PUBLIC_SUBKEY, Some(key)) => {
                subject = match Key::parse(body) {
                    Ok(subkey) => {
                        key.subkeys.push(subkey);
                        Subject::Subkey(key.subkeys.len() - 1)
                    }
                    Err(_) => Subject::Ignored,
                };
            }
            (tag::SIGNATURE, Some(key)) => {
                // Signatures of other versions and algorithms say nothing that could be verified.
                if let Ok(signature) = SignaturePacket::parse(body) {
                    key.take(&subject, &signature);
                }
            }
            (_, Some(_)) => {}
        }
    }
    Ok(())
}

impl PublicKey {
    /// Takes what a signature says of a key, if the primary key made it.
    fn take(&mut self, subject: &Subject, signature: &SignaturePacket) {
        if !self.primary.has_id(signature) {
            return;
        }
        let mut content = self.primary.hashed();
        match subject {
            Subject::Primary => {}
            Subject::User(user) => content.extend_from_slice(user),
            Subject::Subkey(at) => content.extend(self.subkeys.get(*at).map(Key::hashed).unwrap_or_default()),
            Subject::Ignored => return,
        }
        if !self.primary.material.verifies(signature, &content) {
            return;
        }
        let flag = signature.key_flags.map(|flags| flags & MAY_SIGN != 0);
        // A primary key without flags may do everything that it can.
        let primary_may_sign = flag.unwrap_or(true);
        match (subject, signature.kind) {
            (Subject::Primary, kind::DIRECT_KEY) => self.primary.apply(signature, primary_may_sign),
            (Subject::Primary, kind::KEY_REVOCATION) => self.primary.is_revoked = true,
            (Subject::User(_), certification) if kind::CERTIFICATIONS.contains(&certification) => {
                self.primary.apply(signature, primary_may_sign);
            }
            (Subject::Subkey(at), kind::SUBKEY_REVOCATION) => {
                if let Some(subkey) = self.subkeys.get_mut(*at) {
                    subkey.is_revoked = true;
                }
            }
            (Subject::Subkey(at), kind::SUBKEY_BINDING) => {
                let Some(subkey) = self.subkeys.get_mut(*at) else {
                    return;
                };
                // A signing subkey says itself that it belongs to the primary key: else somebody could adopt a stranger's.
                let may_sign = flag.unwrap_or(false);
                let belongs = signature.embedded.as_deref().is_some_and(|back| {
                    back.kind == kind::PRIMARY_KEY_BINDING && subkey.material.verifies(back, &content)
                });
                subkey.apply(signature, may_sign && belongs);
            }
            _ => {}
        }
    }

    fn find(&self, signature: &SignaturePacket) -> Option<&Key> {
        let all = [&self.primary].into_iter().chain(&self.subkeys);
        all.into_iter().find(|key| key.has_id(signature))
    }
}

/// Checks a signature in armor. If there are several, one by a trusted key is enough.
pub(super) fn verify(
    trusted: &[(String, PublicKey)],
    text: &str,
    content: &[u8],
    now: Timestamp,
) -> Result<Signer, VerifyError> {
    let bytes = armored(text, SIGNATURE_HEADER, SIGNATURE_FOOTER).map_err(VerifyError::Unsupported)?;
    let now = u64::try_from(now.as_second()).unwrap_or_default();
    let mut error = VerifyError::Unsupported("there is no signature in it".to_owned());
    for packet in Packets::new(&bytes).take(MAX_SIGNATURES) {
        let (tag, body) = packet.map_err(VerifyError::Unsupported)?;
        if tag != tag::SIGNATURE {
            return Err(VerifyError::Unsupported("there is something else in it".to_owned()));
        }
        match verify_one(trusted, body, content, now) {
            Ok(signer) => return Ok(signer),
            Err(found) => error = found,
        }
    }
    Err(error)
}

fn verify_one(trusted: &[(String, PublicKey)], body: &[u8], content: &[u8], now: u64) -> Result<Signer, VerifyError> {
    let signature = SignaturePacket::parse(body).map_err(VerifyError::Unsupported)?;
    if signature.kind != kind::BINARY {
        return Err(VerifyError::Unsupported(format!(
            "it is of the type {:#04x}",
            signature.kind
        )));
    }
    let found = trusted
        .iter()
        .find_map(|(file, key)| Some((file, key, key.find(&signature)?)));
    let Some((file, whole, key)) = found else {
        return Err(VerifyError::Untrusted(signature.issuer()));
    };
    if !key.material.verifies(&signature, content) {
        return Err(VerifyError::Wrong(key.description()));
    }
    let unusable = |reason: &str| VerifyError::Unusable {
        key: key.description(),
        reason: reason.to_owned(),
    };
    if let Some(reason) = key.refusal(signature.created, now) {
        return Err(unusable(reason));
    }
    // A subkey is as good as its primary key, which needn't sign data itself.
    let primary = &whole.primary;
    let primary_expired = primary
        .statement
        .is_none_or(|statement| statement.expires.is_some_and(|expires| expires <= now));
    if primary.is_revoked || primary_expired {
        return Err(unusable("its primary key was revoked or has expired"));
    }
    if signature
        .lifetime
        .is_some_and(|lifetime| signature.created + lifetime <= now)
    {
        return Err(unusable("the signature has expired"));
    }
    Ok(Signer {
        file: file.clone(),
        key: key.description(),
    })
}
