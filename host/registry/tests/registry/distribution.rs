//! Publishing and getting: by tag, by digest, from a lock, without a network, with TLS and a login.

use std::{collections::BTreeMap, path::Path};

use capstan_cluster::registry::{Guard, PASSWORD, USER};
use capstan_registry::{Access, Digest, Hint, LockedPlugin, Login, OnExistingTag, Proxy, RegistryError};

use crate::support::{Answers, Place, access, component, oci, other_component, registry, source};

#[tokio::test]
async fn what_is_published_is_found_and_is_the_same() {
    let Some(registry) = registry(Guard::Open) else { return };
    let place = Place::new();
    let store = place.store(access(&[registry.address()]));
    let text = format!("oci://{}/acme/ttl:0.1.0", registry.address());
    let published = store
        .publish(
            component().to_vec(),
            &oci(&text),
            BTreeMap::new(),
            OnExistingTag::Refuse,
        )
        .await
        .unwrap();
    assert_eq!(
        (published.digest, published.already_existed),
        (Digest::from_bytes(component()), false)
    );

    let fresh = Place::new();
    let store = fresh.store(access(&[registry.address()]));
    let found = store.resolve(&source(&text), Path::new("")).await.unwrap();
    assert_eq!(found.component.bytes, component());
    assert_eq!(found.manifest, published.source.manifest);
    assert_eq!((&*found.stamp.name, found.signature_count), ("ttl", Some(0)));
    assert_eq!(found.annotations["org.opencontainers.image.title"], "ttl");
    assert_eq!(found.annotations["org.opencontainers.image.licenses"], "Apache-2.0");

    // The same again is not a change; another plugin under the same tag is one.
    let again = store
        .publish(
            component().to_vec(),
            &oci(&text),
            BTreeMap::new(),
            OnExistingTag::Refuse,
        )
        .await
        .unwrap();
    assert!(again.already_existed && again.source == published.source, "{again:?}");
    let taken = store
        .publish(
            other_component().to_vec(),
            &oci(&text),
            BTreeMap::new(),
            OnExistingTag::Refuse,
        )
        .await
        .unwrap_err();
    assert!(matches!(taken, RegistryError::TagExists { .. }), "{taken}");
    let moved = store
        .publish(
            other_component().to_vec(),
            &oci(&text),
            BTreeMap::new(),
            OnExistingTag::Overwrite,
        )
        .await
        .unwrap();
    assert_eq!(
        store.resolve(&source(&text), Path::new("")).await.unwrap().stamp.name,
        "skip"
    );

    // The tag moved, and what is pinned did not.
    let by_digest = source(published.source.to_string());
    assert_eq!(
        store
            .load(&by_digest, Path::new(""), None, Path::new("l"))
            .await
            .unwrap()
            .bytes,
        component()
    );
    assert_ne!(moved.source, published.source);
}

#[tokio::test]
async fn what_is_pinned_is_there_without_the_registry() {
    let Some(registry) = registry(Guard::Open) else { return };
    let place = Place::new();
    let text = format!("oci://{}/ttl:1", registry.address());
    let store = place.store(access(&[registry.address()]));
    store
        .publish(
            component().to_vec(),
            &oci(&text),
            BTreeMap::new(),
            OnExistingTag::Refuse,
        )
        .await
        .unwrap();
    let found = store.resolve(&source(&text), Path::new("")).await.unwrap();
    let locked = LockedPlugin {
        name: "ttl".to_owned(),
        version: found.stamp.version.clone(),
        source: text.clone(),
        digest: found.component.digest,
        manifest_digest: found.manifest,
    };
    drop(registry);
    let lock = Path::new("capstan.lock");
    let loaded = store
        .load(&source(&text), Path::new(""), Some(&locked), lock)
        .await
        .unwrap();
    assert_eq!(loaded.bytes, component());

    let unpinned = store.load(&source(&text), Path::new(""), None, lock).await.unwrap_err();
    assert!(matches!(unpinned, RegistryError::NotLocked { .. }), "{unpinned}");
    assert!(unpinned.hints().contains(&Hint::Pin(text.clone())));
    let elsewhere = Place::new().store(access(&[]));
    let gone = elsewhere
        .load(&source(&text), Path::new(""), Some(&locked), lock)
        .await
        .unwrap_err();
    assert!(matches!(gone, RegistryError::Unreachable { .. }), "{gone}");
    // A lock that was changed by hand names another component than the manifest.
    let bent = LockedPlugin {
        digest: Digest::from_bytes(b"another"),
        ..locked
    };
    let wrong = store
        .load(&source(&text), Path::new(""), Some(&bent), lock)
        .await
        .unwrap_err();
    assert!(matches!(wrong, RegistryError::WrongDigest { .. }), "{wrong}");
}

#[tokio::test]
async fn a_private_ca_and_a_login_are_asked_for_and_enough() {
    let Some(registry) = registry(Guard::TlsAndLogin) else {
        return;
    };
    let place = Place::new();
    let text = format!("oci://{}/acme/ttl:1", registry.address());
    let publish = async |access: Access| {
        let store = place.store(access);
        store
            .publish(
                component().to_vec(),
                &oci(&text),
                BTreeMap::new(),
                OnExistingTag::Refuse,
            )
            .await
    };
    let describe = |error: RegistryError| format!("{error}; hint: {:?}", error.hints());

    let untrusted = describe(publish(access(&[])).await.unwrap_err());
    assert!(
        untrusted.contains("certificate") && untrusted.contains("TrustCertificate"),
        "{untrusted}"
    );
    let trusting = Access {
        ca_file: Some(registry.ca()),
        ..access(&[])
    };
    let nobody = describe(publish(trusting.clone()).await.unwrap_err());
    assert!(
        nobody.contains("without credentials") && nobody.contains("docker login"),
        "{nobody}"
    );
    let login = |registry: String, password: &str| Access {
        login: Some(Login {
            registry,
            user: USER.to_owned(),
            password: password.to_owned(),
        }),
        ..trusting.clone()
    };
    let expired = describe(publish(login(registry.address(), "was changed")).await.unwrap_err());
    assert!(
        expired.contains("`dev` of CAPSTAN_REGISTRY_USER") && expired.contains("may have expired"),
        "{expired}"
    );
    let elsewhere = describe(publish(login("ghcr.io".to_owned(), PASSWORD)).await.unwrap_err());
    assert!(
        elsewhere.contains("without credentials"),
        "they are for another registry: {elsewhere}"
    );
    publish(login(registry.address(), PASSWORD)).await.unwrap();

    // As docker keeps it.
    let docker = Place::new();
    let auths = format!(
        r#"{{"auths": {{"{}": {{"auth": "ZGV2OmxldCBtZSBpbg=="}}}}}}"#,
        registry.address()
    );
    docker.file("config.json", auths);
    let by_docker = Access {
        docker_config_folder: Some(docker.path().to_owned()),
        ..trusting
    };
    let found = Place::new()
        .store(by_docker.clone())
        .resolve(&source(&text), Path::new(""))
        .await
        .unwrap();
    assert_eq!(found.component.bytes, component());
    docker.file(
        "config.json",
        format!(
            r#"{{"auths": {{"{}": {{"auth": "ZGV2Ondyb25n"}}}}}}"#,
            registry.address()
        ),
    );
    let refused = describe(
        Place::new()
            .store(by_docker)
            .resolve(&source(&text), Path::new(""))
            .await
            .unwrap_err(),
    );
    assert!(
        refused.contains("`dev` of /") && refused.contains("config.json"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_file_is_what_its_digest_says() {
    let place = Place::new();
    let path = place.file("ttl.wasm", component());
    let store = place.store(access(&[]));
    let digest = Digest::from_bytes(component());
    let pinned = source(format!("file:ttl.wasm#sha256={}", digest.hex()));
    assert_eq!(
        store
            .load(&pinned, place.path(), None, Path::new("l"))
            .await
            .unwrap()
            .digest,
        digest
    );
    let plain = source(path.display().to_string());
    assert_eq!(
        store
            .load(&plain, Path::new(""), None, Path::new("l"))
            .await
            .unwrap()
            .digest,
        digest
    );

    place.file("ttl.wasm", other_component());
    let changed = store
        .load(&pinned, place.path(), None, Path::new("l"))
        .await
        .unwrap_err();
    assert!(matches!(changed, RegistryError::WrongDigest { .. }), "{changed}");
    assert!(
        store.load(&plain, Path::new(""), None, Path::new("l")).await.is_ok(),
        "nothing pins it"
    );
    let locked = LockedPlugin {
        name: "ttl".to_owned(),
        version: "0.1.0".to_owned(),
        source: plain.to_string(),
        digest,
        manifest_digest: None,
    };
    let changed = store
        .load(&plain, Path::new(""), Some(&locked), Path::new("l"))
        .await
        .unwrap_err();
    assert!(matches!(changed, RegistryError::WrongDigest { .. }), "{changed}");
}

#[tokio::test]
async fn a_url_is_what_its_digest_says_and_is_kept() {
    let Some(registry) = registry(Guard::Tls) else { return };
    let trusting = Access {
        ca_file: Some(registry.ca()),
        ..access(&[])
    };
    let place = Place::new();
    let store = place.store(trusting.clone());
    let target = oci(format!("oci://{}/ttl:1", registry.address()));
    store
        .publish(component().to_vec(), &target, BTreeMap::new(), OnExistingTag::Refuse)
        .await
        .unwrap();
    // A registry hands out blobs by plain https, too.
    let digest = Digest::from_bytes(component());
    let url = format!("https://{}/v2/ttl/blobs/{digest}", registry.address());
    let text = format!("{url}#sha256={}", digest.hex());
    let found = store.resolve(&source(&text), Path::new("")).await.unwrap();
    assert_eq!(
        (found.component.bytes, found.signature_count),
        (component().to_vec(), Some(0))
    );
    let other = format!("{url}#sha256={}", Digest::from_bytes(other_component()).hex());
    let wrong = store.resolve(&source(other), Path::new("")).await.unwrap_err();
    assert!(matches!(wrong, RegistryError::WrongDigest { .. }), "{wrong}");
    let untrusted = Place::new()
        .store(access(&[]))
        .resolve(&source(&text), Path::new(""))
        .await
        .unwrap_err();
    assert!(untrusted.to_string().contains("certificate"), "{untrusted}");
    drop(registry);
    let kept = store
        .load(&source(&text), Path::new(""), None, Path::new("l"))
        .await
        .unwrap();
    assert_eq!(kept.digest, digest);
}

#[tokio::test]
async fn https_goes_through_the_proxy_and_loopback_does_not() {
    let proxy = Answers::default().with_head("plugins.invalid:443", "403 Forbidden\r\ncontent-length: 0\r\n", "");
    let through = |exceptions: &str, url: String| Access {
        proxy: Some(Proxy {
            url,
            exceptions: exceptions.to_owned(),
        }),
        ..access(&[])
    };
    let url = format!("http://{}", proxy.serve().await);
    let resolve = async |access: Access, host: &str| {
        let text = format!("https://{host}/a.wasm#sha256={}", Digest::from_bytes(b"").hex());
        let error = Place::new()
            .store(access)
            .resolve(&source(text), Path::new(""))
            .await
            .unwrap_err();
        error.to_string()
    };
    let proxied = resolve(through("", url.clone()), "plugins.invalid").await;
    assert!(proxied.contains("tunnel"), "the proxy refuses: {proxied}");
    let direct = resolve(through(".invalid", url.clone()), "plugins.invalid").await;
    assert!(!direct.contains("tunnel"), "nobody knows the host: {direct}");
    let loopback = resolve(through("", url), "127.0.0.1:1").await;
    assert!(loopback.contains("refused"), "nobody listens: {loopback}");
}

#[tokio::test]
async fn a_token_is_asked_for_and_shown_to_the_registry_only() {
    let digest = Digest::from_bytes(component());
    let config = Digest::from_bytes(b"{}");
    let manifest = format!(
        r#"{{"schemaVersion": 2, "config": {{"mediaType": "application/vnd.wasm.config.v0+json", "digest": "{config}", "size": 2}},
            "layers": [{{"mediaType": "application/wasm", "digest": "{digest}", "size": 1}}]}}"#
    );
    let login = |registry: &str| {
        Some(Login {
            registry: registry.to_owned(),
            user: "me".to_owned(),
            password: "secret".to_owned(),
        })
    };
    let identity = |registry: &str| format!(r#"{{"auths": {{"{registry}": {{"identitytoken": "a b"}}}}}}"#);
    for is_identity in [false, true] {
        let tokens = Answers::default().with(
            "/token",
            r#"{"access_token": "of the server", "token": "of the server"}"#,
        );
        let server = tokens.clone().serve().await;
        let challenge = format!(
            "401 Unauthorized\r\ncontent-length: 0\r\nwww-authenticate: Bearer realm=\"http://{server}/token\",service=\"a\"\r\n"
        );
        let answers = Answers::default()
            .with_head("/v2/", &challenge, "")
            .with("/v2/acme/ttl/manifests/1", &manifest)
            .with(&format!("/v2/acme/ttl/blobs/{digest}"), component());
        let address = answers.clone().serve().await;
        let docker = Place::new();
        docker.file("config.json", identity(&address));
        let access = Access {
            login: login(&address).filter(|_| !is_identity),
            docker_config_folder: Some(docker.path().to_owned()),
            ..access(std::slice::from_ref(&address))
        };
        let text = format!("oci://{address}/acme/ttl:1");
        let found = Place::new()
            .store(access)
            .resolve(&source(text), Path::new(""))
            .await
            .unwrap();
        assert_eq!(found.component.digest, digest);
        let traded = tokens.requested("/token");
        if is_identity {
            assert!(
                traded.starts_with("POST /token HTTP") && !traded.contains("authorization:"),
                "{traded}"
            );
        } else {
            assert!(
                traded.starts_with("GET /token?scope=repository%3Aacme%2Fttl%3Apull&service=a HTTP"),
                "{traded}"
            );
            assert!(traded.contains("authorization: Basic bWU6c2VjcmV0\r\n"), "{traded}");
        }
        let requested = answers.requested("/manifests/1");
        assert!(
            requested.contains("authorization: Bearer of the server\r\n"),
            "{requested}"
        );
        assert!(!answers.requested("GET /v2/ ").contains("authorization"));
    }
}
