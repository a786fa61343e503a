//! Hides the data of Secrets in what is printed: output ends up in the logs of pipelines.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use capstan_core::{
    kubernetes::secret::{LAST_APPLIED, VALUE_FIELDS, is_secret_kind},
    model::object::Object,
    plan::Plan,
};
use serde_json::{Map, Value, json};

/// The replacement for a value.
const PLACEHOLDER: &str = "(hidden)";

/// Returns a plan as JSON, without the data of Secrets and without digests of it.
///
/// # Errors
///
/// Returns why it can't be written as JSON.
pub fn plan_json(plan: &Plan) -> serde_json::Result<Value> {
    let mut value = serde_json::to_value(plan)?;
    for task in value
        .get_mut("tasks")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if let Some(hook) = task.pointer_mut("/action/Hook").and_then(Value::as_object_mut) {
            hook.remove("inputs");
        }
        let text = |pointer: &str| task.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        if is_secret_kind(text("/key/group"), text("/key/kind")) {
            let changes = task
                .pointer_mut("/action/Apply/changes/Fields")
                .and_then(Value::as_array_mut);
            for change in changes.into_iter().flatten() {
                for side in ["from", "to"] {
                    if let Some(value) = change.get_mut(side) {
                        *value = json!(PLACEHOLDER);
                    }
                }
            }
        }
    }
    mask_secrets(&mut value);
    Ok(value)
}

/// Returns an object before and after a change without the data of Secrets. Changed values still differ.
pub fn mask_pair(before: Option<&Object>, after: Option<&Object>) -> (Option<Object>, Option<Object>) {
    let hidden = |own: Option<&Object>, other: Option<&Object>, word: &str| {
        own.map(|own| {
            let mut value = own.0.clone();
            if is_secret(&value) {
                mask_secret(&mut value, |field, name, value| {
                    let other = other.and_then(|other| other.0.get(field)?.get(name));
                    if other == Some(value) {
                        json!(PLACEHOLDER)
                    } else {
                        json!(format!("(hidden, {word})"))
                    }
                });
            } else {
                mask_secrets(&mut value);
            }
            Object(value)
        })
    };
    (hidden(before, after, "before"), hidden(after, before, "after"))
}

/// Hides the data of all Secrets in a document, also within lists.
pub fn mask_secrets(document: &mut Value) {
    match document {
        Value::Array(items) => items.iter_mut().for_each(mask_secrets),
        Value::Object(_) if is_secret(document) => mask_secret(document, |_, _, _| json!(PLACEHOLDER)),
        Value::Object(members) => {
            // The items of a typed list don't have a kind.
            let is_list = members.get("kind").and_then(Value::as_str) == Some("SecretList");
            for (name, value) in members.iter_mut() {
                match value {
                    Value::Array(items) if is_list && name == "items" => {
                        for item in items {
                            mask_secret(item, |_, _, _| json!(PLACEHOLDER));
                        }
                    }
                    other => mask_secrets(other),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_secret(value: &Value) -> bool {
    let text = |field: &str| value.get(field).and_then(Value::as_str);
    text("kind") == Some("Secret") && text("apiVersion") == Some("v1")
}

/// Hides the values of a Secret; `word` returns the replacement for a value, by its field and name.
fn mask_secret(secret: &mut Value, word: impl Fn(&str, &str, &Value) -> Value) {
    let copies = encoded_values(secret);
    for field in VALUE_FIELDS {
        match secret.get_mut(field) {
            Some(Value::Object(members)) => {
                for (name, value) in members.iter_mut() {
                    *value = word(field, name, value);
                }
            }
            Some(Value::Null) | None => {}
            Some(other) => *other = json!(PLACEHOLDER),
        }
    }
    let annotations = secret
        .pointer_mut("/metadata/annotations")
        .and_then(Value::as_object_mut);
    if let Some(annotations) = annotations {
        annotations.remove(LAST_APPLIED);
        for text in annotations.values_mut() {
            let is_copy = |text: &str| copies.iter().any(|copy| text.contains(copy.as_str()));
            if text.as_str().is_some_and(is_copy) {
                *text = json!(PLACEHOLDER);
            }
        }
    }
}

/// Lists the values of a Secret as an annotation may contain them: as they are and in base64.
fn encoded_values(secret: &Value) -> Vec<String> {
    let members = |field: &str| secret.get(field).and_then(Value::as_object);
    let texts = |members: Option<&Map<String, Value>>| {
        let values = members.into_iter().flat_map(Map::values);
        values
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect::<Vec<String>>()
    };
    let encoded = texts(members("data"));
    let plain = texts(members("stringData"));
    let decoded = encoded.iter().filter_map(|value| {
        let bytes = BASE64_STANDARD.decode(value).ok()?;
        String::from_utf8(bytes).ok()
    });
    let mut all: Vec<String> = decoded.collect();
    all.extend(plain.iter().map(|value| BASE64_STANDARD.encode(value)));
    all.extend(encoded);
    all.extend(plain);
    all.retain(|copy| !copy.is_empty());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(data: Value) -> Value {
        let mut secret = json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": { "name": "s", "annotations": {
                LAST_APPLIED: "{\"stringData\":{\"p\":\"hunter2\"}}",
                "checksum": "of hunter2", "encoded": "x=aHVudGVyMg==", "note": "kept",
            } },
        });
        for (field, value) in data.as_object().expect("a mapping") {
            secret[field] = value.clone();
        }
        secret
    }

    fn assert_hidden(value: &Value) {
        let text = value.to_string();
        for word in ["hunter2", "aHVudGVyMg=="] {
            assert!(!text.contains(word), "{text}");
        }
    }

    #[test]
    fn no_document_shows_the_data_of_a_secret() {
        let (plain, encoded) = (json!({ "p": "hunter2" }), json!({ "p": "aHVudGVyMg==" }));
        let item = json!({ "metadata": { "name": "a", "annotations": { LAST_APPLIED: "hunter2" } }, "data": encoded });
        for document in [
            secret(json!({ "stringData": plain })),
            secret(json!({ "data": encoded })),
            secret(json!({ "data": ["hunter2"], "stringData": { "p": "hunter2" } })),
            json!({ "apiVersion": "v1", "kind": "SecretList", "items": [item] }),
            json!({ "apiVersion": "v1", "kind": "List", "items": [secret(json!({ "data": encoded }))] }),
            json!([{ "object": secret(json!({ "data": encoded })) }]),
        ] {
            let mut hidden = document.clone();
            mask_secrets(&mut hidden);
            assert_hidden(&hidden);
            assert_eq!(
                hidden.to_string().contains("kept"),
                document.to_string().contains("kept")
            );
        }
    }

    #[test]
    fn what_is_no_secret_is_shown() {
        for document in [
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "data": { "p": "hunter2" } }),
            json!({ "apiVersion": "acme.io/v1", "kind": "Secret", "data": { "p": "hunter2" } }),
            json!({ "group": "", "kind": "Secret", "name": "s", "namespace": "shop" }),
        ] {
            let mut hidden = document.clone();
            mask_secrets(&mut hidden);
            assert_eq!(hidden, document);
        }
    }

    #[test]
    fn a_difference_is_seen_and_its_values_are_not() {
        let object = |value: &str| Object(secret(json!({ "stringData": { "p": value, "q": "same" } })));
        let (before, after) = mask_pair(Some(&object("hunter2")), Some(&object("hunter3")));
        let (before, after) = (before.expect("an object").0, after.expect("an object").0);
        assert_eq!(
            before["stringData"],
            json!({ "p": "(hidden, before)", "q": PLACEHOLDER })
        );
        assert_eq!(after["stringData"], json!({ "p": "(hidden, after)", "q": PLACEHOLDER }));
        assert_hidden(&before);
    }
}
