//! The other three patches.

use http::Method;
use serde_json::{Value, json};

use super::{create::settings, ground::Ground, update::deployment};

async fn json_patch(on: &Ground, resource: &str, patch: &Value) -> super::answer::Answer {
    on.send(Method::PATCH, resource, "application/json-patch+json", Some(patch))
        .await
}

pub async fn a_merge_patch_replaces_lists_and_removes_nulls(on: Ground) {
    let mut made = settings("a");
    made["metadata"]["finalizers"] = json!(["acme.io/a", "acme.io/b"]);
    on.post("configmaps", &made).await.is(201);
    let patch = json!({ "metadata": { "finalizers": ["acme.io/b"] }, "data": { "colour": null, "size": "1" } });
    let patched = on.merge("configmaps/a", &patch).await.is(200);
    assert_eq!(patched["data"], json!({ "size": "1" }));
    assert_eq!(patched["metadata"]["finalizers"], json!(["acme.io/b"]));
    on.merge("configmaps/a", &json!({ "metadata": { "finalizers": null } }))
        .await
        .is(200);
    let number = on.merge("configmaps/a", &json!({ "data": { "size": 1 } })).await;
    assert!((400..=422).contains(&number.code), "{number:?}");
}

pub async fn a_json_patch_is_done_whole_or_not_at_all(on: Ground) {
    on.post("configmaps", &settings("a")).await.is(201);
    let added = json!([{ "op": "test", "path": "/data/colour", "value": "blue" }, { "op": "add", "path": "/data/a~1b", "value": "c" }]);
    // A slash is not a letter of a key, so that the server has something to refuse.
    json_patch(&on, "configmaps/a", &added)
        .await
        .refuses(422, "Invalid", "*");
    let added = json!([{ "op": "test", "path": "/data/colour", "value": "blue" }, { "op": "add", "path": "/data/size", "value": "1" }]);
    json_patch(&on, "configmaps/a", &added)
        .await
        .shows(200, &json!({ "data": { "colour": "blue", "size": "1" } }));
    let failing =
        json!([{ "op": "remove", "path": "/data/size" }, { "op": "test", "path": "/data/colour", "value": "red" }]);
    json_patch(&on, "configmaps/a", &failing)
        .await
        .refuses(422, "Invalid", "*");
    let missing = json!([{ "op": "remove", "path": "/data/nothing" }]);
    json_patch(&on, "configmaps/a", &missing)
        .await
        .refuses(422, "Invalid", "*");
    on.get("configmaps/a")
        .await
        .shows(200, &json!({ "data": { "size": "1" } }));
}

pub async fn a_strategic_patch_knows_its_lists(on: Ground) {
    on.post("apps/v1/deployments", &deployment("d", 0)).await.is(201);
    let strategic = "application/strategic-merge-patch+json";
    let beside =
        json!({ "spec": { "template": { "spec": { "containers": [{ "name": "beside", "image": "beside:1" }] } } } });
    let both = on
        .send(Method::PATCH, "apps/v1/deployments/d", strategic, Some(&beside))
        .await
        .is(200);
    assert_eq!(
        both["spec"]["template"]["spec"]["containers"].as_array().unwrap().len(),
        2
    );
    let without =
        json!({ "spec": { "template": { "spec": { "containers": [{ "name": "beside", "$patch": "delete" }] } } } });
    let one = on
        .send(Method::PATCH, "apps/v1/deployments/d", strategic, Some(&without))
        .await
        .is(200);
    assert_eq!(
        one["spec"]["template"]["spec"]["containers"].as_array().unwrap().len(),
        1
    );
    let odd = on
        .send(
            Method::PATCH,
            "apps/v1/deployments/d",
            "application/x-patch",
            Some(&without),
        )
        .await;
    assert_eq!(odd.code, 415, "{odd:?}");
}

pub async fn a_patch_keeps_to_its_object(on: Ground) {
    on.merge("configmaps/a", &json!({ "data": {} }))
        .await
        .refuses(404, "NotFound", "configmaps \"a\" not found");
    let made = on.post("configmaps", &settings("a")).await.is(201);
    let renamed = on.merge("configmaps/a", &json!({ "metadata": { "name": "b" } })).await;
    assert!((400..=422).contains(&renamed.code), "{renamed:?}");
    on.merge("configmaps/a", &json!({ "data": { "size": "1" } }))
        .await
        .is(200);
    let stale =
        json!({ "metadata": { "resourceVersion": made["metadata"]["resourceVersion"] }, "data": { "size": "2" } });
    on.merge("configmaps/a", &stale)
        .await
        .refuses(409, "Conflict", "*the object has been modified*");
    let stranger = json!({ "metadata": { "uid": "00000000-0000-4000-8000-000000000000" }, "data": { "size": "2" } });
    on.merge("configmaps/a", &stranger).await.refuses(
        422,
        "Invalid",
        "*metadata.uid: Invalid value: *field is immutable*",
    );
}

pub async fn a_patch_of_a_wrong_type_is_refused(on: Ground) {
    on.post("apps/v1/deployments", &deployment("d", 0)).await.is(201);
    let strategic = "application/strategic-merge-patch+json";
    let containers = |value: Value| json!({ "spec": { "template": { "spec": { "containers": value } } } });
    let invalid = |sent: &str, why: &str| {
        (
            422,
            "Invalid",
            format!(" \"\" is invalid: patch: Invalid value: \"{sent}\": {why}"),
        )
    };
    let internal = |why: &str| (500, "", why.to_owned());
    let bad = |why: &str| (400, "BadRequest", why.to_owned());
    let map = "Go value of type map[string]interface {}";
    let of_containers = |value: &str| format!("map[spec:map[template:map[spec:map[containers:{value}]]]]");
    let cases = [
        (
            json!({ "spec": { "replicas": "3" } }),
            invalid("map[spec:map[replicas:3]]", "unrecognized type: int32"),
        ),
        (
            json!({ "spec": [] }),
            invalid("map[spec:[]]", "cannot restore struct from: slice"),
        ),
        (
            json!({ "spec": "x" }),
            invalid("map[spec:x]", "cannot restore struct from: string"),
        ),
        (
            containers(json!({ "name": "a" })),
            invalid(&of_containers("map[name:a]"), "cannot restore slice from map"),
        ),
        (
            containers(json!("a")),
            invalid(&of_containers("a"), "cannot restore slice from string"),
        ),
        (
            containers(json!([{ "name": "main", "env": {} }])),
            invalid(
                &of_containers("[map[env:map[] name:main]]"),
                "cannot restore slice from map",
            ),
        ),
        (
            json!({ "metadata": { "finalizers": [1] } }),
            invalid("map[metadata:map[finalizers:[1]]]", "cannot convert int64 to string"),
        ),
        (
            json!({ "metadata": { "labels": { "a": 1 } } }),
            invalid("map[metadata:map[labels:map[a:1]]]", "cannot convert int64 to string"),
        ),
        (
            json!({ "metadata": { "labels": [] } }),
            invalid("map[metadata:map[labels:[]]]", "cannot restore map from slice"),
        ),
        (
            containers(json!(["a"])),
            internal("list element types are not identical: [[map[*]] [a]]"),
        ),
        (
            containers(json!([{ "image": "x" }])),
            internal("map: map[image:x] does not contain declared merge key: name"),
        ),
        (
            json!({ "spec": { "$patch": "odd" } }),
            internal("unknown patch type: odd in map: map[$patch:odd]"),
        ),
        (
            json!({ "metadata": { "$setElementOrder/finalizers": "odd" } }),
            internal("expected a []interface {}, but received a string"),
        ),
        (
            json!({ "spec": { "$retainKeys": "odd" } }),
            bad("invalid patch format of retainKeys"),
        ),
        (json!([]), bad(&format!("json: cannot unmarshal array into {map}"))),
        (json!("x"), bad(&format!("json: cannot unmarshal string into {map}"))),
    ];
    for (patch, (code, reason, message)) in cases {
        let answer = on
            .send(Method::PATCH, "apps/v1/deployments/d", strategic, Some(&patch))
            .await;
        answer.refuses(code, reason, &message);
    }
    let field = |found: &str, field: &str, of: &str| {
        invalid(
            "{*}",
            &format!("json: cannot unmarshal {found} into Go struct field {field} of type {of}"),
        )
    };
    let cases = [
        (
            json!({ "spec": { "replicas": "3" } }),
            field("string", "DeploymentSpec.spec.replicas", "int32"),
        ),
        (
            json!({ "spec": [] }),
            field("array", "Deployment.spec", "*v1.DeploymentSpec"),
        ),
        (
            containers(json!("a")),
            field("string", "PodSpec.spec.template.spec.containers", "[]*"),
        ),
        (
            json!({ "metadata": { "labels": { "a": 1 } } }),
            field("number", "ObjectMeta.metadata.labels", "string"),
        ),
        (
            json!([]),
            bad(&format!(
                "error decoding patch: json: cannot unmarshal array into {map}"
            )),
        ),
        (
            json!("x"),
            bad(&format!(
                "error decoding patch: json: cannot unmarshal string into {map}"
            )),
        ),
    ];
    for (patch, (code, reason, message)) in cases {
        on.merge("apps/v1/deployments/d", &patch)
            .await
            .refuses(code, reason, &message);
    }
}
