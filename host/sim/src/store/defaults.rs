//! The defaults that the API server adds to an object, as far as controllers and people rely on them.

mod admission;
mod others;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};

use crate::kinds::Resource;

/// Sets the defaults of every write.
pub(super) fn fill(resource: &Resource, object: &mut Value) {
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Pod") => pod(object.get_mut("spec")),
        ("", "Secret") => secret(object),
        ("", "Service") => service(object),
        ("", "PersistentVolumeClaim") => claim(object),
        ("", "PersistentVolume") => set(
            object.get_mut("spec"),
            &[
                ("persistentVolumeReclaimPolicy", json!("Retain")),
                ("volumeMode", json!("Filesystem")),
            ],
        ),
        ("", "ReplicationController") => {
            others::replication_controller(object);
            set(object.get_mut("spec"), &[("replicas", json!(1))]);
            template(object.get_mut("spec"));
        }
        ("", "PodTemplate") => template(Some(object)),
        ("apps", "ReplicaSet") => {
            set(object.get_mut("spec"), &[("replicas", json!(1))]);
            template(object.get_mut("spec"));
        }
        ("apps", "Deployment") => deployment(object.get_mut("spec")),
        ("apps", "StatefulSet") => stateful_set(object.get_mut("spec")),
        ("apps", "DaemonSet") => daemon_set(object.get_mut("spec")),
        ("batch", "Job") => job(object),
        ("batch", "CronJob") => cron_job(object.get_mut("spec")),
        ("networking.k8s.io", "NetworkPolicy") => network_policy(object.get_mut("spec")),
        ("storage.k8s.io", "StorageClass") => {
            set(
                Some(object),
                &[
                    ("reclaimPolicy", json!("Delete")),
                    ("volumeBindingMode", json!("Immediate")),
                ],
            );
        }
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => binding(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(object.get_mut("spec")),
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration") => admission::webhooks(object, false),
        ("admissionregistration.k8s.io", "MutatingWebhookConfiguration") => admission::webhooks(object, true),
        ("", "LimitRange") => admission::limits(object.get_mut("spec")),
        (group, kind) => others::fill(group, kind, object),
    }
}

/// Sets the defaults of a new object.
pub(super) fn fill_new(resource: &Resource, object: &mut Value) {
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Namespace") => {
            let name = object["metadata"]["name"].clone();
            let metadata = object.get_mut("metadata");
            set(child(metadata, "labels"), &[("kubernetes.io/metadata.name", name)]);
            set(Some(object), &[("spec", json!({ "finalizers": ["kubernetes"] }))]);
            set(Some(object), &[("status", json!({ "phase": "Active" }))]);
        }
        ("", "Pod") => {
            let class = qos_class(object);
            set(
                Some(object),
                &[("status", json!({ "phase": "Pending", "qosClass": class }))],
            );
            set(
                object.get_mut("spec"),
                &[
                    ("enableServiceLinks", json!(true)),
                    ("serviceAccountName", json!("default")),
                ],
            );
        }
        ("", "PersistentVolumeClaim" | "PersistentVolume") => {
            set(Some(object), &[("status", json!({ "phase": "Pending" }))]);
        }
        ("batch", "Job") => select_own_pods(object),
        _ => {}
    }
    let started = matches!(
        (resource.group.as_str(), resource.kind.as_str()),
        ("apps", "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet")
            | ("batch", "Job" | "CronJob")
            | ("networking.k8s.io", "Ingress")
            | ("", "Service")
    );
    if started {
        let empty = match resource.kind.as_str() {
            "ReplicaSet" | "StatefulSet" => json!({ "replicas": 0 }),
            "DaemonSet" => {
                json!({ "currentNumberScheduled": 0, "desiredNumberScheduled": 0, "numberMisscheduled": 0, "numberReady": 0 })
            }
            "Service" | "Ingress" => json!({ "loadBalancer": {} }),
            _ => json!({}),
        };
        set(Some(object), &[("status", empty)]);
    } else if resource.has_status()
        && let Some(status) = others::initial_status(resource)
    {
        set(Some(object), &[("status", status)]);
    }
}

/// Sets fields that are absent or null.
fn set(object: Option<&mut Value>, fields: &[(&str, Value)]) {
    if let Some(map) = object.and_then(Value::as_object_mut) {
        for (name, value) in fields {
            fill_in(map, name, value.clone());
        }
    }
}

fn fill_in(map: &mut Map<String, Value>, name: &str, value: Value) {
    let slot = map.entry(name).or_insert(Value::Null);
    if slot.is_null() {
        *slot = value;
    }
}

/// Returns a field of an object; an absent one is set to an empty object.
fn child<'a>(object: Option<&'a mut Value>, name: &str) -> Option<&'a mut Value> {
    let map = object?.as_object_mut()?;
    fill_in(map, name, json!({}));
    map.get_mut(name)
}

fn each<'a>(object: &'a mut Value, name: &str) -> impl Iterator<Item = &'a mut Value> {
    object.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten()
}

fn template(spec: Option<&mut Value>) {
    let template = spec.and_then(|spec| spec.get_mut("template"));
    if let Some(template) = template {
        pod(template.get_mut("spec"));
    }
}

fn pod(spec: Option<&mut Value>) {
    let Some(spec) = spec else { return };
    set(
        Some(spec),
        &[
            ("restartPolicy", json!("Always")),
            ("dnsPolicy", json!("ClusterFirst")),
            ("terminationGracePeriodSeconds", json!(30)),
            ("schedulerName", json!("default-scheduler")),
            ("securityContext", json!({})),
        ],
    );
    for list in ["initContainers", "containers"] {
        each(spec, list).for_each(container);
    }
    for volume in each(spec, "volumes") {
        for source in ["configMap", "secret", "projected", "downwardAPI"] {
            set(volume.get_mut(source), &[("defaultMode", json!(420))]);
        }
        set(volume.get_mut("hostPath"), &[("type", json!(""))]);
    }
}

fn container(container: &mut Value) {
    let image = container["image"].as_str().unwrap_or_default();
    let tag = image.rsplit('/').next().unwrap_or_default();
    let moving = !image.contains('@') && tag.split_once(':').is_none_or(|(_, tag)| tag == "latest");
    let policy = if moving { "Always" } else { "IfNotPresent" };
    set(
        Some(container),
        &[
            ("imagePullPolicy", json!(policy)),
            ("resources", json!({})),
            ("terminationMessagePath", json!("/dev/termination-log")),
            ("terminationMessagePolicy", json!("File")),
        ],
    );
    for port in each(container, "ports") {
        set(Some(port), &[("protocol", json!("TCP"))]);
    }
    for variable in each(container, "env") {
        let field = variable.get_mut("valueFrom").and_then(|from| from.get_mut("fieldRef"));
        set(field, &[("apiVersion", json!("v1"))]);
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let Some(probe) = container.get_mut(probe) else {
            continue;
        };
        set(
            Some(probe),
            &[
                ("failureThreshold", json!(3)),
                ("periodSeconds", json!(10)),
                ("successThreshold", json!(1)),
                ("timeoutSeconds", json!(1)),
            ],
        );
        set(
            probe.get_mut("httpGet"),
            &[("path", json!("/")), ("scheme", json!("HTTP"))],
        );
        set(probe.get_mut("grpc"), &[("service", json!(""))]);
    }
}

/// Returns the quality-of-service class, except for cases that need a comparison of quantities.
fn qos_class(pod: &Value) -> &'static str {
    let mut any = false;
    let mut guaranteed = true;
    for container in pod["spec"]["containers"].as_array().into_iter().flatten() {
        let (requests, limits) = (&container["resources"]["requests"], &container["resources"]["limits"]);
        any |= requests.is_object() || limits.is_object();
        let full = limits["cpu"].is_string() && limits["memory"].is_string();
        guaranteed &= full && (requests.is_null() || requests == limits);
    }
    match (any, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

fn secret(object: &mut Value) {
    set(Some(object), &[("type", json!("Opaque"))]);
    let Some(fields) = object.as_object_mut() else { return };
    // Decoded and encoded again, data has no line breaks any more.
    for value in fields
        .get_mut("data")
        .and_then(Value::as_object_mut)
        .into_iter()
        .flatten()
    {
        if let (_, Value::String(text)) = value {
            text.retain(|letter| !matches!(letter, '\r' | '\n'));
        }
    }
    let Some(Value::Object(texts)) = fields.remove("stringData") else {
        return;
    };
    fill_in(fields, "data", json!({}));
    if let Some(data) = fields.get_mut("data").and_then(Value::as_object_mut) {
        for (name, text) in texts {
            let encoded = BASE64_STANDARD.encode(text.as_str().unwrap_or_default());
            data.insert(name, json!(encoded));
        }
    }
}

fn service(object: &mut Value) {
    let Some(spec) = object.get_mut("spec") else { return };
    set(
        Some(spec),
        &[("type", json!("ClusterIP")), ("sessionAffinity", json!("None"))],
    );
    if spec["type"] != "ExternalName" {
        set(
            Some(spec),
            &[
                ("internalTrafficPolicy", json!("Cluster")),
                ("ipFamilies", json!(["IPv4"])),
                ("ipFamilyPolicy", json!("SingleStack")),
            ],
        );
    }
    if spec["type"] == "NodePort" || spec["type"] == "LoadBalancer" {
        set(Some(spec), &[("externalTrafficPolicy", json!("Cluster"))]);
    }
    for port in each(spec, "ports") {
        let target = port["port"].clone();
        set(Some(port), &[("protocol", json!("TCP")), ("targetPort", target)]);
    }
}

fn claim(object: &mut Value) {
    set(object.get_mut("spec"), &[("volumeMode", json!("Filesystem"))]);
}

fn deployment(spec: Option<&mut Value>) {
    let Some(spec) = spec else { return };
    set(
        Some(spec),
        &[
            ("replicas", json!(1)),
            ("revisionHistoryLimit", json!(10)),
            ("progressDeadlineSeconds", json!(600)),
        ],
    );
    let strategy = child(Some(spec), "strategy");
    if let Some(strategy) = strategy {
        set(Some(strategy), &[("type", json!("RollingUpdate"))]);
        if strategy["type"] == "RollingUpdate" {
            let rolling = child(Some(strategy), "rollingUpdate");
            set(rolling, &[("maxSurge", json!("25%")), ("maxUnavailable", json!("25%"))]);
        }
    }
    template(Some(spec));
}

fn stateful_set(spec: Option<&mut Value>) {
    let Some(spec) = spec else { return };
    set(
        Some(spec),
        &[
            ("replicas", json!(1)),
            ("revisionHistoryLimit", json!(10)),
            ("podManagementPolicy", json!("OrderedReady")),
            (
                "persistentVolumeClaimRetentionPolicy",
                json!({ "whenDeleted": "Retain", "whenScaled": "Retain" }),
            ),
        ],
    );
    if let Some(strategy) = child(Some(spec), "updateStrategy") {
        set(Some(strategy), &[("type", json!("RollingUpdate"))]);
        if strategy["type"] == "RollingUpdate" {
            set(child(Some(strategy), "rollingUpdate"), &[("partition", json!(0))]);
        }
    }
    for claim_template in each(spec, "volumeClaimTemplates") {
        set(
            Some(claim_template),
            &[
                ("apiVersion", json!("v1")),
                ("kind", json!("PersistentVolumeClaim")),
                ("status", json!({ "phase": "Pending" })),
            ],
        );
        claim(claim_template);
    }
    template(Some(spec));
}

fn daemon_set(spec: Option<&mut Value>) {
    let Some(spec) = spec else { return };
    set(Some(spec), &[("revisionHistoryLimit", json!(10))]);
    if let Some(strategy) = child(Some(spec), "updateStrategy") {
        set(Some(strategy), &[("type", json!("RollingUpdate"))]);
        if strategy["type"] == "RollingUpdate" {
            let rolling = child(Some(strategy), "rollingUpdate");
            set(rolling, &[("maxSurge", json!(0)), ("maxUnavailable", json!(1))]);
        }
    }
    template(Some(spec));
}

fn job(object: &mut Value) {
    let Some(spec) = object.get_mut("spec") else { return };
    // A work queue leaves completions out and has more than one pod at a time.
    if spec["completions"].is_null() && spec["parallelism"].is_null() {
        set(Some(spec), &[("completions", json!(1))]);
    }
    set(
        Some(spec),
        &[
            ("parallelism", json!(1)),
            ("backoffLimit", json!(6)),
            ("completionMode", json!("NonIndexed")),
            ("suspend", json!(false)),
            ("manualSelector", json!(false)),
            ("podReplacementPolicy", json!("TerminatingOrFailed")),
        ],
    );
    template(Some(spec));
}

/// A new Job selects its pods by its own UID, see `jobStrategy.PrepareForCreate`.
fn select_own_pods(object: &mut Value) {
    let (uid, name) = (object["metadata"]["uid"].clone(), object["metadata"]["name"].clone());
    let Some(spec) = object.get_mut("spec") else { return };
    if spec["manualSelector"] == true {
        return;
    }
    let Some(template) = child(Some(spec), "template") else {
        return;
    };
    let labels = child(child(Some(template), "metadata"), "labels");
    if let Some(labels) = labels.and_then(Value::as_object_mut) {
        labels.insert("batch.kubernetes.io/controller-uid".into(), uid.clone());
        labels.insert("batch.kubernetes.io/job-name".into(), name.clone());
        labels.insert("controller-uid".into(), uid.clone());
        labels.insert("job-name".into(), name);
    }
    let labels = template["metadata"]["labels"].clone();
    let selector = child(child(Some(spec), "selector"), "matchLabels");
    set(selector, &[("batch.kubernetes.io/controller-uid", uid)]);
    // A Job without labels has those of its pods (`SetDefaults_Job` in `pkg/apis/batch/v1/defaults.go`).
    let own = &mut object["metadata"]["labels"];
    if own.as_object().is_none_or(Map::is_empty) {
        *own = labels;
    }
}

fn cron_job(spec: Option<&mut Value>) {
    let Some(spec) = spec else { return };
    set(
        Some(spec),
        &[
            ("concurrencyPolicy", json!("Allow")),
            ("suspend", json!(false)),
            ("successfulJobsHistoryLimit", json!(3)),
            ("failedJobsHistoryLimit", json!(1)),
        ],
    );
    let job = spec
        .get_mut("jobTemplate")
        .and_then(|template| template.get_mut("spec"));
    template(job);
}

fn network_policy(spec: Option<&mut Value>) {
    let Some(spec) = spec else { return };
    let types = if spec["egress"].is_array() {
        json!(["Ingress", "Egress"])
    } else {
        json!(["Ingress"])
    };
    set(Some(spec), &[("policyTypes", types)]);
}

fn binding(object: &mut Value) {
    set(
        object.get_mut("roleRef"),
        &[("apiGroup", json!("rbac.authorization.k8s.io"))],
    );
    for subject in each(object, "subjects").filter(|subject| subject["kind"] != "ServiceAccount") {
        set(Some(subject), &[("apiGroup", json!("rbac.authorization.k8s.io"))]);
    }
}

fn definition(spec: Option<&mut Value>) {
    let Some(spec) = spec else { return };
    set(Some(spec), &[("conversion", json!({ "strategy": "None" }))]);
    let kind = spec["names"]["kind"].as_str().unwrap_or_default().to_owned();
    let names = spec.get_mut("names");
    set(
        names,
        &[
            ("singular", json!(kind.to_lowercase())),
            ("listKind", json!(format!("{kind}List"))),
        ],
    );
}
