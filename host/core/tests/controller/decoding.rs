//! Invalid objects: each is an error about itself, and the rules in CEL and in Rust agree.

use std::{collections::BTreeSet, sync::Arc};

use capstan_core::application::{Decoder, definition};
use cel::{Context, Env};
use proptest::prelude::*;
use serde_json::{Value, json};

fn application(spec: Value) -> Value {
    json!({
        "apiVersion": "capstan.dev/v1alpha1", "kind": "Application",
        "metadata": { "name": "echo", "namespace": "shop" },
        "spec": spec,
    })
}

fn git(url: &str) -> Value {
    json!({ "git": { "url": url } })
}

#[test]
fn what_is_wrong_with_an_object_is_named_with_its_path() {
    let url = "https://git.example.com/acme/deploy.git";
    let decoder = Decoder::default();
    for (spec, message) in [
        (Value::Null, "spec: is required"),
        (json!({}), "spec: origin, or sources with charts, is required"),
        (json!("text"), "spec: must be a mapping, not a text"),
        (
            json!({ "origin": {} }),
            "spec.origin: exactly one of git, oci and bucket is required",
        ),
        (
            json!({ "origin": git("https://me:secret@example.com/x") }),
            "spec.origin.git.url: must match the pattern",
        ),
        (
            json!({ "origin": git("file:///etc") }),
            "spec.origin.git.url: must match the pattern",
        ),
        (
            json!({ "origin": { "git": { "url": url, "branch": "a", "tag": "b" } } }),
            "spec.origin.git: at most one of branch, tag, semver, commit and ref is allowed",
        ),
        (
            json!({ "origin": { "git": { "url": url, "commit": "main" } } }),
            "spec.origin.git.commit: must match the pattern",
        ),
        (
            json!({ "origin": { "git": { "url": url }, "path": "../secrets" } }),
            "spec.origin.path: a path must be relative and stay inside its origin",
        ),
        (
            json!({ "origin": git(url), "interval": "1s" }),
            "spec.interval: must be between 15s and 168h",
        ),
        (
            json!({ "origin": git(url), "interval": "soon" }),
            "spec.interval: must match the pattern",
        ),
        (
            json!({ "origin": git(url), "interval": "" }),
            "spec.interval: must have at least 2 characters",
        ),
        (
            json!({ "origin": git(url), "history": 21 }),
            "spec.history: must be at most 20",
        ),
        (
            json!({ "origin": git(url), "history": "5" }),
            "spec.history: must be a whole number, not a text",
        ),
        (
            json!({ "origin": git(url), "sync": { "newRevision": "Never" } }),
            "spec.sync.newRevision: must be one of Queue, WhenWaiting, AtOnce",
        ),
        (
            json!({ "origin": git(url), "rollout": {} }),
            "spec.rollout: this version of the controller doesn't know this field",
        ),
        (
            json!({ "origin": git(url), "dependsOn": [{ "name": "db" }, { "name": "db" }] }),
            "spec.dependsOn[1]: has the same name=\"db\" as item 0",
        ),
        (
            json!({ "origin": git(url), "dependsOn": [{ "name": "other/db" }] }),
            "spec.dependsOn[0].name: must match the pattern",
        ),
        (
            json!({ "origin": git(url), "sources": [{ "path": "a", "chart": "b" }] }),
            "spec.sources[0]: exactly one of path, kustomization and chart is required",
        ),
        (
            json!({ "origin": git(url), "sources": [{ "path": "a", "origin": "config" }] }),
            "spec.sources[0].origin: `config` isn't one of spec.origins",
        ),
        (
            json!({ "origin": git(url), "sync": { "windows": [{ "kind": "Deny", "schedule": "0 0 31 2 *", "duration": "1h" }] } }),
            "spec.sync.windows[0].schedule: `0 0 31 2 *` never comes",
        ),
        (
            json!({ "origin": git(url), "sync": { "windows": [{ "kind": "Deny", "schedule": "@daily", "duration": "1h", "timeZone": "CEST" }] } }),
            "spec.sync.windows[0].timeZone: `CEST` isn't in the IANA database",
        ),
        (
            json!({ "origin": git(url), "options": { "timeout": "0s" } }),
            "spec.options.timeout: must be longer than 0s",
        ),
        (
            json!({ "origin": git(url), "withoutPlugins": vec!["x"; 65] }),
            "spec.withoutPlugins: must have at most 64 items",
        ),
    ] {
        let mut object = application(spec);
        if object["spec"].is_null() {
            object.as_object_mut().unwrap().remove("spec");
        }
        let error = decoder.decode(&object).unwrap_err().to_string();
        assert!(error.contains(message), "expected {message}, and it is {error}");
    }
    for name in ["", "Echo", "-echo", "a.b", &"a".repeat(51)] {
        let mut object = application(json!({ "origin": git(url) }));
        object["metadata"]["name"] = json!(name);
        assert!(decoder.decode(&object).is_err(), "{name}");
    }
    // A good one after all these.
    assert!(decoder.decode(&application(json!({ "origin": git(url) }))).is_ok());
}

#[test]
fn an_object_with_many_mistakes_has_a_short_error() {
    let sources: Vec<Value> = (0..32)
        .map(|_| json!({ "chart": "x".repeat(3000), "odd": 1 }))
        .collect();
    let error = Decoder::default()
        .decode(&application(json!({ "sources": sources })))
        .unwrap_err();
    assert!(error.problems.len() == 10 && error.left_out > 20);
    assert!(error.to_string().len() < 4000 && error.to_string().contains("more"));
}

/// Parses a duration; one that Go can't hold is a violation, for which -1 stands.
fn seconds(text: &str) -> i64 {
    let mut sum: i128 = 0;
    let mut number: i128 = 0;
    for letter in text.chars() {
        match letter {
            'h' => sum += std::mem::take(&mut number) * 3600,
            'm' => sum += std::mem::take(&mut number) * 60,
            's' => sum += std::mem::take(&mut number),
            digit => number = number * 10 + i128::from(digit.to_digit(10).unwrap()),
        }
    }
    i64::try_from(sum)
        .ok()
        .filter(|sum| sum.checked_mul(1_000_000_000).is_some())
        .unwrap_or(-1)
}

/// Evaluates the rules of a schema for a value and everything in it, and returns the messages of those that it violates.
fn violated(env: &Arc<Env>, schema: &Value, value: &Value, found: &mut BTreeSet<String>) {
    for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
        // The crate has no durations here.
        let text = rule["rule"].as_str().unwrap().replace("duration(", "seconds(");
        let program = env.compile(&text).unwrap();
        let mut context = Context::with_env(Arc::clone(env));
        context
            .add_function("seconds", |text: Arc<String>| seconds(&text))
            .unwrap();
        context.add_variable("self", value.clone()).unwrap();
        // As in the API server: an expression that can't be evaluated is violated.
        if program.execute(&context) != Ok(cel::Value::Bool(true)) {
            found.insert(rule["message"].as_str().unwrap().to_owned());
        }
    }
    match value {
        Value::Object(members) => {
            for (name, inner) in members {
                let schema = schema["properties"]
                    .get(name)
                    .unwrap_or(&schema["additionalProperties"]);
                violated(env, schema, inner, found);
            }
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| violated(env, &schema["items"], item, found)),
        _ => {}
    }
}

/// Returns the messages of all rules of a schema.
fn messages(schema: &Value, found: &mut BTreeSet<String>) {
    for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
        found.insert(rule["message"].as_str().unwrap().to_owned());
    }
    for inner in schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(_, inner)| inner)
    {
        messages(inner, found);
    }
    for inner in ["items", "additionalProperties"].map(|inner| &schema[inner]) {
        if inner.is_object() {
            messages(inner, found);
        }
    }
}

fn some(values: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop::sample::select(values).prop_map(|value| json!(value))
}

/// A mapping with some of these members.
fn some_of(members: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let members: Vec<_> = members
        .into_iter()
        .map(|(name, value)| prop::option::of(value).prop_map(move |value| value.map(|value| (name.to_owned(), value))))
        .collect();
    members
        .prop_map(|members| Value::Object(members.into_iter().flatten().collect()))
        .boxed()
}

const PATHS: &[&str] = &[
    "", "a", "a/b", "/a", "..", "a/..", "../a", "a/../b", "..a", "a..", ".../a", "a//b",
];
const DURATIONS: &[&str] = &[
    "0s",
    "1s",
    "14s",
    "15s",
    "1m",
    "59s",
    "1h30m",
    "168h",
    "168h1s",
    "744h",
    "745h",
    "99999999999h",
    "0h0m",
    "00",
];

fn origin() -> BoxedStrategy<Value> {
    let word = || some(&["main", "1.4"]).boxed();
    let git = some_of(vec![("branch", word()), ("tag", word()), ("semver", word())]).prop_map(|mut git| {
        git["url"] = json!("https://git.example.com/acme/deploy.git");
        git
    });
    let oci = some_of(vec![("tag", word()), ("semver", word())]).prop_map(|mut oci| {
        oci["url"] = json!("oci://registry.example.com/deploy");
        oci
    });
    let bucket = some_of(vec![("prefix", some(PATHS).boxed())]).prop_map(|mut bucket| {
        bucket["endpoint"] = json!("https://s3.example.com");
        bucket["name"] = json!("deploy");
        bucket
    });
    some_of(vec![
        ("git", git.boxed()),
        ("oci", oci.boxed()),
        ("bucket", bucket.boxed()),
        ("path", some(PATHS).boxed()),
    ])
}

fn spec() -> impl Strategy<Value = Value> {
    let path = || some(PATHS).boxed();
    let name = || some(&["one"]).boxed();
    let values_from = some_of(vec![("configMap", name()), ("secret", name())]);
    let source = some_of(vec![
        ("path", path()),
        ("kustomization", path()),
        ("chart", name()),
        (
            "valueFiles",
            prop::collection::vec(path(), 0..3).prop_map(Value::Array).boxed(),
        ),
        (
            "valuesFrom",
            prop::collection::vec(values_from, 0..2).prop_map(Value::Array).boxed(),
        ),
    ]);
    let duration = || some(DURATIONS).boxed();
    let window = some_of(Vec::new())
        .prop_flat_map(|_| some(DURATIONS))
        .prop_map(|duration| json!({ "kind": "Allow", "schedule": "@daily", "duration": duration }));
    let windows = prop::collection::vec(window, 0..2).prop_map(|windows| json!({ "windows": windows }));
    some_of(vec![
        ("origin", origin()),
        ("origins", origin().prop_map(|origin| json!({ "one": origin })).boxed()),
        (
            "sources",
            prop::collection::vec(source, 0..3).prop_map(Value::Array).boxed(),
        ),
        ("interval", duration()),
        (
            "options",
            some_of(vec![("timeout", duration()), ("retryPause", duration())]),
        ),
        ("deletion", some_of(vec![("timeout", duration())])),
        ("sync", windows.boxed()),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn the_rules_in_cel_and_in_rust_are_the_same(spec in spec(), name in "[a-z0-9A-Z-]{1,52}") {
        let schema = definition::schema();
        let env = Arc::new(Env::stdlib());
        let mut object = application(spec);
        object["metadata"]["name"] = json!(name);
        let error = Decoder::default().decode(&object).err();
        let problems = error.map(|error| (error.problems, error.left_out));
        let (problems, left_out) = problems.unwrap_or_default();
        // The schema itself comes first, in the server as here.
        let by_schema = problems.iter().any(|problem| problem.contains("must match the pattern"));
        if !by_schema && left_out == 0 {
            let mut all = BTreeSet::new();
            messages(&schema, &mut all);
            let mut by_cel = BTreeSet::new();
            violated(&env, &schema, &object, &mut by_cel);
            let by_rust: BTreeSet<String> = problems
                .iter()
                .map(|problem| problem.split_once(": ").unwrap().1.to_owned())
                .collect();
            prop_assert!(by_rust.is_subset(&all), "{:?}", by_rust);
            prop_assert_eq!(by_rust, by_cel);
        }
    }

    #[test]
    fn no_object_breaks_the_decoder(text in "[\\[\\]{}:,\"a-z0-9]{0,60}", pointer in prop::sample::select(&["/spec", "/spec/origin", "/spec/sync", "/metadata", "/spec/origin/git", ""][..])) {
        let mut object = application(json!({ "origin": git("https://git.example.com/x"), "sync": {} }));
        let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        *object.pointer_mut(pointer).unwrap() = value;
        _ = Decoder::default().decode(&object);
    }
}
