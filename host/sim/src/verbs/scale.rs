//! The scale subresource: the number of replicas of any kind that has one.

use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::{ObjectRequest, Target, body};
use crate::{
    apply::{PatchFormat, apply_patch},
    kinds::Scale,
    service::Body,
    status::StatusError,
    table::Table,
};

/// Answers a request for the `scale` subresource.
pub(super) fn get(call: &ObjectRequest<'_>, target: &Target, name: &str) -> Result<Response<Body>, StatusError> {
    let (object, scale) = target_and_scale(call, target, name)?;
    Ok(call.print(StatusCode::OK, &scale_object(&object, &scale), Table::of_scales))
}

/// Answers an update or a patch.
pub(super) fn set(call: &ObjectRequest<'_>, target: &Target, name: &str) -> Result<Response<Body>, StatusError> {
    let (mut object, scale) = target_and_scale(call, target, name)?;
    let body = body::decode(call)?;
    let submitted = if call.method == http::Method::PUT {
        body
    } else {
        let format = PatchFormat::from_content_type(call.content_type, &target.resource)?;
        apply_patch(format, &target.resource, &scale_object(&object, &scale), body)?
    };
    let Some(replicas) = submitted["spec"]["replicas"].as_u64() else {
        return Err(StatusError::bad_request("spec.replicas must be a number of at least 0"));
    };
    let revision = submitted["metadata"]["resourceVersion"].clone();
    if revision.is_string() {
        object["metadata"]["resourceVersion"] = revision;
    }
    set_path(&mut object, &scale.replicas_path, json!(replicas));
    let written_object = call.shared.lock().update_as(object, &call.writer(Some("scale")))?;
    Ok(call.print(StatusCode::OK, &scale_object(&written_object, &scale), Table::of_scales))
}

fn target_and_scale(call: &ObjectRequest<'_>, target: &Target, name: &str) -> Result<(Value, Scale), StatusError> {
    let live = body::live(&call.shared.lock(), call, target, name);
    let object = live.ok_or_else(|| target.not_found(name))?;
    let scale = target.version.scale.clone().ok_or_else(StatusError::no_such_path)?;
    Ok((object, scale))
}

fn scale_object(object: &Value, scale: &Scale) -> Value {
    let at = |path: &str| path.split('.').fold(object, |value, part| &value[part]);
    let mut status = json!({ "replicas": at(&scale.status_replicas_path).as_u64().unwrap_or(0) });
    if let Some(selector) = scale.selector_path.as_deref().map(at) {
        status["selector"] = match selector.as_str() {
            Some(text) => json!(text),
            None => json!(labels(selector)),
        };
    }
    let metadata = &object["metadata"];
    json!({
        "apiVersion": "autoscaling/v1", "kind": "Scale",
        "metadata": {
            "name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"], "creationTimestamp": metadata["creationTimestamp"],
        },
        "spec": { "replicas": at(&scale.replicas_path).as_u64().unwrap_or(0) },
        "status": status,
    })
}

fn labels(selector: &Value) -> String {
    let labels = selector.get("matchLabels").unwrap_or(selector).as_object();
    let labels = labels
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some(format!("{name}={}", value.as_str()?)));
    labels.collect::<Vec<_>>().join(",")
}

fn set_path(object: &mut Value, path: &str, value: Value) {
    let mut at = object;
    for part in path.split('.') {
        if !at.is_object() {
            *at = json!({});
        }
        let Some(map) = at.as_object_mut() else { return };
        at = map.entry(part).or_insert(Value::Null);
    }
    *at = value;
}
