//! The health of an object, and the assessment of a plugin.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::object::ObjectKey;

/// The health of an object, in Argo CD's words, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Health {
    /// It works as intended.
    Healthy,
    /// It is suspended and waits for somebody.
    Suspended,
    /// It isn't Healthy yet, and may become so.
    Progressing,
    /// The object doesn't exist.
    Missing,
    /// It failed, or may not become Healthy.
    Degraded,
    /// Its health couldn't be assessed. This counts neither as healthy nor as failed.
    Unknown,
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Health::Healthy => "Healthy",
            Health::Suspended => "Suspended",
            Health::Progressing => "Progressing",
            Health::Missing => "Missing",
            Health::Degraded => "Degraded",
            Health::Unknown => "Unknown",
        })
    }
}

/// The rule of the host's assessment if a plugin gave no answer: it failed, refused, or isn't loaded.
pub const NO_ANSWER_RULE: &str = "host/no-answer";

/// The rule of the host's assessment while a plugin is to be called again.
pub const ASKED_AGAIN_RULE: &str = "host/asked-again";

/// A plugin's assessment of one object, or the host's if no plugin could assess it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    /// The object's health.
    pub health: Health,
    /// One sentence for people; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The rule that decided, such as `Deployment/progress-deadline`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub rule: String,
    /// Whether the problem can't end by itself, so that waiting is useless.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_final: bool,
    /// When to assess again even if nothing changes, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recheck_after_ms: Option<u64>,
    /// Related objects that the plugin must see to decide: the words of [`crate::model::related`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[serde(rename = "need")]
    pub requested_related: Vec<String>,
    /// The Secret or `ConfigMap` whose absence keeps its pods from starting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "lacks")]
    pub missing_object: Option<Box<ObjectKey>>,
}

impl Assessment {
    /// Creates an assessment with a health, a message and a rule.
    pub fn new(health: Health, message: impl Into<String>, rule: impl Into<String>) -> Assessment {
        Assessment {
            health,
            message: message.into(),
            rule: rule.into(),
            is_final: false,
            recheck_after_ms: None,
            requested_related: Vec::new(),
            missing_object: None,
        }
    }
}
