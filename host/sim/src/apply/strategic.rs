//! Strategic merge patches: lists of structs merge by their first key, and directives change that.
//!
//! See `k8s.io/apimachinery/pkg/util/strategicpatch`. Maps always merge here, even those that are atomic in server-side apply.

use serde_json::{Map, Value};

use super::schema::{ListMapKey, MergeRule};
use crate::go;

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const ELEMENT_ORDER_PREFIX: &str = "$setElementOrder/";
const DELETE_PRIMITIVES_PREFIX: &str = "$deleteFromPrimitiveList/";

/// Why a patch can't be merged.
#[derive(Debug)]
pub(crate) enum MergeError {
    /// The API server takes it for a mistake of its own, and answers 500.
    Internal(String),
    /// It answers 400.
    BadFormat(&'static str),
}

fn internal(why: impl Into<String>) -> MergeError {
    MergeError::Internal(why.into())
}

/// Merges a patch into a value.
pub(crate) fn merge(target: &mut Value, patch: Value, rule: &MergeRule<'_>) -> Result<(), MergeError> {
    match patch {
        Value::Object(patch) => merge_map(target, patch, rule),
        patch => {
            *target = patch;
            Ok(())
        }
    }
}

fn merge_map(target: &mut Value, mut patch: Map<String, Value>, rule: &MergeRule<'_>) -> Result<(), MergeError> {
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
    if let Some(retained) = patch.remove(RETAIN_KEYS) {
        let Value::Array(retained) = retained else {
            return Err(MergeError::BadFormat("invalid patch format of retainKeys"));
        };
        map.retain(|name, _| retained.iter().any(|one| one == name));
    }
    for (name, value) in &patch {
        if let Some(list) = name.strip_prefix(DELETE_PRIMITIVES_PREFIX)
            && let Some(Value::Array(items)) = map.get_mut(list)
        {
            let out = value.as_array().cloned().unwrap_or_default();
            items.retain(|item| !out.contains(item));
        }
    }
    let mut orders: Vec<(String, Vec<Value>)> = Vec::new();
    for (name, value) in &patch {
        let Some(name) = name.strip_prefix(ELEMENT_ORDER_PREFIX) else {
            continue;
        };
        let Value::Array(order) = value else {
            let found = go::type_of(value);
            return Err(internal(format!("expected a []interface {{}}, but received a {found}")));
        };
        orders.push((name.to_owned(), order.clone()));
    }
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
            sort(items, &order, &rule);
        }
    }
    Ok(())
}

fn merge_list(target: &mut Value, patch: Vec<Value>, rule: &MergeRule<'_>) -> Result<(), MergeError> {
    let Value::Array(items) = target else {
        *target = Value::Array(patch.into_iter().filter(|item| item.get(DIRECTIVE).is_none()).collect());
        return Ok(());
    };
    match rule {
        MergeRule::Plain | MergeRule::Struct(_) | MergeRule::Custom(_) | MergeRule::Schema(_) | MergeRule::Atomic => {
            *items = patch;
        }
        MergeRule::Set => {
            check_types(items, &patch)?;
            for item in patch {
                if !items.contains(&item) {
                    items.push(item);
                }
            }
        }
        MergeRule::Map(keys, of) => {
            check_types(items, &patch)?;
            merge_items(items, patch, keys, of)?;
        }
    }
    Ok(())
}

/// Refuses a patch whose items have other types than those of the list.
fn check_types(items: &[Value], patch: &[Value]) -> Result<(), MergeError> {
    let mut types = items.iter().chain(patch).map(go::type_of);
    let first = types.next();
    if types.all(|of| Some(of) == first) {
        return Ok(());
    }
    let printed = |items: &[Value]| go::printed(&Value::from(items.to_vec()));
    let (items, patch) = (printed(items), printed(patch));
    Err(internal(format!(
        "list element types are not identical: [{items} {patch}]"
    )))
}

fn merge_items(
    items: &mut Vec<Value>,
    patch: Vec<Value>,
    keys: &[ListMapKey],
    of: &MergeRule<'_>,
) -> Result<(), MergeError> {
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
            let item = go::printed(&item);
            return Err(internal(format!(
                "map: {item} does not contain declared merge key: {key}"
            )));
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
fn sort(items: &mut [Value], order: &[Value], rule: &MergeRule<'_>) {
    let place = |item: &Value| match rule {
        MergeRule::Map(keys, _) => {
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

fn directive(patch: &Map<String, Value>) -> Result<Option<Directive>, MergeError> {
    match patch.get(DIRECTIVE).map(|value| value.as_str().unwrap_or_default()) {
        None => Ok(None),
        Some("replace") => Ok(Some(Directive::Replace)),
        Some("delete") => Ok(Some(Directive::Delete)),
        Some("merge") => Ok(Some(Directive::Merge)),
        Some(other) => {
            let map = go::printed(&Value::Object(patch.clone()));
            Err(internal(format!("unknown patch type: {other} in map: {map}")))
        }
    }
}
