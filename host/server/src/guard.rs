//! Refuses what a page of a stranger could send, and says to browsers what this page may do.
//!
//! - `Host` must be one of ours: a foreign name that leads to this address (DNS rebinding) is refused.
//! - `Origin` must be ours, if there is one. `Sec-Fetch-Site` must say so, if there is one.
//! - Everything of the interface needs a user. Changes need `Content-Type: application/json` and `X-Capstan: 1` as well: a form of
//!   another page can send neither.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use capstan_api::{CHANGE_HEADER, CHANGE_HEADER_VALUE, ErrorClass};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use crate::{Server, failure::Failure};

/// What the page may do: load its own files, run its own module and script, and ask this server.
pub(crate) const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
     img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'";

/// The headers of every answer.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("permissions-policy"),
        "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), hid=(), microphone=(), midi=(), payment=(), \
         serial=(), usb=()",
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Checks every request, and adds the headers of every answer.
pub(crate) async fn everything(State(server): State<Server>, request: Request, next: Next) -> Response {
    let mut response = match check(&request, &server.setup.hosts) {
        Ok(()) => next.run(request).await,
        Err(failure) => failure.into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn check(request: &Request, hosts: &[String]) -> Result<(), Failure> {
    let headers = request.headers();
    let denied = |message: &str| Failure::new(ErrorClass::Denied, message);
    let host = only(headers, &header::HOST).ok_or_else(|| denied("the request has not exactly one `Host`"))?;
    let is_ours = |authority: &str| hosts.iter().any(|own| own.eq_ignore_ascii_case(authority));
    let authority = request.uri().authority().map(http::uri::Authority::as_str);
    if !is_ours(host) || !authority.is_none_or(is_ours) {
        return Err(
            denied("`Host` is not the name of this server").hint("open the address that was printed at the start")
        );
    }
    if headers.contains_key(header::ORIGIN) {
        let origin = only(headers, &header::ORIGIN).and_then(|origin| origin.split_once("://"));
        let is_own = origin
            .is_some_and(|(scheme, origin)| matches!(scheme, "http" | "https") && origin.eq_ignore_ascii_case(host));
        if !is_own {
            return Err(denied("requests of other pages are refused"));
        }
    }
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    let is_change = is_change(request.method());
    match site {
        None | Some(b"same-origin") => Ok(()),
        // A link or an address that somebody typed leads to the page, but to no change.
        Some(_) if !is_change && !request.uri().path().starts_with(capstan_api::path::ROOT) => Ok(()),
        Some(_) => Err(denied("requests of other pages are refused")),
    }
}

/// Returns the value of a header that is there once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

fn is_change(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD)
}

/// Finds out who makes a request of the interface, and refuses changes that a form could send.
pub(crate) async fn interface(State(server): State<Server>, mut request: Request, next: Next) -> Response {
    let headers = request.headers();
    let user = match server.setup.access.user(headers).await {
        Ok(user) => user,
        Err(error) => return Failure::from(error).into_response(),
    };
    if is_change(request.method())
        && let Err(failure) = check_change(headers)
    {
        return failure.into_response();
    }
    request.extensions_mut().insert(user);
    next.run(request).await
}

fn check_change(headers: &HeaderMap) -> Result<(), Failure> {
    let content_type = only(headers, &header::CONTENT_TYPE).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        return Err(Failure::new(
            ErrorClass::Request,
            "a change needs `Content-Type: application/json`",
        ));
    }
    if headers.get(CHANGE_HEADER).map(HeaderValue::as_bytes) != Some(CHANGE_HEADER_VALUE.as_bytes()) {
        return Err(Failure::new(ErrorClass::Request, "a change needs `X-Capstan: 1`"));
    }
    Ok(())
}
