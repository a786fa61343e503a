//! Jobs, and what they print.

use futures::{AsyncBufReadExt as _, TryStreamExt as _};
use k8s_openapi::api::{batch::v1::Job, core::v1::Pod};
use kube::api::LogParams;
use serde_json::{Value, json};

use super::story::{holds, state, story};

fn job(name: &str, backoff_limit: u32) -> Value {
    json!({"metadata": {"name": name}, "spec": {"backoffLimit": backoff_limit, "template": {"spec": {
        "restartPolicy": "Never", "containers": [{"name": "main", "image": "example.org/work:1"}],
    }}}})
}

#[tokio::test]
async fn a_job_succeeds_and_its_log_is_read() {
    let Some(story) = story(
        "job",
        "[{match: {owner: Job/migrate}, run: 10s, log: [one, {at: 5s, line: two}, {at: 10s, line: three}]}]",
    )
    .await
    else {
        return;
    };
    story.create::<Job>(job("migrate", 0)).await;
    story
        .until::<Job>("migrate", "active", |job| job["status"]["ready"] == 1)
        .await;
    let pods = story.pods().await;
    let name = pods.first().and_then(|pod| pod.metadata.name.clone()).unwrap();

    let follow = LogParams {
        follow: true,
        ..LogParams::default()
    };
    let lines = story.api::<Pod>().log_stream(&name, &follow).await.unwrap().lines();
    let lines: Vec<String> = lines.try_collect().await.unwrap();
    assert_eq!(lines, ["one", "two", "three"]);

    let done = story
        .until::<Job>("migrate", "complete", |job| holds(job, "Complete"))
        .await;
    assert_eq!(done["status"]["succeeded"], 1);
    let read = |how: LogParams| {
        let (pods, name) = (story.api::<Pod>(), name.clone());
        async move { pods.logs(&name, &how).await.unwrap() }
    };
    assert_eq!(read(LogParams::default()).await, "one\ntwo\nthree\n");
    let last = LogParams {
        tail_lines: Some(1),
        timestamps: true,
        ..LogParams::default()
    };
    let last = read(last).await;
    let (at, line) = last.split_once(' ').unwrap();
    assert_eq!(line, "three\n");
    let at: jiff::Timestamp = at.parse().unwrap();
    let age = jiff::Timestamp::now().duration_since(at).as_secs();
    assert!((0..120).contains(&age), "{last}");
    story.end().await;
}

#[tokio::test]
async fn a_job_whose_pods_fail_is_tried_as_often_as_it_may() {
    let Some(story) = story("backoff", "[{exit: 3, log: [no]}]").await else {
        return;
    };
    story.create::<Job>(job("migrate", 2)).await;
    let job = story
        .until::<Job>("migrate", "failed", |job| holds(job, "Failed"))
        .await;
    assert_eq!(job["status"]["failed"], 3);
    let pods = story.pods().await;
    assert_eq!(pods.len(), 3);
    for pod in pods {
        let pod = serde_json::to_value(pod).unwrap();
        assert_eq!(pod["status"]["phase"], "Failed");
        assert_eq!(state(&pod, "containerStatuses", 0)["terminated"]["exitCode"], 3);
    }
    story.end().await;
}
