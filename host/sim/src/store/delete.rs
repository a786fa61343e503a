//! Deletion: preconditions, grace periods, finalizers, and the marks for the garbage collector.

use serde_json::{Value, json};

use super::{ChangeType, Kind, Store, Writer};
use crate::{kinds::Resource, status::StatusError};

/// The finalizer of foreground deletion: the garbage collector removes it when no blocking dependent is left.
pub const FOREGROUND: &str = "foregroundDeletion";
/// The finalizer of orphan deletion: the garbage collector removes it when no dependent refers to the owner any more.
pub const ORPHAN: &str = "orphan";
/// The finalizer of a definition that waits for its objects.
pub(super) const CUSTOM_RESOURCE_CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";

/// The namespaces that can't be deleted (`plugin/pkg/admission/namespace/lifecycle`).
const PROTECTED_NAMESPACES: [&str; 3] = ["default", "kube-public", "kube-system"];

/// What happens to the dependents of a deleted object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// They are deleted first; the object waits for those that block it.
    Foreground,
    /// They are deleted after the object.
    Background,
    /// They stay, without the owner reference.
    Orphan,
}

/// How an object is deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deletion {
    /// What happens to dependents; the kind's own default when absent (a Job orphans its pods, all others go in the
    /// background).
    pub propagation: Option<Propagation>,
    /// The UID that the object must have.
    pub uid: Option<String>,
    /// The resource version that the object must have.
    pub resource_version: Option<String>,
    /// The grace period of a pod in seconds; zero removes it at once.
    pub grace_seconds: Option<i64>,
}

impl Store {
    /// Deletes an object, or marks it as being deleted if finalizers, a pod's grace period or a namespace's contents hold it up.
    ///
    /// Returns the last state of the object: marked or removed.
    pub fn delete(&mut self, kind: &Kind, namespace: &str, name: &str, how: Deletion) -> Result<Value, StatusError> {
        self.delete_as(kind, namespace, name, &how, &Writer::controller())
    }

    pub(crate) fn delete_as(
        &mut self,
        kind: &Kind,
        namespace: &str,
        name: &str,
        how: &Deletion,
        writer: &Writer,
    ) -> Result<Value, StatusError> {
        if *kind == Kind::new("", "Namespace") && PROTECTED_NAMESPACES.contains(&name) {
            let why = "this namespace may not be deleted";
            return Err(StatusError::forbidden("namespaces", "", name, why));
        }
        let (resource, live) = self.existing(kind, namespace, name)?;
        how.check(&resource, &live, name)?;
        let mut object = live.clone();
        if writer.dry_run {
            return Ok(object);
        }

        mark_dependents(&resource, &mut object, how.propagation);
        let defines = resource.is("apiextensions.k8s.io", "CustomResourceDefinition");
        if defines && self.delete_custom_objects(&live) {
            add_finalizer(&mut object, CUSTOM_RESOURCE_CLEANUP);
        }
        let grace = if resource.is("", "Pod") {
            grace_seconds(&live, how.grace_seconds)
        } else {
            0
        };
        let held = has_finalizers(&object) || is_namespace(&resource) || grace > 0;
        if !held {
            return Ok(self.remove(&resource, &object));
        }

        self.mark_deleted(&mut object, grace, resource.is("", "Pod"));
        if is_namespace(&resource) {
            object["status"]["phase"] = json!("Terminating");
        }
        let marked = if object == live {
            live
        } else {
            self.commit(&resource, object, ChangeType::Modified)
        };
        if is_namespace(&resource) {
            self.empty_namespace(name);
        }
        Ok(marked)
    }

    /// Removes a finalizer from an object. An object that is being deleted is removed with its last finalizer.
    pub fn remove_finalizer(
        &mut self,
        kind: &Kind,
        namespace: &str,
        name: &str,
        finalizer: &str,
    ) -> Result<(), StatusError> {
        let (resource, live) = self.existing(kind, namespace, name)?;
        let mut object = live.clone();
        remove_finalizer(&mut object, finalizer);
        if object != live {
            self.write_or_remove(&resource, object);
        }
        Ok(())
    }

    /// Writes a changed object, or removes it when it is being deleted and nothing holds it up.
    pub(super) fn write_or_remove(&mut self, resource: &Resource, object: Value) -> Value {
        let metadata = &object["metadata"];
        let waits = metadata["deletionGracePeriodSeconds"].as_i64().unwrap_or(0) > 0;
        let marked = !metadata["deletionTimestamp"].is_null();
        if marked && !waits && !has_finalizers(&object) && !is_namespace(resource) {
            return self.remove(resource, &object);
        }
        let written = self.commit(resource, object, ChangeType::Modified);
        if marked && is_namespace(resource) {
            self.finish_namespace(written["metadata"]["name"].as_str().unwrap_or_default());
        }
        written
    }

    fn mark_deleted(&self, object: &mut Value, grace: i64, is_pod: bool) {
        let now = self.now();
        let due = jiff::Timestamp::from_second(now.as_second().saturating_add(grace))
            .unwrap_or(now)
            .to_string();
        let metadata = &mut object["metadata"];
        if metadata["deletionTimestamp"].is_null() {
            metadata["deletionTimestamp"] = json!(due);
            // A deletion increases the generation, see `rest.BeforeDelete`.
            if let Some(generation) = metadata["generation"].as_i64() {
                metadata["generation"] = json!(generation + 1);
            }
            metadata["deletionGracePeriodSeconds"] = json!(grace);
        } else if is_pod
            && metadata["deletionGracePeriodSeconds"]
                .as_i64()
                .is_some_and(|left| grace < left)
        {
            metadata["deletionTimestamp"] = json!(due);
            metadata["deletionGracePeriodSeconds"] = json!(grace);
        }
    }
}

impl Deletion {
    fn check(&self, resource: &Resource, live: &Value, name: &str) -> Result<(), StatusError> {
        for (what, expected, field) in [
            ("UID", &self.uid, "uid"),
            ("ResourceVersion", &self.resource_version, "resourceVersion"),
        ] {
            let found = live["metadata"][field].as_str().unwrap_or_default();
            if let Some(expected) = expected
                && expected != found
            {
                let why =
                    format!("Precondition failed: {what} in precondition: {expected}, {what} in object meta: {found}");
                return Err(StatusError::conflict(&resource.plural, &resource.group, name, &why));
            }
        }
        Ok(())
    }
}

/// Adds the finalizer of the requested propagation, and removes the other one.
fn mark_dependents(resource: &Resource, object: &mut Value, propagation: Option<Propagation>) {
    // Kinds from before garbage collection orphan by default: `jobStrategy.DefaultGarbageCollectionPolicy`.
    let legacy = resource.is("batch", "Job") || resource.is("", "ReplicationController");
    let default = if legacy {
        Propagation::Orphan
    } else {
        Propagation::Background
    };
    let stands = propagation.is_none() && (has_finalizer(object, FOREGROUND) || has_finalizer(object, ORPHAN));
    if stands {
        return;
    }
    let (on, off): (Option<&str>, &[&str]) = match propagation.unwrap_or(default) {
        Propagation::Foreground => (Some(FOREGROUND), &[ORPHAN]),
        Propagation::Background => (None, &[FOREGROUND, ORPHAN]),
        Propagation::Orphan => (Some(ORPHAN), &[FOREGROUND]),
    };
    for finalizer in off {
        remove_finalizer(object, finalizer);
    }
    if let Some(on) = on {
        add_finalizer(object, on);
    }
}

/// Returns the grace period of a pod in seconds; it is zero for a pod that can't be running.
fn grace_seconds(pod: &Value, requested: Option<i64>) -> i64 {
    let phase = pod["status"]["phase"].as_str().unwrap_or_default();
    let placed = !pod["spec"]["nodeName"].is_null() || phase == "Running";
    if !placed || phase == "Succeeded" || phase == "Failed" {
        return 0;
    }
    requested
        .or_else(|| pod["spec"]["terminationGracePeriodSeconds"].as_i64())
        .unwrap_or(30)
        .max(0)
}

fn is_namespace(resource: &Resource) -> bool {
    resource.is("", "Namespace")
}

fn has_finalizer(object: &Value, finalizer: &str) -> bool {
    object["metadata"]["finalizers"]
        .as_array()
        .is_some_and(|all| all.iter().any(|one| one == finalizer))
}

fn has_finalizers(object: &Value) -> bool {
    object["metadata"]["finalizers"]
        .as_array()
        .is_some_and(|all| !all.is_empty())
}

fn add_finalizer(object: &mut Value, finalizer: &str) {
    if !has_finalizer(object, finalizer) {
        match object["metadata"]["finalizers"].as_array_mut() {
            Some(finalizers) => finalizers.push(json!(finalizer)),
            None => object["metadata"]["finalizers"] = json!([finalizer]),
        }
    }
}

fn remove_finalizer(object: &mut Value, finalizer: &str) {
    let Some(metadata) = object["metadata"].as_object_mut() else {
        return;
    };
    if let Some(finalizers) = metadata.get_mut("finalizers").and_then(Value::as_array_mut) {
        finalizers.retain(|one| one != finalizer);
        if finalizers.is_empty() {
            metadata.remove("finalizers");
        }
    }
}
