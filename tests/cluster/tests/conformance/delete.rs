//! Deletion: preconditions, finalizers, and what becomes of what an object owns.

use http::Method;
use serde_json::{Value, json};

use super::{create::settings, ground::Ground, update::deployment};

pub async fn a_deletion_asks_for_the_right_object(on: Ground) {
    on.delete("configmaps/a", &json!({}))
        .await
        .refuses(404, "NotFound", "configmaps \"a\" not found");
    let made = on.post("configmaps", &settings("a")).await.is(201);
    let stranger = json!({ "preconditions": { "uid": "00000000-0000-4000-8000-000000000000" } });
    on.delete("configmaps/a", &stranger).await.refuses(
        409,
        "Conflict",
        "*recondition*00000000-0000-4000-8000-000000000000*",
    );
    let stale = json!({ "preconditions": { "resourceVersion": "1" } });
    on.delete("configmaps/a", &stale)
        .await
        .refuses(409, "Conflict", "*ResourceVersion in *precondition*");
    let right = json!({ "preconditions": { "uid": made["metadata"]["uid"], "resourceVersion": made["metadata"]["resourceVersion"] } });
    let done = on.delete("configmaps/a", &right).await;
    done.shows(200, &json!({ "kind": "Status", "status": "Success", "details": { "name": "a", "kind": "configmaps", "uid": made["metadata"]["uid"] } }));
    on.get("configmaps/a").await.is(404);
}

pub async fn finalizers_hold_an_object(on: Ground) {
    let mut held = settings("a");
    held["metadata"]["finalizers"] = json!(["acme.io/hold"]);
    let made = on.post("configmaps", &held).await.is(201);
    let mut news = on
        .watch(&format!(
            "configmaps?resourceVersion={}",
            made["metadata"]["resourceVersion"].as_str().unwrap()
        ))
        .await;
    let leaving = on.delete("configmaps/a", &json!({})).await.is(200);
    assert_eq!(leaving["kind"], "ConfigMap", "{leaving:#}");
    assert!(
        leaving["metadata"]["deletionTimestamp"].is_string() && leaving["metadata"]["deletionGracePeriodSeconds"] == 0
    );
    let (tag, seen) = news.next().await;
    assert_eq!(
        (tag.as_str(), &seen["metadata"]["deletionTimestamp"]),
        ("MODIFIED", &leaving["metadata"]["deletionTimestamp"])
    );
    let again = on.delete("configmaps/a", &json!({})).await.is(200);
    assert_eq!(
        again["metadata"]["deletionTimestamp"],
        leaving["metadata"]["deletionTimestamp"]
    );
    let more = on
        .merge(
            "configmaps/a",
            &json!({ "metadata": { "finalizers": ["acme.io/hold", "acme.io/more"] } }),
        )
        .await;
    more.refuses(
        422,
        "Invalid",
        "*metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted*",
    );
    on.post("configmaps", &settings("a"))
        .await
        .refuses(409, "AlreadyExists", "*");
    on.merge("configmaps/a", &json!({ "metadata": { "finalizers": null } }))
        .await
        .is(200);
    on.get("configmaps/a").await.is(404);
    let (tag, gone) = news.next().await;
    assert_eq!((tag.as_str(), &gone["metadata"]["name"]), ("DELETED", &json!("a")));
    let revision = |object: &Value| {
        object["metadata"]["resourceVersion"]
            .as_str()
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    assert!(
        revision(&gone) > revision(&leaving),
        "a deletion has a revision of its own"
    );
}

/// Makes a Deployment and returns the name of its ReplicaSet.
async fn rolled_out(on: &Ground) -> String {
    on.post("apps/v1/deployments", &deployment("d", 1)).await.is(201);
    on.until("apps/v1/deployments/d", &json!({ "status": { "readyReplicas": 1 } }))
        .await;
    let sets = on.get("apps/v1/replicasets").await.is(200);
    assert_eq!(sets["items"].as_array().unwrap().len(), 1);
    let owner = &sets["items"][0]["metadata"]["ownerReferences"][0];
    assert_eq!(
        (&owner["kind"], &owner["name"], &owner["controller"]),
        (&json!("Deployment"), &json!("d"), &json!(true))
    );
    sets["items"][0]["metadata"]["name"].as_str().unwrap().to_owned()
}

pub async fn owners_go_last_in_the_foreground(on: Ground) {
    let set = rolled_out(&on).await;
    let leaving = on
        .delete("apps/v1/deployments/d", &json!({ "propagationPolicy": "Foreground" }))
        .await
        .is(200);
    assert_eq!(leaving["metadata"]["finalizers"], json!(["foregroundDeletion"]));
    on.until_gone("apps/v1/deployments/d").await;
    on.get(&format!("apps/v1/replicasets/{set}")).await.is(404);
    let pods = on.get("pods").await.is(200);
    assert_eq!(pods["items"], json!([]));
}

pub async fn what_is_owned_goes_later_in_the_background(on: Ground) {
    let set = rolled_out(&on).await;
    on.delete("apps/v1/deployments/d", &json!({ "propagationPolicy": "Background" }))
        .await;
    on.get("apps/v1/deployments/d").await.is(404);
    on.until_gone(&format!("apps/v1/replicasets/{set}")).await;
}

pub async fn orphans_stay(on: Ground) {
    let set = rolled_out(&on).await;
    on.delete("apps/v1/deployments/d", &json!({ "propagationPolicy": "Orphan" }))
        .await
        .is(200);
    on.until_gone("apps/v1/deployments/d").await;
    let set = on.get(&format!("apps/v1/replicasets/{set}")).await.is(200);
    assert!(
        set["metadata"]["ownerReferences"].is_null() && set["metadata"]["deletionTimestamp"].is_null(),
        "{set:#}"
    );
}

pub async fn many_are_deleted_by_their_labels(on: Ground) {
    for (name, colour) in [("a", "red"), ("b", "blue"), ("c", "red")] {
        let mut object = settings(name);
        object["metadata"]["labels"] = json!({ "colour": colour });
        on.post("configmaps", &object).await.is(201);
    }
    on.send(
        Method::DELETE,
        "configmaps?labelSelector=colour%3Dred",
        "application/json",
        Some(&json!({})),
    )
    .await
    .is(200);
    let left = on.get("configmaps?labelSelector=colour").await.is(200);
    assert_eq!(left["items"].as_array().unwrap().len(), 1);
    assert_eq!(left["items"][0]["metadata"]["name"], "b");
}

pub async fn a_namespace_takes_its_objects_along(on: Ground) {
    let other = format!("{}-2", on.namespace);
    on.new_namespace(&other).await;
    let space = format!("/api/v1/namespaces/{other}");
    on.post(&format!("{space}/configmaps"), &settings("a")).await.is(201);
    on.get(&space).await.shows(
        200,
        &json!({ "status": { "phase": "Active" }, "metadata": { "labels": { "kubernetes.io/metadata.name": other } } }),
    );
    on.delete(&space, &json!({}))
        .await
        .shows(200, &json!({ "status": { "phase": "Terminating" } }));
    on.until_gone(&space).await;
    on.get(&format!("{space}/configmaps/a")).await.is(404);
}
