//! The adapter between the contract's generated types and the SDK's own. Nothing else knows the generated ones.

pub mod health;
pub mod hook;
pub mod policy;
pub mod prepare;

use std::time::Duration;

use health::bindings::capstan::plugin::{host, types};

use crate::{Failure, LogLevel, Propagation};

/// Writes to the plugin's log.
pub fn log(level: LogLevel, message: &str) {
    let level = match level {
        LogLevel::Trace => types::LogLevel::Trace,
        LogLevel::Debug => types::LogLevel::Debug,
        LogLevel::Info => types::LogLevel::Info,
        LogLevel::Warn => types::LogLevel::Warn,
        LogLevel::Error => types::LogLevel::Error,
    };
    host::log(level, message);
}

/// Returns the moment of the call.
pub fn now_unix_ms() -> u64 {
    host::now_unix_ms()
}

fn failure(failure: Failure) -> types::Failure {
    match failure {
        Failure::Invalid(message) => types::Failure::Invalid(message),
        Failure::Retry { message, after } => types::Failure::Retry((message, millis32(after))),
        Failure::Failed(message) => types::Failure::Failed(message),
    }
}

fn propagation(propagation: Propagation) -> types::Propagation {
    match propagation {
        Propagation::Foreground => types::Propagation::Foreground,
        Propagation::Background => types::Propagation::Background,
        Propagation::Orphan => types::Propagation::Orphan,
    }
}

/// A duration too long for the contract is as long as it allows.
fn millis32(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis()).unwrap_or(u32::MAX)
}

fn millis64(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}
