//! What controllers and other managers write into our objects, on both arms.

use capstan_core::{
    model::{object::Object, remedy::Setting},
    plan::task::ExpectedChange,
    read::manifest,
    run::event::OperationStatus,
};
use capstan_engine::{Engine, PlanRequest};
use capstan_sim::world::Setup;
use capstan_tests::{RunResult, Stage, in_virtual_time, real};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::{api, live};

fn request(stage: &Stage, object: &Value) -> PlanRequest {
    let manifests = manifest::decode("set", &object.to_string()).unwrap();
    PlanRequest::sync(stage.application.clone(), manifests)
}

async fn sync(stage: &Stage, object: &Value) -> RunResult {
    let ran = stage.run(request(stage, object)).await.unwrap();
    assert_eq!(ran.status, OperationStatus::Succeeded, "{:#?}", ran.events);
    ran
}

/// Plans and syncs the same once more: nothing changes, and nothing is in the way.
async fn is_still(stage: &Stage, object: &Value) {
    let planned = stage.engine.plan(request(stage, object)).await.unwrap();
    for task in &planned.plan.tasks {
        assert_eq!(task.apply().unwrap().changes, ExpectedChange::None, "{}", task.key);
    }
    let ran = sync(stage, object).await;
    let is_changed = ran.events.iter().any(|line| line.starts_with("changed "));
    assert!(!is_changed, "{:#?}", ran.events);
}

async fn others_patch(engine: &Engine, object: &Value, manager: &str, patch: Value) {
    let object = Object(object.clone());
    let params = PatchParams {
        field_manager: Some(manager.to_owned()),
        ..PatchParams::default()
    };
    let patched = api(engine, &object)
        .patch(object.name(), &params, &Patch::Merge(&patch))
        .await;
    patched.unwrap();
}

/// Runs a test on an embedded cluster, and on a real one where there is one.
fn on_both(test: impl AsyncFn(Stage)) {
    in_virtual_time(async { test(Stage::new(Setup::default()).await).await });
    if let Some(plane) = real::plane() {
        plane.block_on(async {
            let stage = Stage::real(plane, &real::namespace(), Setup::default()).await;
            test(stage.unwrap()).await;
        });
    }
}

#[test]
fn a_port_that_others_moved_is_told_and_put_back() {
    on_both(async |stage| {
        let namespace = stage.application.namespace.clone();
        let service = |port: i64| {
            json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web", "namespace": namespace },
                "spec": { "selector": { "a": "b" }, "ports": [{ "name": "http", "port": port, "targetPort": 80 },
                    { "name": "metrics", "port": 90, "targetPort": 90 }] } })
        };
        sync(&stage, &service(80)).await;
        let moved = json!({ "spec": { "ports": [{ "name": "http", "port": 83, "targetPort": 80 },
            { "name": "metrics", "port": 90, "targetPort": 90 }, { "name": "side", "port": 91, "targetPort": 91 }] } });
        others_patch(&stage.engine, &service(80), "kubectl-patch", moved).await;
        let ran = stage.run(request(&stage, &service(80))).await.unwrap();
        let OperationStatus::Failed(cause) = &ran.status else {
            panic!("{:#?}", ran.events);
        };
        for word in ["83/TCP", "`http`", "80/TCP", "kubectl-patch"] {
            assert!(cause.message.contains(word), "{word}: {}", cause.message);
        }
        assert_eq!(cause.remedies, Setting::ForceConflicts.into());
        let mut forced = request(&stage, &service(80));
        forced.options.force_conflicts = true;
        let planned = stage.engine.plan(forced.clone()).await.unwrap();
        for one in stage.engine.dry_run(&planned).await {
            let after = one.result.unwrap().unwrap().0;
            assert_eq!(ports(&after), [80, 90, 91]);
        }
        let ran = stage.run(forced).await.unwrap();
        assert_eq!(ran.status, OperationStatus::Succeeded, "{:#?}", ran.events);
        let now = live(&stage.engine, &Object(service(80))).await;
        assert_eq!(ports(&now), [80, 90, 91]);
        is_still(&stage, &service(80)).await;
        // Nothing is left that would hold on to the port.
        sync(&stage, &service(81)).await;
        let now = live(&stage.engine, &Object(service(80))).await;
        assert_eq!(ports(&now), [81, 90, 91]);
    });
}

fn ports(service: &Value) -> Vec<i64> {
    let ports = service["spec"]["ports"].as_array().unwrap().iter();
    let mut ports: Vec<i64> = ports.map(|port| port["port"].as_i64().unwrap()).collect();
    ports.sort_unstable();
    ports
}

#[test]
fn what_a_controller_fills_in_is_neither_a_difference_nor_a_conflict() {
    on_both(async |stage| {
        let name = format!("{}-filled-in", stage.application.namespace);
        let role = json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": { "name": name },
            "aggregationRule": { "clusterRoleSelectors": [{ "matchLabels": { "aggregate-to": name } }] }, "rules": [] });
        sync(&stage, &role).await;
        let rules = json!({ "rules": [{ "apiGroups": [""], "resources": ["pods"], "verbs": ["get"] }] });
        others_patch(&stage.engine, &role, "clusterrole-aggregation-controller", rules).await;
        is_still(&stage, &role).await;
        for annotations in [
            json!({ "cert-manager.io/inject-ca-from": "a/b" }),
            json!({ "note": "" }),
        ] {
            let webhook = json!({ "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
                "metadata": { "name": name, "annotations": annotations }, "webhooks": [{
                    "name": "a.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"], "failurePolicy": "Ignore",
                    "clientConfig": { "caBundle": "Cg==", "service": { "name": "none", "namespace": "none" } },
                    "rules": [{ "apiGroups": ["none.example.com"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["nones"] }] }] });
            sync(&stage, &webhook).await;
            let mut webhooks = live(&stage.engine, &Object(webhook.clone())).await["webhooks"].clone();
            webhooks[0]["clientConfig"]["caBundle"] = json!("TFMw");
            let patch = json!({ "webhooks": webhooks });
            others_patch(&stage.engine, &webhook, "cert-manager-cainjector", patch).await;
            is_still(&stage, &webhook).await;
            let now = live(&stage.engine, &Object(webhook)).await;
            assert_eq!(now["webhooks"][0]["clientConfig"]["caBundle"], "TFMw");
        }
    });
}

#[test]
fn what_leaves_string_data_leaves_the_secret() {
    on_both(async |stage| {
        let namespace = stage.application.namespace.clone();
        let secret = |fields: Value, options: &str| {
            let mut secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "s", "namespace": namespace,
                "annotations": { "argocd.argoproj.io/sync-options": options } } });
            for (name, value) in fields.as_object().unwrap() {
                secret[name] = value.clone();
            }
            secret
        };
        let steps = [
            (
                json!({ "stringData": { "a": "x", "b": "y", "c": "" } }),
                json!({ "a": "eA==", "b": "eQ==", "c": "" }),
            ),
            (json!({ "stringData": { "a": "x", "b": null } }), json!({ "a": "eA==" })),
            (
                json!({ "stringData": { "a": "x" }, "data": { "a": "eQ==", "d": "eQ==" } }),
                json!({ "a": "eA==", "d": "eQ==" }),
            ),
            (json!({ "data": { "d": "eQ==" } }), json!({ "d": "eQ==" })),
        ];
        for options in ["Prune=true", "Replace=true"] {
            for (given, expected) in &steps {
                sync(&stage, &secret(given.clone(), options)).await;
                let now = live(&stage.engine, &Object(secret(json!({}), options))).await;
                assert_eq!(now["data"], *expected, "{options} {given}");
                is_still(&stage, &secret(given.clone(), options)).await;
            }
        }
    });
}
