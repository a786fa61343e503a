//! What a pod needs before it runs: claims to be scheduled, volumes to be created, and an environment.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use crate::actors::{
    ClusterView,
    access::{fields, is_true, items, name, namespace, text, uid},
};

/// Returns the scheduler's message about a volume claim that keeps the pod from being scheduled.
pub(super) fn missing_claim(sight: &ClusterView<'_>, pod: &Value) -> Option<String> {
    items(pod, "/spec/volumes").iter().find_map(|volume| {
        let claim = text(volume, "/persistentVolumeClaim/claimName");
        if claim.is_empty() {
            return None;
        }
        match sight.get("", "PersistentVolumeClaim", namespace(pod), claim) {
            None => Some(format!(
                "0/1 nodes are available: persistentvolumeclaim \"{claim}\" not found."
            )),
            Some(found) if text(found, "/status/phase") != "Bound" => {
                Some("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.".into())
            }
            Some(_) => None,
        }
    })
}

/// Returns which ConfigMap or Secret keeps the pod's volumes from being mounted: it stays in `ContainerCreating`.
pub(super) fn missing_volume(sight: &ClusterView<'_>, pod: &Value) -> Option<String> {
    let source = |source: &Value, map: &str, secret: &str| {
        [("ConfigMap", "/configMap", map), ("Secret", "/secret", secret)]
            .into_iter()
            .find_map(|(kind, at, field)| {
                let source = source.pointer(at)?;
                let title = text(source, field);
                let missing = !is_true(source, "/optional") && sight.get("", kind, namespace(pod), title).is_none();
                missing.then(|| format!("{} \"{title}\" not found", kind.to_lowercase()))
            })
    };
    items(pod, "/spec/volumes").iter().find_map(|volume| {
        source(volume, "/name", "/secretName").or_else(|| {
            items(volume, "/projected/sources")
                .iter()
                .find_map(|projected| source(projected, "/name", "/name"))
        })
    })
}

/// Lists the `ConfigMap`s and Secrets that a pod refers to, by kind and name: in volumes and its environment.
pub(crate) fn referenced_objects(pod: &Value) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let mut look = |source: &Value, pointers: [(&'static str, &str); 2]| {
        for (kind, pointer) in pointers {
            let title = text(source, pointer);
            if !title.is_empty() {
                found.push((kind, title.to_owned()));
            }
        }
    };
    for volume in items(pod, "/spec/volumes") {
        look(
            volume,
            [("ConfigMap", "/configMap/name"), ("Secret", "/secret/secretName")],
        );
        for projected in items(volume, "/projected/sources") {
            look(
                projected,
                [("ConfigMap", "/configMap/name"), ("Secret", "/secret/name")],
            );
        }
    }
    for container in items(pod, "/spec/initContainers")
        .iter()
        .chain(items(pod, "/spec/containers"))
    {
        for from in items(container, "/envFrom") {
            look(
                from,
                [("ConfigMap", "/configMapRef/name"), ("Secret", "/secretRef/name")],
            );
        }
        for variable in items(container, "/env") {
            look(
                variable,
                [
                    ("ConfigMap", "/valueFrom/configMapKeyRef/name"),
                    ("Secret", "/valueFrom/secretKeyRef/name"),
                ],
            );
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Resolves the environment of a container: `envFrom`, then `env`; later entries replace earlier ones of the same name.
///
/// The error is the message of `CreateContainerConfigError`.
pub(crate) fn environment(
    sight: &ClusterView<'_>,
    pod: &Value,
    container: &Value,
    address: &str,
) -> Result<Vec<(String, String)>, String> {
    let mut order: Vec<String> = Vec::new();
    let mut values: BTreeMap<String, String> = BTreeMap::new();
    let mut set = |values: &mut BTreeMap<String, String>, key: String, value: String| {
        if values.insert(key.clone(), value).is_none() {
            order.push(key);
        }
    };
    for from in items(container, "/envFrom") {
        let prefix = text(from, "/prefix");
        for (kind, at) in [("ConfigMap", "/configMapRef"), ("Secret", "/secretRef")] {
            let Some(reference) = from.pointer(at) else { continue };
            let title = text(reference, "/name");
            let Some(object) = sight.get("", kind, namespace(pod), title) else {
                if is_true(reference, "/optional") {
                    continue;
                }
                return Err(format!("{} \"{title}\" not found", kind.to_lowercase()));
            };
            for (key, _) in fields(object, "/data") {
                if let Some(value) = data_entry(kind, object, key) {
                    set(&mut values, format!("{prefix}{key}"), value);
                }
            }
        }
    }
    for variable in items(container, "/env") {
        let key = text(variable, "/name").to_owned();
        let value = match variable.get("valueFrom") {
            Some(from) if !from.is_null() => match resolve_value_from(sight, pod, from, address)? {
                Some(value) => value,
                None => continue,
            },
            _ => expand(text(variable, "/value"), &values),
        };
        set(&mut values, key, value);
    }
    Ok(order.into_iter().filter_map(|key| values.remove_entry(&key)).collect())
}

/// Replaces `$(NAME)` by the variable's value; `$$(NAME)` becomes `$(NAME)`, and unknown names stay as they are.
pub(crate) fn expand(text: &str, values: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(escaped) = after.strip_prefix('$') {
            out.push('$');
            rest = escaped;
            continue;
        }
        let name = after.strip_prefix('(').and_then(|after| after.split_once(')'));
        if let Some((name, after)) = name {
            if let Some(value) = values.get(name) {
                out.push_str(value);
            } else {
                out.push_str("$(");
                out.push_str(name);
                out.push(')');
            }
            rest = after;
        } else {
            out.push('$');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// Reads one entry of a ConfigMap or Secret as text.
fn data_entry(kind: &str, object: &Value, key: &str) -> Option<String> {
    let value = object.get("data")?.get(key)?.as_str()?;
    if kind == "ConfigMap" {
        return Some(value.to_owned());
    }
    let bytes = STANDARD.decode(value).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Resolves a `valueFrom`; `None` for an optional reference to an object that doesn't exist.
fn resolve_value_from(
    sight: &ClusterView<'_>,
    pod: &Value,
    from: &Value,
    address: &str,
) -> Result<Option<String>, String> {
    for (kind, at) in [("ConfigMap", "/configMapKeyRef"), ("Secret", "/secretKeyRef")] {
        let Some(reference) = from.pointer(at) else { continue };
        let (title, key) = (text(reference, "/name"), text(reference, "/key"));
        let optional = is_true(reference, "/optional");
        let Some(object) = sight.get("", kind, namespace(pod), title) else {
            let message = format!("{} \"{title}\" not found", kind.to_lowercase());
            return if optional { Ok(None) } else { Err(message) };
        };
        return match data_entry(kind, object, key) {
            Some(value) => Ok(Some(value)),
            None if optional => Ok(None),
            None => Err(format!("couldn't find key {key} in {kind} {}/{title}", namespace(pod))),
        };
    }
    let path = text(from, "/fieldRef/fieldPath");
    let within = |map: &str| {
        let key = path.strip_prefix(map)?.strip_prefix("['")?.strip_suffix("']")?;
        let pointer = format!("/{}", map.replace('.', "/"));
        Some(
            pod.pointer(&pointer)
                .and_then(|map| map.get(key))
                .and_then(Value::as_str)
                .unwrap_or_default(),
        )
    };
    let value = match path {
        "metadata.name" => name(pod),
        "metadata.namespace" => namespace(pod),
        "metadata.uid" => uid(pod),
        "spec.nodeName" => text(pod, "/spec/nodeName"),
        "spec.serviceAccountName" => match text(pod, "/spec/serviceAccountName") {
            "" => "default",
            account => account,
        },
        "status.podIP" | "status.podIPs" => address,
        "status.hostIP" | "status.hostIPs" => "172.18.0.2",
        _ => within("metadata.labels")
            .or_else(|| within("metadata.annotations"))
            .unwrap_or_default(),
    };
    Ok(Some(value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_expanded_as_kubernetes_does() {
        let values = BTreeMap::from([("A".to_owned(), "1".to_owned())]);
        for (text, expected) in [
            ("$(A)", "1"),
            ("x$(A)y$(A)", "x1y1"),
            ("$$(A)", "$(A)"),
            ("$(B)", "$(B)"),
            ("$A", "$A"),
            ("$(A", "$(A"),
            ("100$", "100$"),
            ("$$$(A)", "$1"),
        ] {
            assert_eq!(expand(text, &values), expected, "{text}");
        }
    }
}
