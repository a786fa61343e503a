//! Faults come before everything else: each request is judged before the server looks at it.

use std::time::Duration;

use http::Method;
use serde::{Deserialize, Serialize};

/// Judges requests before they are served.
pub trait Intercept: Send + Sync {
    /// Says what happens to one request.
    fn judge(&self, method: &Method, path: &str, query: &str) -> Verdict;
}

/// What happens to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is served.
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
    /// By the only event of a watch, of type `ERROR` and code 410, as API servers do. What is no watch is served.
    Event,
    /// By code 410 at once, as some gateways do, when the request names a revision. What names none is served.
    AtOnce,
}
