//! The patches that are not server-side apply.

use k8s_openapi::api::{apps::v1::Deployment, core::v1::ConfigMap};
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::{api::objects::deployment, cluster, refusal};

async fn web(deployments: &Api<Deployment>) {
    let object = serde_json::from_value(deployment("web")).unwrap();
    deployments.create(&PostParams::default(), &object).await.unwrap();
}

fn containers(deployment: &Deployment) -> Value {
    let pod = deployment.spec.as_ref().unwrap().template.spec.as_ref().unwrap();
    pod.containers.iter().map(|one| json!([one.name, one.image])).collect()
}

#[tokio::test(start_paused = true)]
async fn a_strategic_patch_merges_containers_by_name() {
    let (_, client) = cluster();
    let deployments: Api<Deployment> = Api::default_namespaced(client);
    web(&deployments).await;
    let with = |containers: Value| {
        Patch::Strategic(json!({ "spec": { "template": { "spec": { "containers": containers } } } }))
    };
    let some = with(json!([{ "name": "main", "image": "nginx:2" }, { "name": "side", "image": "side:1" }]));
    let found = deployments.patch("web", &PatchParams::default(), &some).await.unwrap();
    assert_eq!(containers(&found), json!([["main", "nginx:2"], ["side", "side:1"]]));
    let out = with(json!([{ "name": "main", "$patch": "delete" }]));
    let found = deployments.patch("web", &PatchParams::default(), &out).await.unwrap();
    assert_eq!(containers(&found), json!([["side", "side:1"]]));
    let all = with(json!([{ "$patch": "replace" }, { "name": "new", "image": "new:1" }]));
    let found = deployments.patch("web", &PatchParams::default(), &all).await.unwrap();
    assert_eq!(containers(&found), json!([["new", "new:1"]]));
}

#[tokio::test(start_paused = true)]
async fn a_strategic_patch_can_order_and_retain() {
    let (_, client) = cluster();
    let deployments: Api<Deployment> = Api::default_namespaced(client);
    web(&deployments).await;
    let patch = json!({ "spec": {
        "strategy": { "$retainKeys": ["type"], "type": "Recreate" },
        "template": { "spec": {
            "$setElementOrder/containers": [{ "name": "side" }, { "name": "main" }],
            "containers": [{ "name": "side", "image": "side:1" }],
        } },
    } });
    let found = deployments
        .patch("web", &PatchParams::default(), &Patch::Strategic(patch))
        .await
        .unwrap();
    assert_eq!(containers(&found), json!([["side", "side:1"], ["main", "nginx:1"]]));
    let strategy = found.spec.unwrap().strategy.unwrap();
    assert_eq!(
        (strategy.type_.as_deref(), strategy.rolling_update),
        (Some("Recreate"), None)
    );
}

#[tokio::test(start_paused = true)]
async fn a_merge_patch_replaces_lists_and_removes_nulls() {
    let (_, client) = cluster();
    let deployments: Api<Deployment> = Api::default_namespaced(client);
    web(&deployments).await;
    let patch = json!({ "spec": { "revisionHistoryLimit": null, "template": { "spec": { "containers": [{ "name": "b", "image": "b" }] } } } });
    let found = deployments
        .patch("web", &PatchParams::default(), &Patch::Merge(patch))
        .await
        .unwrap();
    assert_eq!(containers(&found), json!([["b", "b"]]));
    assert_eq!(
        found.spec.unwrap().revision_history_limit,
        Some(10),
        "the default is back"
    );
}

#[tokio::test(start_paused = true)]
async fn a_json_patch_tests_before_it_writes() {
    let (_, client) = cluster();
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let map = serde_json::from_value(json!({ "metadata": { "name": "a" }, "data": { "k": "1" } })).unwrap();
    maps.create(&PostParams::default(), &map).await.unwrap();
    let patch = |operations: Value| Patch::<Value>::Json(serde_json::from_value(operations).unwrap());
    let good = json!([{ "op": "test", "path": "/data/k", "value": "1" }, { "op": "replace", "path": "/data/k", "value": "2" }]);
    let found = maps
        .patch("a", &PatchParams::default(), &patch(good.clone()))
        .await
        .unwrap();
    assert_eq!(found.data.unwrap()["k"], "2");
    let failed = refusal(maps.patch("a", &PatchParams::default(), &patch(good)).await);
    assert_eq!((failed.code, failed.reason.as_str()), (422, "Invalid"));
    let renamed = json!([{ "op": "replace", "path": "/metadata/name", "value": "b" }]);
    assert_eq!(
        refusal(maps.patch("a", &PatchParams::default(), &patch(renamed)).await).code,
        422
    );
    let stale = Patch::Merge(json!({ "metadata": { "resourceVersion": "1" }, "data": { "k": "3" } }));
    assert_eq!(
        refusal(maps.patch("a", &PatchParams::default(), &stale).await).reason,
        "Conflict"
    );
    let none = refusal(maps.patch("b", &PatchParams::default(), &Patch::Merge(json!({}))).await);
    assert_eq!(none.code, 404);
}
