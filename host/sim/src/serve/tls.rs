//! TLS for a served cluster. `kubectl` sends the token of a kubeconfig's user only over TLS. A token in the path of the server's URL doesn't
//! do instead: `kubectl get --raw` and `kubectl proxy` replace that path.

use std::{fmt, io, sync::Arc, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls::{ServerConfig, crypto::ring, pki_types::PrivatePkcs8KeyDer};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// The names by which a client reaches this machine.
const NAMES: [&str; 3] = ["127.0.0.1", "localhost", "::1"];

/// The first byte of a TLS connection: the type of a handshake record (RFC 8446, 5.1).
const HANDSHAKE: u8 = 22;

/// How long a client may take for its handshake.
const LONGEST_HANDSHAKE: Duration = Duration::from_secs(10);

/// A certificate for this machine, signed by an authority of its own. Nothing of it is stored.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    authority: String,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls(..)")
    }
}

impl Tls {
    /// Makes the keys and both certificates.
    ///
    /// # Errors
    ///
    /// Returns that the system gives no random bytes.
    pub fn random() -> io::Result<Tls> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "capstan simulate");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let authority = CertifiedIssuer::self_signed(params, generated()?).map_err(io::Error::other)?;
        let key = generated()?;
        let mut params = CertificateParams::new(NAMES.map(str::to_owned)).map_err(io::Error::other)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&key, &authority).map_err(io::Error::other)?;
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.into())
            .map_err(io::Error::other)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Tls {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            authority: BASE64_STANDARD.encode(authority.pem()),
        })
    }

    /// Returns the authority's certificate as a kubeconfig has it: its PEM in base64.
    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    /// Returns the connection inside of TLS; nothing if the client breaks the handshake off.
    pub(super) async fn accept(&self, socket: TcpStream) -> Option<TlsStream<TcpStream>> {
        let accepted = tokio::time::timeout(LONGEST_HANDSHAKE, self.acceptor.accept(socket)).await;
        accepted.ok()?.ok()
    }
}

/// Says whether a client begins with TLS, when its first byte has come.
pub(super) async fn begins(socket: &TcpStream) -> bool {
    let mut first = [0];
    socket.peek(&mut first).await.is_ok_and(|read| read == 1) && first == [HANDSHAKE]
}

fn generated() -> io::Result<KeyPair> {
    KeyPair::generate().map_err(io::Error::other)
}
