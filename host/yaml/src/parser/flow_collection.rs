//! Sequences and mappings in flow style: between brackets.

use super::{Allowed, Event, Parser, State, Step, after_indicator};
use crate::{node::ReadError, scanner::Token};

impl<'a> Parser<'a> {
    pub(super) fn flow_sequence_entry(&mut self, is_first: bool) -> Step<'a> {
        if !is_first && !self.comma(&Token::FlowSequenceEnd)? {
            let mark = self.scanner.peek()?.1;
            return Err(self.unexpected(mark, "`,` or `]` is expected here", "list"));
        }
        let mark = self.scanner.peek()?.1;
        match self.token()? {
            Token::FlowSequenceEnd => {
                self.scanner.next_token()?;
                self.close(Event::SequenceEnd, mark)
            }
            Token::Key => {
                self.scanner.next_token()?;
                self.state = State::FlowSequencePairKey;
                Ok((Event::MappingStart(None), mark))
            }
            _ => self.value_then(State::FlowSequenceEntry, Allowed::Flow),
        }
    }

    pub(super) fn flow_sequence_pair_key(&mut self) -> Step<'a> {
        let (token, mark) = self.scanner.peek()?;
        let mark = *mark;
        if matches!(token, Token::Value | Token::FlowEntry | Token::FlowSequenceEnd) {
            // libyaml accepts this token, too; the value is then empty.
            self.scanner.next_token()?;
            self.empty(State::FlowSequencePairValue, after_indicator(mark))
        } else {
            self.value_then(State::FlowSequencePairValue, Allowed::Flow)
        }
    }

    pub(super) fn flow_sequence_pair_value(&mut self) -> Step<'a> {
        let mark = self.scanner.peek()?.1;
        if *self.token()? == Token::Value {
            self.scanner.next_token()?;
            if !matches!(self.token()?, Token::FlowEntry | Token::FlowSequenceEnd) {
                return self.value_then(State::FlowSequencePairEnd, Allowed::Flow);
            }
        }
        self.empty(State::FlowSequencePairEnd, mark)
    }

    pub(super) fn flow_mapping_key(&mut self, is_first: bool) -> Step<'a> {
        if !is_first && !self.comma(&Token::FlowMappingEnd)? {
            let mark = self.scanner.peek()?.1;
            return Err(self.unexpected(mark, "`,` or `}` is expected here", "mapping"));
        }
        let mark = self.scanner.peek()?.1;
        match self.token()? {
            Token::FlowMappingEnd => {
                self.scanner.next_token()?;
                self.close(Event::MappingEnd, mark)
            }
            Token::Key => {
                self.scanner.next_token()?;
                if matches!(self.token()?, Token::Value | Token::FlowEntry | Token::FlowMappingEnd) {
                    self.empty(State::FlowMappingValue, mark)
                } else {
                    self.value_then(State::FlowMappingValue, Allowed::Flow)
                }
            }
            _ => self.value_then(State::FlowMappingEmptyValue, Allowed::Flow),
        }
    }

    pub(super) fn flow_mapping_value(&mut self) -> Step<'a> {
        let mark = self.scanner.peek()?.1;
        if *self.token()? == Token::Value {
            self.scanner.next_token()?;
            if !matches!(self.token()?, Token::FlowEntry | Token::FlowMappingEnd) {
                return self.value_then(State::FlowMappingKey, Allowed::Flow);
            }
        }
        self.empty(State::FlowMappingKey, mark)
    }

    /// Consumes the comma between two entries. Returns whether there was one, or the end of the list or mapping is next.
    fn comma(&mut self, end: &Token<'a>) -> Result<bool, ReadError> {
        let is_comma = match self.token()? {
            Token::FlowEntry => true,
            token if token == end => return Ok(true),
            _ => false,
        };
        if is_comma {
            self.scanner.next_token()?;
        }
        Ok(is_comma)
    }
}
