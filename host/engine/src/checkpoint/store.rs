//! Reads and writes what is stored about one application.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use capstan_core::{
    deletion::DecidedPropagation,
    event::Status,
    manifest::Manifest,
    object::Object,
    operation::{Operation, OperationState},
    operation_kind::{OperationKind, Purpose},
    plan::Plan,
    plugins::Application,
    record,
    task::TaskId,
    view::OperationView,
};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    blob::{self, BlobRef, STATE_OF},
    grip::Grip,
    head::{Current, DueObject, FORMAT, Head, KeptJournal, KeptLogs, Past, Streams},
};
use crate::{
    cluster::{Cluster, Rehearsal},
    error::{ClusterError, EngineError},
    journal::{self, Journal, Kept, Page},
    planning::Planned,
};

/// How many operations are remembered.
const MOST_PAST: usize = 10;
/// How often in a row the head is written over changes that are no driver's.
const MOST_WRITES: u32 = 10;
/// How many bytes of logs are kept for an application, before they are compressed; the oldest go first.
const MOST_LOGS: u64 = 2 * 1024 * 1024;
/// How many bytes of journals and their plans are kept for an application, compressed; the oldest go first.
const MOST_JOURNALS: u64 = 8 * 1024 * 1024;

/// What is stored about one application, as it was last read or written.
pub(crate) struct Store {
    cluster: Cluster,
    writer: String,
    pub head: Head,
    /// How far the operation is that isn't over.
    progress: Option<Progress>,
    /// Full pages of its journal that aren't stored yet.
    pages: Vec<Vec<u8>>,
    /// The head as the server has it; nothing before it was first written.
    stored: Option<Object>,
}

/// An operation at one moment: its state, what it looks like and the open page of its journal, packed.
#[derive(Clone)]
struct Progress {
    state: Vec<u8>,
    view: Vec<u8>,
    page: Vec<u8>,
}

impl Progress {
    fn of(secret: &Object) -> Option<Progress> {
        Some(Progress {
            state: blob::data(secret, "state")?,
            view: blob::data(secret, "view")?,
            page: blob::data(secret, "journal").unwrap_or_default(),
        })
    }
}

impl Store {
    /// Reads what is stored; what isn't there yet is empty.
    pub async fn open(cluster: &Cluster, application: &Application, writer: String) -> Result<Store, EngineError> {
        let key = blob::secret_key(&application.namespace, &blob::name(application));
        let stored = cluster
            .get(&key)
            .await
            .map_err(EngineError::while_("reading the application's state"))?;
        let (head, progress) = match &stored {
            None => (Head::new(application.clone()), None),
            Some(secret) => {
                let head = blob::data(secret, "head")
                    .ok_or_else(|| EngineError::Stored(format!("{key} has no `head`")))
                    .and_then(|packed| parse(&packed))?;
                (head, Progress::of(secret))
            }
        };
        // Who carries on begins a page of its own.
        let pages = progress.iter().map(|progress| progress.page.clone());
        Ok(Store {
            cluster: cluster.clone(),
            writer,
            pages: pages.filter(|page| !page.is_empty()).collect(),
            head,
            progress,
            stored,
        })
    }

    /// Returns the same store for the driver that holds a lock.
    pub fn under(mut self, grip: Grip) -> Store {
        self.cluster = self.cluster.under(grip);
        self
    }

    pub fn exists(&self) -> bool {
        self.stored.is_some()
    }

    fn application(&self) -> &Application {
        &self.head.application
    }

    async fn put(&self, value: &impl serde::Serialize) -> Result<BlobRef, EngineError> {
        blob::write(&self.cluster, self.application(), value).await
    }

    async fn take<T: DeserializeOwned>(&self, blob: &BlobRef) -> Result<T, EngineError> {
        blob::read(&self.cluster, self.application(), blob).await
    }

    /// Stores a plan that is about to be run, and returns the operation's id.
    pub async fn begin(
        &mut self,
        planned: &Planned,
        by: &str,
        digest: &str,
        at: Timestamp,
    ) -> Result<String, EngineError> {
        let plan = self.put(&*planned.plan).await?;
        if planned.plan.does == OperationKind::Sync {
            self.head.manifests = Some(self.put(&*planned.manifests).await?);
            self.head.mode = planned.plan.mode;
            self.head.options = planned.plan.options.clone();
        }
        self.head.operations += 1;
        let Application { name, namespace } = self.application();
        // The number is for people. The rest keeps runs apart when an application is deleted and made anew.
        let unique = capstan_core::hook::short_hash(&[namespace, name, &at.to_string()]);
        let id = format!("{}-{}", self.head.operations, unique.get(..5).unwrap_or_default());
        self.head.places.extend(planned.places.iter().cloned());
        self.head.current = Some(Current {
            id: id.clone(),
            does: planned.plan.does,
            purpose: planned.plan.purpose,
            by: by.to_owned(),
            started_at: at,
            digest: digest.to_owned(),
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

    /// Stores how far the operation is, and what it looks like.
    pub async fn save(
        &mut self,
        state: &OperationState,
        view: &OperationView,
        journal: &Journal,
    ) -> Result<(), EngineError> {
        let page = self.turn_pages(journal).await?;
        self.progress = Some(Progress {
            state: blob::pack(state)?.0,
            view: blob::pack(view)?.0,
            page,
        });
        self.write().await
    }

    /// Stores the full pages of a journal; returns the one that is open.
    async fn turn_pages(&mut self, journal: &Journal) -> Result<Vec<u8>, EngineError> {
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
                self.pages.push(page);
                Vec::new()
            }
        };
        while let Some(page) = self.pages.first() {
            let blob = blob::write_packed(&self.cluster, self.application(), page).await?;
            let current = self.head.current.as_mut();
            if let Some(pages) = current.and_then(|current| current.journal.as_mut()) {
                pages.push(blob);
            }
            self.pages.remove(0);
        }
        Ok(open)
    }

    /// Keeps the logs of a hook; returns how many bytes they are.
    pub async fn keep_logs(&mut self, task: &TaskId, streams: &[Streams]) -> Result<u64, EngineError> {
        let bytes = streams
            .iter()
            .flat_map(|stream| &stream.lines)
            .map(|line| line.len() as u64 + 1)
            .sum();
        if bytes == 0 {
            return Ok(0);
        }
        let blob = self.put(&streams).await?;
        if let Some(current) = &mut self.head.current {
            current.logs.retain(|kept| kept.task != *task);
            current.logs.push(KeptLogs {
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
        status: &Status,
        due: Vec<DueObject>,
        journal: &Journal,
        at: Timestamp,
    ) -> Result<(), EngineError> {
        let last_page = self.turn_pages(journal).await?;
        let Some(current) = self.head.current.clone() else {
            return Ok(());
        };
        let mut journal = current.journal.map(|pages| KeptJournal {
            plan: current.plan,
            pages,
        });
        if let Some(journal) = journal.as_mut().filter(|_| !last_page.is_empty()) {
            let last = blob::write_packed(&self.cluster, self.application(), &last_page).await?;
            journal.pages.push(last);
        }
        record::remember(&mut self.head.hooks, plan, view, at);
        // What hooks applied is found again by its label, where there is any.
        let touched = view.tasks.iter().flat_map(|task| &task.touched);
        let places = touched.map(|(key, _)| (key.group_kind(), key.namespace.clone()));
        self.head.places.extend(places);
        let view = self.put(view).await?;
        self.head.current = None;
        let deploys = current.does == OperationKind::Sync && current.purpose != Purpose::Test;
        self.head.was_deployed |= *status == Status::Succeeded && deploys;
        self.head.due.extend(due);
        self.head.history.push(Past {
            id: current.id,
            does: current.does,
            purpose: current.purpose,
            by: current.by,
            started_at: current.started_at,
            finished_at: at,
            status: status.clone(),
            digest: current.digest,
            revision: current.revision,
            manifests: current.manifests,
            view,
            logs: current.logs,
            journal,
        });
        let too_many = self.head.history.len().saturating_sub(MOST_PAST);
        self.head.history.drain(..too_many);
        let history = &mut self.head.history;
        trim(history, MOST_LOGS, bytes_of_logs, |past| past.logs.clear());
        trim(history, MOST_JOURNALS, bytes_of_journal, |past| past.journal = None);
        self.progress = None;
        self.write().await?;
        self.sweep_blobs().await;
        Ok(())
    }

    /// Stores the head as it is.
    pub async fn write(&mut self) -> Result<(), EngineError> {
        self.head.writes += 1;
        self.head.written_by.clone_from(&self.writer);
        let (head, _) = blob::pack(&self.head)?;
        let mut data = json!({ "head": BASE64_STANDARD.encode(&head) });
        if let Some(Progress { state, view, page }) = &self.progress {
            data["state"] = json!(BASE64_STANDARD.encode(state));
            data["view"] = json!(BASE64_STANDARD.encode(view));
            data["journal"] = json!(BASE64_STANDARD.encode(page));
        }
        let name = blob::name(self.application());
        let mut secret = blob::secret(self.application(), &name, "head", data);
        let mut tries = 0;
        loop {
            tries += 1;
            let written = match &self.stored {
                None => self.cluster.create(&secret, Rehearsal::No).await,
                Some(stored) => {
                    secret.set_meta("resourceVersion", stored.resource_version());
                    self.cluster.replace(&secret, Rehearsal::No).await
                }
            };
            match written {
                Ok(stored) => {
                    self.stored = Some(stored);
                    return Ok(());
                }
                Err(ClusterError::Moved(_) | ClusterError::AlreadyExists(_)) if tries < MOST_WRITES => {
                    if self.look_again().await? {
                        return Ok(());
                    }
                }
                Err(error) => return Err(EngineError::while_("storing how far the operation is")(error)),
            }
        }
    }

    /// Looks behind a conflict, and says whether our own write is there: its answer was lost and it was sent again. If only others
    /// than drivers have touched the object, it has to be written again; another driver has taken over.
    async fn look_again(&mut self) -> Result<bool, EngineError> {
        let now = Store::open(&self.cluster, self.application(), self.writer.clone()).await?;
        let is_ours = now.head.written_by == self.head.written_by;
        if !is_ours && now.stored.is_some() && now.head.writes >= self.head.writes {
            return Err(EngineError::LostLock(format!(
                "{} has written its state",
                now.head.written_by
            )));
        }
        self.stored = now.stored;
        Ok(is_ours && now.head.writes == self.head.writes)
    }

    /// Returns the operation that isn't over, ready to be carried on, and what it looks like.
    pub async fn current(&self) -> Result<Option<(Operation, OperationView)>, EngineError> {
        let Some(current) = &self.head.current else {
            return Ok(None);
        };
        let plan: Plan = self.take(&current.plan).await?;
        if plan.format > capstan_core::plan::FORMAT {
            return Err(newer(plan.format));
        }
        let plan = std::sync::Arc::new(plan);
        if let Some(Progress { state, view, .. }) = &self.progress {
            let operation = Operation::restore(plan, blob::unpack(state)?);
            return Ok(Some((operation, blob::unpack(view)?)));
        }
        let view = OperationView {
            operation: current.id.clone(),
            ..OperationView::default()
        };
        Ok(Some((Operation::new(plan, current.id.clone()), view)))
    }

    /// Returns the manifests of the last sync.
    pub async fn manifests(&self) -> Result<Vec<Manifest>, EngineError> {
        self.manifests_in(self.head.manifests.as_ref()).await
    }

    /// Returns the manifests of an operation that is over; nothing when they were not kept.
    pub async fn manifests_of(&self, past: &Past) -> Result<Vec<Manifest>, EngineError> {
        self.manifests_in(past.manifests.as_ref()).await
    }

    async fn manifests_in(&self, blob: Option<&BlobRef>) -> Result<Vec<Manifest>, EngineError> {
        let Some(blob) = blob else { return Ok(Vec::new()) };
        let objects: Vec<Object> = self.take(blob).await?;
        Ok(objects.into_iter().map(Manifest::new).collect())
    }

    /// Returns what an operation that is over looked like.
    pub async fn view(&self, past: &Past) -> Result<OperationView, EngineError> {
        self.take(&past.view).await
    }

    /// Returns what an operation that is over was told; nothing when that wasn't kept.
    pub async fn journal(&self, past: &Past) -> Result<Option<Kept>, EngineError> {
        let Some(kept) = &past.journal else { return Ok(None) };
        let plan: Plan = self.take(&kept.plan).await?;
        let mut entries = Vec::new();
        for page in &kept.pages {
            let page = blob::read_packed(&self.cluster, self.application(), page).await?;
            entries.extend(journal::read(&page)?);
        }
        Ok(Some(Kept {
            plan: std::sync::Arc::new(plan),
            entries,
        }))
    }

    /// Returns kept logs.
    pub async fn logs(&self, kept: &KeptLogs) -> Result<Vec<Streams>, EngineError> {
        self.take(&kept.blob).await
    }

    /// Removes blobs that nothing names. What can't be removed now will be the next time.
    async fn sweep_blobs(&self) {
        let selector = format!("{STATE_OF}={}", self.application().name);
        let kind = blob::secret_key("", "").group_kind();
        let Ok(secrets) = self.cluster.list(&kind, &self.application().namespace, &selector).await else {
            return;
        };
        let needed = self.head.blobs();
        let is_blob = |secret: &&Object| secret.text("/type") == Some("capstan.dev/blob");
        for secret in secrets
            .iter()
            .filter(is_blob)
            .filter(|secret| !needed.contains(secret.name()))
        {
            let propagation = DecidedPropagation::of_stored_state();
            if let Err(error) = self.cluster.delete(&secret.key(), secret.uid(), propagation).await {
                tracing::debug!(%error, secret = secret.name(), "a blob stays");
            }
        }
    }

    /// Removes everything that is stored about the application.
    pub async fn remove(mut self) -> Result<(), EngineError> {
        self.head = Head::new(self.head.application.clone());
        self.sweep_blobs().await;
        if let Some(stored) = &self.stored {
            let propagation = DecidedPropagation::of_stored_state();
            self.cluster
                .delete(&stored.key(), stored.uid(), propagation)
                .await
                .map_err(EngineError::while_("removing the application's state"))?;
        }
        Ok(())
    }
}

/// Lists the applications of a namespace, by name.
pub(crate) async fn applications(cluster: &Cluster, namespace: &str) -> Result<Vec<Application>, EngineError> {
    let kind = blob::secret_key("", "").group_kind();
    let secrets = cluster.list(&kind, namespace, STATE_OF).await;
    let secrets = secrets.map_err(EngineError::while_("listing the applications"))?;
    let heads = secrets
        .iter()
        .filter(|secret| secret.text("/type") == Some("capstan.dev/head"));
    let mut found: Vec<Application> = heads
        .filter_map(|secret| {
            Some(Application {
                name: secret.label(STATE_OF)?.to_owned(),
                namespace: secret.namespace().to_owned(),
            })
        })
        .collect();
    found.sort();
    Ok(found)
}

fn parse(packed: &[u8]) -> Result<Head, EngineError> {
    let value: Value = blob::unpack(packed)?;
    match value.get("format").and_then(Value::as_u64) {
        Some(format) if format > u64::from(FORMAT) => Err(newer(u32::try_from(format).unwrap_or(u32::MAX))),
        Some(_) | None => serde_json::from_value(value).map_err(|error| EngineError::Stored(error.to_string())),
    }
}

fn newer(format: u32) -> EngineError {
    EngineError::Stored(format!(
        "its format {format} is newer than this capstan, which reads up to {FORMAT}; take a newer capstan"
    ))
}

/// Forgets something of the oldest operations until what is kept of it for the others has at most so many bytes.
fn trim(history: &mut [Past], most: u64, bytes: impl Fn(&Past) -> u64, forget: impl Fn(&mut Past)) {
    let mut sum = 0;
    for past in history.iter_mut().rev() {
        sum += bytes(past);
        if sum > most {
            forget(past);
        }
    }
}

fn bytes_of_logs(past: &Past) -> u64 {
    past.logs.iter().map(|kept| kept.blob.bytes).sum()
}

fn bytes_of_journal(past: &Past) -> u64 {
    let blobs = past.journal.iter().flat_map(KeptJournal::blobs);
    blobs.map(|blob| blob.packed).sum()
}
