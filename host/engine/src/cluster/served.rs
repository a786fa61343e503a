//! What a cluster serves, kept for a while: a definition may be installed or removed at any time, by anybody.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use capstan_core::object::GroupKind;
use kube::Client;
use tokio::{sync::Mutex, time::Instant};

use super::Cluster;
use crate::{discovery::Discovery, error::ClusterError};

/// How old discovery may be when a plan is made of it.
pub(crate) const MAX_AGE: Duration = Duration::from_secs(30);

/// What a cluster serves, as it was when it was last asked. All copies of a [`Cluster`] share it.
#[derive(Clone)]
pub(super) struct Served {
    answer: Arc<RwLock<Answer>>,
    /// Held while the cluster is asked: whoever comes meanwhile waits for that answer.
    asking: Arc<Mutex<()>>,
}

struct Answer {
    discovery: Arc<Discovery>,
    /// When the cluster was asked for it.
    asked_at: Instant,
}

impl Answer {
    async fn load(client: &Client) -> Result<Answer, ClusterError> {
        let asked_at = Instant::now();
        let discovery = Arc::new(Discovery::load(client).await?);
        Ok(Answer { discovery, asked_at })
    }
}

impl Served {
    /// Asks the cluster.
    pub async fn load(client: &Client) -> Result<Served, ClusterError> {
        Ok(Served {
            answer: Arc::new(RwLock::new(Answer::load(client).await?)),
            asking: Arc::default(),
        })
    }

    async fn load_again(&self, client: &Client) -> Result<(), ClusterError> {
        let answer = Answer::load(client).await?;
        *self.answer.write().unwrap_or_else(PoisonError::into_inner) = answer;
        Ok(())
    }

    fn age(&self) -> Duration {
        let answer = self.answer.read().unwrap_or_else(PoisonError::into_inner);
        answer.asked_at.elapsed()
    }
}

impl Cluster {
    /// Returns what is known of the cluster's kinds.
    pub fn discovery(&self) -> Arc<Discovery> {
        let answer = self.served.answer.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&answer.discovery)
    }

    /// Asks again what kinds the cluster has.
    ///
    /// # Errors
    ///
    /// Returns why the cluster couldn't be asked; what was known before stays.
    pub async fn refresh(&self) -> Result<(), ClusterError> {
        let _turn = self.served.asking.lock().await;
        self.served.load_again(&self.client).await
    }

    /// Asks again what kinds the cluster has, if that was asked longer ago than `age`. Of many who want that at once, one asks.
    ///
    /// # Errors
    ///
    /// Returns why the cluster couldn't be asked; what was known before stays.
    pub async fn refresh_if_older_than(&self, age: Duration) -> Result<(), ClusterError> {
        if self.served.age() <= age {
            return Ok(());
        }
        let began = Instant::now();
        let _turn = self.served.asking.lock().await;
        // Somebody else may have asked meanwhile.
        if self.served.age() <= age.max(began.elapsed()) {
            return Ok(());
        }
        self.served.load_again(&self.client).await
    }

    /// Makes sure that discovery is fit for a plan: not older than [`MAX_AGE`], and asked for again if one of the plan's kinds isn't in
    /// it. A kind is looked for in one version if one is named. If the cluster can't be asked, what is known counts.
    pub(crate) async fn refresh_for<'a>(&self, kinds: impl IntoIterator<Item = (GroupKind, Option<&'a str>)>) {
        let began = Instant::now();
        let mut refreshed = self.refresh_if_older_than(MAX_AGE).await;
        let discovery = self.discovery();
        let is_unknown = |(kind, version): (GroupKind, Option<&str>)| discovery.resource(&kind, version).is_none();
        if refreshed.is_ok() && kinds.into_iter().any(is_unknown) {
            refreshed = self.refresh_if_older_than(began.elapsed()).await;
        }
        if let Err(error) = refreshed {
            tracing::warn!(%error, "the cluster can't be asked what it serves; the plan is made with what is known");
        }
    }
}
