//! What an object needs: what its pods mount and read, their account, its namespace, the definition of its kind. Also what controllers
//! create from an object, such as the Secret of a `SealedSecret`.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::model::object::{GroupKind, Object, ObjectKey};

/// Something that an object needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Need {
    /// The key of the needed object.
    pub key: ObjectKey,
    /// Where the object names it, as a JSON pointer.
    pub pointer: String,
    /// A verb for messages: the Job `mounts` the Secret.
    pub verb: &'static str,
    /// Whether pods can't start without it.
    pub is_certain: bool,
}

/// Returns the JSON pointer to the pod spec of an object, for kinds that have one.
pub(crate) fn pod_spec_pointer(object: &Object) -> Option<&'static str> {
    match (object.group(), object.kind()) {
        ("", "Pod") => Some("/spec"),
        ("batch", "Job")
        | ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
        | ("", "ReplicationController")
        | ("argoproj.io", "Rollout") => Some("/spec/template/spec"),
        ("batch", "CronJob") => Some("/spec/jobTemplate/spec/template/spec"),
        _ => None,
    }
}

/// Returns what the pods of an object need to start; empty if it has no pods.
pub(crate) fn pod_needs(object: &Object) -> Vec<Need> {
    let Some(root) = pod_spec_pointer(object) else {
        return Vec::new();
    };
    let Some(spec) = object.0.pointer(root) else {
        return Vec::new();
    };
    let has_none = ["/spec/replicas", "/spec/parallelism"]
        .iter()
        .any(|count| object.0.pointer(count).and_then(Value::as_i64) == Some(0));
    if has_none {
        return Vec::new();
    }
    let mut list = NeedList {
        namespace: object.namespace(),
        seen: BTreeSet::new(),
        needs: Vec::new(),
    };
    for (at, volume) in elements(spec, "volumes") {
        list.volume(volume, &format!("{root}/volumes/{at}"));
    }
    for field in ["initContainers", "containers", "ephemeralContainers"] {
        for (at, container) in elements(spec, field) {
            list.container(container, &format!("{root}/{field}/{at}"));
        }
    }
    for (at, secret) in elements(spec, "imagePullSecrets") {
        let pointer = format!("{root}/imagePullSecrets/{at}/name");
        list.add("Secret", secret, "name", &pointer, "pulls its images with", false);
    }
    let account = ["serviceAccountName", "serviceAccount"]
        .into_iter()
        .find(|field| spec.get(field).and_then(Value::as_str).is_some());
    if let Some(field) = account {
        list.add(
            "ServiceAccount",
            spec,
            field,
            &format!("{root}/{field}"),
            "runs as",
            true,
        );
    }
    list.add_cluster_object(
        "scheduling.k8s.io",
        "PriorityClass",
        spec,
        "priorityClassName",
        root,
        "has the priority of",
    );
    list.add_cluster_object("node.k8s.io", "RuntimeClass", spec, "runtimeClassName", root, "runs in");
    list.needs
}

/// Returns the kind that an object defines, if it is a definition.
pub(crate) fn defined_kind(object: &Object) -> Option<GroupKind> {
    if object.kind() != "CustomResourceDefinition" || object.group() != "apiextensions.k8s.io" {
        return None;
    }
    Some(GroupKind::new(
        object.text("/spec/group")?,
        object.text("/spec/names/kind")?,
    ))
}

/// Returns the Secret that a controller creates from an object, for well-known kinds.
pub(crate) fn generated_secret(object: &Object) -> Option<ObjectKey> {
    let named = match (object.group(), object.kind()) {
        ("bitnami.com", "SealedSecret") => object.text("/spec/template/metadata/name").unwrap_or(object.name()),
        ("external-secrets.io", "ExternalSecret") => object.text("/spec/target/name").unwrap_or(object.name()),
        ("cert-manager.io", "Certificate") => object.text("/spec/secretName")?,
        ("secrets.hashicorp.com", "VaultStaticSecret" | "VaultDynamicSecret" | "VaultPKISecret") => {
            object.text("/spec/destination/name")?
        }
        _ => return None,
    };
    (!named.is_empty()).then(|| ObjectKey {
        group: String::new(),
        kind: "Secret".to_owned(),
        namespace: object.namespace().to_owned(),
        name: named.to_owned(),
    })
}

/// Returns the items of a list with their indexes.
pub(crate) fn elements<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = (usize, &'a Value)> + use<'a> {
    value
        .get(field)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .enumerate()
}

/// Collects needs, each once.
struct NeedList<'a> {
    namespace: &'a str,
    seen: BTreeSet<ObjectKey>,
    needs: Vec<Need>,
}

impl NeedList<'_> {
    fn volume(&mut self, volume: &Value, pointer: &str) {
        let parts = [
            ("secret", "Secret", "secretName"),
            ("configMap", "ConfigMap", "name"),
            ("persistentVolumeClaim", "PersistentVolumeClaim", "claimName"),
            ("azureFile", "Secret", "secretName"),
        ];
        for (part, kind, field) in parts {
            if let Some(source) = volume.get(part) {
                self.add(
                    kind,
                    source,
                    field,
                    &format!("{pointer}/{part}/{field}"),
                    "mounts",
                    true,
                );
            }
        }
        if let Some(secret) = volume.pointer("/csi/nodePublishSecretRef") {
            let pointer = format!("{pointer}/csi/nodePublishSecretRef/name");
            self.add("Secret", secret, "name", &pointer, "mounts a volume with", true);
        }
        let projected = volume.get("projected").unwrap_or(&Value::Null);
        for (at, source) in elements(projected, "sources") {
            for (part, kind) in [("secret", "Secret"), ("configMap", "ConfigMap")] {
                if let Some(source) = source.get(part) {
                    let pointer = format!("{pointer}/projected/sources/{at}/{part}/name");
                    self.add(kind, source, "name", &pointer, "mounts", true);
                }
            }
        }
    }

    fn container(&mut self, container: &Value, pointer: &str) {
        for (at, source) in elements(container, "envFrom") {
            for (part, kind) in [("secretRef", "Secret"), ("configMapRef", "ConfigMap")] {
                if let Some(source) = source.get(part) {
                    let pointer = format!("{pointer}/envFrom/{at}/{part}/name");
                    self.add(kind, source, "name", &pointer, "reads", true);
                }
            }
        }
        for (at, variable) in elements(container, "env") {
            for (part, kind) in [("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")] {
                if let Some(source) = variable.get("valueFrom").and_then(|from| from.get(part)) {
                    let pointer = format!("{pointer}/env/{at}/valueFrom/{part}/name");
                    self.add(kind, source, "name", &pointer, "reads", true);
                }
            }
        }
    }

    /// Adds an object of the core group in the same namespace, unless the pod marks it as optional.
    fn add(&mut self, kind: &str, source: &Value, field: &str, pointer: &str, verb: &'static str, is_certain: bool) {
        let is_optional = source.get("optional").and_then(Value::as_bool) == Some(true);
        if let Some(name) = source.get(field).and_then(Value::as_str)
            && !is_optional
        {
            self.push(
                "",
                kind,
                self.namespace.to_owned(),
                name,
                pointer.to_owned(),
                verb,
                is_certain,
            );
        }
    }

    /// Adds a cluster-wide object.
    fn add_cluster_object(
        &mut self,
        group: &str,
        kind: &str,
        spec: &Value,
        field: &str,
        root: &str,
        verb: &'static str,
    ) {
        if let Some(name) = spec.get(field).and_then(Value::as_str) {
            self.push(group, kind, String::new(), name, format!("{root}/{field}"), verb, true);
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of two structs, put together in one place"
    )]
    fn push(
        &mut self,
        group: &str,
        kind: &str,
        namespace: String,
        name: &str,
        pointer: String,
        verb: &'static str,
        is_certain: bool,
    ) {
        let key = ObjectKey {
            group: group.to_owned(),
            kind: kind.to_owned(),
            namespace,
            name: name.to_owned(),
        };
        if !name.is_empty() && self.seen.insert(key.clone()) {
            self.needs.push(Need {
                key,
                pointer,
                verb,
                is_certain,
            });
        }
    }
}

/// Returns the role and the accounts that a binding names, each with its JSON pointer and whether it is the role.
pub(crate) fn binding_references(object: &Object) -> Vec<(ObjectKey, String, bool)> {
    let text = |value: &Value, field: &str| value.get(field).and_then(Value::as_str).map(str::to_owned);
    let mut named = Vec::new();
    if let Some(role) = object.0.get("roleRef")
        && let (Some(kind), Some(name)) = (text(role, "kind"), text(role, "name"))
    {
        let namespace = if kind == "Role" { object.namespace() } else { "" };
        let key = ObjectKey {
            group: "rbac.authorization.k8s.io".to_owned(),
            kind,
            namespace: namespace.to_owned(),
            name,
        };
        named.push((key, "/roleRef/name".to_owned(), true));
    }
    for (at, subject) in elements(&object.0, "subjects") {
        if text(subject, "kind").as_deref() == Some("ServiceAccount")
            && let Some(name) = text(subject, "name")
        {
            let key = ObjectKey {
                group: String::new(),
                kind: "ServiceAccount".to_owned(),
                namespace: text(subject, "namespace").unwrap_or_else(|| object.namespace().to_owned()),
                name,
            };
            named.push((key, format!("/subjects/{at}/name"), false));
        }
    }
    named
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn list(object: Value) -> Vec<String> {
        pod_needs(&Object(object))
            .iter()
            .map(|need| {
                let doubt = if need.is_certain { "" } else { "?" };
                format!("{} {}{doubt} {}", need.verb, need.key, need.pointer)
            })
            .collect()
    }

    #[test]
    fn everything_that_a_pod_names_is_found() {
        let spec = json!({
            "serviceAccountName": "runner", "priorityClassName": "high", "runtimeClassName": "gvisor",
            "imagePullSecrets": [{ "name": "registry" }],
            "volumes": [
                { "name": "a", "secret": { "secretName": "keys" } }, { "name": "b", "configMap": { "name": "settings" } },
                { "name": "c", "persistentVolumeClaim": { "claimName": "data" } }, { "name": "d", "emptyDir": {} },
                { "name": "e", "projected": { "sources": [{ "serviceAccountToken": {} }, { "secret": { "name": "token" } }] } },
                { "name": "f", "csi": { "driver": "x", "nodePublishSecretRef": { "name": "vault" } } },
            ],
            "initContainers": [{ "name": "i", "envFrom": [{ "configMapRef": { "name": "first" } }] }],
            "containers": [{ "name": "m", "env": [
                { "name": "A", "value": "1" }, { "name": "B", "valueFrom": { "secretKeyRef": { "name": "db", "key": "k" } } },
            ] }],
        });
        let job = json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "migrate", "namespace": "shop" },
            "spec": { "template": { "spec": spec } } });
        insta::assert_snapshot!(list(job).join("\n"), @"
        mounts Secret shop/keys /spec/template/spec/volumes/0/secret/secretName
        mounts ConfigMap shop/settings /spec/template/spec/volumes/1/configMap/name
        mounts PersistentVolumeClaim shop/data /spec/template/spec/volumes/2/persistentVolumeClaim/claimName
        mounts Secret shop/token /spec/template/spec/volumes/4/projected/sources/1/secret/name
        mounts a volume with Secret shop/vault /spec/template/spec/volumes/5/csi/nodePublishSecretRef/name
        reads ConfigMap shop/first /spec/template/spec/initContainers/0/envFrom/0/configMapRef/name
        reads Secret shop/db /spec/template/spec/containers/0/env/1/valueFrom/secretKeyRef/name
        pulls its images with Secret shop/registry? /spec/template/spec/imagePullSecrets/0/name
        runs as ServiceAccount shop/runner /spec/template/spec/serviceAccountName
        has the priority of PriorityClass high /spec/template/spec/priorityClassName
        runs in RuntimeClass gvisor /spec/template/spec/runtimeClassName
        ");
    }

    #[test]
    fn what_is_optional_or_has_no_pods_needs_nothing() {
        let secret = json!({ "name": "a", "secret": { "secretName": "keys", "optional": true } });
        let pod = json!({ "apiVersion": "v1", "kind": "Pod", "spec": { "volumes": [secret] } });
        assert_eq!(list(pod), Vec::<String>::new());
        let account = json!({ "spec": { "serviceAccountName": "runner" } });
        let none =
            json!({ "apiVersion": "apps/v1", "kind": "Deployment", "spec": { "replicas": 0, "template": account } });
        assert_eq!(list(none), Vec::<String>::new());
        assert_eq!(
            list(json!({ "apiVersion": "v1", "kind": "Pod", "spec": "?" })),
            Vec::<String>::new()
        );
    }

    #[test]
    fn secrets_that_controllers_make_are_known() {
        let made = |object: Value| generated_secret(&Object(object)).map(|key| key.to_string());
        let meta = json!({ "name": "db", "namespace": "shop" });
        assert_eq!(
            made(json!({ "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "metadata": meta })),
            Some("Secret shop/db".to_owned())
        );
        let target = json!({ "target": { "name": "keys" } });
        assert_eq!(
            made(
                json!({ "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": meta, "spec": target })
            ),
            Some("Secret shop/keys".to_owned())
        );
        assert_eq!(
            made(
                json!({ "apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": meta, "spec": { "secretName": "tls" } })
            ),
            Some("Secret shop/tls".to_owned())
        );
        assert_eq!(
            made(json!({ "apiVersion": "v1", "kind": "Secret", "metadata": meta })),
            None
        );
    }
}
