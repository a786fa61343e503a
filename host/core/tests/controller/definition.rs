//! The definition is generated from the types, is structural, and bounds everything.

use capstan_core::application::{Decoder, definition};
use capstan_schema::structural;
use serde_json::{Value, json};

/// `CAPSTAN_UPDATE=1 cargo test -p capstan-core --test controller` writes the file again.
#[test]
fn the_file_is_what_the_types_say() {
    let text = definition::yaml();
    if std::env::var_os("CAPSTAN_UPDATE").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../application-crd.yaml");
        std::fs::write(path, &text).unwrap();
        return;
    }
    let written = include_str!("../../../application-crd.yaml");
    assert_eq!(
        written, text,
        "host/application-crd.yaml is written again with CAPSTAN_UPDATE=1"
    );
}

/// The keywords of a structural schema that this one may have.
const KEYWORDS: [&str; 21] = [
    "additionalProperties",
    "default",
    "description",
    "enum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "pattern",
    "properties",
    "required",
    "type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-validations",
];

/// Visits a schema and all schemas in it, each with its path.
fn visit(schema: &Value, path: &str, see: &mut impl FnMut(&Value, &str)) {
    see(schema, path);
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        visit(inner, &format!("{path}.{name}"), see);
    }
    for inner in ["items", "additionalProperties"] {
        if schema[inner].is_object() {
            visit(&schema[inner], &format!("{path}[]"), see);
        }
    }
}

#[test]
fn every_field_has_a_type_a_description_and_a_bound() {
    let mut fields = 0;
    visit(&definition::schema(), "", &mut |schema, path| {
        fields += 1;
        for keyword in schema.as_object().unwrap().keys() {
            assert!(KEYWORDS.contains(&keyword.as_str()), "{path} has `{keyword}`");
        }
        let text = schema["description"].as_str().unwrap_or_default();
        assert!(path.ends_with("[]") || !text.is_empty(), "{path} has no description");
        assert!(
            !text.contains('\n') && !text.contains("[`") && !text.contains("::"),
            "{path}: {text}"
        );
        let has = |keyword: &str| schema.get(keyword).is_some();
        match schema["type"].as_str() {
            Some("string") => assert!(has("maxLength") || has("enum"), "{path} has no bound"),
            Some("array") => assert!(has("maxItems"), "{path} has no bound"),
            Some("object") => {
                assert!(
                    !has("additionalProperties") || has("maxProperties"),
                    "{path} has no bound"
                );
                // The API server refuses objects that may hold anything and say so by chance.
                assert!(
                    has("properties") || has("additionalProperties") || has("x-kubernetes-preserve-unknown-fields"),
                    "{path} holds nothing"
                );
            }
            Some("integer" | "boolean") => {}
            other => panic!("{path} has the type {other:?}"),
        }
        for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
            assert!(
                rule["rule"].is_string() && rule["message"].is_string(),
                "{path}: {rule}"
            );
        }
    });
    assert!(fields > 200, "{fields}");
}

#[test]
fn defaults_of_the_schema_are_those_of_the_types() {
    let minimal = json!({
        "apiVersion": "capstan.dev/v1alpha1", "kind": "Application",
        "metadata": { "name": "echo", "namespace": "shop", "generation": 3 },
        "spec": {
            "origin": { "git": { "url": "https://git.example.com/acme/deploy.git", "verify": { "secretRef": { "name": "keys" } } } },
            "sources": [{ "chart": "c", "valuesFrom": [{ "secret": "s" }] }],
            "sync": { "windows": [{ "kind": "Deny", "schedule": "@daily", "duration": "1h" }] },
            "options": {}, "deletion": {},
        },
    });
    let decoder = Decoder::default();
    let decoded = decoder.decode(&minimal).unwrap();
    let mut complete = minimal;
    structural::complete(&definition::schema(), &mut complete);
    assert_eq!(decoder.decode(&complete).unwrap(), decoded);
    assert_eq!(complete["spec"]["deletion"]["timeout"], "1h");
    assert_eq!(complete["spec"]["serviceAccountName"], "capstan-deployer");
    // What the types write is what the server stores.
    let written = serde_json::to_value(&decoded.spec).unwrap();
    assert_eq!(written, complete["spec"]);
    assert_eq!(
        (decoded.name.as_str(), decoded.namespace.as_str(), decoded.generation),
        ("echo", "shop", 3)
    );
}

#[test]
fn a_minimal_application_is_complete() {
    let spec = json!({ "origin": { "git": { "url": "https://git.example.com/acme/deploy.git" }, "path": "echo" } });
    let object = json!({ "metadata": { "name": "echo", "namespace": "shop" }, "spec": spec });
    let decoded = Decoder::default().decode(&object).unwrap().spec;
    assert!(decoded.sync.automatic && !decoded.sync.heal && !decoded.suspend);
    assert_eq!(decoded.interval.get().unwrap().as_secs(), 180);
    assert_eq!(decoded.history, 5);
}
