//! Containers that wait, for images, for each other and for what they mount.

use k8s_openapi::api::core::v1::{Pod, Secret};
use serde_json::{Value, json};

use super::story::{condition, holds, pod, state, story};

fn waits(pod: &Value) -> &str {
    state(pod, "containerStatuses", 0)["waiting"]["reason"]
        .as_str()
        .unwrap_or_default()
}

#[tokio::test]
async fn an_image_that_cannot_be_pulled_is_an_error_and_then_a_wait() {
    let Some(story) = story("image", "[{match: {image: '*nothing*'}, image-pull: error}]").await else {
        return;
    };
    let containers = json!([{"name": "main", "image": "example.org/nothing:1"}]);
    story
        .create::<Pod>(pod("lost", json!({"containers": containers})))
        .await;
    let error = story
        .pod("lost", "without its image", |pod| waits(pod) == "ErrImagePull")
        .await;
    let why = &state(&error, "containerStatuses", 0)["waiting"]["message"];
    assert_eq!(
        why,
        "failed to pull and unpack image \"example.org/nothing:1\": not found"
    );
    story
        .pod("lost", "backing off", |pod| waits(pod) == "ImagePullBackOff")
        .await;
    story.end().await;
}

#[tokio::test]
async fn init_containers_run_one_after_another() {
    let Some(story) = story("init", "[{match: {container: 'init-*'}, run: 20s}]").await else {
        return;
    };
    let init: Vec<Value> = ["init-a", "init-b"]
        .iter()
        .map(|name| json!({"name": name, "image": "example.org/init:1"}))
        .collect();
    story
        .create::<Pod>(pod("staged", json!({"restartPolicy": "Never", "initContainers": init})))
        .await;
    let first = story
        .pod("staged", "in its first init container", |pod| {
            state(pod, "initContainerStatuses", 0)["running"].is_object()
        })
        .await;
    assert!(state(&first, "initContainerStatuses", 1)["waiting"].is_object());
    assert_eq!(waits(&first), "PodInitializing");
    let second = story
        .pod("staged", "in its second init container", |pod| {
            state(pod, "initContainerStatuses", 1)["running"].is_object()
        })
        .await;
    assert_eq!(
        state(&second, "initContainerStatuses", 0)["terminated"]["reason"],
        "Completed"
    );
    assert_eq!(
        (waits(&second), holds(&second, "Initialized")),
        ("PodInitializing", false)
    );
    let done = story
        .pod("staged", "done", |pod| pod["status"]["phase"] == "Succeeded")
        .await;
    let finished = state(&done, "initContainerStatuses", 1)["terminated"]["finishedAt"].as_str();
    let started = state(&done, "containerStatuses", 0)["terminated"]["startedAt"].as_str();
    assert!(finished <= started, "{finished:?} {started:?}");
    story.end().await;
}

#[tokio::test]
async fn a_pod_waits_for_the_secret_that_it_mounts() {
    let Some(story) = story("mount", "[]").await else {
        return;
    };
    let spec = json!({
        "restartPolicy": "Never",
        "volumes": [{"name": "key", "secret": {"secretName": "key"}}],
        "containers": [{"name": "main", "image": "x", "volumeMounts": [{"name": "key", "mountPath": "/key"}]}],
    });
    story.create::<Pod>(pod("locked", spec)).await;
    let locked = story
        .pod("locked", "told about", |pod| {
            !pod["status"]["containerStatuses"].is_null()
        })
        .await;
    assert_eq!(
        (waits(&locked), &locked["status"]["phase"]),
        ("ContainerCreating", &json!("Pending"))
    );
    let ready = condition(&locked, "Ready");
    assert_eq!(
        (&ready["reason"], &ready["message"]),
        (
            &json!("ContainersNotReady"),
            &json!("containers with unready status: [main]")
        )
    );
    // It has waited long enough to have run, had it been let.
    let status = locked["status"].clone();
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let still = story.pod("locked", "there", Value::is_object).await;
    assert_eq!(still["status"], status);
    story.create::<Secret>(json!({"metadata": {"name": "key"}})).await;
    story
        .pod("locked", "done", |pod| pod["status"]["phase"] == "Succeeded")
        .await;
    story.end().await;
}
