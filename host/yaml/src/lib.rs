//! YAML and JSON as kubectl reads them, with the place of every value.
//!
//! kubectl splits a text at `---` lines (`NewYAMLReader` of k8s.io/apimachinery) and decodes each part with sigs.k8s.io/yaml, which is Go's
//! port of libyaml and a conversion to JSON. This crate accepts what they accept, with the same values: `0644` is 420, `on` is true,
//! `2020-01-01` is a string, aliases and merge keys are resolved. A text that starts with `{` is read as JSON first.
//! `tests/cluster/tests/yaml.rs` compares both, and lists the intended differences. [`mod@write`] writes YAML that all of them read
//! correctly.

mod base64;
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

use self::documents::Excerpt;
pub use self::{
    base64::is_base64,
    documents::{Chunk, split},
    marks::{Inside, Mark, Marks},
    node::{Content, Key, Node, ReadError},
};

/// What is done with duplicate keys of a mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duplicates {
    /// They are an error, because a value would be lost silently.
    Refuse,
    /// The last one counts, as in Go.
    LastWins,
}

/// Reads the documents of one part of a text. A document with a syntax error is the last one.
pub fn read(chunk: Chunk<'_>, duplicates: Duplicates) -> Vec<Result<Node, Vec<ReadError>>> {
    let start = Mark {
        line: chunk.lines_before.saturating_add(1),
        column: 1,
    };
    let excerpt = Excerpt {
        text: &documents::with_line_ends(chunk.text),
        start,
    };
    if chunk.lines_before == 0 && is_like_json(excerpt) {
        return read_json_first(excerpt, duplicates);
    }
    let documents = read::read(excerpt, duplicates);
    let inside = excerpt.without_marker();
    if documents.iter().all(Result::is_ok) || !is_like_json(inside) {
        return documents;
    }
    // kubectl doesn't try JSON here, but generated JSON should be readable anywhere.
    match json::read(inside, duplicates) {
        Ok(json) => json,
        Err(partial) if is_further(&documents, partial.error.at) => documents,
        Err(mut partial) => {
            // documents that are YAML have the values that kubectl reads; only the mistake is explained as one of JSON
            if documents.first().is_some_and(Result::is_ok) {
                partial.documents = documents.iter().take_while(|read| read.is_ok()).cloned().collect();
            }
            json_or_yaml_errors(inside, documents, partial)
        }
    }
}

/// Reads a text that starts with `{`: as JSON; if an error follows at most one document, the rest as YAML.
fn read_json_first(excerpt: Excerpt<'_>, duplicates: Duplicates) -> Vec<Result<Node, Vec<ReadError>>> {
    let mut partial = match json::read(excerpt, duplicates) {
        Ok(documents) => return documents,
        Err(partial) => partial,
    };
    if partial.documents.len() > 1 {
        partial.documents.push(Err(vec![partial.error]));
        return partial.documents;
    }
    let documents = read::read(partial.rest.without_blanks(), duplicates);
    if is_further(&documents, partial.error.at) {
        partial.documents.extend(documents);
        return partial.documents;
    }
    json_or_yaml_errors(excerpt, documents, partial)
}

fn is_like_json(excerpt: Excerpt<'_>) -> bool {
    excerpt.text.trim_start().starts_with('{')
}

/// Returns whether documents have no error up to a place. The reader that got further has the better message.
fn is_further(documents: &[Result<Node, Vec<ReadError>>], at: Mark) -> bool {
    let first = documents.iter().find_map(|document| document.as_ref().err()?.first());
    first.is_none_or(|first| first.at > at)
}

/// Returns the errors of a text that is neither JSON nor YAML: those of JSON if the text starts like JSON.
fn json_or_yaml_errors(
    excerpt: Excerpt<'_>,
    documents: Vec<Result<Node, Vec<ReadError>>>,
    mut partial: json::Partial<'_>,
) -> Vec<Result<Node, Vec<ReadError>>> {
    let inside = excerpt.text.trim_start().strip_prefix('{');
    if inside.is_some_and(|inside| inside.trim_start().starts_with('"')) {
        partial.documents.push(Err(vec![partial.error]));
        partial.documents
    } else {
        documents
    }
}

/// Reads the value of a text with one document; empty documents are ignored.
///
/// # Errors
///
/// Returns the first error of the text, or the place of a second document.
pub fn value(text: &str, duplicates: Duplicates) -> Result<Value, ReadError> {
    let mut found = None;
    for document in split(text).into_iter().flat_map(|chunk| read(chunk, duplicates)) {
        let node = match document {
            Ok(node) if node.is_null() => continue,
            Ok(node) => node,
            Err(troubles) => {
                let first = troubles.into_iter().next();
                return Err(first.unwrap_or_else(|| ReadError::new(Mark::default(), "it can't be read")));
            }
        };
        if found.is_some() {
            return Err(ReadError::new(node.at, "it contains more than one document"));
        }
        found = Some(node.into_parts(None).0);
    }
    Ok(found.unwrap_or(Value::Null))
}
