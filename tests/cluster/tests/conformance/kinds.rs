//! The built-in kinds: none is missing, and what never changes is refused in the same words.

use std::collections::BTreeMap;

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::ground::Ground;

/// A change that is refused.
#[derive(Deserialize)]
struct Row {
    what: String,
    object: Value,
    /// A merge patch.
    change: Value,
    /// What the message has after `is invalid: `.
    refused: String,
}

/// How discovery describes a resource: scope, kind, verbs, short names, categories, and the subresources `status` and `scale`.
type Described = BTreeMap<String, Value>;

/// Returns what discovery says of every built-in resource, by group, version and name.
async fn discovered(on: &Ground) -> Described {
    let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    let mut found = Described::new();
    for path in ["/api", "/apis"] {
        let answer = on.send_as(Method::GET, path, accept, "application/json", None).await;
        let list = answer.is(200);
        for group in list["items"].as_array().unwrap() {
            let name = group["metadata"]["name"].as_str().unwrap_or_default();
            for version in group["versions"].as_array().unwrap() {
                for resource in version["resources"].as_array().unwrap() {
                    let path = format!(
                        "{name}/{}/{}",
                        version["version"].as_str().unwrap(),
                        resource["resource"].as_str().unwrap()
                    );
                    found.insert(path, described(resource));
                }
            }
        }
    }
    found
}

fn described(resource: &Value) -> Value {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let subresources: Vec<Value> = list(&resource["subresources"])
        .into_iter()
        .map(|one| one["subresource"].clone())
        .filter(|name| {
            ["status", "scale", "approval", "log", "eviction", "exec", "attach"]
                .iter()
                .any(|known| name == known)
        })
        .collect();
    let mut subresources: Vec<String> = subresources.iter().map(Value::to_string).collect();
    subresources.sort();
    json!({
        "kind": resource["responseKind"]["kind"], "scope": resource["scope"], "singular": resource["singularResource"],
        "verbs": list(&resource["verbs"]), "short": list(&resource["shortNames"]), "categories": list(&resource["categories"]),
        "subresources": subresources,
    })
}

/// What both arms serve, as the real control plane of these tests lists it.
const SERVED: &str = include_str!("kinds.json");

pub async fn every_built_in_kind_is_served(on: Ground) {
    let expected: Described = serde_json::from_str(SERVED).unwrap();
    let mut found = discovered(&on).await;
    // Other tests of the same control plane define kinds of their own, in groups with these endings.
    found.retain(|path, _| {
        let group = path.split('/').next().unwrap_or_default();
        !group.contains('.') || group.ends_with(".k8s.io")
    });
    for (path, expected) in &expected {
        assert_eq!(found.get(path), Some(expected), "{path}");
    }
    let more: Vec<&String> = found.keys().filter(|path| !expected.contains_key(*path)).collect();
    assert!(more.is_empty(), "served as well: {more:?}");
}

/// Returns the path of an object's collection.
async fn collection(on: &Ground, object: &Value) -> String {
    let version = object["apiVersion"].as_str().unwrap();
    let root = if version.contains('/') { "/apis" } else { "/api" };
    let list = on.get(&format!("{root}/{version}")).await.is(200);
    let mut resources = list["resources"].as_array().unwrap().iter();
    let resource = resources
        .find(|one| one["kind"] == object["kind"] && !one["name"].as_str().unwrap().contains('/'))
        .unwrap();
    let plural = resource["name"].as_str().unwrap();
    if resource["namespaced"] == true {
        format!("{root}/{version}/namespaces/{}/{plural}", on.namespace)
    } else {
        format!("{root}/{version}/{plural}")
    }
}

/// Waits until a definition is served: its scope may change before.
async fn established(on: &Ground, path: &str) {
    for _ in 0..100 {
        let found = on.get(path).await.is(200);
        let conditions = found["status"]["conditions"].as_array().cloned().unwrap_or_default();
        if conditions
            .iter()
            .any(|one| one["type"] == "Established" && one["status"] == "True")
        {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("{path} is never established");
}

pub async fn fields_that_never_change_are_refused(on: Ground) {
    let rows: Vec<Row> = serde_yaml::from_str(include_str!("immutable.yaml")).unwrap();
    for row in rows {
        let path = collection(&on, &row.object).await;
        let name = row.object["metadata"]["name"].as_str().unwrap();
        on.post(&path, &row.object).await.is(201);
        if row.object["kind"] == "CustomResourceDefinition" {
            established(&on, &format!("{path}/{name}")).await;
        }
        let refused = on.merge(&format!("{path}/{name}"), &row.change).await;
        assert!(refused.code == 422, "{}: {:#}", row.what, refused.body);
        refused.refuses(422, "Invalid", &format!("*is invalid: {}", row.refused));
        on.delete(&format!("{path}/{name}"), &json!({ "gracePeriodSeconds": 0 }))
            .await;
    }
}

pub async fn a_bound_claim_does_not_shrink(on: Ground) {
    let volume = json!({
        "apiVersion": "v1", "kind": "PersistentVolume", "metadata": { "name": on.namespace },
        "spec": {
            "storageClassName": "none", "capacity": { "storage": "2Gi" }, "accessModes": ["ReadWriteOnce"],
            "hostPath": { "path": "/nowhere" },
        },
    });
    on.post("/api/v1/persistentvolumes", &volume).await.is(201);
    let claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "shrinks" },
        "spec": {
            "storageClassName": "none", "volumeName": on.namespace, "accessModes": ["ReadWriteOnce"],
            "resources": { "requests": { "storage": "2Gi" } },
        },
    });
    on.post("persistentvolumeclaims", &claim).await.is(201);
    let bound = json!({ "status": { "phase": "Bound", "capacity": { "storage": "2Gi" } } });
    on.until("persistentvolumeclaims/shrinks", &bound).await;
    let smaller = json!({ "spec": { "resources": { "requests": { "storage": "1Gi" } } } });
    let refused = on.merge("persistentvolumeclaims/shrinks", &smaller).await;
    refused.refuses(
        422,
        "Invalid",
        "*spec.resources.requests.storage: Forbidden: field can not be less than status.capacity",
    );
}

pub async fn bad_objects_of_built_in_kinds_are_refused(on: Ground) {
    let service = |name: &str, spec: Value| json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": name }, "spec": spec });
    let of = |version: &str, kind: &str, rest: Value| {
        let mut object = json!({ "apiVersion": version, "kind": kind, "metadata": { "name": "bad" } });
        for (field, value) in rest.as_object().unwrap() {
            object[field] = value.clone();
        }
        object
    };
    let target = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": "a" });
    let cases = [
        (
            service(
                "a",
                json!({ "ports": [{ "name": "a", "port": 80 }, { "name": "a", "port": 81 }] }),
            ),
            "spec.ports[1].name: Duplicate value: \"a\"",
        ),
        (
            service(
                "b",
                json!({ "ports": [{ "name": "a", "port": 80 }, { "name": "b", "port": 80 }] }),
            ),
            "spec.ports[1]: Duplicate value: *",
        ),
        (
            service("c", json!({ "ports": [{ "port": 80 }, { "port": 81 }] })),
            "[spec.ports[0].name: Required value, spec.ports[1].name: Required value]",
        ),
        (
            service("d", json!({ "selector": { "a": "b" } })),
            "spec.ports: Required value",
        ),
        (
            service("e", json!({ "ports": [{ "port": 70000 }] })),
            "[spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive, *",
        ),
        (
            service("f", json!({ "type": "Foo", "ports": [{ "port": 80 }] })),
            "spec.type: Unsupported value: \"Foo\": *",
        ),
        (
            service("g", json!({ "type": "ExternalName" })),
            "spec.externalName: Required value",
        ),
        (
            of(
                "autoscaling/v2",
                "HorizontalPodAutoscaler",
                json!({ "spec": { "minReplicas": 3, "maxReplicas": 2, "scaleTargetRef": target } }),
            ),
            "spec.maxReplicas: Invalid value: 2: must be greater than or equal to `minReplicas`",
        ),
        (
            of(
                "autoscaling/v2",
                "HorizontalPodAutoscaler",
                json!({ "spec": { "scaleTargetRef": target } }),
            ),
            "*spec.maxReplicas: Required value: must be set and greater than 0*",
        ),
        (
            of(
                "policy/v1",
                "PodDisruptionBudget",
                json!({ "spec": { "minAvailable": 1, "maxUnavailable": 1 } }),
            ),
            "spec: Invalid value: *: minAvailable and maxUnavailable cannot be both set",
        ),
        (
            of("networking.k8s.io/v1", "Ingress", json!({ "spec": {} })),
            "spec: Invalid value: null: either `defaultBackend` or `rules` must be specified",
        ),
        (
            of(
                "v1",
                "PersistentVolumeClaim",
                json!({ "spec": { "resources": { "requests": { "storage": "1Gi" } } } }),
            ),
            "spec.accessModes: Required value: at least 1 access mode is required",
        ),
        (
            of(
                "v1",
                "PersistentVolumeClaim",
                json!({ "spec": { "accessModes": ["ReadWriteOnce"] } }),
            ),
            "spec.resources[storage]: Required value",
        ),
        (
            of("storage.k8s.io/v1", "StorageClass", json!({})),
            "provisioner: Required value",
        ),
        (
            of(
                "scheduling.k8s.io/v1",
                "PriorityClass",
                json!({ "value": 2_000_000_000 }),
            ),
            "value: Forbidden: maximum allowed value of a user defined priority is 1000000000",
        ),
        (
            of("node.k8s.io/v1", "RuntimeClass", json!({})),
            "handler: Required value",
        ),
        (
            of(
                "apiregistration.k8s.io/v1",
                "APIService",
                json!({ "spec": {
                "group": "a.example", "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 100,
                "service": { "name": "a", "namespace": "b" }, "insecureSkipTLSVerify": true,
            } }),
            ),
            "metadata.name: Invalid value: \"bad\": must be `spec.version+\".\"+spec.group`: \"v1.a.example\"",
        ),
        (
            of("discovery.k8s.io/v1", "EndpointSlice", json!({ "endpoints": [] })),
            "addressType: Required value",
        ),
        (
            of("storage.k8s.io/v1", "VolumeAttributesClass", json!({})),
            "[driverName: Required value, parameters: Required value: must contain at least one key/value pair]",
        ),
    ];
    for (object, words) in cases {
        let path = collection(&on, &object).await;
        let refused = on.post(&format!("{path}?dryRun=All"), &object).await;
        assert!(refused.code == 422, "{object:#}: {:#}", refused.body);
        refused.refuses(422, "Invalid", &format!("*is invalid: {words}"));
    }
}

pub async fn an_autoscaler_is_served_in_both_versions(on: Ground) {
    let first = json!({
        "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": { "name": "both" },
        "spec": {
            "maxReplicas": 2, "targetCPUUtilizationPercentage": 70,
            "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "none" },
        },
    });
    on.post("autoscaling/v1/horizontalpodautoscalers", &first).await.is(201);
    let metric = json!([{
        "type": "Resource", "resource": { "name": "cpu", "target": { "type": "Utilization", "averageUtilization": 70 } },
    }]);
    let second = on.get("autoscaling/v2/horizontalpodautoscalers/both").await;
    second.shows(
        200,
        &json!({ "apiVersion": "autoscaling/v2", "spec": { "metrics": metric } }),
    );
    let again = on.get("autoscaling/v1/horizontalpodautoscalers/both").await;
    again.shows(
        200,
        &json!({ "spec": { "targetCPUUtilizationPercentage": 70, "metrics": null } }),
    );
}
