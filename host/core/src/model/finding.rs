//! Results of lint rules, which are part of a plan.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::remedy::Remedies;
use crate::model::{object::ObjectKey, place::Place};

/// How serious a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; only shown on request.
    Note,
    /// It may go wrong.
    Warning,
    /// It will go wrong. Such a plan isn't run unless the rule is allowed.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

/// A result of a lint rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The rule's id.
    pub rule: String,
    /// How serious it is.
    pub severity: Severity,
    /// The object that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<ObjectKey>,
    /// Where the value is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The line at that place, to be shown. Values of Secrets are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_line: Option<String>,
    /// What is wrong and what the consequence is, without a full stop.
    pub message: String,
    /// What mends it, in words; empty if only `remedies` do.
    pub fix: String,
    /// The options and commands that mend it.
    #[serde(default, skip_serializing_if = "Remedies::is_empty")]
    pub remedies: Remedies,
    /// The other object that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub related: Option<RelatedObject>,
    /// Whether the object's annotations ignore the rule. Then the finding isn't shown and doesn't stop the plan.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_ignored: bool,
}

/// The other object of a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelatedObject {
    /// The key of the other object.
    pub key: ObjectKey,
    /// Where it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}
