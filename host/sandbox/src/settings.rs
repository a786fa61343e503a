//! Whether a user's settings are what a plugin's manifest says of them: a JSON schema. Both come from strangers, so patterns are matched in
//! linear time, and a schema refers to nothing but itself.

use capstan_core::plugins::SettingsFlaw;
use jsonschema::{PatternOptions, Retrieve, Uri, Validator};
use serde_json::{Map, Value};

/// So many are told: who gets that many wrong reads the first.
const MOST: usize = 10;
/// What a pattern may take once it is compiled, in bytes.
const MAX_PATTERN: usize = 256 << 10;

/// Brings nothing from anywhere.
struct Nowhere;

impl Retrieve for Nowhere {
    fn retrieve(&self, _: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err("a schema may refer to nothing outside of itself".into())
    }
}

/// Compiles a manifest's schema.
pub(crate) fn validator(schema: &Value) -> Result<Validator, String> {
    jsonschema::options()
        .with_pattern_options(PatternOptions::regex().size_limit(MAX_PATTERN))
        .with_retriever(Nowhere)
        .build(schema)
        .map_err(|error| format!("its schema of settings can't be used: {error}"))
}

/// Lists what a schema has against settings.
pub(crate) fn flaws(validator: &Validator, settings: &Map<String, Value>) -> Vec<SettingsFlaw> {
    let settings = Value::Object(settings.clone());
    let errors = validator.iter_errors(&settings).take(MOST);
    errors
        .map(|error| SettingsFlaw {
            pointer: error.instance_path().to_string(),
            message: error.to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(schema: &Value, settings: Value) -> Vec<String> {
        let validator = validator(schema).unwrap();
        let Value::Object(settings) = settings else {
            panic!("{settings}")
        };
        let flaws = flaws(&validator, &settings);
        flaws
            .into_iter()
            .map(|flaw| format!("{}: {}", flaw.pointer, flaw.message))
            .collect()
    }

    #[test]
    fn what_a_schema_does_not_allow_is_told_with_its_place() {
        let schema = json!({
            "type": "object",
            "required": ["seconds"],
            "properties": {
                "seconds": { "type": "integer", "minimum": 1 },
                "hosts": { "type": "array", "items": { "type": "string", "pattern": "^[a-z.]+$" } },
            },
        });
        assert!(told(&schema, json!({ "seconds": 3, "else": null })).is_empty());
        assert_eq!(
            told(&schema, json!({ "seconds": 0, "hosts": ["a.example", "B"] })),
            [
                "/hosts/1: \"B\" does not match \"^[a-z.]+$\"",
                "/seconds: 0 is less than the minimum of 1"
            ]
        );
        assert_eq!(told(&schema, json!({})), [": \"seconds\" is a required property"]);
    }

    #[test]
    fn a_schema_can_harm_nobody() {
        let evil = |schema: Value| validator(&schema).err();
        assert!(evil(json!({ "$ref": "https://example.com/schema.json" })).is_some());
        assert!(evil(json!({ "$ref": "file:///etc/passwd" })).is_some());
        assert!(evil(json!({ "properties": { "a": { "pattern": "(a{1000}){1000}" } } })).is_some());
        // It refers to itself, and its pattern would take for ever where it is tried again and again.
        let schema = json!({ "properties": { "a": { "$ref": "#" }, "b": { "pattern": "^(a+)+$" } } });
        let deep = (0..100).fold(
            json!({ "b": format!("{}!", "a".repeat(5000)) }),
            |inner, _| json!({ "a": inner }),
        );
        assert_eq!(told(&schema, deep).len(), 1);
    }
}
