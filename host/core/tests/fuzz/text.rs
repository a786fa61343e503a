//! Texts that are nearly YAML.

use proptest::{collection::vec, prelude::*, sample::select};

use crate::corpus;

const TOKENS: [&str; 58] = [
    "- ",
    ": ",
    ":",
    "\n",
    "\n  ",
    "\n    ",
    "  ",
    "{",
    "}",
    "[",
    "]",
    ",",
    "&a ",
    "&b ",
    "*a",
    "*b",
    "<<: *a\n",
    "<<: [*a, *b]\n",
    "? ",
    "!!binary ",
    "!!int ",
    "!x ",
    "---\n",
    "--- ",
    "...\n",
    "%YAML 1.2\n",
    "%TAG ! x\n",
    "|\n",
    "|2-\n",
    ">-\n",
    "'",
    "\"",
    "\\",
    "\\u0000",
    "\\ud800",
    "\t",
    "#",
    "\u{feff}",
    "\r\n",
    "\u{85}",
    "~",
    "null",
    ".nan",
    "1e999",
    "0x",
    "0644",
    "apiVersion: v1\n",
    "kind: List\n",
    "kind: ConfigMap\n",
    "items:\n",
    "metadata:\n  name: x\n",
    "{{ .Values.x }}",
    "\u{1f4a5}",
    "a",
    "é",
    "\u{202e}",
    "@",
    "`",
];

/// Any text at all.
pub fn some() -> impl Strategy<Value = String> {
    prop_oneof![
        vec(any::<u8>(), 0..400).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        any::<String>(),
        vec(select(TOKENS.as_slice()), 0..120).prop_map(|tokens| tokens.concat()),
        changed(),
    ]
}

/// One of the corpus with a few changes.
fn changed() -> impl Strategy<Value = String> {
    let texts: Vec<String> = corpus::GOOD.iter().map(|text| (*text).to_owned()).collect();
    let change = (
        0..5_u8,
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        select(TOKENS.as_slice()),
    );
    (select(texts), vec(change, 1..6)).prop_map(|(text, changes)| {
        let mut letters: Vec<char> = text.chars().collect();
        for (what, one, other, token) in changes {
            if letters.is_empty() {
                break;
            }
            let (one, other) = (one.index(letters.len()), other.index(letters.len()));
            let (begin, end) = (one.min(other), one.max(other).min(one.min(other) + 60));
            let part: Vec<char> = letters[begin..end].to_vec();
            match what {
                0 => drop(letters.drain(begin..end)),
                1 => drop(letters.splice(one..one, part)),
                2 => drop(letters.splice(begin..end, token.chars())),
                3 => letters.truncate(one),
                _ => drop(letters.splice(one..one, token.chars())),
            }
        }
        letters.into_iter().collect()
    })
}
