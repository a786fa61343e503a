//! Errors in Capstan's own files: serde's messages in our words, with the place.

use capstan_core::{
    model::{
        error::{Diagnostic, closest_match},
        place::reference_token,
    },
    read::manifest::Manifest,
};
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

/// Deserializes a document. `hint` names its keys, for an error about a document that isn't a mapping.
///
/// # Errors
///
/// Returns the mistakes, each with its place.
pub fn deserialize<T: DeserializeOwned>(document: &Manifest, hint: &str) -> Result<T, Vec<Diagnostic>> {
    // serde would accept a list as the values of the keys in their order.
    if !document.object.0.is_object() {
        let error = document.error("", "this file is not a mapping");
        return Err(vec![error.hint(hint)]);
    }
    serde_path_to_error::deserialize(&document.object.0).map_err(|error| {
        vec![diagnostic(
            document,
            pointer_of(error.path()),
            &error.inner().to_string(),
        )]
    })
}

fn pointer_of(path: &Path) -> String {
    path.iter().fold(String::new(), |mut pointer, segment| {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => pointer.push_str(&format!("/{}", reference_token(key))),
            Segment::Enum { variant } => pointer.push_str(&format!("/{}", reference_token(variant))),
            Segment::Unknown => {}
        }
        pointer
    })
}

fn diagnostic(document: &Manifest, mut pointer: String, text: &str) -> Diagnostic {
    let words: Vec<&str> = text.split('`').skip(1).step_by(2).collect();
    let word = words.first().copied().unwrap_or_default();
    let known = words.get(1..).unwrap_or_default();
    let hint = || match closest_match(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", known.join(", ")),
    };
    if text.starts_with("unknown field") {
        if pointer.rsplit('/').next() != Some(&reference_token(word)) {
            pointer.push_str(&format!("/{}", reference_token(word)));
        }
        return document
            .key_error(&pointer, format!("there is no key `{word}` here"))
            .hint(hint());
    }
    if text.starts_with("unknown variant") {
        return document
            .error(&pointer, format!("`{word}` is not a valid value here"))
            .hint(hint());
    }
    if text.starts_with("missing field") {
        return document.error(&pointer, format!("`{word}` is missing here"));
    }
    let text = text
        .strip_prefix("invalid type: ")
        .or(text.strip_prefix("invalid value: "))
        .unwrap_or(text);
    let message = match text.rsplit_once(", expected ") {
        Some((found, expected)) => {
            let expected = expected.replace("sequence", "list").replace("a map", "a mapping");
            format!(
                "this is {}, but {expected} is expected",
                found.replacen("string", "the text", 1)
            )
        }
        None => text.to_owned(),
    };
    document.error(&pointer, message)
}
