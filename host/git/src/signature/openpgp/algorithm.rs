//! Keys of OpenPGP, and how they verify.

use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::packet::{SignaturePacket, number};
use crate::signature::ssh::padded;

/// Numbers of algorithms.
mod number_of {
    pub(super) const RSA: u8 = 1;
    pub(super) const RSA_SIGN: u8 = 3;
    pub(super) const ECDSA: u8 = 19;
    pub(super) const EDDSA_LEGACY: u8 = 22;
    pub(super) const ED25519: u8 = 27;
}

/// Numbers of hash functions. Older ones, such as SHA-1, are refused.
mod hash {
    pub(super) const SHA256: u8 = 8;
    pub(super) const SHA384: u8 = 9;
    pub(super) const SHA512: u8 = 10;
}

/// Object identifiers of curves.
const ED25519_OID: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01];
const P256_OID: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384_OID: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];

/// The longest body of a key.
const MAX_KEY_BYTES: usize = 8 << 10;
/// The shortest RSA key in bytes.
const MIN_RSA_BYTES: usize = 256;

/// The numbers of a public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum KeyMaterial {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    Ed25519 { key: Vec<u8>, is_legacy: bool },
    P256(Vec<u8>),
    P384(Vec<u8>),
}

impl KeyMaterial {
    /// Reads the body of a key packet: when it was made, in seconds of Unix time, and its numbers.
    pub(super) fn parse(body: &[u8]) -> Result<(u64, KeyMaterial), String> {
        let cut = || "a key in it is cut".to_owned();
        if body.len() > MAX_KEY_BYTES {
            return Err("a key in it is too long".to_owned());
        }
        let (head, rest) = body.split_first_chunk::<6>().ok_or_else(cut)?;
        let [version, created @ .., kind] = head;
        if *version != 4 {
            return Err(format!("a key in it has the version {version}, and 4 is supported"));
        }
        let mut numbers = Numbers(rest);
        let material = match *kind {
            number_of::RSA | number_of::RSA_SIGN => {
                let modulus = numbers.next().ok_or_else(cut)?.to_vec();
                let exponent = numbers.next().ok_or_else(cut)?.to_vec();
                if modulus.len() < MIN_RSA_BYTES {
                    return Err("an RSA key in it is shorter than 2048 bits".to_owned());
                }
                KeyMaterial::Rsa { modulus, exponent }
            }
            number_of::ED25519 => KeyMaterial::Ed25519 {
                key: rest.get(..32).ok_or_else(cut)?.to_vec(),
                is_legacy: false,
            },
            number_of::ECDSA | number_of::EDDSA_LEGACY => {
                let (length, rest) = rest.split_first().ok_or_else(cut)?;
                let (oid, rest) = rest.split_at_checked(usize::from(*length)).ok_or_else(cut)?;
                let point = Numbers(rest).next().ok_or_else(cut)?;
                match (*kind, oid, point) {
                    (number_of::EDDSA_LEGACY, ED25519_OID, [0x40, key @ ..]) => KeyMaterial::Ed25519 {
                        key: key.to_vec(),
                        is_legacy: true,
                    },
                    (number_of::ECDSA, P256_OID, point) => KeyMaterial::P256(point.to_vec()),
                    (number_of::ECDSA, P384_OID, point) => KeyMaterial::P384(point.to_vec()),
                    _ => return Err("a key in it is on a curve that is not supported".to_owned()),
                }
            }
            other => {
                return Err(format!(
                    "a key in it is for the algorithm {other}, which is not supported"
                ));
            }
        };
        Ok((number(created), material))
    }

    /// Says whether this key signed the content. `false` for algorithms that aren't supported.
    pub(super) fn verifies(&self, signature: &SignaturePacket, content: &[u8]) -> bool {
        self.try_verify(signature, content).unwrap_or(false)
    }

    fn try_verify(&self, signature: &SignaturePacket, content: &[u8]) -> Option<bool> {
        let message = [content, signature.trailer.as_slice()].concat();
        let mut numbers = Numbers(&signature.value);
        match (self, signature.algorithm) {
            (KeyMaterial::Rsa { modulus, exponent }, number_of::RSA | number_of::RSA_SIGN) => {
                let parameters: &RsaParameters = match signature.hash {
                    hash::SHA256 => &RSA_PKCS1_2048_8192_SHA256,
                    hash::SHA384 => &RSA_PKCS1_2048_8192_SHA384,
                    hash::SHA512 => &RSA_PKCS1_2048_8192_SHA512,
                    _ => return None,
                };
                let value = padded(numbers.next()?, modulus.len())?;
                let key = RsaPublicKeyComponents {
                    n: modulus,
                    e: exponent,
                };
                Some(key.verify(parameters, &message, &value).is_ok())
            }
            (KeyMaterial::Ed25519 { key, is_legacy }, kind) => {
                let value = match (*is_legacy, kind) {
                    (true, number_of::EDDSA_LEGACY) => {
                        let r = padded(numbers.next()?, 32)?;
                        [r, padded(numbers.next()?, 32)?].concat()
                    }
                    (false, number_of::ED25519) => signature.value.clone(),
                    _ => return None,
                };
                // Other than with SSH, the digest is what is signed.
                let digest = match signature.hash {
                    hash::SHA256 => Sha256::digest(&message).to_vec(),
                    hash::SHA384 => Sha384::digest(&message).to_vec(),
                    hash::SHA512 => Sha512::digest(&message).to_vec(),
                    _ => return None,
                };
                Some(UnparsedPublicKey::new(&ED25519, key).verify(&digest, &value).is_ok())
            }
            (KeyMaterial::P256(point), number_of::ECDSA) if signature.hash == hash::SHA256 => {
                verify_ecdsa(&ECDSA_P256_SHA256_FIXED, point, &message, &mut numbers, 32)
            }
            (KeyMaterial::P384(point), number_of::ECDSA) if signature.hash == hash::SHA384 => {
                verify_ecdsa(&ECDSA_P384_SHA384_FIXED, point, &message, &mut numbers, 48)
            }
            _ => None,
        }
    }
}

fn verify_ecdsa(
    algorithm: &'static dyn VerificationAlgorithm,
    point: &[u8],
    message: &[u8],
    numbers: &mut Numbers<'_>,
    coordinate_bytes: usize,
) -> Option<bool> {
    let r = padded(numbers.next()?, coordinate_bytes)?;
    let value = [r, padded(numbers.next()?, coordinate_bytes)?].concat();
    Some(UnparsedPublicKey::new(algorithm, point).verify(message, &value).is_ok())
}

/// Reads numbers with their lengths in bits before them.
struct Numbers<'a>(&'a [u8]);

impl<'a> Numbers<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        let (bits, rest) = self.0.split_first_chunk::<2>()?;
        let bytes = usize::from(u16::from_be_bytes(*bits)).div_ceil(8);
        let (number, rest) = rest.split_at_checked(bytes)?;
        self.0 = rest;
        Some(number)
    }
}
