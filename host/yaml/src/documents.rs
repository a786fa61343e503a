//! Cuts a text into parts as kubectl does.

use std::borrow::Cow;

use crate::{marks::Mark, node::Trouble, scanner::break_length};

/// A part of a text that is read by itself, so that a mistake in it doesn't hide those in the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// How many lines are before it.
    pub lines_before: u32,
    /// The text of this part.
    pub text: &'a str,
}

/// A text, and where it starts in the whole one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Excerpt<'a> {
    pub text: &'a str,
    pub start: Mark,
}

impl Excerpt<'_> {
    /// Cuts off some bytes at the beginning; lines end with `\n` only.
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

    /// Cuts off the line `---` if the text starts with it, and byte order marks.
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

    /// Cuts off white space up to the end of the first line, as kubectl does before it goes on with YAML.
    pub fn without_blanks(self) -> Self {
        let rest = self.text.trim_start();
        let blanks = self.text.get(..self.text.len() - rest.len()).unwrap_or_default();
        self.without(blanks.find('\n').map_or(blanks.len(), |line_end| line_end + 1))
    }
}

/// Cuts a text before each line that starts a document: `---`, alone or with a comment. Such a line starts one wherever it stands:
/// even a block of text can't hold it. Byte order marks at the beginning are left out.
///
/// More than kubectl takes: `--- {a: b}` starts a document, and `%YAML` and `%TAG` belong to the document after them.
pub fn split(text: &str) -> Vec<Chunk<'_>> {
    let text = text.trim_start_matches('\u{feff}');
    let mut chunks = Vec::new();
    let mut lines_before = 0;
    let (mut start, mut at) = (0, 0);
    let mut has_directive = false;
    let mut has_content = false;
    // whether kubectl has lines of a document when it comes to a separator, which it then drops
    let mut has_lines = false;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let is_blank = matches!(
            line.trim_start_matches(' ').chars().next(),
            None | Some('\n' | '\r' | '#')
        ) && !has_other_break(line);
        let is_directive = line.starts_with('%') && !has_content;
        let begin = Begin::of(line, has_lines);
        has_lines = !(has_lines && is_separator(line));
        if begin != Begin::Nothing {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            // before the first `---` there is a document only if there is something in it; directives belong to the next
            if has_content || (has_directive && begin == Begin::Behind) {
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

/// Says whether kubectl takes a line for a separator of documents.
fn is_separator(line: &str) -> bool {
    let rest = line.strip_prefix("---").map(str::trim);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
}

/// Finds a line that starts with `---` and goes on with something that YAML would read as a text with it, such as
/// `---apiVersion: v1`. kubectl refuses it wherever it stands, even in quotes.
pub(crate) fn joined_marker(excerpt: Excerpt<'_>) -> Option<Trouble> {
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
        Trouble::new(
            at,
            "a line that starts with `---` separates documents, and only a comment can be behind it",
        )
        .hint("begin the document in the line below; indent the line if it belongs to a text"),
    )
}

impl Begin {
    /// Looks at a line; `has_lines` says whether lines are before it that no separator has ended. kubectl drops a separator only then.
    fn of(line: &str, has_lines: bool) -> Begin {
        let Some(rest) = line.strip_prefix("---") else {
            return Begin::Nothing;
        };
        let is_yaml = rest.is_empty() || rest.starts_with([' ', '\t']) || break_length(rest.as_bytes(), 0) > 0;
        match (is_separator(line), has_other_break(line)) {
            // what is behind the other line break goes with the separator
            (true, true) if has_lines => Begin::Behind,
            (true, true) if !is_yaml => Begin::Nothing,
            (true, false) if !is_yaml => Begin::Behind,
            _ if is_yaml => Begin::Here,
            _ => Begin::Nothing,
        }
    }
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
