//! A diff: what is left out is seen, and what changes within a line is marked.

use crate::{
    diff::{DiffRow, diff_rows},
    page::dom::*,
    words,
};

/// Draws a unified diff.
pub fn diff(unified: &str) -> View {
    let rows: Vec<View> = diff_rows(unified).into_iter().map(draw).collect();
    tags::table()
        .class("diff")
        .children(tags::tbody().children(rows))
        .into()
}

fn draw(row: DiffRow) -> View {
    let (old, new, parts) = match row {
        DiffRow::Gap(count) => {
            return tags::tr()
                .class("gap")
                .children(tags::td().attr("colspan", "4").children(words::lines_the_same(count)))
                .into();
        }
        DiffRow::Line { old, new, parts } => (old, new, parts),
    };
    let (class, sign, label) = match (old, new) {
        (Some(_), None) => ("del", "−", words::REMOVED),
        (None, Some(_)) => ("add", "+", words::ADDED),
        _ => ("same", "", ""),
    };
    let number = |line: Option<usize>| -> View {
        tags::td()
            .class("ln")
            .children(line.map_or_else(String::new, |line| line.to_string()))
            .into()
    };
    let parts: Vec<View> = parts
        .into_iter()
        .map(|(text, is_changed)| {
            if is_changed {
                tags::mark().children(text).into()
            } else {
                all(text)
            }
        })
        .collect();
    let sign: View = if sign.is_empty() {
        nothing()
    } else {
        (tags::span().hidden_from_readers().children(sign), for_readers(label)).into()
    };
    tags::tr()
        .class(class)
        .children((
            number(old),
            number(new),
            tags::td().class("sg").children(sign),
            tags::td().children(tags::pre().children(parts)),
        ))
        .into()
}
