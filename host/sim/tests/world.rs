//! Stories of the world: what controllers and pods do over time, in paused time, and with real processes.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::time::Duration;

use capstan_sim::{
    pods::PodMode,
    scenario::Scenario,
    store::Kind,
    world::{Setup, World},
};
use serde_json::{Value, json};

fn job(spec: Value) -> Value {
    let mut spec = spec;
    spec["template"] = json!({ "spec": {
        "restartPolicy": "Never",
        "containers": [{ "name": "main", "image": "busybox:1", "command": ["sh", "-c", "echo hello; exit 3"] }],
    } });
    json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "migrate", "namespace": "shop" }, "spec": spec })
}

fn world(scenario: &str, object: Value) -> World {
    let scenario = Scenario::from_yaml(scenario).unwrap();
    let world = World::start(Setup {
        behaviours: scenario.behaviours,
        objects: vec![object],
        ..Setup::default()
    });
    assert!(world.refusals().is_empty(), "{:?}", world.refusals());
    world
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn migrate(world: &World) -> Option<Value> {
    world.object(&Kind::new("batch", "Job"), "shop", "migrate")
}

/// The type of the condition that ended a Job.
fn verdict(job: &Value) -> Option<&str> {
    let conditions = job["status"]["conditions"].as_array()?;
    let mut ended = conditions
        .iter()
        .filter(|condition| condition["status"] == "True")
        .filter_map(|condition| condition["type"].as_str())
        .filter(|kind| matches!(*kind, "Complete" | "Failed"));
    ended.next()
}

const FAILS: &str = "behaviours: [{ exit: 1 }]";

#[tokio::test(start_paused = true)]
async fn a_job_that_runs_through_completes() {
    let world = world("{}", job(json!({})));
    pass(60).await;
    let job = migrate(&world).unwrap();
    assert_eq!(
        (verdict(&job), &job["status"]["succeeded"]),
        (Some("Complete"), &json!(1))
    );
}

#[tokio::test(start_paused = true)]
async fn a_backoff_limit_of_two_means_three_tries() {
    let world = world(FAILS, job(json!({ "backoffLimit": 2 })));
    pass(300).await;
    let job = migrate(&world).unwrap();
    assert_eq!((verdict(&job), &job["status"]["failed"]), (Some("Failed"), &json!(3)));
    assert_eq!(world.objects(&Kind::new("", "Pod")).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_ttl_controller_deletes_a_finished_job_when_its_time_is_up() {
    let world = world("{}", job(json!({ "ttlSecondsAfterFinished": 600 })));
    pass(60).await;
    let finished: jiff::Timestamp = migrate(&world).unwrap()["status"]["completionTime"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let age = world.now().duration_since(finished).as_secs();
    pass(u64::try_from(599 - age).unwrap()).await;
    assert!(migrate(&world).is_some(), "it is there at 599 s");
    pass(3).await;
    assert_eq!(migrate(&world), None, "and gone soon after 600 s");
    pass(60).await;
    assert!(world.objects(&Kind::new("", "Pod")).is_empty(), "with its pods");
}

#[tokio::test(start_paused = true)]
async fn a_deployment_becomes_available() {
    let world = world(
        "{}",
        json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web", "namespace": "shop" },
            "spec": { "replicas": 2, "selector": { "matchLabels": { "app": "web" } }, "template": {
                "metadata": { "labels": { "app": "web" } },
                "spec": { "containers": [{ "name": "main", "image": "nginx:1" }] } } } }),
    );
    pass(60).await;
    let web = world.object(&Kind::new("apps", "Deployment"), "shop", "web").unwrap();
    assert_eq!(
        (
            &web["status"]["availableReplicas"],
            &web["status"]["observedGeneration"]
        ),
        (&json!(2), &json!(1))
    );
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_history() {
    let mut ends = Vec::new();
    for _ in 0..2 {
        let world = world(FAILS, job(json!({ "backoffLimit": 2 })));
        pass(300).await;
        ends.push(world.save());
    }
    assert_eq!(ends[0], ends[1]);
}

#[tokio::test]
async fn executed_pods_run_their_command_and_keep_its_words_and_exit_code() {
    let world = World::start(Setup {
        pods: PodMode::Exec,
        objects: vec![job(json!({ "backoffLimit": 0 }))],
        ..Setup::default()
    });
    let ended = async {
        loop {
            let changed = world.shared().changed();
            if let Some(job) = migrate(&world)
                && verdict(&job).is_some()
            {
                return job;
            }
            changed.await;
        }
    };
    let job = tokio::time::timeout(Duration::from_secs(30), ended).await.unwrap();
    assert_eq!(verdict(&job), Some("Failed"));
    let pods = world.objects(&Kind::new("", "Pod"));
    let state = &pods[0]["status"]["containerStatuses"][0]["state"]["terminated"];
    assert_eq!(state["exitCode"], 3, "{}", pods[0]);
    assert!(world.save().to_string().contains("hello"), "its line is in the log");
}

#[tokio::test(start_paused = true)]
async fn the_controllers_of_argo_cert_manager_and_flux_are_played() {
    let definition = |group: &str, kind: &str| {
        let plural = format!("{}s", kind.to_lowercase());
        json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": { "name": format!("{plural}.{group}") },
            "spec": {
                "group": group, "scope": "Namespaced",
                "names": { "kind": kind, "plural": plural, "singular": kind.to_lowercase() },
                "versions": [{
                    "name": "v1", "served": true, "storage": true, "subresources": { "status": {} },
                    "schema": { "openAPIV3Schema": { "type": "object", "x-kubernetes-preserve-unknown-fields": true } },
                }],
            },
        })
    };
    let object = |group: &str, kind: &str, spec: Value| {
        json!({
            "apiVersion": format!("{group}/v1"), "kind": kind, "spec": spec,
            "metadata": { "name": "web", "namespace": "shop" },
        })
    };
    let mut objects = vec![json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "shop" } })];
    let all = [
        ("argoproj.io", "Rollout", json!({ "replicas": 1 })),
        ("cert-manager.io", "Certificate", json!({ "secretName": "tls" })),
        ("source.toolkit.fluxcd.io", "GitRepository", json!({})),
        (
            "kustomize.toolkit.fluxcd.io",
            "Kustomization",
            json!({ "suspend": true }),
        ),
    ];
    objects.extend(all.iter().map(|(group, kind, _)| definition(group, kind)));
    objects.extend(all.iter().map(|(group, kind, spec)| object(group, kind, spec.clone())));
    let world = World::start(Setup {
        objects,
        ..Setup::default()
    });
    assert!(world.refusals().is_empty(), "{:?}", world.refusals());
    pass(1).await;
    let status = |group: &str, kind: &str| {
        let found = world.object(&Kind::new(group, kind), "shop", "web").unwrap();
        found["status"].clone()
    };
    let rollout = status("argoproj.io", "Rollout");
    assert_eq!(rollout, json!({ "observedGeneration": "1", "phase": "Healthy" }));
    let repository = status("source.toolkit.fluxcd.io", "GitRepository");
    let kinds: Vec<&str> = repository["conditions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|condition| condition["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["Ready", "ArtifactInStorage"]);
    assert!(world.object(&Kind::new("", "Secret"), "shop", "tls").is_some());
    assert_eq!(status("kustomize.toolkit.fluxcd.io", "Kustomization"), Value::Null);
}
