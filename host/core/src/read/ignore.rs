//! Ignored fields, which other managers maintain: differences aren't shown, and applying leaves them as they are.
//!
//! A rule names them by JSON pointers or by managers, for the objects that it matches (Argo CD's `ignoreDifferences`). An ignored field of
//! a live object isn't sent. If Capstan is its only manager, it is sent with its live value, because the server removes fields that their
//! only manager no longer sends.

mod path;
mod rule;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::path::{Path, ignored_paths};
pub use self::rule::{IgnoreRule, IgnoredFields};
use crate::model::object::Object;

/// Two objects that are prepared for a comparison.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparableObject {
    /// The desired object without the ignored fields.
    pub desired: Object,
    /// The live object, in which Capstan doesn't own the ignored fields.
    pub live: Object,
}

/// How a prepared object is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum WritePurpose {
    /// By server-side apply: a field that isn't sent is left to its other managers.
    Apply,
    /// By a replace: a field that isn't sent is removed.
    Replace,
}

/// Prepares a desired and a live object for a comparison.
pub fn prepare_comparison(desired: &Object, live: &Object, ignored: &IgnoredFields, manager: &str) -> ComparableObject {
    let mut found = ComparableObject {
        desired: preserve_ignored(desired, live, ignored, manager, WritePurpose::Apply),
        live: live.clone(),
    };
    for path in ignored_paths(live, ignored) {
        path.remove_ownership(&mut found.live, manager);
    }
    found
}

/// Returns the object to send, so that ignored fields keep their live values.
pub fn preserve_ignored(
    desired: &Object,
    live: &Object,
    ignored: &IgnoredFields,
    manager: &str,
    writing: WritePurpose,
) -> Object {
    let mut sent = desired.clone();
    let (mut kept, mut left): (Vec<Path>, Vec<Path>) = (Vec::new(), Vec::new());
    for path in ignored_paths(live, ignored) {
        let is_kept = match writing {
            WritePurpose::Replace => true,
            WritePurpose::Apply => path.is_only_ours(live, manager),
        };
        if is_kept { kept.push(path) } else { left.push(path) }
    }
    for path in &kept {
        path.copy_live(&live.0, &mut sent.0);
    }
    // List items are removed from the last to the first, so that the indexes of the others stay valid.
    left.sort();
    for path in left.iter().rev() {
        path.remove(&live.0, &mut sent.0);
    }
    sent
}

/// Returns an object with the live values of its ignored fields, to show differences.
pub fn mask_ignored(after: &Object, live: &Object, ignored: &IgnoredFields) -> Object {
    let mut shown = after.clone();
    for path in ignored_paths(live, ignored) {
        path.copy_live(&live.0, &mut shown.0);
    }
    shown
}

/// Returns whether a value exists and isn't null.
fn is_present(value: Option<&Value>) -> bool {
    value.is_some_and(|value| !value.is_null())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::diff;

    fn deployment(replicas: i64) -> Object {
        Object(
            json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "api" }, "spec": {
            "replicas": replicas, "template": { "spec": { "containers": [
                { "name": "web", "image": "a" }, { "name": "side", "image": "b" } ] } } } }),
        )
    }

    /// The live object, with the fields that each manager owns.
    fn live(mut object: Object, owners: &[(&str, &str, Value)]) -> Object {
        let entries: Vec<Value> = owners
            .iter()
            .map(|(manager, operation, fields)| json!({ "manager": manager, "operation": operation, "fieldsV1": fields }))
            .collect();
        object.set(&["metadata", "managedFields"], Value::from(entries));
        object
    }

    fn pointers(pointers: &[&str]) -> IgnoredFields {
        IgnoredFields {
            pointers: pointers.iter().map(|pointer| (*pointer).to_owned()).collect(),
            ..IgnoredFields::default()
        }
    }

    fn changes_of(desired: &Object, live: &Object, ignored: &IgnoredFields) -> Vec<String> {
        let compared = prepare_comparison(desired, live, ignored, "capstan");
        let found = diff::changes(&compared.desired, &compared.live, "capstan");
        found.into_iter().map(|change| change.pointer).collect()
    }

    fn sent(desired: &Object, live: &Object, ignored: &IgnoredFields) -> Object {
        preserve_ignored(desired, live, ignored, "capstan", WritePurpose::Apply)
    }

    #[test]
    fn a_field_that_others_own_is_not_sent() {
        let replicas = json!({ "f:spec": { "f:replicas": {} } });
        let template = json!({ "f:spec": { "f:template": {} } });
        let live = live(
            deployment(7),
            &[("capstan", "Apply", template), ("hpa", "Update", replicas)],
        );
        let ignored = pointers(&["/spec/replicas"]);
        assert_eq!(changes_of(&deployment(2), &live, &ignored), Vec::<String>::new());
        let sent = sent(&deployment(2), &live, &ignored);
        assert_eq!(sent.0.pointer("/spec/replicas"), None);
        assert_eq!(
            changes_of(&deployment(2), &live, &IgnoredFields::default()),
            ["/spec/replicas"]
        );
    }

    #[test]
    fn a_field_that_only_we_own_stays_as_it_is_live() {
        let ours = json!({ "f:spec": { "f:replicas": {}, "f:template": {} } });
        let live = live(deployment(3), &[("capstan", "Apply", ours)]);
        let ignored = pointers(&["/spec/replicas"]);
        let mut without = deployment(2);
        without.0["spec"].as_object_mut().unwrap().remove("replicas");
        for desired in [deployment(2), without] {
            assert_eq!(changes_of(&desired, &live, &ignored), Vec::<String>::new());
            assert_eq!(
                sent(&desired, &live, &ignored).0.pointer("/spec/replicas"),
                Some(&json!(3))
            );
        }
    }

    #[test]
    fn what_we_share_goes_to_the_others_and_is_no_removal() {
        let replicas = json!({ "f:spec": { "f:replicas": {} } });
        let live = live(
            deployment(3),
            &[("capstan", "Apply", replicas.clone()), ("scaler", "Apply", replicas)],
        );
        let ignored = pointers(&["/spec/replicas"]);
        assert_eq!(sent(&deployment(3), &live, &ignored).0.pointer("/spec/replicas"), None);
        assert_eq!(changes_of(&deployment(3), &live, &ignored), Vec::<String>::new());
    }

    #[test]
    fn what_is_replaced_as_a_whole_has_what_is_ignored_as_it_is_live() {
        let live = live(deployment(7), &[]);
        let ignored = pointers(&["/spec/replicas", "/spec/paused"]);
        let sent = preserve_ignored(&deployment(2), &live, &ignored, "capstan", WritePurpose::Replace);
        assert_eq!(sent.0.pointer("/spec"), live.0.pointer("/spec"));
    }

    #[test]
    fn members_of_lists_are_found_by_what_identifies_them() {
        let injected = json!({ "name": "injected", "image": "x" });
        let mut changed = deployment(2);
        let containers = changed.0.pointer_mut("/spec/template/spec/containers").unwrap();
        containers.as_array_mut().unwrap().insert(0, injected);
        containers[2]["image"] = json!("b2");
        let owners = json!({ "f:spec": { "f:template": { "f:spec": { "f:containers": {
            "k:{\"name\":\"side\"}": { "f:image": {} }, "k:{\"name\":\"injected\"}": { ".": {}, "f:name": {}, "f:image": {} } } } } } });
        let live = live(changed, &[("injector", "Update", owners)]);
        let by_pointer = pointers(&["/spec/template/spec/containers/*/image"]);
        let by_manager = IgnoredFields {
            managers: vec!["injector".to_owned()],
            ..IgnoredFields::default()
        };
        for ignored in [by_pointer, by_manager] {
            assert_eq!(
                changes_of(&deployment(2), &live, &ignored),
                Vec::<String>::new(),
                "{ignored:?}"
            );
            let sent = sent(&deployment(2), &live, &ignored);
            assert_eq!(sent.0.pointer("/spec/template/spec/containers/1/image"), None);
            assert_eq!(
                sent.0.pointer("/spec/template/spec/containers/1/name"),
                Some(&json!("side"))
            );
        }
        assert_eq!(
            changes_of(&deployment(2), &live, &IgnoredFields::default()),
            ["/spec/template/spec/containers/side/image"]
        );
    }

    #[test]
    fn several_members_of_a_list_can_be_left_out() {
        let list = |members: &[&str]| Object(json!({ "kind": "ConfigMap", "list": members }));
        let live = live(list(&["a", "b", "c"]), &[("others", "Update", json!({ "f:list": {} }))]);
        let sent = sent(&list(&["x", "y", "z"]), &live, &pointers(&["/list/0", "/list/1"]));
        assert_eq!(sent.0["list"], json!(["z"]));
    }

    #[test]
    fn nothing_else_is_hidden() {
        let live = live(deployment(7), &[]);
        let mut after = deployment(2);
        after.0["spec"]["paused"] = json!(true);
        let shown = mask_ignored(&after, &live, &pointers(&["/spec/replicas"]));
        assert_eq!(shown.0.pointer("/spec/replicas"), Some(&json!(7)));
        assert_eq!(shown.0.pointer("/spec/paused"), Some(&json!(true)));
    }
}
