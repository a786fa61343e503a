//! The places of an object's values, as a tree beside the object.

use std::collections::BTreeMap;

/// A place in one file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

/// Where a value and everything in it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marks {
    /// Where the value starts.
    pub at: Mark,
    /// Where its key starts, if it is in a mapping.
    pub key: Option<Mark>,
    /// What is in it.
    pub inside: Inside,
}

/// The places inside of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inside {
    /// It is a text, number, boolean or null.
    Nothing,
    /// Those of a list's values.
    List(Vec<Marks>),
    /// Those of a mapping's values.
    Map(BTreeMap<String, Marks>),
}

impl Marks {
    /// Finds the value at a JSON pointer (RFC 6901), else its nearest ancestor.
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
