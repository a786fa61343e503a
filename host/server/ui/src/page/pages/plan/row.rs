//! A task of a plan, which opens to its diff.

use super::*;

pub fn row(application: Application, task: &PlannedTask, open: Signal<HashSet<String>>, findings: &[Finding]) -> View {
    let finding = findings
        .iter()
        .find(|finding| finding.key.as_ref() == Some(&task.key) && !finding.is_ignored);
    let is_error = finding.is_some_and(|finding| finding.severity == Severity::Error);
    let (class, sign): (&'static str, View) = match task.action {
        PlannedAction::Create => ("p-plus", (icon("plus", 13), for_readers(words::NEW)).into()),
        PlannedAction::Change => ("p-tilde", (icon("tilde", 13), for_readers(words::CHANGES)).into()),
        PlannedAction::Keep => ("p-equal", (icon("equal", 13), for_readers(words::UNCHANGED)).into()),
        PlannedAction::Delete => ("p-minus", (icon("minus", 13), for_readers(words::IS_DELETED)).into()),
        PlannedAction::Run => (
            "p-hook",
            (icon_as("anchor", 13, "icon hookmark"), for_readers("hook")).into(),
        ),
    };
    let fields = task
        .changes
        .iter()
        .take(3)
        .map(|change| last_part(&change.field))
        .collect::<Vec<_>>()
        .join(", ");
    let what: View = match task.action {
        PlannedAction::Change if !task.changes.is_empty() => (
            format!("{}: ", words::count(task.changes.len(), "field")),
            tags::code().children(if task.changes.len() > 3 {
                format!("{fields}, …")
            } else {
                fields
            }),
        )
            .into(),
        PlannedAction::Create => words::NEW.into(),
        PlannedAction::Change => words::CHANGES.into(),
        PlannedAction::Keep => words::UNCHANGED.into(),
        PlannedAction::Delete => words::IS_DELETED.into(),
        PlannedAction::Run => words::RUNS_TO_ITS_END.into(),
    };
    let limit = task
        .timeout_seconds
        .and_then(|seconds| Millis::try_from(seconds).ok())
        .map_or_else(String::new, |seconds| {
            words::at_most(&span(seconds.saturating_mul(1000)))
        });
    let after: View = if task.waits_for.is_empty() {
        nothing()
    } else {
        let names: Vec<String> = task
            .waits_for
            .iter()
            .map(|id| id.0.rsplit('/').next().unwrap_or_default().to_owned())
            .collect();
        tags::span().class("tag").children(words::held_by(&names)).into()
    };
    let rule: View = finding.filter(|_| is_error).map_or_else(nothing, |finding| {
        tags::span()
            .class("pill pill-fail")
            .children(finding.rule.clone())
            .into()
    });
    let refusal: View = task
        .refused
        .as_ref()
        .map_or_else(nothing, |why| tags::p().class("bad").children(why.clone()).into());
    let can_open = !task.diff.is_empty() || task.action == PlannedAction::Run;
    let id = task.id.0.clone();
    let toggle_id = id.clone();
    let is_open = create_selector(move || open.with(|open| open.contains(&id)));
    let details = task.clone();
    tags::div()
        .class(if is_error {
            format!("prow {class} has-error")
        } else {
            format!("prow {class}")
        })
        .children((
            tags::button()
                .attr("type", "button")
                .class("prow-head")
                .attr("aria-expanded", move || {
                    can_open.then(|| if is_open.get() { "true" } else { "false" })
                })
                .hear(events::click, move |_| {
                    if !can_open {
                        return;
                    }
                    open.update(|open| {
                        if !open.remove(&toggle_id) {
                            open.insert(toggle_id.clone());
                        }
                    });
                    let all = open.with_untracked(|open| open.iter().cloned().collect::<Vec<_>>().join(","));
                    application.store.look(&[("open", Some(&all))]);
                })
                .children((
                    tags::span().class("psign").children(sign),
                    tags::span().class("nm").children(trimmed(&task.key.name).to_owned()),
                    tags::span().class("kd2").children(if task.key.kind == "Hook" {
                        task.by.split(' ').next().unwrap_or_default().to_owned()
                    } else {
                        task.key.kind.clone()
                    }),
                    tags::span().class("pwhat").children((what, limit, " ", after, rule)),
                    tags::span()
                        .class("pby")
                        .children(task.by.split(' ').next().unwrap_or_default().to_owned()),
                    tags::span().class("pmore").children(dynamic(move || {
                        if can_open {
                            icon(if is_open.get() { "down" } else { "right" }, 12)
                        } else {
                            nothing()
                        }
                    })),
                )),
            refusal,
            when(move || is_open.get(), move || opened(&details)),
        ))
        .into()
}

/// What a field is called for short: the last part of its path, of a value what it is the value of.
fn last_part(field: &str) -> String {
    let mut parts = field.rsplit(['.', '/']);
    match parts.next() {
        Some("value") => parts.next().unwrap_or("value").to_owned(),
        Some(last) => last.to_owned(),
        None => field.to_owned(),
    }
}

fn opened(task: &PlannedTask) -> View {
    if !task.diff.is_empty() {
        return diff(&task.diff);
    }
    let place = task.place.as_ref().map(ToString::to_string).unwrap_or_default();
    let fact = |name: &'static str, value: String| -> View {
        if value.is_empty() {
            nothing()
        } else {
            (tags::dt().children(name), tags::dd().children(value)).into()
        }
    };
    tags::dl()
        .class("hookfacts")
        .children((
            fact(words::RUNS_IT, task.by.clone()),
            fact(words::WAITS_UNTIL, task.wait.clone()),
            fact(words::DELETE_POLICIES, task.policies.join(", ")),
            fact(words::WRITTEN_IN, place),
        ))
        .into()
}
