//! Merges an applied configuration into a live object, and removes the fields that its manager gave up.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    fields::FieldSet,
    schema::{MergeRule, item_step},
    walk::parts,
};

/// Merges the applied value into the live one, and returns the result.
pub(crate) fn merge(live: &Value, applied: &Value, rule: &MergeRule<'_>) -> Value {
    match (live, applied, rule) {
        (Value::Object(old), Value::Object(new), rule) if rule.is_granular() => {
            let mut merged = old.clone();
            for (name, value) in new {
                let value = merge(old.get(name).unwrap_or(&Value::Null), value, &rule.field(name));
                merged.insert(name.clone(), value);
            }
            Value::Object(merged)
        }
        (Value::Array(old), Value::Array(new), MergeRule::Set) => {
            Value::Array(merge_lists(old, new, &|value| value.to_string(), &|_, new| new.clone()))
        }
        (Value::Array(old), Value::Array(new), MergeRule::Map(keys, of)) => {
            Value::Array(merge_lists(old, new, &|value| item_step(keys, value), &|old, new| {
                merge(old, new, of)
            }))
        }
        _ => applied.clone(),
    }
}

/// Merges two lists by the identity of their items: shared items in the order of the new list, old ones at their positions.
fn merge_lists(
    old: &[Value],
    new: &[Value],
    identity: &dyn Fn(&Value) -> String,
    join: &dyn Fn(&Value, &Value) -> Value,
) -> Vec<Value> {
    let olds: BTreeMap<String, &Value> = old.iter().map(|value| (identity(value), value)).collect();
    let news: Vec<(String, &Value)> = new.iter().map(|value| (identity(value), value)).collect();
    let place = |id: &String| news.iter().position(|(new, _)| new == id);
    let mut merged = Vec::new();
    let mut next = 0;
    let mut take = |until: usize, merged: &mut Vec<Value>| {
        for (id, value) in news.iter().take(until).skip(next) {
            merged.push(olds.get(id).map_or_else(|| (*value).clone(), |old| join(old, value)));
        }
        next = next.max(until);
    };
    for value in old {
        match place(&identity(value)) {
            Some(at) => take(at + 1, &mut merged),
            None => merged.push(value.clone()),
        }
    }
    take(new.len(), &mut merged);
    merged
}

/// Removes everything in `given_up` from a value that isn't in `kept`, directly or with one of its parts.
pub(crate) fn prune(value: &mut Value, given_up: &FieldSet, kept: &FieldSet, rule: &MergeRule<'_>) {
    let Some(parts) = parts(value, rule) else { return };
    // The change of each part; `None` when it is removed.
    let fates: Vec<Option<Value>> = parts
        .into_iter()
        .map(
            |(step, part, rule)| match (given_up.children.get(&step), kept.children.get(&step)) {
                (Some(_), None) => None,
                (Some(given_up), Some(kept)) => {
                    let mut part = part.clone();
                    prune(&mut part, given_up, kept, &rule);
                    Some(part)
                }
                (None, _) => Some(part.clone()),
            },
        )
        .collect();
    match value {
        Value::Object(map) => {
            let names: Vec<String> = map.keys().cloned().collect();
            *map = names
                .into_iter()
                .zip(fates)
                .filter_map(|(name, fate)| Some((name, fate?)))
                .collect();
        }
        Value::Array(list) => *list = fates.into_iter().flatten().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
