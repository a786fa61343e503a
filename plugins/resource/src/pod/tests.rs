//! The table of cases of Pods.

use capstan_sdk::HealthStatus::{Degraded, Healthy, Progressing, Unknown};
use serde_json::{Value, json};

use crate::cases::{Row, argocd, both, in_argocd, native, natively};

fn pod(policy: &str, phase: &str, status: &Value) -> Value {
    let mut status = status.clone();
    status["phase"] = json!(phase);
    json!({"spec": {"restartPolicy": policy}, "status": status})
}

fn container(state: &Value) -> Value {
    json!({"containerStatuses": [{"name": "app", "state": state}]})
}

fn waits(reason: &str, message: &str) -> Value {
    json!({"waiting": {"reason": reason, "message": message}})
}

fn ready() -> Value {
    json!({"conditions": [{"type": "Ready", "status": "True"}]})
}

#[test]
fn one_that_always_runs_is_healthy_once_it_is_ready() {
    let restarted =
        json!({"containerStatuses": [{"name": "app", "state": {}, "lastState": {"terminated": {"exitCode": 1}}}]});
    let mut ready_again = restarted.clone();
    ready_again["conditions"] = ready()["conditions"].clone();
    let always = |phase: &str, status: &Value| pod("Always", phase, status);
    let stuck = |reason: &str, message: &str| always("Pending", &container(&waits(reason, message)));
    let waiting = "Pod/container-waiting";
    let creating = "waiting for its containers to start";
    both(
        "Pod",
        &[
            (always("Running", &ready()), Healthy, "Pod/ready", "ready"),
            (always("Running", &ready_again), Healthy, "Pod/ready", "ready"),
            (always("Running", &json!({})), Progressing, "Pod/ready", "not ready yet"),
            (
                always("Running", &restarted),
                Degraded,
                "Pod/restarted",
                "container `app` was restarted",
            ),
            (
                stuck("ErrImagePull", ""),
                Degraded,
                waiting,
                "container `app` waits: ErrImagePull",
            ),
            (
                stuck("ImagePullBackOff", "no image"),
                Degraded,
                waiting,
                "container `app` waits: no image",
            ),
            (
                stuck("CreateContainerConfigError", "no key"),
                Degraded,
                waiting,
                "container `app` waits: no key",
            ),
            (
                stuck("CrashLoopBackOff", "back-off"),
                Degraded,
                waiting,
                "container `app` waits: back-off",
            ),
            (stuck("ContainerCreating", ""), Progressing, "Pod/pending", creating),
        ],
    );
}

#[test]
fn all_containers_that_can_not_start_are_named() {
    let two = json!({"containerStatuses": [
        {"name": "a", "state": waits("ErrImagePull", "no a")}, {"name": "b", "state": waits("ErrImagePull", "no b")},
    ]});
    let message = "container `a` waits: no a, container `b` waits: no b";
    both(
        "Pod",
        &[(
            pod("Always", "Pending", &two),
            Degraded,
            "Pod/container-waiting",
            message,
        )],
    );
}

#[test]
fn one_that_ends_is_healthy_once_it_has_succeeded() {
    let unscheduled = json!({"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes"}]});
    let pulling = container(&waits("ErrImagePull", "no image"));
    let never = |phase: &str, status: &Value| pod("Never", phase, status);
    let rows: &[Row<'_>] = &[
        (never("Running", &ready()), Progressing, "Pod/running", "running"),
        (
            pod("OnFailure", "Running", &ready()),
            Progressing,
            "Pod/running",
            "running",
        ),
        (
            never("Pending", &unscheduled),
            Progressing,
            "Pod/pending",
            "waiting for a node: 0/3 nodes",
        ),
        (
            never("Pending", &pulling),
            Progressing,
            "Pod/pending",
            "container `app` waits: no image",
        ),
        (never("Succeeded", &json!({})), Healthy, "Pod/succeeded", "succeeded"),
        (
            never("Strange", &json!({})),
            Unknown,
            "Pod/phase",
            "unknown phase `Strange`",
        ),
    ];
    both("Pod", rows);
    assert!(native("Pod", &never("Succeeded", &json!({}))).is_final);
}

#[test]
fn one_that_failed_says_why() {
    let ended = |reason: &str, message: &str, code: u32| {
        container(&json!({"terminated": {"reason": reason, "message": message, "exitCode": code}}))
    };
    let own =
        json!({"message": "evicted", "containerStatuses": [{"name": "app", "state": {"terminated": {"exitCode": 1}}}]});
    let init = json!({
        "initContainerStatuses": [{"name": "init", "state": {"terminated": {"exitCode": 3}}}],
        "containerStatuses": [{"name": "app", "state": {"waiting": {"reason": "PodInitializing"}}}],
    });
    let never = |status: &Value| pod("Never", "Failed", status);
    let oom = "container `app` ran out of memory (OOMKilled)";
    both(
        "Pod",
        &[
            (never(&own), Degraded, "Pod/failed", "evicted"),
            (never(&ended("Error", "boom", 1)), Degraded, "Pod/failed", "boom"),
            (never(&ended("OOMKilled", "", 137)), Degraded, "Pod/failed", oom),
            (
                never(&ended("Error", "", 2)),
                Degraded,
                "Pod/failed",
                "container `app` failed with exit code 2",
            ),
            (
                never(&init),
                Degraded,
                "Pod/failed",
                "container `init` failed with exit code 3",
            ),
            (
                pod("Always", "Failed", &ended("Completed", "", 0)),
                Degraded,
                "Pod/failed",
                "failed",
            ),
        ],
    );
    assert!(native("Pod", &never(&own)).is_final);
}

/// A Pod with a sidecar that is stopped with an error once the work is done.
fn with_sidecar(phase: &str, app: &Value, sidecar: &Value) -> Value {
    let mut pod = pod(
        "Never",
        phase,
        &json!({
            "initContainerStatuses": [{"name": "proxy", "state": sidecar}],
            "containerStatuses": [{"name": "app", "state": app}],
        }),
    );
    pod["spec"]["initContainers"] = json!([{"name": "proxy", "restartPolicy": "Always"}]);
    pod
}

#[test]
fn a_sidecar_that_is_stopped_is_not_blamed() {
    let ended = |code: u32| json!({"terminated": {"exitCode": code}});
    let failed = with_sidecar("Failed", &ended(1), &ended(137));
    let alone = with_sidecar("Failed", &ended(0), &ended(137));
    let done = with_sidecar("Running", &ended(0), &json!({"running": {}}));
    both(
        "Pod",
        &[
            (
                failed,
                Degraded,
                "Pod/failed",
                "container `app` failed with exit code 1",
            ),
            (
                alone,
                Degraded,
                "Pod/failed",
                "container `proxy` failed with exit code 137",
            ),
            (
                done,
                Progressing,
                "Pod/running",
                "its work is done; waiting for its sidecars to end",
            ),
        ],
    );
}

#[test]
fn an_init_container_that_can_not_start_counts_though_argo_cd_does_not_look_at_it() {
    let init = |reason: &str| {
        let status = json!({"initContainerStatuses": [{"name": "init", "state": waits(reason, "no image")}]});
        pod("Always", "Pending", &status)
    };
    let waiting = "container `init` waits: no image";
    natively(
        "Pod",
        &[
            (init("ImagePullBackOff"), Degraded, "Pod/container-waiting", waiting),
            // It may wait for something that comes later.
            (init("CrashLoopBackOff"), Progressing, "Pod/pending", waiting),
        ],
    );
    in_argocd(
        "Pod",
        &[
            (init("ImagePullBackOff"), Progressing),
            (init("CrashLoopBackOff"), Progressing),
        ],
    );
}

#[test]
fn an_annotation_makes_one_that_always_runs_unless_it_is_a_hook() {
    let mut object = pod("Never", "Running", &ready());
    object["metadata"] = json!({"annotations": {"argocd.argoproj.io/ignore-restart-policy": "true"}});
    both("Pod", &[(object.clone(), Healthy, "Pod/ready", "ready")]);
    for hook in ["argocd.argoproj.io/hook", "helm.sh/hook", "capstan.dev/hook"] {
        let mut object = object.clone();
        object["metadata"]["annotations"][hook] = json!("PreSync");
        both("Pod", &[(object, Progressing, "Pod/running", "running")]);
    }
}

#[test]
fn what_kubernetes_fills_in_is_taken_for_granted_though_not_by_argo_cd() {
    let unsaid = pod("", "Running", &ready());
    natively(
        "Pod",
        &[
            (unsaid.clone(), Healthy, "Pod/ready", "ready"),
            (
                json!({}),
                Progressing,
                "Pod/pending",
                "waiting for its containers to start",
            ),
        ],
    );
    in_argocd("Pod", &[(unsaid, Unknown), (json!({}), Unknown)]);
}

#[test]
fn one_that_ended_before_it_was_deleted_keeps_its_verdict() {
    let mut object = pod("Never", "Succeeded", &json!({}));
    object["metadata"] = json!({"deletionTimestamp": "2026-01-01T00:00:00Z"});
    assert_eq!(native("Pod", &object).status, Healthy);
    assert_eq!(argocd("Pod", &object).status, Progressing);
}
