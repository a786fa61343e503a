//! Custom resources without a check of their own, judged by what most controllers agree on: `observedGeneration` and
//! well-known conditions, as kstatus and Kubernetes' API conventions have them.
//!
//! The rule says what judged: `no check for Widget.acme.io: judged by its Ready condition`. Whatever has another form
//! than is usual is passed over: it is somebody else's status, and may mean anything.

use std::time::Duration;

use capstan_sdk::{Assessment, Failure, HealthInput, now};
use serde::Deserialize;
use serde_json::Value;

use crate::{condition::Condition, object::Any};

/// How long the controller of a new object may take to write its first status.
const FIRST_STATUS: Duration = Duration::from_secs(5);

/// Groups that the API server itself serves: their kinds have a rule of their own, or nothing to wait for.
const BUILT_IN: [&str; 23] = [
    "",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "extensions",
    "flowcontrol.apiserver.k8s.io",
    "internal.apiserver.k8s.io",
    "networking.k8s.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "storage.k8s.io",
];

/// Conditions that say that it does what it is for, the best first: the first that is there judges.
const GOOD: [&str; 10] = [
    "Ready",
    "Available",
    "Established",
    "Programmed",
    "Healthy",
    "Complete",
    "Completed",
    "Succeeded",
    "Accepted",
    "Synced",
];

/// Conditions that say that it doesn't.
const BAD: [&str; 2] = ["Failed", "Degraded"];

/// What of any custom resource is looked at.
#[derive(Deserialize)]
pub struct Custom {
    #[serde(default)]
    metadata: Metadata,
    status: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata {
    generation: i64,
    creation_timestamp: String,
}

/// A condition, and of which generation it speaks.
struct Told {
    condition: Condition,
    generation: Option<i64>,
}

/// Says whether a kind is somebody's own.
pub fn is_custom(any: &Any) -> bool {
    !BUILT_IN.contains(&any.group())
}

/// Judges a custom resource.
pub fn assess(any: &Any, input: &HealthInput<'_>) -> Result<Assessment, Failure> {
    let object: Custom = input.object.read()?;
    let kind = any.kind();
    let by = |what: &str| format!("no check for {kind}: judged by its {what}");
    let Some(status) = &object.status else {
        return Ok(without_status(&kind, &object.metadata));
    };
    let generation = object.metadata.generation;
    if whole_number(status.get("observedGeneration")).is_some_and(|seen| seen < generation) {
        let message = "its controller has not seen the latest spec yet";
        return Ok(Assessment::progressing(by("observedGeneration"), message));
    }
    let told: Vec<Told> = status
        .get("conditions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(read)
        .collect();
    let find = |kind: &str| told.iter().find(|told| told.condition.kind == kind);
    let holds = |kind: &str| find(kind).filter(|told| told.condition.is_true());
    if let Some(Told { condition, .. }) = holds("Stalled") {
        return Ok(Assessment::degraded(by("Stalled condition"), condition.text("stalled")).finally());
    }
    if let Some(Told { condition, .. }) = holds("Reconciling") {
        return Ok(Assessment::progressing(
            by("Reconciling condition"),
            condition.text("being reconciled"),
        ));
    }
    if let Some(Told { condition, .. }) = BAD.into_iter().find_map(holds) {
        let by = by(&format!("{} condition", condition.kind));
        return Ok(Assessment::degraded(by, condition.text("it says that it failed")));
    }
    let Some(Told {
        condition,
        generation: seen,
    }) = GOOD.into_iter().find_map(find)
    else {
        return Ok(unconditioned(&kind));
    };
    let by = by(&format!("{} condition", condition.kind));
    let said = |what: &str| condition.text(&format!("{} {what}", condition.kind));
    Ok(if seen.is_some_and(|seen| seen < generation) {
        Assessment::progressing(by, format!("its {} condition is about an older spec", condition.kind))
    } else if condition.is_true() {
        Assessment::healthy(by).message(said("is True"))
    } else {
        Assessment::progressing(by, said(&format!("is {}", condition.status)))
    })
}

/// Reads a condition that has the usual form.
fn read(value: &Value) -> Option<Told> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    value.get("type")?.as_str()?;
    Some(Told {
        condition: Condition {
            kind: text("type"),
            status: text("status"),
            reason: text("reason"),
            message: text("message"),
        },
        generation: whole_number(value.get("observedGeneration")),
    })
}

/// Reads a generation. Some controllers write it as a text.
fn whole_number(value: Option<&Value>) -> Option<i64> {
    let value = value?;
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// A new object may have a controller that has not got to it yet; only time tells it from one that nobody reconciles.
fn without_status(kind: &str, metadata: &Metadata) -> Assessment {
    let created = seconds(&metadata.creation_timestamp).map(Duration::from_secs);
    let until = created.map(|created| created.saturating_add(FIRST_STATUS));
    match until.and_then(|until| until.checked_sub(now())) {
        // Whole seconds are written: a little longer is right.
        Some(left) if !left.is_zero() && left <= FIRST_STATUS => {
            let rule = format!("no check for {kind}: its controller may not have seen it yet");
            Assessment::progressing(rule, "no status yet; a few seconds are allowed for the first one")
                .recheck_after(left)
        }
        Some(_) | None => unconditioned(kind),
    }
}

fn unconditioned(kind: &str) -> Assessment {
    Assessment::healthy(format!("no check for {kind}, no condition at all: counts as applied"))
        .message("no health check for this kind, and no condition that tells: applied")
}

/// Returns the seconds since 1970 of a moment as the API server writes it: `2026-01-02T03:04:05Z`.
fn seconds(moment: &str) -> Option<u64> {
    let (date, time) = moment.strip_suffix('Z')?.split_once('T')?;
    let numbers = |text: &str, separator| {
        let parts: Option<Vec<u64>> = text.split(separator).map(|part| part.parse().ok()).collect();
        <[u64; 3]>::try_from(parts?).ok()
    };
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(time.split('.').next()?, ':')?;
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years that begin in March have the leap day at their end.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days_of_years = year * 365 + year / 4 - year / 100 + year / 400;
    let days = days_of_years + (month * 153 + 2) / 5 + day - 1;
    Some((days.checked_sub(719_468)? * 24 + hour) * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests;
