//! A registry, stores that reach it, and a server that answers as it is told.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use capstan_cluster::{
    Error,
    registry::{Guard, Registry},
};
use capstan_registry::{Access, Limits, SignaturePolicy, Source, Store};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
};

/// Returns a registry; `None`, and the test is skipped, where there can't be one.
pub fn registry(guard: Guard) -> Option<Registry> {
    or_skip(Registry::start(guard))
}

/// Returns what was found; `None`, and the test is skipped, when this machine lacks it.
pub fn or_skip<T>(result: Result<T, Error>) -> Option<T> {
    Error::or_skip(result).unwrap()
}

/// A folder for a store's cache and for whatever a test writes.
pub struct Place(TempDir);

impl Place {
    pub fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub fn store(&self, access: Access) -> Store {
        self.store_with(access, SignaturePolicy::default())
    }

    pub fn store_with(&self, access: Access, policy: SignaturePolicy) -> Store {
        Store::new(access, Some(self.0.path().join("cache")), policy)
    }
}

/// Reaches registries on loopback without TLS, knows nobody's credentials, and is not patient.
pub fn access(plain: &[String]) -> Access {
    Access {
        plain_http: plain.to_vec(),
        limits: Limits {
            read_timeout: Duration::from_secs(5),
            min_retry_pause: Duration::from_millis(10),
            ..Limits::default()
        },
        ..Access::from_environment(&|_| None)
    }
}

pub fn source(text: impl AsRef<str>) -> Source {
    text.as_ref().parse().unwrap()
}

pub fn oci(text: impl AsRef<str>) -> capstan_registry::OciSource {
    match source(text) {
        Source::Oci(source) => source,
        other => panic!("{other} is in no registry"),
    }
}

/// A component that is a plugin.
pub fn component() -> &'static [u8] {
    capstan_bundle::get("ttl").unwrap().bytes
}

/// Returns a component with other bytes.
pub fn other_component() -> &'static [u8] {
    capstan_bundle::get("skip").unwrap().bytes
}

/// What a server sends: the status and headers, and the body.
type Sent = (String, Vec<u8>);

/// What a server answers, by the path.
#[derive(Clone, Default)]
pub struct Answers {
    always: BTreeMap<String, Sent>,
    /// What comes before that, once.
    first: Arc<Mutex<BTreeMap<String, Sent>>>,
    /// What was asked, as it came.
    requested: Arc<Mutex<Vec<String>>>,
}

impl Answers {
    /// Answers with a body that is as long as it says.
    pub fn with(self, path: &str, body: impl AsRef<[u8]>) -> Answers {
        let length = body.as_ref().len();
        self.with_head(path, &format!("200 OK\r\ncontent-length: {length}\r\n"), body)
    }

    /// Answers with any status and headers.
    pub fn with_head(mut self, path: &str, head: &str, body: impl AsRef<[u8]>) -> Answers {
        let sent = (head.to_owned(), body.as_ref().to_vec());
        self.always.insert(path.to_owned(), sent);
        self
    }

    /// Answers so at the first time, and later as it is said elsewhere.
    pub fn first_with_head(self, path: &str, head: &str, body: impl AsRef<[u8]>) -> Answers {
        let sent = (head.to_owned(), body.as_ref().to_vec());
        self.first.lock().unwrap().insert(path.to_owned(), sent);
        self
    }

    /// Returns the one thing that was asked of a path, with its headers and body.
    pub fn requested(&self, path: &str) -> String {
        let requested = self.requested.lock().unwrap();
        let [one] = requested
            .iter()
            .filter(|one| one.contains(path))
            .cloned()
            .collect::<Vec<_>>()
            .try_into()
            .unwrap();
        one
    }

    /// Serves them on a free port as long as the runtime lives, and returns the address.
    pub async fn serve(self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(self.clone().answer(stream));
            }
        });
        address
    }

    /// The same with TLS; returns the certificate, too, in PEM.
    pub async fn serve_with_tls(self) -> (String, String) {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Ok(stream) = acceptor.accept(stream).await {
                    tokio::spawn(self.clone().answer(stream));
                }
            }
        });
        (address, made.cert.pem())
    }

    async fn answer(self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        let mut requested = Vec::new();
        let mut part = [0; 4096];
        while !requested.windows(4).any(|window| window == b"\r\n\r\n") {
            match stream.read(&mut part).await {
                Ok(read) if read > 0 => requested.extend_from_slice(&part[..read]),
                _ => return,
            }
        }
        let requested = String::from_utf8_lossy(&requested).into_owned();
        self.requested.lock().unwrap().push(requested.clone());
        let target = requested.split(' ').nth(1).unwrap_or_default();
        let path = target.split('?').next().unwrap_or_default();
        let first = self.first.lock().unwrap().remove(path);
        let (head, body) = first
            .or_else(|| self.always.get(path).cloned())
            .unwrap_or_else(|| ("404 Not Found\r\ncontent-length: 0\r\n".to_owned(), Vec::new()));
        let head = format!("HTTP/1.1 {head}connection: close\r\n\r\n");
        // Who has had enough may be gone.
        stream.write_all(head.as_bytes()).await.ok();
        stream.write_all(&body).await.ok();
        stream.shutdown().await.ok();
    }
}
