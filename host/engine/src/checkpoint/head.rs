//! The head: what is stored about an application.

use std::collections::BTreeSet;

use capstan_core::{
    model::{
        compat::Mode,
        hook::{HookOutcome, RunId, Ttl},
        operation_kind::{OperationKind, Purpose},
        phase::Phase,
        plugins::Application,
        revision::Revision,
        wave::Wave,
    },
    plan::{
        hook_record::HookRecords,
        task::{PolicyUse, TaskId},
    },
    read::sync_options::SyncOptions,
    run::{event::OperationStatus, operation::ScheduledDeletion},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::blob::BlobRef;
use crate::planning::Place;

/// The version of the stored form: read by this version and later ones.
///
/// 2 has digests of blobs, and parts beside the head. Version 0.1.0 reads 1, and says of 2 that it is newer.
pub(super) const FORMAT: u32 = 2;

/// The head of an application: the one stored object that is changed in place.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Head {
    pub format: u32,
    pub application: Application,
    /// The driver that wrote the head last. Together with `writes`, a driver recognises its own write after a lost answer.
    pub written_by: String,
    pub writes: u64,
    /// The value of the Lease's mark when the head was first written; empty if version 0.1.0 did that.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub mark: String,
    /// The number of operations so far.
    pub operations: u64,
    /// The kinds and namespaces in which the application may have objects.
    pub places: BTreeSet<Place>,
    /// The manifests of the last sync that was started.
    pub manifests: Option<BlobRef>,
    /// The inventory: the objects that operations created. Version 0.1.0 stored none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory: Option<BlobRef>,
    /// The operation that isn't finished.
    pub current: Option<CurrentOperation>,
    /// The last finished operations, oldest first.
    pub history: Vec<PastOperation>,
    /// The objects of hooks that are to be deleted later.
    pub due: Vec<DueObject>,
    /// Whether a sync has ever succeeded, or objects of the set were there before the first one.
    pub was_deployed: bool,
    /// The rules and options of the last sync that was started. A deletion follows them.
    #[serde(default)]
    pub mode: Mode,
    #[serde(default)]
    pub options: SyncOptions,
    /// What later operations need to know of earlier runs of the hooks.
    #[serde(default)]
    pub hooks: HookRecords,
}

/// The parts of an application's state that are stored in blobs, since they are too large to be stored with the head.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredParts {
    /// The head itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<BlobRef>,
    /// The operation's state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<BlobRef>,
    /// The operation's view, as `status` shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<BlobRef>,
    /// The page of its journal that isn't full yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal: Option<BlobRef>,
}

impl StoredParts {
    /// Lists the Secrets of these blobs.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let all = [&self.head, &self.state, &self.view, &self.journal];
        all.into_iter()
            .flatten()
            .flat_map(|blob| blob.parts.iter().map(String::as_str))
    }
}

/// The content of the head's Secret when the head itself is stored in a blob.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HeadReference {
    /// The version of the stored form.
    pub format: u32,
    /// The version of Capstan that wrote it, as in [`Head`].
    pub written_by: String,
    /// The number of writes so far, as in [`Head`].
    pub writes: u64,
}

impl Head {
    pub(super) fn new(application: Application) -> Head {
        Head {
            format: FORMAT,
            application,
            written_by: String::new(),
            writes: 0,
            mark: String::new(),
            operations: 0,
            places: BTreeSet::new(),
            manifests: None,
            inventory: None,
            current: None,
            history: Vec::new(),
            due: Vec::new(),
            was_deployed: false,
            mode: Mode::Native,
            options: SyncOptions::default(),
            hooks: HookRecords::new(),
        }
    }

    /// Lists every blob that is still needed.
    pub(super) fn blobs(&self) -> BTreeSet<&str> {
        let current = self.current.iter().flat_map(|current| {
            let logs = current.logs.iter().map(|kept| &kept.blob);
            let pages = current.journal.iter().flatten();
            [&current.plan]
                .into_iter()
                .chain(&current.manifests)
                .chain(logs)
                .chain(pages)
        });
        let past = self.history.iter().flat_map(|past| {
            let logs = past.logs.iter().map(|kept| &kept.blob);
            let journal = past.journal.iter().flat_map(StoredJournal::blobs);
            [&past.view]
                .into_iter()
                .chain(&past.manifests)
                .chain(logs)
                .chain(journal)
        });
        let all = self.manifests.iter().chain(&self.inventory).chain(current).chain(past);
        all.flat_map(|blob| blob.parts.iter().map(String::as_str)).collect()
    }
}

/// An operation that isn't finished.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CurrentOperation {
    /// The operation's ID.
    pub id: String,
    /// Whether the operation syncs or deletes the application.
    #[serde(rename = "does")]
    pub operation_kind: OperationKind,
    /// Whether it is a usual operation, a rollback or a test.
    #[serde(default, skip_serializing_if = "Purpose::is_deploy")]
    pub purpose: Purpose,
    /// The user or machine that started it.
    #[serde(rename = "by")]
    pub started_by: String,
    /// When it was started.
    pub started_at: Timestamp,
    /// A digest of the manifests it was planned from.
    #[serde(rename = "digest")]
    pub manifests_digest: String,
    /// A digest of the whole request, with manifests and options; empty if version 0.1.0 started it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[serde(rename = "request")]
    pub request_digest: String,
    /// The revision of the sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Revision>,
    pub(crate) plan: BlobRef,
    #[serde(default)]
    pub(crate) manifests: Option<BlobRef>,
    pub(crate) logs: Vec<StoredLogs>,
    /// The full pages of its journal; `None` if a version started it that keeps no journal.
    #[serde(default)]
    pub(crate) journal: Option<Vec<BlobRef>>,
}

impl CurrentOperation {
    /// Says whether the operation was started by a request with this digest.
    pub fn matches_request(&self, request: &str) -> bool {
        !self.request_digest.is_empty() && self.request_digest == request
    }
}

/// A finished operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PastOperation {
    /// The operation's ID.
    pub id: String,
    /// Whether the operation synced or deleted the application.
    #[serde(rename = "does")]
    pub operation_kind: OperationKind,
    /// Whether it was a usual operation, a rollback or a test.
    #[serde(default, skip_serializing_if = "Purpose::is_deploy")]
    pub purpose: Purpose,
    /// The user or machine that started it.
    #[serde(rename = "by")]
    pub started_by: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// The final status.
    pub status: OperationStatus,
    /// A digest of the manifests it was planned from.
    #[serde(default)]
    #[serde(rename = "digest")]
    pub manifests_digest: String,
    /// The revision of the sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Revision>,
    #[serde(default)]
    pub(crate) manifests: Option<BlobRef>,
    pub(crate) view: BlobRef,
    pub(crate) logs: Vec<StoredLogs>,
    #[serde(default)]
    pub(crate) journal: Option<StoredJournal>,
}

/// What is needed to replay an operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredJournal {
    pub plan: BlobRef,
    pub pages: Vec<BlobRef>,
}

impl StoredJournal {
    pub(super) fn blobs(&self) -> impl Iterator<Item = &BlobRef> {
        std::iter::once(&self.plan).chain(&self.pages)
    }
}

/// The kept logs of one hook.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StoredLogs {
    /// The hook's task.
    pub task: TaskId,
    pub(crate) blob: BlobRef,
}

/// The last lines that one container wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerLogs {
    /// The pod's name.
    pub pod: String,
    /// The container's name.
    pub container: String,
    /// The lines that were kept.
    pub lines: Vec<String>,
    /// When each of them was read, in whole milliseconds. Version 0.1.0 stored none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub times: Vec<Timestamp>,
    /// Whether there were lines before these.
    pub is_cut: bool,
}

/// An object of a hook that is to be deleted later, with everything that its delete policies are told when they are asked again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DueObject {
    /// The object, when it is to be deleted, and the policy that decided so.
    pub due: ScheduledDeletion,
    /// The id of the operation that left it.
    pub operation: String,
    /// The hook's task in that operation.
    pub task: TaskId,
    pub(crate) run: RunId,
    pub(crate) phase: Phase,
    pub(crate) wave: Wave,
    pub(crate) outcome: Option<HookOutcome>,
    pub(crate) policies: Vec<PolicyUse>,
    pub(crate) ttl: Ttl,
    pub(crate) runs_to_completion: bool,
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub(crate) settings: serde_json::Map<String, serde_json::Value>,
}
