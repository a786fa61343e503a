//! Interpreters that are made into plugins.

use capstan_core::model::health::Health;
use capstan_sandbox::{Answer, AnswerWithCost, Function, PrepareError, PreparedComponent, Question, Sandbox, prepare};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

fn manifest(claims: &[&str]) -> capstan_stamp::Manifest {
    let claims: Vec<String> = claims
        .iter()
        .map(|kind| format!("[[claims]]\ninterface = 'health'\nkinds = ['{kind}']\n"))
        .collect();
    let claims = claims.concat();
    capstan_stamp::Manifest::from_toml(&format!(
        "contract = '0.1.0'\nname = 'mine'\nversion = '1.0.0'\nlicence = 'MIT'\ndescription = 'x'\n{claims}"
    ))
    .unwrap()
}

async fn lua(scripts: &[(&str, &str)]) -> Result<PreparedComponent, PrepareError> {
    let scripts: Vec<Value> = scripts
        .iter()
        .map(|(claim, script)| {
            json!({"claim": claim, "name": format!("{claim}/health.lua"), "script": script, "openLibs": true})
        })
        .collect();
    let text = json!({ "scripts": scripts }).to_string();
    prepare(capstan_bundle::interpreter("lua").unwrap().bytes, &text).await
}

async fn plugin(scripts: &[(&str, &str)]) -> Sandbox {
    let made = lua(scripts).await.unwrap();
    let claims: Vec<&str> = scripts.iter().map(|(claim, _)| *claim).collect();
    let bytes = capstan_stamp::stamp(&made.component, &manifest(&claims)).unwrap();
    Sandbox::builder()
        .timeless()
        .plugin("mine.wasm", bytes)
        .build()
        .unwrap()
}

async fn ask(sandbox: &Sandbox, object: Value) -> AnswerWithCost {
    let question = Question {
        function: Function::Assess,
        claim: None,
        input: Map::from_iter([("object".to_owned(), object)]),
        state: Vec::new(),
        now: Timestamp::UNIX_EPOCH,
    };
    sandbox.ask("mine", question).await.unwrap()
}

async fn fails(script: &str) -> String {
    let sandbox = plugin(&[("example.com/Queue", script)]).await;
    let object = json!({"apiVersion": "example.com/v1", "kind": "Queue", "metadata": {"name": "q"}});
    ask(&sandbox, object).await.answer.unwrap_err().to_string()
}

#[tokio::test]
async fn each_call_finds_what_was_prepared_and_nothing_of_another_call() {
    let script = "calls = (calls or 0) + 1 return { status = 'Healthy', message = calls .. ' ' .. obj.metadata.name }";
    let sandbox = plugin(&[
        ("example.com/Queue", script),
        (
            "example.com/Topic",
            "return { status = 'Degraded', message = 'no topic is well' }",
        ),
    ])
    .await;
    let object = |kind, name| json!({"apiVersion": "example.com/v1", "kind": kind, "metadata": {"name": name}});
    for name in ["a", "b", "c"] {
        let result = ask(&sandbox, object("Queue", name)).await;
        let Answer::Assessment(answer) = result.answer.unwrap() else {
            panic!("a health question has an assessment");
        };
        assert_eq!((answer.health, answer.message), (Health::Healthy, format!("1 {name}")));
        assert_eq!(answer.rule, "example.com/Queue/health.lua");
    }
    let Answer::Assessment(answer) = ask(&sandbox, object("Topic", "t")).await.answer.unwrap() else {
        panic!("a health question has an assessment");
    };
    assert_eq!(
        (answer.health, &*answer.message),
        (Health::Degraded, "no topic is well")
    );
}

#[tokio::test]
async fn the_same_scripts_make_the_same_component() {
    let scripts = [("example.com/Queue", "return { status = 'Healthy' }")];
    let (one, two) = (lua(&scripts).await.unwrap(), lua(&scripts).await.unwrap());
    assert_eq!(one.answer, r#"{"fields":{"example.com/Queue":[]}}"#);
    assert_eq!(one, two);
}

#[tokio::test]
async fn what_the_interpreter_does_not_accept_is_told_in_its_words() {
    let error = lua(&[("example.com/Queue", "return {\nstatus = = 1}")])
        .await
        .unwrap_err();
    assert!(matches!(error, PrepareError::Rejected(_)));
    assert_eq!(
        error.to_string(),
        "example.com/Queue/health.lua:2: unexpected symbol near '='"
    );
    let job = capstan_bundle::get("job").unwrap().bytes;
    assert_eq!(
        prepare(job, "{}").await.unwrap_err().to_string(),
        "not an interpreter that can be prepared: it does not export `prepare`"
    );
    assert!(matches!(
        prepare(b"hello", "{}").await.unwrap_err(),
        PrepareError::NotAnInterpreter(_)
    ));
}

/// Each with one message: the script, its line, what is wrong.
#[tokio::test]
async fn scripts_that_do_harm_are_ended_by_name_and_line() {
    for (script, why) in [
        (
            "local n = 0\nwhile true do\n  n = n + 1\nend",
            "example.com/Queue/health.lua:3: not done after 1000000 steps; does it loop for ever?",
        ),
        (
            "local t = {}\nwhile true do t[#t + 1] = {} end",
            "example.com/Queue/health.lua:2: needs more than 8 MiB of memory",
        ),
        (
            "local s = 'x'\nwhile true do s = s .. s end",
            "example.com/Queue/health.lua:2: needs more than 8 MiB of memory",
        ),
        (
            "\nos.execute('id')",
            "example.com/Queue/health.lua:2: os.execute is not there: a script has no files, programs or environment; it has only its object",
        ),
        (
            "\nlocal file = io.open('/etc/passwd')",
            "example.com/Queue/health.lua:2: io.open is not there: a script has no files, programs or environment; it has only its object",
        ),
    ] {
        let failure = fails(script).await;
        assert!(failure.ends_with(why), "{failure}");
        assert_eq!(failure.lines().count(), 1, "{failure}");
    }
}

/// What a script's own budget does not see, the call's does.
#[tokio::test]
async fn what_one_function_of_the_library_does_without_end_ends_with_the_call() {
    for (script, why) in [
        ("return string.rep('x', 1e9)", "memory"),
        (
            "return string.find(string.rep('a', 3000), string.rep('a-', 20) .. 'b')",
            "budget of 500 million instructions",
        ),
        (
            "while true do pcall(function() while true do end end) end",
            "budget of 500 million instructions",
        ),
    ] {
        let failure = fails(script).await;
        assert!(failure.contains(why), "{failure}");
    }
}
