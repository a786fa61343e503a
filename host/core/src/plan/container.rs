//! Objects that contain others: a Namespace, and a `CustomResourceDefinition` with the objects of its kind. Deleting one deletes its
//! contents, so a plan keeps it while it contains anything that the plan doesn't delete.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    model::{
        hook::Propagation,
        object::{GroupKind, Object, ObjectKey, labels},
        operation_kind::OperationKind,
        remedy::{Notice, Setting},
    },
    plan::{Plan, task::Action},
};

/// An object that contains others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Container {
    /// A Namespace, by its name.
    Namespace(String),
    /// A `CustomResourceDefinition`, by the kind that it defines.
    Definition(GroupKind),
}

impl Container {
    /// Returns an object as a container; `None` if it contains nothing.
    pub fn from_object(object: &Object) -> Option<Container> {
        match (object.group(), object.kind()) {
            ("", "Namespace") => Some(Container::Namespace(object.name().to_owned())),
            ("apiextensions.k8s.io", "CustomResourceDefinition") => {
                let text = |pointer| object.text(pointer).unwrap_or_default();
                let kind = GroupKind::new(text("/spec/group"), text("/spec/names/kind"));
                Some(Container::Definition(kind))
            }
            _ => None,
        }
    }

    /// Returns whether objects of a kind are containers.
    pub fn is_container_kind(kind: &GroupKind) -> bool {
        matches!(
            (kind.group.as_str(), kind.kind.as_str()),
            ("", "Namespace") | ("apiextensions.k8s.io", "CustomResourceDefinition")
        )
    }

    /// Returns whether the container contains an object with this key.
    pub fn contains(&self, key: &ObjectKey) -> bool {
        match self {
            Container::Namespace(name) => key.namespace == *name,
            Container::Definition(kind) => key.group == kind.group && key.kind == kind.kind,
        }
    }
}

/// The metadata of an object in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainedObject {
    /// The key of the contained object.
    pub key: ObjectKey,
    /// The object's UID.
    pub uid: String,
    /// The UIDs of its owners. The cluster deletes it with the last of them.
    pub owners: Vec<String>,
    /// For a token Secret: the name of its service account.
    pub service_account: Option<String>,
    /// The ID of the operation that created it, from its label.
    pub operation: Option<String>,
    /// Whether it is being deleted.
    pub is_terminating: bool,
}

impl ContainedObject {
    /// Reads an object; its metadata is enough.
    pub fn from_object(object: &Object) -> ContainedObject {
        let references = object.0.pointer("/metadata/ownerReferences").and_then(Value::as_array);
        let owners = references.into_iter().flatten();
        let owners = owners.filter_map(|reference| Some(reference.get("uid")?.as_str()?.to_owned()));
        ContainedObject {
            key: object.key(),
            uid: object.uid().to_owned(),
            owners: owners.collect(),
            service_account: object
                .annotation("kubernetes.io/service-account.name")
                .map(str::to_owned),
            operation: object.label(labels::OPERATION).map(str::to_owned),
            is_terminating: object.is_terminating(),
        }
    }

    /// Returns whether the cluster itself creates the object in every namespace.
    fn is_automatic(&self) -> bool {
        matches!(
            (self.key.group.as_str(), self.key.kind.as_str(), self.key.name.as_str()),
            ("", "ConfigMap", "kube-root-ca.crt" | "openshift-service-ca.crt") | ("", "ServiceAccount", "default")
        ) || is_by_product(&self.key.group_kind())
    }
}

/// Returns whether the cluster creates objects of a kind for other objects, so that they don't count as contents: events, endpoints,
/// metrics.
pub fn is_by_product(kind: &GroupKind) -> bool {
    matches!(
        (kind.group.as_str(), kind.kind.as_str()),
        ("" | "events.k8s.io", "Event")
            | ("", "Endpoints")
            | ("discovery.k8s.io", "EndpointSlice")
            | ("metrics.k8s.io" | "custom.metrics.k8s.io", _)
    )
}

/// The contents of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contents {
    /// All objects in it.
    Known(Vec<ContainedObject>),
    /// They couldn't be listed, for this reason.
    Unknown(String),
}

/// What a plan deletes.
#[derive(Debug, Clone, Default)]
pub struct PlannedDeletions {
    /// The UIDs of the deleted objects, each with its propagation.
    uids: BTreeMap<String, Propagation>,
    /// Containers that are deleted with their contents, as the user confirmed.
    confirmed: BTreeSet<Container>,
    /// The ID of a delete operation: objects that its own hooks create are deleted, too.
    operation: Option<String>,
}

impl PlannedDeletions {
    /// Adds an object that is deleted.
    pub fn add(&mut self, uid: &str, propagation: Propagation) {
        self.uids.insert(uid.to_owned(), propagation);
    }

    /// Adds a container that is deleted with its contents.
    pub fn add_confirmed(&mut self, container: Container) {
        self.confirmed.insert(container);
    }

    /// Collects what a plan deletes. `operation` is the ID of the operation that runs it.
    pub fn from_plan(plan: &Plan, operation: &str) -> PlannedDeletions {
        let mut leaving = PlannedDeletions {
            confirmed: plan.confirmed.clone(),
            operation: (plan.operation_kind == OperationKind::Delete).then(|| operation.to_owned()),
            ..PlannedDeletions::default()
        };
        for task in &plan.tasks {
            if let Action::Delete(delete) = &task.action {
                leaving.add(&delete.uid, delete.propagation.get());
            }
        }
        leaving
    }

    /// Returns whether the user confirmed that a container is deleted with its contents.
    pub fn is_confirmed(&self, container: &Container) -> bool {
        self.confirmed.contains(container)
    }

    fn includes(&self, resident: &ContainedObject) -> bool {
        self.uids.contains_key(&resident.uid)
            || self.confirmed.iter().any(|container| container.contains(&resident.key))
            || (self.operation.is_some() && resident.operation == self.operation)
    }

    /// Returns the first object that stays although everything planned is deleted, and how many more there are.
    pub fn first_remaining<'a>(&self, residents: &'a [ContainedObject]) -> Option<(&'a ContainedObject, usize)> {
        let going = self.deleted_uids(residents);
        let mut staying = residents.iter().filter(|one| !going.contains(one.uid.as_str()));
        let first = staying.next()?;
        Some((first, staying.count()))
    }

    /// Returns the UIDs of what is deleted without its container: by the plan, with its last owner, or with its service account.
    fn deleted_uids<'a>(&self, residents: &'a [ContainedObject]) -> BTreeSet<&'a str> {
        let accounts: BTreeMap<(&str, &str), &str> = residents
            .iter()
            .filter(|one| one.key.kind == "ServiceAccount" && one.key.group.is_empty())
            .map(|one| ((one.key.namespace.as_str(), one.key.name.as_str()), one.uid.as_str()))
            .collect();
        let mut queue: Vec<&str> = Vec::new();
        let mut dependents: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut tokens: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut owners_left: BTreeMap<&str, usize> = BTreeMap::new();
        for one in residents {
            let uid = one.uid.as_str();
            if one.is_terminating || one.is_automatic() || self.includes(one) {
                queue.push(uid);
                continue;
            }
            if let Some(account) = &one.service_account {
                match accounts.get(&(one.key.namespace.as_str(), account.as_str())) {
                    Some(account) => tokens.entry(account).or_default().push(uid),
                    None => queue.push(uid),
                }
            }
            let owners: BTreeSet<&str> = one.owners.iter().map(String::as_str).collect();
            let mut left = 0;
            for owner in &owners {
                match self.uids.get(*owner) {
                    Some(Propagation::Foreground | Propagation::Background) => {}
                    // Orphaned dependents stay.
                    Some(Propagation::Orphan) => left += 1,
                    None => {
                        dependents.entry(owner).or_default().push(uid);
                        left += 1;
                    }
                }
            }
            if left == 0 && !owners.is_empty() {
                queue.push(uid);
            } else {
                owners_left.insert(uid, left);
            }
        }
        let mut going: BTreeSet<&str> = BTreeSet::new();
        while let Some(uid) = queue.pop() {
            if !going.insert(uid) {
                continue;
            }
            queue.extend(tokens.get(uid).into_iter().flatten());
            for dependent in dependents.get(uid).into_iter().flatten() {
                if let Some(left) = owners_left.get_mut(dependent) {
                    *left = left.saturating_sub(1);
                    if *left == 0 {
                        queue.push(dependent);
                    }
                }
            }
        }
        going
    }
}

/// Why a container is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetentionReason {
    /// It contains this object, which stays, and so many others.
    Object(ObjectKey, usize),
    /// The plan creates this object in it.
    PlannedObject(ObjectKey),
    /// Its contents couldn't be listed, for this reason.
    Unknown(String),
}

/// `ConfigMap data/one is in it`.
impl fmt::Display for RetentionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RetentionReason::Object(key, 0) => write!(f, "{key} is in it"),
            RetentionReason::Object(key, 1) => write!(f, "{key} and 1 other object are in it"),
            RetentionReason::Object(key, more) => write!(f, "{key} and {more} other objects are in it"),
            RetentionReason::PlannedObject(key) => write!(f, "the manifests put {key} in it"),
            RetentionReason::Unknown(reason) => write!(f, "what is in it can't be seen: {reason}"),
        }
    }
}

/// Returns why a container may not be deleted; `None` if it may.
pub fn retention_reason(
    container: &Container,
    contents: &Contents,
    leaving: &PlannedDeletions,
) -> Option<RetentionReason> {
    if leaving.is_confirmed(container) {
        return None;
    }
    match contents {
        Contents::Unknown(reason) => Some(RetentionReason::Unknown(reason.clone())),
        Contents::Known(residents) => {
            let (first, more) = leaving.first_remaining(residents)?;
            Some(RetentionReason::Object(first.key.clone(), more))
        }
    }
}

/// Returns an object that a plan creates in a container, not counting the container itself.
pub fn object_added_by_plan<'a>(container: &Container, plan: &'a Plan) -> Option<&'a ObjectKey> {
    let tasks = plan.tasks.iter().filter(|task| match &task.action {
        Action::Apply(_) => true,
        Action::Hook(hook) => hook.has_object,
        Action::Delete(_) => false,
    });
    tasks.map(|task| &task.key).find(|key| container.contains(key))
}

/// Returns the message why a container is kept and how to delete it nevertheless.
pub fn retention_message(key: &ObjectKey, held: &RetentionReason) -> Notice {
    let confirm = Setting::Confirm {
        object: key.kind_and_name(),
        with_contents: true,
    };
    Notice::new(format!("{held}; it stays until it is empty"), confirm)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn resident(kind: &str, name: &str, owners: &[&str]) -> ContainedObject {
        let references: Vec<Value> = owners
            .iter()
            .map(|uid| json!({ "uid": uid, "kind": "X", "name": "x" }))
            .collect();
        ContainedObject::from_object(&Object(json!({ "apiVersion": "v1", "kind": kind, "metadata": {
            "name": name, "namespace": "data", "uid": format!("uid-{name}"), "ownerReferences": references,
        } })))
    }

    fn first(leaving: &PlannedDeletions, residents: &[ContainedObject]) -> String {
        match leaving.first_remaining(residents) {
            Some((one, more)) => format!("{} +{more}", one.key.kind_and_name()),
            None => String::new(),
        }
    }

    #[test]
    fn what_every_namespace_has_does_not_count() {
        let residents = [
            resident("ConfigMap", "kube-root-ca.crt", &[]),
            resident("ServiceAccount", "default", &[]),
            resident("Event", "e", &[]),
            resident("Endpoints", "svc", &[]),
        ];
        assert_eq!(first(&PlannedDeletions::default(), &residents), "");
    }

    #[test]
    fn what_goes_takes_what_it_owns_along() {
        let residents = [
            resident("Deployment", "web", &[]),
            resident("ReplicaSet", "web-1", &["uid-web"]),
            resident("Pod", "web-1-a", &["uid-web-1"]),
            resident("PersistentVolumeClaim", "disk", &[]),
        ];
        let mut leaving = PlannedDeletions::default();
        assert_eq!(first(&leaving, &residents), "Deployment/web +3");
        leaving.add("uid-web", Propagation::Background);
        assert_eq!(first(&leaving, &residents), "PersistentVolumeClaim/disk +0");
        assert_eq!(first(&leaving, &residents[..3]), "");
        leaving.add("uid-web", Propagation::Orphan);
        assert_eq!(first(&leaving, &residents[..3]), "ReplicaSet/web-1 +1", "orphans stay");
    }

    #[test]
    fn an_object_with_two_owners_stays_with_one_of_them() {
        let residents = [
            resident("A", "one", &[]),
            resident("A", "two", &[]),
            resident("B", "both", &["uid-one", "uid-two"]),
        ];
        let mut leaving = PlannedDeletions::default();
        leaving.add("uid-one", Propagation::Background);
        assert_eq!(first(&leaving, &residents), "A/two +1");
        leaving.add("uid-two", Propagation::Background);
        assert_eq!(first(&leaving, &residents), "");
    }

    #[test]
    fn owners_in_a_circle_and_owners_that_are_gone_stay() {
        let circle = [resident("A", "one", &["uid-two"]), resident("A", "two", &["uid-one"])];
        assert_eq!(first(&PlannedDeletions::default(), &circle), "A/one +1");
        assert_eq!(
            first(&PlannedDeletions::default(), &[resident("A", "one", &["uid-gone"])]),
            "A/one +0"
        );
    }

    #[test]
    fn tokens_go_with_their_service_account() {
        let mut token = resident("Secret", "default-token", &[]);
        token.service_account = Some("default".to_owned());
        let mut other = resident("Secret", "ci-token", &[]);
        other.service_account = Some("ci".to_owned());
        let residents = [
            resident("ServiceAccount", "default", &[]),
            token,
            other,
            resident("ServiceAccount", "ci", &[]),
        ];
        assert_eq!(first(&PlannedDeletions::default(), &residents), "Secret/ci-token +1");
    }

    #[test]
    fn a_confirmed_container_vouches_for_what_is_in_it() {
        let residents = [resident("ConfigMap", "one", &[])];
        let contents = Contents::Known(residents.to_vec());
        let data = Container::Namespace("data".to_owned());
        let definition = Container::Definition(GroupKind::new("", "ConfigMap"));
        let mut leaving = PlannedDeletions::default();
        let expected = RetentionReason::Object(residents[0].key.clone(), 0);
        assert_eq!(retention_reason(&data, &contents, &leaving), Some(expected));
        assert!(retention_reason(&data, &Contents::Unknown(String::new()), &leaving).is_some());
        leaving.add_confirmed(data.clone());
        assert_eq!(retention_reason(&data, &contents, &leaving), None);
        assert_eq!(
            retention_reason(&definition, &contents, &leaving),
            None,
            "its objects go with the namespace"
        );
    }
}
