//! The lock of an application: a Lease that its driver renews. Requests to end the operation and signals for hooks are annotations of
//! this Lease.

mod keeper;

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use capstan_core::{
    model::{
        hook::short_hash,
        name::field_selector,
        object::{Object, ObjectKey},
        plugins::Application,
    },
    plan::propagation::DecidedPropagation,
};
use futures::StreamExt as _;
use jiff::Timestamp;
use kube::runtime::watcher;
use serde_json::json;
use tokio::{task::JoinHandle, time::sleep};

use self::keeper::LeaseRenewer;
use super::{
    blob::{self, STATE_LABEL},
    identity::Identity,
    lease_guard::{LeaseGuard, RenewalReporter},
};
use crate::{
    backoff::Backoff,
    clock::Clock,
    cluster::{Cluster, DryRun},
    error::{ClusterError, EngineError},
    queue,
    signals::{ANNOTATION_PREFIX, Signal, SignalContent},
};

/// How long a Lease is valid after its last renewal.
const LEASE_DURATION: Duration = Duration::from_secs(15);
/// How often it is renewed.
const RENEW_INTERVAL: Duration = Duration::from_secs(5);
/// How long to try to acquire a lock whose Lease others change at the same time.
const ACQUIRE_TIMEOUT: Duration = Duration::from_mins(1);
/// The pause after a renewal that failed.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// The annotation with a random mark. A head that was written under this Lease has the same mark; somebody who may only create Secrets
/// can't know it.
const STATE_MARK_ANNOTATION: &str = "capstan.dev/state-mark";
/// The annotation that asks for the end of the operation. Its value says who asks.
const TERMINATE_ANNOTATION: &str = "capstan.dev/terminate";

/// What happens to a lock while it is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LockEvent {
    /// Somebody asked for the end of the operation: this is who.
    TerminationRequested(String),
    /// These signals are on the Lease now.
    Signals(Vec<Signal>),
    /// The lock is lost, for this reason.
    Lost(String),
}

/// The kinds of [`LockEvent`]s. The task that renews the Lease must not wait for the driver, so only the last event of each kind is
/// queued. A signal that is removed and sent again with the same content meanwhile counts as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum EventKind {
    TerminationRequested,
    Signals,
    Lost,
}

/// The events of a held lock, for its holder.
pub(crate) struct LockEvents(queue::Receiver<EventKind, LockEvent>);

impl LockEvents {
    /// Returns the next event; `None` when the Lease isn't renewed any more.
    pub async fn next(&mut self) -> Option<LockEvent> {
        self.0.recv().await.map(|(_, event)| event)
    }
}

/// A held lock. Dropping it stops the renewal; `release` also frees the Lease.
pub(crate) struct Lock {
    cluster: Cluster,
    key: ObjectKey,
    identity: Identity,
    lease_guard: LeaseGuard,
    /// The mark of the Lease; `None` if version 0.1.0 created it.
    mark: Option<String>,
    /// Whether the Lease was created when the lock was acquired.
    is_new: bool,
    task: JoinHandle<()>,
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lease_key(application: &Application) -> ObjectKey {
    ObjectKey {
        group: "coordination.k8s.io".to_owned(),
        kind: "Lease".to_owned(),
        namespace: application.namespace.clone(),
        name: blob::state_name(application),
    }
}

fn format_micro_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

impl Lock {
    /// Acquires the lock of an application, if nobody holds it or its holder is gone.
    pub async fn acquire(
        cluster: &Cluster,
        clock: Clock,
        application: &Application,
        identity: Identity,
        is_new: bool,
    ) -> Result<(Lock, LockEvents), EngineError> {
        let doing = EngineError::during("taking the application's lock");
        let key = lease_key(application);
        let mut backoff = Backoff::new(Duration::from_millis(100), RETRY_INTERVAL).with_time_limit(ACQUIRE_TIMEOUT);
        let (taken, is_new_lease) = loop {
            let live = cluster.get(&key).await.map_err(&doing)?;
            if let Some(live) = &live {
                wait_for_holder(cluster, clock, &identity, live).await?;
            }
            let mut lease = live.clone().unwrap_or_else(|| new_lease(application));
            let now = format_micro_time(clock.now());
            lease.0["spec"] = json!({
                "holderIdentity": identity.to_string(),
                "leaseDurationSeconds": LEASE_DURATION.as_secs(),
                "acquireTime": now,
                "renewTime": now,
            });
            remove_termination_request(&mut lease);
            if is_new {
                remove_signals(&mut lease);
            }
            let is_new_lease = live.is_none();
            let written = match live {
                None => cluster.create(&lease, DryRun::No).await,
                Some(_) => cluster.replace(&lease, DryRun::No).await,
            };
            match written {
                Ok(lease) => break (lease, is_new_lease),
                // Another driver was faster: check again who holds it.
                Err(ClusterError::ObjectChanged(_) | ClusterError::AlreadyExists(_) | ClusterError::NotFound(_))
                    if !backoff.is_over() =>
                {
                    backoff.pause().await;
                }
                Err(error) => return Err(doing(error)),
            }
        };
        let (renewals, lease_guard) = RenewalReporter::channel(clock);
        let (events, receiver) = queue::keyed_channel();
        let keeper = LeaseRenewer {
            cluster: cluster.clone(),
            clock,
            identity: identity.clone(),
            renewals,
            events,
            end_told: false,
            signals: Vec::new(),
        };
        let lock = Lock {
            cluster: cluster.clone(),
            key,
            identity,
            lease_guard,
            mark: taken.annotation(STATE_MARK_ANNOTATION).map(str::to_owned),
            is_new: is_new_lease,
            task: tokio::spawn(keeper.keep(taken)),
        };
        Ok((lock, LockEvents(receiver)))
    }

    /// Returns the mark for a head that is created under this lock.
    pub fn mark(&self) -> Option<&str> {
        self.mark.as_deref()
    }

    /// Says whether a head with this mark was created by a driver that had this Lease. No head can be from before the Lease was created.
    pub fn has_mark(&self, mark: &str) -> bool {
        !self.is_new && self.mark().is_none_or(|ours| ours == mark)
    }

    /// Says whether the Lease was created when the lock was acquired.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Returns a guard for those who act on behalf of the lock's holder.
    pub fn lease_guard(&self) -> LeaseGuard {
        self.lease_guard.clone()
    }

    /// Frees the Lease, or deletes it if `removes` is set. If that fails, it expires.
    pub async fn release(self, removes: bool) {
        self.task.abort();
        let Ok(Some(mut lease)) = self.cluster.get(&self.key).await else {
            return;
        };
        if lease.text("/spec/holderIdentity") != Some(&self.identity.to_string()) {
            return;
        }
        let result = if removes {
            let deleted = self
                .cluster
                .delete(&self.key, lease.uid(), DecidedPropagation::for_stored_state())
                .await;
            deleted.map(drop)
        } else {
            lease.0["spec"]["holderIdentity"] = json!("");
            remove_termination_request(&mut lease);
            self.cluster.replace(&lease, DryRun::No).await.map(drop)
        };
        if let Err(error) = result {
            tracing::debug!(%error, "the lock can't be released; it expires by itself");
        }
    }
}

fn new_lease(application: &Application) -> Object {
    let key = lease_key(application);
    Object(json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {
            "name": key.name,
            "namespace": key.namespace,
            "labels": { STATE_LABEL: application.name },
            "annotations": { STATE_MARK_ANNOTATION: random_mark() },
        },
    }))
}

/// Returns 128 random bits: `RandomState` has them from the operating system.
fn random_mark() -> String {
    let number = || RandomState::new().hash_one(0_u8);
    format!("{:016x}{:016x}", number(), number())
}

/// Removes the signals for an operation that is finished.
fn remove_signals(lease: &mut Object) {
    if let Some(annotations) = lease
        .0
        .pointer_mut("/metadata/annotations")
        .and_then(|found| found.as_object_mut())
    {
        annotations.retain(|name, _| !name.starts_with(ANNOTATION_PREFIX));
    }
}

/// Removes one signal from the Lease. If that fails, the next driver receives it again, and recognises it.
pub(crate) async fn remove_signal(cluster: &Cluster, application: &Application, mark: &str) {
    let key = lease_key(application);
    let Ok(Some(lease)) = cluster.get(&key).await else {
        return;
    };
    let is_it = |name: &str, value: &str| name.starts_with(ANNOTATION_PREFIX) && short_hash(&[name, value]) == mark;
    let found = lease.annotations().into_iter().find(|(name, value)| is_it(name, value));
    if let Some((name, _)) = found {
        let patch = json!({ "metadata": { "annotations": { name: null } } });
        if let Err(error) = cluster.merge_patch(&key, lease.uid(), patch).await {
            tracing::debug!(%error, "a signal can't be removed from the Lease");
        }
    }
}

/// Writes a signal for a hook onto the Lease.
pub(crate) async fn send_signal(
    cluster: &Cluster,
    application: &Application,
    hook: &str,
    written: &SignalContent,
) -> Result<(), EngineError> {
    let doing = EngineError::during("writing the signal");
    let key = lease_key(application);
    let lease = cluster.get(&key).await.map_err(&doing)?;
    let lease = lease.ok_or_else(|| EngineError::NoOperation(application.name.clone()))?;
    let text = serde_json::to_string(written).map_err(|error| EngineError::InvalidState(error.to_string()))?;
    let patch = json!({ "metadata": { "annotations": { format!("{ANNOTATION_PREFIX}{hook}"): text } } });
    cluster.merge_patch(&key, lease.uid(), patch).await.map_err(&doing)?;
    Ok(())
}

fn remove_termination_request(lease: &mut Object) {
    if let Some(annotations) = lease
        .0
        .pointer_mut("/metadata/annotations")
        .and_then(|found| found.as_object_mut())
    {
        annotations.remove(TERMINATE_ANNOTATION);
    }
}

/// Returns when a Lease expires, by the time that its holder wrote.
fn expires_at(lease: &Object) -> Option<Timestamp> {
    let renewed: Timestamp = lease.text("/spec/renewTime")?.parse().ok()?;
    renewed.checked_add(LEASE_DURATION).ok()
}

/// Says whether a driver holds the lock of an application, by its Lease.
pub(crate) async fn is_held(
    cluster: &Cluster,
    clock: Clock,
    identity: &Identity,
    application: &Application,
) -> Result<bool, EngineError> {
    let lease = cluster.get(&lease_key(application)).await;
    let Some(lease) = lease.map_err(EngineError::during("looking up who holds the application's lock"))? else {
        return Ok(false);
    };
    let holder = lease.text("/spec/holderIdentity").unwrap_or_default();
    let is_fresh = expires_at(&lease).is_some_and(|ends| clock.now() < ends);
    Ok(!holder.is_empty() && is_fresh && !identity.is_known_dead(holder))
}

/// Waits until nobody holds the lock of an application.
pub(crate) async fn wait_until_free(
    cluster: &Cluster,
    clock: Clock,
    identity: &Identity,
    application: &Application,
) -> Result<(), EngineError> {
    let doing = EngineError::during("waiting for the application's lock");
    let key = lease_key(application);
    let config = watcher::Config::default().fields(&field_selector(&key.name));
    let sight = cluster.watch(&key.group_kind(), &key.namespace, config);
    let mut sight = sight.map_err(&doing)?;
    while is_held(cluster, clock, identity, application).await? {
        tokio::select! {
            seen = sight.next() => match seen {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(doing(ClusterError::Unreachable(error.to_string()))),
                None => sight = futures::stream::pending().boxed(),
            },
            // Nothing reports that a holder has died.
            () = sleep(RENEW_INTERVAL) => {}
        }
    }
    Ok(())
}

/// Waits until the holder of a Lease is gone; fails with `Busy` if it is alive.
async fn wait_for_holder(
    cluster: &Cluster,
    clock: Clock,
    identity: &Identity,
    lease: &Object,
) -> Result<(), EngineError> {
    let holder = lease.text("/spec/holderIdentity").unwrap_or_default();
    if holder.is_empty() || holder == identity.to_string() || identity.is_known_dead(holder) {
        return Ok(());
    }
    let busy = || {
        let mut parts = holder.split('/');
        let host = parts.next().unwrap_or_default();
        Err(EngineError::Busy {
            holder: format!("process {} on {host}", parts.next().unwrap_or("?")),
            since: lease.text("/spec/acquireTime").map(str::to_owned),
        })
    };
    if expires_at(lease).is_some_and(|ends| clock.now() < ends) {
        return busy();
    }
    // By our clock it has expired. Clocks differ: the holder counts as gone when it doesn't renew any more.
    sleep(RENEW_INTERVAL + RETRY_INTERVAL).await;
    let now = cluster
        .get(&lease.key())
        .await
        .map_err(EngineError::during("waiting for the lock's holder"))?;
    let moved = now.is_some_and(|now| now.text("/spec/renewTime") != lease.text("/spec/renewTime"));
    if moved { busy() } else { Ok(()) }
}

/// Asks the driver of an application's operation to end it. Returns the driver; `None` if there is none or it is dead.
pub(crate) async fn request_termination(
    cluster: &Cluster,
    clock: Clock,
    identity: &Identity,
    application: &Application,
    by: &str,
) -> Result<Option<String>, EngineError> {
    let doing = EngineError::during("asking the driver to end the operation");
    let key = lease_key(application);
    let Some(lease) = cluster.get(&key).await.map_err(&doing)? else {
        return Ok(None);
    };
    match wait_for_holder(cluster, clock, identity, &lease).await {
        Ok(()) => Ok(None),
        Err(EngineError::Busy { holder, .. }) => {
            let patch = json!({ "metadata": { "annotations": { TERMINATE_ANNOTATION: by } } });
            cluster.merge_patch(&key, lease.uid(), patch).await.map_err(&doing)?;
            Ok(Some(holder))
        }
        Err(error) => Err(error),
    }
}
