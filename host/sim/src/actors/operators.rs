//! The controllers of Argo, cert-manager and Flux, as far as the health of their objects depends on them: they observe each new spec, and
//! report success. A status about the current spec that a user or a scenario writes is kept.

use serde_json::{Map, Value, json};

use super::{
    Actions, ClusterView,
    access::{is_terminating, is_true, name, namespace, number, status_of, text},
    condition::{self, ConditionUpdate},
};

/// What the controller of a kind writes when it is done with an object.
#[derive(Clone, Copy)]
enum FinalStatus {
    /// This word in `status.phase`.
    Phase(&'static str),
    /// This word in `status.state`.
    State(&'static str),
    /// Conditions that are `True`.
    Conditions(&'static [&'static str]),
    /// The status of an Argo CD Application.
    Application,
}

const FLUX: FinalStatus = FinalStatus::Conditions(&["Ready", "ArtifactInStorage"]);
const READY: FinalStatus = FinalStatus::Conditions(&["Ready"]);

const KINDS: [(&str, &str, FinalStatus); 24] = [
    ("argoproj.io", "AnalysisRun", FinalStatus::Phase("Successful")),
    ("argoproj.io", "Application", FinalStatus::Application),
    (
        "argoproj.io",
        "ApplicationSet",
        FinalStatus::Conditions(&["ResourcesUpToDate"]),
    ),
    ("argoproj.io", "EventBus", FinalStatus::Conditions(&["Deployed"])),
    ("argoproj.io", "Experiment", FinalStatus::Phase("Successful")),
    ("argoproj.io", "Rollout", FinalStatus::Phase("Healthy")),
    ("argoproj.io", "Workflow", FinalStatus::Phase("Succeeded")),
    ("acme.cert-manager.io", "Challenge", FinalStatus::State("valid")),
    ("acme.cert-manager.io", "Order", FinalStatus::State("valid")),
    ("cert-manager.io", "Certificate", READY),
    ("cert-manager.io", "CertificateRequest", READY),
    ("cert-manager.io", "ClusterIssuer", READY),
    ("cert-manager.io", "Issuer", READY),
    (
        "helm.toolkit.fluxcd.io",
        "HelmRelease",
        FinalStatus::Conditions(&["Ready", "Released"]),
    ),
    ("image.toolkit.fluxcd.io", "ImagePolicy", READY),
    ("image.toolkit.fluxcd.io", "ImageRepository", READY),
    ("image.toolkit.fluxcd.io", "ImageUpdateAutomation", READY),
    ("kustomize.toolkit.fluxcd.io", "Kustomization", READY),
    ("notification.toolkit.fluxcd.io", "Receiver", READY),
    ("source.toolkit.fluxcd.io", "Bucket", FLUX),
    ("source.toolkit.fluxcd.io", "GitRepository", FLUX),
    ("source.toolkit.fluxcd.io", "HelmChart", FLUX),
    ("source.toolkit.fluxcd.io", "HelmRepository", FLUX),
    ("source.toolkit.fluxcd.io", "OCIRepository", FLUX),
];

pub(crate) fn reconcile(sight: &ClusterView<'_>) -> Actions {
    let mut turn = Actions::default();
    for (group, kind, done) in KINDS {
        for object in sight.list(group, kind) {
            if is_terminating(object) || is_true(object, "/spec/suspend") || is_seen(object) {
                continue;
            }
            turn.status(object, status(object, done, sight));
            if kind == "Certificate" {
                make_secret(sight, &mut turn, object);
            }
        }
    }
    turn
}

/// Says whether there is a status about the current spec.
fn is_seen(object: &Value) -> bool {
    let status = object.get("status").and_then(Value::as_object);
    let seen = object.pointer("/status/observedGeneration");
    let seen = seen.and_then(|seen| seen.as_i64().or_else(|| seen.as_str()?.parse().ok()));
    match (status, seen) {
        (None, _) => false,
        (Some(status), None) => !status.is_empty(),
        (Some(_), Some(seen)) => seen >= number(object, "/metadata/generation").unwrap_or(1),
    }
}

fn status(object: &Value, done: FinalStatus, sight: &ClusterView<'_>) -> Map<String, Value> {
    let mut status = status_of(object);
    let generation = number(object, "/metadata/generation").unwrap_or(1);
    // Argo Rollouts writes it as a string.
    let seen = match text(object, "/kind") {
        "Rollout" => json!(generation.to_string()),
        _ => json!(generation),
    };
    status.insert("observedGeneration".into(), seen);
    match done {
        FinalStatus::Phase(phase) => {
            status.insert("phase".into(), json!(phase));
        }
        FinalStatus::State(state) => {
            status.insert("state".into(), json!(state));
        }
        FinalStatus::Conditions(kinds) => {
            for kind in kinds {
                let update = ConditionUpdate {
                    kind,
                    is_true: true,
                    reason: "Succeeded",
                    message: "",
                };
                condition::set(&mut status, update, None, sight.now);
            }
        }
        FinalStatus::Application => {
            status.insert("sync".into(), json!({ "status": "Synced" }));
            status.insert("health".into(), json!({ "status": "Healthy" }));
        }
    }
    status
}

/// Makes the Secret of a Certificate, as cert-manager does.
fn make_secret(sight: &ClusterView<'_>, turn: &mut Actions, certificate: &Value) {
    let secret = text(certificate, "/spec/secretName");
    if secret.is_empty() || sight.get("", "Secret", namespace(certificate), secret).is_some() {
        return;
    }
    turn.create(json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": secret,
            "namespace": namespace(certificate),
            "annotations": { "cert-manager.io/certificate-name": name(certificate) },
        },
        "type": "kubernetes.io/tls",
        "data": { "ca.crt": "", "tls.crt": "", "tls.key": "" },
    }));
}
