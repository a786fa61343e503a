//! Renews a Lease while an operation is driven.

use std::time::Duration;

use capstan_core::model::{name::field_selector, object::Object};
use futures::StreamExt as _;
use kube::runtime::watcher::{self, Event};
use serde_json::json;
use tokio::time::{Instant, sleep_until, timeout};

use super::{EventKind, LockEvent, RENEW_INTERVAL, RETRY_INTERVAL, TERMINATE_ANNOTATION, format_micro_time};
use crate::{
    checkpoint::{identity::Identity, lease_guard::RenewalReporter},
    clock::Clock,
    cluster::{Cluster, DryRun},
    error::ClusterError,
    queue,
    signals::{Signal, signals_of},
    watch::to_object,
};

/// How long one renewal may take before it counts as failed.
const RENEW_TIMEOUT: Duration = Duration::from_secs(3);

/// Renews a Lease and hears what is written onto it.
pub(super) struct LeaseRenewer {
    pub(super) cluster: Cluster,
    pub(super) clock: Clock,
    pub(super) identity: Identity,
    pub(super) renewals: RenewalReporter,
    pub(super) events: queue::Sender<EventKind, LockEvent>,
    pub(super) end_told: bool,
    /// The signals that were last seen.
    pub(super) signals: Vec<Signal>,
}

impl LeaseRenewer {
    pub(super) async fn keep(mut self, mut lease: Object) {
        let key = lease.key();
        let config = watcher::Config::default().fields(&field_selector(&key.name));
        let sight = self.cluster.watch(&key.group_kind(), &key.namespace, config);
        let mut sight = sight.unwrap_or_else(|_| futures::stream::pending().boxed());
        let mut next = Instant::now() + RENEW_INTERVAL;
        loop {
            tokio::select! {
                biased;
                seen = sight.next() => match seen {
                    Some(Ok(Event::Apply(seen) | Event::InitApply(seen))) => {
                        lease = to_object(&seen, &key.group_kind(), lease.api_version());
                        self.report_requests(&lease);
                    }
                    Some(Ok(Event::Delete(_) | Event::Init | Event::InitDone)) => {}
                    // Renewals go on; they will see the annotation too, but later.
                    Some(Err(_)) | None => sight = futures::stream::pending().boxed(),
                },
                () = sleep_until(next) => match self.renew_with_timeout(&lease).await {
                    Ok(Some(renewed)) => {
                        lease = renewed;
                        next = Instant::now() + RENEW_INTERVAL;
                    }
                    Ok(None) => next = Instant::now() + RETRY_INTERVAL,
                    Err(why) => {
                        self.renewals.report_lost(&why);
                        self.events.send(EventKind::Lost, LockEvent::Lost(why));
                        return;
                    }
                }
            }
        }
    }

    /// Renews the Lease. Returns `None` if the server can't be reached, and an error when another driver has the Lease or the outage
    /// lasts too long.
    async fn renew_with_timeout(&mut self, lease: &Object) -> Result<Option<Object>, String> {
        let before = self.clock.moment();
        // A renewal without an answer may have succeeded: the next one fails with a conflict and reads the Lease.
        if let Some(renewed) = timeout(RENEW_TIMEOUT, self.renew(lease)).await.unwrap_or(Ok(None))? {
            self.renewals.report_renewed(before);
            self.report_requests(&renewed);
            return Ok(Some(renewed));
        }
        if self.renewals.can_still_renew() {
            Ok(None)
        } else {
            Err("it couldn't be renewed in time".to_owned())
        }
    }

    /// Renews the Lease. An annotation that others added in between doesn't stop that.
    async fn renew(&self, lease: &Object) -> Result<Option<Object>, String> {
        let mut lease = lease.clone();
        for _ in 0..3 {
            lease.0["spec"]["renewTime"] = json!(format_micro_time(self.clock.now()));
            match self.cluster.replace(&lease, DryRun::No).await {
                Ok(renewed) => return Ok(Some(renewed)),
                Err(ClusterError::ObjectChanged(_)) => {
                    let Ok(Some(now)) = self.cluster.get(&lease.key()).await else {
                        continue;
                    };
                    let holder = now.text("/spec/holderIdentity").unwrap_or_default();
                    if holder != self.identity.to_string() {
                        return Err(format!("{holder} has it now"));
                    }
                    lease = now;
                }
                Err(ClusterError::NotFound(_)) => return Err("its Lease was deleted".to_owned()),
                Err(error) => {
                    tracing::debug!(%error, "the application's lock can't be renewed");
                    return Ok(None);
                }
            }
        }
        Ok(None)
    }

    fn report_requests(&mut self, lease: &Object) {
        if let Some(by) = lease.annotation(TERMINATE_ANNOTATION)
            && !self.end_told
        {
            self.end_told = true;
            self.events.send(
                EventKind::TerminationRequested,
                LockEvent::TerminationRequested(by.to_owned()),
            );
        }
        let signals = signals_of(lease);
        if signals != self.signals {
            self.signals.clone_from(&signals);
            self.events.send(EventKind::Signals, LockEvent::Signals(signals));
        }
    }
}
