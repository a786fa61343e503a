//! The stored form of a hook's run: every stage is read as version 0.1.0 and its successors wrote it, and written so again.

use std::collections::BTreeMap;

use capstan_core::run::operation::OperationState;
use serde_json::Value;

use crate::stages::{Run, stages};

/// What a driver stored in each stage of a hook's run.
const STAGES: &str = include_str!("stored/stages.json");

fn fixtures() -> BTreeMap<String, Value> {
    serde_json::from_str(STAGES).unwrap()
}

/// Lists where `written` lacks something of `stored`, or has something else there.
fn differences(stored: &Value, written: &Value, at: &str) -> Vec<String> {
    match (stored, written) {
        (Value::Object(stored), Value::Object(written)) => {
            let members = stored.iter().flat_map(|(name, value)| {
                let at = format!("{at}/{name}");
                match written.get(name) {
                    Some(written) => differences(value, written, &at),
                    None => vec![at],
                }
            });
            members.collect()
        }
        (stored, written) if stored == written => Vec::new(),
        (stored, written) => vec![format!("{at}: {stored} and {written}")],
    }
}

#[test]
fn each_stage_of_a_hook_is_stored_as_before_and_read_back() {
    let stages = stages();
    let fixtures = fixtures();
    assert_eq!(stages.keys().collect::<Vec<_>>(), fixtures.keys().collect::<Vec<_>>());
    for (name, run) in stages {
        let stored = &fixtures[name];
        let written = serde_json::to_value(run.operation.state()).unwrap();
        assert_eq!(
            differences(&stored["tasks"], &written["tasks"], ""),
            Vec::<String>::new(),
            "{name}"
        );
        let read: OperationState = serde_json::from_value(stored.clone()).unwrap();
        let again = serde_json::to_value(&read).unwrap();
        assert_eq!(differences(stored, &again, ""), Vec::<String>::new(), "{name}");
        let read_back: OperationState = serde_json::from_value(written).unwrap();
        let tasks = |state: &OperationState| serde_json::to_value(state).unwrap()["tasks"].clone();
        assert_eq!(tasks(&read), tasks(&read_back), "{name}");
    }
}

/// What a driver orders that continues an operation, without timers and the orders for other tasks.
fn orders(mut run: Run, state: Value) -> String {
    run.stored = Some(state);
    run.crash();
    run.orders()
}

#[test]
fn a_driver_carries_on_from_each_stage() {
    let expected = BTreeMap::from([
        ("abort-requested", "advance by Created, watch migrate"),
        ("aborting", "abort, watch migrate"),
        ("asking", "perform 1"),
        ("awaiting-deletion", "watch migrate"),
        ("awaiting-deletion-held-up", "watch migrate"),
        ("awaiting-phase", ""),
        ("creating", "perform 1"),
        ("deciding", "decide"),
        ("deleting", "delete older, watch migrate"),
        ("deleting-after", "delete own"),
        ("deleting-again", "delete older, watch migrate"),
        ("deleting-held-up", "delete older, watch migrate"),
        ("deleting-own", "delete own, watch migrate"),
        ("done", ""),
        ("finding", "look for older"),
        ("finding-again", "look for older"),
        ("finishing", "perform 1, watch migrate"),
        (
            "following",
            "advance by Done, perform 5, perform 7, watch c, watch d, forget go.1",
        ),
        ("keeping-logs", "keep logs"),
        ("observed", "advance by Created, watch migrate"),
        ("ready", ""),
        ("retrying-start", ""),
        ("setting-ttl", "set TTL"),
        ("starting", "start"),
        ("working", "advance by Created, watch migrate"),
    ]);
    let fixtures = fixtures();
    let found: BTreeMap<&str, String> = stages()
        .into_iter()
        .map(|(name, run)| (name, orders(run, fixtures[name].clone())))
        .collect();
    let found: BTreeMap<&str, &str> = found.iter().map(|(name, orders)| (*name, orders.as_str())).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_hook_that_version_0_1_0_stored_is_read_without_what_came_later() {
    let later = [
        "waiting",
        "watching",
        "leaving",
        "touched",
        "requests",
        "unlisted",
        "heard",
        "deleting_with",
    ];
    for (name, mut state) in fixtures() {
        let tasks = state["tasks"].as_object_mut().unwrap();
        let hooks = tasks.values_mut().filter_map(|task| task.get_mut("Hook"));
        for hook in hooks {
            for member in later {
                hook.as_object_mut().unwrap().remove(member);
            }
        }
        let read: OperationState = serde_json::from_value(state.clone()).unwrap();
        let written = serde_json::to_value(&read).unwrap();
        assert_eq!(differences(&state, &written, ""), Vec::<String>::new(), "{name}");
    }
}
