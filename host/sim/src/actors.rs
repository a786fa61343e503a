//! The simulated controllers. Each is a pure function: it reads the store at one moment and returns the changes that it wants, and when
//! it wants to run again without a change. The world applies the changes, in a fixed order.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{
    pods::ClaimBehaviour,
    store::{Deletion, Kind, Propagation, Store, Writer},
};
use access::{kind, name, namespace, text};

pub(crate) mod access;
pub(crate) mod adoption;
pub(crate) mod api_service;
pub(crate) mod autoscaler;
pub(crate) mod condition;
pub(crate) mod daemon_set;
pub(crate) mod deployment;
pub(crate) mod disruption;
pub(crate) mod garbage;
pub(crate) mod job;
pub(crate) mod network;
pub(crate) mod operators;
pub(crate) mod pod;
pub(crate) mod protection;
pub(crate) mod replica_set;
pub(crate) mod stateful_set;
pub(crate) mod status_only;
pub(crate) mod template;
pub(crate) mod ttl;
pub(crate) mod volume;

/// What a controller reads: the objects, the time and the settings of the world.
#[derive(Clone, Copy)]
pub(crate) struct ClusterView<'a> {
    pub store: &'a Store,
    pub now: Timestamp,
    /// The name of the only node.
    pub node: &'a str,
    /// How volume claims behave, first match wins.
    pub claims: &'a [ClaimBehaviour],
}

/// A change that a controller wants.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// A new object.
    Create(Value),
    /// An object with other metadata or spec.
    Update(Value),
    /// A new status for an object.
    Status(Value, Map<String, Value>),
    /// An object with another number of replicas, written through its scale subresource.
    Scale(Value),
    /// An object gone, or on its way.
    Delete(Value, Deletion),
    /// Removes a finalizer from an object.
    RemoveFinalizer(Value, &'static str),
    /// A line in a container's log: namespace, pod, container, line.
    Log(String, String, String, String),
    /// A container that restarts, and its log with it: namespace, pod, container.
    RestartLog(String, String, String),
}

/// The result of one run of a controller.
#[derive(Debug, Default)]
pub(crate) struct Actions {
    pub changes: Vec<Action>,
    pub wake_at: Option<Timestamp>,
}

impl Actions {
    /// Requests another run at this time at the latest.
    pub fn wake_by(&mut self, at: Timestamp) {
        self.wake_at = Some(self.wake_at.map_or(at, |due| due.min(at)));
    }

    pub fn create(&mut self, object: Value) {
        self.changes.push(Action::Create(object));
    }

    pub fn update(&mut self, object: Value) {
        self.changes.push(Action::Update(object));
    }

    /// Adds a new status, if it differs from the object's.
    pub fn status(&mut self, object: &Value, status: Map<String, Value>) {
        if object.get("status").and_then(Value::as_object) != Some(&status) {
            self.changes.push(Action::Status(object.clone(), status));
        }
    }

    /// Adds the deletion of this object, by its UID.
    pub fn delete(&mut self, object: &Value, propagation: Propagation, grace: Option<i64>) {
        let how = Deletion {
            propagation: Some(propagation),
            uid: Some(access::uid(object).to_owned()),
            resource_version: None,
            grace_seconds: grace,
        };
        self.changes.push(Action::Delete(object.clone(), how));
    }

    pub fn remove_finalizer(&mut self, object: &Value, finalizer: &'static str) {
        self.changes.push(Action::RemoveFinalizer(object.clone(), finalizer));
    }
}

impl<'a> ClusterView<'a> {
    pub fn list(&self, group: &str, kind_name: &str) -> Vec<&'a Value> {
        self.store.list(&kind(group, kind_name))
    }

    pub fn get(&self, group: &str, kind_name: &str, namespace: &str, name: &str) -> Option<&'a Value> {
        self.store.get(&kind(group, kind_name), namespace, name)
    }

    /// Returns the objects of a kind that this owner controls.
    pub fn controlled(&self, group: &str, kind_name: &str, owner: &Value) -> Vec<&'a Value> {
        let mut found = self.list(group, kind_name);
        found.retain(|object| {
            namespace(object) == namespace(owner) && access::is_controlled_by(object, access::uid(owner))
        });
        found
    }
}

/// Returns the kind in an object's `apiVersion` and `kind`.
pub(crate) fn kind_of(object: &Value) -> Kind {
    let group = text(object, "/apiVersion")
        .split_once('/')
        .map_or("", |(group, _)| group);
    kind(group, text(object, "/kind"))
}

/// Makes one change. Returns whether anything changed: a refused change changes nothing.
pub(crate) fn apply(store: &mut Store, change: Action) -> bool {
    match change {
        Action::Create(object) => store.create(object).is_ok(),
        Action::Update(mut object) => {
            let (key, space, title) = (
                kind_of(&object),
                namespace(&object).to_owned(),
                name(&object).to_owned(),
            );
            // The controller read the newest object, and both of two changes to one object have to be made.
            access::clear_resource_version(&mut object);
            let before = resource_version(store, &key, &space, &title);
            store.update(object).is_ok() && resource_version(store, &key, &space, &title) != before
        }
        Action::Scale(object) => {
            let writer = Writer {
                subresource: Some("scale".into()),
                ..Writer::controller()
            };
            store.update_as(object, &writer).is_ok()
        }
        Action::Status(object, status) => {
            let (key, space, title) = (kind_of(&object), namespace(&object), name(&object));
            let before = resource_version(store, &key, space, title);
            let done = store.update_status(&key, space, title, Value::Object(status)).is_ok();
            done && resource_version(store, &key, space, title) != before
        }
        Action::Delete(object, how) => {
            let (key, space, title) = (kind_of(&object), namespace(&object), name(&object));
            let before = resource_version(store, &key, space, title);
            store.delete(&key, space, title, how).is_ok() && resource_version(store, &key, space, title) != before
        }
        Action::RemoveFinalizer(object, finalizer) => {
            let (key, space, title) = (kind_of(&object), namespace(&object), name(&object));
            let before = resource_version(store, &key, space, title);
            store.remove_finalizer(&key, space, title, finalizer).is_ok()
                && resource_version(store, &key, space, title) != before
        }
        Action::Log(space, pod, container, line) => {
            store.log_append(&space, &pod, &container, &line);
            true
        }
        Action::RestartLog(space, pod, container) => {
            store.log_restart(&space, &pod, &container);
            true
        }
    }
}

fn resource_version(store: &Store, kind: &Kind, namespace: &str, name: &str) -> Option<String> {
    let object = store.get(kind, namespace, name)?;
    Some(text(object, "/metadata/resourceVersion").to_owned())
}
