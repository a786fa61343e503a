//! Problems that the API server would report in an object, or fields that it would drop.

use std::fmt;

use serde_json::Value;

/// A value that its type or schema doesn't allow.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// The path of the value.
    pub path: Path,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    /// The value has another type.
    WrongType {
        /// The expected type, with an article.
        expected: &'static str,
        /// The actual type, with an article.
        found: &'static str,
        /// Go's name of the expected type.
        go_type: &'static str,
        /// The struct that contains the value, as the table names it; empty for custom kinds.
        within: &'static str,
    },
    /// The value has the right type but can't be parsed: a quantity, a time, base64, a number that is too large.
    Malformed {
        /// The expected form, with an article.
        expected: String,
    },
    /// The field doesn't exist.
    Unknown {
        /// The fields that exist.
        known: Vec<String>,
    },
    /// A required field is missing.
    Missing,
    /// A list item has the keys of an earlier item.
    Duplicate {
        /// The keys with values: `name="a"`.
        keys: String,
        /// The index of the earlier item, from 0.
        first: usize,
    },
    /// The value isn't one of the allowed values.
    NotAllowed {
        /// The allowed values.
        allowed: Vec<String>,
    },
    /// The value violates a rule of a custom kind's schema.
    Rule(Rule),
}

/// A rule of a custom kind's schema about a value of the right type. Displayed as it follows "must".
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// The value has too few of something.
    TooFew {
        /// What is counted: items, characters or members.
        of: Counted,
        /// How many it has.
        found: usize,
        /// How many it must have.
        least: usize,
    },
    /// The value has too many of something.
    TooMany {
        /// What is counted: items, characters or members.
        of: Counted,
        /// How many it has.
        found: usize,
        /// How many it may have.
        most: usize,
    },
    /// The number is too small.
    Minimum {
        /// The smallest number, or the one below.
        least: f64,
        /// Whether the number must be greater.
        is_exclusive: bool,
    },
    /// The number is too large.
    Maximum {
        /// The largest number, or the one above.
        most: f64,
        /// Whether the number must be smaller.
        is_exclusive: bool,
    },
    /// The number is not a multiple of this one.
    MultipleOf(f64),
    /// The whole number doesn't fit into 32 bits.
    Int32,
    /// The text doesn't match this regular expression.
    Pattern(String),
}

/// What a rule counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// The characters of a text.
    Characters,
    /// The items of a list.
    Items,
    /// The entries of a mapping.
    Entries,
}

impl fmt::Display for Counted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Counted::Characters => "characters",
            Counted::Items => "items",
            Counted::Entries => "entries",
        })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rule::TooFew { of, least, .. } => write!(formatter, "have at least {least} {of}"),
            Rule::TooMany { of, most, .. } => write!(formatter, "have at most {most} {of}"),
            Rule::Minimum {
                least,
                is_exclusive: false,
            } => write!(formatter, "be at least {least}"),
            Rule::Minimum { least, .. } => write!(formatter, "be more than {least}"),
            Rule::Maximum {
                most,
                is_exclusive: false,
            } => write!(formatter, "be at most {most}"),
            Rule::Maximum { most, .. } => write!(formatter, "be less than {most}"),
            Rule::MultipleOf(factor) => write!(formatter, "be a multiple of {factor}"),
            Rule::Int32 => formatter.write_str("fit into 32 bits"),
            Rule::Pattern(pattern) => write!(formatter, "match the pattern `{pattern}`"),
        }
    }
}

impl Fault {
    /// Returns whether the API server refuses the object. It drops unknown fields.
    pub fn is_refused(&self) -> bool {
        !matches!(self, Fault::Unknown { .. })
    }
}

/// The path of a value in an object.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(pub Vec<Step>);

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// A field of a struct.
    Field(String),
    /// A key of a map.
    Key(String),
    /// An item of a list, by its index from 0.
    Item(usize),
}

impl Path {
    /// Returns the path as a JSON pointer (RFC 6901).
    pub fn pointer(&self) -> String {
        let tokens = self.0.iter().map(|step| match step {
            Step::Field(name) | Step::Key(name) => format!("/{}", name.replace('~', "~0").replace('/', "~1")),
            Step::Item(index) => format!("/{index}"),
        });
        tokens.collect()
    }
}

/// The API server's notation: `spec.containers[0].resources.limits[cpu]`.
impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            match step {
                Step::Field(name) if index == 0 => formatter.write_str(name)?,
                Step::Field(name) => write!(formatter, ".{name}")?,
                Step::Key(name) => write!(formatter, "[{name}]")?,
                Step::Item(index) => write!(formatter, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// Describes the type of a value, with an article.
pub fn describe_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a number with a fraction",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

/// The maximum number of problems that are reported for one object.
pub const MAX_PROBLEMS: usize = 100;

/// The path of the value that is being checked, as a linked list from its end. It is only allocated for problems.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Location<'a> {
    before: Option<&'a Location<'a>>,
    part: LocationStep<'a>,
    /// The number of steps.
    pub depth: usize,
}

#[derive(Debug, Clone, Copy)]
enum LocationStep<'a> {
    Root,
    Field(&'a str),
    Key(&'a str),
    Item(usize),
}

impl<'a> Location<'a> {
    pub const ROOT: Location<'static> = Location {
        before: None,
        part: LocationStep::Root,
        depth: 0,
    };

    pub fn field(&'a self, name: &'a str) -> Location<'a> {
        self.then(LocationStep::Field(name))
    }

    pub fn key(&'a self, name: &'a str) -> Location<'a> {
        self.then(LocationStep::Key(name))
    }

    pub fn item(&'a self, index: usize) -> Location<'a> {
        self.then(LocationStep::Item(index))
    }

    fn then(&'a self, part: LocationStep<'a>) -> Location<'a> {
        Location {
            before: Some(self),
            part,
            depth: self.depth + 1,
        }
    }

    /// Adds a problem with the current value, up to [`MAX_PROBLEMS`].
    pub fn add_problem(&self, fault: Fault, found: &mut Vec<Problem>) {
        if found.len() < MAX_PROBLEMS {
            found.push(Problem {
                path: self.path(),
                fault,
            });
        }
    }

    fn path(&self) -> Path {
        let mut steps = Vec::with_capacity(self.depth);
        let mut way = Some(self);
        while let Some(here) = way {
            match here.part {
                LocationStep::Root => {}
                LocationStep::Field(name) => steps.push(Step::Field(name.to_owned())),
                LocationStep::Key(name) => steps.push(Step::Key(name.to_owned())),
                LocationStep::Item(index) => steps.push(Step::Item(index)),
            }
            way = here.before;
        }
        steps.reverse();
        Path(steps)
    }
}
