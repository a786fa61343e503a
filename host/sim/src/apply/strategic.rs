//! Strategic merge patches: lists of structs merge by their first key, and directives change that.
//!
//! See `k8s.io/apimachinery/pkg/util/strategicpatch`. Maps always merge here, even those that are atomic in server-side apply.

use serde_json::{Map, Value};

use super::schema::{Key, Rule};

const DIRECTIVE: &str = "$patch";
const RETAIN: &str = "$retainKeys";
const ORDER: &str = "$setElementOrder/";
const TAKE_OUT: &str = "$deleteFromPrimitiveList/";

/// Merges a patch into a value.
pub(crate) fn merge(target: &mut Value, patch: Value, rule: &Rule<'_>) -> Result<(), String> {
    match patch {
        Value::Object(patch) => merge_map(target, patch, rule),
        patch => {
            *target = patch;
            Ok(())
        }
    }
}

fn merge_map(target: &mut Value, mut patch: Map<String, Value>, rule: &Rule<'_>) -> Result<(), String> {
    match directive(&patch)? {
        Some(Directive::Delete) => {
            *target = Value::Object(Map::new());
            return Ok(());
        }
        Some(Directive::Replace) => {
            patch.remove(DIRECTIVE);
            *target = Value::Object(patch);
            return Ok(());
        }
        Some(Directive::Merge) | None => _ = patch.remove(DIRECTIVE),
    }
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(map) = target.as_object_mut() else {
        return Ok(());
    };
    if let Some(retained) = patch.remove(RETAIN) {
        let retained = retained.as_array().cloned().unwrap_or_default();
        map.retain(|name, _| retained.iter().any(|one| one == name));
    }
    for (name, value) in &patch {
        if let Some(list) = name.strip_prefix(TAKE_OUT)
            && let Some(Value::Array(items)) = map.get_mut(list)
        {
            let out = value.as_array().cloned().unwrap_or_default();
            items.retain(|item| !out.contains(item));
        }
    }
    let orders: Vec<(String, Value)> = patch
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix(ORDER)?.to_owned(), value.clone())))
        .collect();
    for (name, value) in patch.into_iter().filter(|(name, _)| !name.starts_with('$')) {
        let rule = rule.field(&name);
        match value {
            Value::Null => _ = map.remove(&name),
            Value::Array(items) => merge_list(map.entry(name).or_insert(Value::Null), items, &rule)?,
            value => {
                let is_object = value.is_object();
                let slot = map.entry(name.clone()).or_insert(Value::Null);
                let deletes = value.get(DIRECTIVE).is_some_and(|directive| directive == "delete");
                merge(slot, value, &rule)?;
                if is_object && deletes {
                    map.remove(&name);
                }
            }
        }
    }
    for (name, order) in orders {
        let rule = rule.field(&name);
        if let Some(Value::Array(items)) = map.get_mut(&name) {
            sort(items, order.as_array().map(Vec::as_slice).unwrap_or_default(), &rule);
        }
    }
    Ok(())
}

fn merge_list(target: &mut Value, patch: Vec<Value>, rule: &Rule<'_>) -> Result<(), String> {
    let Value::Array(items) = target else {
        *target = Value::Array(patch.into_iter().filter(|item| item.get(DIRECTIVE).is_none()).collect());
        return Ok(());
    };
    match rule {
        Rule::Plain | Rule::Struct(_) | Rule::Custom(_) | Rule::Schema(_) | Rule::Atomic => *items = patch,
        Rule::Set => {
            for item in patch {
                if !items.contains(&item) {
                    items.push(item);
                }
            }
        }
        Rule::Map(keys, of) => merge_items(items, patch, keys, of)?,
    }
    Ok(())
}

fn merge_items(items: &mut Vec<Value>, patch: Vec<Value>, keys: &[Key], of: &Rule<'_>) -> Result<(), String> {
    let replaces = patch
        .iter()
        .any(|item| item.get(DIRECTIVE).is_some_and(|directive| directive == "replace"));
    if replaces {
        *items = patch.into_iter().filter(|item| item.get(DIRECTIVE).is_none()).collect();
        return Ok(());
    }
    let Some(key) = keys.first().map(|key| key.field.as_str()) else {
        return Ok(());
    };
    for item in patch {
        let id = item[key].clone();
        if id.is_null() {
            return Err(format!("map: {item} does not contain declared merge key: {key}"));
        }
        if item.get(DIRECTIVE).is_some_and(|directive| directive == "delete") {
            items.retain(|live| live[key] != id);
        } else if let Some(live) = items.iter_mut().find(|live| live[key] == id) {
            merge(live, item, of)?;
        } else {
            let mut new = Value::Null;
            merge(&mut new, item, of)?;
            items.push(new);
        }
    }
    Ok(())
}

/// Sorts the items that the order names; the others keep their positions after them.
fn sort(items: &mut [Value], order: &[Value], rule: &Rule<'_>) {
    let place = |item: &Value| match rule {
        Rule::Map(keys, _) => {
            let key = keys.first().map(|key| key.field.as_str()).unwrap_or_default();
            order.iter().position(|named| named[key] == item[key])
        }
        _ => order.iter().position(|named| named == item),
    };
    items.sort_by_key(|item| place(item).unwrap_or(usize::MAX));
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Directive {
    Replace,
    Delete,
    Merge,
}

fn directive(patch: &Map<String, Value>) -> Result<Option<Directive>, String> {
    match patch.get(DIRECTIVE).map(|value| value.as_str().unwrap_or_default()) {
        None => Ok(None),
        Some("replace") => Ok(Some(Directive::Replace)),
        Some("delete") => Ok(Some(Directive::Delete)),
        Some("merge") => Ok(Some(Directive::Merge)),
        Some(other) => Err(format!("unknown patch type: {other}")),
    }
}
