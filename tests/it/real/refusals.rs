//! What a real server, a quota, a policy or a webhook refuses, and how it is reported.

use std::time::Duration;

use capstan_core::{model::object::Object, read::sync_options::SyncOptions, run::event::OperationStatus};
use capstan_engine::{
    ClusterError,
    cluster::{ConflictPolicy, DryRun},
};
use capstan_tests::{Stage, matches_pattern, real};
use kube::api::{DeleteParams, DynamicObject};
use serde_json::{Value, json};

use super::{api, config_map, create, hook, refused, soon, stage, why};

/// Waits for the quota's first status: it counts from then on.
async fn is_counted(stage: &Stage) {
    let is_counted =
        |quota: Option<&DynamicObject>| quota.is_some_and(|quota| quota.data.pointer("/status/used").is_some());
    let counted = kube::runtime::wait::await_condition(api(stage, "v1", "ResourceQuota"), "small", is_counted);
    tokio::time::timeout(Duration::from_secs(30), counted)
        .await
        .unwrap()
        .unwrap();
}

#[test]
fn why_pods_can_not_be_made_is_told_by_the_event_that_says_so() {
    let Some(plane) = real::plane() else { return };
    plane.block_on(async {
        let stage = stage(plane).await;
        let quota = json!({ "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "small" },
            "spec": { "hard": { "pods": "0" } } });
        create(&stage, quota).await;
        is_counted(&stage).await;
        let mut request = stage.request(&["fixtures/sets/stateful"]).unwrap();
        request.options.limits.operation = Duration::from_secs(25);
        let ran = stage.run(request).await.unwrap();
        let expected = "waiting StatefulSet/db: FailedCreate: *exceeded quota: small*";
        assert!(
            ran.events.iter().any(|line| matches_pattern(line, expected)),
            "{:#?}",
            ran.events
        );
    });
}

#[test]
fn a_full_quota_is_told_with_its_numbers() {
    let Some(plane) = real::plane() else { return };
    plane.block_on(async {
        let stage = stage(plane).await;
        let quota = json!({ "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "small" },
            "spec": { "hard": { "count/services": "0" } } });
        create(&stage, quota).await;
        is_counted(&stage).await;
        let ran = stage.run(stage.request(&["example/echo"]).unwrap()).await.unwrap();
        assert!(why(&ran).contains("exceeded quota: small"), "{}", why(&ran));
        assert!(
            !ran.events.iter().any(|line| line.starts_with("created Deployment")),
            "{:#?}",
            ran.events
        );
    });
}

#[test]
fn a_policy_that_refuses_and_a_webhook_that_never_answers_are_named_before_anything_is_changed() {
    let Some(plane) = real::plane() else { return };
    plane.block_on(async {
        let stage = stage(plane).await;
        let space = &stage.application.namespace;
        let selector = json!({ "matchLabels": { "kubernetes.io/metadata.name": space } });
        let rule = json!({ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["services"] });
        create(&stage, json!({ "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
            "metadata": { "name": format!("no-{space}") },
            "spec": { "matchConstraints": { "namespaceSelector": selector, "resourceRules": [rule] },
                "validations": [{ "expression": "false", "message": "no Services on Fridays" }] } })).await;
        create(&stage, json!({ "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": { "name": format!("no-{space}") },
            "spec": { "policyName": format!("no-{space}"), "validationActions": ["Deny"] } })).await;
        soon(async || refused(&stage, "example/echo/service.yaml").await).await;
        let ran = stage.run(stage.request(&["example/echo"]).unwrap()).await.unwrap();
        assert!(why(&ran).contains("no Services on Fridays"), "{}", why(&ran));
        assert!(!ran.events.iter().any(|line| line.starts_with("started Job/presync") || line == "phase Sync"), "{:#?}", ran.events);

        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = silent.local_addr().unwrap().port();
        create(&stage, json!({ "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
            "metadata": { "name": format!("slow-{space}") },
            "webhooks": [{ "name": "slow.acme.io", "sideEffects": "None", "admissionReviewVersions": ["v1"], "timeoutSeconds": 1,
                "namespaceSelector": selector, "failurePolicy": "Fail",
                "clientConfig": { "url": format!("https://127.0.0.1:{port}/") },
                "rules": [{ "apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["*"], "resources": ["deployments"] }] }] })).await;
        soon(async || refused(&stage, "example/echo/deployment.yaml").await).await;
        let ran = stage.run(stage.request(&["example/echo/deployment.yaml"]).unwrap()).await.unwrap();
        assert!(why(&ran).contains("slow.acme.io"), "{}", why(&ran));
        api(&stage, "admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration")
            .delete(&format!("slow-{space}"), &DeleteParams::default())
            .await
            .unwrap();
    });
}

#[test]
fn what_the_server_and_a_policy_quote_of_a_secret_is_told_by_nobody() {
    let Some(plane) = real::plane() else { return };
    plane.block_on(async {
        let stage = stage(plane).await;
        let space = &stage.application.namespace;
        // What decoding would have found comes from a hook type, or from a plan of an older version: the server's own words.
        let secret = |field: &str, value: Value| {
            Object(json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "keys", "namespace": space }, field: { "pin": value } }))
        };
        let cluster = stage.engine.cluster();
        for object in [
            secret("stringData", json!(48_151_623)),
            secret("data", json!("48151623!")),
            secret("stringdata", json!("48151623")),
        ] {
            for error in [
                cluster.apply(&object, ConflictPolicy::Refuse, DryRun::Yes).await.map(drop),
                cluster.create(&object, DryRun::Yes).await.map(drop),
            ] {
                let error = error.unwrap_err();
                assert!(!error.is_temporary() && !error.to_string().contains("48151623"), "{error}");
            }
        }

        let selector = json!({ "matchLabels": { "kubernetes.io/metadata.name": space } });
        let rule = json!({ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["secrets"] });
        create(&stage, json!({ "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
            "metadata": { "name": format!("echo-{space}") },
            "spec": { "matchConstraints": { "namespaceSelector": selector, "resourceRules": [rule] },
                "validations": [{ "expression": "object.metadata.name != 'keys'", "message": "no",
                    "messageExpression": "'the pin ' + string(object.data['pin']) + ' is too easy'" }] } })).await;
        create(&stage, json!({ "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": { "name": format!("echo-{space}") },
            "spec": { "policyName": format!("echo-{space}"), "validationActions": ["Deny"] } })).await;
        let good = secret("stringData", json!("48151623"));
        let denied = soon(async || match cluster.create(&good, DryRun::Yes).await {
            Ok(_) => Err("the server would take it"),
            Err(error) => Ok(error.to_string()),
        })
        .await;
        assert!(denied.contains(&format!("echo-{space}")) && !denied.contains("48151623"), "{denied}");
        let text = "apiVersion: v1\nkind: Secret\nmetadata: { name: keys }\nstringData: { pin: \"48151623\" }\n";
        let ran = stage.run(stage.request_text(text)).await.unwrap();
        assert!(why(&ran).contains(&format!("echo-{space}")), "{}", why(&ran));
        assert!(!format!("{:?}{:?}", ran.status, ran.events).contains("48151623"), "{:#?}", ran.events);
    });
}

#[test]
fn annotations_that_are_too_long_are_refused_before_anything_is_changed() {
    let Some(plane) = real::plane() else { return };
    plane.block_on(async {
        let stage = stage(plane).await;
        let long = "x".repeat(1 << 20);
        let text = format!(
            "{}---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: long\n  annotations: {{ note: \"{long}\" }}\n",
            config_map("fine")
        );
        let ran = stage.run(stage.request_text(&text)).await.unwrap();
        assert!(
            why(&ran).contains("262144"),
            "{}",
            why(&ran).get(..300).unwrap_or_default()
        );
        assert_eq!(stage.names(&["ConfigMap"]).await["ConfigMap"], ["kube-root-ca.crt"]);
    });
}

#[test]
fn fields_that_the_server_does_not_know_are_refused_or_left_out() {
    let Some(plane) = real::plane() else { return };
    plane.block_on(async {
        let stage = stage(plane).await;
        let text = format!(
            "{}---\napiVersion: v1\nkind: Service\nmetadata:\n  name: odd\nspec:\n  selector: {{ app: odd }}\n  odd: true\n  ports: [{{ port: 80, \
             strange: 1 }}]\n",
            config_map("fine")
        );
        let ran = stage.run(stage.request_text(&text)).await.unwrap();
        assert!(why(&ran).contains(".spec.odd") && why(&ran).contains("Validate=false"), "{}", why(&ran));
        assert_eq!(stage.names(&["ConfigMap"]).await["ConfigMap"], ["kube-root-ca.crt"]);

        let mut request = stage.request_text(&text);
        request.options.sync_options = SyncOptions::parse(["Validate=false"], request.options.mode).unwrap();
        let ran = stage.run(request).await.unwrap();
        assert_eq!(ran.status, OperationStatus::Succeeded, "{:#?}", ran.events);
        let has_event = |pattern: &str| ran.events.iter().any(|line| matches_pattern(line, pattern));
        assert!(has_event("waiting Service/odd: left out*.spec.odd*"), "{:#?}", ran.events);
        assert!(has_event("waiting Service/odd: left out*strange*"), "{:#?}", ran.events);

        let job = hook("job").replace("spec:\n  template:", "spec:\n  odd: true\n  template:");
        let ran = stage.run(stage.request_text(&job)).await.unwrap();
        assert!(why(&ran).contains("spec.odd"), "{}", why(&ran));
    });
}

#[test]
fn what_is_too_large_is_refused_in_a_way_by_which_a_smaller_write_is_tried() {
    let Some(plane) = real::plane() else { return };
    plane.block_on(async {
        let stage = stage(plane).await;
        for bytes in [1_100_000, 4_000_000] {
            let secret = json!({
                "apiVersion": "v1", "kind": "Secret",
                "metadata": { "name": "large", "namespace": stage.application.namespace },
                "stringData": { "x": "x".repeat(bytes) },
            });
            let refused = stage.engine.cluster().create(&Object(secret), DryRun::No).await;
            let refused = refused.unwrap_err();
            assert!(matches!(&refused, ClusterError::TooLarge(_)), "{bytes}: {refused}");
        }
    });
}
