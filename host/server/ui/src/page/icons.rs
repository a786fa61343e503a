//! Icons and the shapes of states, drawn on 16 by 16 with one stroke. Every icon that means something has words beside it or a label.

use super::dom::*;
use crate::task_state::TaskState;

fn path_of(name: &str) -> &'static str {
    match name {
        "anchor" => {
            "M8 4.8V14M5 7.4h6M2 9.4c.4 2.8 2.8 4.6 6 4.6s5.6-1.8 6-4.6M8 4.8a1.6 1.6 0 1 0 0-3.2 1.6 1.6 0 0 0 0 3.2Z"
        }
        "apps" => "M2.5 2.5H7V7H2.5zM9 2.5h4.5V7H9zM2.5 9H7v4.5H2.5zM9 9h4.5v4.5H9z",
        "plug" => "M5.8 2v3.2M10.2 2v3.2M4 5.2h8v2.6a4 4 0 0 1-8 0zM8 11.8V14.2",
        "person" => "M8 8a2.6 2.6 0 1 0 0-5.2A2.6 2.6 0 0 0 8 8ZM2.8 14c.4-2.6 2.5-4 5.2-4s4.8 1.4 5.2 4",
        "search" => "M7 11.6a4.6 4.6 0 1 0 0-9.2 4.6 4.6 0 0 0 0 9.2ZM10.4 10.4 14 14",
        "right" => "m6 3.5 4.5 4.5L6 12.5",
        "down" => "m3.5 6 4.5 4.5L12.5 6",
        "left" => "M10 3.5 5.5 8l4.5 4.5",
        "check" => "m3.2 8.4 3.2 3.2 6.4-7",
        "cross" => "m4 4 8 8m0-8-8 8",
        "clock" => "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 4.6V8l2.4 1.6",
        "copy" => "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
        "wrap" => "M2.5 4h11M2.5 8h8.5a2 2 0 0 1 0 4H8.5m1.8-1.8L8.5 12l1.8 1.8",
        "download" => "M8 2.5v8.5M4.2 7.5 8 11.3l3.8-3.8M3 13.5h10",
        "bars" => "M2.5 4h5m-2 4h6m-1 4h4",
        "lines" => "M2.5 4h11m-11 4h11m-11 4h7",
        "tree" => "M3 2.5v9.3h4M3 6.3h4M7 4.5h6V8H7zM7 10h6v3.5H7z",
        "diff" => "M8 2.5v6M5 5.5h6M5 12.5h6",
        "history" => "M2.5 8a5.5 5.5 0 1 0 1.7-4L2.5 5.7m0-3.2v3.2h3.2M8 5.2V8l2 1.4",
        "stop" => "M4 4h8v8H4z",
        "play" => "M5 3.3v9.4L12.6 8z",
        "pause" => "M5.5 3.5v9m5-9v9",
        "undo" => "M3 6.2h6.6a3.4 3.4 0 0 1 0 6.8H6M6 3.2l-3 3 3 3",
        "trash" => "M3 4.3h10M6.3 4.3V2.6h3.4v1.7M4.3 4.3l.6 9h6.2l.6-9",
        "warn" => "M8 2.3 14.3 13.3H1.7zM8 6.3v3.5m0 1.7v.1",
        "info" => "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 7.3v3.7M8 5v.1",
        "sun" => {
            "M8 10.8a2.8 2.8 0 1 0 0-5.6 2.8 2.8 0 0 0 0 5.6ZM8 1.5V3m0 10v1.5M1.5 8H3m10 0h1.5M3.4 3.4l1 1m7.2 7.2 1 1m0-9.2-1 1m-7.2 7.2-1 1"
        }
        "moon" => "M13.3 9.7A5.6 5.6 0 0 1 6.3 2.7a5.6 5.6 0 1 0 7 7Z",
        "key" => "M9.8 9.2a3.6 3.6 0 1 0-3-3L2.5 10.5v3h3l.9-1.2H8v-1.6zM10.9 5.2v.1",
        "dots" => "M3.5 8v.1M8 8v.1M12.5 8v.1",
        "plus" => "M8 3.5v9M3.5 8h9",
        "minus" => "M3.5 8h9",
        "equal" => "M3.5 6h9m-9 4h9",
        "tilde" => "M3 9.3c1.3-3 3.3-3 5-1.3s3.7 1.7 5-1.3",
        "link" => {
            "M6.5 9.5 9.5 6.5M7.2 4.9l1.5-1.5a2.7 2.7 0 0 1 3.9 3.9l-1.5 1.5M8.8 11.1l-1.5 1.5a2.7 2.7 0 0 1-3.9-3.9l1.5-1.5"
        }
        "shield" => "M8 2 13 3.9v3.7c0 3.2-2 5.4-5 6.5-3-1.1-5-3.3-5-6.5V3.9z",
        _ => "",
    }
}

/// Draws an icon for the eye alone.
pub fn icon(name: &str, size: u32) -> View {
    icon_as(name, size, "icon")
}

/// Draws an icon for the eye alone, with classes.
pub fn icon_as(name: &str, size: u32, class: &'static str) -> View {
    frame(size, class)
        .attr("stroke-width", "1.5")
        .hidden_from_readers()
        .children(tags::path().attr("d", path_of(name)))
        .into()
}

/// Draws the anchor that marks hooks.
pub fn hook_mark(is_hook: bool) -> View {
    if !is_hook {
        return tags::i().class("nohook").into();
    }
    frame(12, "icon hookmark")
        .attr("stroke-width", "1.5")
        .attr("role", "img")
        .attr("aria-label", "hook")
        .children(tags::path().attr("d", path_of("anchor")))
        .into()
}

fn frame(size: u32, class: impl Into<Attribute>) -> Element {
    tags::svg()
        .class(class)
        .attr("width", size.to_string())
        .attr("height", size.to_string())
        .attr("viewBox", "0 0 16 16")
        .attr("fill", "none")
        .attr("stroke", "currentColor")
        .attr("stroke-linecap", "round")
        .attr("stroke-linejoin", "round")
}

/// Draws the shape of a state. States differ by shape first, then by colour.
pub fn glyph(state: TaskState, size: u32) -> View {
    let circle = |radius: &'static str| tags::circle().attr("cx", "8").attr("cy", "8").attr("r", radius);
    let line = |path: &'static str| tags::path().attr("d", path);
    let shape: View = match state {
        TaskState::Done => (circle("6.2").class("fill"), line("m5.2 8.2 2 2 3.7-4.1").class("cut")).into(),
        TaskState::Tolerated => (circle("5.6"), line("m5.6 8.2 1.7 1.7 3.2-3.6")).into(),
        TaskState::Failed => (
            circle("6.2").class("fill"),
            line("m5.8 5.8 4.4 4.4m0-4.4-4.4 4.4").class("cut"),
        )
            .into(),
        TaskState::Running => (
            circle("5.6").class("rail"),
            line("M8 2.4A5.6 5.6 0 0 1 13.6 8").class("turn"),
        )
            .into(),
        TaskState::Held => (
            circle("5.6").attr("stroke-dasharray", "2.2 2.2"),
            line("M6.5 6.2v3.6m3-3.6v3.6"),
        )
            .into(),
        TaskState::Pending => circle("5.2").into(),
        TaskState::Skipped => (circle("5.2").attr("stroke-dasharray", "1.5 2.2"), line("M5.6 8h4.8")).into(),
        TaskState::Stopped => (
            tags::rect()
                .attr("x", "2.8")
                .attr("y", "2.8")
                .attr("width", "10.4")
                .attr("height", "10.4")
                .attr("rx", "2"),
            line("M6 6h4v4H6z").class("fill"),
        )
            .into(),
        TaskState::Asks => (
            circle("6.2").class("fill"),
            line("M8 7.6a1.6 1.6 0 1 0 0-3.2 1.6 1.6 0 0 0 0 3.2ZM5.2 11.5c.3-1.4 1.4-2.1 2.8-2.1s2.5.7 2.8 2.1")
                .class("cut"),
        )
            .into(),
    };
    frame(size, format!("glyph glyph-{}", state.class()))
        .attr("stroke-width", "1.6")
        .attr("role", "img")
        .attr("aria-label", state.words())
        .children(shape)
        .into()
}
