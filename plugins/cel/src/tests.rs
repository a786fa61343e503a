//! What expressions answer, and what is said of those that can't.

use capstan_sdk::{Assessment, Failure, HealthStatus, Prepare as _, testing};
use serde_json::{Value, json};

use crate::Plugin;

const READY: &str = "has(status.conditions) && status.conditions.exists(e, e.type == 'Ready' && e.status == 'True')";

fn ask(settings: &Value, object: &Value) -> Result<Assessment, Failure> {
    testing::assess_input::<Plugin>("*/*", &json!({ "object": object, "settings": settings }))
}

fn condition(status: &str) -> Value {
    json!({"kind": "Queue", "metadata": {"generation": 3}, "status": {"observedGeneration": 3, "conditions": [
        {"type": "Synced", "status": "True"}, {"type": "Ready", "status": status}
    ]}})
}

#[track_caller]
fn health_of(current: &str, object: &Value) -> HealthStatus {
    ask(&json!({ "current": current }), object).unwrap().status
}

#[test]
fn the_first_that_is_true_decides() {
    let settings = json!({
        "inProgress": "status.phase == 'Starting'",
        "failed": "status.phase in ['Failed', 'Starting']",
        "current": "status.phase != 'Waiting'",
    });
    for (phase, status, rule, message) in [
        (
            "Starting",
            HealthStatus::Progressing,
            "settings/inProgress",
            "`status.phase == 'Starting'` is true",
        ),
        (
            "Failed",
            HealthStatus::Degraded,
            "settings/failed",
            "`status.phase in ['Failed', 'Starting']` is true",
        ),
        ("Ready", HealthStatus::Healthy, "settings/current", ""),
        (
            "Waiting",
            HealthStatus::Progressing,
            "settings/current",
            "`status.phase != 'Waiting'` is not true yet",
        ),
    ] {
        let answer = ask(&settings, &json!({"status": {"phase": phase}})).unwrap();
        assert_eq!(
            (answer.status, &*answer.rule, &*answer.message),
            (status, rule, message)
        );
    }
}

#[test]
fn a_status_about_an_older_generation_is_on_its_way() {
    let mut object = condition("True");
    assert_eq!(health_of(READY, &object), HealthStatus::Healthy);
    object["status"]["observedGeneration"] = json!(2);
    let answer = ask(&json!({ "current": READY }), &object).unwrap();
    assert_eq!(answer.status, HealthStatus::Progressing);
    assert_eq!(answer.message, "its status is about generation 2, not 3 yet");
}

#[test]
fn the_language() {
    let object = json!({
        "kind": "Queue", "spec": {"replicas": 3, "weight": 0.5, "paused": false, "none": null},
        "status": {"ready": 3, "image": "example.com/api:1.2", "names": ["b", "a"]},
    });
    for expression in [
        "status.ready == spec.replicas && status.ready >= 2",
        "spec.weight < 1 && spec.weight * 2.0 == 1.0",
        "!spec.paused || kind == 'Job'",
        "has(status.ready) && !has(status.missing)",
        "status.names.all(n, n != 'c') && status.names.exists_one(n, n == 'a')",
        "status.names.filter(n, n > 'a').map(n, n + '!') == ['b!']",
        "size(status.names) == 2 && status.names[1] == 'a' && 'a' in status.names",
        "status.image.startsWith('example.com/') && status.image.contains(':') && status.image.endsWith('1.2')",
        "status.image.matches('^[a-z./]+:[0-9.]+$')",
        "status.image.split(':')[1] == '1.2' && status['ready'] == 3",
        "spec.none == null",
        "status.ready > 5 ? false : true",
        "int('3') == status.ready && string(status.ready) == '3'",
        "status.?missing.orValue('x') == 'x'",
    ] {
        assert_eq!(health_of(expression, &object), HealthStatus::Healthy, "{expression}");
    }
}

#[test]
fn what_can_not_be_told_says_which_expression_and_why() {
    let fails = |settings: Value| ask(&settings, &json!({"spec": {"replicas": 1}})).unwrap_err();
    assert_eq!(
        fails(json!({ "current": "status.phase == 'Ready'" })),
        Failure::failed("settings: `current` (status.phase == 'Ready'): Undeclared reference to 'status'")
    );
    assert_eq!(
        fails(json!({ "current": "spec.size == 1" })),
        Failure::failed("settings: `current` (spec.size == 1): No such key: size")
    );
    assert_eq!(
        fails(json!({ "current": "true", "failed": "spec.replicas" })),
        Failure::failed("settings: `failed` (spec.replicas) gives a value of type int, not true or false")
    );
    let Failure::Invalid(why) = fails(json!({ "current": "spec.replicas ==" })) else {
        panic!("it is the user's to mend");
    };
    assert!(why.starts_with("settings: `current`, line 1, column "), "{why}");
    let Failure::Invalid(why) = fails(json!({})) else {
        panic!("it is the user's to mend");
    };
    assert!(why.contains("import-cel"), "{why}");
}

#[test]
fn prepared_checks_answer_by_their_claim_and_the_importer_is_told_what_they_read() {
    let text = json!({"checks": [
        {"claim": "example.com/Queue", "expressions": {"current": READY, "failed": "spec.x.y == metadata.labels['a']"}},
        {"claim": "Pod", "expressions": {"current": "status.phase == 'Running' && kind.size() > 0"}},
        {"claim": "example.com/Whole", "expressions": {"current": "status.all(k, status[k] != 'bad')"}},
    ]});
    let prepared: Value = serde_json::from_str(&Plugin::prepare(&text.to_string()).unwrap()).unwrap();
    assert_eq!(
        prepared["fields"],
        json!({
            "example.com/Queue": ["/metadata/labels", "/spec/x/y", "/status/conditions", "/status/observedGeneration"],
            "Pod": ["/kind", "/status/observedGeneration", "/status/phase"],
            "example.com/Whole": ["/status"],
        })
    );
    let pod = json!({"kind": "Pod", "status": {"phase": "Running"}});
    assert_eq!(testing::assess::<Plugin>("Pod", &pod).unwrap().rule, "Pod/current");
    let wrong = json!({"checks": [
        {"claim": "a.example/A", "expressions": {"current": "1 +", "failed": "("}},
        {"claim": "b.example/B", "expressions": {"current": "true"}},
    ]});
    let why = Plugin::prepare(&wrong.to_string()).unwrap_err();
    assert!(
        why.contains("a.example/A: `failed`, line 1") && why.contains("a.example/A: `current`, line 1"),
        "{why}"
    );
}

mod properties {
    //! Any object and any expression have an answer, never a panic.

    use proptest::{collection, prelude::*, sample::select};
    use serde_json::{Value, json};

    use super::{READY, ask};

    fn object() -> impl Strategy<Value = Value> {
        let names = vec!["status", "conditions", "type", "spec", "x", ""];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 30, 5, move |inner| {
            prop_oneof![
                collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                collection::vec((select(names.clone()), inner), 0..5).prop_map(|members| {
                    Value::Object(
                        members
                            .into_iter()
                            .map(|(name, value)| (name.to_owned(), value))
                            .collect(),
                    )
                }),
            ]
        })
    }

    fn expression() -> impl Strategy<Value = String> {
        let pieces = vec![
            "status",
            ".x",
            ".conditions",
            "has(status.x)",
            "==",
            "!=",
            "&&",
            "||",
            "!",
            "(",
            ")",
            "[0]",
            "[-1]",
            "'s'",
            "1",
            "-1",
            "9223372036854775807",
            "+",
            "*",
            "/",
            "%",
            "in",
            "?",
            ":",
            "true",
            "null",
            ".exists(e, e.x)",
            ".size()",
            "{}",
            "[1, 2]",
        ];
        collection::vec(select(pieces), 0..15).prop_map(|pieces| pieces.join(" "))
    }

    proptest! {
        #[test]
        fn any_object_has_an_answer(object in object()) {
            // What of it is not as the expression needs it is reported, and is not a panic.
            drop(ask(&json!({ "current": READY }), &json!({ "status": object })));
        }

        #[test]
        fn any_expression_is_answered_or_refused(expression in expression(), object in object()) {
            drop(ask(&json!({ "current": expression }), &json!({ "status": object })));
        }
    }
}

#[test]
fn a_function_that_does_not_exist_is_found_before_anything_is_asked() {
    let prepare = |current: &str| {
        let checks = json!({"checks": [{"claim": "example.com/Queue", "expressions": {"current": current}}]});
        Plugin::prepare(&checks.to_string())
    };
    for (expression, function) in [
        ("timestamp(status.last) < now()", "timestamp"),
        ("status.items.all(e, matchs(e.name, 'a'))", "matchs"),
        ("status.name.lowerCase() == 'a'", "lowerCase"),
        ("has(status.a) ? status.a : [status.b.first()].size() == 1", "first"),
        ("{'a': strings.unknown(status.b)}.size() == 1", "unknown"),
    ] {
        let message = prepare(expression).unwrap_err();
        assert!(
            message.contains(&format!("the function `{function}` does not exist")),
            "{message}"
        );
    }
    for expression in [
        READY,
        "status.name.startsWith('a') && size(status.items) > 0 && status.name.matches('a+')",
        "status.name.split(',').map(e, e.trim()).join('-') == string(int('3'))",
        "strings.quote(status.name) == 'a' && type(status.name) == string",
        "status.items.filter(e, e > double(1)).exists_one(e, e in [1, 2])",
    ] {
        prepare(expression).unwrap();
    }
}
