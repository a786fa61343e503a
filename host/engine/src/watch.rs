//! Watches the objects that an operation waits for, one watch for each kind and namespace, and assesses their health.
//!
//! Everything that the operation created has the application's label, so watches select by that label. An object without it (which
//! existed before and is being deleted) is watched by its name.

mod pods;
mod watcher;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use capstan_core::{
    kubernetes::observed_object::ObservedState,
    model::{
        compat::Mode,
        health::Assessment,
        object::{GroupKind, Object, ObjectKey},
        plugins::{Application, PluginRef},
    },
    plan::{Plan, task::TaskId},
};
use kube::{core::DynamicObject, runtime::watcher::Config};
use serde_json::json;
use tokio::task::JoinHandle;

use self::watcher::{Follower, Watcher};
use crate::{backoff::Backoff, cluster::Cluster, health_assessor::HealthAssessor, inbox::Inbox, queue};

/// How long a watch lasts before it is begun again: one that has gone silent is noticed so soon.
const WATCH_FOR_SECONDS: u32 = 20;

/// The pauses before a watch that failed is tried again.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(20));

/// Returns the configuration of all watches.
pub(crate) fn watch_config() -> Config {
    Config::default().timeout(WATCH_FOR_SECONDS)
}

/// Makes an object from kube's form of it. The items of a list don't have a kind of their own.
pub(crate) fn to_object(seen: &DynamicObject, kind: &GroupKind, api_version: &str) -> Object {
    let mut value = serde_json::to_value(seen).unwrap_or_default();
    value["apiVersion"] = json!(api_version);
    value["kind"] = json!(kind.kind);
    Object(value)
}

/// The objects with their assessments, as they were last seen. Hook types are shown these.
pub(crate) type ObjectCache = Arc<Mutex<BTreeMap<ObjectKey, (Object, Assessment)>>>;

/// All watches of an operation.
pub(crate) struct Watches {
    shared: Arc<Shared>,
    watches: BTreeMap<(GroupKind, String), Watch>,
    /// The kinds and namespaces in which more than one wave waits for objects.
    multi_wave: BTreeSet<(GroupKind, String)>,
}

struct Shared {
    cluster: Cluster,
    health_assessor: Arc<HealthAssessor>,
    application: Application,
    mode: Mode,
    object_cache: ObjectCache,
    inbox: Inbox,
}

/// A watch that is running.
struct Watch {
    commands: queue::Sender<FollowKey, WatchCommand>,
    followed: BTreeSet<FollowKey>,
    task: JoinHandle<()>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A task and an object that it follows.
type FollowKey = (TaskId, ObjectKey);

/// A change to what is followed. Only the last one counts: following again right after unfollowing changes nothing.
enum WatchCommand {
    Follow(Follower),
    Unfollow,
}

impl Watches {
    pub fn new(cluster: &Cluster, health_assessor: &Arc<HealthAssessor>, plan: &Plan, inbox: Inbox) -> Watches {
        Watches {
            shared: Arc::new(Shared {
                cluster: cluster.clone(),
                health_assessor: Arc::clone(health_assessor),
                application: plan.application.clone(),
                mode: plan.mode,
                object_cache: ObjectCache::default(),
                inbox,
            }),
            watches: BTreeMap::new(),
            multi_wave: multi_wave_places(plan),
        }
    }

    /// Returns the objects as they were last seen.
    pub fn object_cache(&self) -> ObjectCache {
        Arc::clone(&self.shared.object_cache)
    }

    /// Reports the state of an object for a task, now and whenever it changes.
    pub fn follow(&mut self, task: TaskId, key: ObjectKey, health_assessor: Option<PluginRef>) {
        let place = (key.group_kind(), key.namespace.clone());
        let watch = self.watches.entry(place.clone()).or_insert_with(|| {
            let (orders, taken) = queue::keyed_channel();
            let watcher = Watcher::new(Arc::clone(&self.shared), place, taken);
            Watch {
                commands: orders,
                followed: BTreeSet::new(),
                task: tokio::spawn(watcher.run()),
            }
        });
        watch.followed.insert((task.clone(), key.clone()));
        let follower = Follower {
            task,
            health_plugin: health_assessor,
        };
        watch
            .commands
            .send((follower.task.clone(), key), WatchCommand::Follow(follower));
    }

    /// Stops following an object for a task. A watch without followed objects ends.
    pub fn unfollow(&mut self, task: TaskId, key: ObjectKey) {
        let place = (key.group_kind(), key.namespace.clone());
        let Some(watch) = self.watches.get_mut(&place) else {
            return;
        };
        watch.followed.remove(&(task.clone(), key.clone()));
        // A watch that later waves need is kept.
        if watch.followed.is_empty() && !self.multi_wave.contains(&place) {
            self.watches.remove(&place);
        } else {
            watch.commands.send((task, key), WatchCommand::Unfollow);
        }
    }
}

/// Lists the kinds and namespaces in which more than one wave waits for objects.
fn multi_wave_places(plan: &Plan) -> BTreeSet<(GroupKind, String)> {
    let mut waves: BTreeMap<(GroupKind, String), BTreeSet<_>> = BTreeMap::new();
    for task in &plan.tasks {
        let place = (task.key.group_kind(), task.key.namespace.clone());
        waves.entry(place).or_default().insert((task.phase, task.wave));
    }
    waves.retain(|_, waves| waves.len() > 1);
    waves.into_keys().collect()
}

impl Shared {
    fn observed(&self, follower: &Follower, key: &ObjectKey, fact: ObservedState) {
        self.inbox.push_observation(follower.task.clone(), key.clone(), fact);
    }
}
