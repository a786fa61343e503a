//! Defaults of kinds that control admission: webhooks and limits (`pkg/apis/{admissionregistration,core}/v1` of Kubernetes).

use serde_json::{Value, json};

use super::{child, each, set};

/// Sets the defaults of a webhook configuration.
pub(super) fn webhooks(object: &mut Value, is_mutating: bool) {
    for webhook in each(object, "webhooks") {
        set(
            Some(webhook),
            &[
                ("failurePolicy", json!("Fail")),
                ("matchPolicy", json!("Equivalent")),
                ("timeoutSeconds", json!(10)),
                ("namespaceSelector", json!({})),
                ("objectSelector", json!({})),
            ],
        );
        if is_mutating {
            set(Some(webhook), &[("reinvocationPolicy", json!("Never"))]);
        }
        let client = webhook.get_mut("clientConfig");
        set(
            client.and_then(|client| client.get_mut("service")),
            &[("port", json!(443))],
        );
        for rule in each(webhook, "rules") {
            set(Some(rule), &[("scope", json!("*"))]);
        }
    }
}

/// Sets the defaults of a `LimitRange`: a container's default request is its limit.
pub(super) fn limits(spec: Option<&mut Value>) {
    let Some(spec) = spec else { return };
    for limit in each(spec, "limits").filter(|limit| limit["type"] == "Container") {
        for (from, to) in [
            ("max", "default"),
            ("default", "defaultRequest"),
            ("min", "defaultRequest"),
        ] {
            let amounts = limit[from].as_object().cloned().unwrap_or_default();
            if amounts.is_empty() {
                continue;
            }
            let amounts: Vec<(&str, Value)> = amounts
                .iter()
                .map(|(name, amount)| (name.as_str(), amount.clone()))
                .collect();
            set(child(Some(limit), to), &amounts);
        }
    }
}
