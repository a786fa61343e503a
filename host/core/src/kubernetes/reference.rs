//! The objects that a workload's pods need to start.

use serde_json::Value;

use crate::model::object::Object;

/// An object that a pod template names. It is of the core group and in the workload's namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// The kind of the referenced object.
    pub kind: &'static str,
    /// The name of the referenced object.
    pub name: String,
    /// Whether pods can start without it.
    pub is_optional: bool,
    /// Where the template names it, as a JSON pointer.
    pub pointer: String,
}

/// JSON pointers of pod specifications in workloads.
const POD_SPECS: [&str; 3] = ["/spec/jobTemplate/spec/template/spec", "/spec/template/spec", "/spec"];

/// What a volume names: its field, the member of the field, and the kind.
const VOLUMES: [(&str, &str, &str); 3] = [
    ("configMap", "name", "ConfigMap"),
    ("secret", "secretName", "Secret"),
    ("persistentVolumeClaim", "claimName", "PersistentVolumeClaim"),
];

/// Lists the objects that a workload's pods name, in the order in which they are written; empty for objects without pods.
pub fn references(object: &Object) -> Vec<Reference> {
    let mut found = Vec::new();
    let spec = POD_SPECS
        .into_iter()
        .filter_map(|pointer| Some((pointer, object.0.pointer(pointer)?)))
        .find(|(_, spec)| spec.get("containers").is_some_and(Value::is_array));
    let Some((at, spec)) = spec else { return found };
    push(&mut found, "ServiceAccount", spec, "serviceAccountName", at);
    for (at, secret) in members(spec, "imagePullSecrets", at) {
        push(&mut found, "Secret", secret, "name", &at);
    }
    for (at, volume) in members(spec, "volumes", at) {
        for (field, member, kind) in VOLUMES {
            named(&mut found, kind, volume, field, member, &at);
        }
        let Some(projected) = volume.get("projected") else {
            continue;
        };
        for (at, source) in members(projected, "sources", &format!("{at}/projected")) {
            named(&mut found, "ConfigMap", source, "configMap", "name", &at);
            named(&mut found, "Secret", source, "secret", "name", &at);
        }
    }
    for list in ["initContainers", "containers"] {
        for (at, container) in members(spec, list, at) {
            for (at, from) in members(container, "envFrom", &at) {
                named(&mut found, "ConfigMap", from, "configMapRef", "name", &at);
                named(&mut found, "Secret", from, "secretRef", "name", &at);
            }
            for (at, variable) in members(container, "env", &at) {
                let Some(from) = variable.get("valueFrom") else {
                    continue;
                };
                let at = format!("{at}/valueFrom");
                named(&mut found, "ConfigMap", from, "configMapKeyRef", "name", &at);
                named(&mut found, "Secret", from, "secretKeyRef", "name", &at);
            }
        }
    }
    found
}

fn members<'value>(owner: &'value Value, list: &str, at: &str) -> Vec<(String, &'value Value)> {
    let members = owner.get(list).and_then(Value::as_array);
    let members = members.into_iter().flatten().enumerate();
    members
        .map(|(index, member)| (format!("{at}/{list}/{index}"), member))
        .collect()
}

fn named(found: &mut Vec<Reference>, kind: &'static str, owner: &Value, field: &str, member: &str, at: &str) {
    if let Some(inner) = owner.get(field) {
        push(found, kind, inner, member, &format!("{at}/{field}"));
    }
}

fn push(found: &mut Vec<Reference>, kind: &'static str, owner: &Value, member: &str, at: &str) {
    if let Some(name) = owner.get(member).and_then(Value::as_str)
        && !name.is_empty()
    {
        found.push(Reference {
            kind,
            name: name.to_owned(),
            is_optional: owner.get("optional") == Some(&Value::Bool(true)),
            pointer: format!("{at}/{member}"),
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names_of(object: Value) -> Vec<String> {
        let found = references(&Object(object));
        let optional = |reference: &Reference| if reference.is_optional { " (optional)" } else { "" };
        let text = found
            .iter()
            .map(|one| format!("{}/{}{} at {}", one.kind, one.name, optional(one), one.pointer));
        text.collect()
    }

    #[test]
    fn every_place_where_a_pod_names_an_object_is_known() {
        let spec = json!({
            "serviceAccountName": "worker", "imagePullSecrets": [{ "name": "pull" }],
            "volumes": [
                { "configMap": { "name": "a" } }, { "secret": { "secretName": "b", "optional": true } },
                { "persistentVolumeClaim": { "claimName": "c" } }, { "emptyDir": {} },
                { "projected": { "sources": [{ "secret": { "name": "d" } }, { "configMap": { "name": "e" } }] } },
            ],
            "initContainers": [{ "envFrom": [{ "configMapRef": { "name": "f" } }, { "secretRef": { "name": "g" } }] }],
            "containers": [{ "env": [
                { "name": "X", "value": "x" },
                { "name": "Y", "valueFrom": { "configMapKeyRef": { "name": "h", "key": "k" } } },
                { "name": "Z", "valueFrom": { "secretKeyRef": { "name": "i", "key": "k" } } },
            ] }],
        });
        let job = json!({ "kind": "Job", "spec": { "template": { "spec": spec } } });
        assert_eq!(
            names_of(job),
            [
                "ServiceAccount/worker at /spec/template/spec/serviceAccountName",
                "Secret/pull at /spec/template/spec/imagePullSecrets/0/name",
                "ConfigMap/a at /spec/template/spec/volumes/0/configMap/name",
                "Secret/b (optional) at /spec/template/spec/volumes/1/secret/secretName",
                "PersistentVolumeClaim/c at /spec/template/spec/volumes/2/persistentVolumeClaim/claimName",
                "Secret/d at /spec/template/spec/volumes/4/projected/sources/0/secret/name",
                "ConfigMap/e at /spec/template/spec/volumes/4/projected/sources/1/configMap/name",
                "ConfigMap/f at /spec/template/spec/initContainers/0/envFrom/0/configMapRef/name",
                "Secret/g at /spec/template/spec/initContainers/0/envFrom/1/secretRef/name",
                "ConfigMap/h at /spec/template/spec/containers/0/env/1/valueFrom/configMapKeyRef/name",
                "Secret/i at /spec/template/spec/containers/0/env/2/valueFrom/secretKeyRef/name",
            ]
        );
    }

    #[test]
    fn pods_and_cron_jobs_have_their_pods_elsewhere() {
        let spec = json!({ "serviceAccountName": "worker", "containers": [] });
        assert_eq!(
            names_of(json!({ "kind": "Pod", "spec": spec })),
            ["ServiceAccount/worker at /spec/serviceAccountName"]
        );
        let cron =
            json!({ "kind": "CronJob", "spec": { "jobTemplate": { "spec": { "template": { "spec": spec } } } } });
        assert_eq!(
            names_of(cron),
            ["ServiceAccount/worker at /spec/jobTemplate/spec/template/spec/serviceAccountName"]
        );
        assert_eq!(
            names_of(json!({ "kind": "ConfigMap", "data": { "spec": "x" } })),
            Vec::<String>::new()
        );
    }
}
