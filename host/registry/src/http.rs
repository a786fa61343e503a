//! The HTTP client for all downloads. Every answer has a size limit, and every wait has a deadline.

use std::{error::Error as _, time::Duration};

use reqwest::{
    Certificate, Client, NoProxy, Response, StatusCode, Url,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, WWW_AUTHENTICATE},
    redirect::Policy,
};
use tokio::time::{sleep, timeout};

use crate::{access::Access, error::RegistryError};

/// How often a request with a temporary error is sent.
const MAX_ATTEMPTS: u32 = 3;

/// How many redirects are followed.
const MAX_REDIRECTS: usize = 5;

/// A client with the certificates, proxies and limits of an [`Access`].
pub(crate) struct Http {
    client: Client,
    access: Access,
}

/// An HTTP request to a registry.
pub(crate) struct HttpRequest<'a> {
    /// The URL.
    pub(crate) url: &'a str,
    /// The accepted media types; any if empty.
    pub(crate) accept: &'a [&'a str],
    /// The value of the `Authorization` header.
    pub(crate) authorization: Option<&'a HeaderValue>,
    /// The encoded form for a POST; without one, it is a GET.
    pub(crate) form: Option<&'a str>,
    /// The user name in the request, for people.
    pub(crate) credentials_description: Option<&'a str>,
    /// The requested content, for people.
    pub(crate) description: &'a str,
    /// The most bytes of the answer.
    pub(crate) max_bytes: u64,
}

/// The response of a registry.
pub(crate) struct HttpAnswer {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Http {
    /// Makes a client.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the certificates or the proxy.
    pub(crate) fn new(access: Access) -> Result<Http, RegistryError> {
        // An error means that another client has set the same provider before; reqwest uses that one.
        rustls::crypto::ring::default_provider().install_default().ok();
        let limits = access.limits;
        let mut builder = Client::builder()
            .user_agent(concat!("capstan/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(limits.connect_timeout)
            .read_timeout(limits.read_timeout)
            .redirect(Policy::custom(|attempt| {
                let was_safe = attempt
                    .previous()
                    .first()
                    .is_some_and(|first| first.scheme() == "https");
                if was_safe && attempt.url().scheme() != "https" {
                    return attempt.error("it redirects from https to http");
                }
                if attempt.previous().len() > MAX_REDIRECTS {
                    return attempt.error("it redirects too often");
                }
                attempt.follow()
            }));
        if let Some(certificates) = certificates(&access)? {
            builder = builder.tls_certs_merge(certificates);
        }
        if let Some(proxy) = &access.proxy {
            let wrong = |error: reqwest::Error| RegistryError::Unreachable {
                host: proxy.url.clone(),
                reason: format!("this is not a proxy: {}", root_cause(&error)),
            };
            let exceptions = NoProxy::from_string(&no_proxy_list(&proxy.exceptions));
            builder = builder.proxy(reqwest::Proxy::https(&proxy.url).map_err(wrong)?.no_proxy(exceptions));
        }
        let client = builder.build().map_err(|error| RegistryError::Unreachable {
            host: "the network".to_owned(),
            reason: root_cause(&error),
        })?;
        Ok(Http { client, access })
    }

    pub(crate) fn access(&self) -> &Access {
        &self.access
    }

    /// Downloads something. Temporary errors are retried.
    pub(crate) async fn get(&self, request: &HttpRequest<'_>) -> Result<HttpAnswer, RegistryError> {
        let mut pause = self.access.limits.min_retry_pause;
        for _ in 1..MAX_ATTEMPTS {
            match self.try_once(request).await {
                Err(error) if error.is_temporary() => {
                    tracing::debug!(%error, "The request is retried.");
                    sleep(pause).await;
                    pause *= 2;
                }
                result => return result,
            }
        }
        self.try_once(request).await
    }

    /// Returns the authentication challenges of a server; empty if it needs no authentication.
    pub(crate) async fn challenges(&self, url: &str) -> Result<Vec<String>, RegistryError> {
        let mut pause = self.access.limits.min_retry_pause;
        let mut response = self.client.get(url).send().await;
        for _ in 1..MAX_ATTEMPTS {
            if response.is_ok() {
                break;
            }
            sleep(pause).await;
            pause *= 2;
            response = self.client.get(url).send().await;
        }
        let response = response.map_err(|error| unreachable_error(host_of(url), &error))?;
        let headers = response.headers().get_all(WWW_AUTHENTICATE).iter();
        Ok(headers
            .filter_map(|value| value.to_str().ok())
            .map(str::to_owned)
            .collect())
    }

    async fn try_once(&self, request: &HttpRequest<'_>) -> Result<HttpAnswer, RegistryError> {
        let whole = self.access.limits.total_timeout;
        match timeout(whole, self.download(request)).await {
            Ok(result) => result,
            Err(_) => Err(timeout_error(host_of(request.url), whole)),
        }
    }

    async fn download(&self, request: &HttpRequest<'_>) -> Result<HttpAnswer, RegistryError> {
        let mut builder = match request.form {
            Some(form) => {
                let builder = self.client.post(request.url).body(form.to_owned());
                builder.header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            }
            None => self.client.get(request.url),
        };
        for media_type in request.accept {
            builder = builder.header(ACCEPT, *media_type);
        }
        if let Some(value) = request.authorization {
            builder = builder.header(AUTHORIZATION, value);
        }
        let response = builder.send().await;
        let response = response.map_err(|error| unreachable_error(host_of(request.url), &error))?;
        // A redirect may have led to another host.
        let host = host_of(response.url().as_str());
        check_status(&response, request, host)?;
        read_body(response, request).await
    }
}

fn check_status(response: &Response, request: &HttpRequest<'_>, host: String) -> Result<(), RegistryError> {
    let what = || request.description.to_owned();
    match response.status() {
        status if status.is_success() => Ok(()),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(RegistryError::Denied {
            host,
            what: what(),
            who: request.credentials_description.map(str::to_owned),
        }),
        StatusCode::NOT_FOUND => Err(RegistryError::NotFound { what: what() }),
        status => Err(RegistryError::UnexpectedAnswer {
            host,
            what: what(),
            answer: status.to_string(),
        }),
    }
}

async fn read_body(mut response: Response, request: &HttpRequest<'_>) -> Result<HttpAnswer, RegistryError> {
    let too_large = |size| RegistryError::TooLarge {
        what: request.description.to_owned(),
        size,
        limit: request.max_bytes,
    };
    let of = response.content_length();
    if of.is_some_and(|size| size > request.max_bytes) {
        return Err(too_large(of));
    }
    let headers = response.headers().clone();
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                if body.len() as u64 + chunk.len() as u64 > request.max_bytes {
                    return Err(too_large(None));
                }
                body.extend_from_slice(&chunk);
            }
            Ok(None) => return Ok(HttpAnswer { headers, body }),
            Err(error) if error.is_timeout() => return Err(unreachable_error(host_of(request.url), &error)),
            Err(_) => {
                return Err(RegistryError::Interrupted {
                    what: request.description.to_owned(),
                    got: body.len() as u64,
                    of,
                });
            }
        }
    }
}

fn certificates(access: &Access) -> Result<Option<Vec<Certificate>>, RegistryError> {
    let Some(path) = &access.ca_file else {
        return Ok(None);
    };
    let wrong = |reason: String| RegistryError::File {
        path: path.clone(),
        reason,
    };
    let text = std::fs::read(path).map_err(|error| RegistryError::from_io(path, &error))?;
    let found = Certificate::from_pem_bundle(&text).map_err(|error| wrong(root_cause(&error)))?;
    if found.is_empty() {
        return Err(wrong("there is no certificate in it; it is expected in PEM".to_owned()));
    }
    Ok(Some(found))
}

/// Returns the hosts without a proxy: the exceptions, and always this machine.
pub(crate) fn no_proxy_list(exceptions: &str) -> String {
    format!("localhost,127.0.0.0/8,::1,{exceptions}")
}

/// Describes why a host can't be reached.
pub(crate) fn unreachable_error(host: String, error: &reqwest::Error) -> RegistryError {
    let reason = if error.is_timeout() {
        "it doesn't answer in time".to_owned()
    } else {
        root_cause(error)
    };
    RegistryError::Unreachable { host, reason }
}

pub(crate) fn timeout_error(host: String, whole: Duration) -> RegistryError {
    let reason = format!("it took longer than {} s", whole.as_secs());
    RegistryError::Unreachable { host, reason }
}

/// Returns the host and port of a URL.
pub(crate) fn host_of(url: &str) -> String {
    let Ok(url) = Url::parse(url) else {
        return url.to_owned();
    };
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
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
