//! What is known of one live object, in the few words the operation needs.

use serde::{Deserialize, Serialize};

use crate::health::Assessment;

/// One look at an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fact {
    /// It isn't there.
    Gone,
    /// It is there.
    Present(Seen),
}

/// An object that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Its UID: another one is another object of the same name.
    pub uid: String,
    /// The version that was judged.
    pub resource_version: String,
    /// Whether it is being deleted.
    pub is_terminating: bool,
    /// How it is.
    pub assessment: Assessment,
}

/// Says whether one resource version of an object is older than another.
///
/// Comparable within one resource since Kubernetes 1.35 (KEP-5504); versions that are no numbers are never taken for older.
pub fn is_older(version: &str, than: &str) -> bool {
    match (version.parse::<u128>(), than.parse::<u128>()) {
        (Ok(version), Ok(than)) => version < than,
        (Ok(_) | Err(_), Ok(_) | Err(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(is_older("9", "10"));
        assert!(!is_older("10", "10"));
        assert!(!is_older("a", "10"));
    }
}
