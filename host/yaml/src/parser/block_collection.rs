//! Sequences and mappings in block style.

use super::{Allowed, Event, Parser, State, Step, after_indicator};
use crate::scanner::Token;

impl<'a> Parser<'a> {
    pub(super) fn block_sequence_entry(&mut self) -> Step<'a> {
        let (token, mark) = self.scanner.next_token()?;
        match token {
            Token::BlockEntry => {
                if matches!(self.token()?, Token::BlockEntry | Token::BlockEnd) {
                    self.empty(State::BlockSequenceEntry, after_indicator(mark))
                } else {
                    self.value_then(State::BlockSequenceEntry, Allowed::Block)
                }
            }
            Token::BlockEnd => self.close(Event::SequenceEnd, mark),
            _ => Err(self.unexpected(
                mark,
                "an entry of the list is expected here, which starts with `- `",
                "list",
            )),
        }
    }

    pub(super) fn indentless_sequence_entry(&mut self) -> Step<'a> {
        let mark = self.scanner.peek()?.1;
        if *self.token()? != Token::BlockEntry {
            self.pop_state();
            return Ok((Event::SequenceEnd, mark));
        }
        self.scanner.next_token()?;
        if matches!(
            self.token()?,
            Token::BlockEntry | Token::Key | Token::Value | Token::BlockEnd
        ) {
            self.empty(State::IndentlessSequenceEntry, after_indicator(mark))
        } else {
            self.value_then(State::IndentlessSequenceEntry, Allowed::Block)
        }
    }

    pub(super) fn block_mapping_key(&mut self) -> Step<'a> {
        let (token, mark) = self.scanner.next_token()?;
        match token {
            Token::Key => {
                if matches!(self.token()?, Token::Key | Token::Value | Token::BlockEnd) {
                    self.empty(State::BlockMappingValue, after_indicator(mark))
                } else {
                    self.value_then(State::BlockMappingValue, Allowed::BlockOrIndentless)
                }
            }
            Token::BlockEnd => self.close(Event::MappingEnd, mark),
            _ => Err(self.unexpected(mark, "a key of the mapping is expected here", "mapping")),
        }
    }

    pub(super) fn block_mapping_value(&mut self) -> Step<'a> {
        let mark = self.scanner.peek()?.1;
        if *self.token()? != Token::Value {
            return self.empty(State::BlockMappingKey, mark);
        }
        self.scanner.next_token()?;
        if matches!(self.token()?, Token::Key | Token::Value | Token::BlockEnd) {
            self.empty(State::BlockMappingKey, after_indicator(mark))
        } else {
            self.value_then(State::BlockMappingKey, Allowed::BlockOrIndentless)
        }
    }
}
