//! Finds what may create a Secret or ConfigMap while a sync runs: a controller of an object that names it, and workloads whose role allows
//! it.

use serde_json::Value;

use crate::kubernetes::needs;
use crate::{
    model::object::{Object, ObjectKey},
    plan::{Plan, task::Task},
};

/// How many levels of a custom resource are searched for a name.
const MAX_DEPTH: u32 = 32;

/// Returns whether a controller creates this Secret or `ConfigMap` from an object: the kind is known for that, or it is a custom resource
/// that contains the name.
pub(crate) fn creates(object: &Object, needed: &ObjectKey) -> bool {
    if let Some(made) = needs::generated_secret(object) {
        return made == *needed;
    }
    let is_custom = object.group().contains('.') && !object.group().ends_with(".k8s.io");
    let is_near = object.namespace().is_empty() || object.namespace() == needed.namespace;
    is_custom
        && is_near
        && object
            .0
            .get("spec")
            .is_some_and(|spec| contains_text(spec, &needed.name, MAX_DEPTH))
}

fn contains_text(value: &Value, needed: &str, levels: u32) -> bool {
    let Some(levels) = levels.checked_sub(1) else {
        return false;
    };
    match value {
        Value::String(text) => text == needed,
        Value::Array(all) => all.iter().any(|one| contains_text(one, needed, levels)),
        Value::Object(all) => all.values().any(|one| contains_text(one, needed, levels)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Returns whether a workload of the plan has an account that a role of the plan allows to create such objects.
pub(crate) fn may_create(plan: &Plan, workload: &Task, needed: &ObjectKey) -> bool {
    let Some(object) = &workload.object else { return false };
    let is_workload = matches!(
        (object.group(), object.kind()),
        ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
    );
    let Some(spec) = needs::pod_spec_pointer(object).filter(|_| is_workload) else {
        return false;
    };
    let account = object
        .text(&format!("{spec}/serviceAccountName"))
        .or_else(|| object.text(&format!("{spec}/serviceAccount")))
        .unwrap_or("default");
    let objects = || plan.tasks.iter().filter_map(|task| task.object.as_ref());
    objects().any(|binding| {
        let reaches = match binding.kind() {
            "ClusterRoleBinding" => true,
            "RoleBinding" => binding.namespace() == needed.namespace,
            _ => return false,
        };
        reaches
            && binding.group() == "rbac.authorization.k8s.io"
            && has_subject(binding, object.namespace(), account)
            && objects().any(|role| is_role_of(role, binding) && allows_create(role, needed))
    })
}

fn elements<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

fn has_subject(binding: &Object, namespace: &str, account: &str) -> bool {
    elements(&binding.0, "/subjects").any(|subject| {
        let text = |field: &str| subject.get(field).and_then(Value::as_str);
        text("kind") == Some("ServiceAccount")
            && text("name") == Some(account)
            && text("namespace").unwrap_or(binding.namespace()) == namespace
    })
}

fn is_role_of(role: &Object, binding: &Object) -> bool {
    role.group() == "rbac.authorization.k8s.io"
        && binding.text("/roleRef/kind") == Some(role.kind())
        && binding.text("/roleRef/name") == Some(role.name())
        && (role.kind() == "ClusterRole" || role.namespace() == binding.namespace())
}

fn allows_create(role: &Object, needed: &ObjectKey) -> bool {
    let resource = if needed.kind == "Secret" {
        "secrets"
    } else {
        "configmaps"
    };
    elements(&role.0, "/rules").any(|rule| {
        let has = |field: &str, word: &str| {
            let all = rule.get(field).and_then(Value::as_array);
            all.into_iter()
                .flatten()
                .any(|one| matches!(one.as_str(), Some(found) if found == word || found == "*"))
        };
        has("apiGroups", &needed.group) && has("resources", resource) && has("verbs", "create")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secret(name: &str) -> ObjectKey {
        ObjectKey {
            group: String::new(),
            kind: "Secret".to_owned(),
            namespace: "shop".to_owned(),
            name: name.to_owned(),
        }
    }

    #[test]
    fn controllers_make_what_their_objects_name() {
        let custom = |version: &str, kind: &str, spec: Value| {
            Object(
                json!({ "apiVersion": version, "kind": kind, "metadata": { "name": "x", "namespace": "shop" }, "spec": spec }),
            )
        };
        let certificate = custom("cert-manager.io/v1", "Certificate", json!({ "secretName": "tls" }));
        assert!(creates(&certificate, &secret("tls")));
        assert!(!creates(&certificate, &secret("x")));
        let database = custom(
            "db.example.com/v1",
            "Database",
            json!({ "users": [{ "secret": { "name": "login" } }] }),
        );
        assert!(creates(&database, &secret("login")));
        assert!(!creates(&database, &secret("other")));
        let deployment = custom("apps/v1", "Deployment", json!({ "secretName": "tls" }));
        assert!(!creates(&deployment, &secret("tls")));
    }
}
