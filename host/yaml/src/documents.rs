//! Cuts a text into parts as kubectl does.

use std::borrow::Cow;

/// A part of a text that is read by itself, so that a mistake in it doesn't hide those in the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// How many lines are before it.
    pub lines_before: u32,
    /// The text of this part.
    pub text: &'a str,
}

/// Cuts a text before each line that starts a document: `---`, alone or with a comment. Such a line starts one wherever it stands:
/// even a block of text can't hold it. A byte order mark at the beginning is left out.
///
/// More than kubectl takes: `--- {a: b}` starts a document, and `%YAML` and `%TAG` belong to the document after them.
pub fn split(text: &str) -> Vec<Chunk<'_>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut chunks = Vec::new();
    let mut lines_before = 0;
    let (mut start, mut at) = (0, 0);
    let mut has_directive = false;
    let mut has_content = false;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let is_blank = matches!(
            line.trim_start_matches(' ').chars().next(),
            None | Some('\n' | '\r' | '#')
        ) && !has_other_break(line);
        let is_directive = line.starts_with('%') && !has_content;
        let begin = Begin::of(line);
        if begin != Begin::Nothing {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            // before the first `---` there is a document only if there is something in it; directives belong to the next
            if has_content {
                let text = text.get(start..at).unwrap_or_default();
                chunks.push(Chunk { lines_before, text });
            }
            if begin == Begin::Behind {
                start = at + line.len();
                lines_before = number.saturating_add(1);
            } else if has_content || !has_directive {
                start = at;
                lines_before = number;
            }
            has_directive = false;
            has_content = true;
        } else if is_directive {
            has_directive = true;
        } else if !is_blank {
            has_content = true;
        }
        at += line.len();
    }
    let text = text.get(start..).unwrap_or_default();
    chunks.push(Chunk { lines_before, text });
    chunks
}

/// Says whether a line has line breaks in it that count for YAML, but not for kubectl's reader of lines.
fn has_other_break(line: &str) -> bool {
    line.trim_end_matches(['\n', '\r'])
        .contains(['\r', '\u{85}', '\u{2028}', '\u{2029}'])
}

/// Where a document begins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begin {
    /// Not in this line.
    Nothing,
    /// With the `---` of this line.
    Here,
    /// Behind this line, which YAML would read otherwise: `---# a comment`.
    Behind,
}

impl Begin {
    fn of(line: &str) -> Begin {
        let Some(rest) = line.strip_prefix("---") else {
            return Begin::Nothing;
        };
        let is_separator = rest.trim().is_empty() || rest.trim_start().starts_with('#');
        let inside = rest.trim_end_matches(['\n', '\r']);
        let is_yaml = inside.is_empty() || inside.starts_with([' ', '\t']);
        if is_yaml && !(is_separator && has_other_break(line)) {
            Begin::Here
        } else if is_separator {
            Begin::Behind
        } else {
            Begin::Nothing
        }
    }
}

/// Cuts off the line `---`, if the text starts with it, and says how many lines that were.
pub(crate) fn after_marker(text: &str) -> (u32, &str) {
    let (lines, text) = match text.split_once('\n') {
        Some((first, rest)) if first.trim_end() == "---" => (1, rest),
        Some(_) | None => (0, text),
    };
    (lines, text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Ends each line with `\n`, also the last one, as kubectl's reader of lines does: it makes a difference in a block of text.
pub(crate) fn with_line_ends(text: &str) -> Cow<'_, str> {
    let mut text = if text.contains("\r\n") {
        Cow::Owned(text.replace("\r\n", "\n"))
    } else {
        Cow::Borrowed(text)
    };
    if !text.is_empty() && !text.ends_with('\n') {
        text.to_mut().push('\n');
    }
    text
}

/// Writes the tabs at the beginning of the first line as spaces.
pub(crate) fn without_leading_tabs(text: &str) -> Cow<'_, str> {
    let rest = text.trim_start_matches([' ', '\t']);
    let (blanks, rest) = text.split_at(text.len() - rest.len());
    if blanks.contains('\t') {
        Cow::Owned(format!("{}{rest}", " ".repeat(blanks.len())))
    } else {
        Cow::Borrowed(text)
    }
}
