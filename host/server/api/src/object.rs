//! The live objects of an application.

use capstan_core::model::{health::Health, object::ObjectKey};
use serde::{Deserialize, Serialize};

/// An object of an application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectRow {
    /// The kind, namespace and name of the object.
    pub key: ObjectKey,
    /// How it is.
    pub health: Health,
    /// What its plugin says of that.
    #[serde(default)]
    pub message: String,
    /// The rule by which it does.
    #[serde(default)]
    pub rule: String,
    /// The plugin: `resource 0.1.0`; empty if the object isn't there.
    #[serde(default)]
    pub by: String,
}
