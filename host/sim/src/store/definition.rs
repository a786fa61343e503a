//! Custom kinds: a definition is accepted at once, its kind is served from then on, and its objects are deleted with it.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Deletion, Kind, Store, delete::CUSTOM_RESOURCE_CLEANUP};
use crate::kinds::{Resource, Scale, StorageMode, Version};

/// Sets the status that the API extension server gives an accepted definition.
pub(super) fn set_accepted_status(object: &mut Value, now: &str) {
    let condition = |kind: &str, reason: &str, message: &str| json!({ "type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": now });
    let stored: Vec<Value> = versions(object)
        .filter(|one| one["storage"] == true)
        .map(|one| one["name"].clone())
        .collect();
    object["status"] = json!({
        "conditions": [
            condition("NamesAccepted", "NoConflicts", "no conflicts found"),
            condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ],
        "acceptedNames": object["spec"]["names"],
        "storedVersions": stored,
    });
}

impl Store {
    /// Starts to serve the kind of a definition.
    pub(super) fn serve_definition(&mut self, definition: &Value) {
        if let Some(resource) = resource(definition) {
            self.resources.insert(resource.id(), resource);
        }
    }

    /// Stops to serve the kind of a definition.
    pub(super) fn unserve_definition(&mut self, definition: &Value) {
        if let Some(resource) = resource(definition) {
            self.resources.remove(&resource.id());
        }
    }

    /// Completes the deletion of a definition that has waited for the last object of its kind.
    pub(super) fn finish_definition(&mut self, of: &Resource) {
        if self.list(&of.id()).is_empty() {
            let name = format!("{}.{}", of.plural, of.group);
            let kind = Kind::new("apiextensions.k8s.io", "CustomResourceDefinition");
            // A definition that doesn't exist or isn't being deleted stays as it is.
            let going = self
                .get(&kind, "", &name)
                .is_some_and(|one| !one["metadata"]["deletionTimestamp"].is_null());
            if going {
                self.remove_finalizer(&kind, "", &name, CUSTOM_RESOURCE_CLEANUP).ok();
            }
        }
    }

    /// Deletes the objects of a definition that is being deleted. Returns whether any is left.
    pub(super) fn delete_custom_objects(&mut self, definition: &Value) -> bool {
        let Some(resource) = resource(definition) else {
            return false;
        };
        let kind = resource.id();
        let places: Vec<_> = self
            .list(&kind)
            .into_iter()
            .map(super::commit::namespace_and_name)
            .collect();
        for (namespace, name) in places {
            // A refused deletion leaves the object, which the result then tells.
            self.delete(&kind, &namespace, &name, Deletion::default()).ok();
        }
        !self.list(&kind).is_empty()
    }
}

fn versions(definition: &Value) -> impl Iterator<Item = &Value> {
    definition["spec"]["versions"].as_array().into_iter().flatten()
}

fn resource(definition: &Value) -> Option<Resource> {
    let spec = &definition["spec"];
    let names = &spec["names"];
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let texts = |value: &Value| value.as_array().into_iter().flatten().filter_map(text).collect();
    let mut served: Vec<Version> = versions(definition)
        .filter(|one| one["served"] == true)
        .filter_map(version)
        .collect();
    served.sort_by_key(|version| std::cmp::Reverse(priority(&version.name)));
    let stored = versions(definition).find(|one| one["storage"] == true)?;
    let kind = Kind::new(spec["group"].as_str()?, names["kind"].as_str()?);
    Some(Resource {
        versions: served,
        storage: text(&stored["name"])?,
        list_kind: text(&names["listKind"]).unwrap_or_else(|| format!("{}List", kind.kind)),
        plural: text(&names["plural"])?,
        singular: text(&names["singular"]).unwrap_or_else(|| kind.kind.to_lowercase()),
        short_names: texts(&names["shortNames"]),
        categories: texts(&names["categories"]),
        namespaced: spec["scope"] == "Namespaced",
        has_generation: true,
        is_custom: true,
        storage_mode: StorageMode::Stored,
        group: kind.group,
        kind: kind.kind,
    })
}

fn version(version: &Value) -> Option<Version> {
    let path = |value: &Value| value.as_str().map(|path| path.trim_start_matches('.').to_owned());
    let scale = &version["subresources"]["scale"];
    let fields = version["selectableFields"].as_array().into_iter().flatten();
    Some(Version {
        name: version["name"].as_str()?.to_owned(),
        has_status: version["subresources"]["status"].is_object(),
        scale: path(&scale["specReplicasPath"])
            .zip(path(&scale["statusReplicasPath"]))
            .map(|(wanted, found)| Scale {
                replicas_path: wanted,
                status_replicas_path: found,
                selector_path: path(&scale["labelSelectorPath"]),
            }),
        selectable_fields: fields.filter_map(|field| path(&field["jsonPath"])).collect(),
        schema: version
            .pointer("/schema/openAPIV3Schema")
            .filter(|schema| schema.is_object())
            .map(|schema| Arc::new(schema.clone())),
        columns: Arc::new(
            version["additionalPrinterColumns"]
                .as_array()
                .cloned()
                .unwrap_or_default(),
        ),
    })
}

/// The order of preference of versions: stable before beta before alpha, higher numbers first, all others last.
fn priority(version: &str) -> (u8, u32, u32) {
    let Some(rest) = version.strip_prefix('v') else {
        return (0, 0, 0);
    };
    let digits = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    let (major, stage) = rest.split_at(digits);
    let Ok(major) = major.parse() else { return (0, 0, 0) };
    let minor = |text: &str| text.parse().unwrap_or(0);
    match stage {
        "" => (3, major, 0),
        stage if stage.starts_with("beta") => (2, major, minor(stage.trim_start_matches("beta"))),
        stage if stage.starts_with("alpha") => (1, major, minor(stage.trim_start_matches("alpha"))),
        _ => (0, 0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stable_versions_come_before_beta_and_alpha() {
        let mut names = ["v1alpha1", "v2beta1", "v1", "v10", "foo", "v1beta2"];
        names.sort_by_key(|name| std::cmp::Reverse(priority(name)));
        assert_eq!(names, ["v10", "v1", "v2beta1", "v1beta2", "v1alpha1", "foo"]);
    }
}
