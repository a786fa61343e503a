//! The garbage collector: deletes objects that have lost their owners, and completes foreground and orphan deletions.
//!
//! Rules: <https://kubernetes.io/docs/concepts/architecture/garbage-collection/>.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    Actions, ClusterView,
    access::{has_finalizer, is_terminating, is_true, items, text, uid},
};
use crate::store::Propagation;

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

pub(crate) fn reconcile(sight: &ClusterView<'_>) -> Actions {
    let mut turn = Actions::default();
    let mut by_uid: BTreeMap<&str, &Value> = BTreeMap::new();
    let mut dependents: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for (_, object) in sight.store.all() {
        by_uid.insert(uid(object), object);
        for owner in items(object, "/metadata/ownerReferences") {
            dependents.entry(text(owner, "/uid")).or_default().push(object);
        }
    }
    for object in by_uid.values() {
        let owned = dependents.get(uid(object)).map(Vec::as_slice).unwrap_or_default();
        if is_terminating(object) && has_finalizer(object, ORPHAN) {
            orphan(&mut turn, object, owned);
        } else if is_terminating(object) && has_finalizer(object, FOREGROUND) {
            foreground(&mut turn, object, owned);
        } else if !is_terminating(object) {
            collect(&mut turn, object, &by_uid, !owned.is_empty());
        }
    }
    turn
}

/// Removes the owner from its dependents, then the finalizer from the owner.
fn orphan(turn: &mut Actions, owner: &Value, owned: &[&Value]) {
    for dependent in owned {
        turn.update(without_owners(dependent, |reference| {
            text(reference, "/uid") == uid(owner)
        }));
    }
    if owned.is_empty() {
        turn.remove_finalizer(owner, ORPHAN);
    }
}

/// Deletes the dependents, and removes the owner's finalizer once those that block its deletion are gone.
fn foreground(turn: &mut Actions, owner: &Value, owned: &[&Value]) {
    let blocks = |dependent: &&&Value| {
        items(dependent, "/metadata/ownerReferences")
            .iter()
            .any(|reference| text(reference, "/uid") == uid(owner) && is_true(reference, "/blockOwnerDeletion"))
    };
    if !owned.iter().any(|dependent| blocks(&dependent)) {
        turn.remove_finalizer(owner, FOREGROUND);
    }
}

/// Deletes an object of which no owner will stay.
fn collect(turn: &mut Actions, object: &Value, by_uid: &BTreeMap<&str, &Value>, has_dependents: bool) {
    let owners = items(object, "/metadata/ownerReferences");
    if owners.is_empty() {
        return;
    }
    let find = |reference: &Value| by_uid.get(text(reference, "/uid")).copied();
    let is_waiting = |owner: &Value| is_terminating(owner) && has_finalizer(owner, FOREGROUND);
    let stays = |reference: &Value| find(reference).is_some_and(|owner| !is_waiting(owner));
    if owners.iter().any(stays) {
        // An owner stays: only the references to lost owners are removed (`attemptToDeleteItem`, case "solid").
        if !owners.iter().all(stays) {
            turn.update(without_owners(object, |reference| !stays(reference)));
        }
    } else if owners.iter().any(|reference| find(reference).is_some()) && has_dependents {
        turn.delete(object, Propagation::Foreground, None);
    } else {
        turn.delete(object, Propagation::Background, None);
    }
}

fn without_owners(object: &Value, goes: impl Fn(&Value) -> bool) -> Value {
    let mut object = object.clone();
    let kept: Vec<Value> = items(&object, "/metadata/ownerReferences")
        .iter()
        .filter(|reference| !goes(reference))
        .cloned()
        .collect();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        if kept.is_empty() {
            metadata.remove("ownerReferences");
        } else {
            metadata.insert("ownerReferences".into(), json!(kept));
        }
    }
    object
}
