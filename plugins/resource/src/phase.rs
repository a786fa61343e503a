//! What kinds have in common whose status is one word.

use capstan_sdk::Assessment;
use serde::Deserialize;

/// What of them is looked at.
#[derive(Deserialize)]
pub struct Phased {
    /// The object's `status`.
    #[serde(default)]
    pub status: Status,
}

/// The `status` of an object that has a phase.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Status {
    /// `status.phase`; empty before the controller has written it.
    pub phase: String,
    /// `status.message`; may be empty.
    pub message: String,
}

/// The answer about a word that nobody knows.
pub fn unknown(rule: &str, phase: &str) -> Assessment {
    let message = if phase.is_empty() {
        "no phase yet".to_owned()
    } else {
        format!("unknown phase `{phase}`")
    };
    Assessment::unknown(rule, message)
}
