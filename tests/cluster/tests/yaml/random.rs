//! Texts that are like YAML: pieces of it in any order, and known documents with small changes.

use proptest::{prelude::*, sample::Index};

const PIECES: &[&str] = &[
    "a",
    "b",
    "key",
    "1",
    "0x1F",
    "017",
    "yes",
    "~",
    "null",
    "1_0",
    "1.5",
    "2020-01-01",
    "<<",
    "a: ",
    "b: ",
    "c:",
    ": ",
    ":",
    " ",
    "  ",
    "    ",
    "\n",
    "\n  ",
    "\n    ",
    "\n",
    "\n\n",
    "- ",
    "-",
    "? ",
    "?",
    "{",
    "}",
    "[",
    "]",
    ", ",
    ",",
    "\"",
    "\"",
    "'",
    "'",
    "''",
    "\\",
    "\\n",
    "\\x41",
    "#",
    " # c",
    "&x ",
    "*x",
    "*x : ",
    "&y ",
    "*y",
    "<<: ",
    "|",
    "|\n",
    ">\n",
    "|-\n ",
    ">+\n ",
    "|2\n",
    "!!str ",
    "!!int ",
    "!!binary ",
    "! ",
    "!t ",
    "!",
    "---\n",
    "--- # c\n",
    "\t",
    "\r\n",
    "é",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "a: b\n",
    "  b: c\n",
    "- a\n",
    "  - b\n",
    "a: |\n  x\n  y\n",
    "b: >\n  x\n  y\n",
    "c: [1, 2]\n",
    "d: {e: f}\n",
    "g: 'h\n  i'\n",
    "j: \"k\n  l\"\n",
    "@",
    "`",
    "%",
    ".",
    "...",
];

/// A small change of a text.
#[derive(Debug, Clone)]
enum Edit {
    Insert(Index, &'static str),
    Remove(Index, usize),
    /// Takes a part and puts it elsewhere, too.
    Copy(Index, Index, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let piece = || prop::sample::select(PIECES);
    prop_oneof![
        (any::<Index>(), piece()).prop_map(|(at, piece)| Edit::Insert(at, piece)),
        (any::<Index>(), 1_usize..6).prop_map(|(at, length)| Edit::Remove(at, length)),
        (any::<Index>(), any::<Index>(), 1_usize..20).prop_map(|(from, to, length)| Edit::Copy(from, to, length)),
    ]
}

fn edited(text: &str, edits: &[Edit]) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    for edit in edits {
        let length = letters.len() + 1;
        match edit {
            Edit::Insert(at, piece) => {
                let at = at.index(length);
                letters.splice(at..at, piece.chars());
            }
            Edit::Remove(at, count) => {
                let at = at.index(length);
                let end = letters.len().min(at + count);
                letters.drain(at..end);
            }
            Edit::Copy(from, to, count) => {
                let from = from.index(length);
                let end = letters.len().min(from + count);
                let part: Vec<char> = letters.get(from..end).unwrap_or_default().to_vec();
                let to = to.index(length);
                letters.splice(to..to, part);
            }
        }
    }
    letters.into_iter().collect()
}

/// Makes texts; those of the corpus that are long are left out, since the short ones find more in the same time.
pub fn texts(corpus: Vec<String>) -> impl Strategy<Value = String> {
    let corpus: Vec<String> = corpus.into_iter().filter(|text| text.len() < 1_500).collect();
    let pieces = prop::collection::vec(prop::sample::select(PIECES), 0..24).prop_map(|pieces| pieces.concat());
    let changed = (prop::sample::select(corpus), prop::collection::vec(edit(), 1..5))
        .prop_map(|(text, edits)| edited(&text, &edits));
    prop_oneof![pieces, changed]
}
