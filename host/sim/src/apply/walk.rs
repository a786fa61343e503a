//! The fields of an object, and the differences between two objects.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    fields::FieldSet,
    schema::{MergeRule, item_step},
};

/// What differs between two objects.
#[derive(Debug, Default)]
pub(crate) struct Difference {
    /// New, or of another value.
    pub changed: FieldSet,
    /// No longer there.
    pub removed: FieldSet,
}

/// Returns the parts of a value that have their own owners, by step; `None` when the whole value has a single owner.
pub(crate) fn parts<'a, 'rule>(
    value: &'a Value,
    rule: &MergeRule<'rule>,
) -> Option<Vec<(String, &'a Value, MergeRule<'rule>)>> {
    match (value, rule) {
        (Value::Object(map), rule) if rule.is_granular() => Some(
            map.iter()
                .map(|(name, value)| (format!("f:{name}"), value, rule.field(name)))
                .collect(),
        ),
        (Value::Array(list), MergeRule::Set) => Some(
            list.iter()
                .map(|value| (format!("v:{value}"), value, MergeRule::Plain))
                .collect(),
        ),
        (Value::Array(list), MergeRule::Map(keys, of)) => Some(
            list.iter()
                .map(|value| (item_step(keys, value), value, (**of).clone()))
                .collect(),
        ),
        _ => None,
    }
}

/// Returns the fields of a value.
pub(crate) fn fields(value: &Value, rule: &MergeRule<'_>) -> FieldSet {
    let Some(parts) = parts(value, rule) else {
        return FieldSet::leaf();
    };
    let mut all = FieldSet::default();
    if parts.is_empty() && value.is_object() {
        all.contains_self = true;
    }
    for (step, part, rule) in parts {
        let mut below = fields(part, &rule);
        below.contains_self |= !step.starts_with("f:");
        all.add(step, below);
    }
    all
}

/// Returns the duplicate item of a list that merges by keys or values.
pub(crate) fn duplicate_item(value: &Value, rule: &MergeRule<'_>) -> Option<String> {
    let mut seen = BTreeSet::new();
    parts(value, rule)?.into_iter().find_map(|(step, part, rule)| {
        let below = duplicate_item(part, &rule);
        if seen.insert(step.clone()) { below } else { Some(step) }
    })
}

/// Returns what differs between two values.
pub(crate) fn difference(before: &Value, after: &Value, rule: &MergeRule<'_>) -> Difference {
    let mut found = Difference::default();
    if before == after {
        return found;
    }
    let (Some(old), Some(new)) = (parts(before, rule), parts(after, rule)) else {
        found.changed = fields(after, rule);
        found.changed.contains_self = true;
        found.removed = if before.is_null() {
            FieldSet::default()
        } else {
            fields(before, rule).difference(&found.changed)
        };
        return found;
    };
    let old: BTreeMap<String, (&Value, MergeRule<'_>)> = old
        .into_iter()
        .map(|(step, value, rule)| (step, (value, rule)))
        .collect();
    let mut seen = Vec::new();
    for (step, value, rule) in new {
        match old.get(&step) {
            Some((before, _)) => {
                let inner = difference(before, value, &rule);
                found.changed.add(step.clone(), inner.changed);
                found.removed.add(step.clone(), inner.removed);
            }
            None => found.changed.add(step.clone(), added(&step, value, &rule)),
        }
        seen.push(step);
    }
    for (step, (value, rule)) in old {
        if !seen.contains(&step) {
            let mut gone = fields(value, &rule);
            gone.contains_self = true;
            found.removed.add(step, gone);
        }
    }
    found
}

fn added(step: &str, value: &Value, rule: &MergeRule<'_>) -> FieldSet {
    let mut new = fields(value, rule);
    new.contains_self |= !step.starts_with("f:");
    new
}
