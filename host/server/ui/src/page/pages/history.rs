//! Operations that are over: what each did, how two of them differ, and any of them again.

mod comparison;
mod replay;

use std::{collections::HashSet, rc::Rc};

use capstan_api::{ApiError, OperationPage, OperationSummary, StreamRecord, path};
use capstan_core::{
    model::phase::Phase,
    plan::task::TaskResult,
    run::event::{EventKind, OperationStatus},
};

use super::{
    application::{Application, refused},
    operation::Operation,
};
use crate::{
    applications::revision_text,
    commands,
    compare::{ComparedTask, Side, compare, total},
    page::{
        bits, connection,
        dom::*,
        icons::{glyph, hook_mark, icon},
        parts::timeline,
        store::zone,
    },
    record::Record,
    scale::float,
    span::{Millis, clock, date, millis, span},
    task_state::{TaskState, status_state, wave},
    words,
};

/// Draws the page.
pub fn page(application: Application) -> View {
    let history: Signal<Option<Result<Vec<OperationSummary>, ApiError>>> = create_signal(None);
    let path = path::history(&application.namespace(), &application.name());
    spawn_local(async move {
        let answer = connection::get(&path).await;
        if history.is_alive() {
            history.set(Some(answer));
        }
    });
    dynamic(move || {
        let loaded = history.get_clone();
        untrack(|| match loaded {
            None => bits::loading(),
            Some(Err(error)) => refused(&error),
            Some(Ok(operations)) if operations.is_empty() => tags::div()
                .class("empty")
                .children(tags::p().children(words::NOTHING_IS_OVER))
                .into(),
            Some(Ok(operations)) => draw(application, operations),
        })
    })
}

fn picked(application: Application) -> Vec<String> {
    let pick = application.store.query("pick").unwrap_or_default();
    pick.split(',')
        .filter(|part| !part.is_empty())
        .take(2)
        .map(str::to_owned)
        .collect()
}

fn draw(application: Application, operations: Vec<OperationSummary>) -> View {
    let store = application.store;
    let longest = operations.iter().filter_map(took).max().unwrap_or(1).max(1);
    let newest = operations
        .first()
        .map(|operation| operation.number().to_owned())
        .unwrap_or_default();
    let chosen = create_selector(move || {
        let picked = picked(application);
        if picked.is_empty() {
            vec![newest.clone()]
        } else {
            picked
        }
    });
    let items: Vec<View> = operations
        .iter()
        .map(|operation| entry(application, operation, longest, chosen))
        .collect();
    let by_number: Rc<Vec<OperationSummary>> = Rc::new(operations);
    tags::div()
        .class("hist")
        .children((
            tags::div().class("histlist scroll").children((
                tags::p().class("histhint").children(words::PICK_ONE_OR_TWO),
                tags::ol().children(items),
            )),
            tags::div().class("histmain").children(each_time(
                move || (chosen.get_clone(), store.query("t").is_some()),
                move |(chosen, is_replay)| {
                    let find =
                        |number: &String| by_number.iter().find(|operation| operation.number() == number).cloned();
                    match (chosen.first().and_then(find), chosen.get(1).and_then(find)) {
                        (Some(a), Some(b)) if !is_replay => comparison::two(application, a, b),
                        (Some(a), _) => replay::one(application, a),
                        (None, _) => tags::div()
                            .class("empty")
                            .children(tags::p().children(words::NO_SUCH_OPERATION))
                            .into(),
                    }
                },
            )),
        ))
        .into()
}

fn took(operation: &OperationSummary) -> Option<Millis> {
    Some(millis(operation.finished_at?) - millis(operation.started_at))
}

fn entry(
    application: Application,
    operation: &OperationSummary,
    longest: Millis,
    chosen: ReadSignal<Vec<String>>,
) -> View {
    let store = application.store;
    let number = operation.number().to_owned();
    let own = number.clone();
    let place = move || chosen.with(|chosen| chosen.iter().position(|one| *one == own));
    let (is_picked, is_pressed) = (place.clone(), place.clone());
    let letter = each_time(place, |place| match place {
        Some(0) => tags::i().class("ab").children("A").into(),
        Some(_) => tags::i().class("ab b").children("B").into(),
        None => nothing(),
    });
    let pick = {
        let number = number.clone();
        move |_| {
            let known = chosen.get_clone_untracked();
            let next = if known.contains(&number) {
                known.into_iter().filter(|one| *one != number).collect::<Vec<_>>()
            } else {
                vec![number.clone(), known.first().cloned().unwrap_or_default()]
            };
            let next = if next.is_empty() {
                number.clone()
            } else {
                next.into_iter()
                    .filter(|one| !one.is_empty())
                    .collect::<Vec<_>>()
                    .join(",")
            };
            store.look(&[("pick", Some(&next)), ("t", None)]);
        }
    };
    let waves: Vec<View> = operation
        .waves
        .iter()
        .map(|wave| {
            let length = wave.finished_at.map_or(0, |to| millis(to) - millis(wave.started_at));
            let is_last = operation
                .waves
                .iter()
                .rfind(|wave| wave.phase != Phase::SyncFail)
                .is_some_and(|last| last == wave);
            let bad = if is_last && matches!(operation.status, OperationStatus::Failed(_)) {
                " bad"
            } else {
                ""
            };
            tags::i()
                .class(format!("s-{}{bad}", wave.phase))
                .fixed_style(format!(
                    "width:{}%",
                    crate::css::Css((float(length) / float(longest) * 100.0).max(0.6))
                ))
                .into()
        })
        .collect();
    let revision = operation.revision.as_ref().map(revision_text).unwrap_or_default();
    let started = millis(operation.started_at);
    let failed: View = match &operation.status {
        OperationStatus::Failed(cause) => tags::span()
            .class("l4")
            .children(format!("{}: {}", cause.class, cause.message))
            .into(),
        _ => nothing(),
    };
    let times = [
        date(started, zone(started)),
        took(operation).map(span).unwrap_or_default(),
        operation.by.clone(),
    ]
    .join(" · ");
    tags::li()
        .children(
            tags::button()
                .attr("type", "button")
                .class(move || {
                    if is_picked().is_some() {
                        "histop is-picked"
                    } else {
                        "histop"
                    }
                })
                .attr(
                    "aria-pressed",
                    move || if is_pressed().is_some() { "true" } else { "false" },
                )
                .hear(events::click, pick)
                .children((
                    tags::span().class("l1").children((
                        glyph(status_state(Some(&operation.status)), 14),
                        tags::b().children(format!("#{number}")),
                        operation.word(),
                        letter,
                    )),
                    tags::span().class("l2").children(tags::code().children(revision)),
                    tags::span().class("spark").hidden_from_readers().children(waves),
                    tags::span().class("l3").children(times),
                    failed,
                )),
        )
        .into()
}

/// What was loaded of some operations, with their events where these are wanted.
type Loaded = Option<Result<Vec<(OperationPage, Vec<StreamRecord>)>, ApiError>>;

fn loaded(application: Application, ids: Vec<String>, with_events: bool) -> Signal<Loaded> {
    let loaded = create_signal(None);
    let (namespace, name) = (application.namespace(), application.name());
    spawn_local(async move {
        let mut pages = Vec::new();
        for id in ids {
            let page = connection::get::<OperationPage>(&path::operation(&namespace, &name, &id)).await;
            let page = match page {
                Ok(page) => page,
                Err(error) => {
                    if loaded.is_alive() {
                        loaded.set(Some(Err(error)));
                    }
                    return;
                }
            };
            let mut records = Vec::new();
            if with_events && page.has_events {
                let text = connection::text(&path::operation_events(&namespace, &name, &id))
                    .await
                    .unwrap_or_default();
                records = text
                    .lines()
                    .filter_map(|line| capstan_api::json::from_str(line).ok())
                    .collect();
            }
            pages.push((page, records));
        }
        if loaded.is_alive() {
            loaded.set(Some(Ok(pages)));
        }
    });
    loaded
}

fn once_loaded(
    loaded: Signal<Loaded>,
    view: impl Fn(Vec<(OperationPage, Vec<StreamRecord>)>) -> View + 'static,
) -> View {
    dynamic(move || {
        let known = loaded.get_clone();
        untrack(|| match known {
            None => bits::loading(),
            Some(Err(error)) => refused(&error),
            Some(Ok(pages)) => view(pages),
        })
    })
}

fn title(letter: &'static str, class: &'static str, operation: &OperationSummary) -> View {
    let letter: View = if letter.is_empty() {
        nothing()
    } else {
        tags::i().class(class).children(letter).into()
    };
    tags::div()
        .children((
            letter,
            tags::b().children(format!("#{}", operation.number())),
            " ",
            tags::code().children(operation.revision.as_ref().map(revision_text).unwrap_or_default()),
            " ",
            bits::status_pill(&operation.status, false),
            tags::span()
                .class("faint")
                .children(took(operation).map(span).unwrap_or_default()),
        ))
        .into()
}
