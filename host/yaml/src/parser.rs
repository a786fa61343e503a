//! Turns tokens into events, by the grammar of libyaml (`parserc.go` of go.yaml.in/yaml/v2), without recursion.

mod block_collection;
mod document;
mod event;
mod flow_collection;

use std::borrow::Cow;

pub(crate) use self::event::{Event, Scalar};
use crate::{
    marks::Mark,
    node::ReadError,
    scanner::{Scanner, Token, read_error},
};

/// The state of the parser in the grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    ImplicitDocumentStart,
    DocumentStart,
    DocumentContent,
    DocumentEnd,
    BlockNode,
    BlockSequenceEntry,
    IndentlessSequenceEntry,
    BlockMappingKey,
    BlockMappingValue,
    FlowSequenceFirstEntry,
    FlowSequenceEntry,
    FlowSequencePairKey,
    FlowSequencePairValue,
    FlowSequencePairEnd,
    FlowMappingFirstKey,
    FlowMappingKey,
    FlowMappingValue,
    FlowMappingEmptyValue,
    End,
}

/// Which values are allowed next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Allowed {
    Flow,
    Block,
    /// Also a list whose `-` are in the column of its key.
    BlockOrIndentless,
}

/// A parser of a text.
pub(crate) struct Parser<'a> {
    scanner: Scanner<'a>,
    state: State,
    /// The states to return to when a value ends.
    states: Vec<State>,
    /// The places where the open lists and mappings begin.
    starts: Vec<Mark>,
    tag_prefixes: Vec<(&'a str, String)>,
}

type Step<'a> = Result<(Event<'a>, Mark), ReadError>;

impl<'a> Parser<'a> {
    /// Starts parsing. Fails if the text contains a character that YAML doesn't allow.
    pub fn new(text: &'a str) -> Result<Parser<'a>, ReadError> {
        Ok(Parser {
            scanner: Scanner::new(text)?,
            state: State::ImplicitDocumentStart,
            states: Vec::new(),
            starts: Vec::new(),
            tag_prefixes: Vec::new(),
        })
    }

    /// Returns the next event and its place; `None` at the end.
    pub fn next(&mut self) -> Option<Step<'a>> {
        match self.state {
            State::End => None,
            State::ImplicitDocumentStart | State::DocumentStart => self.document_start().transpose(),
            state => Some(self.inside(state)),
        }
    }

    fn inside(&mut self, state: State) -> Step<'a> {
        match state {
            State::DocumentContent => self.document_content(),
            State::DocumentEnd | State::ImplicitDocumentStart | State::DocumentStart | State::End => {
                self.document_end()
            }
            State::BlockNode => self.node(Allowed::Block),
            State::BlockSequenceEntry => self.block_sequence_entry(),
            State::IndentlessSequenceEntry => self.indentless_sequence_entry(),
            State::BlockMappingKey => self.block_mapping_key(),
            State::BlockMappingValue => self.block_mapping_value(),
            State::FlowSequenceFirstEntry => self.flow_sequence_entry(true),
            State::FlowSequenceEntry => self.flow_sequence_entry(false),
            State::FlowSequencePairKey => self.flow_sequence_pair_key(),
            State::FlowSequencePairValue => self.flow_sequence_pair_value(),
            State::FlowSequencePairEnd => {
                let mark = self.scanner.peek()?.1;
                self.state = State::FlowSequenceEntry;
                Ok((Event::MappingEnd, mark))
            }
            State::FlowMappingFirstKey => self.flow_mapping_key(true),
            State::FlowMappingKey => self.flow_mapping_key(false),
            State::FlowMappingValue => self.flow_mapping_value(),
            State::FlowMappingEmptyValue => {
                let mark = self.scanner.peek()?.1;
                self.empty(State::FlowMappingKey, mark)
            }
        }
    }

    fn token(&mut self) -> Result<&Token<'a>, ReadError> {
        Ok(&self.scanner.peek()?.0)
    }

    /// Returns an empty plain scalar, and sets the state.
    #[expect(clippy::unnecessary_wraps, reason = "it ends a step, as the others do")]
    fn empty(&mut self, state: State, mark: Mark) -> Step<'a> {
        self.state = state;
        Ok((scalar(Cow::Borrowed(""), true, None, None), mark))
    }

    /// Parses a value, after which the parser continues in a state.
    fn value_then(&mut self, state: State, allowed: Allowed) -> Step<'a> {
        self.states.push(state);
        self.node(allowed)
    }

    /// Returns to the state from before the value that has ended.
    fn pop_state(&mut self) {
        self.state = self.states.pop().unwrap_or(State::DocumentEnd);
    }

    fn node(&mut self, allowed: Allowed) -> Step<'a> {
        if matches!(self.token()?, Token::Alias(_))
            && let (Token::Alias(name), mark) = self.scanner.next_token()?
        {
            self.pop_state();
            return Ok((Event::Alias(name), mark));
        }
        let first = self.scanner.peek()?.1;
        let (mut anchor, mut tag) = (None, None);
        loop {
            match self.token()? {
                Token::Anchor(name) if anchor.is_none() => anchor = Some(*name),
                Token::Tag { .. } if tag.is_none() => {
                    if let (Token::Tag { handle, suffix }, mark) = self.scanner.next_token()? {
                        tag = Some(self.full_tag(handle, suffix, mark)?);
                    }
                    continue;
                }
                _ => break,
            }
            self.scanner.next_token()?;
        }
        let mark = self.scanner.peek()?.1;
        let is_block = allowed != Allowed::Flow;
        let event = match self.token()? {
            Token::BlockEntry if allowed == Allowed::BlockOrIndentless => {
                self.state = State::IndentlessSequenceEntry;
                return Ok((Event::SequenceStart(anchor), mark));
            }
            Token::Scalar { .. } => {
                self.pop_state();
                let (Token::Scalar { text, is_plain }, mark) = self.scanner.next_token()? else {
                    return Err(read_error(mark, "a value is missing here"));
                };
                return Ok((scalar(text, is_plain, anchor, tag), mark));
            }
            Token::FlowSequenceStart => {
                self.state = State::FlowSequenceFirstEntry;
                Event::SequenceStart(anchor)
            }
            Token::FlowMappingStart => {
                self.state = State::FlowMappingFirstKey;
                Event::MappingStart(anchor)
            }
            Token::BlockSequenceStart if is_block => {
                self.state = State::BlockSequenceEntry;
                Event::SequenceStart(anchor)
            }
            Token::BlockMappingStart if is_block => {
                self.state = State::BlockMappingKey;
                Event::MappingStart(anchor)
            }
            _ if anchor.is_some() || tag.is_some() => {
                self.pop_state();
                return Ok((scalar(Cow::Borrowed(""), true, anchor, tag), first));
            }
            token => return Err(missing_value_error(token, mark)),
        };
        self.starts.push(mark);
        self.scanner.next_token()?;
        Ok((event, mark))
    }

    fn full_tag(&self, handle: &str, suffix: String, mark: Mark) -> Result<String, ReadError> {
        if handle.is_empty() {
            return Ok(suffix);
        }
        let own = self.tag_prefixes.iter().find(|(known, _)| *known == handle);
        let prefix = match (own, handle) {
            (Some((_, prefix)), _) => prefix.as_str(),
            (None, "!") => "!",
            (None, "!!") => "tag:yaml.org,2002:",
            (None, _) => {
                let message = format!("no `%TAG` line defines the tag `{handle}`");
                return Err(read_error(mark, message).hint("put the value in quotes if it starts with `!`"));
            }
        };
        Ok(format!("{prefix}{suffix}"))
    }

    /// Ends the innermost list or mapping.
    #[expect(clippy::unnecessary_wraps, reason = "it ends a step, as the others do")]
    fn close(&mut self, event: Event<'a>, mark: Mark) -> Step<'a> {
        self.starts.pop();
        self.pop_state();
        Ok((event, mark))
    }

    /// Returns an error inside the innermost list or mapping, with a hint where that begins.
    fn unexpected(&self, mark: Mark, message: &str, what: &str) -> ReadError {
        let error = read_error(mark, message);
        match self.starts.last() {
            Some(start) => error.hint(format!(
                "the {what} begins in line {}, column {}; look at the brackets and the indentation",
                start.line, start.column
            )),
            None => error,
        }
    }
}

fn scalar<'a>(text: Cow<'a, str>, is_plain: bool, anchor: Option<&'a str>, tag: Option<String>) -> Event<'a> {
    Event::Scalar(Scalar {
        text,
        is_plain,
        anchor,
        tag,
    })
}

fn missing_value_error(token: &Token<'_>, mark: Mark) -> ReadError {
    match token {
        Token::StreamEnd => read_error(mark, "a bracket isn't closed before the end"),
        Token::FlowEntry => read_error(mark, "a value is missing before this `,`"),
        Token::BlockEntry => read_error(mark, "an entry with `- ` can't be between brackets"),
        _ => read_error(mark, "a value is expected here").hint("put it in quotes if it is a text"),
    }
}

/// Returns the place after an indicator of one character.
fn after_indicator(mark: Mark) -> Mark {
    Mark {
        column: mark.column.saturating_add(1),
        ..mark
    }
}
