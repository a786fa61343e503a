//! Metadata that plugins may not write, because Capstan, Argo CD or Helm decide by it.
//!
//! With such a label, annotation, finalizer or owner reference, an object would be adopted, kept, deleted, run as a hook or approved.

use serde_json::{Map, Value};

/// Domains whose names, including subdomains, are reserved.
const RESERVED_DOMAINS: [&str; 3] = ["capstan.dev", "argocd.argoproj.io", "helm.sh"];
/// The label by which Argo CD tracks an application's objects by default.
const ARGO_CD_INSTANCE: &str = "app.kubernetes.io/instance";
/// The label by which Helm recognizes its objects, with the value [`MANAGED_BY_HELM`].
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
const MANAGED_BY_HELM: &str = "Helm";

/// The domain of signals, with which users approve.
const SIGNAL_DOMAIN: &str = "signal.capstan.dev";

/// Who writes, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writer<'a> {
    /// The plugin's name, without dots. Annotations of `NAME.capstan.dev/` are its own. Empty if it isn't known.
    pub(super) plugin: &'a str,
    pub(super) method: WriteMethod,
}

/// How an object is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WriteMethod {
    /// By server-side apply. The server refuses fields of other managers.
    Apply,
    /// By a merge patch, which overwrites the fields that it contains.
    Patch,
}

/// Checks an object or a merge patch that a plugin wants to write.
///
/// # Errors
///
/// Returns what a plugin may not write.
pub(super) fn check_written_metadata(written: &Value, by: Writer<'_>) -> Result<(), String> {
    let Some(members) = written.as_object() else {
        return Err("the content must be a JSON object".to_owned());
    };
    match members.get("metadata") {
        None => {}
        Some(Value::Object(metadata)) => check_object_metadata(metadata, by)?,
        // `null` would remove all of it.
        Some(_) => return Err("`metadata` must be a mapping, and only the host may remove it".to_owned()),
    }
    // Templates become objects, too, with their labels and finalizers.
    members
        .iter()
        .filter(|(name, _)| *name != "metadata")
        .try_for_each(|(_, value)| check_template_metadata(value, by))
}

/// Checks the metadata of the object itself.
fn check_object_metadata(metadata: &Map<String, Value>, by: Writer<'_>) -> Result<(), String> {
    for field in ["finalizers", "ownerReferences", "managedFields"] {
        if metadata.contains_key(field) {
            return Err(format!("a plugin may not write `metadata.{field}`"));
        }
    }
    for field in ["labels", "annotations"] {
        match metadata.get(field) {
            None => {}
            Some(Value::Object(members)) => {
                check_names(field, members, by)?;
                check_tracking(field, members, by.method)?;
            }
            // `null` would remove all of them.
            Some(_) => {
                return Err(format!(
                    "`metadata.{field}` must be a mapping: some of them are the host's, and only the host may remove them"
                ));
            }
        }
    }
    Ok(())
}

/// Checks `metadata` at any depth: in templates, and in lists of them.
fn check_template_metadata(value: &Value, by: Writer<'_>) -> Result<(), String> {
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| check_template_metadata(item, by)),
        Value::Object(members) => {
            if let Some(Value::Object(metadata)) = members.get("metadata") {
                for field in ["finalizers", "ownerReferences"] {
                    if metadata.get(field).is_some_and(|value| !value.is_null()) {
                        return Err(format!(
                            "a plugin may not write `metadata.{field}`, also not in a template"
                        ));
                    }
                }
                for field in ["labels", "annotations"] {
                    if let Some(Value::Object(members)) = metadata.get(field) {
                        check_names(field, members, by)?;
                    }
                }
            }
            members
                .values()
                .try_for_each(|member| check_template_metadata(member, by))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

fn check_names(field: &str, members: &Map<String, Value>, by: Writer<'_>) -> Result<(), String> {
    let is_own = |name: &str| {
        let domain = name.split_once('/').map_or("", |(domain, _)| domain);
        let plugin = domain.strip_suffix(".capstan.dev");
        field == "annotations" && domain != SIGNAL_DOMAIN && !by.plugin.is_empty() && plugin == Some(by.plugin)
    };
    match members.keys().find(|name| is_reserved(name) && !is_own(name)) {
        Some(name) => Err(format!("a plugin may not write `{name}` among the {field}")),
        None => Ok(()),
    }
}

/// Checks the labels of Kubernetes' own domain by which Argo CD and Helm recognize their objects.
fn check_tracking(field: &str, members: &Map<String, Value>, way: WriteMethod) -> Result<(), String> {
    let decides = |(name, value): (&String, &Value)| match name.as_str() {
        ARGO_CD_INSTANCE => true,
        MANAGED_BY => way == WriteMethod::Patch || value.as_str() == Some(MANAGED_BY_HELM),
        _ => false,
    };
    match members.iter().find(|member| decides(*member)) {
        Some((name, _)) => Err(format!(
            "a plugin may not write `{name}` among the {field}: Argo CD or Helm identifies the object's owner by it"
        )),
        None => Ok(()),
    }
}

/// Returns whether the name of a label or an annotation is reserved.
fn is_reserved(name: &str) -> bool {
    let Some((domain, _)) = name.split_once('/') else {
        return false;
    };
    let domain = domain.to_ascii_lowercase();
    RESERVED_DOMAINS.iter().any(|own| {
        domain
            .strip_suffix(own)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_somebody_decides_by_is_refused_wherever_it_stands_and_also_to_be_removed() {
        let reserved = [
            "capstan.dev/application",
            "capstan.dev/hook",
            "signal.capstan.dev/gate",
            "Signal.Capstan.dev/gate",
            "argocd.argoproj.io/sync-options",
            "link.argocd.argoproj.io/x",
            "helm.sh/resource-policy",
            "meta.helm.sh/release-name",
        ];
        for way in [WriteMethod::Apply, WriteMethod::Patch] {
            let check = |written: &Value, way| {
                check_written_metadata(
                    written,
                    Writer {
                        plugin: "queue",
                        method: way,
                    },
                )
            };
            for name in reserved {
                for value in [json!("x"), json!(null)] {
                    for field in ["labels", "annotations"] {
                        let meta = json!({ "metadata": { field: { name: value } } });
                        for written in [
                            meta.clone(),
                            json!({ "spec": { "template": meta } }),
                            json!({ "spec": { "jobTemplate": { "spec": { "template": meta } } } }),
                            json!({ "spec": { "volumeClaimTemplates": [{ "spec": {} }, meta] } }),
                            json!({ "items": [meta] }),
                        ] {
                            let error = check(&written, way).unwrap_err();
                            assert!(error.contains(&format!("`{name}`")), "{written}: {error}");
                        }
                    }
                }
            }
            for metadata in [
                json!(null),
                json!([]),
                json!("text"),
                json!({ "labels": null }),
                json!({ "annotations": [] }),
                json!({ "labels": "text" }),
                json!({ "finalizers": ["evil.example/stuck"] }),
                json!({ "finalizers": [] }),
                json!({ "finalizers": null }),
                json!({ "ownerReferences": [{ "kind": "ConfigMap" }] }),
                json!({ "ownerReferences": null }),
                json!({ "managedFields": [{}] }),
                json!({ "labels": { "app.kubernetes.io/instance": "shop" } }),
                json!({ "labels": { "app.kubernetes.io/managed-by": "Helm" } }),
            ] {
                assert!(check(&json!({ "metadata": metadata }), way).is_err(), "{metadata}");
            }
            for template in [json!({ "finalizers": ["x/y"] }), json!({ "ownerReferences": [{}] })] {
                let written = json!({ "spec": { "template": { "metadata": template } } });
                assert!(check(&written, way).is_err(), "{written}");
            }
            for good in [
                json!({}),
                json!({ "metadata": { "name": "a", "labels": { "app": "b", "example.com/capstan.dev": "c" } } }),
                json!({ "metadata": { "annotations": { "notcapstan.dev/x": "y", "capstan.dev": "no domain" } } }),
                json!({ "data": { "metadata": "text", "labels": "capstan.dev/hook" } }),
                json!({ "spec": { "template": { "metadata": { "labels": { "app.kubernetes.io/instance": "a" } } } } }),
            ] {
                assert_eq!(check(&good, way), Ok(()), "{good}");
            }
        }
        let check = |written: &Value, way| {
            check_written_metadata(
                written,
                Writer {
                    plugin: "queue",
                    method: way,
                },
            )
        };
        let managed = json!({ "metadata": { "labels": { "app.kubernetes.io/managed-by": "queue" } } });
        assert_eq!(check(&managed, WriteMethod::Apply), Ok(()));
        assert!(
            check(&managed, WriteMethod::Patch).is_err(),
            "it could take an object from Helm"
        );
    }
    #[test]
    fn a_plugin_has_annotations_of_its_own() {
        let written = |domain: &str| json!({ "metadata": { "annotations": { format!("{domain}/from"): "3" } } });
        for way in [WriteMethod::Apply, WriteMethod::Patch] {
            let by = |plugin| Writer { plugin, method: way };
            assert_eq!(
                check_written_metadata(&written("scale.capstan.dev"), by("scale")),
                Ok(())
            );
            for (domain, plugin) in [
                ("scale.capstan.dev", "queue"),
                ("a.scale.capstan.dev", "scale"),
                ("capstan.dev", ""),
                ("signal.capstan.dev", "signal"),
                (".capstan.dev", ""),
            ] {
                assert!(
                    check_written_metadata(&written(domain), by(plugin)).is_err(),
                    "{domain} {plugin}"
                );
            }
            let label = json!({ "metadata": { "labels": { "scale.capstan.dev/from": "3" } } });
            assert!(check_written_metadata(&label, by("scale")).is_err());
        }
    }
}
