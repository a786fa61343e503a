//! The health of an object, and one judgement of it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::object::ObjectKey;

/// How an object is, in Argo CD's words, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Health {
    /// It does what it is for.
    Healthy,
    /// It waits for somebody.
    Suspended,
    /// It is on its way.
    Progressing,
    /// It is not there.
    Missing,
    /// It failed.
    Degraded,
    /// It can't be told; never taken for healthy and never for failed.
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

/// The rule of a judgement that the host made because the plugin gave no answer: it broke, refused, or isn't loaded.
pub const NO_ANSWER: &str = "host/no-answer";

/// The rule of a judgement that the host made because the plugin is to be asked again.
pub const ASKED_AGAIN: &str = "host/asked-again";

/// A plugin's judgement of one object, or what the host says when no plugin could judge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    /// The verdict.
    pub health: Health,
    /// One sentence for people; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// Which rule judged: `Deployment/progress-deadline`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub rule: String,
    /// Whether waiting is useless.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_final: bool,
    /// Judge again after so many milliseconds even if nothing changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recheck_after_ms: Option<u64>,
    /// What else the plugin must see to say more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub need: Vec<String>,
    /// The Secret or `ConfigMap` without which its pods can't start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lacks: Option<Box<ObjectKey>>,
}

impl Assessment {
    /// Makes one that says nothing but the verdict and why.
    pub fn new(health: Health, message: impl Into<String>, rule: impl Into<String>) -> Assessment {
        Assessment {
            health,
            message: message.into(),
            rule: rule.into(),
            is_final: false,
            recheck_after_ms: None,
            need: Vec::new(),
            lacks: None,
        }
    }
}
