//! What is stored about an application can't be lost, poisoned or outgrown; and where it is broken all the same, there is a way out.

mod limits;

use std::{
    io::{Read as _, Write as _},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use capstan_core::{
    model::{
        hook::{Propagation, short_hash},
        object::{GroupKind, Object, ObjectKey},
    },
    plan::propagation::PropagationRules,
    run::event::OperationStatus,
};
use capstan_engine::EngineError;
use capstan_sim::world::Setup;
use capstan_tests::{Stage, in_virtual_time, stage::TERMINATED_BY};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use kube::{
    Api,
    api::{DynamicObject, PostParams},
};
use serde_json::{Value, json};

/// After so long the lock of a dropped driver has run out.
const RUN_OUT: Duration = Duration::from_secs(20);

fn secret_kind() -> GroupKind {
    GroupKind::new("", "Secret")
}

async fn stored(stage: &Stage) -> Vec<Object> {
    let cluster = stage.engine.cluster();
    cluster.list(&secret_kind(), "shop", "").await.unwrap()
}

fn config_map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: {name} }}\ndata: {{ a: {value} }}\n")
}

async fn sync(stage: &Stage, text: &str) {
    let ran = stage.run(stage.request_text(text)).await.unwrap();
    assert_eq!(ran.status, OperationStatus::Succeeded, "{:#?}", ran.events);
}

async fn create(stage: &Stage, object: Value) {
    let cluster = stage.engine.cluster();
    let discovery = cluster.discovery();
    let resource = discovery.resource(&secret_kind(), None).unwrap();
    let api: Api<DynamicObject> = Api::namespaced_with(cluster.client().clone(), "shop", resource);
    let object: DynamicObject = serde_json::from_value(object).unwrap();
    api.create(&PostParams::default(), &object).await.unwrap();
}

async fn delete(stage: &Stage, name: &str) {
    let all = stored(stage).await;
    let secret = all.iter().find(|secret| secret.name() == name).unwrap();
    let cluster = stage.engine.cluster();
    let deleted = cluster
        .delete(
            &secret.key(),
            secret.uid(),
            PropagationRules::default().decide(Propagation::Background),
        )
        .await;
    deleted.unwrap();
}

fn pack(value: &Value) -> String {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(value.to_string().as_bytes()).unwrap();
    BASE64_STANDARD.encode(packed.finish().unwrap())
}

fn unpack(packed: &str) -> Value {
    let mut text = String::new();
    let packed = BASE64_STANDARD.decode(packed).unwrap();
    GzDecoder::new(&*packed).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

async fn head(stage: &Stage) -> Object {
    let all = stored(stage).await;
    all.into_iter().find(|secret| secret.name() == "capstan.shop").unwrap()
}

/// Changes the head as it is stored.
async fn rewrite_head(stage: &Stage, change: impl FnOnce(&mut Value)) {
    let mut secret = head(stage).await;
    let mut value = unpack(secret.text("/data/head").unwrap());
    change(&mut value);
    secret.0["data"]["head"] = json!(pack(&value));
    let cluster = stage.engine.cluster();
    cluster
        .replace(&secret, capstan_engine::cluster::DryRun::No)
        .await
        .unwrap();
}

/// A blob as somebody makes it who may create Secrets, and can do no more.
fn foreign_blob(name: &str, value: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "capstan.dev/blob",
        "metadata": { "name": name, "namespace": "shop" }, "data": { "part": pack(value) },
    })
}

/// The name of the blob of the last sync's manifests.
async fn manifests_blob(stage: &Stage) -> String {
    let head = unpack(head(stage).await.text("/data/head").unwrap());
    head["manifests"]["parts"][0].as_str().unwrap().to_owned()
}

/// A set whose state and view don't fit beside the head: its names are long and don't compress.
fn many(objects: u64, value: &str) -> String {
    let texts = (0..objects).map(|number| {
        let name: String = (0..24).map(|part: u32| short_hash(&[&number.to_string(), &part.to_string()])).collect();
        json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": format!("cfg-{name}") }, "data": { "a": value },
        })
        .to_string()
    });
    texts.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_does_not_fit_beside_the_head_is_stored_in_blobs_and_carried_on_with() {
    in_virtual_time(async {
        let stage = Stage::new(Setup::default()).await;
        let request = stage.request_text(&many(800, "one"));
        let planned = stage.engine.plan(request.clone()).await.unwrap();
        let running = stage.engine.start(planned, TERMINATED_BY).await.unwrap();
        let mut records = running.subscribe();
        for _ in 0..1_200 {
            records.next().await.unwrap();
        }
        drop(running);
        tokio::time::sleep(RUN_OUT).await;
        let before = head(&stage).await;
        assert!(before.text("/data/parts").is_some(), "{}", before.0.to_string().len());
        // Terminated from outside, continued, synced to its end and deleted.
        let running = stage.engine.resume(&stage.application).await.unwrap();
        running.terminate(TERMINATED_BY);
        let ran = stage.follow(running, None).await.unwrap();
        assert!(
            matches!(ran.status, OperationStatus::Terminated { .. }),
            "{:?}",
            ran.status
        );
        let ran = stage.run(request).await.unwrap();
        assert_eq!(ran.status, OperationStatus::Succeeded);
        let all = stored(&stage).await;
        for secret in &all {
            assert!(secret.0.to_string().len() < 1_000_000, "{}", secret.name());
        }
        // Two operations: what they were at earlier moments is gone.
        assert!(all.len() < 25, "{}", all.len());
        let ran = stage.run(stage.deletion()).await.unwrap();
        assert_eq!(ran.status, OperationStatus::Succeeded);
        assert!(stored(&stage).await.is_empty());
    });
}

#[test]
fn a_blob_that_somebody_put_there_first_is_not_taken_for_ours() {
    in_virtual_time(async {
        let (one, two) = (config_map("one", "one"), config_map("one", "two"));
        // The name follows from the manifests.
        let elsewhere = Stage::new(Setup::default()).await;
        sync(&elsewhere, &one).await;
        let name = manifests_blob(&elsewhere).await;
        let stage = Stage::new(Setup::default()).await;
        let evil = json!([{
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": "mallory" },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin" },
            "subjects": [{ "kind": "User", "name": "mallory", "apiGroup": "rbac.authorization.k8s.io" }],
        }]);
        create(&stage, foreign_blob(&name, &evil)).await;
        sync(&stage, &one).await;
        assert_ne!(manifests_blob(&stage).await, name);
        sync(&stage, &two).await;
        // What a rollback would apply, and a deletion would delete, is what was synced.
        let report = stage.engine.report(&stage.application).await.unwrap();
        let manifests = stage
            .engine
            .manifests_of(&stage.application, &report.history[0])
            .await
            .unwrap();
        assert_eq!(manifests.len(), 1);
        assert_eq!(manifests[0].object.key().to_string(), "ConfigMap shop/one");
        let ran = stage.run(stage.deletion()).await.unwrap();
        assert_eq!(ran.status, OperationStatus::Succeeded);
        // It is somebody else's, and stays.
        let names: Vec<String> = stored(&stage)
            .await
            .iter()
            .map(|secret| secret.name().to_owned())
            .collect();
        assert_eq!(names, [name]);
    });
}

#[test]
fn a_blob_that_was_exchanged_is_noticed_and_the_way_out_is_to_abandon() {
    in_virtual_time(async {
        let stage = Stage::new(Setup::default()).await;
        sync(&stage, &config_map("one", "one")).await;
        let name = manifests_blob(&stage).await;
        delete(&stage, &name).await;
        create(&stage, foreign_blob(&name, &json!([]))).await;
        let error = stage.engine.plan(stage.deletion()).await.map(drop).unwrap_err();
        assert!(error.to_string().contains("digest"), "{error}");
        let left = stage.engine.remaining_objects(&stage.application).await.unwrap();
        let left: Vec<String> = left.objects.iter().map(ObjectKey::to_string).collect();
        assert_eq!(left, ["ConfigMap shop/one"]);
        stage.engine.abandon(&stage.application).await.unwrap();
        let error = stage.engine.plan(stage.deletion()).await.map(drop).unwrap_err();
        assert!(matches!(error, EngineError::NoApplication { .. }), "{error}");
        assert_eq!(stage.names(&["Lease"]).await["Lease"], Vec::<String>::new());
        // It begins again, with what is there.
        sync(&stage, &config_map("one", "one")).await;
    });
}

#[test]
fn whatever_is_broken_can_be_abandoned() {
    type Break = fn(&mut Value);
    let breaks: [(&str, Break); 4] = [
        ("newer", |head| head["format"] = json!(99)),
        ("missing field", |head| head["history"] = json!("gone")),
        ("application", |head| head["application"]["name"] = json!("other")),
        ("missing or empty", |head| {
            head["manifests"]["parts"][0] = json!("capstan.shop.aaaaaaaaaa");
        }),
    ];
    for (why, break_it) in breaks {
        in_virtual_time(async {
            let stage = Stage::new(Setup::default()).await;
            sync(&stage, &config_map("one", "one")).await;
            rewrite_head(&stage, break_it).await;
            let error = stage.engine.plan(stage.deletion()).await.map(drop).unwrap_err();
            assert!(matches!(error, EngineError::InvalidState(_)), "{why}: {error}");
            stage.engine.abandon(&stage.application).await.unwrap();
            assert!(stored(&stage).await.is_empty(), "{why}");
            let again = stage.engine.abandon(&stage.application).await.unwrap_err();
            assert!(matches!(again, EngineError::NoApplication { .. }), "{why}: {again}");
            sync(&stage, &config_map("one", "one")).await;
        });
    }
}

#[test]
fn an_application_that_is_being_driven_is_not_abandoned() {
    in_virtual_time(async {
        let stage = Stage::new(Setup::default()).await;
        let planned = stage
            .engine
            .plan(stage.request(&["fixtures/sets/waves"]).unwrap())
            .await;
        let running = stage.engine.start(planned.unwrap(), TERMINATED_BY).await.unwrap();
        let refused = stage.engine.abandon(&stage.application).await.unwrap_err();
        assert!(matches!(refused, EngineError::Busy { .. }), "{refused}");
        assert_eq!(
            stage.follow(running, None).await.unwrap().status,
            OperationStatus::Succeeded
        );
    });
}

/// Makes of the head what version 0.1.0 would have stored.
fn of_version_0_1_0(head: &mut Value) {
    fn forget(value: &mut Value) {
        match value {
            Value::Object(members) => {
                members.remove("sha256");
                members.values_mut().for_each(forget);
            }
            Value::Array(members) => members.iter_mut().for_each(forget),
            _ => {}
        }
    }
    forget(head);
    head["format"] = json!(1);
    head.as_object_mut().unwrap().remove("mark");
}

/// Takes off the Lease what version 0.1.0 didn't write.
async fn forget_mark(stage: &Stage) {
    let cluster = stage.engine.cluster();
    let leases = GroupKind::new("coordination.k8s.io", "Lease");
    let lease = cluster.list(&leases, "shop", "").await.unwrap().remove(0);
    let patch = json!({ "metadata": { "annotations": { "capstan.dev/state-mark": null } } });
    cluster.merge_patch(&lease.key(), lease.uid(), patch).await.unwrap();
}

#[test]
fn a_head_that_somebody_put_there_first_is_not_taken_for_ours() {
    in_virtual_time(async {
        // All that is stored about an application elsewhere, with what it would delete.
        let elsewhere = Stage::new(Setup::default()).await;
        sync(&elsewhere, &config_map("one", "one")).await;
        let all = stored(&elsewhere).await;
        for is_version_0_1_0 in [false, true] {
            let stage = Stage::new(Setup::default()).await;
            for mut secret in all.clone() {
                let metadata =
                    json!({ "name": secret.name(), "namespace": "shop", "labels": secret.0["metadata"]["labels"] });
                secret.0["metadata"] = metadata;
                create(&stage, secret.0).await;
            }
            if is_version_0_1_0 {
                rewrite_head(&stage, of_version_0_1_0).await;
            }
            for request in [stage.deletion(), stage.request_text(&config_map("one", "two"))] {
                let planned = stage.engine.plan(request).await.unwrap();
                let error = stage.engine.start(planned, TERMINATED_BY).await.map(drop).unwrap_err();
                assert!(error.to_string().contains("not stored by Capstan"), "{error}");
            }
            stage.engine.abandon(&stage.application).await.unwrap();
            sync(&stage, &config_map("one", "two")).await;
        }
    });
}

#[test]
fn what_version_0_1_0_stored_is_read_and_its_blobs_are_verified_by_their_names() {
    in_virtual_time(async {
        let stage = Stage::new(Setup::default()).await;
        sync(&stage, &config_map("one", "one")).await;
        rewrite_head(&stage, of_version_0_1_0).await;
        forget_mark(&stage).await;
        sync(&stage, &config_map("one", "two")).await;
        let report = stage.engine.report(&stage.application).await.unwrap();
        let manifests = stage
            .engine
            .manifests_of(&stage.application, &report.history[0])
            .await
            .unwrap();
        assert_eq!(manifests.len(), 1);
        // One that it took for its own is not read any more.
        rewrite_head(&stage, of_version_0_1_0).await;
        let name = manifests_blob(&stage).await;
        delete(&stage, &name).await;
        create(&stage, foreign_blob(&name, &json!([]))).await;
        let error = stage.engine.plan(stage.deletion()).await.map(drop).unwrap_err();
        assert!(
            error.to_string().contains("not what was stored under this name"),
            "{error}"
        );
    });
}

#[test]
fn a_blob_of_no_use_is_removed_when_it_is_a_day_old_and_not_sooner() {
    in_virtual_time(async {
        let stage = Stage::new(Setup::default()).await;
        sync(&stage, &config_map("one", "one")).await;
        // What a driver has written that was lost before it could name it; and something that only looks like that.
        let mut orphan = foreign_blob("capstan.shop.orphan", &json!([]));
        orphan["metadata"]["labels"] = json!({ "capstan.dev/state-of": "shop" });
        let mut other = orphan.clone();
        (other["metadata"]["name"], other["type"]) = (json!("mine"), json!("Opaque"));
        create(&stage, orphan).await;
        create(&stage, other).await;
        let is_there = async |name: &str| stored(&stage).await.iter().any(|secret| secret.name() == name);
        sync(&stage, &config_map("one", "two")).await;
        assert!(is_there("capstan.shop.orphan").await);
        tokio::time::sleep(Duration::from_hours(25)).await;
        sync(&stage, &config_map("one", "three")).await;
        assert!(!is_there("capstan.shop.orphan").await);
        assert!(is_there("mine").await);
    });
}

#[test]
fn an_object_that_is_nested_too_deep_is_nobody_elses_trouble() {
    let deep = (0..150).fold(json!("deep"), |inner, _| json!({ "a": inner }));
    for label in ["shop", "nobody"] {
        in_virtual_time(async {
            let strange = json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": { "name": "strange", "namespace": "shop", "labels": { "capstan.dev/application": label } },
                "extra": deep.clone(),
            });
            let setup = Setup {
                objects: vec![strange],
                ..Setup::default()
            };
            let stage = Stage::new(setup).await;
            let names = ["one", "two", "three", "four"].map(|name| config_map(name, "x"));
            let mut request = stage.request_text(&names.join("---\n"));
            request.options.prune = label == "nobody";
            let ran = stage.run(request).await.unwrap();
            assert_eq!(ran.status, OperationStatus::Succeeded, "{:#?}", ran.events);
            let all = stage.names(&["ConfigMap"]).await;
            assert_eq!(all["ConfigMap"].len(), 6, "{all:?}");
            let ran = stage.run(stage.deletion()).await.unwrap();
            assert_eq!(ran.status, OperationStatus::Succeeded, "{:#?}", ran.events);
        });
    }
}

#[test]
fn an_operation_whose_view_is_lost_is_carried_on_with() {
    in_virtual_time(async {
        let stage = Stage::new(Setup::default()).await;
        let planned = stage
            .engine
            .plan(stage.request(&["fixtures/sets/waves"]).unwrap())
            .await
            .unwrap();
        let running = stage.engine.start(planned, TERMINATED_BY).await.unwrap();
        let mut records = running.subscribe();
        for _ in 0..12 {
            records.next().await.unwrap();
        }
        drop(running);
        tokio::time::sleep(RUN_OUT).await;
        let mut secret = head(&stage).await;
        assert!(secret.0["data"].as_object_mut().unwrap().remove("view").is_some());
        let cluster = stage.engine.cluster();
        cluster
            .replace(&secret, capstan_engine::cluster::DryRun::No)
            .await
            .unwrap();
        let running = stage.engine.resume(&stage.application).await.unwrap();
        let mut records = running.subscribe();
        while records.next().await.is_some() {}
        assert_eq!(running.wait().await.unwrap(), OperationStatus::Succeeded);
        let report = stage.engine.report(&stage.application).await.unwrap();
        let view = stage.engine.view(&stage.application, &report.history[0]).await.unwrap();
        assert!(
            !view.tasks.is_empty() && view.problems[0].contains("too large to be stored"),
            "{:?}",
            view.problems
        );
    });
}
