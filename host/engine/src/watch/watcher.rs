//! Watches the objects of one kind in one namespace.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, PoisonError},
    time::Duration,
};

use capstan_core::{
    kubernetes::{
        finalizer,
        observed_object::{ObservedObject, ObservedState},
        ownership,
    },
    model::{
        compat::Rule,
        health::Health,
        name::field_selector,
        object::{GroupKind, Object, ObjectKey},
        plugins::PluginRef,
        related,
    },
    plan::task::TaskId,
};
use futures::StreamExt as _;
use kube::{
    core::DynamicObject,
    runtime::watcher::{self, Event},
};
use tokio::{sync::mpsc, time::Instant};

use super::{
    BACKOFF, FollowKey, Shared, WatchCommand,
    pods::{PodSummary, PodWatch, assess_pod},
    to_object, watch_config,
};
use crate::{backoff::Backoff, cluster::WatchStream, owned_pods, queue};

/// How soon the pods of a deleted object that waits for them are read again, in milliseconds.
const OWNED_PODS_RECHECK_MILLIS: u64 = 5_000;

/// How often in a row a watch fails before that is reported.
const REPORT_AFTER_FAILURES: u32 = 3;

/// How many observations of workloads' pods wait for the watcher; a sender with another one waits.
const MAX_POD_UPDATES: usize = 64;

/// An object that couldn't be read is read once more after this time, also if its renewed watch reports nothing wrong.
const MAX_UNREAD_WATCH_AGE: Duration = Duration::from_mins(1);

/// The retries of an object that couldn't be read or watched.
struct UnreadObject {
    /// When it is read again.
    retry_at: Instant,
    backoff: Backoff,
}

/// A task that follows an object.
pub(super) struct Follower {
    pub task: TaskId,
    pub health_plugin: Option<PluginRef>,
}

/// Follows the objects of one kind in one namespace.
pub(super) struct Watcher {
    shared: Arc<Shared>,
    kind: GroupKind,
    namespace: String,
    commands: queue::Receiver<FollowKey, WatchCommand>,
    followers: BTreeMap<ObjectKey, Vec<Follower>>,
    live: BTreeMap<ObjectKey, Object>,
    /// The objects of a list that is being received.
    listed: BTreeSet<ObjectKey>,
    /// Whether the first list is complete.
    is_ready: bool,
    /// Objects without the application's label, which have watches of their own.
    unlabelled: BTreeMap<ObjectKey, WatchStream>,
    recheck_at: BTreeMap<ObjectKey, Instant>,
    /// Objects that couldn't be read or watched.
    unread: BTreeMap<ObjectKey, UnreadObject>,
    /// The pods of workloads that aren't healthy.
    pods: BTreeMap<ObjectKey, PodWatch>,
    pod_updates: (mpsc::Sender<PodSummary>, mpsc::Receiver<PodSummary>),
}

impl Watcher {
    pub fn new(
        shared: Arc<Shared>,
        (kind, namespace): (GroupKind, String),
        orders: queue::Receiver<FollowKey, WatchCommand>,
    ) -> Watcher {
        Watcher {
            shared,
            kind,
            namespace,
            commands: orders,
            followers: BTreeMap::new(),
            live: BTreeMap::new(),
            listed: BTreeSet::new(),
            is_ready: false,
            unlabelled: BTreeMap::new(),
            recheck_at: BTreeMap::new(),
            unread: BTreeMap::new(),
            pods: BTreeMap::new(),
            pod_updates: mpsc::channel(MAX_POD_UPDATES),
        }
    }

    fn open_watch(&self, config: watcher::Config) -> Option<WatchStream> {
        self.shared.cluster.watch(&self.kind, &self.namespace, config).ok()
    }

    pub async fn run(mut self) {
        let label = ownership::watch_label_selector(&self.shared.application, &self.namespace);
        let Some(mut stream) = self.open_watch(watch_config().labels(&label)) else {
            let kind = &self.kind;
            let message = format!("the cluster doesn't serve {kind} any more; the state of its objects is unknown");
            self.shared.inbox.push_problem(message);
            return;
        };
        let mut backoff = BACKOFF;
        let mut resting: Option<Instant> = None;
        loop {
            let rest = resting.unwrap_or_else(Instant::now);
            let looks = self.unread.values().map(|unread| unread.retry_at);
            let recheck = self.recheck_at.values().copied().chain(looks).min();
            tokio::select! {
                biased;
                order = self.commands.recv() => match order {
                    Some(((_, key), WatchCommand::Follow(follower))) => self.follow(key, follower).await,
                    Some(((task, key), WatchCommand::Unfollow)) => self.unfollow(&task, &key),
                    None => return,
                },
                () = tokio::time::sleep_until(rest), if resting.is_some() => resting = None,
                seen = stream.next(), if resting.is_none() => match seen {
                    Some(Ok(event)) => {
                        backoff.succeeded();
                        self.handle_event(event).await;
                    }
                    Some(Err(error)) => {
                        resting = Some(Instant::now() + backoff.failed());
                        if backoff.failures() == REPORT_AFTER_FAILURES {
                            let message = format!("{} can't be watched, trying on: {error}", self.kind);
                            self.shared.inbox.push_problem(message);
                        }
                    }
                    None => return,
                },
                Some((key, seen)) = self.pod_updates.1.recv() => {
                    if let Some(pods) = self.pods.get_mut(&key) {
                        pods.update(seen);
                        self.publish(&key).await;
                    }
                }
                (key, event) = next_unlabelled_event(&mut self.unlabelled) => self.handle_unlabelled_event(key, event).await,
                () = tokio::time::sleep_until(recheck.unwrap_or_else(Instant::now)), if recheck.is_some() => {
                    let now = Instant::now();
                    let due: Vec<ObjectKey> =
                        self.recheck_at.iter().filter(|(_, at)| **at <= now).map(|(key, _)| key.clone()).collect();
                    for key in due {
                        self.recheck_at.remove(&key);
                        self.publish(&key).await;
                    }
                    self.retry_reads(now).await;
                }
            }
        }
    }

    async fn follow(&mut self, key: ObjectKey, follower: Follower) {
        let followers = self.followers.entry(key.clone()).or_default();
        followers.retain(|known| known.task != follower.task);
        followers.push(follower);
        if self.is_ready {
            self.observe(&key).await;
        }
    }

    fn unfollow(&mut self, task: &TaskId, key: &ObjectKey) {
        if let Some(followers) = self.followers.get_mut(key) {
            followers.retain(|follower| follower.task != *task);
            if followers.is_empty() {
                self.followers.remove(key);
                self.unlabelled.remove(key);
                self.recheck_at.remove(key);
                self.unread.remove(key);
                self.pods.remove(key);
            }
        }
    }

    /// Reports the state of an object that a task has just begun to follow. One that the watch doesn't have is read: it may be too new,
    /// without the label, or gone.
    async fn observe(&mut self, key: &ObjectKey) {
        if self.live.contains_key(key) {
            return self.publish(key).await;
        }
        match self.shared.cluster.get(key).await {
            Ok(Some(object)) => {
                let has_label = ownership::is_watched(&object, &self.shared.application);
                if !has_label && !self.unlabelled.contains_key(key) {
                    let config = watch_config().fields(&field_selector(&key.name));
                    if let Some(stream) = self.open_watch(config) {
                        self.unlabelled.insert(key.clone(), stream);
                    }
                }
                if has_label {
                    self.unread.remove(key);
                }
                self.live.insert(key.clone(), object);
                self.publish(key).await;
            }
            Ok(None) => {
                self.unread.remove(key);
                self.publish(key).await;
            }
            Err(error) => {
                let message = format!("{key} can't be read: {error}");
                self.shared.inbox.push_problem(message);
                self.schedule_read(key);
            }
        }
    }

    /// Schedules another read of an object.
    fn schedule_read(&mut self, key: &ObjectKey) {
        let unread = self.unread.entry(key.clone()).or_insert_with(|| UnreadObject {
            retry_at: Instant::now(),
            backoff: BACKOFF,
        });
        unread.retry_at = Instant::now() + unread.backoff.failed();
    }

    /// Reads the objects whose pause is over.
    async fn retry_reads(&mut self, now: Instant) {
        let due: Vec<ObjectKey> = self
            .unread
            .iter()
            .filter(|(_, unread)| unread.retry_at <= now)
            .map(|(key, _)| key.clone())
            .collect();
        for key in due {
            // If this fails, it is scheduled again; else the entry is kept for the next failure of its watch.
            if let Some(unread) = self.unread.get_mut(&key) {
                unread.retry_at = now + MAX_UNREAD_WATCH_AGE;
            }
            self.live.remove(&key);
            self.observe(&key).await;
        }
    }

    async fn handle_event(&mut self, event: Event<DynamicObject>) {
        match event {
            Event::Init => self.listed.clear(),
            Event::InitApply(seen) => {
                let key = self.update_live(&seen);
                self.listed.insert(key);
            }
            Event::InitDone => {
                self.is_ready = true;
                let (listed, unlabelled_watches) = (&self.listed, &self.unlabelled);
                self.live
                    .retain(|key, _| listed.contains(key) || unlabelled_watches.contains_key(key));
                for key in self.followers.keys().cloned().collect::<Vec<_>>() {
                    self.observe(&key).await;
                }
            }
            Event::Apply(seen) => {
                let key = self.update_live(&seen);
                self.publish(&key).await;
            }
            Event::Delete(seen) => {
                let key = self.key_of(&seen);
                self.live.remove(&key);
                // It was deleted, or has lost its label.
                if self.followers.contains_key(&key) {
                    self.observe(&key).await;
                }
            }
        }
    }

    async fn handle_unlabelled_event(&mut self, key: ObjectKey, event: Option<watcher::Result<Event<DynamicObject>>>) {
        match event {
            Some(Ok(Event::Apply(seen) | Event::InitApply(seen))) => {
                self.unread.remove(&key);
                self.update_live(&seen);
                self.publish(&key).await;
            }
            Some(Ok(Event::Delete(_))) => {
                self.unread.remove(&key);
                self.live.remove(&key);
                self.publish(&key).await;
            }
            Some(Ok(Event::Init | Event::InitDone)) => {}
            Some(Err(_)) | None => {
                // Reading it again starts a new watch, if there is still something to follow.
                self.unlabelled.remove(&key);
                self.schedule_read(&key);
            }
        }
    }

    fn key_of(&self, seen: &DynamicObject) -> ObjectKey {
        ObjectKey {
            group: self.kind.group.clone(),
            kind: self.kind.kind.clone(),
            namespace: seen.metadata.namespace.clone().unwrap_or_default(),
            name: seen.metadata.name.clone().unwrap_or_default(),
        }
    }

    fn update_live(&mut self, seen: &DynamicObject) -> ObjectKey {
        let key = self.key_of(seen);
        let discovery = self.shared.cluster.discovery();
        let api_version = discovery
            .resource(&self.kind, None)
            .map(|found| found.api_version.clone());
        self.live.insert(
            key.clone(),
            to_object(seen, &self.kind, &api_version.unwrap_or_default()),
        );
        key
    }

    /// Assesses an object and reports it to all tasks that follow it.
    async fn publish(&mut self, key: &ObjectKey) {
        let Some(followers) = self.followers.get(key) else {
            return;
        };
        let Some(object) = self.live.get(key) else {
            for follower in followers {
                self.shared.observed(follower, key, ObservedState::Gone);
            }
            return;
        };
        let mut soonest = None;
        for follower in followers {
            let by = follower.health_plugin.as_ref();
            let mut assessment = self.shared.health_assessor.assess(by, object).await;
            let needs_pods = assessment
                .requested_related
                .iter()
                .any(|word| word == related::OWNED_PODS);
            let is_open = assessment.health == Health::Progressing || (needs_pods && !assessment.is_final);
            let found = self.pods.get(key).and_then(PodWatch::related_pods);
            if !is_open || object.is_terminating() {
                self.pods.remove(key);
            } else if !self.pods.contains_key(key)
                && let Some(pods) = PodWatch::begin(&self.shared, object, self.pod_updates.0.clone())
            {
                self.pods.insert(key.clone(), pods);
            }
            // Pods that haven't been read yet are reported later. A final assessment has none.
            let pods = self.pods.get(key);
            if !needs_pods || pods.is_none_or(PodWatch::is_observed) {
                assessment = self
                    .shared
                    .health_assessor
                    .assess_with_related(by, object, assessment, found)
                    .await;
            }
            if let Some(pods) = pods {
                assessment = if self.shared.mode.has(Rule::PodsOnlyTell) {
                    pods.with_last_observation(assessment, needs_pods)
                } else {
                    pods.with_pod_problem(object, assessment, needs_pods)
                };
            } else if is_pod(object) && !self.shared.mode.has(Rule::PodsOnlyTell) {
                assessment = assess_pod(&self.shared, object, assessment).await;
            }
            soonest = [soonest, assessment.recheck_after_ms].into_iter().flatten().min();
            self.shared
                .object_cache
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(key.clone(), (object.clone(), assessment.clone()));
            let mut seen = ObservedObject::new(object, assessment);
            if finalizer::is_foreground_deletion(object) {
                soonest = Some(soonest.map_or(OWNED_PODS_RECHECK_MILLIS, |soonest: u64| {
                    soonest.min(OWNED_PODS_RECHECK_MILLIS)
                }));
                if let Some(pod) = owned_pods::deletion_blocker(&self.shared.cluster, object).await {
                    seen.deletion_blocker = Some(match seen.deletion_blocker {
                        Some(reason) => format!("{reason}; {pod}"),
                        None => pod,
                    });
                }
            }
            self.shared.observed(follower, key, ObservedState::Present(seen));
        }
        match soonest {
            Some(after) => self
                .recheck_at
                .insert(key.clone(), Instant::now() + Duration::from_millis(after)),
            None => self.recheck_at.remove(key),
        };
    }
}

fn is_pod(object: &Object) -> bool {
    object.group().is_empty() && object.kind() == "Pod"
}

/// Waits for the next event of any object without the label.
async fn next_unlabelled_event(
    unlabelled_watches: &mut BTreeMap<ObjectKey, WatchStream>,
) -> (ObjectKey, Option<watcher::Result<Event<DynamicObject>>>) {
    let nexts = unlabelled_watches
        .iter_mut()
        .map(|(key, stream)| Box::pin(async move { (key.clone(), stream.next().await) }));
    let nexts: Vec<_> = nexts.collect();
    if nexts.is_empty() {
        return std::future::pending().await;
    }
    futures::future::select_all(nexts).await.0
}
