//! Capstan's reading of YAML beside kubectl's: the same texts are refused, and the others have the same values.
//!
//! `CAPSTAN_YAML_SECONDS=600 cargo test -p capstan-cluster --test yaml` goes on with random documents for ten minutes. Texts that
//! differ are made small and collected until then.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "yaml/differences.rs"]
mod differences;
#[path = "yaml/json.rs"]
mod json;
#[path = "yaml/kubectl.rs"]
mod kubectl;
#[path = "yaml/random.rs"]
mod random;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::{Duration, Instant},
};

use capstan_yaml::Duplicates;
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::Value;

use self::{
    differences::{BY_CHANCE, is_same_read, meant},
    json::leading_documents,
    kubectl::Kubectl,
};

/// How often a text is made smaller.
const SHRINKS: usize = 2_000;

/// How many texts are shown of a kind of fault.
const FAULTS_OF_A_KIND: usize = 4;

/// How many kinds of faults are collected before a run ends.
const KINDS: usize = 40;

/// Texts that readers of YAML disagree on, and that people write. `tests/fixtures/yaml/corners.json` has those that nobody writes.
const WRITTEN: &[&str] = &[
    "args: [\n  'one',\n  'two',\n]\nnext: 1",
    "spec:\n  args: [\n  one,\n]\n  next: 1",
    "data:\n  a: '{\n    \"a\": \"b\"\n  }'\n",
    "data:\n  a: 'one\n\n  two\n  three'\n",
    "data:\n  a: \"one\n  two\\\n  three\"\n",
    "a: \"one\ntwo\"\nb: 'three\nfour'\n",
    "data:\n  a:\tvalue\n",
    "data:\n  a: \"one\n\ttwo\"\n",
    "data:\n  a: one\n\ttwo\n",
    "a: 1\t# comment\nb:\t\nc: |\t\n  x\n",
    "\ta: 1\n",
    "a:\n\tb: 1\n",
    "a: 1\n---\n",
    "a: 1\n---\n---\n---\nb: 2\n---",
    "a: 1\n--- # comment\nb: 2\n",
    "a: 1\n---# comment\nb: 2\n",
    "a: |\n  x\n---\nb: |\n  y\n",
    "a: |\n---\nb: 1\n",
    "# only a comment\n",
    "---\n# only a comment\n---\na: 1\n",
    "\u{feff}a: 1\n",
    "\u{feff}---\na: 1\n",
    "a: 1\n---\n\u{feff}b: 1\n",
    "a: 1\r\nb: |\r\n  x\r\n  y\r\n---\r\nc: \"x\r\n  y\"\r\n",
    "[yes, Yes, YES, yEs, no, on, On, ON, off, y, Y, n, N, true, True, TRUE, tRUE, false]",
    "[0o17, 017, 0o8, 08, 1_000, 1__0, _1, 1_, 0x1F, 0X1f, 0x, 0b11, -0b11, +0b11, 0B1, -017, -0x1F, +0x1F, -_1, 0_1]",
    "[.inf, -.inf]",
    "a: .nan",
    "[1., .5, 1e3, 1E3, 1e+3, 1.e1, .e1, 1e999, -1e999, 12e03, 1.5e-3, 1e, 0.0, -0.0, -0, +0, 1e15, 1e21, 123456789012345678]",
    "[18446744073709551615, 18446744073709551616, +18446744073709551615, -9223372036854775808, -9223372036854775809]",
    "[2020-01-01, 2020-01-01T00:00:00Z, 2020-1-1, 12:30, 1:2:3, 190:20:30]",
    "[~, null, Null, NULL, nULL, '', ]",
    "{~: a}",
    "{1: a, true: b, 1.5: c, 0x10: d, 1e7: e, 1234567.5: f, .inf: g, 2020-01-01: h, yes: i, 1e21: j, 0.00001: k}",
    "b: &b {a: 1, c: 2}\nx: {a: 3, <<: *b}\ny: {<<: *b, a: 3}\nz: {<<: [{a: 5}, *b]}\n",
    "b: &b [{a: 1}]\nx: {<<: *b}\n",
    "x: {<<: 1}\n",
    "x: {'<<': 1, ! <<: {a: 1}, !!merge <<: {b: 1}}\n",
    "a: &a [*a]\n",
    "a: *a\n",
    "a: &a 1\nb: &a 2\nc: *a\n",
    "a: &a {b: *a}\n",
    "a: &x 1\n*x : 2\n",
    "a: &x 1e7\n*x : 2\n",
    "a: &x yes\n*x : 2\nb: *x\n",
    "a: &x [1]\n*x : 2\n",
    "? a\n: b\n? c\n",
    "? [a]\n: b\n",
    "? |\n  a\n: b\n",
    "!!binary aGVsbG8=",
    "a: !!binary |\n  aGVs\n  bG8=\n",
    "a: !!binary aGVs bG8=\n",
    "[!!str 12, !!int '12', !!float 3, !!float '3', !!bool yes, !!null '', !!str, !Ref x, ! x, ! 12, !!foo bar, !<tag:yaml.org,2002:int> 3]",
    "a: !!int x\n",
    "a: !!bool maybe\n",
    "a: !!null x\n",
    "a: !!float 18446744073709551615\n",
    "a: !!map {b: !!seq [c], d: !!set {e}}\n",
    "a: b: c\n",
    "a: b\n  c: d\n",
    "a: b\n c\n",
    "a:\n- b\n- c\nd: e\n",
    "a:\n  - b\n - c\n",
    "- a\n-\n- - b\n  -\n",
    "a: - b\n",
    "a: 'b''c'\nd: \"\\x41\\u0041\\U00000041\\/\"\n",
    "d: \"\\x41\\u0041\\U00000041\\t\\_\\N\\L\\P\\0\\e\"\n",
    "d: \"\\q\"\n",
    "d: \"\\ud83d\\ude00\"\n",
    "a: @x\n",
    "a: `x\n",
    "a: %x\n",
    "a: x#y #z\nb: x #y\n",
    "{a:1, b: 2, c}\n",
    "{\"a\":1, 'b':2}\n",
    "[a, b: c, ? d : e, ? f]\n",
    "[a, , b]\n",
    "[a,]\n",
    "{a, }\n",
    "{a: [}\n",
    "[a\n",
    "a: >\n  one\n  two\n\n  three\n    four\n  five\n\n",
    "a: >-\n\n  one\n\n\n  two\n",
    "a: |+\n  one\n\n\nb: 1\n",
    "a: |2\n   one\n  two\n",
    "a: |1-\n one\n",
    "a: |0\n one\n",
    "a: |x\n",
    "- |\n one\n- >\n two\n",
    "a: |\n\n   one\n  two\n",
    "a:\n  b: |\n  c: d\n",
    "a: \"x\u{85}y\"\nb: x\u{2028}y\n",
    "a: \u{7}\n",
    "a: \u{7f}\n",
    "a: \u{fffe}\n",
    "a: \u{1f600}\u{e000}\n",
    "a\nb: c\n",
    "a: b\nc\n",
    "'a' 'b'\n",
    "a: 'b' c\n",
    "&a a: b\n",
    "&a\na: b\n",
    "!!map\na: b\n",
    "{\"apiVersion\": \"v1\", \"n\": 1.0, \"e\": 1e3, \"u\": \"\\ud83d\\ude00\\/\"}\n{\"a\": 1}\n",
    "{\"a\": 1}\n---\nb: 2\n",
    "{\"a\": 1, \"a\": 2}",
    "a: 1\na: 2\nb: {c: 1, c: 2}\n",
    "{a: 1}\n",
    "{\n\t\"a\": 1\n}\n",
];

/// The documents of a text, or why it is refused.
type Read = Result<Vec<Value>, String>;

fn ours(text: &str) -> Read {
    let mut values = Vec::new();
    for chunk in capstan_yaml::split(text) {
        for document in capstan_yaml::read(chunk, Duplicates::LastWins) {
            let node = document.map_err(|troubles| {
                let described = troubles
                    .iter()
                    .map(|trouble| format!("{:?} {}", trouble.at, trouble.message));
                described.collect::<Vec<_>>().join("; ")
            })?;
            if !node.is_null() {
                values.push(node.into_parts(None).0);
            }
        }
    }
    Ok(values)
}

/// Reads the first document of each part, and all documents of JSON at the beginning.
fn first_documents(text: &str) -> Vec<Value> {
    let is_json = text.trim_start().starts_with('{');
    let json_count = if is_json { leading_documents(text).0.len() } else { 0 };
    let chunks = capstan_yaml::split(text).into_iter().enumerate();
    let documents = chunks.flat_map(|(number, chunk)| {
        let count = if number == 0 { json_count + 1 } else { 1 };
        let documents = capstan_yaml::read(chunk, Duplicates::LastWins).into_iter();
        documents.take(count).map_while(Result::ok)
    });
    let documents = documents.filter(|node| !node.is_null());
    documents.map(|node| node.into_parts(None).0).collect()
}

/// Says whether two values are the same; Go and Rust may write a number in two ways.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            let (one_float, other_float) = (one.as_f64().unwrap(), other.as_f64().unwrap());
            let are_whole = !one.is_f64() && !other.is_f64();
            one == other || !are_whole && (one_float - other_float).abs() <= one_float.abs() * 1e-15
        }
        (Value::Array(one), Value::Array(other)) => are_same(one, other),
        (Value::Object(one), Value::Object(other)) => {
            let mut both = one.iter().zip(other);
            one.len() == other.len()
                && both.all(|((key, one), (other_key, other))| key == other_key && is_same(one, other))
        }
        _ => one == other,
    }
}

fn are_same(one: &[Value], other: &[Value]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
}

/// A text that both read otherwise, though that isn't meant.
struct Fault {
    text: String,
    ours: Read,
    theirs: Read,
}

impl Fault {
    /// What the fault is about as far as the text doesn't matter: how both answer, without numbers.
    fn kind(&self) -> String {
        let kind = |read: &Read| match read {
            Ok(values) => format!("{} documents", values.len()),
            Err(error) => error.chars().filter(|letter| !letter.is_ascii_digit()).collect(),
        };
        format!("{} / {}", kind(&self.ours), kind(&self.theirs))
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let described = |read: &Read| match read {
            Ok(values) => Value::from(values.clone()).to_string(),
            Err(error) => format!("refused: {error}"),
        };
        let (text, ours, theirs) = (&self.text, described(&self.ours), described(&self.theirs));
        write!(formatter, "{text:?}\n  capstan: {ours}\n  kubectl: {theirs}")
    }
}

/// Compares both readings of a text.
fn compare(kubectl: &mut Kubectl, text: &str) -> Option<Fault> {
    let (ours, theirs) = (ours(text), kubectl.decode(text));
    let is_fault = !is_same_read(&ours, &theirs) && meant(kubectl, text, &ours, &theirs).is_none();
    is_fault.then(|| Fault {
        text: text.to_owned(),
        ours,
        theirs,
    })
}

/// Makes the text of a fault smaller as long as there is a fault.
fn smallest(kubectl: &mut Kubectl, tree: &mut impl ValueTree<Value = String>, mut fault: Fault) -> Fault {
    for _ in 0..SHRINKS {
        match compare(kubectl, &tree.current()) {
            Some(smaller) => {
                fault = smaller;
                if !tree.simplify() {
                    break;
                }
            }
            None if tree.complicate() => {}
            None => break,
        }
    }
    fault
}

fn suite() -> BTreeMap<String, String> {
    serde_json::from_str(include_str!("../../fixtures/yaml/suite.json")).unwrap()
}

/// A text of `corners.json`, and what Capstan reads; `host/yaml` compares that.
#[derive(serde::Deserialize)]
struct Corner {
    text: String,
}

fn corners() -> impl Iterator<Item = String> {
    let corners: Vec<Corner> = serde_json::from_str(include_str!("../../fixtures/yaml/corners.json")).unwrap();
    corners.into_iter().map(|corner| corner.text)
}

/// Returns the texts of all YAML files under a folder.
fn files(folder: &Path, found: &mut Vec<String>) {
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    for entry in entries {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|end| end == "yaml" || end == "yml")
            && let Ok(text) = std::fs::read_to_string(&path)
        {
            found.push(text);
        }
    }
}

fn project_files() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = Vec::new();
    for folder in ["tests", "host", "plugins"] {
        files(&root.join(folder), &mut found);
    }
    assert!(found.len() > 30, "the project has YAML files");
    found
}

fn corpus() -> Vec<String> {
    let written = WRITTEN.iter().map(|text| (*text).to_owned());
    let suite = suite().into_values();
    written.chain(corners()).chain(suite).chain(project_files()).collect()
}

#[test]
fn known_texts_are_read_as_kubectl_reads_them() {
    let Some(mut kubectl) = Kubectl::start() else { return };
    let wrong: Vec<String> = corpus()
        .iter()
        .filter_map(|text| compare(&mut kubectl, text))
        .map(|fault| fault.to_string())
        .collect();
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// A difference that no text shows any more should not stay on the list.
#[test]
fn every_meant_difference_is_one() {
    let Some(mut kubectl) = Kubectl::start() else { return };
    for difference in differences::ALL {
        let (ours, theirs) = (ours(difference.example), kubectl.decode(difference.example));
        assert!(!is_same_read(&ours, &theirs), "{} {ours:?}", difference.reason);
        let found = meant(&mut kubectl, difference.example, &ours, &theirs);
        assert_eq!(found, Some(difference.reason), "{ours:?} {theirs:?}");
    }
    let differs = |_: usize| !is_same_read(&ours(BY_CHANCE), &kubectl.decode(BY_CHANCE));
    assert!((0..1_000).any(differs), "Go takes the last one each time");
}

#[test]
fn random_texts_are_read_as_kubectl_reads_them() {
    let Some(mut kubectl) = Kubectl::start() else { return };
    let seconds: Option<u64> = std::env::var("CAPSTAN_YAML_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    let until = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let texts = random::texts(corpus());
    // the same texts each time, unless time is given for others
    let mut runner = match seconds {
        Some(_) => TestRunner::new(Config::default()),
        None => TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
    };
    let mut faults: BTreeMap<String, BTreeMap<String, Fault>> = BTreeMap::new();
    let mut count = 0;
    while until.map_or(count < 10_000, |until| Instant::now() < until) {
        count += 1;
        let mut tree = texts.new_tree(&mut runner).unwrap();
        let Some(fault) = compare(&mut kubectl, &tree.current()) else {
            continue;
        };
        let same = faults.entry(fault.kind()).or_default();
        if same.len() < FAULTS_OF_A_KIND {
            let fault = smallest(&mut kubectl, &mut tree, fault);
            same.insert(fault.text.clone(), fault);
        }
        if faults.len() >= KINDS {
            break;
        }
    }
    eprintln!("{count} random texts");
    let described: BTreeSet<String> = faults
        .values()
        .flat_map(BTreeMap::values)
        .map(Fault::to_string)
        .collect();
    let described: Vec<String> = described.into_iter().collect();
    assert!(
        described.is_empty(),
        "{} differ:\n{}",
        described.len(),
        described.join("\n")
    );
}
