//! The operation as a state machine: stories and properties, without any IO.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test may stop at what can't be")]

mod again;
mod argo_cd;
mod helper_hooks;
mod hook_health;
mod hook_stages;
mod properties;
mod requests;
mod shell;
mod stages;
mod stored;
mod stories;
