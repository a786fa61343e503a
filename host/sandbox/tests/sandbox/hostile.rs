//! A guest that does every evil thing gets exactly the error of its deed, and the sandbox goes on.

use capstan_core::model::{
    health::Health,
    phase::Phase,
    plugins::{AbortReason, HookQuestion, Observation, ObservationKind, PluginError, PluginQuery, Plugins as _},
};
use capstan_sandbox::{Function, Question};
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{
    assess, builtins, guest, health_claim, hook_type, hostile, job, now, place_question, sandbox, stamped, step,
};

/// Does a deed as a health check; then asks something harmless.
async fn deed(kind: &str) -> Result<String, PluginError> {
    let answer = assess(sandbox(), &hostile(kind)).await;
    let harmless = assess(sandbox(), &hostile("Yes")).await.unwrap();
    assert_eq!((harmless.health, &*harmless.message), (Health::Healthy, "as you wish"));
    answer.map(|assessment| assessment.message)
}

async fn error(kind: &str) -> String {
    deed(kind).await.unwrap_err().to_string()
}

fn backtrace(error: PluginError) -> String {
    match error {
        PluginError::Failed { backtrace, .. } => backtrace,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_guest_that_spins_uses_up_its_budget() {
    assert_snapshot!(error("Spin").await, @"hostile 0.1.0 failed in `assess` under the claim `hostile.example.com/Spin` for Spin shop/x: used up its budget of 500 million instructions");
    assert!(backtrace(deed("Spin").await.unwrap_err()).contains("spin"));
}

#[tokio::test]
async fn a_guest_that_hogs_memory() {
    assert_snapshot!(error("Hog").await, @"hostile 0.1.0 failed in `assess` under the claim `hostile.example.com/Hog` for Hog shop/x: needs more than the 64 MiB of memory that it may have");
}

#[tokio::test]
async fn a_guest_that_traps() {
    assert_snapshot!(error("Trap").await, @"hostile 0.1.0 failed in `assess` under the claim `hostile.example.com/Trap` for Trap shop/x: the hostile guest panics on purpose (tests/fixtures/guests/hostile/src/deed.rs:60:5)");
    let backtrace = backtrace(deed("Trap").await.unwrap_err());
    assert!(backtrace.contains("capstan_hostile"), "{backtrace}");
    assert!(backtrace.contains("the hostile guest panics on purpose"), "{backtrace}");
}

#[tokio::test]
async fn a_guest_that_recurses_for_ever() {
    assert_snapshot!(error("Deep").await, @"hostile 0.1.0 failed in `assess` under the claim `hostile.example.com/Deep` for Deep shop/x: used up its stack, by endless recursion as it seems");
}

#[tokio::test]
async fn a_guest_that_exits() {
    assert_snapshot!(error("Exit").await, @"hostile 0.1.0 failed in `assess` under the claim `hostile.example.com/Exit` for Exit shop/x: called exit with a status other than 0 instead of answering");
    assert_snapshot!(error("Quit").await, @"hostile 0.1.0 failed in `assess` under the claim `hostile.example.com/Quit` for Quit shop/x: called exit with a status other than 0 instead of answering; it wrote `the author's words`");
    assert_snapshot!(error("Leave").await, @"hostile 0.1.0 failed in `assess` under the claim `hostile.example.com/Leave` for Leave shop/x: called exit with status 0 instead of answering");
    assert_snapshot!(error("Abort").await, @"hostile 0.1.0 failed in `assess` under the claim `hostile.example.com/Abort` for Abort shop/x: aborted");
}

#[tokio::test]
async fn a_guest_that_sleeps() {
    assert_snapshot!(error("Sleepy").await, @"hostile 0.1.0 failed in `assess` under the claim `hostile.example.com/Sleepy` for Sleepy shop/x: waits for time to pass, and the clock stands still during a call");
}

#[tokio::test]
async fn a_guest_that_logs_too_much_is_cut_short() {
    assert_eq!(deed("Chatter").await.unwrap(), "logged 10000 lines");
    assert_snapshot!(error("Babble").await, @"hostile 0.1.0 failed in `assess` under the claim `hostile.example.com/Babble` for Babble shop/x: used up its budget of 500 million instructions");
}

#[tokio::test]
async fn a_guest_that_writes_too_much_is_cut_short() {
    assert_eq!(deed("Shout").await.unwrap(), "shouted");
}

#[tokio::test]
async fn a_guest_with_a_huge_answer() {
    assert_snapshot!(error("Huge").await, @"hostile 0.1.0 failed in `assess` under the claim `hostile.example.com/Huge` for Huge shop/x: handed over more than 256 KiB in its answer");
}

#[tokio::test]
async fn a_guest_sees_nothing_of_the_world_and_the_same_each_time() {
    let seen = deed("Peek").await.unwrap();
    let (world, random) = seen.rsplit_once(' ').unwrap();
    assert_snapshot!(world, @"variables 0, arguments 0, files closed, network closed, clock 1767323045000, now 1767323045000, random");
    assert_eq!(random.len(), 16);
    assert_eq!(deed("Peek").await.unwrap(), seen, "the same call, the same numbers");
    let mut other = hostile("Peek");
    other["metadata"]["name"] = json!("y");
    let other = assess(sandbox(), &other).await.unwrap().message;
    assert_ne!(other, seen, "another call, other numbers");
    assert!(other.starts_with(world));
}

#[tokio::test]
async fn a_guest_that_refuses() {
    assert_snapshot!(error("Invalid").await, @"hostile 0.1.0: I don't like it");
    assert_snapshot!(error("Retry").await, @"hostile 0.1.0 asks for a retry in 1000 ms: not now");
}

#[tokio::test]
async fn a_policy_and_every_function_of_a_hook_may_fail() {
    let by = sandbox()
        .plugin_for(&PluginQuery::Policy("hostile/trap".to_owned()))
        .unwrap();
    let question = Question {
        function: Function::Decide,
        claim: Some(by.claim),
        input: json!({"object": job()}).as_object().unwrap().clone(),
        state: Vec::new(),
        now: now(),
    };
    let result = sandbox().ask("hostile", question).await.unwrap();
    let mut errors = vec![result.answer.unwrap_err()];
    for name in ["place-trap", "place-spin"] {
        let question = place_question(&job(), &["PreSync"], &[Phase::PreSync]);
        errors.push(
            sandbox()
                .place(&hook_type(sandbox(), name), question)
                .await
                .unwrap_err(),
        );
    }
    let woke = Observation {
        request_id: None,
        kind: ObservationKind::Woke,
    };
    for (name, question) in [
        ("trap", HookQuestion::Start),
        (
            "late-trap",
            HookQuestion::Advance {
                state: b"\"\"".to_vec(),
                observation: woke,
            },
        ),
        (
            "abort-spin",
            HookQuestion::Abort {
                state: b"\"\"".to_vec(),
                reason: AbortReason::Terminated,
            },
        ),
    ] {
        let by = hook_type(sandbox(), name);
        errors.push(step(sandbox(), &by, &job(), question).await.unwrap_err());
    }
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_snapshot!(errors.join("\n"), @r"
    hostile 0.1.0 failed in `decide` under the claim `hostile/trap` for Job shop/migrate: the hostile guest panics on purpose (tests/fixtures/guests/hostile/src/deed.rs:60:5)
    hostile 0.1.0 failed in `place` under the claim `place-trap` for Job shop/migrate: the hostile guest panics on purpose (tests/fixtures/guests/hostile/src/deed.rs:60:5)
    hostile 0.1.0 failed in `place` under the claim `place-spin` for Job shop/migrate: used up its budget of 2000 million instructions
    hostile 0.1.0 failed in `start` under the claim `trap` for Job shop/migrate: the hostile guest panics on purpose (tests/fixtures/guests/hostile/src/deed.rs:60:5)
    hostile 0.1.0 failed in `advance` under the claim `late-trap` for Job shop/migrate: the hostile guest panics on purpose (tests/fixtures/guests/hostile/src/deed.rs:60:5)
    hostile 0.1.0 failed in `abort` under the claim `abort-spin` for Job shop/migrate: used up its budget of 2000 million instructions
    ");
}

#[tokio::test]
async fn a_step_outside_of_the_contract() {
    let mut errors = Vec::new();
    for name in ["greedy", "hoard"] {
        let by = hook_type(sandbox(), name);
        let error = step(sandbox(), &by, &job(), HookQuestion::Start).await.unwrap_err();
        errors.push(error.to_string());
    }
    assert_snapshot!(errors.join("\n"), @r"
    hostile 0.1.0 failed in `start` under the claim `greedy` for Job shop/migrate: gave an answer outside of the contract: 65 requests in one step, but at most 64 are allowed
    hostile 0.1.0 failed in `start` under the claim `hoard` for Job shop/migrate: gave an answer outside of the contract: a state of 100002 bytes, where 65536 may be
    ");
}

#[tokio::test]
async fn a_state_that_is_not_the_plugins_own() {
    let by = hook_type(sandbox(), "late-trap");
    let question = HookQuestion::Advance {
        state: vec![0xff, 0x00],
        observation: Observation {
            request_id: None,
            kind: ObservationKind::Woke,
        },
    };
    let error = step(sandbox(), &by, &job(), question).await.unwrap_err();
    assert!(error.to_string().contains("failed to read the stored state"), "{error}");
}

#[tokio::test]
async fn an_input_beyond_the_limit_is_not_passed_on() {
    let mut large = hostile("Yes");
    large["spec"] = json!("x".repeat(3 << 20));
    assert_snapshot!(assess(sandbox(), &large).await.unwrap_err(), @"hostile 0.1.0 failed in `assess` under the claim `hostile.example.com/Yes` for Yes shop/x: the input has 3145926 bytes, and may have 2097152; let the claim's `fields` name less of the object");
}

#[tokio::test]
async fn a_manifest_can_lower_the_memory() {
    let toml = health_claim("['hostile.example.com/Hog']") + "[limits]\nmemory-mib = 3\n";
    let modest = capstan_sandbox::Sandbox::builder()
        .plugin("modest.wasm", stamped("modest", &toml))
        .build()
        .unwrap();
    assert_snapshot!(assess(&modest, &hostile("Hog")).await.unwrap_err(), @"modest 1.0.0 failed in `assess` under the claim `hostile.example.com/Hog` for Hog shop/x: needs more than the 3 MiB of memory that it may have");
    assert!(guest("hostile").len() > 1000);
}

#[tokio::test]
async fn who_breaks_three_times_in_a_row_rests_and_the_others_do_not() {
    let sandbox = builtins()
        .plugin("hostile.wasm", guest("hostile"))
        .resting()
        .build()
        .unwrap();
    for _ in 0..3 {
        let error = assess(&sandbox, &hostile("Trap")).await.unwrap_err();
        assert!(matches!(error, PluginError::Failed { .. }), "{error}");
    }
    let error = assess(&sandbox, &hostile("Yes")).await.unwrap_err();
    assert_snapshot!(error, @"hostile 0.1.0 asks for a retry in 1000 ms: it failed 3 times in a row; the next call is in 1s");
    assert!(assess(&sandbox, &job()).await.is_ok());
    // What was asked by hand a second later is answered, and all is forgotten.
    let question = |now| Question {
        function: Function::Assess,
        claim: None,
        input: json!({ "object": hostile("Yes") }).as_object().unwrap().clone(),
        state: Vec::new(),
        now,
    };
    let later = now() + jiff::SignedDuration::from_secs(1);
    assert!(sandbox.ask("hostile", question(later)).await.unwrap().answer.is_ok());
    assert!(assess(&sandbox, &hostile("Yes")).await.is_ok());
}
