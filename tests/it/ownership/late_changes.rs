//! Objects that others create or change between the plan and its tasks.

use capstan_core::{read::manifest, run::event::OperationStatus};
use capstan_engine::PlanRequest;
use capstan_tests::in_virtual_time;
use serde_json::{Value, json};

use super::{History, history_application, object};

/// Plans, lets others make something, and carries the plan out; returns why it failed, if it did.
async fn overtaken(history: &mut History, request: PlanRequest, others: Value) -> Option<String> {
    let application = request.application.clone();
    let planned = history.stage.engine.plan(request).await.unwrap();
    history.create(others).await;
    let running = history.stage.engine.start(planned, "somebody").await.unwrap();
    let ran = history.stage.follow_as(&application, running, None, &[]).await.unwrap();
    match ran.status {
        OperationStatus::Failed(cause) => Some(cause.message),
        _ => None,
    }
}

#[test]
fn what_others_make_after_a_plan_was_made_is_found_when_its_turn_comes() {
    in_virtual_time(async {
        let mut history = History::begin(0).await;
        let request = |set: &[Value]| {
            let texts: Vec<String> = set.iter().map(Value::to_string).collect();
            let manifests = manifest::decode("set", &texts.join("\n---\n")).unwrap();
            let mut request = PlanRequest::sync(history_application(), manifests);
            request.options.prune = true;
            request
        };
        let here = object("ConfigMap", "a", "here");
        let mut hook = object("Secret", "a", "creds");
        hook["metadata"]["annotations"] = json!({ "argocd.argoproj.io/hook": "PreSync" });
        let refused = overtaken(
            &mut history,
            request(&[here.clone(), hook]),
            object("Secret", "a", "creds"),
        )
        .await;
        let refused = refused.unwrap();
        assert!(
            refused.contains("Secret a/creds already exists and was not created by a hook"),
            "{refused}"
        );
        let with_namespace = request(&[here.clone(), object("Namespace", "", "x")]);
        history.stage.run(with_namespace).await.unwrap();
        let held = overtaken(&mut history, request(&[here]), object("ConfigMap", "x", "theirs")).await;
        let held = held.unwrap();
        assert!(held.contains("it isn't deleted: ConfigMap x/theirs is in it"), "{held}");
        let left = history
            .known()
            .await
            .into_values()
            .map(|object| object.key().to_string());
        let left: Vec<String> = left.collect();
        for theirs in ["Secret a/creds", "ConfigMap x/theirs", "Namespace x"] {
            assert!(left.iter().any(|key| key == theirs), "{theirs}: {left:?}");
        }
    });
}
