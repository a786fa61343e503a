//! A Kubernetes object as JSON, its key, and access to its metadata. The type is independent of any client.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A group and a kind, without a version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GroupKind {
    /// The API group; empty for the core group.
    pub group: String,
    /// The kind, as `Deployment`.
    pub kind: String,
}

impl GroupKind {
    /// Creates one from its parts.
    pub fn new(group: impl Into<String>, kind: impl Into<String>) -> GroupKind {
        GroupKind {
            group: group.into(),
            kind: kind.into(),
        }
    }
}

/// `apps/Deployment`; `Pod` for the core group.
impl fmt::Display for GroupKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.group.is_empty() {
            f.write_str(&self.kind)
        } else {
            write!(f, "{}/{}", self.group, self.kind)
        }
    }
}

/// Identifies an object in a cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectKey {
    /// The API group; empty for the core group.
    pub group: String,
    /// The kind, without its version: `Deployment`.
    pub kind: String,
    /// The namespace; empty for kinds without one.
    pub namespace: String,
    /// The name. For a manifest with only `generateName`: that prefix followed by `*`, until the run has a name.
    pub name: String,
}

impl ObjectKey {
    /// Returns the key's group and kind.
    pub fn group_kind(&self) -> GroupKind {
        GroupKind::new(&self.group, &self.kind)
    }

    /// Creates a key for a test.
    #[cfg(test)]
    pub(crate) fn of(group: &str, kind: &str, namespace: &str, name: &str) -> ObjectKey {
        ObjectKey {
            group: group.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    /// Returns `Kind/name`, for plans. It isn't unique; [`crate::model::object_specifier::ObjectIndex::specifier_for`] returns words that users can type.
    pub fn kind_and_name(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }
}

/// `Job shop/migrate`, `Namespace shop`: the form in messages.
impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{} {}", self.kind, self.name)
        } else {
            write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
        }
    }
}

/// Any Kubernetes object as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Object(pub Value);

impl Object {
    /// Returns the string at a JSON pointer.
    pub fn text(&self, pointer: &str) -> Option<&str> {
        self.0.pointer(pointer).and_then(Value::as_str)
    }

    /// Returns `apiVersion`, or an empty string.
    pub fn api_version(&self) -> &str {
        self.text("/apiVersion").unwrap_or_default()
    }

    /// Returns the API group; empty for the core group.
    pub fn group(&self) -> &str {
        self.api_version().split_once('/').map_or("", |(group, _)| group)
    }

    /// Returns the version within the group: `v1`.
    pub fn version(&self) -> &str {
        self.api_version().rsplit('/').next().unwrap_or_default()
    }

    /// Returns the kind, or an empty string.
    pub fn kind(&self) -> &str {
        self.text("/kind").unwrap_or_default()
    }

    /// Returns the name, or an empty string.
    pub fn name(&self) -> &str {
        self.text("/metadata/name").unwrap_or_default()
    }

    /// Returns `generateName` if there is no name.
    pub fn generate_name(&self) -> Option<&str> {
        if self.name().is_empty() {
            self.text("/metadata/generateName")
        } else {
            None
        }
    }

    /// Returns the namespace, or an empty string.
    pub fn namespace(&self) -> &str {
        self.text("/metadata/namespace").unwrap_or_default()
    }

    /// Returns the UID that the server assigned, or an empty string.
    pub fn uid(&self) -> &str {
        self.text("/metadata/uid").unwrap_or_default()
    }

    /// Returns the resource version, or an empty string.
    pub fn resource_version(&self) -> &str {
        self.text("/metadata/resourceVersion").unwrap_or_default()
    }

    /// Returns `metadata.generation`, which the server increments with each change of the spec; `None` for kinds without it.
    pub fn generation(&self) -> Option<i64> {
        self.0.pointer("/metadata/generation").and_then(Value::as_i64)
    }

    /// Returns whether the object is being deleted.
    pub fn is_terminating(&self) -> bool {
        self.text("/metadata/deletionTimestamp").is_some()
    }

    /// Returns the value of an annotation.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.0.get("metadata")?.get("annotations")?.get(name)?.as_str()
    }

    /// Returns the value of a label.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.0.get("metadata")?.get("labels")?.get(name)?.as_str()
    }

    /// Returns all annotations whose values are strings.
    pub fn annotations(&self) -> BTreeMap<&str, &str> {
        let annotations = self.0.pointer("/metadata/annotations").and_then(Value::as_object);
        annotations
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
            .collect()
    }

    /// Returns the group and kind.
    pub fn group_kind(&self) -> GroupKind {
        GroupKind::new(self.group(), self.kind())
    }

    /// Returns the key. The name of an object with only `generateName` is that prefix followed by `*`.
    pub fn key(&self) -> ObjectKey {
        let name = match self.generate_name() {
            Some(prefix) => format!("{prefix}*"),
            None => self.name().to_owned(),
        };
        ObjectKey {
            group: self.group().to_owned(),
            kind: self.kind().to_owned(),
            namespace: self.namespace().to_owned(),
            name,
        }
    }

    /// Sets a string in `metadata`: `set_meta("namespace", "shop")`.
    pub fn set_metadata_text(&mut self, field: &str, value: &str) {
        self.set(&["metadata", field], Value::from(value));
    }

    /// Sets a label.
    pub fn set_label(&mut self, name: &str, value: &str) {
        self.set(&["metadata", "labels", name], Value::from(value));
    }

    /// Sets the value at a path of keys; creates missing objects.
    pub fn set(&mut self, path: &[&str], value: Value) {
        let mut place = &mut self.0;
        for key in path {
            if !place.is_object() {
                *place = Value::Object(serde_json::Map::new());
            }
            place = &mut place[*key];
        }
        *place = value;
    }
}

/// The labels that Capstan sets on objects.
pub mod labels {
    /// The application's name.
    pub const APPLICATION: &str = "capstan.dev/application";
    /// The application's namespace, which identifies the application together with its name. Version 0.1.0 didn't set it.
    pub const NAMESPACE: &str = "capstan.dev/application-namespace";
    /// The hook's ID, the same in every run.
    pub const HOOK: &str = "capstan.dev/hook-id";
    /// The ID of the run: hook, operation, attempt and phase.
    pub const RUN: &str = "capstan.dev/run";
    /// The ID of the hook whose plugin requested this object, which isn't the hook's own.
    pub const APPLIED_BY: &str = "capstan.dev/applied-by";
    /// The operation's ID.
    pub const OPERATION: &str = "capstan.dev/operation";
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_reads_like_kubectl_speaks() {
        let mut job = Object(
            json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "generateName": "pre-", "namespace": "shop" } }),
        );
        assert_eq!(job.key().to_string(), "Job shop/pre-*");
        assert_eq!(job.group_kind().to_string(), "batch/Job");
        job.set_metadata_text("name", "pre-1");
        job.set_label(labels::RUN, "r");
        assert_eq!(job.key().to_string(), "Job shop/pre-1");
        assert_eq!(job.label(labels::RUN), Some("r"));
    }

    #[test]
    fn the_core_group_is_empty() {
        let pod = Object(json!({ "apiVersion": "v1", "kind": "Pod" }));
        assert_eq!((pod.group(), pod.version()), ("", "v1"));
        assert_eq!(pod.group_kind().to_string(), "Pod");
    }
}
