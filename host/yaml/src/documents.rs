//! Splits a text into documents as kubectl does.

use std::borrow::Cow;

use crate::{marks::Mark, node::ReadError, scanner::break_length};

/// A part of a text that is read by itself, so that a mistake in it doesn't hide those in other parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// The number of lines before it.
    pub lines_before: u32,
    /// The text of the part.
    pub text: &'a str,
}

/// A part of a text, and its place in the whole text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Excerpt<'a> {
    pub text: &'a str,
    pub start: Mark,
}

impl Excerpt<'_> {
    /// Removes some bytes at the beginning. Only `\n` ends a line here.
    #[must_use]
    fn without(self, bytes: usize) -> Self {
        let (cut, text) = self.text.split_at_checked(bytes).unwrap_or((self.text, ""));
        let mut start = self.start;
        for letter in cut.chars() {
            if letter == '\n' {
                start.line = start.line.saturating_add(1);
                start.column = 1;
            } else {
                start.column = start.column.saturating_add(1);
            }
        }
        Excerpt { text, start }
    }

    /// Removes a first line `---`, and byte order marks.
    pub fn without_marker(self) -> Self {
        let inside = match self.text.split_once('\n') {
            Some((first, _)) if first.trim_end() == "---" => self.without(first.len() + 1),
            Some(_) | None => self,
        };
        Excerpt {
            text: inside.text.trim_start_matches('\u{feff}'),
            ..inside
        }
    }

    /// Removes white space up to the end of the first line, as kubectl does before it continues with YAML.
    pub fn without_blanks(self) -> Self {
        let rest = self.text.trim_start();
        let blanks = self.text.get(..self.text.len() - rest.len()).unwrap_or_default();
        self.without(blanks.find('\n').map_or(blanks.len(), |line_end| line_end + 1))
    }
}

/// Splits a text before each line that starts a document: `---`, alone or with a comment. This also holds inside a block scalar. Byte order
/// marks at the beginning are removed.
///
/// Accepts more than kubectl: `--- {a: b}` starts a document, and `%YAML` and `%TAG` belong to the following document.
pub fn split(text: &str) -> Vec<Chunk<'_>> {
    let text = text.trim_start_matches('\u{feff}');
    let mut chunks = Vec::new();
    let mut lines_before = 0;
    let (mut start, mut at) = (0, 0);
    let mut has_directive = false;
    let mut has_content = false;
    // Whether kubectl has lines of a document before a separator; it drops a separator only then.
    let mut has_lines = false;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let is_blank = matches!(
            line.trim_start_matches(' ').chars().next(),
            None | Some('\n' | '\r' | '#')
        ) && !has_other_break(line);
        let is_directive = line.starts_with('%') && !has_content;
        let begin = Begin::of_line(line, has_lines);
        has_lines = !(has_lines && is_separator(line));
        if begin != Begin::NotHere {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            // A document before the first `---` must have content. Directives belong to the following document.
            if has_content || (has_directive && begin == Begin::AfterLine) {
                let text = text.get(start..at).unwrap_or_default();
                chunks.push(Chunk { lines_before, text });
            }
            if begin == Begin::AfterLine {
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

/// Returns whether a line contains line breaks that count in YAML but not in kubectl's line reader.
fn has_other_break(line: &str) -> bool {
    line.trim_end_matches(['\n', '\r'])
        .contains(['\r', '\u{85}', '\u{2028}', '\u{2029}'])
}

/// Whether a line begins a document.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begin {
    /// The line begins no document.
    NotHere,
    /// The document begins with the `---` of this line.
    AtMarker,
    /// The document begins after this line, which YAML would read differently: `---# a comment`.
    AfterLine,
}

/// Returns whether kubectl treats a line as a separator of documents.
fn is_separator(line: &str) -> bool {
    let rest = line.strip_prefix("---").map(str::trim);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
}

/// Finds a line that starts with `---` followed by something that YAML would read as one word with it, such as `---apiVersion: v1`. kubectl
/// refuses it anywhere, even in quotes.
pub(crate) fn joined_marker(excerpt: Excerpt<'_>) -> Option<ReadError> {
    let lines = excerpt.text.split_inclusive('\n').enumerate();
    let (number, _) = lines.into_iter().find(|(_, line)| {
        let rest = line.strip_prefix("---");
        let is_joined = |rest: &str| {
            !matches!(rest.chars().next(), None | Some(' ' | '\t')) && break_length(rest.as_bytes(), 0) == 0
        };
        rest.is_some_and(is_joined) && !is_separator(line)
    })?;
    let at = Mark {
        line: excerpt
            .start
            .line
            .saturating_add(u32::try_from(number).unwrap_or(u32::MAX)),
        column: 1,
    };
    Some(
        ReadError::new(
            at,
            "a line that starts with `---` separates documents, and only a comment can be behind it",
        )
        .hint("begin the document on the next line; indent the line if it is part of a text"),
    )
}

impl Begin {
    /// Examines a line. `has_lines`: whether there are lines before it that no separator has ended.
    fn of_line(line: &str, has_lines: bool) -> Begin {
        let Some(rest) = line.strip_prefix("---") else {
            return Begin::NotHere;
        };
        let is_yaml = rest.is_empty() || rest.starts_with([' ', '\t']) || break_length(rest.as_bytes(), 0) > 0;
        match (is_separator(line), has_other_break(line)) {
            // The text after the other line break is dropped with the separator.
            (true, true) if has_lines => Begin::AfterLine,
            (true, true) if !is_yaml => Begin::NotHere,
            (true, false) if !is_yaml => Begin::AfterLine,
            _ if is_yaml => Begin::AtMarker,
            _ => Begin::NotHere,
        }
    }
}

/// Ends every line with `\n`, including the last one, as kubectl's line reader does. Block scalars depend on it.
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
