//! What is read, value by value and mistake by mistake.

use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Decodes and writes the errors as a renderer might.
fn errors(text: &str) -> String {
    match decode("a.yaml", text) {
        Ok(manifests) => format!("no errors, {} manifests", manifests.len()),
        Err(errors) => messages(&errors),
    }
}

pub(crate) fn messages(errors: &[Diagnostic]) -> String {
    let mut lines = Vec::new();
    for error in errors {
        let place = error
            .place
            .as_ref()
            .map_or("?".into(), |place| format!("{place}, column {}", place.column));
        let object = error.object.as_ref().map_or(String::new(), |key| format!(" [{key}]"));
        lines.push(format!("{place}{object}: {}", error.message));
        lines.extend(error.source_line.iter().map(|line| format!("  | {line}")));
        if !error.hint.is_empty() {
            lines.push(format!("  hint: {}", error.hint.shown()));
        }
    }
    lines.join("\n")
}

fn one(text: &str) -> Manifest {
    let mut manifests = decode("a.yaml", text).expect("it can be decoded");
    assert_eq!(manifests.len(), 1, "one manifest");
    manifests.remove(0)
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
        Diagnostic::new("wrong").about(manifest.key())
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
      hint: a manifest has `apiVersion`, `kind` and `metadata.name`; Setting(FewerFiles)
    a.yaml:1, column 1: this document has no `kind`
      | {"a": "x
      hint: a manifest has `apiVersion`, `kind` and `metadata.name`; Setting(FewerFiles)
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
    a.yaml:12 (document 2), column 9: this can't be read as YAML: this text has no closing quote
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
      hint: this looks like a Helm template; Setting(Chart { path: None })
    ");
    assert_snapshot!(errors(&format!("{{{{- if .Values.on }}}}\n{head}  name: a\n{{{{- end }}}}\n")), @r#"
    a.yaml:1, column 2: a key must be a text, not a list or mapping
      | {{- if .Values.on }}
      hint: this looks like a Helm template; Setting(Chart { path: None })
    "#);
    assert_snapshot!(errors(&format!("{head}\tname: a\n")), @"
    a.yaml:4, column 1: this can't be read as YAML: a tab can't indent a line
      | 	name: a
      hint: YAML is indented with spaces, not with tabs
    ");
    assert_snapshot!(errors("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a]\n"), @"
    a.yaml:1, column 1: this Kustomization has no name
      | apiVersion: kustomize.config.k8s.io/v1beta1
      hint: this file tells kustomize what to build; Setting(Kustomization { path: None })
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
    let messages = errors(text);
    assert!(!messages.contains("hunter"), "{messages}");
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
        let messages = errors(text);
        assert!(
            messages.contains("must be a text") && !messages.contains("hunter"),
            "{messages}"
        );
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

proptest! {
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
      hint: most kinds allow lower case letters, digits, `-` and `.`
    a.yaml:5, column 14 [ConfigMap ../web/status]: `metadata.namespace`: `..` can't be a name: it would mean another path
      |   namespace: ..
      hint: most kinds allow lower case letters, digits, `-` and `.`
    a.yaml:10 (document 2), column 9 [ConfigMap a?b]: `metadata.name`: `a?b` can't be a name: it has the character `?`
      |   name: a?b
      hint: most kinds allow lower case letters, digits, `-` and `.`
    a.yaml:15 (document 3), column 17 [Job a%2F*]: `metadata.generateName`: `a%2F` can't be a name: it has the character `%`
      |   generateName: a%2F
      hint: most kinds allow lower case letters, digits, `-` and `.`
    ");
}
