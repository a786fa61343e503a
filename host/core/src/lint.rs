//! Lint: finds manifests that are allowed and will still go wrong, such as a hook that needs something from a later phase. Mistakes that
//! prevent a plan are [`crate::model::error::Diagnostic`]s instead.
//!
//! A rule is one function in one of the files below and a row of [`RULES`], from which `host/LINTS.md` is made. A rule that can't be sure
//! reports nothing; tests contain such cases for each rule.

mod annotations;
mod deadlocks;
mod deletion;
mod failure_hooks;
mod hooks;
mod live_conflicts;
mod premature_deletion;
mod rights;
mod rules;
mod set;
#[cfg(test)]
mod tests;
mod ttl;
mod types;
mod volume_claims;

use std::cmp::Reverse;

use self::set::SetMember;
pub use self::{
    rules::{INVALID, REMOVED_VERSION, RULES, Rule, UNKNOWN_KIND},
    set::ManifestSet,
};
use crate::kubernetes::needs;
use crate::model::finding::{Finding, RelatedObject, Severity};
use crate::{
    model::{error::Diagnostic, operation_kind::OperationKind, remedy::Remedies},
    read::{directive::Mode, manifest::Manifest},
};

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
