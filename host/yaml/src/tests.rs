//! What is read, value by value.

use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::node::number;

/// Reads one value, written as it would be in a manifest.
fn read(text: &str) -> String {
    value(text, Duplicates::Refuse).map_or_else(
        |trouble| format!("error: {}", trouble.message),
        |value| value.to_string(),
    )
}

#[test]
fn scalars_are_read_as_kubectl_reads_them() {
    let words = [
        "0644",
        "0o644",
        "0x1F",
        "0b101",
        "-0b11",
        "1_000",
        "08",
        "+7",
        "-0",
        "1.0",
        "1.5",
        ".5",
        "1e3",
        "1.5e-3",
        "1.",
        "18446744073709551615",
        "-9223372036854775808",
        "18446744073709551616",
        "on",
        "Yes",
        "off",
        "n",
        "TRUE",
        "tRUE",
        "~",
        "null",
        "2020-01-01",
        "12:30",
        "1.2.3",
        "0x",
        "_1",
        "1e",
        "'0644'",
        "\"on\"",
        "!!str 12",
        "!!int '12'",
        "!!float 3",
        "!!binary aGVsbG8=",
        "!!bool maybe",
        "!Ref x",
        ".inf",
        "!!int x",
        "1e999",
        "-",
        "=",
    ];
    let read: Vec<String> = words.iter().map(|word| format!("{word} -> {}", read(word))).collect();
    assert_snapshot!(read.join("\n"), @r#"
    0644 -> 420
    0o644 -> 420
    0x1F -> 31
    0b101 -> 5
    -0b11 -> -3
    1_000 -> 1000
    08 -> 8
    +7 -> 7
    -0 -> 0
    1.0 -> 1
    1.5 -> 1.5
    .5 -> 0.5
    1e3 -> 1000
    1.5e-3 -> 0.0015
    1. -> 1
    18446744073709551615 -> 18446744073709551615
    -9223372036854775808 -> -9223372036854775808
    18446744073709551616 -> 1.8446744073709552e+19
    on -> true
    Yes -> true
    off -> false
    n -> false
    TRUE -> true
    tRUE -> "tRUE"
    ~ -> null
    null -> null
    2020-01-01 -> "2020-01-01"
    12:30 -> "12:30"
    1.2.3 -> "1.2.3"
    0x -> "0x"
    _1 -> "_1"
    1e -> "1e"
    '0644' -> "0644"
    "on" -> "on"
    !!str 12 -> "12"
    !!int '12' -> 12
    !!float 3 -> 3
    !!binary aGVsbG8= -> "hello"
    !!bool maybe -> error: `maybe` can't be read as !!bool
    !Ref x -> "x"
    .inf -> error: infinity and NaN can't be sent to Kubernetes
    !!int x -> error: `x` can't be read as !!int
    1e999 -> "1e999"
    - -> [null]
    = -> "="
    "#);
}

#[test]
fn keys_become_texts_as_in_go() {
    assert_snapshot!(read("{1: a, true: b, 1.5: c, x: d, 0x10: e, 1234567.5: f, .inf: g, 2020-01-01: h}"), @r#"{".inf":"g","1":"a","1.2345675e+06":"f","1.5":"c","16":"e","2020-01-01":"h","true":"b","x":"d"}"#);
    assert_snapshot!(read("~: a"), @"error: a key can't be null");
    assert_snapshot!(read("[a]: b"), @"error: a key must be a text, not a list or mapping");
}

#[test]
fn aliases_and_merge_keys_are_resolved() {
    let text = "base: &base {a: 1, b: {c: 2}}\nmine:\n  a: 3\n  <<: *base\nlist: [*base, &x y, *x]\nboth: {<<: [{a: 5}, *base]}\n'<<': text";
    assert_snapshot!(read(text), @r#"{"<<":"text","base":{"a":1,"b":{"c":2}},"both":{"a":5,"b":{"c":2}},"list":[{"a":1,"b":{"c":2}},true,true],"mine":{"a":1,"b":{"c":2}}}"#);
    assert_snapshot!(read("a: &a [*a]"), @"error: this alias is inside its own anchor, `&a`");
    assert_snapshot!(read("a: *a"), @"error: there is no anchor `&a` before this alias");
    assert_snapshot!(read("<<: 1"), @"error: the value of `<<` must be a mapping or a list of mappings");
}

/// A text on which readers of YAML disagree, and either its documents or why Capstan refuses it.
#[derive(Debug, PartialEq, serde::Deserialize)]
struct Corner {
    text: String,
    #[serde(default)]
    documents: Option<Vec<Value>>,
    #[serde(default)]
    refused: Option<String>,
}

impl Corner {
    /// Reads all documents of a text as kubectl does: of two equal keys the last one counts.
    fn read(text: &str) -> Corner {
        let documents = split(text)
            .into_iter()
            .flat_map(|chunk| super::read(chunk, Duplicates::LastWins));
        let documents: Result<Vec<Node>, Vec<ReadError>> = documents.collect();
        let (documents, refused) = match documents {
            Ok(nodes) => {
                let nodes = nodes.into_iter().filter(|node| !node.is_null());
                (Some(nodes.map(|node| node.into_parts(None).0).collect()), None)
            }
            Err(troubles) => (None, Some(troubles[0].message.clone())),
        };
        let text = text.to_owned();
        Corner {
            text,
            documents,
            refused,
        }
    }
}

/// `tests/cluster/tests/yaml.rs` compares the same texts, and many more, with what Go makes of them.
#[test]
fn documents_are_read_as_kubectl_reads_them() {
    let corners = include_str!("../../../tests/fixtures/yaml/corners.json");
    let corners: Vec<Corner> = serde_json::from_str(corners).expect("a list of texts with what is read");
    let (read, expected): (Vec<Corner>, Vec<Corner>) = corners
        .into_iter()
        .map(|corner| (Corner::read(&corner.text), corner))
        .filter(|(read, expected)| read != expected)
        .unzip();
    assert_eq!(read, expected);
}

#[test]
fn documents_behind_json_have_their_places() {
    let text = "{\"a\": 1} b: 2\nc: 3\n";
    let chunk = split(text)[0];
    let documents: Vec<Node> = super::read(chunk, Duplicates::Refuse).into_iter().flatten().collect();
    let marks = documents[1].clone().into_parts(None).1;
    let places = ["/b", "/c"].map(|pointer| marks.find(pointer).key.map(|key| (key.line, key.column)));
    assert_eq!(places, [Some((1, 10)), Some((2, 1))]);
}

#[test]
fn an_alias_bomb_is_an_error() {
    let mut text = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..12 {
        let items = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{items}]\n"));
    }
    assert_snapshot!(read(&text), @"error: the aliases of this document make it too large");
}

#[test]
fn nesting_is_bounded() {
    assert_snapshot!(read(&"[".repeat(5000)), @"error: this is nested more than 100 levels deep");
    assert_snapshot!(read(&"{\"a\":".repeat(5000)), @"error: this is nested more than 100 levels deep");
    let block: Vec<String> = (0..200).map(|level| format!("{}a:", " ".repeat(level))).collect();
    assert_snapshot!(read(&block.join("\n")), @"error: this is nested more than 100 levels deep");
    let list = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    assert_eq!(read(&list), list);
}

/// Any JSON value; floats as JSON and Go agree on them.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|float| number(float).map_or(Value::Null, Value::Number)),
        ".*".prop_map(Value::from),
        "[-+~:#{}\\[\\]!&*|>'\"%@` a-z0-9._\\\\\n\t]{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "yes",
            "0644",
            "~",
            "<<",
            "1_0",
            "---",
            "{{",
            "2020-01-01",
            "=",
            ""
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[ -~]{0,8}|.{0,3}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Marks the texts that mean something else in YAML 1.1, which `serde_yaml` writes without quotes since it knows only YAML 1.2.
fn without_old_words(value: Value) -> Value {
    let text = |text: String| {
        let is_text_today = serde_yaml::from_str::<Value>(&text).is_ok_and(|value| value.is_string());
        let is_old = is_text_today && scalar::plain(&text) != scalar::ScalarValue::Text(text.clone());
        if is_old || text == "<<" {
            format!("x{text}")
        } else {
            text
        }
    };
    match value {
        Value::String(old) => Value::String(text(old)),
        Value::Array(values) => values.into_iter().map(without_old_words).collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| (text(key), without_old_words(value)))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
    }
}

proptest! {
    #[test]
    fn json_comes_back_as_it_is(inner in any_json()) {
        // a null alone is not a document
        let object = Value::from(vec![inner]);
        for text in [object.to_string(), serde_json::to_string_pretty(&object).expect("JSON")] {
            prop_assert_eq!(value(&format!("{{\"a\":{text}}}"), Duplicates::Refuse), Ok(serde_json::json!({ "a": object })));
        }
    }

    #[test]
    fn yaml_comes_back_as_it_is(inner in any_json()) {
        let object = Value::from(vec![without_old_words(inner)]);
        let text = serde_yaml::to_string(&object).expect("YAML");
        prop_assert_eq!(value(&text, Duplicates::Refuse), Ok(object), "{}", text);
    }
}
