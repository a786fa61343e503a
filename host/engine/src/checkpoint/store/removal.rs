//! Removes stored state that isn't needed any more.
//!
//! A blob that the head doesn't name may be one that another driver is about to name. That driver has an older version of the head,
//! unless it read the head after we wrote it. If it needs a blob that was there before, it changes the blob's resource version
//! (`BlobWriter::mark_reused`). So of the blobs that were listed before we wrote the head, those that still have the listed version aren't needed
//! by any driver that can still write the head.

use capstan_core::{
    model::{object::Object, plugins::Application},
    plan::propagation::DecidedPropagation,
};
use jiff::{SignedDuration, Timestamp};

use super::Store;
use crate::{
    checkpoint::{
        blob::{self, STATE_LABEL, WrittenBlob},
        head::Head,
        lease_guard::LeaseGuard,
    },
    cluster::{Cluster, DeleteOutcome},
    error::EngineError,
};

/// How old a blob is that is removed without having been named by the head that is being replaced: a driver that was about to
/// name it is long gone.
const MIN_ORPHAN_AGE_SECONDS: SignedDuration = SignedDuration::from_hours(24);

impl Store {
    /// Lists the Secrets of one of our types, without their data.
    pub(super) async fn list(&self, kind: &str) -> Result<Vec<Object>, EngineError> {
        let Application { name, namespace } = self.application();
        let (labels, fields) = (format!("{STATE_LABEL}={name}"), format!("type=capstan.dev/{kind}"));
        let kind = blob::secret_key("", "").group_kind();
        let secrets = self.cluster.list_metadata(&kind, namespace, &labels, &fields).await;
        secrets.map_err(EngineError::during("listing what is stored"))
    }

    /// Removes the blobs of an earlier state of the operation that this driver wrote.
    pub(super) async fn discard_superseded(&mut self) {
        let (dropped, kept) = std::mem::take(&mut self.written)
            .into_iter()
            .partition(|made| self.unreferenced.contains(&made.name));
        self.written = kept;
        self.discard(dropped).await;
    }

    /// Removes blobs that nothing names any more, of those that were listed before the head was last written: those that the previous
    /// head named, and those that are a day old. What can't be removed now is removed the next time.
    pub(super) async fn sweep_blobs(&self, listed: Vec<Object>) {
        let made_at =
            |secret: &Object| -> Option<Timestamp> { secret.text("/metadata/creationTimestamp")?.parse().ok() };
        // The age is measured by the server's clock: this operation wrote its newest blob.
        let newest = listed.iter().filter_map(made_at).max().unwrap_or(Timestamp::MIN);
        let is_old =
            |secret: &Object| made_at(secret).is_some_and(|at| newest.duration_since(at) >= MIN_ORPHAN_AGE_SECONDS);
        let unneeded = listed.iter().filter(|secret| {
            let name = secret.name();
            !self.referenced.contains(name) && (self.unreferenced.contains(name) || is_old(secret))
        });
        self.discard(unneeded.map(written_blob).collect()).await;
    }

    /// Removes Secrets that the head doesn't name and that still have this version, as long as the lock is held and the head is ours.
    async fn discard(&self, unneeded: Vec<WrittenBlob>) {
        for WrittenBlob {
            name,
            uid,
            resource_version: version,
        } in unneeded
        {
            if self.referenced.contains(&name) || !self.is_ours().await {
                continue;
            }
            let key = blob::secret_key(&self.application().namespace, &name);
            if let Err(error) = self.cluster.delete_version(&key, &uid, &version).await {
                tracing::debug!(%error, secret = name, "an unused blob can't be removed now");
            }
        }
    }

    /// Says whether the lock is held, and nobody else has written the head.
    async fn is_ours(&self) -> bool {
        if let Some(lease_guard) = &self.lease_guard
            && lease_guard.ensure_held().await.is_err()
        {
            return false;
        }
        let Some(stored) = &self.stored else { return false };
        let version = self.cluster.version_of(&stored.key()).await;
        version.is_ok_and(|version| version.as_deref() == Some(stored.resource_version()))
    }

    /// Removes everything that is stored about the application. The head goes first, so that nothing names what is removed after it.
    pub async fn remove(&mut self) -> Result<(), EngineError> {
        let doing = EngineError::during("removing the application's state");
        let blobs = self.list("blob").await?;
        if let Some(stored) = self.stored.take() {
            let (key, uid, version) = (stored.key(), stored.uid(), stored.resource_version());
            let deleted = self.cluster.delete_version(&key, uid, version).await.map_err(&doing)?;
            // We may also have deleted it ourselves, and the answer was lost.
            if deleted == DeleteOutcome::AlreadyGone && self.cluster.version_of(&key).await.map_err(&doing)?.is_some() {
                let why = "its state was changed by somebody else".to_owned();
                return Err(EngineError::LostLock(why));
            }
        }
        self.head = Head::new(self.head.application.clone());
        for WrittenBlob {
            name,
            uid,
            resource_version: version,
        } in blobs.iter().map(written_blob)
        {
            if let Some(lease_guard) = &self.lease_guard {
                lease_guard.ensure_held().await.map_err(EngineError::LostLock)?;
            }
            let key = blob::secret_key(&self.application().namespace, &name);
            self.cluster
                .delete_version(&key, &uid, &version)
                .await
                .map_err(&doing)?;
        }
        Ok(())
    }
}

fn written_blob(secret: &Object) -> WrittenBlob {
    WrittenBlob {
        name: secret.name().to_owned(),
        uid: secret.uid().to_owned(),
        resource_version: secret.resource_version().to_owned(),
    }
}

/// Removes what is stored about an application by its label, without reading it. Returns the number of Secrets.
pub(crate) async fn remove_state(
    cluster: &Cluster,
    application: &Application,
    lease_guard: &LeaseGuard,
) -> Result<usize, EngineError> {
    let doing = EngineError::during("removing the application's state");
    let kind = blob::secret_key("", "").group_kind();
    let labels = format!("{STATE_LABEL}={}", application.name);
    let mut secrets = Vec::new();
    // The head goes first, so that nothing names what is removed after it.
    for of_type in ["head", "blob"] {
        let fields = format!("type=capstan.dev/{of_type}");
        let found = cluster.list_metadata(&kind, &application.namespace, &labels, &fields);
        secrets.extend(found.await.map_err(&doing)?);
    }
    // A head whose label somebody removed.
    let head = blob::secret_key(&application.namespace, &blob::state_name(application));
    if !secrets.iter().any(|secret| secret.name() == head.name)
        && let Some(found) = cluster.get(&head).await.map_err(&doing)?
        && found.text("/type") == Some("capstan.dev/head")
    {
        secrets.insert(0, found);
    }
    for secret in &secrets {
        lease_guard.ensure_held().await.map_err(EngineError::LostLock)?;
        let key = blob::secret_key(&application.namespace, secret.name());
        let deleted = cluster.delete(&key, secret.uid(), DecidedPropagation::for_stored_state());
        deleted.await.map_err(&doing)?;
    }
    Ok(secrets.len())
}
