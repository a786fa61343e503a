//! Operations that are over: what each did, how two of them differ, and any of them again.

use std::{collections::HashSet, rc::Rc};

use capstan_api::{ApiError, OperationPage, OperationSummary, StreamRecord, path};
use capstan_core::{
    event::{EventKind, Status},
    phase::Phase,
    task::TaskResult,
};
use wasm_bindgen_futures::spawn_local;

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
                        (Some(a), Some(b)) if !is_replay => two(application, a, b),
                        (Some(a), _) => one(application, a),
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
            let bad = if is_last && matches!(operation.status, Status::Failed(_)) {
                " bad"
            } else {
                ""
            };
            tags::i()
                .class(format!("s-{}{bad}", wave.phase))
                .fixed_style(format!("width:{}%", (float(length) / float(longest) * 100.0).max(0.6)))
                .into()
        })
        .collect();
    let revision = operation.revision.as_ref().map(revision_text).unwrap_or_default();
    let started = millis(operation.started_at);
    let failed: View = match &operation.status {
        Status::Failed(cause) => tags::span()
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
                    .filter_map(|line| serde_json::from_str(line).ok())
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

fn two(application: Application, a: OperationSummary, b: OperationSummary) -> View {
    let loaded = loaded(application, vec![a.id.clone(), b.id.clone()], false);
    once_loaded(loaded, move |pages| match pages.as_slice() {
        [(in_a, _), (in_b, _)] => comparison(
            application,
            &a,
            &b,
            compare(&in_a.view, &in_b.view),
            total(&in_a.view, &in_b.view),
        ),
        _ => nothing(),
    })
}

fn comparison(
    application: Application,
    a: &OperationSummary,
    b: &OperationSummary,
    rows: Vec<ComparedTask>,
    longer: Option<Millis>,
) -> View {
    let only_differing = create_signal(false);
    let differing = rows.iter().filter(|row| row.differs).count();
    let says = words::compared(
        longer.map(|longer| (span(longer.abs()), longer > 0)),
        differing,
        rows.len(),
    );
    let most = rows
        .iter()
        .flat_map(|row| [row.a.took, row.b.took])
        .flatten()
        .max()
        .unwrap_or(1)
        .max(1);
    let rows = Rc::new(rows);
    let body = each_time(
        move || only_differing.get(),
        move |only| {
            let shown: Vec<&ComparedTask> = rows.iter().filter(|row| !only || row.differs).collect();
            let mut views: Vec<View> = Vec::new();
            for of_phase in shown.chunk_by(|a, b| a.phase == b.phase) {
                if let Some(first) = of_phase.first() {
                    views.push(
                        tags::tr()
                            .class("cmpphase")
                            .children(
                                tags::th()
                                    .attr("colspan", "5")
                                    .attr("scope", "rowgroup")
                                    .children(first.phase.to_string()),
                            )
                            .into(),
                    );
                }
                views.extend(of_phase.iter().map(|row| compared_row(row, most)));
            }
            views.into()
        },
    );
    let head = |name: &'static str, class: &'static str| -> View {
        tags::th().attr("scope", "col").class(class).children(name).into()
    };
    let number = a.number().to_owned();
    tags::div()
        .class("cmp")
        .children((
            tags::header().class("cmphead").children((
                title("A", "ab", a),
                title("B", "ab b", b),
                tags::span().class("brk"),
                tags::p().children(says),
                tags::span().class("spacer"),
                bits::check(
                    words::ONLY_WHAT_DIFFERS,
                    "",
                    move || only_differing.get(),
                    move |only| only_differing.set(only),
                ),
                tags::button()
                    .attr("type", "button")
                    .class("btn")
                    .hear(events::click, move |_| {
                        application.store.look(&[("pick", Some(&number)), ("t", Some("0"))]);
                    })
                    .children((icon("play", 12), words::REPLAY_A)),
            )),
            tags::div()
                .class("scroll")
                .children(tags::table().class("cmptable").children((
                    tags::thead().children(tags::tr().children((
                        head(words::OBJECT, ""),
                        head(words::A_OVER_B, ""),
                        head("A", "r"),
                        head("B", "r"),
                        head(words::DIFFERENCE, "r"),
                    ))),
                    tags::tbody().children(body),
                ))),
        ))
        .into()
}

fn compared_row(row: &ComparedTask, most: Millis) -> View {
    let bar = |side: &Side, class: &str| -> View {
        let state = side.state.map_or("none", TaskState::class);
        let width = side.took.map_or(0.0, |took| float(took) / float(most) * 100.0);
        tags::i()
            .class(format!("{class} b-{state}"))
            .fixed_style(format!("width:{width}%"))
            .into()
    };
    let cell = |side: &Side| -> View {
        let mark: View = if side.state == Some(TaskState::Failed) {
            glyph(TaskState::Failed, 12)
        } else {
            nothing()
        };
        let class = if side.took.is_none() { "faint" } else { "" };
        tags::td()
            .class("r")
            .children((mark, " ", tags::span().class(class).children(side.says())))
            .into()
    };
    let tone = match row.says.chars().next() {
        Some('+') => "r delta slower",
        Some('−') => "r delta faster",
        _ => "r delta",
    };
    let why: View = if row.why.is_empty() {
        nothing()
    } else {
        tags::small().children(row.why.clone()).into()
    };
    let class = if row.says == words::SAME { "faint" } else { "" };
    tags::tr()
        .class(if row.differs { "differs" } else { "" })
        .children((
            tags::th().attr("scope", "row").children((
                tags::em().children(wave(row.wave)),
                hook_mark(row.is_hook),
                tags::span().class("nm").children(row.name.clone()),
                tags::span().class("kd").children(row.kind.clone()),
            )),
            tags::td()
                .class("cmpbars")
                .hidden_from_readers()
                .children((bar(&row.a, "bar-a"), bar(&row.b, "bar-b"))),
            cell(&row.a),
            cell(&row.b),
            tags::td()
                .class(tone)
                .children((why, tags::span().class(class).children(row.says.clone()))),
        ))
        .into()
}

fn one(application: Application, summary: OperationSummary) -> View {
    let loaded = loaded(application, vec![summary.id.clone()], true);
    once_loaded(loaded, move |pages| match pages.into_iter().next() {
        Some((page, records)) => replay(application, &summary, page, records),
        None => nothing(),
    })
}

/// The moments of a replay that are marked: where a wave begins, where a task ends.
fn moments(records: &[StreamRecord]) -> Vec<(Millis, &'static str)> {
    let moments = records.iter().filter_map(|record| match record {
        StreamRecord::Event(event) => match &event.what {
            EventKind::WaveStarted { .. } => Some((millis(event.at), "WaveStarted")),
            EventKind::TaskFinished {
                result: TaskResult::Failed { .. },
                ..
            } => Some((millis(event.at), "bad")),
            EventKind::TaskFinished { .. } | EventKind::Retrying { .. } => Some((millis(event.at), "")),
            _ => None,
        },
        _ => None,
    });
    moments.collect()
}

fn replay(
    application: Application,
    summary: &OperationSummary,
    page: OperationPage,
    records: Vec<StreamRecord>,
) -> View {
    let store = application.store;
    let (from, to) = (
        millis(page.summary.started_at),
        page.summary.finished_at.map_or_else(|| millis(page.now), millis),
    );
    let length = (to - from).max(1);
    let start = store
        .query("t")
        .and_then(|t| t.parse::<Millis>().ok())
        .map_or(length, |seconds| (seconds * 1000).clamp(0, length));
    let at = create_signal(start);
    let moment = create_signal(from + start);
    let has_events = !records.is_empty();
    let full = Record::new(page.clone());
    let mut begin = page;
    if has_events {
        begin.view = capstan_core::view::OperationView::default();
        begin.usual = None;
    }
    let begin = Rc::new(Record::new(begin));
    let moments = moments(&records);
    let records = Rc::new(records);
    let operation = Operation {
        application,
        record: create_signal(if has_events {
            as_of(&begin, &records, from + start)
        } else {
            full
        }),
        open: create_signal(HashSet::new()),
        moment: Some(moment),
    };
    let set = move |milliseconds: Millis| {
        let milliseconds = milliseconds.clamp(0, length);
        at.set(milliseconds);
        moment.set(from + milliseconds);
        if has_events {
            operation.record.set(as_of(&begin, &records, from + milliseconds));
        }
    };
    let marks: Vec<View> = moments
        .iter()
        .map(|(moment, class)| {
            tags::u()
                .class(*class)
                .fixed_style(format!("left:{}%", float(moment - from) / float(length) * 100.0))
                .into()
        })
        .collect();
    let command = commands::simple(
        "history",
        &application.name(),
        &application.namespace(),
        &["--replay", summary.number(), "--with-plugin", "PLUGIN"],
    );
    let scrubber: View = if has_events {
        scrub(application, at, length, marks, set)
    } else {
        tags::p().class("hint").children(words::NO_EVENTS_KEPT).into()
    };
    let link = application.address(&format!("/operations/{}", summary.number()));
    tags::div()
        .class("replay")
        .children((
            tags::header().class("cmphead").children((
                title("", "", summary),
                tags::span().class("faint").children(text(move || {
                    words::as_it_was_at(&clock(moment.get(), zone(moment.get())))
                })),
                tags::span().class("spacer"),
                tags::a().class("btn").attr("href", link).children(words::OPEN),
            )),
            scrubber,
            timeline::timeline(operation),
            tags::footer().class("replayfoot").children((
                tags::span().class("faint").children(words::ASK_ANOTHER_PLUGIN),
                bits::command(move || command.clone()),
            )),
        ))
        .into()
}

fn as_of(begin: &Record, records: &[StreamRecord], moment: Millis) -> Record {
    let mut record = begin.clone();
    let is_before = |one: &&StreamRecord| match one {
        StreamRecord::Event(event) => millis(event.at) <= moment,
        StreamRecord::Line(line) => millis(line.at) <= moment,
        _ => false,
    };
    records
        .iter()
        .filter(is_before)
        .cloned()
        .for_each(|one| record.apply(one));
    record
}

fn scrub(
    application: Application,
    at: Signal<Millis>,
    length: Millis,
    marks: Vec<View>,
    set: impl Fn(Millis) + Clone + 'static,
) -> View {
    let store = application.store;
    let is_playing = create_signal(false);
    let play = set.clone();
    let step = Closure::<dyn FnMut()>::new(move || {
        if is_playing.is_alive() && is_playing.get_untracked() {
            let next = at.get_untracked() + (length / 400).max(100);
            play(next);
            if next >= length {
                is_playing.set(false);
            }
        }
    });
    let interval = window()
        .set_interval_with_callback_and_timeout_and_arguments_0(step.as_ref().unchecked_ref(), 100)
        .unwrap_or(0);
    on_cleanup(move || {
        window().clear_interval_with_handle(interval);
        drop(step);
    });
    let part = move || float(at.get()) / float(length) * 100.0;
    let begin = set.clone();
    tags::div()
        .class("scrub")
        .children((
            tags::button()
                .attr("type", "button")
                .class("btn")
                .attr(
                    "aria-label",
                    move || if is_playing.get() { words::PAUSE } else { words::PLAY },
                )
                .hear(events::click, move |_| {
                    if !is_playing.get_untracked() && at.get_untracked() >= length {
                        begin(0);
                    }
                    is_playing.set(!is_playing.get_untracked());
                })
                .children(dynamic(move || {
                    icon(if is_playing.get() { "pause" } else { "play" }, 12)
                })),
            tags::div().class("scrubtrack").children((
                tags::i().class("done").styled(move || format!("width:{}%", part())),
                marks,
                tags::input()
                    .attr("type", "range")
                    .attr("min", "0")
                    .attr("max", length.to_string())
                    .attr("step", "100")
                    .attr("aria-label", words::MOMENT)
                    .attr("aria-valuetext", move || words::span_of(&span(at.get()), &span(length)))
                    .prop("value", move || JsValue::from(at.get().to_string()))
                    .hear(events::input, move |event: web_sys::Event| {
                        let value = value_of(&event).parse().unwrap_or(0);
                        set(value);
                        store.look(&[("t", Some(&(value / 1000).to_string()))]);
                    }),
            )),
            tags::span()
                .class("num")
                .children(text(move || words::span_of(&span(at.get()), &span(length)))),
        ))
        .into()
}
