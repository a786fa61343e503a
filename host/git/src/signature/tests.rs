//! Keys, commits and tags that real `gpg` and `ssh-keygen` made: see `tests/fixtures/make.sh`.

use super::*;
use crate::commit::{signed_commit, signed_tag};

macro_rules! fixture {
    ($name:expr) => {
        include_bytes!(concat!("../tests/fixtures/", $name)).as_slice()
    };
}

struct Case {
    name: &'static str,
    key: &'static [u8],
    commit: &'static [u8],
    tag: &'static [u8],
}

macro_rules! case {
    ($name:literal, $ending:literal) => {
        Case {
            name: $name,
            key: fixture!(concat!($name, $ending)),
            commit: fixture!(concat!($name, ".commit")),
            tag: fixture!(concat!($name, ".tag")),
        }
    };
}

fn good() -> [Case; 9] {
    [
        case!("ed25519", ".asc"),
        case!("rsa3072", ".asc"),
        case!("nistp256", ".asc"),
        case!("nistp384", ".asc"),
        case!("subkey", ".asc"),
        case!("ssh-ed25519", ".pub"),
        case!("ssh-rsa", ".pub"),
        case!("ssh-ecdsa-256", ".pub"),
        case!("ssh-ecdsa-384", ".pub"),
    ]
}

fn trusted(key: &[u8]) -> TrustedKeys {
    TrustedKeys::parse([("signers", key)]).unwrap()
}

/// The day on which the keys were made, and a bit.
fn now() -> Timestamp {
    "2027-01-01T00:00:00Z".parse().unwrap()
}

fn verify_commit(keys: &TrustedKeys, commit: &[u8]) -> Result<Signer, VerifyError> {
    keys.verify(signed_commit(commit).unwrap().as_ref(), now())
}

#[test]
fn commits_and_tags_are_signed_by_their_own_key_only() {
    for case in good() {
        let keys = trusted(case.key);
        let signer = verify_commit(&keys, case.commit).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        assert_eq!(signer.file, "signers");
        let of_tag = keys.verify(signed_tag(case.tag).as_ref(), now());
        assert_eq!(of_tag.as_ref(), Ok(&signer), "{}", case.name);
        for other in good().iter().filter(|other| other.name != case.name) {
            let error = verify_commit(&keys, other.commit).unwrap_err();
            assert!(matches!(error, VerifyError::Untrusted(_)), "{}: {error}", case.name);
        }
        // With all keys, the right one is found.
        let all = TrustedKeys::parse(good().iter().map(|case| (case.name, case.key)).collect::<Vec<_>>()).unwrap();
        assert_eq!(verify_commit(&all, case.commit).unwrap().file, case.name);
    }
}

#[test]
fn a_changed_commit_or_signature_is_refused() {
    for case in good() {
        let keys = trusted(case.key);
        let text = String::from_utf8(case.commit.to_vec()).unwrap();
        for changed in [
            text.replace("signed by", "Signed by"),
            text.replacen("Alice", "Mallory", 1),
            text.replacen("tree d", "tree e", 1),
            format!("{text}more"),
        ] {
            assert_ne!(changed, text);
            let error = verify_commit(&keys, changed.as_bytes()).unwrap_err();
            assert!(matches!(error, VerifyError::Wrong(_)), "{}: {error}", case.name);
        }
        // Whatever is changed within the signature, it doesn't count and nothing panics.
        let signed = signed_commit(case.commit).unwrap().unwrap();
        let body = signed
            .signature
            .find("\n\n")
            .unwrap_or(signed.signature.find('\n').unwrap());
        for at in body..signed.signature.len() - 50 {
            let mut signature = signed.signature.clone().into_bytes();
            signature[at] = if signature[at] == b'A' { b'B' } else { b'A' };
            let changed = Signed {
                signature: String::from_utf8(signature).unwrap(),
                content: signed.content.clone(),
            };
            let result = keys.verify(Some(&changed), now());
            // The armor's checksum, and what is neither hashed nor compared, may change.
            if result.is_ok() {
                assert!(
                    !case.name.starts_with("ssh") && !changed.signature.is_empty(),
                    "{} {at}",
                    case.name
                );
            }
            let cut = Signed {
                signature: signed.signature[..at].to_owned(),
                content: signed.content.clone(),
            };
            assert!(keys.verify(Some(&cut), now()).is_err(), "{} {at}", case.name);
        }
    }
}

#[test]
fn a_damaged_key_is_refused_or_trusts_nothing() {
    for case in good() {
        for at in (0..case.key.len()).step_by(3) {
            let mut key = case.key.to_vec();
            key[at] = if key[at] == b'A' { b'B' } else { b'A' };
            // That it ends is enough: a changed comment or user is another matter than a changed key.
            if let Ok(keys) = TrustedKeys::parse([("signers", key.as_slice())]) {
                verify_commit(&keys, case.commit).ok();
            }
            if let Ok(keys) = TrustedKeys::parse([("signers", &case.key[..at])]) {
                let is_whole = case.name.starts_with("ssh") || case.key.len() - at < 3;
                assert!(
                    verify_commit(&keys, case.commit).is_err() || is_whole,
                    "{} {at}",
                    case.name
                );
            }
        }
    }
}

#[test]
fn keys_that_have_expired_or_were_revoked_sign_nothing() {
    for (case, reason) in [
        (case!("expired", ".asc"), "expired"),
        (case!("revoked", ".asc"), "revoked"),
    ] {
        let error = verify_commit(&trusted(case.key), case.commit).unwrap_err();
        assert!(matches!(error, VerifyError::Unusable { .. }), "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
    // It was valid once.
    let keys = trusted(fixture!("expired.asc"));
    let signed = signed_commit(fixture!("expired.commit")).unwrap();
    let then = "2020-07-01T00:00:00Z".parse().unwrap();
    assert!(keys.verify(signed.as_ref(), then).is_ok());
}

#[test]
fn what_is_not_supported_is_said_where_the_keys_are_handed_in() {
    for (key, reason) in [
        (fixture!("nistp521.asc"), "curve that is not supported"),
        (fixture!("ssh-ecdsa-521.pub"), "ecdsa-sha2-nistp521"),
        (b"".as_slice(), "neither an OpenPGP key in armor nor an SSH key"),
        (b"\n# nothing\n", "neither an OpenPGP key in armor nor an SSH key"),
        (b"ssh-ed25519 AAAA", "not of the type"),
        (b"hello world", "line 1: this is not a SSH public key"),
        (
            b"* cert-authority ssh-ed25519 AAAA",
            "`cert-authority` is not supported",
        ),
        (b"alice namespaces=\"file\" ssh-ed25519 AAAA", "is not supported"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\n", "private key"),
        (b"\x99\x01", "in armor"),
    ] {
        let error = TrustedKeys::parse([("signers.pub", key)]).unwrap_err().to_string();
        assert!(
            error.starts_with("`signers.pub` has no usable public keys: "),
            "{error}"
        );
        assert!(error.contains(reason), "{error}");
    }
    assert!(TrustedKeys::parse([]).is_err(), "without keys, nothing can be trusted");
    let large = vec![b'a'; MAX_KEY_BYTES + 1];
    assert!(TrustedKeys::parse([("large", large.as_slice())]).is_err());
}

#[test]
fn allowed_signers_of_git_are_read() {
    let key = String::from_utf8(fixture!("ssh-ed25519.pub").to_vec()).unwrap();
    let text = format!("# people\n\nbob@example.com,alice@example.com namespaces=\"git,file\" {key}\n");
    assert!(verify_commit(&trusted(text.as_bytes()), fixture!("ssh-ed25519.commit")).is_ok());
}

#[test]
fn a_signature_for_something_else_than_git_is_refused() {
    let keys = trusted(fixture!("ssh-ed25519.pub"));
    let error = verify_commit(&keys, fixture!("ssh-other-namespace.commit")).unwrap_err();
    assert!(error.to_string().contains("made for `file`, not for `git`"), "{error}");
    // A stranger's key in P-521 is a stranger's first.
    let error = verify_commit(&keys, fixture!("nistp521.commit")).unwrap_err();
    assert!(matches!(error, VerifyError::Untrusted(_)), "{error}");
    let signed = Signed {
        signature: "-----BEGIN SIGNED MESSAGE-----\nAAAA\n-----END SIGNED MESSAGE-----\n".to_owned(),
        content: Vec::new(),
    };
    let error = keys.verify(Some(&signed), now()).unwrap_err();
    assert!(error.to_string().contains("neither of OpenPGP nor of SSH"), "{error}");
    assert_eq!(keys.verify(None, now()), Err(VerifyError::Missing));
}

/// A stranger's subkey below one's own primary key: without its own consent it doesn't count.
#[test]
fn a_subkey_counts_only_if_its_primary_key_says_so() {
    let (own, stranger) = (fixture!("ed25519.asc"), fixture!("subkey.asc"));
    let decode = |text: &[u8]| {
        let text = std::str::from_utf8(text).unwrap();
        armored(text, openpgp::KEY_HEADER, "-----END PGP PUBLIC KEY BLOCK-----").unwrap()
    };
    let own = decode(own);
    // The packets of the stranger's key behind its first one, so that all its subkeys follow another primary key.
    let stranger = decode(stranger);
    let first = 2 + usize::from(stranger[1]);
    let mixed = [own.as_slice(), &stranger[first..]].concat();
    let armor = format!(
        "{}\n\n{}\n-----END PGP PUBLIC KEY BLOCK-----\n",
        openpgp::KEY_HEADER,
        base64::Engine::encode(&base64::prelude::BASE64_STANDARD, mixed)
    );
    let keys = trusted(armor.as_bytes());
    assert!(verify_commit(&keys, fixture!("ed25519.commit")).is_ok());
    let error = verify_commit(&keys, fixture!("subkey.commit")).unwrap_err();
    assert!(matches!(error, VerifyError::Unusable { .. }), "{error}");
}
