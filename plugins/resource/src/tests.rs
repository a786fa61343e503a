//! The plugin as a hook type, and what it says about what it can't read.

use std::collections::BTreeSet;

use capstan_sdk::{
    Failure, Progress, Step,
    testing::{self, Run},
};
use serde_json::{Value, json};

use crate::Plugin;

/// Returns the rules that the sources name, as `Kind/rule`.
fn rules_of(folder: &std::path::Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rules_of(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.extend(text.split('"').filter(|text| is_rule(text)).map(str::to_owned));
        }
    }
}

fn is_rule(text: &str) -> bool {
    text.split_once('/').is_some_and(|(kind, rule)| {
        let is_kind = kind.starts_with(|first: char| first.is_ascii_uppercase());
        let of = |text: &str, allowed: fn(char) -> bool| !text.is_empty() && text.chars().all(allowed);
        is_kind && of(kind, |c| c.is_ascii_alphabetic()) && of(rule, |c| c.is_ascii_lowercase() || c == '-')
    })
}

#[test]
fn the_authors_guide_names_every_rule_and_no_other() {
    let own = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut rules = BTreeSet::new();
    rules_of(&own.join("src"), &mut rules);
    rules_of(&own.join("../job/src"), &mut rules);
    for kind in [
        "Deployment",
        "StatefulSet",
        "DaemonSet",
        "ReplicaSet",
        "ReplicationController",
    ] {
        rules.insert(format!("{kind}/generation"));
    }
    for kind in ["ReplicaSet", "ReplicationController"] {
        rules.extend(["available", "replica-failure"].map(|rule| format!("{kind}/{rule}")));
    }
    for (kinds, names) in [
        (["AnalysisRun", "Experiment"].as_slice(), ["phase"].as_slice()),
        (&["Issuer", "ClusterIssuer"], &["ready"]),
        (&["Order", "Challenge"], &["state"]),
        (
            &["Kustomization"],
            &[
                "suspended",
                "generation",
                "stalled",
                "reconciling",
                "ready",
                "conditions",
            ],
        ),
    ] {
        let all = kinds
            .iter()
            .flat_map(|kind| names.iter().map(move |name| format!("{kind}/{name}")));
        rules.extend(all);
    }
    let guide = include_str!("../../README.md");
    let section = guide.split("## Built-in health rules").nth(1).unwrap();
    let table = section.split("With `--compat argocd`").next().unwrap();
    let documented: BTreeSet<String> = table
        .split('`')
        .filter(|text| is_rule(text))
        .map(str::to_owned)
        .collect();
    assert_eq!(documented, rules);
}

#[test]
fn an_object_that_cannot_be_read_is_no_verdict() {
    let answer = testing::assess::<Plugin>("apps/Deployment", &json!({"spec": "what"}));
    let Err(Failure::Invalid(message)) = answer else {
        panic!("{answer:?}")
    };
    assert!(
        message.starts_with("failed to read the object: invalid type: string \"what\""),
        "{message}"
    );
    let other = testing::assess::<Plugin>("batch/Job", &json!({}));
    assert_eq!(other, Err(Failure::invalid("there is no health check for `batch/Job`")));
}

fn hook(on_vanished: &str) -> Run<Plugin> {
    let mut run = Run::new("*/*", json!({"hook": {"onVanished": on_vanished}}));
    let step = run.start().unwrap();
    assert_eq!((step.progress, step.asks.len()), (Progress::Running, 2));
    run
}

fn judged(status: &str, message: &str) -> Value {
    json!({"kind": "object", "answers": 2, "object": {}, "health": {"status": status, "message": message, "rule": "r", "final": false}})
}

#[test]
fn a_hook_ends_by_the_health_of_its_object() {
    for (status, message, expected) in [
        (
            "healthy",
            "no health check for this kind",
            Step::succeeded("no health check for this kind"),
        ),
        ("Healthy", "", Step::succeeded("healthy")),
        ("degraded", "boom", Step::failed("boom")),
        ("degraded", "", Step::failed("degraded")),
        ("progressing", "1 of 2 ready", Step::running("1 of 2 ready")),
        ("suspended", "paused", Step::running("paused")),
        (
            "unknown",
            "the plugin trapped",
            Step::running("its object's health can't be determined: the plugin trapped"),
        ),
        (
            "of-a-later-contract",
            "",
            Step::running("its object's health can't be determined: no reason was given"),
        ),
        (
            "missing",
            "",
            Step::failed("its object vanished before it had a verdict"),
        ),
    ] {
        assert_eq!(hook("fail").see(&judged(status, message)), Ok(expected), "{status}");
    }
}

#[test]
fn a_hook_without_a_verdict_on_its_object_goes_on() {
    let step = hook("fail")
        .see(&json!({"kind": "object", "answers": 2, "object": {}}))
        .unwrap();
    assert_eq!(step.progress, Progress::Running);
    let created = hook("fail").see(&json!({"kind": "created", "answers": 1, "object": {}}));
    assert_eq!(created, Ok(Step::running("waiting for its object")));
}

#[test]
fn a_hook_whose_object_vanished_ends_as_the_user_says() {
    let gone = json!({"kind": "gone", "answers": 2});
    assert_eq!(hook("fail").see(&gone).unwrap().progress, Progress::Failed);
    assert_eq!(hook("succeed").see(&gone).unwrap().progress, Progress::Succeeded);
    let mut run = hook("rerun");
    for _ in 0..3 {
        assert_eq!(run.see(&gone).unwrap().asks.len(), 2);
    }
    assert_eq!(run.see(&gone).unwrap().progress, Progress::Failed);
}
