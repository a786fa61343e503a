//! Flow scalars, quoted or plain: line breaks are folded.

use std::borrow::Cow;

use super::{Scanner, read_error, token::Token};
use crate::{marks::Mark, node::ReadError};

/// The white space between two parts of a scalar.
#[derive(Default)]
struct Gap {
    /// The first line break; empty if it is escaped.
    first: &'static str,
    /// The line breaks after the first.
    more: String,
    /// Whether there is a line break.
    has_break: bool,
}

impl Gap {
    fn push(&mut self, line_break: &'static str) {
        if self.has_break {
            self.more.push_str(line_break);
        } else {
            self.first = line_break;
            self.has_break = true;
        }
    }

    /// Appends the folded line breaks: one becomes a space; of several, all but the first are kept.
    fn fold_into(&mut self, text: &mut String) {
        if self.first == "\n" && self.more.is_empty() {
            text.push(' ');
        } else if self.first != "\n" {
            text.push_str(self.first);
        }
        text.push_str(&self.more);
        *self = Gap::default();
    }
}

impl<'a> Scanner<'a> {
    /// Scans a plain scalar.
    pub(super) fn plain_scalar(&mut self) -> Result<Token<'a>, ReadError> {
        let indent = self.indent.map_or(0, |indent| indent + 1);
        let start = self.cursor.offset();
        let mut end = start;
        let mut folded: Option<String> = None;
        let mut gap = Gap::default();
        loop {
            if self.cursor.is_document_indicator(b'-')
                || self.cursor.is_document_indicator(b'.')
                || self.cursor.byte(0) == b'#'
            {
                break;
            }
            let from = self.cursor.offset();
            let to = self.end_of_plain_word();
            if to > from {
                if gap.has_break {
                    let text = folded.get_or_insert_with(|| self.cursor.slice(start, end).to_owned());
                    gap.fold_into(text);
                    text.push_str(self.cursor.slice(from, to));
                } else if let Some(text) = &mut folded {
                    text.push_str(self.cursor.slice(end, to));
                }
                self.cursor.advance_to(to);
                end = to;
            }
            if !self.cursor.is_blank(0) && self.cursor.break_length(0) == 0 {
                break;
            }
            loop {
                if self.cursor.is_blank(0) {
                    if gap.has_break && self.cursor.column() < indent && self.cursor.byte(0) == b'\t' {
                        return Err(read_error(self.cursor.mark(), "a tab can't indent a line"));
                    }
                    self.cursor.skip(1);
                } else if self.cursor.break_length(0) > 0 {
                    gap.push(self.cursor.take_break());
                } else {
                    break;
                }
            }
            if self.flow_level() == 0 && self.cursor.column() < indent {
                break;
            }
        }
        if gap.has_break {
            self.simple_key_allowed = true;
        }
        let text = folded.map_or_else(|| Cow::Borrowed(self.cursor.slice(start, end)), Cow::Owned);
        Ok(Token::Scalar { text, is_plain: true })
    }

    /// Returns the offset of the end of a plain word: before white space, `: `, and in flow style before brackets and commas.
    fn end_of_plain_word(&self) -> usize {
        let is_flow = self.flow_level() > 0;
        let mut ahead = 0;
        loop {
            match self.cursor.byte(ahead) {
                0 | b' ' | b'\t' | b'\n' | b'\r' => break,
                b':' if self.cursor.is_blank_or_end(ahead + 1) => break,
                b',' | b'?' | b'[' | b']' | b'{' | b'}' if is_flow => break,
                0xC2 | 0xE2 if self.cursor.break_length(ahead) > 0 => break,
                _ => ahead += 1,
            }
        }
        self.cursor.offset() + ahead
    }

    /// Scans a quoted scalar, whose quote is here.
    pub(super) fn quoted_scalar(&mut self, quote: u8) -> Result<Token<'a>, ReadError> {
        let start = self.cursor.mark();
        self.cursor.skip(1);
        let token = |text| Token::Scalar { text, is_plain: false };
        if let Some(end) = self.end_of_simple_quote(quote) {
            let text = self.cursor.slice(self.cursor.offset(), end);
            self.cursor.advance_to(end);
            self.cursor.skip(1);
            return Ok(token(Cow::Borrowed(text)));
        }
        let mut text = String::new();
        loop {
            if self.cursor.is_document_indicator(b'-') || self.cursor.is_document_indicator(b'.') {
                let mark = self.cursor.mark();
                return Err(unclosed(start).hint(format!("a document starts or ends in line {}", mark.line)));
            }
            if self.cursor.is_end() {
                return Err(unclosed(start));
            }
            let mut gap = Gap::default();
            self.quoted_words(quote, start, &mut text, &mut gap)?;
            if self.cursor.byte(0) == quote {
                break;
            }
            let blanks = self.cursor.offset();
            let mut end_of_blanks = blanks;
            loop {
                if self.cursor.is_blank(0) {
                    self.cursor.skip(1);
                    if !gap.has_break {
                        end_of_blanks = self.cursor.offset();
                    }
                } else if self.cursor.break_length(0) > 0 {
                    gap.push(self.cursor.take_break());
                } else {
                    break;
                }
            }
            if gap.has_break {
                gap.fold_into(&mut text);
            } else {
                text.push_str(self.cursor.slice(blanks, end_of_blanks));
            }
        }
        self.cursor.skip(1);
        Ok(token(Cow::Owned(text)))
    }

    /// Returns the offset of the closing quote of a scalar that needs no unescaping.
    fn end_of_simple_quote(&self, quote: u8) -> Option<usize> {
        let mut ahead = 0;
        loop {
            match self.cursor.byte(ahead) {
                byte if byte == quote => {
                    let is_doubled = quote == b'\'' && self.cursor.byte(ahead + 1) == quote;
                    return (!is_doubled).then(|| self.cursor.offset() + ahead);
                }
                0 | b'\n' | b'\r' => return None,
                b'\\' if quote == b'"' => return None,
                0xC2 | 0xE2 if self.cursor.break_length(ahead) > 0 => return None,
                _ => ahead += 1,
            }
        }
    }

    /// Reads a quoted scalar up to white space, an escaped line break or the closing quote.
    fn quoted_words(&mut self, quote: u8, start: Mark, text: &mut String, gap: &mut Gap) -> Result<(), ReadError> {
        while !self.cursor.is_blank_or_end(0) {
            let next = self.cursor.byte(1);
            match self.cursor.byte(0) {
                b'\'' if quote == b'\'' && next == b'\'' => {
                    text.push('\'');
                    self.cursor.skip(2);
                }
                byte if byte == quote => break,
                b'\\' if quote == b'"' && self.cursor.break_length(1) > 0 => {
                    self.cursor.skip(1);
                    self.cursor.take_break();
                    gap.has_break = true;
                    break;
                }
                b'\\' if quote == b'"' => self.escape(start, text)?,
                _ => {
                    let from = self.cursor.offset();
                    let mut ahead = 1;
                    loop {
                        match self.cursor.byte(ahead) {
                            0 | b' ' | b'\t' | b'\n' | b'\r' | b'\\' => break,
                            byte if byte == quote => break,
                            0xC2 | 0xE2 if self.cursor.break_length(ahead) > 0 => break,
                            _ => ahead += 1,
                        }
                    }
                    text.push_str(self.cursor.slice(from, from + ahead));
                    self.cursor.advance_to(from + ahead);
                }
            }
        }
        Ok(())
    }

    /// Reads an escape sequence.
    fn escape(&mut self, start: Mark, text: &mut String) -> Result<(), ReadError> {
        let at = self.cursor.mark();
        let digits = match self.cursor.byte(1) {
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            0 => return Err(unclosed(start)),
            byte => {
                let Some(letter) = escaped(byte) else {
                    self.cursor.skip(1);
                    let found = self.cursor.character().unwrap_or_default();
                    let message = format!("`\\{found}` is not an escape in double quotes");
                    return Err(read_error(at, message).hint("write `\\\\` for a backslash, or use single quotes"));
                };
                text.push(letter);
                self.cursor.skip(2);
                return Ok(());
            }
        };
        self.cursor.skip(2);
        let from = self.cursor.offset();
        let code = self.cursor.slice(from, from + digits);
        let is_number = code.len() == digits && code.bytes().all(|digit| digit.is_ascii_hexdigit());
        let letter = u32::from_str_radix(code, 16).ok().and_then(char::from_u32);
        let (true, Some(letter)) = (is_number, letter) else {
            let message = format!("this escape needs {digits} hexadecimal digits that form a character");
            return Err(read_error(at, message));
        };
        text.push(letter);
        self.cursor.advance_to(from + digits);
        Ok(())
    }
}

/// Returns the character for a letter after `\`.
fn escaped(byte: u8) -> Option<char> {
    Some(match byte {
        b'0' => '\0',
        b'a' => '\u{7}',
        b'b' => '\u{8}',
        b't' | b'\t' => '\t',
        b'n' => '\n',
        b'v' => '\u{b}',
        b'f' => '\u{c}',
        b'r' => '\r',
        b'e' => '\u{1b}',
        b' ' => ' ',
        b'"' => '"',
        b'\'' => '\'',
        b'\\' => '\\',
        b'N' => '\u{85}',
        b'_' => '\u{a0}',
        b'L' => '\u{2028}',
        b'P' => '\u{2029}',
        _ => return None,
    })
}

fn unclosed(start: Mark) -> ReadError {
    read_error(start, "this text has no closing quote")
}
