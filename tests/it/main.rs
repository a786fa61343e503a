//! Tests of the whole that are better told in Rust.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod architecture;
mod browser;
mod bus;
mod crash;
mod differential;
mod docs;
mod engine;
mod equal;
mod gate;
mod hostile;
mod immutable;
mod old;
mod ownership;
mod pause;
mod preparation;
mod real;
mod schema;
mod server;
mod skipped;
mod state;
mod swap;
