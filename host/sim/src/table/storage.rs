//! The cells of storage kinds.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::text::{UNSET, age, listed, or, plain};
use crate::actors::access::{fields, is_terminating, is_true, items, text};

/// Formats access modes in the order of the API, each once.
fn access_modes(object: &Value, pointer: &str) -> String {
    let modes = items(object, pointer);
    let known = [
        ("ReadWriteOnce", "RWO"),
        ("ReadOnlyMany", "ROX"),
        ("ReadWriteMany", "RWX"),
        ("ReadWriteOncePod", "RWOP"),
    ];
    let found = known
        .iter()
        .filter(|(mode, _)| modes.iter().any(|one| one == mode))
        .map(|(_, short)| *short);
    found.collect::<Vec<_>>().join(",")
}

fn phase(object: &Value) -> &str {
    if is_terminating(object) {
        "Terminating"
    } else {
        text(object, "/status/phase")
    }
}

pub(super) fn volume(object: &Value, now: Timestamp) -> Vec<Value> {
    let claim = object.pointer("/spec/claimRef").map_or_else(String::new, |claim| {
        format!("{}/{}", text(claim, "/namespace"), text(claim, "/name"))
    });
    vec![
        json!(text(object, "/spec/capacity/storage")),
        json!(access_modes(object, "/spec/accessModes")),
        json!(text(object, "/spec/persistentVolumeReclaimPolicy")),
        json!(phase(object)),
        json!(claim),
        json!(text(object, "/spec/storageClassName")),
        json!(or(object, "/spec/volumeAttributesClassName", UNSET)),
        json!(text(object, "/status/reason")),
        age(object, now),
        json!(or(object, "/spec/volumeMode", UNSET)),
    ]
}

pub(super) fn claim(object: &Value, now: Timestamp) -> Vec<Value> {
    let is_bound = !text(object, "/spec/volumeName").is_empty();
    let bound = |text: String| json!(if is_bound { text } else { String::new() });
    vec![
        json!(phase(object)),
        json!(text(object, "/spec/volumeName")),
        bound(text(object, "/status/capacity/storage").to_owned()),
        bound(access_modes(object, "/status/accessModes")),
        json!(text(object, "/spec/storageClassName")),
        json!(or(object, "/spec/volumeAttributesClassName", UNSET)),
        age(object, now),
        json!(or(object, "/spec/volumeMode", UNSET)),
    ]
}

pub(super) fn class(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        json!(text(object, "/provisioner")),
        json!(or(object, "/reclaimPolicy", "Delete")),
        json!(or(object, "/volumeBindingMode", "Immediate")),
        json!(is_true(object, "/allowVolumeExpansion")),
        age(object, now),
    ]
}

/// Says whether a storage class is the default one.
pub(super) fn is_default_class(object: &Value) -> bool {
    ["storageclass.kubernetes.io", "storageclass.beta.kubernetes.io"]
        .iter()
        .any(|prefix| text(object, &format!("/metadata/annotations/{prefix}~1is-default-class")) == "true")
}

pub(super) fn attributes_class(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![json!(text(object, "/driverName")), age(object, now)]
}

pub(super) fn attachment(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        json!(text(object, "/spec/attacher")),
        json!(text(object, "/spec/source/persistentVolumeName")),
        json!(text(object, "/spec/nodeName")),
        json!(is_true(object, "/status/attached")),
        age(object, now),
    ]
}

pub(super) fn node(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![json!(items(object, "/spec/drivers").len()), age(object, now)]
}

pub(super) fn driver(object: &Value, now: Timestamp) -> Vec<Value> {
    let texts = |pointer: &str, field: &str| -> Vec<String> {
        let all = items(object, pointer).iter();
        all.map(|one| text(one, field).to_owned()).collect()
    };
    let attach = object.pointer("/spec/attachRequired").and_then(Value::as_bool);
    vec![
        json!(attach.unwrap_or(true)),
        json!(is_true(object, "/spec/podInfoOnMount")),
        json!(is_true(object, "/spec/storageCapacity")),
        json!(listed(texts("/spec/tokenRequests", "/audience"), ",", UNSET)),
        json!(is_true(object, "/spec/requiresRepublish")),
        json!(texts("/spec/volumeLifecycleModes", "").join(",")),
        age(object, now),
    ]
}

pub(super) fn quota(object: &Value, now: Timestamp) -> Vec<Value> {
    let (mut requests, mut limits) = (Vec::new(), Vec::new());
    for (name, hard) in fields(object, "/status/hard") {
        let used = object.pointer("/status/used").and_then(|used| used.get(name));
        let used = used.map_or_else(|| "0".to_owned(), |used| plain(used, "", "0"));
        let written = format!("{name}: {used}/{}", plain(hard, "", "0"));
        if name.starts_with("limits") {
            limits.push(written);
        } else {
            requests.push(written);
        }
    }
    vec![json!(requests.join(", ")), json!(limits.join(", ")), age(object, now)]
}
