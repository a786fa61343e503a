//! Delete and deletecollection.

use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::{ObjectRequest, Target, body, read};
use crate::{
    service::{Body, json_response},
    status::StatusError,
    store::{Deletion, Propagation},
};

/// Kinds whose deletion returns the object even when it was removed: `ReturnDeletedObject` in their storage.
const RETURNED: [&str; 6] = [
    "PersistentVolume",
    "PersistentVolumeClaim",
    "Pod",
    "ResourceQuota",
    "Service",
    "ServiceAccount",
];

/// Answers a request to delete one object.
pub(super) fn delete_one(call: &ObjectRequest<'_>, target: &Target, name: &str) -> Result<Response<Body>, StatusError> {
    let (how, dry_run) = options(call)?;
    delete_object(call, target, name, &how, dry_run)
}

/// Deletes an object for a request.
pub(super) fn delete_object(
    call: &ObjectRequest<'_>,
    target: &Target,
    name: &str,
    how: &Deletion,
    dry_run: bool,
) -> Result<Response<Body>, StatusError> {
    let mut writer = call.writer(None);
    writer.dry_run |= dry_run;
    let mut store = call.shared.lock();
    let object = store.delete_as(&target.kind, call.namespace(), name, how, &writer)?;
    drop(store);
    let marked = !object["metadata"]["deletionTimestamp"].is_null();
    let returned = target.resource.group.is_empty() && RETURNED.contains(&target.resource.kind.as_str());
    if marked || returned {
        return Ok(call.answer(StatusCode::OK, target, object));
    }
    let mut details = json!({ "name": name, "kind": target.resource.plural, "uid": object["metadata"]["uid"] });
    if !target.resource.group.is_empty() {
        details["group"] = json!(target.resource.group);
    }
    let status =
        json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details });
    Ok(json_response(StatusCode::OK, &status))
}

/// Answers a delete of all selected objects.
pub(super) fn delete_collection(call: &ObjectRequest<'_>, target: &Target) -> Result<Response<Body>, StatusError> {
    if target.resource.is("", "Namespace") || target.resource.is("", "Service") && call.namespace().is_empty() {
        return Err(StatusError::method_not_allowed());
    }
    let (how, dry_run) = options(call)?;
    let mut store = call.shared.lock();
    let chosen: Vec<Value> = read::selected(&store, call, target)?.into_iter().cloned().collect();
    let dry_run = dry_run || call.writer(None).dry_run;
    let gone = if dry_run {
        chosen
    } else {
        store.delete_all(&target.kind, &chosen, &how)?
    };
    let version = &target.version.name;
    let items: Vec<Value> = gone
        .into_iter()
        .map(|one| body::in_version(one, &target.resource, version))
        .collect();
    Ok(json_response(
        StatusCode::OK,
        &json!({
            "apiVersion": target.resource.api_version(version), "kind": target.resource.list_kind,
            "metadata": { "resourceVersion": store.revision().to_string() }, "items": items,
        }),
    ))
}

fn options(call: &ObjectRequest<'_>) -> Result<(Deletion, bool), StatusError> {
    let options = if call.body.is_empty() {
        Value::Null
    } else {
        body::decode(call)?
    };
    read_options(call, &options)
}

/// Reads the options in the body; those in the query are used where the body has none.
pub(super) fn read_options(call: &ObjectRequest<'_>, options: &Value) -> Result<(Deletion, bool), StatusError> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let requested = options["propagationPolicy"]
        .as_str()
        .unwrap_or_else(|| call.query.text("propagationPolicy"));
    let propagation = match (requested, options["orphanDependents"].as_bool()) {
        ("", None) => None,
        ("", Some(true)) | ("Orphan", _) => Some(Propagation::Orphan),
        ("", Some(false)) | ("Background", _) => Some(Propagation::Background),
        ("Foreground", _) => Some(Propagation::Foreground),
        (other, _) => {
            let choice = "\"Foreground\", \"Background\", \"Orphan\", \"nil\"";
            return Err(StatusError::bad_request(format!(
                "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: \"{other}\": supported \
                 values: {choice}"
            )));
        }
    };
    let how = Deletion {
        propagation,
        uid: text(&options["preconditions"]["uid"]),
        resource_version: text(&options["preconditions"]["resourceVersion"]),
        grace_seconds: options["gracePeriodSeconds"]
            .as_i64()
            .or_else(|| call.query.number("gracePeriodSeconds")),
    };
    let dry_run = options["dryRun"]
        .as_array()
        .is_some_and(|all| all.iter().any(|one| one == "All"));
    Ok((how, dry_run))
}
