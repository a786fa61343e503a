//! A plugin that looks into the object by a handle.

use capstan_core::model::health::Health;
use capstan_sandbox::{Answer, Function, Question};
use serde_json::{Value, json};

use crate::support::{assess, builtins, guest, now};

fn queue(backlog: i64) -> Value {
    json!({
        "apiVersion": "example.com/v1", "kind": "Queue", "metadata": { "name": "q", "managedFields": [{}] },
        "spec": { "limit": 3, "password": "hidden" },
        "status": { "backlog": backlog, "messages": ["a", { "b": null }], "log": "x".repeat(200_000) },
    })
}

const SEEN: &str = r#"at the top ["apiVersion", "kind", "metadata", "spec", "status"], messages Some("[\"a\",{\"b\":null}]"), hidden false, data [], object in input false"#;

#[tokio::test]
async fn a_handle_shows_what_the_claim_sees_and_nothing_else() {
    let sandbox = builtins().plugin("viewer.wasm", guest("viewer")).build().unwrap();
    for (backlog, health) in [(3, Health::Healthy), (4, Health::Degraded)] {
        let answer = assess(&sandbox, &queue(backlog)).await.unwrap();
        assert_eq!(answer.health, health);
        assert_eq!(answer.message, format!("example.com/Queue: {backlog} of 3; {SEEN}"));
    }
    // What a Secret keeps is no more to be seen by a handle than in a text.
    let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "s" }, "data": { "password": "aGlkZGVu" } });
    let answer = assess(&sandbox, &secret).await.unwrap();
    assert!(answer.message.contains("data []"), "{}", answer.message);
}

#[tokio::test]
async fn it_is_asked_by_hand_like_any_other() {
    let sandbox = builtins().plugin("viewer.wasm", guest("viewer")).build().unwrap();
    let input = json!({ "object": queue(3) });
    let question = Question {
        function: Function::Assess,
        claim: None,
        input: input.as_object().unwrap().clone(),
        state: Vec::new(),
        now: now(),
    };
    let result = sandbox.ask("viewer", question).await.unwrap();
    let Ok(Answer::Assessment(answer)) = result.answer else {
        panic!("{:?}", result.answer);
    };
    assert_eq!(answer.message, format!("example.com/Queue: 3 of 3; {SEEN}"));
}
