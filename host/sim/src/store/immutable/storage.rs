//! Immutable fields of volumes and claims.

use capstan_schema::quantity;
use serde_json::Value;

use super::{IMMUTABLE, without_fields};
use crate::status::StatusCause;

/// The fields of a volume besides its source.
const BESIDE_SOURCE: &[&str] = &[
    "accessModes",
    "capacity",
    "claimRef",
    "mountOptions",
    "nodeAffinity",
    "persistentVolumeReclaimPolicy",
    "storageClassName",
    "volumeAttributesClassName",
    "volumeMode",
];

pub(super) fn volume(live: &Value, spec: &Value, causes: &mut Vec<StatusCause>) {
    if without_fields(live, BESIDE_SOURCE) != without_fields(spec, BESIDE_SOURCE) {
        let path = "spec.persistentvolumesource";
        causes.push(StatusCause::forbidden(
            path,
            &format!("{path} is immutable after creation"),
        ));
    }
    if live["volumeMode"] != spec["volumeMode"] {
        causes.push(StatusCause::invalid("volumeMode", &spec["volumeMode"], IMMUTABLE));
    }
    if !live["nodeAffinity"].is_null() && live["nodeAffinity"] != spec["nodeAffinity"] {
        let why = "field is immutable, except for updating from beta label to GA";
        causes.push(StatusCause::invalid("nodeAffinity", &spec["nodeAffinity"], why));
    }
}

/// A claim gets its volume once. A bound claim may request more storage, or another class of attributes.
pub(super) fn claim(live: &Value, object: &Value, causes: &mut Vec<StatusCause>) {
    let (before, after) = (&live["spec"], &object["spec"]);
    let mut free = vec!["volumeAttributesClassName"];
    for field in ["volumeName", "storageClassName"] {
        if before[field].is_null() {
            free.push(field);
        }
    }
    if live["status"]["phase"] == "Bound" {
        free.push("resources");
    }
    if without_fields(before, &free) != without_fields(after, &free) {
        let why =
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
        causes.push(StatusCause::forbidden("spec", why));
    }
    if before["volumeMode"] != after["volumeMode"] {
        causes.push(StatusCause::invalid("volumeMode", &after["volumeMode"], IMMUTABLE));
    }
    let size = |object: &Value, pointer: &str| object.pointer(pointer).and_then(quantity::nanos);
    let requested = |object: &Value| size(object, "/spec/resources/requests/storage");
    let capacity = size(live, "/status/capacity/storage");
    let shrinks = requested(object) < requested(live) && requested(object).is_some();
    if shrinks && capacity.is_none_or(|capacity| requested(object) <= Some(capacity)) {
        let path = "spec.resources.requests.storage";
        causes.push(StatusCause::forbidden(
            path,
            "field can not be less than status.capacity",
        ));
    }
}

/// The fields of a node's driver are immutable; drivers may be added and removed.
pub(super) fn drivers(live: &Value, object: &Value, causes: &mut Vec<StatusCause>) {
    let drivers = |node: &Value| node["spec"]["drivers"].as_array().cloned().unwrap_or_default();
    let old = drivers(live);
    for driver in drivers(object) {
        let known = old.iter().find(|old| old["name"] == driver["name"]);
        if known.is_some_and(|known| *known != driver) {
            causes.push(StatusCause::invalid("spec.drivers", &driver, IMMUTABLE));
        }
    }
}
