//! Registries and servers that send too much, too little, or something else.

use std::{collections::BTreeMap, fs::File, path::Path};

use capstan_cluster::registry::Guard;
use capstan_registry::{Access, Digest, OnExistingTag, RegistryError, ResolvedPlugin};
use serde_json::json;

use crate::support::{Answers, Place, access, component, oci, other_component, registry, source};

const MIB: u64 = 1 << 20;

/// A manifest of a plugin with one layer that may not be what it says.
fn manifest(digest: Digest, size: u64) -> String {
    let config =
        json!({"mediaType": "application/vnd.wasm.config.v0+json", "digest": Digest::from_bytes(b"{}"), "size": 2});
    let layer = json!({"mediaType": "application/wasm", "digest": digest, "size": size});
    json!({"schemaVersion": 2, "config": config, "layers": [layer]}).to_string()
}

/// A registry with one plugin, whose blob is answered for in a way of its own.
fn lying(manifest: &str) -> Answers {
    Answers::default()
        .with("/v2/", "{}")
        .with("/v2/ttl/manifests/1", manifest)
}

fn blob(digest: Digest) -> String {
    format!("/v2/ttl/blobs/{digest}")
}

async fn resolve(answers: Answers) -> Result<ResolvedPlugin, RegistryError> {
    let address = answers.serve().await;
    let text = format!("oci://{address}/ttl:1");
    Place::new()
        .store(access(&[address]))
        .resolve(&source(text), Path::new(""))
        .await
}

fn describe(error: &RegistryError) -> String {
    format!("{error}; hint: {:?}", error.hints())
}

#[tokio::test]
async fn what_is_too_large_is_not_downloaded() {
    let digest = Digest::from_bytes(component());
    // Said by the manifest: nothing is asked for. Said by the answer: nothing is read.
    let promised = resolve(lying(&manifest(digest, 300 * MIB))).await.unwrap_err();
    assert!(
        promised
            .to_string()
            .ends_with("has 314572800 bytes, and may have 33554432"),
        "{promised}"
    );
    let head = format!("200 OK\r\ncontent-length: {}\r\n", 300 * MIB);
    let answers = lying(&manifest(digest, 1000)).with_head(&blob(digest), &head, "");
    let announced = resolve(answers).await.unwrap_err();
    assert!(
        announced
            .to_string()
            .ends_with("has 314572800 bytes, and may have 33554432"),
        "{announced}"
    );
    // Said by nobody, and sent until we have had enough.
    let endless = vec![0; 33 << 20];
    let answers = lying(&manifest(digest, 1000)).with_head(&blob(digest), "200 OK\r\n", endless);
    let sent = describe(&resolve(answers).await.unwrap_err());
    assert!(
        sent.contains("has more than 33554432 bytes") && sent.contains("release mode"),
        "{sent}"
    );
    let answers = Answers::default()
        .with("/v2/", "{}")
        .with("/v2/ttl/manifests/1", vec![b' '; 5 << 20]);
    assert!(
        matches!(resolve(answers).await.unwrap_err(), RegistryError::TooLarge { .. }),
        "a manifest"
    );

    let place = Place::new();
    let file = place.path().join("large.wasm");
    File::create(&file).unwrap().set_len(300 * MIB).unwrap();
    let store = place.store(access(&[]));
    let from_file = store
        .resolve(&source(file.display().to_string()), Path::new(""))
        .await
        .unwrap_err();
    assert!(matches!(from_file, RegistryError::TooLarge { .. }), "{from_file}");
}

#[tokio::test]
async fn a_registry_that_lies_about_a_digest_is_not_believed() {
    let digest = Digest::from_bytes(component());
    let answers = lying(&manifest(digest, component().len() as u64)).with(&blob(digest), other_component());
    let blob_lies = describe(&resolve(answers).await.unwrap_err());
    let expected = format!(
        "has the digest {}, and {digest} is expected",
        Digest::from_bytes(other_component())
    );
    assert!(
        blob_lies.contains(&expected) && blob_lies.contains("it was not used"),
        "{blob_lies}"
    );

    let text = manifest(digest, 1);
    let head = format!(
        "200 OK\r\ncontent-length: {}\r\ndocker-content-digest: {digest}\r\n",
        text.len()
    );
    let answers = Answers::default()
        .with("/v2/", "{}")
        .with_head("/v2/ttl/manifests/1", &head, &text);
    let manifest_lies = resolve(answers).await.unwrap_err();
    assert!(
        matches!(manifest_lies, RegistryError::WrongDigest { expected, .. } if expected == digest),
        "{manifest_lies}"
    );

    // By digest, another manifest is answered.
    let pinned = Digest::from_bytes(b"what was pinned");
    let path = format!("/v2/ttl/manifests/{pinned}");
    let address = Answers::default().with("/v2/", "{}").with(&path, &text).serve().await;
    let by_digest = source(format!("oci://{address}/ttl@{pinned}"));
    let store = Place::new().store(access(&[address]));
    let replaced = store
        .load(&by_digest, Path::new(""), None, Path::new("l"))
        .await
        .unwrap_err();
    assert!(
        matches!(replaced, RegistryError::WrongDigest { expected, .. } if expected == pinned),
        "{replaced}"
    );
}

#[tokio::test]
async fn what_a_storage_lost_or_bent_is_told() {
    let Some(registry) = registry(Guard::Open) else { return };
    let text = format!("oci://{}/ttl:1", registry.address());
    let store = || Place::new().store(access(&[registry.address()]));
    store()
        .publish(
            component().to_vec(),
            &oci(&text),
            BTreeMap::new(),
            OnExistingTag::Refuse,
        )
        .await
        .unwrap();
    let hex = Digest::from_bytes(component()).hex();
    let data = registry
        .storage()
        .join(format!("docker/registry/v2/blobs/sha256/{}/{hex}/data", &hex[..2]));
    let mut bent = std::fs::read(&data).unwrap();
    let middle = bent.len() / 2;
    bent[middle] ^= 1;
    std::fs::write(&data, bent).unwrap();
    let wrong = store().resolve(&source(&text), Path::new("")).await.unwrap_err();
    assert!(matches!(wrong, RegistryError::WrongDigest { .. }), "{wrong}");
    std::fs::remove_file(&data).unwrap();
    let lost = store().resolve(&source(&text), Path::new("")).await.unwrap_err();
    assert!(matches!(lost, RegistryError::NotFound { .. }), "{lost}");
    let unknown = source(format!("oci://{}/nothing:1", registry.address()));
    let unknown = describe(&store().resolve(&unknown, Path::new("")).await.unwrap_err());
    assert!(
        unknown.contains("there is no 127.0.0.1") && unknown.contains("nothing:1"),
        "{unknown}"
    );
}

#[tokio::test]
async fn a_download_that_is_cut_is_told_and_kept_nowhere() {
    let digest = Digest::from_bytes(component());
    let head = format!("200 OK\r\ncontent-length: {}\r\n", component().len());
    let answers =
        lying(&manifest(digest, component().len() as u64)).with_head(&blob(digest), &head, &component()[..1000]);
    let address = answers.serve().await;
    let text = format!("oci://{address}/ttl:1");
    let place = Place::new();
    let cut = place
        .store(access(&[address]))
        .resolve(&source(text), Path::new(""))
        .await
        .unwrap_err();
    assert!(
        cut.to_string()
            .ends_with(&format!("was cut after 1000 bytes of {}", component().len())),
        "{cut}"
    );
    let kept = std::fs::read_dir(place.path().join("cache/sha256")).unwrap().count();
    assert_eq!(kept, 1, "the manifest");
}

#[tokio::test]
async fn compiled_code_and_whatever_else_is_no_component_is_refused() {
    for content in [
        &b"\x7fELF\x02\x01\x01 as wasmtime writes compiled code"[..],
        b"\0asm\x01\0\0\0",
        b"<html>",
        b"",
    ] {
        let digest = Digest::from_bytes(content);
        let answers = lying(&manifest(digest, content.len() as u64)).with(&blob(digest), content);
        let error = resolve(answers).await.unwrap_err();
        assert!(matches!(error, RegistryError::NotAPlugin { .. }), "{error}");
    }
    let image =
        manifest(Digest::from_bytes(b""), 0).replace("application/wasm", "application/vnd.oci.image.layer.v1.tar");
    let error = describe(&resolve(lying(&image)).await.unwrap_err());
    assert!(
        error.contains("its layer is") && error.ends_with("hint: [Publish]"),
        "{error}"
    );
}

#[tokio::test]
async fn credentials_that_a_token_server_refuses_are_told() {
    let answers = Answers::default().with_head("/token", "401 Unauthorized\r\ncontent-length: 0\r\n", "");
    let tokens = answers.serve().await;
    let challenge = format!(
        "401 Unauthorized\r\ncontent-length: 0\r\nwww-authenticate: Bearer realm=\"http://{tokens}/token\",service=\"a\"\r\n"
    );
    let error = resolve(Answers::default().with_head("/v2/", &challenge, ""))
        .await
        .unwrap_err();
    assert!(matches!(error, RegistryError::Denied { who: None, .. }), "{error}");
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    let digest = Digest::from_bytes(component());
    let cut = format!("200 OK\r\ncontent-length: {}\r\n", component().len());
    let whole = || lying(&manifest(digest, component().len() as u64)).with(&blob(digest), component());
    let unavailable = "503 Service Unavailable\r\ncontent-length: 0\r\n";
    for answers in [
        whole().first_with_head(&blob(digest), &cut, &component()[..1000]),
        whole().first_with_head(&blob(digest), unavailable, ""),
        whole().first_with_head("/v2/ttl/manifests/1", unavailable, ""),
    ] {
        assert_eq!(resolve(answers).await.unwrap().component.digest, digest);
    }
}

#[tokio::test]
async fn a_redirect_away_from_https_is_not_followed() {
    let digest = Digest::from_bytes(component());
    let plain = Answers::default().with("/a.wasm", component()).serve().await;
    let moved = |to: String| format!("302 Found\r\ncontent-length: 0\r\nlocation: {to}\r\n");
    let answers = Answers::default()
        .with("/b.wasm", component())
        .with_head("/to-plain", &moved(format!("http://{plain}/a.wasm")), "")
        .with_head("/to-itself", &moved("/to-itself".to_owned()), "")
        .with_head("/to-b", &moved("/b.wasm".to_owned()), "");
    let (address, certificate) = answers.serve_with_tls().await;
    let place = Place::new();
    let access = Access {
        ca_file: Some(place.file("ca.pem", certificate)),
        ..access(&[])
    };
    let resolve = async |path: &str| {
        let text = format!("https://{address}{path}#sha256={}", digest.hex());
        let store = Place::new().store(access.clone());
        let found = store.resolve(&source(text), Path::new("")).await;
        found
            .map(|plugin| plugin.component.digest)
            .map_err(|error| error.to_string())
    };
    assert_eq!(resolve("/to-b").await, Ok(digest));
    let plain = resolve("/to-plain").await.unwrap_err();
    assert!(plain.ends_with("it redirects from https to http"), "{plain}");
    let circle = resolve("/to-itself").await.unwrap_err();
    assert!(circle.ends_with("it redirects too often"), "{circle}");
}
