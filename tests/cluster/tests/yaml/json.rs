//! JSON documents one after the other, cut where Go's decoder cuts them: `017true` is `0`, `17` and `true`.

use serde_json::{Number, Value};

/// Returns the documents at the beginning of a text, and the offset in bytes behind the last one.
pub fn leading_documents(text: &str) -> (Vec<Value>, usize) {
    let (mut documents, mut end) = (Vec::new(), 0);
    loop {
        let rest = text.get(end..).unwrap_or_default();
        let value = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        let Some((document, length)) = first_document(value) else {
            return (documents, end);
        };
        documents.push(document);
        end += rest.len() - value.len() + length;
    }
}

/// Returns the document that a text starts with, and its length in bytes.
fn first_document(text: &str) -> Option<(Value, usize)> {
    if text.starts_with(['{', '[', '"']) {
        let mut documents = serde_json::Deserializer::from_str(text).into_iter::<Value>();
        let document = documents.next()?.ok()?;
        return Some((document, documents.byte_offset()));
    }
    let words = [
        ("null", Value::Null),
        ("true", Value::Bool(true)),
        ("false", Value::Bool(false)),
    ];
    let word = words.into_iter().find(|(word, _)| text.starts_with(word));
    word.map(|(word, value)| (value, word.len()))
        .or_else(|| first_number(text))
}

fn first_number(text: &str) -> Option<(Value, usize)> {
    let is_of_number = |letter: char| letter.is_ascii_digit() || matches!(letter, '-' | '+' | '.' | 'e' | 'E');
    let longest = text.find(|letter| !is_of_number(letter)).unwrap_or(text.len());
    (1..=longest).rev().find_map(|length| {
        let number: Number = serde_json::from_str(text.get(..length)?).ok()?;
        Some((Value::Number(number), length))
    })
}
