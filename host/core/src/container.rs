//! Objects that hold others: a Namespace, and a `CustomResourceDefinition` with the objects of its kind. Who deletes one deletes what
//! lives in it, so it stays while anything lives in it that the plan doesn't remove.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    hook::Propagation,
    object::{GroupKind, Object, ObjectKey, labels},
    operation_kind::OperationKind,
    plan::Plan,
    remedy::{Notice, Setting},
    task::Action,
};

/// Something that holds objects.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Container {
    /// A namespace, by its name.
    Namespace(String),
    /// A definition, by the kind that it defines.
    Definition(GroupKind),
}

impl Container {
    /// Returns what an object holds others as; nothing for all other objects.
    pub fn of(object: &Object) -> Option<Container> {
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

    /// Says whether objects of a kind hold others.
    pub fn is_kind(kind: &GroupKind) -> bool {
        matches!(
            (kind.group.as_str(), kind.kind.as_str()),
            ("", "Namespace") | ("apiextensions.k8s.io", "CustomResourceDefinition")
        )
    }

    /// Says whether an object with this key lives in it.
    pub fn holds(&self, key: &ObjectKey) -> bool {
        match self {
            Container::Namespace(name) => key.namespace == *name,
            Container::Definition(kind) => key.group == kind.group && key.kind == kind.kind,
        }
    }
}

/// An object that lives in a container, as far as its metadata tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainedObject {
    /// Which object.
    pub key: ObjectKey,
    /// Its UID.
    pub uid: String,
    /// The UIDs of all its owners: it is deleted with the last of them.
    pub owners: Vec<String>,
    /// The service account that it is a token of.
    pub service_account: Option<String>,
    /// The operation that made it, if one did.
    pub operation: Option<String>,
    /// Whether it is being deleted.
    pub is_terminating: bool,
}

impl ContainedObject {
    /// Makes one of an object, of which the metadata is enough.
    pub fn of(object: &Object) -> ContainedObject {
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

    /// Says whether every namespace has it, without anybody's doing.
    fn comes_by_itself(&self) -> bool {
        matches!(
            (self.key.group.as_str(), self.key.kind.as_str(), self.key.name.as_str()),
            ("", "ConfigMap", "kube-root-ca.crt" | "openshift-service-ca.crt") | ("", "ServiceAccount", "default")
        ) || is_by_product(&self.key.group_kind())
    }
}

/// Says whether the cluster makes objects of a kind for others, so that none of them counts by itself: events, the addresses of
/// Services, measurements.
pub fn is_by_product(kind: &GroupKind) -> bool {
    matches!(
        (kind.group.as_str(), kind.kind.as_str()),
        ("" | "events.k8s.io", "Event")
            | ("", "Endpoints")
            | ("discovery.k8s.io", "EndpointSlice")
            | ("metrics.k8s.io" | "custom.metrics.k8s.io", _)
    )
}

/// What lives in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contents {
    /// These objects.
    Known(Vec<ContainedObject>),
    /// It can't be seen, for this reason.
    Unknown(String),
}

/// What goes with a plan.
#[derive(Debug, Clone, Default)]
pub struct PlannedDeletions {
    /// The UIDs of what is deleted, and what becomes of what each owns.
    uids: BTreeMap<String, Propagation>,
    /// What goes with everything that is in it, since the user confirmed that.
    confirmed: BTreeSet<Container>,
    /// The operation that is to leave nothing behind: what its own hooks made goes, too.
    operation: Option<String>,
}

impl PlannedDeletions {
    /// Adds an object that is deleted.
    pub fn add(&mut self, uid: &str, propagation: Propagation) {
        self.uids.insert(uid.to_owned(), propagation);
    }

    /// Adds a container that is deleted with everything that is in it.
    pub fn add_confirmed(&mut self, container: Container) {
        self.confirmed.insert(container);
    }

    /// Lists what goes with a plan while an operation carries it out.
    pub fn of(plan: &Plan, operation: &str) -> PlannedDeletions {
        let mut leaving = PlannedDeletions {
            confirmed: plan.confirmed.clone(),
            operation: (plan.does == OperationKind::Delete).then(|| operation.to_owned()),
            ..PlannedDeletions::default()
        };
        for task in &plan.tasks {
            if let Action::Delete(delete) = &task.action {
                leaving.add(&delete.uid, delete.propagation.get());
            }
        }
        leaving
    }

    /// Says whether a container goes with everything that is in it.
    pub fn is_confirmed(&self, container: &Container) -> bool {
        self.confirmed.contains(container)
    }

    fn has(&self, resident: &ContainedObject) -> bool {
        self.uids.contains_key(&resident.uid)
            || self.confirmed.iter().any(|container| container.holds(&resident.key))
            || (self.operation.is_some() && resident.operation == self.operation)
    }

    /// Returns an object that lives in a container and would stay without it, and how many more there are.
    pub fn staying<'a>(&self, residents: &'a [ContainedObject]) -> Option<(&'a ContainedObject, usize)> {
        let going = self.going(residents);
        let mut staying = residents.iter().filter(|one| !going.contains(one.uid.as_str()));
        let first = staying.next()?;
        Some((first, staying.count()))
    }

    /// Returns what goes without its container: by itself, with the last of its owners, or with its service account.
    fn going<'a>(&self, residents: &'a [ContainedObject]) -> BTreeSet<&'a str> {
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
            if one.is_terminating || one.comes_by_itself() || self.has(one) {
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
                    // An owner that leaves its dependents behind takes none along.
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

/// Why a container stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetentionReason {
    /// This object lives in it and doesn't go, nor do so many others.
    By(ObjectKey, usize),
    /// The plan itself puts this object in it.
    ByPlan(ObjectKey),
    /// What lives in it can't be seen, for this reason.
    Unknown(String),
}

/// `ConfigMap data/one lives in it`.
impl fmt::Display for RetentionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RetentionReason::By(key, 0) => write!(f, "{key} lives in it"),
            RetentionReason::By(key, 1) => write!(f, "{key} and 1 other object live in it"),
            RetentionReason::By(key, more) => write!(f, "{key} and {more} other objects live in it"),
            RetentionReason::ByPlan(key) => write!(f, "the manifests put {key} in it"),
            RetentionReason::Unknown(reason) => write!(f, "what lives in it can't be seen: {reason}"),
        }
    }
}

/// Returns why a container may not be deleted; nothing when it may.
pub fn held(container: &Container, contents: &Contents, leaving: &PlannedDeletions) -> Option<RetentionReason> {
    if leaving.is_confirmed(container) {
        return None;
    }
    match contents {
        Contents::Unknown(reason) => Some(RetentionReason::Unknown(reason.clone())),
        Contents::Known(residents) => {
            let (first, more) = leaving.staying(residents)?;
            Some(RetentionReason::By(first.key.clone(), more))
        }
    }
}

/// Returns an object that a plan puts in a container, other than the container's own.
pub fn put_in<'a>(container: &Container, plan: &'a Plan) -> Option<&'a ObjectKey> {
    let tasks = plan.tasks.iter().filter(|task| match &task.action {
        Action::Apply(_) => true,
        Action::Hook(hook) => hook.has_object,
        Action::Delete(_) => false,
    });
    tasks.map(|task| &task.key).find(|key| container.holds(key))
}

/// Says why a container stays and what removes it all the same.
pub fn reason(key: &ObjectKey, held: &RetentionReason) -> Notice {
    let confirm = Setting::Confirm {
        object: key.short(),
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
        ContainedObject::of(&Object(json!({ "apiVersion": "v1", "kind": kind, "metadata": {
            "name": name, "namespace": "data", "uid": format!("uid-{name}"), "ownerReferences": references,
        } })))
    }

    fn first(leaving: &PlannedDeletions, residents: &[ContainedObject]) -> String {
        match leaving.staying(residents) {
            Some((one, more)) => format!("{} +{more}", one.key.short()),
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
        let expected = RetentionReason::By(residents[0].key.clone(), 0);
        assert_eq!(held(&data, &contents, &leaving), Some(expected));
        assert!(held(&data, &Contents::Unknown(String::new()), &leaving).is_some());
        leaving.add_confirmed(data.clone());
        assert_eq!(held(&data, &contents, &leaving), None);
        assert_eq!(
            held(&definition, &contents, &leaving),
            None,
            "its objects go with the namespace"
        );
    }
}
