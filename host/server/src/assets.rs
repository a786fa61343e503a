//! The page: files that were embedded when capstan was built.
//!
//! The path of every file but `index.html` contains a digest of the whole page, so browsers keep these files for ever.

use std::{collections::BTreeMap, io::Read as _};

use axum::{
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use capstan_api::ErrorClass;
use flate2::read::GzDecoder;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::{
    Server,
    answer::{accepts, gzip, has_tag},
    failure::Failure,
};

/// The page itself.
const INDEX: &str = "index.html";
/// The first segment of the paths of all others.
pub(crate) const FOLDER: &str = "/ui";
/// How large a file may be that is sent to who reads no gzip, in bytes.
const MAX_PLAIN: u64 = 64 << 20;
/// What is shown if this build contains no page.
const NO_PAGE: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Capstan</title><h1>Capstan</h1>\
     <p>This build of capstan contains no web page. Its HTTP interface is at <code>/api/v1</code>.</p></html>";

/// A file of the page.
#[derive(Debug, Clone)]
pub struct Asset {
    /// Its path below the root: `index.html`, `ui/3f1c9a0b52d7e846/page.js`.
    pub path: &'static str,
    /// Its media type.
    pub content_type: &'static str,
    /// SHA-256 of its content, in hex.
    pub digest: &'static str,
    /// Its content, compressed with brotli.
    pub brotli: Option<Bytes>,
    /// Its content, compressed with gzip.
    pub gzip: Bytes,
}

/// The page, by the paths of its files.
pub(crate) struct Page(BTreeMap<&'static str, Asset>);

impl Page {
    /// Makes one of its files.
    pub fn new(assets: &[Asset]) -> Page {
        let mut files: BTreeMap<&'static str, Asset> = assets.iter().map(|asset| (asset.path, asset.clone())).collect();
        files.entry(INDEX).or_insert_with(|| Asset {
            path: INDEX,
            content_type: "text/html; charset=utf-8",
            digest: "",
            brotli: None,
            gzip: gzip(NO_PAGE.as_bytes()).into(),
        });
        Page(files)
    }
}

/// Answers with the page, whatever its part that the address names.
pub(crate) fn index(server: &Server, headers: &HeaderMap) -> Response {
    let mut response = match server.page.0.get(INDEX) {
        Some(index) => content(index, headers),
        None => StatusCode::NOT_FOUND.into_response(),
    };
    // It names the files of this version: another one has others.
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, no_store);
    response
}

/// Answers with a file of the page.
pub(crate) async fn file(State(server): State<Server>, request: Request) -> Result<Response, Failure> {
    let path = request.uri().path().trim_start_matches('/');
    let file = server
        .page
        .0
        .get(path)
        .filter(|file| file.path != INDEX)
        .ok_or_else(|| {
            Failure::new(ErrorClass::NotFound, "there is no such file of the page")
                .hint("another version of capstan may serve now; reload the page")
        })?;
    let tag = format!("\"{}\"", file.digest);
    let mut response = if has_tag(request.headers(), &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        content(file, request.headers())
    };
    let own = response.headers_mut();
    let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
    own.insert(header::CACHE_CONTROL, forever);
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        own.insert(header::ETAG, tag);
    }
    Ok(response)
}

fn content(file: &Asset, headers: &HeaderMap) -> Response {
    let encoded = |content: &Bytes, coding| {
        let mut response = content.clone().into_response();
        let coding = HeaderValue::from_static(coding);
        response.headers_mut().insert(header::CONTENT_ENCODING, coding);
        response
    };
    let mut response = if let Some(brotli) = file.brotli.as_ref().filter(|_| accepts(headers, "br")) {
        encoded(brotli, "br")
    } else if accepts(headers, "gzip") {
        encoded(&file.gzip, "gzip")
    } else {
        let mut plain = Vec::new();
        match GzDecoder::new(&*file.gzip).take(MAX_PLAIN).read_to_end(&mut plain) {
            Ok(_) => plain.into_response(),
            Err(error) => {
                return Failure::new(ErrorClass::Other, format!("{} is damaged: {error}", file.path)).into_response();
            }
        }
    };
    let own = response.headers_mut();
    own.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.content_type));
    own.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    response
}
