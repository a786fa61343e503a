//! One plugin asked by its name, as `capstan plugin run` does.

use capstan_core::model::health::Health;
use capstan_sandbox::{Answer, AskError, Function, LogSeverity, Question};
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{hostile, job, now, sandbox};

fn question(function: Function, input: &Value) -> Question {
    Question {
        function,
        claim: None,
        input: input.as_object().unwrap().clone(),
        state: Vec::new(),
        now: now(),
    }
}

fn with_hint(error: &AskError) -> String {
    format!("{error}\nhint: {}", error.hint().free_text())
}

#[tokio::test]
async fn it_says_what_the_answer_cost() {
    let input = json!({"object": hostile("Chatter")});
    let result = sandbox()
        .ask("hostile", question(Function::Assess, &input))
        .await
        .unwrap();
    assert_eq!(result.claim, "hostile.example.com/Chatter");
    let Ok(Answer::Assessment(assessment)) = &result.answer else {
        panic!("{result:?}")
    };
    assert_eq!(assessment.health, Health::Healthy);
    let cost = &result.cost;
    assert_eq!(cost.log.len() as u64 + cost.dropped_lines, 10_000);
    assert_eq!(cost.log[0].severity, LogSeverity::Info);
    assert!(cost.log[0].text.starts_with("line 0: blah"));
    assert!(cost.log.iter().map(|line| line.text.len()).sum::<usize>() <= 16 << 10);
    assert!(
        cost.peak_memory_bytes >= 1 << 20 && cost.peak_memory_bytes < 64 << 20,
        "{}",
        cost.peak_memory_bytes
    );
    assert!(cost.fuel > 100_000_000, "{}", cost.fuel);

    let again = sandbox()
        .ask("hostile", question(Function::Assess, &input))
        .await
        .unwrap();
    assert_eq!(again.cost.fuel, cost.fuel, "the same on every run");
}

#[tokio::test]
async fn what_a_guest_writes_is_kept_in_bounds() {
    let input = json!({"object": hostile("Shout")});
    let result = sandbox()
        .ask("hostile", question(Function::Assess, &input))
        .await
        .unwrap();
    let cost = result.cost;
    assert!(cost.stdout.starts_with("SHOUT ") && cost.stderr.starts_with("SHOUT "));
    assert_eq!(cost.stdout.len() + cost.stderr.len(), 64 << 10);
    assert!(cost.dropped_bytes > 1 << 20);
    assert!(result.answer.is_ok());
}

#[tokio::test]
async fn a_spinning_guest_costs_its_whole_budget() {
    let input = json!({"object": hostile("Spin")});
    let result = sandbox()
        .ask("hostile", question(Function::Assess, &input))
        .await
        .unwrap();
    assert_eq!(result.cost.fuel, 500_000_000);
}

#[tokio::test]
async fn every_function_can_be_asked() {
    let hook = json!({"object": job(), "phases": ["PreSync"], "words": ["PreSync"]});
    let placed = sandbox().ask("job", question(Function::Place, &hook)).await.unwrap();
    assert!(matches!(placed.answer, Ok(Answer::Placement(_))), "{placed:?}");
    let begun = sandbox().ask("job", question(Function::Start, &hook)).await.unwrap();
    let Ok(Answer::Step(step)) = begun.answer else {
        panic!("{begun:?}")
    };
    let mut woke = question(
        Function::Advance,
        &json!({"object": job(), "observation": {"kind": "woke"}}),
    );
    woke.state = step.state;
    assert!(matches!(
        sandbox().ask("job", woke).await.unwrap().answer,
        Ok(Answer::Step(_))
    ));
    let decide = question(
        Function::Decide,
        &json!({"occasion": "hook-finished", "outcome": "succeeded"}),
    );
    let decided = sandbox().ask("ttl", decide).await.unwrap();
    assert!(matches!(decided.answer, Ok(Answer::Disposal(_))), "{decided:?}");
    for function in Function::ALL {
        assert_eq!(function.as_str().parse(), Ok(function));
    }
}

#[tokio::test]
async fn it_says_who_and_what_there_is() {
    let input = json!({"object": job()});
    let error = sandbox()
        .ask("jbo", question(Function::Assess, &input))
        .await
        .unwrap_err();
    assert_snapshot!(with_hint(&error), @r"
    there is no plugin `jbo`
    hint: there are `hostile`, `approval`, `http-check`, `job`, `keep-last`, `policies`, `resource`, `scale`, `skip`, `ttl`
    ");
    let error = sandbox()
        .ask("policies", question(Function::Decide, &input))
        .await
        .unwrap_err();
    assert_snapshot!(with_hint(&error), @r"
    it is not clear which delete-policy claim of plugin `policies` to use
    hint: name one of `HookSucceeded`, `HookFailed`, `BeforeHookCreation`
    ");
    let mut named = question(Function::Decide, &input);
    named.claim = Some("HookSucceded".to_owned());
    let error = sandbox().ask("policies", named).await.unwrap_err();
    assert_snapshot!(with_hint(&error), @r"
    plugin `policies` has no delete-policy claim `HookSucceded`
    hint: it claims `HookSucceeded`, `HookFailed`, `BeforeHookCreation`
    ");
    let error = sandbox()
        .ask("ttl", question(Function::Assess, &input))
        .await
        .unwrap_err();
    assert_snapshot!(with_hint(&error), @r"
    it is not clear which health claim of plugin `ttl` to use
    hint: it has no claim of that interface
    ");
}
