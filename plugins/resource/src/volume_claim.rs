//! The health of a `PersistentVolumeClaim`.

use capstan_sdk::{Assessment, Failure, HealthInput, Mode, Object};
use serde::Deserialize;

use crate::phase::{Status, unknown};

const RULE: &str = "PersistentVolumeClaim/phase";
const FIRST_CONSUMER: &str = "WaitForFirstConsumer";

/// What of it is looked at.
#[derive(Deserialize)]
pub struct VolumeClaim {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
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
    /// Where the scheduler wants to put the first Pod that uses it.
    #[serde(rename = "volume.kubernetes.io/selected-node")]
    node: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    storage_class_name: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Class {
    volume_binding_mode: String,
}

/// Assesses a `PersistentVolumeClaim`.
pub fn assess(claim: &VolumeClaim, input: &HealthInput<'_>) -> Result<Assessment, Failure> {
    Ok(match (&*claim.status.phase, input.mode) {
        ("Bound", _) => Assessment::healthy(RULE).message("bound"),
        ("Lost", _) => Assessment::degraded(RULE, "its volume is lost"),
        ("Pending", Mode::ArgoCd) => Assessment::progressing(RULE, "no volume yet"),
        ("Pending", Mode::Native) => pending(claim, input)?,
        (other, _) => unknown(RULE, other),
    })
}

/// One that has no volume before its first Pod comes holds nothing up, for that Pod may come in a later wave. The claim
/// itself doesn't tell: its storage class does, and an event to those who may not read classes.
fn pending(claim: &VolumeClaim, input: &HealthInput<'_>) -> Result<Assessment, Failure> {
    if let Some(node) = &claim.metadata.annotations.node {
        let answer = Assessment::progressing(RULE, format!("a Pod on node {node} waits for its volume"));
        return explained(answer, input, &["events"]);
    }
    let answer = Assessment::progressing(RULE, "no volume yet");
    if !input.is_second() {
        return explained(answer, input, &["storage-class", "events"]);
    }
    let related = input.related()?;
    let class = related
        .get("storage-class")
        .map(|found| found.objects.first().map(Object::read::<Class>));
    let newest = match related.get("events") {
        Some(events) => events.events()?.into_iter().next(),
        None => None,
    };
    let name = &claim.spec.storage_class_name;
    let is_asked = related
        .get("storage-class")
        .is_some_and(|found| found.refused.is_none());
    let waits = match class.flatten().transpose()? {
        Some(class) => class.volume_binding_mode == FIRST_CONSUMER,
        None if is_asked && !name.is_empty() => {
            return Ok(Assessment::progressing(
                RULE,
                format!("there is no storage class `{name}`"),
            ));
        }
        None => newest.is_some_and(|event| event.reason == FIRST_CONSUMER),
    };
    if waits {
        let message = "no volume yet; its storage class binds one for the first Pod that uses it";
        return Ok(Assessment::healthy("PersistentVolumeClaim/first-consumer").message(message));
    }
    explained(answer, input, &[])
}

fn explained(answer: Assessment, input: &HealthInput<'_>, words: &[&str]) -> Result<Assessment, Failure> {
    crate::explain::explain(answer, input, words)
}

#[cfg(test)]
mod tests {
    use capstan_sdk::HealthStatus::{Degraded, Healthy, Progressing, Unknown};
    use serde_json::{Value, json};

    use super::RULE;
    use crate::cases::{both, in_argocd, native, related};

    const CLAIM: &str = "PersistentVolumeClaim";

    fn pending() -> Value {
        json!({"spec": {"storageClassName": "fast"}, "status": {"phase": "Pending"}})
    }

    fn class(mode: &str) -> Value {
        json!({"objects": [{"metadata": {"name": "fast"}, "volumeBindingMode": mode}], "total": 1})
    }

    fn events(kind: &str, reason: &str) -> Value {
        json!({"objects": [{"type": kind, "reason": reason, "message": "it says"}], "total": 1})
    }

    #[test]
    fn it_is_healthy_once_it_is_bound() {
        let phase = |phase: &str| json!({"status": {"phase": phase}});
        both(
            CLAIM,
            &[
                (phase("Bound"), Healthy, RULE, "bound"),
                (phase("Pending"), Progressing, RULE, "no volume yet"),
                (phase("Lost"), Degraded, RULE, "its volume is lost"),
                (phase("Odd"), Unknown, RULE, "unknown phase `Odd`"),
                (json!({}), Unknown, RULE, "no phase yet"),
            ],
        );
    }

    #[test]
    fn one_that_waits_for_its_first_pod_holds_nothing_up() {
        assert_eq!(native(CLAIM, &pending()).need, ["storage-class", "events"]);
        let refused = json!({"refused": "may not"});
        let (first, at_once) = (class("WaitForFirstConsumer"), class("Immediate"));
        let (waits, fails) = (
            events("Normal", "WaitForFirstConsumer"),
            events("Warning", "ProvisioningFailed"),
        );
        let none = json!({"objects": [], "total": 0});
        let consumer = "no volume yet; its storage class binds one for the first Pod that uses it";
        for (class, events, status, message) in [
            (&first, &none, Healthy, consumer),
            (&first, &refused, Healthy, consumer),
            (&refused, &waits, Healthy, consumer),
            (&at_once, &none, Progressing, "no volume yet"),
            (&at_once, &fails, Progressing, "ProvisioningFailed: it says"),
            (&refused, &refused, Progressing, "no volume yet"),
            (&none, &none, Progressing, "there is no storage class `fast`"),
        ] {
            let found = json!({"storage-class": class, "events": events});
            let answer = related(CLAIM, &pending(), &found);
            assert_eq!((answer.status, &*answer.message), (status, message), "{found}");
            assert!(answer.need.is_empty());
        }
        in_argocd(CLAIM, &[(pending(), Progressing)]);
    }

    #[test]
    fn one_whose_first_pod_is_there_is_waited_for() {
        let mut claim = pending();
        claim["metadata"] = json!({"annotations": {"volume.kubernetes.io/selected-node": "n1"}});
        let answer = native(CLAIM, &claim);
        assert_eq!(
            (answer.status, &*answer.need),
            (Progressing, &["events".to_owned()][..])
        );
        assert_eq!(answer.message, "a Pod on node n1 waits for its volume");
        let fails = json!({"events": events("Warning", "ProvisioningFailed")});
        assert_eq!(related(CLAIM, &claim, &fails).message, "ProvisioningFailed: it says");
    }
}
