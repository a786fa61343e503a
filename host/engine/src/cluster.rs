//! Requests to the API server in the core's types. Every request has a deadline, and is tried again when that makes sense.

mod answer;
mod discovery_cache;
mod read;
mod requests;
mod streams;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};

use capstan_core::{
    kubernetes::{ownership, sent::as_sent, unknown_fields},
    model::object::{GroupKind, Object, ObjectKey},
    plan::{propagation::DecidedPropagation, task::UnknownFields},
};
use kube::{Client, core::ApiResource};
use serde_json::{Value, json};

use self::{
    discovery_cache::DiscoveryCache,
    requests::{Endpoint, PreparedRequest, namespace_name, object_name},
};
pub(crate) use self::{discovery_cache::MAX_DISCOVERY_AGE as MAX_AGE_OF_DISCOVERY, streams::WatchStream};
use crate::{
    backoff::Backoff,
    checkpoint::LeaseGuard,
    error::ClusterError,
    nesting::{self, CUT_MARKER},
};

/// Our field manager in `managedFields`.
pub const FIELD_MANAGER: &str = ownership::FIELD_MANAGER;
/// How long one try of a request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How often a request is tried, outside of an operation under way.
const MAX_ATTEMPTS: u32 = 5;
/// The shortest pause between two tries.
const MIN_RETRY_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause between two tries.
const MAX_RETRY_PAUSE: Duration = Duration::from_secs(2);
/// How long an operation under way waits for an API server that can't be reached.
const OUTAGE_TIMEOUT: Duration = Duration::from_mins(1);

/// Whether a write is a dry run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DryRun {
    /// The change is made.
    No,
    /// The server checks the change and stores nothing.
    Yes,
}

/// What happens to fields in an apply that other field managers own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConflictPolicy {
    /// The apply fails with a conflict.
    Refuse,
    /// The fields become ours (`force`).
    Force,
}

/// The result of a deletion.
#[derive(Debug, Clone, PartialEq)]
pub enum DeleteOutcome {
    /// The server accepted it. The object as it is, if finalizers or its grace period delay its removal.
    Accepted(Option<Object>),
    /// It isn't there, or another object has its name now.
    AlreadyGone,
}

/// A connection to a cluster. Copies share what is known of it.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    served: DiscoveryCache,
    /// The lock of an operation under way: as long as it is held, requests wait for a server that can't be reached.
    lease_guard: Option<LeaseGuard>,
    /// How many parts of answers were left out because of their nesting.
    cut_count: nesting::CutCount,
    /// The objects for which that was reported.
    reported_cuts: Arc<Mutex<BTreeSet<ObjectKey>>>,
}

impl Cluster {
    /// Connects to a cluster, and asks which kinds it serves.
    ///
    /// # Errors
    ///
    /// Returns why the cluster couldn't be asked.
    pub async fn connect(client: Client) -> Result<Cluster, ClusterError> {
        let (client, left_out) = nesting::limit_nesting(client);
        let served = DiscoveryCache::load(&client).await?;
        Ok(Cluster {
            client,
            served,
            lease_guard: None,
            cut_count: left_out,
            reported_cuts: Arc::default(),
        })
    }

    /// Logs which objects have a part that is nested too deep to be read, once for each object. `before` is the count before they were
    /// read.
    fn report_cuts<'a>(&self, before: u64, objects: impl IntoIterator<Item = &'a Object>) {
        if self.cut_count.load(Ordering::Relaxed) == before {
            return;
        }
        let mut reported = self.reported_cuts.lock().unwrap_or_else(PoisonError::into_inner);
        for object in objects.into_iter().filter(|object| nesting::is_cut(&object.0)) {
            if reported.insert(object.key()) {
                tracing::warn!(
                    "{} has a part that is nested too deep to be read; it is left out",
                    object.key()
                );
            }
        }
    }

    /// Returns the same cluster for an operation under way, whose requests wait a minute for an API server that can't be reached: a
    /// restart of the server must not fail the operation. Nothing is tried again when another driver could have taken the lock.
    pub(crate) fn with_lease_guard(&self, lease_guard: LeaseGuard) -> Cluster {
        Cluster {
            lease_guard: Some(lease_guard),
            ..self.clone()
        }
    }

    /// Returns the client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Asks for the version of Kubernetes, as in `v1.36.0`.
    ///
    /// # Errors
    ///
    /// Returns why the cluster couldn't be asked.
    pub async fn version(&self) -> Result<String, ClusterError> {
        Ok(self.client.apiserver_version().await?.git_version)
    }

    fn resource(&self, kind: &GroupKind, version: Option<&str>) -> Result<ApiResource, ClusterError> {
        self.discovery()
            .resource(kind, version)
            .cloned()
            .ok_or_else(|| match version {
                Some(version) => ClusterError::UnknownKind(format!("{kind} in version {version}")),
                None => ClusterError::UnknownKind(kind.to_string()),
            })
    }

    fn endpoint(&self, object: &Object) -> Result<Endpoint, ClusterError> {
        let resource = self.resource(&object.group_kind(), Some(object.version()))?;
        Ok(Endpoint::new(&resource, namespace_name(object.namespace())?.as_ref()))
    }

    fn endpoint_of(&self, key: &ObjectKey) -> Result<Endpoint, ClusterError> {
        let resource = self.resource(&key.group_kind(), None)?;
        Ok(Endpoint::new(&resource, namespace_name(&key.namespace)?.as_ref()))
    }

    /// Deletes one object, if it still has this UID and this resource version.
    ///
    /// # Errors
    ///
    /// Returns why the server refuses.
    pub(crate) async fn delete_version(
        &self,
        key: &ObjectKey,
        uid: &str,
        version: &str,
    ) -> Result<DeleteOutcome, ClusterError> {
        let endpoint = self.endpoint_of(key)?;
        let name = object_name(&key.name)?;
        match self.send(&endpoint.delete_version(&name, uid, version)?).await {
            Ok(_) => Ok(DeleteOutcome::Accepted(None)),
            // A conflict here is the precondition: the object was changed, or another object has the name now.
            Err(ClusterError::NotFound(_) | ClusterError::ObjectChanged(_)) => Ok(DeleteOutcome::AlreadyGone),
            Err(error) => Err(error),
        }
    }

    /// Applies an object by server-side apply, and returns it as it is afterwards.
    ///
    /// # Errors
    ///
    /// Returns the fields that others own unless they are taken over, or why the server refuses the object.
    pub async fn apply(
        &self,
        object: &Object,
        conflicts: ConflictPolicy,
        rehearsal: DryRun,
    ) -> Result<Object, ClusterError> {
        let applied = self
            .apply_with(object, conflicts, UnknownFields::Refused, rehearsal)
            .await;
        applied.map(|(object, _)| object)
    }

    /// Applies an object, if wanted without the fields that the server doesn't know; those are returned.
    ///
    /// # Errors
    ///
    /// As [`Cluster::apply`].
    pub async fn apply_with(
        &self,
        object: &Object,
        conflicts: ConflictPolicy,
        unknown: UnknownFields,
        rehearsal: DryRun,
    ) -> Result<(Object, Vec<String>), ClusterError> {
        let endpoint = self.endpoint(object)?;
        let force = conflicts == ConflictPolicy::Force;
        let (mut object, mut left_out) = (as_sent(object), Vec::new());
        loop {
            let request = endpoint.apply(&object, force, unknown, rehearsal == DryRun::Yes)?;
            match self.send(&request).await {
                // Server-side apply refuses them whatever `fieldValidation` says.
                Err(ClusterError::UnknownFields(fields)) if unknown == UnknownFields::LeftOut => {
                    let before = left_out.len();
                    left_out.extend(
                        fields
                            .iter()
                            .filter(|field| unknown_fields::remove_field(&mut object, field))
                            .cloned(),
                    );
                    if left_out.len() == before {
                        return Err(ClusterError::UnknownFields(fields));
                    }
                }
                other => return other.map(|made| (Object(made), left_out)),
            }
        }
    }

    /// Creates an object, and returns it as it is afterwards.
    ///
    /// # Errors
    ///
    /// Returns `AlreadyExists` when its name is taken. After a lost answer that may be our own object.
    pub async fn create(&self, object: &Object, rehearsal: DryRun) -> Result<Object, ClusterError> {
        self.create_with(object, UnknownFields::Refused, rehearsal).await
    }

    /// Creates an object, if wanted without the fields that the server doesn't know.
    ///
    /// # Errors
    ///
    /// As [`Cluster::create`].
    pub async fn create_with(
        &self,
        object: &Object,
        unknown: UnknownFields,
        rehearsal: DryRun,
    ) -> Result<Object, ClusterError> {
        let endpoint = self.endpoint(object)?;
        let request = endpoint.create(&as_sent(object), unknown, rehearsal == DryRun::Yes)?;
        self.send(&request).await.map(Object)
    }

    /// Replaces an object by one that has its `resourceVersion`, and returns it as it is afterwards.
    ///
    /// # Errors
    ///
    /// Returns `ObjectChanged` when the object was changed in the meantime.
    pub async fn replace(&self, object: &Object, rehearsal: DryRun) -> Result<Object, ClusterError> {
        self.replace_with(object, UnknownFields::Refused, rehearsal).await
    }

    /// Replaces an object, if wanted without the fields that the server doesn't know.
    ///
    /// # Errors
    ///
    /// As [`Cluster::replace`].
    pub async fn replace_with(
        &self,
        object: &Object,
        unknown: UnknownFields,
        rehearsal: DryRun,
    ) -> Result<Object, ClusterError> {
        let endpoint = self.endpoint(object)?;
        let request = endpoint.replace(&as_sent(object), unknown, rehearsal == DryRun::Yes)?;
        self.send(&request).await.map(Object)
    }

    /// Changes an object by a JSON merge patch, if it still has this UID.
    ///
    /// # Errors
    ///
    /// Returns `ObjectChanged` when another object has the name now.
    pub async fn merge_patch(&self, key: &ObjectKey, uid: &str, mut patch: Value) -> Result<Object, ClusterError> {
        let endpoint = self.endpoint_of(key)?;
        patch["metadata"]["uid"] = json!(uid);
        let request = endpoint.merge_patch(&object_name(&key.name)?, &patch)?;
        self.send(&request).await.map(Object)
    }

    /// Returns what an object would be after a JSON merge patch.
    ///
    /// # Errors
    ///
    /// Returns why the server refuses the patch.
    pub(crate) async fn dry_run_merge_patch(&self, key: &ObjectKey, patch: &Value) -> Result<Object, ClusterError> {
        let endpoint = self.endpoint_of(key)?;
        let request = endpoint.dry_run_merge_patch(&object_name(&key.name)?, patch)?;
        self.send(&request).await.map(Object)
    }

    /// Applies an object under another field manager than the application's. Fields that others own are a conflict.
    ///
    /// # Errors
    ///
    /// Returns the fields that others own, or why the server refuses the object.
    pub(crate) async fn apply_as(&self, object: &Object, manager: &str) -> Result<Object, ClusterError> {
        let endpoint = self.endpoint(object)?;
        let request = endpoint.apply_as(&as_sent(object), manager, false, UnknownFields::Refused, false)?;
        self.send(&request).await.map(Object)
    }

    /// Changes an object by a JSON merge patch under another field manager than the application's.
    ///
    /// # Errors
    ///
    /// Returns why the server refuses the patch.
    pub(crate) async fn merge_patch_as(
        &self,
        key: &ObjectKey,
        manager: &str,
        patch: &Value,
    ) -> Result<Object, ClusterError> {
        let endpoint = self.endpoint_of(key)?;
        let request = endpoint.merge_patch_as(&object_name(&key.name)?, manager, patch)?;
        self.send(&request).await.map(Object)
    }

    /// Deletes one object, if it still has this UID. An accepted deletion may still wait for finalizers.
    ///
    /// # Errors
    ///
    /// Returns why the server refuses.
    pub async fn delete(
        &self,
        key: &ObjectKey,
        uid: &str,
        propagation: DecidedPropagation,
    ) -> Result<DeleteOutcome, ClusterError> {
        let endpoint = self.endpoint_of(key)?;
        match self
            .send(&endpoint.delete(&object_name(&key.name)?, uid, propagation.get())?)
            .await
        {
            Ok(left) => {
                let left = Object(left);
                let is_there = left.kind() != "Status" && left.is_terminating();
                Ok(DeleteOutcome::Accepted(is_there.then_some(left)))
            }
            // A conflict here is the precondition: another object has the name now.
            Err(ClusterError::NotFound(_) | ClusterError::ObjectChanged(_)) => Ok(DeleteOutcome::AlreadyGone),
            Err(error) => Err(error),
        }
    }

    /// Sends a review of `authorization.k8s.io` about our own permissions, and returns the answer. Nothing is stored.
    ///
    /// # Errors
    ///
    /// Returns why there is no answer.
    pub(crate) async fn create_review(&self, resource: &str, review: &Value) -> Result<Value, ClusterError> {
        let kind = review.get("kind").and_then(Value::as_str).unwrap_or_default();
        self.send(&requests::review(resource, kind, review)?).await
    }

    /// Sends a request until it is answered or trying again makes no sense: after 0.1, 0.2, 0.4 and 0.8 seconds, and then every two
    /// seconds as long as an outage of the server is waited for. All requests but watches and logs go through here, every change among
    /// them. The answer is checked to be about what was asked.
    async fn send(&self, request: &PreparedRequest) -> Result<Value, ClusterError> {
        check_body(request.body())?;
        let mut backoff = Backoff::new(MIN_RETRY_PAUSE, MAX_RETRY_PAUSE).with_time_limit(OUTAGE_TIMEOUT);
        loop {
            let answer = tokio::time::timeout(REQUEST_TIMEOUT, self.client.request::<Value>(request.request())).await;
            let error = match answer {
                Ok(Ok(value)) => return request.check_answer(value),
                Ok(Err(error)) => request.to_error(error),
                Err(_) => ClusterError::Timeout(REQUEST_TIMEOUT),
            };
            if !error.is_temporary() {
                return Err(error);
            }
            let tries = backoff.failures() + 1;
            if tries >= MAX_ATTEMPTS {
                let Some(lease_guard) = self
                    .lease_guard
                    .as_ref()
                    .filter(|_| error.is_outage() && !backoff.is_over())
                else {
                    return Err(error);
                };
                if tries == MAX_ATTEMPTS {
                    tracing::warn!(%error, "the API server can't be reached; retrying for a minute");
                }
                if lease_guard.ensure_held().await.is_err() {
                    return Err(error);
                }
            }
            backoff.pause().await;
        }
    }
}

/// Refuses to send an object from which a part was left out when it was read: the placeholder would replace that part.
fn check_body(body: &[u8]) -> Result<(), ClusterError> {
    if std::str::from_utf8(body).is_ok_and(|text| text.contains(CUT_MARKER)) {
        let message = "a part of it that is to be kept as it is live is nested too deep to be read";
        return Err(ClusterError::Invalid(message.to_owned()));
    }
    Ok(())
}
