//! The history of changes, which watches read. Old changes are dropped.

use std::{collections::VecDeque, sync::Arc};

use serde_json::Value;

use super::Kind;

/// How many changes are kept. A watch from an older revision gets an error that it expired.
const MAX_ENTRIES: usize = 20_000;

/// The type of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeType {
    /// The object was created.
    Added,
    /// The object was changed.
    Modified,
    /// The object was removed.
    Deleted,
}

/// A change of one object.
#[derive(Clone, Debug)]
pub struct HistoryEntry {
    /// The revision of the change.
    pub revision: u64,
    /// The type of the change.
    pub change: ChangeType,
    /// The kind of the object.
    pub kind: Kind,
    /// The object after the change; a removed object has the revision of its removal.
    pub object: Arc<Value>,
    /// The object before the change, so that a watch detects when it enters or leaves a selection.
    pub before: Option<Arc<Value>>,
}

/// The changes that are kept.
#[derive(Clone, Debug, Default)]
pub struct History {
    entries: VecDeque<HistoryEntry>,
    compacted: u64,
}

impl History {
    /// Returns the changes after a revision, or the oldest available revision when they were dropped.
    pub fn since(&self, revision: u64) -> Result<impl Iterator<Item = &HistoryEntry>, u64> {
        if revision < self.compacted {
            return Err(self.compacted);
        }
        let from = self.entries.partition_point(|entry| entry.revision <= revision);
        Ok(self.entries.range(from..))
    }

    pub(super) fn push(&mut self, entry: HistoryEntry) {
        self.entries.push_back(entry);
        if self.entries.len() > MAX_ENTRIES
            && let Some(oldest) = self.entries.pop_front()
        {
            self.compacted = oldest.revision;
        }
    }

    pub(super) fn compact(&mut self, revision: u64) {
        self.entries.retain(|entry| entry.revision > revision);
        self.compacted = self.compacted.max(revision);
    }
}
