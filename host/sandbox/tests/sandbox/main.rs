//! The sandbox as the engine sees it: real components, the core's trait.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod answers;
mod ask;
mod cache;
#[cfg(unix)]
mod compile;
mod examine;
mod hostile;
mod loading;
mod memo;
mod precedence;
mod prepared;
mod puppet;
mod related;
mod support;
mod time;
mod view;
