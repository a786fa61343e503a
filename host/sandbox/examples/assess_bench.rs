//! How long a health check takes through the core's trait: the p50 and p99 of a Deployment of 8 KB and of 200 KB.
//!
//! `cargo run --release -p capstan-sandbox --example assess_bench`

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use capstan_core::{
    object::Object,
    plugins::{Answerer, Application, HealthQuestion, Need, Plugins as _},
};
use capstan_sandbox::Sandbox;
use jiff::Timestamp;
use serde_json::{Value, json};

const CALLS: usize = 20_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let builtins = capstan_bundle::ALL.iter().fold(Sandbox::builder(), |builder, plugin| {
        builder.builtin(plugin.name, plugin.bytes)
    });
    let sandbox = builtins.build()?;
    let compiling = Instant::now();
    sandbox.warm_up()?;
    println!("compiled in {:?}", compiling.elapsed());
    for bytes in [8 << 10, 200 << 10] {
        let object = Object(deployment(bytes));
        let size = object.0.to_string().len();
        let by = sandbox
            .answerer(&Need::Health(object.group_kind()))
            .ok_or("nobody answers for Deployments")?;
        let mut times = Vec::with_capacity(CALLS);
        for _ in 0..CALLS {
            let question = question(object.clone());
            times.push(time(&sandbox, &by, question).await?);
        }
        times.sort_unstable();
        let at = |share: usize| times.get(CALLS * share / 1000).copied().unwrap_or_default();
        println!("{size:>7} bytes: p50 {:?}, p99 {:?}", at(500), at(990));
    }
    Ok(())
}

async fn time(
    sandbox: &Sandbox,
    by: &Answerer,
    question: HealthQuestion,
) -> Result<Duration, Box<dyn std::error::Error>> {
    let begun = Instant::now();
    let answer = sandbox.assess(by, question).await?;
    let time = begun.elapsed();
    black_box(answer);
    Ok(time)
}

fn question(object: Object) -> HealthQuestion {
    HealthQuestion {
        application: Application {
            name: "shop".to_owned(),
            namespace: "shop".to_owned(),
        },
        object,
        now: Timestamp::UNIX_EPOCH,
    }
}

/// A Deployment that is rolled out, with so many environment variables that it has about this size.
fn deployment(bytes: usize) -> Value {
    let variables: Vec<Value> = (0..bytes / 64)
        .map(|n| json!({"name": format!("VARIABLE_{n:05}"), "value": "a value of some length ......"}))
        .collect();
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "api", "namespace": "shop", "uid": "7d0c5a3e-1c1b-4a55-9b1c-0f1f3f5d2a11",
            "generation": 3, "resourceVersion": "123456",
            "labels": {"app": "api"}, "annotations": {"deployment.kubernetes.io/revision": "3"},
        },
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": "api"}},
            "template": {
                "metadata": {"labels": {"app": "api"}},
                "spec": {"containers": [{"name": "api", "image": "example.com/api:1.2.3", "env": variables}]},
            },
        },
        "status": {
            "observedGeneration": 3, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3,
            "conditions": [
                {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable",
                 "message": "Deployment has minimum availability.",
                 "lastUpdateTime": "2026-01-02T03:04:05Z", "lastTransitionTime": "2026-01-02T03:04:05Z"},
                {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable",
                 "message": "ReplicaSet \"api-7c9d8b6f5d\" has successfully progressed.",
                 "lastUpdateTime": "2026-01-02T03:04:05Z", "lastTransitionTime": "2026-01-02T03:04:05Z"},
            ],
        },
    })
}
