//! The conditions of a status.

use serde::Deserialize;

/// One of them.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    /// One word.
    pub reason: String,
    /// One sentence.
    pub message: String,
}

/// Returns the condition of this type, whatever its status.
pub fn of<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.kind == kind)
}

/// Returns the condition of this type if it has this status: `True`, `False`, `Unknown`.
pub fn with<'a>(conditions: &'a [Condition], kind: &str, status: &str) -> Option<&'a Condition> {
    of(conditions, kind).filter(|condition| condition.status == status)
}
