//! Documents and their directives.

use super::{Allowed, Event, Parser, State, Step};
use crate::{
    marks::Mark,
    node::ReadError,
    scanner::{Token, read_error},
};

impl<'a> Parser<'a> {
    pub(super) fn document_start(&mut self) -> Result<Option<(Event<'a>, Mark)>, ReadError> {
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
            return Err(read_error(mark, "the document has ended before this")
                .hint("look at the indentation of this line, or put `---` before it if a document begins here"));
        }
        self.states.push(State::DocumentEnd);
        self.state = State::DocumentContent;
        Ok(Some((Event::DocumentStart, mark)))
    }

    fn directives(&mut self) -> Result<(), ReadError> {
        let mut has_version = false;
        while matches!(self.token()?, Token::VersionDirective | Token::TagDirective { .. }) {
            let (token, mark) = self.scanner.next_token()?;
            match token {
                Token::TagDirective { handle, prefix } => {
                    if self.tag_prefixes.iter().any(|(known, _)| *known == handle) {
                        return Err(read_error(mark, format!("`%TAG {handle}` is there twice")));
                    }
                    self.tag_prefixes.push((handle, prefix));
                }
                _ if has_version => return Err(read_error(mark, "`%YAML` is there twice")),
                _ => has_version = true,
            }
        }
        Ok(())
    }

    pub(super) fn document_content(&mut self) -> Step<'a> {
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

    pub(super) fn document_end(&mut self) -> Step<'a> {
        let (token, mark) = self.scanner.peek()?;
        let (is_explicit, mark) = (*token == Token::DocumentEnd, *mark);
        if is_explicit {
            self.scanner.next_token()?;
        }
        self.tag_prefixes.clear();
        self.state = State::DocumentStart;
        Ok((Event::DocumentEnd, mark))
    }
}
