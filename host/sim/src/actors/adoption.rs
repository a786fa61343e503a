//! Adoption: a workload becomes the controller of objects that match its selector and have no controller, as after an orphaning deletion.
//!
//! Rules: `ControllerRefManager` in `pkg/controller/controller_ref_manager.go` of Kubernetes.

use serde_json::{Value, json};

use super::{
    Actions, ClusterView,
    access::{
        controller, controller_reference, fields, has_labels, is_matched, is_terminating, items, namespace, text,
    },
    stateful_set, template,
};

/// A group and a kind of it.
type GroupAndKind = (&'static str, &'static str);

/// Group and kind of each controller, and of the objects that it adopts.
const ADOPTERS: [(GroupAndKind, GroupAndKind); 5] = [
    (("apps", "Deployment"), ("apps", "ReplicaSet")),
    (("apps", "ReplicaSet"), ("", "Pod")),
    (("", "ReplicationController"), ("", "Pod")),
    (("apps", "StatefulSet"), ("", "Pod")),
    (("apps", "DaemonSet"), ("", "Pod")),
];

pub(crate) fn reconcile(sight: &ClusterView<'_>) -> Actions {
    let mut turn = Actions::default();
    for (group, kind) in [("apps", "ReplicaSet"), ("", "Pod")] {
        for orphan in sight.list(group, kind) {
            if controller(orphan).is_some() || is_terminating(orphan) {
                continue;
            }
            let adopters = ADOPTERS.iter().filter(|(_, adopted)| *adopted == (group, kind));
            let mut owners = adopters.flat_map(|((group, kind), _)| sight.list(group, kind));
            if let Some(owner) = owners.find(|owner| adopts(owner, orphan)) {
                turn.update(with_controller(orphan, owner));
            }
        }
    }
    turn
}

fn adopts(owner: &Value, orphan: &Value) -> bool {
    let is_candidate = match text(owner, "/kind") {
        "StatefulSet" => stateful_set::ordinal(owner, orphan).is_some(),
        "ReplicaSet" | "ReplicationController" => template::is_active(orphan),
        _ => true,
    };
    is_candidate && !is_terminating(owner) && namespace(owner) == namespace(orphan) && is_selected(owner, orphan)
}

/// Says whether `spec.selector` of a workload matches an object's labels. An empty selector matches nothing here, since the API server
/// refuses workloads with one.
fn is_selected(owner: &Value, object: &Value) -> bool {
    let Some(selector) = owner.pointer("/spec/selector") else {
        return false;
    };
    if text(owner, "/kind") == "ReplicationController" {
        return fields(selector, "").next().is_some() && has_labels(object, selector);
    }
    let is_empty = fields(selector, "/matchLabels").next().is_none() && items(selector, "/matchExpressions").is_empty();
    !is_empty && is_matched(object, selector)
}

fn with_controller(orphan: &Value, owner: &Value) -> Value {
    let mut adopted = orphan.clone();
    let mut owners = items(orphan, "/metadata/ownerReferences").to_vec();
    owners.push(controller_reference(owner));
    if let Some(metadata) = adopted.get_mut("metadata") {
        template::set_field(metadata, "ownerReferences", json!(owners));
    }
    adopted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload(kind: &str, selector: &Value) -> Value {
        json!({
            "apiVersion": "apps/v1", "kind": kind, "metadata": { "name": "db", "namespace": "shop", "uid": "1" },
            "spec": { "selector": selector },
        })
    }

    fn pod(name: &str) -> Value {
        json!({ "metadata": { "name": name, "namespace": "shop", "labels": { "app": "db" } } })
    }

    #[test]
    fn a_workload_adopts_what_its_selector_matches() {
        let by_label = json!({ "matchLabels": { "app": "db" } });
        let by_expression = json!({ "matchExpressions": [{ "key": "app", "operator": "In", "values": ["db"] }] });
        let others = json!({ "matchExpressions": [{ "key": "app", "operator": "NotIn", "values": ["db"] }] });
        assert!(adopts(&workload("ReplicaSet", &by_label), &pod("x")));
        assert!(adopts(&workload("DaemonSet", &by_expression), &pod("x")));
        assert!(!adopts(&workload("ReplicaSet", &others), &pod("x")));
        assert!(!adopts(&workload("ReplicaSet", &json!({})), &pod("x")));
        assert!(adopts(
            &workload("ReplicationController", &json!({ "app": "db" })),
            &pod("x")
        ));
        assert!(!adopts(&workload("ReplicationController", &json!({})), &pod("x")));
    }

    #[test]
    fn a_stateful_set_adopts_pods_of_its_own_names_only() {
        let set = workload("StatefulSet", &json!({ "matchLabels": { "app": "db" } }));
        assert!(adopts(&set, &pod("db-0")));
        assert!(!adopts(&set, &pod("other-0")));
    }
}
