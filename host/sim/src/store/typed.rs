//! Objects after Go has decoded and encoded them: see [`capstan_schema::stored`].

use capstan_schema::{stored, structural};
use serde_json::Value;

use crate::kinds::Resource;

/// Returns an object as the API server decodes it: without empty values that Go doesn't keep, and with a custom kind's defaults.
pub(super) fn read(resource: &Resource, object: Value) -> Value {
    if resource.is_custom {
        return with_defaults(resource, object);
    }
    match capstan_schema::kind(&resource.storage_version(), &resource.kind) {
        Some(kind) => stored::read(kind, object),
        None => object,
    }
}

/// Returns an object as the API server returns it after it was stored.
pub(super) fn as_stored(resource: &Resource, object: Value) -> Value {
    if resource.is_custom {
        return object;
    }
    match capstan_schema::kind(&resource.storage_version(), &resource.kind) {
        Some(kind) => stored::as_stored(kind, object),
        None => object,
    }
}

fn with_defaults(resource: &Resource, mut object: Value) -> Value {
    let stored = resource.version(&resource.storage).or(resource.versions.first());
    if let Some(schema) = stored.and_then(|version| version.schema.as_deref()) {
        structural::complete(schema, &mut object);
    }
    object
}
