//! The API server in the core's words: every call has a deadline, and is tried again when that makes sense.

mod answer;
mod follow;
mod read;
mod requests;
mod served;

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};

use capstan_core::{
    deletion::DecidedPropagation,
    object::{GroupKind, Object, ObjectKey},
    ownership,
    sent::as_sent,
    task::UnknownFields,
    unknown_fields,
};
use kube::{Client, core::ApiResource};
use serde_json::{Value, json};

pub(crate) use self::{follow::WatchItem, served::MAX_AGE as MAX_AGE_OF_DISCOVERY};
use self::{
    requests::{Endpoint, Prepared, namespace_name, object_name},
    served::Served,
};
use crate::{
    backoff::Backoff,
    checkpoint::LeaseGuard,
    error::ClusterError,
    nesting::{self, LEFT_OUT},
};

/// Our name in `managedFields`.
pub const MANAGER: &str = ownership::MANAGER;
/// How long one request may take.
const DEADLINE: Duration = Duration::from_secs(30);
/// How often a request is tried, if the server's absence is not waited out.
const MOST_TRIES: u32 = 5;
/// The shortest pause between two tries.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How long an operation under way waits for an API server that is gone.
const OUTAGE: Duration = Duration::from_mins(1);
/// How many reads are under way at once.
pub(crate) const AT_ONCE: usize = 16;

/// Whether a change is made or only checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DryRun {
    /// It is made.
    No,
    /// The server checks it and changes nothing.
    DryRun,
}

/// What is done about fields that others own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflicts {
    /// They are refused.
    Refuse,
    /// They become ours.
    TakeOver,
}

/// What a deletion met.
#[derive(Debug, Clone, PartialEq)]
pub enum Deletion {
    /// The server will do it; the object as it is while something holds that up.
    Accepted(Option<Object>),
    /// It isn't there, or another object has its name now.
    AlreadyGone,
}

/// A cluster.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
    served: Served,
    /// The lock under which the server's absence is waited out, if it is.
    grip: Option<LeaseGuard>,
    /// How many parts of answers were left out.
    left_out: nesting::Count,
    /// The objects of which that was told.
    told: Arc<Mutex<BTreeSet<ObjectKey>>>,
}

impl Cluster {
    /// Makes one of a client, and asks the cluster what kinds it has.
    ///
    /// # Errors
    ///
    /// Returns why the cluster couldn't be asked.
    pub async fn connect(client: Client) -> Result<Cluster, ClusterError> {
        let (client, left_out) = nesting::shallow(client);
        let served = Served::load(&client).await?;
        Ok(Cluster {
            client,
            served,
            grip: None,
            left_out,
            told: Arc::default(),
        })
    }

    /// Tells of which objects a part is too deep to be read; each is told once. `before` is the count before they were asked for.
    fn tell_left_out<'a>(&self, before: u64, objects: impl IntoIterator<Item = &'a Object>) {
        if self.left_out.load(Ordering::Relaxed) == before {
            return;
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        for object in objects.into_iter().filter(|object| nesting::is_cut(&object.0)) {
            if told.insert(object.key()) {
                tracing::warn!(
                    "{} has a part that is nested too deep to be read; it is left out",
                    object.key()
                );
            }
        }
    }

    /// Returns the same cluster for an operation under way, whose requests wait a minute for an API server that is gone: a restart of
    /// it must not fail what was going well. Nothing is tried again while somebody else could have taken the lock.
    pub(crate) fn under(&self, grip: LeaseGuard) -> Cluster {
        Cluster {
            grip: Some(grip),
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

    /// Deletes one object, if it still has this UID and this version.
    ///
    /// # Errors
    ///
    /// Returns why the server refuses.
    pub(crate) async fn delete_version(
        &self,
        key: &ObjectKey,
        uid: &str,
        version: &str,
    ) -> Result<Deletion, ClusterError> {
        let endpoint = self.endpoint_of(key)?;
        let name = object_name(&key.name)?;
        match self.send(&endpoint.delete_version(&name, uid, version)?).await {
            Ok(_) => Ok(Deletion::Accepted(None)),
            // A conflict here is the precondition: somebody has changed it, or another object has the name now.
            Err(ClusterError::NotFound(_) | ClusterError::Moved(_)) => Ok(Deletion::AlreadyGone),
            Err(error) => Err(error),
        }
    }

    /// Applies an object by server-side apply, and returns it as it is afterwards.
    ///
    /// # Errors
    ///
    /// Returns the fields that others own unless they are taken over, or what the server has against the object.
    pub async fn apply(
        &self,
        object: &Object,
        conflicts: Conflicts,
        rehearsal: DryRun,
    ) -> Result<Object, ClusterError> {
        let applied = self
            .apply_with(object, conflicts, UnknownFields::Refused, rehearsal)
            .await;
        applied.map(|(object, _)| object)
    }

    /// Applies an object; where that is wanted without the fields that the server doesn't know, which come back beside it.
    ///
    /// # Errors
    ///
    /// As [`Cluster::apply`].
    pub async fn apply_with(
        &self,
        object: &Object,
        conflicts: Conflicts,
        unknown: UnknownFields,
        rehearsal: DryRun,
    ) -> Result<(Object, Vec<String>), ClusterError> {
        let endpoint = self.endpoint(object)?;
        let force = conflicts == Conflicts::TakeOver;
        let (mut object, mut left_out) = (as_sent(object), Vec::new());
        loop {
            let asked = endpoint.apply(&object, force, unknown, rehearsal == DryRun::DryRun)?;
            match self.send(&asked).await {
                // Server-side apply refuses them whatever `fieldValidation` says.
                Err(ClusterError::Undeclared(fields)) if unknown == UnknownFields::LeftOut => {
                    let before = left_out.len();
                    left_out.extend(
                        fields
                            .iter()
                            .filter(|field| unknown_fields::leave_out(&mut object, field))
                            .cloned(),
                    );
                    if left_out.len() == before {
                        return Err(ClusterError::Undeclared(fields));
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
    /// Returns `AlreadyExists` when its name is taken: after a lost answer, by ourselves.
    pub async fn create(&self, object: &Object, rehearsal: DryRun) -> Result<Object, ClusterError> {
        self.create_with(object, UnknownFields::Refused, rehearsal).await
    }

    /// Creates an object; where that is wanted without the fields that the server doesn't know.
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
        let asked = endpoint.create(&as_sent(object), unknown, rehearsal == DryRun::DryRun)?;
        self.send(&asked).await.map(Object)
    }

    /// Replaces an object that has its `resourceVersion` in it, and returns it as it is afterwards.
    ///
    /// # Errors
    ///
    /// Returns `Moved` when somebody else changed it since.
    pub async fn replace(&self, object: &Object, rehearsal: DryRun) -> Result<Object, ClusterError> {
        self.replace_with(object, UnknownFields::Refused, rehearsal).await
    }

    /// Replaces an object; where that is wanted without the fields that the server doesn't know.
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
        let asked = endpoint.replace(&as_sent(object), unknown, rehearsal == DryRun::DryRun)?;
        self.send(&asked).await.map(Object)
    }

    /// Changes some of an object by a JSON merge patch, if it is still the same one.
    ///
    /// # Errors
    ///
    /// Returns `Moved` when another object has the name now.
    pub async fn merge(&self, key: &ObjectKey, uid: &str, mut patch: Value) -> Result<Object, ClusterError> {
        let endpoint = self.endpoint_of(key)?;
        patch["metadata"]["uid"] = json!(uid);
        let asked = endpoint.merge(&object_name(&key.name)?, &patch)?;
        self.send(&asked).await.map(Object)
    }

    /// Returns what a JSON merge patch would make of an object.
    ///
    /// # Errors
    ///
    /// Returns what the server has against it.
    pub(crate) async fn rehearse_merge(&self, key: &ObjectKey, patch: &Value) -> Result<Object, ClusterError> {
        let endpoint = self.endpoint_of(key)?;
        let asked = endpoint.rehearse_merge(&object_name(&key.name)?, patch)?;
        self.send(&asked).await.map(Object)
    }

    /// Applies an object for somebody else than the application: fields that others own are refused.
    ///
    /// # Errors
    ///
    /// Returns the fields that others own, or what the server has against the object.
    pub(crate) async fn apply_as(&self, object: &Object, manager: &str) -> Result<Object, ClusterError> {
        let endpoint = self.endpoint(object)?;
        let asked = endpoint.apply_as(&as_sent(object), manager, false, UnknownFields::Refused, false)?;
        self.send(&asked).await.map(Object)
    }

    /// Changes some of an object by a JSON merge patch for somebody else than the application.
    ///
    /// # Errors
    ///
    /// Returns what the server has against it.
    pub(crate) async fn merge_as(&self, key: &ObjectKey, manager: &str, patch: &Value) -> Result<Object, ClusterError> {
        let endpoint = self.endpoint_of(key)?;
        let asked = endpoint.merge_as(&object_name(&key.name)?, manager, patch)?;
        self.send(&asked).await.map(Object)
    }

    /// Deletes one object, if it still has this UID. That the server accepted it doesn't mean that it is gone.
    ///
    /// # Errors
    ///
    /// Returns why the server refuses.
    pub async fn delete(
        &self,
        key: &ObjectKey,
        uid: &str,
        propagation: DecidedPropagation,
    ) -> Result<Deletion, ClusterError> {
        let endpoint = self.endpoint_of(key)?;
        match self
            .send(&endpoint.delete(&object_name(&key.name)?, uid, propagation.get())?)
            .await
        {
            Ok(left) => {
                let left = Object(left);
                let is_there = left.kind() != "Status" && left.is_terminating();
                Ok(Deletion::Accepted(is_there.then_some(left)))
            }
            // A conflict here is the precondition: another object has the name now.
            Err(ClusterError::NotFound(_) | ClusterError::Moved(_)) => Ok(Deletion::AlreadyGone),
            Err(error) => Err(error),
        }
    }

    /// Asks the server about ourselves: an object of `authorization.k8s.io` that is answered and never stored.
    ///
    /// # Errors
    ///
    /// Returns why there is no answer.
    pub(crate) async fn ask(&self, resource: &str, review: &Value) -> Result<Value, ClusterError> {
        let kind = review.get("kind").and_then(Value::as_str).unwrap_or_default();
        self.send(&requests::review(resource, kind, review)?).await
    }

    /// Sends a request until it is answered, or trying again makes no sense any more: after 0.1, 0.2, 0.4 and 0.8 seconds, and then
    /// every two for as long as the server's absence is waited out. Everything but watches and logs passes here, every change among it;
    /// what comes back is about what was asked.
    async fn send(&self, asked: &Prepared) -> Result<Value, ClusterError> {
        check_body(asked.body())?;
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE).within(OUTAGE);
        loop {
            let answer = tokio::time::timeout(DEADLINE, self.client.request::<Value>(asked.request())).await;
            let error = match answer {
                Ok(Ok(value)) => return asked.checked(value),
                Ok(Err(error)) => asked.refused(error),
                Err(_) => ClusterError::Timeout(DEADLINE),
            };
            if !error.is_temporary() {
                return Err(error);
            }
            let tries = backoff.failures() + 1;
            if tries >= MOST_TRIES {
                let Some(grip) = self.grip.as_ref().filter(|_| error.is_outage() && !backoff.is_over()) else {
                    return Err(error);
                };
                if tries == MOST_TRIES {
                    tracing::warn!(%error, "the API server can't be reached; trying for a minute");
                }
                if grip.firm().await.is_err() {
                    return Err(error);
                }
            }
            backoff.pause().await;
        }
    }
}

/// Refuses to send back an object of which a part wasn't read: what stands for that part would take its place.
fn check_body(body: &[u8]) -> Result<(), ClusterError> {
    if std::str::from_utf8(body).is_ok_and(|text| text.contains(LEFT_OUT)) {
        let message = "a part of it that is to be kept as it is live is nested too deep to be read";
        return Err(ClusterError::Invalid(message.to_owned()));
    }
    Ok(())
}
