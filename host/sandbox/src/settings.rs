//! Validates a user's settings against the JSON schema in a plugin's manifest. Both come from others. So a schema may only refer to
//! itself, patterns are matched in linear time, and the cost of a schema per value is limited before it is used
//! ([`capstan_stamp::settings_cost`]). That cost times the number of values is limited here.

use capstan_core::model::plugins::SettingsProblem;
use capstan_stamp::SettingsCost;
use jsonschema::{PatternOptions, Retrieve, Uri, Validator};
use serde_json::{Map, Value};

/// The most mistakes that are reported.
const MAX_FLAWS: usize = 10;
/// The most bytes of one message, which quotes the settings.
const MAX_MESSAGE_BYTES: usize = 1000;
/// The most bytes of a compiled pattern.
const MAX_PATTERN_BYTES: usize = 256 << 10;
/// The most steps of one validation: some tenths of a second, and at most as many errors.
const MAX_STEPS: u64 = 2_000_000;
/// The most bytes of text that patterns are matched against in one validation. A text counts once for each match.
const MAX_MATCHED_BYTES: u64 = 2 << 20;

/// A retriever that loads no other schema.
struct NoRetriever;

impl Retrieve for NoRetriever {
    fn retrieve(&self, _: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        Err("a schema can't refer to anything outside of itself".into())
    }
}

/// A compiled schema.
pub(crate) struct SettingsSchema {
    validator: Validator,
    /// The cost of each value, by the depth at which settings are nested.
    costs: Vec<SettingsCost>,
    /// The names of the settings in the schema.
    pub(crate) names: Vec<String>,
}

impl SettingsSchema {
    /// Compiles a schema.
    ///
    /// # Errors
    ///
    /// Returns why it can't be used, or that its cost is too high.
    pub(crate) fn new(schema: &Value) -> Result<SettingsSchema, String> {
        let unusable = |why: String| format!("its schema of settings can't be used: {why}");
        let costs = capstan_stamp::settings_cost(schema)
            .map_err(|flaw| unusable(format!("{}: {}", flaw.place, flaw.message)))?;
        let validator = jsonschema::options()
            .with_pattern_options(PatternOptions::regex().size_limit(MAX_PATTERN_BYTES))
            .with_retriever(NoRetriever)
            .build(schema)
            .map_err(|error| unusable(error.to_string()))?;
        let named = schema.get("properties").and_then(Value::as_object);
        let names = named.into_iter().flat_map(Map::keys).cloned().collect();
        Ok(SettingsSchema {
            validator,
            costs,
            names,
        })
    }

    /// Lists the mistakes in settings.
    pub(crate) fn flaws(&self, settings: &Map<String, Value>) -> Vec<SettingsProblem> {
        let size = SettingsSize::measure(settings);
        let Some(cost) = self.costs.get(size.depth) else {
            let most = capstan_stamp::MAX_DEPTH;
            return vec![flaw_of_all(format!("they are nested more than {most} deep"))];
        };
        if cost.steps.saturating_mul(size.values) > MAX_STEPS {
            let message = format!(
                "they have {} values, which is too many to check against this plugin's schema",
                size.values
            );
            return vec![flaw_of_all(message)];
        }
        if cost.matches.saturating_mul(size.text_bytes) > MAX_MATCHED_BYTES {
            let message = format!(
                "they have {} bytes, which are too many for the patterns of this plugin's schema",
                size.text_bytes
            );
            return vec![flaw_of_all(message)];
        }
        let settings = Value::Object(settings.clone());
        if self.validator.is_valid(&settings) {
            return Vec::new();
        }
        let errors = self.validator.iter_errors(&settings).take(MAX_FLAWS);
        errors
            .map(|error| SettingsProblem {
                pointer: error.instance_path().to_string(),
                message: shorten(error.to_string()),
            })
            .collect()
    }
}

fn flaw_of_all(message: String) -> SettingsProblem {
    SettingsProblem {
        pointer: String::new(),
        message,
    }
}

fn shorten(mut message: String) -> String {
    if message.len() > MAX_MESSAGE_BYTES {
        message.truncate(message.floor_char_boundary(MAX_MESSAGE_BYTES));
        message.push_str("...");
    }
    message
}

/// The size of settings.
#[derive(Default)]
struct SettingsSize {
    /// The number of values, with nested ones and names.
    values: u64,
    /// The bytes of texts and names.
    text_bytes: u64,
    /// The deepest nesting of values, without the outermost one.
    depth: usize,
}

impl SettingsSize {
    fn measure(settings: &Map<String, Value>) -> SettingsSize {
        let mut size = SettingsSize {
            values: 1,
            ..SettingsSize::default()
        };
        size.add_all(settings, 1);
        size
    }

    fn add_all(&mut self, values: &Map<String, Value>, depth: usize) {
        for (name, value) in values {
            self.values += 1;
            self.text_bytes += name.len() as u64;
            self.add(value, depth);
        }
    }

    fn add(&mut self, value: &Value, depth: usize) {
        self.values += 1;
        self.depth = self.depth.max(depth);
        // Deeper values are refused, and need not be counted.
        if depth > capstan_stamp::MAX_DEPTH {
            return;
        }
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
            Value::String(text) => self.text_bytes += text.len() as u64,
            Value::Array(values) => values.iter().for_each(|value| self.add(value, depth + 1)),
            Value::Object(values) => self.add_all(values, depth + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use proptest::{collection::vec, prelude::*};
    use serde_json::json;

    use super::*;

    fn problems(schema: &Value, settings: Value) -> Vec<String> {
        let schema = SettingsSchema::new(schema).unwrap();
        let Value::Object(settings) = settings else {
            panic!("{settings}")
        };
        let flaws = schema.flaws(&settings);
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
        assert!(problems(&schema, json!({ "seconds": 3, "else": null })).is_empty());
        assert_eq!(
            problems(&schema, json!({ "seconds": 0, "hosts": ["a.example", "B"] })),
            [
                "/hosts/1: \"B\" does not match \"^[a-z.]+$\"",
                "/seconds: 0 is less than the minimum of 1"
            ]
        );
        assert_eq!(problems(&schema, json!({})), [": \"seconds\" is a required property"]);
    }

    #[test]
    fn a_schema_can_harm_nobody() {
        let evil = |schema: Value| SettingsSchema::new(&schema).err();
        assert!(evil(json!({ "$ref": "https://example.com/schema.json" })).is_some());
        assert!(evil(json!({ "$ref": "file:///etc/passwd" })).is_some());
        assert!(evil(json!({ "properties": { "a": { "pattern": "(a{1000}){1000}" } } })).is_some());
        // It refers to itself, and its pattern would take for ever where it is tried again and again.
        let schema = json!({ "properties": { "a": { "$ref": "#" }, "b": { "pattern": "^(a+)+$" } } });
        let deep = (0..60).fold(
            json!({ "b": format!("{}!", "a".repeat(5000)) }),
            |inner, _| json!({ "a": inner }),
        );
        assert_eq!(problems(&schema, deep).len(), 1);
    }

    #[test]
    fn settings_that_are_too_many_for_their_schema_are_told_so() {
        let deep = (0..70).fold(json!({}), |inner, _| json!({ "a": inner }));
        assert_eq!(problems(&json!({}), deep), [": they are nested more than 64 deep"]);
        let many = json!({ "a": vec![0; 500_000] });
        assert_eq!(
            problems(
                &json!({ "properties": { "a": { "items": { "type": "string" } } } }),
                many
            ),
            [": they have 500003 values, which is too many to check against this plugin's schema"]
        );
        let long = json!({ "a": "x".repeat(2 << 20) });
        assert_eq!(
            problems(&json!({ "properties": { "a": { "pattern": "^x*$" } } }), long),
            [": they have 2097153 bytes, which are too many for the patterns of this plugin's schema"]
        );
        let quoted = problems(&json!({ "maxProperties": 0 }), json!({ "a": "ä".repeat(10_000) }));
        assert!(quoted[0].len() < 1100 && quoted[0].ends_with("..."), "{quoted:?}");
    }

    /// Definitions, each made of what refers to the next: as many as are allowed, and 40 at most.
    fn chain(link: impl Fn(Value) -> Value) -> Value {
        let of_length = |length: usize| {
            let mut defs = Map::new();
            for n in 0..length {
                defs.insert(format!("d{n}"), link(json!({ "$ref": format!("#/$defs/d{}", n + 1) })));
            }
            defs.insert(format!("d{length}"), json!({ "minProperties": 1000 }));
            json!({ "$ref": "#/$defs/d0", "$defs": defs })
        };
        let longest = (1..=40)
            .map(of_length)
            .take_while(|schema| SettingsSchema::new(schema).is_ok());
        longest.last().unwrap()
    }

    fn nested(depth: usize) -> Value {
        (0..depth).fold(json!({}), |inner, _| json!({ "a": inner, "b": 1 }))
    }

    /// Schemas that do the most work that is allowed, with settings for it.
    fn worst() -> Vec<(&'static str, Value, Value)> {
        let list = |length: usize| json!({ "a": (0..length).map(|n| json!({ "n": n })).collect::<Vec<_>>() });
        let of_a = |schema: Value| json!({ "properties": { "a": schema } });
        let patterns = (0..64).map(|n| (format!("p{n}"), json!({ "pattern": format!("\\p{{L}}{{5}}N{n}") })));
        vec![
            ("allOf", chain(|next| json!({ "allOf": [next, next] })), nested(8)),
            ("anyOf", chain(|next| json!({ "anyOf": [next, next] })), nested(8)),
            ("oneOf", chain(|next| json!({ "oneOf": [next, next] })), nested(8)),
            (
                "if",
                chain(|next| json!({ "if": { "not": next }, "then": next, "else": next })),
                nested(8),
            ),
            (
                "shared",
                chain(|next| json!({ "properties": { "a": next, "b": next } })),
                nested(40),
            ),
            (
                "unevaluatedProperties",
                chain(|next| json!({ "allOf": [next], "unevaluatedProperties": false })),
                nested(8),
            ),
            (
                "recursion",
                of_a(json!({ "oneOf": [{ "$ref": "#" }, { "type": "string" }] })),
                nested(60),
            ),
            ("uniqueItems", of_a(json!({ "uniqueItems": true })), list(20_000)),
            (
                "contains",
                of_a(json!({ "contains": of_a(json!({ "const": -1 })) })),
                list(20_000),
            ),
            (
                "enum",
                of_a(json!({ "items": { "enum": vec!["x".repeat(10); 5000] } })),
                list(50),
            ),
            (
                "patterns",
                json!({ "properties": patterns.collect::<Map<_, _>>() }),
                json!({ "p0": "ä".repeat(9000), "p63": "x".repeat(9000) }),
            ),
            (
                "nested quantifiers",
                of_a(json!({ "pattern": "^((a+)+)+$" })),
                json!({ "a": "a".repeat(400_000) + "!" }),
            ),
        ]
    }

    #[test]
    fn the_worst_schemas_that_are_allowed_are_judged_in_bounded_time() {
        for (what, schema, settings) in worst() {
            let begun = Instant::now();
            let flaws = problems(&schema, settings);
            let taken = begun.elapsed();
            println!("{what}: {taken:?}, {flaws:.200?}");
            assert!(taken < BOUNDED, "{what}: {taken:?}");
        }
    }

    /// Far more than it takes, and far less than for ever.
    const BOUNDED: Duration = Duration::from_secs(20);

    /// A schema of definitions that refer to each other at random.
    fn schema() -> impl Strategy<Value = Value> {
        let reference = (0..5_u8).prop_map(|n| json!({ "$ref": format!("#/$defs/d{n}") }));
        let leaf = prop_oneof![
            3 => reference,
            1 => Just(json!({ "type": "string" })),
            1 => Just(json!({ "minProperties": 1, "pattern": "^(a|aa)+$" })),
        ];
        let definition = leaf.prop_recursive(2, 8, 3, |inner| {
            let list = vec(inner.clone(), 1..4);
            prop_oneof![
                (prop_oneof!["allOf", "anyOf", "oneOf"], list).prop_map(|(word, list)| json!({ word: list })),
                (inner.clone(), inner.clone()).prop_map(|(one, other)| json!({ "if": one, "else": other })),
                (
                    prop_oneof![
                        "items",
                        "contains",
                        "additionalProperties",
                        "not",
                        "unevaluatedProperties"
                    ],
                    inner.clone()
                )
                    .prop_map(|(word, schema)| json!({ word: schema })),
                (inner.clone(), inner).prop_map(
                    |(one, other)| json!({ "properties": { "a": one }, "patternProperties": { "a": other } })
                ),
            ]
        });
        vec(definition, 5).prop_map(|definitions| {
            let named = definitions.into_iter().enumerate();
            let defs: Map<String, Value> = named.map(|(n, schema)| (format!("d{n}"), schema)).collect();
            json!({ "$ref": "#/$defs/d0", "$defs": defs })
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn any_schema_is_refused_or_judged_in_bounded_time(schema in schema(), depth in 0..60_usize) {
            let begun = Instant::now();
            if let Ok(schema) = SettingsSchema::new(&schema) {
                let settings = nested(depth);
                schema.flaws(settings.as_object().unwrap());
                let list = json!({ "a": vec![nested(depth / 4); 20] });
                schema.flaws(list.as_object().unwrap());
            }
            prop_assert!(begun.elapsed() < BOUNDED, "{schema}");
        }
    }
}
