//! Server-side apply: who owns which field.

use http::Method;
use serde_json::{Value, json};

use super::{create::settings, ground::Ground, update::deployment};

const APPLY: &str = "application/apply-patch+yaml";

/// The entry of a manager in managedFields.
fn entry<'object>(object: &'object Value, manager: &str, operation: &str) -> Option<&'object Value> {
    let entries = object["metadata"]["managedFields"].as_array()?;
    entries
        .iter()
        .find(|entry| entry["manager"] == manager && entry["operation"] == operation)
}

fn map(data: &Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" }, "data": data })
}

pub async fn an_applied_object_is_made_and_owned(on: Ground) {
    let made = on.apply("one", "configmaps/a", &settings("a")).await.is(201);
    let mine = entry(&made, "one", "Apply").unwrap();
    assert_eq!(mine["fieldsType"], "FieldsV1");
    assert_eq!(mine["fieldsV1"], json!({ "f:data": { "f:colour": {} } }));
    let again = on.apply("one", "configmaps/a", &settings("a")).await.is(200);
    assert_eq!(
        again["metadata"]["resourceVersion"],
        made["metadata"]["resourceVersion"]
    );
    assert_eq!(again["metadata"]["managedFields"], made["metadata"]["managedFields"]);
}

pub async fn a_conflict_names_field_and_manager(on: Ground) {
    on.apply("one", "configmaps/a", &map(&json!({ "colour": "blue", "size": "1" })))
        .await
        .is(201);
    // The same value is shared.
    on.apply("two", "configmaps/a", &map(&json!({ "colour": "blue" })))
        .await
        .is(200);
    let refused = on
        .apply("two", "configmaps/a", &map(&json!({ "colour": "red", "size": "2" })))
        .await;
    let refused = refused.refuses(
        409,
        "Conflict",
        "Apply failed with 2 conflicts: conflicts with \"one\":\n- .data.colour\n- .data.size",
    );
    assert_eq!(
        refused["details"]["causes"],
        json!([
            { "reason": "FieldManagerConflict", "message": "conflict with \"one\"", "field": ".data.colour" },
            { "reason": "FieldManagerConflict", "message": "conflict with \"one\"", "field": ".data.size" },
        ])
    );
    let one = on.apply("two", "configmaps/a", &map(&json!({ "colour": "red" }))).await;
    one.refuses(
        409,
        "Conflict",
        "Apply failed with 1 conflict: conflict with \"one\": .data.colour",
    );
    let forced = on
        .apply("two", "configmaps/a?force=true", &map(&json!({ "colour": "red" })))
        .await;
    let forced = forced.shows(200, &json!({ "data": { "colour": "red", "size": "1" } }));
    assert_eq!(
        entry(&forced, "two", "Apply").unwrap()["fieldsV1"],
        json!({ "f:data": { "f:colour": {} } })
    );
    assert_eq!(
        entry(&forced, "one", "Apply").unwrap()["fieldsV1"],
        json!({ "f:data": { "f:size": {} } })
    );
}

pub async fn what_nobody_applies_any_more_goes(on: Ground) {
    on.apply("one", "configmaps/a", &map(&json!({ "mine": "1", "ours": "1" })))
        .await
        .is(201);
    on.apply("two", "configmaps/a", &map(&json!({ "ours": "1" })))
        .await
        .is(200);
    let less = on
        .apply("one", "configmaps/a", &map(&json!({ "other": "1" })))
        .await
        .is(200);
    assert_eq!(less["data"], json!({ "ours": "1", "other": "1" }));
    // A manager who applies nothing is forgotten.
    let none = on
        .apply(
            "two",
            "configmaps/a",
            &json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" } }),
        )
        .await
        .is(200);
    assert_eq!(none["data"], json!({ "other": "1" }));
    assert!(
        entry(&none, "two", "Apply").is_none_or(|entry| entry["fieldsV1"] == json!({})),
        "{none:#}"
    );
}

pub async fn lists_are_merged_by_their_keys(on: Ground) {
    let applied = on
        .apply("one", "apps/v1/deployments/d", &deployment("d", 0))
        .await
        .is(201);
    let containers =
        &entry(&applied, "one", "Apply").unwrap()["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:containers"];
    assert!(containers.get("k:{\"name\":\"serve\"}").is_some(), "{containers:#}");
    let beside = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "d" },
        "spec": { "template": { "spec": { "containers": [
            { "name": "beside", "image": "beside:1" },
            { "name": "serve", "env": [{ "name": "A", "value": "1" }], "ports": [{ "containerPort": 80 }] },
        ] } } },
    });
    let merged = on.apply("two", "apps/v1/deployments/d", &beside).await.is(200);
    let list = merged["spec"]["template"]["spec"]["containers"].as_array().unwrap();
    let names: Vec<&str> = list.iter().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(
        (names.contains(&"serve"), names.contains(&"beside"), names.len()),
        (true, true, 2)
    );
    let serve = list.iter().find(|one| one["name"] == "serve").unwrap();
    assert_eq!(
        (&serve["image"], &serve["env"], &serve["ports"][0]["protocol"]),
        (
            &json!("serve:1"),
            &json!([{ "name": "A", "value": "1" }]),
            &json!("TCP")
        )
    );
    let alone = on
        .apply("one", "apps/v1/deployments/d", &deployment("d", 0))
        .await
        .is(200);
    assert_eq!(
        alone["spec"]["template"]["spec"]["containers"]
            .as_array()
            .unwrap()
            .len(),
        2,
        "what another applied stays"
    );
    // Two managers hold one finalizer each.
    let held = |by: &str| json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "f", "finalizers": [format!("acme.io/{by}")] } });
    on.apply("one", "configmaps/f", &held("one")).await.is(201);
    let both = on.apply("two", "configmaps/f", &held("two")).await.is(200);
    assert_eq!(both["metadata"]["finalizers"].as_array().unwrap().len(), 2);
    let bare = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "f" } });
    on.apply("two", "configmaps/f", &bare)
        .await
        .shows(200, &json!({ "metadata": { "finalizers": ["acme.io/one"] } }));
    on.merge("configmaps/f", &json!({ "metadata": { "finalizers": null } }))
        .await
        .is(200);
}

pub async fn an_apply_is_checked(on: Ground) {
    let nobody = on
        .send(Method::PATCH, "configmaps/a", APPLY, Some(&settings("a")))
        .await;
    nobody.refuses(
        422,
        "Invalid",
        "*fieldManager: Required value: is required for apply patch",
    );
    let other = on.apply("one", "configmaps/a", &settings("b")).await;
    other.refuses(
        400,
        "BadRequest",
        "the name of the object (b) does not match the name on the URL (a)",
    );
    let mut managed = settings("a");
    managed["metadata"]["managedFields"] = json!([{ "manager": "one", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {} }]);
    on.apply("one", "configmaps/a", &managed)
        .await
        .refuses(400, "BadRequest", "metadata.managedFields must be nil");
    let twice = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "s" },
        "spec": { "ports": [{ "port": 80, "name": "a" }, { "port": 80, "name": "b" }] },
    });
    let twice = on.apply("one", "services/s", &twice).await;
    assert!(twice.code >= 400, "{twice:?}");
    let mut stale = settings("a");
    on.apply("one", "configmaps/a", &settings("a")).await.is(201);
    stale["metadata"]["resourceVersion"] = json!("1");
    on.apply("one", "configmaps/a", &stale)
        .await
        .refuses(409, "Conflict", "*the object has been modified*");
    let mut gone = settings("gone");
    gone["metadata"]["uid"] = json!("00000000-0000-4000-8000-000000000000");
    on.apply("one", "configmaps/gone", &gone).await.refuses(409, "Conflict", "*uid mismatch: the provided object specified uid 00000000-0000-4000-8000-000000000000, and no existing object was found*");
}

/// Only on a real one: the embedded cluster has no schemas.
pub async fn a_strict_apply_refuses_what_no_schema_has(on: Ground) {
    let strict = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" }, "dta": {} });
    let strict = on.apply("one", "configmaps/a?fieldValidation=Strict", &strict).await;
    assert!(
        strict.code >= 400 && strict.body["message"].as_str().unwrap().contains("dta"),
        "{strict:?}"
    );
}

pub async fn a_dry_run_of_an_apply_tells_and_leaves_nothing(on: Ground) {
    let applied = on.apply("one", "configmaps/a?dryRun=All", &settings("a")).await.is(201);
    assert!(entry(&applied, "one", "Apply").is_some());
    on.get("configmaps/a").await.is(404);
    let bad = on.apply("one", "configmaps/B?dryRun=All", &settings("B")).await;
    bad.refuses(422, "Invalid", "*");
    let nowhere = on
        .apply(
            "one",
            "/api/v1/namespaces/nowhere/configmaps/a?dryRun=All",
            &settings("a"),
        )
        .await;
    nowhere.refuses(404, "NotFound", "namespaces \"nowhere\" not found");
}

pub async fn updates_own_fields_too(on: Ground) {
    let made = on
        .post("configmaps?fieldManager=hand", &map(&json!({ "colour": "blue" })))
        .await
        .is(201);
    assert_eq!(
        entry(&made, "hand", "Update").unwrap()["fieldsV1"]["f:data"]["f:colour"],
        json!({})
    );
    let refused = on.apply("one", "configmaps/a", &map(&json!({ "colour": "red" }))).await;
    refused.refuses(
        409,
        "Conflict",
        "Apply failed with 1 conflict: conflict with \"hand\" using v1: .data.colour",
    );
    // Who doesn't say its name is known by its user agent.
    let merged = on
        .merge("configmaps/a", &json!({ "data": { "size": "1" } }))
        .await
        .is(200);
    assert!(entry(&merged, "conformance", "Update").is_some(), "{merged:#}");
    let forced = on
        .apply("one", "configmaps/a?force=true", &map(&json!({ "colour": "red" })))
        .await
        .is(200);
    let theirs = entry(&forced, "hand", "Update").map(|entry| entry["fieldsV1"]["f:data"]["f:colour"].clone());
    assert!(theirs.is_none_or(|owned| owned.is_null()), "{forced:#}");
    // A value that is put back by hand is taken from who applied it.
    let back = on
        .merge(
            "configmaps/a?fieldManager=hand",
            &json!({ "data": { "colour": "green" } }),
        )
        .await
        .is(200);
    assert!(
        entry(&back, "one", "Apply").is_none_or(|entry| entry["fieldsV1"]["f:data"].is_null()),
        "{back:#}"
    );
    let wiped = on
        .merge("configmaps/a", &json!({ "metadata": { "managedFields": [{}] } }))
        .await
        .is(200);
    assert!(wiped["metadata"]["managedFields"].is_null(), "{wiped:#}");
}
