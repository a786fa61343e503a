//! Sets conditions as controllers do, so that `lastTransitionTime` only changes with the status.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::access::{format_timestamp, text};

/// The new value of a condition.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConditionUpdate<'a> {
    pub kind: &'a str,
    pub is_true: bool,
    pub reason: &'a str,
    pub message: &'a str,
}

/// Sets one condition of a status: in place when there is one of its type, else at the end.
///
/// `extra` names a second time field of some kinds: `lastProbeTime` (Job), `lastUpdateTime` (Deployment).
pub(crate) fn set(status: &mut Map<String, Value>, update: ConditionUpdate<'_>, extra: Option<&str>, now: Timestamp) {
    let list = status.entry("conditions").or_insert_with(|| json!([]));
    let Some(list) = list.as_array_mut() else { return };
    let truth = if update.is_true { "True" } else { "False" };
    let known = list
        .iter_mut()
        .find(|condition| text(condition, "/type") == update.kind);
    let mut fresh = Map::new();
    fresh.insert("type".into(), json!(update.kind));
    fresh.insert("status".into(), json!(truth));
    for (field, words) in [("reason", update.reason), ("message", update.message)] {
        if !words.is_empty() {
            fresh.insert(field.into(), json!(words));
        }
    }
    let since = |field: &str| -> Option<String> {
        let known = known.as_deref()?;
        let same = text(known, "/status") == truth
            && (field == "lastTransitionTime"
                || (text(known, "/reason") == update.reason && text(known, "/message") == update.message));
        same.then(|| text(known, &format!("/{field}")).to_owned())
            .filter(|at| !at.is_empty())
    };
    for field in ["lastTransitionTime"].into_iter().chain(extra) {
        fresh.insert(
            field.into(),
            json!(since(field).unwrap_or_else(|| format_timestamp(now))),
        );
    }
    match known {
        Some(known) => *known = Value::Object(fresh),
        None => list.push(Value::Object(fresh)),
    }
}
