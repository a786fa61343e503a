//! Signatures by the real cosign, with keys and without a transparency log.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use capstan_cluster::registry::{Guard, PASSWORD, Registry, USER};
use capstan_registry::{
    Access, LockedPlugin, Login, OnExistingTag, PublicKey, RegistryError, SignaturePolicy, SignatureRule, Signer,
    SourcePattern,
};

use crate::support::{Place, access, component, oci, or_skip, registry, source};

/// Keys, and cosign to sign with them.
struct Cosign {
    program: PathBuf,
    place: Place,
}

/// As cosign signs by default since version 3, and as it did before.
const FORMS: [&str; 2] = ["--new-bundle-format=true", "--new-bundle-format=false"];

impl Cosign {
    fn new() -> Option<Cosign> {
        let program = or_skip(capstan_cluster::cosign())?;
        let place = Place::new();
        Some(Cosign { program, place })
    }

    fn run(&self, words: &[&str]) {
        let mut command = Command::new(&self.program);
        command.args(words).current_dir(self.place.path());
        // Nothing of who runs the tests gets into it.
        command.env("COSIGN_PASSWORD", "secret").env("HOME", self.place.path());
        let output = command.output().unwrap();
        let error_text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{words:?}: {error_text}");
    }

    fn key(&self, name: &str) -> Signer {
        let public = self.place.path().join(format!("{name}.pub"));
        if !public.exists() {
            self.run(&["generate-key-pair", "--output-key-prefix", name]);
        }
        Signer::Key {
            name: name.to_owned(),
            key: PublicKey::from_pem(&std::fs::read(public).unwrap()).unwrap(),
        }
    }

    fn sign(&self, key: &str, reference: &str, form: &str, more: &[&str]) {
        let key = format!("{key}.key");
        let words = [
            "sign",
            "-y",
            "--key",
            &key,
            "--use-signing-config=false",
            "--tlog-upload=false",
            form,
        ];
        self.run(&[&words, more, &[reference]].concat());
    }
}

fn policy(any_of: &[&Signer], all_of: &[&Signer]) -> SignaturePolicy {
    let cloned = |signers: &[&Signer]| signers.iter().map(|signer| (*signer).clone()).collect();
    SignaturePolicy(vec![SignatureRule {
        source: SourcePattern::All,
        any_of: cloned(any_of),
        all_of: cloned(all_of),
    }])
}

/// Publishes the plugin, and returns its source and what cosign calls it.
async fn published(registry: &Registry, repository: &str, access: Access) -> (String, String) {
    let text = format!("oci://{}/{repository}:1", registry.address());
    let store = Place::new().store(access);
    let published = store
        .publish(
            component().to_vec(),
            &oci(&text),
            BTreeMap::new(),
            OnExistingTag::Refuse,
        )
        .await
        .unwrap();
    let manifest = published.source.manifest.unwrap();
    (text, format!("{}/{repository}@{manifest}", registry.address()))
}

#[tokio::test]
async fn what_cosign_signs_is_signed_by_its_key_in_both_forms() {
    let (Some(registry), Some(cosign)) = (registry(Guard::Open), Cosign::new()) else {
        return;
    };
    let access = access(&[registry.address()]);
    let (ours, theirs) = (cosign.key("ours"), cosign.key("theirs"));
    for (form, repository) in FORMS.into_iter().zip(["acme/new", "acme/old"]) {
        let (text, reference) = published(&registry, repository, access.clone()).await;
        let resolve = async |policy: SignaturePolicy| {
            let found = Place::new()
                .store_with(access.clone(), policy)
                .resolve(&source(&text), Path::new(""))
                .await;
            found
                .map(|plugin| (plugin.component.signed_by, plugin.signature_count))
                .map_err(|error| error.to_string())
        };
        let unsigned = resolve(policy(&[&ours], &[])).await.unwrap_err();
        assert!(
            unsigned.ends_with("there is none by any of ours; it has no signature at all"),
            "{unsigned}"
        );

        cosign.sign("ours", &reference, form, &["--allow-http-registry"]);
        assert_eq!(
            resolve(policy(&[&ours, &theirs], &[])).await,
            Ok((vec!["ours".to_owned()], Some(1))),
            "{form}"
        );
        assert_eq!(resolve(SignaturePolicy::default()).await, Ok((vec![], Some(1))));
        let other = resolve(policy(&[&theirs], &[])).await.unwrap_err();
        assert!(other.contains("its only signature is by another key"), "{other}");
        let both = resolve(policy(&[], &[&ours, &theirs])).await.unwrap_err();
        assert!(both.contains("there is no signature by theirs"), "{both}");

        cosign.sign("theirs", &reference, form, &["--allow-http-registry"]);
        let signers = vec!["ours".to_owned(), "theirs".to_owned()];
        assert_eq!(
            resolve(policy(&[], &[&ours, &theirs])).await,
            Ok((signers, Some(2))),
            "{form}"
        );
    }
}

#[tokio::test]
async fn a_signature_is_remembered_and_does_not_count_for_another_plugin() {
    let (Some(registry), Some(cosign)) = (registry(Guard::TlsAndLogin), Cosign::new()) else {
        return;
    };
    let access = Access {
        ca_file: Some(registry.ca()),
        login: Some(Login {
            registry: registry.address(),
            user: USER.to_owned(),
            password: PASSWORD.to_owned(),
        }),
        ..access(&[])
    };
    let ours = cosign.key("ours");
    let (text, reference) = published(&registry, "acme/ttl", access.clone()).await;
    let ca = registry.ca().display().to_string();
    let login = [
        "--registry-cacert",
        &ca,
        "--registry-username",
        USER,
        "--registry-password",
        PASSWORD,
    ];
    cosign.sign("ours", &reference, FORMS[0], &login);

    // The same tag of a registry that somebody else got hold of.
    let moved = format!("oci://{}/acme/ttl:2", registry.address());
    let store = Place::new().store_with(access.clone(), policy(&[&ours], &[]));
    let other = crate::support::other_component().to_vec();
    store
        .publish(other, &oci(&moved), BTreeMap::new(), OnExistingTag::Refuse)
        .await
        .unwrap();
    let refused = store.resolve(&source(&moved), Path::new("")).await.unwrap_err();
    assert!(matches!(refused, RegistryError::Unsigned(_)), "{refused}");

    let place = Place::new();
    let found = place
        .store(access.clone())
        .resolve(&source(&text), Path::new(""))
        .await
        .unwrap();
    let locked = LockedPlugin {
        name: "ttl".to_owned(),
        version: "0.1.0".to_owned(),
        source: text.clone(),
        digest: found.component.digest,
        manifest_digest: found.manifest,
    };
    drop(registry);
    let lock = Path::new("capstan.lock");
    let store = place.store_with(access.clone(), policy(&[&ours], &[]));
    let loaded = store
        .load(&source(&text), Path::new(""), Some(&locked), lock)
        .await
        .unwrap();
    assert_eq!(loaded.signed_by, ["ours"]);
    let theirs = cosign.key("theirs");
    let store = place.store_with(access, policy(&[&theirs], &[]));
    let refused = store
        .load(&source(&text), Path::new(""), Some(&locked), lock)
        .await
        .unwrap_err();
    assert!(matches!(refused, RegistryError::Unsigned(_)), "{refused}");
}

#[tokio::test]
async fn the_bundle_beside_a_file_signs_it() {
    let Some(cosign) = Cosign::new() else { return };
    let ours = cosign.key("ours");
    let path = cosign.place.file("ttl.wasm", component());
    let resolve = async || {
        let store = Place::new().store_with(access(&[]), policy(&[&ours], &[]));
        store.resolve(&source(path.display().to_string()), Path::new("")).await
    };
    let refused = resolve().await.unwrap_err();
    assert!(
        format!("{:?}", refused.hints()).contains("cosign sign-blob"),
        "{refused}"
    );
    let words = "sign-blob -y --key ours.key --use-signing-config=false --tlog-upload=false --bundle ttl.wasm.sigstore.json ttl.wasm";
    cosign.run(&words.split(' ').collect::<Vec<_>>());
    assert_eq!(resolve().await.unwrap().component.signed_by, ["ours"]);
    cosign.place.file("ttl.wasm", crate::support::other_component());
    assert!(matches!(resolve().await.unwrap_err(), RegistryError::Unsigned(_)));
}

#[tokio::test]
async fn what_is_attested_is_shown_and_is_no_signature() {
    let (Some(registry), Some(cosign)) = (registry(Guard::Open), Cosign::new()) else {
        return;
    };
    let access = access(&[registry.address()]);
    let ours = cosign.key("ours");
    let (text, reference) = published(&registry, "ttl", access.clone()).await;
    cosign
        .place
        .file("provenance.json", r#"{"buildDefinition": {}, "runDetails": {}}"#);
    let words = "attest -y --key ours.key --use-signing-config=false --tlog-upload=false --allow-http-registry --type slsaprovenance1 --predicate provenance.json";
    cosign.run(&words.split(' ').chain([&*reference]).collect::<Vec<_>>());
    let found = Place::new()
        .store(access.clone())
        .resolve(&source(&text), Path::new(""))
        .await
        .unwrap();
    assert_eq!(
        (found.attestations, found.signature_count),
        (vec!["https://slsa.dev/provenance/v1".to_owned()], Some(0))
    );
    let store = Place::new().store_with(access, policy(&[&ours], &[]));
    let refused = store.resolve(&source(&text), Path::new("")).await.unwrap_err();
    assert!(matches!(refused, RegistryError::Unsigned(_)), "{refused}");
}
