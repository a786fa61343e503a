//! Lint: finds manifests that are allowed and will still go wrong, such as a hook that needs something from a later phase. Mistakes that
//! prevent a plan are [`crate::error::Diagnostic`]s instead.
//!
//! A rule is one function in one of the files below and a row of [`RULES`], from which `host/LINTS.md` is made. A rule that can't be sure
//! reports nothing; tests contain such cases for each rule.

mod annotations;
mod deadlocks;
mod deletion;
mod failure_hooks;
mod hooks;
mod live_conflicts;
pub(crate) mod makers;
mod needs;
mod premature_deletion;
mod rights;
mod rules;
mod set;
#[cfg(test)]
mod tests;
mod ttl;
mod types;
mod volume_claims;

use std::{cmp::Reverse, fmt};

use serde::{Deserialize, Serialize};

use self::set::SetMember;
pub(crate) use self::{needs::pod_needs, rights::binding_references};
pub use self::{
    rules::{INVALID, REMOVED_VERSION, RULES, Rule, UNKNOWN_KIND, is_rule, rule_ids},
    set::ManifestSet,
};
use crate::{
    directive::Mode, error::Diagnostic, manifest::Manifest, object::ObjectKey, operation_kind::OperationKind,
    place::Place, remedy::Remedies,
};

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
    /// The object's key.
    pub key: ObjectKey,
    /// Where it is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

impl Finding {
    /// Creates a finding about the value at a JSON pointer of a manifest.
    pub fn new(rule: &Rule, manifest: &Manifest, pointer: &str, message: String, fix: impl Into<String>) -> Finding {
        let error = manifest.error(pointer, message);
        Finding::from_diagnostic(rule, error, fix.into())
    }

    /// Creates a finding from a mistake that prevents a plan.
    pub fn from_invalid_input(mistake: Diagnostic) -> Finding {
        let remedies = mistake.hint.clone();
        let fix = remedies.free_text();
        Finding::from_diagnostic(&INVALID, mistake, fix).helped_by(remedies.without_text())
    }

    fn from_diagnostic(rule: &Rule, error: Diagnostic, fix: String) -> Finding {
        Finding {
            rule: rule.id.to_owned(),
            severity: rule.severity,
            key: error.object,
            place: error.place,
            source_line: error.source_line,
            message: error.message,
            fix,
            remedies: Remedies::default(),
            related: None,
            is_ignored: false,
        }
    }

    /// Sets a severity other than the rule's.
    #[must_use]
    pub fn with_severity(mut self, severity: Severity) -> Finding {
        self.severity = severity;
        self
    }

    /// Says which options and commands mend it.
    #[must_use]
    pub fn helped_by(mut self, remedies: impl Into<Remedies>) -> Finding {
        self.remedies = remedies.into();
        self
    }

    /// Adds the other object.
    #[must_use]
    fn with_related(mut self, other: &SetMember<'_>) -> Finding {
        self.related = Some(RelatedObject {
            key: other.key.clone(),
            place: other.manifest().place(""),
        });
        self
    }

    /// Returns whether the finding stops the plan.
    pub fn blocks_plan(&self) -> bool {
        self.severity == Severity::Error && !self.is_ignored
    }
}

/// Collects the findings of one rule.
struct Findings<'set> {
    rule: &'static Rule,
    mode: Mode,
    findings: &'set mut Vec<Finding>,
}

impl Findings<'_> {
    /// Creates a finding of this rule.
    fn finding(&self, member: &SetMember<'_>, pointer: &str, message: String, fix: impl Into<String>) -> Finding {
        Finding::new(self.rule, member.manifest(), pointer, message, fix)
    }

    /// Adds a finding. In compat mode it is at most a warning, because Argo CD doesn't lint.
    fn add(&mut self, member: &SetMember<'_>, mut finding: Finding) {
        if self.mode == Mode::ArgoCd {
            finding.severity = finding.severity.min(Severity::Warning);
        }
        let ignored = &member.classified.directives.lint_ignore;
        finding.is_ignored = ignored.contains(&finding.rule);
        self.findings.push(finding);
    }
}

/// Checks a set with all rules. The findings are sorted by severity, then by place.
pub fn lint(set: &ManifestSet<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let rules = RULES.iter().filter(|rule| match set.operation_kind {
        OperationKind::Sync => true,
        // For a deletion, only rules about deletions are useful.
        OperationKind::Delete => rule.applies_to_delete,
    });
    for rule in rules {
        let mut found = Findings {
            rule,
            mode: set.mode,
            findings: &mut findings,
        };
        (rule.check)(set, &mut found);
    }
    sort_findings(&mut findings);
    findings
}

/// Sorts findings by severity, place and object.
pub fn sort_findings(findings: &mut [Finding]) {
    let key = |finding: &Finding| (Reverse(finding.severity), finding.place.clone(), finding.key.clone());
    findings.sort_by(|a, b| (key(a), &a.rule, &a.message).cmp(&(key(b), &b.rule, &b.message)));
}
