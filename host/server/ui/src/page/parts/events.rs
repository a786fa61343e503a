//! What was told, as it was told: the last events, newest first.

use sycamore::web::events as events_of;

use crate::{
    events::{EventRow, Tone, event_row},
    page::{dom::*, pages::operation::Operation, store::zone},
    span::clock,
    words,
};

/// How many events are drawn at first, and how many more each time.
const DRAWN: usize = 150;

/// Draws the pane.
pub fn events(operation: Operation) -> View {
    let most = create_signal(DRAWN);
    let rows = create_memo(move || {
        operation.record.with(|record| {
            let newest = record.events.iter().rev().take(most.get());
            newest
                .map(|event| event_row(event, &record.view))
                .collect::<Vec<EventRow>>()
        })
    });
    let has_more = move || operation.record.with(|record| record.events.len() > most.get());
    tags::div()
        .class("events")
        .attr("tabindex", "0")
        .attr("role", "region")
        .attr("aria-label", words::EVENTS)
        .children((
            when(
                move || rows.with(Vec::is_empty),
                || tags::p().class("hint").children(words::NO_EVENTS).into(),
            ),
            tags::table().children((
                tags::thead().class("sr").children(tags::tr().children((
                    tags::th().attr("scope", "col").children("Number"),
                    tags::th().attr("scope", "col").children("Time"),
                    tags::th().attr("scope", "col").children("Kind"),
                    tags::th().attr("scope", "col").children("Event"),
                ))),
                tags::tbody().children(list(
                    move || rows.get_clone(),
                    |row| row.seq,
                    |row| draw(&row.get_clone_untracked()),
                )),
            )),
            when(has_more, move || {
                tags::button()
                    .attr("type", "button")
                    .class("linkbtn more-events")
                    .hear(events_of::click, move |_| most.set(most.get_untracked() + DRAWN))
                    .children(words::EARLIER_ONES)
                    .into()
            }),
        ))
        .into()
}

fn draw(row: &EventRow) -> View {
    let tone = match row.tone {
        Tone::Plain => "kind",
        Tone::Good => "kind k-good",
        Tone::Notable => "kind k-odd",
        Tone::Bad => "kind k-bad",
    };
    tags::tr()
        .children((
            tags::td().class("num").children(row.seq.to_string()),
            tags::td().class("num").children(clock(row.at, zone(row.at))),
            tags::td().class(tone).children(row.kind),
            tags::td().children((
                tags::b().children(row.object.clone()),
                " ",
                tags::span().children(row.says.clone()),
            )),
        ))
        .into()
}
