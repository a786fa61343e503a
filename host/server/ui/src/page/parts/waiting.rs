//! Why an operation waits, what ends that, and what comes then.

use std::collections::HashMap;

use capstan_api::{ApplicationState, Verb};
use capstan_core::run::event::OperationStatus;

use crate::{
    columns::{columns, order},
    page::{
        bits,
        dialogs::Dialog,
        dom::*,
        icons::{glyph, icon, icon_as},
        pages::operation::Operation,
        store::zone,
    },
    record::Record,
    scale::float,
    span::{Millis, clock, millis, roughly, span},
    task_state::{TaskState, has_logs, is_hook, key, name, phase_name, says, wave},
    waiting::{next_column, waits},
    words,
};

/// How many tasks are named.
const MAX_NAMED: usize = 3;

/// A task that is waited for, as it is shown.
#[derive(Debug, Clone, PartialEq)]
struct Shown {
    id: String,
    object: String,
    is_hook: bool,
    has_logs: bool,
    asks: bool,
    message: String,
    since: Millis,
    until: Option<Millis>,
    usually: Option<Millis>,
    ends: &'static str,
    /// The plugin that says when it ends.
    by: String,
    /// Under which name the hook is approved.
    hook: String,
}

/// What comes then.
#[derive(Debug, Clone, Default, PartialEq)]
struct Then {
    phase: String,
    wave: String,
    names: Vec<(String, bool)>,
    more: usize,
}

fn shown(record: &Record) -> Vec<Shown> {
    let limits = record
        .plan
        .iter()
        .filter_map(|(id, plan)| Some((id.clone(), plan.timeout_seconds?)))
        .collect::<HashMap<_, _>>();
    waits(&record.view, &record.waiting.on, &limits)
        .into_iter()
        .map(|wait| {
            let task = wait.task;
            let is_hook = is_hook(task);
            let own = says(task);
            let message = if own.is_empty() {
                wait.message.unwrap_or_default()
            } else {
                own
            };
            Shown {
                id: task.outline.id.0.clone(),
                object: key(task).kind_and_name(),
                is_hook,
                has_logs: has_logs(task),
                asks: wait.asks,
                message: if message.is_empty() {
                    words::JUST_APPLIED.to_owned()
                } else {
                    message
                },
                since: wait.since,
                until: wait.until,
                usually: record
                    .usual
                    .as_ref()
                    .and_then(|usual| usual.tasks.get(&task.outline.id))
                    .map(|task| task.takes)
                    .filter(|_| !wait.asks),
                ends: match (wait.asks, is_hook, task.outline.action.as_str()) {
                    (true, ..) => words::ENDS_BY_A_PERSON,
                    (false, true, _) => words::ENDS_BY_ITSELF,
                    (false, false, "delete") => words::ENDS_WHEN_GONE,
                    (false, false, _) => words::ENDS_WHEN_HEALTHY,
                },
                by: record
                    .plan
                    .get(&task.outline.id)
                    .map(|plan| plan.judged_by.clone())
                    .unwrap_or_default(),
                hook: hook_name(record, name(task)),
            }
        })
        .collect()
}

/// The name under which a hook is approved: as the server says it, where it does.
fn hook_name(record: &Record, name: &str) -> String {
    let mut known = record.waiting.approvals();
    let exact = known.find(|hook| *hook == name || hook.ends_with(&format!("/{name}")));
    exact.unwrap_or(name).to_owned()
}

fn then(record: &Record) -> Option<Then> {
    let order = order(columns(&record.view, None));
    let (next, begins_phase) = next_column(&order)?;
    let column = &order.columns[next];
    Some(Then {
        phase: if begins_phase {
            phase_name(column.phase, &record.view).to_owned()
        } else {
            String::new()
        },
        wave: words::wave(&wave(column.wave)),
        names: column
            .tasks
            .iter()
            .take(MAX_NAMED)
            .map(|task| (name(task).to_owned(), is_hook(task)))
            .collect(),
        more: column.tasks.len().saturating_sub(MAX_NAMED),
    })
}

/// Draws the panel; nothing while nothing is waited for.
pub fn panel(operation: Operation) -> View {
    let all = create_selector(move || operation.record.with(shown));
    let then = create_selector(move || operation.record.with(then));
    let has_any = move || all.with(|all| !all.is_empty());
    let asks = move || all.with(|all| all.first().is_some_and(|first| first.asks));
    let stopping = create_selector(move || {
        operation.record.with(|record| match &record.view.status {
            Some(OperationStatus::Terminating { by }) => Some(by.clone()),
            _ => None,
        })
    });
    let is_left = create_selector(move || operation.application.state() == Some(ApplicationState::Left));
    (
        each_time(
            move || (stopping.get_clone(), is_left.get()),
            |(stopping, is_left)| match (stopping, is_left) {
                (Some(by), _) => tags::div()
                    .class("banner")
                    .children((icon("stop", 13), words::stopping(&by)))
                    .into(),
                (None, true) => tags::div()
                    .class("banner banner-left")
                    .children((icon("warn", 13), words::LEFT))
                    .into(),
                (None, false) => nothing(),
            },
        ),
        when(has_any, move || {
            let more = move || all.with(|all| all.len().saturating_sub(MAX_NAMED));
            tags::section()
                .class(move || if asks() { "why why-person" } else { "why" })
                .attr("aria-labelledby", "why-title")
                .children((
                    tags::h2()
                        .class("sr")
                        .attr("id", "why-title")
                        .children(words::WHY_IT_WAITS),
                    tags::ol().children(list(
                        move || all.with(|all| all.iter().take(MAX_NAMED).cloned().collect()),
                        |wait: &Shown| format!("{} {} {}", wait.id, wait.asks, wait.hook),
                        move |wait| one(operation, wait),
                    )),
                    when(
                        move || more() > 0,
                        move || {
                            tags::p()
                                .class("more")
                                .children(text(move || words::and_more_of_this_wave(more())))
                                .into()
                        },
                    ),
                    each_time(
                        move || then.get_clone(),
                        |then| then.map_or_else(nothing, |then| what_comes_then(&then)),
                    ),
                ))
                .into()
        }),
    )
        .into()
}

fn what_comes_then(then: &Then) -> View {
    let phase: View = if then.phase.is_empty() {
        nothing()
    } else {
        (tags::b().children(then.phase.clone()), ", ").into()
    };
    let names: Vec<View> = then
        .names
        .iter()
        .enumerate()
        .map(|(place, (name, is_hook))| {
            let comma = if place == 0 { " " } else { ", " };
            let hook: View = if *is_hook {
                icon_as("anchor", 11, "icon hookmark")
            } else {
                nothing()
            };
            (comma, hook, name.clone()).into()
        })
        .collect();
    let more = if then.more > 0 {
        words::and_more(then.more)
    } else {
        String::new()
    };
    tags::p()
        .class("then")
        .children((
            tags::span().children(words::THEN),
            " ",
            phase,
            format!("{}:", then.wave),
            names,
            more,
        ))
        .into()
}

fn one(operation: Operation, wait: ReadSignal<Shown>) -> View {
    let first = wait.get_clone_untracked();
    let now = move || operation.now();
    let id = first.id.clone();
    let hook: View = if first.is_hook {
        icon_as("anchor", 12, "icon hookmark")
    } else {
        nothing()
    };
    let given_up = move || {
        let now = now();
        let until = wait.with(|wait| wait.until);
        let whole = operation.record.with(|record| record.waiting.deadline.map(millis));
        match (until, whole) {
            (Some(until), _) => words::given_up(&span(until - now), &clock(until, zone(until))),
            (None, Some(deadline)) => words::given_up_with_the_operation(&span(deadline - now)),
            (None, None) => String::new(),
        }
    };
    let part = move || {
        let now = now();
        wait.with(|wait| {
            wait.until
                .map(|until| (float(now - wait.since) / float((until - wait.since).max(1))).clamp(0.0, 1.0) * 100.0)
        })
    };
    let usually = move || {
        wait.with(|wait| {
            wait.usually
                .map_or_else(String::new, |usually| words::usually(&roughly(usually)))
        })
    };
    tags::li()
        .children((
            glyph(
                if first.asks {
                    TaskState::Asks
                } else {
                    TaskState::Running
                },
                16,
            ),
            tags::div().class("why-text").children((
                tags::p().children((
                    tags::button()
                        .attr("type", "button")
                        .class("objlink")
                        .hear(events::click, move |_| operation.show(&id))
                        .children((hook, first.object.clone())),
                    " ",
                    tags::span()
                        .class("msg")
                        .children(text(move || wait.with(|wait| wait.message.clone()))),
                )),
                tags::p().class("ends").children((
                    words::FOR_AND_SPACE,
                    tags::b().children(text(move || span(now() - wait.with(|wait| wait.since)))),
                    text(usually),
                    dot(),
                    words::ENDS_WHEN,
                    tags::b().children(first.ends),
                    by(&first.by),
                    when(move || !given_up().is_empty(), dot),
                    text(given_up),
                )),
                when(
                    move || part().is_some(),
                    move || {
                        tags::i()
                            .class("fuse")
                            .attr("role", "img")
                            .attr("aria-label", move || words::percent_used(part().unwrap_or(0.0)))
                            .children(
                                tags::i().styled(move || format!("width:{}%", crate::css::Css(part().unwrap_or(0.0)))),
                            )
                            .into()
                    },
                ),
            )),
            tags::div().class("why-do").children(actions(operation, &first)),
        ))
        .into()
}

fn dot() -> View {
    tags::span().class("dot").children("·").into()
}

fn by(plugin: &str) -> View {
    if plugin.is_empty() {
        nothing()
    } else {
        (words::SAYS, tags::code().children(plugin.to_owned())).into()
    }
}

fn actions(operation: Operation, wait: &Shown) -> View {
    let store = operation.store();
    if wait.asks {
        let (namespace, app) = (operation.application.namespace(), operation.application.name());
        let (hook, question) = (wait.hook.clone(), wait.message.clone());
        let open = move |is_rejected: bool| {
            let dialog = Dialog::Approve {
                namespace: namespace.clone(),
                name: app.clone(),
                hook: hook.clone(),
                question: question.clone(),
                is_rejected,
            };
            move || store.dialog.set(Some(dialog.clone()))
        };
        let approve: View = (
            icon("check", 13),
            tags::span()
                .attr("data-key", "approve")
                .children(words::APPROVE_AND_MORE),
        )
            .into();
        return (
            bits::action(store, Verb::Approve, "btn btn-go", approve, open(false)),
            bits::action(store, Verb::Approve, "btn", words::REJECT_AND_MORE.into(), open(true)),
        )
            .into();
    }
    let id = wait.id.clone();
    let has_logs = wait.has_logs;
    tags::button()
        .attr("type", "button")
        .class("btn btn-quiet")
        .hear(events::click, move |_| operation.show(&id))
        .children(if has_logs { words::LOGS } else { words::DETAILS })
        .into()
}
