//! YAML and JSON as kubectl reads them, with the place of every value.
//!
//! kubectl cuts a text at lines with `---` (`NewYAMLReader` of k8s.io/apimachinery) and decodes each part with sigs.k8s.io/yaml, which
//! is Go's port of libyaml and a conversion to JSON. What these take is taken here, with the same values: `0644` is 420, `on` is true,
//! `2020-01-01` is a text, aliases and merge keys are resolved. What starts with `{` is read as JSON first. `tests/cluster/tests/yaml.rs`
//! compares both, and says where they differ on purpose. [`write`] writes YAML that all of them read as it was meant.

mod binary;
mod documents;
mod json;
mod marks;
mod node;
mod parser;
mod read;
mod scalar;
mod scanner;
#[cfg(test)]
mod tests;
pub mod write;

use serde_json::Value;

pub use self::{
    binary::is_base64,
    documents::{Chunk, split},
    marks::{Inside, Mark, Marks},
    node::{Content, Key, Node, Trouble},
};

/// What is done with a key that is written twice in one mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duplicates {
    /// It is a mistake: one of the values would be lost without a word.
    Refuse,
    /// The last one counts, as in Go.
    LastWins,
}

/// Reads the documents of one part of a text. One that can't be read to its end is the last.
pub fn read(chunk: Chunk<'_>, duplicates: Duplicates) -> Vec<Result<Node, Vec<Trouble>>> {
    let chunk = Chunk {
        text: &documents::with_line_ends(chunk.text),
        ..chunk
    };
    let (lines, text) = documents::after_marker(chunk.text);
    if !text.trim_start().starts_with('{') {
        return read::read(chunk.text, chunk.lines_before, duplicates);
    }
    let partial = match json::read(text, chunk.lines_before.saturating_add(lines), duplicates) {
        Ok(documents) => return documents,
        Err(partial) => partial,
    };
    // a mapping in YAML's flow style also starts with `{`; behind the tabs that JSON takes, if kubectl tried that first
    let without_tabs = documents::without_leading_tabs(chunk.text);
    let chunk = Chunk {
        text: if chunk.lines_before == 0 {
            &without_tabs
        } else {
            chunk.text
        },
        ..chunk
    };
    let documents = read::read(chunk.text, chunk.lines_before, duplicates);
    if documents.iter().all(Result::is_ok) {
        return documents;
    }
    // who got further knows better what is wrong
    let is_further = |documents: &[Result<Node, Vec<Trouble>>]| {
        let first = documents.iter().find_map(|document| document.as_ref().err()?.first());
        first.is_none_or(|first| first.at > partial.trouble.at)
    };
    // kubectl goes on with YAML behind one document of JSON
    if partial.documents.len() == 1 {
        let more = read::read(partial.rest, partial.lines_before, duplicates);
        if is_further(&more) {
            return partial.documents.into_iter().chain(more).collect();
        }
    }
    if is_further(&documents) {
        return documents;
    }
    let is_like_json = text
        .trim_start()
        .strip_prefix('{')
        .is_some_and(|rest| rest.trim_start().starts_with('"'));
    if is_like_json {
        vec![Err(vec![partial.trouble])]
    } else {
        documents
    }
}

/// Reads the value of a text that has one document; empty ones don't count.
///
/// # Errors
///
/// Returns the first mistake of the text, or where a second document begins.
pub fn value(text: &str, duplicates: Duplicates) -> Result<Value, Trouble> {
    let mut found = None;
    for document in split(text).into_iter().flat_map(|chunk| read(chunk, duplicates)) {
        let node = match document {
            Ok(node) if node.is_null() => continue,
            Ok(node) => node,
            Err(troubles) => {
                let first = troubles.into_iter().next();
                return Err(first.unwrap_or_else(|| Trouble::new(Mark::default(), "it can't be read")));
            }
        };
        if found.is_some() {
            return Err(Trouble::new(node.at, "it holds more than one document"));
        }
        found = Some(node.into_parts(None).0);
    }
    Ok(found.unwrap_or(Value::Null))
}
