//! Who may do what.

use serde_json::json;

use super::ground::Ground;

pub async fn an_administrator_may_do_everything(on: Ground) {
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": { "resourceAttributes": { "namespace": on.namespace, "verb": "patch", "group": "apps", "resource": "deployments" } },
    });
    let review = on
        .post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", &review)
        .await;
    review.shows(
        201,
        &json!({ "kind": "SelfSubjectAccessReview", "status": { "allowed": true } }),
    );
    let rules = json!({ "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": { "namespace": on.namespace } });
    let review = on
        .post("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", &rules)
        .await;
    let review = review.shows(201, &json!({ "status": { "incomplete": false } }));
    let all = review["status"]["resourceRules"]
        .as_array()
        .unwrap()
        .iter()
        .any(|rule| {
            rule["verbs"] == json!(["*"]) && rule["apiGroups"] == json!(["*"]) && rule["resources"] == json!(["*"])
        });
    assert!(all, "{review:#}");
}
