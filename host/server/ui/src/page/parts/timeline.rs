//! The wave timeline: bands, columns, rows with bars. Only rows in sight exist.

mod narrow;
mod row;

use std::rc::Rc;

use crate::{
    css::Css,
    page::{
        dom::*,
        icons::{glyph, hook_mark, icon_as},
        pages::operation::Operation,
    },
    timeline::{
        LABEL, Look, NARROW, ROW, RowKind, SaysAt, Timeline, TimelineRow,
        stacked::{StackedKind, StackedRow, stacked},
        timeline as make,
    },
    words,
};

/// The size of the box, and how far it is scrolled.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Frame {
    width: f64,
    height: f64,
    top: f64,
}

/// Draws the timeline of an operation.
pub fn timeline(operation: Operation) -> View {
    let frame = create_signal(Frame {
        width: 980.0,
        height: 400.0,
        top: 0.0,
    });
    let place = create_node_ref();
    let is_narrow = create_selector(move || frame.get().width < NARROW);
    on_mount(move || observe(place, frame));
    let scroll = move |event: web_sys::Event| {
        if let Some(target) = event
            .current_target()
            .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
        {
            let top = f64::from(target.scroll_top());
            // Few rows are all there: then nothing depends on where they are.
            let known = frame.get_untracked();
            if (known.top - top).abs() > 1.0 {
                frame.set(Frame { top, ..known });
            }
        }
    };
    tags::div()
        .class("tl")
        .attr("role", "group")
        .attr("aria-label", words::TIMELINE)
        .referenced(place)
        .hear(events::scroll, scroll)
        .children(each_time(
            move || is_narrow.get(),
            move |is_narrow| {
                if is_narrow {
                    narrow::narrow(operation, frame)
                } else {
                    wide(operation, frame, place)
                }
            },
        ))
        .into()
}

fn observe(place: NodeRef, frame: Signal<Frame>) {
    let Some(element) = element(place) else { return };
    let resized = Closure::<dyn FnMut(js_sys::Array)>::new(move |entries: js_sys::Array| {
        let Ok(entry) = entries.get(0).dyn_into::<web_sys::ResizeObserverEntry>() else {
            return;
        };
        let size = entry.content_rect();
        if frame.is_alive() {
            let known = frame.get_untracked();
            let new = Frame {
                width: size.width(),
                height: size.height(),
                ..known
            };
            if new != known {
                frame.set(new);
            }
        }
    });
    let Ok(observer) = web_sys::ResizeObserver::new(resized.as_ref().unchecked_ref()) else {
        return;
    };
    observer.observe(&element);
    on_cleanup(move || {
        observer.disconnect();
        drop(resized);
    });
}

fn with_look<T>(operation: Operation, frame: Frame, make: impl FnOnce(&crate::record::Record, Look<'_>) -> T) -> T {
    let (now, mode, filter, selected) = (
        operation.now(),
        operation.mode(),
        operation.filter(),
        operation.selected(),
    );
    operation.open.with(|open| {
        operation.record.with(|record| {
            make(
                record,
                Look {
                    now,
                    width: frame.width,
                    height: frame.height,
                    top: frame.top,
                    mode,
                    open,
                    filter: &filter,
                    selected: selected.as_deref(),
                },
            )
        })
    })
}

fn wide(operation: Operation, frame: Signal<Frame>, place: NodeRef) -> View {
    let drawn = create_memo(move || Rc::new(with_look(operation, frame.get(), make)));
    let of = move |part: fn(&Timeline) -> String| move || drawn.with(|timeline| part(timeline));
    keep_in_sight(operation, drawn, place);
    let keys = move |event: web_sys::KeyboardEvent| {
        let step = match event.key().as_str() {
            "ArrowDown" | "j" => 1,
            "ArrowUp" | "k" => -1,
            _ => return,
        };
        if !event.meta_key() && !event.ctrl_key() && move_selection(operation, drawn, place, step) {
            event.prevent_default();
        }
    };
    tags::div()
        .class("tl-all")
        .hear(events::keydown, keys)
        .children((
            tags::div().class("tl-head").hidden_from_readers().children((
                tags::div()
                    .class("tl-corner")
                    .fixed_style(format!("width:{}px", Css(LABEL)))
                    .children(words::OBJECT),
                tags::div()
                    .class("tl-heads")
                    .styled(of(|timeline| format!("width:{}px", Css(timeline.track))))
                    .children((bands(drawn), wave_heads(drawn))),
            )),
            tags::div()
                .class("tl-body")
                .styled(of(|timeline| format!("height:{}px", timeline.count * ROW)))
                .children((
                    grid(drawn),
                    list(
                        move || drawn.with(|timeline| timeline.rows.clone()),
                        |row| row.id.clone(),
                        move |row| row::draw_row(operation, row),
                    ),
                )),
        ))
        .into()
}

fn bands(drawn: ReadSignal<Rc<Timeline>>) -> View {
    list(
        move || drawn.with(|timeline| timeline.bands.iter().cloned().enumerate().collect::<Vec<_>>()),
        |(place, band)| format!("{place} {}", band.name),
        |band| {
            let says = move || {
                band.with(|(_, band)| {
                    if band.at.width > 108.0 {
                        band.says.clone()
                    } else {
                        String::new()
                    }
                })
            };
            tags::div()
                .class(move || band.with(|(_, band)| format!("band band-{}", band.state.class())))
                .attr("title", move || {
                    band.with(|(_, band)| format!("{} {}", band.name, band.says))
                })
                .styled(move || {
                    band.with(|(_, band)| format!("left:{}px;width:{}px", Css(band.at.x), Css(band.at.width)))
                })
                .children((
                    tags::b().children(band.with_untracked(|(_, band)| band.name)),
                    tags::span().children(text(says)),
                ))
                .into()
        },
    )
}

fn wave_heads(drawn: ReadSignal<Rc<Timeline>>) -> View {
    list(
        move || drawn.with(|timeline| timeline.waves.clone()),
        |wave| wave.id.clone(),
        |wave| {
            tags::div()
                .class(move || wave.with(|wave| state_class("wavehead", wave.is_running, wave.is_ahead)))
                .styled(move || wave.with(|wave| format!("left:{}px;width:{}px", Css(wave.at.x), Css(wave.at.width))))
                .children((
                    tags::b().children(text(move || wave.with(|wave| wave.wave.clone()))),
                    tags::span().children(text(move || wave.with(|wave| wave.says.clone()))),
                ))
                .into()
        },
    )
}

fn state_class(name: &str, is_running: bool, is_ahead: bool) -> String {
    let state = match (is_running, is_ahead) {
        (true, _) => " is-running",
        (_, true) => " is-ghost",
        _ => "",
    };
    format!("{name}{state}")
}

fn grid(drawn: ReadSignal<Rc<Timeline>>) -> View {
    tags::div()
        .class("tl-grid")
        .hidden_from_readers()
        .styled(move || drawn.with(|timeline| format!("left:{}px;width:{}px", Css(LABEL), Css(timeline.scale_width))))
        .children((
            list(
                move || drawn.with(|timeline| timeline.waves.clone()),
                |wave| wave.id.clone(),
                |wave| {
                    tags::i()
                        .class(move || wave.with(|wave| state_class("", wave.is_running, wave.is_ahead)))
                        .styled(move || {
                            wave.with(|wave| format!("left:{}px;width:{}px", Css(wave.at.x), Css(wave.at.width)))
                        })
                        .into()
                },
            ),
            list(
                move || drawn.with(|timeline| timeline.elbows.iter().copied().enumerate().collect::<Vec<_>>()),
                |(place, _)| *place,
                |elbow| {
                    tags::s()
                        .styled(move || {
                            let (_, elbow) = elbow.get();
                            format!(
                                "left:{}px;width:{}px;top:{}px;height:{}px",
                                Css(elbow.x),
                                Css(elbow.width),
                                elbow.row * ROW + 19,
                                elbow.rows * ROW
                            )
                        })
                        .into()
                },
            ),
            when(
                move || drawn.with(|timeline| timeline.now_x.is_some()),
                move || {
                    tags::em()
                        .class("now")
                        .styled(move || {
                            drawn.with(|timeline| {
                                format!("transform:translateX({}px)", Css(timeline.now_x.unwrap_or(0.0)))
                            })
                        })
                        .into()
                },
            ),
        ))
        .into()
}

/// Scrolls to what begins, unless somebody scrolled away.
fn keep_in_sight(operation: Operation, drawn: ReadSignal<Rc<Timeline>>, place: NodeRef) {
    let followed = create_selector(move || drawn.with(|timeline| timeline.follow.clone().map(|(id, _)| id)));
    let set_by_us = create_signal(0);
    create_effect(move || {
        if followed.get_clone().is_none() || operation.moment.is_some() {
            return;
        }
        later(0, move || {
            if !drawn.is_alive() {
                return;
            }
            let Some(element) = element(place) else { return };
            let Some((_, row)) = drawn.with_untracked(|timeline| timeline.follow.clone()) else {
                return;
            };
            let here = element.scroll_top();
            if here != 0 && (here - set_by_us.get_untracked()).abs() > 30 {
                return;
            }
            let top = pixels(row.saturating_sub(7) * ROW);
            if element.scroll_height() > element.client_height() {
                element.set_scroll_top(top);
                set_by_us.set(element.scroll_top());
            }
        });
    });
}

fn pixels(length: usize) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}

/// Selects the next or the previous task, and says whether there was one.
fn move_selection(operation: Operation, drawn: ReadSignal<Rc<Timeline>>, place: NodeRef, step: isize) -> bool {
    let selected = operation.selected();
    let next = drawn.with_untracked(|timeline| {
        let tasks = &timeline.tasks;
        let here = selected.and_then(|selected| tasks.iter().position(|(id, _)| *id == selected));
        let next = match here {
            Some(here) => here.checked_add_signed(step)?,
            None => 0,
        };
        tasks.get(next).cloned()
    });
    let Some((id, row)) = next else { return false };
    operation.show(&id);
    if let Some(element) = element(place) {
        let (top, bottom) = (pixels(row * ROW), pixels((row + 1) * ROW));
        if top < element.scroll_top() + 24 {
            element.set_scroll_top((top - 60).max(0));
        } else if bottom > element.scroll_top() + element.client_height() - 84 {
            element.set_scroll_top(bottom - element.client_height() + 108);
        }
        later(0, move || {
            let row = element.query_selector(".tl-row.is-selected").ok().flatten();
            if let Some(row) = row.and_then(|row| row.dyn_into::<web_sys::HtmlElement>().ok()) {
                let _ = row.focus();
            }
        });
    }
    true
}
