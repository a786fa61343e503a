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
    assert_snapshot!(read.join("\n"), @"");
}

#[test]
fn keys_become_texts_as_in_go() {
    assert_snapshot!(read("{1: a, true: b, 1.5: c, x: d, 0x10: e, 1234567.5: f, .inf: g, 2020-01-01: h}"), @"");
    assert_snapshot!(read("~: a"), @"");
    assert_snapshot!(read("[a]: b"), @"");
}

#[test]
fn aliases_and_merge_keys_are_resolved() {
    let text = "base: &base {a: 1, b: {c: 2}}\nmine:\n  a: 3\n  <<: *base\nlist: [*base, &x y, *x]\nboth: {<<: [{a: 5}, *base]}\n'<<': text";
    assert_snapshot!(read(text), @"");
    assert_snapshot!(read("a: &a [*a]"), @"");
    assert_snapshot!(read("a: *a"), @"");
    assert_snapshot!(read("<<: 1"), @"");
}

#[test]
fn an_alias_bomb_is_an_error() {
    let mut text = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..12 {
        let items = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{items}]\n"));
    }
    assert_snapshot!(read(&text), @"");
}

#[test]
fn nesting_is_bounded() {
    assert_snapshot!(read(&"[".repeat(5000)), @"");
    assert_snapshot!(read(&"{\"a\":".repeat(5000)), @"");
    let block: String = (0..200).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    assert_snapshot!(read(&block), @"");
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
    assert_snapshot!(at(map, "/data/x"), @"");
    assert_snapshot!(at(map, "/data/none"), @"");
    assert_snapshot!(at(map, ""), @"");
    assert_snapshot!(at(job, "/metadata/annotations/argocd.argoproj.io~1hook"), @"");
    assert_snapshot!(at(job, "/spec/list/1/two"), @"");
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
    assert_snapshot!(manifests[0].place("/metadata/name").expect("a place"), @"");
    assert_snapshot!(manifests[1].place("/metadata/name").expect("a place"), @"");
    assert_eq!(manifests[1].object.0["n"], json!(1));
    assert_snapshot!(errors("{\"a\": 1,\n \"a\": 2}"), @"");
    assert_snapshot!(errors("{\"a\": 1,\n \"b\" 2}"), @"");
    assert_snapshot!(errors("{\"a\": \"x\ny\"}"), @"");
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
    assert_snapshot!(errors(text), @"");
}

#[test]
fn templates_and_tabs_get_a_hint() {
    let head = "apiVersion: v1\nkind: Pod\nmetadata:\n";
    assert_snapshot!(errors(&format!("{head}  name: {{{{ .Values.name }}}}\n")), @"");
    assert_snapshot!(errors(&format!("{{{{- if .Values.on }}}}\n{head}  name: a\n{{{{- end }}}}\n")), @"");
    assert_snapshot!(errors(&format!("{head}\tname: a\n")), @"");
    assert_snapshot!(errors("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a]\n"), @"");
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
    let errors = errors(text);
    assert!(!errors.contains("hunter"), "{errors}");
    let secret = one("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n  p: hunter2\n");
    assert_eq!(secret.error("/stringData/p", "").source_line, None);
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
        let object = wrapped(&inner);
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
