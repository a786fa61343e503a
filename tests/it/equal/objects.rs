//! Objects whose values the server keeps, leaves out or fills in, and edits of them.

use capstan_tests::random::Random;
use serde_json::{Value, json};

/// Objects with values that the server keeps, leaves out, fills in, writes in another form, and owns as one or in parts.
pub(super) fn set(group: &str) -> Vec<Value> {
    let wait = json!({ "capstan.dev/wait": "applied" });
    let object = |version: &str, kind: &str, fields: Value| {
        let mut object = json!({ "apiVersion": version, "kind": kind,
            "metadata": { "name": kind.to_lowercase(), "annotations": wait, "labels": { "a": "b", "feature": "" } } });
        for (name, value) in fields.as_object().unwrap() {
            object[name] = value.clone();
        }
        object
    };
    let pod = json!({
        "hostNetwork": false, "nodeSelector": { "disk": "ssd", "worker": "" }, "securityContext": {}, "affinity": null,
        "containers": [{
            "name": "main", "image": "ubuntu", "args": ["a", "b"], "terminationMessagePath": null,
            "env": [{ "name": "EMPTY", "value": "" }, { "name": "A", "value": "1" }],
            "ports": [{ "containerPort": 80, "name": "http" }], "readinessProbe": { "tcpSocket": { "port": 80 }, "initialDelaySeconds": 0 },
            "resources": { "limits": { "cpu": "1000m", "memory": "1024Mi" } },
            "volumeMounts": [{ "name": "tmp", "mountPath": "/tmp", "readOnly": false }],
        }],
        "volumes": [{ "name": "tmp", "emptyDir": {} }],
    });
    let names = |kind: &str| json!({ "kind": kind, "listKind": format!("{kind}List"), "plural": format!("{}s", kind.to_lowercase()), "singular": kind.to_lowercase() });
    let definition = |kind: &str, spec: Value| {
        json!({ "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": { "name": format!("{}s.{group}", kind.to_lowercase()) },
            "spec": { "group": group, "scope": "Namespaced", "names": names(kind), "versions": [{ "name": "v1", "served": true, "storage": true,
                "schema": { "openAPIV3Schema": { "type": "object", "properties": { "spec": spec } } } }] } })
    };
    let text = json!({ "type": "string" });
    let custom = format!("{group}/v1");
    let spec = json!({ "text": "x", "empty": "", "map": {}, "list": [], "zero": 0, "no": false, "selfSigned": {},
        "tags": ["a", "b"], "items": [{ "name": "a", "value": "" }, { "name": "b", "value": "1" }] });
    vec![
        definition(
            "Loose",
            json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true }),
        ),
        definition(
            "Strict",
            json!({ "type": "object", "properties": {
            "text": text, "empty": text, "zero": { "type": "integer" }, "no": { "type": "boolean" },
            "map": { "type": "object", "additionalProperties": text }, "selfSigned": { "type": "object" },
            "list": { "type": "array", "items": text },
            "tags": { "type": "array", "items": text, "x-kubernetes-list-type": "set" },
            "items": { "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                "items": { "type": "object", "required": ["name"], "properties": { "name": text, "value": text } } } } }),
        ),
        object(&custom, "Loose", json!({ "spec": spec })),
        object(&custom, "Strict", json!({ "spec": spec })),
        object(
            "v1",
            "ConfigMap",
            json!({ "data": { "a": "b", "empty": "", "no": "no" } }),
        ),
        object(
            "v1",
            "Secret",
            json!({ "stringData": { "a": "b", "empty": "" }, "data": { "a": "eA==", "lines": "YWJj\nZGVm\n" } }),
        ),
        object(
            "v1",
            "Service",
            json!({ "spec": { "selector": { "a": "b", "c": "" }, "clusterIP": "", "publishNotReadyAddresses": false,
            "ports": [{ "name": "http", "port": 80, "targetPort": 80 }, { "name": "dns", "port": 53, "protocol": "UDP" }] } }),
        ),
        object(
            "apps/v1",
            "Deployment",
            json!({ "spec": { "replicas": 0, "minReadySeconds": 0, "strategy": null,
            "selector": { "matchLabels": { "app": "a" } }, "template": { "metadata": { "labels": { "app": "a" } }, "spec": pod } } }),
        ),
        object(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            json!({ "spec": { "podSelector": {}, "policyTypes": ["Ingress"],
            "ingress": [{ "from": [{ "podSelector": { "matchLabels": { "app": "web" } } }] }] } }),
        ),
        object(
            "rbac.authorization.k8s.io/v1",
            "Role",
            json!({ "rules": [{ "apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"] }] }),
        ),
        object(
            "policy/v1",
            "PodDisruptionBudget",
            json!({ "spec": { "maxUnavailable": 0, "selector": { "matchLabels": { "a": "b" } } } }),
        ),
        object(
            "autoscaling/v2",
            "HorizontalPodAutoscaler",
            json!({ "spec": { "minReplicas": 1, "maxReplicas": 2,
            "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "none" },
            "metrics": [{ "type": "Resource", "resource": { "name": "memory", "target": { "type": "AverageValue", "averageValue": "1024Mi" } } }] } }),
        ),
        object(
            "v1",
            "LimitRange",
            json!({ "spec": { "limits": [{ "type": "Container", "default": { "cpu": 0.5, "memory": "0.5Gi" } }] } }),
        ),
    ]
}

/// Lists what may be edited: everything but what an object is known by.
fn places(value: &Value, pointer: &str, found: &mut Vec<String>) {
    let is_fixed = [
        "",
        "/apiVersion",
        "/kind",
        "/metadata",
        "/metadata/name",
        "/metadata/annotations/capstan.dev~1wait",
    ]
    .contains(&pointer);
    if !is_fixed {
        found.push(pointer.to_owned());
    }
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                places(value, &format!("{pointer}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (at, value) in items.iter().enumerate() {
                places(value, &format!("{pointer}/{at}"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Edits one value of an object, and returns where.
pub(super) fn edit(object: &mut Value, random: &mut Random) -> String {
    let mut all = Vec::new();
    places(object, "", &mut all);
    let pointer = random.choose(&all).clone();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    if random.one_in(5)
        && let Some(parent) = object.pointer_mut(parent).and_then(Value::as_object_mut)
    {
        parent.remove(&name.replace("~1", "/").replace("~0", "~"));
        return pointer;
    }
    let place = object.pointer_mut(&pointer).unwrap();
    if random.one_in(6) {
        *place = Value::Null;
        return pointer;
    }
    *place = match &*place {
        Value::Null => random.choose(&[json!({}), json!([]), json!(""), json!(0)]).clone(),
        Value::Bool(value) => json!(!value),
        Value::Number(number) => {
            let number = number.as_i64().unwrap_or_default();
            json!(if random.one_in(2) { 0 } else { number + 1 })
        }
        Value::String(text) => json!(if random.one_in(2) {
            String::new()
        } else {
            format!("{text}x")
        }),
        Value::Object(members) => {
            let mut members = members.clone();
            match random.below(3) {
                0 => members.clear(),
                1 => _ = members.insert("extra".to_owned(), json!("")),
                _ => _ = members.insert("more".to_owned(), json!({})),
            }
            Value::Object(members)
        }
        Value::Array(items) => {
            let mut items = items.clone();
            match random.below(4) {
                0 => items.clear(),
                1 => items.reverse(),
                2 => _ = items.pop(),
                _ => items.extend(items.first().cloned()),
            }
            Value::Array(items)
        }
    };
    pointer
}
