//! Builds values with places from the events of YAML, with a stack of open lists and mappings, as the decoder of go.yaml.in/yaml/v2 does.
//! It doesn't recurse, so nesting can't overflow the stack.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    Duplicates,
    documents::{self, Excerpt},
    marks::Mark,
    node::{Content, Key, MAX_DEPTH, Node, ReadError},
    parser::{Event, Parser, Scalar},
    scalar::{self, ScalarValue},
};

/// The maximum number of bytes that aliases may add to a document: enough for any manifest that a server accepts (1.5 MiB), too few for a
/// "billion laughs" attack.
const MAX_ALIAS_BYTES: usize = 16 * 1024 * 1024;

/// Reads the documents of a text. A document with a syntax error is the last one.
pub(crate) fn read(excerpt: Excerpt<'_>, duplicates: Duplicates) -> Vec<Result<Node, Vec<ReadError>>> {
    if let Some(trouble) = documents::joined_marker(excerpt) {
        return vec![Err(vec![trouble])];
    }
    let Excerpt { text, start } = excerpt;
    let mut read = Vec::new();
    let mut reader = Reader::new(start, duplicates);
    let mut parser = match Parser::new(text) {
        Ok(parser) => parser,
        Err(trouble) => return vec![Err(vec![reader.with_absolute_place(trouble)])],
    };
    while let Some(next) = parser.next() {
        let step = match next {
            Ok((Event::DocumentStart, _)) => {
                reader = Reader::new(start, duplicates);
                Ok(())
            }
            Ok((Event::DocumentEnd, _)) => {
                let done = std::mem::replace(&mut reader, Reader::new(start, duplicates));
                read.extend(done.finish());
                Ok(())
            }
            Ok((event, at)) => {
                let at = reader.absolute_place(at);
                reader.handle(event, at)
            }
            Err(trouble) => Err(reader.with_absolute_place(trouble)),
        };
        if let Err(trouble) = step {
            reader.troubles.push(trouble);
            read.push(Err(reader.troubles));
            break;
        }
    }
    read
}

/// A document that is being read.
struct Reader<'a> {
    start: Mark,
    duplicates: Duplicates,
    open: Vec<Open<'a>>,
    root: Option<Node>,
    anchors: BTreeMap<&'a str, Anchored>,
    alias_bytes: usize,
    troubles: Vec<ReadError>,
    /// Errors for values that JSON can't represent, by the place of the value or of its mapping. As in Go they only count if no later key
    /// of the same name replaces the value.
    not_json: BTreeMap<Mark, ReadError>,
    /// Whether a second document began in this one without a separator. Then its duplicate keys aren't reported.
    lacks_separator: bool,
}

/// The value of an anchor.
enum Anchored {
    /// A text, number, boolean or null.
    Scalar(ScalarValue),
    /// A list or mapping.
    Node(Node),
    /// A list or mapping that starts here and hasn't ended.
    Open(Mark),
}

/// A list or mapping that hasn't ended.
struct Open<'a> {
    at: Mark,
    anchor: Option<&'a str>,
    inside: Inside,
}

/// The content of an open list or mapping so far.
enum Inside {
    List(Vec<Node>),
    Map(Map),
}

/// The content of an open mapping so far.
#[derive(Default)]
struct Map {
    entries: Vec<(Key, Node)>,
    /// The index in `entries` and the place of each key.
    known: BTreeMap<String, Known>,
    waiting: Option<Waiting>,
}

/// A key that has a value.
#[derive(Clone, Copy)]
struct Known {
    index: usize,
    at: Mark,
    /// Whether a merge key (`<<`) added it.
    is_merged: bool,
}

/// A key whose value is next.
enum Waiting {
    Key(Key),
    /// The value of this key is dropped.
    Nothing,
    Merge,
}

impl Map {
    /// Sets the value of a key; replaces an earlier one.
    fn insert(&mut self, key: Key, node: Node, is_merged: bool) {
        if let Some(known) = self.known.get_mut(&key.text)
            && let Some(entry) = self.entries.get_mut(known.index)
        {
            known.at = key.at;
            known.is_merged = is_merged;
            *entry = (key, node);
            return;
        }
        let known = Known {
            index: self.entries.len(),
            at: key.at,
            is_merged,
        };
        self.known.insert(key.text.clone(), known);
        self.entries.push((key, node));
    }

    /// Adds the entries of a merge key (`<<`). As in Go, they replace entries that are written before it and are replaced by those written
    /// after it. Of several sources the earlier one wins.
    fn merge(&mut self, source: Node, is_alias: bool) -> Result<(), ReadError> {
        let at = source.at;
        let sources = match source.content {
            Content::Map(_) => vec![source],
            // Go doesn't accept an alias of a list.
            Content::List(nodes) if !is_alias => nodes,
            Content::List(_) | Content::Scalar(_) => return Err(no_merge(at)),
        };
        for source in sources.into_iter().rev() {
            let Content::Map(entries) = source.content else {
                return Err(no_merge(source.at));
            };
            for (key, node) in entries {
                self.insert(key, node, true);
            }
        }
        Ok(())
    }
}

fn no_merge(at: Mark) -> ReadError {
    ReadError::new(at, "the value of `<<` must be a mapping or a list of mappings")
        .hint("put the key in quotes if it is not a merge key")
}

/// Returns the first error whose place is in a value. The depth is limited.
fn first_error_in(node: &Node, troubles: &BTreeMap<Mark, ReadError>) -> Option<ReadError> {
    let own = troubles.get(&node.at).cloned();
    own.or_else(|| match &node.content {
        Content::Scalar(_) => None,
        Content::List(nodes) => nodes.iter().find_map(|node| first_error_in(node, troubles)),
        Content::Map(entries) => entries.iter().find_map(|(_, node)| first_error_in(node, troubles)),
    })
}

impl<'a> Reader<'a> {
    fn new(start: Mark, duplicates: Duplicates) -> Reader<'a> {
        Reader {
            start,
            duplicates,
            open: Vec::new(),
            root: None,
            anchors: BTreeMap::new(),
            alias_bytes: 0,
            troubles: Vec::new(),
            not_json: BTreeMap::new(),
            lacks_separator: false,
        }
    }

    /// Returns a place in the whole text.
    fn absolute_place(&self, at: Mark) -> Mark {
        Mark {
            line: at.line.saturating_add(self.start.line).saturating_sub(1),
            column: match at.line {
                1 => at.column.saturating_add(self.start.column).saturating_sub(1),
                _ => at.column,
            },
        }
    }

    fn with_absolute_place(&self, trouble: ReadError) -> ReadError {
        ReadError {
            at: self.absolute_place(trouble.at),
            ..trouble
        }
    }

    fn finish(mut self) -> Option<Result<Node, Vec<ReadError>>> {
        if !self.not_json.is_empty()
            && let Some(root) = &self.root
        {
            self.troubles.extend(first_error_in(root, &self.not_json));
        }
        if self.troubles.is_empty() {
            self.root.map(Ok)
        } else {
            Some(Err(self.troubles))
        }
    }

    fn handle(&mut self, event: Event<'a>, at: Mark) -> Result<(), ReadError> {
        match event {
            Event::Scalar(scalar) => self.scalar(scalar, at),
            Event::Alias(name) => self.alias(name, at),
            Event::SequenceStart(anchor) => self.begin(at, anchor, Inside::List(Vec::new())),
            Event::MappingStart(anchor) => self.begin(at, anchor, Inside::Map(Map::default())),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::DocumentStart | Event::DocumentEnd => Ok(()),
        }
    }

    fn alias(&mut self, name: &str, at: Mark) -> Result<(), ReadError> {
        let is_key = self.expected_key().is_some();
        match self.anchors.get(name) {
            None => Err(
                ReadError::new(at, format!("there is no anchor `&{name}` before this alias"))
                    .hint("put the value in quotes if it starts with `*`"),
            ),
            Some(Anchored::Open(_)) => Err(ReadError::new(
                at,
                format!("this alias is inside its own anchor, `&{name}`"),
            )),
            Some(Anchored::Scalar(meaning)) => {
                let meaning = meaning.clone();
                self.add_scalar(meaning, at)
            }
            Some(Anchored::Node(_)) if is_key => Err(ReadError::new(at, "an alias as a key must refer to a text")),
            Some(Anchored::Node(node)) => {
                let node = node.clone();
                self.count_alias_bytes(node.size, at)?;
                if node.height + self.open.len() > MAX_DEPTH {
                    return Err(ReadError::too_deep(at));
                }
                self.add(node, true)
            }
        }
    }

    fn scalar(&mut self, scalar: Scalar<'a>, at: Mark) -> Result<(), ReadError> {
        let text = &scalar.text;
        // A `!` alone makes the value a string, but `<<` still merges.
        let is_implicit = match scalar.tag.as_deref() {
            None => scalar.is_plain,
            Some(tag) => tag == "!" || tag == "tag:yaml.org,2002:merge",
        };
        let is_merge = is_implicit && text == "<<";
        let meaning = match scalar.tag.as_deref() {
            None if scalar.is_plain => scalar::plain(text),
            None => ScalarValue::Text(scalar.text.into_owned()),
            Some(tag) => {
                let name = tag.strip_prefix("tag:yaml.org,2002:").unwrap_or("str");
                scalar::tagged(name, text).map_err(|message| ReadError::new(at, message))?
            }
        };
        if let Some(anchor) = scalar.anchor {
            self.count_alias_bytes(meaning.size(), at)?;
            self.anchors.insert(anchor, Anchored::Scalar(meaning.clone()));
        }
        if is_merge && let Some(waiting) = self.expected_key() {
            *waiting = Some(Waiting::Merge);
            return Ok(());
        }
        self.add_scalar(meaning, at)
    }

    /// Adds a scalar as a key or as a value.
    fn add_scalar(&mut self, meaning: ScalarValue, at: Mark) -> Result<(), ReadError> {
        if self.expected_key().is_some() {
            match meaning.into_key() {
                Ok(text) => self.key(Key { text, at }),
                Err(message) => self.bad_key(ReadError::new(at, message)),
            }
            return Ok(());
        }
        let value = meaning.into_value().unwrap_or_else(|message| {
            self.not_json.insert(at, ReadError::new(at, message));
            Value::Null
        });
        self.add(Node::scalar(at, value), false)
    }

    /// Returns the slot for the next key, if a key is expected.
    fn expected_key(&mut self) -> Option<&mut Option<Waiting>> {
        match &mut self.open.last_mut()?.inside {
            Inside::Map(map) if map.waiting.is_none() => Some(&mut map.waiting),
            Inside::Map(_) | Inside::List(_) => None,
        }
    }

    /// Sets the next key.
    fn key(&mut self, key: Key) {
        if let Some(waiting) = self.expected_key() {
            *waiting = Some(Waiting::Key(key));
            self.check_duplicate_key();
        }
    }

    /// Records a key that JSON can't represent. Nothing can replace it within its mapping, but the mapping itself can be replaced.
    fn bad_key(&mut self, trouble: ReadError) {
        if let Some(waiting) = self.expected_key() {
            *waiting = Some(Waiting::Nothing);
        }
        if let Some(open) = self.open.last() {
            self.not_json.entry(open.at).or_insert(trouble);
        }
    }

    /// Checks whether the last key is a duplicate.
    fn check_duplicate_key(&mut self) {
        let is_top = self.open.len() == 1;
        let Some(Open {
            inside: Inside::Map(Map { known, waiting, .. }),
            ..
        }) = self.open.last_mut()
        else {
            return;
        };
        let Some(Waiting::Key(key)) = waiting else { return };
        let Some(first) = known.get(&key.text).filter(|known| !known.is_merged) else {
            return;
        };
        if self.duplicates == Duplicates::LastWins {
            return;
        }
        if is_top && matches!(&*key.text, "apiVersion" | "kind") {
            if !self.lacks_separator {
                self.troubles.push(ReadError::missing_separator(key, first.at));
            }
            self.lacks_separator = true;
        } else if !is_top || !self.lacks_separator {
            self.troubles.push(ReadError::duplicate_key(key, first.at));
        }
        *waiting = Some(Waiting::Nothing);
    }

    fn begin(&mut self, at: Mark, anchor: Option<&'a str>, inside: Inside) -> Result<(), ReadError> {
        if self.expected_key().is_some() {
            return Err(ReadError::new(at, "a key must be a text, not a list or mapping"));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(ReadError::too_deep(at));
        }
        if let Some(name) = anchor {
            self.anchors.insert(name, Anchored::Open(at));
        }
        self.open.push(Open { at, anchor, inside });
        Ok(())
    }

    fn end(&mut self) -> Result<(), ReadError> {
        let Some(Open { at, anchor, inside }) = self.open.pop() else {
            return Ok(());
        };
        let node = match inside {
            Inside::List(nodes) => Node::list(at, nodes),
            Inside::Map(map) => Node::map(at, map.entries),
        };
        // Something inside may have redefined the anchor.
        if let Some(name) = anchor
            && matches!(self.anchors.get(name), Some(Anchored::Open(start)) if *start == at)
        {
            self.count_alias_bytes(node.size, node.at)?;
            self.anchors.insert(name, Anchored::Node(node.clone()));
        }
        self.add(node, false)
    }

    /// Counts the bytes of a copy.
    fn count_alias_bytes(&mut self, size: usize, at: Mark) -> Result<(), ReadError> {
        self.alias_bytes = self.alias_bytes.saturating_add(size);
        if self.alias_bytes > MAX_ALIAS_BYTES {
            return Err(ReadError::new(at, "the aliases of this document make it too large")
                .hint("write the values out, or use fewer aliases"));
        }
        Ok(())
    }

    /// Adds a value.
    fn add(&mut self, node: Node, is_alias: bool) -> Result<(), ReadError> {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.inside {
            Inside::List(nodes) => nodes.push(node),
            Inside::Map(map) => match map.waiting.take() {
                Some(Waiting::Key(key)) => map.insert(key, node, false),
                Some(Waiting::Merge) => {
                    let merged = match &node.content {
                        Content::List(nodes) => nodes.as_slice(),
                        Content::Map(_) | Content::Scalar(_) => std::slice::from_ref(&node),
                    };
                    let bad = merged.iter().find_map(|source| self.not_json.get(&source.at));
                    if let Some(bad) = bad.cloned() {
                        self.not_json.entry(open.at).or_insert(bad);
                    }
                    map.merge(node, is_alias)?;
                }
                // A mapping always has a key first.
                Some(Waiting::Nothing) | None => {}
            },
        }
        Ok(())
    }
}
