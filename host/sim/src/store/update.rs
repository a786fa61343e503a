//! Updates: the optimistic lock, fields that a writer can't change, and the generation.

use serde_json::{Value, json};

use super::{Kind, Store, Writer, commit::namespace_and_name, defaults, immutable, typed, validate};
use crate::{
    apply::{managed, schema},
    kinds::{Resource, convert},
    status::{StatusCause, StatusError},
};

impl Store {
    /// Replaces an object, as a PUT does. If `status` is a subresource, it stays as it is.
    ///
    /// An object without a `resourceVersion` is written unconditionally. Nothing is written when nothing changes.
    pub fn update(&mut self, object: Value) -> Result<Value, StatusError> {
        self.update_as(object, &Writer::controller())
    }

    pub(crate) fn update_as(&mut self, mut object: Value, writer: &Writer) -> Result<Value, StatusError> {
        let kind = Kind::of(&object).ok_or_else(|| StatusError::bad_request("Object 'Kind' is missing"))?;
        let (namespace, name) = namespace_and_name(&object);
        let (resource, live) = self.existing(&kind, &namespace, &name)?;
        check_lock(&resource, &live, &object, &name)?;
        convert(&mut object, &resource.storage_version());
        let mut object = typed::read(&resource, object);
        if resource.has_status() {
            copy_field(&mut object, &live, "status");
        }
        keep_identity(&mut object, &live);
        keep_assigned(&resource, &mut object, &live);
        defaults::fill(&resource, &mut object);
        let mut object = typed::as_stored(&resource, object);
        immutable::check(&resource, &live, &object)?;
        validate::object(&resource, &object)?;
        if resource.has_generation && desired_state(&resource, &object) != desired_state(&resource, &live) {
            let generation = live["metadata"]["generation"].as_i64().unwrap_or(0) + 1;
            object["metadata"]["generation"] = json!(generation);
        }
        let written = self.write(&resource, &live, object, writer);
        if resource.is("apiextensions.k8s.io", "CustomResourceDefinition") && !writer.dry_run {
            self.serve_definition(&written);
        }
        Ok(written)
    }

    /// Replaces the status of an object. Nothing is written when nothing changes.
    pub fn update_status(
        &mut self,
        kind: &Kind,
        namespace: &str,
        name: &str,
        status: Value,
    ) -> Result<Value, StatusError> {
        let writer = Writer {
            subresource: Some("status".into()),
            ..Writer::controller()
        };
        let (_, mut object) = self.existing(kind, namespace, name)?;
        object["status"] = status;
        self.update_status_as(object, &writer)
    }

    /// Replaces the status of an object by that of `object`. Of the rest of `object`, only the identity and an optional resource version
    /// are used.
    pub(crate) fn update_status_as(&mut self, mut object: Value, writer: &Writer) -> Result<Value, StatusError> {
        let kind = Kind::of(&object).ok_or_else(|| StatusError::bad_request("Object 'Kind' is missing"))?;
        let (namespace, name) = namespace_and_name(&object);
        let (resource, live) = self.existing(&kind, &namespace, &name)?;
        convert(&mut object, &resource.storage_version());
        check_lock(&resource, &live, &object, &name)?;
        let mut next = live.clone();
        copy_field(&mut next, &object, "status");
        if let Some(entries) = object["metadata"].get("managedFields") {
            next["metadata"]["managedFields"] = entries.clone();
        }
        Ok(self.write(&resource, &live, next, writer))
    }

    fn write(&mut self, resource: &Resource, live: &Value, object: Value, writer: &Writer) -> Value {
        let mut object = typed::as_stored(resource, object);
        if !writer.has_own_managed_fields {
            managed::record_update(
                Some(live),
                &mut object,
                &schema::root_rule(resource),
                writer,
                &self.now_text(),
            );
        }
        if writer.dry_run || object == *live {
            return object;
        }
        self.write_or_remove(resource, object)
    }
}

fn check_lock(resource: &Resource, live: &Value, object: &Value, name: &str) -> Result<(), StatusError> {
    let (found, sent) = (&live["metadata"], &object["metadata"]);
    if let (Some(found), Some(sent)) = (found["uid"].as_str(), sent["uid"].as_str())
        && found != sent
    {
        let why = format!("Precondition failed: UID in precondition: {sent}, UID in object meta: {found}");
        return Err(StatusError::conflict(&resource.plural, &resource.group, name, &why));
    }
    match sent["resourceVersion"]
        .as_str()
        .filter(|sent| !sent.is_empty() && *sent != "0")
    {
        Some(sent) if found["resourceVersion"] != sent => {
            Err(StatusError::modified(&resource.plural, &resource.group, name))
        }
        None if resource.is_custom => {
            let why = StatusCause::invalid("metadata.resourceVersion", &json!(0), "must be specified for an update");
            Err(StatusError::invalid(&resource.kind, &resource.group, name, &[why]))
        }
        Some(_) | None => Ok(()),
    }
}

/// Sets a field to its value in another object; an absent one is removed.
fn copy_field(object: &mut Value, from: &Value, field: &str) {
    match from.get(field) {
        Some(value) => object[field] = value.clone(),
        None => _ = object.as_object_mut().and_then(|fields| fields.remove(field)),
    }
}

/// Keeps the fields that identify the object.
fn keep_identity(object: &mut Value, live: &Value) {
    for field in [
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "generateName",
        "resourceVersion",
    ] {
        copy_field(&mut object["metadata"], &live["metadata"], field);
    }
}

/// Keeps values that the server assigned at creation, if a writer leaves them out.
fn keep_assigned(resource: &Resource, object: &mut Value, live: &Value) {
    if resource.is("", "Service") && object["spec"].is_object() && object["spec"]["type"] != "ExternalName" {
        for field in ["clusterIP", "clusterIPs"] {
            if object["spec"][field].is_null() {
                copy_field(&mut object["spec"], &live["spec"], field);
            }
        }
    }
    // The request of a signing request is immutable: an update leaves it as it is.
    if resource.is("certificates.k8s.io", "CertificateSigningRequest") {
        copy_field(object, live, "spec");
    }
    if resource.is("", "Namespace") {
        copy_field(object, live, "spec");
        object["metadata"]["labels"]["kubernetes.io/metadata.name"] = live["metadata"]["name"].clone();
    }
}

/// Returns what counts for the generation: everything but metadata, and the status where it is a subresource.
fn desired_state<'a>(resource: &Resource, object: &'a Value) -> Vec<(&'a String, &'a Value)> {
    let fields = object.as_object().into_iter().flatten();
    let status = resource.has_status() || !resource.is_custom;
    fields
        .filter(|(name, _)| *name != "metadata" && *name != "apiVersion" && !(status && *name == "status"))
        .collect()
}
