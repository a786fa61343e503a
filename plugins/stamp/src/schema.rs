//! Whether a JSON schema of settings can mean anything: keywords with values of the right form, in every place. What a keyword that
//! isn't known says is left alone, as JSON Schema wants it.

use serde_json::Value;

use crate::{check::Flaw, cost};

/// What `type` may say.
const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

/// What the value of a keyword is.
enum Form {
    Schema,
    Schemas,
    NamedSchemas,
    SchemaOrSchemas,
    Types,
    Names,
    List,
    Number,
    Count,
    Text,
    Bool,
}

fn form(keyword: &str) -> Option<Form> {
    Some(match keyword {
        "additionalItems"
        | "additionalProperties"
        | "contains"
        | "else"
        | "if"
        | "not"
        | "propertyNames"
        | "then"
        | "unevaluatedItems"
        | "unevaluatedProperties" => Form::Schema,
        "allOf" | "anyOf" | "oneOf" | "prefixItems" => Form::Schemas,
        "$defs" | "definitions" | "dependentSchemas" | "patternProperties" | "properties" => Form::NamedSchemas,
        "items" => Form::SchemaOrSchemas,
        "type" => Form::Types,
        "required" => Form::Names,
        "enum" | "examples" => Form::List,
        "exclusiveMaximum" | "exclusiveMinimum" | "maximum" | "minimum" | "multipleOf" => Form::Number,
        "maxContains" | "maxItems" | "maxLength" | "maxProperties" | "minContains" | "minItems" | "minLength"
        | "minProperties" => Form::Count,
        "$comment" | "$id" | "$ref" | "$schema" | "description" | "format" | "pattern" | "title" => Form::Text,
        "deprecated" | "readOnly" | "uniqueItems" | "writeOnly" => Form::Bool,
        _ => return None,
    })
}

/// Finds what is wrong with a schema of settings, which are a mapping.
pub(crate) fn flaws(schema: &Value) -> Vec<Flaw> {
    let mut found = Vec::new();
    if !schema.is_object() {
        flaw(&mut found, "settings", "must be a JSON schema");
        return found;
    }
    look(schema, "settings", &mut found);
    let allows = |word: &Value| word == "object";
    let is_mapping = match schema.get("type") {
        Some(Value::Array(words)) => words.iter().any(allows),
        Some(word) => allows(word) || !word.is_string(),
        None => true,
    };
    if !is_mapping {
        flaw(&mut found, "settings.type", "settings are a mapping: write \"object\"");
    }
    // Of a schema that means nothing, nothing can be counted.
    if found.is_empty() {
        found.extend(cost::settings_cost(schema).err());
    }
    found
}

fn flaw(found: &mut Vec<Flaw>, place: &str, message: impl Into<String>) {
    found.push(Flaw {
        place: place.to_owned(),
        message: message.into(),
    });
}

fn look(schema: &Value, place: &str, found: &mut Vec<Flaw>) {
    let keywords = match schema {
        Value::Object(keywords) => keywords,
        Value::Bool(_) => return,
        Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return flaw(found, place, "is not a schema: a mapping, true or false");
        }
    };
    for (keyword, value) in keywords {
        let place = format!("{place}.{keyword}");
        let Some(form) = form(keyword) else { continue };
        let expected = match form {
            Form::Schema => {
                look(value, &place, found);
                continue;
            }
            Form::SchemaOrSchemas if !value.is_array() => {
                look(value, &place, found);
                continue;
            }
            Form::Schemas | Form::SchemaOrSchemas => match value.as_array() {
                Some(schemas) if !schemas.is_empty() => {
                    for (n, schema) in schemas.iter().enumerate() {
                        look(schema, &format!("{place}[{n}]"), found);
                    }
                    continue;
                }
                Some(_) | None => "a list of schemas with at least one",
            },
            Form::NamedSchemas => match value.as_object() {
                Some(schemas) => {
                    for (name, schema) in schemas {
                        look(schema, &format!("{place}.{name}"), found);
                    }
                    continue;
                }
                None => "a mapping of names to schemas",
            },
            Form::Types => {
                types(value, &place, found);
                continue;
            }
            Form::Names if value.as_array().is_some_and(|names| names.iter().all(Value::is_string)) => continue,
            Form::Names => "a list of names",
            Form::List if value.is_array() => continue,
            Form::List => "a list",
            Form::Number if value.is_number() => continue,
            Form::Number => "a number",
            Form::Count if value.is_u64() => continue,
            Form::Count => "a whole number",
            Form::Text if value.is_string() => continue,
            Form::Text => "a text",
            Form::Bool if value.is_boolean() => continue,
            Form::Bool => "true or false",
        };
        flaw(found, &place, format!("must be {expected}"));
    }
}

fn types(value: &Value, place: &str, found: &mut Vec<Flaw>) {
    let words = match value {
        Value::Array(words) => words.iter().collect(),
        other => vec![other],
    };
    for word in words {
        if !word.as_str().is_some_and(|word| TYPES.contains(&word)) {
            let message = format!("{word} is not a type; known are: {}", TYPES.join(", "));
            flaw(found, place, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(schema: &Value) -> Vec<String> {
        let flaws = flaws(schema).into_iter();
        flaws.map(|flaw| format!("{}: {}", flaw.place, flaw.message)).collect()
    }

    #[test]
    fn a_schema_that_means_something_has_no_flaw() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "required": ["url"],
            "properties": {
                "url": {"type": "string", "pattern": "^https://", "minLength": 9},
                "tries": {"type": ["integer", "null"], "minimum": 1, "default": 3},
                "expect": {"oneOf": [{"enum": [200, "2xx"]}, {"items": {"$ref": "#/$defs/code"}}]},
                "anything": true
            },
            "$defs": {"code": {"type": "integer", "maximum": 599.5}},
            "additionalProperties": false,
            "x-of-ours": {"type": 7}
        });
        assert_eq!(found(&schema), [""; 0]);
        assert_eq!(found(&json!({})), [""; 0]);
    }

    #[test]
    fn every_flaw_has_its_place() {
        let schema = json!({
            "type": "array",
            "required": "url",
            "properties": {
                "url": {"type": "text"},
                "tries": 3,
                "deep": {"items": [], "not": {"minLength": -1, "uniqueItems": 1}}
            },
            "anyOf": [{"pattern": 5}, null]
        });
        let mut lines = found(&schema);
        lines.sort();
        assert_eq!(
            lines,
            [
                "settings.anyOf[0].pattern: must be a text",
                "settings.anyOf[1]: is not a schema: a mapping, true or false",
                "settings.properties.deep.items: must be a list of schemas with at least one",
                "settings.properties.deep.not.minLength: must be a whole number",
                "settings.properties.deep.not.uniqueItems: must be true or false",
                "settings.properties.tries: is not a schema: a mapping, true or false",
                "settings.properties.url.type: \"text\" is not a type; known are: array, boolean, integer, null, number, object, string",
                "settings.required: must be a list of names",
                "settings.type: settings are a mapping: write \"object\"",
            ]
        );
        assert_eq!(found(&json!([])), ["settings: must be a JSON schema"]);
    }
}
