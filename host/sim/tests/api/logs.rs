//! What containers print, once and as it comes.

use std::time::Duration;

use capstan_sim::store::{Kind, SharedStore};
use futures::AsyncBufReadExt as _;
use futures::TryStreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{LogParams, PostParams},
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{cluster, refusal};

const NAMES: [&str; 2] = ["main", "side"];

async fn pod(shared: &SharedStore, pods: &Api<Pod>, names: &[&str]) {
    let containers: Vec<Value> = names.iter().map(|name| json!({ "name": name, "image": "x" })).collect();
    let object = json!({ "metadata": { "name": "p" }, "spec": { "restartPolicy": "Never", "containers": containers } });
    pods.create(&PostParams::default(), &serde_json::from_value(object).unwrap())
        .await
        .unwrap();
    let statuses: Vec<Value> = names
        .iter()
        .map(|name| json!({ "name": name, "state": { "running": {} } }))
        .collect();
    status(shared, json!({ "phase": "Running", "containerStatuses": statuses }));
}

fn status(shared: &SharedStore, status: Value) {
    shared
        .lock()
        .update_status(&Kind::new("", "Pod"), "shop", "p", status)
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn lines_are_cut_as_asked() {
    let (shared, client) = cluster();
    let pods: Api<Pod> = Api::default_namespaced(client);
    pod(&shared, &pods, &NAMES[..1]).await;
    for line in ["one", "two", "three"] {
        shared.lock().log_append("shop", "p", "main", line);
        sleep(Duration::from_secs(10)).await;
    }
    let logs = async |params: LogParams| pods.logs("p", &params).await.unwrap();
    assert_eq!(logs(LogParams::default()).await, "one\ntwo\nthree\n");
    assert_eq!(
        logs(LogParams {
            tail_lines: Some(1),
            ..LogParams::default()
        })
        .await,
        "three\n"
    );
    assert_eq!(
        logs(LogParams {
            limit_bytes: Some(5),
            ..LogParams::default()
        })
        .await,
        "one\nt"
    );
    assert_eq!(
        logs(LogParams {
            since_seconds: Some(20),
            ..LogParams::default()
        })
        .await,
        "two\nthree\n"
    );
    let stamped = logs(LogParams {
        timestamps: true,
        tail_lines: Some(1),
        ..LogParams::default()
    })
    .await;
    assert_eq!(stamped, "2026-01-01T00:00:20.000000000Z three\n");
    let previous = LogParams {
        previous: true,
        ..LogParams::default()
    };
    assert_eq!(refusal(pods.logs("p", &previous).await).code, 400);
    shared.lock().log_restart("shop", "p", "main");
    shared.lock().log_append("shop", "p", "main", "new");
    assert_eq!(logs(previous).await, "one\ntwo\nthree\n");
    assert_eq!(logs(LogParams::default()).await, "new\n");
}

#[tokio::test(start_paused = true)]
async fn a_container_must_be_named_and_started() {
    let (shared, client) = cluster();
    let pods: Api<Pod> = Api::default_namespaced(client);
    assert_eq!(refusal(pods.logs("p", &LogParams::default()).await).code, 404);
    pod(&shared, &pods, &NAMES).await;
    let unnamed = refusal(pods.logs("p", &LogParams::default()).await);
    assert_eq!(
        unnamed.message,
        "a container name must be specified for pod p, choose one of: [main side]"
    );
    let of = |name: &str| LogParams {
        container: Some(name.into()),
        ..LogParams::default()
    };
    assert_eq!(
        refusal(pods.logs("p", &of("x")).await).message,
        "container x is not valid for pod p"
    );
    let waiting = json!({ "name": "main", "state": { "waiting": { "reason": "ImagePullBackOff" } } });
    status(&shared, json!({ "phase": "Pending", "containerStatuses": [waiting] }));
    let early = refusal(pods.logs("p", &of("main")).await);
    assert_eq!(
        early.message,
        "container \"main\" in pod \"p\" is waiting to start: ImagePullBackOff"
    );
}

#[tokio::test(start_paused = true)]
async fn a_follower_gets_lines_as_they_come_until_the_end() {
    let (shared, client) = cluster();
    let pods: Api<Pod> = Api::default_namespaced(client);
    pod(&shared, &pods, &NAMES[..1]).await;
    let start = Instant::now();
    shared.lock().log_append("shop", "p", "main", "early");
    let writer = shared.clone();
    let writing = tokio::spawn(async move {
        for line in ["a", "b"] {
            sleep(Duration::from_mins(1)).await;
            writer.lock().log_append("shop", "p", "main", line);
        }
        sleep(Duration::from_mins(1)).await;
        writer.lock().log_append("shop", "p", "main", "last");
        let ended = json!({ "name": "main", "state": { "terminated": { "exitCode": 0 } } });
        status(&writer, json!({ "phase": "Succeeded", "containerStatuses": [ended] }));
    });
    let params = LogParams {
        follow: true,
        ..LogParams::default()
    };
    let lines = pods.log_stream("p", &params).await.unwrap().lines();
    let seen: Vec<String> = lines
        .map_ok(|line| format!("{} {line}", start.elapsed().as_secs()))
        .try_collect()
        .await
        .unwrap();
    assert_eq!(seen, ["0 early", "60 a", "120 b", "180 last"]);
    writing.await.unwrap();
}
