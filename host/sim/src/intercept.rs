//! Faults: each request is judged before the server handles it.

use std::time::Duration;

use http::Method;
use serde::{Deserialize, Serialize};

/// Decides about requests before they are handled.
pub trait Intercept: Send + Sync {
    /// Decides what happens to a request.
    fn decide(&self, method: &Method, path: &str, query: &str) -> Verdict;
}

/// What happens to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The request is served.
    Pass,
    /// It is served after a while.
    Delay(Duration),
    /// It is answered with an error.
    Refuse {
        /// The HTTP code.
        code: u16,
        /// The machine-readable reason of the `Status`.
        reason: String,
        /// The text of the `Status`.
        message: String,
        /// Seconds for the `Retry-After` header.
        retry_after: Option<u32>,
    },
    /// It is never answered: the connection breaks.
    Drop,
    /// It is served, and the connection breaks after so many bytes of the answer's body.
    Cut(u64),
    /// It is served, and after a while nothing more comes, though the connection stays open.
    Stall(Duration),
    /// It is served, with a pause before each chunk of the answer's body.
    Slow(Duration),
    /// Its revision is too old.
    Expire(Expiry),
}

/// How a server says that a revision is too old.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expiry {
    /// A watch gets a single event of type `ERROR` with code 410, as from API servers. Other requests are served.
    Event,
    /// A request with a revision gets code 410 at once, as from some gateways. Other requests are served.
    #[serde(rename = "at-once")]
    HttpGone,
}
