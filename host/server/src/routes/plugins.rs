//! The loaded plugins.

use axum::{extract::State, response::Response};
use http::HeaderMap;

use crate::{Server, answer::json_with_tag, failure::Failure};

pub(super) async fn list(State(server): State<Server>, headers: HeaderMap) -> Result<Response, Failure> {
    json_with_tag(&headers, &server.setup.plugins)
}
