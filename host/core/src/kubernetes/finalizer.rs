//! Explains why an object that is being deleted still exists, and what can be done.

use serde_json::Value;

use crate::model::object::Object;

/// The finalizer that Argo CD sets on objects of hooks. If Argo CD left it behind, nothing removes it.
pub const ARGO_CD_HOOK_FINALIZER: &str = "argocd.argoproj.io/hook-finalizer";

/// The finalizer of foreground deletion: the object is deleted after its dependents.
const FOREGROUND_DELETION: &str = "foregroundDeletion";

/// Finalizers of Kubernetes itself, and what they wait for.
const KUBERNETES_FINALIZERS: [(&str, &str); 5] = [
    (FOREGROUND_DELETION, "what it owns is deleted first"),
    ("orphan", "what it owns is released first"),
    ("kubernetes.io/pvc-protection", "a pod still uses the claim"),
    ("kubernetes.io/pv-protection", "a claim still uses the volume"),
    (
        "batch.kubernetes.io/job-tracking",
        "the Job controller hasn't counted the pod yet",
    ),
];

/// Returns what blocks the deletion of an object; empty if it isn't being deleted or nothing is known.
pub fn deletion_blocker(object: &Object) -> Option<String> {
    if !object.is_terminating() {
        return None;
    }
    let reasons: Vec<String> = finalizers(object).map(|name| finalizer_reason(object, name)).collect();
    if !reasons.is_empty() {
        return Some(reasons.join("; "));
    }
    let conditions = object.0.pointer("/status/conditions").and_then(Value::as_array);
    let messages = conditions.into_iter().flatten().filter(|condition| {
        condition.get("status").and_then(Value::as_str) == Some("True") && object.kind() == "Namespace"
    });
    let messages: Vec<&str> = messages
        .filter_map(|condition| condition.get("message").and_then(Value::as_str))
        .collect();
    Some(messages.join("; ")).filter(|messages| !messages.is_empty())
}

/// Returns whether an object is being deleted in the foreground, that is after its dependents.
pub fn is_foreground_deletion(object: &Object) -> bool {
    object.is_terminating() && finalizers(object).any(|name| name == FOREGROUND_DELETION)
}

/// Lists the finalizers of an object.
pub fn finalizers(object: &Object) -> impl Iterator<Item = &str> {
    let all = object.0.pointer("/metadata/finalizers").and_then(Value::as_array);
    all.into_iter().flatten().filter_map(Value::as_str)
}

fn finalizer_reason(object: &Object, name: &str) -> String {
    if let Some((_, why)) = KUBERNETES_FINALIZERS.iter().find(|(known, _)| *known == name) {
        return format!("{why} (finalizer {name})");
    }
    let owner = finalizer_manager(object, name).map_or_else(
        || "the controller that added it".to_owned(),
        |manager| format!("`{manager}`, which added it,"),
    );
    let namespace = match object.namespace() {
        "" => String::new(),
        namespace => format!(" -n {namespace}"),
    };
    format!(
        "the finalizer {name} is still set, and {owner} must remove it; to remove it by force: `kubectl patch {} {}{namespace} \
         --type=merge -p '{{\"metadata\":{{\"finalizers\":null}}}}'`",
        object.kind().to_lowercase(),
        object.name(),
    )
}

/// Returns the field manager that set a finalizer.
fn finalizer_manager<'object>(object: &'object Object, name: &str) -> Option<&'object str> {
    let entries = object.0.pointer("/metadata/managedFields")?.as_array()?;
    let member = format!("v:\"{name}\"");
    let owner = entries.iter().find(|entry| {
        let fields = entry.pointer("/fieldsV1/f:metadata/f:finalizers");
        fields.is_some_and(|fields| fields.get(&member).is_some())
    })?;
    owner.get("manager")?.as_str()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_stuck_finalizer_is_named_with_its_owner_and_a_way_out() {
        let mut object = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": { "name": "a", "namespace": "shop", "finalizers": ["acme.io/hold"], "managedFields": [
                { "manager": "acme-operator", "fieldsV1": { "f:metadata": { "f:finalizers": { ".": {}, "v:\"acme.io/hold\"": {} } } } }
            ] },
        });
        assert_eq!(deletion_blocker(&Object(object.clone())), None);
        object["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        assert_eq!(
            deletion_blocker(&Object(object.clone())).unwrap(),
            "the finalizer acme.io/hold is still set, and `acme-operator`, which added it, must remove it; to remove it by force: \
             `kubectl patch configmap a -n shop --type=merge -p '{\"metadata\":{\"finalizers\":null}}'`"
        );
        object["metadata"]["finalizers"] = json!(["foregroundDeletion"]);
        assert_eq!(
            deletion_blocker(&Object(object)).unwrap(),
            "what it owns is deleted first (finalizer foregroundDeletion)"
        );
    }
}
