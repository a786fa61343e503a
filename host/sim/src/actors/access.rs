//! Reads values in JSON objects, for controllers. Every function returns a value, whatever the object is like.

use jiff::{Timestamp, Unit};
use serde_json::{Map, Value, json};

use crate::store::Kind;

/// Makes a kind of its group and name.
pub(crate) fn kind(group: &str, kind: &str) -> Kind {
    Kind {
        group: group.into(),
        kind: kind.into(),
    }
}

/// Returns the text at a JSON pointer; an empty one if there is none.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Returns the whole number at a JSON pointer.
pub(crate) fn number(value: &Value, pointer: &str) -> Option<i64> {
    value.pointer(pointer).and_then(Value::as_i64)
}

/// Says whether there is a `true` at a JSON pointer.
pub(crate) fn is_true(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer).and_then(Value::as_bool).unwrap_or(false)
}

/// Returns the list at a JSON pointer, empty when there is none.
pub(crate) fn items<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

/// Returns the fields of the object at a JSON pointer.
pub(crate) fn fields<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.pointer(pointer).and_then(Value::as_object).into_iter().flatten()
}

/// Returns the time at a JSON pointer.
pub(crate) fn timestamp(value: &Value, pointer: &str) -> Option<Timestamp> {
    text(value, pointer).parse().ok()
}

pub(crate) fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

pub(crate) fn namespace(object: &Value) -> &str {
    text(object, "/metadata/namespace")
}

pub(crate) fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

pub(crate) fn is_terminating(object: &Value) -> bool {
    object
        .pointer("/metadata/deletionTimestamp")
        .is_some_and(|at| !at.is_null())
}

pub(crate) fn has_finalizer(object: &Value, finalizer: &str) -> bool {
    items(object, "/metadata/finalizers")
        .iter()
        .any(|found| found == finalizer)
}

/// Returns the owner reference of the controller, if one controls this object.
pub(crate) fn controller(object: &Value) -> Option<&Value> {
    items(object, "/metadata/ownerReferences")
        .iter()
        .find(|owner| is_true(owner, "/controller"))
}

/// Says whether the object with this uid controls the other one.
pub(crate) fn is_controlled_by(object: &Value, uid: &str) -> bool {
    controller(object).is_some_and(|owner| text(owner, "/uid") == uid)
}

/// Formats a time as Kubernetes does: in whole seconds.
pub(crate) fn format_timestamp(at: Timestamp) -> String {
    let second = jiff::TimestampRound::new()
        .smallest(Unit::Second)
        .mode(jiff::RoundMode::Floor);
    at.round(second).unwrap_or(at).to_string()
}

/// Returns the time plus a number of seconds.
pub(crate) fn plus_seconds(at: Timestamp, seconds: i64) -> Timestamp {
    at.checked_add(jiff::SignedDuration::from_secs(seconds))
        .unwrap_or(Timestamp::MAX)
}

/// Returns the condition of this type.
pub(crate) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    items(object, "/status/conditions")
        .iter()
        .find(|condition| text(condition, "/type") == kind)
}

/// Says whether the condition of this type is `True`.
pub(crate) fn is_condition(object: &Value, kind: &str) -> bool {
    condition(object, kind).is_some_and(|condition| text(condition, "/status") == "True")
}

/// Says whether an object has all of these labels.
pub(crate) fn has_labels(object: &Value, labels: &Value) -> bool {
    fields(labels, "").all(|(name, value)| label(object, name) == value.as_str())
}

/// Says whether a label selector (`matchLabels`, `matchExpressions`) matches an object; an empty one matches all.
pub(crate) fn is_matched(object: &Value, selector: &Value) -> bool {
    fields(selector, "/matchLabels").all(|(name, value)| label(object, name) == value.as_str())
        && items(selector, "/matchExpressions").iter().all(|expression| {
            let found = label(object, text(expression, "/key"));
            let is_listed = found.is_some_and(|found| items(expression, "/values").iter().any(|value| value == found));
            match text(expression, "/operator") {
                "In" => is_listed,
                "NotIn" => !is_listed,
                "Exists" => found.is_some(),
                "DoesNotExist" => found.is_none(),
                _ => false,
            }
        })
}

fn label<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.pointer("/metadata/labels")?.get(name)?.as_str()
}

/// Returns the object's status as a map that can be changed.
pub(crate) fn status_of(object: &Value) -> Map<String, Value> {
    object
        .get("status")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default()
}

/// Returns a number that may be a percentage (`maxSurge: 25%`) of a total.
pub(crate) fn int_or_percent(value: Option<&Value>, total: i64, round_up: bool, default: &str) -> i64 {
    let written = match value {
        Some(Value::Number(number)) => return number.as_i64().unwrap_or(0),
        Some(Value::String(text)) => text.as_str(),
        _ => default,
    };
    match written.strip_suffix('%') {
        Some(percent) => {
            let product = percent.trim().parse::<i64>().unwrap_or(0) * total;
            if round_up { (product + 99) / 100 } else { product / 100 }
        }
        None => written.parse().unwrap_or(0),
    }
}

/// Returns the owner reference that makes `owner` the controller of an object.
pub(crate) fn controller_reference(owner: &Value) -> Value {
    json!({
        "apiVersion": text(owner, "/apiVersion"),
        "kind": text(owner, "/kind"),
        "name": name(owner),
        "uid": uid(owner),
        "controller": true,
        "blockOwnerDeletion": true,
    })
}

/// Hashes a value to the short suffix that Kubernetes gives templates (`pod-template-hash`).
pub(crate) fn short_hash(value: &Value) -> String {
    // FNV-1a, and the alphabet of apimachinery's `rand.SafeEncodeString`: no vowels, no look-alikes.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in value.to_string().bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    let alphabet = b"bcdfghjklmnpqrstvwxz2456789";
    let mut suffix = String::new();
    for _ in 0..10 {
        let index = usize::try_from(hash % alphabet.len() as u64).unwrap_or_default();
        suffix.push(alphabet.get(index).copied().map_or('b', char::from));
        hash /= alphabet.len() as u64;
    }
    suffix
}

/// Removes the resource version, so that the object is written unconditionally.
pub(crate) fn clear_resource_version(object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("resourceVersion");
    }
}
