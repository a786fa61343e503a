//! Where Capstan reads a text otherwise than kubectl on purpose.

use capstan_yaml::Duplicates;
use serde_json::Value;

use super::are_same;

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
        reason: "all documents of a part are read, and all mistakes told; kubectl drops what is behind the first without a word",
        example: "a: 1\n...\nb: 1\n",
        is_this: |text, _, theirs| {
            let Ok(theirs) = theirs else { return false };
            [usize::MAX, 1]
                .iter()
                .any(|count| are_same(&first_documents(text, *count), theirs))
        },
    },
    Difference {
        reason: "`...` behind `---` ends an empty document; kubectl cuts the `---` off and then refuses it",
        example: "a: 1\n---\n...\n",
        is_this: |text, ours, theirs| {
            let ends = text.lines().any(|line| line.starts_with("..."));
            ends && ours.is_ok()
                && theirs
                    .as_ref()
                    .is_err_and(|error| error.contains("expected node content"))
        },
    },
    Difference {
        reason: "what isn't JSON behind JSON is read as YAML; kubectl does so too, but not with less than four bytes or behind a number",
        example: "{}\na:",
        is_this: |text, ours, theirs| {
            let of_json = |error: &String| error.starts_with("json: offset") || error.starts_with("invalid character");
            let is_refused = theirs.as_ref().is_err_and(of_json);
            ours.is_ok() && is_refused && text.trim_start().starts_with('{')
        },
    },
    Difference {
        reason: "a number behind JSON is read as YAML; kubectl may cut it in two",
        example: "{\"a\": 1}017\n",
        is_this: |text, ours, theirs| match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => text.trim_start().starts_with('{') && ours.len() < theirs.len(),
            _ => false,
        },
    },
    Difference {
        reason: "of `1` and `1.` as keys the last one counts; Go takes one by chance",
        example: "",
        is_this: |text, ours, theirs| {
            let mut chunks = capstan_yaml::split(text).into_iter();
            let has_twice =
                chunks.any(|chunk| capstan_yaml::read(chunk, Duplicates::Refuse).iter().any(Result::is_err));
            ours.is_ok() && theirs.is_ok() && has_twice
        },
    },
    Difference {
        reason: "`---#` separates documents wherever it stands; kubectl takes it for a text where no document is before it",
        example: "---# comment\na: 1\n",
        is_this: |text, _, _| {
            let text = text.strip_prefix('\u{feff}').unwrap_or(text);
            let mut rests = text.split('\n').filter_map(|line| line.strip_prefix("---"));
            rests.any(|rest| {
                !rest.is_empty()
                    && !rest.starts_with([' ', '\t', '\r'])
                    && (rest.trim().is_empty() || rest.trim().starts_with('#'))
            })
        },
    },
    Difference {
        reason: "a byte order mark in the line behind the first `---` is no part of the key",
        example: "---\n\u{feff}a: 1\n",
        is_this: |text, _, _| {
            // Go stumbles over two of them, too
            let mut lines = text.lines().zip(text.lines().skip(1));
            text.starts_with("\u{feff}\u{feff}")
                || lines.any(|(first, second)| first.starts_with("---") && second.starts_with('\u{feff}'))
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

/// Reads the first documents of each part, up to the first that can't be read.
fn first_documents(text: &str, count: usize) -> Vec<Value> {
    let chunks = capstan_yaml::split(text).into_iter();
    let documents = chunks.flat_map(|chunk| {
        let documents = capstan_yaml::read(chunk, Duplicates::LastWins).into_iter();
        documents.take(count).map_while(Result::ok)
    });
    let documents = documents.filter(|node| !node.is_null());
    documents.map(|node| node.into_parts(None).0).collect()
}
