//! Finds fields that Capstan applied before and that the manifest no longer has: server-side apply removes them.

use serde_json::Value;

use super::{Change, is_applied_entry_of, managed_fields_entries, matches_keys};
use crate::model::object::Object;
use crate::model::place::reference_token;

/// Adds a change for every field that `manager` owns by `Apply` and that isn't desired any more.
pub(super) fn find_removed(desired: &Value, live: &Object, manager: &str, found: &mut Vec<Change>) {
    for entry in managed_fields_entries(live) {
        if let Some(fields) = entry.get("fieldsV1").filter(|_| is_applied_entry_of(entry, manager)) {
            walk_field_set("", fields, Some(desired), &live.0, found);
        }
    }
}

/// Walks a `fieldsV1` set: `f:NAME` is a field, `k:{...}` a list item by its keys, `v:...` a list item by its value, `.` the value itself.
fn walk_field_set(pointer: &str, fields: &Value, desired: Option<&Value>, live: &Value, found: &mut Vec<Change>) {
    let Some(fields) = fields.as_object() else { return };
    let is_whole = fields.contains_key(".");
    let has_children = fields.keys().any(|name| name != ".");
    if desired.is_none() && (is_whole || !has_children) && !pointer.is_empty() {
        found.push(Change {
            pointer: pointer.to_owned(),
            from: Some(live.clone()),
            to: None,
        });
        return;
    }
    if !has_children && let (Some(desired), false) = (desired, pointer.is_empty()) {
        find_removed_members(pointer, desired, live, found);
        return;
    }
    for (name, inner) in fields {
        if let Some(field) = name.strip_prefix("f:") {
            let Some(live) = live.get(field) else { continue };
            let desired = desired.and_then(|desired| desired.get(field));
            walk_field_set(
                &format!("{pointer}/{}", reference_token(field)),
                inner,
                desired,
                live,
                found,
            );
        } else if let Some(keys) = name.strip_prefix("k:") {
            let Ok(keys) = serde_json::from_str::<Value>(keys) else {
                continue;
            };
            let Some(live) = find_by_keys(live, &keys) else {
                continue;
            };
            let desired = desired.and_then(|desired| find_by_keys(desired, &keys));
            walk_field_set(
                &format!("{pointer}/{}", reference_token(&member_name(&keys))),
                inner,
                desired,
                live,
                found,
            );
        } else if let Some(value) = name.strip_prefix("v:") {
            let Ok(value) = serde_json::from_str::<Value>(value) else {
                continue;
            };
            let holds = |list: &Value| list.as_array().is_some_and(|members| members.contains(&value));
            if holds(live) && !desired.is_some_and(holds) {
                found.push(Change {
                    pointer: format!("{pointer}/{}", reference_token(&display_text(&value))),
                    from: Some(value),
                    to: None,
                });
            }
        }
    }
}

/// Adds the members of a map that was applied as one value and that aren't desired any more, at every depth.
fn find_removed_members(pointer: &str, desired: &Value, live: &Value, found: &mut Vec<Change>) {
    let (Some(desired), Some(live)) = (desired.as_object(), live.as_object()) else {
        return;
    };
    for (name, live) in live {
        let pointer = format!("{pointer}/{}", reference_token(name));
        match desired.get(name) {
            Some(desired) => find_removed_members(&pointer, desired, live, found),
            None => found.push(Change {
                pointer,
                from: Some(live.clone()),
                to: None,
            }),
        }
    }
}

fn find_by_keys<'value>(list: &'value Value, keys: &Value) -> Option<&'value Value> {
    let keys = keys.as_object()?;
    list.as_array()?.iter().find(|member| matches_keys(member, keys))
}

fn member_name(keys: &Value) -> String {
    let named = ["name", "mountPath", "containerPort", "port", "type", "ip"]
        .iter()
        .find_map(|key| keys.get(key));
    named.map_or_else(|| keys.to_string(), display_text)
}

fn display_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
