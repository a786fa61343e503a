//! Block scalars: after `|` and `>`.

use std::borrow::Cow;

use super::{Scanner, read_error, token::Token};
use crate::node::ReadError;

/// What is done with the line breaks at the end of a block scalar.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomp {
    /// `-`: all are removed.
    Strip,
    /// No sign: one is kept.
    Clip,
    /// `+`: all are kept.
    Keep,
}

impl<'a> Scanner<'a> {
    /// Scans a block scalar, whose `|` or `>` is here.
    pub(super) fn block_scalar(&mut self, is_literal: bool) -> Result<Token<'a>, ReadError> {
        let (chomp, increment) = self.block_header()?;
        // 0 until the first line that isn't blank determines it.
        let mut indent = increment.map_or(0, |increment| self.indent.unwrap_or(0) + increment);
        let mut text = String::new();
        let mut first_break = "";
        let mut more_breaks = String::new();
        self.block_breaks(&mut indent, &mut more_breaks)?;
        let mut was_indented_more = false;
        while self.cursor.column() == indent && !self.cursor.is_end() {
            let is_indented_more = self.cursor.is_blank(0);
            if !is_literal && !was_indented_more && !is_indented_more && first_break == "\n" {
                if more_breaks.is_empty() {
                    text.push(' ');
                }
            } else {
                text.push_str(first_break);
            }
            text.push_str(&more_breaks);
            more_breaks.clear();
            was_indented_more = is_indented_more;
            let (from, to) = (self.cursor.offset(), self.cursor.end_of_line());
            text.push_str(self.cursor.slice(from, to));
            self.cursor.advance_to(to);
            first_break = self.cursor.take_break();
            self.block_breaks(&mut indent, &mut more_breaks)?;
        }
        if chomp != Chomp::Strip {
            text.push_str(first_break);
        }
        if chomp == Chomp::Keep {
            text.push_str(&more_breaks);
        }
        Ok(Token::Scalar {
            text: Cow::Owned(text),
            is_plain: false,
        })
    }

    /// Scans the header of a block scalar: what is done with the last line breaks, and an explicit indentation.
    fn block_header(&mut self) -> Result<(Chomp, Option<u32>), ReadError> {
        let start = self.cursor.mark();
        self.cursor.skip(1);
        let mut chomp = Chomp::Clip;
        let mut increment = None;
        // One of each, in any order.
        for _ in 0..2 {
            match self.cursor.byte(0) {
                sign @ (b'+' | b'-') if chomp == Chomp::Clip => {
                    chomp = if sign == b'+' { Chomp::Keep } else { Chomp::Strip };
                    self.cursor.skip(1);
                }
                digit @ b'0'..=b'9' if increment.is_none() => {
                    if digit == b'0' {
                        return Err(read_error(start, "the indentation of a block of text can't be 0"));
                    }
                    increment = Some(u32::from(digit - b'0'));
                    self.cursor.skip(1);
                }
                _ => break,
            }
        }
        self.skip_blanks_and_comment();
        if !self.cursor.is_break_or_end(0) {
            return Err(read_error(
                self.cursor.mark(),
                "the text of a block begins in the line after `|` or `>`",
            )
            .hint("put the value in quotes if `|` or `>` is part of it"));
        }
        self.cursor.take_break();
        Ok((chomp, increment))
    }

    /// Skips the indentation of the next line, and blank lines before it. Determines the indentation if it isn't known.
    fn block_breaks(&mut self, indent: &mut u32, breaks: &mut String) -> Result<(), ReadError> {
        let mut widest = 0;
        loop {
            while (*indent == 0 || self.cursor.column() < *indent) && self.cursor.byte(0) == b' ' {
                self.cursor.skip(1);
            }
            widest = widest.max(self.cursor.column());
            if (*indent == 0 || self.cursor.column() < *indent) && self.cursor.byte(0) == b'\t' {
                return Err(read_error(
                    self.cursor.mark(),
                    "a tab can't indent a line of a block of text",
                ));
            }
            if self.cursor.break_length(0) == 0 {
                break;
            }
            breaks.push_str(self.cursor.take_break());
        }
        if *indent == 0 {
            *indent = widest.max(self.indent.map_or(1, |indent| indent + 1)).max(1);
        }
        Ok(())
    }
}
