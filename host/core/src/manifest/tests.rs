//! What is read, value by value and mistake by mistake.

use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Decodes and writes the errors as a renderer might.
fn errors(text: &str) -> String {
    match decode("a.yaml", text) {
        Ok(manifests) => format!("no errors, {} manifests", manifests.len()),
        Err(errors) => told(&errors),
    }
}

pub(crate) fn told(errors: &[PlanError]) -> String {
    let mut lines = Vec::new();
    for error in errors {
        let place = error
            .place
            .as_ref()
            .map_or("?".into(), |place| format!("{place}, column {}", place.column));
        let object = error.object.as_ref().map_or(String::new(), |key| format!(" [{key}]"));
        lines.push(format!("{place}{object}: {}", error.message));
        lines.extend(error.source_line.iter().map(|line| format!("  | {line}")));
        lines.extend(error.hint.iter().map(|hint| format!("  hint: {hint}")));
    }
    lines.join("\n")
}

/// Reads one value, written as it would be in a manifest.
fn read(text: &str) -> String {
    value(text).map_or_else(|error| format!("error: {error}"), |value| value.to_string())
}

fn one(text: &str) -> Manifest {
    let mut manifests = decode("a.yaml", text).expect("it can be decoded");
    assert_eq!(manifests.len(), 1, "one manifest");
    manifests.remove(0)
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
    assert_snapshot!(read(text), @r#"{"<<":"text","base":{"a":1,"b":{"c":2}},"both":{"a":5,"b":{"c":2}},"list":[{"a":1,"b":{"c":2}},true,true],"mine":{"a":3,"b":{"c":2}}}"#);
    assert_snapshot!(read("a: &a [*a]"), @"error: this alias stands for something that contains it, or for nothing");
    assert_snapshot!(read("a: *a"), @"error: this can't be read as YAML: while parsing node, found unknown anchor");
    assert_snapshot!(read("<<: 1"), @"error: `<<` takes a mapping or a list of mappings");
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
    assert_snapshot!(read(&"[".repeat(5000)), @"error: this can't be read as YAML: recursion limit exceeded");
    assert_snapshot!(read(&"{\"a\":".repeat(5000)), @"error: this is nested more than 100 levels deep");
    let block: Vec<String> = (0..200).map(|level| format!("{}a:", " ".repeat(level))).collect();
    assert_snapshot!(read(&block.join("\n")), @"error: this is nested more than 100 levels deep");
    let list = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    assert_eq!(read(&list), list);
}

const TWO: &str = "\
# shop
apiVersion: v1
kind: ConfigMap
metadata:
  name: a
data:
  x: \"1\"
---
---
apiVersion: batch/v1
kind: Job
metadata: {generateName: b-, annotations: {argocd.argoproj.io/hook: PreSync}}
spec:
  list:
    - one
    - two: 2
";

#[test]
fn every_value_knows_its_place() {
    let manifests = decode("shop/a.yaml", TWO).expect("it can be decoded");
    let [map, job] = manifests.as_slice() else {
        panic!("two manifests")
    };
    let at = |manifest: &Manifest, pointer: &str| {
        let value = manifest.place(pointer).expect("a place");
        let key = manifest.key_place(pointer).expect("a place");
        format!("{value}, column {}; key {}:{}", value.column, key.line, key.column)
    };
    assert_snapshot!(at(map, "/data/x"), @"shop/a.yaml:7, column 6; key 7:3");
    assert_snapshot!(at(map, "/data/none"), @"shop/a.yaml:7, column 3; key 6:1");
    assert_snapshot!(at(map, ""), @"shop/a.yaml:2, column 1; key 2:1");
    assert_snapshot!(at(job, "/metadata/annotations/argocd.argoproj.io~1hook"), @"shop/a.yaml:12 (document 3), column 69; key 12:44");
    assert_snapshot!(at(job, "/spec/list/1/two"), @"shop/a.yaml:16 (document 3), column 12; key 16:7");
    assert_eq!(job.key().to_string(), "Job b-*");
}

#[test]
fn a_manifest_without_text_has_no_place() {
    let manifest = Manifest::new(Object(json!({ "kind": "Job", "metadata": { "name": "a" } })));
    assert_eq!(manifest.place("/kind"), None);
    assert_eq!(
        manifest.error("/kind", "wrong"),
        PlanError::new("wrong").about(manifest.key())
    );
}

#[test]
fn empty_documents_are_skipped() {
    for text in [
        "",
        "\u{feff}",
        "---\n",
        "# a\n---\n# b\n---\n\n",
        "~",
        "--- null\n...\n",
    ] {
        assert_eq!(decode("a.yaml", text), Ok(Vec::new()), "{text:?}");
    }
}

#[test]
fn windows_files_are_read() {
    let text = format!("\u{feff}{}", TWO.replace('\n', "\r\n"));
    let manifests = decode("a.yaml", &text).expect("it can be decoded");
    assert_eq!(manifests.len(), 2);
    assert_eq!(manifests[1].place("/spec/list/1/two").map(|place| place.line), Some(16));
    assert_eq!(
        manifests[0].error("/data/x", "").source_line.as_deref(),
        Some("  x: \"1\"")
    );
}

#[test]
fn directives_and_document_ends_are_read() {
    let text = "%YAML 1.1\n%TAG !e! tag:yaml.org,2002:\n---\napiVersion: v1\nkind: A\nmetadata: {name: !e!str 1}\n...\n---\napiVersion: v1\nkind: B\nmetadata: {name: b}\n";
    let manifests = decode("a.yaml", text).expect("it can be decoded");
    let names: Vec<String> = manifests.iter().map(|manifest| manifest.key().to_string()).collect();
    assert_eq!(names, ["A 1", "B b"]);
    assert_eq!(
        manifests[1].place("").map(|place| (place.document, place.line)),
        Some((2, 9))
    );
}

#[test]
fn json_is_read_with_tabs_and_without_separators() {
    let text = "{\n\t\"apiVersion\": \"v1\",\n\t\"kind\": \"Pod\",\n\t\"metadata\": {\"name\": \"a\\ud83d\\ude00\"}\n}\n{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"b\"},\"n\":1.0}";
    let manifests = decode("a.json", text).expect("it can be decoded");
    assert_eq!(manifests[0].object.name(), "a\u{1f600}");
    assert_snapshot!(manifests[0].place("/metadata/name").expect("a place"), @"a.json:4");
    assert_snapshot!(manifests[1].place("/metadata/name").expect("a place"), @"a.json:6 (document 2)");
    assert_eq!(manifests[1].object.0["n"], json!(1));
    assert_snapshot!(errors("{\"a\": 1,\n \"a\": 2}"), @r#"
    a.yaml:2, column 2: the key `a` is written twice
      |  "a": 2}
      hint: the first one is in line 1; keep one of them
    "#);
    assert_snapshot!(errors("{\"a\": 1,\n \"b\" 2}"), @r#"
    a.yaml:2, column 6: this can't be read as JSON: expected `:`, found `2`
      |  "b" 2}
    "#);
    assert_snapshot!(errors("{\"a\": \"x\ny\"}"), @r#"
    a.yaml:1, column 1: this document has no `apiVersion`
      | {"a": "x
      hint: a manifest has `apiVersion`, `kind` and `metadata.name`; leave other files out with `-f`
    a.yaml:1, column 1: this document has no `kind`
      | {"a": "x
      hint: a manifest has `apiVersion`, `kind` and `metadata.name`; leave other files out with `-f`
    "#);
    assert_eq!(
        one("{apiVersion: v1, kind: Pod, metadata: {name: a}} # flow")
            .object
            .kind(),
        "Pod"
    );
}

#[test]
fn lists_are_taken_apart() {
    let text = "\
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Secret
    metadata: {name: a}
  - apiVersion: v1
    kind: ConfigMapList
    items:
      - metadata: {name: b}
---
apiVersion: v1
kind: List
";
    let manifests = decode("a.yaml", text).expect("it can be decoded");
    let found: Vec<String> = manifests
        .iter()
        .map(|manifest| format!("{} {}", manifest.key(), manifest.place("").expect("a place").line))
        .collect();
    assert_eq!(found, ["Secret a 4", "ConfigMap b 10"]);
    let custom = one("apiVersion: x.io/v1\nkind: AllowList\nmetadata: {name: a}\nspec: {}");
    assert_eq!(custom.object.kind(), "AllowList");
}

#[test]
fn all_mistakes_of_all_documents_are_told() {
    let text = "\
apiVersion: v1
kind: ConfigMap
metadata:
  name: a
data:
  x: 1
  x: 2
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: \"b
---
Kind: Job
apiVersion: batch/v1
metadata: {name: c}
---
- a
---
apiVersion: v1
kind: Pod
metadata:
  name: 12
  labels: {a: on}
  annotations:
    argocd.argoproj.io/sync-wave: 1
    x: [1]
---
apiVersion: v1
kind: Pod
---
apiVersion: v1
kind: Pod
metadata:
  labels: []
";
    assert_snapshot!(errors(text), @r#"
    a.yaml:7, column 3: the key `x` is written twice
      |   x: 2
      hint: the first one is in line 6; keep one of them
    a.yaml:12 (document 2), column 9: this can't be read as YAML: while scanning a quoted scalar, found unexpected end of stream
      |   name: "b
    a.yaml:14 (document 3), column 1: this document has no `kind`
      | Kind: Job
      hint: did you mean `kind` where `Kind` is written?
    a.yaml:18 (document 4), column 1: this document is a list, not a mapping
      | - a
      hint: a manifest starts with `apiVersion:` and `kind:`
    a.yaml:23 (document 5), column 9: `metadata.name` must be a text, not a number
      |   name: 12
      hint: put it in quotes: `name: "12"`
    a.yaml:24 (document 5), column 15: the label `a` must be a text, not a boolean
      |   labels: {a: on}
      hint: put it in quotes: `a: "on"`
    a.yaml:26 (document 5), column 35: the annotation `argocd.argoproj.io/sync-wave` must be a text, not a number
      |     argocd.argoproj.io/sync-wave: 1
      hint: put it in quotes: `argocd.argoproj.io/sync-wave: "1"`
    a.yaml:27 (document 5), column 8: the annotation `x` must be a text, not a list
      |     x: [1]
    a.yaml:29 (document 6), column 1: this Pod has no name
      | apiVersion: v1
      hint: write `metadata.name`, or `metadata.generateName` for a hook with a new name in each run
    a.yaml:34 (document 7), column 1: this Pod has no name
      | metadata:
      hint: write `metadata.name`, or `metadata.generateName` for a hook with a new name in each run
    a.yaml:35 (document 7), column 11: `metadata.labels` must be a mapping, not a list
      |   labels: []
    "#);
}

#[test]
fn manifests_without_a_separator_are_one_mistake() {
    let one = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n";
    assert_snapshot!(errors(&format!("{one}{one}{one}")), @"
    a.yaml:5, column 1: `apiVersion` is written twice: a second manifest begins here, without `---` before it
      | apiVersion: v1
      hint: the first one's is in line 1; put `---` between them
    ");
}

#[test]
fn templates_and_tabs_get_a_hint() {
    let head = "apiVersion: v1\nkind: Pod\nmetadata:\n";
    assert_snapshot!(errors(&format!("{head}  name: {{{{ .Values.name }}}}\n")), @"
    a.yaml:4, column 10: a key must be a text, not a list or mapping
      |   name: {{ .Values.name }}
      hint: this looks like a Helm template; name its chart with `--chart CHART`, which renders it
    ");
    assert_snapshot!(errors(&format!("{{{{- if .Values.on }}}}\n{head}  name: a\n{{{{- end }}}}\n")), @r#"
    a.yaml:1, column 3: this can't be read as YAML: "-" is only valid inside a block
      | {{- if .Values.on }}
      hint: this looks like a Helm template; name its chart with `--chart CHART`, which renders it
    "#);
    assert_snapshot!(errors(&format!("{head}\tname: a\n")), @"
    a.yaml:4, column 2: this can't be read as YAML: tabs disallowed within this context (block indentation)
      | 	name: a
      hint: YAML is indented with spaces, not with tabs
    ");
    assert_snapshot!(errors("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a]\n"), @"
    a.yaml:1, column 1: this Kustomization has no name
      | apiVersion: kustomize.config.k8s.io/v1beta1
      hint: this file tells kustomize what to build; name its folder with `-k DIR`, which builds it
    ");
    assert_eq!(
        one(&format!("{head}  name: a\nspec: \"{{{{ $labels.x }}}}\"\n"))
            .object
            .name(),
        "a"
    );
}

#[test]
fn values_of_secrets_are_not_shown() {
    let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n  p: hunter2\n  p: hunter3\n";
    let told = errors(text);
    assert!(!told.contains("hunter"), "{told}");
    let secret = one("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n  p: hunter2\n");
    assert_eq!(secret.error("/stringData/p", "").source_line, None);
    // Written in one line, whatever the mistake is about.
    for text in [
        "{apiVersion: v1, kind: Secret, metadata: {name: a, labels: {x: 1}}, stringData: {p: hunter2}}",
        "{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"metadata\": {\"name\": \"a\", \"labels\": {\"x\": 1}}, \"data\": {\"p\": \"hunter2\"}}",
        "apiVersion: v1\nkind: Secret\nstringData: {p: a,\n  q: hunter2}\nmetadata: {name: a, labels: {x: 1}, annotations: {copy: hunter2}}",
        "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {p: hunter2}}, {apiVersion: v1, \
         kind: ConfigMap, metadata: {name: b, labels: {x: 1}}}]}",
    ] {
        let told = errors(text);
        assert!(told.contains("must be a text") && !told.contains("hunter"), "{told}");
    }
}

#[test]
fn what_the_server_would_refuse_of_a_secret_is_told_without_its_value() {
    let head = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n";
    assert_snapshot!(errors(&format!("{head}stringData:\n  flag: true\n  pin: 48151623\n  empty:\n  word: x\n")), @"
    a.yaml:5, column 9 [Secret a]: `stringData.flag` of a Secret must be a text, not a boolean
      hint: put the value in quotes
    a.yaml:6, column 8 [Secret a]: `stringData.pin` of a Secret must be a text, not a number
      hint: put the value in quotes
    ");
    assert_snapshot!(errors(&format!("{head}data:\n  a: hunter2!\n  ok: aHVudGVyMg==\n  tls.crt: |\n    aHVu\n    dGVyMg==\n  z: aHVudGVyMg=\n")), @"
    a.yaml:5, column 6 [Secret a]: `data.a` of a Secret must be base64, and this value isn't
      hint: encode it, or write it under `stringData.a` as it is
    a.yaml:10, column 6 [Secret a]: `data.z` of a Secret must be base64, and this value isn't
      hint: encode it, or write it under `stringData.z` as it is
    ");
    assert_snapshot!(errors(&format!("{head}stringData: [hunter2]\n")), @"a.yaml:4, column 13 [Secret a]: `stringData` of a Secret must be a mapping, not a list");
    // Another kind of this name has its own rules.
    one("apiVersion: acme.io/v1\nkind: Secret\nmetadata: {name: a}\ndata: {n: 1}\n");
}

/// Any JSON value; floats as JSON and Go agree on them.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|float| node::number(float).map_or(Value::Null, Value::Number)),
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
        let is_old = is_text_today && scalar::plain(&text) != scalar::Meaning::Text(text.clone());
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

fn wrapped(inner: &Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Any", "metadata": { "name": "a" }, "spec": inner })
}

proptest! {
    #[test]
    fn json_comes_back_as_it_is(inner in any_json()) {
        let object = wrapped(&inner);
        for text in [object.to_string(), serde_json::to_string_pretty(&object).expect("JSON")] {
            let manifests = decode("a.json", &text).map_err(|errors| TestCaseError::fail(told(&errors)))?;
            prop_assert_eq!(&manifests[0].object.0, &object);
        }
    }

    #[test]
    fn yaml_comes_back_as_it_is(inner in any_json()) {
        let object = wrapped(&without_old_words(inner));
        let text = serde_yaml::to_string(&object).expect("YAML");
        let manifests = decode("a.yaml", &text).map_err(|errors| TestCaseError::fail(format!("{}\n{text}", told(&errors))))?;
        prop_assert_eq!(&manifests[0].object.0, &object, "{}", text);
    }

    #[test]
    fn no_text_makes_it_panic(text in ".*") {
        let _ = decode("a", &text);
    }

    #[test]
    fn no_text_like_yaml_makes_it_panic(
        parts in prop::collection::vec(prop::sample::select(vec![
            "a", ":", " ", "\n", "- ", "{", "}", "[", "]", ",", "\"", "'", "#", "&a ", "*a", "<<: ", "|", ">", "!!int ", "!", "---\n",
            "...\n", "%YAML 1.2\n", "? ", "\t", "\r\n", "\u{feff}", "é", "1", "  ", "kind: List\n", "items:\n", "apiVersion: v1\n", "\\", "\u{0}", "\u{85}",
        ]), 0..40)
    ) {
        let _ = decode("a", &parts.concat());
    }
}

#[test]
fn a_name_that_is_another_path_is_a_mistake() {
    let text = "\
apiVersion: v1
kind: ConfigMap
metadata:
  name: web/status
  namespace: ..
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: a?b
---
apiVersion: batch/v1
kind: Job
metadata:
  generateName: a%2F
";
    assert_snapshot!(errors(text), @r"
    a.yaml:4, column 9 [ConfigMap ../web/status]: `metadata.name`: `web/status` can't be a name: it has the character `/`
      |   name: web/status
      hint: most kinds take lower case letters, digits, `-` and `.`
    a.yaml:5, column 14 [ConfigMap ../web/status]: `metadata.namespace`: `..` can't be a name: it would mean another path
      |   namespace: ..
      hint: most kinds take lower case letters, digits, `-` and `.`
    a.yaml:10 (document 2), column 9 [ConfigMap a?b]: `metadata.name`: `a?b` can't be a name: it has the character `?`
      |   name: a?b
      hint: most kinds take lower case letters, digits, `-` and `.`
    a.yaml:15 (document 3), column 17 [Job a%2F*]: `metadata.generateName`: `a%2F` can't be a name: it has the character `%`
      |   generateName: a%2F
      hint: most kinds take lower case letters, digits, `-` and `.`
    ");
}
