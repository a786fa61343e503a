//! What becomes of an object when Go reads, completes and stores it: zero values, amounts, defaults, types.

use serde_json::{Value, json};

use super::ground::Ground;

/// Creates an object by a dry run and compares a part of what the server makes of it.
async fn becomes(on: &Ground, resource: &str, object: &Value, pointer: &str, expected: &Value) {
    let resource = format!("{resource}?dryRun=All&fieldManager=one");
    let made = on.post(&resource, object).await.is(201);
    let part = made.pointer(pointer).cloned().unwrap_or(Value::Null);
    assert_eq!(&part, expected, "{pointer} of {object:#}");
}

fn container(rest: &Value) -> Value {
    let mut container = json!({ "name": "a", "image": "a:1" });
    for (name, value) in rest.as_object().into_iter().flatten() {
        container[name] = value.clone();
    }
    container
}

fn workload(kind: &str, spec: &Value, pod: &Value, main: &Value) -> Value {
    let mut object = json!({
        "apiVersion": "apps/v1", "kind": kind, "metadata": { "name": "w" },
        "spec": {
            "selector": { "matchLabels": { "a": "b" } },
            "template": { "metadata": { "labels": { "a": "b" } }, "spec": { "containers": [container(main)] } },
        },
    });
    for (name, value) in spec.as_object().into_iter().flatten() {
        object["spec"][name] = value.clone();
    }
    for (name, value) in pod.as_object().into_iter().flatten() {
        object["spec"]["template"]["spec"][name] = value.clone();
    }
    object
}

const POD: &str = "/spec/template/spec";
const MAIN: &str = "/spec/template/spec/containers/0";

pub async fn zero_values_are_left_out(on: Ground) {
    let object = workload(
        "Deployment",
        &json!({ "minReadySeconds": 0, "paused": false, "replicas": 0 }),
        &json!({ "hostNetwork": false, "hostPID": false, "nodeName": "", "terminationGracePeriodSeconds": 0, "securityContext": { "runAsUser": 0 } }),
        &json!({ "stdin": false, "env": [{ "name": "A", "value": "" }], "securityContext": { "privileged": false }, "command": null }),
    );
    let spec = json!({
        "replicas": 0, "selector": { "matchLabels": { "a": "b" } }, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
        "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": "25%", "maxUnavailable": "25%" } },
        "template": {
            "metadata": { "labels": { "a": "b" } },
            "spec": {
                "containers": [{
                    "name": "a", "image": "a:1", "env": [{ "name": "A" }], "imagePullPolicy": "IfNotPresent", "resources": {},
                    "securityContext": { "privileged": false },
                    "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
                }],
                "dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "schedulerName": "default-scheduler",
                "securityContext": { "runAsUser": 0 }, "terminationGracePeriodSeconds": 0,
            },
        },
    });
    becomes(&on, "apps/v1/deployments", &object, "/spec", &spec).await;
    becomes(&on, "apps/v1/deployments", &object, "/status", &json!({})).await;
    let probe = json!({ "livenessProbe": { "httpGet": { "path": "/", "port": 80 }, "initialDelaySeconds": 0 } });
    let object = workload("Deployment", &json!({}), &json!({}), &probe);
    let expected = json!({
        "httpGet": { "path": "/", "port": 80, "scheme": "HTTP" }, "failureThreshold": 3, "periodSeconds": 10, "successThreshold": 1,
        "timeoutSeconds": 1,
    });
    becomes(
        &on,
        "apps/v1/deployments",
        &object,
        &format!("{MAIN}/livenessProbe"),
        &expected,
    )
    .await;
}

pub async fn amounts_times_and_bytes_have_one_form(on: Ground) {
    let resources = json!({ "resources": { "limits": { "cpu": 0.5, "memory": "1024Mi" }, "requests": { "cpu": "250m", "memory": "0.5Gi" } } });
    let object = workload("Deployment", &json!({}), &json!({}), &resources);
    let expected =
        json!({ "limits": { "cpu": "500m", "memory": "1Gi" }, "requests": { "cpu": "250m", "memory": "512Mi" } });
    becomes(
        &on,
        "apps/v1/deployments",
        &object,
        &format!("{MAIN}/resources"),
        &expected,
    )
    .await;
    let secret = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "s" }, "data": { "a": "YWJj\nZGVm\n", "b": "YWI=" } });
    becomes(
        &on,
        "secrets",
        &secret,
        "/data",
        &json!({ "a": "YWJjZGVm", "b": "YWI=" }),
    )
    .await;
    let quota = json!({ "apiVersion": "v1", "kind": "ResourceQuota", "metadata": { "name": "q" }, "spec": { "hard": { "requests.cpu": "1000m", "pods": 10 } } });
    becomes(
        &on,
        "resourcequotas",
        &quota,
        "/spec/hard",
        &json!({ "requests.cpu": "1", "pods": "10" }),
    )
    .await;
    let claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "p" },
        "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1024Mi" } }, "storageClassName": "" },
    });
    let expected = json!({
        "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } }, "storageClassName": "", "volumeMode": "Filesystem",
    });
    becomes(&on, "persistentvolumeclaims", &claim, "/spec", &expected).await;
    let scaler = json!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": { "name": "h" },
        "spec": {
            "scaleTargetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "w" }, "maxReplicas": 2,
            "metrics": [{ "type": "Resource", "resource": { "name": "memory", "target": { "type": "AverageValue", "averageValue": "1024Mi" } } }],
        },
    });
    let target = "/spec/metrics/0/resource/target/averageValue";
    becomes(
        &on,
        "autoscaling/v2/horizontalpodautoscalers",
        &scaler,
        target,
        &json!("1Gi"),
    )
    .await;
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": { "name": "l" },
        "spec": { "renewTime": "2024-01-02T03:04:05.500000+01:00" },
    });
    let time = json!({ "renewTime": "2024-01-02T02:04:05.500000Z" });
    becomes(&on, "coordination.k8s.io/v1/leases", &lease, "/spec", &time).await;
}

pub async fn lists_and_maps_that_are_empty_go(on: Ground) {
    let role = json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": { "name": "r", "labels": {} }, "rules": [] });
    becomes(&on, "rbac.authorization.k8s.io/v1/roles", &role, "/rules", &Value::Null).await;
    becomes(
        &on,
        "rbac.authorization.k8s.io/v1/roles",
        &role,
        "/metadata/labels",
        &Value::Null,
    )
    .await;
    let object = workload(
        "Deployment",
        &json!({}),
        &json!({ "volumes": [{ "name": "e", "emptyDir": {} }], "nodeSelector": {}, "tolerations": [] }),
        &json!({ "args": [], "env": [] }),
    );
    becomes(
        &on,
        "apps/v1/deployments",
        &object,
        &format!("{POD}/volumes"),
        &json!([{ "name": "e", "emptyDir": {} }]),
    )
    .await;
    for gone in ["nodeSelector", "tolerations"] {
        becomes(
            &on,
            "apps/v1/deployments",
            &object,
            &format!("{POD}/{gone}"),
            &Value::Null,
        )
        .await;
    }
    becomes(
        &on,
        "apps/v1/deployments",
        &object,
        &format!("{MAIN}/args"),
        &Value::Null,
    )
    .await;
    let policy = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": "n" },
        "spec": { "podSelector": {}, "ingress": [{}], "egress": [{ "ports": [{ "port": 53, "protocol": "UDP" }] }] },
    });
    let expected = json!({
        "podSelector": {}, "ingress": [{}], "egress": [{ "ports": [{ "port": 53, "protocol": "UDP" }] }], "policyTypes": ["Ingress", "Egress"],
    });
    becomes(&on, "networking.k8s.io/v1/networkpolicies", &policy, "/spec", &expected).await;
    let ingress = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": { "name": "i" },
        "spec": { "tls": [], "defaultBackend": { "service": { "name": "s", "port": { "number": 80 } } } },
    });
    let expected = json!({ "defaultBackend": { "service": { "name": "s", "port": { "number": 80 } } } });
    becomes(&on, "networking.k8s.io/v1/ingresses", &ingress, "/spec", &expected).await;
}

pub async fn defaults_are_those_of_the_kind(on: Ground) {
    let set = workload(
        "StatefulSet",
        &json!({
            "serviceName": "s",
            "volumeClaimTemplates": [{
                "metadata": { "name": "d" },
                "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1024Mi" } } },
            }],
        }),
        &json!({ "volumes": [{ "name": "c", "configMap": { "name": "x", "optional": false } }] }),
        &json!({ "ports": [{ "containerPort": 80, "hostPort": 0 }] }),
    );
    let claims = json!([{
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": { "name": "d" },
        "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } }, "volumeMode": "Filesystem" },
        "status": { "phase": "Pending" },
    }]);
    let sets = "apps/v1/statefulsets";
    becomes(&on, sets, &set, "/spec/volumeClaimTemplates", &claims).await;
    let update = json!({ "type": "RollingUpdate", "rollingUpdate": { "partition": 0 } });
    becomes(&on, sets, &set, "/spec/updateStrategy", &update).await;
    becomes(
        &on,
        sets,
        &set,
        &format!("{MAIN}/ports"),
        &json!([{ "containerPort": 80, "protocol": "TCP" }]),
    )
    .await;
    let volumes = json!([{ "name": "c", "configMap": { "name": "x", "optional": false, "defaultMode": 420 } }]);
    becomes(&on, sets, &set, &format!("{POD}/volumes"), &volumes).await;

    let cron = json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": { "name": "c" },
        "spec": {
            "schedule": "0 0 * * *", "suspend": false, "successfulJobsHistoryLimit": 0, "startingDeadlineSeconds": 0,
            "jobTemplate": { "spec": { "backoffLimit": 0, "template": { "spec": { "restartPolicy": "Never", "containers": [container(&json!({}))] } } } },
        },
    });
    let expected = json!({
        "schedule": "0 0 * * *", "suspend": false, "successfulJobsHistoryLimit": 0, "startingDeadlineSeconds": 0, "failedJobsHistoryLimit": 1,
        "concurrencyPolicy": "Allow",
        "jobTemplate": { "metadata": {}, "spec": { "backoffLimit": 0, "template": { "metadata": {}, "spec": {
            "restartPolicy": "Never", "dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler", "securityContext": {},
            "terminationGracePeriodSeconds": 30,
            "containers": [{
                "name": "a", "image": "a:1", "imagePullPolicy": "IfNotPresent", "resources": {},
                "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
            }],
        } } } },
    });
    becomes(&on, "batch/v1/cronjobs", &cron, "/spec", &expected).await;

    let range = json!({
        "apiVersion": "v1", "kind": "LimitRange", "metadata": { "name": "l" },
        "spec": { "limits": [{ "type": "Container", "default": { "cpu": 0.5, "memory": "0.5Gi" }, "defaultRequest": { "cpu": "100m" } }] },
    });
    let limits = json!([{
        "type": "Container", "default": { "cpu": "500m", "memory": "512Mi" }, "defaultRequest": { "cpu": "100m", "memory": "512Mi" },
    }]);
    becomes(&on, "limitranges", &range, "/spec/limits", &limits).await;

    let budget = json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": { "name": "d" },
        "spec": { "maxUnavailable": 0, "selector": { "matchLabels": { "a": "b" } } },
    });
    let expected = json!({ "maxUnavailable": 0, "selector": { "matchLabels": { "a": "b" } } });
    becomes(&on, "policy/v1/poddisruptionbudgets", &budget, "/spec", &expected).await;

    let hook = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration", "metadata": { "name": "stored-forms" },
        "webhooks": [{
            "name": "a.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "clientConfig": { "service": { "name": "svc", "namespace": "rf" } },
            "rules": [{ "apiGroups": ["example.org"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["things"] }],
        }],
    });
    let expected = json!([{
        "name": "a.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"], "failurePolicy": "Fail", "matchPolicy": "Equivalent",
        "timeoutSeconds": 10, "namespaceSelector": {}, "objectSelector": {},
        "clientConfig": { "service": { "name": "svc", "namespace": "rf", "port": 443 } },
        "rules": [{ "apiGroups": ["example.org"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["things"], "scope": "*" }],
    }]);
    let hooks = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    becomes(&on, hooks, &hook, "/webhooks", &expected).await;

    let class = json!({ "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": { "name": "stored-forms" }, "value": 0, "globalDefault": false });
    let classes = "/apis/scheduling.k8s.io/v1/priorityclasses";
    becomes(
        &on,
        classes,
        &class,
        "/preemptionPolicy",
        &json!("PreemptLowerPriority"),
    )
    .await;
    becomes(&on, classes, &class, "/value", &json!(0)).await;
    becomes(&on, classes, &class, "/globalDefault", &Value::Null).await;
}

pub async fn values_of_a_wrong_type_are_refused(on: Ground) {
    let replicas = workload("Deployment", &json!({ "replicas": "3" }), &json!({}), &json!({}));
    on.post("apps/v1/deployments", &replicas).await.refuses(
        400,
        "BadRequest",
        "Deployment in version \"v1\" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct field \
         DeploymentSpec.spec.replicas of type int32",
    );
    let path = "apps/v1/deployments/w";
    on.apply("one", path, &replicas).await.refuses(
        500,
        "*",
        "failed to create typed patch object (*/w; apps/v1, Kind=Deployment): .spec.replicas: expected numeric (int or float), got string",
    );
    let value = workload(
        "Deployment",
        &json!({}),
        &json!({}),
        &json!({ "env": [{ "name": "A", "value": false }] }),
    );
    on.apply("one", path, &value).await.refuses(
        500,
        "*",
        "failed to create typed patch object (*): .spec.template.spec.containers[name=\"a\"].env[name=\"A\"].value: expected string, got \
         &value.valueUnstructured{Value:false}",
    );
    let twice = workload(
        "Deployment",
        &json!({}),
        &json!({}),
        &json!({ "env": [{ "name": "A" }, { "name": "A" }] }),
    );
    on.apply("one", path, &twice).await.refuses(
        500,
        "*",
        "failed to create typed patch object (*): .spec.template.spec.containers[name=\"a\"].env: duplicate entries for key [name=\"A\"]",
    );
    let unknown = workload(
        "Deployment",
        &json!({ "replica": 3 }),
        &json!({ "affinitiy": {} }),
        &json!({}),
    );
    // A real one stops at the first unknown field of a map, in no order that counts.
    on.apply("one", path, &unknown).await.refuses(
        500,
        "*",
        "failed to create typed patch object (*.spec.replica: field not declared in schema*",
    );
    on.post("apps/v1/deployments?fieldValidation=Strict", &unknown)
        .await
        .refuses(
            400,
            "BadRequest",
            "*strict decoding error: unknown field \"spec.replica\", unknown field \"spec.template.spec.affinitiy\"",
        );
    let made = on.post("apps/v1/deployments?dryRun=All", &unknown).await.is(201);
    assert_eq!(made["spec"]["replica"], Value::Null, "an unknown field is dropped");
}

pub async fn what_is_applied_is_owned_by_its_type(on: Ground) {
    let object = workload(
        "Deployment",
        &json!({ "minReadySeconds": 0 }),
        &json!({ "hostNetwork": false, "nodeSelector": { "a": "b" } }),
        &json!({ "args": ["x"], "ports": [{ "containerPort": 80 }] }),
    );
    let made = on.apply("one", "apps/v1/deployments/w", &object).await.is(201);
    let expected = json!({ "f:spec": {
        "f:minReadySeconds": {}, "f:selector": {},
        "f:template": {
            "f:metadata": { "f:labels": { "f:a": {} } },
            "f:spec": {
                "f:containers": { "k:{\"name\":\"a\"}": {
                    ".": {}, "f:name": {}, "f:image": {}, "f:args": {},
                    "f:ports": { "k:{\"containerPort\":80,\"protocol\":\"TCP\"}": { ".": {}, "f:containerPort": {} } },
                } },
                "f:hostNetwork": {}, "f:nodeSelector": {},
            },
        },
    } });
    assert_eq!(made["metadata"]["managedFields"][0]["fieldsV1"], expected, "{made:#}");
    assert_eq!(made["spec"]["template"]["spec"]["hostNetwork"], Value::Null);
    // The same once more changes nothing.
    let again = on.apply("one", "apps/v1/deployments/w", &object).await.is(200);
    let owned = |object: &Value| {
        let entries = object["metadata"]["managedFields"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        entries.into_iter().find(|entry| entry["manager"] == "one")
    };
    assert_eq!(owned(&again), owned(&made));
}
