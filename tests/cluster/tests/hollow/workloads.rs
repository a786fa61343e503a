//! Workloads that stay.

use capstan_cluster::hollow::NAME;
use k8s_openapi::api::{
    apps::v1::{Deployment, StatefulSet},
    coordination::v1::Lease,
    core::v1::Pod,
};
use kube::{Api, api::DeleteParams, runtime::wait::await_condition};
use serde_json::{Value, json};

use super::story::{PATIENCE, holds, pod, story};

fn workload(name: &str, extra: Value) -> Value {
    let mut object = json!({"metadata": {"name": name}, "spec": {
        "replicas": 2,
        "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}}, "spec": {
            "containers": [{"name": "main", "image": "example.org/web:1"}],
        }},
    }});
    for (field, value) in extra.as_object().unwrap() {
        object["spec"][field] = value.clone();
    }
    object
}

#[tokio::test]
async fn a_deployment_becomes_available() {
    let Some(story) = story("deployment", "[]").await else {
        return;
    };
    story.create::<Deployment>(workload("web", json!({}))).await;
    let deployment = story
        .until::<Deployment>("web", "available", |web| {
            holds(web, "Available") && web["status"]["availableReplicas"] == 2
        })
        .await;
    assert_eq!(deployment["status"]["readyReplicas"], 2);
    // What a condition no longer says is gone: a ready pod has no reason why it is not.
    let pods = story.pods().await;
    let ready = serde_json::to_value(pods.first().unwrap()).unwrap();
    let ready = super::story::condition(&ready, "Ready");
    assert_eq!((&ready["status"], &ready["reason"]), (&json!("True"), &Value::Null));
    story.end().await;
}

#[tokio::test]
async fn a_stateful_set_starts_one_pod_after_another() {
    let Some(story) = story("stateful", "[{ready-after: 5s}]").await else {
        return;
    };
    story
        .create::<StatefulSet>(workload("db", json!({"serviceName": "db"})))
        .await;
    story
        .until::<StatefulSet>("db", "ready", |db| db["status"]["availableReplicas"] == 2)
        .await;
    let ready = |pod: &Value| holds(pod, "Ready");
    let first = story.pod("db-0", "ready", ready).await;
    let second = story.pod("db-1", "ready", ready).await;
    let at = |object: &Value, field: &str| object[field].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let since = super::story::condition(&first, "Ready");
    assert!(at(&second["metadata"], "creationTimestamp") >= at(since, "lastTransitionTime"));
    story.end().await;
}

#[tokio::test]
async fn a_pod_that_never_ends_is_deleted_with_grace() {
    let Some(story) = story("grace", "[{never-ends: true, stop: 5s}]").await else {
        return;
    };
    let object = pod("stays", json!({"restartPolicy": "Never"}));
    let made: Pod = story.create(object).await;
    let uid = made.metadata.uid.unwrap();
    story.pod("stays", "ready", |pod| holds(pod, "Ready")).await;
    story
        .api::<Pod>()
        .delete("stays", &DeleteParams::default())
        .await
        .unwrap();
    let going = story
        .pod("stays", "terminating", |pod| {
            !pod["metadata"]["deletionTimestamp"].is_null()
        })
        .await;
    assert_eq!(going["metadata"]["uid"], uid.as_str());
    assert_eq!(going["metadata"]["deletionGracePeriodSeconds"], 30);
    assert!(going["status"]["containerStatuses"][0]["state"]["running"].is_object());
    let start = std::time::Instant::now();
    story.pod("stays", "gone", Value::is_null).await;
    assert!(start.elapsed().as_secs() < 20, "the grace period was waited for");
    story.end().await;
}

#[tokio::test]
async fn the_node_says_that_it_lives() {
    let Some(story) = story("lease", "[]").await else {
        return;
    };
    let leases: Api<Lease> = Api::namespaced(story.client(), "kube-node-lease");
    let renewed = |lease: Option<&Lease>| lease.and_then(|lease| lease.spec.as_ref()?.renew_time.clone());
    let before = renewed(Some(&leases.get(NAME).await.unwrap()));
    let later = await_condition(leases, NAME, |lease: Option<&Lease>| renewed(lease) > before);
    tokio::time::timeout(PATIENCE, later).await.unwrap().unwrap();
    story.end().await;
}
