//! The controller's decision in a simulated world, and the definition of Application.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test may stop at what can't be")]

mod decoding;
mod definition;
mod fleet;
mod properties;
mod rules;
mod world;
