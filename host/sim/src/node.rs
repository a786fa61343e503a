//! A node for the pods of another API server, which behave by the same rules as in the embedded cluster.
//!
//! ```text
//!   see, see_all, miss ──▶ Node ──▶ act: orders for the API server, and when to act again
//!                            └────▶ logs: what its kubelet answers when asked for the lines of a container
//! ```
//! It is told the objects of the API server: the pods that are bound to it, and the `ConfigMap`s and Secrets that they refer to. It reads
//! tokio's clock, and has no task and no connection of its own: `capstan-cluster` has those.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

pub use self::logs::LogService;
use crate::{
    actors::{
        Action, ClusterView,
        access::{name, namespace, text, uid},
        pod::{Kubelet, dependencies},
        template::is_terminal,
    },
    pods::{
        Behaviour,
        script::{BehaviourList, ScriptedRuntime},
    },
    store::{Kind, SharedStore, Store},
};

mod logs;

/// How often the kubelet runs at one moment before it waits a little.
const MAX_ROUNDS: usize = 100;

/// A node whose containers are scripted.
pub struct Node {
    name: String,
    shared: SharedStore,
    kubelet: Kubelet,
    script: Script,
}

/// The behaviour of a node's containers, which may be changed while it runs. A container keeps the behaviour that it started with.
#[derive(Clone, Debug, Default)]
pub struct Script(BehaviourList);

/// A request for the API server.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeAction {
    /// The status of a pod, with everything that a kubelet sets. Conditions of others have to be kept.
    Status(PodId, Value),
    /// A pod has ended and is to be removed: delete it without a grace period.
    Remove(PodId),
    /// A container creates this object: create it, unless it exists.
    Create(Value),
}

/// Identifies one pod, not another one of the same name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PodId {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub name: String,
    /// The pod's UID.
    pub uid: String,
}

/// The result of one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeStep {
    /// The requests, in order for each pod.
    pub actions: Vec<NodeAction>,
    /// After how long to run again, even without a change.
    pub next_after: Option<Duration>,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Node")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Node {
    /// Makes a node of this name whose clock shows `now`. Every duration of a behaviour is divided by `pace`.
    pub fn new(name: &str, now: Timestamp, pace: u32) -> Self {
        let script = Script::default();
        Self {
            name: name.to_owned(),
            shared: SharedStore::new(Store::new(0, now)),
            kubelet: Kubelet::new(Box::new(ScriptedRuntime::new(script.0.clone(), pace))),
            script,
        }
    }

    /// Returns the behaviour of its containers.
    pub fn script(&self) -> Script {
        self.script.clone()
    }

    /// Returns the service for its containers' logs.
    pub fn logs(&self) -> LogService {
        LogService::new(self.shared.clone())
    }

    /// Adds or replaces an object. The status of a known pod stays the node's own.
    pub fn upsert(&mut self, mut object: Value) {
        let mut store = self.shared.lock();
        if let Some(known) = Kind::of(&object)
            .filter(is_pod)
            .and_then(|kind| store.get(&kind, namespace(&object), name(&object)))
            && uid(known) == uid(&object)
            && (is_terminal(known) || !is_terminal(&object))
            && let Some(status) = known.get("status")
        {
            object["status"] = status.clone();
        }
        store.mirror(object);
    }

    /// Replaces all objects of a kind: those that aren't given are removed.
    pub fn replace_all(&mut self, kind: &Kind, objects: Vec<Value>) {
        let mut store = self.shared.lock();
        let gone: Vec<(String, String)> = store
            .list(kind)
            .into_iter()
            .filter(|known| !objects.iter().any(|object| is_same(known, object)))
            .map(|known| (namespace(known).to_owned(), name(known).to_owned()))
            .collect();
        for (namespace, name) in gone {
            store.unmirror(kind, &namespace, &name);
        }
        drop(store);
        for object in objects {
            self.upsert(object);
        }
    }

    /// Makes the node forget an object that was deleted.
    pub fn remove(&mut self, object: &Value) {
        if let Some(kind) = Kind::of(object) {
            self.shared.lock().unmirror(&kind, namespace(object), name(object));
        }
    }

    /// Lists the objects that a pod refers to and that the node doesn't know: a pod may be received before its ConfigMap.
    pub fn missing_references(&self, pod: &Value) -> Vec<(Kind, String)> {
        let store = self.shared.lock();
        dependencies::referenced_objects(pod)
            .into_iter()
            .map(|(kind, name)| (Kind::new("", kind), name))
            .filter(|(kind, name)| store.get(kind, namespace(pod), name).is_none())
            .collect()
    }

    /// Runs everything that is due now.
    pub fn step(&mut self) -> NodeStep {
        let mut store = self.shared.lock();
        let mut acts = NodeStep::default();
        for _ in 0..MAX_ROUNDS {
            let sight = ClusterView {
                store: &store,
                now: store.now(),
                node: &self.name,
                claims: &[],
            };
            let turn = self.kubelet.reconcile(&sight);
            let wait = |due: Timestamp| Duration::try_from(due.duration_since(sight.now)).unwrap_or_default();
            // A moment that has passed is over; waking a millisecond late is better than a loop.
            acts.next_after = turn.wake_at.map(|due| wait(due).max(Duration::from_millis(1)));
            if turn.changes.is_empty() {
                return acts;
            }
            for change in turn.changes {
                acts.actions.extend(apply_to_mirror(&mut store, change));
            }
        }
        acts.next_after = Some(Duration::from_secs(1));
        acts
    }
}

impl Script {
    /// Sets the behaviours of containers in a namespace, first match wins. Other namespaces stay as they are.
    pub fn set(&self, namespace: &str, mut behaviours: Vec<Behaviour>) {
        self.forget(namespace);
        for behaviour in &mut behaviours {
            behaviour.matches.namespace = Some(namespace.to_owned());
        }
        self.0.lock().splice(0..0, behaviours);
    }

    /// Sets the behaviours of containers without a matching one in their namespace.
    pub fn set_default(&self, behaviours: Vec<Behaviour>) {
        let mut book = self.0.lock();
        book.retain(|known| known.matches.namespace.is_some());
        book.extend(behaviours);
    }

    /// Removes the behaviours of containers in a namespace.
    pub fn forget(&self, namespace: &str) {
        self.0
            .lock()
            .retain(|known| known.matches.namespace.as_deref() != Some(namespace));
    }
}

/// Makes the requested change in the local copy, so that the kubelet need not wait for the API server.
fn apply_to_mirror(store: &mut Store, change: Action) -> Option<NodeAction> {
    match change {
        Action::Status(pod, status) => {
            let meant = PodId::of(&pod);
            let status = Value::Object(status);
            let mut pod = pod;
            pod["status"] = status.clone();
            store.mirror(pod);
            Some(NodeAction::Status(meant, status))
        }
        Action::Delete(pod, _) => {
            let mut known = store.get(&Kind::new("", "Pod"), namespace(&pod), name(&pod))?.clone();
            // It is removed when the API server says so: until then that isn't requested again.
            known["metadata"]["deletionGracePeriodSeconds"] = json!(0);
            store.mirror(known);
            Some(NodeAction::Remove(PodId::of(&pod)))
        }
        Action::Log(namespace, pod, container, line) => {
            store.log_append(&namespace, &pod, &container, &line);
            None
        }
        Action::RestartLog(namespace, pod, container) => {
            store.log_restart(&namespace, &pod, &container);
            None
        }
        // Scheduling, the only update by a kubelet of the embedded cluster: these pods are scheduled already.
        // An object that a container creates; a kubelet creates nothing of its own.
        Action::Create(object) => Some(NodeAction::Create(object)),
        Action::Update(_) | Action::Scale(_) | Action::RemoveFinalizer(..) => None,
    }
}

impl PodId {
    fn of(pod: &Value) -> Self {
        Self {
            namespace: namespace(pod).to_owned(),
            name: name(pod).to_owned(),
            uid: uid(pod).to_owned(),
        }
    }
}

fn is_pod(kind: &Kind) -> bool {
    *kind == Kind::new("", "Pod")
}

fn is_same(one: &Value, other: &Value) -> bool {
    let place = |object| (text(object, "/metadata/namespace"), text(object, "/metadata/name"));
    place(one) == place(other)
}
