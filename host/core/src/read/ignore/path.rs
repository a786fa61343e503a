//! Paths of ignored fields in a live object, from JSON pointers and from field ownership.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{IgnoredFields, is_present};
use crate::{kubernetes::managed_fields, model::object::Object};

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// A field of a mapping.
    Field(String),
    /// An item of the live list, by its index.
    Member(usize),
}

/// The path of one field of the live object. The field itself may be missing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Path(Vec<Step>);

/// Returns the paths of all ignored fields.
pub(super) fn ignored_paths(live: &Object, ignored: &IgnoredFields) -> Vec<Path> {
    let mut found: BTreeSet<Path> = BTreeSet::new();
    for pointer in &ignored.pointers {
        let words: Vec<String> = pointer.split('/').skip(1).map(unescape).collect();
        follow_pointer(&live.0, &words, &mut Vec::new(), &mut found);
    }
    for manager in &ignored.managers {
        for entry in entries(live) {
            let is_theirs = entry.get("manager").and_then(Value::as_str) == Some(manager.as_str());
            if let (true, Some(fields)) = (is_theirs, entry.get("fieldsV1").and_then(Value::as_object)) {
                collect_owned(&live.0, fields, &[], &mut Vec::new(), &mut found);
            }
        }
    }
    // What identifies the object or a list item can't be ignored.
    found.into_iter().filter(|path| !path.is_identity()).collect()
}

fn unescape(word: &str) -> String {
    word.replace("~1", "/").replace("~0", "~")
}

fn entries(live: &Object) -> impl Iterator<Item = &Value> {
    let entries = live.0.pointer("/metadata/managedFields").and_then(Value::as_array);
    entries.into_iter().flatten()
}

/// Follows a pointer; `*` stands for every list item.
fn follow_pointer(value: &Value, words: &[String], way: &mut Vec<Step>, found: &mut BTreeSet<Path>) {
    let Some((word, rest)) = words.split_first() else {
        if !way.is_empty() {
            found.insert(Path(way.clone()));
        }
        return;
    };
    let steps: Vec<(Step, &Value)> = match value {
        Value::Array(members) if word == "*" => members
            .iter()
            .enumerate()
            .map(|(at, member)| (Step::Member(at), member))
            .collect(),
        Value::Array(members) => {
            let at = word.parse::<usize>().ok();
            at.and_then(|at| Some((Step::Member(at), members.get(at)?)))
                .into_iter()
                .collect()
        }
        other => vec![(Step::Field(word.clone()), other.get(word).unwrap_or(&Value::Null))],
    };
    for (step, inner) in steps {
        way.push(step);
        follow_pointer(inner, rest, way, found);
        way.pop();
    }
}

/// Collects the leaves of a `fieldsV1` set; for list items without their keys.
fn collect_owned(
    value: &Value,
    fields: &Map<String, Value>,
    keys: &[String],
    way: &mut Vec<Step>,
    found: &mut BTreeSet<Path>,
) {
    let is_member = !keys.is_empty();
    let inner: Vec<(Step, &Value, &Value, Vec<String>)> = fields
        .iter()
        .filter(|(name, _)| !keys.iter().any(|key| name.strip_prefix("f:") == Some(key.as_str())))
        .filter_map(|(name, inner)| {
            let (step, value) = resolve_element(value, name)?;
            Some((step, value, inner, key_names(name)))
        })
        .collect();
    if inner.is_empty() && !way.is_empty() && !is_member {
        found.insert(Path(way.clone()));
    }
    for (step, value, inner, keys) in inner {
        way.push(step);
        match inner.as_object() {
            Some(fields) => collect_owned(value, fields, &keys, way, found),
            None => {
                found.insert(Path(way.clone()));
            }
        }
        way.pop();
    }
}

/// Returns the keys by which an element of a `fieldsV1` set names a list item.
fn key_names(name: &str) -> Vec<String> {
    let keys = name.strip_prefix("k:").and_then(|keys| serde_json::from_str(keys).ok());
    let keys: Map<String, Value> = keys.unwrap_or_default();
    keys.into_iter().map(|(key, _)| key).collect()
}

/// Resolves one element of a `fieldsV1` set: `f:NAME` is a field, `k:{...}` a list item by its keys, `v:...` a list item by its value.
fn resolve_element<'value>(value: &'value Value, name: &str) -> Option<(Step, &'value Value)> {
    if let Some(field) = name.strip_prefix("f:") {
        return Some((Step::Field(field.to_owned()), value.get(field)?));
    }
    let members = value.as_array()?;
    let at = if let Some(keys) = name.strip_prefix("k:") {
        let keys: Map<String, Value> = serde_json::from_str(keys).ok()?;
        members
            .iter()
            .position(|member| managed_fields::matches_keys(member, &keys))?
    } else {
        let element: Value = serde_json::from_str(name.strip_prefix("v:")?).ok()?;
        members.iter().position(|member| *member == element)?
    };
    Some((Step::Member(at), members.get(at)?))
}

impl Path {
    fn is_identity(&self) -> bool {
        if let [.., Step::Field(list), Step::Member(_), Step::Field(field)] = self.0.as_slice()
            && managed_fields::is_merge_key(list, field)
        {
            return true;
        }
        let fields: Vec<&str> = self
            .0
            .iter()
            .map(|step| match step {
                Step::Field(name) => name.as_str(),
                Step::Member(_) => "",
            })
            .collect();
        matches!(
            fields.as_slice(),
            ["apiVersion" | "kind" | "metadata"] | ["metadata", "name" | "namespace" | "managedFields"]
        )
    }

    /// Returns whether the field exists, Capstan owns it, and nobody else does.
    pub fn is_only_ours(&self, live: &Object, manager: &str) -> bool {
        let (mut ours, mut theirs) = (false, false);
        for entry in entries(live) {
            let Some(fields) = entry.get("fieldsV1") else { continue };
            if self.is_owned(&live.0, fields) {
                let is_ours = managed_fields::is_applied_entry_of(entry, manager);
                ours |= is_ours;
                theirs |= !is_ours;
            }
        }
        ours && !theirs && is_present(self.value(&live.0))
    }

    fn is_owned(&self, live: &Value, fields: &Value) -> bool {
        let (mut value, mut fields) = (live, fields);
        for element in &self.0 {
            let Some(inner) = fields.as_object() else { return false };
            // The owner of a whole value owns everything in it.
            if inner.keys().all(|name| name == ".") {
                return true;
            }
            let next = inner.iter().find_map(|(name, inner)| {
                let (found, value) = resolve_element(value, name)?;
                (found == *element).then_some((value, inner))
            });
            let Some(next) = next else { return false };
            (value, fields) = next;
        }
        true
    }

    fn value<'value>(&self, live: &'value Value) -> Option<&'value Value> {
        self.0.iter().try_fold(live, |value, step| match step {
            Step::Field(name) => value.get(name),
            Step::Member(at) => value.get(at),
        })
    }

    /// Sets the field to its live value; removes it if it isn't live.
    pub fn copy_live(&self, live: &Value, sent: &mut Value) {
        let Some(found) = self.value(live).filter(|found| !found.is_null()) else {
            return self.remove(live, sent);
        };
        let Some((last, way)) = self.0.split_last() else { return };
        let Some((live, place)) = walk(live, sent, way, Missing::Create) else {
            return;
        };
        match last {
            Step::Field(name) => {
                if place.is_null() {
                    *place = Value::Object(Map::new());
                }
                if let Some(fields) = place.as_object_mut() {
                    fields.insert(name.clone(), found.clone());
                }
            }
            Step::Member(at) => {
                let list = list_name(way);
                if let Some(member) = counterpart(list, live, place, *at).and_then(|at| place.get_mut(at)) {
                    member.clone_from(found);
                }
            }
        }
    }

    /// Removes the field.
    pub fn remove(&self, live: &Value, sent: &mut Value) {
        let Some((last, way)) = self.0.split_last() else { return };
        let Some((live, place)) = walk(live, sent, way, Missing::Skip) else {
            return;
        };
        match last {
            Step::Field(name) => {
                if let Some(fields) = place.as_object_mut() {
                    fields.remove(name);
                }
            }
            Step::Member(at) => {
                let at = counterpart(list_name(way), live, place, *at);
                if let (Some(at), Some(members)) = (at, place.as_array_mut()) {
                    members.remove(at);
                }
            }
        }
    }

    /// Removes the field from what Capstan owns.
    pub fn remove_ownership(&self, live: &mut Object, manager: &str) {
        let value = live.0.clone();
        let entries = live
            .0
            .pointer_mut("/metadata/managedFields")
            .and_then(Value::as_array_mut);
        for entry in entries.into_iter().flatten() {
            if managed_fields::is_applied_entry_of(entry, manager)
                && let Some(fields) = entry.get_mut("fieldsV1")
            {
                remove_from_field_set(&value, fields, &self.0);
            }
        }
    }
}

fn remove_from_field_set(value: &Value, fields: &mut Value, way: &[Step]) {
    let Some((first, rest)) = way.split_first() else { return };
    let Some(inner) = fields.as_object_mut() else { return };
    let next = inner.keys().find_map(|name| {
        let (found, value) = resolve_element(value, name)?;
        (found == *first).then(|| (name.clone(), value))
    });
    let Some((name, value)) = next else { return };
    if rest.is_empty() {
        inner.remove(&name);
    } else if let Some(fields) = inner.get_mut(&name) {
        remove_from_field_set(value, fields, rest);
        // An empty set would mean that the field is owned as one value.
        if fields.as_object().is_some_and(Map::is_empty) {
            inner.remove(&name);
        }
    }
}

/// What happens if a path leads through something that doesn't exist.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    Create,
    Skip,
}

/// Walks a path in the live object and in the object to send.
fn walk<'value>(
    live: &'value Value,
    sent: &'value mut Value,
    way: &[Step],
    missing: Missing,
) -> Option<(&'value Value, &'value mut Value)> {
    let (mut live, mut place) = (live, sent);
    let mut list = "";
    for step in way {
        match step {
            Step::Field(name) => {
                if missing == Missing::Create {
                    if place.is_null() {
                        *place = Value::Object(Map::new());
                    }
                    place = place.as_object_mut()?.entry(name.clone()).or_insert(Value::Null);
                } else {
                    place = place.get_mut(name)?;
                }
                live = live.get(name).unwrap_or(&Value::Null);
                list = name;
            }
            Step::Member(at) => {
                let own = counterpart(list, live, place, *at)?;
                place = place.get_mut(own)?;
                live = live.get(at)?;
            }
        }
    }
    Some((live, place))
}

fn list_name(way: &[Step]) -> &str {
    match way.last() {
        Some(Step::Field(name)) => name,
        Some(Step::Member(_)) | None => "",
    }
}

/// Returns the index of the item to send that corresponds to a live item: by its merge key, else by its index.
fn counterpart(list: &str, live: &Value, sent: &Value, at: usize) -> Option<usize> {
    let (live, sent) = (live.as_array()?, sent.as_array()?);
    let element = live.get(at)?;
    match managed_fields::merge_key(list, sent, live) {
        Some(key) => sent
            .iter()
            .position(|member| managed_fields::is_same_member(member, element, key)),
        None => (at < sent.len()).then_some(at),
    }
}
