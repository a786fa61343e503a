//! A document as it was read: values that remember where they are written. Both readers, of YAML and of JSON, make these.

use serde_json::{Map, Number, Value};

use crate::marks::{Inside, Mark, Marks};

/// How deep a document may be nested. The API server takes more; but what is stored is read back by a parser that stops at 128
/// levels, and a manifest is stored inside other things.
pub(crate) const DEPTH: usize = 100;

/// A value and where it is written.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it starts.
    pub at: Mark,
    /// About how many bytes it takes: what copies by alias are charged.
    pub size: usize,
    /// How many levels it has; 1 for a text.
    pub height: usize,
    /// The value.
    pub content: Content,
}

/// A value.
#[derive(Debug, Clone)]
pub enum Content {
    /// Text, number, boolean or null.
    Scalar(Value),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order in which it is written; no key is there twice.
    Map(Vec<(Key, Node)>),
}

/// A key and where it is written.
#[derive(Debug, Clone)]
pub struct Key {
    /// Its text.
    pub text: String,
    /// Where it starts.
    pub at: Mark,
}

/// What is wrong with a document before it is known what it describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What.
    pub message: String,
    /// Where.
    pub at: Mark,
    /// What may help.
    pub hint: Option<String>,
}

impl Trouble {
    /// Makes one without a hint.
    pub fn new(at: Mark, message: impl Into<String>) -> Trouble {
        Trouble {
            message: message.into(),
            at,
            hint: None,
        }
    }

    /// Says what may help.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Trouble {
        self.hint = Some(hint.into());
        self
    }

    /// Says that a document is nested too deeply.
    pub fn too_deep(at: Mark) -> Trouble {
        Trouble::new(at, format!("this is nested more than {DEPTH} levels deep"))
    }

    /// Says that a second document begins inside of one.
    pub fn no_separator(key: &Key, first: Mark) -> Trouble {
        let message = format!(
            "`{}` is written twice: a second manifest begins here, without `---` before it",
            key.text
        );
        Trouble::new(key.at, message).hint(format!(
            "the first one's is in line {}; put `---` between them",
            first.line
        ))
    }

    /// Says that a key is there twice.
    pub fn twice(key: &Key, first: Mark) -> Trouble {
        Trouble::new(key.at, format!("the key `{}` is written twice", key.text))
            .hint(format!("the first one is in line {}; keep one of them", first.line))
    }
}

impl Node {
    /// Makes a text, number, boolean or null.
    pub fn scalar(at: Mark, value: Value) -> Node {
        let size = 64 + value.as_str().map_or(0, str::len);
        Node {
            at,
            size,
            height: 1,
            content: Content::Scalar(value),
        }
    }

    /// Makes a list.
    pub fn list(at: Mark, nodes: Vec<Node>) -> Node {
        Node {
            at,
            size: 64 + nodes.iter().map(|node| node.size).sum::<usize>(),
            height: 1 + nodes.iter().map(|node| node.height).max().unwrap_or(0),
            content: Content::List(nodes),
        }
    }

    /// Makes a mapping.
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

    /// Says whether it is null: what an empty document holds.
    pub fn is_null(&self) -> bool {
        matches!(self.content, Content::Scalar(Value::Null))
    }

    /// Returns the value under a key of a mapping.
    pub fn get(&self, name: &str) -> Option<&Node> {
        match &self.content {
            Content::Map(entries) => entries.iter().find(|(key, _)| key.text == name).map(|(_, node)| node),
            Content::Scalar(_) | Content::List(_) => None,
        }
    }

    /// Returns its text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar(value) => value.as_str(),
            Content::List(_) | Content::Map(_) => None,
        }
    }

    /// Takes it apart into the value and the places; the depth is bounded when it is read.
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

/// Makes a JSON number as Go's JSON does: a float without a fraction is a whole number. Nothing for what JSON can't say.
pub(crate) fn number(float: f64) -> Option<Number> {
    // 2^53: every whole number below is exact, and so is its conversion
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if float.fract() == 0.0 && float.abs() <= EXACT {
        // printing a whole float and reading it as an integer is exact, and needs no cast
        return format!("{float:.0}").parse::<i64>().ok().map(Number::from);
    }
    Number::from_f64(float)
}
