//! Reads JSON with the place of every value. YAML readers fail on JSON that is indented with tabs, contains surrogate pairs or is a stream
//! of documents. kubectl also tries JSON first for a text that starts with `{`.

use std::collections::BTreeMap;

use serde_json::{Number, Value};

use crate::{
    Duplicates,
    documents::Excerpt,
    marks::Mark,
    node::{Key, MAX_DEPTH, Node, ReadError, number},
};

/// The result for a text that isn't JSON to its end.
pub(crate) struct Partial<'a> {
    /// The documents before the error.
    pub documents: Vec<Result<Node, Vec<ReadError>>>,
    /// The first error.
    pub error: ReadError,
    /// The text after the last document.
    pub rest: Excerpt<'a>,
}

/// Reads the documents of a text. Stops at the first error. Duplicate keys are errors of their documents.
pub(crate) fn read(
    excerpt: Excerpt<'_>,
    duplicates: Duplicates,
) -> Result<Vec<Result<Node, Vec<ReadError>>>, Partial<'_>> {
    let mut reader = Reader {
        rest: excerpt.text,
        duplicates,
        at: excerpt.start,
        troubles: Vec::new(),
    };
    let mut documents = Vec::new();
    let mut rest = excerpt;
    while reader.next_letter().is_some() {
        match reader.value(1) {
            Ok(node) => {
                let troubles = std::mem::take(&mut reader.troubles);
                documents.push(if troubles.is_empty() { Ok(node) } else { Err(troubles) });
                rest = Excerpt {
                    text: reader.rest,
                    start: reader.at,
                };
            }
            Err(trouble) => {
                return Err(Partial {
                    documents,
                    error: trouble,
                    rest,
                });
            }
        }
    }
    Ok(documents)
}

/// The position of the reader.
struct Reader<'a> {
    rest: &'a str,
    duplicates: Duplicates,
    at: Mark,
    troubles: Vec<ReadError>,
}

impl<'a> Reader<'a> {
    /// Consumes some bytes; they end at a character boundary.
    fn advance(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        for letter in taken.chars() {
            if letter == '\n' {
                self.at.line = self.at.line.saturating_add(1);
                self.at.column = 1;
            } else {
                self.at.column = self.at.column.saturating_add(1);
            }
        }
        taken
    }

    /// Skips white space and returns the next character.
    fn next_letter(&mut self) -> Option<char> {
        let space = self.rest.len() - self.rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        self.advance(space);
        self.rest.chars().next()
    }

    /// Consumes a character if it is next.
    fn consume(&mut self, letter: char) -> bool {
        let found = self.next_letter() == Some(letter);
        if found {
            self.advance(letter.len_utf8());
        }
        found
    }

    fn unexpected(&mut self, expected: &str) -> ReadError {
        let found = match self.next_letter() {
            Some(letter) => format!("`{letter}`"),
            None => "the end".to_owned(),
        };
        ReadError::new(
            self.at,
            format!("this can't be read as JSON: expected {expected}, found {found}"),
        )
    }

    /// Reads a value. `depth` limits the recursion.
    fn value(&mut self, depth: usize) -> Result<Node, ReadError> {
        let next = self.next_letter();
        let at = self.at;
        if depth > MAX_DEPTH {
            return Err(ReadError::too_deep(at));
        }
        match next {
            Some('{') => self.map(at, depth),
            Some('[') => self.list(at, depth),
            Some('"') => Ok(Node::scalar(at, Value::String(self.text()?))),
            _ => {
                let words = [
                    ("null", Value::Null),
                    ("true", Value::Bool(true)),
                    ("false", Value::Bool(false)),
                ];
                let word = words.into_iter().find(|(word, _)| self.rest.starts_with(word));
                let (length, value) = match word {
                    Some((word, value)) => (word.len(), value),
                    None => match self.number() {
                        Some((length, value)) => (length, Value::Number(value)),
                        None => return Err(self.unexpected("a value")),
                    },
                };
                self.advance(length);
                Ok(Node::scalar(at, value))
            }
        }
    }

    /// Reads the next number, and returns its length, too. As in Go it ends where no number continues: `017` is `0` and `17`.
    fn number(&self) -> Option<(usize, Number)> {
        let rest = self.rest.as_bytes();
        let byte = |at: usize| rest.get(at).copied().unwrap_or(0);
        let digits = |from: usize| rest.iter().skip(from).take_while(|byte| byte.is_ascii_digit()).count();
        let mut end = usize::from(byte(0) == b'-');
        end += if byte(end) == b'0' { 1 } else { digits(end) };
        if byte(end) == b'.' {
            end += 1 + digits(end + 1);
        }
        if matches!(byte(end), b'e' | b'E') {
            let sign = usize::from(matches!(byte(end + 1), b'+' | b'-'));
            end += 1 + sign + digits(end + 1 + sign);
        }
        let word = self.rest.get(..end)?;
        let found: Number = serde_json::from_str(word).ok()?;
        // The standard library parses floats exactly; serde_json may be off by the last bit.
        let exact = found.is_f64().then(|| word.parse().ok().and_then(number)).flatten();
        Some((end, exact.unwrap_or(found)))
    }

    fn map(&mut self, start: Mark, depth: usize) -> Result<Node, ReadError> {
        self.advance(1);
        let mut entries = Vec::new();
        let mut known: BTreeMap<String, (Mark, usize)> = BTreeMap::new();
        if self.consume('}') {
            return Ok(Node::map(start, entries));
        }
        loop {
            if self.next_letter() != Some('"') {
                return Err(self.unexpected("a key in quotes"));
            }
            let at = self.at;
            let text = self.text()?;
            if !self.consume(':') {
                return Err(self.unexpected("`:`"));
            }
            let value = self.value(depth + 1)?;
            let key = Key { text, at };
            match known.get(&key.text) {
                Some((first, _)) if self.duplicates == Duplicates::Refuse => {
                    self.troubles.push(ReadError::duplicate_key(&key, *first));
                }
                Some((_, index)) => {
                    if let Some(entry) = entries.get_mut(*index) {
                        *entry = (key, value);
                    }
                }
                None => {
                    known.insert(key.text.clone(), (at, entries.len()));
                    entries.push((key, value));
                }
            }
            if self.consume('}') {
                return Ok(Node::map(start, entries));
            }
            if !self.consume(',') {
                return Err(self.unexpected("`,` or `}`"));
            }
        }
    }

    fn list(&mut self, start: Mark, depth: usize) -> Result<Node, ReadError> {
        self.advance(1);
        let mut nodes = Vec::new();
        if self.consume(']') {
            return Ok(Node::list(start, nodes));
        }
        loop {
            nodes.push(self.value(depth + 1)?);
            if self.consume(']') {
                return Ok(Node::list(start, nodes));
            }
            if !self.consume(',') {
                return Err(self.unexpected("`,` or `]`"));
            }
        }
    }

    /// Reads a quoted string, which starts here.
    fn text(&mut self) -> Result<String, ReadError> {
        let at = self.at;
        let mut escaped = false;
        let end = self.rest.bytes().enumerate().skip(1).find_map(|(index, byte)| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends.then_some(index + 1)
        });
        let Some(end) = end else {
            return Err(ReadError::new(at, "this text has no closing quote"));
        };
        let quoted = self.advance(end);
        serde_json::from_str(quoted).map_err(|error| {
            ReadError::new(at, format!("this can't be read as JSON: {error}"))
                .hint("line breaks and tabs in a text are written `\\n` and `\\t`")
        })
    }
}
