//! The records of one operation, for any number of subscribers.
//!
//! The driver publishes and never waits. The bus keeps the last records, up to `Limits`; each subscriber has a position among
//! them. The state of the operation before the oldest kept record is kept as a view, and its current state as another one:
//!
//! ```text
//!   base view │ oldest ... kept records ... newest │ current view
//! ```
//!
//! - A new subscriber receives all records from the first one on, or the base view and the kept records.
//! - A subscriber whose position is dropped before it has read it receives how many records it missed, the current view, and what
//!   is published from then on.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub use capstan_core::run::record_id::RecordId;
use capstan_core::run::{event::Event, view::OperationView};
use serde::Serialize;
use tokio::{
    sync::{Notify, watch},
    task::coop::consume_budget,
};

use crate::{hook_logs::HookLogLine, waiting::Waiting};

/// One record of an operation's stream.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Record {
    /// An event of the operation.
    Event(Event),
    /// A line that a hook's container wrote.
    Line(HookLogLine),
    /// The state of the operation. It replaces whatever the subscriber knew of it.
    #[serde(rename = "past")]
    Snapshot(Box<OperationView>),
    /// The subscriber read too slowly, and so many records were dropped before it read them. A `Snapshot` follows.
    Missed {
        /// The number of events and lines.
        records: u64,
    },
}

/// How much a bus keeps for subscribers that haven't read it yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The number of records.
    pub records: usize,
    /// Their size as JSON, in bytes.
    pub bytes: usize,
}

/// An operation on 5,000 objects has about 15,000 records with 3.5 MB.
const LIMITS: Limits = Limits {
    records: 65_536,
    bytes: 16 << 20,
};

/// The records of one operation.
#[derive(Clone)]
pub struct Bus {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: watch::Sender<()>,
    waiting: watch::Sender<Waiting>,
    waiting_reader: Notify,
}

struct State {
    limits: Limits,
    records: VecDeque<KeptRecord>,
    /// The position of the oldest kept record; positions count from 0.
    oldest: u64,
    /// The size of the kept records as JSON, in bytes.
    bytes: usize,
    /// The state before the oldest kept record; nothing when that is the operation's first one.
    base: Option<OperationView>,
    /// The id of the record before the oldest kept one.
    base_id: RecordId,
    current: OperationView,
    last_id: RecordId,
    is_closed: bool,
}

struct KeptRecord {
    id: RecordId,
    bytes: usize,
    record: Record,
}

/// A record isn't kept any more.
struct Dropped;

impl Bus {
    /// Makes a bus for an operation that begins, or that is continued from a stored view.
    pub(crate) fn new(stored: Option<OperationView>) -> Bus {
        Bus::with_limits(stored, LIMITS)
    }

    pub(crate) fn with_limits(stored: Option<OperationView>, limits: Limits) -> Bus {
        let current = stored.clone().unwrap_or_default();
        let id = RecordId {
            event: current.seq,
            line: 0,
        };
        Bus {
            shared: Arc::new(Shared {
                state: Mutex::new(State {
                    limits,
                    records: VecDeque::new(),
                    oldest: 0,
                    bytes: 0,
                    base: stored,
                    base_id: id,
                    current,
                    last_id: id,
                    is_closed: false,
                }),
                changed: watch::Sender::new(()),
                waiting: watch::Sender::new(Waiting::default()),
                waiting_reader: Notify::new(),
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes events, in their order.
    pub(crate) fn publish_events(&self, events: &[Event]) {
        if events.is_empty() {
            return;
        }
        let mut state = self.state();
        for event in events {
            state.current.fold(event);
            state.publish(Record::Event(event.clone()));
        }
        drop(state);
        self.shared.changed.send_replace(());
    }

    /// Publishes a line of a hook's log.
    pub(crate) fn publish_line(&self, line: HookLogLine) {
        self.state().publish(Record::Line(line));
        self.shared.changed.send_replace(());
    }

    /// Returns what the operation waits for, and each change of that, at most once a second. Before the driver has seen the reader, it is
    /// empty or out of date.
    pub fn waiting(&self) -> watch::Receiver<Waiting> {
        let receiver = self.shared.waiting.subscribe();
        self.shared.waiting_reader.notify_one();
        receiver
    }

    pub(crate) fn has_waiting_readers(&self) -> bool {
        self.shared.waiting.receiver_count() > 0
    }

    /// Comes back when somebody begins to read what the operation waits for.
    pub(crate) async fn waiting_reader(&self) {
        self.shared.waiting_reader.notified().await;
    }

    pub(crate) fn publish_waiting(&self, waiting: Waiting) {
        self.shared.waiting.send_if_modified(|known| {
            let is_other = *known != waiting;
            *known = waiting;
            is_other
        });
    }

    /// Says whether the operation's driver has ended.
    pub fn is_closed(&self) -> bool {
        self.state().is_closed
    }

    /// Ends the stream: subscribers read what is kept, and then nothing more.
    pub(crate) fn close(&self) {
        self.state().is_closed = true;
        self.shared.changed.send_replace(());
    }

    /// Returns what the operation looks like, as of the last published event.
    pub fn view(&self) -> OperationView {
        self.state().current.clone()
    }

    /// Subscribes to all records. The first one is a `Snapshot` if the first event isn't kept any more, or if another driver published it.
    pub fn subscribe(&self) -> Subscription {
        self.subscription(Position::Start, RecordId::default())
    }

    /// Subscribes to the records after one that was read before; to all of them if it isn't known which those are.
    pub fn subscribe_after(&self, last: RecordId) -> Subscription {
        let state = self.state();
        if last < state.base_id || last > state.last_id {
            drop(state);
            return self.subscribe();
        }
        let read = state.records.partition_point(|kept| kept.id <= last);
        let position = Position::At(state.oldest + read as u64);
        drop(state);
        self.subscription(position, last)
    }

    fn subscription(&self, position: Position, last_id: RecordId) -> Subscription {
        Subscription {
            changed: self.shared.changed.subscribe(),
            bus: self.clone(),
            position,
            last_id,
        }
    }
}

impl State {
    fn publish(&mut self, record: Record) {
        if self.is_closed {
            return;
        }
        self.last_id = match &record {
            Record::Event(event) => RecordId {
                event: event.seq,
                line: 0,
            },
            Record::Line(_) | Record::Snapshot(_) | Record::Missed { .. } => RecordId {
                line: self.last_id.line + 1,
                ..self.last_id
            },
        };
        let bytes = json_bytes(&record);
        self.bytes += bytes;
        self.records.push_back(KeptRecord {
            id: self.last_id,
            bytes,
            record,
        });
        while (self.records.len() > self.limits.records || self.bytes > self.limits.bytes)
            && let Some(dropped) = self.records.pop_front()
        {
            self.oldest += 1;
            self.bytes -= dropped.bytes;
            self.base_id = dropped.id;
            let base = self.base.get_or_insert_default();
            if let Record::Event(event) = &dropped.record {
                base.fold(event);
            }
        }
    }

    /// Returns the record at a position; nothing when it isn't published yet.
    fn record_at(&self, at: u64) -> Result<Option<&KeptRecord>, Dropped> {
        let index = at.checked_sub(self.oldest).ok_or(Dropped)?;
        Ok(usize::try_from(index).ok().and_then(|index| self.records.get(index)))
    }

    /// Returns the position of the next record that will be published.
    fn end_position(&self) -> u64 {
        self.oldest + self.records.len() as u64
    }
}

/// Returns the size of a record as JSON, in bytes.
fn json_bytes(record: &Record) -> usize {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // Counting succeeds; what can't be written as JSON has no size there.
    serde_json::to_writer(&mut count, record).ok();
    count.0
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    /// Before the first event.
    Start,
    /// The record at this position is the next one.
    At(u64),
    /// The subscriber was told that it missed something, and receives the current view next.
    Behind,
}

/// One reader of an operation's records. Dropping it has no effect on the operation.
pub struct Subscription {
    bus: Bus,
    changed: watch::Receiver<()>,
    position: Position,
    last_id: RecordId,
}

#[expect(clippy::large_enum_variant, reason = "it is taken apart at once")]
enum Read {
    Record(Record),
    Pending,
    End,
}

impl Subscription {
    /// Returns the next record; nothing when there will be no more. Dropping the future loses no record.
    pub async fn next(&mut self) -> Option<Record> {
        loop {
            // Records may always be there: other tasks get their turn, too.
            consume_budget().await;
            self.changed.mark_unchanged();
            match self.read() {
                Read::Record(record) => return Some(record),
                Read::End => return None,
                Read::Pending => self.changed.changed().await.ok()?,
            }
        }
    }

    /// Returns the id of the last record that was read, for [`Bus::subscribe_after`].
    pub fn last_id(&self) -> RecordId {
        self.last_id
    }

    fn read(&mut self) -> Read {
        let state = self.bus.state();
        let (record, position) = match (self.position, &state.base) {
            (Position::Start, Some(base)) => {
                self.last_id = state.base_id;
                (Record::Snapshot(Box::new(base.clone())), Position::At(state.oldest))
            }
            (Position::Behind, _) => {
                self.last_id = state.last_id;
                let end = Position::At(state.end_position());
                (Record::Snapshot(Box::new(state.current.clone())), end)
            }
            (position @ (Position::Start | Position::At(_)), _) => {
                let at = match position {
                    Position::At(at) => at,
                    Position::Start | Position::Behind => state.oldest,
                };
                match state.record_at(at) {
                    Ok(Some(kept)) => {
                        self.last_id = kept.id;
                        (kept.record.clone(), Position::At(at + 1))
                    }
                    Ok(None) if state.is_closed => return Read::End,
                    Ok(None) => return Read::Pending,
                    Err(Dropped) => {
                        let records = state.end_position() - at;
                        (Record::Missed { records }, Position::Behind)
                    }
                }
            }
        };
        drop(state);
        self.position = position;
        Read::Record(record)
    }
}

#[cfg(test)]
mod tests;
