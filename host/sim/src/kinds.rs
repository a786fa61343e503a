//! Which kinds are served: the built-in ones a deploy tool meets, and what custom resource definitions add.

mod convert;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

pub(crate) use self::convert::convert;
use crate::store::Kind;

/// One served version of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The name, such as `v1`.
    pub name: String,
    /// Whether `status` is a subresource: writes to the object don't change it, and writes to it don't change the object.
    pub has_status: bool,
    /// The paths of the scale subresource, if there is one.
    pub scale: Option<Scale>,
    /// Further fields that field selectors may name, as dotted paths.
    pub selectable_fields: Vec<String>,
    /// The schema of a custom kind, if it has one.
    pub schema: Option<Arc<Value>>,
    /// The columns of a custom kind's tables: `additionalPrinterColumns` of its definition.
    pub columns: Arc<Vec<Value>>,
}

/// The paths of the scale subresource's values, separated by dots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scale {
    /// The path of the desired number of replicas.
    pub replicas_path: String,
    /// The path of the current number of replicas.
    pub status_replicas_path: String,
    /// The path of the label selector, which is an object or a text.
    pub selector_path: Option<String>,
}

/// Which requests a resource supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageMode {
    /// Objects are stored.
    Stored,
    /// Objects are stored, and there is no deletecollection.
    StoredNoCollectionDelete,
    /// Objects can only be listed, and the list is empty.
    ListOnly,
    /// A POST is answered, and nothing is stored.
    AnswerOnly,
}

/// A resource that the API server serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The API group, empty for the core group.
    pub group: String,
    /// The served versions, the preferred one first.
    pub versions: Vec<Version>,
    /// The version objects are stored in.
    pub storage: String,
    /// The kind of the resource's objects.
    pub kind: String,
    /// The kind of a list.
    pub list_kind: String,
    /// The name in paths.
    pub plural: String,
    /// The name for one.
    pub singular: String,
    /// The short names for kubectl.
    pub short_names: Vec<String>,
    /// Sets of resources it belongs to, such as `all`.
    pub categories: Vec<String>,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// Whether `metadata.generation` counts the changes of the desired state.
    pub has_generation: bool,
    /// Whether it comes from a custom resource definition.
    pub is_custom: bool,
    /// Which requests it supports.
    pub storage_mode: StorageMode,
}

impl Resource {
    /// Returns the identity of the kind.
    pub fn id(&self) -> Kind {
        Kind::new(&self.group, &self.kind)
    }

    /// Returns whether this is that built-in kind.
    pub fn is(&self, group: &str, kind: &str) -> bool {
        self.group == group && self.kind == kind
    }

    /// Returns a served version.
    pub fn version(&self, name: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.name == name)
    }

    /// Returns whether status is a subresource in the stored version.
    pub fn has_status(&self) -> bool {
        self.version(&self.storage)
            .or(self.versions.first())
            .is_some_and(|version| version.has_status)
    }

    /// Returns the `apiVersion` of a version.
    pub fn api_version(&self, version: &str) -> String {
        if self.group.is_empty() {
            version.to_owned()
        } else {
            format!("{}/{version}", self.group)
        }
    }

    /// Returns the `apiVersion` objects are stored in.
    pub fn storage_version(&self) -> String {
        self.api_version(&self.storage)
    }

    /// Returns the verbs that discovery lists.
    pub fn verbs(&self) -> &'static [&'static str] {
        match self.storage_mode {
            StorageMode::Stored => &[
                "create",
                "delete",
                "deletecollection",
                "get",
                "list",
                "patch",
                "update",
                "watch",
            ],
            StorageMode::StoredNoCollectionDelete => &["create", "delete", "get", "list", "patch", "update", "watch"],
            StorageMode::ListOnly => &["get", "list"],
            StorageMode::AnswerOnly => &["create"],
        }
    }
}

/// Group, versions, kind, plural, short names, categories and traits of each built-in kind.
const TABLE: &str = include_str!("kinds/table.txt");

/// Returns the built-in resources.
pub fn built_in() -> BTreeMap<Kind, Resource> {
    rows()
        .filter_map(resource)
        .map(|resource| (resource.id(), resource))
        .collect()
}

fn rows() -> impl Iterator<Item = &'static str> {
    TABLE.lines().filter(|line| !line.starts_with('#') && !line.is_empty())
}

/// Reads a row of the table. A test reads all of them.
fn resource(row: &str) -> Option<Resource> {
    let mut columns = row.split_whitespace().map(|word| if word == "-" { "" } else { word });
    let [group, versions, kind, plural, short_names, categories, traits] = std::array::from_fn(|_| columns.next());
    let list = |words: &str| -> Vec<String> {
        let words = words.split(',').filter(|word| !word.is_empty());
        words.map(str::to_owned).collect()
    };
    let (group, kind, traits) = (group?, kind?, list(traits?));
    let has = |name: &str| traits.iter().any(|found| found == name);
    let versions: Vec<Version> = list(versions?)
        .into_iter()
        .map(|name| Version {
            name,
            has_status: has("status"),
            scale: has("scale").then(|| Scale {
                replicas_path: "spec.replicas".into(),
                status_replicas_path: "status.replicas".into(),
                selector_path: Some("spec.selector".into()),
            }),
            selectable_fields: selectable(group, kind),
            schema: None,
            columns: Arc::default(),
        })
        .collect();
    Some(Resource {
        group: group.into(),
        storage: versions.first()?.name.clone(),
        versions,
        kind: kind.into(),
        list_kind: format!("{kind}List"),
        plural: plural?.into(),
        singular: kind.to_lowercase(),
        short_names: list(short_names?),
        categories: list(categories?),
        namespaced: has("namespaced"),
        has_generation: has("generation"),
        is_custom: false,
        storage_mode: match () {
            () if has("answered") => StorageMode::AnswerOnly,
            () if has("listed") => StorageMode::ListOnly,
            () if has("kept") => StorageMode::StoredNoCollectionDelete,
            () => StorageMode::Stored,
        },
    })
}

/// The fields besides name and namespace that field selectors support; a real server refuses all others.
fn selectable(group: &str, kind: &str) -> Vec<String> {
    let fields: &[&str] = match (group, kind) {
        ("", "Pod") => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        ("" | "events.k8s.io", "Event") => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        ("", "Namespace") => &["status.phase"],
        ("", "Node") => &["spec.unschedulable"],
        ("", "Secret") => &["type"],
        ("", "Service") => &["spec.clusterIP", "spec.type"],
        ("" | "apps", "ReplicationController" | "ReplicaSet") => &["status.replicas"],
        ("batch", "Job") => &["status.successful"],
        _ => &[],
    };
    fields.iter().map(|&field| field.into()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_its_own_kind_and_path() {
        assert_eq!(built_in().len(), rows().count());
        let known = [
            "namespaced",
            "status",
            "scale",
            "generation",
            "answered",
            "listed",
            "kept",
        ];
        let mut paths = Vec::new();
        for row in rows() {
            let words: Vec<&str> = row.split_whitespace().collect();
            assert_eq!(words.len(), 7, "{row}");
            let mut traits = words[6].split(',').filter(|word| *word != "-");
            assert!(traits.all(|word| known.contains(&word)), "{row}");
            paths.push((words[0], words[3]));
        }
        let all = paths.len();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), all);
    }
}
