//! What happened, in order: the log that watches read, and how much of it is forgotten.

use std::{collections::VecDeque, sync::Arc};

use serde_json::Value;

use super::Kind;

/// How many changes are kept. A watch that wants older ones is told that its revision expired.
const KEPT: usize = 20_000;

/// What a write did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The object is new.
    Added,
    /// The object was there and is different now.
    Modified,
    /// The object is gone.
    Deleted,
}

/// One change.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The revision the change made.
    pub revision: u64,
    /// What happened.
    pub change: Change,
    /// The kind of the object.
    pub kind: Kind,
    /// The object after the change; a deleted one carries the revision of its deletion.
    pub object: Arc<Value>,
    /// The object before the change, so that a watch can tell when it leaves or enters a selection.
    pub before: Option<Arc<Value>>,
}

/// The changes that are still known.
#[derive(Clone, Debug, Default)]
pub struct History {
    entries: VecDeque<Entry>,
    compacted: u64,
}

impl History {
    /// Returns the changes after a revision, or the oldest revision that can be asked for when they are forgotten.
    pub fn since(&self, revision: u64) -> Result<impl Iterator<Item = &Entry>, u64> {
        if revision < self.compacted {
            return Err(self.compacted);
        }
        let from = self.entries.partition_point(|entry| entry.revision <= revision);
        Ok(self.entries.range(from..))
    }

    pub(super) fn push(&mut self, entry: Entry) {
        self.entries.push_back(entry);
        if self.entries.len() > KEPT
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
