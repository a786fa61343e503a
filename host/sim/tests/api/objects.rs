//! Create, get, list, update, status, scale.

use k8s_openapi::api::{
    apps::v1::Deployment,
    authorization::v1::SelfSubjectAccessReview,
    batch::v1::Job,
    core::v1::{ConfigMap, Namespace, Pod, Secret, Service, ServiceAccount},
};
use kube::{
    Api, ResourceExt,
    api::{ListParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::{cluster, refusal};

fn of<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn map(name: &str) -> ConfigMap {
    of(json!({ "metadata": { "name": name, "labels": { "n": name } }, "data": { "a": "1" } }))
}

pub fn job(name: &str) -> Value {
    json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": name }, "spec": { "template": { "spec": {
        "restartPolicy": "Never", "containers": [{ "name": "main", "image": "busybox:1" }],
    } } } })
}

pub fn deployment(name: &str) -> Value {
    json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name }, "spec": {
        "selector": { "matchLabels": { "app": name } },
        "template": {
            "metadata": { "labels": { "app": name } },
            "spec": { "containers": [{ "name": "main", "image": "nginx:1" }] },
        },
    } })
}

#[tokio::test(start_paused = true)]
async fn a_created_object_has_an_identity() {
    let (_, client) = cluster();
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let made = maps.create(&PostParams::default(), &map("a")).await.unwrap();
    assert_eq!(made.uid().unwrap().len(), 36);
    assert_eq!(made.namespace().as_deref(), Some("shop"));
    assert!(made.resource_version().is_some() && made.creation_timestamp().is_some());
    assert_eq!(maps.get("a").await.unwrap(), made);
    let again = refusal(maps.create(&PostParams::default(), &map("a")).await);
    assert_eq!((again.code, again.reason.as_str()), (409, "AlreadyExists"));
    assert_eq!(again.message, "configmaps \"a\" already exists");
    let none = refusal(maps.get("b").await);
    assert_eq!((none.code, none.message.as_str()), (404, "configmaps \"b\" not found"));
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_identities() {
    let mut uids = Vec::new();
    for _ in 0..2 {
        let (_, client) = cluster();
        let maps: Api<ConfigMap> = Api::default_namespaced(client);
        uids.push(maps.create(&PostParams::default(), &map("a")).await.unwrap().uid());
    }
    assert_eq!(uids[0], uids[1]);
}

#[tokio::test(start_paused = true)]
async fn names_are_generated_and_checked() {
    let (_, client) = cluster();
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let made = maps
        .create(
            &PostParams::default(),
            &of(json!({ "metadata": { "generateName": "run-" } })),
        )
        .await
        .unwrap();
    assert!(made.name_any().starts_with("run-") && made.name_any().len() == 9);
    let bad = refusal(maps.create(&PostParams::default(), &map("Not_A_Name")).await);
    assert_eq!((bad.code, bad.reason.as_str()), (422, "Invalid"));
    assert!(
        bad.message
            .starts_with("ConfigMap \"Not_A_Name\" is invalid: metadata.name: Invalid value"),
        "{}",
        bad.message
    );
    let none = refusal(maps.create(&PostParams::default(), &ConfigMap::default()).await);
    assert!(
        none.message.contains("name or generateName is required"),
        "{}",
        none.message
    );
}

#[tokio::test(start_paused = true)]
async fn a_namespace_must_exist_and_comes_furnished() {
    let (_, client) = cluster();
    let nowhere: Api<ConfigMap> = Api::namespaced(client.clone(), "nowhere");
    let missing = refusal(nowhere.create(&PostParams::default(), &map("a")).await);
    assert_eq!(
        (missing.code, missing.message.as_str()),
        (404, "namespaces \"nowhere\" not found")
    );
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let shop = namespaces.get("shop").await.unwrap();
    assert_eq!(shop.labels()["kubernetes.io/metadata.name"], "shop");
    assert_eq!(shop.status.unwrap().phase.as_deref(), Some("Active"));
    Api::<ServiceAccount>::default_namespaced(client)
        .get("default")
        .await
        .unwrap();
    assert!(namespaces.get_opt("kube-system").await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn lists_select_and_page() {
    let (_, client) = cluster();
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    for name in ["a", "b", "c", "d"] {
        maps.create(&PostParams::default(), &map(name)).await.unwrap();
    }
    let names = |list: kube::api::ObjectList<ConfigMap>| list.iter().map(ResourceExt::name_any).collect::<Vec<_>>();
    let some = maps
        .list(&ListParams::default().labels("n in (a, c),n!=c"))
        .await
        .unwrap();
    assert_eq!(names(some), ["a"]);
    let one = maps
        .list(&ListParams::default().fields("metadata.name=d"))
        .await
        .unwrap();
    assert_eq!(names(one), ["d"]);
    let bad = refusal(maps.list(&ListParams::default().fields("data.a=1")).await);
    assert_eq!(bad.code, 400);

    let first = maps.list(&ListParams::default().limit(2)).await.unwrap();
    assert_eq!(first.metadata.remaining_item_count, Some(3));
    let token = first.metadata.continue_.clone().unwrap();
    assert_eq!(names(first), ["a", "b"]);
    let second = maps
        .list(&ListParams::default().limit(9).continue_token(&token))
        .await
        .unwrap();
    assert_eq!(names(second), ["c", "d", "kube-root-ca.crt"]);
    let everywhere: Api<ConfigMap> = Api::all(client);
    assert_eq!(everywhere.list(&ListParams::default()).await.unwrap().items.len(), 9);
}

#[tokio::test(start_paused = true)]
async fn an_update_needs_the_last_revision() {
    let (_, client) = cluster();
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let first = maps.create(&PostParams::default(), &map("a")).await.unwrap();
    let mut next = first.clone();
    next.data.as_mut().unwrap().insert("b".into(), "2".into());
    let second = maps.replace("a", &PostParams::default(), &next).await.unwrap();
    assert_ne!(first.resource_version(), second.resource_version());
    let stale = refusal(maps.replace("a", &PostParams::default(), &next).await);
    assert_eq!((stale.code, stale.reason.as_str()), (409, "Conflict"));
    assert_eq!(
        stale.message,
        "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please apply your changes to the \
         latest version and try again"
    );
    // Writing the same again changes nothing.
    let same = maps.replace("a", &PostParams::default(), &second).await.unwrap();
    assert_eq!(same.resource_version(), second.resource_version());
    next.metadata.resource_version = None;
    next.data = None;
    assert!(
        maps.replace("a", &PostParams::default(), &next)
            .await
            .unwrap()
            .data
            .is_none()
    );
}

#[tokio::test(start_paused = true)]
async fn generation_counts_desired_states_only() {
    let (shared, client) = cluster();
    let deployments: Api<Deployment> = Api::default_namespaced(client);
    let made = deployments
        .create(&PostParams::default(), &of(deployment("web")))
        .await
        .unwrap();
    assert_eq!(made.metadata.generation, Some(1));
    assert_eq!(made.spec.as_ref().unwrap().replicas, Some(1));
    let patch = Patch::Merge(json!({ "metadata": { "labels": { "a": "b" } }, "status": { "replicas": 7 } }));
    let labelled = deployments.patch("web", &PatchParams::default(), &patch).await.unwrap();
    assert_eq!(
        (labelled.metadata.generation, labelled.status.unwrap().replicas),
        (Some(1), None)
    );
    let status = Patch::Merge(json!({ "status": { "replicas": 7 }, "spec": { "replicas": 9 } }));
    let warnings = deployments
        .patch_status("web", &PatchParams::default(), &status)
        .await
        .unwrap();
    assert_eq!(warnings.metadata.generation, Some(1));
    assert_eq!(
        (warnings.spec.unwrap().replicas, warnings.status.unwrap().replicas),
        (Some(1), Some(7))
    );
    let scaled = deployments
        .patch_scale(
            "web",
            &PatchParams::default(),
            &Patch::Merge(json!({ "spec": { "replicas": 3 } })),
        )
        .await
        .unwrap();
    assert_eq!(scaled.spec.unwrap().replicas, Some(3));
    assert_eq!(scaled.status.unwrap().selector.as_deref(), Some("app=web"));
    assert_eq!(deployments.get("web").await.unwrap().metadata.generation, Some(2));
    let before = shared.lock().revision();
    let kind = capstan_sim::store::Kind::new("apps", "Deployment");
    let same = json!({ "replicas": 7 });
    shared.lock().update_status(&kind, "shop", "web", same).unwrap();
    assert_eq!(shared.lock().revision(), before);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_change_is_refused() {
    let (_, client) = cluster();
    let jobs: Api<Job> = Api::default_namespaced(client.clone());
    let made = jobs.create(&PostParams::default(), &of(job("migrate"))).await.unwrap();
    let spec = made.spec.clone().unwrap();
    let uid = made.uid().unwrap();
    assert_eq!(
        (spec.parallelism, spec.completions, spec.backoff_limit),
        (Some(1), Some(1), Some(6))
    );
    assert_eq!(
        spec.selector.unwrap().match_labels.unwrap()["batch.kubernetes.io/controller-uid"],
        uid
    );
    let labels = spec.template.metadata.unwrap().labels.unwrap();
    assert_eq!(
        (labels["job-name"].as_str(), &labels["controller-uid"]),
        ("migrate", &uid)
    );
    let patch =
        json!({ "spec": { "template": { "spec": { "containers": [{ "name": "main", "image": "busybox:2" }] } } } });
    let fixed = refusal(
        jobs.patch("migrate", &PatchParams::default(), &Patch::Strategic(patch))
            .await,
    );
    assert_eq!(fixed.code, 422);
    assert!(
        fixed
            .message
            .starts_with("Job.batch \"migrate\" is invalid: spec.template: Invalid value: ")
    );
    assert!(fixed.message.ends_with(": field is immutable"), "{}", fixed.message);
    let deployments: Api<Deployment> = Api::default_namespaced(client.clone());
    deployments
        .create(&PostParams::default(), &of(deployment("web")))
        .await
        .unwrap();
    let patch = json!({ "spec": { "selector": { "matchLabels": { "app": "x" } }, "template": { "metadata": { "labels": { "app": "x" } } } } });
    assert_eq!(
        refusal(
            deployments
                .patch("web", &PatchParams::default(), &Patch::Merge(patch))
                .await
        )
        .code,
        422
    );
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let fixed: ConfigMap = of(json!({ "metadata": { "name": "a" }, "data": { "a": "1" }, "immutable": true }));
    maps.create(&PostParams::default(), &fixed).await.unwrap();
    let patch = Patch::Merge(json!({ "data": { "a": "2" } }));
    assert!(
        refusal(maps.patch("a", &PatchParams::default(), &patch).await)
            .message
            .contains("field is immutable when")
    );
}

#[tokio::test(start_paused = true)]
async fn defaults_are_filled_in() {
    let (_, client) = cluster();
    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    let pod = json!({ "metadata": { "name": "a" }, "spec": { "containers": [{ "name": "c", "image": "x" }] } });
    let pod = pods.create(&PostParams::default(), &of(pod)).await.unwrap();
    assert_eq!(pod.spec.unwrap().restart_policy.as_deref(), Some("Always"));
    assert_eq!(pod.status.unwrap().phase.as_deref(), Some("Pending"));
    let secrets: Api<Secret> = Api::default_namespaced(client.clone());
    let secret = json!({ "metadata": { "name": "a" }, "stringData": { "k": "value" } });
    let secret = secrets.create(&PostParams::default(), &of(secret)).await.unwrap();
    assert_eq!((secret.type_.as_deref(), secret.string_data), (Some("Opaque"), None));
    assert_eq!(secret.data.unwrap()["k"].0, b"value");
    let services: Api<Service> = Api::default_namespaced(client);
    let service = json!({ "metadata": { "name": "a" }, "spec": { "ports": [{ "port": 80 }] } });
    let service = services
        .create(&PostParams::default(), &of(service))
        .await
        .unwrap()
        .spec
        .unwrap();
    assert_eq!(service.type_.as_deref(), Some("ClusterIP"));
    assert!(service.cluster_ip.unwrap().starts_with("10.96."));
    assert_eq!(service.ports.unwrap()[0].protocol.as_deref(), Some("TCP"));
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_checks_all_and_stores_nothing() {
    let (shared, client) = cluster();
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let before = shared.lock().revision();
    assert!(maps.create(&dry, &map("a")).await.unwrap().uid().is_some());
    assert_eq!(refusal(maps.create(&dry, &map("A")).await).code, 422);
    assert!(maps.get_opt("a").await.unwrap().is_none());
    let apply = PatchParams {
        dry_run: true,
        ..PatchParams::apply("me")
    };
    maps.patch("a", &apply, &Patch::Apply(&map("a"))).await.unwrap();
    assert_eq!(shared.lock().revision(), before);
}

#[tokio::test(start_paused = true)]
async fn reviews_allow_everything() {
    let (shared, client) = cluster();
    let before = shared.lock().revision();
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let review = json!({ "spec": { "resourceAttributes": { "verb": "delete", "resource": "pods" } } });
    let review = reviews.create(&PostParams::default(), &of(review)).await.unwrap();
    assert!(review.status.unwrap().allowed);
    assert_eq!(shared.lock().revision(), before);
    assert_eq!(
        client.apiserver_version().await.unwrap().git_version,
        "v1.36.0-capstan-sim"
    );
}

#[tokio::test(start_paused = true)]
async fn a_saved_cluster_goes_on_where_it_was() {
    let (shared, client) = cluster();
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let made = maps.create(&PostParams::default(), &map("a")).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(100)).await;
    let saved = shared.lock().save();
    let restored = capstan_sim::store::Store::restore(saved.clone()).unwrap();
    assert_eq!(restored.save(), saved);
    let shared = capstan_sim::store::SharedStore::new(restored);
    let client = kube::Client::new(capstan_sim::service::SimService::new(shared.clone()), "shop");
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    assert_eq!(maps.get("a").await.unwrap(), made);
    let next = maps.create(&PostParams::default(), &map("b")).await.unwrap();
    assert_eq!(next.creation_timestamp().unwrap().0.to_string(), "2026-01-01T00:01:40Z");
    assert_ne!(next.uid(), made.uid());
}
