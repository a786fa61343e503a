//! Get and list.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::{ObjectRequest, Target, body};
use crate::{
    selector::Selector,
    service::{Body, json_response},
    status::StatusError,
    store::Store,
    table::{self, Include, Table},
};

/// Answers a request for one object.
pub(super) fn get(call: &ObjectRequest<'_>, target: &Target, name: &str) -> Result<Response<Body>, StatusError> {
    let found = body::live(&call.shared.lock(), call, target, name);
    let object = found.ok_or_else(|| target.not_found(name))?;
    Ok(call.answer(StatusCode::OK, target, object))
}

/// Returns the objects that a request selects, sorted by namespace and name.
pub(super) fn selected<'a>(
    store: &'a Store,
    call: &ObjectRequest<'_>,
    target: &Target,
) -> Result<Vec<&'a Value>, StatusError> {
    let selector = Selector::parse(
        call.query.text("labelSelector"),
        call.query.text("fieldSelector"),
        &target.version,
    )?;
    let mut objects = store.list(&target.kind);
    let inside = |object: &Value| call.namespace().is_empty() || object["metadata"]["namespace"] == call.namespace();
    objects.retain(|object| inside(object) && selector.matches(object));
    Ok(objects)
}

/// Answers a request for a list of objects.
pub(super) fn list(call: &ObjectRequest<'_>, target: &Target) -> Result<Response<Body>, StatusError> {
    let store = call.shared.lock();
    let mut objects = selected(&store, call, target)?;
    let mut revision = store.revision();
    let token = call.query.text("continue");
    if !token.is_empty() {
        let (at, after) = read_token(token).ok_or_else(|| StatusError::bad_request("continue key is not valid"))?;
        if store.history().since(at).is_err() {
            return Err(StatusError::new(
                410,
                "Expired",
                "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.",
            ));
        }
        revision = at;
        objects.retain(|object| key(object) > after);
    }

    let mut metadata = json!({ "resourceVersion": revision.to_string() });
    let limit = call.query.number::<usize>("limit").filter(|limit| *limit > 0);
    if let Some(limit) = limit
        && objects.len() > limit
    {
        let left = objects.len() - limit;
        objects.truncate(limit);
        let last = objects.last().map(|object| key(object)).unwrap_or_default();
        metadata["continue"] = json!(write_token(revision, &last));
        if call.query.text("labelSelector").is_empty() && call.query.text("fieldSelector").is_empty() {
            metadata["remainingItemCount"] = json!(left);
        }
    }
    if table::is_wanted(call.accept) {
        let include = Include::parse(call.query.text("includeObject"))?;
        let table = Table::new(&target.resource, &target.version, include);
        return Ok(json_response(
            StatusCode::OK,
            &table.print(&objects, metadata, store.now()),
        ));
    }
    if call.accept.contains("as=PartialObjectMetadataList") {
        let bare = |object: &Value| json!({ "metadata": object["metadata"] });
        let items: Vec<Value> = objects.into_iter().map(bare).collect();
        return Ok(json_response(
            StatusCode::OK,
            &json!({
                "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList",
                "metadata": metadata, "items": items,
            }),
        ));
    }
    let items: Vec<Value> = objects.into_iter().map(|object| listed(object, target)).collect();
    Ok(json_response(
        StatusCode::OK,
        &json!({
            "apiVersion": target.resource.api_version(&target.version.name), "kind": target.resource.list_kind,
            "metadata": metadata, "items": items,
        }),
    ))
}

/// Items of lists of built-in kinds don't contain their kind, those of custom kinds do, as on a real server.
fn listed(object: &Value, target: &Target) -> Value {
    let mut item = body::in_version(object.clone(), &target.resource, &target.version.name);
    if !target.resource.is_custom
        && let Some(fields) = item.as_object_mut()
    {
        fields.remove("apiVersion");
        fields.remove("kind");
    }
    item
}

/// Returns the position of an object in a list.
fn key(object: &Value) -> (String, String) {
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
    (text("namespace"), text("name"))
}

fn write_token(revision: u64, (namespace, name): &(String, String)) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(json!({ "rv": revision, "namespace": namespace, "name": name }).to_string())
}

fn read_token(token: &str) -> Option<(u64, (String, String))> {
    let token: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let text = |field: &str| token[field].as_str().map(str::to_owned);
    Some((token["rv"].as_u64()?, (text("namespace")?, text("name")?)))
}
