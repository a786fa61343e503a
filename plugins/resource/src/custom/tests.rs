//! The table of cases of custom resources.

use std::time::Duration;

use capstan_sdk::{
    Assessment,
    HealthStatus::{Degraded, Healthy, Progressing, Suspended},
    testing,
};
use serde_json::{Value, json};

use super::{BAD, GOOD, WORDS, seconds};
use crate::cases::{argocd, native, natively};

fn widget(status: &Value) -> Value {
    json!({"apiVersion": "acme.io/v1", "kind": "Widget", "metadata": {"generation": 3}, "status": status})
}

fn conditions(all: &[(&str, &str)]) -> Value {
    let all: Vec<Value> = all
        .iter()
        .map(|(kind, status)| json!({"type": kind, "status": status, "reason": "Because", "message": "of it"}))
        .collect();
    widget(&json!({ "conditions": all }))
}

fn by(what: &str) -> String {
    format!("no health check for Widget.acme.io; assessed by its {what}")
}

const APPLIED: (&str, &str) = (
    "no check for Widget.acme.io, no condition at all: counts as applied",
    "no health check for this kind and no known condition: applied",
);

#[test]
fn the_first_condition_that_is_known_judges_and_the_rule_says_which() {
    for kind in GOOD {
        let rule = by(&format!("{kind} condition"));
        let text = "Because: of it";
        natively(
            "*/*",
            &[
                (conditions(&[(kind, "True")]), Healthy, &rule, text),
                (conditions(&[(kind, "False")]), Progressing, &rule, text),
                (conditions(&[(kind, "Unknown")]), Progressing, &rule, text),
            ],
        );
    }
    let two = conditions(&[("Available", "True"), ("Ready", "False")]);
    natively("*/*", &[(two, Progressing, &by("Ready condition"), "Because: of it")]);
    let silent = widget(&json!({"conditions": [{"type": "Ready", "status": "False"}]}));
    natively(
        "*/*",
        &[(silent, Progressing, &by("Ready condition"), "Ready is False")],
    );
}

#[test]
fn what_holds_it_up_comes_before_what_is_good() {
    let rule = |kind: &str| by(&format!("{kind} condition"));
    let text = "Because: of it";
    for kind in BAD {
        let object = conditions(&[("Ready", "True"), (kind, "True")]);
        natively("*/*", &[(object, Degraded, &rule(kind), text)]);
        let object = conditions(&[("Ready", "True"), (kind, "False")]);
        natively("*/*", &[(object, Healthy, &rule("Ready"), text)]);
    }
    let reconciling = conditions(&[("Ready", "True"), ("Reconciling", "True")]);
    let stalled = conditions(&[("Reconciling", "True"), ("Stalled", "True")]);
    natively(
        "*/*",
        &[
            (reconciling, Progressing, &rule("Reconciling"), text),
            (stalled.clone(), Degraded, &rule("Stalled"), text),
        ],
    );
    assert!(native("*/*", &stalled).is_final);
}

#[test]
fn of_what_disagrees_the_worse_counts() {
    let rule = |kind: &str| by(&format!("{kind} condition"));
    for (all, expected, rule_name) in [
        (
            vec![("Available", "True"), ("Healthy", "False")],
            Progressing,
            "Healthy",
        ),
        (vec![("Synced", "False"), ("Ready", "True")], Progressing, "Synced"),
        (
            vec![("Accepted", "True"), ("Programmed", "Unknown")],
            Progressing,
            "Programmed",
        ),
        (vec![("Ready", "False"), ("Degraded", "True")], Degraded, "Degraded"),
        (vec![("Reconciling", "True"), ("Failed", "True")], Degraded, "Failed"),
        (vec![("Failed", "True"), ("Stalled", "True")], Degraded, "Stalled"),
        (vec![("Accepted", "True"), ("Ready", "True")], Healthy, "Ready"),
        (vec![("Fancy", "False"), ("Ready", "True")], Healthy, "Ready"),
    ] {
        let answer = native("*/*", &conditions(&all));
        assert_eq!((answer.status, answer.rule), (expected, rule(rule_name)), "{all:?}");
    }
}

#[test]
fn without_a_condition_that_tells_the_word_of_the_status_does() {
    let word = |field: &str, word: &str| widget(&json!({ field: word }));
    for field in WORDS {
        let rule = by(field);
        natively(
            "*/*",
            &[
                (
                    word(field, "Failed"),
                    Degraded,
                    &rule,
                    &format!("its {field} is Failed"),
                ),
                (
                    word(field, "InProgress"),
                    Progressing,
                    &rule,
                    &format!("its {field} is InProgress"),
                ),
                (
                    word(field, "Completed"),
                    Healthy,
                    &rule,
                    &format!("its {field} is Completed"),
                ),
                (
                    word(field, "Paused"),
                    Suspended,
                    &rule,
                    &format!("its {field} is Paused"),
                ),
                (word(field, "Odd"), Healthy, APPLIED.0, APPLIED.1),
            ],
        );
    }
    let rule = by("phase");
    let container_message =
        widget(&json!({"phase": "Error", "message": "no space", "conditions": [{"type": "Fancy", "status": "True"}]}));
    let running = json!({"phase": "Running", "startedAt": "2026-01-01T00:00:00Z"});
    let worse = widget(&json!({"phase": "Ready", "state": "Failed"}));
    natively(
        "*/*",
        &[
            (container_message, Degraded, &rule, "Error: no space"),
            (widget(&running), Progressing, &rule, "its phase is Running"),
            (word("phase", "Running"), Healthy, &rule, "its phase is Running"),
            (worse, Degraded, &by("state"), "its state is Failed"),
            (
                widget(&json!({"health": {"status": "Failed"}})),
                Healthy,
                APPLIED.0,
                APPLIED.1,
            ),
        ],
    );
}

#[test]
fn beside_conditions_a_word_counts_if_it_says_that_the_object_failed() {
    let with = |phase: &str| widget(&json!({"phase": phase, "conditions": [{"type": "Ready", "status": "True"}]}));
    let ready = by("Ready condition");
    natively(
        "*/*",
        &[
            (with("Failed"), Degraded, &by("phase"), "its phase is Failed"),
            (with("Pending"), Healthy, &ready, "Ready is True"),
            (with("Paused"), Healthy, &ready, "Ready is True"),
        ],
    );
}

#[test]
fn a_kind_that_never_has_a_status_is_not_waited_for() {
    let created = "2026-01-02T03:04:05Z";
    testing::set_now(Duration::from_secs(seconds(created).unwrap() + 1));
    let project =
        json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": {"creationTimestamp": created}});
    assert_eq!(native("*/*", &project).status, Healthy);
}

#[test]
fn a_status_about_an_older_spec_counts_for_nothing() {
    let with = |generation: Value| {
        widget(&json!({"observedGeneration": generation, "conditions": [{"type": "Ready", "status": "True"}]}))
    };
    let not_seen = "its controller has not seen the latest spec yet";
    let (rule, ready) = (by("observedGeneration"), by("Ready condition"));
    let failed = widget(&json!({"conditions": [{"type": "Failed", "status": "True", "observedGeneration": 2}]}));
    let older = widget(&json!({"conditions": [{"type": "Ready", "status": "True", "observedGeneration": 2}]}));
    natively(
        "*/*",
        &[
            (with(json!(2)), Progressing, &rule, not_seen),
            (with(json!("2")), Progressing, &rule, not_seen),
            (with(json!(3)), Healthy, &ready, "Ready is True"),
            (with(json!("a hash")), Healthy, &ready, "Ready is True"),
            (older, Progressing, &ready, "its Ready condition is about an older spec"),
            (
                failed,
                Progressing,
                &by("Failed condition"),
                "its Failed condition is about an older spec",
            ),
        ],
    );
}

#[test]
fn without_a_condition_that_tells_it_counts_as_applied() {
    let (rule, message) = APPLIED;
    for status in [
        json!({}),
        json!({"phase": "Odd"}),
        json!({"conditions": "many"}),
        json!({"conditions": [1, null, {"type": 7}, {"status": "True"}]}),
        json!({"conditions": [{"type": "Fancy", "status": "False"}]}),
        json!("green"),
    ] {
        natively("*/*", &[(widget(&status), Healthy, rule, message)]);
    }
}

#[test]
fn a_new_object_is_given_a_few_seconds_for_its_first_status() {
    let mut new = widget(&Value::Null);
    new["metadata"]["creationTimestamp"] = json!("2026-01-02T03:04:05Z");
    let created = seconds("2026-01-02T03:04:05Z").unwrap();
    testing::set_now(Duration::from_secs(created + 2));
    let answer = native("*/*", &new);
    let rule = "no health check for Widget.acme.io; its controller may not have seen it yet";
    let message = "no status yet; a few seconds are allowed for the first one";
    let expected = Assessment::progressing(rule, message).recheck_after(Duration::from_secs(3));
    assert_eq!(answer, expected);
    testing::set_now(Duration::from_secs(created + 5));
    natively("*/*", &[(new.clone(), Healthy, APPLIED.0, APPLIED.1)]);
    // A clock that is wrong holds nothing up.
    testing::set_now(Duration::from_secs(created - 3600));
    natively("*/*", &[(new, Healthy, APPLIED.0, APPLIED.1)]);
    natively("*/*", &[(widget(&Value::Null), Healthy, APPLIED.0, APPLIED.1)]);
}

#[test]
fn for_argo_cd_and_for_kinds_of_kubernetes_there_is_no_check() {
    let object = conditions(&[("Ready", "False")]);
    assert_eq!(argocd("*/*", &object).status, Healthy);
    assert_eq!(
        argocd("*/*", &object).rule,
        "no check for Widget.acme.io: counts as healthy"
    );
    let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"});
    assert_eq!(
        native("*/*", &lease).rule,
        "no check for Lease.coordination.k8s.io: counts as healthy"
    );
}

#[test]
fn moments_are_read_as_the_api_server_writes_them() {
    for (moment, expected) in [
        ("1970-01-01T00:00:00Z", Some(0)),
        ("2000-02-29T12:00:00Z", Some(951_825_600)),
        ("2026-01-02T03:04:05Z", Some(1_767_323_045)),
        ("2026-01-02T03:04:05.678Z", Some(1_767_323_045)),
        ("2026-01-02T03:04:05+01:00", None),
        ("2026-13-02T03:04:05Z", None),
        ("-1-01-02T03:04:05Z", None),
        ("yesterday", None),
        ("", None),
    ] {
        assert_eq!(seconds(moment), expected, "{moment}");
    }
}
