//! What an operation knows about a live object.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    kubernetes::finalizer,
    model::{
        health::Assessment,
        object::Object,
        text::{self, truncate},
    },
};

/// The state of one live object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ObservedState {
    /// The object doesn't exist.
    Gone,
    /// The object exists.
    Present(ObservedObject),
}

/// A live object that exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedObject {
    /// Its UID. Another UID means another object of the same name.
    pub uid: String,
    /// The resource version that was assessed.
    pub resource_version: String,
    /// Whether it is being deleted.
    pub is_terminating: bool,
    /// When it is being deleted: what holds that up, and the way out, as far as it is known.
    #[serde(with = "text::or_empty", default)]
    #[serde(rename = "held_up_by")]
    pub deletion_blocker: Option<String>,
    /// The health that a plugin reported for the object.
    pub assessment: Assessment,
    /// Whether its status is about its current spec.
    #[serde(default)]
    pub freshness: Freshness,
}

impl ObservedObject {
    pub(crate) fn truncate_texts(&mut self) {
        self.deletion_blocker.iter_mut().for_each(truncate);
        truncate(&mut self.assessment.message);
        truncate(&mut self.assessment.rule);
    }

    /// Creates the observation of an object with its assessment.
    pub fn new(object: &Object, assessment: Assessment) -> ObservedObject {
        ObservedObject {
            uid: object.uid().to_owned(),
            resource_version: object.resource_version().to_owned(),
            is_terminating: object.is_terminating(),
            deletion_blocker: finalizer::deletion_blocker(object),
            assessment,
            freshness: Freshness::from_object(object),
        }
    }
}

/// Whether the status of an object is about its current spec.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Freshness {
    /// It is, or the object has no status.
    #[default]
    Current,
    /// Its controller hasn't seen the last change: `observedGeneration` is lower than `generation`.
    #[serde(rename = "Behind")]
    Stale,
    /// The object has no `observedGeneration`.
    #[serde(rename = "Untold")]
    Unknown,
}

impl Freshness {
    /// Reads an object's status.
    pub fn from_object(object: &Object) -> Freshness {
        let Some(status) = object.0.get("status").filter(|status| !is_empty_value(status)) else {
            return Freshness::Current;
        };
        let observed = status.get("observedGeneration").and_then(Value::as_i64);
        match (observed, object.generation()) {
            (Some(observed), Some(generation)) if observed < generation => Freshness::Stale,
            (Some(_), Some(_)) | (_, None) => Freshness::Current,
            (None, Some(_)) => Freshness::Unknown,
        }
    }
}

/// Returns whether a value contains nothing but empty values: `{loadBalancer: {}}`.
fn is_empty_value(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(members) => members.values().all(is_empty_value),
        Value::Array(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Returns whether a resource version of an object is older than another one.
///
/// Resource versions of one resource are comparable since Kubernetes 1.35 (KEP-5504). Versions that aren't numbers are never older.
pub fn is_older_version(version: &str, than: &str) -> bool {
    match (version.parse::<u128>(), than.parse::<u128>()) {
        (Ok(version), Ok(than)) => version < than,
        (Ok(_) | Err(_), Ok(_) | Err(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_status_may_be_about_the_past() {
        for (object, expected) in [
            (json!({}), Freshness::Current),
            (
                json!({ "metadata": { "generation": 2 }, "status": { "loadBalancer": {} } }),
                Freshness::Current,
            ),
            (
                json!({ "metadata": { "generation": 2 }, "status": { "observedGeneration": 1 } }),
                Freshness::Stale,
            ),
            (
                json!({ "metadata": { "generation": 2 }, "status": { "observedGeneration": 2 } }),
                Freshness::Current,
            ),
            (
                json!({ "metadata": { "generation": 2 }, "status": { "ready": true } }),
                Freshness::Unknown,
            ),
            (
                json!({ "metadata": {}, "status": { "phase": "Active" } }),
                Freshness::Current,
            ),
        ] {
            assert_eq!(Freshness::from_object(&Object(object.clone())), expected, "{object}");
        }
    }

    #[test]
    fn versions_compare_as_numbers() {
        assert!(is_older_version("9", "10"));
        assert!(!is_older_version("10", "10"));
        assert!(!is_older_version("a", "10"));
    }
}
