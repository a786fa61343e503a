//! Deletion: preconditions, propagation, finalizers, grace, namespaces.

use capstan_sim::store::{Deletion, Kind};
use k8s_openapi::api::{
    batch::v1::Job,
    core::v1::{ConfigMap, Namespace, Pod},
};
use kube::{
    Api, ResourceExt as _,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions, PropagationPolicy},
};
use serde_json::{Value, json};

use crate::{api::objects::job, cluster, refusal};

fn of<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn map(name: &str) -> ConfigMap {
    of(json!({ "metadata": { "name": name, "labels": { "all": "yes" } } }))
}

#[tokio::test(start_paused = true)]
async fn a_delete_has_preconditions() {
    let (_, client) = cluster();
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let made = maps.create(&PostParams::default(), &map("a")).await.unwrap();
    let only = |uid: &str| DeleteParams {
        preconditions: Some(Preconditions {
            uid: Some(uid.into()),
            resource_version: None,
        }),
        ..DeleteParams::default()
    };
    let other = refusal(maps.delete("a", &only("x")).await);
    assert_eq!(other.code, 409);
    assert!(
        other
            .message
            .contains("Precondition failed: UID in precondition: x, UID in object meta: "),
        "{}",
        other.message
    );
    let status = maps
        .delete("a", &only(&made.uid().unwrap()))
        .await
        .unwrap()
        .right()
        .unwrap();
    assert!(status.is_success());
    assert_eq!(refusal(maps.delete("a", &DeleteParams::default()).await).code, 404);
}

#[tokio::test(start_paused = true)]
async fn propagation_leaves_its_mark_for_the_garbage_collector() {
    let (shared, client) = cluster();
    let jobs: Api<Job> = Api::default_namespaced(client);
    let kind = Kind::new("batch", "Job");
    for (name, policy, finalizer) in [
        (
            "foreground",
            Some(PropagationPolicy::Foreground),
            Some("foregroundDeletion"),
        ),
        ("orphan", Some(PropagationPolicy::Orphan), Some("orphan")),
        ("legacy", None, Some("orphan")),
        ("background", Some(PropagationPolicy::Background), None),
    ] {
        jobs.create(&PostParams::default(), &of(job(name))).await.unwrap();
        let how = DeleteParams {
            propagation_policy: policy,
            ..DeleteParams::default()
        };
        let gone = jobs.delete(name, &how).await.unwrap();
        let Some(finalizer) = finalizer else {
            assert!(gone.is_right());
            continue;
        };
        let marked = gone.left().unwrap();
        assert_eq!(marked.finalizers(), [finalizer]);
        assert_eq!(marked.metadata.generation, Some(2));
        assert!(marked.metadata.deletion_timestamp.is_some());
        shared.lock().remove_finalizer(&kind, "shop", name, finalizer).unwrap();
    }
    assert_eq!(jobs.list(&ListParams::default()).await.unwrap().items.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_finalizer_holds_the_object() {
    let (_, client) = cluster();
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let mut held = map("a");
    held.finalizers_mut().push("capstan.dev/hold".into());
    maps.create(&PostParams::default(), &held).await.unwrap();
    let marked = maps
        .delete("a", &DeleteParams::default())
        .await
        .unwrap()
        .left()
        .unwrap();
    assert!(marked.metadata.deletion_timestamp.is_some());
    let again = maps
        .delete("a", &DeleteParams::default())
        .await
        .unwrap()
        .left()
        .unwrap();
    assert_eq!(again.resource_version(), marked.resource_version());
    let more = Patch::Merge(json!({ "metadata": { "finalizers": ["capstan.dev/hold", "capstan.dev/more"] } }));
    let refused = refusal(maps.patch("a", &PatchParams::default(), &more).await);
    assert!(
        refused.message.contains("no new finalizers can be added"),
        "{}",
        refused.message
    );
    let none = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
    maps.patch("a", &PatchParams::default(), &none).await.unwrap();
    assert!(maps.get_opt("a").await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_running_pod_gets_its_grace() {
    let (shared, client) = cluster();
    let pods: Api<Pod> = Api::default_namespaced(client);
    let pod = |name: &str| {
        of(json!({ "metadata": { "name": name }, "spec": { "containers": [{ "name": "c", "image": "x" }] } }))
    };
    pods.create(&PostParams::default(), &pod("idle")).await.unwrap();
    pods.delete("idle", &DeleteParams::default()).await.unwrap();
    assert!(pods.get_opt("idle").await.unwrap().is_none());

    pods.create(&PostParams::default(), &pod("busy")).await.unwrap();
    let kind = Kind::new("", "Pod");
    shared
        .lock()
        .update_status(&kind, "shop", "busy", json!({ "phase": "Running" }))
        .unwrap();
    let marked = pods
        .delete("busy", &DeleteParams::default())
        .await
        .unwrap()
        .left()
        .unwrap();
    assert_eq!(marked.metadata.deletion_grace_period_seconds, Some(30));
    assert_eq!(
        marked.metadata.deletion_timestamp.unwrap().0.to_string(),
        "2026-01-01T00:00:30Z"
    );
    let now = Deletion {
        grace_seconds: Some(0),
        ..Deletion::default()
    };
    shared.lock().delete(&kind, "shop", "busy", now).unwrap();
    assert!(pods.get_opt("busy").await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_collection_goes_by_selector() {
    let (_, client) = cluster();
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    for name in ["a", "b"] {
        maps.create(&PostParams::default(), &map(name)).await.unwrap();
    }
    let gone = maps
        .delete_collection(&DeleteParams::default(), &ListParams::default().labels("all=yes"))
        .await
        .unwrap();
    assert_eq!(gone.left().unwrap().items.len(), 2);
    assert_eq!(maps.list(&ListParams::default()).await.unwrap().items.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_empties_before_it_goes() {
    let (shared, client) = cluster();
    let (namespaces, maps): (Api<Namespace>, Api<ConfigMap>) =
        (Api::all(client.clone()), Api::default_namespaced(client));
    let mut held = map("a");
    held.finalizers_mut().push("capstan.dev/hold".into());
    maps.create(&PostParams::default(), &held).await.unwrap();
    let marked = namespaces
        .delete("shop", &DeleteParams::default())
        .await
        .unwrap()
        .left()
        .unwrap();
    assert_eq!(marked.status.unwrap().phase.as_deref(), Some("Terminating"));
    assert_eq!(maps.list(&ListParams::default()).await.unwrap().items.len(), 1);
    let refused = refusal(maps.create(&PostParams::default(), &map("b")).await);
    assert_eq!(
        (refused.code, refused.details.unwrap().causes[0].reason.as_str()),
        (403, "NamespaceTerminating")
    );
    shared
        .lock()
        .remove_finalizer(&Kind::new("", "ConfigMap"), "shop", "a", "capstan.dev/hold")
        .unwrap();
    assert!(namespaces.get_opt("shop").await.unwrap().is_none());
}
