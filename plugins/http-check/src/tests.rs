//! Checks as scripts of observations.

use std::time::Duration;

use capstan_sdk::{
    Ask, Failure, HeaderValue, Placement, Progress, Request, Step,
    testing::{self, Run, place},
};
use serde_json::{Value, json};

use super::HttpCheck;

fn check(settings: Value) -> Run<HttpCheck> {
    testing::set_now(Duration::ZERO);
    Run::new("http-check", json!({ "settings": settings }))
}

fn answer(id: u32, status: u16, body: &str) -> Value {
    // Enough of base64 for texts whose length is a multiple of three.
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    assert_eq!(body.len() % 3, 0);
    let mut text = String::new();
    for chunk in body.as_bytes().chunks(3) {
        let bits = chunk.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        for shift in [18, 12, 6, 0] {
            text.push(char::from(ALPHABET[bits >> shift & 63]));
        }
    }
    json!({"kind": "http", "answers": id, "status": status, "headers": {}, "body": text})
}

fn call(step: &Step) -> &capstan_sdk::HttpRequest {
    match step.asks.as_slice() {
        [
            Ask {
                what: Request::Http(call),
                ..
            },
        ] => call,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_answer_may_be_enough() {
    let mut run = check(json!({"url": "https://shop.example/health"}));
    let begun = run.start().unwrap();
    assert_eq!(
        (call(&begun).method.as_str(), call(&begun).timeout),
        ("GET", Duration::from_secs(10))
    );
    let end = run.see(&answer(1, 204, "")).unwrap();
    assert_eq!(end.progress, Progress::Succeeded);
    assert_eq!(
        end.message,
        "https://shop.example/health answered 204 as expected, at the first try"
    );
}

#[test]
fn it_tries_again_until_the_answer_is_as_expected() {
    let expect = json!({"status": ["2xx", 418], "contains": "rea", "json": [{"pointer": "/state", "equals": "ready"}]});
    let mut run = check(json!({"url": "http://api/", "expect": expect, "interval": "2s"}));
    assert_eq!(run.start().unwrap().asks[0].id, 1);
    for (id, status, body, why) in [
        (1, 503, "", "status 503, not 2xx or 418"),
        (
            2,
            200,
            "{\"state\":\"x\"}xx",
            "status 200, but the body doesn't contain `rea`",
        ),
        (
            3,
            418,
            "no ready",
            "the body is not JSON: expected ident at line 1 column 2",
        ),
        (4, 200, "{\"ready\": 1}", "there is no `/state` in the body"),
        (
            5,
            200,
            "{\"state\":\"reading\"}",
            "`/state` in the body is \"reading\", not \"ready\"",
        ),
    ] {
        let body = format!("{body}{}", " ".repeat((3 - body.len() % 3) % 3));
        let waits = run.see(&answer(id, status, &body)).unwrap();
        assert_eq!(waits.message, format!("{why}; again in 2s"));
        assert_eq!((waits.wake_after, waits.asks.len()), (Some(Duration::from_secs(2)), 0));
        let next = run.see(&json!({"kind": "woke"})).unwrap();
        assert_eq!(next.asks[0].id, id + 1);
    }
    let end = run.see(&answer(6, 200, "{\"state\":\"ready\"} ")).unwrap();
    assert_eq!(end.progress, Progress::Succeeded);
    assert_eq!(end.message, "http://api/ answered 200 as expected, at try 6");
}

#[test]
fn at_its_deadline_or_after_its_last_try_it_fails_with_what_was_wrong() {
    let mut run = check(json!({"url": "http://api/", "interval": "5s", "deadline": "7s"}));
    run.start().unwrap();
    let failed = json!({"kind": "failed", "answers": 1, "reason": "connection refused", "temporary": true});
    assert_eq!(run.see(&failed).unwrap().wake_after, Some(Duration::from_secs(5)));
    testing::set_now(Duration::from_secs(5));
    run.see(&json!({"kind": "woke"})).unwrap();
    let waits = run.see(&answer(2, 500, "")).unwrap();
    assert_eq!(waits.message, "status 500, not 2xx; again in 2s");
    testing::set_now(Duration::from_secs(7));
    let end = run.see(&json!({"kind": "woke"})).unwrap();
    assert_eq!(end.progress, Progress::Failed);
    assert_eq!(
        end.message,
        "http://api/ didn't answer as expected in 2 tries within 7s: status 500, not 2xx"
    );

    let mut run = check(json!({"url": "http://api/", "tries": 1}));
    run.start().unwrap();
    assert_eq!(run.see(&answer(1, 500, "")).unwrap().progress, Progress::Failed);
}

#[test]
fn several_answers_in_a_row_may_be_wanted() {
    let mut run = check(json!({"url": "http://api/", "successes": 2}));
    run.start().unwrap();
    assert_eq!(
        run.see(&answer(1, 200, "")).unwrap().message,
        "1 of 2 answers as expected"
    );
    run.see(&json!({"kind": "woke"})).unwrap();
    run.see(&answer(2, 500, "")).unwrap();
    run.see(&json!({"kind": "woke"})).unwrap();
    assert_eq!(run.see(&answer(3, 200, "")).unwrap().progress, Progress::Running);
    // An answer to an earlier try changes nothing.
    assert_eq!(run.see(&answer(2, 200, "")).unwrap().progress, Progress::Running);
    run.see(&json!({"kind": "woke"})).unwrap();
    assert_eq!(run.see(&answer(4, 200, "")).unwrap().progress, Progress::Succeeded);
}

#[test]
fn what_is_refused_or_can_never_work_fails_at_once() {
    for seen in [
        json!({"kind": "refused", "answers": 1, "reason": "not granted"}),
        json!({"kind": "failed", "answers": 1, "reason": "not granted", "temporary": false}),
    ] {
        let mut run = check(json!({"url": "http://api/"}));
        run.start().unwrap();
        let end = run.see(&seen).unwrap();
        assert_eq!((end.progress, end.message.as_str()), (Progress::Failed, "not granted"));
    }
}

#[test]
fn a_call_may_have_a_body_and_headers_of_which_a_secret_stays_with_the_host() {
    let headers = json!({"accept": "text/plain", "authorization": {"secret": "token", "key": "bearer"}});
    let mut run = check(json!({"url": "https://api/", "method": "POST", "body": {"a": 1}, "headers": headers}));
    let begun = run.start().unwrap();
    let call = call(&begun);
    assert_eq!(call.body.as_deref(), Some(b"{\"a\":1}".as_slice()));
    let secret = HeaderValue::Secret {
        name: "token".to_owned(),
        key: "bearer".to_owned(),
    };
    assert_eq!(
        call.headers,
        [
            ("accept".to_owned(), HeaderValue::Text("text/plain".to_owned())),
            ("authorization".to_owned(), secret)
        ]
    );
}

#[test]
fn a_secret_may_stand_after_a_text() {
    let headers = json!({"authorization": {"prefix": "Bearer ", "secret": "token", "key": "bearer"}});
    let mut run = check(json!({"url": "https://api/", "headers": headers}));
    let begun = run.start().unwrap();
    let secret = HeaderValue::PrefixedSecret {
        prefix: "Bearer ".to_owned(),
        name: "token".to_owned(),
        key: "bearer".to_owned(),
    };
    assert_eq!(call(&begun).headers, [("authorization".to_owned(), secret)]);
}

#[test]
fn what_is_wrong_with_the_settings_is_told_while_planning() {
    let placed =
        |settings: Value| place::<HttpCheck>("http-check", &json!({"settings": settings, "phases": ["PostSync"]}));
    assert!(matches!(placed(json!({"url": "http://a/"})), Ok(Placement::Run(placed)) if !placed.has_object));
    for (settings, why) in [
        (json!({}), "missing field `url`"),
        (json!({"url": "shop/health"}), "must begin with http://"),
        (json!({"url": "http://a/", "intervall": 1}), "unknown field `intervall`"),
        (
            json!({"url": "http://a/", "interval": "soon"}),
            "a length of time is written like",
        ),
        (
            json!({"url": "http://a/", "timeout": "2m"}),
            "`timeout` must be between 100ms and 1m",
        ),
        (json!({"url": "http://a/", "successes": 0}), "at least 1"),
        (
            json!({"url": "http://a/", "expect": {"status": "ok"}}),
            "`status: ok` is none",
        ),
        (
            json!({"url": "http://a/", "expect": {"json": [{"pointer": "a", "equals": 1}]}}),
            "not a JSON pointer",
        ),
    ] {
        match placed(settings) {
            Err(Failure::Invalid(message)) => assert!(message.contains(why), "{message}"),
            other => panic!("{other:?}"),
        }
    }
}
