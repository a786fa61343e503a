//! Discovery of what a cluster serves, kept for a while: a definition may be installed or removed at any time.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use capstan_core::model::object::GroupKind;
use kube::Client;
use tokio::{sync::Mutex, time::Instant};

use super::Cluster;
use crate::{discovery::Discovery, error::ClusterError};

/// How old discovery may be when a plan is made.
pub(crate) const MAX_DISCOVERY_AGE: Duration = Duration::from_secs(30);

/// What a cluster serves, as of the last discovery. All copies of a [`Cluster`] share it.
#[derive(Clone)]
pub(super) struct DiscoveryCache {
    answer: Arc<RwLock<CachedDiscovery>>,
    /// Held during a discovery: others wait for its answer instead of asking, too.
    asking: Arc<Mutex<()>>,
}

struct CachedDiscovery {
    discovery: Arc<Discovery>,
    /// When discovery was requested.
    asked_at: Instant,
}

impl CachedDiscovery {
    async fn load(client: &Client) -> Result<CachedDiscovery, ClusterError> {
        let asked_at = Instant::now();
        let discovery = Arc::new(Discovery::load(client).await?);
        Ok(CachedDiscovery { discovery, asked_at })
    }
}

impl DiscoveryCache {
    /// Runs the first discovery.
    pub async fn load(client: &Client) -> Result<DiscoveryCache, ClusterError> {
        Ok(DiscoveryCache {
            answer: Arc::new(RwLock::new(CachedDiscovery::load(client).await?)),
            asking: Arc::default(),
        })
    }

    async fn reload(&self, client: &Client) -> Result<(), ClusterError> {
        let answer = CachedDiscovery::load(client).await?;
        *self.answer.write().unwrap_or_else(PoisonError::into_inner) = answer;
        Ok(())
    }

    fn age(&self) -> Duration {
        let answer = self.answer.read().unwrap_or_else(PoisonError::into_inner);
        answer.asked_at.elapsed()
    }
}

impl Cluster {
    /// Returns what the cluster serves, as of the last discovery.
    pub fn discovery(&self) -> Arc<Discovery> {
        let answer = self.served.answer.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&answer.discovery)
    }

    /// Runs discovery again.
    ///
    /// # Errors
    ///
    /// Returns why the cluster couldn't be asked. The last discovery stays.
    pub async fn refresh(&self) -> Result<(), ClusterError> {
        let _turn = self.served.asking.lock().await;
        self.served.reload(&self.client).await
    }

    /// Runs discovery again if the last one is older than `age`. Of several concurrent callers one asks.
    ///
    /// # Errors
    ///
    /// Returns why the cluster couldn't be asked. The last discovery stays.
    pub async fn refresh_if_older_than(&self, age: Duration) -> Result<(), ClusterError> {
        if self.served.age() <= age {
            return Ok(());
        }
        let began = Instant::now();
        let _turn = self.served.asking.lock().await;
        // Another caller may have asked meanwhile.
        if self.served.age() <= age.max(began.elapsed()) {
            return Ok(());
        }
        self.served.reload(&self.client).await
    }

    /// Makes sure that discovery is recent enough for a plan: it is repeated if it is older than [`MAX_DISCOVERY_AGE`], or if one of the plan's
    /// kinds isn't in it (in the version that is named, if any). If the cluster can't be asked, the last discovery is used.
    pub(crate) async fn refresh_for<'a>(&self, kinds: impl IntoIterator<Item = (GroupKind, Option<&'a str>)>) {
        let began = Instant::now();
        let mut refreshed = self.refresh_if_older_than(MAX_DISCOVERY_AGE).await;
        let discovery = self.discovery();
        let is_unknown = |(kind, version): (GroupKind, Option<&str>)| discovery.resource(&kind, version).is_none();
        if refreshed.is_ok() && kinds.into_iter().any(is_unknown) {
            refreshed = self.refresh_if_older_than(began.elapsed()).await;
        }
        if let Err(error) = refreshed {
            tracing::warn!(%error, "discovery failed; the plan uses the last discovery");
        }
    }
}
