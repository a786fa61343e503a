//! The world: a store, its controllers and its clock. One task waits for a change or for the next moment at which something is due, and
//! then runs the controllers in a fixed order until nothing changes any more.
//!
//! All waits use tokio's clock: in a paused runtime hours pass in milliseconds, and the same seed gives the same history.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::{sync::Notify, task::JoinHandle};

use crate::{
    actors::{
        self, Actions, ClusterView,
        access::{kind, namespace},
        adoption, api_service, autoscaler, daemon_set, deployment, disruption, garbage, job, network, operators,
        pod::Kubelet,
        protection, replica_set, stateful_set, status_only, ttl, volume,
    },
    exec::{ProcessRuntime, groups::ProcessGroups},
    fault_rule::{FaultRule, FaultRules},
    http_stub::{HttpRule, HttpStub},
    pods::{
        Behaviour, ClaimBehaviour, PodMode, Runtime,
        script::{BehaviourList, ScriptedRuntime},
    },
    service::SimService,
    status::StatusError,
    store::{Kind, NextChange, RestoreError, SharedStore, Store},
};

/// How often the controllers run at one moment before the world waits a little: controllers that undo each other's changes must not stop
/// time.
const MAX_ROUNDS: usize = 500;

/// The initial state and the settings of a world.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    /// The seed of all random numbers.
    pub seed: u64,
    /// The time at the start.
    pub epoch: Timestamp,
    /// How containers are run.
    pub pods: PodMode,
    /// Whether the TTL controller deletes finished Jobs.
    pub ttl_controller: bool,
    /// The behaviours of scripted containers, first match wins.
    pub behaviours: Vec<Behaviour>,
    /// The behaviours of volume claims, first match wins.
    pub claims: Vec<ClaimBehaviour>,
    /// The fault rules.
    pub fault_rules: Vec<FaultRule>,
    /// The answers of URLs outside of the cluster, first match wins.
    pub http_rules: Vec<HttpRule>,
    /// The initial objects. Their namespaces are created.
    pub objects: Vec<Value>,
    /// The name of the only node.
    pub node: String,
}

/// A running cluster. Dropping it ends it, with every process that it started.
#[derive(Debug)]
pub struct World {
    engine: WorldState,
    rules: FaultRules,
    http_stub: HttpStub,
    groups: ProcessGroups,
    refusals: Vec<StatusError>,
    task: JoinHandle<()>,
}

/// The state that the task shares with the world.
#[derive(Clone)]
struct WorldState {
    shared: SharedStore,
    kubelet: Arc<Mutex<Kubelet>>,
    settings: Arc<Settings>,
    /// Notified when a process writes output or ends.
    notify: Arc<Notify>,
}

struct Settings {
    node: String,
    claims: Vec<ClaimBehaviour>,
    ttl_controller: bool,
}

type Controller = fn(&ClusterView<'_>) -> Actions;

/// The controllers in the order in which they run, without the kubelet and the garbage collector.
const ACTORS: [Controller; 14] = [
    adoption::reconcile,
    autoscaler::reconcile,
    deployment::reconcile,
    replica_set::reconcile,
    stateful_set::reconcile,
    daemon_set::reconcile,
    job::reconcile,
    volume::reconcile,
    protection::reconcile,
    network::reconcile,
    api_service::reconcile,
    disruption::reconcile,
    status_only::reconcile,
    operators::reconcile,
];

impl Default for Setup {
    fn default() -> Self {
        Self {
            seed: 0,
            // 2026-01-01T00:00:00Z
            epoch: Timestamp::constant(1_767_225_600, 0),
            pods: PodMode::Scripted,
            ttl_controller: true,
            behaviours: Vec::new(),
            claims: Vec::new(),
            fault_rules: Vec::new(),
            http_rules: Vec::new(),
            objects: Vec::new(),
            node: "sim-node".into(),
        }
    }
}

impl World {
    /// Starts a world. Must be called in a tokio runtime.
    pub fn start(setup: Setup) -> Self {
        let store = Store::new(setup.seed, setup.epoch);
        Self::run(store, None, setup)
    }

    /// Starts a world from a saved one; the setup's objects are not created again.
    pub fn restore(mut setup: Setup, mut saved: Value) -> Result<Self, RestoreError> {
        let mut take = |part: &str| saved.get_mut(part).map(Value::take).unwrap_or_default();
        let (store, kubelet) = (take("store"), take("kubelet"));
        setup.objects.clear();
        Ok(Self::run(Store::restore(store)?, Some(&kubelet), setup))
    }

    fn run(mut store: Store, saved: Option<&Value>, setup: Setup) -> Self {
        let refusals = if saved.is_none() {
            create_initial_objects(&mut store, &setup)
        } else {
            Vec::new()
        };
        let bell = Arc::new(Notify::new());
        let groups = ProcessGroups::default();
        let runtime: Box<dyn Runtime> = match setup.pods {
            PodMode::Scripted => Box::new(ScriptedRuntime::new(BehaviourList::new(setup.behaviours), 1)),
            PodMode::Exec => Box::new(ProcessRuntime::new(groups.clone(), bell.clone())),
        };
        let mut kubelet = Kubelet::new(runtime);
        if let Some(saved) = saved {
            kubelet.restore(saved);
        }
        let engine = WorldState {
            shared: SharedStore::new(store),
            kubelet: Arc::new(Mutex::new(kubelet)),
            settings: Arc::new(Settings {
                node: setup.node,
                claims: setup.claims,
                ttl_controller: setup.ttl_controller,
            }),
            notify: bell,
        };
        let task = tokio::spawn(engine.clone().run());
        Self {
            rules: FaultRules::new(setup.seed, setup.fault_rules),
            http_stub: HttpStub::new(setup.http_rules),
            engine,
            groups,
            refusals,
            task,
        }
    }

    /// Returns the API server, with the faults.
    pub fn service(&self) -> SimService {
        SimService::new(self.engine.shared.clone()).with_intercept(Arc::new(self.rules.clone()))
    }

    /// Returns the HTTP servers outside of the cluster.
    pub fn http_stub(&self) -> HttpStub {
        self.http_stub.clone()
    }

    /// Returns the store, without the API server and its faults.
    pub fn shared(&self) -> &SharedStore {
        &self.engine.shared
    }

    /// Returns the time in the cluster.
    pub fn now(&self) -> Timestamp {
        self.engine.shared.lock().now()
    }

    /// Returns one object; the namespace of cluster-scoped kinds is empty.
    pub fn object(&self, kind: &Kind, namespace: &str, name: &str) -> Option<Value> {
        self.engine.shared.lock().get(kind, namespace, name).cloned()
    }

    /// Returns the objects of a kind, sorted by namespace and name.
    pub fn objects(&self, kind: &Kind) -> Vec<Value> {
        self.engine.shared.lock().list(kind).into_iter().cloned().collect()
    }

    /// Returns the fault rules, to which more can be added.
    pub fn rules(&self) -> &FaultRules {
        &self.rules
    }

    /// Returns the errors about initial objects that couldn't be created.
    pub fn refusals(&self) -> &[StatusError] {
        &self.refusals
    }

    /// Runs everything that is due now, without waiting for the world's own task.
    pub fn run_due(&self) {
        self.engine.run_due();
    }

    /// Returns the state of the cluster, for [`World::restore`], after running everything that is due now.
    pub fn save(&self) -> Value {
        self.engine.run_due();
        let store = self.engine.shared.lock();
        let kubelet = self.engine.kubelet();
        json!({"store": store.save(), "kubelet": kubelet.save()})
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.groups.close();
        self.task.abort();
    }
}

impl std::fmt::Debug for WorldState {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl WorldState {
    async fn run(self) {
        loop {
            let rung = self.notify.notified();
            let (due, changed) = self.run_due();
            let wait = due.map_or(Duration::MAX, |due| {
                let now = self.shared.lock().now();
                // A moment that has passed is over; checking again at the next tick of the clock avoids a loop.
                Duration::try_from(due.duration_since(now))
                    .unwrap_or_default()
                    .max(Duration::from_millis(1))
            });
            tokio::select! {
                biased;
                () = changed => {}
                () = rung => {}
                () = tokio::time::sleep(wait), if due.is_some() => {}
            }
        }
    }

    fn kubelet(&self) -> MutexGuard<'_, Kubelet> {
        self.kubelet.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs the controllers until nothing changes. Returns the next moment at which something is due, and the next change.
    fn run_due(&self) -> (Option<Timestamp>, NextChange) {
        let mut store = self.shared.lock();
        let mut kubelet = self.kubelet();
        let mut due = None;
        for _ in 0..MAX_ROUNDS {
            let changed;
            (changed, due) = self.run_actors(&mut store, &mut kubelet);
            if !changed {
                return (due, self.shared.changed());
            }
        }
        let pause = actors::access::plus_seconds(store.now(), 1);
        (
            Some(due.map_or(pause, |due: Timestamp| due.max(pause))),
            self.shared.changed(),
        )
    }

    /// Runs each controller once. Returns whether anything changed.
    fn run_actors(&self, store: &mut Store, kubelet: &mut Kubelet) -> (bool, Option<Timestamp>) {
        let mut changed = false;
        let mut due: Option<Timestamp> = None;
        let mut take = |store: &mut Store, turn: Actions| {
            for change in turn.changes {
                changed |= actors::apply(store, change);
            }
            due = [due, turn.wake_at].into_iter().flatten().min();
        };
        if self.settings.ttl_controller {
            let turn = ttl::reconcile(&self.view(store));
            take(store, turn);
        }
        for actor in ACTORS {
            let turn = actor(&self.view(store));
            take(store, turn);
        }
        let turn = kubelet.reconcile(&self.view(store));
        take(store, turn);
        let turn = garbage::reconcile(&self.view(store));
        take(store, turn);
        (changed, due)
    }

    fn view<'a>(&'a self, store: &'a Store) -> ClusterView<'a> {
        ClusterView {
            store,
            now: store.now(),
            node: &self.settings.node,
            claims: &self.settings.claims,
        }
    }
}

/// Creates the node and the initial objects. Returns the errors.
fn create_initial_objects(store: &mut Store, setup: &Setup) -> Vec<StatusError> {
    let mut refusals = Vec::new();
    let node = json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": setup.node, "labels": {"kubernetes.io/hostname": setup.node, "kubernetes.io/os": "linux"}},
        "spec": {},
    });
    refusals.extend(store.create(node).err());
    let now = store.now_text();
    let resources = json!({"cpu": "16", "memory": "64Gi", "ephemeral-storage": "256Gi", "pods": "1000"});
    let ready = json!({
        "conditions": [{
            "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status",
            "lastHeartbeatTime": now, "lastTransitionTime": now,
        }],
        "addresses": [
            {"type": "InternalIP", "address": "172.18.0.2"}, {"type": "Hostname", "address": setup.node},
        ],
        "capacity": resources,
        "allocatable": resources,
        "nodeInfo": {
            "architecture": "simulated", "bootID": "", "containerRuntimeVersion": "capstan-sim://1.36.0",
            "kernelVersion": "simulated", "kubeProxyVersion": "", "kubeletVersion": "v1.36.0-capstan-sim",
            "machineID": "", "operatingSystem": "linux", "osImage": "the embedded cluster of Capstan", "systemUUID": "",
        },
    });
    refusals.extend(store.update_status(&kind("", "Node"), "", &setup.node, ready).err());
    for object in &setup.objects {
        let space = namespace(object);
        if !space.is_empty() && store.get(&kind("", "Namespace"), "", space).is_none() {
            let made = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}});
            refusals.extend(store.create(made).err());
        }
        match store.create(object.clone()) {
            Ok(made) => {
                // An initial status is part of the scenario, though the API server would ignore it in a creation.
                if let (Some(status), Some(kind)) = (object.get("status"), Kind::of(&made)) {
                    let title = actors::access::name(&made).to_owned();
                    refusals.extend(
                        store
                            .update_status(&kind, namespace(&made), &title, status.clone())
                            .err(),
                    );
                }
            }
            Err(refusal) => refusals.push(refusal),
        }
    }
    refusals
}
