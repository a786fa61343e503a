//! The common end of every write: the next revision, an entry in the history, and a notification.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{ChangeType, HistoryEntry, Kind, Store};
use crate::{kinds::Resource, status::StatusError};

/// The origin and the options of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    /// The field manager.
    pub manager: String,
    /// The subresource written through, if any.
    pub subresource: Option<String>,
    /// Whether it is a dry run.
    pub dry_run: bool,
    /// Whether the object contains its managed fields, as after a server-side apply.
    pub has_own_managed_fields: bool,
}

impl Writer {
    /// Returns a writer with this field manager.
    pub fn new(manager: &str) -> Writer {
        Writer {
            manager: manager.into(),
            subresource: None,
            dry_run: false,
            has_own_managed_fields: false,
        }
    }

    /// Returns the writer of the cluster's own controllers.
    pub fn controller() -> Writer {
        Writer::new("kube-controller-manager")
    }
}

impl Store {
    /// Returns the resource of a kind and a copy of the object, or an error that it doesn't exist.
    pub(super) fn existing(&self, kind: &Kind, namespace: &str, name: &str) -> Result<(Resource, Value), StatusError> {
        let resource = self.served(kind)?.clone();
        match self.get(kind, namespace, name) {
            Some(object) => {
                let object = object.clone();
                Ok((resource, object))
            }
            None => Err(StatusError::not_found(&resource.plural, &resource.group, name)),
        }
    }

    /// Returns the resource of a kind, or an error that it isn't served.
    pub(super) fn served(&self, kind: &Kind) -> Result<&Resource, StatusError> {
        self.resources.get(kind).ok_or_else(StatusError::no_such_path)
    }

    /// Stores an object at the next revision.
    pub(super) fn commit(&mut self, resource: &Resource, mut object: Value, change: ChangeType) -> Value {
        let (namespace, name) = namespace_and_name(&object);
        object["metadata"]["resourceVersion"] = json!(self.next_revision().to_string());
        let object = Arc::new(object);
        let objects = self
            .objects
            .entry(resource.id())
            .or_default()
            .entry(namespace)
            .or_default();
        let before = objects.insert(name, object.clone());
        self.record_change(resource.id(), change, object.clone(), before);
        object.as_ref().clone()
    }

    /// Removes an object. Returns its last state, at the revision of its removal.
    pub(super) fn remove(&mut self, resource: &Resource, object: &Value) -> Value {
        let (namespace, name) = namespace_and_name(object);
        let mut last = object.clone();
        last["metadata"]["resourceVersion"] = json!(self.next_revision().to_string());
        let last = Arc::new(last);
        let kind = resource.id();
        let mut before = None;
        if let Some(objects) = self.objects.get_mut(&kind)
            && let Some(names) = objects.get_mut(&namespace)
        {
            before = names.remove(&name);
            if names.is_empty() {
                objects.remove(&namespace);
            }
        }
        self.record_change(kind, ChangeType::Deleted, last.clone(), before);
        if resource.is("", "Pod") {
            self.log_forget(&namespace, &name);
        }
        if resource.is("apiextensions.k8s.io", "CustomResourceDefinition") {
            self.unserve_definition(&last);
        }
        if resource.is_custom {
            self.finish_definition(resource);
        }
        self.finish_namespace(&namespace);
        last.as_ref().clone()
    }

    fn next_revision(&mut self) -> u64 {
        self.revision += 1;
        self.revision
    }

    fn record_change(&mut self, kind: Kind, change: ChangeType, object: Arc<Value>, before: Option<Arc<Value>>) {
        self.history.push(HistoryEntry {
            revision: self.revision,
            change,
            kind,
            object,
            before,
        });
        self.notify.notify_waiters();
    }
}

/// Returns the namespace and name of an object.
pub(super) fn namespace_and_name(object: &Value) -> (String, String) {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
    (text("namespace"), text("name"))
}
