//! Compares the server's answer to a dry run with the live object.

use serde_json::{Map, Value};

use super::{Change, SERVER_METADATA_FIELDS, is_applied_entry_of, managed_fields_entries, member_identity, merge_key};
use crate::model::{object::Object, place::reference_token};

/// The server's answer to a dry run.
#[derive(Debug, Clone, PartialEq)]
pub struct DryRunAnswer {
    /// The live object in the same API version as the answer.
    pub before: Object,
    /// The object as the server would store it.
    pub after: Object,
}

impl DryRunAnswer {
    /// Returns the fields that would change, without those that only the server writes.
    pub fn changes(&self, manager: &str) -> Vec<Change> {
        let (before, after) = (comparable(&self.before, manager), comparable(&self.after, manager));
        let mut found = Vec::new();
        compare_values("", &before, &after, &mut found);
        found
    }

    /// Returns whether nothing would change: no value, and no ownership of `manager`.
    pub fn is_unchanged(&self, manager: &str) -> bool {
        owned_fields(&self.before, manager) == owned_fields(&self.after, manager) && self.changes(manager).is_empty()
    }
}

/// Returns an object without the fields that only the server writes. The status is kept only if `manager` applied it.
pub fn comparable(object: &Object, manager: &str) -> Value {
    let mut value = object.0.clone();
    let applies_status = owned_fields(object, manager).is_some_and(|fields| fields.get("f:status").is_some());
    if let Some(members) = value.as_object_mut() {
        if !applies_status {
            members.remove("status");
        }
        if let Some(metadata) = members.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.retain(|name, _| !SERVER_METADATA_FIELDS.contains(&name.as_str()));
        }
    }
    value
}

fn owned_fields<'object>(object: &'object Object, manager: &str) -> Option<&'object Value> {
    managed_fields_entries(object)
        .find(|entry| is_applied_entry_of(entry, manager))
        .and_then(|entry| entry.get("fieldsV1"))
}

fn compare_values(pointer: &str, before: &Value, after: &Value, found: &mut Vec<Change>) {
    if before == after {
        return;
    }
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => compare_members(pointer, before, after, found),
        (Value::Array(before_list), Value::Array(after_list)) => {
            let mut inner = Vec::new();
            if !compare_items(pointer, before_list, after_list, &mut inner) || inner.is_empty() {
                inner = vec![change(pointer, Some(before), Some(after))];
            }
            found.append(&mut inner);
        }
        _ => found.push(change(pointer, Some(before), Some(after))),
    }
}

fn compare_members(pointer: &str, before: &Map<String, Value>, after: &Map<String, Value>, found: &mut Vec<Change>) {
    for (name, value) in after {
        let pointer = format!("{pointer}/{}", reference_token(name));
        match before.get(name) {
            Some(before) => compare_values(&pointer, before, value, found),
            None => found.push(change(&pointer, None, Some(value))),
        }
    }
    for (name, value) in before.iter().filter(|(name, _)| !after.contains_key(*name)) {
        found.push(change(
            &format!("{pointer}/{}", reference_token(name)),
            Some(value),
            None,
        ));
    }
}

/// Compares two lists item by item. Returns `false` if it isn't known which items belong together.
fn compare_items(pointer: &str, before: &[Value], after: &[Value], found: &mut Vec<Change>) -> bool {
    let list = pointer.rsplit('/').next().unwrap_or_default();
    let Some(key) = merge_key(list, before, after) else {
        if before.len() != after.len() {
            return false;
        }
        for (at, (before, after)) in before.iter().zip(after).enumerate() {
            compare_values(&format!("{pointer}/{at}"), before, after, found);
        }
        return true;
    };
    let named = |member: &Value| {
        let (id, _) = member_identity(member, key);
        let name = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
        format!("{pointer}/{}", reference_token(&name))
    };
    let twin = |list: &'_ [Value], member: &Value| {
        list.iter()
            .position(|other| member_identity(other, key) == member_identity(member, key))
    };
    for member in after {
        match twin(before, member).and_then(|at| before.get(at)) {
            Some(before) => compare_values(&named(member), before, member, found),
            None => found.push(change(&named(member), None, Some(member))),
        }
    }
    for member in before.iter().filter(|member| twin(after, member).is_none()) {
        found.push(change(&named(member), Some(member), None));
    }
    true
}

fn change(pointer: &str, from: Option<&Value>, to: Option<&Value>) -> Change {
    Change {
        pointer: pointer.to_owned(),
        from: from.cloned(),
        to: to.cloned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn changes_of(before: Value, after: Value) -> Vec<String> {
        let answer = DryRunAnswer {
            before: Object(before),
            after: Object(after),
        };
        let changes = answer.changes("capstan").into_iter();
        changes.map(|change| change.pointer).collect()
    }

    #[test]
    fn every_value_counts_and_what_the_server_writes_does_not() {
        let before = json!({ "metadata": { "name": "a", "resourceVersion": "1", "generation": 1, "labels": { "a": "" } },
            "spec": { "a": {}, "b": [], "c": 1, "env": [{ "name": "A" }, { "name": "B" }] }, "status": { "x": 1 } });
        let mut after = before.clone();
        after["metadata"]["resourceVersion"] = json!("2");
        after["metadata"]["generation"] = json!(2);
        after["status"] = json!({});
        assert_eq!(changes_of(before.clone(), after.clone()), Vec::<String>::new());
        after["metadata"]["labels"] = json!({});
        after["spec"] = json!({ "b": [{}], "c": "1", "d": {}, "env": [{ "name": "A", "value": "" }, { "name": "C" }] });
        assert_eq!(
            changes_of(before.clone(), after),
            [
                "/metadata/labels/a",
                "/spec/b",
                "/spec/c",
                "/spec/d",
                "/spec/env/A/value",
                "/spec/env/C",
                "/spec/env/B",
                "/spec/a"
            ]
        );
        let mut moved = before.clone();
        moved["spec"]["env"] = json!([{ "name": "B" }, { "name": "A" }]);
        assert_eq!(changes_of(before, moved), ["/spec/env"]);
    }

    #[test]
    fn what_the_manager_owns_counts() {
        let object = |fields: Value, status: i64| {
            Object(
                json!({ "data": {}, "status": { "x": status }, "metadata": { "managedFields": [
                { "manager": "capstan", "operation": "Apply", "time": status.to_string(), "fieldsV1": fields },
                { "manager": "capstan", "operation": "Update", "fieldsV1": { "f:a": { "f:b": status } } } ] } }),
            )
        };
        let is_unchanged = |before: Object, after: Object| DryRunAnswer { before, after }.is_unchanged("capstan");
        let fields = json!({ "f:data": {} });
        assert!(is_unchanged(object(fields.clone(), 1), object(fields.clone(), 2)));
        assert!(!is_unchanged(
            object(fields, 1),
            object(json!({ "f:data": { "f:a": {} } }), 1)
        ));
        // Where no subresource holds it, a status is applied like everything else.
        let fields = json!({ "f:status": { "f:x": {} } });
        assert!(!is_unchanged(object(fields.clone(), 1), object(fields, 2)));
    }

    proptest! {
        #[test]
        fn two_values_are_the_same_or_something_differs(one in crate::plan::diff::any_value(), other in crate::plan::diff::any_value()) {
            let (one, other) = (json!({ "spec": one }), json!({ "spec": other }));
            prop_assert_eq!(changes_of(one.clone(), other.clone()).is_empty(), one == other);
            prop_assert_eq!(changes_of(one.clone(), one), Vec::<String>::new());
        }
    }
}
