//! The health of Flux's kinds, as its controllers report it: `observedGeneration`, `Ready`, `Reconciling`, `Stalled` and `spec.suspend`
//! (kstatus, and the API reference of each kind).
//!
//! By Argo CD's rules conditions are counted, as in its own scripts for these kinds, which know neither `Stalled` nor `observedGeneration`.

use capstan_sdk::{Assessment, Mode};

use crate::managed::{Managed, Reported, of, with};

/// Reasons for which an object isn't ready that end with another object's health.
const WAITS_FOR_OTHERS: [&str; 3] = ["DependencyNotReady", "SourceNotReady", "ArtifactFailed"];

/// Judges an object of Flux; `group` and `kind` name its kind.
pub fn assess(group: &str, kind: &str, object: &Managed, mode: Mode) -> Assessment {
    if object.is_true("/spec/suspend") && kind != "ImagePolicy" {
        return Assessment::suspended(rule(kind, "suspended"), "suspended: Flux doesn't reconcile it");
    }
    if kind == "HelmRepository" && object.text("/spec/type") == "oci" {
        return Assessment::healthy(rule(kind, "oci")).message("one of type `oci` has no status");
    }
    let conditions = object.conditions();
    match mode {
        Mode::Native => native(kind, object, &conditions),
        Mode::ArgoCd => counted(group, kind, object, &conditions),
    }
}

fn rule(kind: &str, what: &str) -> String {
    format!("{kind}/{what}")
}

fn native(kind: &str, object: &Managed, conditions: &[Reported]) -> Assessment {
    let generation = object.generation();
    if object.is_outdated() {
        let message = "its controller has not seen the latest spec yet";
        return Assessment::progressing(rule(kind, "generation"), message);
    }
    let current = |kind: &str, status: &str| {
        with(conditions, kind, status)
            .filter(|_| of(conditions, kind).is_some_and(|reported| !reported.is_outdated(generation)))
    };
    if let Some(stalled) = current("Stalled", "True") {
        return Assessment::degraded(rule(kind, "stalled"), stalled.text("stalled")).finally();
    }
    let reconciling = current("Reconciling", "True");
    let ready = rule(kind, "ready");
    if let Some(failed) = current("Ready", "False") {
        let text = failed.text("not ready");
        // While it retries, `Ready` says how the last try ended.
        let is_under_way = reconciling.is_some_and(|reconciling| reconciling.reason != "ProgressingWithRetry");
        return if is_under_way || WAITS_FOR_OTHERS.contains(&failed.reason.as_str()) {
            Assessment::progressing(ready, text)
        } else {
            Assessment::degraded(ready, text)
        };
    }
    if let Some(reconciling) = reconciling {
        return Assessment::progressing(rule(kind, "reconciling"), reconciling.text("being reconciled"));
    }
    if let Some(is_ready) = current("Ready", "True") {
        return Assessment::healthy(ready).message(is_ready.text("ready"));
    }
    let text = current("Ready", "Unknown").map(|unknown| unknown.text("being reconciled"));
    Assessment::progressing(ready, text.unwrap_or_else(|| "not reconciled yet".to_owned()))
}

/// Counts conditions as Argo CD does: how many say that it is done, and how many that it is under way.
fn counted(group: &str, kind: &str, object: &Managed, conditions: &[Reported]) -> Assessment {
    let rule = rule(kind, "conditions");
    if object.at("/status/conditions").is_none() {
        return Assessment::progressing(rule, "not reconciled yet");
    }
    let (mut done, mut under_way) = (0, 0);
    let mut message = String::new();
    // A policy or repository of images, and a receiver, count a `Ready` that is False.
    let moving = match kind {
        "ImagePolicy" | "ImageRepository" | "Receiver" => "False",
        _ => "Unknown",
    };
    let reasons: &[&str] = match kind {
        "ImagePolicy" => &["NewGeneration", "AccessingRepository", "ApplyingPolicy"],
        "ImageRepository" => &["NewGeneration", "Scanning"],
        _ => &[],
    };
    for condition in conditions.iter().map(|reported| &reported.condition) {
        match condition.kind.as_str() {
            "Ready" => {
                done += i32::from(condition.is_true());
                under_way += i32::from(condition.status == moving);
                message.clone_from(&condition.reason);
            }
            "Reconciling" if condition.is_true() => {
                let counts = reasons.is_empty() || reasons.contains(&condition.reason.as_str());
                under_way += i32::from(counts);
            }
            "Released" | "TestSuccess" if kind == "HelmRelease" => done += i32::from(condition.is_true()),
            "ArtifactInStorage" if group == "source.toolkit.fluxcd.io" => done += i32::from(condition.is_true()),
            _ => {}
        }
    }
    let healthy_count = if kind == "HelmRelease" || group == "source.toolkit.fluxcd.io" {
        2
    } else {
        1
    };
    match (under_way, done) {
        (2, _) if kind == "Receiver" => Assessment::degraded(rule, message),
        (2, _) => Assessment::progressing(rule, message),
        (_, done) if done == healthy_count => Assessment::healthy(rule).message(message),
        _ => Assessment::degraded(rule, message),
    }
}

#[cfg(test)]
mod tests {
    use capstan_sdk::HealthStatus::{self, Degraded, Healthy, Progressing, Suspended};
    use serde_json::{Value, json};

    use crate::cases::{argocd, both, native};

    const KUSTOMIZATION: &str = "kustomize.toolkit.fluxcd.io/Kustomization";

    /// Conditions as `Ready=False/BuildFailed`; `@1` says which generation one is about.
    fn object(observed: i64, all: &str) -> Value {
        let conditions: Vec<Value> = all
            .split_whitespace()
            .map(|one| {
                let (one, generation) = one.split_once('@').unwrap_or((one, "2"));
                let (one, reason) = one.split_once('/').unwrap_or((one, "So"));
                let (kind, status) = one.split_once('=').unwrap_or((one, "True"));
                json!({
                    "type": kind, "status": status, "reason": reason,
                    "observedGeneration": generation.parse::<i64>().unwrap(),
                })
            })
            .collect();
        json!({"metadata": {"generation": 2}, "status": {"observedGeneration": observed, "conditions": conditions}})
    }

    #[test]
    fn its_conditions_count_as_far_as_they_are_about_this_spec() {
        for (observed, conditions, expected, rule) in [
            (2, "Ready", Healthy, "ready"),
            (1, "Ready", Progressing, "generation"),
            (-1, "Reconciling/NewGeneration", Progressing, "generation"),
            (2, "Ready@1", Progressing, "ready"),
            (2, "", Progressing, "ready"),
            (2, "Ready=Unknown/Progressing Reconciling", Progressing, "reconciling"),
            (2, "Ready Reconciling", Progressing, "reconciling"),
            (2, "Ready=False/BuildFailed", Degraded, "ready"),
            (
                2,
                "Ready=False/BuildFailed Reconciling/ProgressingWithRetry",
                Degraded,
                "ready",
            ),
            (
                2,
                "Ready=False/BuildFailed Reconciling/Progressing",
                Progressing,
                "ready",
            ),
            (
                2,
                "Ready=False/DependencyNotReady Reconciling/ProgressingWithRetry",
                Progressing,
                "ready",
            ),
            (
                2,
                "Ready=False/InstallFailed Stalled/RetriesExceeded",
                Degraded,
                "stalled",
            ),
            (2, "Ready Stalled@1", Healthy, "ready"),
        ] {
            let answer = native(KUSTOMIZATION, &object(observed, conditions));
            let rule = format!("Kustomization/{rule}");
            assert_eq!(
                (answer.status, answer.rule),
                (expected, rule),
                "{observed} {conditions}"
            );
        }
        assert!(native(KUSTOMIZATION, &object(2, "Ready=False Stalled")).is_final);
    }

    /// Every kind of Flux that has a status.
    const KINDS: [&str; 11] = [
        KUSTOMIZATION,
        "helm.toolkit.fluxcd.io/HelmRelease",
        "source.toolkit.fluxcd.io/Bucket",
        "source.toolkit.fluxcd.io/GitRepository",
        "source.toolkit.fluxcd.io/HelmChart",
        "source.toolkit.fluxcd.io/HelmRepository",
        "source.toolkit.fluxcd.io/OCIRepository",
        "image.toolkit.fluxcd.io/ImageRepository",
        "image.toolkit.fluxcd.io/ImageUpdateAutomation",
        "notification.toolkit.fluxcd.io/Receiver",
        "image.toolkit.fluxcd.io/ImagePolicy",
    ];

    #[test]
    fn what_is_suspended_waits_for_somebody() {
        for claim in KINDS.into_iter().filter(|claim| !claim.ends_with("ImagePolicy")) {
            let kind = claim.rsplit('/').next().unwrap();
            let mut suspended = object(1, "Ready=False/BuildFailed");
            suspended["spec"] = json!({"suspend": true});
            let row = (
                suspended,
                Suspended,
                &*format!("{kind}/suspended"),
                "suspended: Flux doesn't reconcile it",
            );
            both(claim, &[row]);
        }
        let oci = json!({"spec": {"type": "oci"}});
        let row = (oci, Healthy, "HelmRepository/oci", "one of type `oci` has no status");
        both("source.toolkit.fluxcd.io/HelmRepository", &[row]);
    }

    #[test]
    fn by_argo_cds_rules_conditions_are_counted() {
        let rows: [(&str, &str, HealthStatus); 14] = [
            (KUSTOMIZATION, "Ready", Healthy),
            (KUSTOMIZATION, "Ready=Unknown Reconciling", Progressing),
            (KUSTOMIZATION, "Ready=False", Degraded),
            (KUSTOMIZATION, "Ready=False Reconciling", Degraded),
            ("helm.toolkit.fluxcd.io/HelmRelease", "Ready Released", Healthy),
            ("helm.toolkit.fluxcd.io/HelmRelease", "Ready", Degraded),
            (
                "source.toolkit.fluxcd.io/GitRepository",
                "Ready ArtifactInStorage",
                Healthy,
            ),
            ("source.toolkit.fluxcd.io/GitRepository", "Ready", Degraded),
            (
                "image.toolkit.fluxcd.io/ImagePolicy",
                "Ready=False Reconciling/NewGeneration",
                Progressing,
            ),
            (
                "image.toolkit.fluxcd.io/ImagePolicy",
                "Ready=False Reconciling/Other",
                Degraded,
            ),
            (
                "image.toolkit.fluxcd.io/ImageRepository",
                "Ready=False Reconciling/Scanning",
                Progressing,
            ),
            ("notification.toolkit.fluxcd.io/Receiver", "Ready", Healthy),
            (
                "notification.toolkit.fluxcd.io/Receiver",
                "Ready=False Reconciling",
                Degraded,
            ),
            ("notification.toolkit.fluxcd.io/Receiver", "Ready=Unknown", Degraded),
        ];
        for (claim, conditions, expected) in rows {
            assert_eq!(
                argocd(claim, &object(1, conditions)).status,
                expected,
                "{claim}: {conditions}"
            );
        }
        for claim in KINDS {
            assert_eq!(argocd(claim, &json!({})).status, Progressing, "{claim}");
            assert_eq!(native(claim, &json!({})).status, Progressing, "{claim}");
        }
    }
}
