//! An HTTPS server for `git http-backend`, with the faults that a network has.

use std::{
    path::PathBuf,
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::{
    Request, Response,
    body::{Frame, Incoming},
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION, WWW_AUTHENTICATE},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::{io::AsyncWriteExt as _, net::TcpListener};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        crypto::ring::default_provider,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
        server::WebPkiClientVerifier,
    },
};

use super::repository::clean;

/// What the server does instead of answering.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Fault {
    #[default]
    None,
    /// The first request is redirected to this location.
    Redirect(String),
    /// Commands are redirected to this location.
    RedirectCommands(String),
    /// A request whose path or command has this text is never answered.
    Silent(&'static str),
    /// The answer to a request with this text is cut after so many bytes.
    Cut(&'static str, usize),
    /// The answer to a request with this text is followed by the same bytes, forever.
    Endless(&'static str, &'static [u8]),
    /// A request with this text is answered with these bytes.
    Answer(&'static str, Vec<u8>),
    /// Everything is answered with this status.
    Status(u16),
    /// Everything is answered with a page for people.
    Page,
}

#[derive(Default)]
struct State {
    root: PathBuf,
    fault: Fault,
    /// The required value of `Authorization`.
    authorization: Option<String>,
    requests: Vec<String>,
    sent_credentials: Vec<String>,
}

pub(super) struct Server {
    port: u16,
    ca_pem: String,
    state: Arc<Mutex<State>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Body = BoxBody<Bytes, std::io::Error>;

impl Server {
    pub(super) async fn start(root: PathBuf) -> Server {
        Server::start_with(root, None).await
    }

    /// Starts one that asks for client certificates of a CA.
    pub(super) async fn start_with(root: PathBuf, client_ca: Option<&CertifiedIssuer<'static, KeyPair>>) -> Server {
        let ca = authority();
        let pair = KeyPair::generate().unwrap();
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().signed_by(&pair, &ca).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pair.serialize_der()));
        let provider = Arc::new(default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match client_ca {
            None => builder.with_no_client_auth(),
            Some(ca) => {
                let mut roots = RootCertStore::empty();
                roots.add(ca.der().clone()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State {
            root,
            ..State::default()
        }));
        let served = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, state) = (acceptor.clone(), Arc::clone(&served));
                tokio::spawn(async move {
                    // A client that doesn't trust the certificate, or has read enough, is gone.
                    let Ok(stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let service = service_fn(move |request| answer(request, Arc::clone(&state)));
                    let connection = hyper::server::conn::http1::Builder::new();
                    connection.serve_connection(TokioIo::new(stream), service).await.ok();
                });
            }
        });
        Server {
            port,
            ca_pem: ca.pem(),
            state,
            task,
        }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn ca_pem(&self) -> String {
        self.ca_pem.clone()
    }

    pub(super) fn set_fault(&self, fault: Fault) {
        self.state.lock().unwrap().fault = fault;
    }

    pub(super) fn require(&self, authorization: &str) {
        self.state.lock().unwrap().authorization = Some(authorization.to_owned());
    }

    pub(super) fn serve(&self, root: PathBuf) {
        self.state.lock().unwrap().root = root;
    }

    /// Returns the requests since the last call: `GET`, or the command of the protocol.
    pub(super) fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().requests)
    }

    /// Returns all values of `Authorization` that were sent.
    pub(super) fn sent_credentials(&self) -> Vec<String> {
        self.state.lock().unwrap().sent_credentials.clone()
    }
}

/// Makes a CA.
pub(super) fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap()
}

fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed()
}

fn respond(status: u16, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(whole(body));
    *response.status_mut() = status.try_into().unwrap();
    response
}

async fn answer(request: Request<Incoming>, state: Arc<Mutex<State>>) -> Result<Response<Body>, std::io::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(std::io::Error::other)?.to_bytes();
    let command = String::from_utf8_lossy(&body).into_owned();
    let name = ["ls-refs", "fetch"]
        .into_iter()
        .find(|name| command.contains(&format!("command={name}")));
    let asked = format!("{} {command}", parts.uri.path());
    let is_first = parts.method == "GET";
    let (root, fault, required) = {
        let mut state = state.lock().unwrap();
        state.requests.push(name.unwrap_or(parts.method.as_str()).to_owned());
        let sent = parts
            .headers
            .get(AUTHORIZATION)
            .map(|value| value.to_str().unwrap().to_owned());
        state.sent_credentials.extend(sent);
        (state.root.clone(), state.fault.clone(), state.authorization.clone())
    };
    match &fault {
        Fault::Redirect(to) if is_first && !to.ends_with(&parts.uri.to_string()) => return Ok(redirect(to)),
        Fault::RedirectCommands(to) if !is_first => return Ok(redirect(to)),
        Fault::Silent(text) if asked.contains(text) => {
            std::future::pending::<()>().await;
        }
        Fault::Status(status) => return Ok(respond(*status, "")),
        Fault::Page => {
            let mut page = respond(200, "<html>log in</html>");
            page.headers_mut().insert(CONTENT_TYPE, "text/html".parse().unwrap());
            return Ok(page);
        }
        _ => {}
    }
    if let Some(required) = required
        && parts.headers.get(AUTHORIZATION).map(HeaderValue::as_bytes) != Some(required.as_bytes())
    {
        let mut refused = respond(401, "");
        refused
            .headers_mut()
            .insert(WWW_AUTHENTICATE, "Basic realm=\"git\"".parse().unwrap());
        return Ok(refused);
    }
    let mut response = git_http_backend(&parts, body, root).await;
    if let Fault::Answer(text, bytes) = &fault
        && asked.contains(text)
    {
        *response.body_mut() = whole(bytes.clone());
    }
    if let Fault::Cut(text, length) = &fault
        && asked.contains(text)
    {
        let all = response.body_mut().collect().await.unwrap().to_bytes();
        let cut = all.slice(..(*length).min(all.len()));
        let frames = futures::stream::iter([Some(cut), None]);
        let frames = futures::StreamExt::then(frames, async |frame| {
            // What was sent so far has to arrive first.
            if frame.is_none() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            frame
                .map(Frame::data)
                .ok_or(std::io::Error::other("the connection is cut"))
        });
        *response.body_mut() = StreamBody::new(frames).boxed();
    }
    if let Fault::Endless(text, bytes) = &fault
        && asked.contains(text)
    {
        let all = response.body_mut().collect().await.unwrap().to_bytes();
        // Without the flush packet at the end of the pack.
        let first = all.slice(..all.len() - 4);
        let frames = endless(first, bytes);
        *response.body_mut() = StreamBody::new(frames).boxed();
    }
    Ok(response)
}

/// Returns a stream of a first chunk, and then of the same chunk again and again.
fn endless(
    first: Bytes,
    then: &'static [u8],
) -> impl futures::Stream<Item = std::io::Result<Frame<Bytes>>> + Send + Sync {
    futures::stream::unfold(Some(first), move |first| async move {
        if first.is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let chunk = first.unwrap_or(Bytes::from_static(then));
        Some((Ok(Frame::data(chunk)), None))
    })
}

fn redirect(to: &str) -> Response<Body> {
    let mut response = respond(302, "");
    response.headers_mut().insert(LOCATION, to.parse().unwrap());
    response
}

/// Runs the CGI program.
async fn git_http_backend(parts: &hyper::http::request::Parts, body: Bytes, root: PathBuf) -> Response<Body> {
    let header = |name: &str| {
        parts
            .headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap_or_default())
    };
    let mut command = std::process::Command::new("git");
    clean(&mut command)
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_PROTOCOL", header("git-protocol"))
        .env("PATH_INFO", parts.uri.path())
        .env("QUERY_STRING", parts.uri.query().unwrap_or_default())
        .env("REQUEST_METHOD", parts.method.as_str())
        .env("CONTENT_TYPE", header("content-type"))
        .env("CONTENT_LENGTH", body.len().to_string());
    let mut command = tokio::process::Command::from(command);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // It doesn't read the body of what it refuses.
    let ((), output) = tokio::join!(
        async move {
            stdin.write_all(&body).await.ok();
        },
        child.wait_with_output()
    );
    let output = output.unwrap().stdout;
    let end = output.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let mut response = respond(200, output[end + 4..].to_vec());
    for line in String::from_utf8_lossy(&output[..end]).lines() {
        let (name, value) = line.split_once(": ").unwrap();
        if name.eq_ignore_ascii_case("status") {
            let status: u16 = value.split(' ').next().unwrap().parse().unwrap();
            *response.status_mut() = status.try_into().unwrap();
        } else {
            let name: hyper::header::HeaderName = name.parse().unwrap();
            response.headers_mut().insert(name, value.parse().unwrap());
        }
    }
    response
}
