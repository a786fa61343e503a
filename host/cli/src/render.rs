//! The output of commands. A plan is printed as a whole; a run is printed as it goes, only ever appending, the same on a terminal and in
//! a pipe.

pub mod compat;
pub mod findings;
pub use capstan_core::plan::mask;
pub mod plan;
pub mod policy;
pub mod remedy;
pub mod run;
pub mod sarif;
pub mod tables;
#[cfg(test)]
mod untrusted;

use std::io::IsTerminal as _;

pub use capstan_core::model::duration::format_duration;
use capstan_core::model::{
    object::ObjectKey,
    operation_kind::{OperationKind, Purpose},
    phase::Phase,
};

use crate::{args::Color, terminal::Text, text};

/// Adds colours to text, or doesn't.
#[derive(Debug, Clone, Copy)]
pub struct Paint {
    is_on: bool,
}

impl Paint {
    /// Decides by the flag, `NO_COLOR`, `FORCE_COLOR` and whether stdout is a terminal.
    pub fn new(color: Color) -> Paint {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_on = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto if is_set("NO_COLOR") => false,
            Color::Auto => is_set("FORCE_COLOR") || is_set("CLICOLOR_FORCE") || std::io::stdout().is_terminal(),
        };
        Paint { is_on }
    }

    /// Never colours.
    pub const PLAIN: Paint = Paint { is_on: false };

    /// Always colours.
    #[cfg(test)]
    pub(crate) const ALWAYS: Paint = Paint { is_on: true };

    fn paint(self, code: &'static str, text: impl Into<Text>) -> Text {
        let text = text.into();
        if self.is_on { text.with_codes(code) } else { text }
    }

    /// The style of a success.
    pub fn success(self, text: impl Into<Text>) -> Text {
        self.paint("32", text)
    }

    /// The style of a failure.
    pub fn failure(self, text: impl Into<Text>) -> Text {
        self.paint("31", text)
    }

    /// The style of a warning.
    pub fn warning(self, text: impl Into<Text>) -> Text {
        self.paint("33", text)
    }

    /// The style of a heading.
    pub fn heading(self, text: impl Into<Text>) -> Text {
        self.paint("1", text)
    }

    /// The style of less important text.
    pub fn dim(self, text: impl Into<Text>) -> Text {
        self.paint("2", text)
    }
}

/// Returns an object's name within its application: `Job/migrate`; with its namespace if that differs.
pub fn object_name(key: &ObjectKey, namespace: &str) -> String {
    if key.namespace.is_empty() || key.namespace == namespace {
        key.kind_and_name()
    } else {
        format!("{}/{}/{}", key.kind, key.namespace, key.name)
    }
}

/// Returns the name of a phase: the deletions of a delete are in Sync, tests are in PostSync.
pub fn phase_name(phase: Phase, kind: OperationKind, purpose: Purpose) -> &'static str {
    match (phase, kind, purpose) {
        (Phase::Sync, OperationKind::Delete, _) => "Deletion",
        (Phase::PostSync, OperationKind::Sync, Purpose::Test) => "Tests",
        _ => phase.as_str(),
    }
}

/// Lays out rows in columns. The last column isn't padded.
pub fn columns<C: Clone + Into<Text>>(rows: &[Vec<C>], gap: usize) -> Vec<Text> {
    let cells = |row: &Vec<C>| row.iter().cloned().map(Into::into).collect::<Vec<Text>>();
    let rows: Vec<Vec<Text>> = rows.iter().map(cells).collect();
    let count = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(Text::width).max();
    let widths: Vec<usize> = (0..count).map(|column| width(column).unwrap_or_default()).collect();
    let line = |row: &Vec<Text>| {
        let mut line = Text::default();
        for (cell, width) in row.iter().zip(&widths) {
            line.push(text!("{}{}", cell, " ".repeat(width - cell.width() + gap)));
        }
        line.trim_end()
    };
    rows.iter().map(line).collect()
}

/// Ends every line.
pub fn lines(lines: impl IntoIterator<Item = impl Into<Text>>) -> Text {
    lines.into_iter().map(|line| text!("{}\n", line.into())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_take_no_room() {
        let paint = Paint::ALWAYS;
        let rows = [
            vec![paint.success("ok"), "a".into()],
            vec![paint.heading(paint.failure("FAILED")), "b".into()],
        ];
        let laid_out = columns(&rows, 1);
        let laid_out: Vec<&str> = laid_out.iter().map(Text::as_str).collect();
        assert_eq!(
            laid_out,
            [
                "\u{1b}[32mok\u{1b}[0m     a",
                "\u{1b}[1m\u{1b}[31mFAILED\u{1b}[0m\u{1b}[0m b"
            ]
        );
    }
}
