//! Manifests in a short form: `Kind/name` with its annotations and fields. `SPACE` stands for the namespace, and a `*` at the end of a
//! name for the generated part.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::{Value, json};

/// The annotations and fields of a manifest.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ManifestEntry {
    /// `argocd.argoproj.io/hook`.
    hook: Option<String>,
    /// `argocd.argoproj.io/sync-wave`.
    wave: Option<Value>,
    /// `argocd.argoproj.io/hook-delete-policy`.
    policy: Option<String>,
    /// `argocd.argoproj.io/sync-options`.
    options: Option<String>,
    /// `helm.sh/hook`.
    helm: Option<String>,
    /// `helm.sh/hook-weight`.
    weight: Option<Value>,
    /// `helm.sh/hook-delete-policy`.
    helm_policy: Option<String>,
    /// Other annotations.
    annotations: BTreeMap<String, String>,
    /// The API version, if its kind isn't a common one.
    api: Option<String>,
    /// Fields that are added to the default ones of its kind, or replace them.
    with: Value,
}

/// Makes the objects of a set.
///
/// # Errors
///
/// Returns which entry is invalid.
pub fn objects(set: &BTreeMap<String, ManifestEntry>, space: &str) -> anyhow::Result<Vec<Value>> {
    set.iter()
        .map(|(name, entry)| object(name, entry, space).with_context(|| format!("manifest `{name}`")))
        .collect()
}

/// Makes the text of a file with a set.
///
/// # Errors
///
/// Returns which entry is invalid.
pub fn text(set: &BTreeMap<String, ManifestEntry>, space: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    for object in objects(set, space)? {
        text.push_str("---\n");
        text.push_str(&serde_yaml::to_string(&object)?);
    }
    Ok(text)
}

fn object(name: &str, entry: &ManifestEntry, space: &str) -> anyhow::Result<Value> {
    let (kind, name) = name.split_once('/').context("manifests are named `Kind/name`")?;
    let mut object = default_fields(kind, entry)?;
    let metadata = match name.strip_suffix('*') {
        Some(prefix) => json!({ "generateName": prefix }),
        None => json!({ "name": name }),
    };
    merge(&mut object, &json!({ "kind": kind, "metadata": metadata }));
    let annotations = entry.all_annotations()?;
    if !annotations.is_empty() {
        merge(&mut object, &json!({ "metadata": { "annotations": annotations } }));
    }
    merge(&mut object, &entry.with);
    Ok(serde_json::from_str(&object.to_string().replace("SPACE", space))?)
}

impl ManifestEntry {
    fn all_annotations(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let mut all = self.annotations.clone();
        let texts = [
            ("argocd.argoproj.io/hook", self.hook.clone()),
            ("argocd.argoproj.io/sync-wave", self.wave.as_ref().map(scalar_text)),
            ("argocd.argoproj.io/hook-delete-policy", self.policy.clone()),
            ("argocd.argoproj.io/sync-options", self.options.clone()),
            ("helm.sh/hook", self.helm.clone()),
            ("helm.sh/hook-weight", self.weight.as_ref().map(scalar_text)),
            ("helm.sh/hook-delete-policy", self.helm_policy.clone()),
        ];
        for (name, text) in texts {
            let Some(text) = text else { continue };
            anyhow::ensure!(all.insert(name.to_owned(), text).is_none(), "{name} is there twice");
        }
        Ok(all)
    }
}

/// Returns a scalar as an annotation has it.
fn scalar_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// Returns the default fields of a kind.
fn default_fields(kind: &str, entry: &ManifestEntry) -> anyhow::Result<Value> {
    if let Some(api) = &entry.api {
        return Ok(json!({ "apiVersion": api }));
    }
    let container = json!([{ "name": "main", "image": "ubuntu" }]);
    let labels = json!({ "app": "main" });
    let template = json!({ "metadata": { "labels": labels }, "spec": { "containers": container, "terminationGracePeriodSeconds": 0 } });
    Ok(match kind {
        "ConfigMap" => json!({ "apiVersion": "v1", "data": { "colour": "green" } }),
        "Secret" | "ServiceAccount" | "Namespace" => json!({ "apiVersion": "v1" }),
        "Service" => json!({ "apiVersion": "v1", "spec": { "selector": labels, "ports": [{ "port": 80 }] } }),
        "PersistentVolumeClaim" => json!({ "apiVersion": "v1", "spec": { "accessModes": ["ReadWriteOnce"],
            "resources": { "requests": { "storage": "1Mi" } } } }),
        "Pod" => json!({ "apiVersion": "v1", "spec": { "restartPolicy": "Never", "containers": container,
            "terminationGracePeriodSeconds": 0 } }),
        "Job" => json!({ "apiVersion": "batch/v1", "spec": { "backoffLimit": 0, "template": { "spec": {
            "restartPolicy": "Never", "containers": container, "terminationGracePeriodSeconds": 0 } } } }),
        "CronJob" => {
            json!({ "apiVersion": "batch/v1", "spec": { "schedule": "0 0 1 1 *", "jobTemplate": { "spec": { "template": {
            "spec": { "restartPolicy": "Never", "containers": container } } } } } })
        }
        "Deployment" => {
            json!({ "apiVersion": "apps/v1", "spec": { "selector": { "matchLabels": labels }, "template": template } })
        }
        "StatefulSet" => {
            json!({ "apiVersion": "apps/v1", "spec": { "serviceName": "main", "selector": { "matchLabels": labels },
            "template": template } })
        }
        "Role" => json!({ "apiVersion": "rbac.authorization.k8s.io/v1",
            "rules": [{ "apiGroups": [""], "resources": ["pods"], "verbs": ["get"] }] }),
        "RoleBinding" => json!({ "apiVersion": "rbac.authorization.k8s.io/v1",
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "main" },
            "subjects": [{ "kind": "ServiceAccount", "name": "default", "namespace": "SPACE" }] }),
        "NetworkPolicy" => json!({ "apiVersion": "networking.k8s.io/v1", "spec": { "podSelector": {} } }),
        // The kind `Thing`, of a group that belongs to the case.
        "CustomResourceDefinition" => {
            json!({ "apiVersion": "apiextensions.k8s.io/v1", "spec": { "group": "SPACE.io", "scope": "Namespaced",
            "names": { "kind": "Thing", "plural": "things" },
            "versions": [{ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": {
                "type": "object", "x-kubernetes-preserve-unknown-fields": true } } }] } })
        }
        "Thing" => json!({ "apiVersion": "SPACE.io/v1" }),
        _ => anyhow::bail!("say its API version by `api`"),
    })
}

/// Merges a value into another, as a merge patch does, except that `null` is kept.
fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (_, Value::Null) => {}
        (into, from) => into.clone_from(from),
    }
}
