//! What failed: at the top, in full, with the end of its log and what can be done.

use capstan_api::Verb;
use capstan_core::{
    model::phase::Phase,
    run::{event::OperationStatus, view::TaskProgress},
};

use crate::{
    lines::{Level, level},
    page::{
        bits,
        dialogs::Dialog,
        dom::*,
        icons::{glyph, icon, icon_as},
        pages::operation::Operation,
    },
    record::Record,
    span::{millis, span},
    task_state::{TaskState, is_hook, key, name, phase_name, says, wave},
    words,
};

/// How many of the last lines of the log are shown.
const MAX_LINES: usize = 4;
/// How many tasks that were not started are named.
const MAX_NAMED: usize = 6;

/// What is said of a failure.
#[derive(Debug, Clone, PartialEq)]
struct Failure {
    /// The task that failed; nothing if the operation failed by itself.
    task: Option<(String, String, bool)>,
    title: String,
    message: String,
    facts: Vec<(&'static str, String)>,
    tail: Vec<(String, bool)>,
}

fn failure(record: &Record) -> Option<Failure> {
    let Some(OperationStatus::Failed(cause)) = &record.view.status else {
        return None;
    };
    let failed = |phase_fails: bool| {
        move |task: &&capstan_core::run::view::TaskView| {
            TaskState::of(task) == TaskState::Failed && (task.outline.phase == Phase::SyncFail) == phase_fails
        }
    };
    let bad = record
        .view
        .tasks
        .iter()
        .find(failed(false))
        .or_else(|| record.view.tasks.iter().find(failed(true)));
    let mut facts = vec![(words::CLASS, cause.class.to_string())];
    if let Some(took) = bad.and_then(|bad| Some(millis(bad.finished_at?) - millis(bad.started_at?))) {
        facts.push((words::AFTER, span(took)));
    }
    let after_failure: Vec<String> = record
        .view
        .tasks
        .iter()
        .filter(|task| task.outline.phase == Phase::SyncFail)
        .map(|task| match TaskState::of(task) {
            TaskState::Done => format!("{} {}", name(task), words::RAN),
            state => format!("{} {}", name(task), state.words()),
        })
        .collect();
    if !after_failure.is_empty() {
        facts.push(("SyncFail", after_failure.join(", ")));
    }
    let pending: Vec<&str> = record
        .view
        .tasks
        .iter()
        .filter(|task| task.progress == TaskProgress::Pending && task.outline.phase != Phase::SyncFail)
        .map(name)
        .collect();
    if !pending.is_empty() {
        let more = if pending.len() > MAX_NAMED {
            words::and_more(pending.len() - MAX_NAMED)
        } else {
            String::new()
        };
        let named = pending.iter().take(MAX_NAMED).copied().collect::<Vec<_>>().join(", ");
        facts.push((words::WAS_NOT_STARTED, format!("{named}{more}")));
    }
    let tail = bad.map_or_else(Vec::new, |bad| {
        let of_task: Vec<_> = record.lines.iter().filter(|line| line.task == bad.outline.id).collect();
        let last = of_task.iter().skip(of_task.len().saturating_sub(MAX_LINES));
        last.map(|line| {
            (
                crate::lines::parts(&line.text, "")
                    .iter()
                    .map(|part| part.text.as_str())
                    .collect(),
                level(&line.text) == Level::Error,
            )
        })
        .collect()
    });
    Some(Failure {
        task: bad.map(|bad| (bad.outline.id.0.clone(), key(bad).kind_and_name(), is_hook(bad))),
        title: bad.map_or_else(
            || words::THE_OPERATION_FAILED.to_owned(),
            |bad| words::failed_in(phase_name(bad.outline.phase, &record.view), &wave(bad.outline.wave)),
        ),
        message: bad
            .map(says)
            .filter(|message| !message.is_empty())
            .unwrap_or_else(|| cause.message.clone()),
        facts,
        tail,
    })
}

/// Draws the panel.
pub fn panel(operation: Operation) -> View {
    let failure = create_selector(move || operation.record.with(failure));
    let is_selected = operation.store().query("task").is_some();
    // The log of what failed is shown at once.
    if !is_selected
        && let Some(Failure {
            task: Some((id, ..)), ..
        }) = failure.get_clone_untracked()
    {
        later(0, move || {
            if operation.record.is_alive() && operation.moment.is_none() {
                operation.show(&id);
            }
        });
    }
    each_time(
        move || failure.get_clone(),
        move |failure| failure.map_or_else(nothing, |failure| draw(operation, failure)),
    )
}

fn draw(operation: Operation, failure: Failure) -> View {
    let store = operation.store();
    let title: View = match failure.task.clone() {
        None => nothing(),
        Some((id, object, is_hook)) => {
            let hook: View = if is_hook {
                icon_as("anchor", 12, "icon hookmark")
            } else {
                nothing()
            };
            tags::button()
                .attr("type", "button")
                .class("objlink")
                .hear(events::click, move |_| operation.show(&id))
                .children((hook, object))
                .into()
        }
    };
    let facts: Vec<View> = failure
        .facts
        .into_iter()
        .map(|(name, value)| tags::span().children((name, " ", tags::b().children(value))).into())
        .collect();
    let lines: Vec<View> = failure
        .tail
        .into_iter()
        .map(|(text, is_error)| {
            tags::span()
                .class(if is_error { "bad" } else { "" })
                .children(text)
                .into()
        })
        .collect();
    let tail: View = if lines.is_empty() {
        nothing()
    } else {
        tags::pre()
            .attr("tabindex", "0")
            .attr("role", "group")
            .attr("aria-label", words::THE_END_OF_ITS_LOG)
            .children(lines)
            .into()
    };
    let (namespace, name) = (operation.application.namespace(), operation.application.name());
    let back = (namespace.clone(), name.clone());
    let logs: View = match failure.task {
        Some((id, _, true)) => tags::button()
            .attr("type", "button")
            .class("btn")
            .hear(events::click, move |_| operation.show(&id))
            .children(words::LOGS)
            .into(),
        _ => nothing(),
    };
    tags::section()
        .class("failure")
        .attr("aria-labelledby", "failure-title")
        .children((
            tags::div().children((
                tags::h2()
                    .attr("id", "failure-title")
                    .children((glyph(TaskState::Failed, 15), title, failure.title)),
                tags::p().class("msg2").children(failure.message),
                tags::div().class("facts").children(facts),
            )),
            tags::div().class("tail").children(tail),
            tags::div().class("acts").children((
                bits::action(
                    store,
                    Verb::Sync,
                    "btn btn-go",
                    tags::span()
                        .attr("data-key", "retry")
                        .children(words::SYNC_AGAIN_AND_MORE)
                        .into(),
                    move || store.dialog.set(Some(Dialog::sync(&namespace, &name))),
                ),
                logs,
                bits::action(
                    store,
                    Verb::Rollback,
                    "btn",
                    (icon("undo", 13), words::ROLL_BACK_AND_MORE).into(),
                    move || store.dialog.set(Some(Dialog::rollback(&back.0, &back.1))),
                ),
            )),
        ))
        .into()
}
