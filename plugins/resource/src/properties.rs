//! Whatever an object looks like, there is an answer; and `null` means what is left out means.

use std::collections::BTreeSet;

use capstan_sdk::{Assessment, Failure, testing};
use proptest::{collection, prelude::*, sample::select};
use serde_json::{Map, Value, json};

use crate::Plugin;

/// The texts in quotes of `plugin.toml`: kinds and pointers among them.
fn quoted() -> impl Iterator<Item = &'static str> {
    include_str!("../plugin.toml").split('"').skip(1).step_by(2)
}

/// The names of all fields that some claim sees, and of those in their elements.
fn names() -> Vec<&'static str> {
    let fields = quoted().filter(|text| text.starts_with('/'));
    let names = fields.flat_map(|field| field.split('/')).chain([
        "deletionTimestamp",
        "generation",
        "lastTransitionTime",
        "message",
        "reason",
        "status",
        "type",
    ]);
    let names: BTreeSet<&str> = names.filter(|name| !["", "*"].contains(name)).collect();
    names.into_iter().collect()
}

fn claims() -> Vec<&'static str> {
    let is_kind = |text: &&str| text.ends_with(|last: char| last.is_ascii_alphabetic() || last == '*');
    quoted()
        .filter(|text| {
            !text.starts_with('/') && text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '*')
        })
        .filter(is_kind)
        .filter(|text| {
            *text == "*/*"
                || text
                    .rsplit('/')
                    .next()
                    .is_some_and(|kind| kind.starts_with(char::is_uppercase))
        })
        .filter(|text| !text.contains(' '))
        .collect()
}

fn leaf() -> impl Strategy<Value = Value> {
    let words = vec![
        "True",
        "False",
        "Unknown",
        "Ready",
        "Running",
        "2026-11-25T00:00:00Z",
        "25%",
        "",
        "x",
    ];
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2_i64..5).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        select(words).prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ]
}

/// Any JSON with the names that rules look for.
fn json() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(6, 60, 8, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            collection::hash_map(select(names()), inner, 0..8).prop_map(|members| {
                Value::Object(
                    members
                        .into_iter()
                        .map(|(name, value)| (name.to_owned(), value))
                        .collect(),
                )
            }),
        ]
    })
}

fn object() -> impl Strategy<Value = Value> {
    (json(), json(), json()).prop_map(|(metadata, spec, status)| {
        json!({ "apiVersion": "v1", "kind": "X", "metadata": metadata, "spec": spec, "status": status })
    })
}

fn ask(claim: &str, object: &Value, related: &Value, is_compat: bool) -> Result<Assessment, Failure> {
    let mut input = json!({ "object": object, "related": { "owned-pods": related, "events": related } });
    if is_compat {
        input["compat"] = json!("argocd");
    }
    testing::assess_input::<Plugin>(claim, &input)
}

/// Writes `null` wherever an object has no member of a name.
fn with_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut filled: Map<String, Value> =
                names().into_iter().map(|name| (name.to_owned(), Value::Null)).collect();
            filled.extend(members.iter().map(|(name, member)| (name.clone(), with_nulls(member))));
            Value::Object(filled)
        }
        Value::Array(elements) => elements.iter().map(with_nulls).collect(),
        other => other.clone(),
    }
}

#[test]
fn the_claims_of_the_plugin_are_meant() {
    let claims = claims();
    assert!(
        ["*/*", "apps/Deployment", "Pod"]
            .iter()
            .all(|claim| claims.contains(claim)),
        "{claims:?}"
    );
    assert!(names().contains(&"conditions"));
}

proptest! {
    #[test]
    fn any_object_has_an_answer(object in object(), related in json(), claim in select(claims()), is_compat: bool) {
        match ask(claim, &object, &related, is_compat) {
            Ok(_) | Err(Failure::Invalid(_)) => {}
            Err(other) => prop_assert!(false, "{claim}: {other:?}"),
        }
    }

    #[test]
    fn null_means_what_is_left_out(object in object(), claim in select(claims()), is_compat: bool) {
        let plain = ask(claim, &object, &json!({}), is_compat);
        let filled = ask(claim, &with_nulls(&object), &json!({}), is_compat);
        prop_assert_eq!(plain.ok(), filled.ok());
    }
}
