//! Creation of objects: name, UID, defaults, validation.

use serde_json::{Value, json};

use super::{ChangeType, Kind, Store, Writer, commit::namespace_and_name, defaults, definition, typed, validate};
use crate::{
    apply::{managed, schema},
    kinds::{Resource, convert},
    status::{StatusCause, StatusError},
};

impl Store {
    /// Creates an object as a POST would: generated name, defaults, validation, a new uid.
    pub fn create(&mut self, object: Value) -> Result<Value, StatusError> {
        self.create_as(object, &Writer::controller())
    }

    pub(crate) fn create_as(&mut self, mut object: Value, writer: &Writer) -> Result<Value, StatusError> {
        let kind = Kind::of(&object).ok_or_else(|| StatusError::bad_request("Object 'Kind' is missing"))?;
        let resource = self.served(&kind)?.clone();
        convert(&mut object, &resource.storage_version());
        if !object["metadata"].is_object() {
            object["metadata"] = json!({});
        }
        let mut object = typed::read(&resource, object);
        self.generate_name(&mut object);
        let (namespace, name) = namespace_and_name(&object);
        validate::name(&resource, &object)?;
        self.check_namespace(&resource, &namespace, &name)?;
        if self.get(&kind, &namespace, &name).is_some() {
            return Err(StatusError::already_exists(&resource.plural, &resource.group, &name));
        }

        self.set_identity(&resource, &mut object);
        if resource.has_status() {
            object.as_object_mut().map(|fields| fields.remove("status"));
        }
        defaults::fill(&resource, &mut object);
        if !writer.has_own_managed_fields {
            object["metadata"]
                .as_object_mut()
                .map(|metadata| metadata.remove("managedFields"));
            managed::record_update(
                None,
                &mut object,
                &schema::root_rule(&resource),
                writer,
                &self.now_text(),
            );
        }
        self.assign_addresses(&resource, &mut object);
        defaults::fill_new(&resource, &mut object);
        let mut object = typed::as_stored(&resource, object);
        validate::object(&resource, &object)?;
        if writer.dry_run {
            return Ok(object);
        }

        let defines = resource.is("apiextensions.k8s.io", "CustomResourceDefinition");
        if defines {
            definition::set_accepted_status(&mut object, &self.now_text());
        }
        let created = self.commit(&resource, object, ChangeType::Added);
        if defines {
            self.serve_definition(&created);
        }
        if resource.is("", "Namespace") {
            self.populate_namespace(&name)?;
        }
        Ok(created)
    }

    fn generate_name(&mut self, object: &mut Value) {
        let metadata = &object["metadata"];
        let named = metadata["name"].as_str().is_some_and(|name| !name.is_empty());
        if !named && let Some(prefix) = metadata["generateName"].as_str() {
            // The API server shortens the prefix so that the name can be a label's value.
            let name = format!("{}{}", prefix.get(..58).unwrap_or(prefix), self.random_suffix());
            object["metadata"]["name"] = json!(name);
        }
    }

    fn check_namespace(&self, resource: &Resource, namespace: &str, name: &str) -> Result<(), StatusError> {
        if !resource.namespaced {
            return if namespace.is_empty() {
                Ok(())
            } else {
                let why = StatusCause::forbidden("metadata.namespace", "not allowed on this type");
                Err(StatusError::invalid(&resource.kind, &resource.group, name, &[why]))
            };
        }
        if namespace.is_empty() {
            return Err(StatusError::bad_request(
                "an empty namespace may not be set during creation",
            ));
        }
        let Some(found) = self.get(&Kind::new("", "Namespace"), "", namespace) else {
            return Err(StatusError::not_found("namespaces", "", namespace));
        };
        if found["metadata"]["deletionTimestamp"].is_null() {
            return Ok(());
        }
        let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
        let mut refusal = StatusError::forbidden(&resource.plural, &resource.group, name, &why);
        refusal.details["causes"] = json!([{
            "reason": "NamespaceTerminating", "field": "metadata.namespace",
            "message": format!("namespace {namespace} is being terminated"),
        }]);
        Err(refusal)
    }

    fn set_identity(&mut self, resource: &Resource, object: &mut Value) {
        let (uid, created) = (self.uid(), self.now_text());
        let metadata = &mut object["metadata"];
        metadata["uid"] = json!(uid);
        metadata["creationTimestamp"] = json!(created);
        if let Some(fields) = metadata.as_object_mut() {
            for field in [
                "resourceVersion",
                "deletionTimestamp",
                "deletionGracePeriodSeconds",
                "generation",
                "selfLink",
            ] {
                fields.remove(field);
            }
        }
        if resource.has_generation {
            metadata["generation"] = json!(1);
        }
    }

    /// Sets the values that the server assigns: cluster addresses and node ports.
    fn assign_addresses(&mut self, resource: &Resource, object: &mut Value) {
        if !resource.is("", "Service") || object["spec"]["type"] == "ExternalName" || !object["spec"].is_object() {
            return;
        }
        if object["spec"]["clusterIP"].is_null() {
            let draw = rand_chacha::rand_core::Rng::next_u32(&mut self.random);
            object["spec"]["clusterIP"] = json!(format!("10.96.{}.{}", (draw >> 8) & 0xff, draw & 0xff));
        }
        if object["spec"]["clusterIPs"].is_null() {
            object["spec"]["clusterIPs"] = json!([object["spec"]["clusterIP"]]);
        }
        let exposed = object["spec"]["type"] == "NodePort" || object["spec"]["type"] == "LoadBalancer";
        let ports = object["spec"]["ports"].as_array_mut().filter(|_| exposed);
        for port in ports.into_iter().flatten().filter(|port| port["nodePort"].is_null()) {
            let draw = rand_chacha::rand_core::Rng::next_u32(&mut self.random);
            port["nodePort"] = json!(30_000 + draw % 2768);
        }
    }
}
