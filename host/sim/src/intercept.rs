//! Faults come before everything else: each request is judged before the server looks at it.

use std::time::Duration;

use http::Method;

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
}
