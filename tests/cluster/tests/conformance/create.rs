//! Making objects.

use serde_json::{Value, json};

use super::ground::Ground;

/// A ConfigMap.
pub fn settings(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": { "colour": "blue" } })
}

pub async fn an_object_is_made_once(on: Ground) {
    let made = on.post("configmaps", &settings("a")).await.is(201);
    for field in ["uid", "resourceVersion", "creationTimestamp"] {
        assert!(made["metadata"][field].is_string(), "{made:#}");
    }
    assert_eq!(made["metadata"]["namespace"], on.namespace.as_str());
    assert!(
        made["metadata"]["generation"].is_null(),
        "ConfigMaps have no generation: {made:#}"
    );
    let again = on.post("configmaps", &settings("a")).await;
    let again = again.refuses(409, "AlreadyExists", "configmaps \"a\" already exists");
    assert_eq!(again["details"], json!({ "name": "a", "kind": "configmaps" }));
    on.get("configmaps/a").await.shows(
        200,
        &json!({ "kind": "ConfigMap", "apiVersion": "v1", "data": { "colour": "blue" } }),
    );
    on.get("configmaps/b")
        .await
        .refuses(404, "NotFound", "configmaps \"b\" not found");
    on.get("apps/v1/deployments/b")
        .await
        .refuses(404, "NotFound", "deployments.apps \"b\" not found");
}

pub async fn names_are_checked_and_generated(on: Ground) {
    let nameless = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": {} });
    on.post("configmaps", &nameless)
        .await
        .refuses(422, "Invalid", "*name or generateName is required*");
    let bad = on.post("configmaps", &settings("Not_A_Name")).await;
    let bad = bad.refuses(
        422,
        "Invalid",
        "ConfigMap \"Not_A_Name\" is invalid: metadata.name: Invalid value: *",
    );
    assert_eq!(bad["details"]["causes"][0]["field"], "metadata.name");
    let generated = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "generateName": "made-" } });
    let made = on.post("configmaps", &generated).await.is(201);
    let name = made["metadata"]["name"].as_str().unwrap();
    assert!(name.starts_with("made-") && name.len() == "made-".len() + 5, "{name}");
    let long = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "generateName": "x".repeat(70) } });
    let made = on.post("configmaps", &long).await.is(201);
    assert_eq!(made["metadata"]["name"].as_str().unwrap().len(), 63);
    let stale = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "c", "resourceVersion": "5" } });
    let stale = on.post("configmaps", &stale).await;
    assert!(
        stale.code >= 400
            && stale.body["message"]
                .as_str()
                .unwrap()
                .contains("resourceVersion should not be set"),
        "{stale:?}"
    );
    let elsewhere =
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "c", "namespace": "elsewhere" } });
    on.post("configmaps", &elsewhere).await.refuses(
        400,
        "BadRequest",
        "the namespace of the provided object does not match the namespace sent on the request",
    );
    let other = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "c" } });
    let other = on.post("configmaps", &other).await;
    assert_eq!(other.code, 400, "{other:?}");
}

pub async fn a_namespace_must_be_there_and_stay(on: Ground) {
    let nowhere = on.post("/api/v1/namespaces/nowhere/configmaps", &settings("a")).await;
    nowhere.refuses(404, "NotFound", "namespaces \"nowhere\" not found");
    let leaving = format!("{}-2", on.namespace);
    on.new_namespace(&leaving).await;
    let held = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "held", "finalizers": ["acme.io/hold"] } });
    let maps = format!("/api/v1/namespaces/{leaving}/configmaps");
    on.post(&maps, &held).await.is(201);
    on.delete(&format!("/api/v1/namespaces/{leaving}"), &json!({}))
        .await
        .is(200);
    on.until(
        &format!("/api/v1/namespaces/{leaving}"),
        &json!({ "status": { "phase": "Terminating" } }),
    )
    .await;
    let late = on.post(&maps, &settings("late")).await;
    let late = late.refuses(
        403,
        "Forbidden",
        "configmaps \"late\" is forbidden: unable to create new content in namespace * because it is being terminated",
    );
    assert_eq!(late["details"]["causes"][0]["reason"], "NamespaceTerminating");
    on.merge(&format!("{maps}/held"), &json!({ "metadata": { "finalizers": null } }))
        .await
        .is(200);
    on.until_gone(&format!("/api/v1/namespaces/{leaving}")).await;
}

pub async fn a_dry_run_leaves_nothing(on: Ground) {
    let made = on.post("configmaps?dryRun=All", &settings("a")).await.is(201);
    assert!(made["metadata"]["uid"].is_string());
    on.get("configmaps/a").await.is(404);
    let first = on.post("configmaps", &settings("a")).await.is(201);
    let changed = on
        .merge("configmaps/a?dryRun=All", &json!({ "data": { "colour": "red" } }))
        .await;
    changed.shows(200, &json!({ "data": { "colour": "red" } }));
    on.delete("configmaps/a", &json!({ "dryRun": ["All"] })).await.is(200);
    let now = on.get("configmaps/a").await.is(200);
    assert_eq!(now["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    let odd = on.post("configmaps?dryRun=Some", &settings("b")).await;
    assert!((400..500).contains(&odd.code), "{odd:?}");
}

pub async fn what_is_not_served_is_not_found(on: Ground) {
    on.get("acme.io/v1/widgets").await.is(404);
    on.get("/apis/apps/v0/deployments").await.is(404);
    on.get("widgets")
        .await
        .refuses(404, "NotFound", "the server could not find the requested resource");
    on.send(
        http::Method::PUT,
        "configmaps",
        "application/json",
        Some(&settings("a")),
    )
    .await
    .refuses(405, "MethodNotAllowed", "*");
}

pub async fn secrets_take_text_and_can_be_frozen(on: Ground) {
    let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "s" }, "stringData": { "word": "open" }, "immutable": true });
    let made = on.post("secrets", &secret).await.is(201);
    assert_eq!(made["data"]["word"], "b3Blbg==");
    assert!(made["stringData"].is_null(), "{made:#}");
    assert_eq!(made["type"], "Opaque");
    let changed = on.merge("secrets/s", &json!({ "data": { "word": "c2h1dA==" } })).await;
    changed.refuses(
        422,
        "Invalid",
        "Secret \"s\" is invalid: data: Forbidden: field is immutable when `immutable` is set",
    );
    let bad =
        json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "t" }, "data": { "word": "not base64!" } });
    on.post("secrets", &bad)
        .await
        .refuses(400, "BadRequest", "*illegal base64 data*");
}
