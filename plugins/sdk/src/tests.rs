//! What every plugin relies on: inputs as the contract has them, also those of a later one, and state that survives.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    Application, Cause, DeletePolicy, Disposal, Failure, Health, HealthInput, HealthStatus, HookInput, HookType,
    LogLevel, Observation, Occasion, Operation, Outcome, Phase, PlaceInput, Placement, PolicyHook, PolicyInput, Seen,
    Step, call, log, now,
    testing::{self, Run},
};

fn seen(text: &str) -> Seen<'_> {
    serde_json::from_str(text).unwrap()
}

#[test]
fn every_observation_of_the_contract_is_read() {
    let word = |text: &str| {
        format!("{:?}", seen(text).what)
            .split([' ', '('])
            .next()
            .unwrap()
            .to_owned()
    };
    for (kind, variant) in [
        ("created", "Created"),
        ("object", "Object"),
        ("gone", "Gone"),
        ("deleted", "Deleted"),
        ("done", "Done"),
        ("objects", "Objects"),
        ("log", "Log"),
        ("http", "Http"),
        ("signal", "Signal"),
        ("woke", "Woke"),
        ("refused", "Refused"),
        ("failed", "Failed"),
        ("eclipse", "Unknown"),
    ] {
        assert_eq!(word(&json!({"kind": kind, "sun": 0}).to_string()), variant);
    }
}

#[test]
fn an_observation_carries_what_the_contract_says() {
    let text = r#"{"kind": "object", "answers": 7, "object": {"spec": {"deep": [1, {"x": null}]}},
        "health": {"status": "degraded", "message": "m", "rule": "r", "final": true, "new": 1}}"#;
    let Seen {
        answers: Some(7),
        what: Observation::Object { object, health },
    } = seen(text)
    else {
        panic!()
    };
    assert_eq!(object.json(), r#"{"spec": {"deep": [1, {"x": null}]}}"#);
    assert_eq!(
        (health.status, &*health.message, &*health.rule, health.is_final),
        (HealthStatus::Degraded, "m", "r", true)
    );

    let Observation::Failed { reason, is_temporary } =
        seen(r#"{"kind": "failed", "reason": "r", "temporary": true}"#).what
    else {
        panic!()
    };
    assert_eq!((&*reason, is_temporary), ("r", true));

    let log = r#"{"kind": "log", "lines": [{"pod": "p", "container": "c", "text": "t\u00e9"}]}"#;
    let Observation::Log(lines) = seen(log).what else {
        panic!()
    };
    let lines: Vec<crate::LogLine> = lines.read().unwrap();
    assert_eq!(lines[0].text, "té");
}

#[test]
fn a_word_of_a_later_contract_is_no_error() {
    let input: PlaceInput<'_> =
        serde_json::from_str(r#"{"phases": ["PreSync", "MidSync"], "onVanished": "shrug"}"#).unwrap();
    assert_eq!(input.phases, [Phase::PreSync, Phase::Other("MidSync".to_owned())]);
    let input: PolicyInput<'_> = serde_json::from_str(r#"{"occasion": "full-moon", "outcome": "draw"}"#).unwrap();
    assert_eq!(
        (input.occasion, input.outcome),
        (Occasion::Unknown, Some(Outcome::Unknown))
    );
    let input: HookInput<'_> = serde_json::from_str(r#"{"reason": "boredom"}"#).unwrap();
    assert_eq!(Step::aborted(&input).message, "stopped");
    assert_eq!(HealthStatus::from("Splendid".to_owned()), HealthStatus::Unknown);
}

/// A plugin that says what it was told.
struct Echo;

impl Health for Echo {
    fn assess(claim: &str, input: &HealthInput<'_>) -> Result<crate::Assessment, Failure> {
        log(LogLevel::Info, &format!("{claim} at {}", now().as_secs()));
        let related = input.related()?;
        let refused = related
            .get("events")
            .and_then(|events| events.refused.clone())
            .unwrap_or_default();
        Ok(crate::Assessment::healthy(refused).message(input.application()?.name))
    }
}

impl DeletePolicy for Echo {
    fn decide(_claim: &str, input: &PolicyInput<'_>) -> Result<Disposal, Failure> {
        assert_eq!(
            input.hook()?,
            PolicyHook {
                run: "r".to_owned(),
                phase: "Sync".to_owned(),
                wave: -2
            }
        );
        Ok(Disposal::AskAgainAt(Duration::from_millis(
            input.finished_at.unwrap_or_default(),
        )))
    }
}

impl HookType for Echo {
    type State = Vec<String>;

    fn start(_claim: &str, input: &HookInput<'_>, state: &mut Vec<String>) -> Result<Step, Failure> {
        state.push(input.hook.run.clone());
        Ok(Step::running(input.object.json()))
    }

    fn advance(_: &str, input: &HookInput<'_>, _seen: &Seen<'_>, state: &mut Vec<String>) -> Result<Step, Failure> {
        state.push("seen".to_owned());
        let Operation { id, kind } = input.operation()?;
        assert_eq!(
            input.application()?,
            Application {
                name: "shop".to_owned(),
                namespace: "shop".to_owned()
            }
        );
        let class = input.cause()?.map_or_else(String::new, |cause: Cause| cause.class);
        Ok(Step::running(format!("{} {id} {kind} {class}", state.join(" "))))
    }
}

#[test]
fn a_health_check_sees_its_claim_its_application_and_the_moment() {
    testing::set_now(Duration::from_secs(7));
    let answer = testing::assess::<Echo>("Pod", &json!({})).unwrap();
    assert_eq!((&*answer.message, &*answer.rule), ("shop", ""));
    assert_eq!(testing::take_log(), [(LogLevel::Info, "Pod at 7".to_owned())]);
    let input = r#"{"related": {"events": {"refused": "no grant"}, "owned-pods": {"objects": [{}]}}}"#;
    assert_eq!(call::assess::<Echo>("Pod", input).unwrap().rule, "no grant");
}

#[test]
fn state_is_kept_between_two_steps() {
    let mut run = Run::<Echo>::new("echo", json!({"hook": {"run": "r1"}, "object": {"kind": "Hook"}}));
    assert_eq!(run.start().unwrap().message, r#"{"kind":"Hook"}"#);
    run.see(&json!({"kind": "woke"})).unwrap();
    assert_eq!(run.see(&json!({"kind": "woke"})).unwrap().message, "r1 seen seen   ");
}

#[test]
fn what_a_hook_may_ask_about_its_operation() {
    let input = json!({"operation": {"id": "o1", "kind": "sync"}, "cause": {"class": "hook", "message": "m"}});
    let mut run = Run::<Echo>::new("echo", input);
    assert_eq!(run.see(&json!({"kind": "woke"})).unwrap().message, "seen o1 sync hook");
}

#[test]
fn a_hook_runs_as_an_object_of_the_cluster_unless_it_says_otherwise() {
    let Ok(Placement::Run(placed)) = testing::place::<Echo>("echo", &json!({"phases": ["Sync", "PostSync"]})) else {
        panic!()
    };
    assert_eq!(
        (placed.phases, placed.has_object),
        (vec![Phase::Sync, Phase::PostSync], true)
    );
}

#[test]
fn a_policy_sees_its_hook() {
    let input = json!({"hook": {"run": "r", "phase": "Sync", "wave": -2}, "finishedAt": 5});
    assert_eq!(
        testing::decide::<Echo>("*", &input),
        Ok(Disposal::AskAgainAt(Duration::from_millis(5)))
    );
}

#[test]
fn an_input_or_state_that_can_not_be_read_is_a_failure_and_no_panic() {
    for input in ["", "{", "null", "{\"hook\": 1}"] {
        let answer = call::start::<Echo>("echo", input);
        assert!(matches!(answer, Err(Failure::Failed(_))), "{input}: {answer:?}");
    }
    let none: Result<_, Failure> = call::advance::<Echo>("echo", "{}", b"");
    assert_eq!(none, Err(Failure::failed("the host passed no observation")));
    let Err(Failure::Failed(reason)) = call::abort::<Echo>("echo", "{}", b"\xff\x00") else {
        panic!()
    };
    assert!(reason.starts_with("failed to read the stored state"), "{reason}");
    let absent: Result<Value, Failure> = crate::Object::default().read();
    assert_eq!(absent, Ok(Value::Null));
}
