//! HTTP calls for hook types: with a deadline, a limit for the answer, and no redirect to another host.
//!
//! The core decides whether a URL may be called. The address of a name is only known here: `guard` refuses addresses of this machine and
//! its link when a connection is made, so that no name server can direct a call there.

mod guard;
mod secret_values;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use capstan_core::model::{grant::Url, plugins::HttpResponse};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};
use tower::{BoxError, ServiceExt as _, util::BoxCloneSyncService};

use self::{guard::LocalAddressError, secret_values::SecretValues};

/// The most bytes of an answer's body that are kept.
const MAX_BODY_BYTES: usize = 64 << 10;
/// The most bytes of an answer's headers, names and values together.
const MAX_HEADER_BYTES: usize = 8 << 10;
/// How many redirects within the same host are followed.
const MAX_REDIRECTS: u32 = 5;

/// The answer to a call, as a stream.
pub type HttpStream = Response<UnsyncBoxBody<Bytes, BoxError>>;

type HttpService = BoxCloneSyncService<Request<Full<Bytes>>, HttpStream, BoxError>;

/// Makes HTTP calls: over the network, or to a service in this process.
#[derive(Clone)]
pub struct HttpCaller(Arc<Inner>);

enum Inner {
    /// The network. Each client is made when it is first needed: with or without access to this machine, with or without TLS.
    Network([OnceLock<HttpService>; 4]),
    /// A service that answers all calls.
    Service(HttpService),
}

/// A call, with the values of its headers filled in.
#[derive(Debug, Clone)]
pub(crate) struct HttpCall {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub timeout: Duration,
    /// Whether an address of this machine or its link may be called.
    pub may_be_local: bool,
    /// Secret values that the caller must not see in the answer.
    pub secrets: Vec<String>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CallError {
    pub reason: String,
    pub is_temporary: bool,
}

impl CallError {
    fn permanent(reason: impl ToString) -> CallError {
        CallError {
            reason: reason.to_string(),
            is_temporary: false,
        }
    }
}

impl HttpCaller {
    /// Returns one that calls over the network. No connection is opened yet.
    pub fn network() -> HttpCaller {
        HttpCaller(Arc::new(Inner::Network(Default::default())))
    }

    /// Returns one whose calls a service answers, whatever the URL: the embedded cluster's, or a test's.
    pub fn from_service<S, B>(service: S) -> HttpCaller
    where
        S: tower::Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        HttpCaller(Arc::new(Inner::Service(boxed_service(service))))
    }

    fn service_for(&self, url: &Url, may_be_local: bool) -> Result<HttpService, CallError> {
        match &*self.0 {
            Inner::Service(caller) => Ok(caller.clone()),
            Inner::Network(callers) => {
                if !may_be_local {
                    guard::check_literal(&url.host).map_err(CallError::permanent)?;
                }
                let at = usize::from(may_be_local) * 2 + usize::from(url.is_secure);
                let Some(kept) = callers.get(at) else {
                    return Err(CallError::permanent("there is no such client"));
                };
                if let Some(caller) = kept.get() {
                    return Ok(caller.clone());
                }
                let made = guard::client(url.is_secure, may_be_local).map_err(CallError::permanent)?;
                Ok(kept.get_or_init(|| made).clone())
            }
        }
    }

    /// Makes a call, and follows redirects.
    pub(crate) async fn call(&self, call: &HttpCall) -> Result<HttpResponse, CallError> {
        match tokio::time::timeout(call.timeout, self.call_with_redirects(call)).await {
            Ok(answer) => answer,
            Err(_) => Err(CallError {
                reason: format!("no answer within {} ms", call.timeout.as_millis()),
                is_temporary: true,
            }),
        }
    }

    async fn call_with_redirects(&self, call: &HttpCall) -> Result<HttpResponse, CallError> {
        let url = Url::parse(&call.url).map_err(CallError::permanent)?;
        let caller = self.service_for(&url, call.may_be_local)?;
        let hidden = SecretValues::new(&call.secrets);
        let (mut target, mut redirects) = (call.url.clone(), 0);
        loop {
            let answered = caller.clone().oneshot(request(call, &target)?).await;
            let answered = answered.map_err(|error| failure(&*error))?;
            match redirect_target(call, &url, &answered) {
                Some(next) if redirects < MAX_REDIRECTS => {
                    redirects += 1;
                    target = next;
                }
                Some(_) => {
                    return Err(CallError::permanent(format!(
                        "{} redirects it again and again",
                        url.host
                    )));
                }
                None => return read(answered, &hidden).await,
            }
        }
    }
}

/// Wraps a service so that its body and error have one type.
fn boxed_service<S, B>(service: S) -> HttpService
where
    S: tower::Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let service = service
        .map_response(|answered: Response<B>| answered.map(|body| body.map_err(Into::into).boxed_unsync()))
        .map_err(Into::into);
    BoxCloneSyncService::new(service)
}

fn request(call: &HttpCall, url: &str) -> Result<Request<Full<Bytes>>, CallError> {
    let mut request = Request::new(Full::new(Bytes::from(call.body.clone())));
    *request.method_mut() = Method::from_bytes(call.method.as_bytes()).map_err(CallError::permanent)?;
    *request.uri_mut() = url
        .split('#')
        .next()
        .unwrap_or_default()
        .parse()
        .map_err(CallError::permanent)?;
    let headers = request.headers_mut();
    let agent = concat!("capstan/", env!("CARGO_PKG_VERSION"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(agent));
    for (name, value) in &call.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(CallError::permanent)?;
        let mut value = HeaderValue::from_bytes(value.as_bytes())
            .map_err(|_| CallError::permanent(format!("the value of the header `{name}` can't be sent")))?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    if !call.secrets.is_empty() {
        // The answer is searched for them.
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    Ok(request)
}

/// Returns the URL of a redirect within the same host; `None` for any other answer, which is passed on.
fn redirect_target(call: &HttpCall, url: &Url, answered: &HttpStream) -> Option<String> {
    let is_redirect = matches!(
        answered.status(),
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    );
    if !is_redirect || !matches!(call.method.as_str(), "GET" | "HEAD") {
        return None;
    }
    let location = answered.headers().get(header::LOCATION)?.to_str().ok()?;
    let scheme = if url.is_secure { "https" } else { "http" };
    // `//other` is another host.
    let next = if location.starts_with('/') && !location.starts_with("//") {
        format!("{scheme}://{}:{}{location}", url.host, url.port)
    } else {
        location.to_owned()
    };
    (Url::parse(&next).as_ref() == Ok(url)).then_some(next)
}

async fn read(answered: HttpStream, hidden: &SecretValues) -> Result<HttpResponse, CallError> {
    let (parts, mut body) = answered.into_parts();
    let encoding = parts.headers.get(header::CONTENT_ENCODING);
    if !hidden.is_empty() && encoding.is_some_and(|encoding| encoding != "identity") {
        return Err(CallError::permanent(
            "the answer is compressed although that wasn't requested, so it can't be checked for the Secret's value",
        ));
    }
    // A value that begins within the kept bytes is read to its end.
    let most = MAX_BODY_BYTES + hidden.max_bytes();
    let (mut bytes, mut cut) = (Vec::new(), false);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| failure(&*error))?;
        if let Some(data) = frame.data_ref() {
            let room = most - bytes.len();
            bytes.extend(data.iter().take(room));
            cut = bytes.len() > MAX_BODY_BYTES || data.len() > room;
            if data.len() > room {
                break;
            }
        }
    }
    Ok(HttpResponse {
        status: parts.status.as_u16(),
        headers: headers(&parts.headers, hidden),
        body: BASE64_STANDARD.encode(hidden.redact(&bytes, MAX_BODY_BYTES)),
        is_truncated: cut,
    })
}

fn headers(all: &HeaderMap, hidden: &SecretValues) -> Vec<(String, String)> {
    let mut size = 0;
    let texts = all.iter().map(|(name, value)| {
        let text = hidden.redact(value.as_bytes(), MAX_HEADER_BYTES);
        (name.as_str().to_owned(), String::from_utf8_lossy(&text).into_owned())
    });
    texts
        .take_while(|(name, value)| {
            size += name.len() + value.len();
            size <= MAX_HEADER_BYTES
        })
        .collect()
}

/// Describes why a call failed, in one line.
fn failure(error: &(dyn std::error::Error + 'static)) -> CallError {
    let mut texts = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        if let Some(near) = cause.downcast_ref::<LocalAddressError>() {
            return CallError::permanent(near);
        }
        let text = cause.to_string();
        if !texts.iter().any(|known| known.contains(&text)) {
            texts.push(text);
        }
        // An IO error doesn't name what is within it as its source.
        next = match cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) if inner.is::<LocalAddressError>() => return CallError::permanent(inner),
            Some(_) | None => cause.source(),
        };
    }
    CallError {
        reason: texts.join(": "),
        is_temporary: true,
    }
}

#[cfg(test)]
mod tests;
