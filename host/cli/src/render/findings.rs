//! Findings of lint, for people: the problem, its place, and how to fix it.

use capstan_core::model::finding::{Finding, Severity};

use super::{Paint, remedy};
use crate::{diagnostics, terminal::Text, text};

/// Describes the findings of at least this severity. Ignored ones are left out.
pub fn text(findings: &[Finding], least: Severity, paint: Paint) -> Text {
    let shown = findings
        .iter()
        .filter(|finding| finding.severity >= least && !finding.is_ignored);
    shown.map(|finding| finding_text(finding, paint)).collect()
}

fn finding_text(finding: &Finding, paint: Paint) -> Text {
    let label = format!("{}[{}]:", finding.severity, finding.rule);
    let label = match finding.severity {
        Severity::Error => paint.failure(&label),
        Severity::Warning => paint.warning(&label),
        Severity::Note => paint.dim(&label),
    };
    let mut text = text!("{} {}\n", label, finding.message);
    text.push(diagnostics::place_text(
        finding.place.as_ref(),
        finding.source_line.as_deref(),
        finding.key.as_ref(),
        paint,
    ));
    if let Some(fix) = remedy::fix(finding) {
        text.push(text!("  fix: {}\n", fix));
    }
    if let Some(related) = &finding.related
        && let Some(place) = &related.place
    {
        text.push(text!("  see: {} is in {}\n", related.key.kind_and_name(), place));
    }
    text
}

/// Counts the findings of at least this severity: `1 error, 2 warnings`; `None` if there are none.
pub fn count(findings: &[Finding], least: Severity) -> Option<String> {
    let of = |severity: Severity| {
        let same = findings
            .iter()
            .filter(|finding| finding.severity == severity && !finding.is_ignored);
        match same.count() {
            0 => None,
            _ if severity < least => None,
            1 => Some(format!("1 {severity}")),
            several => Some(format!("{several} {severity}s")),
        }
    };
    let parts: Vec<String> = [Severity::Error, Severity::Warning, Severity::Note]
        .into_iter()
        .filter_map(of)
        .collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}
