//! What a script's answer means.

use capstan_sdk::{Failure, HealthStatus, testing};
use serde_json::json;

use super::ask;
use crate::Plugin;

#[test]
fn the_six_words_are_taken_as_they_are() {
    for (word, status) in [
        ("Healthy", HealthStatus::Healthy),
        ("Progressing", HealthStatus::Progressing),
        ("Degraded", HealthStatus::Degraded),
        ("Suspended", HealthStatus::Suspended),
        ("Missing", HealthStatus::Missing),
        ("Unknown", HealthStatus::Unknown),
    ] {
        let answer = ask(&format!("return {{ status = '{word}', message = 'why' }}"), &json!({})).unwrap();
        assert_eq!(
            (answer.status, &*answer.message, answer.is_final),
            (status, "why", false)
        );
    }
}

#[test]
fn nothing_and_a_list_are_no_status_and_the_wave_waits() {
    for script in [
        "",
        "return",
        "return nil",
        "return {}",
        "return {'Healthy'}",
        "local hs = {} return hs",
    ] {
        let answer = ask(script, &json!({})).unwrap();
        assert_eq!(answer.status, HealthStatus::Progressing, "{script}");
        let input = json!({"object": {}, "compat": "argocd", "settings": {"script": script}});
        let answer = testing::assess_input::<Plugin>("*/*", &input).unwrap();
        assert_eq!(
            (answer.status, &*answer.message),
            (HealthStatus::Missing, ""),
            "{script}"
        );
    }
}

#[test]
fn another_word_is_unknown() {
    for (script, message) in [
        (
            "return { status = 'healthy' }",
            "the script returned `healthy`, which is not a status",
        ),
        ("return { status = '' }", "the script returned no status"),
        ("return { message = 'x' }", "the script returned no status"),
    ] {
        let answer = ask(script, &json!({})).unwrap();
        assert_eq!(
            (answer.status, &*answer.message),
            (HealthStatus::Unknown, message),
            "{script}"
        );
    }
}

#[test]
fn names_may_differ_in_case() {
    let answer = ask("return { Status = 'Degraded', MESSAGE = 'x' }", &json!({})).unwrap();
    assert_eq!((answer.status, &*answer.message), (HealthStatus::Degraded, "x"));
}

#[test]
fn what_is_no_answer_says_what_it_is() {
    for (script, why) in [
        (
            "return 'Healthy'",
            "health.lua: returned a string, not a table with `status`",
        ),
        ("return 1", "health.lua: returned a number, not a table with `status`"),
        (
            "return true",
            "health.lua: returned a boolean, not a table with `status`",
        ),
        (
            "return print",
            "health.lua: returned a function, not a table with `status`",
        ),
        ("return { status = 1 }", "health.lua: `status` is a number, not a text"),
        (
            "return { status = 'Healthy', message = {} }",
            "health.lua: `message` is a table, not a text",
        ),
        (
            "return { status = 'Healthy', f = print }",
            "health.lua: returned a table with a function in it",
        ),
        (
            "return { 'x', status = 'Healthy' }",
            "health.lua: returned a table that is half a list, half a map",
        ),
        (
            "return { [1] = 'x', [3] = 'y' }",
            "health.lua: returned a table that is a list with gaps",
        ),
        (
            "return { [true] = 'x' }",
            "health.lua: returned a table with a boolean as a key",
        ),
        (
            "local t = {status = 'Healthy'} t.t = t return t",
            "health.lua: returned a table that contains itself",
        ),
    ] {
        assert_eq!(ask(script, &json!({})).unwrap_err(), Failure::failed(why), "{script}");
    }
}
