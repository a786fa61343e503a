//! Custom resources without a check of their own, judged by what most controllers agree on: `observedGeneration`, well-known conditions, as
//! kstatus and Kubernetes' API conventions have them, and the words of `status.phase`. Of what disagrees the worse counts.
//!
//! The rule says what judged: `no check for Widget.acme.io: judged by its Ready condition`. Whatever has another form
//! than is usual is passed over: it is somebody else's status, and may mean anything.

mod words;

use std::time::Duration;

use capstan_sdk::{Assessment, Failure, HealthInput, now};

use self::words::{Meaning, meaning};
use crate::{
    managed::{Managed, Reported},
    object::Any,
};

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

/// Conditions that say that it does what it is for; of those that say the same, the first one here judges.
const GOOD: [&str; 12] = [
    "Ready",
    "Available",
    "Established",
    "Programmed",
    "Healthy",
    "Complete",
    "Completed",
    "Succeeded",
    "Successful",
    "Accepted",
    "Synced",
    "Deployed",
];

/// Conditions that say that it doesn't.
const BAD: [&str; 8] = [
    "Failed",
    "Degraded",
    "Failure",
    "Error",
    "ErrorOccurred",
    "ReconcileError",
    "ReleaseFailed",
    "Irreconcilable",
];

/// Where controllers write the one word that says how an object is.
const WORDS: [&str; 4] = ["phase", "state", "health", "status"];

/// Where controllers write when what ends by itself began.
const BEGINNINGS: [&str; 4] = [
    "/status/startTime",
    "/status/startTimestamp",
    "/status/startedAt",
    "/status/startTimeStamp",
];

/// Custom kinds that have no status, so that there is nothing to wait for.
const WITHOUT_STATUS: [(&str, &str); 5] = [
    ("argoproj.io", "AppProject"),
    ("argoproj.io", "WorkflowTemplate"),
    ("argoproj.io", "ClusterWorkflowTemplate"),
    ("argoproj.io", "AnalysisTemplate"),
    ("argoproj.io", "ClusterAnalysisTemplate"),
];

/// Says whether a kind is somebody's own.
pub fn is_custom(any: &Any) -> bool {
    !BUILT_IN.contains(&any.group())
}

/// How bad something is that an object says about itself; the worst counts.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Badness {
    Healthy,
    Suspended,
    Progressing,
    Degraded,
    Stalled,
}

/// Judges a custom resource.
///
/// # Errors
///
/// Returns that the host passed no JSON.
pub fn assess(any: &Any, input: &HealthInput<'_>) -> Result<Assessment, Failure> {
    let object = Managed::read(input)?;
    let kind = any.kind();
    let by = |what: &str| format!("no health check for {kind}; assessed by its {what}");
    if !object.has_status() {
        let is_without = WITHOUT_STATUS.contains(&(any.group(), any.bare_kind()));
        return Ok(if is_without {
            unconditioned(&kind)
        } else {
            without_status(&kind, object.text("/metadata/creationTimestamp"))
        });
    }
    if object.is_outdated() {
        let message = "its controller has not seen the latest spec yet";
        return Ok(Assessment::progressing(by("observedGeneration"), message));
    }
    let conditions = object.conditions();
    let generation = object.generation();
    let mut assessed: Vec<(Badness, Assessment)> = conditions
        .iter()
        .filter_map(|reported| by_condition(reported, generation, &by))
        .collect();
    let rank = |assessment: &Assessment| {
        GOOD.iter()
            .position(|kind| assessment.rule == by(&format!("{kind} condition")))
    };
    assessed.sort_by_key(|(_, assessment)| rank(assessment));
    let has_conditions = !assessed.is_empty();
    let words = WORDS.iter().filter_map(|field| by_word(&object, field, &by));
    // Beside conditions, a word counts only if it says that the object failed: others are often out of date.
    assessed.extend(words.filter(|(badness, _)| !has_conditions || *badness == Badness::Degraded));
    let worst = assessed
        .into_iter()
        .reduce(|worst, next| if next.0 > worst.0 { next } else { worst });
    Ok(worst.map_or_else(|| unconditioned(&kind), |(_, assessment)| assessment))
}

/// Returns what a condition says about the object, if it is one that is known.
fn by_condition(reported: &Reported, generation: i64, by: &dyn Fn(&str) -> String) -> Option<(Badness, Assessment)> {
    let condition = &reported.condition;
    let kind = condition.kind.as_str();
    let rule = by(&format!("{kind} condition"));
    let is_good = GOOD.contains(&kind) && !condition.status.is_empty();
    if !is_good && !(condition.is_true() && (BAD.contains(&kind) || ["Stalled", "Reconciling"].contains(&kind))) {
        return None;
    }
    if reported.is_outdated(generation) {
        let message = format!("its {kind} condition is about an older spec");
        return Some((Badness::Progressing, Assessment::progressing(rule, message)));
    }
    Some(match kind {
        "Stalled" => {
            let answer = Assessment::degraded(rule, condition.text("stalled"));
            (Badness::Stalled, answer.finally())
        }
        "Reconciling" => {
            let answer = Assessment::progressing(rule, condition.text("being reconciled"));
            (Badness::Progressing, answer)
        }
        _ if !is_good => {
            let answer = Assessment::degraded(rule, condition.text("it says that it failed"));
            (Badness::Degraded, answer)
        }
        _ if condition.is_true() => {
            let answer = Assessment::healthy(rule).message(condition.text(&format!("{kind} is True")));
            (Badness::Healthy, answer)
        }
        _ => {
            let text = condition.text(&format!("{kind} is {}", condition.status));
            (Badness::Progressing, Assessment::progressing(rule, text))
        }
    })
}

/// Returns what the word in a field of the status says about the object, if it is one that is known.
fn by_word(object: &Managed, field: &str, by: &dyn Fn(&str) -> String) -> Option<(Badness, Assessment)> {
    let word = object.text(&format!("/status/{field}"));
    let has_begun = BEGINNINGS.iter().any(|pointer| object.at(pointer).is_some());
    let meaning = meaning(word, has_begun)?;
    let rule = by(field);
    let message = match object.text("/status/message") {
        "" => format!("its {field} is {word}"),
        said => format!("{word}: {said}"),
    };
    Some(match meaning {
        Meaning::Good => (Badness::Healthy, Assessment::healthy(rule).message(message)),
        Meaning::Paused => (Badness::Suspended, Assessment::suspended(rule, message)),
        Meaning::Underway => (Badness::Progressing, Assessment::progressing(rule, message)),
        Meaning::Bad => (Badness::Degraded, Assessment::degraded(rule, message)),
    })
}

/// A new object may have a controller that has not got to it yet; only time tells it from one that nobody reconciles.
fn without_status(kind: &str, creation_timestamp: &str) -> Assessment {
    let created = seconds(creation_timestamp).map(Duration::from_secs);
    let until = created.map(|created| created.saturating_add(FIRST_STATUS));
    match until.and_then(|until| until.checked_sub(now())) {
        // Whole seconds are written: a little longer is right.
        Some(left) if !left.is_zero() && left <= FIRST_STATUS => {
            let rule = format!("no health check for {kind}; its controller may not have seen it yet");
            Assessment::progressing(rule, "no status yet; a few seconds are allowed for the first one")
                .recheck_after(left)
        }
        Some(_) | None => unconditioned(kind),
    }
}

fn unconditioned(kind: &str) -> Assessment {
    Assessment::healthy(format!("no check for {kind}, no condition at all: counts as applied"))
        .message("no health check for this kind and no known condition: applied")
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
