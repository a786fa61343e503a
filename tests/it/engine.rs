//! What the engine stores, locks and follows, where a story can't tell it.

use std::time::Duration;

use capstan_core::{
    model::object::{GroupKind, Object},
    run::event::OperationStatus,
};
use capstan_engine::{EngineError, cluster::Cluster};
use capstan_sim::world::Setup;
use capstan_tests::{Stage, in_virtual_time, stage::TERMINATED_BY};
use kube::{
    Api,
    api::{DynamicObject, Patch, PatchParams},
};
use serde_json::{Value, json};

fn config_map(name: &str, bytes: usize) -> String {
    // Different letters, so that compressing doesn't make it small.
    let mut seed: u64 = name.bytes().map(u64::from).sum::<u64>() + 1;
    let letters = (0..bytes).map(|_| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        char::from(b'a' + u8::try_from((seed >> 33) % 26).unwrap())
    });
    let data: String = letters.collect();
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": { "x": data } }).to_string()
}

async fn secrets(stage: &Stage) -> Vec<Object> {
    let secrets = GroupKind::new("", "Secret");
    stage
        .engine
        .cluster()
        .list(&secrets, "shop", "capstan.dev/state-of=shop")
        .await
        .unwrap()
}

#[test]
fn a_large_set_is_stored_in_parts_and_can_be_deleted_from_them() {
    in_virtual_time(async {
        let stage = Stage::new(Setup::default()).await;
        let text: Vec<String> = (0..12)
            .map(|number| config_map(&format!("c{number}"), 200_000))
            .collect();
        let ran = stage.run(stage.request_text(&text.join("\n"))).await.unwrap();
        assert_eq!(ran.status, OperationStatus::Succeeded);
        let stored = secrets(&stage).await;
        assert!(stored.len() > 3, "{}", stored.len());
        for secret in &stored {
            assert!(secret.0.to_string().len() < 1_000_000, "{}", secret.name());
        }
        let ran = stage.run(stage.deletion()).await.unwrap();
        assert_eq!(ran.status, OperationStatus::Succeeded, "{:#?}", ran.events);
        assert_eq!(stage.names(&["ConfigMap"]).await["ConfigMap"], ["kube-root-ca.crt"]);
        assert!(secrets(&stage).await.is_empty());
    });
}

#[test]
fn ten_operations_are_remembered_and_nothing_else_piles_up() {
    in_virtual_time(async {
        let stage = Stage::new(Setup::default()).await;
        for number in 0..13 {
            let ran = stage
                .run(stage.request_text(&config_map("c", number + 10)))
                .await
                .unwrap();
            assert_eq!(ran.status, OperationStatus::Succeeded);
        }
        let report = stage.engine.report(&stage.application).await.unwrap();
        assert_eq!(report.history.len(), 10);
        assert!(report.history[0].id.starts_with("4-"), "{}", report.history[0].id);
        // The head, the inventory, and of each of ten operations the manifests, the plan, its journal and what it looked like.
        assert_eq!(secrets(&stage).await.len(), 42);
        for past in &report.history {
            let view = stage.engine.view(&stage.application, past).await.unwrap();
            assert_eq!(view.status, Some(OperationStatus::Succeeded));
        }
    });
}

#[test]
fn a_lock_that_is_renewed_is_respected_and_one_that_is_not_is_taken() {
    in_virtual_time(async {
        let stage = Stage::new(Setup::default()).await;
        let set = stage.request_text(&config_map("c", 10));
        assert_eq!(stage.run(set.clone()).await.unwrap().status, OperationStatus::Succeeded);
        let leases = GroupKind::new("coordination.k8s.io", "Lease");
        let lease = stage
            .engine
            .cluster()
            .list(&leases, "shop", "")
            .await
            .unwrap()
            .remove(0);
        assert_eq!(lease.text("/spec/holderIdentity"), Some(""), "it was given back");
        // Somebody on another machine, whose clock is an hour behind ours.
        let renew = async |at: &str| {
            let spec = json!({ "spec": { "holderIdentity": "elsewhere/1/1", "renewTime": at } });
            stage
                .engine
                .cluster()
                .merge_patch(&lease.key(), lease.uid(), spec)
                .await
                .unwrap();
        };
        renew("2025-12-31T23:00:00.000000Z").await;
        let planned = stage.engine.plan(set.clone()).await.unwrap();
        let mut second = 0;
        let renewals = async {
            loop {
                second += 5;
                tokio::time::sleep(Duration::from_secs(5)).await;
                renew(&format!("2025-12-31T23:00:{second:02}.000000Z")).await;
            }
        };
        let start = stage.engine.start(planned.clone(), TERMINATED_BY);
        let result = tokio::select! {
            result = start => result.map(|_| ()),
            () = renewals => unreachable!("it never ends"),
        };
        assert!(matches!(result, Err(EngineError::Busy { .. })), "{result:?}");
        // It stops to renew: it is gone.
        let running = stage.engine.start(planned, TERMINATED_BY).await.unwrap();
        assert_eq!(
            stage.follow(running, None).await.unwrap().status,
            OperationStatus::Succeeded
        );
    });
}

async fn patch(cluster: &Cluster, kind: &GroupKind, name: &str, patch: Value) {
    let discovery = cluster.discovery();
    let resource = discovery.resource(kind, None).unwrap();
    let api: Api<DynamicObject> = Api::namespaced_with(cluster.client().clone(), "shop", resource);
    api.patch(name, &PatchParams::default(), &Patch::Merge(patch))
        .await
        .unwrap();
}

#[test]
fn an_object_that_loses_its_label_is_still_followed() {
    in_virtual_time(async {
        // Its pod is ready after a minute.
        let behaviours = json!([{ "match": {}, "ready-after": "60s" }]);
        let setup = Setup {
            behaviours: serde_json::from_value(behaviours).unwrap(),
            ..Setup::default()
        };
        let stage = Stage::new(setup).await;
        let planned = stage
            .engine
            .plan(stage.request(&["example/echo/deployment.yaml"]).unwrap())
            .await
            .unwrap();
        let running = stage.engine.start(planned, TERMINATED_BY).await.unwrap();
        let cluster = stage.engine.cluster().clone();
        let strip = async {
            tokio::time::sleep(Duration::from_secs(10)).await;
            let labels = json!({ "metadata": { "labels": { "capstan.dev/application": null } } });
            patch(&cluster, &GroupKind::new("apps", "Deployment"), "echo-server", labels).await;
        };
        let (ran, ()) = tokio::join!(stage.follow(running, None), strip);
        let ran = ran.unwrap();
        assert_eq!(ran.status, OperationStatus::Succeeded, "{:#?}", ran.events);
    });
}

#[test]
fn what_another_application_owns_is_refused() {
    in_virtual_time(async {
        let stage = Stage::new(Setup::default()).await;
        assert_eq!(
            stage
                .run(stage.request_text(&config_map("c", 10)))
                .await
                .unwrap()
                .status,
            OperationStatus::Succeeded
        );
        let mut request = stage.request_text(&config_map("c", 10));
        request.application.name = "other".to_owned();
        let error = stage.engine.plan(request).await.map(|_| ()).unwrap_err();
        let EngineError::InvalidInput(mistakes) = error else {
            panic!("{error}")
        };
        assert_eq!(mistakes[0].message, "ConfigMap shop/c belongs to the application shop");
    });
}

#[test]
fn a_lock_that_is_lost_ends_the_driver_before_it_does_anything_more() {
    in_virtual_time(async {
        let stage = Stage::new(Setup::default()).await;
        let planned = stage
            .engine
            .plan(stage.request(&["fixtures/sets/waves"]).unwrap())
            .await
            .unwrap();
        let running = stage.engine.start(planned, TERMINATED_BY).await.unwrap();
        let mut records = running.subscribe();
        for _ in 0..4 {
            records.next().await.unwrap();
        }
        let leases = GroupKind::new("coordination.k8s.io", "Lease");
        let lease = stage
            .engine
            .cluster()
            .list(&leases, "shop", "")
            .await
            .unwrap()
            .remove(0);
        let spec = json!({ "spec": { "holderIdentity": "elsewhere/1/1" } });
        stage
            .engine
            .cluster()
            .merge_patch(&lease.key(), lease.uid(), spec)
            .await
            .unwrap();
        let lost = tokio::time::timeout(Duration::from_mins(1), async {
            while records.next().await.is_some() {}
            running.wait().await
        });
        // It may come to its end within the seconds that it still may act; it must not hang, and not act for longer.
        let ended = lost.await.unwrap();
        assert!(
            matches!(ended, Err(EngineError::LostLock(_)) | Ok(OperationStatus::Succeeded)),
            "{ended:?}"
        );
    });
}

const GADGET: &str = "apiVersion: acme.io/v1\nkind: Gadget\nmetadata: { name: pump }\nspec: { size: 3 }\n";

/// Somebody else installs a definition.
async fn define(stage: &Stage, scope: &str) {
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "gadgets.acme.io" },
        "spec": {
            "group": "acme.io", "scope": scope,
            "names": { "kind": "Gadget", "plural": "gadgets", "singular": "gadget" },
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": { "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } },
            }],
        },
    });
    let cluster = stage.engine.cluster();
    cluster
        .create(&Object(definition), capstan_engine::cluster::DryRun::No)
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
}

async fn undefine(stage: &Stage) {
    let kind = GroupKind::new("apiextensions.k8s.io", "CustomResourceDefinition");
    let cluster = stage.engine.cluster();
    let found = cluster.list(&kind, "", "").await.unwrap().remove(0);
    let propagation = capstan_core::plan::propagation::PropagationRules::default();
    let propagation = propagation.decide(capstan_core::model::hook::Propagation::Background);
    cluster.delete(&found.key(), found.uid(), propagation).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
}

#[test]
fn a_definition_that_somebody_installs_later_is_known_to_the_next_plan() {
    in_virtual_time(async {
        let stage = Stage::new(Setup::default()).await;
        let request = stage.request_text(GADGET);
        let refused = stage.engine.plan(request.clone()).await.map(drop).unwrap_err();
        let EngineError::InvalidInput(mistakes) = refused else {
            panic!("{refused}")
        };
        let expected = "neither the cluster nor this set knows the kind acme.io/Gadget";
        assert!(mistakes[0].message.starts_with(expected), "{}", mistakes[0].message);
        define(&stage, "Namespaced").await;
        let planned = stage.engine.plan(request).await.unwrap();
        assert_eq!(planned.plan.tasks.len(), 1);
    });
}

#[test]
fn discovery_is_asked_for_again_before_a_plan_when_it_is_old() {
    in_virtual_time(async {
        let stage = Stage::new(Setup::default()).await;
        let gadget = GroupKind::new("acme.io", "Gadget");
        let scope = |stage: &Stage| stage.engine.cluster().discovery().kind(&gadget).map(|info| info.scope);
        let plan = async || {
            stage
                .engine
                .plan(stage.request_text(&config_map("c", 10)))
                .await
                .unwrap()
        };
        let (namespaced, cluster) = (
            capstan_core::plan::Scope::Namespaced,
            capstan_core::plan::Scope::Cluster,
        );
        define(&stage, "Namespaced").await;
        // What the plan is about is known, and discovery is young.
        plan().await;
        assert_eq!(scope(&stage), None);
        tokio::time::sleep(Duration::from_secs(30)).await;
        plan().await;
        assert_eq!(scope(&stage), Some(namespaced));
        // A kind that is defined again in another scope, and one that is gone.
        undefine(&stage).await;
        define(&stage, "Cluster").await;
        tokio::time::sleep(Duration::from_secs(30)).await;
        plan().await;
        assert_eq!(scope(&stage), Some(cluster));
        undefine(&stage).await;
        tokio::time::sleep(Duration::from_secs(30)).await;
        plan().await;
        assert_eq!(scope(&stage), None);
        let refused = stage.engine.plan(stage.request_text(GADGET)).await;
        assert!(matches!(refused.map(drop), Err(EngineError::InvalidInput(_))));
    });
}

#[test]
fn of_many_plans_at_once_one_asks_for_discovery() {
    in_virtual_time(async {
        let stage = Stage::new(Setup::default()).await;
        let cluster = stage.engine.cluster();
        let before = cluster.discovery();
        tokio::time::sleep(Duration::from_mins(1)).await;
        let age = Duration::from_secs(30);
        let all = (0..20).map(|_| async {
            cluster.refresh_if_older_than(age).await.unwrap();
            cluster.discovery()
        });
        let all = futures::future::join_all(all).await;
        assert!(all.iter().all(|one| std::sync::Arc::ptr_eq(one, &all[0])));
        assert!(!std::sync::Arc::ptr_eq(&before, &all[0]));
    });
}
