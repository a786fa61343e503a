//! Certificates and credentials.

use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::{server::authority, *};
use crate::ClientCertificate;

#[tokio::test]
async fn credentials_are_needed_right_and_never_shown() {
    let setup = Setup::new().await;
    let basic = |pair: &str| format!("Basic {}", BASE64_STANDARD.encode(pair));
    setup.server.require(&basic("alice:s3cret"));
    let mut request = setup.request(main(), &["shop"]);
    let error = shown(setup.fetch(&request).await);
    assert!(
        error.contains("refuses a request without credentials (HTTP 401)"),
        "{error}"
    );
    assert!(error.contains("hand in credentials"), "{error}");
    request.credentials = Some(alice("wr0ng"));
    let error = shown(setup.fetch(&request).await);
    assert!(
        error.contains("refuses the user `alice` (HTTP 401)") && error.contains("expired"),
        "{error}"
    );
    assert!(!error.contains("wr0ng"), "{error}");
    request.credentials = Some(alice("s3cret"));
    let snapshot = setup.fetch(&request).await.unwrap();
    let shown = format!("{request:?} {snapshot:?}");
    assert!(
        !shown.contains("s3cret") && !shown.contains(&BASE64_STANDARD.encode("alice:s3cret")),
        "{shown}"
    );
    setup.server.require("Bearer t0ken");
    request.credentials = Some(Credentials::bearer("t0ken").unwrap());
    assert!(setup.fetch(&request).await.is_ok());
    // Revoked since: what is known doesn't help.
    setup.server.require("Bearer another");
    let error = setup.client().fetch(&request, Some(&snapshot.known)).await.unwrap_err();
    assert!(matches!(error, GitError::Denied { status: 401, .. }), "{error}");
}

#[tokio::test]
async fn only_a_certificate_of_a_trusted_authority_counts() {
    let mut setup = Setup::new().await;
    setup.access.ca_certificates = authority().pem().into_bytes();
    let error = shown(setup.fetch_shop().await);
    assert!(
        error.contains("the certificate of https://localhost:") && error.contains("is not trusted"),
        "{error}"
    );
    assert!(error.contains("the CA that signed"), "{error}");
    setup.access.ca_certificates = Vec::new();
    assert!(shown(setup.fetch_shop().await).contains("is not trusted"));
    assert!(setup.server.take_requests().is_empty() && setup.server.sent_credentials().is_empty());
    for (pem, reason) in [
        ("hello", "no certificate"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", ""),
    ] {
        setup.access.ca_certificates = pem.as_bytes().to_vec();
        let error = GitClient::new(setup.access.clone())
            .map(|_| ())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("CA certificates") || error.contains("HTTP client"),
            "{error}"
        );
        assert!(error.contains(reason), "{error}");
    }
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_a_server_that_asks_for_one() {
    let mut setup = Setup::new().await;
    let (ca, stranger) = (authority(), authority());
    setup.server = Server::start_with(setup.repository.root(), Some(&ca)).await;
    setup.access.ca_certificates = setup.server.ca_pem().into_bytes();
    let issue = |ca: &rcgen::CertifiedIssuer<'static, rcgen::KeyPair>| {
        let pair = rcgen::KeyPair::generate().unwrap();
        let parameters = rcgen::CertificateParams::new(["capstan".to_owned()]).unwrap();
        let certificate = parameters.signed_by(&pair, ca).unwrap();
        ClientCertificate::new(certificate.pem().as_bytes(), pair.serialize_pem().as_bytes())
    };
    for refused in [None, Some(issue(&stranger))] {
        setup.access.client_certificate = refused;
        let error = setup.fetch_shop().await.unwrap_err();
        assert!(matches!(error, GitError::ClientRefused { .. }), "{error}");
        assert!(shown(Err(error)).contains("hand in a client certificate"));
    }
    setup.access.client_certificate = Some(issue(&ca));
    assert!(!format!("{:?}", setup.access).contains("PRIVATE"));
    assert!(setup.fetch_shop().await.is_ok());
    for pem in [
        "",
        "hello",
        "-----BEGIN PRIVATE KEY-----\ns3cret\n-----END PRIVATE KEY-----\n",
    ] {
        setup.access.client_certificate = Some(ClientCertificate::new(b"", pem.as_bytes()));
        let error = GitClient::new(setup.access.clone()).map(|_| ()).unwrap_err();
        assert!(matches!(error, GitError::ClientCertificate { .. }), "{error}");
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
}
