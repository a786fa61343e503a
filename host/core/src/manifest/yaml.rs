//! Reads YAML with the place of every value: a parser gives events, and a stack of open lists and mappings makes values of them.
//! Nothing here recurses, so that nesting can't overflow the stack.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Tag};
use serde_json::Value;

use super::{
    marks::Mark,
    node::{Content, DEPTH, Key, Node, Trouble},
    scalar,
};

/// How many bytes aliases may add to one document: enough for any manifest that a server would take (1.5 MiB), too little for a
/// "billion laughs".
const COPIED: usize = 16 * 1024 * 1024;

/// Reads the documents of a text; one that can't be read to its end is the last.
pub(super) fn read(text: &str, lines_before: u32) -> Vec<Result<Node, Vec<Trouble>>> {
    let mut parser = Parser::new_from_str(text);
    let mut documents = Vec::new();
    let mut reader = Reader::new(lines_before);
    while let Some(next) = parser.next_event() {
        let step = match next {
            Ok((Event::StreamEnd, _)) => break,
            Ok((Event::DocumentStart(_), _)) => {
                reader = Reader::new(lines_before);
                Ok(())
            }
            Ok((Event::DocumentEnd, _)) => {
                let done = std::mem::replace(&mut reader, Reader::new(lines_before));
                documents.extend(done.finish());
                Ok(())
            }
            Ok((event, span)) => reader.take(event, span.start),
            Err(error) => Err(reader.unreadable(&error)),
        };
        if let Err(trouble) = step {
            reader.troubles.push(trouble);
            documents.push(Err(reader.troubles));
            break;
        }
    }
    documents
}

/// A document that is being read.
struct Reader {
    lines_before: u32,
    open: Vec<Open>,
    root: Option<Node>,
    anchors: BTreeMap<usize, Node>,
    copied: usize,
    troubles: Vec<Trouble>,
    /// Whether a second document was found in this one: more than that needs not be said of its keys.
    runs_together: bool,
}

/// A list or mapping whose end is not seen yet.
struct Open {
    at: Mark,
    anchor: usize,
    inside: Inside,
}

/// What an open list or mapping holds so far.
enum Inside {
    List(Vec<Node>),
    Map {
        entries: Vec<(Key, Node)>,
        /// Where each key is in `entries`.
        known: BTreeMap<String, Mark>,
        merges: Vec<Node>,
        waiting: Option<Waiting>,
    },
}

/// A key whose value comes next.
enum Waiting {
    Key(Key),
    Twice,
    Merge,
}

impl Reader {
    fn new(lines_before: u32) -> Reader {
        Reader {
            lines_before,
            open: Vec::new(),
            root: None,
            anchors: BTreeMap::new(),
            copied: 0,
            troubles: Vec::new(),
            runs_together: false,
        }
    }

    fn mark(&self, marker: Marker) -> Mark {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Mark {
            line: number(marker.line()).saturating_add(self.lines_before),
            column: number(marker.col()).saturating_add(1),
        }
    }

    fn unreadable(&self, error: &ScanError) -> Trouble {
        Trouble::new(
            self.mark(*error.marker()),
            format!("this can't be read as YAML: {}", error.info()),
        )
    }

    fn finish(self) -> Option<Result<Node, Vec<Trouble>>> {
        if self.troubles.is_empty() {
            self.root.map(Ok)
        } else {
            Some(Err(self.troubles))
        }
    }

    fn take(&mut self, event: Event<'_>, marker: Marker) -> Result<(), Trouble> {
        let at = self.mark(marker);
        match event {
            Event::Scalar(text, style, anchor, tag) => self.scalar(&text, style, anchor, tag.as_deref(), at),
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor).cloned() else {
                    return Err(Trouble::new(
                        at,
                        "this alias stands for something that contains it, or for nothing",
                    ));
                };
                self.charge(node.size, at)?;
                if node.height + self.open.len() > DEPTH {
                    return Err(Trouble::too_deep(at));
                }
                self.put(node)
            }
            Event::SequenceStart(anchor, _) => self.begin(at, anchor, Inside::List(Vec::new())),
            Event::MappingStart(anchor, _) => {
                let inside = Inside::Map {
                    entries: Vec::new(),
                    known: BTreeMap::new(),
                    merges: Vec::new(),
                    waiting: None,
                };
                self.begin(at, anchor, inside)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {
                Ok(())
            }
        }
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        at: Mark,
    ) -> Result<(), Trouble> {
        let is_plain = style == ScalarStyle::Plain;
        let meaning = match tag {
            None if is_plain => scalar::plain(text),
            None => scalar::Meaning::Text(text.to_owned()),
            Some(tag) => {
                let name = if tag.is_yaml_core_schema() {
                    tag.suffix.as_str()
                } else {
                    "str"
                };
                scalar::tagged(name, text).map_err(|message| Trouble::new(at, message))?
            }
        };
        if let Some(waiting) = self.missing_key() {
            let key = if is_plain && tag.is_none() && text == "<<" {
                Waiting::Merge
            } else {
                let text = meaning
                    .clone()
                    .into_key()
                    .map_err(|message| Trouble::new(at, message))?;
                Waiting::Key(Key { text, at })
            };
            *waiting = Some(key);
            self.judge_key();
            if anchor > 0
                && let Ok(value) = meaning.into_value()
            {
                self.anchors.insert(anchor, Node::scalar(at, value));
            }
            return Ok(());
        }
        let value = meaning.into_value().map_err(|message| Trouble::new(at, message))?;
        let node = Node::scalar(at, value);
        self.remember(anchor, &node)?;
        self.put(node)
    }

    /// Returns where the next key goes, if a key comes next.
    fn missing_key(&mut self) -> Option<&mut Option<Waiting>> {
        match &mut self.open.last_mut()?.inside {
            Inside::Map { waiting, .. } if waiting.is_none() => Some(waiting),
            Inside::Map { .. } | Inside::List(_) => None,
        }
    }

    /// Looks whether the key that was just read is there already.
    fn judge_key(&mut self) {
        let is_top = self.open.len() == 1;
        let Some(Open {
            inside: Inside::Map { known, waiting, .. },
            ..
        }) = self.open.last_mut()
        else {
            return;
        };
        let Some(Waiting::Key(key)) = waiting else { return };
        if let Some(first) = known.get(&key.text) {
            if is_top && matches!(&*key.text, "apiVersion" | "kind") {
                if !self.runs_together {
                    self.troubles.push(Trouble::no_separator(key, *first));
                }
                self.runs_together = true;
            } else if !is_top || !self.runs_together {
                self.troubles.push(Trouble::twice(key, *first));
            }
            *waiting = Some(Waiting::Twice);
        } else {
            known.insert(key.text.clone(), key.at);
        }
    }

    fn begin(&mut self, at: Mark, anchor: usize, inside: Inside) -> Result<(), Trouble> {
        if self.missing_key().is_some() {
            return Err(Trouble::new(at, "a key must be a text, not a list or mapping"));
        }
        if self.open.len() >= DEPTH {
            return Err(Trouble::too_deep(at));
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
            Inside::Map { entries, merges, .. } => Node::map(at, merged(entries, merges)?),
        };
        self.remember(anchor, &node)?;
        self.put(node)
    }

    /// Keeps a copy for the aliases to come.
    fn remember(&mut self, anchor: usize, node: &Node) -> Result<(), Trouble> {
        if anchor > 0 {
            self.charge(node.size, node.at)?;
            self.anchors.insert(anchor, node.clone());
        }
        Ok(())
    }

    fn charge(&mut self, size: usize, at: Mark) -> Result<(), Trouble> {
        self.copied = self.copied.saturating_add(size);
        if self.copied > COPIED {
            return Err(Trouble::new(at, "the aliases of this document make it too large")
                .hint("write the values out, or use fewer aliases"));
        }
        Ok(())
    }

    /// Puts a value where the next one goes.
    fn put(&mut self, node: Node) -> Result<(), Trouble> {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.inside {
            Inside::List(nodes) => nodes.push(node),
            Inside::Map {
                entries,
                merges,
                waiting,
                ..
            } => match waiting.take() {
                Some(Waiting::Key(key)) => entries.push((key, node)),
                Some(Waiting::Twice) => {}
                Some(Waiting::Merge) => merges.push(node),
                None => {
                    // only an alias gets here: an alias as a key
                    let Content::Scalar(Value::String(text)) = node.content else {
                        return Err(Trouble::new(node.at, "an alias as a key must stand for a text"));
                    };
                    *waiting = Some(Waiting::Key(Key { text, at: node.at }));
                    self.judge_key();
                }
            },
        }
        Ok(())
    }
}

/// Adds what `<<` brings: what is written in the mapping itself wins, then the earlier of several sources
/// (<https://yaml.org/type/merge.html>).
fn merged(mut entries: Vec<(Key, Node)>, merges: Vec<Node>) -> Result<Vec<(Key, Node)>, Trouble> {
    let wrong = |at| {
        Trouble::new(at, "`<<` takes a mapping or a list of mappings")
            .hint("put the key in quotes if it is no merge key")
    };
    let mut sources = Vec::new();
    for node in merges {
        let at = node.at;
        match node.content {
            Content::Map(map) => sources.push(map),
            Content::List(nodes) => {
                for node in nodes {
                    let Content::Map(map) = node.content else {
                        return Err(wrong(node.at));
                    };
                    sources.push(map);
                }
            }
            Content::Scalar(_) => return Err(wrong(at)),
        }
    }
    if sources.is_empty() {
        return Ok(entries);
    }
    let mut known: std::collections::BTreeSet<String> = entries.iter().map(|(key, _)| key.text.clone()).collect();
    for (key, node) in sources.into_iter().flatten() {
        if known.insert(key.text.clone()) {
            entries.push((key, node));
        }
    }
    Ok(entries)
}
