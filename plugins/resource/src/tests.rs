//! Every rule of the resource plugin.

use capstan_sdk::{
    Assessment, Failure, HealthStatus,
    HealthStatus::{Degraded, Healthy, Progressing, Suspended, Unknown},
    Progress, Step,
    testing::{self, Run},
};
use serde_json::{Value, json};

use crate::Plugin;

type Row<'a> = (Value, HealthStatus, &'a str, &'a str);

fn assess(claim: &str, object: &Value) -> Assessment {
    testing::assess::<Plugin>(claim, object).unwrap()
}

fn check(claim: &str, rows: &[Row<'_>]) {
    for (object, status, rule, message) in rows {
        let Assessment {
            status: found,
            message: said,
            rule: by,
            ..
        } = assess(claim, object);
        assert_eq!((found, &*by, &*said), (*status, *rule, *message), "{claim}: {object}");
    }
}

/// A workload whose controller has seen its spec.
fn seen(spec: &Value, status: &Value) -> Value {
    let mut status = status.clone();
    status["observedGeneration"] = json!(2);
    json!({"metadata": {"generation": 2}, "spec": spec, "status": status})
}

#[test]
fn a_deployment_is_healthy_once_it_is_rolled_out() {
    let three = json!({"replicas": 3});
    let late = json!([{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "ReplicaSet \"a\" has timed out progressing."}]);
    let paused = json!({"replicas": 3, "paused": true});
    let status = |total: u32, updated: u32, available: u32| json!({"replicas": total, "updatedReplicas": updated, "availableReplicas": available});
    let unseen = json!({"metadata": {"generation": 2}, "spec": three, "status": {"observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}});
    check(
        "apps/Deployment",
        &[
            (seen(&paused, &json!({})), Suspended, "Deployment/paused", "paused"),
            (
                unseen,
                Progressing,
                "Deployment/generation",
                "its controller has not seen the latest spec yet",
            ),
            (
                seen(&three, &json!({"conditions": late})),
                Degraded,
                "Deployment/progress-deadline",
                "ReplicaSet \"a\" has timed out progressing.",
            ),
            (
                seen(&three, &status(3, 1, 3)),
                Progressing,
                "Deployment/updated",
                "1 of 3 replicas updated",
            ),
            (
                seen(&three, &status(4, 3, 3)),
                Progressing,
                "Deployment/old-replicas",
                "waiting for 1 replica of the old version to end",
            ),
            (
                seen(&three, &status(3, 3, 1)),
                Progressing,
                "Deployment/available",
                "1 of 3 replicas available",
            ),
            (
                seen(&three, &status(3, 3, 3)),
                Healthy,
                "Deployment/rolled-out",
                "3 replicas available",
            ),
            (
                seen(&json!({"replicas": 0}), &json!({})),
                Healthy,
                "Deployment/rolled-out",
                "0 replicas available",
            ),
            (
                json!({"metadata": {"generation": 1}, "spec": {"replicas": 1}}),
                Progressing,
                "Deployment/generation",
                "its controller has not seen the latest spec yet",
            ),
        ],
    );
    assert!(assess("apps/Deployment", &seen(&three, &json!({"conditions": late}))).is_final);
}

#[test]
fn a_stateful_set_is_healthy_once_its_pods_are_ready_and_new() {
    let spec = |kind: &str, partition: Value| json!({"replicas": 3, "updateStrategy": {"type": kind, "rollingUpdate": partition}});
    let rolling = spec("RollingUpdate", json!({"partition": 0}));
    let status = |ready: u32, updated: u32| json!({"readyReplicas": ready, "updatedReplicas": updated, "currentRevision": "a", "updateRevision": "b"});
    let same = json!({"readyReplicas": 3, "currentRevision": "b", "updateRevision": "b"});
    let fresh = json!({"spec": {"replicas": 0}});
    check(
        "apps/StatefulSet",
        &[
            (
                fresh,
                Progressing,
                "StatefulSet/generation",
                "its controller has not seen the latest spec yet",
            ),
            (
                seen(&rolling, &status(2, 3)),
                Progressing,
                "StatefulSet/ready",
                "2 of 3 replicas ready",
            ),
            (
                seen(&rolling, &status(3, 2)),
                Progressing,
                "StatefulSet/updated",
                "2 of 3 replicas updated",
            ),
            (
                seen(&rolling, &status(3, 3)),
                Healthy,
                "StatefulSet/rolled-out",
                "3 replicas ready",
            ),
            (
                seen(&spec("RollingUpdate", json!({"partition": 2})), &status(3, 1)),
                Healthy,
                "StatefulSet/rolled-out",
                "3 replicas ready",
            ),
            (
                seen(&spec("RollingUpdate", json!({})), &status(3, 0)),
                Healthy,
                "StatefulSet/rolled-out",
                "3 replicas ready",
            ),
            (
                seen(&spec("OnDelete", Value::Null), &status(3, 0)),
                Healthy,
                "StatefulSet/on-delete",
                "3 replicas ready",
            ),
            (
                seen(&spec("RollingUpdate", Value::Null), &status(3, 0)),
                Progressing,
                "StatefulSet/revision",
                "waiting for all replicas to have the new revision",
            ),
            (
                seen(&spec("RollingUpdate", Value::Null), &same),
                Healthy,
                "StatefulSet/rolled-out",
                "3 replicas ready",
            ),
        ],
    );
}

#[test]
fn a_daemon_set_is_healthy_once_it_is_on_every_node() {
    let status = |updated: u32, available: u32| json!({"desiredNumberScheduled": 2, "updatedNumberScheduled": updated, "numberAvailable": available});
    let on_delete = json!({"updateStrategy": {"type": "OnDelete"}});
    let unseen = json!({"metadata": {"generation": 1}});
    check(
        "apps/DaemonSet",
        &[
            (
                unseen,
                Progressing,
                "DaemonSet/generation",
                "its controller has not seen the latest spec yet",
            ),
            (
                seen(&on_delete, &status(0, 1)),
                Healthy,
                "DaemonSet/on-delete",
                "available on 1 of 2 nodes",
            ),
            (
                seen(&json!({}), &status(1, 2)),
                Progressing,
                "DaemonSet/updated",
                "updated on 1 of 2 nodes",
            ),
            (
                seen(&json!({}), &status(2, 1)),
                Progressing,
                "DaemonSet/available",
                "available on 1 of 2 nodes",
            ),
            (
                seen(&json!({}), &status(2, 2)),
                Healthy,
                "DaemonSet/rolled-out",
                "available on 2 nodes",
            ),
        ],
    );
}

#[test]
fn a_replica_set_is_healthy_once_its_pods_are_available() {
    let one = json!({"replicas": 1});
    let failure = |status: &str| json!({"conditions": [{"type": "ReplicaFailure", "status": status, "message": "exceeded quota"}]});
    check(
        "apps/ReplicaSet",
        &[
            (
                json!({"metadata": {"generation": 1}}),
                Progressing,
                "ReplicaSet/generation",
                "its controller has not seen the latest spec yet",
            ),
            (
                seen(&one, &failure("True")),
                Degraded,
                "ReplicaSet/replica-failure",
                "exceeded quota",
            ),
            (
                seen(&one, &failure("False")),
                Progressing,
                "ReplicaSet/available",
                "0 of 1 replica available",
            ),
            (
                seen(&one, &json!({"availableReplicas": 1})),
                Healthy,
                "ReplicaSet/available",
                "1 replica available",
            ),
            (
                seen(&json!({}), &json!({})),
                Healthy,
                "ReplicaSet/available",
                "0 replicas available",
            ),
        ],
    );
}

fn pod(policy: &str, phase: &str, status: &Value) -> Value {
    let mut status = status.clone();
    status["phase"] = json!(phase);
    json!({"spec": {"restartPolicy": policy}, "status": status})
}

fn container(state: &Value) -> Value {
    json!({"containerStatuses": [{"name": "app", "state": state}]})
}

#[test]
fn a_pod_that_always_runs_is_healthy_once_it_is_ready() {
    let ready = json!({"conditions": [{"type": "Ready", "status": "True"}]});
    let waits = |reason: &str, message: &str| container(&json!({"waiting": {"reason": reason, "message": message}}));
    let restarted =
        json!({"containerStatuses": [{"name": "app", "state": {}, "lastState": {"terminated": {"exitCode": 1}}}]});
    check(
        "Pod",
        &[
            (pod("Always", "Running", &ready), Healthy, "Pod/ready", "ready"),
            (pod("", "Running", &ready), Healthy, "Pod/ready", "ready"),
            (
                pod("Always", "Running", &json!({})),
                Progressing,
                "Pod/ready",
                "not ready yet",
            ),
            (
                pod("Always", "Running", &restarted),
                Degraded,
                "Pod/restarted",
                "container `app` was restarted",
            ),
            (
                pod("Always", "Pending", &waits("ErrImagePull", "")),
                Degraded,
                "Pod/container-waiting",
                "container `app` waits: ErrImagePull",
            ),
            (
                pod("Always", "Pending", &waits("ImagePullBackOff", "no such image")),
                Degraded,
                "Pod/container-waiting",
                "container `app` waits: no such image",
            ),
            (
                pod("Always", "Pending", &waits("CreateContainerConfigError", "")),
                Degraded,
                "Pod/container-waiting",
                "container `app` waits: CreateContainerConfigError",
            ),
            (
                pod("Always", "Pending", &waits("ContainerCreating", "")),
                Progressing,
                "Pod/pending",
                "waiting for its containers to start",
            ),
        ],
    );
}

#[test]
fn a_pod_that_ends_is_healthy_once_it_has_succeeded() {
    let ready = json!({"conditions": [{"type": "Ready", "status": "True"}]});
    let unscheduled = json!({"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes"}]});
    let pulling = container(&json!({"waiting": {"reason": "ErrImagePull", "message": "no such image"}}));
    check(
        "Pod",
        &[
            (pod("Never", "Running", &ready), Progressing, "Pod/running", "running"),
            (
                pod("OnFailure", "Running", &ready),
                Progressing,
                "Pod/running",
                "running",
            ),
            (
                pod("Never", "Pending", &unscheduled),
                Progressing,
                "Pod/pending",
                "waiting for a node: 0/3 nodes",
            ),
            (
                pod("Never", "Pending", &pulling),
                Progressing,
                "Pod/pending",
                "container `app` waits: no such image",
            ),
            (
                pod("Never", "Succeeded", &json!({})),
                Healthy,
                "Pod/succeeded",
                "succeeded",
            ),
            (
                pod("Never", "Strange", &json!({})),
                Unknown,
                "Pod/phase",
                "unknown phase `Strange`",
            ),
        ],
    );
    assert!(assess("Pod", &pod("Never", "Succeeded", &json!({}))).is_final);
}

#[test]
fn a_pod_that_failed_says_why() {
    let ended = |reason: &str, message: &str, code: u32| {
        container(&json!({"terminated": {"reason": reason, "message": message, "exitCode": code}}))
    };
    let own =
        json!({"message": "evicted", "containerStatuses": [{"name": "app", "state": {"terminated": {"exitCode": 1}}}]});
    let init = json!({"initContainerStatuses": [{"name": "init", "state": {"terminated": {"exitCode": 3}}}], "containerStatuses": [{"name": "app", "state": {"waiting": {"reason": "PodInitializing"}}}]});
    check(
        "Pod",
        &[
            (pod("Never", "Failed", &own), Degraded, "Pod/failed", "evicted"),
            (
                pod("Never", "Failed", &ended("Error", "boom", 1)),
                Degraded,
                "Pod/failed",
                "boom",
            ),
            (
                pod("Never", "Failed", &ended("OOMKilled", "", 137)),
                Degraded,
                "Pod/failed",
                "container `app` ran out of memory (OOMKilled)",
            ),
            (
                pod("Never", "Failed", &ended("Error", "", 2)),
                Degraded,
                "Pod/failed",
                "container `app` failed with exit code 2",
            ),
            (
                pod("Never", "Failed", &init),
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
    assert!(assess("Pod", &pod("Never", "Failed", &own)).is_final);
}

#[test]
fn an_annotation_makes_a_pod_one_that_always_runs_unless_it_is_a_hook() {
    let mut object = pod(
        "Never",
        "Running",
        &json!({"conditions": [{"type": "Ready", "status": "True"}]}),
    );
    object["metadata"] = json!({"annotations": {"argocd.argoproj.io/ignore-restart-policy": "true"}});
    assert_eq!(assess("Pod", &object).status, Healthy);
    for hook in ["argocd.argoproj.io/hook", "helm.sh/hook", "capstan.dev/hook"] {
        let mut object = object.clone();
        object["metadata"]["annotations"][hook] = json!("PreSync");
        assert_eq!(assess("Pod", &object).status, Progressing, "{hook}");
    }
}

#[test]
fn a_volume_claim_is_healthy_once_it_is_bound() {
    let pending = "no volume yet; with volumeBindingMode WaitForFirstConsumer there is none before a Pod uses it";
    let phase = |phase: &str| json!({"status": {"phase": phase}});
    let rule = "PersistentVolumeClaim/phase";
    check(
        "PersistentVolumeClaim",
        &[
            (phase("Bound"), Healthy, rule, "bound"),
            (phase("Pending"), Progressing, rule, pending),
            (phase("Lost"), Degraded, rule, "its volume is lost"),
            (phase("Odd"), Unknown, rule, "unknown phase `Odd`"),
            (json!({}), Unknown, rule, "no phase yet"),
        ],
    );
}

#[test]
fn a_service_waits_only_for_its_load_balancer() {
    let address = json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}});
    let waiting = "waiting for the load balancer's address";
    let balanced = |status: &Value| json!({"spec": {"type": "LoadBalancer"}, "status": status});
    check(
        "Service",
        &[
            (
                balanced(&json!({"loadBalancer": {}})),
                Progressing,
                "Service/load-balancer",
                waiting,
            ),
            (balanced(&json!({})), Progressing, "Service/load-balancer", waiting),
            (balanced(&address), Healthy, "Service/load-balancer", ""),
            (
                json!({"spec": {"type": "ClusterIP"}}),
                Healthy,
                "Service/load-balancer",
                "",
            ),
            (json!({}), Healthy, "Service/load-balancer", ""),
        ],
    );
}

#[test]
fn a_namespace_is_healthy_unless_it_is_leaving() {
    let phase = |phase: &str| json!({"status": {"phase": phase}});
    check(
        "Namespace",
        &[
            (phase("Active"), Healthy, "Namespace/phase", "active"),
            (json!({}), Healthy, "Namespace/phase", "active"),
            (phase("Terminating"), Progressing, "Namespace/phase", "being deleted"),
            (phase("Odd"), Unknown, "Namespace/phase", "unknown phase `Odd`"),
        ],
    );
}

#[test]
fn a_definition_is_healthy_once_it_is_established() {
    let with = |kind: &str, status: &str| json!({"status": {"conditions": [{"type": kind, "status": status, "message": "taken"}]}});
    let name = "apiextensions.k8s.io/CustomResourceDefinition";
    check(
        name,
        &[
            (
                json!({}),
                Progressing,
                "CustomResourceDefinition/established",
                "not established yet",
            ),
            (
                with("Established", "False"),
                Progressing,
                "CustomResourceDefinition/established",
                "not established yet",
            ),
            (
                with("Established", "True"),
                Healthy,
                "CustomResourceDefinition/established",
                "established",
            ),
            (
                with("NamesAccepted", "False"),
                Degraded,
                "CustomResourceDefinition/names",
                "taken",
            ),
            (
                with("NonStructuralSchema", "True"),
                Degraded,
                "CustomResourceDefinition/schema",
                "taken",
            ),
            (
                with("Terminating", "True"),
                Progressing,
                "CustomResourceDefinition/terminating",
                "being deleted",
            ),
        ],
    );
}

#[test]
fn a_kind_without_a_check_counts_as_healthy_by_a_rule_that_says_so() {
    let rule = "no check for ConfigMap: counts as healthy";
    check(
        "*/*",
        &[(
            json!({"kind": "ConfigMap"}),
            Healthy,
            rule,
            "no health check for this kind",
        )],
    );
}

#[test]
fn an_object_that_is_being_deleted_is_never_healthy() {
    let leaving = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "status": {"phase": "Active"}});
    for claim in [
        "*/*",
        "apps/Deployment",
        "apps/StatefulSet",
        "Pod",
        "Service",
        "Namespace",
        "PersistentVolumeClaim",
    ] {
        assert_eq!(
            assess(claim, &leaving),
            Assessment::progressing("deletion", "being deleted"),
            "{claim}"
        );
    }
}

#[test]
fn a_pod_that_ended_before_it_was_deleted_keeps_its_verdict() {
    let mut object = pod("Never", "Succeeded", &json!({}));
    object["metadata"] = json!({"deletionTimestamp": "2026-01-01T00:00:00Z"});
    assert_eq!(assess("Pod", &object).status, Healthy);
}

#[test]
fn an_object_that_cannot_be_read_is_no_verdict() {
    let answer = testing::assess::<Plugin>("apps/Deployment", &json!({"spec": "what"}));
    let Err(Failure::Invalid(message)) = answer else {
        panic!("{answer:?}")
    };
    assert!(
        message.starts_with("failed to read the object: invalid type: string \"what\""),
        "{message}"
    );
    let other = testing::assess::<Plugin>("batch/Job", &json!({}));
    assert_eq!(other, Err(Failure::invalid("there is no health check for `batch/Job`")));
}

fn hook(on_vanished: &str) -> Run<Plugin> {
    let mut run = Run::new("*/*", json!({"hook": {"onVanished": on_vanished}}));
    let step = run.start().unwrap();
    assert_eq!((step.progress, step.asks.len()), (Progress::Running, 2));
    run
}

fn judged(status: &str, message: &str) -> Value {
    json!({"kind": "object", "answers": 2, "object": {}, "health": {"status": status, "message": message, "rule": "r", "final": false}})
}

#[test]
fn a_hook_ends_by_the_health_of_its_object() {
    for (status, message, expected) in [
        (
            "healthy",
            "no health check for this kind",
            Step::succeeded("no health check for this kind"),
        ),
        ("Healthy", "", Step::succeeded("healthy")),
        ("degraded", "boom", Step::failed("boom")),
        ("degraded", "", Step::failed("degraded")),
        ("progressing", "1 of 2 ready", Step::running("1 of 2 ready")),
        ("suspended", "paused", Step::running("paused")),
        (
            "unknown",
            "the plugin trapped",
            Step::running("can't tell how its object is: the plugin trapped"),
        ),
        (
            "of-a-later-contract",
            "",
            Step::running("can't tell how its object is: nobody says"),
        ),
        (
            "missing",
            "",
            Step::failed("its object vanished before it had a verdict"),
        ),
    ] {
        assert_eq!(hook("fail").see(&judged(status, message)), Ok(expected), "{status}");
    }
}

#[test]
fn a_hook_without_a_verdict_on_its_object_goes_on() {
    let step = hook("fail")
        .see(&json!({"kind": "object", "answers": 2, "object": {}}))
        .unwrap();
    assert_eq!(step.progress, Progress::Running);
    let created = hook("fail").see(&json!({"kind": "created", "answers": 1, "object": {}}));
    assert_eq!(created, Ok(Step::running("created")));
}

#[test]
fn a_hook_whose_object_vanished_ends_as_the_user_says() {
    let gone = json!({"kind": "gone", "answers": 2});
    assert_eq!(hook("fail").see(&gone).unwrap().progress, Progress::Failed);
    assert_eq!(hook("succeed").see(&gone).unwrap().progress, Progress::Succeeded);
    let mut run = hook("rerun");
    for _ in 0..3 {
        assert_eq!(run.see(&gone).unwrap().asks.len(), 2);
    }
    assert_eq!(run.see(&gone).unwrap().progress, Progress::Failed);
}
