//! Makes values of YAML, with the place of each: a parser gives events, and a stack of open lists and mappings makes values of them,
//! as the decoder of go.yaml.in/yaml/v2 does. Nothing here recurses, so that nesting can't overflow the stack.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    Duplicates,
    documents::{self, Excerpt},
    marks::Mark,
    node::{Content, DEPTH, Key, Node, Trouble},
    parser::{Event, Parser, Scalar},
    scalar::{self, Meaning},
};

/// How many bytes aliases may add to one document: enough for any manifest that a server would take (1.5 MiB), too little for a
/// "billion laughs".
const COPIED: usize = 16 * 1024 * 1024;

/// Reads the documents of a text; one that can't be read to its end is the last.
pub(crate) fn read(excerpt: Excerpt<'_>, duplicates: Duplicates) -> Vec<Result<Node, Vec<Trouble>>> {
    if let Some(trouble) = documents::joined_marker(excerpt) {
        return vec![Err(vec![trouble])];
    }
    let Excerpt { text, start } = excerpt;
    let mut read = Vec::new();
    let mut reader = Reader::new(start, duplicates);
    let mut parser = match Parser::new(text) {
        Ok(parser) => parser,
        Err(trouble) => return vec![Err(vec![reader.moved(trouble)])],
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
                let at = reader.place(at);
                reader.handle(event, at)
            }
            Err(trouble) => Err(reader.moved(trouble)),
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
    copied: usize,
    troubles: Vec<Trouble>,
    /// Values and mappings with something in them that JSON can't hold, by their places. As in Go they are mistakes only if no later
    /// key of the same name replaces them.
    not_json: BTreeMap<Mark, Trouble>,
    /// Whether a second document was found in this one: more than that needs not be said of its keys.
    runs_together: bool,
}

/// What an alias stands for.
enum Anchored {
    /// A text, number, boolean or null.
    Scalar(Meaning),
    /// A list or mapping.
    Node(Node),
    /// A list or mapping that has not ended yet, and starts here.
    Open(Mark),
}

/// A list or mapping whose end is not seen yet.
struct Open<'a> {
    at: Mark,
    anchor: Option<&'a str>,
    inside: Inside,
}

/// What an open list or mapping holds so far.
enum Inside {
    List(Vec<Node>),
    Map(Map),
}

/// What an open mapping holds so far.
#[derive(Default)]
struct Map {
    entries: Vec<(Key, Node)>,
    /// Where each key is in `entries`, and in the text.
    known: BTreeMap<String, Known>,
    waiting: Option<Waiting>,
}

/// A key that has a value already.
#[derive(Clone, Copy)]
struct Known {
    index: usize,
    at: Mark,
    /// Whether `<<` brought it.
    is_merged: bool,
}

/// A key whose value comes next.
enum Waiting {
    Key(Key),
    /// The value is dropped.
    Nothing,
    Merge,
}

impl Map {
    /// Puts a value under a key, in the place of an older value if there is one.
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

    /// Puts in what a `<<` brings. As in Go, it replaces what is written before it, and is replaced by what is written after it; of
    /// several sources the earlier one wins.
    fn merge(&mut self, source: Node, is_alias: bool) -> Result<(), Trouble> {
        let at = source.at;
        let sources = match source.content {
            Content::Map(_) => vec![source],
            // Go doesn't take an alias of a list
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

fn no_merge(at: Mark) -> Trouble {
    Trouble::new(at, "`<<` takes a mapping or a list of mappings").hint("put the key in quotes if it is no merge key")
}

/// Returns the first trouble of those whose places are in a value, whose depth is bounded.
fn first_of(node: &Node, troubles: &BTreeMap<Mark, Trouble>) -> Option<Trouble> {
    let own = troubles.get(&node.at).cloned();
    own.or_else(|| match &node.content {
        Content::Scalar(_) => None,
        Content::List(nodes) => nodes.iter().find_map(|node| first_of(node, troubles)),
        Content::Map(entries) => entries.iter().find_map(|(_, node)| first_of(node, troubles)),
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
            copied: 0,
            troubles: Vec::new(),
            not_json: BTreeMap::new(),
            runs_together: false,
        }
    }

    /// Returns a place in the whole text.
    fn place(&self, at: Mark) -> Mark {
        Mark {
            line: at.line.saturating_add(self.start.line).saturating_sub(1),
            column: match at.line {
                1 => at.column.saturating_add(self.start.column).saturating_sub(1),
                _ => at.column,
            },
        }
    }

    fn moved(&self, trouble: Trouble) -> Trouble {
        Trouble {
            at: self.place(trouble.at),
            ..trouble
        }
    }

    fn finish(mut self) -> Option<Result<Node, Vec<Trouble>>> {
        if !self.not_json.is_empty()
            && let Some(root) = &self.root
        {
            self.troubles.extend(first_of(root, &self.not_json));
        }
        if self.troubles.is_empty() {
            self.root.map(Ok)
        } else {
            Some(Err(self.troubles))
        }
    }

    fn handle(&mut self, event: Event<'a>, at: Mark) -> Result<(), Trouble> {
        match event {
            Event::Scalar(scalar) => self.scalar(scalar, at),
            Event::Alias(name) => self.alias(name, at),
            Event::SequenceStart(anchor) => self.begin(at, anchor, Inside::List(Vec::new())),
            Event::MappingStart(anchor) => self.begin(at, anchor, Inside::Map(Map::default())),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::DocumentStart | Event::DocumentEnd => Ok(()),
        }
    }

    fn alias(&mut self, name: &str, at: Mark) -> Result<(), Trouble> {
        let is_key = self.missing_key().is_some();
        match self.anchors.get(name) {
            None => Err(
                Trouble::new(at, format!("nothing before this alias is called `&{name}`"))
                    .hint("put the value in quotes if it starts with `*`"),
            ),
            Some(Anchored::Open(_)) => Err(Trouble::new(
                at,
                format!("this alias stands for what it is in, `&{name}`"),
            )),
            Some(Anchored::Scalar(meaning)) => {
                let meaning = meaning.clone();
                self.meaning(meaning, at)
            }
            Some(Anchored::Node(_)) if is_key => Err(Trouble::new(at, "an alias as a key must stand for a text")),
            Some(Anchored::Node(node)) => {
                let node = node.clone();
                self.charge(node.size, at)?;
                if node.height + self.open.len() > DEPTH {
                    return Err(Trouble::too_deep(at));
                }
                self.add(node, true)
            }
        }
    }

    fn scalar(&mut self, scalar: Scalar<'a>, at: Mark) -> Result<(), Trouble> {
        let text = &scalar.text;
        // a `!` alone says that the value is a text, but doesn't keep `<<` from merging
        let is_implicit = match scalar.tag.as_deref() {
            None => scalar.is_plain,
            Some(tag) => tag == "!" || tag == "tag:yaml.org,2002:merge",
        };
        let is_merge = is_implicit && text == "<<";
        let meaning = match scalar.tag.as_deref() {
            None if scalar.is_plain => scalar::plain(text),
            None => Meaning::Text(scalar.text.into_owned()),
            Some(tag) => {
                let name = tag.strip_prefix("tag:yaml.org,2002:").unwrap_or("str");
                scalar::tagged(name, text).map_err(|message| Trouble::new(at, message))?
            }
        };
        if let Some(anchor) = scalar.anchor {
            self.charge(meaning.size(), at)?;
            self.anchors.insert(anchor, Anchored::Scalar(meaning.clone()));
        }
        if is_merge && let Some(waiting) = self.missing_key() {
            *waiting = Some(Waiting::Merge);
            return Ok(());
        }
        self.meaning(meaning, at)
    }

    /// Takes a scalar as a key or as a value.
    fn meaning(&mut self, meaning: Meaning, at: Mark) -> Result<(), Trouble> {
        if self.missing_key().is_some() {
            match meaning.into_key() {
                Ok(text) => self.key(Key { text, at }),
                Err(message) => self.bad_key(Trouble::new(at, message)),
            }
            return Ok(());
        }
        let value = meaning.into_value().unwrap_or_else(|message| {
            self.not_json.insert(at, Trouble::new(at, message));
            Value::Null
        });
        self.add(Node::scalar(at, value), false)
    }

    /// Returns where the next key goes, if a key comes next.
    fn missing_key(&mut self) -> Option<&mut Option<Waiting>> {
        match &mut self.open.last_mut()?.inside {
            Inside::Map(map) if map.waiting.is_none() => Some(&mut map.waiting),
            Inside::Map(_) | Inside::List(_) => None,
        }
    }

    /// Takes a key, which comes next.
    fn key(&mut self, key: Key) {
        if let Some(waiting) = self.missing_key() {
            *waiting = Some(Waiting::Key(key));
            self.judge_key();
        }
    }

    /// Takes a key that JSON can't hold, which comes next: nothing can replace it in its mapping, but something can replace that.
    fn bad_key(&mut self, trouble: Trouble) {
        if let Some(waiting) = self.missing_key() {
            *waiting = Some(Waiting::Nothing);
        }
        if let Some(open) = self.open.last() {
            self.not_json.entry(open.at).or_insert(trouble);
        }
    }

    /// Looks whether the key that was just read is there already.
    fn judge_key(&mut self) {
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
            if !self.runs_together {
                self.troubles.push(Trouble::no_separator(key, first.at));
            }
            self.runs_together = true;
        } else if !is_top || !self.runs_together {
            self.troubles.push(Trouble::twice(key, first.at));
        }
        *waiting = Some(Waiting::Nothing);
    }

    fn begin(&mut self, at: Mark, anchor: Option<&'a str>, inside: Inside) -> Result<(), Trouble> {
        if self.missing_key().is_some() {
            return Err(Trouble::new(at, "a key must be a text, not a list or mapping"));
        }
        if self.open.len() >= DEPTH {
            return Err(Trouble::too_deep(at));
        }
        if let Some(name) = anchor {
            self.anchors.insert(name, Anchored::Open(at));
        }
        self.open.push(Open { at, anchor, inside });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Trouble> {
        let Some(Open { at, anchor, inside }) = self.open.pop() else {
            return Ok(());
        };
        let node = match inside {
            Inside::List(nodes) => Node::list(at, nodes),
            Inside::Map(map) => Node::map(at, map.entries),
        };
        // something inside may have taken the name over
        if let Some(name) = anchor
            && matches!(self.anchors.get(name), Some(Anchored::Open(start)) if *start == at)
        {
            self.charge(node.size, node.at)?;
            self.anchors.insert(name, Anchored::Node(node.clone()));
        }
        self.add(node, false)
    }

    /// Counts a copy.
    fn charge(&mut self, size: usize, at: Mark) -> Result<(), Trouble> {
        self.copied = self.copied.saturating_add(size);
        if self.copied > COPIED {
            return Err(Trouble::new(at, "the aliases of this document make it too large")
                .hint("write the values out, or use fewer aliases"));
        }
        Ok(())
    }

    /// Puts a value where the next one goes.
    fn add(&mut self, node: Node, is_alias: bool) -> Result<(), Trouble> {
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
                // a key comes first, always
                Some(Waiting::Nothing) | None => {}
            },
        }
        Ok(())
    }
}
