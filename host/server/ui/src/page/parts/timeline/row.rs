//! A row of the timeline: its name and its bar.

use super::*;

pub fn draw_row(operation: Operation, row: ReadSignal<TimelineRow>) -> View {
    let top = move || row.with(|row| format!("top:{}px;height:{ROW}px", row.place * ROW));
    let first = row.get_clone_untracked();
    if first.kind == RowKind::Phase {
        return tags::div()
            .class("tl-phase")
            .styled(top)
            .children((
                tags::b().children(first.name),
                tags::span().children(text(move || row.with(|row| row.aside.clone()))),
            ))
            .into();
    }
    let class = move || {
        row.with(|row| {
            let mut class = "tl-row".to_owned();
            let marks = [
                (row.is_selected, " is-selected"),
                (row.is_critical, " is-critical"),
                (row.is_inside, " is-inside"),
                (matches!(row.kind, RowKind::Fold { .. }), " tl-fold"),
                (row.kind == RowKind::Skipped, " tl-skip"),
            ];
            marks
                .iter()
                .filter(|(is_so, _)| *is_so)
                .for_each(|(_, word)| class.push_str(word));
            class
        })
    };
    let content = (row_name(row, &first), row_track(row));
    if first.kind == RowKind::Skipped {
        return tags::div().class(class).styled(top).children(content).into();
    }
    let is_task = first.kind == RowKind::Task;
    let id = first.id.clone();
    let pressed = move || row.with(|row| is_task.then_some(if row.is_selected { "true" } else { "false" }));
    let expanded = move || {
        row.with(|row| match row.kind {
            RowKind::Fold { is_open } => Some(if is_open { "true" } else { "false" }),
            _ => None,
        })
    };
    tags::button()
        .attr("type", "button")
        .class(class)
        .styled(top)
        .attr("data-state", move || row.with(|row| row.state.class()))
        .attr("data-task", is_task.then(|| first.id.clone()))
        .attr("aria-pressed", pressed)
        .attr("aria-expanded", expanded)
        .hear(events::click, move |_| {
            if is_task {
                operation.select(&id);
            } else {
                operation.open.update(|open| {
                    if !open.remove(&id) {
                        open.insert(id.clone());
                    }
                });
            }
        })
        .children(content)
        .into()
}

fn row_name(row: ReadSignal<TimelineRow>, first: &TimelineRow) -> View {
    let mark: View = match first.kind {
        RowKind::Fold { .. } => each_time(
            move || row.with(|row| row.kind == RowKind::Fold { is_open: true }),
            |is_open| icon_as(if is_open { "down" } else { "right" }, 12, "icon foldmark"),
        ),
        _ => hook_mark(first.is_hook),
    };
    tags::span()
        .class("tl-name")
        .fixed_style(format!("width:{}px", Css(LABEL)))
        .children((
            tags::em()
                .class("tl-wave")
                .hidden_from_readers()
                .children(text(move || row.with(|row| row.wave.clone()))),
            each_time(move || row.with(|row| row.state), |state| glyph(state, 14)),
            mark,
            tags::span()
                .class("nm")
                .attr("title", move || row.with(|row| format!("{}/{}", row.aside, row.name)))
                .children(text(move || row.with(|row| row.name.clone()))),
            tags::span()
                .class("kd")
                .children(text(move || row.with(|row| row.aside.clone()))),
            for_readers(text(move || row.with(|row| row.words.clone()))),
        ))
        .into()
}

fn row_track(row: ReadSignal<TimelineRow>) -> View {
    let earlier = move || row.with(|row| row.bar.as_ref().map(|bar| bar.earlier.clone()).unwrap_or_default());
    let held = move || row.with(|row| row.bar.as_ref().and_then(|bar| bar.held));
    let says_style = move || {
        row.with(|row| match row.says_at {
            SaysAt::From(x, width) => format!("left:{}px;max-width:{}px", Css(x), Css(width)),
            SaysAt::Until(x) => format!("left:{0}px;max-width:{0}px", Css(x)),
        })
    };
    tags::span()
        .class("tl-track")
        .hidden_from_readers()
        .children((
            list(
                move || earlier().into_iter().enumerate().collect::<Vec<_>>(),
                |(place, _)| *place,
                |stretch| {
                    tags::i()
                        .class("bar bar-earlier")
                        .styled(move || {
                            stretch.with(|(_, at)| format!("left:{}px;width:{}px", Css(at.x), Css(at.width)))
                        })
                        .into()
                },
            ),
            when(
                move || held().is_some(),
                move || {
                    tags::i()
                        .class("heldline")
                        .styled(move || {
                            held().map_or_else(String::new, |at| {
                                format!("left:{}px;width:{}px", Css(at.x), Css(at.width))
                            })
                        })
                        .into()
                },
            ),
            when(move || row.with(|row| row.bar.is_some()), move || draw_bar(row)),
            tags::span()
                .class(move || {
                    row.with(|row| {
                        if matches!(row.says_at, SaysAt::Until(_)) {
                            "says is-before"
                        } else {
                            "says"
                        }
                    })
                })
                .styled(says_style)
                .children((
                    tags::b().children(text(move || row.with(|row| row.says.clone()))),
                    " ",
                    tags::q().children(text(move || row.with(|row| row.message.clone()))),
                )),
        ))
        .into()
}

fn draw_bar(row: ReadSignal<TimelineRow>) -> View {
    let class = move || {
        row.with(|row| {
            let is_ahead = row.bar.as_ref().is_some_and(|bar| bar.is_ahead);
            let state = if is_ahead { "ghost" } else { row.state.class() };
            let hook = if row.is_hook { " is-hook" } else { "" };
            let many = if matches!(row.kind, RowKind::Fold { .. }) {
                " is-many"
            } else {
                ""
            };
            format!("bar bar-{state}{hook}{many}")
        })
    };
    let made = move || row.with(|row| row.bar.as_ref().and_then(|bar| bar.made));
    let marks = move || row.with(|row| row.bar.as_ref().map(|bar| bar.marks.clone()).unwrap_or_default());
    tags::i()
        .class(class)
        .styled(move || {
            row.with(|row| {
                row.bar.as_ref().map_or_else(String::new, |bar| {
                    format!("left:{}px;width:{}px", Css(bar.at.x), Css(bar.at.width))
                })
            })
        })
        .children((
            when(
                move || made().is_some(),
                move || {
                    tags::b()
                        .class("waits")
                        .styled(move || format!("left:{}px", Css(made().unwrap_or(0.0))))
                        .into()
                },
            ),
            list(
                move || marks().into_iter().enumerate().collect::<Vec<_>>(),
                |(place, _)| *place,
                |mark| {
                    tags::u()
                        .styled(move || mark.with(|(_, x)| format!("left:{}px", Css(*x))))
                        .into()
                },
            ),
        ))
        .into()
}
