//! The health of a `HorizontalPodAutoscaler`.

use capstan_sdk::{Assessment, Failure, Mode};
use serde::Deserialize;

use crate::condition::Condition;

const RULE: &str = "HorizontalPodAutoscaler/conditions";

/// What of it is looked at.
#[derive(Deserialize)]
pub struct Autoscaler {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    status: Status,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    annotations: Annotations,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Annotations {
    /// Where version 1 has them, as JSON.
    #[serde(rename = "autoscaling.alpha.kubernetes.io/conditions")]
    conditions: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    conditions: Option<Vec<Condition>>,
}

/// What keeps it from its work.
const TROUBLES: [(&str, &[&str]); 2] = [
    ("AbleToScale", &["FailedGetScale", "FailedUpdateScale"]),
    (
        "ScalingActive",
        &[
            "FailedGetResourceMetric",
            "FailedGetObjectMetric",
            "FailedGetPodsMetric",
            "FailedGetExternalMetric",
            "FailedComputeMetricsReplicas",
            "InvalidSelector",
        ],
    ),
];

/// Assesses a `HorizontalPodAutoscaler`.
pub fn assess(autoscaler: &Autoscaler, mode: Mode) -> Result<Assessment, Failure> {
    let of_annotation = match &autoscaler.metadata.annotations.conditions {
        Some(text) => serde_json::from_str(text)
            .map_err(|error| Failure::invalid(format!("its annotation with the conditions can't be read: {error}")))?,
        None => Vec::new(),
    };
    let conditions = autoscaler.status.conditions.as_ref().unwrap_or(&of_annotation);
    if let Some(trouble) = conditions.iter().find(|condition| is_trouble(condition, mode)) {
        return Ok(Assessment::degraded(RULE, trouble.text("it can't scale")));
    }
    let is_good = |kind: &str| matches!(kind, "AbleToScale" | "ScalingLimited");
    let good = conditions
        .iter()
        .find(|condition| condition.is_true() && is_good(&condition.kind));
    Ok(match good {
        Some(good) => Assessment::healthy(RULE).message(&good.message),
        None => Assessment::progressing(RULE, "waiting for its first look at the metrics"),
    })
}

/// Argo CD looks at the reason alone, also of a condition that says that all is well.
fn is_trouble(condition: &Condition, mode: Mode) -> bool {
    let is_bad = TROUBLES
        .iter()
        .any(|(kind, reasons)| condition.kind == *kind && reasons.contains(&&*condition.reason));
    is_bad && (mode == Mode::ArgoCd || !condition.is_true())
}

#[cfg(test)]
mod tests {
    use capstan_sdk::{
        Failure,
        HealthStatus::{Degraded, Healthy, Progressing},
        testing,
    };
    use serde_json::json;

    use super::{RULE, TROUBLES};
    use crate::{
        Plugin,
        cases::{both, in_argocd, natively, with_condition},
    };

    const AUTOSCALER: &str = "autoscaling/HorizontalPodAutoscaler";
    const WAITING: &str = "waiting for its first look at the metrics";

    #[test]
    fn it_is_healthy_once_it_can_scale() {
        let with = |kind: &str, status: &str| with_condition(kind, status, "Fine", "ready");
        both(
            AUTOSCALER,
            &[
                (json!({}), Progressing, RULE, WAITING),
                (with("AbleToScale", "True"), Healthy, RULE, "ready"),
                (with("ScalingLimited", "True"), Healthy, RULE, "ready"),
                (with("AbleToScale", "False"), Progressing, RULE, WAITING),
                (with("ScalingActive", "True"), Progressing, RULE, WAITING),
            ],
        );
        let two = json!({"status": {"conditions": [
            {"type": "AbleToScale", "status": "True", "reason": "SucceededGetScale"},
            {"type": "ScalingActive", "status": "False", "reason": "FailedGetPodsMetric", "message": "no metrics"},
        ]}});
        both(AUTOSCALER, &[(two, Degraded, RULE, "FailedGetPodsMetric: no metrics")]);
    }

    #[test]
    fn every_trouble_makes_it_degraded_and_argo_cd_does_not_look_at_the_status() {
        for (kind, reasons) in TROUBLES {
            for reason in reasons {
                let text = format!("{reason}: no metrics");
                let with = |status: &str| with_condition(kind, status, reason, "no metrics");
                both(AUTOSCALER, &[(with("False"), Degraded, RULE, &text)]);
                in_argocd(AUTOSCALER, &[(with("True"), Degraded)]);
                let (status, message) = match kind {
                    "AbleToScale" => (Healthy, "no metrics"),
                    _ => (Progressing, WAITING),
                };
                natively(AUTOSCALER, &[(with("True"), status, RULE, message)]);
            }
        }
    }

    #[test]
    fn version_1_has_its_conditions_in_an_annotation() {
        let with =
            |text: &str| json!({"metadata": {"annotations": {"autoscaling.alpha.kubernetes.io/conditions": text}}});
        let able = r#"[{"type": "AbleToScale", "status": "True", "message": "ready"}]"#;
        both(
            AUTOSCALER,
            &[
                (with(able), Healthy, RULE, "ready"),
                (with("[]"), Progressing, RULE, WAITING),
            ],
        );
        let Err(Failure::Invalid(message)) = testing::assess::<Plugin>(AUTOSCALER, &with("{")) else {
            panic!()
        };
        assert!(
            message.starts_with("its annotation with the conditions can't be read: "),
            "{message}"
        );
    }
}
