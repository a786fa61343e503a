//! Makes events of tokens, by the grammar of libyaml (`parserc.go` of go.yaml.in/yaml/v2). Nothing here recurses.

use std::borrow::Cow;

use crate::{
    marks::Mark,
    node::Trouble,
    scanner::{Scanner, Token, trouble},
};

/// What a document is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    /// A document begins.
    DocumentStart,
    /// A document ends.
    DocumentEnd,
    /// An alias, written `*name`: the value with the anchor of this name.
    Alias(&'a str),
    /// A text, which may mean something else.
    Scalar(Scalar<'a>),
    /// A list begins.
    SequenceStart(Option<&'a str>),
    /// A list ends.
    SequenceEnd,
    /// A mapping begins.
    MappingStart(Option<&'a str>),
    /// A mapping ends.
    MappingEnd,
}

/// A text as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scalar<'a> {
    /// The text without quotes and escapes.
    pub text: Cow<'a, str>,
    /// Whether it is neither quoted nor a block.
    pub is_plain: bool,
    /// Its name for aliases.
    pub anchor: Option<&'a str>,
    /// Its tag, in full.
    pub tag: Option<String>,
}

/// Where in the grammar the parser is.
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

/// What may come as a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Allowed {
    Flow,
    Block,
    /// Also a list whose `-` are in the column of its key.
    BlockOrIndentless,
}

/// A text whose events are being read.
pub(crate) struct Parser<'a> {
    scanner: Scanner<'a>,
    state: State,
    /// What to go on with when a value has ended.
    states: Vec<State>,
    /// Where the open lists and mappings begin.
    starts: Vec<Mark>,
    tag_prefixes: Vec<(&'a str, String)>,
}

type Step<'a> = Result<(Event<'a>, Mark), Trouble>;

impl<'a> Parser<'a> {
    /// Begins with a text. Fails if a character is in it that YAML doesn't allow.
    pub fn new(text: &'a str) -> Result<Parser<'a>, Trouble> {
        Ok(Parser {
            scanner: Scanner::new(text)?,
            state: State::ImplicitDocumentStart,
            states: Vec::new(),
            starts: Vec::new(),
            tag_prefixes: Vec::new(),
        })
    }

    /// Returns the next event and where it is written; nothing at the end.
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

    fn token(&mut self) -> Result<&Token<'a>, Trouble> {
        Ok(&self.scanner.peek()?.0)
    }

    /// Returns an empty plain text, and goes on with a state.
    #[expect(clippy::unnecessary_wraps, reason = "it ends a step, as the others do")]
    fn empty(&mut self, state: State, mark: Mark) -> Step<'a> {
        self.state = state;
        Ok((scalar(Cow::Borrowed(""), true, None, None), mark))
    }

    /// Reads a value, and goes on with a state.
    fn value_then(&mut self, state: State, allowed: Allowed) -> Step<'a> {
        self.states.push(state);
        self.node(allowed)
    }

    /// Goes on with what was left for the value that has ended.
    fn pop_state(&mut self) {
        self.state = self.states.pop().unwrap_or(State::DocumentEnd);
    }

    fn document_start(&mut self) -> Result<Option<(Event<'a>, Mark)>, Trouble> {
        if self.state == State::DocumentStart {
            while *self.token()? == Token::DocumentEnd {
                self.scanner.next_token()?;
            }
        }
        let is_implicit = self.state == State::ImplicitDocumentStart;
        let mark = self.scanner.peek()?.1;
        match self.token()? {
            Token::StreamEnd => {
                self.state = State::End;
                return Ok(None);
            }
            Token::VersionDirective | Token::TagDirective { .. } | Token::DocumentStart => {}
            _ if is_implicit => {
                self.states.push(State::DocumentEnd);
                self.state = State::BlockNode;
                return Ok(Some((Event::DocumentStart, mark)));
            }
            _ => {}
        }
        self.directives()?;
        let (token, mark) = self.scanner.next_token()?;
        if token != Token::DocumentStart {
            return Err(trouble(mark, "the document has ended before this")
                .hint("look at the indentation of this line, or put `---` before it if a document begins here"));
        }
        self.states.push(State::DocumentEnd);
        self.state = State::DocumentContent;
        Ok(Some((Event::DocumentStart, mark)))
    }

    fn directives(&mut self) -> Result<(), Trouble> {
        let mut has_version = false;
        while matches!(self.token()?, Token::VersionDirective | Token::TagDirective { .. }) {
            let (token, mark) = self.scanner.next_token()?;
            match token {
                Token::TagDirective { handle, prefix } => {
                    if self.tag_prefixes.iter().any(|(known, _)| *known == handle) {
                        return Err(trouble(mark, format!("`%TAG {handle}` is there twice")));
                    }
                    self.tag_prefixes.push((handle, prefix));
                }
                _ if has_version => return Err(trouble(mark, "`%YAML` is there twice")),
                _ => has_version = true,
            }
        }
        Ok(())
    }

    fn document_content(&mut self) -> Step<'a> {
        let (token, mark) = self.scanner.peek()?;
        if matches!(
            token,
            Token::VersionDirective
                | Token::TagDirective { .. }
                | Token::DocumentStart
                | Token::DocumentEnd
                | Token::StreamEnd
        ) {
            let mark = *mark;
            self.pop_state();
            return self.empty(self.state, mark);
        }
        self.node(Allowed::Block)
    }

    fn document_end(&mut self) -> Step<'a> {
        let (token, mark) = self.scanner.peek()?;
        let (is_explicit, mark) = (*token == Token::DocumentEnd, *mark);
        if is_explicit {
            self.scanner.next_token()?;
        }
        self.tag_prefixes.clear();
        self.state = State::DocumentStart;
        Ok((Event::DocumentEnd, mark))
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
                    return Err(trouble(mark, "a value is missing here"));
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
            token => return Err(no_value(token, mark)),
        };
        self.starts.push(mark);
        self.scanner.next_token()?;
        Ok((event, mark))
    }

    fn full_tag(&self, handle: &str, suffix: String, mark: Mark) -> Result<String, Trouble> {
        if handle.is_empty() {
            return Ok(suffix);
        }
        let own = self.tag_prefixes.iter().find(|(known, _)| *known == handle);
        let prefix = match (own, handle) {
            (Some((_, prefix)), _) => prefix.as_str(),
            (None, "!") => "!",
            (None, "!!") => "tag:yaml.org,2002:",
            (None, _) => {
                let message = format!("no `%TAG` line says what the tag `{handle}` stands for");
                return Err(trouble(mark, message).hint("put the value in quotes if it starts with `!`"));
            }
        };
        Ok(format!("{prefix}{suffix}"))
    }

    fn block_sequence_entry(&mut self) -> Step<'a> {
        let (token, mark) = self.scanner.next_token()?;
        match token {
            Token::BlockEntry => {
                if matches!(self.token()?, Token::BlockEntry | Token::BlockEnd) {
                    self.empty(State::BlockSequenceEntry, behind(mark))
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

    fn indentless_sequence_entry(&mut self) -> Step<'a> {
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
            self.empty(State::IndentlessSequenceEntry, behind(mark))
        } else {
            self.value_then(State::IndentlessSequenceEntry, Allowed::Block)
        }
    }

    fn block_mapping_key(&mut self) -> Step<'a> {
        let (token, mark) = self.scanner.next_token()?;
        match token {
            Token::Key => {
                if matches!(self.token()?, Token::Key | Token::Value | Token::BlockEnd) {
                    self.empty(State::BlockMappingValue, behind(mark))
                } else {
                    self.value_then(State::BlockMappingValue, Allowed::BlockOrIndentless)
                }
            }
            Token::BlockEnd => self.close(Event::MappingEnd, mark),
            _ => Err(self.unexpected(mark, "a key of the mapping is expected here", "mapping")),
        }
    }

    fn block_mapping_value(&mut self) -> Step<'a> {
        let mark = self.scanner.peek()?.1;
        if *self.token()? != Token::Value {
            return self.empty(State::BlockMappingKey, mark);
        }
        self.scanner.next_token()?;
        if matches!(self.token()?, Token::Key | Token::Value | Token::BlockEnd) {
            self.empty(State::BlockMappingKey, behind(mark))
        } else {
            self.value_then(State::BlockMappingKey, Allowed::BlockOrIndentless)
        }
    }

    fn flow_sequence_entry(&mut self, is_first: bool) -> Step<'a> {
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

    fn flow_sequence_pair_key(&mut self) -> Step<'a> {
        let (token, mark) = self.scanner.peek()?;
        let mark = *mark;
        if matches!(token, Token::Value | Token::FlowEntry | Token::FlowSequenceEnd) {
            // libyaml takes this token, too; a value then is none
            self.scanner.next_token()?;
            self.empty(State::FlowSequencePairValue, behind(mark))
        } else {
            self.value_then(State::FlowSequencePairValue, Allowed::Flow)
        }
    }

    fn flow_sequence_pair_value(&mut self) -> Step<'a> {
        let mark = self.scanner.peek()?.1;
        if *self.token()? == Token::Value {
            self.scanner.next_token()?;
            if !matches!(self.token()?, Token::FlowEntry | Token::FlowSequenceEnd) {
                return self.value_then(State::FlowSequencePairEnd, Allowed::Flow);
            }
        }
        self.empty(State::FlowSequencePairEnd, mark)
    }

    fn flow_mapping_key(&mut self, is_first: bool) -> Step<'a> {
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

    fn flow_mapping_value(&mut self) -> Step<'a> {
        let mark = self.scanner.peek()?.1;
        if *self.token()? == Token::Value {
            self.scanner.next_token()?;
            if !matches!(self.token()?, Token::FlowEntry | Token::FlowMappingEnd) {
                return self.value_then(State::FlowMappingKey, Allowed::Flow);
            }
        }
        self.empty(State::FlowMappingKey, mark)
    }

    /// Takes the comma between two entries; says whether one was there, or the end of the list or mapping is.
    fn comma(&mut self, end: &Token<'a>) -> Result<bool, Trouble> {
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

    /// Ends the innermost list or mapping.
    #[expect(clippy::unnecessary_wraps, reason = "it ends a step, as the others do")]
    fn close(&mut self, event: Event<'a>, mark: Mark) -> Step<'a> {
        self.starts.pop();
        self.pop_state();
        Ok((event, mark))
    }

    /// Says what is expected inside of the innermost list or mapping, and where that begins.
    fn unexpected(&self, mark: Mark, message: &str, what: &str) -> Trouble {
        let error = trouble(mark, message);
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

fn no_value(token: &Token<'_>, mark: Mark) -> Trouble {
    match token {
        Token::StreamEnd => trouble(mark, "a bracket isn't closed before the end"),
        Token::FlowEntry => trouble(mark, "a value is missing before this `,`"),
        Token::BlockEntry => trouble(mark, "an entry with `- ` can't be between brackets"),
        _ => trouble(mark, "a value is expected here").hint("put it in quotes if it is a text"),
    }
}

/// Returns the place behind an indicator of one character.
fn behind(mark: Mark) -> Mark {
    Mark {
        column: mark.column.saturating_add(1),
        ..mark
    }
}
