//! Commits and tags that have to be signed.

use super::*;
use crate::{SignaturePolicy, SignedObject, TrustedKeys};

macro_rules! fixture {
    ($name:expr) => {
        include_bytes!(concat!("fixtures/", $name)).as_slice()
    };
}

fn policy(of: SignedObject, file: &str, key: &[u8]) -> SignaturePolicy {
    let keys = TrustedKeys::parse([(file, key)]).unwrap();
    SignaturePolicy { of, keys }
}

/// A repository with the tree of the fixtures. It can leave out contents, so that requests for files can be counted.
async fn setup() -> Setup {
    let setup = Setup::new().await;
    setup.repository.git(&["rm", "-q", "-r", "."]);
    setup.repository.write("shop/map.yaml", "kind: ConfigMap\n");
    setup.repository.commit("the tree of the fixtures");
    setup.repository.allow_filter();
    setup
}

impl Setup {
    fn use_commit(&self, commit: &[u8]) {
        let id = self.repository.store("commit", commit);
        self.repository.git_bare(&["update-ref", "refs/heads/main", &id], b"");
    }

    fn use_tag(&self, name: &str, commit: &[u8], tag: &[u8]) {
        self.repository.store("commit", commit);
        let id = self.repository.store("tag", tag);
        self.repository
            .git_bare(&["update-ref", &format!("refs/tags/{name}"), &id], b"");
    }
}

#[tokio::test]
async fn a_commit_signed_by_a_trusted_key_is_fetched_and_its_signer_named() {
    let setup = setup().await;
    for (commit, file, key, signer) in [
        (
            fixture!("ed25519.commit"),
            "release.asc",
            fixture!("ed25519.asc"),
            "OpenPGP ",
        ),
        (
            fixture!("subkey.commit"),
            "release.asc",
            fixture!("subkey.asc"),
            "OpenPGP ",
        ),
        (
            fixture!("ssh-ed25519.commit"),
            "ci.pub",
            fixture!("ssh-ed25519.pub"),
            "SSH SHA256:",
        ),
    ] {
        setup.use_commit(commit);
        let mut request = setup.request(main(), &["shop"]);
        request.verify = Some(policy(SignedObject::Commit, file, key));
        let snapshot = setup.fetch(&request).await.unwrap();
        assert_eq!(paths(&snapshot), ["shop/map.yaml"]);
        let by = snapshot.signed_by[0].to_string();
        assert!(by.starts_with(signer) && by.ends_with(&format!("({file})")), "{by}");
        // What was known under another policy isn't enough.
        let mut stricter = request.clone();
        stricter.verify = Some(policy(SignedObject::Commit, "other.pub", fixture!("ssh-rsa.pub")));
        assert!(setup.client().fetch(&stricter, Some(&snapshot.known)).await.is_err());
    }
}

#[tokio::test]
async fn without_the_right_signature_no_file_is_even_requested() {
    let setup = setup().await;
    for (commit, key, reason) in [
        (
            None,
            fixture!("ed25519.asc"),
            "is not signed; expected is a signature by OpenPGP ",
        ),
        (
            None,
            fixture!("ssh-ed25519.pub"),
            "is not signed; expected is a signature by SSH SHA256:",
        ),
        (
            Some(fixture!("rsa3072.commit")),
            fixture!("ed25519.asc"),
            "is signed by OpenPGP ",
        ),
        (
            Some(fixture!("ssh-rsa.commit")),
            fixture!("ed25519.asc"),
            "is signed by SSH SHA256:",
        ),
        (
            Some(fixture!("ssh-rsa.commit")),
            fixture!("ssh-ed25519.pub"),
            "is signed by SSH SHA256:",
        ),
        (
            Some(fixture!("expired.commit")),
            fixture!("expired.asc"),
            "may not be used: it has expired",
        ),
        (
            Some(fixture!("revoked.commit")),
            fixture!("revoked.asc"),
            "may not be used: it was revoked",
        ),
    ] {
        match commit {
            Some(commit) => setup.use_commit(commit),
            None => setup.repository.push(),
        }
        let mut request = setup.request(main(), &["shop"]);
        request.verify = Some(policy(SignedObject::Commit, "signers", key));
        setup.server.take_requests();
        let error = shown(setup.fetch(&request).await);
        assert_eq!(setup.server.take_requests(), ["GET", "ls-refs", "fetch"], "{error}");
        let id = setup
            .repository
            .git_bare(&["rev-parse", "--short=12", "refs/heads/main"], b"");
        assert!(error.starts_with(&format!("{}: commit {id} ", setup.url())), "{error}");
        assert!(error.contains(reason) && error.contains("(signers)"), "{error}");
    }
    // Signed once, and changed since.
    let text = String::from_utf8(fixture!("ed25519.commit").to_vec()).unwrap();
    setup.use_commit(text.replace("signed by", "Signed by").as_bytes());
    let mut request = setup.request(main(), &["shop"]);
    request.verify = Some(policy(SignedObject::Commit, "signers", fixture!("ed25519.asc")));
    let error = shown(setup.fetch(&request).await);
    assert!(
        error.contains("wrong signature") && error.contains("may have changed it"),
        "{error}"
    );
}

#[tokio::test]
async fn a_tag_is_signed_under_its_own_name() {
    let setup = setup().await;
    for (name, commit, tag, key) in [
        (
            "openpgp",
            fixture!("ed25519.commit"),
            fixture!("ed25519.tag"),
            fixture!("ed25519.asc"),
        ),
        (
            "ssh",
            fixture!("ssh-ed25519.commit"),
            fixture!("ssh-ed25519.tag"),
            fixture!("ssh-ed25519.pub"),
        ),
    ] {
        setup.use_tag("v1", commit, tag);
        setup.use_tag("v2", commit, tag);
        let request = |tag: &str, of: SignedObject| {
            let mut request = setup.request(Revision::tag(tag).unwrap(), &["shop"]);
            request.verify = Some(policy(of, "signers", key));
            request
        };
        let snapshot = setup.fetch(&request("v1", SignedObject::Tag)).await.unwrap();
        assert_eq!(snapshot.signed_by.len(), 1, "{name}");
        let both = setup.fetch(&request("v1", SignedObject::TagAndCommit)).await.unwrap();
        assert_eq!(both.signed_by.len(), 2, "{name}");
        // Somebody made `v2` lead to the signed tag of the old version.
        let error = shown(setup.fetch(&request("v2", SignedObject::Tag)).await);
        assert!(
            error.contains("tag `v1`") && error.contains("requested as `refs/tags/v2`"),
            "{error}"
        );
        // The highest version is a tag like another one.
        setup.use_tag("v1.2.0", commit, tag);
        let mut range = request("v1", SignedObject::Tag);
        range.revision = Revision::version_range("1.x").unwrap();
        let error = shown(setup.fetch(&range).await);
        assert!(error.contains("requested as `refs/tags/v1.2.0`"), "{error}");
        let mut other = request("v1", SignedObject::Tag);
        other.verify = Some(policy(SignedObject::Tag, "signers", fixture!("ssh-rsa.pub")));
        let error = shown(setup.fetch(&other).await);
        assert!(error.contains("which is not trusted"), "{error}");
    }
    // Annotated and not signed; not annotated; no tag at all; a signed tag of a commit that isn't signed.
    setup.repository.git(&["tag", "-a", "-m", "annotated", "annotated"]);
    setup.repository.git(&["tag", "light"]);
    setup.repository.push();
    for (revision, reason) in [
        (Revision::tag("annotated").unwrap(), "is not signed"),
        (Revision::tag("light").unwrap(), "is no annotated tag"),
        (main(), "is no annotated tag"),
    ] {
        let mut request = setup.request(revision, &["shop"]);
        request.verify = Some(policy(SignedObject::Tag, "signers", fixture!("ed25519.asc")));
        let error = shown(setup.fetch(&request).await);
        assert!(error.contains(reason), "{error}");
    }
}
