//! Kinds that a set brings along.

use http::Method;
use serde_json::{Value, json};

use super::ground::Ground;

/// A definition of a kind in a group of its own: definitions belong to no namespace.
fn definition(group: &str) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("widgets.{group}") },
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": { "kind": "Widget", "plural": "widgets", "singular": "widget" },
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": { "status": {} },
                "schema": { "openAPIV3Schema": { "type": "object", "properties": {
                    "spec": { "type": "object", "required": ["size"], "properties": {
                        "size": { "type": "integer", "minimum": 1 },
                        "colour": { "type": "string", "default": "blue", "enum": ["blue", "red"] },
                    } },
                    "status": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
                } } },
            }],
        },
    })
}

async fn established(on: &Ground, group: &str) -> String {
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    on.post(definitions, &definition(group)).await.is(201);
    let path = format!("{definitions}/widgets.{group}");
    // Its conditions come in no order that counts.
    let mut seen = on
        .until(&path, &json!({ "status": { "acceptedNames": { "kind": "Widget" } } }))
        .await;
    for _ in 0..10 {
        let conditions = seen["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let is = |name: &str| {
            conditions
                .iter()
                .any(|one| one["type"] == name && one["status"] == "True")
        };
        if is("Established") && is("NamesAccepted") {
            return path;
        }
        let revision = seen["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
        let mut news = on
            .watch(&format!(
                "{definitions}?fieldSelector=metadata.name%3Dwidgets.{group}&resourceVersion={revision}"
            ))
            .await;
        seen = news.next().await.1;
    }
    panic!("it is never established: {seen:#}");
}

fn widget(group: &str, spec: &Value) -> Value {
    json!({ "apiVersion": format!("{group}/v1"), "kind": "Widget", "metadata": { "name": "w" }, "spec": spec })
}

pub async fn a_definition_becomes_established_and_serves(on: Ground) {
    let group = "first.acme.io";
    on.get(&format!("{group}/v1/widgets")).await.is(404);
    let path = established(&on, group).await;
    let widgets = served(&on, group).await;
    on.post(&widgets, &widget(group, &json!({ "size": 1 })))
        .await
        .shows(201, &json!({ "metadata": { "generation": 1 } }));
    on.delete(&path, &json!({})).await.is(200);
    on.until_gone(&path).await;
    answers(&on, &widgets, 404).await;
}

/// Waits until objects can be listed.
async fn served(on: &Ground, group: &str) -> String {
    let widgets = format!("{group}/v1/widgets");
    answers(on, &widgets, 200).await;
    widgets
}

/// Waits until a list is answered with this code: a server does as a definition says a little after it says so.
async fn answers(on: &Ground, list: &str, code: u16) {
    for _ in 0..100 {
        if on.get(list).await.code == code {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("{list} is never answered with {code}");
}

pub async fn custom_objects_are_pruned_defaulted_and_checked(on: Ground) {
    let group = "second.acme.io";
    established(&on, group).await;
    let widgets = served(&on, group).await;
    let one = format!("{widgets}/w");
    let unfit = on
        .post(&widgets, &widget(group, &json!({ "size": 0, "colour": "green" })))
        .await;
    let unfit = unfit.refuses(422, "Invalid", "Widget.second.acme.io \"w\" is invalid: *");
    let mut fields: Vec<_> = unfit["details"]["causes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cause| cause["field"].as_str().unwrap().to_owned())
        .collect();
    fields.sort();
    assert_eq!(fields, ["spec.colour", "spec.size"]);
    on.post(&widgets, &widget(group, &json!({})))
        .await
        .refuses(422, "Invalid", "*spec.size: Required value*");
    on.post(&widgets, &widget(group, &json!({ "size": "big" })))
        .await
        .refuses(422, "Invalid", "*spec.size: Invalid value: \"string\"*");
    on.apply("one", &one, &widget(group, &json!({ "size": 1, "odd": true })))
        .await
        .refuses(
            500,
            "*",
            "failed to create typed patch object *: .spec.odd: field not declared in schema",
        );
    let made = on
        .post(&widgets, &widget(group, &json!({ "size": 1, "odd": true })))
        .await
        .is(201);
    assert_eq!(
        made["spec"],
        json!({ "size": 1, "colour": "blue" }),
        "pruned and defaulted"
    );
}

pub async fn custom_objects_have_a_generation_and_a_status(on: Ground) {
    let group = "fourth.acme.io";
    established(&on, group).await;
    let widgets = served(&on, group).await;
    let one = format!("{widgets}/w");
    on.apply("one", &one, &widget(group, &json!({ "size": 1 })))
        .await
        .is(201);
    let changed = json!({ "spec": { "size": 2 }, "status": { "phase": "Odd" } });
    let changed = on
        .merge(&one, &changed)
        .await
        .shows(200, &json!({ "metadata": { "generation": 2 } }));
    assert!(
        changed["status"].is_null(),
        "a status is written by its own resource: {changed:#}"
    );
    let status = json!({ "spec": { "size": 3 }, "status": { "phase": "Ready" } });
    let status = on.merge(&format!("{one}/status"), &status).await;
    status.shows(
        200,
        &json!({ "metadata": { "generation": 2 }, "spec": { "size": 2 }, "status": { "phase": "Ready" } }),
    );
    let strategic = "application/strategic-merge-patch+json";
    let refused = on
        .send(Method::PATCH, &one, strategic, Some(&json!({ "spec": { "size": 4 } })))
        .await;
    refused.refuses(415, "UnsupportedMediaType", "*");
    let mut blind = widget(group, &json!({ "size": 5 }));
    blind["metadata"]["uid"] = changed["metadata"]["uid"].clone();
    let blind = on.put(&one, &blind).await;
    blind.refuses(
        422,
        "Invalid",
        "*metadata.resourceVersion: Invalid value: *must be specified for an update*",
    );
}

pub async fn what_is_defined_can_be_discovered(on: Ground) {
    let group = "third.acme.io";
    established(&on, group).await;
    served(&on, group).await;
    let list = on.get(&format!("/apis/{group}/v1")).await.is(200);
    let widgets = list["resources"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == "widgets")
        .cloned();
    let widgets = widgets.unwrap_or_else(|| panic!("{list:#}"));
    assert_eq!(
        (&widgets["kind"], &widgets["namespaced"]),
        (&json!("Widget"), &json!(true))
    );
    let aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    let core = on.send_as(Method::GET, "/api", aggregated, "", None).await.is(200);
    assert_eq!(core["kind"], "APIGroupDiscoveryList");
    let resources = core["items"][0]["versions"][0]["resources"].as_array().unwrap();
    let maps = resources.iter().find(|one| one["resource"] == "configmaps").unwrap();
    assert_eq!(
        (&maps["scope"], &maps["responseKind"]["kind"]),
        (&json!("Namespaced"), &json!("ConfigMap"))
    );
    let groups = on.send_as(Method::GET, "/apis", aggregated, "", None).await.is(200);
    let groups: Vec<_> = groups["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["metadata"]["name"].clone())
        .collect();
    assert!(
        groups.contains(&json!("apps")) && groups.contains(&json!("batch")),
        "{groups:?}"
    );
    let version = on.get("/version").await.is(200);
    assert!(version["gitVersion"].as_str().unwrap().starts_with("v1."));
}
