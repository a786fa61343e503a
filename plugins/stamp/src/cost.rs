//! What a schema of settings can cost whoever judges settings by it, before anybody does.
//!
//! A schema comes from a stranger, and so may settings. JSON Schema can say in few bytes what takes for ever: each of 40 definitions that
//! refers to the next one twice doubles the work. So the work is bounded before it is begun, by counting what a validator does with a schema
//! `s`, for each value, where values are nested at most `h` deep:
//!
//! ```text
//! valid(s, h)  = own(s) + Σ valid(c, h) [+ Σ marks(c, h)] + Σ valid(b, h - 1)             is it valid?
//! marks(s, h)  = 1 + Σ (valid(c, h) + marks(c, h))                                        which of its values did it look at?
//! errors(s, h) = own(s) + Σ (2 valid(c, h) + errors(c, h)) [+ 2 Σ marks(c, h)] + Σ errors(b, h - 1)     what is wrong?
//! ```
//!
//! - `own` is the number of keywords, and of what they list.
//! - `c` are the schemas that apply to the same value: of `allOf`, `anyOf`, `oneOf`, `not`, `if`, `then`, `else`, `dependentSchemas`, `$ref`.
//!   For errors, `oneOf` is asked most: for the first that fits, for another, for all errors.
//! - What is in brackets is done where `unevaluatedProperties` or `unevaluatedItems` stand beside them.
//! - `b` are the schemas that apply to a value inside of this one, in a mapping or in a list: the dearest of those of which at most one
//!   applies (`properties`, `additionalProperties`; `prefixItems`, `items`), and all others, each of which may apply.
//!
//! Judging `n` values takes at most `n · (valid + errors)` steps. By induction over `h`: a value costs `own` and its `c`; the values inside
//! of it, `n - 1` in all, are split among its children, and a child with `m` of them costs at most `m` times the sum over `b`. A schema may
//! refer to itself only from inside of a value, or the sums would have no end.
//!
//! How often a text is matched by a pattern is counted in the same way: patterns take linear time, in the length of the text.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::check::Flaw;

/// How deep settings may be nested.
pub const MAX_DEPTH: usize = 64;

/// How many steps a schema may cost for each value of settings nested [`USUAL_DEPTH`] deep. What people write costs some hundred.
const MAX_STEPS: u64 = 20_000;
const USUAL_DEPTH: usize = 8;

/// How many it may cost for settings nested [`MAX_DEPTH`] deep: a schema that refers to itself costs more there, in proportion to the
/// square of the depth.
const MAX_STEPS_DEEP: u64 = 1_000_000;

/// How many schemas one may consist of.
const MAX_SCHEMAS: usize = 5000;

/// How many patterns it may have. Each is compiled when the plugin is loaded.
const MAX_PATTERNS: usize = 64;

/// Bytes that a pattern may have.
const MAX_PATTERN: usize = 1000;

/// What judging one value of settings costs at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SettingsCost {
    /// Keywords that are looked at.
    pub steps: u64,
    /// Patterns that are matched.
    pub matches: u64,
}

impl SettingsCost {
    fn add(self, other: SettingsCost) -> SettingsCost {
        SettingsCost {
            steps: self.steps.saturating_add(other.steps),
            matches: self.matches.saturating_add(other.matches),
        }
    }
}

/// What a validator does with a schema for one value.
#[derive(Clone, Copy, Default)]
struct Work {
    valid: SettingsCost,
    marks: SettingsCost,
    errors: SettingsCost,
}

impl Work {
    fn add(self, other: Work) -> Work {
        Work {
            valid: self.valid.add(other.valid),
            marks: self.marks.add(other.marks),
            errors: self.errors.add(other.errors),
        }
    }

    fn most(self, other: Work) -> Work {
        let most = |one: SettingsCost, other: SettingsCost| SettingsCost {
            steps: one.steps.max(other.steps),
            matches: one.matches.max(other.matches),
        };
        Work {
            valid: most(self.valid, other.valid),
            marks: most(self.marks, other.marks),
            errors: most(self.errors, other.errors),
        }
    }
}

/// Returns what a schema costs for each value of settings that are nested so deep: the first entry is for settings without a value in
/// them, the last for [`MAX_DEPTH`].
///
/// # Errors
///
/// Returns why that can't be bounded, or that it is too much.
pub fn settings_cost(schema: &Value) -> Result<Vec<SettingsCost>, Flaw> {
    let mut graph = Graph::new(schema);
    graph.place(schema, "settings".to_owned())?;
    while let Some(index) = graph.unread.pop() {
        graph.read(index)?;
    }
    let order = graph.order()?;
    let mut costs = Vec::with_capacity(MAX_DEPTH + 1);
    let mut below = vec![Work::default(); graph.schemas.len()];
    for _ in 0..=MAX_DEPTH {
        let mut here = vec![Work::default(); graph.schemas.len()];
        for &index in &order {
            let work = graph.schemas.get(index).map(|schema| schema.work(&here, &below));
            if let (Some(place), Some(work)) = (here.get_mut(index), work) {
                *place = work;
            }
        }
        let root = here.first().copied().unwrap_or_default();
        costs.push(root.valid.add(root.errors));
        below = here;
    }
    for (depth, most) in [(USUAL_DEPTH, MAX_STEPS), (MAX_DEPTH, MAX_STEPS_DEEP)] {
        if costs.get(depth).is_some_and(|cost| cost.steps > most) {
            let message = format!(
                "checking one value of settings nested {depth} deep may take more than {most} steps: apply fewer schemas to the same value (`allOf`, `anyOf`, `oneOf`, `$ref` inside of each other)"
            );
            return Err(flaw("settings", message));
        }
    }
    Ok(costs)
}

fn flaw(place: &str, message: impl Into<String>) -> Flaw {
    Flaw {
        place: place.to_owned(),
        message: message.into(),
    }
}

/// A schema, and which others apply where it does, by their indices.
#[derive(Default)]
struct Node {
    place: String,
    /// What its own keywords cost.
    own: SettingsCost,
    /// To the same value.
    same: Vec<usize>,
    /// Whether it asks which values were looked at.
    asks_for_marks: bool,
    /// To the values of a mapping.
    of_mapping: Inside,
    /// To the values of a list.
    of_list: Inside,
}

/// Schemas that apply to the values inside of one.
#[derive(Default)]
struct Inside {
    /// Those of which at most one applies to each.
    either: Vec<usize>,
    /// Those any of which may apply.
    also: Vec<usize>,
}

impl Inside {
    fn work(&self, below: &[Work]) -> Work {
        let of = |index: &usize| below.get(*index).copied().unwrap_or_default();
        let dearest = self.either.iter().map(of).fold(Work::default(), Work::most);
        self.also.iter().map(of).fold(dearest, Work::add)
    }
}

impl Node {
    fn work(&self, here: &[Work], below: &[Work]) -> Work {
        let of = |index: &usize| here.get(*index).copied().unwrap_or_default();
        let same = self.same.iter().map(of).fold(Work::default(), Work::add);
        // A value is a mapping or a list.
        let inside = self.of_mapping.work(below).most(self.of_list.work(below));
        let marks = SettingsCost { steps: 1, matches: 0 }.add(same.valid).add(same.marks);
        let mark_cost = if self.asks_for_marks {
            marks
        } else {
            SettingsCost::default()
        };
        Work {
            valid: self.own.add(same.valid).add(mark_cost).add(inside.valid),
            marks,
            errors: self
                .own
                .add(same.valid)
                .add(same.valid)
                .add(same.errors)
                .add(mark_cost)
                .add(mark_cost)
                .add(inside.errors),
        }
    }
}

/// The schemas that can be reached.
struct Graph<'a> {
    root: &'a Value,
    schemas: Vec<Node>,
    values: Vec<&'a Value>,
    unread: Vec<usize>,
    /// By where they are in memory: the document doesn't move.
    known: HashMap<*const Value, usize>,
    patterns: usize,
}

impl<'a> Graph<'a> {
    fn new(root: &'a Value) -> Graph<'a> {
        Graph {
            root,
            schemas: Vec::new(),
            values: Vec::new(),
            unread: Vec::new(),
            known: HashMap::new(),
            patterns: 0,
        }
    }

    /// Returns the index of a schema; it is read later.
    fn place(&mut self, schema: &'a Value, place: String) -> Result<usize, Flaw> {
        let address = std::ptr::from_ref(schema);
        if let Some(&index) = self.known.get(&address) {
            return Ok(index);
        }
        let index = self.schemas.len();
        if index >= MAX_SCHEMAS {
            return Err(flaw("settings", format!("consists of more than {MAX_SCHEMAS} schemas")));
        }
        self.schemas.push(Node {
            place,
            ..Node::default()
        });
        self.values.push(schema);
        self.known.insert(address, index);
        self.unread.push(index);
        Ok(index)
    }

    fn read(&mut self, index: usize) -> Result<(), Flaw> {
        let (Some(&value), Some(node)) = (self.values.get(index), self.schemas.get(index)) else {
            return Ok(());
        };
        let mut node = Node {
            place: node.place.clone(),
            own: SettingsCost { steps: 1, matches: 0 },
            ..Node::default()
        };
        if let Value::Object(keywords) = value {
            for (keyword, value) in keywords {
                self.keyword(&mut node, index, keyword, value)?;
            }
        }
        if let Some(place) = self.schemas.get_mut(index) {
            *place = node;
        }
        Ok(())
    }

    fn keyword(&mut self, node: &mut Node, index: usize, keyword: &str, value: &'a Value) -> Result<(), Flaw> {
        let place = format!("{}.{keyword}", node.place);
        let listed = match value {
            Value::Array(values) => values.len(),
            Value::Object(values) => values.len(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
        };
        node.own.steps = node.own.steps.saturating_add(1 + listed as u64);
        match keyword {
            "$ref" => {
                let target = self.target(value, &place)?;
                node.same.push(self.place(target, place)?);
            }
            "$dynamicRef" | "$recursiveRef" => {
                return Err(flaw(&place, "can't be bounded: refer by `$ref`"));
            }
            "$id" | "id" if index > 0 && value.is_string() => {
                return Err(flaw(
                    &place,
                    "would change what `$ref` means below it: name schemas in `$defs`",
                ));
            }
            "not" | "if" | "then" | "else" => node.same.push(self.place(value, place)?),
            "allOf" | "anyOf" | "oneOf" | "dependentSchemas" | "dependencies" => {
                node.same.extend(self.schemas_of(value, &place)?);
            }
            "properties" => node.of_mapping.either.extend(self.schemas_of(value, &place)?),
            "additionalProperties" | "propertyNames" => node.of_mapping.either.push(self.place(value, place)?),
            "patternProperties" => {
                for pattern in value.as_object().into_iter().flat_map(Map::keys) {
                    self.pattern(node, pattern, &place)?;
                }
                node.of_mapping.also.extend(self.schemas_of(value, &place)?);
            }
            "unevaluatedProperties" => {
                node.asks_for_marks = true;
                node.of_mapping.also.push(self.place(value, place)?);
            }
            "prefixItems" => node.of_list.either.extend(self.schemas_of(value, &place)?),
            // A list of schemas was what `prefixItems` is now.
            "items" if value.is_array() => node.of_list.either.extend(self.schemas_of(value, &place)?),
            "items" | "additionalItems" => node.of_list.either.push(self.place(value, place)?),
            "contains" => node.of_list.also.push(self.place(value, place)?),
            "unevaluatedItems" => {
                node.asks_for_marks = true;
                node.of_list.also.push(self.place(value, place)?);
            }
            "pattern" => {
                if let Some(pattern) = value.as_str() {
                    self.pattern(node, pattern, &place)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn pattern(&mut self, node: &mut Node, pattern: &str, place: &str) -> Result<(), Flaw> {
        node.own.matches += 1;
        self.patterns += 1;
        if self.patterns > MAX_PATTERNS {
            return Err(flaw(
                place,
                format!("is one pattern too many: there may be {MAX_PATTERNS}"),
            ));
        }
        if pattern.len() > MAX_PATTERN {
            return Err(flaw(place, format!("has a pattern of more than {MAX_PATTERN} bytes")));
        }
        Ok(())
    }

    /// Returns the schemas that a value lists or names. What is not a schema costs nothing.
    fn schemas_of(&mut self, value: &'a Value, place: &str) -> Result<Vec<usize>, Flaw> {
        match value {
            Value::Array(schemas) => {
                let schemas = schemas.iter().enumerate();
                schemas
                    .map(|(n, schema)| self.place(schema, format!("{place}[{n}]")))
                    .collect()
            }
            Value::Object(schemas) => {
                let schemas = schemas.iter();
                schemas
                    .map(|(name, schema)| self.place(schema, format!("{place}.{name}")))
                    .collect()
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(Vec::new()),
        }
    }

    /// Returns what a `$ref` refers to.
    fn target(&self, value: &Value, place: &str) -> Result<&'a Value, Flaw> {
        let text = value.as_str().unwrap_or_default();
        let pointer = text.strip_prefix('#').and_then(decoded);
        let Some(pointer) = pointer.filter(|pointer| pointer.is_empty() || pointer.starts_with('/')) else {
            let message = "a schema can't refer to anything outside of itself: write `#`, or `#/$defs/NAME`";
            return Err(flaw(place, message));
        };
        let found = self.root.pointer(&pointer);
        found.ok_or_else(|| flaw(place, format!("there is nothing at `{text}`")))
    }

    /// Orders the schemas so that each comes after those that apply to the same value.
    fn order(&self) -> Result<Vec<usize>, Flaw> {
        let mut order = Vec::with_capacity(self.schemas.len());
        let mut state = vec![Seen::Never; self.schemas.len()];
        for start in 0..self.schemas.len() {
            // The way to where we are: a schema, and how many of its `same` were followed.
            let mut way = vec![(start, 0)];
            while let Some((index, followed)) = way.pop() {
                let (Some(node), Some(seen)) = (self.schemas.get(index), state.get_mut(index)) else {
                    continue;
                };
                if followed == 0 {
                    match seen {
                        Seen::Never => *seen = Seen::OnTheWay,
                        Seen::OnTheWay => return Err(flaw(&node.place, "refers to itself without end")),
                        Seen::Done => continue,
                    }
                }
                if let Some(next) = node.same.get(followed) {
                    way.push((index, followed + 1));
                    way.push((*next, 0));
                } else {
                    *seen = Seen::Done;
                    order.push(index);
                }
            }
        }
        Ok(order)
    }
}

#[derive(Clone, Copy)]
enum Seen {
    Never,
    OnTheWay,
    Done,
}

/// Decodes the fragment of a URI.
fn decoded(fragment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(fragment.len());
    let mut left = fragment.bytes();
    while let Some(byte) = left.next() {
        if byte == b'%' {
            let mut digit = || char::from(left.next()?).to_digit(16);
            let (high, low) = (digit()?, digit()?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests;
