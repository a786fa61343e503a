//! The language of the scripts, what they can call, what their answers mean, and what becomes of those that do harm.

use std::time::Duration;

use capstan_sdk::{Assessment, Failure, HealthStatus, Prepare as _, testing};
use serde_json::{Value, json};

use crate::Plugin;

mod answers;
mod hostile;
mod language;
mod libraries;
mod properties;

/// Asks a script with the libraries of Argo CD's users.
fn ask(script: &str, object: &Value) -> Result<Assessment, Failure> {
    testing::assess_input::<Plugin>("*/*", &json!({ "object": object, "settings": { "script": script } }))
}

/// Asks a script with all libraries.
fn ask_open(script: &str, object: &Value) -> Result<Assessment, Failure> {
    let settings = json!({ "script": script, "openLibs": true });
    testing::assess_input::<Plugin>("*/*", &json!({ "object": object, "settings": settings }))
}

/// Runs a script and returns its message.
#[track_caller]
fn message_of(script: &str, object: &Value) -> String {
    let script =
        format!("local function script()\n{script}\nend\nreturn {{ status = \"Healthy\", message = script() }}");
    ask_open(&script, object).unwrap().message
}

#[test]
fn without_a_script_it_says_how_to_give_one() {
    let Failure::Invalid(why) = testing::assess::<Plugin>("*/*", &json!({})).unwrap_err() else {
        panic!("it is the user's to mend");
    };
    assert!(why.contains("setting `script`") && why.contains("import-argo"), "{why}");
}

#[test]
fn prepared_scripts_answer_by_their_claim_and_the_importer_is_told_what_they_read() {
    let text = json!({ "scripts": [
        { "claim": "example.com/Queue", "name": "example.com/Queue/health.lua", "script": "return { status = obj.status.phase }" },
        { "claim": "*.example.com/*", "name": "_.example.com/_/health.lua", "openLibs": true,
          "script": "local all = obj return { status = 'Degraded', message = string.upper(all.kind) }" },
    ]});
    let prepared = Plugin::prepare(&text.to_string()).unwrap();
    assert_eq!(
        prepared,
        r#"{"fields":{"*.example.com/*":null,"example.com/Queue":["/status/phase"]}}"#
    );
    let queue = json!({ "kind": "Queue", "status": { "phase": "Suspended" } });
    let answer = testing::assess::<Plugin>("example.com/Queue", &queue).unwrap();
    assert_eq!(
        (answer.status, &*answer.rule),
        (HealthStatus::Suspended, "example.com/Queue/health.lua")
    );
    let answer = testing::assess::<Plugin>("*.example.com/*", &queue).unwrap();
    assert_eq!((answer.status, &*answer.message), (HealthStatus::Degraded, "QUEUE"));
}

#[test]
fn every_script_that_is_wrong_is_named_with_its_line() {
    let text = json!({ "scripts": [
        { "claim": "a.example/A", "name": "a.example/A/health.lua", "script": "local hs = {}\nif obj.x then\nreturn hs" },
        { "claim": "b.example/B", "name": "b.example/B/health.lua", "script": "return {}" },
        { "claim": "c.example/C", "name": "c.example/C/health.lua", "script": "hs = = 1" },
    ]});
    assert_eq!(
        Plugin::prepare(&text.to_string()).unwrap_err(),
        "a.example/A/health.lua:3: 'end' expected (to close 'if' at line 2) near <eof>\nc.example/C/health.lua:1: unexpected symbol near '='"
    );
}

#[test]
fn what_asks_for_the_time_is_asked_again() {
    testing::set_now(Duration::from_secs(1_700_000_000));
    let answer = ask(
        "local os = require('os') return { status = 'Healthy', message = type(os.time()) }",
        &json!({}),
    )
    .unwrap();
    assert_eq!(
        (&*answer.message, answer.recheck_after),
        ("number", Some(Duration::from_secs(10)))
    );
    assert_eq!(
        ask("return { status = 'Healthy' }", &json!({})).unwrap().recheck_after,
        None
    );
}
