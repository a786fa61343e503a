//! Splits a text into tokens as libyaml and Go's port of it do (`scannerc.go` of go.yaml.in/yaml/v2), also where they accept more than
//! YAML's specification. A key without `?` is only recognized at its `:`. Until then its tokens wait in a queue, into which the key token
//! is inserted.

mod block_scalar;
mod cursor;
mod directive;
mod flow_scalar;
mod properties;
mod simple_key;
mod token;

use std::collections::VecDeque;

use self::{
    cursor::Cursor,
    simple_key::{SimpleKey, is_valid},
};
pub(crate) use self::{cursor::break_length, token::Token};
use crate::{marks::Mark, node::ReadError};

/// A token and its place.
pub(crate) type PlacedToken<'a> = (Token<'a>, Mark);

/// A scanner of a text.
pub(crate) struct Scanner<'a> {
    cursor: Cursor<'a>,
    queue: VecDeque<PlacedToken<'a>>,
    /// The number of tokens that have left the queue.
    taken: usize,
    /// The column of the innermost block collection; `None` outside of all.
    indent: Option<u32>,
    indents: Vec<Option<u32>>,
    simple_key_allowed: bool,
    /// Possible keys: one for the block style, and one for each open bracket.
    simple_keys: Vec<SimpleKey>,
    /// Whether the next line may begin with byte order marks: the first line, and the one after a `---` in it.
    may_skip_byte_order_marks: bool,
    is_over: bool,
}

pub(super) fn read_error(at: Mark, message: impl AsRef<str>) -> ReadError {
    ReadError::new(at, format!("this can't be read as YAML: {}", message.as_ref()))
}

impl<'a> Scanner<'a> {
    /// Starts scanning. Fails if the text contains a character that YAML doesn't allow.
    pub fn new(text: &'a str) -> Result<Scanner<'a>, ReadError> {
        let scanner = Scanner {
            cursor: Cursor::new(text),
            queue: VecDeque::new(),
            taken: 0,
            indent: None,
            indents: Vec::new(),
            simple_key_allowed: true,
            simple_keys: vec![SimpleKey::default()],
            may_skip_byte_order_marks: true,
            is_over: false,
        };
        match find_forbidden_character(text) {
            None => Ok(scanner),
            Some(offset) => Err(forbidden_character_error(text, offset)),
        }
    }

    /// Returns the next token without consuming it; at the end always [`Token::StreamEnd`].
    pub fn peek(&mut self) -> Result<&PlacedToken<'a>, ReadError> {
        while self.queue.is_empty() || self.head_may_be_key()? {
            self.fetch()?;
        }
        // The queue isn't empty now.
        self.queue
            .front()
            .ok_or_else(|| read_error(self.cursor.mark(), "it ends too early"))
    }

    /// Consumes the next token.
    pub fn next_token(&mut self) -> Result<PlacedToken<'a>, ReadError> {
        let is_end = self.peek()?.0 == Token::StreamEnd;
        let end = is_end.then(|| self.queue.front().cloned()).flatten();
        if let Some(end) = end {
            return Ok(end);
        }
        self.taken += 1;
        self.queue
            .pop_front()
            .ok_or_else(|| read_error(self.cursor.mark(), "it ends too early"))
    }

    fn flow_level(&self) -> usize {
        self.simple_keys.len() - 1
    }

    /// Begins a block collection if the column is to the right of the current one.
    fn roll_indent(&mut self, column: u32, token: Token<'a>, mark: Mark, number: Option<usize>) {
        if self.flow_level() > 0 || self.indent >= Some(column) {
            return;
        }
        self.indents.push(self.indent.replace(column));
        match number {
            Some(number) => self.insert(number, token, mark),
            None => self.queue.push_back((token, mark)),
        }
    }

    /// Ends the block collections that are to the right of a column.
    fn unroll_indent(&mut self, column: Option<u32>) {
        if self.flow_level() > 0 {
            return;
        }
        while self.indent > column {
            self.queue.push_back((Token::BlockEnd, self.cursor.mark()));
            self.indent = self.indents.pop().flatten();
        }
    }

    /// Inserts a token before the token with a number.
    fn insert(&mut self, number: usize, token: Token<'a>, mark: Mark) {
        // A token that has left the queue can't be a key any more; the parser will refuse this token.
        let index = number.checked_sub(self.taken).unwrap_or(self.queue.len());
        self.queue.insert(index.min(self.queue.len()), (token, mark));
    }

    /// Adds at least one token to the queue.
    fn fetch(&mut self) -> Result<(), ReadError> {
        if self.is_over {
            self.queue.push_back((Token::StreamEnd, self.cursor.mark()));
            return Ok(());
        }
        self.skip_to_token();
        self.unroll_indent(Some(self.cursor.column()));
        let mark = self.cursor.mark();
        let token = self.next(mark)?;
        self.may_skip_byte_order_marks = token == Token::DocumentStart && mark.line == 1;
        self.queue.push_back((token, mark));
        Ok(())
    }

    fn next(&mut self, mark: Mark) -> Result<Token<'a>, ReadError> {
        if self.cursor.is_end() {
            self.cursor.end();
            self.close_all_blocks()?;
            self.is_over = true;
            return Ok(Token::StreamEnd);
        }
        if self.cursor.column() == 0 {
            if self.cursor.byte(0) == b'%' {
                self.close_all_blocks()?;
                return self.directive();
            }
            for (letter, token) in [(b'-', Token::DocumentStart), (b'.', Token::DocumentEnd)] {
                if self.cursor.is_document_indicator(letter) {
                    self.close_all_blocks()?;
                    self.cursor.skip(3);
                    return Ok(token);
                }
            }
        }
        let is_block = self.flow_level() == 0;
        match self.cursor.byte(0) {
            b'[' => self.open(Token::FlowSequenceStart),
            b'{' => self.open(Token::FlowMappingStart),
            b']' => self.close(Token::FlowSequenceEnd),
            b'}' => self.close(Token::FlowMappingEnd),
            b',' => {
                self.remove_simple_key()?;
                self.simple_key_allowed = true;
                self.cursor.skip(1);
                Ok(Token::FlowEntry)
            }
            b'-' if self.cursor.is_blank_or_end(1) => self.block_entry(mark),
            b'?' if !is_block || self.cursor.is_blank_or_end(1) => self.key(mark),
            b':' if !is_block || self.cursor.is_blank_or_end(1) => self.value(mark),
            b'*' => {
                self.begin_possible_key()?;
                self.name().map(Token::Alias)
            }
            b'&' => {
                self.begin_possible_key()?;
                self.name().map(Token::Anchor)
            }
            b'!' => {
                self.begin_possible_key()?;
                self.tag()
            }
            letter @ (b'|' | b'>') if is_block => {
                self.remove_simple_key()?;
                self.simple_key_allowed = true;
                self.block_scalar(letter == b'|')
            }
            quote @ (b'\'' | b'"') => {
                self.begin_possible_key()?;
                self.quoted_scalar(quote)
            }
            b'\t' => Err(read_error(mark, "a tab can't indent a line")),
            b'|' | b'>' | b'#' | b'%' | b'@' | b'`' => {
                let letter = self.cursor.character().unwrap_or_default();
                Err(read_error(mark, format!("a value can't start with `{letter}`")).hint("put it in quotes"))
            }
            _ => {
                self.begin_possible_key()?;
                self.plain_scalar()
            }
        }
    }

    /// Ends all open block collections, before a document or the text ends.
    fn close_all_blocks(&mut self) -> Result<(), ReadError> {
        self.unroll_indent(None);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        Ok(())
    }

    /// Begins a token that may be a key.
    fn begin_possible_key(&mut self) -> Result<(), ReadError> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        Ok(())
    }

    fn open(&mut self, token: Token<'a>) -> Result<Token<'a>, ReadError> {
        self.save_simple_key()?;
        self.simple_keys.push(SimpleKey {
            token_number: self.taken + self.queue.len(),
            ..SimpleKey::default()
        });
        self.simple_key_allowed = true;
        self.cursor.skip(1);
        Ok(token)
    }

    fn close(&mut self, token: Token<'a>) -> Result<Token<'a>, ReadError> {
        self.remove_simple_key()?;
        if self.flow_level() > 0
            && let Some(closed) = self.simple_keys.pop()
            && let Some(key) = self.simple_keys.last_mut()
        {
            key.is_waited_for &= key.token_number != closed.token_number;
        }
        self.simple_key_allowed = false;
        self.cursor.skip(1);
        Ok(token)
    }

    fn block_entry(&mut self, mark: Mark) -> Result<Token<'a>, ReadError> {
        if self.flow_level() == 0 {
            if !self.simple_key_allowed {
                return Err(read_error(mark, "an entry of a list can't begin here")
                    .hint("begin the list in the line below its key, or put the value in quotes"));
            }
            self.roll_indent(self.cursor.column(), Token::BlockSequenceStart, mark, None);
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.cursor.skip(1);
        Ok(Token::BlockEntry)
    }

    fn key(&mut self, mark: Mark) -> Result<Token<'a>, ReadError> {
        if self.flow_level() == 0 {
            if !self.simple_key_allowed {
                return Err(
                    read_error(mark, "a key can't begin here").hint("put the value in quotes if it starts with `?`")
                );
            }
            self.roll_indent(self.cursor.column(), Token::BlockMappingStart, mark, None);
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = self.flow_level() == 0;
        self.cursor.skip(1);
        Ok(Token::Key)
    }

    fn value(&mut self, mark: Mark) -> Result<Token<'a>, ReadError> {
        let (line, column) = (self.cursor.line(), self.cursor.column());
        let mut found = None;
        if let Some(key) = self.simple_keys.last_mut()
            && is_valid(key, line, column)?
        {
            key.is_possible = false;
            found = Some(*key);
        }
        if let Some(key) = found {
            self.insert(key.token_number, Token::Key, key.mark());
            let number = Some(key.token_number);
            self.roll_indent(key.column, Token::BlockMappingStart, key.mark(), number);
            self.simple_key_allowed = false;
        } else {
            if self.flow_level() == 0 {
                if !self.simple_key_allowed {
                    return Err(read_error(mark, "a mapping can't begin here").hint(
                        "put the value in quotes if `: ` is part of it; else look at the indentation of this line and of the one before",
                    ));
                }
                self.roll_indent(column, Token::BlockMappingStart, mark, None);
            }
            self.simple_key_allowed = self.flow_level() == 0;
        }
        self.cursor.skip(1);
        Ok(Token::Value)
    }

    /// Skips white space, comments and line breaks.
    fn skip_to_token(&mut self) {
        loop {
            if self.may_skip_byte_order_marks && self.cursor.column() == 0 {
                self.may_skip_byte_order_marks = false;
                self.cursor.skip_byte_order_marks();
            }
            let may_skip_tabs = self.flow_level() > 0 || !self.simple_key_allowed;
            while self.cursor.byte(0) == b' ' || (may_skip_tabs && self.cursor.byte(0) == b'\t') {
                self.cursor.skip(1);
            }
            self.skip_comment();
            if self.cursor.break_length(0) == 0 {
                return;
            }
            self.cursor.take_break();
            if self.flow_level() == 0 {
                self.simple_key_allowed = true;
            }
        }
    }

    fn skip_comment(&mut self) {
        if self.cursor.byte(0) == b'#' {
            self.cursor.advance_to(self.cursor.end_of_line());
        }
    }

    fn skip_blanks(&mut self) {
        while self.cursor.is_blank(0) {
            self.cursor.skip(1);
        }
    }

    fn skip_blanks_and_comment(&mut self) {
        self.skip_blanks();
        self.skip_comment();
    }
}

/// Returns the byte offset of the first character that YAML doesn't allow.
fn find_forbidden_character(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let next = |index: usize| bytes.get(index).copied().unwrap_or(0);
    bytes.iter().enumerate().find_map(|(index, byte)| {
        let is_forbidden = match byte {
            b'\t' | b'\n' | b'\r' | 0x20..=0x7E => false,
            0x00..=0x1F | 0x7F => true,
            0xC2 => next(index + 1) < 0xA0 && next(index + 1) != 0x85,
            // U+FFFE and U+FFFF
            0xEF => next(index + 1) == 0xBF && next(index + 2) >= 0xBE,
            _ => false,
        };
        is_forbidden.then_some(index)
    })
}

fn forbidden_character_error(text: &str, offset: usize) -> ReadError {
    let mut cursor = Cursor::new(text);
    while cursor.end_of_line() < offset {
        cursor.advance_to(cursor.end_of_line());
        cursor.take_break();
    }
    cursor.advance_to(offset);
    let letter = u32::from(cursor.character().unwrap_or_default());
    read_error(
        cursor.mark(),
        format!("the control character U+{letter:04X} isn't allowed"),
    )
    .hint("in a text in double quotes it is written as `\\xXX` or `\\uXXXX`")
}
