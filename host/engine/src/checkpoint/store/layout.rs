//! How the head and what belongs to it are stored: in one Secret as long as that is small, else partly in blobs.

use std::collections::BTreeSet;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use capstan_core::model::object::Object;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Store;
use crate::{
    checkpoint::{
        blob::{self, BlobRef},
        head::{FORMAT, Head, HeadReference, StoredParts},
    },
    cluster::DryRun,
    error::{ClusterError, EngineError},
};

/// How often in a row the head is written again over changes that no driver made.
const MAX_WRITE_ATTEMPTS: u32 = 10;
/// The most compressed bytes in one write of the head, with state, view and journal. The largest parts above that go into blobs: the API
/// server accepts about a million bytes, and a write of a small operation should be one request.
const MAX_INLINE_BYTES: usize = 256 * 1024;

/// A document that is stored with the head.
#[derive(Clone)]
pub(super) enum Document {
    /// In the head's own Secret.
    Inline(Vec<u8>),
    /// In a blob.
    Blob(BlobRef),
}

impl Document {
    fn inline_bytes(&self) -> usize {
        match self {
            Document::Inline(packed) => packed.len(),
            Document::Blob(_) => 0,
        }
    }

    fn blob(&self) -> Option<BlobRef> {
        match self {
            Document::Inline(_) => None,
            Document::Blob(blob) => Some(blob.clone()),
        }
    }
}

/// An operation at one moment: its state, its view and the page of its journal that isn't full, compressed.
#[derive(Clone)]
pub(super) struct Progress {
    pub(super) state: Document,
    /// `None` if it was too large to be stored.
    pub(super) view: Option<Document>,
    pub(super) page: Option<Document>,
}

impl Progress {
    pub(super) fn from_secret(secret: &Object, parts: &StoredParts) -> Option<Progress> {
        let document = |key: &str, blob: &Option<BlobRef>| match blob {
            Some(blob) => Some(Document::Blob(blob.clone())),
            None => blob::data(secret, key).map(Document::Inline),
        };
        let page = document("journal", &parts.journal);
        Some(Progress {
            state: document("state", &parts.state)?,
            view: document("view", &parts.view),
            // Version 0.1.0 stored an empty one.
            page: page.filter(|page| !matches!(page, Document::Inline(bytes) if bytes.is_empty())),
        })
    }

    fn documents(&mut self) -> impl Iterator<Item = &mut Document> {
        [Some(&mut self.state), self.view.as_mut(), self.page.as_mut()]
            .into_iter()
            .flatten()
    }
}

impl Store {
    pub(super) async fn document<T: DeserializeOwned>(&self, document: &Document) -> Result<T, EngineError> {
        match document {
            Document::Inline(packed) => blob::unpack(packed),
            Document::Blob(blob) => self.read_blob(blob).await,
        }
    }

    /// Stores the head. If it is too large, it is stored without what only people read.
    pub async fn write(&mut self) -> Result<(), EngineError> {
        self.head.writes += 1;
        self.head.written_by.clone_from(&self.writer);
        let mut written = self.write_with(MAX_INLINE_BYTES).await;
        if is_too_large(&written) {
            written = self.write_with(0).await;
        }
        if is_too_large(&written) {
            tracing::warn!("the operation's view is too large to be stored; the operation continues without it");
            if let Some(progress) = &mut self.progress {
                (progress.view, progress.page) = (None, None);
            }
            if let Some(current) = &mut self.head.current {
                current.journal = None;
            }
            self.pages.clear();
            written = self.write_with(0).await;
        }
        written?;
        self.discard_superseded().await;
        Ok(())
    }

    /// Stores the head with at most `most` compressed bytes in one write. The rest is written into blobs first.
    async fn write_with(&mut self, most: usize) -> Result<(), EngineError> {
        let (data, parts) = self.lay_out(most).await?;
        let name = blob::state_name(self.application());
        let mut secret = blob::secret(self.application(), &name, "head", data);
        let mut tries = 0;
        loop {
            tries += 1;
            let written = match &self.stored {
                None => self.cluster.create(&secret, DryRun::No).await,
                Some(stored) => {
                    secret.set_metadata_text("resourceVersion", stored.resource_version());
                    self.cluster.replace(&secret, DryRun::No).await
                }
            };
            match written {
                Ok(stored) => {
                    self.stored = Some(stored);
                    break;
                }
                Err(ClusterError::ObjectChanged(_) | ClusterError::AlreadyExists(_)) if tries < MAX_WRITE_ATTEMPTS => {
                    if self.is_own_write_stored().await? {
                        break;
                    }
                }
                Err(error) => return Err(EngineError::during("storing how far the operation is")(error)),
            }
        }
        let mut named: BTreeSet<String> = self.head.blobs().into_iter().map(str::to_owned).collect();
        named.extend(parts.names().map(str::to_owned));
        self.unreferenced.extend(std::mem::replace(&mut self.referenced, named));
        self.unreferenced.retain(|name| !self.referenced.contains(name));
        self.head_blob = parts.head;
        self.last_write = (self.head.written_by.clone(), self.head.writes);
        Ok(())
    }

    /// Puts the documents into the head's Secret, and those that don't fit into blobs. Returns the Secret's data.
    async fn lay_out(&mut self, most: usize) -> Result<(Value, StoredParts), EngineError> {
        let mut progress = self.progress.take();
        let laid_out = self.lay_out_with(most, progress.as_mut()).await;
        self.progress = progress;
        laid_out
    }

    async fn lay_out_with(
        &mut self,
        most: usize,
        mut progress: Option<&mut Progress>,
    ) -> Result<(Value, StoredParts), EngineError> {
        let mut head = blob::pack(&self.head)?;
        let mut parts = StoredParts::default();
        if head.data.len() > most {
            // The rest of the head hardly ever changes.
            let steady = Head {
                written_by: String::new(),
                writes: 0,
                ..self.head.clone()
            };
            let steady = blob::pack(&steady)?;
            let known = self.head_blob.clone();
            let known = known.filter(|blob| blob.sha256 == blob::sha256(&steady.data));
            parts.head = Some(match known {
                Some(blob) => blob,
                None => self.store_packed(&steady).await?,
            });
            head = blob::pack(&HeadReference {
                format: FORMAT,
                written_by: self.head.written_by.clone(),
                writes: self.head.writes,
            })?;
        }
        if let Some(progress) = &mut progress {
            let mut rest: usize = head.data.len()
                + progress
                    .documents()
                    .map(|document| document.inline_bytes())
                    .sum::<usize>();
            while rest > most.max(head.data.len())
                && let Some(largest) = progress.documents().max_by_key(|document| document.inline_bytes())
                && let Document::Inline(packed) = largest
            {
                rest -= packed.len();
                let packed = std::mem::take(packed);
                match self.store_bytes(packed.clone()).await {
                    Ok(blob) => *largest = Document::Blob(blob),
                    Err(error) => {
                        *largest = Document::Inline(packed);
                        return Err(error);
                    }
                }
            }
        }
        let mut data = json!({ "head": BASE64_STANDARD.encode(&head.data) });
        if let Some(progress) = progress {
            parts.state = progress.state.blob();
            parts.view = progress.view.as_ref().and_then(Document::blob);
            parts.journal = progress.page.as_ref().and_then(Document::blob);
            let documents = [
                ("state", Some(&progress.state)),
                ("view", progress.view.as_ref()),
                ("journal", progress.page.as_ref()),
            ];
            for (key, document) in documents {
                if let Some(Document::Inline(packed)) = document {
                    data[key] = json!(BASE64_STANDARD.encode(packed));
                }
            }
        }
        if parts != StoredParts::default() {
            data["parts"] = json!(BASE64_STANDARD.encode(blob::pack(&parts)?.data));
        }
        Ok((data, parts))
    }

    /// Called after a conflict. Returns `true` when the head on the server is our own write, whose answer was lost and which was sent
    /// again. Returns `false` when the head has to be written again, since only others than drivers changed the object. Fails when
    /// another driver has taken over.
    async fn is_own_write_stored(&mut self) -> Result<bool, EngineError> {
        let now = Store::open(&self.cluster, self.application(), self.writer.clone()).await?;
        if now.stored.is_none() {
            return Err(EngineError::LostLock("its state was removed".to_owned()));
        }
        let (writer, writes) = (now.head.written_by, now.head.writes);
        let is_ours = writer == self.head.written_by && writes <= self.head.writes;
        if !is_ours && (&writer, writes) != (&self.last_write.0, self.last_write.1) {
            return Err(EngineError::LostLock(format!("{writer} has written its state")));
        }
        self.stored = now.stored;
        Ok(is_ours && writes == self.head.writes)
    }
}

fn is_too_large(written: &Result<(), EngineError>) -> bool {
    matches!(written, Err(EngineError::Cluster { source, .. }) if source.is_too_large())
}
