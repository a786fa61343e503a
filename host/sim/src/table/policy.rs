//! The cells of roles, policies and all other kinds.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::text::{NONE, UNSET, age, count, duration, listed, or, plain, since};
use crate::actors::access::{fields, is_condition, is_terminating, is_true, items, number, text, timestamp};

pub(super) fn only_age(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![age(object, now)]
}

/// The cells of kinds without a printer of their own.
pub(super) fn created_at(object: &Value, _: Timestamp) -> Vec<Value> {
    vec![
        object
            .pointer("/metadata/creationTimestamp")
            .cloned()
            .unwrap_or_default(),
    ]
}

fn members(object: &Value, field: &str) -> usize {
    object.get(field).and_then(Value::as_object).map_or(0, Map::len)
}

pub(super) fn config_map(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        json!(members(object, "data") + members(object, "binaryData")),
        age(object, now),
    ]
}

pub(super) fn secret(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        json!(text(object, "/type")),
        json!(members(object, "data")),
        age(object, now),
    ]
}

pub(super) fn namespace(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![json!(text(object, "/status/phase")), age(object, now)]
}

pub(super) fn component(_: &Value, _: Timestamp) -> Vec<Value> {
    vec![json!("Unknown"), json!(""), json!("")]
}

pub(super) fn binding(object: &Value, now: Timestamp) -> Vec<Value> {
    let role = format!("{}/{}", text(object, "/roleRef/kind"), text(object, "/roleRef/name"));
    let named = |kind: &str| {
        let subjects = items(object, "/subjects").iter();
        let subjects = subjects.filter(|subject| text(subject, "/kind") == kind);
        let names: Vec<String> = subjects
            .map(|subject| match kind {
                "ServiceAccount" => format!("{}/{}", text(subject, "/namespace"), text(subject, "/name")),
                _ => text(subject, "/name").to_owned(),
            })
            .collect();
        json!(names.join(", "))
    };
    vec![
        json!(role),
        age(object, now),
        named("User"),
        named("Group"),
        named("ServiceAccount"),
    ]
}

pub(super) fn priority_class(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        json!(count(object, "/value")),
        json!(is_true(object, "/globalDefault")),
        age(object, now),
        json!(text(object, "/preemptionPolicy")),
    ]
}

pub(super) fn lease(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![json!(text(object, "/spec/holderIdentity")), age(object, now)]
}

pub(super) fn runtime_class(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![json!(text(object, "/handler")), age(object, now)]
}

pub(super) fn signing_request(object: &Value, now: Timestamp) -> Vec<Value> {
    let requested = number(object, "/spec/expirationSeconds").map_or_else(|| NONE.to_owned(), duration);
    let mut status = if is_condition(object, "Denied") {
        "Denied"
    } else if is_condition(object, "Approved") {
        "Approved"
    } else {
        "Pending"
    }
    .to_owned();
    if is_condition(object, "Failed") {
        status += ",Failed";
    }
    if !text(object, "/status/certificate").is_empty() {
        status += ",Issued";
    }
    vec![
        age(object, now),
        json!(text(object, "/spec/signerName")),
        json!(text(object, "/spec/username")),
        json!(requested),
        json!(status),
    ]
}

pub(super) fn api_service(object: &Value, now: Timestamp) -> Vec<Value> {
    let service = object.pointer("/spec/service").filter(|service| service.is_object());
    let service = service.map_or_else(
        || "Local".to_owned(),
        |service| format!("{}/{}", text(service, "/namespace"), text(service, "/name")),
    );
    let mut conditions = items(object, "/status/conditions").iter();
    let available = conditions.find(|one| text(one, "/type") == "Available");
    let available = match available {
        Some(one) if text(one, "/status") == "True" => "True".to_owned(),
        Some(one) => format!("{} ({})", text(one, "/status"), text(one, "/reason")),
        None => "Unknown".to_owned(),
    };
    vec![json!(service), json!(available), age(object, now)]
}

pub(super) fn webhooks(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![json!(items(object, "/webhooks").len()), age(object, now)]
}

fn admission_policy(object: &Value, rules: &str, now: Timestamp) -> Vec<Value> {
    let kind = object.pointer("/spec/paramKind").filter(|kind| kind.is_object());
    let kind = kind.map_or_else(
        || UNSET.to_owned(),
        |kind| format!("{}/{}", text(kind, "/apiVersion"), text(kind, "/kind")),
    );
    vec![json!(items(object, rules).len()), json!(kind), age(object, now)]
}

pub(super) fn validating_policy(object: &Value, now: Timestamp) -> Vec<Value> {
    admission_policy(object, "/spec/validations", now)
}

pub(super) fn mutating_policy(object: &Value, now: Timestamp) -> Vec<Value> {
    admission_policy(object, "/spec/mutations", now)
}

pub(super) fn policy_binding(object: &Value, now: Timestamp) -> Vec<Value> {
    let parameters = object.pointer("/spec/paramRef").filter(|given| given.is_object());
    let parameters = parameters.map_or_else(
        || UNSET.to_owned(),
        |given| match (or(given, "/name", "*"), text(given, "/namespace")) {
            (name, "") => name.to_owned(),
            (name, namespace) => format!("{namespace}/{name}"),
        },
    );
    vec![
        json!(text(object, "/spec/policyName")),
        json!(parameters),
        age(object, now),
    ]
}

pub(super) fn flow_schema(object: &Value, now: Timestamp) -> Vec<Value> {
    let mut conditions = items(object, "/status/conditions").iter();
    let dangling = conditions.find(|one| text(one, "/type") == "Dangling");
    vec![
        json!(or(object, "/spec/priorityLevelConfiguration/name", NONE)),
        json!(count(object, "/spec/matchingPrecedence")),
        json!(or(object, "/spec/distinguisherMethod/type", NONE)),
        age(object, now),
        json!(dangling.map_or("?", |one| text(one, "/status"))),
    ]
}

pub(super) fn priority_level(object: &Value, now: Timestamp) -> Vec<Value> {
    let shares = plain(object, "/spec/limited/nominalConcurrencyShares", NONE);
    let queuing = |field: &str| {
        let pointer = format!("/spec/limited/limitResponse/queuing/{field}");
        json!(plain(object, &pointer, NONE))
    };
    vec![
        json!(text(object, "/spec/type")),
        json!(shares),
        queuing("queues"),
        queuing("handSize"),
        queuing("queueLengthLimit"),
        age(object, now),
    ]
}

pub(super) fn resource_claim(object: &Value, now: Timestamp) -> Vec<Value> {
    let mut states = Vec::new();
    if is_terminating(object) {
        states.push("deleted".to_owned());
    }
    if fields(object, "/status/allocation").next().is_some() {
        states.push("allocated".to_owned());
        if !items(object, "/status/reservedFor").is_empty() {
            states.push("reserved".to_owned());
        }
    }
    vec![json!(listed(states, ",", "pending")), age(object, now)]
}

pub(super) fn resource_slice(object: &Value, now: Timestamp) -> Vec<Value> {
    vec![
        json!(or(object, "/spec/nodeName", UNSET)),
        json!(text(object, "/spec/driver")),
        json!(text(object, "/spec/pool/name")),
        age(object, now),
    ]
}

/// The cells of an event of either group. The name is the last one.
pub(super) fn event(object: &Value, now: Timestamp) -> Vec<Value> {
    let either = |one: &'static str, other: &'static str| if object.pointer(one).is_some() { one } else { other };
    let about = |field: &str| {
        let about = either("/involvedObject", "/regarding");
        text(object, &format!("{about}/{field}"))
    };
    let first = timestamp(object, either("/firstTimestamp", "/deprecatedFirstTimestamp"));
    let first = since(first.or_else(|| timestamp(object, "/eventTime")), now);
    let last = timestamp(object, "/series/lastObservedTime");
    let last = last.or_else(|| timestamp(object, either("/lastTimestamp", "/deprecatedLastTimestamp")));
    let last = last.map_or_else(|| first.clone(), |last| since(Some(last), now));
    let kind = about("kind").to_lowercase();
    let target = match about("name") {
        "" => kind,
        name => format!("{kind}/{name}"),
    };
    let source = either("/source", "/deprecatedSource");
    let reporter = text(object, either("/reportingComponent", "/reportingController"));
    let component = format!("{source}/component");
    let mut from = or(object, &component, reporter).to_owned();
    let host = format!("{source}/host");
    match or(object, &host, text(object, "/reportingInstance")) {
        "" => {}
        host => from = format!("{from}, {host}"),
    }
    let times = number(object, "/series/count").unwrap_or_else(|| count(object, either("/count", "/deprecatedCount")));
    vec![
        json!(last),
        json!(text(object, "/type")),
        json!(text(object, "/reason")),
        json!(target),
        json!(about("fieldPath")),
        json!(from),
        json!(text(object, either("/message", "/note")).trim()),
        json!(first),
        json!(times.max(1)),
        json!(text(object, "/metadata/name")),
    ]
}
