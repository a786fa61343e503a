//! Access control of a served cluster: a client needs its token, and web pages are refused. It listens on a port that every web page and
//! every user of this machine can reach.

use std::{
    fmt, io,
    task::{Context, Poll},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use futures::{FutureExt as _, future::BoxFuture};
use http::{HeaderMap, Request, Response, Uri, header, uri::PathAndQuery};
use hyper::body::{Body as _, Incoming};

use crate::{
    service::{Body, ConnectionBroken, error_response},
    status::StatusError,
    verbs::body::MEDIA_TYPES,
};

/// How many random bytes a token has.
const TOKEN_BYTES: usize = 32;

/// The secret of a served cluster: sent as `Authorization: Bearer TOKEN`, or as the first segment of the path.
///
/// The path is for plain HTTP, over which `kubectl` sends no credentials (`ClientConfig` in
/// `k8s.io/client-go/tools/clientcmd/client_config.go`).
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// Makes a random token.
    ///
    /// # Errors
    ///
    /// Returns why the system has no random bytes.
    pub fn random() -> io::Result<Token> {
        let mut bytes = [0; TOKEN_BYTES];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        Ok(Token(BASE64_URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Returns the text of the token.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Compares in constant time.
    fn matches(&self, given: &str) -> bool {
        let differs = self
            .0
            .bytes()
            .zip(given.bytes())
            .fold(0, |differs, (own, other)| differs | (own ^ other));
        self.0.len() == given.len() && std::hint::black_box(differs) == 0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// A service that checks every request before it is handled.
#[derive(Debug, Clone)]
pub(super) struct Guarded<S> {
    inner: S,
    token: Token,
}

impl<S> Guarded<S> {
    pub fn new(inner: S, token: Token) -> Guarded<S> {
        Guarded { inner, token }
    }
}

impl<S> tower::Service<Request<Incoming>> for Guarded<S>
where
    S: tower::Service<Request<Incoming>, Response = Response<Body>, Error = ConnectionBroken>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = ConnectionBroken;
    type Future = BoxFuture<'static, Result<Response<Body>, ConnectionBroken>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ConnectionBroken>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Incoming>) -> Self::Future {
        let has_body = !request.body().is_end_stream();
        match check(request.uri(), request.headers(), has_body, &self.token) {
            Ok(uri) => {
                *request.uri_mut() = uri;
                self.inner.call(request).boxed()
            }
            Err(refusal) => std::future::ready(Ok(error_response(&refusal, None))).boxed(),
        }
    }
}

/// Checks a request, and returns its URI without the token.
fn check(uri: &Uri, headers: &HeaderMap, has_body: bool, token: &Token) -> Result<Uri, StatusError> {
    let forbidden = |message: &str| StatusError::new(403, "Forbidden", message);
    if headers.contains_key(header::ORIGIN) {
        return Err(forbidden("requests of web pages, which have an `Origin`, are refused"));
    }
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next().and_then(|host| host.to_str().ok());
    let authority = uri.authority().map(http::uri::Authority::as_str);
    let is_local = hosts.next().is_none() && host.is_some_and(is_loopback) && authority.is_none_or(is_loopback);
    if !is_local {
        return Err(forbidden("`Host` has to be 127.0.0.1, localhost or [::1]"));
    }
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let path = uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let path = match split_first_segment(path) {
        Some((first, rest)) if token.matches(first) => rest,
        _ if bearer.is_some_and(|given| token.matches(given)) => path.to_owned(),
        _ => return Err(StatusError::new(401, "Unauthorized", "Unauthorized")),
    };
    if has_body && !headers.contains_key(header::CONTENT_TYPE) {
        return Err(StatusError::unsupported_media_type(MEDIA_TYPES));
    }
    path.parse()
        .map_err(|error| StatusError::bad_request(format!("the path can't be read: {error}")))
}

/// Splits `/first/rest?query` into `first` and `/rest?query`.
fn split_first_segment(path: &str) -> Option<(&str, String)> {
    let path = path.strip_prefix('/')?;
    let end = path.find(['/', '?']).unwrap_or(path.len());
    let (first, rest) = path.split_at(end);
    let slash = if rest.starts_with('/') { "" } else { "/" };
    Some((first, format!("{slash}{rest}")))
}

fn is_loopback(authority: &str) -> bool {
    let (host, port) = match authority.rsplit_once(':') {
        // The colons within `[::1]` don't belong to the port.
        Some((host, port)) if !port.ends_with(']') => (host, port),
        Some(_) | None => (authority, ""),
    };
    let is_name = host == "127.0.0.1" || host == "[::1]" || host.eq_ignore_ascii_case("localhost");
    is_name && port.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn token() -> Token {
        Token("0123456789abcdef".to_owned())
    }

    /// Returns the address that the service sees, or the status code.
    fn response_to(path: &str, headers: &[(&str, &str)], has_body: bool) -> Result<String, u16> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: header::HeaderName = name.parse().unwrap();
            map.append(name, HeaderValue::from_str(value).unwrap());
        }
        let checked = check(&path.parse().unwrap(), &map, has_body, &token());
        checked.map(|uri| uri.to_string()).map_err(|refusal| refusal.code)
    }

    #[test]
    fn the_token_is_known_by_the_path_or_as_a_bearer() {
        let host = ("host", "127.0.0.1:8001");
        let bearer = ("authorization", "Bearer 0123456789abcdef");
        assert_eq!(
            response_to("/0123456789abcdef/api/v1/pods?watch=1", &[host], false),
            Ok("/api/v1/pods?watch=1".into())
        );
        assert_eq!(response_to("/0123456789abcdef", &[host], false), Ok("/".into()));
        assert_eq!(
            response_to("/api/v1/pods", &[host, bearer], false),
            Ok("/api/v1/pods".into())
        );
        for path in [
            "/api/v1/pods",
            "/",
            "/0123456789abcde/api",
            "/0123456789abcdef0/api",
            "/0123456789ABCDEF/api",
        ] {
            assert_eq!(response_to(path, &[host], false), Err(401), "{path}");
        }
        let wrong = ("authorization", "Bearer 0123456789abcdee");
        assert_eq!(response_to("/api/v1/pods", &[host, wrong], false), Err(401));
    }

    #[test]
    fn another_host_and_any_origin_are_refused_even_with_the_token() {
        let path = "/0123456789abcdef/api/v1/pods";
        for host in ["127.0.0.1", "localhost", "LocalHost:80", "[::1]", "[::1]:8001"] {
            assert!(response_to(path, &[("host", host)], false).is_ok(), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost:80@evil",
            "::1",
            "",
            "[::1]x",
            "127.0.0.2",
        ] {
            assert_eq!(response_to(path, &[("host", host)], false), Err(403), "{host}");
        }
        assert_eq!(response_to(path, &[], false), Err(403));
        let two = [("host", "localhost"), ("host", "evil.example")];
        assert_eq!(response_to(path, &two, false), Err(403));
        for origin in ["http://evil.example", "null", "http://127.0.0.1:8001"] {
            let headers = [("host", "localhost"), ("origin", origin)];
            assert_eq!(response_to(path, &headers, false), Err(403), "{origin}");
        }
    }

    #[test]
    fn a_body_says_what_it_is() {
        let path = "/0123456789abcdef/api/v1/pods";
        assert_eq!(response_to(path, &[("host", "localhost")], true), Err(415));
        let json = ("content-type", "application/json");
        assert!(response_to(path, &[("host", "localhost"), json], true).is_ok());
    }

    #[test]
    fn tokens_differ_and_are_not_shown() {
        let (one, other) = (Token::random().unwrap(), Token::random().unwrap());
        assert_ne!(one.as_str(), other.as_str());
        assert_eq!(one.as_str().len(), 43, "32 bytes in base64");
        assert!(!format!("{one:?}").contains(one.as_str()));
    }
}
