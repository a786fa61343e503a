//! Values with places. The readers of YAML and JSON return them.

use serde_json::{Map, Number, Value};

use crate::marks::{Inside, Mark, Marks};

/// The maximum nesting of a document. The API server accepts more, but stored plans are read by a parser that stops at 128 levels, and
/// contain manifests inside other values.
pub(crate) const MAX_DEPTH: usize = 100;

/// A value with its place.
#[derive(Debug, Clone)]
pub struct Node {
    /// The position of the node's first character.
    pub at: Mark,
    /// Its approximate size in bytes, which counts when an alias copies it.
    pub size: usize,
    /// The number of its levels; 1 for a scalar.
    pub height: usize,
    /// The value.
    pub content: Content,
}

/// The content of a value.
#[derive(Debug, Clone)]
pub enum Content {
    /// A string, number, boolean or null.
    Scalar(Value),
    /// A list.
    List(Vec<Node>),
    /// A mapping in written order, without duplicate keys.
    Map(Vec<(Key, Node)>),
}

/// A key with its place.
#[derive(Debug, Clone)]
pub struct Key {
    /// The text of the key.
    pub text: String,
    /// The position of the key's first character.
    pub at: Mark,
}

/// An error in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadError {
    /// What is wrong, without the position.
    pub message: String,
    /// Where it is wrong.
    pub at: Mark,
    /// What the user can do about it.
    pub hint: Option<String>,
}

impl ReadError {
    /// Creates an error without a hint.
    pub fn new(at: Mark, message: impl Into<String>) -> ReadError {
        ReadError {
            message: message.into(),
            at,
            hint: None,
        }
    }

    /// Adds a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> ReadError {
        self.hint = Some(hint.into());
        self
    }

    /// Returns the error for a document that is nested too deeply.
    pub fn too_deep(at: Mark) -> ReadError {
        ReadError::new(at, format!("this is nested more than {MAX_DEPTH} levels deep"))
    }

    /// Returns the error for a second document that begins without a separator.
    pub fn missing_separator(key: &Key, first: Mark) -> ReadError {
        let message = format!(
            "`{}` is written twice: a second manifest begins here, without `---` before it",
            key.text
        );
        ReadError::new(key.at, message).hint(format!(
            "the first one's is in line {}; put `---` between them",
            first.line
        ))
    }

    /// Returns the error for a duplicate key.
    pub fn duplicate_key(key: &Key, first: Mark) -> ReadError {
        ReadError::new(key.at, format!("the key `{}` is written twice", key.text))
            .hint(format!("the first one is in line {}; keep one of them", first.line))
    }
}

impl Node {
    /// Creates a scalar.
    pub fn scalar(at: Mark, value: Value) -> Node {
        let size = 64 + value.as_str().map_or(0, str::len);
        Node {
            at,
            size,
            height: 1,
            content: Content::Scalar(value),
        }
    }

    /// Creates a list.
    pub fn list(at: Mark, nodes: Vec<Node>) -> Node {
        Node {
            at,
            size: 64 + nodes.iter().map(|node| node.size).sum::<usize>(),
            height: 1 + nodes.iter().map(|node| node.height).max().unwrap_or(0),
            content: Content::List(nodes),
        }
    }

    /// Creates a mapping.
    pub fn map(at: Mark, entries: Vec<(Key, Node)>) -> Node {
        Node {
            at,
            size: 64
                + entries
                    .iter()
                    .map(|(key, node)| 64 + key.text.len() + node.size)
                    .sum::<usize>(),
            height: 1 + entries.iter().map(|(_, node)| node.height).max().unwrap_or(0),
            content: Content::Map(entries),
        }
    }

    /// Returns whether it is null, as in an empty document.
    pub fn is_null(&self) -> bool {
        matches!(self.content, Content::Scalar(Value::Null))
    }

    /// Returns the value of a key of a mapping.
    pub fn get(&self, name: &str) -> Option<&Node> {
        match &self.content {
            Content::Map(entries) => entries.iter().find(|(key, _)| key.text == name).map(|(_, node)| node),
            Content::Scalar(_) | Content::List(_) => None,
        }
    }

    /// Returns its text, if it is a string.
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar(value) => value.as_str(),
            Content::List(_) | Content::Map(_) => None,
        }
    }

    /// Splits it into the value and the places. The recursion is limited, because the depth was checked when it was read.
    pub fn into_parts(self, key: Option<Mark>) -> (Value, Marks) {
        let (value, inside) = match self.content {
            Content::Scalar(value) => (value, Inside::Nothing),
            Content::List(nodes) => {
                let (values, marks) = nodes.into_iter().map(|node| node.into_parts(None)).unzip();
                (Value::Array(values), Inside::List(marks))
            }
            Content::Map(entries) => {
                let mut values = Map::new();
                let mut marks = Vec::with_capacity(entries.len());
                for (key, node) in entries {
                    let (value, mark) = node.into_parts(Some(key.at));
                    values.insert(key.text.clone(), value);
                    marks.push((key.text, mark));
                }
                (Value::Object(values), Inside::Map(marks.into_iter().collect()))
            }
        };
        (
            value,
            Marks {
                at: self.at,
                key,
                inside,
            },
        )
    }
}

/// Returns a JSON number as Go's JSON does: a float without a fraction is an integer. `None` for infinity and NaN.
pub(crate) fn number(float: f64) -> Option<Number> {
    // 2^53: all integers below are exact.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if float.fract() == 0.0 && float.abs() <= EXACT {
        // Formatting a whole float and parsing it as an integer is exact, and needs no cast.
        return format!("{float:.0}").parse::<i64>().ok().map(Number::from);
    }
    Number::from_f64(float)
}
