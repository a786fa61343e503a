//! What `kubectl` meets beside the objects: warnings, evictions, its own annotation, refusals.

use http::Method;
use serde_json::{Value, json};

use super::ground::Ground;

pub async fn unknown_fields_are_warned_about(on: Ground) {
    let object = json!({ "metadata": { "name": "c" }, "datas": {} });
    let post = async |query: &str| {
        let answer = on.post(&format!("configmaps?dryRun=All{query}"), &object).await;
        assert_eq!(answer.code, 201, "{:#}", answer.body);
        answer.warnings
    };
    assert_eq!(post("").await, [r#"299 - "unknown field \"datas\"""#]);
    assert_eq!(
        post("&fieldValidation=Warn").await,
        [r#"299 - "unknown field \"datas\"""#]
    );
    assert!(post("&fieldValidation=Ignore").await.is_empty());
    let shown = on.get("endpoints").await.warnings;
    assert!(
        shown.len() == 1 && shown[0].contains("Endpoints is deprecated"),
        "{shown:?}"
    );
}

pub async fn a_budget_stops_an_eviction(on: Ground) {
    let labels = json!({ "app": "a" });
    let containers = json!([{ "name": "endless", "image": "x" }]);
    let deployment = json!({ "metadata": { "name": "d" }, "spec": { "replicas": 1, "selector": { "matchLabels": labels },
        "template": { "metadata": { "labels": labels }, "spec": { "containers": containers } } } });
    on.post("apps/v1/deployments", &deployment).await.is(201);
    let budget =
        json!({ "metadata": { "name": "b" }, "spec": { "minAvailable": 1, "selector": { "matchLabels": labels } } });
    on.post("policy/v1/poddisruptionbudgets", &budget).await.is(201);
    on.until(
        "policy/v1/poddisruptionbudgets/b",
        &json!({ "status": { "currentHealthy": 1, "disruptionsAllowed": 0 } }),
    )
    .await;
    let pods = on.get("pods?labelSelector=app%3Da").await.is(200);
    let name = pods["items"][0]["metadata"]["name"].as_str().unwrap();
    let eviction = json!({ "apiVersion": "policy/v1", "kind": "Eviction", "metadata": { "name": name } });
    let path = format!("pods/{name}/eviction");
    let message = "Cannot evict pod as it would violate the pod's disruption budget.";
    let refused = on.post(&path, &eviction).await.refuses(429, "TooManyRequests", message);
    assert_eq!(
        refused["details"]["causes"],
        json!([{ "reason": "DisruptionBudget", "message": "The disruption budget b needs 1 healthy pods and has 1 currently" }])
    );
    let none = json!({ "spec": { "minAvailable": 0 } });
    on.merge("policy/v1/poddisruptionbudgets/b", &none).await.is(200);
    let allowed = json!({ "status": { "disruptionsAllowed": 1 } });
    on.until("policy/v1/poddisruptionbudgets/b", &allowed).await;
    on.post(&path, &eviction).await.is(201);
    let pod = json!({ "metadata": { "name": "nobody" } });
    on.post("pods/nobody/eviction", &pod).await.is(404);
    // A share of pods without a controller is a share of none.
    let labels = json!({ "app": "bare" });
    let bare = json!({ "metadata": { "name": "bare", "labels": labels }, "spec": { "containers": containers } });
    on.post("pods", &bare).await.is(201);
    let share = json!({ "metadata": { "name": "share" }, "spec": { "minAvailable": "50%", "selector": { "matchLabels": labels } } });
    on.post("policy/v1/poddisruptionbudgets", &share).await.is(201);
    on.until(
        "policy/v1/poddisruptionbudgets/share",
        &json!({ "status": { "currentHealthy": 1, "disruptionsAllowed": 0 } }),
    )
    .await;
    let eviction = json!({ "metadata": { "name": "bare" } });
    let refused = on.post("pods/bare/eviction", &eviction).await;
    let refused = refused.refuses(429, "TooManyRequests", message);
    assert_eq!(
        refused["details"]["causes"],
        json!([{ "reason": "DisruptionBudget", "message": "The disruption budget share does not allow evicting pods currently" }])
    );
}

pub async fn what_kubectl_applied_itself_is_no_conflict_for_it(on: Ground) {
    let last = "kubectl.kubernetes.io/last-applied-configuration";
    let object = |a: &str| json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "c", "namespace": on.namespace }, "data": { "a": a, "b": "1" } });
    let mut made = object("1");
    made["metadata"]["annotations"] = json!({ last: object("1").to_string() });
    on.post("configmaps?fieldManager=kubectl-client-side-apply", &made)
        .await
        .is(201);
    on.apply("other", "configmaps/c", &object("2"))
        .await
        .refuses(409, "Conflict", "*.data.a*");
    let applied = on.apply("kubectl", "configmaps/c", &object("2")).await.is(200);
    let written = applied["metadata"]["annotations"][last].as_str().unwrap();
    let written: Value = serde_json::from_str(written).unwrap();
    assert_eq!(written, object("2"));
    // What another one has changed since is not what kubectl applied.
    on.merge("configmaps/c?fieldManager=third", &json!({ "data": { "b": "2" } }))
        .await
        .is(200);
    let mut mine = object("2");
    mine["data"]["b"] = json!("3");
    on.apply("kubectl", "configmaps/c", &mine)
        .await
        .refuses(409, "Conflict", "*.data.b*");
}

pub async fn refusals_have_the_servers_words(on: Ground) {
    for namespace in ["default", "kube-system", "kube-public"] {
        let why = format!("namespaces \"{namespace}\" is forbidden: this namespace may not be deleted");
        let path = format!("/api/v1/namespaces/{namespace}");
        on.delete(&path, &json!({})).await.refuses(403, "Forbidden", &why);
    }
    let bad = |why: &'static str| (400, "BadRequest", why);
    for (path, (code, reason, why)) in [
        (
            "configmaps?fieldSelector=data%3Dx",
            bad("*\"data\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""),
        ),
        ("pods?fieldSelector=data%3Dx", bad("*field label not supported: data")),
        (
            "configmaps?labelSelector=a+in+(b",
            bad("*unable to parse requirement: found '', expected: ',' or ')'"),
        ),
    ] {
        on.get(path).await.refuses(code, reason, why);
    }
    let token =
        json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": { "audiences": [] } });
    on.post("serviceaccounts/nobody/token", &token).await.refuses(
        404,
        "NotFound",
        "serviceaccounts \"nobody\" not found",
    );
}

pub async fn a_job_without_labels_has_those_of_its_pods(on: Ground) {
    let containers = json!([{ "name": "main", "image": "x" }]);
    let job = |labels: Value| {
        json!({ "metadata": { "generateName": "j-", "labels": labels }, "spec": { "suspend": true,
            "template": { "spec": { "restartPolicy": "Never", "containers": containers } } } })
    };
    let made = on.post("batch/v1/jobs", &job(Value::Null)).await.is(201);
    let path = format!("batch/v1/jobs/{}", made["metadata"]["name"].as_str().unwrap());
    let found = on.get(&path).await.is(200);
    assert_eq!(
        found["metadata"]["labels"],
        found["spec"]["template"]["metadata"]["labels"]
    );
    assert!(
        found["metadata"]["labels"]["batch.kubernetes.io/job-name"].is_string(),
        "{found:#}"
    );
    let made = on.post("batch/v1/jobs", &job(json!({ "a": "b" }))).await.is(201);
    assert_eq!(made["metadata"]["labels"], json!({ "a": "b" }));
}

pub async fn open_api_has_the_fields_of_a_kind(on: Ground) {
    let paths = on.get("/openapi/v3").await.is(200);
    let url = paths["paths"]["apis/apps/v1"]["serverRelativeURL"]
        .as_str()
        .unwrap()
        .to_owned();
    let document = on.send(Method::GET, &url, "application/json", None).await.is(200);
    let schemas = &document["components"]["schemas"];
    let of = |name: &str| &schemas[format!("io.k8s.api.{name}")]["properties"];
    assert_eq!(of("apps.v1.DeploymentSpec")["replicas"]["type"], "integer");
    assert_eq!(
        of("apps.v1.Deployment")["metadata"]["allOf"][0]["$ref"],
        "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
    );
    assert_eq!(
        of("core.v1.PodSpec")["containers"]["x-kubernetes-patch-merge-key"],
        "name"
    );
    let kind = json!([{ "group": "apps", "version": "v1", "kind": "Deployment" }]);
    assert_eq!(
        schemas["io.k8s.api.apps.v1.Deployment"]["x-kubernetes-group-version-kind"],
        kind
    );
}
