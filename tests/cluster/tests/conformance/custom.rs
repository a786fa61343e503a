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

pub async fn rules_of_a_custom_kind_have_the_servers_words(on: Ground) {
    let group = "rules.acme.io";
    let mut made = definition(group);
    made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"] = json!({
        "type": "object",
        "properties": {
            "size": { "type": "integer", "minimum": 1, "maximum": 5 },
            "between": { "type": "number", "minimum": 0.5, "exclusiveMinimum": true, "maximum": 1.5, "exclusiveMaximum": true },
            "small": { "type": "integer", "format": "int32" },
            "tens": { "type": "integer", "multipleOf": 10 },
            "name": { "type": "string", "minLength": 2, "maxLength": 4, "pattern": "^[a-z]+$" },
            "one": { "type": "string", "maxLength": 1 },
            "list": { "type": "array", "minItems": 1, "maxItems": 2, "items": { "type": "string" } },
            "set": { "type": "array", "x-kubernetes-list-type": "set", "items": { "type": "string" } },
            "map": { "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                "items": { "type": "object", "required": ["name"], "properties": { "name": { "type": "string" } } } },
            "entries": { "type": "object", "minProperties": 1, "maxProperties": 2, "additionalProperties": { "type": "string" } },
            "colour": { "type": "string", "enum": ["blue", "red"] },
            "level": { "type": "integer", "enum": [1, 2] },
            "either": { "x-kubernetes-int-or-string": true },
        },
    });
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    on.post(definitions, &made).await.is(201);
    let widgets = served(&on, group).await;
    let should = |field: &str, value: &str, should: &str| {
        let message = format!("Invalid value: {value}: spec.{field} in body should {should}");
        ("FieldValueInvalid", field.to_owned(), message)
    };
    let is_not = |field: &str, expected: &str, found: &str| {
        let message =
            format!("Invalid value: \"{found}\": spec.{field} in body must be of type {expected}: \"{found}\"");
        ("FieldValueTypeInvalid", field.to_owned(), message)
    };
    let other = |reason: &'static str, field: &str, message: &str| (reason, field.to_owned(), message.to_owned());
    let cases = [
        (
            json!({ "size": 0 }),
            should("size", "0", "be greater than or equal to 1"),
        ),
        (json!({ "size": 6 }), should("size", "6", "be less than or equal to 5")),
        (
            json!({ "between": 0.5 }),
            should("between", "0.5", "be greater than 0.5"),
        ),
        (json!({ "between": 1.5 }), should("between", "1.5", "be less than 1.5")),
        (json!({ "tens": 15 }), should("tens", "15", "be a multiple of 10")),
        (
            json!({ "name": "a" }),
            should("name", "\"a\"", "be at least 2 chars long"),
        ),
        (json!({ "name": "AB" }), should("name", "\"AB\"", "match '^[a-z]+$'")),
        (json!({ "list": [] }), should("list", "0", "have at least 1 items")),
        (
            json!({ "entries": {} }),
            should("entries", "0", "have at least 1 properties"),
        ),
        (json!({ "size": "1" }), is_not("size", "integer", "string")),
        (json!({ "either": true }), is_not("either", "integer,string", "boolean")),
        (json!({ "list": "a" }), is_not("list", "array", "string")),
        (json!({ "list": [1] }), is_not("list[0]", "string", "integer")),
        (
            json!({ "name": "abcde" }),
            other("FieldValueTooLong", "name", "Too long: may not be more than 4 bytes"),
        ),
        (
            json!({ "one": "ab" }),
            other("FieldValueTooLong", "one", "Too long: may not be more than 1 byte"),
        ),
        (
            json!({ "list": ["a", "b", "c"] }),
            other("FieldValueTooMany", "list", "Too many: 3: must have at most 2 items"),
        ),
        (
            json!({ "entries": { "a": "", "b": "", "c": "" } }),
            other("FieldValueTooMany", "entries", "Too many: 3: must have at most 2 items"),
        ),
        (
            json!({ "set": ["a", "a"] }),
            other("FieldValueDuplicate", "set[1]", "Duplicate value: \"a\""),
        ),
        (
            json!({ "map": [{ "name": "a" }, { "name": "a" }] }),
            other("FieldValueDuplicate", "map[1]", "Duplicate value: {\"name\":\"a\"}"),
        ),
        (
            json!({ "colour": "green" }),
            other(
                "FieldValueNotSupported",
                "colour",
                "Unsupported value: \"green\": supported values: \"blue\", \"red\"",
            ),
        ),
    ];
    for (spec, (reason, field, message)) in cases {
        let refused = on.post(&widgets, &widget(group, &spec)).await;
        let refused = refused.refuses(422, "Invalid", "Widget.rules.acme.io \"w\" is invalid: *");
        let cause = json!({ "reason": reason, "field": format!("spec.{field}"), "message": message });
        assert_eq!(refused["details"]["causes"], json!([cause]), "{spec}");
    }
    let small = on
        .post(&widgets, &widget(group, &json!({ "small": 3_000_000_000_i64 })))
        .await;
    small.refuses(
        422,
        "Invalid",
        "*: <nil>: Invalid value: \"\": Checked value must be of type integer with format int32 in spec.small",
    );
}
