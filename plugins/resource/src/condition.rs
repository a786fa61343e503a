//! The conditions of a status.

use serde::Deserialize;

/// A condition, as in `status.conditions`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Condition {
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// The reason in one word, for programs; may be empty.
    pub reason: String,
    /// The explanation for people; may be empty.
    pub message: String,
}

impl Condition {
    /// Says whether its status is `True`.
    pub fn is_true(&self) -> bool {
        self.status == "True"
    }

    /// Returns `reason: message`, or what of them there is; else these words.
    pub fn text(&self, or: &str) -> String {
        match (&*self.reason, &*self.message) {
            ("", "") => or.to_owned(),
            ("", text) | (text, "") => text.to_owned(),
            (reason, message) => format!("{reason}: {message}"),
        }
    }
}

/// What of any object that has conditions is looked at.
#[derive(Deserialize)]
pub struct Conditioned {
    /// The object's `status`.
    #[serde(default)]
    pub status: Status,
}

/// The `status` of an object that has conditions.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Status {
    /// `status.conditions`.
    pub conditions: Vec<Condition>,
}

/// Returns the condition of this type, whatever its status.
pub fn of<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.kind == kind)
}

/// Returns the condition of this type if it has this status: `True`, `False`, `Unknown`.
pub fn with<'a>(conditions: &'a [Condition], kind: &str, status: &str) -> Option<&'a Condition> {
    of(conditions, kind).filter(|condition| condition.status == status)
}
