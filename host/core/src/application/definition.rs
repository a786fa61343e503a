//! The `CustomResourceDefinition` of Application, generated from its types. `host/application-crd.yaml` is this definition as YAML.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{ApplicationSpec, ApplicationStatus, GROUP, KIND, PLURAL, VERSION, rules::NAME_RULE};

/// An application, which the controller keeps in the cluster as its origin declares it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-validations" = [{ "rule": NAME_RULE.0, "message": NAME_RULE.1 }]))]
struct Root {
    /// What is wanted of the application.
    spec: ApplicationSpec,
    /// What is reported about the application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<ApplicationStatus>,
}

/// Returns the definition as an object for the API server.
pub fn definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("{PLURAL}.{GROUP}") },
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": KIND,
                "listKind": format!("{KIND}List"),
                "plural": PLURAL,
                "singular": "application",
                "shortNames": ["capp", "capps"],
                "categories": ["capstan"],
            },
            "versions": [{
                "name": VERSION,
                "served": true,
                "storage": true,
                "subresources": { "status": {} },
                "additionalPrinterColumns": columns(),
                "schema": { "openAPIV3Schema": schema() },
            }],
        },
    })
}

fn columns() -> Value {
    let ready = |field: &str| format!(".status.conditions[?(@.type==\"Ready\")].{field}");
    json!([
        { "name": "Ready", "type": "string", "jsonPath": ready("status") },
        { "name": "Health", "type": "string", "jsonPath": ".status.health" },
        { "name": "Revision", "type": "string", "jsonPath": ".status.deployed.revision" },
        { "name": "Operation", "type": "string", "jsonPath": ".status.operation.status" },
        { "name": "Phase", "type": "string", "jsonPath": ".status.operation.phase" },
        { "name": "Wave", "type": "integer", "jsonPath": ".status.operation.wave" },
        { "name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp" },
        { "name": "Message", "type": "string", "priority": 1, "jsonPath": ready("message") },
    ])
}

/// Returns the schema of an Application, in the structural form that Kubernetes requires.
pub fn schema() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<Root>().to_value();
    make_structural(&mut schema);
    schema
}

/// Rewrites a JSON schema in place to a structural schema: no `null`, no `oneOf` for the values of an enum, and only the formats of
/// Kubernetes.
fn make_structural(schema: &mut Value) {
    let Value::Object(members) = schema else { return };
    members.remove("title");
    members.remove("$schema");
    unwrap_option(members);
    merge_enum(members);
    if let Some(Value::Array(types)) = members.get("type") {
        let named = types.iter().find(|one| *one != "null").cloned();
        members.insert("type".to_owned(), named.unwrap_or(Value::Null));
    }
    if let Some(Value::Array(values)) = members.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    let is_foreign = |format: &str| !matches!(format, "int32" | "int64" | "date-time");
    if members.get("format").and_then(Value::as_str).is_some_and(is_foreign) {
        members.remove("format");
    }
    // A default of the type `null` is the absence of the field.
    if members.get("default").is_some_and(Value::is_null) {
        members.remove("default");
    }
    if let Some(Value::String(text)) = members.get_mut("description") {
        // A line break in a doc comment is none in the text.
        *text = text.split('\n').map(str::trim).collect::<Vec<_>>().join(" ");
    }
    if let Some(Value::Object(properties)) = members.get_mut("properties") {
        properties.values_mut().for_each(make_structural);
    }
    for inner in ["items", "additionalProperties"] {
        if let Some(inner) = members.get_mut(inner) {
            make_structural(inner);
        }
    }
}

/// Replaces `anyOf: [X, null]`, which an `Option` is, by X. The description of the field wins over that of its type.
fn unwrap_option(members: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = members.remove("anyOf") else {
        return;
    };
    let is_null = |choice: &Value| choice.get("type").is_some_and(|kind| kind == "null");
    for choice in choices.into_iter().filter(|choice| !is_null(choice)) {
        let Value::Object(inner) = choice else { continue };
        for (name, value) in inner {
            members.entry(name).or_insert(value);
        }
    }
}

/// Replaces the `oneOf` of an enum whose values have descriptions by an `enum`, and adds the descriptions to that of the field.
fn merge_enum(members: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = members.remove("oneOf") else {
        return;
    };
    let mut values = Vec::new();
    let mut texts: Vec<String> = members
        .get("description")
        .and_then(Value::as_str)
        .map(str::to_owned)
        .into_iter()
        .collect();
    for choice in &choices {
        let constant = choice.get("const").into_iter();
        let listed = choice.get("enum").and_then(Value::as_array).into_iter().flatten();
        for value in constant.chain(listed) {
            if let (Some(value), Some(text)) = (value.as_str(), choice.get("description").and_then(Value::as_str)) {
                texts.push(format!("{value}: {text}"));
            }
            values.push(value.clone());
        }
    }
    members.insert("type".to_owned(), json!("string"));
    members.insert("enum".to_owned(), Value::Array(values));
    members.insert("description".to_owned(), json!(texts.join(" ")));
}

/// Returns the definition as YAML, for `host/application-crd.yaml` and for users.
pub fn yaml() -> String {
    let text = serde_yaml::to_string(&definition()).unwrap_or_default();
    format!("# Generated from the types in host/core/src/application.\n{text}")
}
