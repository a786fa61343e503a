//! Plugins in a real registry (CNCF distribution), signed by the real cosign, and servers that lie.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod bad;
mod distribution;
mod signed;
mod support;
