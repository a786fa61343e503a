//! Writes YAML that every reader reads correctly. Strings that YAML 1.1, as in kubectl and Helm, reads as something else are quoted.

use serde_json::{Map, Value};

/// Strings that YAML 1.1 reads as booleans, nulls and other non-strings (<https://yaml.org/type/>), in lower case.
const AMBIGUOUS_WORDS: [&str; 13] = [
    "y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "=", "<<", "",
];

/// Writes a value as a YAML document.
pub fn to_text(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(members) if !members.is_empty() => write_members(members, 0, &mut out),
        Value::Array(items) if !items.is_empty() => write_items(items, 0, &mut out),
        single => {
            out.push_str(scalar(single, 0).trim_start());
            out.push('\n');
        }
    }
    out
}

fn write_members(members: &Map<String, Value>, indent: usize, out: &mut String) {
    for (name, value) in members {
        pad(indent, out);
        out.push_str(&key(name));
        out.push(':');
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                out.push('\n');
                write_members(inner, indent + 2, out);
            }
            Value::Array(items) if !items.is_empty() => {
                out.push('\n');
                write_items(items, indent, out);
            }
            single => {
                out.push_str(&scalar(single, indent + 2));
                out.push('\n');
            }
        }
    }
}

fn write_items(items: &[Value], indent: usize, out: &mut String) {
    for item in items {
        pad(indent, out);
        out.push('-');
        let mut inner = String::new();
        match item {
            Value::Object(members) if !members.is_empty() => write_members(members, indent + 2, &mut inner),
            Value::Array(items) if !items.is_empty() => write_items(items, indent + 2, &mut inner),
            single => {
                out.push_str(&scalar(single, indent + 2));
                out.push('\n');
                continue;
            }
        }
        // The first line continues after the dash.
        out.push(' ');
        out.push_str(inner.get(indent + 2..).unwrap_or_default());
    }
}

fn pad(indent: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// Returns a scalar or an empty collection, with a space before it.
fn scalar(value: &Value, indent: usize) -> String {
    match value {
        Value::Null => " null".to_owned(),
        Value::Bool(value) => format!(" {value}"),
        Value::Number(number) => format!(" {number}"),
        Value::Object(_) => " {}".to_owned(),
        Value::Array(_) => " []".to_owned(),
        Value::String(text) => block(text, indent).unwrap_or_else(|| format!(" {}", line(text))),
    }
}

fn key(name: &str) -> String {
    // A longer key would need a `?`.
    line(name)
}

/// Returns a string of several lines as a block scalar, if it can be read back unchanged.
fn block(text: &str, indent: usize) -> Option<String> {
    let body = text.trim_end_matches('\n');
    let ends = text.len() - body.len();
    let is_plain = |letter: char| letter == '\n' || letter == '\t' || is_shown(letter);
    if !text.contains('\n') || body.is_empty() || body.starts_with([' ', '\n', '\t']) || !text.chars().all(is_plain) {
        return None;
    }
    let mut out = match ends {
        0 => String::from(" |-"),
        1 => String::from(" |"),
        _ => String::from(" |+"),
    };
    for line in body.split('\n') {
        out.push('\n');
        if !line.is_empty() {
            // Without an indentation, a document that is one string couldn't be read back.
            pad(indent.max(2), &mut out);
            out.push_str(line);
        }
    }
    out.extend(std::iter::repeat_n('\n', ends.saturating_sub(1)));
    Some(out)
}

/// Returns a string in one line.
fn line(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    if text.chars().all(is_shown) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            letter if is_shown(letter) => quoted.push(letter),
            letter => quoted.push_str(&format!("\\U{:08X}", u32::from(letter))),
        }
    }
    quoted.push('"');
    quoted
}

/// Returns whether a character may be written without escaping, not counting line breaks and tabs.
fn is_shown(letter: char) -> bool {
    !letter.is_control()
        && !matches!(
            letter,
            '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
        )
}

/// Returns whether a string needs no quotes in any version of YAML.
fn is_plain(text: &str) -> bool {
    let is_word = AMBIGUOUS_WORDS.contains(&text.to_ascii_lowercase().as_str());
    // Numbers in all bases, with underscores and exponents; times, dates, infinities.
    let first = text.chars().next().unwrap_or(' ');
    let is_number_like = (first.is_ascii_digit() || matches!(first, '+' | '-' | '.'))
        && text.chars().all(|letter| {
            letter.is_ascii_hexdigit()
                || matches!(
                    letter,
                    '_' | '.' | ':' | '+' | '-' | 'x' | 'X' | 'o' | 'O' | 'T' | 't' | 'Z' | 'z' | ' '
                )
        });
    let is_infinite = matches!(
        text.trim_start_matches(['+', '-']).to_ascii_lowercase().as_str(),
        ".inf" | ".nan"
    );
    let is_marked = "-?:,[]{}#&*!|>'\"%@`= ".contains(first) || text.starts_with("...");
    let is_cut = text.contains(": ") || text.contains(" #") || text.ends_with([':', ' ']);
    !is_word && !is_number_like && !is_infinite && !is_marked && !is_cut && text.chars().all(is_shown)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_that_are_taken_for_something_else_are_quoted() {
        for word in [
            "no",
            "y",
            "on",
            "Off",
            "YES",
            "1e3",
            "0x1F",
            "1_000",
            "2020-01-01",
            "012",
            "~",
            "null",
            "1:30",
            "0o7",
            "=",
            ".5",
            "- a",
            "true",
            "<<",
            "",
            " a",
            "a ",
            "a: b",
            "a #b",
            "#",
            "@x",
            "%x",
            "'a",
            "-",
            "+1",
            "-.INF",
            ".nan",
            "2001-12-14t21:59:43.10-05:00",
            "a:",
        ] {
            let written = to_text(&json!({ "a": word }));
            let quoted = format!("a: '{}'\n", word.replace('\'', "''"));
            assert_eq!(written, quoted, "{word}");
        }
        for word in [
            "nginx:1.27",
            "a/b",
            "1.27-alpine",
            "node-1",
            "10Gi",
            "https://a.b/c?d=e",
            "none",
            "yesterday",
            "x y",
        ] {
            assert_eq!(to_text(&json!({ "a": word })), format!("a: {word}\n"));
        }
        assert_eq!(
            to_text(&json!({ "no": 1, "1": 2, "a.b/c": 3 })),
            "'1': 2\na.b/c: 3\n'no': 1\n"
        );
    }

    #[test]
    fn maps_lists_and_lines_are_written_as_kubectl_does() {
        let value = json!({ "a": [{ "b": 1, "c": ["x"] }, [[], {}], "z"], "d": {}, "e": "one\ntwo\n", "f": { "g": "one\n\ntwo" }, "h": "x\n\n" });
        let expected = "a:\n- b: 1\n  c:\n  - x\n- - []\n  - {}\n- z\nd: {}\ne: |\n  one\n  two\nf:\n  g: |-\n    one\n\n    two\nh: |+\n  x\n\n";
        assert_eq!(to_text(&value), expected);
        assert_eq!(to_text(&json!("\"\n")), "|\n  \"\n");
    }

    fn any_text() -> impl Strategy<Value = String> {
        prop_oneof![
            "[ -~]{0,12}",
            "[a-z0-9 :#'\"\\-\n\t\\\\]{0,16}",
            any::<String>(),
            proptest::sample::select(&AMBIGUOUS_WORDS[..]).prop_map(str::to_owned),
        ]
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any_text().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(any_text(), inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect()))
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value in any_value()) {
            let written = to_text(&value);
            let read: Value = serde_yaml::from_str(&written).map_err(|error| TestCaseError::fail(format!("{error}: {written}")))?;
            prop_assert_eq!(&read, &value, "{}", written);
        }
    }
}
