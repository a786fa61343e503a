//! Public keys that verify signatures.

use rustls_pki_types::{SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer, pem::PemObject as _};
use webpki::{RawPublicKeyEntity, ring};

/// The algorithms of cosign: ECDSA by default, the others for a user's own keys.
const ALGORITHMS: [&dyn SignatureVerificationAlgorithm; 5] = [
    ring::ECDSA_P256_SHA256,
    ring::ECDSA_P384_SHA384,
    ring::ECDSA_P384_SHA256,
    ring::ED25519,
    ring::RSA_PKCS1_2048_8192_SHA256,
];

/// A public key in the form of `cosign generate-key-pair`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    key: SubjectPublicKeyInfoDer<'static>,
}

impl PublicKey {
    /// Reads a key in PEM.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with it.
    pub fn from_pem(text: &[u8]) -> Result<PublicKey, String> {
        if text.windows(7).any(|window| window == b"PRIVATE") {
            return Err("this is a private key; the public one is expected".to_owned());
        }
        let key = SubjectPublicKeyInfoDer::from_pem_slice(text)
            .map_err(|_| "there is no `PUBLIC KEY` in PEM in it".to_owned())?;
        RawPublicKeyEntity::try_from(&key).map_err(|_| "this is not a public key".to_owned())?;
        Ok(PublicKey { key })
    }

    /// Says whether this key made the signature of a message.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let Ok(key) = RawPublicKeyEntity::try_from(&self.key) else {
            return false;
        };
        let signed_by = |algorithm: &&dyn SignatureVerificationAlgorithm| {
            key.verify_signature(*algorithm, message, signature).is_ok()
        };
        ALGORITHMS.iter().any(signed_by)
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, SigningKey as _};

    use super::*;

    #[test]
    fn a_signature_is_of_one_key_and_one_message() {
        for algorithm in [&PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384, &PKCS_ED25519] {
            let pair = KeyPair::generate_for(algorithm).unwrap();
            let other = KeyPair::generate_for(algorithm).unwrap();
            let key = PublicKey::from_pem(pair.public_key_pem().as_bytes()).unwrap();
            let signature = pair.sign(b"message").unwrap();
            assert!(key.verifies(b"message", &signature), "{algorithm:?}");
            assert!(!key.verifies(b"massage", &signature));
            assert!(!key.verifies(b"message", &other.sign(b"message").unwrap()));
            assert!(!key.verifies(b"message", &signature[1..]));
            assert!(!key.verifies(b"message", b""));
        }
    }

    #[test]
    fn what_is_no_public_key_says_so() {
        let pair = KeyPair::generate().unwrap();
        let private = PublicKey::from_pem(pair.serialize_pem().as_bytes()).unwrap_err();
        assert!(private.contains("private key"), "{private}");
        for text in ["", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"] {
            assert!(PublicKey::from_pem(text.as_bytes()).is_err(), "{text}");
        }
    }
}
