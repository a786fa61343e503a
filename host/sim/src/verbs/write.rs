//! Create, update and the four patches.

use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::{Call, Target, body, refuse, warning};
use crate::{
    apply::{
        Format, patched, schema,
        server::{self, Configuration},
    },
    service::Body,
    status::{Cause, Refusal},
    store::Writer,
};

/// Answers a create.
pub(super) fn create(call: &Call<'_>, target: &Target) -> Result<Response<Body>, Refusal> {
    let object = body::object(call, target)?;
    if !matches!(object["metadata"]["resourceVersion"].as_str(), None | Some("")) {
        let why = "resourceVersion should not be set on objects to be created";
        return Err(Refusal::new(500, "InternalError", why));
    }
    let warnings = refuse::whole(call, target, &object)?;
    let created = call.shared.lock().create_as(object, &call.writer(None))?;
    Ok(warning::add(
        call.answer(StatusCode::CREATED, target, created),
        &warnings,
    ))
}

/// Answers an update of the object or its status.
pub(super) fn update(
    call: &Call<'_>,
    target: &Target,
    name: &str,
    subresource: Option<&str>,
) -> Result<Response<Body>, Refusal> {
    let object = body::object(call, target)?;
    let writer = call.writer(subresource);
    let mut store = call.shared.lock();
    if store.get(&target.kind, call.namespace(), name).is_none() {
        return Err(target.not_found(name));
    }
    let warnings = refuse::whole(call, target, &object)?;
    let written = match subresource {
        None => store.update_as(object, &writer)?,
        Some(_) => store.update_status_as(object, &writer)?,
    };
    drop(store);
    Ok(warning::add(call.answer(StatusCode::OK, target, written), &warnings))
}

/// Answers a patch of the object or its status.
pub(super) fn patch(
    call: &Call<'_>,
    target: &Target,
    name: &str,
    subresource: Option<&str>,
) -> Result<Response<Body>, Refusal> {
    let format = Format::of(call.content_type, &target.resource)?;
    check_options(call, format)?;
    let patch = body::decode(call)?;
    let writer = call.writer(subresource);
    let mut store = call.shared.lock();
    let live = body::live(&store, call, target, name);
    if format == Format::Apply {
        let object = body::complete_from_path(patch, call, target)?;
        let is_new = live.is_none() && subresource.is_none();
        if let (true, Some(uid)) = (is_new, object["metadata"]["uid"].as_str()) {
            let why =
                format!("uid mismatch: the provided object specified uid {uid}, and no existing object was found");
            return Err(Refusal::conflict(
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
    refuse::patch::form(format, &patch)?;
    let object = patched(format, &target.resource, &live, patch.clone())?;
    refuse::patch::result(target, format, &patch, &object)?;
    crate::store::check_shape(&object)?;
    for field in ["name", "namespace", "uid"] {
        if object["metadata"][field] != live["metadata"][field] {
            let cause = Cause::invalid(
                &format!("metadata.{field}"),
                &object["metadata"][field],
                "field is immutable",
            );
            return Err(Refusal::invalid(
                &target.resource.kind,
                &target.resource.group,
                name,
                &[cause],
            ));
        }
    }
    let object = body::complete_from_path(object, call, target)?;
    let warnings = refuse::whole(call, target, &object)?;
    let written = match subresource {
        None => store.update_as(object, &writer)?,
        Some(_) => store.update_status_as(object, &writer)?,
    };
    drop(store);
    Ok(warning::add(call.answer(StatusCode::OK, target, written), &warnings))
}

fn apply(
    store: &mut crate::store::Store,
    call: &Call<'_>,
    target: &Target,
    live: Option<&Value>,
    object: &Value,
    writer: &Writer,
) -> Result<Value, Refusal> {
    refuse::applied(target, object)?;
    let rule = schema::root(&target.resource);
    let has_status = target.resource.has_status();
    let configuration = Configuration {
        object,
        rule: &rule,
        writer,
        force: call.query.flag("force"),
        has_status,
    };
    let merged = server::apply(live.unwrap_or(&Value::Null), configuration, &store.second())?;
    refuse::whole(call, target, &merged)?;
    let writer = Writer {
        owned: true,
        ..writer.clone()
    };
    match (live, &writer.subresource) {
        (None, _) => store.create_as(merged, &writer),
        (Some(_), None) => store.update_as(merged, &writer),
        (Some(_), Some(_)) => store.update_status_as(merged, &writer),
    }
}

fn check_options(call: &Call<'_>, format: Format) -> Result<(), Refusal> {
    let applies = format == Format::Apply;
    let cause = if applies && call.query.text("fieldManager").is_empty() {
        Cause::required("fieldManager", "is required for apply patch")
    } else if !applies && call.query.flag("force") {
        Cause::forbidden("force", "may not be specified for non-apply patch")
    } else {
        return Ok(());
    };
    Err(Refusal::invalid("PatchOptions", "meta.k8s.io", "", &[cause]))
}

/// Answers the request that removes finalizers from the spec of a namespace.
pub(super) fn finalize(call: &Call<'_>, target: &Target, name: &str) -> Result<Response<Body>, Refusal> {
    let object = body::object(call, target)?;
    let finalizers = object["spec"]["finalizers"].clone();
    let mut store = call.shared.lock();
    let finalizers = if finalizers.is_array() { finalizers } else { json!([]) };
    let written = store.finalize_namespace(name, finalizers)?;
    drop(store);
    Ok(call.answer(StatusCode::OK, target, written))
}
