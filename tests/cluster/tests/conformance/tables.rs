//! Tables, as `kubectl get` asks for them.

use http::Method;
use serde_json::{Value, json};

use super::ground::Ground;

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

async fn table(on: &Ground, resource: &str) -> Value {
    on.send_as(Method::GET, resource, TABLE, "application/json", None)
        .await
        .shows(200, &json!({ "kind": "Table", "apiVersion": "meta.k8s.io/v1" }))
}

/// Writes the columns of a table as `columns.txt` does.
fn columns(table: &Value) -> String {
    let written = table["columnDefinitions"].as_array().unwrap().iter().map(|column| {
        let text = |field: &str| column[field].as_str().unwrap();
        let wide = if column["priority"] == 0 { "" } else { "*" };
        let format = if text("format").is_empty() { "" } else { "/" };
        format!("{}{wide}:{}{format}{}", text("name"), text("type"), text("format"))
    });
    written.collect::<Vec<_>>().join("|")
}

pub async fn every_kind_has_its_columns(on: Ground) {
    let lines = include_str!("columns.txt")
        .lines()
        .filter(|line| !line.starts_with('#'));
    for line in lines {
        let [path, kind, expected] = line.splitn(3, ' ').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let served = on.get(path).await.is(200);
        let mut resources = served["resources"].as_array().unwrap().iter();
        let plural = resources
            .find(|one| one["kind"] == kind && !one["name"].as_str().unwrap().contains('/'))
            .unwrap()["name"]
            .as_str()
            .unwrap();
        let table = table(&on, &format!("{path}/{plural}")).await;
        assert_eq!(columns(&table), expected, "{line}");
    }
}

fn template(labels: &Value) -> Value {
    json!({ "metadata": { "labels": labels }, "spec": { "restartPolicy": "Always", "containers": [
        { "name": "main", "image": "nginx:1" }, { "name": "side", "image": "envoy:2" },
    ] } })
}

pub async fn cells_say_what_a_printer_says(on: Ground) {
    let labels = json!({ "app": "a", "tier": "b" });
    let mut once = template(&json!({}));
    once["spec"]["restartPolicy"] = json!("Never");
    for (resource, object, cells) in [
        (
            "apps/v1/deployments",
            json!({ "spec": { "replicas": 0, "selector": { "matchLabels": labels }, "template": template(&labels) } }),
            json!(["x", "0/0", 0, 0, "*", "main,side", "nginx:1,envoy:2", "app=a,tier=b"]),
        ),
        (
            "apps/v1/statefulsets",
            json!({ "spec": { "replicas": 0, "serviceName": "x", "selector": { "matchLabels": labels }, "template": template(&labels) } }),
            json!(["x", "0/0", "*", "main,side", "nginx:1,envoy:2"]),
        ),
        (
            "batch/v1/jobs",
            json!({ "spec": { "suspend": true, "completions": 3, "template": once } }),
            json!([
                "x",
                "*",
                "0/3",
                "",
                "*",
                "main,side",
                "nginx:1,envoy:2",
                "batch.kubernetes.io/controller-uid=*"
            ]),
        ),
        (
            "batch/v1/cronjobs",
            json!({ "spec": { "schedule": "@yearly", "suspend": true, "jobTemplate": { "spec": { "template": once } } } }),
            json!([
                "x",
                "@yearly",
                "<none>",
                "True",
                0,
                "<none>",
                "*",
                "main,side",
                "nginx:1,envoy:2",
                "<none>"
            ]),
        ),
        (
            "services",
            json!({ "spec": { "type": "ExternalName", "externalName": "a.example.org" } }),
            json!(["x", "ExternalName", "<none>", "a.example.org", "<none>", "*", "<none>"]),
        ),
        (
            "networking.k8s.io/v1/ingresses",
            json!({ "spec": { "ingressClassName": "none", "tls": [{ "hosts": ["a.example.org"] }], "rules":
                [{ "host": "a.example.org" }, { "host": "b.example.org" }, { "host": "c.example.org" }, { "host": "d.example.org" }] } }),
            json!([
                "x",
                "none",
                "a.example.org,b.example.org,c.example.org + 1 more...",
                "*",
                "80, 443",
                "*"
            ]),
        ),
        (
            "networking.k8s.io/v1/networkpolicies",
            json!({ "spec": { "podSelector": { "matchExpressions": [{ "key": "k", "operator": "In", "values": ["z", "a"] }] } } }),
            json!(["x", "k in (a,z)", "*"]),
        ),
        (
            "policy/v1/poddisruptionbudgets",
            json!({ "spec": { "maxUnavailable": "20%", "selector": { "matchLabels": { "app": "none" } } } }),
            json!(["x", "N/A", "20%", 0, "*"]),
        ),
        (
            "rbac.authorization.k8s.io/v1/rolebindings",
            json!({ "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r" }, "subjects": [
                { "kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "u" },
                { "kind": "ServiceAccount", "namespace": "n", "name": "s" },
            ] }),
            json!(["x", "Role/r", "*", "u", "", "n/s"]),
        ),
        (
            "configmaps",
            json!({ "data": { "a": "b" }, "binaryData": { "c": "ZA==" } }),
            json!(["x", 2, "*"]),
        ),
        (
            "secrets",
            json!({ "stringData": { "a": "b" } }),
            json!(["x", "Opaque", 1, "*"]),
        ),
        (
            "rbac.authorization.k8s.io/v1/roles",
            json!({ "rules": [] }),
            json!(["x", "20*Z"]),
        ),
    ] {
        let mut object = object;
        object["metadata"] = json!({ "name": "x" });
        on.post(resource, &object).await.is(201);
        let table = table(&on, &format!("{resource}/x")).await;
        let found = json!([resource, table["rows"][0]["cells"]]);
        let expected = json!([resource, cells]);
        assert!(
            super::answer::is_like(&found, &expected),
            "{found} should be like {expected}"
        );
    }
}

pub async fn a_row_has_as_much_of_its_object_as_is_asked_for(on: Ground) {
    let object = json!({ "metadata": { "name": "x" }, "data": { "a": "b" } });
    on.post("configmaps", &object).await.is(201);
    for (query, expected) in [
        (
            "",
            json!({ "kind": "PartialObjectMetadata", "data": null, "metadata": { "name": "x" } }),
        ),
        (
            "?includeObject=Metadata",
            json!({ "kind": "PartialObjectMetadata", "data": null }),
        ),
        (
            "?includeObject=Object",
            json!({ "kind": "ConfigMap", "data": { "a": "b" } }),
        ),
        ("?includeObject=None", Value::Null),
    ] {
        let table = table(&on, &format!("configmaps/x{query}")).await;
        let found = &table["rows"][0]["object"];
        assert!(super::answer::is_like(found, &expected), "{query}: {found:#}");
    }
}

pub async fn a_scale_is_a_table_too(on: Ground) {
    let labels = json!({ "app": "a" });
    let object = json!({ "metadata": { "name": "x" },
        "spec": { "replicas": 0, "selector": { "matchLabels": labels }, "template": template(&labels) } });
    on.post("apps/v1/deployments", &object).await.is(201);
    let table = table(&on, "apps/v1/deployments/x/scale").await;
    assert_eq!(
        columns(&table),
        "Name:string|Desired:integer|Available:integer|Age:string"
    );
    let cells = &table["rows"][0]["cells"];
    assert!(super::answer::is_like(cells, &json!(["x", 0, 0, "*"])), "{cells}");
}
