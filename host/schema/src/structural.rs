//! Objects of custom kinds and the structural schemas of their definitions.

use std::{cell::RefCell, collections::BTreeMap};

use regex::bytes::{Regex, RegexBuilder};
use serde_json::{Map, Value};

use crate::{
    check,
    problem::{Counted, Fault, Location, Problem, Rule, describe_type},
    stored,
};

const PRESERVE_UNKNOWN_FIELDS: &str = "x-kubernetes-preserve-unknown-fields";
const INT_OR_STRING: &str = "x-kubernetes-int-or-string";
const EMBEDDED_RESOURCE: &str = "x-kubernetes-embedded-resource";

/// The maximum size of a compiled pattern in bytes.
const MAX_PATTERN_BYTES: usize = 1 << 20;

/// Returns the schema of a version of a `CustomResourceDefinition`.
pub fn schema_of<'a>(definition: &'a Value, version: &str) -> Option<&'a Value> {
    let versions = definition.pointer("/spec/versions")?.as_array()?;
    let found = versions
        .iter()
        .find(|one| one.get("name").is_some_and(|name| name == version))?;
    found
        .pointer("/schema/openAPIV3Schema")
        .filter(|schema| schema.is_object())
}

/// Checks objects of custom kinds, and caches the compiled patterns of their schemas.
#[derive(Debug, Default)]
pub struct Checker {
    patterns: RefCell<BTreeMap<String, Option<Regex>>>,
}

impl Checker {
    /// Checks an object. The status isn't checked.
    pub fn check(&self, schema: &Value, object: &Value) -> Vec<Problem> {
        let mut found = Vec::new();
        let Value::Object(members) = object else { return found };
        self.members(schema, members, true, &Location::ROOT, &mut found);
        found
    }

    fn members(
        &self,
        schema: &Value,
        members: &Map<String, Value>,
        is_object: bool,
        way: &Location<'_>,
        found: &mut Vec<Problem>,
    ) {
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, value) in members {
            let is_root = way.depth == 0;
            if is_object && name == "metadata" {
                check::check_metadata(value, &way.field(name), found);
            }
            let is_own = is_object && matches!(name.as_str(), "apiVersion" | "kind" | "metadata");
            if is_own || value.is_null() || (is_root && name == "status") {
                continue;
            }
            if let Some(inner) = properties.and_then(|properties| properties.get(name)) {
                self.value(inner, value, &way.field(name), found);
            } else if let Some(inner) = schema.get("additionalProperties").filter(|inner| inner.is_object()) {
                self.value(inner, value, &way.key(name), found);
            } else if !preserves_unknown_fields(schema) {
                let known = properties.into_iter().flat_map(Map::keys).cloned().collect();
                way.field(name).add_problem(Fault::Unknown { known }, found);
            }
        }
        for name in string_list(schema, "required") {
            let is_there = members.get(name).is_some_and(|value| !value.is_null());
            let has_default = properties
                .and_then(|properties| properties.get(name))
                .is_some_and(|inner| inner.get("default").is_some());
            let is_status = way.depth == 0 && name == "status";
            if !is_there && !has_default && !is_status {
                way.field(name).add_problem(Fault::Missing, found);
            }
        }
        check_length(schema, Counted::Entries, members.len(), way, found);
    }

    fn value(&self, schema: &Value, value: &Value, way: &Location<'_>, found: &mut Vec<Problem>) {
        let kind = schema.get("type").and_then(Value::as_str).unwrap_or_default();
        let is_either = schema.get(INT_OR_STRING) == Some(&Value::Bool(true));
        let number = match value {
            Value::Number(number) => stored::as_integer(number),
            _ => None,
        };
        let (fits, expected, go) = match kind {
            _ if is_either => (
                value.is_string() || number.is_some(),
                "a whole number or a text",
                "integer,string",
            ),
            "string" => (value.is_string(), "a text", "string"),
            "integer" => (number.is_some(), "a whole number", "integer"),
            "number" => (value.is_number(), "a number", "number"),
            "boolean" => (value.is_boolean(), "`true` or `false`", "boolean"),
            "array" => (value.is_array(), "a list", "array"),
            "object" => (value.is_object(), "a mapping", "object"),
            _ => (true, "", ""),
        };
        if !fits {
            let wrong = Fault::WrongType {
                expected,
                found: describe_type(value),
                go_type: go,
                within: "",
            };
            way.add_problem(wrong, found);
            return;
        }
        if let Some(allowed) = schema.get("enum").and_then(Value::as_array)
            && !allowed.is_empty()
            && !allowed.contains(value)
        {
            let written = |one: &Value| one.as_str().map_or_else(|| one.to_string(), str::to_owned);
            let allowed = allowed.iter().map(written).collect();
            way.add_problem(Fault::NotAllowed { allowed }, found);
        }
        match value {
            Value::String(text) => self.text(schema, text, way, found),
            Value::Number(number) => {
                let number = number.as_f64().unwrap_or_default();
                check_number(schema, number, way, found);
            }
            Value::Array(items) => self.items(schema, items, way, found),
            Value::Object(members) => {
                let is_object = schema.get(EMBEDDED_RESOURCE) == Some(&Value::Bool(true));
                self.members(schema, members, is_object, way, found);
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn text(&self, schema: &Value, text: &str, way: &Location<'_>, found: &mut Vec<Problem>) {
        let letters = text.chars().count();
        check_length(schema, Counted::Characters, letters, way, found);
        let Some(pattern) = schema.get("pattern").and_then(Value::as_str) else {
            return;
        };
        let mut patterns = self.patterns.borrow_mut();
        let compiled = patterns.entry(pattern.to_owned()).or_insert_with(|| {
            // As in Go, `\d` is ASCII. A pattern that can't be compiled isn't checked.
            let mut builder = RegexBuilder::new(pattern);
            builder.unicode(false).size_limit(MAX_PATTERN_BYTES).build().ok()
        });
        if compiled.as_ref().is_some_and(|known| !known.is_match(text.as_bytes())) {
            way.add_problem(Fault::Rule(Rule::Pattern(pattern.to_owned())), found);
        }
    }

    fn items(&self, schema: &Value, items: &[Value], way: &Location<'_>, found: &mut Vec<Problem>) {
        check_length(schema, Counted::Items, items.len(), way, found);
        if let Some(inner) = schema.get("items").filter(|inner| inner.is_object()) {
            for (index, item) in items.iter().enumerate().filter(|(_, item)| !item.is_null()) {
                self.value(inner, item, &way.item(index), found);
            }
        }
        let list = schema.get("x-kubernetes-list-type").and_then(Value::as_str);
        let is_set = list == Some("set") || schema.get("uniqueItems") == Some(&Value::Bool(true));
        let mut seen = BTreeMap::new();
        for (index, item) in items.iter().enumerate() {
            let keys = if list == Some("map") {
                let keys = string_list(schema, "x-kubernetes-list-map-keys");
                let keys = keys.filter_map(|key| Some(format!("{key}={}", item.get(key)?)));
                keys.collect::<Vec<_>>().join(",")
            } else if is_set {
                item.to_string()
            } else {
                return;
            };
            match seen.get(&keys) {
                Some(&first) => way.item(index).add_problem(Fault::Duplicate { keys, first }, found),
                None => _ = seen.insert(keys, index),
            }
        }
    }
}

/// Judges how many characters, items or entries a value has.
fn check_length(schema: &Value, of: Counted, is: usize, way: &Location<'_>, found: &mut Vec<Problem>) {
    let (least, most) = match of {
        Counted::Characters => ("minLength", "maxLength"),
        Counted::Items => ("minItems", "maxItems"),
        Counted::Entries => ("minProperties", "maxProperties"),
    };
    let limit = |name: &str| usize::try_from(schema.get(name)?.as_u64()?).ok();
    let rule = match (limit(least), limit(most)) {
        (Some(least), _) if is < least => Rule::TooFew { of, found: is, least },
        (_, Some(most)) if is > most => Rule::TooMany { of, found: is, most },
        _ => return,
    };
    way.add_problem(Fault::Rule(rule), found);
}

/// How far a quotient may be from a whole number, as the API server has it (`k8s.io/kube-openapi/pkg/validation`).
const NEARLY_WHOLE: f64 = 1e-9;

fn check_number(schema: &Value, number: f64, way: &Location<'_>, found: &mut Vec<Problem>) {
    let limit = |name: &str| schema.get(name).and_then(Value::as_f64);
    let is_exclusive = |name: &str| schema.get(name) == Some(&Value::Bool(true));
    let mut rules = Vec::new();
    if let Some(most) = limit("maximum") {
        let is_exclusive = is_exclusive("exclusiveMaximum");
        if number > most || (is_exclusive && number >= most) {
            rules.push(Rule::Maximum { most, is_exclusive });
        }
    }
    if let Some(least) = limit("minimum") {
        let is_exclusive = is_exclusive("exclusiveMinimum");
        if number < least || (is_exclusive && number <= least) {
            rules.push(Rule::Minimum { least, is_exclusive });
        }
    }
    if let Some(factor) = limit("multipleOf").filter(|factor| *factor > 0.0) {
        let quotient = number / factor;
        if (quotient - quotient.round()).abs() > NEARLY_WHOLE * quotient.abs().max(1.0) {
            rules.push(Rule::MultipleOf(factor));
        }
    }
    let is_int32 = schema.get("format").is_some_and(|format| format == "int32");
    if is_int32 && (number > f64::from(i32::MAX) || number < f64::from(i32::MIN)) {
        rules.push(Rule::Int32);
    }
    for rule in rules {
        way.add_problem(Fault::Rule(rule), found);
    }
}

fn string_list<'a>(schema: &'a Value, name: &str) -> impl Iterator<Item = &'a str> {
    let list = schema.get(name).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str)
}

fn preserves_unknown_fields(schema: &Value) -> bool {
    schema.get(PRESERVE_UNKNOWN_FIELDS) == Some(&Value::Bool(true))
        || schema.get("additionalProperties") == Some(&Value::Bool(true))
}

/// Completes an object as the API server does: drops unknown fields and sets defaults.
pub fn complete(schema: &Value, object: &mut Value) {
    complete_value(schema, object, true);
}

fn complete_value(schema: &Value, value: &mut Value, is_object: bool) {
    match value {
        Value::Object(members) => {
            let properties = schema.get("properties").and_then(Value::as_object);
            let others = schema.get("additionalProperties").filter(|others| others.is_object());
            let takes_unknown = preserves_unknown_fields(schema) || others.is_some();
            members.retain(|name, _| {
                takes_unknown
                    || properties.is_some_and(|properties| properties.contains_key(name))
                    || (is_object && matches!(name.as_str(), "apiVersion" | "kind" | "metadata"))
            });
            for (name, inner) in properties.into_iter().flatten() {
                let is_nullable = inner.get("nullable") == Some(&Value::Bool(true));
                if let Some(default) = inner.get("default") {
                    let slot = members.entry(name.as_str()).or_insert_with(|| default.clone());
                    if slot.is_null() && !is_nullable {
                        *slot = default.clone();
                    }
                }
                if let Some(value) = members.get_mut(name)
                    && !(is_object && name == "metadata")
                {
                    complete_value(inner, value, inner.get(EMBEDDED_RESOURCE) == Some(&Value::Bool(true)));
                }
            }
            if let Some(others) = others {
                let own = |name: &String| properties.is_some_and(|properties| properties.contains_key(name));
                for (_, value) in members.iter_mut().filter(|(name, _)| !own(name)) {
                    complete_value(others, value, others.get(EMBEDDED_RESOURCE) == Some(&Value::Bool(true)));
                }
            }
        }
        Value::Array(items) => {
            if let Some(inner) = schema.get("items").filter(|inner| inner.is_object()) {
                for item in items {
                    complete_value(inner, item, inner.get(EMBEDDED_RESOURCE) == Some(&Value::Bool(true)));
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
