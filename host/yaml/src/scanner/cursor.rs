//! A position in a text.

use crate::marks::Mark;

/// A position in a text that doesn't contain NUL, so that byte 0 always means the end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    /// The offset in bytes, always at the start of a character.
    at: usize,
    /// The number of the line, from 0.
    line: u32,
    /// The column in characters, from 0.
    column: u32,
}

impl<'a> Cursor<'a> {
    pub fn new(text: &'a str) -> Cursor<'a> {
        Cursor {
            text,
            at: 0,
            line: 0,
            column: 0,
        }
    }

    /// Returns the line, from 0.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// Returns the column in characters, from 0.
    pub fn column(&self) -> u32 {
        self.column
    }

    /// Returns the offset in bytes.
    pub fn offset(&self) -> usize {
        self.at
    }

    pub fn mark(&self) -> Mark {
        Mark {
            line: self.line.saturating_add(1),
            column: self.column.saturating_add(1),
        }
    }

    /// Returns a byte ahead of the position; 0 after the end.
    pub fn byte(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    /// Returns the next character.
    pub fn character(&self) -> Option<char> {
        self.text.get(self.at..).and_then(|rest| rest.chars().next())
    }

    pub fn is_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// Returns a part of the text, by offsets in bytes.
    pub fn slice(&self, from: usize, to: usize) -> &'a str {
        self.text.get(from..to).unwrap_or_default()
    }

    /// Returns whether a space or tab is there.
    pub fn is_blank(&self, ahead: usize) -> bool {
        matches!(self.byte(ahead), b' ' | b'\t')
    }

    /// Returns the length of the line break in bytes; 0 if there is none.
    pub fn break_length(&self, ahead: usize) -> usize {
        break_length(self.text.as_bytes(), self.at + ahead)
    }

    /// Returns whether a line break or the end is there.
    pub fn is_break_or_end(&self, ahead: usize) -> bool {
        self.byte(ahead) == 0 || self.break_length(ahead) > 0
    }

    /// Returns whether a space, a tab, a line break or the end is there.
    pub fn is_blank_or_end(&self, ahead: usize) -> bool {
        self.is_blank(ahead) || self.is_break_or_end(ahead)
    }

    /// Returns whether this is the start of a line with `---` or `...`, followed by a blank or the end.
    pub fn is_document_indicator(&self, letter: u8) -> bool {
        self.column == 0 && (0..3).all(|ahead| self.byte(ahead) == letter) && self.is_blank_or_end(3)
    }

    /// Skips some characters of one byte each.
    pub fn skip(&mut self, count: u32) {
        self.at = self
            .text
            .len()
            .min(self.at + usize::try_from(count).unwrap_or(usize::MAX));
        self.column = self.column.saturating_add(count);
    }

    /// Skips byte order marks, which don't count as columns.
    pub fn skip_byte_order_marks(&mut self) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.at = self.text.len() - rest.trim_start_matches('\u{feff}').len();
    }

    /// Advances to an offset in the same line.
    pub fn advance_to(&mut self, offset: usize) {
        let passed = self.text.as_bytes().get(self.at..offset).unwrap_or_default();
        let characters = passed.iter().filter(|byte| **byte & 0xC0 != 0x80).count();
        self.column = self
            .column
            .saturating_add(u32::try_from(characters).unwrap_or(u32::MAX));
        self.at = offset;
    }

    /// Returns the offset of the end of the line.
    pub fn end_of_line(&self) -> usize {
        let bytes = self.text.as_bytes();
        let mut at = self.at;
        while let Some(byte) = bytes.get(at) {
            if matches!(byte, b'\n' | b'\r') || (*byte >= 0xC2 && break_length(bytes, at) > 0) {
                break;
            }
            at += 1;
        }
        at
    }

    /// Skips a line break. Returns it as YAML 1.1 reads it: `\n`, except for line and paragraph separators.
    pub fn take_break(&mut self) -> &'static str {
        let length = self.break_length(0);
        if length == 0 {
            return "";
        }
        let text = match (self.byte(0), self.byte(2)) {
            (0xE2, 0xA8) => "\u{2028}",
            (0xE2, _) => "\u{2029}",
            _ => "\n",
        };
        self.at += length;
        self.line = self.line.saturating_add(1);
        self.column = 0;
        text
    }

    /// Moves to the first column after the last line, where open collections end.
    pub fn end(&mut self) {
        if self.column != 0 {
            self.column = 0;
            self.line = self.line.saturating_add(1);
        }
    }
}

/// Returns the length in bytes of the line break at an offset; 0 if there is none.
pub(crate) fn break_length(bytes: &[u8], at: usize) -> usize {
    let byte = |ahead: usize| bytes.get(at + ahead).copied().unwrap_or(0);
    match byte(0) {
        b'\r' if byte(1) == b'\n' => 2,
        b'\n' | b'\r' => 1,
        0xC2 if byte(1) == 0x85 => 2,
        0xE2 if byte(1) == 0x80 && matches!(byte(2), 0xA8 | 0xA9) => 3,
        _ => 0,
    }
}
