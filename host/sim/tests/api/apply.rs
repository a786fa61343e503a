//! Server-side apply: who owns what, who may change it, what goes when it is given up.

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Pod, Service},
};
use kube::{
    Api, ResourceExt as _,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::{api::objects::deployment, cluster, refusal};

fn map(data: Value) -> Patch<Value> {
    Patch::Apply(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" }, "data": data }))
}

fn data(map: &ConfigMap) -> Value {
    serde_json::to_value(&map.data).unwrap()
}

#[tokio::test(start_paused = true)]
async fn apply_creates_then_changes_nothing() {
    let (_, client) = cluster();
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let first = maps
        .patch("a", &PatchParams::apply("me"), &map(json!({ "k": "1" })))
        .await
        .unwrap();
    let entries = first.metadata.managed_fields.clone().unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(
        (entries[0].manager.as_deref(), entries[0].operation.as_deref()),
        (Some("me"), Some("Apply"))
    );
    assert_eq!(
        entries[0].fields_v1.as_ref().unwrap().0,
        json!({ "f:data": { "f:k": {} } })
    );
    tokio::time::sleep(std::time::Duration::from_secs(9)).await;
    let again = maps
        .patch("a", &PatchParams::apply("me"), &map(json!({ "k": "1" })))
        .await
        .unwrap();
    assert_eq!(again, first);
}

#[tokio::test(start_paused = true)]
async fn a_field_of_another_manager_is_a_conflict_until_forced() {
    let (_, client) = cluster();
    let deployments: Api<Deployment> = Api::default_namespaced(client);
    let kubectl = PostParams {
        field_manager: Some("kubectl".into()),
        ..PostParams::default()
    };
    let mut made = deployment("web");
    made["spec"]["replicas"] = json!(2);
    deployments
        .create(&kubectl, &serde_json::from_value(made.clone()).unwrap())
        .await
        .unwrap();
    made["spec"]["replicas"] = json!(3);
    let patch = Patch::Apply(&made);
    let disputed = refusal(deployments.patch("web", &PatchParams::apply("me"), &patch).await);
    assert_eq!((disputed.code, disputed.reason.as_str()), (409, "Conflict"));
    assert_eq!(
        disputed.message,
        "Apply failed with 1 conflict: conflict with \"kubectl\" using apps/v1: .spec.replicas"
    );
    let cause = &disputed.details.unwrap().causes[0];
    assert_eq!(cause.reason, "FieldManagerConflict");
    assert_eq!(
        (cause.field.as_str(), cause.message.as_str()),
        (".spec.replicas", "conflict with \"kubectl\" using apps/v1")
    );

    made["spec"]["template"]["spec"]["containers"][0]["image"] = json!("nginx:2");
    let two = refusal(
        deployments
            .patch("web", &PatchParams::apply("me"), &Patch::Apply(&made))
            .await,
    );
    assert_eq!(
        two.message,
        "Apply failed with 2 conflicts: conflicts with \"kubectl\" using apps/v1:\n- .spec.replicas\n\
         - .spec.template.spec.containers[name=\"main\"].image"
    );
    let forced = deployments
        .patch("web", &PatchParams::apply("me").force(), &Patch::Apply(&made))
        .await
        .unwrap();
    assert_eq!(forced.spec.as_ref().unwrap().replicas, Some(3));
    let kubectl = &forced
        .managed_fields()
        .iter()
        .find(|one| one.manager.as_deref() == Some("kubectl"))
        .unwrap();
    assert_eq!(kubectl.fields_v1.as_ref().unwrap().0["f:spec"].get("f:replicas"), None);
    // An equal value is shared, not disputed.
    deployments
        .patch("web", &PatchParams::apply("third"), &Patch::Apply(&made))
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_only_its_manager_wanted_goes_when_given_up() {
    let (_, client) = cluster();
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    maps.patch(
        "a",
        &PatchParams::apply("me"),
        &map(json!({ "mine": "1", "ours": "1" })),
    )
    .await
    .unwrap();
    maps.patch(
        "a",
        &PatchParams::apply("you"),
        &map(json!({ "yours": "1", "ours": "1" })),
    )
    .await
    .unwrap();
    let left = maps
        .patch("a", &PatchParams::apply("me"), &map(json!({})))
        .await
        .unwrap();
    assert_eq!(data(&left), json!({ "yours": "1", "ours": "1" }));
    // A field somebody else wrote over is no longer mine to take away.
    let patch = Patch::Merge(json!({ "data": { "yours": "2" } }));
    maps.patch(
        "a",
        &PatchParams {
            field_manager: Some("editor".into()),
            ..PatchParams::default()
        },
        &patch,
    )
    .await
    .unwrap();
    let left = maps
        .patch("a", &PatchParams::apply("you"), &map(json!({ "ours": "1" })))
        .await
        .unwrap();
    assert_eq!(data(&left), json!({ "yours": "2", "ours": "1" }));
}

#[tokio::test(start_paused = true)]
async fn lists_merge_by_their_keys() {
    let (_, client) = cluster();
    let services: Api<Service> = Api::default_namespaced(client);
    let ports = |ports: Value| {
        Patch::Apply(
            json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "dns" }, "spec": { "ports": ports } }),
        )
    };
    let udp = json!([{ "name": "udp", "port": 53, "protocol": "UDP" }]);
    let tcp = json!([{ "name": "tcp", "port": 53 }]);
    services
        .patch("dns", &PatchParams::apply("one"), &ports(udp))
        .await
        .unwrap();
    let both = services
        .patch("dns", &PatchParams::apply("two"), &ports(tcp))
        .await
        .unwrap();
    let names = |service: &Service| -> Vec<String> {
        service
            .spec
            .as_ref()
            .unwrap()
            .ports
            .iter()
            .flatten()
            .filter_map(|port| port.name.clone())
            .collect()
    };
    assert_eq!(names(&both), ["udp", "tcp"]);
    let left = services
        .patch("dns", &PatchParams::apply("one"), &ports(json!([])))
        .await
        .unwrap();
    assert_eq!(names(&left), ["tcp"]);
    let clash = json!([{ "name": "other", "port": 53, "protocol": "TCP" }]);
    let clash = refusal(services.patch("dns", &PatchParams::apply("one"), &ports(clash)).await);
    assert!(
        clash
            .message
            .ends_with("conflict with \"two\": .spec.ports[port=53,protocol=\"TCP\"].name"),
        "{}",
        clash.message
    );
}

#[tokio::test(start_paused = true)]
async fn status_has_owners_of_its_own() {
    let (_, client) = cluster();
    let pods: Api<Pod> = Api::default_namespaced(client);
    let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "a" },
        "spec": { "containers": [{ "name": "c", "image": "x" }] }, "status": { "phase": "Failed" } });
    let made = pods
        .patch("a", &PatchParams::apply("me"), &Patch::Apply(&pod))
        .await
        .unwrap();
    assert_eq!(made.status.unwrap().phase.as_deref(), Some("Pending"));
    let status = Patch::Merge(json!({ "status": { "phase": "Running" } }));
    let kubelet = PatchParams {
        field_manager: Some("kubelet".into()),
        ..PatchParams::default()
    };
    let patched = pods.patch_status("a", &kubelet, &status).await.unwrap();
    let entry = patched
        .managed_fields()
        .iter()
        .find(|one| one.manager.as_deref() == Some("kubelet"))
        .unwrap()
        .clone();
    assert_eq!(entry.subresource.as_deref(), Some("status"));
    assert_eq!(entry.fields_v1.unwrap().0, json!({ "f:status": { "f:phase": {} } }));
}

#[tokio::test(start_paused = true)]
async fn apply_needs_a_manager_and_no_managed_fields() {
    let (_, client) = cluster();
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let request = http::Request::patch("/api/v1/namespaces/shop/configmaps/a")
        .header("content-type", "application/apply-patch+yaml")
        .body(b"apiVersion: v1\nkind: ConfigMap\n".to_vec())
        .unwrap();
    let refused = refusal(client.request::<ConfigMap>(request).await);
    assert!(
        refused.message.contains("is required for apply patch"),
        "{}",
        refused.message
    );
    let owned =
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "managedFields": [{ "manager": "x" }] } });
    let refused = refusal(maps.patch("a", &PatchParams::apply("me"), &Patch::Apply(owned)).await);
    assert_eq!(
        (refused.code, refused.message.as_str()),
        (400, "metadata.managedFields must be nil")
    );
    let request = http::Request::patch("/api/v1/namespaces/shop/configmaps/a?fieldManager=me")
        .header("content-type", "application/apply-patch+yaml")
        .body(b"apiVersion: v1\nkind: ConfigMap\ndata: {k: 'yes'}\n".to_vec())
        .unwrap();
    assert_eq!(
        data(&client.request::<ConfigMap>(request).await.unwrap()),
        json!({ "k": "yes" })
    );
    assert_eq!(maps.get("a").await.unwrap().name_any(), "a");
}

/// What YAML 1.2, but not kubectl, would read otherwise.
#[tokio::test(start_paused = true)]
async fn a_body_in_yaml_is_read_as_a_real_server_reads_it() {
    let (_, client) = cluster();
    let apply = async |name: &str, body: &str| {
        let address = format!("/api/v1/namespaces/shop/configmaps/{name}?fieldManager=me");
        let request = http::Request::patch(address)
            .header("content-type", "application/apply-patch+yaml")
            .body(body.as_bytes().to_vec())
            .unwrap();
        client.request::<Value>(request).await
    };
    let start = "apiVersion: v1\nkind: ConfigMap\n";
    let applied = apply(
        "a",
        &format!("---\n{start}immutable: on\ndata: {{a: first, a: last, 0o17: x}}\n"),
    )
    .await
    .unwrap();
    assert_eq!(
        (&applied["immutable"], &applied["data"]),
        (&json!(true), &json!({ "a": "last", "15": "x" }))
    );
    let refused = refusal(apply("b", &format!("{start}data:\n  a: 'x\n")).await);
    assert!(
        refused.code == 400 && refused.message.contains("line 4, column 6: "),
        "{}",
        refused.message
    );
    let refused = refusal(apply("b", &format!("{start}---\n{start}")).await);
    assert!(
        refused.code == 400 && refused.message.contains("more than one document"),
        "{}",
        refused.message
    );
}
