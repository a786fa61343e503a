//! Any bytes as manifests, any values as annotations: a plan or mistakes, never a panic, never a wait without end; and one plan, in
//! whatever order manifests come.
//!
//! `CAPSTAN_FUZZ_SECONDS=60 cargo test -p capstan-core --test fuzz --release` goes on for a minute with each property, from a new
//! seed each time. What fails is made small, printed, and kept in `tests/proptest-regressions/`.
#![expect(clippy::panic, clippy::expect_used, reason = "a test may stop at the first surprise")]

mod corpus;
mod pipeline;
mod places;
mod properties;
#[expect(
    clippy::disallowed_methods,
    reason = "the core has no clock; its tests may look at one"
)]
mod repeat;
mod text;
mod values;
mod watch;
