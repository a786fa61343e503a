//! Answers that are one document.

use std::{fmt::Write as _, io::Write as _};

use axum::response::{IntoResponse as _, Response};
use capstan_api::ErrorClass;
use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::failure::Failure;

/// Compressing fewer bytes saves nothing.
const MIN_COMPRESSED: usize = 1024;

/// Writes a document as JSON that no cache keeps.
pub(crate) fn json(headers: &HeaderMap, document: &impl Serialize) -> Result<Response, Failure> {
    let mut response = compressed(headers, written(document)?);
    let own = response.headers_mut();
    own.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    own.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Writes a document as JSON with an entity tag; only that it is unchanged if the client has it already.
pub(crate) fn json_with_tag(headers: &HeaderMap, document: &impl Serialize) -> Result<Response, Failure> {
    let body = written(document)?;
    let tag = tag(&body);
    let mut response = if has_tag(headers, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = compressed(headers, body);
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    };
    let own = response.headers_mut();
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        own.insert(header::ETAG, tag);
    }
    own.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(response)
}

fn written(document: &impl Serialize) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(document).map_err(|error| Failure::new(ErrorClass::Other, error.to_string()))
}

/// Returns the entity tag of a body. It is weak, since it is the same whether the body is compressed or not.
pub(crate) fn tag(body: &[u8]) -> String {
    format!("W/\"{}\"", hex(&Sha256::digest(body)[..16]))
}

/// Writes bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a text succeeds.
        write!(text, "{byte:02x}").ok();
        text
    })
}

/// Says whether the client has what has this tag.
pub(crate) fn has_tag(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get_all(header::IF_NONE_MATCH).iter();
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    known
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|known| known.trim() == "*" || opaque(known) == opaque(tag))
}

/// Says whether the client reads a content coding, such as `gzip`.
pub(crate) fn accepts(headers: &HeaderMap, wanted: &str) -> bool {
    let accepted = headers.get_all(header::ACCEPT_ENCODING).iter();
    accepted
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|coding| {
            let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
            let is_refused = weight
                .trim()
                .strip_prefix("q=")
                .is_some_and(|weight| weight.trim().trim_matches(['0', '.']).is_empty());
            name.trim().eq_ignore_ascii_case(wanted) && !is_refused
        })
}

/// Makes an answer of a body, compressed if that is worth it.
fn compressed(headers: &HeaderMap, body: Vec<u8>) -> Response {
    let mut response = if body.len() >= MIN_COMPRESSED && accepts(headers, "gzip") {
        let mut response = gzip(&body).into_response();
        let gzip = HeaderValue::from_static("gzip");
        response.headers_mut().insert(header::CONTENT_ENCODING, gzip);
        response
    } else {
        body.into_response()
    };
    let vary = HeaderValue::from_static("accept-encoding, authorization");
    response.headers_mut().insert(header::VARY, vary);
    response
}

/// Compresses a text.
pub(crate) fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing into memory succeeds.
    encoder.write_all(body).ok();
    encoder.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn a_content_coding_is_sent_to_who_reads_it() {
        for (value, reads_gzip, reads_brotli) in [
            ("gzip, deflate, br", true, true),
            ("br;q=1.0, gzip;q=0.8", true, true),
            ("GZIP, BR;q=0", true, false),
            ("gzip;q=0", false, false),
            ("gzip; q=0.0", false, false),
            ("br", false, true),
            ("brotli", false, false),
            ("", false, false),
        ] {
            let headers = headers(header::ACCEPT_ENCODING, value);
            assert_eq!(
                (accepts(&headers, "gzip"), accepts(&headers, "br")),
                (reads_gzip, reads_brotli),
                "{value}"
            );
        }
    }

    #[test]
    fn what_the_client_has_is_known_by_its_tag() {
        let tag = tag(b"[]");
        for (value, is_known) in [("*", true), ("\"x\"", false), ("", false)] {
            assert_eq!(
                has_tag(&headers(header::IF_NONE_MATCH, value), &tag),
                is_known,
                "{value}"
            );
        }
        let mut several = HeaderMap::new();
        let value = format!("\"x\", {}", tag.trim_start_matches("W/"));
        if let Ok(value) = HeaderValue::from_str(&value) {
            several.insert(header::IF_NONE_MATCH, value);
        }
        assert!(has_tag(&several, &tag));
    }
}
