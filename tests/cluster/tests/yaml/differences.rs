//! Where Capstan reads a text otherwise than kubectl on purpose.
//!
//! Most are told by a rewritten text: one that kubectl reads as Capstan reads the original, and that Capstan reads the same. So a
//! difference is meant only if nothing else differs.

use serde_json::Value;

use super::{Read, are_same, first_documents, json::leading_documents, kubectl::Kubectl};

/// How often a text is read again where kubectl may read it by chance: of two keys in a map Go has each first in an eighth of the cases
/// at least.
const TRIES: usize = 64;

const BINARY: &str = "`!!binary` that isn't UTF-8 is refused; kubectl replaces what it can't show";

/// A difference that is meant.
pub struct Difference {
    /// Why it is one.
    pub reason: &'static str,
    /// A text that shows it.
    pub example: &'static str,
    kind: Kind,
}

enum Kind {
    /// kubectl reads the rewritten text as Capstan reads both.
    Rewritten(fn(&str) -> String),
    /// By the text and what Capstan and kubectl make of it.
    Outcome(fn(&str, &Read, &Read) -> bool),
}
use Kind::{Outcome, Rewritten};

/// All of them. Keys that are written twice are not difference here: manifests refuse them, but as a rule of their own.
pub const ALL: &[Difference] = &[
    Difference {
        reason: "a byte order mark in the line behind the first `---` is not part of the key",
        example: "---\n\u{feff}a: 1\n",
        kind: Rewritten(without_byte_order_mark),
    },
    Difference {
        reason: "`%YAML` of any version and `%TAG` before `---` belong to the document; kubectl cuts them off and then refuses them",
        example: "%YAML 1.2\n---\na: 1\n",
        kind: Rewritten(with_directives_in_one_line),
    },
    Difference {
        reason: "documents behind `---` are read whatever is before it; kubectl reads none behind two documents of JSON",
        example: "{}{}\n---\na: 1\n",
        kind: Rewritten(with_json_separated),
    },
    Difference {
        reason: "a part that is JSON but not YAML is read as JSON wherever it stands; kubectl tries JSON only at the beginning",
        example: "---\n{\"a\": \"\\/\"}\n",
        kind: Rewritten(with_json_parts_as_yaml),
    },
    Difference {
        reason: "a value may begin in the line of `---`; kubectl refuses it",
        example: "--- {a: 1}\n",
        kind: Rewritten(with_values_behind_separators),
    },
    Difference {
        reason: "`---#` separates documents wherever it stands; kubectl takes it for a text where no document is before it",
        example: "---# comment\na: 1\n",
        kind: Rewritten(without_comments_of_separators),
    },
    Difference {
        reason: "a `!!timestamp` isn't checked; it is a text for both",
        example: "a: !!timestamp x\n",
        kind: Rewritten(|text| {
            text.replace("!!timestamp", "!!str")
                .replace("2002:timestamp", "2002:str")
        }),
    },
    Difference {
        reason: "what isn't JSON behind JSON is read as YAML; kubectl does so too, but not with less than four bytes",
        example: "{}\na:",
        kind: Rewritten(|text| match text.trim_start().strip_prefix('{') {
            Some(_) if text.ends_with('\n') => format!("{text}#  \n"),
            Some(_) => format!("{text}\n#  \n"),
            None => text.to_owned(),
        }),
    },
    Difference {
        reason: "`...` behind `---` ends an empty document; kubectl cuts the `---` off and then refuses it",
        example: "a: 1\n---\n...\n",
        kind: Rewritten(with_separators_kept),
    },
    Difference {
        reason: "all documents of a part are read, and all mistakes told; kubectl drops what is behind the first without a word",
        example: "a: 1\n...\nb: 1\n",
        kind: Outcome(|text, ours, theirs| {
            let Ok(theirs) = theirs else { return false };
            let has_more = ours.as_ref().is_ok_and(|ours| ours.len() > theirs.len());
            (ours.is_err() || has_more) && are_same(&first_documents(text), theirs)
        }),
    },
    Difference {
        reason: "byte order marks before others or before `---` are left out; Go then drops a character of each line, or takes `---` for text",
        example: "\u{feff}\u{feff}a: 1\nb: 2\n",
        kind: Outcome(|text, _, _| {
            let mut lines = text.split('\n').enumerate();
            lines.any(|(number, line)| {
                line.starts_with("\u{feff}\u{feff}") || number > 0 && line.starts_with("\u{feff}---")
            })
        }),
    },
    Difference {
        reason: BINARY,
        example: "a: !!binary /w==\n",
        kind: Outcome(|_, ours, theirs| {
            let is_replaced = |theirs: &Vec<Value>| theirs.iter().any(|value| value.to_string().contains('\u{fffd}'));
            let is_refused = |error: &String| error.contains("!!binary value is not text");
            theirs.as_ref().is_ok_and(is_replaced) && ours.as_ref().is_err_and(is_refused)
        }),
    },
    Difference {
        reason: "documents are nested 100 levels deep at most, since what is stored has to be read again",
        example: "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
        kind: Outcome(|_, ours, theirs| {
            let is_deep = |theirs: &Vec<Value>| theirs.iter().any(|value| depth(value) > 100);
            theirs.as_ref().is_ok_and(is_deep) && ours.as_ref().is_err_and(|error| error.contains("levels deep"))
        }),
    },
    Difference {
        reason: "aliases may add 16 MiB; kubectl counts how many of the values come from aliases",
        example: "a: &a [x, x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\nd: [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\n",
        kind: Outcome(|_, ours, theirs| {
            ours.is_ok() && theirs.as_ref().is_err_and(|error| error.contains("excessive aliasing"))
        }),
    },
];

/// Of `1` and `1.` as keys the last one counts; Go has both, and one of them is left by chance when they become texts.
pub const BY_CHANCE: &str = "{1: a, 1.: b}\n";

/// Returns why both differ on purpose, if they do.
pub fn meant(kubectl: &mut Kubectl, text: &str, ours: &Read, theirs: &Read) -> Option<&'static str> {
    if let Some(found) = outcome(text, ours, theirs) {
        return Some(found);
    }
    let mut rewrites: Vec<(&'static str, String)> = Vec::new();
    // each alone, and then one after the other
    let mut all = text.to_owned();
    if ours.is_err() {
        // what is wrong with a `!!binary` may not be the only mistake
        all = text.replace("!!binary ", "!!str ");
        rewrites.push((BINARY, all.clone()));
    }
    for difference in ALL {
        let Rewritten(rewrite) = difference.kind else { continue };
        rewrites.push((difference.reason, rewrite(text)));
    }
    for difference in ALL {
        let Rewritten(rewrite) = difference.kind else { continue };
        all = rewrite(&all);
        rewrites.push((difference.reason, all.clone()));
    }
    for (reason, rewritten) in rewrites {
        if rewritten == text || !is_same_read(&super::ours(&rewritten), ours) {
            continue;
        }
        let theirs = kubectl.decode(&rewritten);
        if is_same_read(ours, &theirs) || outcome(&rewritten, ours, &theirs).is_some() {
            return Some(reason);
        }
    }
    is_by_chance(kubectl, text, ours).then_some("of `1` and `1.` as keys the last one counts; Go takes one by chance")
}

fn outcome(text: &str, ours: &Read, theirs: &Read) -> Option<&'static str> {
    let found = ALL.iter().find(|difference| match difference.kind {
        Outcome(is_this) => is_this(text, ours, theirs),
        Rewritten(_) => false,
    });
    found.map(|difference| difference.reason)
}

/// Says whether both refuse a text, or read the same of it.
pub fn is_same_read(one: &Read, other: &Read) -> bool {
    match (one, other) {
        (Ok(one), Ok(other)) => are_same(one, other),
        (Err(_), Err(_)) => true,
        (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
    }
}

/// Says whether kubectl reads a text as Capstan does, but not each time.
fn is_by_chance(kubectl: &mut Kubectl, text: &str, ours: &Read) -> bool {
    ours.is_ok() && (0..TRIES).any(|_| is_same_read(ours, &kubectl.decode(text)))
}

fn depth(value: &Value) -> usize {
    1 + match value {
        Value::Array(values) => values.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => map.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Rewrites the lines of a text, each with its end.
fn rewrite_lines(text: &str, rewrite: impl FnMut(&str) -> String) -> String {
    text.split_inclusive('\n').map(rewrite).collect()
}

/// Returns what is behind the `---` of a line.
fn behind_dashes(line: &str) -> Option<&str> {
    line.strip_prefix("---")
}

fn is_separator(rest: &str) -> bool {
    rest.trim().is_empty() || rest.trim_start().starts_with('#')
}

/// Says whether `---` ends before a rest of its line for YAML.
fn is_blank_first(rest: &str) -> bool {
    rest.starts_with([' ', '\t', '\r', '\n', '\u{85}', '\u{2028}', '\u{2029}'])
}

/// Says whether a line goes on behind `---` without a space: nothing can be written so, but it can be indented.
fn is_joined(line: &str) -> bool {
    behind_dashes(line).is_some_and(|rest| !is_separator(rest) && !is_blank_first(rest))
}

/// Cuts a text into lines as YAML counts them, each with its end. kubectl's reader of lines knows only those that end with `\n`, and
/// drops one `\r` before it.
fn yaml_lines(text: &str) -> Vec<String> {
    let text = text.replace("\r\n", "\n");
    let mut lines: Vec<String> = Vec::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let at = rest.find(BREAKS).unwrap_or(rest.len());
        let end = match rest.get(at..) {
            Some(ending) if ending.starts_with("\r\n") => at + 2,
            Some(ending) => at + ending.chars().next().map_or(0, char::len_utf8),
            None => at,
        };
        let (line, behind) = rest.split_at(end);
        lines.push(line.to_owned());
        rest = behind;
    }
    lines
}

const BREAKS: [char; 5] = ['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'];

/// Drops the byte order marks at the beginning, and in the line of YAML behind one that starts a document for kubectl.
fn without_byte_order_mark(text: &str) -> String {
    let mut rewritten = String::with_capacity(text.len());
    let mut is_behind_marker = false;
    for line in yaml_lines(text.trim_start_matches('\u{feff}')) {
        let kept = line.trim_start_matches('\u{feff}');
        let starts_line = rewritten.is_empty() || rewritten.ends_with('\n');
        if !is_behind_marker || kept.len() == line.len() {
            is_behind_marker = starts_line && line.starts_with("---");
            rewritten.push_str(&line);
            continue;
        }
        is_behind_marker = false;
        if starts_line && is_joined(kept) {
            // kubectl would take it for a bad separator: it goes into the line before, behind a comment
            rewritten.truncate(rewritten.trim_end_matches(['\n', '\r']).len());
            rewritten.push_str(" #\u{85}");
        }
        if rewritten.ends_with('\r') && kept.starts_with('\n') {
            // two ends of lines, not one
            rewritten.push(' ');
        }
        rewritten.push_str(kept);
    }
    rewritten
}

/// YAML takes `\r` for the end of a line, but kubectl doesn't when it looks for separators.
fn with_directives_in_one_line(text: &str) -> String {
    let mut is_head = true;
    let mut has_directive = false;
    let lines = yaml_lines(text).into_iter().map(|line| {
        let is_directive = line.starts_with('%');
        is_head &= is_directive || line.trim().is_empty() || line.trim_start().starts_with('#');
        has_directive |= is_directive;
        if !is_head || !has_directive {
            return line;
        }
        let has_version = line
            .strip_prefix("%YAML")
            .is_some_and(|rest| rest.starts_with([' ', '\t']));
        if has_version {
            "%YAML 1.1\r".to_owned()
        } else {
            line.replace('\n', "\r")
        }
    });
    lines.collect()
}

fn with_values_behind_separators(text: &str) -> String {
    rewrite_lines(text, |line| match behind_dashes(line) {
        Some(rest) if !is_separator(rest) && is_blank_first(rest) => {
            // a tab can't indent a line
            let value = rest.trim_start_matches([' ', '\t']);
            format!("---\n{}{value}", " ".repeat(rest.len() - value.len()))
        }
        _ => line.to_owned(),
    })
}

/// Takes the comment off each `---#` that kubectl takes for a text, since no line of a document is before it.
fn without_comments_of_separators(text: &str) -> String {
    let mut has_lines = false;
    rewrite_lines(text, |line| {
        let rest = behind_dashes(line).filter(|rest| is_separator(rest));
        let is_kept = !has_lines;
        has_lines = rest.is_none() || is_kept;
        match rest {
            Some(rest) if is_kept && !is_blank_first(rest) => "---\n".to_owned(),
            _ => line.to_owned(),
        }
    })
}

/// Writes JSON so that it is YAML, too.
fn yaml_of(json: &Value) -> String {
    let escaped = |letter: char| match u32::from(letter) {
        0x20..=0x7E => letter.to_string(),
        code => format!("\\U{code:08X}"),
    };
    json.to_string().chars().map(escaped).collect()
}

fn with_json_parts_as_yaml(text: &str) -> String {
    let mut rewritten = text.to_owned();
    for chunk in capstan_yaml::split(text) {
        let inside = match chunk.text.split_once('\n') {
            Some((first, behind)) if first.trim_end() == "---" => behind,
            Some(_) | None => chunk.text,
        };
        let (documents, end) = leading_documents(inside.trim_start_matches('\u{feff}'));
        let is_whole = inside
            .trim_start_matches('\u{feff}')
            .get(end..)
            .is_some_and(|rest| rest.trim().is_empty());
        if is_whole && documents.iter().any(Value::is_object) {
            let documents: Vec<String> = documents.iter().map(yaml_of).collect();
            rewritten = rewritten.replace(inside, &format!("\n{}\n", documents.join("\n---\n")));
        }
    }
    rewritten
}

/// Makes parts of the documents of JSON that `---` comes after.
fn with_json_separated(text: &str) -> String {
    let (documents, end) = leading_documents(text);
    let rest = text.get(end..).unwrap_or_default().trim_start();
    if documents.is_empty() || !rest.starts_with("---") {
        return text.to_owned();
    }
    let separated = documents.iter().map(|json| format!("---\n{}\n", yaml_of(json)));
    separated.collect::<String>() + rest
}

/// kubectl drops each separator behind a document, but keeps a second one.
fn with_separators_kept(text: &str) -> String {
    let mut is_first = true;
    rewrite_lines(text, |line| {
        let is_again = !std::mem::take(&mut is_first) && behind_dashes(line).is_some_and(is_separator);
        if is_again {
            format!("---\n{line}")
        } else {
            line.to_owned()
        }
    })
}
