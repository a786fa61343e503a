//! Custom resource definitions and discovery.

use std::{sync::Arc, time::Duration};

use capstan_sim::{
    intercept::{Intercept, Verdict},
    service::SimService,
};
use k8s_openapi::{
    api::core::v1::ConfigMap, apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, Discovery,
    api::{ApiResource, DeleteParams, DynamicObject, Patch, PatchParams, PostParams},
    discovery::Scope,
};
use serde_json::json;
use tokio::time::Instant;

use crate::{cluster, refusal};

fn widgets() -> CustomResourceDefinition {
    serde_json::from_value(json!({
        "metadata": { "name": "widgets.example.com" },
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": { "plural": "widgets", "kind": "Widget", "shortNames": ["wd"] },
            "versions": [
                { "name": "v1beta1", "served": true, "storage": false, "subresources": { "status": {} }, "schema": {} },
                { "name": "v1", "served": true, "storage": true, "subresources": { "status": {} }, "schema": {} },
                { "name": "v1alpha1", "served": false, "storage": false, "schema": {} },
            ],
        },
    }))
    .unwrap()
}

fn resource(version: &str) -> ApiResource {
    let kind = kube::core::GroupVersionKind::gvk("example.com", version, "Widget");
    ApiResource::from_gvk_with_plural(&kind, "widgets")
}

#[tokio::test(start_paused = true)]
async fn a_definition_serves_its_kind_until_it_goes() {
    let (_, client) = cluster();
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let objects: Api<DynamicObject> = Api::default_namespaced_with(client.clone(), &resource("v1"));
    let widget = DynamicObject::new("w", &resource("v1")).data(json!({ "spec": { "size": 1, "list": [1] } }));
    assert_eq!(refusal(objects.create(&PostParams::default(), &widget).await).code, 404);
    let made = definitions.create(&PostParams::default(), &widgets()).await.unwrap();
    let conditions = made.status.unwrap().conditions.unwrap();
    let listed: Vec<_> = conditions
        .iter()
        .map(|one| (one.type_.as_str(), one.status.as_str()))
        .collect();
    assert_eq!(listed, [("NamesAccepted", "True"), ("Established", "True")]);

    objects.create(&PostParams::default(), &widget).await.unwrap();
    let other: Api<DynamicObject> = Api::default_namespaced_with(client.clone(), &resource("v1beta1"));
    let seen = other.get("w").await.unwrap();
    assert_eq!(seen.types.unwrap().api_version, "example.com/v1beta1");
    let none: Api<DynamicObject> = Api::default_namespaced_with(client, &resource("v1alpha1"));
    assert_eq!(refusal(none.get("w").await).code, 404);
    let status = Patch::Merge(json!({ "status": { "ok": true }, "spec": { "size": 9 } }));
    let listed = objects
        .patch_status("w", &PatchParams::default(), &status)
        .await
        .unwrap();
    assert_eq!(
        listed.data,
        json!({ "spec": { "size": 1, "list": [1] }, "status": { "ok": true } })
    );
    let strategic = Patch::Strategic(json!({ "spec": { "size": 2 } }));
    assert_eq!(
        refusal(objects.patch("w", &PatchParams::default(), &strategic).await).code,
        415
    );
    let applied = json!({ "apiVersion": "example.com/v1", "kind": "Widget", "spec": { "size": 1, "list": [2] } });
    let disputed = refusal(
        objects
            .patch("w", &PatchParams::apply("me"), &Patch::Apply(&applied))
            .await,
    );
    assert!(
        disputed.message.ends_with(".spec.list"),
        "a list of an unknown kind is one value: {}",
        disputed.message
    );
    let forced = objects
        .patch("w", &PatchParams::apply("me").force(), &Patch::Apply(&applied))
        .await
        .unwrap();
    assert_eq!(
        (forced.data["spec"].clone(), forced.metadata.generation),
        (json!({ "size": 1, "list": [2] }), Some(2))
    );

    definitions
        .delete("widgets.example.com", &DeleteParams::default())
        .await
        .unwrap();
    assert_eq!(
        refusal(objects.get("w").await).message,
        "the server could not find the requested resource"
    );
}

#[tokio::test(start_paused = true)]
async fn a_definition_waits_for_objects_that_are_held() {
    let (shared, client) = cluster();
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    definitions.create(&PostParams::default(), &widgets()).await.unwrap();
    let objects: Api<DynamicObject> = Api::default_namespaced_with(client, &resource("v1"));
    let mut widget = DynamicObject::new("w", &resource("v1"));
    widget.metadata.finalizers = Some(vec!["example.com/hold".into()]);
    objects.create(&PostParams::default(), &widget).await.unwrap();
    assert!(
        definitions
            .delete("widgets.example.com", &DeleteParams::default())
            .await
            .unwrap()
            .is_left()
    );
    let kind = capstan_sim::store::Kind::new("example.com", "Widget");
    shared
        .lock()
        .remove_finalizer(&kind, "shop", "w", "example.com/hold")
        .unwrap();
    assert!(definitions.get_opt("widgets.example.com").await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn discovery_is_the_same_old_and_new() {
    let (_, client) = cluster();
    Api::<CustomResourceDefinition>::all(client.clone())
        .create(&PostParams::default(), &widgets())
        .await
        .unwrap();
    let old = Discovery::new(client.clone()).run().await.unwrap();
    let new = Discovery::new(client).run_aggregated().await.unwrap();
    for found in [old, new] {
        let listed = |group: &str, version: &str| {
            let group = found.get(group).unwrap();
            let mut kinds: Vec<_> = group.versioned_resources(version);
            kinds.sort_by_key(|(resource, _)| resource.kind.clone());
            kinds
        };
        let widgets = listed("example.com", "v1");
        assert_eq!(widgets[0].0.plural, "widgets");
        assert_eq!(widgets[0].1.scope, Scope::Namespaced);
        assert!(listed("example.com", "v1alpha1").is_empty());
        assert_eq!(found.get("example.com").unwrap().preferred_version_or_latest(), "v1");
        let core: Vec<_> = listed("", "v1")
            .into_iter()
            .map(|(resource, _)| resource.kind)
            .collect();
        assert!(
            core.contains(&"Namespace".to_owned()) && core.contains(&"Pod".to_owned()),
            "{core:?}"
        );
        let apps = listed("apps", "v1");
        let deployment = apps.iter().find(|(resource, _)| resource.kind == "Deployment").unwrap();
        assert!(
            deployment
                .1
                .subresources
                .iter()
                .any(|(one, _)| one.plural.ends_with("scale"))
        );
    }
}

struct Judge;

impl Intercept for Judge {
    fn decide(&self, _: &http::Method, path: &str, _: &str) -> Verdict {
        match path.rsplit('/').next().unwrap_or_default() {
            "slow" => Verdict::Delay(Duration::from_secs(7)),
            "broken" => Verdict::Drop,
            "busy" => Verdict::Refuse {
                code: 429,
                reason: "TooManyRequests".into(),
                message: "later".into(),
                retry_after: Some(3),
            },
            _ => Verdict::Pass,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn requests_are_judged_first() {
    let (shared, _) = cluster();
    let client = Client::new(SimService::new(shared).with_intercept(Arc::new(Judge)), "shop");
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let start = Instant::now();
    assert_eq!(refusal(maps.get("slow").await).code, 404);
    assert_eq!(start.elapsed(), Duration::from_secs(7));
    let busy = refusal(maps.get("busy").await);
    assert_eq!(
        (
            busy.code,
            busy.message.as_str(),
            busy.details.unwrap().retry_after_seconds
        ),
        (429, "later", 3)
    );
    assert!(matches!(maps.get("broken").await.unwrap_err(), kube::Error::Service(_)));
}
