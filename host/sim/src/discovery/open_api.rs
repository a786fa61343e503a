//! `OpenAPI`: documents of version 3 with the fields of every kind, which `kubectl explain` reads, and an empty document of version 2.
//!
//! The table of built-in kinds has no descriptions, so the documents have none; those of definitions are served.

use std::collections::{BTreeMap, BTreeSet};

use capstan_schema::table::{Field, Merging, Shape, Type};
use serde_json::{Map, Value, json};

use super::{DiscoveryAnswer, groups, served_resources};
use crate::{kinds::Version, status::StatusError, store::Store};

/// How `kubectl` requests the document of version 2 (`openAPIV2mimePb` of `k8s.io/client-go/discovery`).
const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
/// The content type of the answer: a media type can't contain an `@` (`k8s.io/kube-openapi/pkg/handler`).
const PROTOBUF_ANSWER: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
const VERSION: &str = "v1.36.0-capstan-sim";
const OBJECT_META: &str = "meta/v1.ObjectMeta";
const NO_DESCRIPTION: &str = "The embedded cluster knows the fields of this kind, not their descriptions.";

/// Answers a request below `/openapi`.
pub(super) fn answer(store: &Store, path: &str, accept: &str) -> Result<DiscoveryAnswer, StatusError> {
    let all = groups(store);
    let mut versions = all
        .iter()
        .flat_map(|(group, versions)| versions.iter().map(move |version| (*group, *version)));
    match path {
        "v2" if accept.contains(PROTOBUF) => Ok(DiscoveryAnswer {
            body: version_2(),
            content_type: PROTOBUF_ANSWER,
        }),
        "v2" => Ok(DiscoveryAnswer::json(&json!({
            "swagger": "2.0", "info": { "title": "Kubernetes", "version": VERSION }, "paths": {}, "definitions": {},
        }))),
        "v3" => {
            let paths: BTreeMap<String, Value> = versions
                .map(|(group, version)| {
                    let place = document_path(group, version);
                    // A client that has a document with this hash doesn't request it again.
                    let is_custom = served_resources(store, group, version).any(|(resource, _)| resource.is_custom);
                    let hash = if is_custom { store.revision() } else { 0 };
                    let url = format!("/openapi/v3/{place}?hash={}-{hash}", env!("CARGO_PKG_VERSION"));
                    (place, json!({ "serverRelativeURL": url }))
                })
                .collect();
            Ok(DiscoveryAnswer::json(&json!({ "paths": paths })))
        }
        path => {
            let requested = path.strip_prefix("v3/").unwrap_or_default();
            let (group, version) = versions
                .find(|(group, version)| document_path(group, version) == requested)
                .ok_or_else(StatusError::no_such_path)?;
            Ok(DiscoveryAnswer::json(&document(store, group, version, requested)))
        }
    }
}

fn document_path(group: &str, version: &str) -> String {
    if group.is_empty() {
        format!("api/{version}")
    } else {
        format!("apis/{group}/{version}")
    }
}

/// An empty document as protobuf. `kubectl` reads it when it validates a kind that the server doesn't have.
fn version_2() -> Vec<u8> {
    // Fields of `openapi.v2.Document` and `openapi.v2.Info` in `github.com/google/gnostic-models/openapiv2/OpenAPIv2.proto`.
    let text = |number: u8, text: &[u8]| {
        let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
        let mut field = vec![(number << 3) | 2, length];
        field.extend_from_slice(text);
        field
    };
    let info = [text(1, b"Kubernetes"), text(2, VERSION.as_bytes())].concat();
    [text(1, b"2.0"), text(2, &info), text(8, b"")].concat()
}

fn document(store: &Store, group: &str, version: &str, place: &str) -> Value {
    let parameter =
        |name: &str| json!({ "name": name, "in": "query", "schema": { "type": "string", "uniqueItems": true } });
    let mut paths = BTreeMap::new();
    let mut schemas = Schemas::default();
    for (resource, version) in served_resources(store, group, version) {
        let kind = json!({ "group": resource.group, "version": version.name, "kind": resource.kind });
        let namespaces = if resource.namespaced {
            "namespaces/{namespace}/"
        } else {
            ""
        };
        let parameters = ["dryRun", "fieldManager", "fieldValidation", "force"].map(parameter);
        let operation = json!({
            "parameters": parameters, "responses": { "200": { "description": "OK" } },
            "x-kubernetes-action": "patch", "x-kubernetes-group-version-kind": kind,
        });
        paths.insert(
            format!("/{place}/{namespaces}{}/{{name}}", resource.plural),
            json!({ "patch": operation }),
        );
        let built_in = capstan_schema::kind(&resource.api_version(&version.name), &resource.kind);
        let (name, mut schema) = match built_in {
            Some(kind) if !resource.is_custom => (component_name(kind.of().name), schemas.kind(kind.of())),
            _ => (
                format!("{}.{}.{}", resource.group, version.name, resource.kind),
                schemas.custom(version),
            ),
        };
        schema["x-kubernetes-group-version-kind"] = json!([kind]);
        schemas.done.insert(name, schema);
    }
    json!({
        "openapi": "3.0.0", "info": { "title": "Kubernetes", "version": VERSION }, "paths": paths,
        "components": { "schemas": schemas.complete() },
    })
}

/// The schemas of a document, and the types that they refer to and that aren't written yet.
#[derive(Debug, Default)]
struct Schemas {
    done: BTreeMap<String, Value>,
    named: BTreeSet<&'static str>,
}

impl Schemas {
    fn kind(&mut self, of: &'static Type) -> Value {
        let mut schema = self.structure(of);
        schema["description"] = json!(NO_DESCRIPTION);
        schema
    }

    fn custom(&mut self, version: &Version) -> Value {
        let unknown = || json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
        let schema = version.schema.as_deref();
        let mut schema = schema
            .filter(|schema| schema.is_object())
            .cloned()
            .unwrap_or_else(unknown);
        if !schema["properties"].is_object() {
            schema["properties"] = json!({});
        }
        for field in ["apiVersion", "kind"] {
            schema["properties"][field] = json!({ "type": "string" });
        }
        schema["properties"]["metadata"] = self.reference(OBJECT_META);
        schema
    }

    /// Adds the types that the schemas refer to, and those that these refer to.
    fn complete(mut self) -> BTreeMap<String, Value> {
        while let Some(name) = self.named.pop_first() {
            let key = component_name(name);
            if self.done.contains_key(&key) {
                continue;
            }
            if let Some(of) = capstan_schema::table::type_named(name) {
                // A type that refers to itself is added before it is written.
                self.done.insert(key.clone(), Value::Null);
                let schema = self.structure(of);
                self.done.insert(key, schema);
            }
        }
        self.done
    }

    fn structure(&mut self, of: &'static Type) -> Value {
        let properties: Map<String, Value> = of
            .names()
            .map(|(name, field)| (name.to_owned(), self.field(field)))
            .collect();
        let mut schema = json!({ "type": "object", "properties": properties });
        let required: Vec<&str> = of.required().map(|(name, _)| name).collect();
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        if of.is_atomic {
            schema["x-kubernetes-map-type"] = json!("atomic");
        }
        schema
    }

    fn field(&mut self, field: &'static Field) -> Value {
        let mut schema = self.shape(&field.shape);
        if !field.allowed.is_empty() {
            schema["enum"] = json!(field.allowed);
        }
        if let Some(default) = &field.default {
            schema["default"] = default.clone();
        }
        let is_list = matches!(field.shape, Shape::List(_) | Shape::MessageList(_));
        match &field.merging {
            Merging::Plain => {}
            Merging::Atomic if is_list => schema["x-kubernetes-list-type"] = json!("atomic"),
            Merging::Atomic => schema["x-kubernetes-map-type"] = json!("atomic"),
            Merging::Set => schema["x-kubernetes-list-type"] = json!("set"),
            Merging::Map(keys) => {
                schema["x-kubernetes-list-type"] = json!("map");
                schema["x-kubernetes-list-map-keys"] = json!(keys);
            }
        }
        if let Some(key) = field.patch_key {
            schema["x-kubernetes-patch-merge-key"] = json!(key);
            schema["x-kubernetes-patch-strategy"] = json!("merge");
        }
        schema
    }

    fn shape(&mut self, shape: &'static Shape) -> Value {
        match shape {
            Shape::Text => json!({ "type": "string" }),
            Shape::Integer(bits) | Shape::Unsigned(bits) => {
                let format = if *bits > 32 { "int64" } else { "int32" };
                json!({ "type": "integer", "format": format })
            }
            Shape::Number => json!({ "type": "number", "format": "double" }),
            Shape::Bool => json!({ "type": "boolean" }),
            Shape::Bytes => json!({ "type": "string", "format": "byte" }),
            Shape::Time | Shape::MicroTime => json!({ "type": "string", "format": "date-time" }),
            Shape::Quantity => json!({ "oneOf": [{ "type": "string" }, { "type": "number" }] }),
            Shape::IntOrString => {
                json!({ "format": "int-or-string", "oneOf": [{ "type": "integer" }, { "type": "string" }] })
            }
            Shape::Raw => json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true }),
            Shape::Any | Shape::SchemaOrBool | Shape::SchemaOrList | Shape::SchemaOrStrings => {
                json!({ "x-kubernetes-preserve-unknown-fields": true })
            }
            Shape::Struct(of) => self.reference(of.get().name),
            Shape::List(item) | Shape::MessageList(item) => json!({ "type": "array", "items": self.shape(item) }),
            Shape::Map(value) => json!({ "type": "object", "additionalProperties": self.shape(value) }),
        }
    }

    fn reference(&mut self, name: &'static str) -> Value {
        self.named.insert(name);
        json!({ "allOf": [{ "$ref": format!("#/components/schemas/{}", component_name(name)) }] })
    }
}

/// Names a type of the table in a document: `apps/v1.DeploymentSpec` is `io.k8s.api.apps.v1.DeploymentSpec`.
fn component_name(name: &str) -> String {
    let path = name.replace('/', ".");
    match path.strip_prefix("meta.") {
        Some(rest) => format!("io.k8s.apimachinery.pkg.apis.meta.{rest}"),
        None => format!("io.k8s.api.{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> Store {
        Store::new(1, "2026-01-01T00:00:00Z".parse().unwrap())
    }

    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    #[test]
    fn every_kind_has_a_schema_and_every_reference_leads_to_one() {
        let store = store();
        for (group, versions) in groups(&store) {
            for version in versions {
                let document = document(&store, group, version, &document_path(group, version));
                let schemas = document["components"]["schemas"].as_object().unwrap();
                let mut found = Vec::new();
                references(&document, &mut found);
                for reference in found {
                    let name = reference.strip_prefix("#/components/schemas/").unwrap();
                    assert!(schemas[name].is_object(), "{group}/{version}: {reference}");
                }
                for (resource, _) in served_resources(&store, group, version) {
                    let kind = json!([{ "group": group, "version": version, "kind": resource.kind }]);
                    let schema = schemas
                        .values()
                        .find(|schema| schema["x-kubernetes-group-version-kind"] == kind);
                    let properties = schema.unwrap()["properties"].as_object().unwrap();
                    assert!(properties.contains_key("kind"), "{kind}");
                }
            }
        }
    }

    #[test]
    fn fields_have_types_and_rules() {
        let document = document(&store(), "apps", "v1", "apis/apps/v1");
        let schema = |name: &str| &document["components"]["schemas"][format!("io.k8s.api.{name}")];
        let spec = schema("apps.v1.DeploymentSpec");
        assert_eq!(spec["properties"]["replicas"]["type"], "integer");
        assert_eq!(spec["required"], json!(["selector", "template"]));
        let containers = &schema("core.v1.PodSpec")["properties"]["containers"];
        assert_eq!(containers["x-kubernetes-patch-merge-key"], "name");
        assert_eq!(
            containers["items"]["allOf"][0]["$ref"],
            "#/components/schemas/io.k8s.api.core.v1.Container"
        );
    }
}
