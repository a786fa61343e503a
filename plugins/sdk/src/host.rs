//! All that a plugin can call: its log and the moment of the call. Off wasm both are stubs that a test can set and
//! read.

use std::time::Duration;

/// How important a line of the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Every detail.
    Trace,
    /// For the plugin's author.
    Debug,
    /// For users who ask.
    Info,
    /// Something is odd.
    Warn,
    /// Something is wrong.
    Error,
}

/// Writes a line to the plugin's log, which the host shows beside the call's result.
pub fn log(level: LogLevel, message: &str) {
    #[cfg(target_family = "wasm")]
    crate::wasm::log(level, message);
    #[cfg(not(target_family = "wasm"))]
    crate::testing::record_log(level, message);
}

/// Returns the moment of this call, since 1970, UTC. It stands still during a call.
pub fn now() -> Duration {
    #[cfg(target_family = "wasm")]
    return Duration::from_millis(crate::wasm::now_unix_ms());
    #[cfg(not(target_family = "wasm"))]
    return crate::testing::current_time();
}
