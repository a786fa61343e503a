//! Prepares objects for the API server.
//!
//! Every object that is created, applied or replaced passes [`as_sent`], and so does every object that is compared with a live one.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use capstan_schema::without_nulls;
use serde_json::{Map, Value};

use crate::model::object::Object;

/// Annotations with which a controller fills in `caBundle`: cert-manager's CA injector and `OpenShift`'s service CA operator.
const CA_INJECTORS: [&str; 5] = [
    "cert-manager.io/inject-ca-from",
    "cert-manager.io/inject-ca-from-secret",
    "cert-manager.io/inject-apiserver-ca",
    "certmanager.k8s.io/inject-ca-from",
    "service.beta.openshift.io/inject-cabundle",
];

/// Returns an object as it is sent:
///
/// * without members that are `null`, as in kubectl: the server removes fields that Capstan owns and no longer sends;
/// * a Secret's `stringData` as `data`, so that a key that leaves `stringData` leaves the Secret;
/// * without what a controller fills in: the `rules` of a `ClusterRole` with an `aggregationRule`, and a `caBundle` that is injected.
pub fn as_sent(object: &Object) -> Object {
    let mut sent = Object(without_nulls(&object.0));
    match (object.group(), object.kind()) {
        ("", "Secret") => encode_string_data(&mut sent),
        ("rbac.authorization.k8s.io", "ClusterRole") => leave_out_aggregated_rules(&mut sent),
        ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration") => {
            let is_injected = is_injected(object);
            let webhooks = sent.0.get_mut("webhooks").and_then(Value::as_array_mut);
            for webhook in webhooks.into_iter().flatten() {
                leave_out_ca_bundle(webhook.get_mut("clientConfig"), is_injected);
            }
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            let client = sent.0.pointer_mut("/spec/conversion/webhook/clientConfig");
            leave_out_ca_bundle(client, is_injected(object));
        }
        ("apiregistration.k8s.io", "APIService") => leave_out_ca_bundle(sent.0.get_mut("spec"), is_injected(object)),
        _ => {}
    }
    sent
}

/// Returns whether an applied object lacks an empty map or list that was sent.
///
/// Server-side apply merges first and then removes what was applied earlier. If that removes all parts of a list or map, the list or map is
/// removed, too, although it was sent as an empty one. Applying once more restores it.
pub fn has_lost_empty_value(object: &Object, made: &Object) -> bool {
    lacks_empty_value(&as_sent(object).0, Some(&made.0))
}

fn lacks_empty_value(sent: &Value, made: Option<&Value>) -> bool {
    match (sent, made) {
        (Value::Object(sent), None | Some(Value::Null)) => sent.is_empty(),
        (Value::Array(sent), None | Some(Value::Null)) => sent.is_empty(),
        (Value::Object(sent), Some(Value::Object(made))) => sent
            .iter()
            .any(|(name, value)| lacks_empty_value(value, made.get(name))),
        (Value::Array(sent), Some(Value::Array(made))) if sent.len() == made.len() => sent
            .iter()
            .zip(made)
            .any(|(sent, made)| lacks_empty_value(sent, Some(made))),
        _ => false,
    }
}

/// Moves `stringData` to `data`. Values that aren't strings are left for the server to refuse.
fn encode_string_data(secret: &mut Object) {
    let Some(members) = secret.0.as_object_mut() else {
        return;
    };
    let is_texts = |value: &Value| {
        value
            .as_object()
            .is_some_and(|texts| texts.values().all(Value::is_string))
    };
    if !members.get("stringData").is_some_and(is_texts) || members.get("data").is_some_and(|data| !data.is_object()) {
        return;
    }
    let Some(Value::Object(texts)) = members.remove("stringData") else {
        return;
    };
    if texts.is_empty() {
        return;
    }
    let data = members
        .entry("data")
        .or_insert_with(|| Value::Object(Map::new()))
        .as_object_mut();
    if let Some(data) = data {
        data.extend(texts.into_iter().map(|(name, text)| {
            let encoded = STANDARD.encode(text.as_str().unwrap_or_default());
            (name, Value::from(encoded))
        }));
    }
}

fn leave_out_aggregated_rules(role: &mut Object) {
    if let Some(members) = role.0.as_object_mut()
        && members.contains_key("aggregationRule")
    {
        members.remove("rules");
    }
}

/// Removes a `caBundle` that a controller fills in, or that is only a placeholder.
fn leave_out_ca_bundle(client: Option<&mut Value>, is_injected: bool) {
    let Some(members) = client.and_then(Value::as_object_mut) else {
        return;
    };
    let is_placeholder = |bundle: &Value| {
        let decoded = bundle.as_str().and_then(|text| STANDARD.decode(text.trim()).ok());
        decoded.is_some_and(|bytes| bytes.trim_ascii().is_empty())
    };
    if is_injected || members.get("caBundle").is_some_and(is_placeholder) {
        members.remove("caBundle");
    }
}

fn is_injected(object: &Object) -> bool {
    CA_INJECTORS
        .iter()
        .any(|name| object.annotation(name).is_some_and(|value| !value.is_empty()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn sent(object: Value) -> Value {
        as_sent(&Object(object)).0
    }

    #[test]
    fn null_members_are_left_out_at_every_depth() {
        let object = json!({ "kind": "Thing", "metadata": { "annotations": null, "labels": { "a": null, "b": "" } },
            "spec": { "list": [{ "a": null, "b": 1 }, null, []], "map": {} } });
        let expected = json!({ "kind": "Thing", "metadata": { "labels": { "b": "" } },
            "spec": { "list": [{ "b": 1 }, null, []], "map": {} } });
        assert_eq!(sent(object), expected);
    }

    #[test]
    fn string_data_is_data_and_wins_over_it() {
        let secret = |fields: Value| {
            let mut secret = json!({ "apiVersion": "v1", "kind": "Secret" });
            for (name, value) in fields.as_object().unwrap() {
                secret[name] = value.clone();
            }
            secret
        };
        for (given, expected) in [
            (
                json!({ "stringData": { "a": "x" } }),
                json!({ "data": { "a": "eA==" } }),
            ),
            (
                json!({ "stringData": { "a": "x", "e": "" }, "data": { "a": "eQ==", "b": "eQ==" } }),
                json!({ "data": { "a": "eA==", "b": "eQ==", "e": "" } }),
            ),
            (
                json!({ "stringData": { "a": "x", "gone": null }, "data": null }),
                json!({ "data": { "a": "eA==" } }),
            ),
            (json!({ "stringData": {} }), json!({})),
            (json!({ "stringData": null, "data": {} }), json!({ "data": {} })),
            // The server says what is wrong with these.
            (
                json!({ "stringData": { "port": 80 } }),
                json!({ "stringData": { "port": 80 } }),
            ),
            (
                json!({ "stringData": { "a": "x" }, "data": ["y"] }),
                json!({ "stringData": { "a": "x" }, "data": ["y"] }),
            ),
        ] {
            assert_eq!(sent(secret(given.clone())), secret(expected), "{given}");
        }
        let custom = json!({ "apiVersion": "acme.io/v1", "kind": "Secret", "stringData": { "a": "x" } });
        assert_eq!(sent(custom.clone()), custom);
    }

    #[test]
    fn what_a_controller_fills_in_is_not_sent() {
        let role = json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "aggregationRule": { "clusterRoleSelectors": [] }, "rules": [] });
        assert_eq!(sent(role.clone()).get("rules"), None);
        let mut plain = role;
        plain["aggregationRule"] = Value::Null;
        assert_eq!(sent(plain).get("rules"), Some(&json!([])));
        let cases = [
            (
                "admissionregistration.k8s.io/v1",
                "ValidatingWebhookConfiguration",
                "/webhooks/0/clientConfig",
            ),
            (
                "admissionregistration.k8s.io/v1",
                "MutatingWebhookConfiguration",
                "/webhooks/0/clientConfig",
            ),
            (
                "apiextensions.k8s.io/v1",
                "CustomResourceDefinition",
                "/spec/conversion/webhook/clientConfig",
            ),
            ("apiregistration.k8s.io/v1", "APIService", "/spec"),
        ];
        for (version, kind, pointer) in cases {
            let object = |annotations: Value, bundle: &str| {
                let client = json!({ "caBundle": bundle, "service": { "name": "a" } });
                let mut object = json!({ "apiVersion": version, "kind": kind, "metadata": { "annotations": annotations },
                    "spec": { "conversion": { "webhook": { "clientConfig": client } } },
                    "webhooks": [{ "clientConfig": client }] });
                if pointer == "/spec" {
                    object["spec"] = client;
                }
                let found = sent(object).pointer(pointer).unwrap().clone();
                (
                    found["service"] == json!({ "name": "a" }),
                    found.get("caBundle").cloned(),
                )
            };
            let injected = json!({ "cert-manager.io/inject-ca-from": "a/b" });
            assert_eq!(object(json!({}), "TFMw"), (true, Some(json!("TFMw"))), "{kind}");
            for left_out in [
                object(injected, "TFMw"),
                object(json!({}), "Cg=="),
                object(json!({}), ""),
            ] {
                assert_eq!(left_out, (true, None), "{kind}");
            }
        }
    }

    #[test]
    fn an_empty_value_that_is_not_there_is_lacking() {
        let lacks = |sent: Value, made: Value| has_lost_empty_value(&Object(sent), &Object(made));
        assert!(lacks(json!({ "spec": { "a": [] } }), json!({ "spec": { "b": 1 } })));
        assert!(lacks(
            json!({ "spec": [{ "a": {} }] }),
            json!({ "spec": [{ "a": null }] })
        ));
        assert!(!lacks(json!({ "spec": { "a": [] } }), json!({ "spec": { "a": [1] } })));
        assert!(!lacks(json!({ "spec": { "a": "", "b": null } }), json!({ "spec": {} })));
    }

    proptest! {
        #[test]
        fn what_is_sent_is_sent_as_it_is(value in crate::plan::diff::any_value()) {
            let once = as_sent(&Object(value));
            prop_assert_eq!(as_sent(&once), once);
        }
    }
}
