//! Where Capstan reads a text otherwise than kubectl on purpose.

use serde_json::Value;

type Read = Result<Vec<Value>, String>;

/// A difference that is meant.
pub struct Difference {
    /// Why it is one.
    pub reason: &'static str,
    /// A text that shows it.
    pub example: &'static str,
    /// Says whether a difference is this one, by the text and what Capstan and kubectl make of it.
    is_this: fn(&str, &Read, &Read) -> bool,
}

/// All of them. Keys that are written twice are no difference here: manifests refuse them, but as a rule of their own.
pub const ALL: &[Difference] = &[
    Difference {
        reason: "`%YAML` and `%TAG` before `---` belong to the document; kubectl cuts them off and then refuses them",
        example: "%YAML 1.2\n---\na: 1\n",
        is_this: |text, ours, theirs| ours.is_ok() && theirs.is_err() && text.lines().any(|line| line.starts_with('%')),
    },
    Difference {
        reason: "a value may begin in the line of `---`; kubectl refuses it",
        example: "--- {a: 1}\n",
        is_this: |text, _, theirs| {
            let has = text.split('\n').any(|line| {
                let rest = line.strip_prefix("---").map(str::trim);
                rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('#'))
            });
            has && theirs.as_ref().is_err_and(|error| error.contains("document separator"))
        },
    },
    Difference {
        reason: "a document after `...` is read; kubectl drops it without a word",
        example: "a: 1\n...\nb: 1\n",
        is_this: |text, ours, theirs| {
            // kubectl cuts at `\n` only; other line breaks are for YAML alone
            let mut lines = text.split(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']);
            let ends = lines.any(|line| line.starts_with("...")) || (text.contains("---") && !is_plain_text(text));
            let has_more = match (ours, theirs) {
                (Ok(ours), Ok(theirs)) => ours.len() > theirs.len(),
                (Err(_), Ok(_)) => true,
                _ => false,
            };
            ends && has_more
        },
    },
    Difference {
        reason: "what stands behind the end of a document is a mistake; kubectl drops it without a word",
        example: "{a: 1}\nb: 2\n",
        is_this: |_, ours, theirs| {
            // `[]: a` and `[]a: b` begin with a document, `[]`, for kubectl
            let behind = [
                "the document has ended before this",
                "a key must be a text, not a list or mapping",
            ];
            let is_behind = |error: &String| behind.iter().any(|message| error.contains(message));
            theirs.is_ok() && ours.as_ref().is_err_and(is_behind)
        },
    },
    Difference {
        reason: "a byte order mark in the line behind the first `---` is no part of the key",
        example: "---\n\u{feff}a: 1\n",
        is_this: |text, _, _| {
            let mut lines = text.lines().zip(text.lines().skip(1));
            lines.any(|(first, second)| first.starts_with("---") && second.starts_with('\u{feff}'))
        },
    },
    Difference {
        reason: "a `!!timestamp` isn't checked; it is a text for both",
        example: "a: !!timestamp x\n",
        is_this: |text, ours, theirs| text.contains("timestamp") && ours.is_ok() && theirs.is_err(),
    },
    Difference {
        reason: "`!!binary` that isn't UTF-8 is refused; kubectl replaces what it can't show",
        example: "a: !!binary /w==\n",
        is_this: |_, ours, theirs| {
            theirs.is_ok()
                && ours
                    .as_ref()
                    .is_err_and(|error| error.contains("!!binary value is no text"))
        },
    },
    Difference {
        reason: "documents are nested 100 levels deep at most, since what is stored has to be read again",
        example: "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
        is_this: |_, ours, theirs| theirs.is_ok() && ours.as_ref().is_err_and(|error| error.contains("levels deep")),
    },
];

/// Returns why both differ on purpose, if they do.
pub fn meant(text: &str, ours: &Read, theirs: &Read) -> Option<&'static str> {
    let found = ALL.iter().find(|difference| (difference.is_this)(text, ours, theirs));
    found.map(|difference| difference.reason)
}

/// Says whether a text has no line break but `\n`.
fn is_plain_text(text: &str) -> bool {
    !text.contains(['\r', '\u{85}', '\u{2028}', '\u{2029}'])
}
