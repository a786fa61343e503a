//! Checks that an answer of the API server is about what was asked.
//!
//! A path that the API server or a proxy reads otherwise than it was meant leads to another object, a list or a subresource. Only the
//! answer shows that.

use capstan_core::model::object::{GroupKind, Object, ObjectKey};
use serde_json::Value;

use crate::error::ClusterError;

const NAME: [&str; 2] = ["metadata", "name"];
const NAMESPACE: [&str; 2] = ["metadata", "namespace"];

/// What an answer must be about.
#[derive(Debug, Clone)]
pub(super) enum ExpectedAnswer {
    /// One object; any name where the server generates it.
    Object(ObjectKey),
    /// The metadata of one object, or the object where the server has no shorter form.
    MetadataOf(ObjectKey),
    /// One object that is deleted: the object, or a `Status` about it.
    Deleted(ObjectKey),
    /// Objects of a kind, in one namespace; in all if it is empty.
    List(GroupKind, String),
    /// The metadata of such objects, or the objects where the server has no shorter form.
    Metadata(GroupKind, String),
    /// A review object of this kind, which isn't stored.
    Review(GroupKind),
}

impl ExpectedAnswer {
    /// Returns the kind that the request is about.
    pub(super) fn kind(&self) -> GroupKind {
        match self {
            ExpectedAnswer::Object(key) | ExpectedAnswer::MetadataOf(key) | ExpectedAnswer::Deleted(key) => {
                key.group_kind()
            }
            ExpectedAnswer::List(kind, _) | ExpectedAnswer::Metadata(kind, _) | ExpectedAnswer::Review(kind) => {
                kind.clone()
            }
        }
    }

    /// Compares an answer with what was asked.
    ///
    /// # Errors
    ///
    /// Returns what was asked and what was answered.
    pub(super) fn check(&self, answer: &Value) -> Result<(), ClusterError> {
        match self {
            // The metadata form doesn't name the kind of the objects.
            ExpectedAnswer::MetadataOf(key) if kind_of(answer) == partial_metadata_kind("") => {
                let GroupKind { group, kind } = partial_metadata_kind("");
                let key = ObjectKey {
                    group,
                    kind,
                    ..key.clone()
                };
                check_object(&key, answer)
            }
            ExpectedAnswer::Metadata(_, namespace) if kind_of(answer) == partial_metadata_kind("List") => {
                check_list(&partial_metadata_kind(""), namespace, answer)
            }
            ExpectedAnswer::Object(key) | ExpectedAnswer::MetadataOf(key) => check_object(key, answer),
            ExpectedAnswer::Deleted(key) => {
                let is_status = text(answer, &["kind"]) == "Status"
                    && matches!(text(answer, &["apiVersion"]), "v1" | "meta.k8s.io/v1");
                if !is_status {
                    return check_object(key, answer);
                }
                let name = answer.pointer("/details/name").and_then(Value::as_str);
                match name.filter(|name| *name != key.name) {
                    None => Ok(()),
                    Some(name) => Err(mismatch(&key.to_string(), &format!("a Status about {name}"))),
                }
            }
            ExpectedAnswer::List(kind, namespace) | ExpectedAnswer::Metadata(kind, namespace) => {
                check_list(kind, namespace, answer)
            }
            ExpectedAnswer::Review(kind) => {
                let given = kind_of(answer);
                if given == *kind {
                    Ok(())
                } else {
                    Err(mismatch(&kind.to_string(), &given.to_string()))
                }
            }
        }
    }
}

/// Checks that an object in a watch is of the watched kind and namespace. The items of the initial list don't have a kind.
///
/// # Errors
///
/// Returns what is watched and what was seen.
pub(super) fn check_watched(
    kind: &GroupKind,
    namespace: &str,
    given: (Option<GroupKind>, &str, &str),
) -> Result<(), ClusterError> {
    let (given_kind, given_namespace, name) = given;
    let is_kind = given_kind.as_ref().is_none_or(|given| given == kind);
    if is_kind && (namespace.is_empty() || given_namespace == namespace) {
        return Ok(());
    }
    let given_kind = given_kind.as_ref().unwrap_or(kind);
    Err(mismatch(
        &objects_of(kind, namespace),
        &object_key(given_kind, given_namespace, name).to_string(),
    ))
}

/// Returns the kind of an object's metadata alone: `PartialObjectMetadata`, with `List` as the suffix that of several.
fn partial_metadata_kind(suffix: &str) -> GroupKind {
    GroupKind::new("meta.k8s.io", format!("PartialObjectMetadata{suffix}"))
}

fn check_object(key: &ObjectKey, answer: &Value) -> Result<(), ClusterError> {
    let kind = kind_of(answer);
    let name = text(answer, &NAME);
    let is_name = key.name.is_empty() || name == key.name;
    if kind == key.group_kind() && is_name && text(answer, &NAMESPACE) == key.namespace {
        return Ok(());
    }
    let given = object_key(&kind, text(answer, &NAMESPACE), name);
    Err(mismatch(&qualified_name(key), &qualified_name(&given)))
}

fn check_list(kind: &GroupKind, namespace: &str, answer: &Value) -> Result<(), ClusterError> {
    let given = kind_of(answer);
    let expected_text = || objects_of(kind, namespace);
    let Some(items) = answer.get("items") else {
        return Err(mismatch(&expected_text(), &given.to_string()));
    };
    // Go writes an empty list as `null`.
    let items = items.as_array().map(Vec::as_slice).unwrap_or_default();
    let is_named_so = given.group == kind.group && given.kind.strip_suffix("List") == Some(&kind.kind);
    for item in items {
        let own = kind_of(item);
        // A definition may give its list another name (`listKind`); then its items have a kind.
        let says_nothing = own.kind.is_empty() && own.group.is_empty();
        let is_kind = own == *kind || (says_nothing && is_named_so);
        let item_namespace = text(item, &NAMESPACE);
        if !is_kind || (!namespace.is_empty() && item_namespace != namespace) {
            let of = if says_nothing { &given } else { &own };
            let given = object_key(of, item_namespace, text(item, &NAME));
            return Err(mismatch(&expected_text(), &qualified_name(&given)));
        }
    }
    if is_named_so || given.group == kind.group {
        Ok(())
    } else {
        Err(mismatch(&expected_text(), &given.to_string()))
    }
}

fn mismatch(expected_text: &str, given: &str) -> ClusterError {
    ClusterError::Other(format!(
        "the server was asked for {expected_text}, and its answer is about {given}; it is ignored"
    ))
}

fn object_key(kind: &GroupKind, namespace: &str, name: &str) -> ObjectKey {
    ObjectKey {
        group: kind.group.clone(),
        kind: kind.kind.clone(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}

/// `apps/Deployment shop/web`.
fn qualified_name(key: &ObjectKey) -> String {
    if key.group.is_empty() {
        key.to_string()
    } else {
        format!("{}/{key}", key.group)
    }
}

fn objects_of(kind: &GroupKind, namespace: &str) -> String {
    if namespace.is_empty() {
        format!("objects of kind {kind}")
    } else {
        format!("objects of kind {kind} in namespace {namespace}")
    }
}

fn kind_of(value: &Value) -> GroupKind {
    let group = text(value, &["apiVersion"])
        .split_once('/')
        .map_or("", |(group, _)| group);
    GroupKind::new(group, text(value, &["kind"]))
}

fn text<'a>(value: &'a Value, path: &[&str]) -> &'a str {
    let found = path.iter().try_fold(value, |value, key| value.get(key));
    found.and_then(Value::as_str).unwrap_or_default()
}

/// Returns what the answer to a write of an object must be about.
pub(super) fn expected_object(object: &Object) -> ExpectedAnswer {
    ExpectedAnswer::Object(ObjectKey {
        name: object.name().to_owned(),
        ..object.key()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config_map(namespace: &str, name: &str) -> Value {
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "namespace": namespace } })
    }

    fn describe(expected: &ExpectedAnswer, answer: &Value) -> String {
        expected
            .check(answer)
            .map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn an_answer_about_something_else_is_refused_and_both_are_named() {
        let namespace = object_key(&GroupKind::new("", "Namespace"), "", "kube-system");
        for expected in [
            ExpectedAnswer::Object(namespace.clone()),
            ExpectedAnswer::Deleted(namespace),
        ] {
            let own = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "kube-system" } });
            assert_eq!(describe(&expected, &own), "");
            let secrets = json!({ "apiVersion": "v1", "kind": "SecretList", "items": [{ "data": { "a": "b" } }] });
            assert!(
                describe(&expected, &secrets)
                    .contains("asked for Namespace kube-system, and its answer is about SecretList")
            );
            for other in [
                json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "other" } }),
                json!({ "apiVersion": "x.example/v1", "kind": "Namespace", "metadata": { "name": "kube-system" } }),
                json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "kube-system", "namespace": "a" } }),
                config_map("kube-system", "kube-system"),
                json!({ "apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": { "name": "kube-system" } }),
                json!("text"),
                Value::Null,
            ] {
                assert!(!describe(&expected, &other).is_empty(), "{other}");
            }
        }
    }

    #[test]
    fn a_deletion_may_be_answered_by_a_status_about_the_object() {
        let expected = ExpectedAnswer::Deleted(object_key(&GroupKind::new("", "ConfigMap"), "shop", "a"));
        let status = |name: &str| json!({ "apiVersion": "v1", "kind": "Status", "details": { "name": name } });
        assert_eq!(describe(&expected, &status("a")), "");
        assert_eq!(
            describe(&expected, &json!({ "apiVersion": "v1", "kind": "Status" })),
            ""
        );
        assert!(describe(&expected, &status("b")).contains("a Status about b"));
        assert!(
            !describe(
                &ExpectedAnswer::Object(object_key(&GroupKind::new("", "ConfigMap"), "shop", "a")),
                &status("a")
            )
            .is_empty()
        );
    }

    #[test]
    fn a_list_has_no_member_of_another_kind_or_namespace() {
        let of = |namespace: &str| ExpectedAnswer::List(GroupKind::new("", "ConfigMap"), namespace.to_owned());
        let list = |kind: &str, items: Value| json!({ "apiVersion": "v1", "kind": kind, "items": items });
        let bare = |namespace: &str| json!({ "metadata": { "name": "a", "namespace": namespace } });
        for items in [
            json!([]),
            json!(null),
            json!([bare("shop")]),
            json!([config_map("shop", "a")]),
        ] {
            assert_eq!(describe(&of("shop"), &list("ConfigMapList", items)), "");
        }
        assert_eq!(
            describe(&of(""), &list("ConfigMapList", json!([bare("shop"), bare("other")]))),
            ""
        );
        for wrong in [
            list("ConfigMapList", json!([bare("other")])),
            list("SecretList", json!([bare("shop")])),
            list(
                "ConfigMapList",
                json!([{ "apiVersion": "v1", "kind": "Secret", "metadata": { "namespace": "shop" } }]),
            ),
            json!({ "apiVersion": "x.example/v1", "kind": "ConfigMapList", "items": [] }),
            config_map("shop", "a"),
        ] {
            assert!(!describe(&of("shop"), &wrong).is_empty(), "{wrong}");
        }
        // `listKind` of a definition.
        let queues = ExpectedAnswer::List(GroupKind::new("x.example", "Queue"), String::new());
        let item = json!({ "apiVersion": "x.example/v1", "kind": "Queue", "metadata": { "name": "a" } });
        let lists = |items: Value| json!({ "apiVersion": "x.example/v1", "kind": "Queues", "items": items });
        assert_eq!(describe(&queues, &lists(json!([item]))), "");
        assert!(!describe(&queues, &lists(json!([bare("shop")]))).is_empty());
    }
}
