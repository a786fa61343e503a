//! The HTTP client. It connects only to allowed hosts and addresses, follows redirects on the same host only, and uses no proxy.

use std::{
    error::Error as _,
    fmt,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use capstan_outbound::LocalAddress;
use reqwest::{
    Certificate, Client, Identity, RequestBuilder, Response, StatusCode, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION},
    redirect::Policy,
};

use crate::{
    access::{Access, Credentials},
    error::{GitError, Stage, remote_text},
    limits::Bound,
    url::{RepositoryUrl, is_same_origin},
};

/// What is appended to a repository's URL to request its capabilities.
const CAPABILITIES_PATH: &str = "/info/refs";
const SERVICE: &str = "service=git-upload-pack";
const ADVERTISEMENT: &str = "application/x-git-upload-pack-advertisement";
const RESULT: &str = "application/x-git-upload-pack-result";

/// A client with the certificates and limits of an [`Access`].
#[derive(Debug)]
pub(crate) struct Http {
    client: Client,
    access: Access,
}

/// What a fetch is doing. Read when its deadline passes.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    stage: AtomicU8,
    received: AtomicU64,
}

const STAGES: [Stage; 5] = [
    Stage::Capabilities,
    Stage::References,
    Stage::Commit,
    Stage::Files,
    Stage::Unpacking,
];

impl Progress {
    pub(crate) fn begin(&self, stage: Stage) {
        let at = STAGES.iter().position(|known| *known == stage).unwrap_or_default();
        self.stage
            .store(u8::try_from(at).unwrap_or_default(), Ordering::Relaxed);
    }

    pub(crate) fn stage(&self) -> Stage {
        let at = usize::from(self.stage.load(Ordering::Relaxed));
        STAGES.get(at).copied().unwrap_or(Stage::Capabilities)
    }

    /// Returns the number of bytes of all answers so far.
    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }
}

/// What all requests of one fetch share.
pub(crate) struct Session<'a> {
    pub(crate) http: &'a Http,
    pub(crate) url: &'a RepositoryUrl,
    pub(crate) credentials: Option<&'a Credentials>,
    pub(crate) progress: &'a Progress,
}

/// An answer's body, with a bound.
pub(crate) struct Body<'a> {
    response: Response,
    session: &'a Session<'a>,
    received: u64,
    bound: Bound,
    limit: u64,
}

impl Http {
    /// Makes a client.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the certificates.
    pub(crate) fn new(access: Access) -> Result<Http, GitError> {
        // An error means that another client has set the same provider before; reqwest uses that one.
        rustls::crypto::ring::default_provider().install_default().ok();
        let mut builder = Client::builder()
            .user_agent(concat!("capstan/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(access.limits.connect_timeout)
            .redirect(Policy::none())
            .referer(false)
            .no_proxy()
            .dns_resolver(Arc::new(GuardedResolver {
                allows_local: access.allows_local,
            }));
        if !access.ca_certificates.is_empty() {
            builder = builder.tls_certs_merge(certificates(&access.ca_certificates)?);
        }
        if let Some(certificate) = &access.client_certificate {
            let identity = Identity::from_pem(certificate.pem());
            builder = builder.identity(identity.map_err(|error| GitError::ClientCertificate {
                reason: root_cause(&error),
            })?);
        }
        let client = builder.build().map_err(|error| GitError::Client {
            reason: root_cause(&error),
        })?;
        Ok(Http { client, access })
    }

    pub(crate) fn access(&self) -> &Access {
        &self.access
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<Certificate>, GitError> {
    let wrong = |reason: String| GitError::CaCertificates { reason };
    let found = Certificate::from_pem_bundle(pem).map_err(|error| wrong(root_cause(&error)))?;
    if found.is_empty() {
        return Err(wrong("there is no certificate in it".to_owned()));
    }
    Ok(found)
}

impl<'a> Session<'a> {
    /// Requests the capabilities. Follows redirects on the same host. Returns the repository's URL after these.
    pub(crate) async fn get_capabilities(&'a self) -> Result<(Url, Body<'a>), GitError> {
        let access = self.http.access();
        let origin = self.url.url();
        let mut url = with_suffix(origin, CAPABILITIES_PATH);
        url.set_query(Some(SERVICE));
        for _ in 0..=access.limits.max_redirects {
            access.check(&url)?;
            let response = self.send(self.http.client.get(url.clone())).await?;
            let Some(target) = redirect_target(&url, &response) else {
                let base = url
                    .path()
                    .strip_suffix(CAPABILITIES_PATH)
                    .unwrap_or_default()
                    .to_owned();
                url.set_path(&base);
                url.set_query(None);
                self.check_answer(&response, ADVERTISEMENT)?;
                return Ok((url, self.body(response, Bound::ReferenceBytes)));
            };
            url = self.followed(target)?;
        }
        Err(self.redirect_error(&url, "there were too many redirects before"))
    }

    /// Sends a command of the protocol.
    pub(crate) async fn post(&'a self, base: &Url, command: Vec<u8>, bound: Bound) -> Result<Body<'a>, GitError> {
        let url = with_suffix(base, "/git-upload-pack");
        self.http.access().check(&url)?;
        let request = self.http.client.post(url.clone()).body(command);
        let request = request
            .header(CONTENT_TYPE, "application/x-git-upload-pack-request")
            .header(ACCEPT, RESULT);
        let response = self.send(request).await?;
        if let Some(target) = redirect_target(&url, &response) {
            return Err(self.redirect_error(&target, "only the first request may be redirected"));
        }
        self.check_answer(&response, RESULT)?;
        Ok(self.body(response, bound))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, GitError> {
        let mut request = request.header("git-protocol", "version=2");
        // All requests of a session go to the host of its URL.
        if let Some(credentials) = self.credentials {
            request = request.header(AUTHORIZATION, credentials.authorization());
        }
        request.send().await.map_err(|error| self.connection_error(&error))
    }

    /// Checks the target of a redirect of the first request.
    fn followed(&self, target: Url) -> Result<Url, GitError> {
        if !is_same_origin(self.url.url(), &target) {
            return Err(self.redirect_error(&target, "it leads to another host"));
        }
        if !target.path().ends_with(CAPABILITIES_PATH) || target.query() != Some(SERVICE) {
            return Err(self.redirect_error(&target, "it doesn't lead to a repository"));
        }
        Ok(target)
    }

    fn redirect_error(&self, target: &Url, reason: &str) -> GitError {
        let mut shown = target.clone();
        shown.set_query(None);
        shown.set_fragment(None);
        // Only URLs without a host can't have a user, and these are not targets.
        shown.set_username("").ok();
        shown.set_password(None).ok();
        if let Some(base) = shown.path().strip_suffix(CAPABILITIES_PATH).map(str::to_owned) {
            shown.set_path(&base);
        }
        GitError::Redirect {
            url: self.url.to_string(),
            to: shown.to_string(),
            reason: reason.to_owned(),
        }
    }

    fn check_answer(&self, response: &Response, expected: &str) -> Result<(), GitError> {
        let url = self.url.to_string();
        match response.status() {
            StatusCode::OK => {}
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                return Err(GitError::Denied {
                    url,
                    who: self.credentials.map(Credentials::description),
                    status: status.as_u16(),
                });
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                return Err(GitError::NotFound {
                    url,
                    has_credentials: self.credentials.is_some(),
                });
            }
            status => {
                return Err(GitError::Status {
                    url,
                    status: status.as_u16(),
                });
            }
        }
        let media_type = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        let media_type = media_type.unwrap_or(b"no media type");
        if media_type == expected.as_bytes() {
            return Ok(());
        }
        Err(GitError::NotGit {
            url,
            answer: remote_text(media_type),
        })
    }

    fn body(&'a self, response: Response, bound: Bound) -> Body<'a> {
        Body {
            response,
            session: self,
            received: 0,
            limit: bound.of(&self.http.access.limits),
            bound,
        }
    }

    fn connection_error(&self, error: &reqwest::Error) -> GitError {
        let url = self.url.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            if let Some(refused) = inner.downcast_ref::<RefusedAddress>() {
                return GitError::LocalAddress {
                    url,
                    name: refused.name.clone(),
                    address: refused.address,
                };
            }
            match inner.downcast_ref::<rustls::Error>() {
                Some(rustls::Error::InvalidCertificate(_)) => {
                    return GitError::Certificate {
                        url,
                        reason: inner.to_string(),
                    };
                }
                // After its own certificate was accepted, a server's complaint is about ours.
                Some(rustls::Error::AlertReceived(_)) => {
                    return GitError::ClientRefused {
                        url,
                        reason: inner.to_string(),
                    };
                }
                _ => {}
            }
            // An IO error doesn't name what is within it as its source.
            cause = match inner.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
                Some(within) => Some(within as &(dyn std::error::Error + 'static)),
                None => inner.source(),
            };
        }
        let reason = if error.is_timeout() {
            "it doesn't answer in time".to_owned()
        } else {
            root_cause(error)
        };
        GitError::Unreachable { url, reason }
    }

    /// Makes an error about an answer that breaks the rules of its format.
    pub(crate) fn malformed(&self, what: &str, reason: impl fmt::Display) -> GitError {
        GitError::Malformed {
            url: self.url.to_string(),
            what: what.to_owned(),
            reason: reason.to_string(),
        }
    }

    pub(crate) fn limit_error(&self, bound: Bound) -> GitError {
        GitError::Limit {
            url: self.url.to_string(),
            bound,
            limit: bound.of(&self.http.access.limits),
        }
    }
}

impl Body<'_> {
    /// Allows fewer bytes than the bound says, because other answers have used some of it.
    pub(crate) fn reduce_limit(&mut self, used: u64) {
        self.limit = self.limit.saturating_sub(used);
    }

    pub(crate) fn session(&self) -> &Session<'_> {
        self.session
    }

    /// Returns the next bytes; `None` at the end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, GitError> {
        match self.response.chunk().await {
            Ok(Some(chunk)) => {
                self.received += chunk.len() as u64;
                self.session
                    .progress
                    .received
                    .fetch_add(chunk.len() as u64, Ordering::Relaxed);
                if self.received > self.limit {
                    return Err(self.session.limit_error(self.bound));
                }
                Ok(Some(chunk))
            }
            Ok(None) => Ok(None),
            Err(_) => Err(self.interrupted()),
        }
    }

    pub(crate) fn interrupted(&self) -> GitError {
        GitError::Interrupted {
            url: self.session.url.to_string(),
            stage: self.session.progress.stage(),
            received: self.received,
        }
    }
}

fn with_suffix(base: &Url, suffix: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}{suffix}", base.path().trim_end_matches('/')));
    url
}

fn redirect_target(from: &Url, response: &Response) -> Option<Url> {
    if !response.status().is_redirection() {
        return None;
    }
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    from.join(location).ok()
}

/// Resolves names by the system's resolver, and refuses local addresses.
struct GuardedResolver {
    allows_local: bool,
}

/// The error of [`GuardedResolver`].
#[derive(Debug)]
struct RefusedAddress {
    name: String,
    address: IpAddr,
}

impl fmt::Display for RefusedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} leads to {}, which is refused", self.name, self.address)
    }
}

impl std::error::Error for RefusedAddress {}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allows_local = self.allows_local;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let allowed = capstan_outbound::allowed_addresses(name.as_str(), found, allows_local);
            let allowed = allowed.map_err(|LocalAddress { name, address }| RefusedAddress { name, address })?;
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// Returns the message of the innermost error, which says what happened.
fn root_cause(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = inner.to_string();
        cause = inner.source();
    }
    text
}
