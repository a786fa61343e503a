//! What a sync would do, before it does it: order, changes, findings, who answers.

use std::{collections::HashSet, rc::Rc};

use capstan_api::{
    ApiError, OnBusy, Outcome, PlanPage, Trigger, Verb, path,
    plan::{Choices, PlannedAction, PlannedTask},
};
use capstan_core::{
    lint::{Finding, Severity},
    phase::Phase,
};
use wasm_bindgen_futures::spawn_local;

use super::application::{Application, refused};
use crate::{
    applications::revision_text,
    page::{
        bits, connection,
        dialogs::Dialog,
        dom::*,
        icons::{glyph, icon, icon_as},
        parts::diff::diff,
    },
    span::{Millis, span},
    task_state::{TaskState, short_kind, trimmed, wave},
    words,
};

type Loaded = Option<Result<Rc<PlanPage>, ApiError>>;

/// Draws the page.
pub fn page(application: Application) -> View {
    let plan: Signal<Loaded> = create_signal(None);
    load(application, plan);
    dynamic(move || {
        let loaded = plan.with(|plan| {
            plan.as_ref()
                .map(|plan| plan.as_ref().map(Rc::clone).map_err(Clone::clone))
        });
        untrack(|| match loaded {
            None => bits::loading(),
            Some(Ok(known)) => draw(application, known, plan),
            Some(Err(error)) => refused(&error),
        })
    })
}

fn load(application: Application, plan: Signal<Loaded>) {
    let path = path::plan(&application.namespace(), &application.name());
    spawn_local(async move {
        let answer = connection::get::<PlanPage>(&path).await;
        if plan.is_alive() {
            plan.set(Some(answer.map(Rc::new)));
        }
    });
}

fn draw(application: Application, plan: Rc<PlanPage>, loaded: Signal<Loaded>) -> View {
    let store = application.store;
    let hides_same = create_signal(store.query("same").is_none());
    let open = create_signal(
        store
            .query("open")
            .map(|open| open.split(',').map(str::to_owned).collect::<HashSet<_>>())
            .unwrap_or_default(),
    );
    let shown = Rc::clone(&plan);
    let phases = each_time(
        move || hides_same.get(),
        move |hides_same| {
            let mut sections = Vec::new();
            for tasks in shown.tasks.chunk_by(|a, b| a.phase == b.phase) {
                sections.push(phase(application, tasks, hides_same, open, &shown.findings));
            }
            sections.into()
        },
    );
    tags::div()
        .class("planpage")
        .children((
            tags::div()
                .class("planmain scroll")
                .children((head(&plan, hides_same), notes(&plan), phases)),
            aside(&plan),
            foot(application, &plan, loaded),
        ))
        .into()
}

fn head(plan: &PlanPage, hides_same: Signal<bool>) -> View {
    let count = |wanted: PlannedAction| {
        plan.tasks
            .iter()
            .filter(|task| task.action == wanted && task.phase != Phase::SyncFail)
            .count()
    };
    let (new, changed, same, gone, hooks) = (
        count(PlannedAction::Create),
        count(PlannedAction::Change),
        count(PlannedAction::Keep),
        count(PlannedAction::Delete),
        count(PlannedAction::Run),
    );
    let after_failure = plan.tasks.iter().filter(|task| task.phase == Phase::SyncFail).count();
    let mut parts: Vec<View> = Vec::new();
    let mut part = |count: usize, words: String| {
        if !parts.is_empty() {
            parts.push(tags::span().class("dot").children("·").into());
        }
        parts.push((tags::b().children(count.to_string()), format!(" {words}")).into());
    };
    part(new + changed, words::to_apply(new));
    part(hooks, words::hooks_in_plan(after_failure));
    part(same, words::UNCHANGED.to_owned());
    part(gone, words::TO_DELETE.to_owned());
    let revision =
        |revision: &Option<capstan_core::revision::Revision>| revision.as_ref().map(revision_text).unwrap_or_default();
    let (from, to) = (revision(&plan.deployed), revision(&plan.revision));
    let title: View = if from.is_empty() {
        tags::code().children(to).into()
    } else {
        (
            tags::code().children(from),
            icon("right", 12),
            tags::code().children(to),
        )
            .into()
    };
    tags::div()
        .class("planhead")
        .children((
            tags::h2().children(title),
            tags::p().children(parts),
            bits::check(
                words::HIDE_UNCHANGED,
                "",
                move || hides_same.get(),
                move |is_hidden| hides_same.set(is_hidden),
            ),
        ))
        .into()
}

fn notes(plan: &PlanPage) -> View {
    let lines: Vec<View> = plan
        .notices
        .iter()
        .map(|notice| {
            tags::p()
                .class("odd")
                .children((icon("info", 12), " ", notice.clone()))
                .into()
        })
        .collect();
    if lines.is_empty() {
        nothing()
    } else {
        tags::div().class("plannotes").children(lines).into()
    }
}

fn phase(
    application: Application,
    tasks: &[PlannedTask],
    hides_same: bool,
    open: Signal<HashSet<String>>,
    findings: &[Finding],
) -> View {
    let Some(first) = tasks.first() else { return nothing() };
    let aside: View = if first.phase == Phase::SyncFail {
        tags::span().children(words::ONLY_AFTER_A_FAILURE).into()
    } else {
        nothing()
    };
    let waves: Vec<View> = tasks
        .chunk_by(|a, b| a.wave == b.wave)
        .map(|tasks| {
            let is_same = |task: &&PlannedTask| task.action == PlannedAction::Keep;
            let rows: Vec<View> = tasks
                .iter()
                .filter(|task| !hides_same || !is_same(task))
                .map(|task| row(application, task, open, findings))
                .collect();
            let same: Vec<&PlannedTask> = tasks.iter().filter(is_same).collect();
            let folded: View = if hides_same && !same.is_empty() {
                let names = same
                    .iter()
                    .take(6)
                    .map(|task| task.key.short())
                    .collect::<Vec<_>>()
                    .join(", ");
                let more = if same.len() > 6 { "…" } else { "" };
                tags::p()
                    .class("samerow")
                    .children((
                        icon("equal", 12),
                        format!(" {} {}: {names}{more}", same.len(), words::UNCHANGED),
                    ))
                    .into()
            } else {
                nothing()
            };
            let number = tasks.first().map(|task| wave(task.wave)).unwrap_or_default();
            tags::div()
                .class("pwave")
                .children((
                    tags::em().children(words::wave(&number)),
                    tags::div().children((rows, folded)),
                ))
                .into()
        })
        .collect();
    tags::section()
        .class("pphase")
        .children((tags::h3().children((first.phase.to_string(), aside)), waves))
        .into()
}

fn row(application: Application, task: &PlannedTask, open: Signal<HashSet<String>>, findings: &[Finding]) -> View {
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
        PlannedAction::Run => words::runs_and_waits(&task.wait).into(),
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

fn aside(plan: &PlanPage) -> View {
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
                    .map(|skipped| (skipped.key.short(), skipped.reason.clone()))
                    .collect(),
            ),
            names(
                words::NO_LONGER_IN_THE_MANIFESTS,
                plan.left_over.iter().map(|key| (key.short(), String::new())).collect(),
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

fn allowance(one: &capstan_core::grant::Allowance) -> View {
    let requested: Vec<String> = serde_json::to_value(&one.requested)
        .map(|value| lines_of(&value))
        .unwrap_or_default();
    let effective: Vec<String> = serde_json::to_value(&one.effective)
        .map(|value| lines_of(&value))
        .unwrap_or_default();
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

fn foot(application: Application, plan: &Rc<PlanPage>, loaded: Signal<Loaded>) -> View {
    let store = application.store;
    let trouble: Signal<Option<ApiError>> = create_signal(None);
    let is_sent = create_signal(false);
    let (namespace, name) = (application.namespace(), application.name());
    let choose = (namespace.clone(), name.clone());
    let send = {
        let id = plan.id.clone();
        move |is_dry: bool| {
            let trigger = Trigger::Sync {
                plan: Some(id.clone()),
                choices: Choices::default(),
                on_busy: OnBusy::Refuse,
                dry_run: is_dry,
            };
            let path = path::triggers(&namespace, &name);
            let address = application.address("");
            is_sent.set(true);
            spawn_local(async move {
                let answer = connection::post::<_, Outcome>(&path, &trigger).await;
                if !is_sent.is_alive() {
                    return;
                }
                is_sent.set(false);
                match answer {
                    Ok(outcome) if is_dry => store.dialog.set(Some(Dialog::Outcome(Rc::new(outcome)))),
                    Ok(_) => store.go(&address),
                    Err(error) => trouble.set(Some(error)),
                }
            });
        }
    };
    let dry = send.clone();
    let errors = plan
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error && !finding.is_ignored)
        .count();
    let blocked: View = if plan.is_forbidden {
        tags::p()
            .class("bad")
            .children((glyph(TaskState::Failed, 14), words::forbidden(errors)))
            .into()
    } else {
        nothing()
    };
    let command = plan.command.clone();
    let is_forbidden = plan.is_forbidden;
    let run: View = if is_forbidden {
        tags::button()
            .attr("type", "button")
            .class("btn btn-go")
            .bool_attr("disabled", true)
            .children(words::SYNC_THIS_PLAN)
            .into()
    } else {
        bits::action(
            store,
            Verb::Sync,
            "btn btn-go",
            text(move || {
                if is_sent.get() {
                    words::SENT
                } else {
                    words::SYNC_THIS_PLAN
                }
                .to_owned()
            }),
            move || {
                if !is_sent.get_untracked() {
                    send(false);
                }
            },
        )
    };
    tags::footer()
        .class("planfoot")
        .children((
            each_time(
                move || trouble.get_clone(),
                move |error| {
                    error.map_or_else(nothing, |error| {
                        (
                            bits::trouble(&error),
                            tags::button()
                                .attr("type", "button")
                                .class("btn")
                                .hear(events::click, move |_| {
                                    loaded.set(None);
                                    load(application, loaded);
                                })
                                .children(words::PLAN_AGAIN),
                        )
                            .into()
                    })
                },
            ),
            blocked,
            tags::span().class("spacer"),
            bits::command(move || command.clone()),
            bits::action(store, Verb::Sync, "btn", words::CHOOSE_AND_MORE.into(), move || {
                store.dialog.set(Some(Dialog::sync(&choose.0, &choose.1)));
            }),
            bits::action(store, Verb::Plan, "btn", words::DRY_RUN.into(), move || dry(true)),
            run,
        ))
        .into()
}

/// The kind of an object, short.
pub fn kind_of(task: &PlannedTask) -> String {
    if task.key.kind == "Hook" {
        task.by.split(' ').next().unwrap_or_default().to_owned()
    } else {
        short_kind(&task.key.kind).to_owned()
    }
}
