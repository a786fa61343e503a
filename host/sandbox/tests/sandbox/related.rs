//! What a health plugin is told beside the object: whose rules hold, and the related objects that it asks for.

use std::collections::BTreeMap;

use capstan_core::model::{
    compat::Mode,
    health::{Assessment, Health},
    object::{GroupKind, Object},
    plugins::{HealthQuestion, PluginQuery, Plugins as _},
    related::{OWNED_PODS, Related, RelatedResult},
};
use capstan_sandbox::Sandbox;
use capstan_stamp::Manifest;
use serde_json::{Value, json};

use crate::support::{application, now, sandbox};

fn job(status: &Value) -> Object {
    Object(json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "migrate", "namespace": "shop"}, "status": status,
    }))
}

fn running() -> Object {
    job(&json!({"startTime": "2026-01-01T00:00:00Z", "active": 1}))
}

async fn ask(sandbox: &Sandbox, object: &Object, mode: Mode, related: Option<&Related>) -> Assessment {
    let by = sandbox
        .plugin_for(&PluginQuery::Health(GroupKind::new("batch", "Job")))
        .unwrap();
    let question = HealthQuestion {
        application: &application(),
        object,
        mode,
        related,
        settings: None,
        now: now(),
    };
    sandbox.assess(&by, question).await.unwrap()
}

#[tokio::test]
async fn a_plugin_knows_whose_rules_hold() {
    let resumed = job(&json!({"active": 1, "conditions": [{"type": "Suspended", "status": "False"}]}));
    assert_eq!(
        ask(sandbox(), &resumed, Mode::Native, None).await.health,
        Health::Progressing
    );
    assert_eq!(
        ask(sandbox(), &resumed, Mode::ArgoCd, None).await.health,
        Health::Healthy
    );
}

#[tokio::test]
async fn who_asked_for_pods_says_what_they_tell() {
    let first = ask(sandbox(), &running(), Mode::Native, None).await;
    assert_eq!(first.requested_related, [OWNED_PODS]);
    let pod = Object(json!({
        "metadata": {"name": "migrate-x"},
        "status": {"containerStatuses": [
            {"name": "main", "image": "acme/job:1", "state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}}},
        ]},
    }));
    let related = BTreeMap::from([(OWNED_PODS.to_owned(), RelatedResult::pods([&pod], Vec::new()))]);
    let second = ask(sandbox(), &running(), Mode::Native, Some(&related)).await;
    assert!(
        second
            .message
            .ends_with("1 of 1 pod: back-off pulling image acme/job:1 (not found)"),
        "{second:?}"
    );
    let refused = BTreeMap::from([(OWNED_PODS.to_owned(), RelatedResult::refused("may not"))]);
    let second = ask(sandbox(), &running(), Mode::Native, Some(&refused)).await;
    assert_eq!((second.message, second.requested_related), (first.message, Vec::new()));
}

#[tokio::test]
async fn what_a_claim_does_not_name_is_not_shown_to_it() {
    let toml = "contract = '0.1.0'\nname = 'own'\nversion = '1.0.0'\nlicence = 'MIT'\ndescription = 'A test.'\n\
                [[claims]]\ninterface = 'health'\nkinds = ['batch/Job']\n";
    let component = capstan_bundle::get("job").unwrap().bytes;
    let component = capstan_stamp::stamp(component, &Manifest::from_toml(toml).unwrap()).unwrap();
    let own = Sandbox::builder().plugin("own.wasm", component).build().unwrap();
    let answer = ask(&own, &running(), Mode::Native, None).await;
    assert_eq!(
        (answer.health, answer.requested_related),
        (Health::Progressing, Vec::new())
    );
}
