//! Decodes the body of a request, and converts an object to the requested version.

use capstan_schema::protobuf;
use capstan_yaml::Duplicates;
use serde_json::{Value, json};

use super::{ObjectRequest, Target};
use crate::{
    kinds::{Resource, convert},
    status::StatusError,
    store::{Store, check_shape},
};

const JSON: &str = "application/json";
const YAML: &str = "application/yaml";

/// The media types of whole objects. `Format` has those of patches.
pub(crate) const MEDIA_TYPES: &[&str] = &[JSON, YAML, protobuf::MEDIA_TYPE];

/// Decodes the body from JSON, YAML or protobuf.
pub(super) fn decode(call: &ObjectRequest<'_>) -> Result<Value, StatusError> {
    let media = call.content_type.split(';').next().unwrap_or_default().trim();
    let refuse = |error: &dyn std::fmt::Display| StatusError::bad_request(format!("error decoding the body: {error}"));
    match media.to_ascii_lowercase().as_str() {
        // As on a real API server. On a socket, a body without a type is refused: see `serve`.
        ""
        | JSON
        | "application/json-patch+json"
        | "application/merge-patch+json"
        | "application/strategic-merge-patch+json" => serde_json::from_slice(call.body).map_err(|error| refuse(&error)),
        protobuf::MEDIA_TYPE => protobuf::decode(call.body).map_err(|error| refuse(&error)),
        YAML | "application/apply-patch+yaml" => yaml(call.body).map_err(|error| refuse(&error)),
        _ => Err(StatusError::unsupported_media_type(MEDIA_TYPES)),
    }
}

/// Parses YAML. As on a real API server, the last of two equal keys is used. A second document, which a real server ignores, is refused.
fn yaml(body: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    capstan_yaml::value(text, Duplicates::LastWins).map_err(|trouble| {
        format!(
            "line {}, column {}: {}",
            trouble.at.line, trouble.at.column, trouble.message
        )
    })
}

/// Returns the object in the body, after checking it against the path and adding what only the path has.
pub(super) fn object(call: &ObjectRequest<'_>, target: &Target) -> Result<Value, StatusError> {
    let object = decode(call)?;
    complete_from_path(object, call, target)
}

/// Checks an object against the path, and adds what only the path has.
pub(super) fn complete_from_path(
    mut object: Value,
    call: &ObjectRequest<'_>,
    target: &Target,
) -> Result<Value, StatusError> {
    if !object.is_object() {
        return Err(StatusError::bad_request("the body of the request is not an object"));
    }
    check_shape(&object)?;
    let resource = &target.resource;
    let version = resource.api_version(&target.version.name);
    for (field, expected, what) in [
        ("apiVersion", version, "API version"),
        ("kind", resource.kind.clone(), "kind"),
    ] {
        match object[field].as_str().unwrap_or_default() {
            "" => object[field] = json!(expected),
            found if found == expected => {}
            found => {
                return Err(StatusError::bad_request(format!(
                    "the {what} in the data ({found}) does not match the expected {what} ({expected})"
                )));
            }
        }
    }
    if object["metadata"].is_null() {
        object["metadata"] = json!({});
    }
    if resource.namespaced {
        match object["metadata"]["namespace"].as_str().unwrap_or_default() {
            "" => object["metadata"]["namespace"] = json!(call.namespace()),
            found if found == call.namespace() => {}
            _ => {
                return Err(StatusError::bad_request(
                    "the namespace of the provided object does not match the namespace sent on the request",
                ));
            }
        }
    } else if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("namespace");
    }
    if let Some(name) = &call.objects.name {
        match object["metadata"]["name"].as_str().unwrap_or_default() {
            "" => object["metadata"]["name"] = json!(name),
            found if found == name => {}
            found => {
                return Err(StatusError::bad_request(format!(
                    "the name of the object ({found}) does not match the name on the URL ({name})"
                )));
            }
        }
    }
    Ok(object)
}

/// Converts an object to a version.
pub(crate) fn in_version(mut object: Value, resource: &Resource, version: &str) -> Value {
    convert(&mut object, &resource.api_version(version));
    object
}

/// Returns a copy of the object in the requested version, if it exists.
pub(super) fn live(store: &Store, call: &ObjectRequest<'_>, target: &Target, name: &str) -> Option<Value> {
    let object = store.get(&target.kind, call.namespace(), name)?.clone();
    Some(in_version(object, &target.resource, &target.version.name))
}
