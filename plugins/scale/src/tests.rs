//! Scaling as scripts of observations.

use std::time::Duration;

use capstan_sdk::{
    Ask, Failure, Placement, Progress, Request, Step,
    testing::{self, Run, place},
};
use serde_json::{Value, json};

use super::Scale;

fn scaled(to: &Value) -> Run<Scale> {
    testing::set_now(Duration::ZERO);
    let mut run = Run::new("scale", json!({"settings": {"workload": "Deployment/api", "to": to}}));
    let begun = run.start().unwrap();
    assert!(matches!(&begun.asks[..], [Ask { id: 1, what: Request::Get(object) }] if object.name == "api"));
    run
}

fn seen(answers: u32, desired: u32, there: u32, from: Option<&str>) -> Value {
    let annotations = from.map_or(json!({}), |from| json!({"scale.capstan.dev/from": from}));
    json!({"kind": "object", "answers": answers, "health": {"status": "healthy"}, "object": {
        "metadata": {"name": "api", "generation": 2, "annotations": annotations},
        "spec": {"replicas": desired},
        "status": {"observedGeneration": 2, "replicas": there, "readyReplicas": there},
    }})
}

fn patch(step: &Step) -> Value {
    let mut merges = step.asks.iter().filter_map(|ask| match &ask.what {
        Request::Patch(_, merge) => serde_json::from_str(merge).ok(),
        _ => None,
    });
    merges.next_back().unwrap_or_default()
}

#[test]
fn it_scales_remembers_and_waits() {
    let mut run = scaled(&json!(0));
    let step = run.see(&seen(1, 3, 3, None)).unwrap();
    assert_eq!(
        patch(&step),
        json!({"metadata": {"annotations": {"scale.capstan.dev/from": "3"}}, "spec": {"replicas": 0}})
    );
    run.see(&json!({"kind": "done", "answers": 2})).unwrap();
    let waits = run.see(&seen(3, 0, 2, Some("3"))).unwrap();
    assert_eq!(
        (waits.progress, waits.message.as_str()),
        (Progress::Running, "Deployment/api: 2 replicas, 0 wanted")
    );
    let end = run.see(&seen(3, 0, 0, Some("3"))).unwrap();
    assert_eq!(
        (end.progress, end.message.as_str()),
        (Progress::Succeeded, "Deployment/api has 0 replicas")
    );
}

#[test]
fn it_scales_back_to_what_there_was_and_forgets_it() {
    let mut run = scaled(&json!("back"));
    let step = run.see(&seen(1, 0, 0, Some("3"))).unwrap();
    assert_eq!(
        patch(&step),
        json!({"metadata": {"annotations": {"scale.capstan.dev/from": null}}, "spec": {"replicas": 3}})
    );
    assert_eq!(
        run.see(&seen(3, 3, 1, None)).unwrap().message,
        "Deployment/api: 1 of 3 ready"
    );
    assert_eq!(run.see(&seen(3, 3, 3, None)).unwrap().progress, Progress::Succeeded);
    let mut run = scaled(&json!("back"));
    let end = run.see(&seen(1, 3, 3, None)).unwrap();
    assert_eq!(
        (end.progress, end.message.as_str()),
        (Progress::Succeeded, "Deployment/api wasn't scaled: it stays at 3")
    );
}

#[test]
fn after_a_crash_the_first_number_counts() {
    let mut run = scaled(&json!(0));
    let step = run.see(&seen(1, 0, 0, Some("3"))).unwrap();
    assert_eq!(patch(&step)["metadata"]["annotations"]["scale.capstan.dev/from"], "3");
}

#[test]
fn who_is_stopped_scales_back_first() {
    let mut run = scaled(&json!(0));
    assert_eq!(run.abort("terminated").unwrap().progress, Progress::Failed);
    let mut run = scaled(&json!(0));
    run.see(&seen(1, 3, 3, None)).unwrap();
    let step = run.abort("terminated").unwrap();
    assert_eq!(step.progress, Progress::Running);
    assert_eq!(patch(&step)["spec"]["replicas"], 3);
    assert_eq!(
        patch(&step)["metadata"]["annotations"]["scale.capstan.dev/from"],
        Value::Null
    );
    let end = run.see(&json!({"kind": "done", "answers": 4})).unwrap();
    assert_eq!(
        (end.progress, end.message.as_str()),
        (Progress::Failed, "stopped; Deployment/api is scaled back to 3")
    );
}

#[test]
fn what_is_not_there_refused_or_too_slow() {
    let see = |seen: Value| {
        let end = scaled(&json!(0)).see(&seen).unwrap();
        (end.progress, end.message)
    };
    let gone = see(json!({"kind": "gone", "answers": 1}));
    assert_eq!(
        gone,
        (
            Progress::Succeeded,
            "Deployment/api doesn't exist: nothing to scale".to_owned()
        )
    );
    let refused = see(json!({"kind": "refused", "answers": 1, "reason": "not granted"}));
    assert_eq!(refused, (Progress::Failed, "not granted".to_owned()));
    let mut run = scaled(&json!(2));
    run.see(&seen(1, 1, 1, None)).unwrap();
    testing::set_now(Duration::from_mins(5));
    let end = run.see(&json!({"kind": "woke"})).unwrap();
    assert_eq!(
        (end.progress, end.message.as_str()),
        (Progress::Failed, "Deployment/api isn't scaled to 2 within 5m")
    );
}

#[test]
fn what_is_wrong_with_the_settings_is_told_while_planning() {
    let placed = |settings: Value| place::<Scale>("scale", &json!({"settings": settings, "phases": ["PreSync"]}));
    match placed(json!({"workload": "StatefulSet/db", "to": 0})) {
        Ok(Placement::Run(placed)) => {
            let also: Value = serde_json::from_str(&placed.also[0]).unwrap();
            assert_eq!((&also["kind"], &also["name"]), (&json!("StatefulSet"), &json!("db")));
        }
        other => panic!("{other:?}"),
    }
    for (settings, why) in [
        (json!({"workload": "Deployment/api"}), "missing field `to`"),
        (
            json!({"workload": "Deployment/api", "to": "up"}),
            "`to` is a number of replicas, or `back`",
        ),
        (json!({"workload": "api", "to": 1}), "write KIND/NAME"),
        (json!({"workload": "Job/api", "to": 1}), "write KIND/NAME"),
    ] {
        match placed(settings) {
            Err(Failure::Invalid(message)) => assert!(message.contains(why), "{message}"),
            other => panic!("{other:?}"),
        }
    }
}
