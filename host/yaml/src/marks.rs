//! The places of a value and everything in it.

use std::collections::BTreeMap;

/// A place in a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

/// The place of a value and of everything in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marks {
    /// Where the value starts.
    pub at: Mark,
    /// Where its key starts, if it is in a mapping.
    pub key: Option<Mark>,
    /// The places of its parts.
    pub inside: Inside,
}

/// The places inside a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inside {
    /// It is a scalar and has no parts.
    Nothing,
    /// The items of a list.
    List(Vec<Marks>),
    /// The values of a mapping.
    Map(BTreeMap<String, Marks>),
}

impl Marks {
    /// Returns the places of the value at a JSON pointer (RFC 6901), else of its nearest ancestor.
    pub fn find(&self, pointer: &str) -> &Marks {
        let mut found = self;
        for token in pointer.split('/').skip(1) {
            let next = match &found.inside {
                Inside::Nothing => None,
                Inside::List(values) => token.parse::<usize>().ok().and_then(|index| values.get(index)),
                Inside::Map(values) => values.get(&token.replace("~1", "/").replace("~0", "~")),
            };
            let Some(next) = next else { break };
            found = next;
        }
        found
    }
}
