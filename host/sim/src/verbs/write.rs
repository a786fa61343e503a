//! Create, update and the four patches.

use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::{ObjectRequest, Target, body, type_check, warning};
use crate::{
    apply::{
        PatchFormat, apply_patch, schema,
        server::{self, ApplyRequest},
    },
    service::Body,
    status::{StatusCause, StatusError},
    store::{Store, Writer, check_shape},
};

/// Answers a request to create an object.
pub(super) fn create(call: &ObjectRequest<'_>, target: &Target) -> Result<Response<Body>, StatusError> {
    let object = body::object(call, target)?;
    if !matches!(object["metadata"]["resourceVersion"].as_str(), None | Some("")) {
        let why = "resourceVersion should not be set on objects to be created";
        return Err(StatusError::new(500, "InternalError", why));
    }
    let warnings = type_check::check_object(call, target, &object)?;
    let created = call.shared.lock().create_as(object, &call.writer(None))?;
    Ok(warning::add(
        call.answer(StatusCode::CREATED, target, created),
        &warnings,
    ))
}

/// Answers an update of the object or its status.
pub(super) fn update(
    call: &ObjectRequest<'_>,
    target: &Target,
    name: &str,
    subresource: Option<&str>,
) -> Result<Response<Body>, StatusError> {
    let object = body::object(call, target)?;
    let writer = call.writer(subresource);
    let mut store = call.shared.lock();
    if store.get(&target.kind, call.namespace(), name).is_none() {
        return Err(target.not_found(name));
    }
    let warnings = type_check::check_object(call, target, &object)?;
    let written = match subresource {
        None => store.update_as(object, &writer)?,
        Some(_) => store.update_status_as(object, &writer)?,
    };
    drop(store);
    Ok(warning::add(call.answer(StatusCode::OK, target, written), &warnings))
}

/// Answers a patch of the object or its status.
pub(super) fn patch(
    call: &ObjectRequest<'_>,
    target: &Target,
    name: &str,
    subresource: Option<&str>,
) -> Result<Response<Body>, StatusError> {
    let format = PatchFormat::from_content_type(call.content_type, &target.resource)?;
    check_options(call, format)?;
    let patch = body::decode(call)?;
    let writer = call.writer(subresource);
    let mut store = call.shared.lock();
    let live = body::live(&store, call, target, name);
    if format == PatchFormat::Apply {
        let object = body::complete_from_path(patch, call, target)?;
        let is_new = live.is_none() && subresource.is_none();
        if let (true, Some(uid)) = (is_new, object["metadata"]["uid"].as_str()) {
            let why =
                format!("uid mismatch: the provided object specified uid {uid}, and no existing object was found");
            return Err(StatusError::conflict(
                &target.resource.plural,
                &target.resource.group,
                name,
                &why,
            ));
        }
        if live.is_none() && subresource.is_some() {
            return Err(target.not_found(name));
        }
        let written = apply(&mut store, call, target, live.as_ref(), &object, &writer)?;
        drop(store);
        return Ok(call.answer(
            if is_new { StatusCode::CREATED } else { StatusCode::OK },
            target,
            written,
        ));
    }

    let live = live.ok_or_else(|| target.not_found(name))?;
    type_check::patch::form(format, &patch)?;
    let object = apply_patch(format, &target.resource, &live, patch.clone())?;
    type_check::patch::result(target, format, &patch, &object)?;
    check_shape(&object)?;
    for field in ["name", "namespace", "uid"] {
        if object["metadata"][field] != live["metadata"][field] {
            let cause = StatusCause::invalid(
                &format!("metadata.{field}"),
                &object["metadata"][field],
                "field is immutable",
            );
            return Err(StatusError::invalid(
                &target.resource.kind,
                &target.resource.group,
                name,
                &[cause],
            ));
        }
    }
    let object = body::complete_from_path(object, call, target)?;
    let warnings = type_check::check_object(call, target, &object)?;
    let written = match subresource {
        None => store.update_as(object, &writer)?,
        Some(_) => store.update_status_as(object, &writer)?,
    };
    drop(store);
    Ok(warning::add(call.answer(StatusCode::OK, target, written), &warnings))
}

fn apply(
    store: &mut Store,
    call: &ObjectRequest<'_>,
    target: &Target,
    live: Option<&Value>,
    object: &Value,
    writer: &Writer,
) -> Result<Value, StatusError> {
    type_check::check_applied(target, object)?;
    let rule = schema::root_rule(&target.resource);
    let has_status = target.resource.has_status();
    let configuration = ApplyRequest {
        object,
        rule: &rule,
        writer,
        force: call.query.flag("force"),
        has_status,
    };
    let merged = server::apply(live.unwrap_or(&Value::Null), configuration, &store.now_text())?;
    type_check::check_object(call, target, &merged)?;
    let writer = Writer {
        has_own_managed_fields: true,
        ..writer.clone()
    };
    match (live, &writer.subresource) {
        (None, _) => store.create_as(merged, &writer),
        (Some(_), None) => store.update_as(merged, &writer),
        (Some(_), Some(_)) => store.update_status_as(merged, &writer),
    }
}

fn check_options(call: &ObjectRequest<'_>, format: PatchFormat) -> Result<(), StatusError> {
    let applies = format == PatchFormat::Apply;
    let cause = if applies && call.query.text("fieldManager").is_empty() {
        StatusCause::required("fieldManager", "is required for apply patch")
    } else if !applies && call.query.flag("force") {
        StatusCause::forbidden("force", "may not be specified for non-apply patch")
    } else {
        return Ok(());
    };
    Err(StatusError::invalid("PatchOptions", "meta.k8s.io", "", &[cause]))
}

/// Answers the request that removes finalizers from the spec of a namespace.
pub(super) fn finalize(call: &ObjectRequest<'_>, target: &Target, name: &str) -> Result<Response<Body>, StatusError> {
    let object = body::object(call, target)?;
    let finalizers = object["spec"]["finalizers"].clone();
    let mut store = call.shared.lock();
    let finalizers = if finalizers.is_array() { finalizers } else { json!([]) };
    let written = store.finalize_namespace(name, finalizers)?;
    drop(store);
    Ok(call.answer(StatusCode::OK, target, written))
}
