//! The health of cert-manager's kinds, by the conditions and states that its controllers write.

use capstan_sdk::{Assessment, Mode};

use crate::managed::{Managed, Reported, of, with};

/// Judges an object of `cert-manager.io` or `acme.cert-manager.io`.
pub fn assess(kind: &str, object: &Managed, mode: Mode) -> Assessment {
    match kind {
        "Certificate" => certificate(object, mode),
        "CertificateRequest" => request(object),
        "Order" | "Challenge" => by_state(kind, object),
        _ => ready(
            &format!("{kind}/ready"),
            object,
            &object.conditions(),
            mode,
            "not ready yet",
        ),
    }
}

fn certificate(certificate: &Managed, mode: Mode) -> Assessment {
    let conditions = certificate.conditions();
    if let Some(issuing) = with(&conditions, "Issuing", "True") {
        return Assessment::progressing("Certificate/issuing", issuing.text("being issued"));
    }
    let rule = "Certificate/ready";
    let answer = ready(rule, certificate, &conditions, mode, "not issued yet");
    // That the last attempt failed, and why, is in the condition that no attempt is under way.
    let failed = with(&conditions, "Issuing", "False").filter(|issuing| issuing.reason == "Failed");
    match failed {
        Some(failed) if with(&conditions, "Ready", "False").is_some() => {
            Assessment::degraded("Certificate/issuing", failed.text("it was not issued"))
        }
        Some(_) | None => answer,
    }
}

/// Judges by the condition `Ready`. In our own mode one about an older spec doesn't count; Argo CD doesn't look.
fn ready(rule: &str, object: &Managed, conditions: &[Reported], mode: Mode, not_yet: &str) -> Assessment {
    match of(conditions, "Ready") {
        Some(found) if mode == Mode::Native && found.is_outdated(object.generation()) => {
            Assessment::progressing(rule, "its Ready condition is about an older spec")
        }
        Some(found) if found.condition.is_true() => Assessment::healthy(rule).message(found.condition.text("ready")),
        Some(found) if found.condition.status == "False" => {
            Assessment::degraded(rule, found.condition.text("not ready"))
        }
        Some(_) | None => Assessment::progressing(rule, not_yet),
    }
}

fn request(request: &Managed) -> Assessment {
    let rule = "CertificateRequest/ready";
    let conditions = request.conditions();
    for kind in ["Denied", "InvalidRequest"] {
        if let Some(refused) = with(&conditions, kind, "True") {
            let rule = format!(
                "CertificateRequest/{}",
                if kind == "Denied" { "denied" } else { "invalid" }
            );
            return Assessment::degraded(rule, refused.text(kind)).finally();
        }
    }
    match of(&conditions, "Ready").map(|found| &found.condition) {
        None => Assessment::progressing(rule, "not signed yet"),
        Some(ready) if ready.is_true() => Assessment::healthy(rule).message(ready.text("signed")),
        Some(ready) if ready.reason == "Pending" => Assessment::progressing(rule, ready.text("pending")),
        Some(ready) if ready.reason == "Failed" => Assessment::degraded(rule, ready.text("failed")).finally(),
        Some(ready) => Assessment::degraded(rule, ready.text("not ready")),
    }
}

fn by_state(kind: &str, object: &Managed) -> Assessment {
    let rule = format!("{kind}/state");
    let state = object.text("/status/state");
    let message = match object.text("/status/reason") {
        "" if state.is_empty() => "not started yet".to_owned(),
        "" => format!("its state is {state}"),
        said => said.to_owned(),
    };
    match state {
        "valid" => Assessment::healthy(rule).message(message),
        "invalid" | "expired" | "errored" => Assessment::degraded(rule, message).finally(),
        _ => Assessment::progressing(rule, message),
    }
}

#[cfg(test)]
mod tests {
    use capstan_sdk::HealthStatus::{Degraded, Healthy, Progressing};
    use serde_json::{Value, json};

    use crate::cases::{argocd, both, native, with_condition};

    fn conditions(all: &[(&str, &str, &str)]) -> Value {
        let all: Vec<Value> = all
            .iter()
            .map(|(kind, status, reason)| json!({"type": kind, "status": status, "reason": reason, "message": "so"}))
            .collect();
        json!({"status": {"conditions": all}})
    }

    #[test]
    fn a_certificate_is_issued_and_then_ready() {
        let (ready, issuing) = ("Certificate/ready", "Certificate/issuing");
        both(
            "cert-manager.io/Certificate",
            &[
                (json!({}), Progressing, ready, "not issued yet"),
                (
                    conditions(&[("Ready", "False", "DoesNotExist"), ("Issuing", "True", "DoesNotExist")]),
                    Progressing,
                    issuing,
                    "DoesNotExist: so",
                ),
                (conditions(&[("Ready", "True", "Ready")]), Healthy, ready, "Ready: so"),
                (
                    conditions(&[("Ready", "False", "Expired")]),
                    Degraded,
                    ready,
                    "Expired: so",
                ),
                (
                    conditions(&[("Ready", "False", "DoesNotExist"), ("Issuing", "False", "Failed")]),
                    Degraded,
                    issuing,
                    "Failed: so",
                ),
                (
                    conditions(&[("Ready", "True", "Ready"), ("Issuing", "False", "Failed")]),
                    Healthy,
                    ready,
                    "Ready: so",
                ),
            ],
        );
    }

    #[test]
    fn what_is_said_of_an_older_spec_does_not_count() {
        let mut object = with_condition("Ready", "True", "Ready", "");
        object["metadata"] = json!({"generation": 2});
        object["status"]["conditions"][0]["observedGeneration"] = json!(1);
        assert_eq!(native("cert-manager.io/Certificate", &object).status, Progressing);
        assert_eq!(argocd("cert-manager.io/Certificate", &object).status, Healthy);
    }

    #[test]
    fn a_request_is_signed_pending_or_refused() {
        let rule = "CertificateRequest/ready";
        let claim = "cert-manager.io/CertificateRequest";
        let failed = conditions(&[("Ready", "False", "Failed")]);
        let denied = conditions(&[("Ready", "False", "Pending"), ("Denied", "True", "Policy")]);
        both(
            claim,
            &[
                (json!({}), Progressing, rule, "not signed yet"),
                (conditions(&[("Ready", "True", "Issued")]), Healthy, rule, "Issued: so"),
                (
                    conditions(&[("Ready", "False", "Pending")]),
                    Progressing,
                    rule,
                    "Pending: so",
                ),
                (failed.clone(), Degraded, rule, "Failed: so"),
                (conditions(&[("Ready", "False", "Other")]), Degraded, rule, "Other: so"),
                (denied.clone(), Degraded, "CertificateRequest/denied", "Policy: so"),
                (
                    conditions(&[("InvalidRequest", "True", "Bad")]),
                    Degraded,
                    "CertificateRequest/invalid",
                    "Bad: so",
                ),
            ],
        );
        assert!(native(claim, &failed).is_final && native(claim, &denied).is_final);
    }

    #[test]
    fn issuers_are_ready() {
        for kind in ["Issuer", "ClusterIssuer"] {
            let rule = format!("{kind}/ready");
            both(
                &format!("cert-manager.io/{kind}"),
                &[
                    (json!({}), Progressing, &rule, "not ready yet"),
                    (conditions(&[("Ready", "True", "")]), Healthy, &rule, "so"),
                    (
                        conditions(&[("Ready", "False", "NoAccount")]),
                        Degraded,
                        &rule,
                        "NoAccount: so",
                    ),
                    (
                        conditions(&[("Ready", "Unknown", "")]),
                        Progressing,
                        &rule,
                        "not ready yet",
                    ),
                ],
            );
        }
    }

    #[test]
    fn orders_and_challenges_have_a_state() {
        for kind in ["Order", "Challenge"] {
            let rule = format!("{kind}/state");
            let claim = format!("acme.cert-manager.io/{kind}");
            let state = |state: &str, reason: &str| json!({"status": {"state": state, "reason": reason}});
            both(
                &claim,
                &[
                    (json!({}), Progressing, &rule, "not started yet"),
                    (state("pending", ""), Progressing, &rule, "its state is pending"),
                    (state("valid", ""), Healthy, &rule, "its state is valid"),
                    (state("errored", "no DNS"), Degraded, &rule, "no DNS"),
                    (state("expired", ""), Degraded, &rule, "its state is expired"),
                ],
            );
            assert!(native(&claim, &state("invalid", "")).is_final);
        }
    }
}
