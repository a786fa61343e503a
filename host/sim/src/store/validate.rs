//! The validation of the API server: invalid names, missing fields, wrong values.

mod others;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::{
    kinds::Resource,
    status::{StatusCause, StatusError},
};

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
    and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start \
    and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

/// Checks that the fields of all kinds have the right JSON type, as decoding does.
pub(crate) fn check_shape(object: &Value) -> Result<(), StatusError> {
    let metadata = &object["metadata"];
    let maps = [&object["spec"], metadata, &metadata["labels"], &metadata["annotations"]];
    let lists = [
        &metadata["finalizers"],
        &metadata["ownerReferences"],
        &metadata["managedFields"],
    ];
    // The spec of a custom kind may have any type; it is only read here if it is an object.
    let fine = object.is_object()
        && maps.iter().skip(1).all(|map| map.is_null() || map.is_object())
        && lists.iter().all(|list| list.is_null() || list.is_array())
        && [&metadata["labels"], &metadata["annotations"]].into_iter().all(|map| {
            map.as_object()
                .is_none_or(|map| map.values().all(|value| value.is_string() || value.is_null()))
        });
    if fine {
        return Ok(());
    }
    let kind = object["kind"].as_str().unwrap_or_default();
    let version = object["apiVersion"]
        .as_str()
        .unwrap_or_default()
        .rsplit('/')
        .next()
        .unwrap_or_default();
    Err(StatusError::bad_request(format!(
        "{kind} in version \"{version}\" cannot be handled as a {kind}: json: cannot unmarshal a field of metadata"
    )))
}

/// Checks the name of a new object.
pub(super) fn name(resource: &Resource, object: &Value) -> Result<(), StatusError> {
    check_shape(object)?;
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let refuse = |cause: StatusCause| Err(StatusError::invalid(&resource.kind, &resource.group, name, &[cause]));
    if name.is_empty() {
        return refuse(StatusCause::required(
            "metadata.name",
            "name or generateName is required",
        ));
    }
    // Names of RBAC objects are path segments: they may contain colons.
    if resource.group == "rbac.authorization.k8s.io" {
        return Ok(());
    }
    let is_label = resource.is("", "Namespace") || resource.is("", "Service");
    let (longest, rule) = if is_label { (63, LABEL) } else { (253, SUBDOMAIN) };
    if name.len() > longest {
        let why = format!("must be no more than {longest} characters");
        return refuse(StatusCause::invalid("metadata.name", &json!(name), &why));
    }
    let parts: Vec<&str> = if is_label {
        vec![name]
    } else {
        name.split('.').collect()
    };
    if parts.iter().all(|part| is_dns_label(part)) {
        Ok(())
    } else {
        refuse(StatusCause::invalid("metadata.name", &json!(name), rule))
    }
}

fn is_dns_label(part: &str) -> bool {
    let inner = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    !part.is_empty() && part.chars().all(inner) && !part.starts_with('-') && !part.ends_with('-')
}

/// Checks the rules of an object's kind.
pub(super) fn object(resource: &Resource, object: &Value) -> Result<(), StatusError> {
    check_shape(object)?;
    let mut causes = Vec::new();
    labels(&object["metadata"], &mut causes);
    owners(&object["metadata"], &mut causes);
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Pod") => pod(&object["spec"], "spec", &mut causes),
        ("apps", "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet") => workload(&object["spec"], &mut causes),
        ("", "ConfigMap" | "Secret") => data(resource, object, &mut causes)?,
        ("batch", "Job") => job(&object["spec"], "spec", &mut causes),
        ("batch", "CronJob") => {
            if object["spec"]["schedule"].as_str().is_none_or(str::is_empty) {
                causes.push(StatusCause::required("spec.schedule", ""));
            }
            job(
                &object["spec"]["jobTemplate"]["spec"],
                "spec.jobTemplate.spec",
                &mut causes,
            );
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(object, &mut causes),
        (group, kind) => others::check(group, kind, object, &mut causes),
    }
    invalid_if_any(resource, object, &causes)
}

pub(super) fn invalid_if_any(resource: &Resource, object: &Value, causes: &[StatusCause]) -> Result<(), StatusError> {
    if causes.is_empty() {
        return Ok(());
    }
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    Err(StatusError::invalid(&resource.kind, &resource.group, name, causes))
}

/// Checks the data of a ConfigMap or Secret: strings under keys that can be file names.
fn data(resource: &Resource, object: &Value, causes: &mut Vec<StatusCause>) -> Result<(), StatusError> {
    let kind = &resource.kind;
    let wrong = |why: &str| {
        let detail = format!("{kind} in version \"v1\" cannot be handled as a {kind}: {why}");
        Err(StatusError::bad_request(detail))
    };
    for field in ["data", "binaryData"] {
        let in_base64 = kind == "Secret" || field == "binaryData";
        for (key, value) in object[field].as_object().into_iter().flatten() {
            let Some(text) = value.as_str() else {
                return wrong("json: cannot unmarshal a value of data into Go value of type string");
            };
            // Go's decoder ignores line breaks.
            if in_base64 && BASE64_STANDARD.decode(text.replace(['\r', '\n'], "")).is_err() {
                return wrong("illegal base64 data");
            }
            let is_fine = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
            if key.is_empty() || !key.chars().all(is_fine) {
                let why = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
                causes.push(StatusCause::invalid(&format!("{field}[{key}]"), &json!(key), why));
            }
        }
    }
    Ok(())
}

fn labels(metadata: &Value, causes: &mut Vec<StatusCause>) {
    for (_, value) in metadata["labels"].as_object().into_iter().flatten() {
        let text = value.as_str().unwrap_or_default();
        let inner = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
        let edge = |letter: Option<char>| letter.is_none_or(|letter| letter.is_ascii_alphanumeric());
        if text.len() > 63 {
            causes.push(StatusCause::invalid(
                "metadata.labels",
                value,
                "must be no more than 63 bytes",
            ));
        } else if !text.chars().all(inner) || !edge(text.chars().next()) || !edge(text.chars().next_back()) {
            let why = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and \
                must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used \
                for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
            causes.push(StatusCause::invalid("metadata.labels", value, why));
        }
    }
}

fn owners(metadata: &Value, causes: &mut Vec<StatusCause>) {
    for owner in metadata["ownerReferences"].as_array().into_iter().flatten() {
        for field in ["apiVersion", "kind", "name", "uid"] {
            if owner[field].as_str().is_none_or(str::is_empty) {
                let path = format!("metadata.ownerReferences.{field}");
                causes.push(StatusCause::invalid(&path, &json!(""), "must not be empty"));
            }
        }
    }
}

fn pod(spec: &Value, path: &str, causes: &mut Vec<StatusCause>) {
    let containers = spec["containers"].as_array().map(Vec::as_slice).unwrap_or_default();
    if containers.is_empty() {
        causes.push(StatusCause::required(&format!("{path}.containers"), ""));
    }
    let mut names = Vec::new();
    let all = spec["initContainers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| ("initContainers", one));
    for (index, (list, container)) in all.chain(containers.iter().map(|one| ("containers", one))).enumerate() {
        let name = container["name"].as_str().unwrap_or_default();
        if name.is_empty() {
            causes.push(StatusCause::required(&format!("{path}.{list}[{index}].name"), ""));
        } else if names.contains(&name) {
            causes.push(StatusCause::duplicate(
                &format!("{path}.{list}[{index}].name"),
                &container["name"],
            ));
        }
        names.push(name);
        if container["image"].as_str().is_none_or(str::is_empty) {
            causes.push(StatusCause::required(&format!("{path}.{list}[{index}].image"), ""));
        }
    }
}

fn workload(spec: &Value, causes: &mut Vec<StatusCause>) {
    if !spec["selector"].is_object() {
        causes.push(StatusCause::required("spec.selector", ""));
    } else if let Some(expected) = spec["selector"]["matchLabels"].as_object() {
        let labels = &spec["template"]["metadata"]["labels"];
        if expected.iter().any(|(name, value)| labels[name] != *value) {
            let why = "`selector` does not match template `labels`";
            causes.push(StatusCause::invalid("spec.template.metadata.labels", labels, why));
        }
    }
    pod(&spec["template"]["spec"], "spec.template.spec", causes);
}

fn job(spec: &Value, path: &str, causes: &mut Vec<StatusCause>) {
    let template = &spec["template"]["spec"];
    pod(template, &format!("{path}.template.spec"), causes);
    let policy = &template["restartPolicy"];
    if policy == "Always" {
        let why = "valid values: \"OnFailure\", \"Never\"";
        causes.push(StatusCause::required(
            &format!("{path}.template.spec.restartPolicy"),
            why,
        ));
    } else if policy.is_string() && policy != "OnFailure" && policy != "Never" {
        let path = format!("{path}.template.spec.restartPolicy");
        causes.push(StatusCause::unsupported(&path, policy, &["OnFailure", "Never"]));
    }
}

fn definition(object: &Value, causes: &mut Vec<StatusCause>) {
    let spec = &object["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let expected = format!("{}.{}", text(&spec["names"]["plural"]), text(&spec["group"]));
    if object["metadata"]["name"] != expected {
        let why = "must be spec.names.plural+\".\"+spec.group";
        causes.push(StatusCause::invalid("metadata.name", &object["metadata"]["name"], why));
    }
    let versions = spec["versions"].as_array().into_iter().flatten();
    if versions.filter(|version| version["storage"] == true).count() != 1 {
        causes.push(StatusCause::invalid(
            "spec.versions",
            &spec["versions"],
            "must have exactly one version marked as storage version",
        ));
    }
}
