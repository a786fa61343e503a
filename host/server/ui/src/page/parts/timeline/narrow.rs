//! The narrow timeline: wave below wave.

use super::*;

pub fn narrow(operation: Operation, frame: Signal<Frame>) -> View {
    let rows = create_memo(move || with_look(operation, frame.get_untracked(), stacked));
    tags::div()
        .class("stack")
        .children(list(
            move || rows.get_clone(),
            |row| row.id.clone(),
            move |row| draw_stacked(operation, row),
        ))
        .into()
}

fn draw_stacked(operation: Operation, row: ReadSignal<StackedRow>) -> View {
    each_time(
        move || row.get_clone(),
        move |row| {
            let id = row.id;
            match row.kind {
                StackedKind::Wave {
                    phase,
                    wave,
                    says,
                    is_running,
                } => tags::h3()
                    .class(if is_running { "st-wave is-running" } else { "st-wave" })
                    .children((
                        tags::b().children(phase),
                        tags::span().children(wave),
                        tags::em().children(says),
                    ))
                    .into(),
                StackedKind::Fold { state, name, kinds } => tags::button()
                    .attr("type", "button")
                    .class("st-fold")
                    .hear(events::click, move |_| {
                        operation.open.update(|open| {
                            if !open.remove(&id) {
                                open.insert(id.clone());
                            }
                        });
                    })
                    .children((
                        glyph(state, 14),
                        tags::span().children(name),
                        tags::em().children(kinds),
                    ))
                    .into(),
                StackedKind::Task {
                    state,
                    is_hook,
                    name,
                    kind,
                    took,
                    message,
                    left,
                    width,
                    is_selected,
                    is_critical,
                } => {
                    let class = format!(
                        "st-row{}{}",
                        if is_selected { " is-selected" } else { "" },
                        if is_critical { " is-critical" } else { "" }
                    );
                    let bar = format!("bar bar-{}{}", state.class(), if is_hook { " is-hook" } else { "" });
                    let hook: View = if is_hook { hook_mark(true) } else { nothing() };
                    let said: View = if message.is_empty() {
                        nothing()
                    } else {
                        tags::q().children(message).into()
                    };
                    let critical: View = if is_critical {
                        for_readers(words::ON_THE_CRITICAL_PATH)
                    } else {
                        nothing()
                    };
                    tags::button()
                        .attr("type", "button")
                        .class(class)
                        .attr("data-state", state.class())
                        .attr("aria-pressed", if is_selected { "true" } else { "false" })
                        .hear(events::click, move |_| operation.select(&id))
                        .children((
                            glyph(state, 14),
                            hook,
                            tags::span().class("nm").children(name),
                            tags::span().class("kd").children(kind),
                            tags::b().children(took),
                            critical,
                            tags::i().class("st-track").hidden_from_readers().children(
                                tags::i()
                                    .class(bar)
                                    .fixed_style(format!("left:{}%;width:{}%", Css(left), Css(width))),
                            ),
                            said,
                        ))
                        .into()
                }
            }
        },
    )
}
