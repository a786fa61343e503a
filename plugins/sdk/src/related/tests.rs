//! What pods tell, in one sentence.

use serde_json::{Value, json};

use super::Related;

fn problems(related: &Value) -> Option<String> {
    let text = related.to_string();
    let related: Related<'_> = serde_json::from_str(&text).unwrap();
    related.troubles_of_pods().unwrap()
}

fn pod(name: &str, status: &Value) -> Value {
    json!({"metadata": {"name": name}, "status": status})
}

fn waits(reason: &str, message: &str) -> Value {
    let waiting = json!({"waiting": {"reason": reason, "message": message}});
    let last = json!({"terminated": {"exitCode": 3}});
    json!({"containerStatuses": [{"name": "main", "image": "acme/api:1.2", "state": waiting, "lastState": last}]})
}

fn one(status: &Value) -> Option<String> {
    problems(&json!({"objects": [pod("a", status)], "total": 1}))
}

#[test]
fn pods_with_the_same_trouble_are_counted() {
    let pull = waits(
        "ImagePullBackOff",
        "Back-off pulling image \"acme/api:1.2\": ErrImagePull: ... not found",
    );
    let failed = waits(
        "ErrImagePull",
        "rpc error: code = NotFound desc = failed to resolve: not found",
    );
    let fine = json!({"phase": "Running", "containerStatuses": [{"name": "main", "state": {"running": {}}}]});
    let objects = [pod("a", &pull), pod("b", &failed), pod("c", &fine)];
    assert_eq!(
        problems(&json!({"objects": objects, "total": 3})).unwrap(),
        "2 of 3 pods: back-off pulling image acme/api:1.2 (not found)"
    );
    // More than are shown.
    assert_eq!(
        problems(&json!({"objects": objects, "total": 90})).unwrap(),
        "2 of 90 pods: back-off pulling image acme/api:1.2 (not found)"
    );
    assert_eq!(problems(&json!({"objects": [pod("c", &fine)], "total": 1})), None);
    assert_eq!(problems(&json!({"refused": "may not"})), None);
}

#[test]
fn the_worst_comes_first_and_two_are_told() {
    let crash = waits("CrashLoopBackOff", "back-off 10s");
    let stuck = waits("CreateContainerConfigError", "secret \"keys\" has no key \"a\"");
    let homeless = json!({"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes"}]});
    let objects = [
        pod("a", &homeless),
        pod("b", &crash),
        pod("c", &crash),
        pod("d", &stuck),
    ];
    assert_eq!(
        problems(&json!({"objects": objects, "total": 4})).unwrap(),
        "1 of 4 pods: container main can't be started: secret \"keys\" has no key \"a\"; \
         2 of 4 pods: container main failed with exit code 3, again and again"
    );
    assert_eq!(one(&homeless).unwrap(), "1 of 1 pod: no node: 0/3 nodes");
}

#[test]
fn every_trouble_has_its_words() {
    let text = |status: &Value| one(status).map(|text| text.trim_start_matches("1 of 1 pod: ").to_owned());
    for (status, expected) in [
        (
            waits("InvalidImageName", ""),
            Some("`acme/api:1.2` is not an image name"),
        ),
        (
            waits("ErrImageNeverPull", ""),
            Some("image acme/api:1.2 isn't on the node, and is never to be pulled"),
        ),
        (
            waits("RunContainerError", "no such file"),
            Some("container main can't be started: no such file"),
        ),
        (waits("ContainerCreating", ""), None),
        (json!({"phase": "Failed", "reason": "Evicted", "message": "disk"}), None),
        (json!({}), None),
    ] {
        assert_eq!(text(&status).as_deref(), expected, "{status}");
    }
    let mut crash = waits("CrashLoopBackOff", "");
    crash["containerStatuses"][0]["lastState"] = json!({"terminated": {"reason": "OOMKilled", "exitCode": 137}});
    assert_eq!(
        text(&crash).as_deref(),
        Some("container main ran out of memory, again and again")
    );
    let missing = json!({
        "objects": [pod("a", &waits("ContainerCreating", ""))], "total": 1,
        "missing": [{"pod": "a", "kind": "Secret", "name": "keys"}],
    });
    assert_eq!(
        problems(&missing).unwrap(),
        "1 of 1 pod: Secret/keys, which it mounts, doesn't exist"
    );
    let mut leaving = pod("a", &waits("ErrImagePull", "not found"));
    leaving["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    assert_eq!(problems(&json!({"objects": [leaving], "total": 1})), None);
}

#[test]
fn why_an_image_can_not_be_pulled_is_said_in_a_few_words() {
    for (message, expected) in [
        ("manifest unknown", "not found"),
        (
            "pull access denied, repository does not exist or may require authorization",
            "not found, or no access",
        ),
        ("401 Unauthorized", "no access"),
        ("429 Too Many Requests", "too many requests"),
        ("dial tcp: lookup x: no such host", "its registry can't be reached"),
        ("the disk is full", "the disk is full"),
        ("", "no reason given"),
    ] {
        let expected = format!("1 of 1 pod: back-off pulling image acme/api:1.2 ({expected})");
        assert_eq!(one(&waits("ErrImagePull", message)).unwrap(), expected);
    }
}
