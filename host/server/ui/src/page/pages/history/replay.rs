//! An operation again, at any of its moments.

use super::*;

pub fn one(application: Application, summary: OperationSummary) -> View {
    let loaded = loaded(application, vec![summary.id.clone()], true);
    once_loaded(loaded, move |pages| match pages.into_iter().next() {
        Some((page, records)) => replay(application, &summary, page, records),
        None => nothing(),
    })
}

/// The moments of a replay that are marked: where a wave begins, where a task ends.
fn moments(records: &[StreamRecord]) -> Vec<(Millis, &'static str)> {
    let moments = records.iter().filter_map(|record| match record {
        StreamRecord::Event(event) => match &event.kind {
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
        begin.view = capstan_core::run::view::OperationView::default();
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
                .fixed_style(format!(
                    "left:{}%",
                    crate::css::Css(float(moment - from) / float(length) * 100.0)
                ))
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
            tags::h2().class("sr").children(words::TIMELINE),
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
                tags::i()
                    .class("done")
                    .styled(move || format!("width:{}%", crate::css::Css(part()))),
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
