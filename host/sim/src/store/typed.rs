//! Objects as Go reads, stores and writes them: see [`capstan_schema::stored`].

use capstan_schema::{stored, structural};
use serde_json::Value;

use crate::kinds::Resource;

/// Returns an object as the API server reads it: without what Go doesn't tell from nothing, complete with a custom kind's defaults.
pub(super) fn read(resource: &Resource, object: Value) -> Value {
    if resource.custom {
        return completed(resource, object);
    }
    match capstan_schema::kind(&resource.storage_version(), &resource.kind) {
        Some(kind) => stored::read(kind, object),
        None => object,
    }
}

/// Returns an object as the API server hands it out after it was stored.
pub(super) fn written(resource: &Resource, object: Value) -> Value {
    if resource.custom {
        return object;
    }
    match capstan_schema::kind(&resource.storage_version(), &resource.kind) {
        Some(kind) => stored::written(kind, object),
        None => object,
    }
}

fn completed(resource: &Resource, mut object: Value) -> Value {
    let stored = resource.version(&resource.storage).or(resource.versions.first());
    if let Some(schema) = stored.and_then(|version| version.schema.as_deref()) {
        structural::complete(schema, &mut object);
    }
    object
}
