//! Every text for people that a plugin hands over is cut: what is not would be stored with the operation.

use capstan_core::model::text::MAX_BYTES;

use super::*;

/// Of letters with three bytes, so that a cut may fall into one.
fn long() -> String {
    "€".repeat(60_000)
}

fn is_cut(text: &str) -> bool {
    text.len() <= MAX_BYTES && text.contains("bytes left out]")
}

fn message(failure: &Failure) -> &str {
    match failure {
        Failure::Invalid(message) | Failure::Retry { message, .. } | Failure::Failed(message) => message,
    }
}

#[test]
fn what_a_plugin_says_where_it_gives_no_answer_is_cut() {
    for trap_text in [
        types::Failure::Invalid(long()),
        types::Failure::Retry((long(), 1)),
        types::Failure::Failed(long()),
        types::Failure::Other((long(), long())),
    ] {
        let failure = failure(trap_text);
        assert!(is_cut(message(&failure)), "{failure:?}");
    }
}

#[test]
fn an_assessment_is_cut() {
    let answer = assessment(health::Assessment {
        status: health::HealthStatus::Healthy,
        message: long(),
        rule: "€".repeat(1000),
        final_: false,
        recheck_after_ms: None,
        need: vec!["x".repeat(3000); 20],
        details: None,
    });
    let answer = answer.unwrap();
    assert!(is_cut(&answer.message) && is_cut(&answer.rule));
    assert!(
        answer.requested_related.len() == MAX_RELATED_OBJECTS
            && answer.requested_related.iter().all(|need| is_cut(need))
    );
}

#[test]
fn a_placement_is_cut() {
    let Ok(Placement::Skip(reason)) = placement(hook::Placement::Skip(long())) else {
        unreachable!("it is a skip");
    };
    assert!(is_cut(&reason));
    let later = placement(hook::Placement::Other((long(), String::new()))).unwrap_err();
    assert!(is_cut(message(&later)));
}

#[test]
fn a_step_is_cut_with_what_it_asks_for() {
    let ask = |id, what| hook::Ask { id, what };
    let header = ("x".to_owned(), hook::HeaderValue::Other((long(), String::new())));
    let call = hook::HttpRequest {
        method: "GET".to_owned(),
        url: String::new(),
        headers: vec![header],
        body: None,
        timeout_ms: 1,
    };
    let answer = step(hook::Step {
        progress: hook::Progress::Running,
        message: "€".repeat(1000),
        asks: vec![
            ask(1, hook::Request::WaitSignal(long())),
            ask(2, hook::Request::Other((long(), String::new()))),
            ask(3, hook::Request::Http(call)),
        ],
        state: Vec::new(),
        wake_after_ms: None,
        details: None,
    });
    let answer = answer.unwrap();
    assert!(is_cut(&answer.message));
    for ask in answer.requests {
        match ask.request {
            Request::WaitSignal(text) | Request::Unsupported(text) => assert!(is_cut(&text), "{text}"),
            other => unreachable!("{other:?}"),
        }
    }
    let broken = step(hook::Step {
        progress: hook::Progress::Other((long(), String::new())),
        message: String::new(),
        asks: Vec::new(),
        state: Vec::new(),
        wake_after_ms: None,
        details: None,
    });
    assert!(is_cut(message(&broken.unwrap_err())));
}
