//! Signatures by SSH keys.

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD},
};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512,
    RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use sha2::{Digest as _, Sha256, Sha512};

use super::{Signer, VerifyError, armored};

pub(super) const SIGNATURE_HEADER: &str = "-----BEGIN SSH SIGNATURE-----";
const SIGNATURE_FOOTER: &str = "-----END SSH SIGNATURE-----";
const MAGIC: &[u8] = b"SSHSIG";
/// What git signs for. A signature for something else, such as a login, isn't one of a commit.
const NAMESPACE: &[u8] = b"git";
/// The flag of a security key that a person has touched it.
const USER_PRESENT: u8 = 1;

/// A public key, in the encoding of SSH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PublicKey(Vec<u8>);

impl PublicKey {
    /// Reads keys, one a line: `TYPE BASE64 COMMENT`, or `PRINCIPALS [namespaces="git"] TYPE BASE64`.
    pub(super) fn parse_all(text: &str) -> Result<Vec<PublicKey>, String> {
        let mut keys = Vec::new();
        let lines = text.lines().map(str::trim).enumerate();
        for (at, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            let key = PublicKey::parse(line).map_err(|reason| format!("line {}: {reason}", at + 1))?;
            keys.push(key);
        }
        if keys.is_empty() {
            return Err("there is neither an OpenPGP key in armor nor an SSH key in it".to_owned());
        }
        Ok(keys)
    }

    fn parse(line: &str) -> Result<PublicKey, String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_type = |word: &&str| {
            let known = ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"];
            known.iter().any(|start| word.starts_with(start))
        };
        let at = words.iter().take(3).position(is_type);
        let at = at.ok_or("this is not a SSH public key: `ssh-ed25519 AAAA...` is expected")?;
        let options: Vec<&str> = words.get(1..at).unwrap_or_default().to_vec();
        for option in options {
            let value = option.strip_prefix("namespaces=").map(|value| value.trim_matches('"'));
            if !value.is_some_and(|value| value.split(',').any(|name| name == "git" || name == "*")) {
                return Err(format!(
                    "the option `{option}` is not supported; `namespaces=\"git\"` is"
                ));
            }
        }
        let kind = words.get(at).copied().unwrap_or_default();
        let encoded = words.get(at + 1).copied().unwrap_or_default();
        let blob = BASE64_STANDARD
            .decode(encoded)
            .map_err(|_| "the key is not base64".to_owned())?;
        let key = PublicKey(blob);
        // Trusting a key that can't verify anything would look like an attack later.
        let mut reader = Reader(&key.0);
        if reader.string() != Some(kind.as_bytes()) {
            return Err(format!("the key is not of the type `{kind}`"));
        }
        key.algorithm()
            .map(|_| ())
            .map_err(|reason| format!("a key of the type `{kind}` {reason}"))?;
        Ok(key)
    }

    pub(super) fn description(&self) -> String {
        format!("SSH SHA256:{}", BASE64_STANDARD_NO_PAD.encode(Sha256::digest(&self.0)))
    }

    /// Returns the key's parts.
    fn algorithm(&self) -> Result<Algorithm<'_>, &'static str> {
        const CUT: &str = "is cut";
        let mut reader = Reader(&self.0);
        let kind = reader.string().ok_or(CUT)?;
        let mut string = || reader.string().ok_or(CUT);
        match kind {
            b"ssh-ed25519" => Ok(Algorithm::Ed25519 {
                key: string()?,
                application: None,
            }),
            b"sk-ssh-ed25519@openssh.com" => {
                let key = string()?;
                Ok(Algorithm::Ed25519 {
                    key,
                    application: Some(string()?),
                })
            }
            b"ssh-rsa" => {
                let exponent = without_zeros(string()?);
                let modulus = without_zeros(string()?);
                if modulus.len() < 256 {
                    return Err("is shorter than 2048 bits");
                }
                Ok(Algorithm::Rsa { modulus, exponent })
            }
            b"ecdsa-sha2-nistp256" | b"ecdsa-sha2-nistp384" => {
                let curve = string()?;
                let point = string()?;
                match (kind, curve) {
                    (b"ecdsa-sha2-nistp256", b"nistp256") => Ok(Algorithm::Ecdsa {
                        point,
                        coordinate_bytes: 32,
                        application: None,
                    }),
                    (b"ecdsa-sha2-nistp384", b"nistp384") => Ok(Algorithm::Ecdsa {
                        point,
                        coordinate_bytes: 48,
                        application: None,
                    }),
                    _ => Err("names another curve"),
                }
            }
            b"sk-ecdsa-sha2-nistp256@openssh.com" => {
                let (curve, point) = (string()?, string()?);
                let application = Some(string()?);
                if curve != b"nistp256" {
                    return Err("names another curve");
                }
                Ok(Algorithm::Ecdsa {
                    point,
                    coordinate_bytes: 32,
                    application,
                })
            }
            _ => Err("is not supported"),
        }
    }
}

enum Algorithm<'a> {
    Ed25519 {
        key: &'a [u8],
        /// What a security key was made for; `None` for other keys.
        application: Option<&'a [u8]>,
    },
    Ecdsa {
        point: &'a [u8],
        coordinate_bytes: usize,
        application: Option<&'a [u8]>,
    },
    Rsa {
        modulus: &'a [u8],
        exponent: &'a [u8],
    },
}

/// Checks a signature in armor.
pub(super) fn verify(trusted: &[(String, PublicKey)], text: &str, content: &[u8]) -> Result<Signer, VerifyError> {
    let unsupported = |reason: &str| VerifyError::Unsupported(reason.to_owned());
    let blob = armored(text, SIGNATURE_HEADER, SIGNATURE_FOOTER).map_err(VerifyError::Unsupported)?;
    let cut = || unsupported("it is cut");
    let mut reader = Reader(
        blob.strip_prefix(MAGIC)
            .ok_or_else(|| unsupported("it doesn't begin with `SSHSIG`"))?,
    );
    if reader.number() != Some(1) {
        return Err(unsupported("its version is not 1"));
    }
    let key = PublicKey(reader.string().ok_or_else(cut)?.to_vec());
    let namespace = reader.string().ok_or_else(cut)?;
    let reserved = reader.string().ok_or_else(cut)?;
    let hash = reader.string().ok_or_else(cut)?;
    let signature = reader.string().ok_or_else(cut)?;
    if !reader.0.is_empty() {
        return Err(unsupported("there is something behind it"));
    }
    let name = key.description();
    let Some((file, key)) = trusted.iter().find(|(_, known)| *known == key) else {
        return Err(VerifyError::Untrusted(name));
    };
    if namespace != NAMESPACE {
        let namespace = String::from_utf8_lossy(namespace);
        let namespace = namespace.escape_debug();
        return Err(VerifyError::Unsupported(format!(
            "it was made for `{namespace}`, not for `git`"
        )));
    }
    let digest = match hash {
        b"sha256" => Sha256::digest(content).to_vec(),
        b"sha512" => Sha512::digest(content).to_vec(),
        _ => return Err(unsupported("its hash function is neither sha256 nor sha512")),
    };
    let mut message = MAGIC.to_vec();
    for part in [namespace, reserved, hash, &digest] {
        push_string(&mut message, part);
    }
    match is_signed(key, &message, signature) {
        Ok(true) => Ok(Signer {
            file: file.clone(),
            key: name,
        }),
        Ok(false) => Err(VerifyError::Wrong(name)),
        Err(reason) => Err(unsupported(reason)),
    }
}

fn is_signed(key: &PublicKey, message: &[u8], signature: &[u8]) -> Result<bool, &'static str> {
    const CUT: &str = "it is cut";
    let mut reader = Reader(signature);
    let kind = reader.string().ok_or(CUT)?;
    let value = reader.string().ok_or(CUT)?;
    let algorithm = key.algorithm()?;
    // RSA keys sign with several hash functions, all others with one.
    let key_kind = Reader(&key.0).string();
    if !matches!(algorithm, Algorithm::Rsa { .. }) && key_kind != Some(kind) {
        return Err("it is of another type than its key");
    }
    let application = match &algorithm {
        Algorithm::Ed25519 { application, .. } | Algorithm::Ecdsa { application, .. } => *application,
        Algorithm::Rsa { .. } => None,
    };
    // A security key signs digests, with its flags and a counter.
    let message = match application {
        None if reader.0.is_empty() => message.to_vec(),
        None => return Err("there is something behind it"),
        Some(application) => {
            let [flags, counter @ ..] = reader.0 else {
                return Err(CUT);
            };
            if counter.len() != 4 {
                return Err(CUT);
            }
            if flags & USER_PRESENT == 0 {
                return Err("nobody touched the security key");
            }
            let mut wrapped = Sha256::digest(application).to_vec();
            wrapped.push(*flags);
            wrapped.extend_from_slice(counter);
            wrapped.extend_from_slice(&Sha256::digest(message));
            wrapped
        }
    };
    match algorithm {
        Algorithm::Ed25519 { key, .. } => Ok(UnparsedPublicKey::new(&ED25519, key).verify(&message, value).is_ok()),
        Algorithm::Ecdsa {
            point,
            coordinate_bytes,
            ..
        } => {
            let mut numbers = Reader(value);
            let r = numbers.string().ok_or(CUT)?;
            let s = numbers.string().ok_or(CUT)?;
            let fixed = padded(r, coordinate_bytes).zip(padded(s, coordinate_bytes));
            let (r, s) = fixed.ok_or("its numbers are too long")?;
            let algorithm: &dyn VerificationAlgorithm = if coordinate_bytes == 32 {
                &ECDSA_P256_SHA256_FIXED
            } else {
                &ECDSA_P384_SHA384_FIXED
            };
            let signature = [r, s].concat();
            Ok(UnparsedPublicKey::new(algorithm, point)
                .verify(&message, &signature)
                .is_ok())
        }
        Algorithm::Rsa { modulus, exponent } => {
            let parameters: &RsaParameters = match kind {
                b"rsa-sha2-256" => &RSA_PKCS1_2048_8192_SHA256,
                b"rsa-sha2-512" => &RSA_PKCS1_2048_8192_SHA512,
                _ => return Err("its hash function is SHA-1"),
            };
            let value = padded(value, modulus.len()).ok_or("it is longer than its key")?;
            let key = RsaPublicKeyComponents {
                n: modulus,
                e: exponent,
            };
            Ok(key.verify(parameters, &message, &value).is_ok())
        }
    }
}

/// Reads the encoding of SSH: numbers of 32 bits, and strings with their length before them (RFC 4251).
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn number(&mut self) -> Option<u32> {
        let (bytes, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*bytes))
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (string, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(string)
    }
}

fn push_string(message: &mut Vec<u8>, part: &[u8]) {
    // Names and digests are short.
    message.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
    message.extend_from_slice(part);
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// Returns a number with this many bytes; `None` if it is larger.
pub(super) fn padded(number: &[u8], length: usize) -> Option<Vec<u8>> {
    let number = without_zeros(number);
    let zeros = length.checked_sub(number.len())?;
    Some([vec![0; zeros].as_slice(), number].concat())
}
