//! Where our answers and Argo CD's differ, side by side, and why: the table in `plugins/README.md`.

use capstan_sdk::HealthStatus::{self, Degraded, Healthy, Progressing, Unknown};
use serde_json::{Value, json};

use crate::cases::{argocd, native, seen};

struct Difference {
    claim: &'static str,
    what: &'static str,
    object: Value,
    argocd: HealthStatus,
    native: HealthStatus,
    why: &'static str,
}

fn row(
    claim: &'static str,
    what: &'static str,
    object: Value,
    [argocd, native]: [HealthStatus; 2],
    why: &'static str,
) -> Difference {
    Difference {
        claim,
        what,
        object,
        argocd,
        native,
        why,
    }
}

fn workloads() -> Vec<Difference> {
    let rolling = json!({"replicas": 1, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {}}});
    let slow = json!({"replicas": 1, "minReadySeconds": 10});
    let on_delete = json!({"updateStrategy": {"type": "OnDelete"}});
    let unbalanced = || {
        json!({
            "metadata": {"annotations": {"capstan.dev/load-balancer": "none"}}, "spec": {"type": "LoadBalancer"},
        })
    };
    let init = json!({"name": "init", "state": {"waiting": {"reason": "ErrImagePull"}}});
    let ended = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}, "status": {"phase": "Succeeded"}});
    vec![
        row(
            "apps/StatefulSet",
            "`rollingUpdate` without `partition`, old pods",
            seen(&rolling, &json!({"readyReplicas": 1})),
            [Healthy, Progressing],
            "no partition is partition 0",
        ),
        row(
            "apps/StatefulSet",
            "pods not ready for `minReadySeconds` yet",
            seen(&slow, &json!({"readyReplicas": 1})),
            [Healthy, Progressing],
            "the set itself waits for it",
        ),
        row(
            "apps/DaemonSet",
            "`OnDelete`, pods missing",
            seen(&on_delete, &json!({"desiredNumberScheduled": 1})),
            [Healthy, Progressing],
            "old pods are wanted, none are not",
        ),
        row(
            "ReplicationController",
            "pods missing",
            seen(&json!({"replicas": 1}), &json!({})),
            [Healthy, Progressing],
            "Argo CD has no check",
        ),
        row(
            "Pod",
            "init container whose image isn't there",
            json!({"spec": {"restartPolicy": "Always"}, "status": {"phase": "Pending", "initContainerStatuses": [init]}}),
            [Progressing, Degraded],
            "nothing starts before it",
        ),
        row(
            "Pod",
            "ended, and being deleted since",
            ended,
            [Progressing, Healthy],
            "a verdict stands",
        ),
        row(
            "Pod",
            "no phase, or no restart policy",
            json!({}),
            [Unknown, Progressing],
            "it is new; the policy is then `Always`",
        ),
        row(
            "Service",
            "`capstan.dev/load-balancer: none`",
            unbalanced(),
            [Progressing, Healthy],
            "nothing gives it an address, says the user",
        ),
        row(
            "networking.k8s.io/Ingress",
            "`capstan.dev/load-balancer: none`",
            unbalanced(),
            [Progressing, Healthy],
            "nothing gives it an address, says the user",
        ),
    ]
}

fn others() -> Vec<Difference> {
    let unnamed = json!({"status": {"loadBalancer": {"ingress": [{}]}}});
    let late = json!({"lastScheduleTime": "2026-01-02T00:00:00Z", "lastSuccessfulTime": "2026-01-01T00:00:00Z"});
    let failing = json!({"status": {"conditions": [
        {"type": "ScalingActive", "status": "True", "reason": "FailedGetResourceMetric"},
        {"type": "AbleToScale", "status": "True"},
    ]}});
    vec![
        row(
            "networking.k8s.io/Ingress",
            "`ingress: [{}]`, without an address",
            unnamed,
            [Healthy, Progressing],
            "nobody can reach it",
        ),
        row(
            "batch/CronJob",
            "its last Job failed",
            json!({ "status": late }),
            [Degraded, Healthy],
            "the past says nothing about the change, which may mend it",
        ),
        row(
            "batch/CronJob",
            "no status",
            json!({}),
            [Progressing, Healthy],
            "it waits for nothing but its time",
        ),
        row(
            "policy/PodDisruptionBudget",
            "no conditions",
            json!({}),
            [Progressing, Healthy],
            "its pods may come in a later wave",
        ),
        row(
            "autoscaling/HorizontalPodAutoscaler",
            "a failure's reason on a condition that is `True`",
            failing,
            [Degraded, Healthy],
            "a condition says by its status whether it holds",
        ),
        row(
            "Namespace",
            "phase `Terminating`",
            json!({"status": {"phase": "Terminating"}}),
            [Healthy, Progressing],
            "Argo CD has no check",
        ),
        row(
            "*/*",
            "custom resource with `Ready` `False`",
            json!({"apiVersion": "acme.io/v1", "kind": "Widget", "status": {"conditions": [{"type": "Ready", "status": "False"}]}}),
            [Healthy, Progressing],
            "it says itself that it isn't ready",
        ),
        row(
            "apps/Deployment",
            "a version other than `apps/v1`",
            json!({"apiVersion": "apps/v1beta2", "metadata": {"generation": 1}}),
            [Unknown, Progressing],
            "what is looked at is the same in all versions",
        ),
    ]
}

fn tools() -> Vec<Difference> {
    let ready = |reason: &str| json!({"type": "Ready", "status": "False", "reason": reason});
    let conditions =
        |all: Value| json!({"metadata": {"generation": 2}, "status": {"observedGeneration": 2, "conditions": all}});
    let reconciling = json!({"type": "Reconciling", "status": "True", "reason": "Progressing"});
    let is_ready = json!({"type": "Ready", "status": "True", "observedGeneration": 1});
    let mut unseen = conditions(json!([{"type": "Ready", "status": "True"}]));
    unseen["status"]["observedGeneration"] = json!(1);
    let widget = json!({"apiVersion": "acme.io/v1", "kind": "Widget", "status": {"phase": "Failed"}});
    vec![
        row(
            "*/*",
            "custom resource with the phase `Failed`",
            widget,
            [Healthy, Degraded],
            "it says itself that it failed",
        ),
        row(
            "argoproj.io/Application",
            "health `Degraded`",
            json!({"status": {"sync": {"status": "Synced"}, "health": {"status": "Degraded"}}}),
            [Healthy, Degraded],
            "Argo CD has no check since 1.8",
        ),
        row(
            "argoproj.io/AnalysisRun",
            "`Inconclusive`",
            json!({"status": {"phase": "Inconclusive"}}),
            [Unknown, Degraded],
            "it has ended, and not well",
        ),
        row(
            "cert-manager.io/Certificate",
            "`Ready` about an older spec",
            conditions(json!([is_ready])),
            [Healthy, Progressing],
            "the condition says so",
        ),
        row(
            "kustomize.toolkit.fluxcd.io/Kustomization",
            "`observedGeneration` is older",
            unseen,
            [Healthy, Progressing],
            "its status is about another spec",
        ),
        row(
            "kustomize.toolkit.fluxcd.io/Kustomization",
            "not `Ready`, and a new try is under way",
            conditions(json!([ready("BuildFailed"), reconciling])),
            [Degraded, Progressing],
            "`Ready` is about the last try",
        ),
        row(
            "kustomize.toolkit.fluxcd.io/Kustomization",
            "`DependencyNotReady`",
            conditions(json!([ready("DependencyNotReady")])),
            [Degraded, Progressing],
            "it ends with the other object's health",
        ),
        row(
            "source.toolkit.fluxcd.io/GitRepository",
            "`Ready`, and no condition `ArtifactInStorage`",
            conditions(json!([{"type": "Ready", "status": "True"}])),
            [Degraded, Healthy],
            "`Ready` sums up the others",
        ),
    ]
}

#[test]
fn where_the_modes_differ_is_as_the_table_says() {
    let guide = include_str!("../../README.md");
    let rows: Vec<Difference> = workloads().into_iter().chain(others()).chain(tools()).collect();
    for row in &rows {
        let (theirs, ours) = (
            argocd(row.claim, &row.object).status,
            native(row.claim, &row.object).status,
        );
        assert_eq!((theirs, ours), (row.argocd, row.native), "{}: {}", row.claim, row.what);
        let line = format!(
            "| `{}` | {} | {theirs:?} | {ours:?} | {} |",
            row.claim, row.what, row.why
        );
        assert!(guide.contains(&line), "plugins/README.md lacks\n{line}");
    }
    // Shown by the cases of `volume_claim.rs`: it takes a related object.
    let claim = "| `PersistentVolumeClaim` | pending, and its storage class has `WaitForFirstConsumer` | Progressing | Healthy | ";
    assert!(guide.contains(claim));
    let is_row = |line: &&str| line.starts_with("| `") && line.matches(" | ").count() == 4;
    let lines = guide
        .lines()
        .filter(is_row)
        .filter(|line| !line.starts_with("| `batch/Job`"));
    assert_eq!(
        lines.count(),
        rows.len() + 1,
        "plugins/README.md has rows that nothing shows"
    );
}
