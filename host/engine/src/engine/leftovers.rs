//! What applications leave in the cluster: it is listed, forgotten, or deleted when it is due.

use std::collections::BTreeSet;

use capstan_core::{
    model::{
        object::{Object, ObjectKey, labels},
        plugins::Application,
    },
    plan::Scope,
};
use futures::StreamExt as _;
use serde::Serialize;

use super::Engine;
use crate::{
    checkpoint::remove_state,
    cluster::MAX_AGE_OF_DISCOVERY,
    concurrent::in_order,
    error::{ClusterError, EngineError},
    planning::Place,
    sweep::{SweepResult, sweep},
};

/// The objects that stay in the cluster when an application's state is removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RemainingObjects {
    /// The objects that have the application's label.
    pub objects: BTreeSet<ObjectKey>,
    /// The number of kinds that may not be listed, of which there may be more objects.
    pub unlisted: usize,
}

/// What was removed with an application's stored state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RemovedState {
    /// How many Secrets it was stored in.
    pub secrets: usize,
}

impl Engine {
    /// Lists the objects that have an application's label: they stay in the cluster when its state is removed. They are looked for in the
    /// application's namespace, among cluster-scoped objects, and in the places that its state names if that can be read.
    ///
    /// # Errors
    ///
    /// Returns why the cluster couldn't be asked. Kinds that may not be listed are counted.
    pub async fn remaining_objects(&self, application: &Application) -> Result<RemainingObjects, EngineError> {
        self.cluster
            .refresh_if_older_than(MAX_AGE_OF_DISCOVERY)
            .await
            .map_err(EngineError::during("asking what the cluster serves"))?;
        let mut places: BTreeSet<Place> = match self.open_store(application).await {
            Ok(store) => store.head.places,
            // State that can't be read is a reason to remove it.
            Err(EngineError::InvalidState(_)) => BTreeSet::new(),
            Err(error) => return Err(error),
        };
        places.extend(
            self.cluster
                .discovery()
                .scopes()
                .into_iter()
                .map(|(kind, scope)| match scope {
                    Scope::Namespaced => (kind, application.namespace.clone()),
                    Scope::Cluster => (kind, String::new()),
                }),
        );
        let labels = format!("{}={}", labels::APPLICATION, application.name);
        let lists = places.into_iter().map(|(kind, namespace)| {
            let (cluster, labels) = (&self.cluster, &labels);
            async move { cluster.list_metadata(&kind, &namespace, labels, "").await }
        });
        let mut left = RemainingObjects::default();
        let mut lists = in_order(lists);
        while let Some(found) = lists.next().await {
            match found {
                Ok(found) => left.objects.extend(found.iter().map(Object::key)),
                Err(ClusterError::Forbidden(_)) => left.unlisted += 1,
                Err(error) if error.is_temporary() => {
                    return Err(EngineError::during("looking for remaining objects")(error));
                }
                // Not every kind can be listed.
                Err(_) => {}
            }
        }
        Ok(left)
    }

    /// Removes everything that is stored about an application, whether it can be read or not. Its objects stay in the cluster.
    ///
    /// # Errors
    ///
    /// Returns `Busy` when an operation is being driven, `NoApplication` when nothing is stored, or why it couldn't be removed.
    pub async fn abandon(&self, application: &Application) -> Result<RemovedState, EngineError> {
        let (lock, _, _) = self.acquire_lock(application, true).await?;
        let forgotten = remove_state(&self.cluster, application, &lock.lease_guard()).await;
        lock.release(forgotten.is_ok()).await;
        match forgotten? {
            0 => Err(EngineError::NoApplication {
                name: application.name.clone(),
                namespace: application.namespace.clone(),
            }),
            secrets => Ok(RemovedState { secrets }),
        }
    }

    /// Deletes the objects of hooks whose time has come. Returns the result for every object that is or was due.
    ///
    /// # Errors
    ///
    /// Returns `Busy` when an operation runs, which does this itself.
    pub async fn sweep(&self, application: &Application) -> Result<Vec<SweepResult>, EngineError> {
        self.open_existing_store(application).await?;
        let (lock, _, mut store) = self.open_locked(application, false).await?;
        let swept = sweep(&self.cluster, &*self.plugins, self.clock, &mut store).await;
        lock.release(false).await;
        swept
    }
}
