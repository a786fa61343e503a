//! What is stored about an application can't be lost, poisoned or outgrown; and where it is broken all the same, there is a way out.

use std::{
    io::{Read as _, Write as _},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use capstan_core::{
    model::{
        health::Assessment,
        hook::{Disposal, Propagation, short_hash},
        object::{GroupKind, Object, ObjectKey},
        plugins::{
            HealthQuestion, HookContext, HookQuestion, HookStep, Placement, PlacementQuestion, PluginError,
            PluginQuery, PluginRef, Plugins, PolicyQuestion,
        },
    },
    plan::propagation::PropagationRules,
    run::event::OperationStatus,
};
use capstan_engine::EngineError;
use capstan_sim::world::Setup;
use capstan_tests::{
    Stage, in_virtual_time,
    stage::{TERMINATED_BY, built_in},
};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use jiff::Timestamp;
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

/// The built-in plugins; but a Job's hook type never has an answer, and always a lot to say.
struct Talkative {
    others: Arc<dyn Plugins>,
    bytes: usize,
}

fn noise(bytes: usize, seed: u64) -> String {
    let mut state = seed | 1;
    let letters = (0..bytes).map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'!' + u8::try_from(state % 90).unwrap())
    });
    letters.collect()
}

#[async_trait]
impl Plugins for Talkative {
    fn plugin_for(&self, need: &PluginQuery) -> Option<PluginRef> {
        self.others.plugin_for(need)
    }

    fn policies_for_all(&self) -> Vec<PluginRef> {
        self.others.policies_for_all()
    }

    async fn place(&self, by: &PluginRef, question: PlacementQuestion) -> Result<Placement, PluginError> {
        self.others.place(by, question).await
    }

    async fn step(
        &self,
        by: &PluginRef,
        _: &HookContext,
        _: HookQuestion,
        now: Timestamp,
    ) -> Result<HookStep, PluginError> {
        let seed = u64::try_from(now.as_millisecond()).unwrap_or(1);
        Err(PluginError::Retry {
            plugin: by.plugin.clone(),
            message: noise(self.bytes, seed),
            after_ms: 100,
        })
    }

    async fn assess(&self, by: &PluginRef, question: HealthQuestion<'_>) -> Result<Assessment, PluginError> {
        self.others.assess(by, question).await
    }

    async fn decide(&self, by: &PluginRef, question: PolicyQuestion, now: Timestamp) -> Result<Disposal, PluginError> {
        self.others.decide(by, question, now).await
    }
}

#[test]
fn a_plugin_that_talks_without_end_costs_itself_its_messages_and_nothing_else() {
    in_virtual_time(async {
        let plugins = Talkative {
            others: built_in(),
            bytes: 200_000,
        };
        let stage = Stage::with(Setup::default(), Arc::new(plugins)).await;
        let hooks = ["a", "b", "c"].map(|name| {
            format!(
                "---\napiVersion: batch/v1\nkind: Job\nmetadata:\n  name: {name}\n  annotations: {{ capstan.dev/hook: PreSync }}\n\
                 spec:\n  template:\n    spec:\n      restartPolicy: Never\n      containers: [{{ name: main, image: ubuntu }}]\n"
            )
        });
        let text = format!("{}{}", config_map("after", "one"), hooks.concat());
        let ran = stage.run(stage.request_text(&text)).await.unwrap();
        assert!(matches!(ran.status, OperationStatus::Failed(_)), "{:?}", ran.status);
        let longest = ran.events.iter().map(String::len).max();
        assert!(longest < Some(20_000), "{longest:?}");
        for secret in stored(&stage).await {
            assert!(secret.0.to_string().len() < 1_000_000, "{}", secret.name());
        }
        // The next one is planned as if nothing had been, and so is the deletion.
        sync(&stage, &config_map("after", "two")).await;
        let ran = stage.run(stage.deletion()).await.unwrap();
        assert_eq!(ran.status, OperationStatus::Succeeded, "{:#?}", ran.events);
        assert!(stored(&stage).await.is_empty());
    });
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
fn what_many_failures_say_is_told_of_some_and_counted_of_the_rest() {
    in_virtual_time(async {
        let rules = json!([{ "verb": "patch", "path": "/**/configmaps/*", "refuse": { "code": 403, "reason": "Forbidden", "message": "no" } }]);
        let setup = Setup {
            fault_rules: serde_json::from_value(rules).unwrap(),
            ..Setup::default()
        };
        let stage = Stage::new(setup).await;
        let set: Vec<String> = (0..150).map(|number| config_map(&format!("c{number}"), "x")).collect();
        let mut request = stage.request_text(&set.join("---\n"));
        request.options.dry_run_first = false;
        let ran = stage.run(request).await.unwrap();
        let OperationStatus::Failed(cause) = &ran.status else {
            unreachable!("{:?}", ran.status)
        };
        assert!(cause.message.ends_with("; and 130 more failed"), "{}", cause.message);
        assert_eq!(cause.message.matches("ConfigMap").count(), 20, "{}", cause.message);
        assert_eq!(cause.objects.len(), 100);
    });
}

#[test]
fn a_write_that_is_too_large_is_made_without_what_only_people_look_at() {
    for refused in [1, 2] {
        in_virtual_time(async {
            let message = "Secret \"capstan.shop\" is invalid: data: Too long: may not be more than 1048576 bytes";
            let rules = json!([{
                "verb": "update", "path": "**/secrets/capstan.shop", "first": refused,
                "refuse": { "code": 422, "reason": "Invalid", "message": message },
            }]);
            let setup = Setup {
                fault_rules: serde_json::from_value(rules).unwrap(),
                ..Setup::default()
            };
            let stage = Stage::new(setup).await;
            let planned = stage
                .engine
                .plan(stage.request_text(&config_map("one", "one")))
                .await
                .unwrap();
            let running = stage.engine.start(planned, TERMINATED_BY).await.unwrap();
            let mut records = running.subscribe();
            while records.next().await.is_some() {}
            assert_eq!(running.wait().await.unwrap(), OperationStatus::Succeeded);
            // The journal is given up after the second refusal; what the operation looked like is stored at its end all the same.
            let report = stage.engine.report(&stage.application).await.unwrap();
            let past = &report.history[0];
            let journal = stage.engine.journal(&stage.application, past).await.unwrap();
            assert_eq!(journal.is_some(), refused == 1);
            let view = stage.engine.view(&stage.application, past).await.unwrap();
            assert_eq!(view.status, Some(OperationStatus::Succeeded));
            let ran = stage.run(stage.deletion()).await.unwrap();
            assert_eq!(ran.status, OperationStatus::Succeeded);
            assert!(stored(&stage).await.is_empty());
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
