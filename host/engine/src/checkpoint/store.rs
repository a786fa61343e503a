//! Reads and writes what is stored about one application.

mod layout;
mod read;
mod removal;

use std::collections::BTreeSet;

use capstan_core::{
    model::{
        object::Object,
        operation_kind::{OperationKind, Purpose},
        plugins::Application,
    },
    plan::{Plan, task::TaskId},
    run::{event::OperationStatus, operation::OperationState, view::OperationView},
};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

use self::layout::{Document, Progress};
pub(crate) use self::removal::remove_state;
use super::{
    blob::{self, BlobRef, BlobWriter, Packed, STATE_LABEL, WrittenBlob},
    head::{
        ContainerLogs, CurrentOperation, DueObject, FORMAT, Head, HeadReference, PastOperation, StoredJournal,
        StoredLogs, StoredParts,
    },
    lease_guard::LeaseGuard,
    size::PackedPlan,
};
use crate::{
    cluster::Cluster,
    error::{ClusterError, EngineError},
    journal::{Journal, Page},
    planning::PreparedPlan,
};

/// How many finished operations are kept.
const MAX_HISTORY: usize = 10;
/// The most compressed bytes of a view. Of a larger one, only the state of each task is stored.
const MAX_VIEW_BYTES: usize = 4 * 1024 * 1024;
/// The most bytes of logs of an application, before they are compressed; the oldest are removed first.
const MAX_LOG_BYTES: u64 = 2 * 1024 * 1024;
/// The most compressed bytes of journals and their plans of an application; the oldest are removed first.
const MAX_JOURNAL_BYTES: u64 = 8 * 1024 * 1024;

/// What is stored about one application, as it was last read or written.
pub(crate) struct Store {
    cluster: Cluster,
    lease_guard: Option<LeaseGuard>,
    writer: String,
    pub head: Head,
    /// The blob that the head is in, if it is too large for its own Secret.
    head_blob: Option<BlobRef>,
    /// The progress of the operation that isn't finished.
    progress: Option<Progress>,
    /// Full pages of its journal that aren't stored yet.
    pages: Vec<Document>,
    /// The head's Secret as the server has it; `None` before it is first written.
    stored: Option<Object>,
    /// The driver that wrote that, and its number of writes.
    last_write: (String, u64),
    /// The Secrets that the head names.
    referenced: BTreeSet<String>,
    /// Secrets that the head named before and doesn't any more.
    unreferenced: BTreeSet<String>,
    /// The blobs that were written since it was opened.
    written: Vec<WrittenBlob>,
}

/// Says whether anything is stored about an application.
pub async fn is_stored(cluster: &Cluster, application: &Application) -> Result<bool, ClusterError> {
    let key = blob::secret_key(&application.namespace, &blob::state_name(application));
    Ok(cluster.get(&key).await?.is_some())
}

impl Store {
    /// Reads the stored state of an application. What isn't stored yet is empty.
    pub async fn open(cluster: &Cluster, application: &Application, writer: String) -> Result<Store, EngineError> {
        let key = blob::secret_key(&application.namespace, &blob::state_name(application));
        let stored = cluster
            .get(&key)
            .await
            .map_err(EngineError::during("reading the application's state"))?;
        let mut store = Store {
            cluster: cluster.clone(),
            lease_guard: None,
            writer,
            head: Head::new(application.clone()),
            head_blob: None,
            progress: None,
            pages: Vec::new(),
            stored: None,
            last_write: Default::default(),
            referenced: BTreeSet::new(),
            unreferenced: BTreeSet::new(),
            written: Vec::new(),
        };
        let Some(secret) = stored else { return Ok(store) };
        let packed =
            blob::data(&secret, "head").ok_or_else(|| EngineError::InvalidState(format!("{key} has no `head`")))?;
        let value: Value = blob::unpack(&packed)?;
        check_format(&value)?;
        let parts: StoredParts = match blob::data(&secret, "parts") {
            Some(packed) => blob::unpack(&packed)?,
            None => StoredParts::default(),
        };
        let wrong = |error: serde_json::Error| EngineError::InvalidState(error.to_string());
        store.head = match &parts.head {
            None => serde_json::from_value(value).map_err(wrong)?,
            Some(blob) => {
                let stub: HeadReference = serde_json::from_value(value).map_err(wrong)?;
                let value: Value = blob::read(cluster, application, blob).await?;
                check_format(&value)?;
                let head: Head = serde_json::from_value(value).map_err(wrong)?;
                Head {
                    written_by: stub.written_by,
                    writes: stub.writes,
                    ..head
                }
            }
        };
        if store.head.application != *application {
            let Application { name, namespace } = &store.head.application;
            return Err(EngineError::InvalidState(format!(
                "{key} is about the application {name} in namespace {namespace}"
            )));
        }
        store.last_write = (store.head.written_by.clone(), store.head.writes);
        store.head.format = FORMAT;
        store.progress = Progress::from_secret(&secret, &parts);
        // A driver that resumes an operation starts a new page.
        let page = store.progress.as_ref().and_then(|progress| progress.page.clone());
        store.pages.extend(page);
        store.head_blob.clone_from(&parts.head);
        store.referenced = store.head.blobs().into_iter().map(str::to_owned).collect();
        store.referenced.extend(parts.names().map(str::to_owned));
        store.stored = Some(secret);
        Ok(store)
    }

    /// Returns the same store for the driver that holds a lock.
    pub fn with_lease_guard(mut self, lease_guard: LeaseGuard) -> Store {
        self.cluster = self.cluster.with_lease_guard(lease_guard.clone());
        self.lease_guard = Some(lease_guard);
        self
    }

    pub fn exists(&self) -> bool {
        self.stored.is_some()
    }

    fn application(&self) -> &Application {
        &self.head.application
    }

    pub(super) async fn store_value(&mut self, value: &impl serde::Serialize) -> Result<BlobRef, EngineError> {
        self.store_packed(&blob::pack(value)?).await
    }

    async fn store_packed(&mut self, packed: &Packed) -> Result<BlobRef, EngineError> {
        let mut writer = BlobWriter {
            cluster: &self.cluster,
            application: &self.head.application,
            referenced: self.referenced.clone(),
            written: Vec::new(),
        };
        let blob = writer.write(packed).await;
        let made = writer.written;
        self.written.extend(made);
        blob
    }

    async fn store_bytes(&mut self, bytes: Vec<u8>) -> Result<BlobRef, EngineError> {
        self.store_packed(&Packed { data: bytes, bytes: 0 }).await
    }

    pub(super) async fn read_blob<T: DeserializeOwned>(&self, blob: &BlobRef) -> Result<T, EngineError> {
        blob::read(&self.cluster, self.application(), blob).await
    }

    /// Stores a plan that is about to be run, and returns the operation's id.
    pub async fn begin(
        &mut self,
        planned: &PreparedPlan,
        prepared: &PackedPlan,
        by: &str,
        digest: &str,
        at: Timestamp,
    ) -> Result<String, EngineError> {
        let plan = self.store_packed(&prepared.plan).await?;
        if let Some(manifests) = &prepared.manifests {
            self.head.manifests = Some(self.store_packed(manifests).await?);
            self.head.mode = planned.plan.mode;
            self.head.options = planned.plan.sync_options.clone();
        }
        self.head.was_deployed |= planned.was_installed;
        self.head.operations += 1;
        let Application { name, namespace } = self.application();
        // The number is for people. The rest tells operations apart when an application is deleted and created again.
        let unique = capstan_core::model::hook::short_hash(&[namespace, name, &at.to_string()]);
        let id = format!("{}-{}", self.head.operations, unique.get(..5).unwrap_or_default());
        self.head.places.extend(planned.places.iter().cloned());
        self.head.current = Some(CurrentOperation {
            id: id.clone(),
            operation_kind: planned.plan.operation_kind,
            purpose: planned.plan.purpose,
            started_by: by.to_owned(),
            started_at: at,
            manifests_digest: digest.to_owned(),
            request_digest: planned.request_digest.clone(),
            revision: planned.revision.clone(),
            plan,
            manifests: self.head.manifests.clone(),
            logs: Vec::new(),
            journal: Some(Vec::new()),
        });
        self.progress = None;
        self.pages.clear();
        self.write().await?;
        Ok(id)
    }

    /// Stores the state of the operation and its view.
    pub async fn save(
        &mut self,
        state: &OperationState,
        view: &OperationView,
        journal: &Journal,
    ) -> Result<(), EngineError> {
        let page = self.store_full_pages(journal).await?;
        let mut packed = blob::pack(view)?.data;
        if packed.len() > MAX_VIEW_BYTES {
            packed = blob::pack(&view.shortened())?.data;
        }
        self.progress = Some(Progress {
            state: Document::Inline(blob::pack(state)?.data),
            view: (packed.len() <= MAX_VIEW_BYTES).then_some(Document::Inline(packed)),
            page: (!page.is_empty()).then_some(Document::Inline(page)),
        });
        self.write().await
    }

    /// Returns how many compressed bytes the last `save` had, blobs included.
    pub fn last_write_bytes(&self) -> u64 {
        let weigh = |document: &Document| match document {
            Document::Inline(packed) => packed.len() as u64,
            Document::Blob(blob) => blob.packed,
        };
        let Some(progress) = &self.progress else { return 0 };
        let rest = [&progress.view, &progress.page].into_iter().flatten();
        weigh(&progress.state) + rest.map(weigh).sum::<u64>()
    }

    /// Stores the full pages of a journal, and returns the page that isn't full.
    async fn store_full_pages(&mut self, journal: &Journal) -> Result<Vec<u8>, EngineError> {
        if self
            .head
            .current
            .as_ref()
            .is_none_or(|current| current.journal.is_none())
        {
            return Ok(Vec::new());
        }
        let open = match journal.page() {
            Page::Open(page) => page,
            Page::Full(page) => {
                self.pages.push(Document::Inline(page));
                Vec::new()
            }
        };
        while let Some(page) = self.pages.first().cloned() {
            let blob = match page {
                Document::Inline(page) => self.store_bytes(page).await?,
                Document::Blob(blob) => blob,
            };
            let current = self.head.current.as_mut();
            if let Some(pages) = current.and_then(|current| current.journal.as_mut()) {
                pages.push(blob);
            }
            self.pages.remove(0);
        }
        Ok(open)
    }

    /// Stores the logs of a hook, and returns how many bytes they have.
    pub async fn store_logs(&mut self, task: &TaskId, streams: &[ContainerLogs]) -> Result<u64, EngineError> {
        let bytes = streams
            .iter()
            .flat_map(|stream| &stream.lines)
            .map(|line| line.len() as u64 + 1)
            .sum();
        if bytes == 0 {
            return Ok(0);
        }
        let blob = self.store_value(&streams).await?;
        if let Some(current) = &mut self.head.current {
            current.logs.retain(|kept| kept.task != *task);
            current.logs.push(StoredLogs {
                task: task.clone(),
                blob,
            });
        }
        self.write().await?;
        Ok(bytes)
    }

    /// Stores the end of the operation, and removes what is no longer needed.
    pub async fn finish(
        &mut self,
        plan: &Plan,
        view: &OperationView,
        status: &OperationStatus,
        due: Vec<DueObject>,
        journal: &Journal,
        at: Timestamp,
    ) -> Result<(), EngineError> {
        let last_page = self.store_full_pages(journal).await?;
        let Some(current) = self.head.current.clone() else {
            return Ok(());
        };
        let mut journal = current.journal.map(|pages| StoredJournal {
            plan: current.plan,
            pages,
        });
        if let Some(journal) = journal.as_mut().filter(|_| !last_page.is_empty()) {
            journal.pages.push(self.store_bytes(last_page).await?);
        }
        capstan_core::run::remember::record_operation(&mut self.head.hooks, plan, view, at);
        // Objects that hooks applied are found again by their label, if they have one.
        let touched = view.tasks.iter().flat_map(|task| &task.modified_objects);
        let places = touched.map(|(key, _)| (key.group_kind(), key.namespace.clone()));
        self.head.places.extend(places);
        let mut packed = blob::pack(view)?;
        if packed.data.len() > MAX_VIEW_BYTES {
            packed = blob::pack(&view.shortened())?;
        }
        let view = self.store_packed(&packed).await?;
        self.head.current = None;
        let deploys = current.operation_kind == OperationKind::Sync && current.purpose != Purpose::Test;
        self.head.was_deployed |= *status == OperationStatus::Succeeded && deploys;
        self.head.due.extend(due);
        self.head.history.push(PastOperation {
            id: current.id,
            operation_kind: current.operation_kind,
            purpose: current.purpose,
            started_by: current.started_by,
            started_at: current.started_at,
            finished_at: at,
            status: status.clone(),
            manifests_digest: current.manifests_digest,
            revision: current.revision,
            manifests: current.manifests,
            view,
            logs: current.logs,
            journal,
        });
        let too_many = self.head.history.len().saturating_sub(MAX_HISTORY);
        self.head.history.drain(..too_many);
        let history = &mut self.head.history;
        trim(history, MAX_LOG_BYTES, log_bytes, |past| past.logs.clear());
        trim(history, MAX_JOURNAL_BYTES, journal_bytes, |past| past.journal = None);
        self.progress = None;
        let listed = self.list("blob").await;
        self.write().await?;
        self.sweep_blobs(listed.unwrap_or_default()).await;
        Ok(())
    }
}

/// Lists the applications of a namespace, by name, each with the version of its head: while that is the same, nothing was stored.
pub(crate) async fn applications(
    cluster: &Cluster,
    namespace: &str,
) -> Result<Vec<(Application, String)>, EngineError> {
    let kind = blob::secret_key("", "").group_kind();
    let heads = cluster
        .list_metadata(&kind, namespace, STATE_LABEL, "type=capstan.dev/head")
        .await;
    let heads = heads.map_err(EngineError::during("listing the applications"))?;
    let mut found: Vec<(Application, String)> = heads
        .iter()
        .filter_map(|secret| {
            let application = Application {
                name: secret.label(STATE_LABEL)?.to_owned(),
                namespace: secret.namespace().to_owned(),
            };
            Some((application, secret.resource_version().to_owned()))
        })
        .collect();
    found.sort();
    Ok(found)
}

/// Returns an error if a newer version stored the head.
fn check_format(head: &Value) -> Result<(), EngineError> {
    match head.get("format").and_then(Value::as_u64) {
        Some(format) if format > u64::from(FORMAT) => {
            Err(newer_format_error(u32::try_from(format).unwrap_or(u32::MAX)))
        }
        Some(_) | None => Ok(()),
    }
}

fn newer_format_error(format: u32) -> EngineError {
    EngineError::InvalidState(format!(
        "its format {format} is newer than this capstan, which reads up to {FORMAT}; use a newer version of Capstan"
    ))
}

/// Removes something of the oldest operations until the rest has at most `most` bytes.
fn trim(
    history: &mut [PastOperation],
    most: u64,
    bytes: impl Fn(&PastOperation) -> u64,
    forget: impl Fn(&mut PastOperation),
) {
    let mut sum = 0;
    for past in history.iter_mut().rev() {
        sum += bytes(past);
        if sum > most {
            forget(past);
        }
    }
}

fn log_bytes(past: &PastOperation) -> u64 {
    past.logs.iter().map(|kept| kept.blob.bytes).sum()
}

fn journal_bytes(past: &PastOperation) -> u64 {
    let blobs = past.journal.iter().flat_map(StoredJournal::blobs);
    blobs.map(|blob| blob.packed).sum()
}
