//! The health of Argo CD's own kinds: an `Application`, as `argocd app wait` waits for it, and an `ApplicationSet`.
//!
//! Argo CD itself has judged no Applications since version 1.8.

use capstan_sdk::Assessment;
use serde_json::Value;

use crate::managed::{Managed, with};

const RULE: &str = "Application/status";

/// Assesses an Application.
pub fn assess(application: &Managed) -> Assessment {
    let conditions = application.conditions();
    // Conditions of Applications have no status: what is listed holds.
    let error = conditions
        .iter()
        .map(|reported| &reported.condition)
        .find(|condition| condition.kind.ends_with("Error"));
    let operation = application.text("/status/operationState/phase");
    if ["Running", "Terminating"].contains(&operation) {
        let message = match application.text("/status/operationState/message") {
            "" => "being synced",
            status_text => status_text,
        };
        return Assessment::progressing("Application/operation", message);
    }
    if let Some(error) = error {
        let message = format!("{}: {}", error.kind, error.message);
        return Assessment::degraded("Application/conditions", message);
    }
    let is_synced = match application.text("/status/sync/status") {
        "Synced" => true,
        "OutOfSync" => false,
        _ => return Assessment::progressing("Application/sync", "Argo CD has not compared it yet"),
    };
    let health = application.text("/status/health/status");
    let message = match application.text("/status/health/message") {
        "" => format!("its resources are {health}"),
        status_text => status_text.to_owned(),
    };
    match health {
        "Degraded" => Assessment::degraded(RULE, message),
        _ if !is_synced && ["Failed", "Error"].contains(&operation) => {
            let message = match application.text("/status/operationState/message") {
                "" => "its last sync failed",
                status_text => status_text,
            };
            Assessment::degraded("Application/operation", message)
        }
        _ if !is_synced && is_automated(application) => {
            Assessment::progressing("Application/sync", "out of sync, and synced automatically")
        }
        "Healthy" => Assessment::healthy(RULE).message(message),
        "Suspended" => Assessment::suspended(RULE, message),
        _ if !is_synced => Assessment::suspended("Application/sync", "out of sync, and not synced automatically"),
        _ => Assessment::progressing(RULE, message),
    }
}

fn is_automated(application: &Managed) -> bool {
    let automated = application.at("/spec/syncPolicy/automated");
    automated.is_some() && application.at("/spec/syncPolicy/automated/enabled") != Some(&Value::Bool(false))
}

/// Judges an `ApplicationSet` by its conditions, in Argo CD's order.
pub fn assess_set(set: &Managed) -> Assessment {
    let conditions = set.conditions();
    let rule = |kind: &str| format!("ApplicationSet/{kind}");
    if let Some(error) = with(&conditions, "ErrorOccurred", "True") {
        return Assessment::degraded(rule("error"), error.text("an error occurred"));
    }
    if let Some(old) = with(&conditions, "ResourcesUpToDate", "False") {
        return Assessment::degraded(rule("resources"), old.text("its Applications are not up to date"));
    }
    if let Some(rolling) = with(&conditions, "RolloutProgressing", "True") {
        return Assessment::progressing(rule("rollout"), rolling.text("its Applications are being synced"));
    }
    match with(&conditions, "ResourcesUpToDate", "True") {
        Some(done) => Assessment::healthy(rule("resources")).message(done.text("its Applications are up to date")),
        None => Assessment::progressing(rule("resources"), "no status yet"),
    }
}

#[cfg(test)]
mod tests {
    use capstan_sdk::HealthStatus::{Degraded, Healthy, Progressing, Suspended};
    use serde_json::{Value, json};

    use crate::cases::{both, in_argocd, natively};

    const APPLICATION: &str = "argoproj.io/Application";

    fn application(health: &str, sync: &str, operation: &str, spec: &Value) -> Value {
        json!({"spec": spec, "status": {
            "health": {"status": health}, "sync": {"status": sync}, "operationState": {"phase": operation},
        }})
    }

    #[test]
    fn an_application_is_synced_healthy_and_at_rest() {
        let none = json!({});
        let automated = json!({"syncPolicy": {"automated": {}}});
        let switched_off = json!({"syncPolicy": {"automated": {"enabled": false}}});
        let failing = json!({"status": {
            "conditions": [{"type": "ComparisonError", "message": "no such repository"}],
            "sync": {"status": "Unknown"}, "health": {"status": "Healthy"},
        }});
        let (status, sync, operation) = ("Application/status", "Application/sync", "Application/operation");
        natively(
            APPLICATION,
            &[
                (json!({}), Progressing, sync, "Argo CD has not compared it yet"),
                (
                    application("Healthy", "Synced", "", &none),
                    Healthy,
                    status,
                    "its resources are Healthy",
                ),
                (
                    application("Healthy", "Synced", "Failed", &none),
                    Healthy,
                    status,
                    "its resources are Healthy",
                ),
                (
                    application("Progressing", "Synced", "", &none),
                    Progressing,
                    status,
                    "its resources are Progressing",
                ),
                (
                    application("Degraded", "Synced", "", &none),
                    Degraded,
                    status,
                    "its resources are Degraded",
                ),
                (
                    application("Suspended", "Synced", "", &none),
                    Suspended,
                    status,
                    "its resources are Suspended",
                ),
                (
                    application("Healthy", "Synced", "Running", &none),
                    Progressing,
                    operation,
                    "being synced",
                ),
                (
                    application("Missing", "OutOfSync", "Error", &automated),
                    Degraded,
                    operation,
                    "its last sync failed",
                ),
                (
                    application("Healthy", "OutOfSync", "", &automated),
                    Progressing,
                    sync,
                    "out of sync, and synced automatically",
                ),
                (
                    application("Healthy", "OutOfSync", "", &none),
                    Healthy,
                    status,
                    "its resources are Healthy",
                ),
                (
                    application("Missing", "OutOfSync", "", &switched_off),
                    Suspended,
                    sync,
                    "out of sync, and not synced automatically",
                ),
                (
                    failing,
                    Degraded,
                    "Application/conditions",
                    "ComparisonError: no such repository",
                ),
            ],
        );
        in_argocd(APPLICATION, &[(application("Degraded", "Synced", "", &none), Healthy)]);
    }

    #[test]
    fn a_set_is_judged_by_its_conditions() {
        let set = |all: &[(&str, &str)]| {
            let all: Vec<Value> = all
                .iter()
                .map(|(kind, status)| json!({"type": kind, "status": status, "message": "so"}))
                .collect();
            json!({"status": {"conditions": all}})
        };
        let up = ("ResourcesUpToDate", "True");
        both(
            "argoproj.io/ApplicationSet",
            &[
                (json!({}), Progressing, "ApplicationSet/resources", "no status yet"),
                (
                    set(&[up, ("ErrorOccurred", "False")]),
                    Healthy,
                    "ApplicationSet/resources",
                    "so",
                ),
                (
                    set(&[up, ("ErrorOccurred", "True")]),
                    Degraded,
                    "ApplicationSet/error",
                    "so",
                ),
                (
                    set(&[up, ("RolloutProgressing", "True")]),
                    Progressing,
                    "ApplicationSet/rollout",
                    "so",
                ),
                (
                    set(&[("ResourcesUpToDate", "False")]),
                    Degraded,
                    "ApplicationSet/resources",
                    "so",
                ),
            ],
        );
    }
}
