//! Validation of kinds without pods of their own. The messages are those of an API server 1.36.

use capstan_schema::quantity;
use serde_json::{Value, json};

use crate::status::StatusCause;

/// The highest value of a user's priority class; higher ones are the system's.
const HIGHEST_PRIORITY: i64 = 1_000_000_000;

pub(super) fn check(group: &str, kind: &str, object: &Value, causes: &mut Vec<StatusCause>) {
    let spec = &object["spec"];
    match (group, kind) {
        ("", "Service") => service(spec, causes),
        ("", "PersistentVolumeClaim") => claim(spec, causes),
        ("", "ReplicationController") => replication_controller(spec, causes),
        ("autoscaling", "HorizontalPodAutoscaler") => autoscaler(spec, causes),
        ("apiregistration.k8s.io", "APIService") => api_service(object, causes),
        ("discovery.k8s.io", "EndpointSlice") => required(object, "addressType", causes),
        ("networking.k8s.io", "Ingress") if spec["defaultBackend"].is_null() && is_empty(&spec["rules"]) => {
            let why = "either `defaultBackend` or `rules` must be specified";
            causes.push(StatusCause::invalid("spec", &Value::Null, why));
        }
        ("node.k8s.io", "RuntimeClass") => required(object, "handler", causes),
        ("policy", "PodDisruptionBudget") if !spec["minAvailable"].is_null() && !spec["maxUnavailable"].is_null() => {
            let why = "minAvailable and maxUnavailable cannot be both set";
            causes.push(StatusCause::invalid("spec", spec, why));
        }
        ("scheduling.k8s.io", "PriorityClass") => {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            if object["value"].as_i64() > Some(HIGHEST_PRIORITY) && !name.starts_with("system-") {
                let why = format!("maximum allowed value of a user defined priority is {HIGHEST_PRIORITY}");
                causes.push(StatusCause::forbidden("value", &why));
            }
        }
        ("storage.k8s.io", "StorageClass") => required(object, "provisioner", causes),
        ("storage.k8s.io", "VolumeAttributesClass") => {
            required(object, "driverName", causes);
            if is_empty(&object["parameters"]) {
                let why = "must contain at least one key/value pair";
                causes.push(StatusCause::required("parameters", why));
            }
        }
        _ => {}
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn required(object: &Value, path: &str, causes: &mut Vec<StatusCause>) {
    if is_empty(path.split('.').fold(object, |value, part| &value[part])) {
        causes.push(StatusCause::required(path, ""));
    }
}

fn service(spec: &Value, causes: &mut Vec<StatusCause>) {
    let types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
    let of = spec["type"].as_str().unwrap_or_default();
    if !types.contains(&of) {
        causes.push(StatusCause::unsupported("spec.type", &spec["type"], &types));
    }
    if of == "ExternalName" && is_empty(&spec["externalName"]) {
        causes.push(StatusCause::required("spec.externalName", ""));
    }
    let ports = spec["ports"].as_array().map(Vec::as_slice).unwrap_or_default();
    if ports.is_empty() && of != "ExternalName" && spec["clusterIP"] != "None" {
        causes.push(StatusCause::required("spec.ports", ""));
    }
    let mut names: Vec<&str> = Vec::new();
    let mut numbers: Vec<(&Value, &Value)> = Vec::new();
    for (index, port) in ports.iter().enumerate() {
        let path = format!("spec.ports[{index}]");
        let name = port["name"].as_str().unwrap_or_default();
        if name.is_empty() && ports.len() > 1 {
            causes.push(StatusCause::required(&format!("{path}.name"), ""));
        } else if !name.is_empty() && names.contains(&name) {
            causes.push(StatusCause::duplicate(&format!("{path}.name"), &port["name"]));
        }
        names.push(name);
        for field in ["port", "targetPort"] {
            let number = port[field].as_i64();
            if number.is_some_and(|number| !(1..=65535).contains(&number)) {
                let why = "must be between 1 and 65535, inclusive";
                causes.push(StatusCause::invalid(&format!("{path}.{field}"), &port[field], why));
            }
        }
        let protocols = ["SCTP", "TCP", "UDP"];
        if !protocols.iter().any(|protocol| port["protocol"] == *protocol) {
            let path = format!("{path}.protocol");
            causes.push(StatusCause::unsupported(&path, &port["protocol"], &protocols));
        }
        let number = (&port["port"], &port["protocol"]);
        if numbers.contains(&number) {
            causes.push(StatusCause::duplicate(&path, port));
        }
        numbers.push(number);
    }
}

fn claim(spec: &Value, causes: &mut Vec<StatusCause>) {
    if is_empty(&spec["accessModes"]) {
        causes.push(StatusCause::required(
            "spec.accessModes",
            "at least 1 access mode is required",
        ));
    }
    if quantity::nanos(&spec["resources"]["requests"]["storage"]).is_none() {
        causes.push(StatusCause::required("spec.resources[storage]", ""));
    }
}

fn replication_controller(spec: &Value, causes: &mut Vec<StatusCause>) {
    let Some(selector) = spec["selector"].as_object().filter(|selector| !selector.is_empty()) else {
        causes.push(StatusCause::required("spec.selector", ""));
        return;
    };
    let labels = &spec["template"]["metadata"]["labels"];
    if selector.iter().any(|(name, value)| labels[name] != *value) {
        let why = "`selector` does not match template `labels`";
        causes.push(StatusCause::invalid("spec.template.metadata.labels", labels, why));
    }
    super::pod(&spec["template"]["spec"], "spec.template.spec", causes);
}

fn autoscaler(spec: &Value, causes: &mut Vec<StatusCause>) {
    let most = spec["maxReplicas"].as_i64().unwrap_or(0);
    if most < 1 {
        causes.push(StatusCause::required(
            "spec.maxReplicas",
            "must be set and greater than 0",
        ));
    }
    if spec["minReplicas"].as_i64().is_some_and(|least| most < least) {
        let why = "must be greater than or equal to `minReplicas`";
        causes.push(StatusCause::invalid("spec.maxReplicas", &json!(most), why));
    }
    for field in ["kind", "name"] {
        if is_empty(&spec["scaleTargetRef"][field]) {
            causes.push(StatusCause::required(&format!("spec.scaleTargetRef.{field}"), ""));
        }
    }
}

fn api_service(object: &Value, causes: &mut Vec<StatusCause>) {
    let spec = &object["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let expected = format!("{}.{}", text(&spec["version"]), text(&spec["group"]));
    if object["metadata"]["name"] != expected {
        let why = format!("must be `spec.version+\".\"+spec.group`: \"{expected}\"");
        causes.push(StatusCause::invalid("metadata.name", &object["metadata"]["name"], &why));
    }
    for (field, most) in [("groupPriorityMinimum", 20000), ("versionPriority", 1000)] {
        let number = spec[field].as_i64().unwrap_or(0);
        if number < 1 || number > most {
            let why = format!("must be positive and less than {most}");
            causes.push(StatusCause::invalid(&format!("spec.{field}"), &json!(number), &why));
        }
    }
}
