//! Creation and deletion of namespaces, with their initial objects.

use serde_json::{Value, json};

use super::{Deletion, Kind, Propagation, Store, commit::namespace_and_name};
use crate::status::StatusError;

impl Store {
    /// Creates the initial namespaces of a cluster.
    pub(super) fn create_initial_namespaces(&mut self) {
        for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
            let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
            // The names and the kind are ours: nothing is refused.
            self.create(namespace).ok();
        }
        let service = json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": { "name": "kubernetes", "namespace": "default",
                "labels": { "component": "apiserver", "provider": "kubernetes" } },
            "spec": { "clusterIP": "10.96.0.1", "ports": [{ "name": "https", "port": 443, "targetPort": 6443 }] },
        });
        self.create(service).ok();
    }

    /// Creates the initial objects of a namespace.
    pub(super) fn populate_namespace(&mut self, name: &str) -> Result<(), StatusError> {
        self.create(json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "default", "namespace": name },
        }))?;
        self.create(json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": "kube-root-ca.crt", "namespace": name,
                "annotations": { "kubernetes.io/description": "Contains a CA bundle that can be used to verify the \
                    kube-apiserver when using internal endpoints such as the internal service IP or \
                    kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters." } },
            "data": { "ca.crt": "" },
        }))?;
        Ok(())
    }

    /// Deletes all objects of a namespace that is being deleted, and the namespace once it is empty.
    pub(super) fn empty_namespace(&mut self, name: &str) {
        let inside: Vec<(Kind, String)> = self
            .objects
            .iter()
            .filter_map(|(kind, objects)| Some((kind, objects.get(name)?)))
            .flat_map(|(kind, names)| names.keys().map(|name| (kind.clone(), name.clone())))
            .collect();
        for (kind, object) in inside {
            let how = Deletion {
                propagation: Some(Propagation::Background),
                ..Deletion::default()
            };
            // An object that doesn't exist any more is as good as a deleted one.
            self.delete(&kind, name, &object, how).ok();
        }
        self.finish_namespace(name);
    }

    /// Removes a namespace that is being deleted, is empty and has no finalizers of its own.
    pub(super) fn finish_namespace(&mut self, name: &str) {
        let kind = Kind::new("", "Namespace");
        let Ok((resource, namespace)) = self.existing(&kind, "", name) else {
            return;
        };
        let going = !namespace["metadata"]["deletionTimestamp"].is_null();
        let held = namespace["metadata"]["finalizers"]
            .as_array()
            .is_some_and(|all| !all.is_empty());
        let held = held || foreign_finalizer(&namespace);
        let inhabited = self.objects.values().any(|objects| objects.contains_key(name));
        if going && !held && !inhabited {
            self.remove(&resource, &namespace);
        }
    }

    /// Replaces the finalizers in the spec of a namespace.
    pub(crate) fn finalize_namespace(&mut self, name: &str, finalizers: Value) -> Result<Value, StatusError> {
        let (resource, mut namespace) = self.existing(&Kind::new("", "Namespace"), "", name)?;
        namespace["spec"]["finalizers"] = finalizers;
        Ok(self.write_or_remove(&resource, namespace))
    }

    /// Deletes the selected objects. Returns their last states.
    pub(crate) fn delete_all(
        &mut self,
        kind: &Kind,
        objects: &[Value],
        how: &Deletion,
    ) -> Result<Vec<Value>, StatusError> {
        let mut gone = Vec::new();
        for object in objects {
            let (namespace, name) = namespace_and_name(object);
            gone.push(self.delete(kind, &namespace, &name, how.clone())?);
        }
        Ok(gone)
    }
}

/// Says whether the spec has another finalizer than the built-in one, whose owner must finish first.
fn foreign_finalizer(namespace: &Value) -> bool {
    let finalizers = namespace["spec"]["finalizers"].as_array();
    finalizers.is_some_and(|all| all.iter().any(|finalizer| finalizer != "kubernetes"))
}
