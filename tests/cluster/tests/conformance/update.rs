//! Replacing objects: what an update must know, and what it can't change.

use serde_json::{Value, json};

use super::{create::settings, ground::Ground};

/// A Deployment whose pods run until they are stopped.
pub fn deployment(name: &str, replicas: u32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name },
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": { "labels": { "app": name } },
                "spec": { "containers": [{ "name": "serve", "image": "serve:1" }] },
            },
        },
    })
}

pub async fn an_update_must_know_the_latest(on: Ground) {
    let first = on.post("configmaps", &settings("a")).await.is(201);
    on.merge("configmaps/a", &json!({ "data": { "colour": "red" } }))
        .await
        .is(200);
    let mut stale = first.clone();
    stale["data"]["colour"] = json!("green");
    let refused = on.put("configmaps/a", &stale).await;
    refused.refuses(
        409,
        "Conflict",
        "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes to the latest version and try again",
    );
    let blind = settings("a");
    on.put("configmaps/a", &blind)
        .await
        .shows(200, &json!({ "data": { "colour": "blue" } }));
    let mut stranger = settings("a");
    stranger["metadata"]["uid"] = json!("00000000-0000-4000-8000-000000000000");
    on.put("configmaps/a", &stranger)
        .await
        .refuses(409, "Conflict", "*Precondition failed: UID in precondition: *");
    on.put("configmaps/b", &settings("b"))
        .await
        .refuses(404, "NotFound", "*");
    let other = on.put("configmaps/a", &settings("b")).await;
    other.refuses(
        400,
        "BadRequest",
        "the name of the object (b) does not match the name on the URL (a)",
    );
}

pub async fn an_update_that_changes_nothing_is_none(on: Ground) {
    let first = on.post("configmaps", &settings("a")).await.is(201);
    let revision = |object: &Value| object["metadata"]["resourceVersion"].clone();
    let again = on.put("configmaps/a", &first).await.is(200);
    assert_eq!(revision(&again), revision(&first));
    let merged = on
        .merge("configmaps/a", &json!({ "data": { "colour": "blue" } }))
        .await
        .is(200);
    assert_eq!(revision(&merged), revision(&first));
    let changed = on
        .merge("configmaps/a", &json!({ "data": { "colour": "red" } }))
        .await
        .is(200);
    assert_ne!(revision(&changed), revision(&first));
    assert_eq!(changed["metadata"]["uid"], first["metadata"]["uid"]);
}

pub async fn generations_follow_the_spec(on: Ground) {
    let made = on.post("apps/v1/deployments", &deployment("d", 0)).await.is(201);
    assert_eq!(made["metadata"]["generation"], 1);
    let labelled = json!({ "metadata": { "labels": { "a": "b" } } });
    let labelled = on.merge("apps/v1/deployments/d", &labelled).await.is(200);
    assert_eq!(labelled["metadata"]["generation"], 1);
    let changed = json!({ "spec": { "minReadySeconds": 1 } });
    on.merge("apps/v1/deployments/d", &changed)
        .await
        .shows(200, &json!({ "metadata": { "generation": 2 } }));
    on.until(
        "apps/v1/deployments/d",
        &json!({ "status": { "observedGeneration": 2 } }),
    )
    .await;
}

pub async fn the_status_is_its_own_resource(on: Ground) {
    on.post("apps/v1/deployments", &deployment("d", 0)).await.is(201);
    let seen = on
        .until(
            "apps/v1/deployments/d",
            &json!({ "status": { "observedGeneration": 1 } }),
        )
        .await;
    let both = json!({ "spec": { "replicas": 0, "minReadySeconds": 7 }, "status": { "replicas": 5 } });
    let changed = on.merge("apps/v1/deployments/d", &both).await.is(200);
    assert_eq!(changed["spec"]["minReadySeconds"], 7);
    assert_eq!(
        changed["status"]["replicas"], seen["status"]["replicas"],
        "a status isn't written with the rest"
    );
    let on_status = json!({ "spec": { "minReadySeconds": 9 }, "status": { "collisionCount": 3 } });
    let changed = on.merge("apps/v1/deployments/d/status", &on_status).await.is(200);
    assert_eq!(
        (
            &changed["spec"]["minReadySeconds"],
            &changed["status"]["collisionCount"]
        ),
        (&json!(7), &json!(3))
    );
    let entries = changed["metadata"]["managedFields"].as_array().unwrap().clone();
    let mine = entries
        .iter()
        .find(|entry| entry["manager"] == "conformance" && entry["subresource"] == "status");
    assert_eq!(mine.unwrap()["operation"], "Update", "{entries:#?}");
}

pub async fn some_fields_never_change(on: Ground) {
    on.post("apps/v1/deployments", &deployment("d", 0)).await.is(201);
    let selector = json!({ "spec": { "selector": { "matchLabels": { "app": "e" } }, "template": { "metadata": { "labels": { "app": "e" } } } } });
    let refused = on.merge("apps/v1/deployments/d", &selector).await;
    refused.refuses(
        422,
        "Invalid",
        "Deployment.apps \"d\" is invalid: spec.selector: Invalid value: *: field is immutable",
    );
    let job = json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "j" },
        "spec": { "suspend": true, "template": { "spec": { "restartPolicy": "Never", "containers": [{ "name": "c", "image": "i:1" }] } } },
    });
    on.post("batch/v1/jobs", &job).await.is(201);
    // Of a Job that waits resources may change; its image may not.
    let image = json!([{ "op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "i:2" }]);
    let refused = on
        .send(
            http::Method::PATCH,
            "batch/v1/jobs/j",
            "application/json-patch+json",
            Some(&image),
        )
        .await;
    let refused = refused.refuses(
        422,
        "Invalid",
        "Job.batch \"j\" is invalid: spec.template.spec: Invalid value: *field is immutable",
    );
    assert_eq!(refused["details"]["kind"], "Job");
    on.merge("batch/v1/jobs/j", &json!({ "spec": { "ttlSecondsAfterFinished": 60 } }))
        .await
        .is(200);
    let unknown = json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "k" }, "spec": { "template": { "spec": { "containers": [] } } } });
    let refused = on.post("batch/v1/jobs", &unknown).await;
    let refused = refused.refuses(
        422,
        "Invalid",
        "Job.batch \"k\" is invalid: *spec.template.spec.containers: Required value*",
    );
    assert!(
        refused["details"]["causes"]
            .as_array()
            .unwrap()
            .iter()
            .any(|cause| cause["reason"] == "FieldValueRequired")
    );
}
