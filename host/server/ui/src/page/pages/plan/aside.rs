//! What stands beside a plan: findings, what plugins ask for, who answers.

use super::*;

pub fn aside(plan: &PlanPage) -> View {
    let errors: Vec<&Finding> = plan
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error && !finding.is_ignored)
        .collect();
    let others: Vec<&Finding> = plan
        .findings
        .iter()
        .filter(|finding| finding.severity != Severity::Error && !finding.is_ignored)
        .collect();
    let total = errors.len() + others.len();
    let findings: View = if total == 0 {
        tags::p().class("faint").children(words::NO_FINDINGS).into()
    } else {
        let warnings: View = if others.is_empty() {
            nothing()
        } else {
            tags::details()
                .children((
                    tags::summary().children((icon("warn", 13), " ", words::count(others.len(), "warning"))),
                    others
                        .iter()
                        .map(|finding| draw_finding(finding))
                        .collect::<Vec<View>>(),
                ))
                .into()
        };
        (
            errors
                .iter()
                .map(|finding| draw_finding(finding))
                .collect::<Vec<View>>(),
            warnings,
        )
            .into()
    };
    let asked: Vec<View> = plan.allowances.iter().map(allowance).collect();
    let asks: View = if asked.is_empty() {
        nothing()
    } else {
        section(
            words::ASKED_FOR_BY_PLUGINS,
            Some((plan.allowances.len(), "odd")),
            asked.into(),
        )
    };
    let rows: Vec<View> = plan
        .answered_by
        .iter()
        .map(|one| {
            let digest = one.digest.get(..8).unwrap_or_default().to_owned();
            tags::tr()
                .children((
                    tags::th().attr("scope", "row").children((
                        one.plugin.clone(),
                        tags::small().children((format!("{} · ", one.version), tags::code().children(digest))),
                    )),
                    tags::td().children(words::answers(one.runs, one.judges, one.decides)),
                ))
                .into()
        })
        .collect();
    let names = |title: &'static str, names: Vec<(String, String)>| -> View {
        if names.is_empty() {
            return nothing();
        }
        let count = names.len();
        let items: Vec<View> = names
            .into_iter()
            .map(|(name, why)| {
                tags::li()
                    .children((tags::b().children(name), " ", tags::span().class("faint").children(why)))
                    .into()
            })
            .collect();
        section(
            title,
            Some((count, "")),
            tags::ul().class("namelist").children(items).into(),
        )
    };
    tags::aside()
        .class("planside scroll")
        .attr("aria-label", words::BEFORE_IT_RUNS)
        .children((
            section(
                words::FINDINGS,
                (total > 0).then_some((total, if errors.is_empty() { "odd" } else { "bad" })),
                findings,
            ),
            asks,
            section(
                words::WHO_ANSWERS,
                None,
                tags::table().class("who").children(tags::tbody().children(rows)).into(),
            ),
            names(
                words::LEFT_ALONE,
                plan.skipped
                    .iter()
                    .map(|skipped| (skipped.key.kind_and_name(), skipped.reason.clone()))
                    .collect(),
            ),
            names(
                words::NO_LONGER_IN_THE_MANIFESTS,
                plan.left_over
                    .iter()
                    .map(|key| (key.kind_and_name(), String::new()))
                    .collect(),
            ),
        ))
        .into()
}

fn section(title: &'static str, number: Option<(usize, &'static str)>, content: View) -> View {
    let number: View = number.map_or_else(nothing, |(count, tone)| {
        tags::span()
            .class(format!("count {tone}"))
            .children(count.to_string())
            .into()
    });
    tags::section()
        .children((tags::h3().children((title, number)), content))
        .into()
}

fn allowance(one: &capstan_api::plan::PluginAllowance) -> View {
    let (requested, effective) = (lines_of(&one.requested), lines_of(&one.effective));
    let lines: Vec<View> = requested
        .iter()
        .map(|line| {
            let state = if effective.contains(line) {
                TaskState::Done
            } else {
                TaskState::Pending
            };
            tags::li()
                .children((glyph(state, 12), tags::code().children(line.clone())))
                .into()
        })
        .collect();
    tags::div()
        .class("ask")
        .children((
            tags::p().children(tags::b().children(one.plugin.clone())),
            tags::ul().children(lines),
            tags::p().class("faint").children(words::WITHOUT_A_GRANT),
        ))
        .into()
}

/// Writes a JSON value as lines `path: value`.
fn lines_of(value: &serde_json::Value) -> Vec<String> {
    match value {
        serde_json::Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| {
                lines_of(value).into_iter().map(move |line| {
                    if line.is_empty() {
                        name.clone()
                    } else {
                        format!("{name} {line}")
                    }
                })
            })
            .collect(),
        serde_json::Value::Array(items) if items.iter().all(serde_json::Value::is_string) => vec![
            items
                .iter()
                .filter_map(|item| item.as_str())
                .collect::<Vec<_>>()
                .join(", "),
        ],
        serde_json::Value::Array(items) => items.iter().map(|item| lines_of(item).join("; ")).collect(),
        serde_json::Value::String(text) => vec![text.clone()],
        serde_json::Value::Null => Vec::new(),
        other => vec![other.to_string()],
    }
}

fn draw_finding(finding: &Finding) -> View {
    let state = if finding.severity == Severity::Error {
        TaskState::Failed
    } else {
        TaskState::Tolerated
    };
    let class = if finding.severity == Severity::Error {
        "finding f-error"
    } else {
        "finding f-warning"
    };
    let source: View = match (&finding.place, &finding.source_line) {
        (Some(place), Some(line)) => {
            let column = usize::try_from(place.column).unwrap_or(1).saturating_sub(1);
            let from = column.saturating_sub(34);
            let shown: String = line.chars().skip(from).take(64).collect();
            let lead = if from > 0 { "…" } else { "" };
            let indent = " ".repeat(column - from + lead.chars().count());
            tags::figure()
                .children((
                    tags::figcaption().children(place.to_string()),
                    tags::pre().attr("tabindex", "0").children((
                        tags::span().children(format!("{lead}{shown}")),
                        tags::span().children((indent, tags::b().children("^"))),
                    )),
                ))
                .into()
        }
        (Some(place), None) => tags::p().class("faint").children(place.to_string()).into(),
        _ => nothing(),
    };
    let fix: Vec<View> = finding
        .fix
        .split('`')
        .enumerate()
        .map(|(place, part)| {
            if place % 2 == 1 {
                tags::code().children(part.to_owned()).into()
            } else {
                part.to_owned().into()
            }
        })
        .collect();
    tags::article()
        .class(class)
        .children((
            tags::header().children((glyph(state, 13), tags::code().children(finding.rule.clone()))),
            tags::p().children(finding.message.clone()),
            source,
            tags::p().class("fix").children((tags::b().children(words::FIX), fix)),
        ))
        .into()
}
