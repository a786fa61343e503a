//! What the API server says to a patch that isn't one, and to one that doesn't leave an object of its kind
//! (`endpoints/handlers/patch.go` of `k8s.io/apiserver`).

use capstan_schema::{Fault, Problem};
use serde_json::Value;

use super::{Target, decode_error, problems};
use crate::{
    apply::PatchFormat,
    go,
    status::{StatusCause, StatusError},
};

/// Refuses a merge patch that is not a mapping.
pub(in crate::verbs) fn form(format: PatchFormat, patch: &Value) -> Result<(), StatusError> {
    let doing = match format {
        PatchFormat::Merge => "error decoding patch: ",
        PatchFormat::Strategic => "",
        PatchFormat::Json | PatchFormat::Apply => return Ok(()),
    };
    if patch.is_object() {
        return Ok(());
    }
    let found = go::json_name(patch);
    Err(StatusError::bad_request(format!(
        "{doing}json: cannot unmarshal {found} into Go value of type map[string]interface {{}}"
    )))
}

/// Refuses an object of a built-in kind that has a value of a wrong type after a patch.
pub(in crate::verbs) fn result(
    target: &Target,
    format: PatchFormat,
    patch: &Value,
    object: &Value,
) -> Result<(), StatusError> {
    if target.resource.is_custom {
        return Ok(());
    }
    let problems = problems(target, object);
    let found = problems
        .iter()
        .find_map(|problem| Some((problem, decode_error(problem, object)?)));
    let Some((problem, why)) = found else { return Ok(()) };
    let (sent, why) = match format {
        PatchFormat::Strategic => (go::printed(patch), converting(problem, object).unwrap_or(why)),
        PatchFormat::Json | PatchFormat::Merge | PatchFormat::Apply => (object.to_string(), why),
    };
    let cause = StatusCause::invalid("patch", &Value::from(sent), &why);
    Err(StatusError::invalid("", "", "", &[cause]))
}

/// Says why a value of a wrong type can't be converted (`pkg/runtime/converter.go` of `k8s.io/apimachinery`).
fn converting(problem: &Problem, object: &Value) -> Option<String> {
    let Fault::WrongType {
        go_type: expected_type, ..
    } = &problem.fault
    else {
        return None;
    };
    let value = object.pointer(&problem.path.pointer())?;
    let (kind, is_float) = (go::kind_of(value), value.is_f64());
    Some(match *expected_type {
        "int32" | "int64" if is_float => format!("cannot convert float64 to {expected_type}"),
        "string" if value.is_number() && !is_float => "cannot convert int64 to string".to_owned(),
        "bool" | "int32" | "int64" | "float64" | "string" => format!("unrecognized type: {expected_type}"),
        "[]" | "[]uint8" => format!("cannot restore slice from {kind}"),
        "map[string]" => format!("cannot restore map from {kind}"),
        // They read JSON by code of their own.
        "resource.Quantity" | "intstr.IntOrString" => return None,
        _ => format!("cannot restore struct from: {kind}"),
    })
}
