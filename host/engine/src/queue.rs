//! A queue in which a newer entry replaces the one of the same key: it never has more entries than there are keys.
//!
//! It is for senders that must not wait, and whose newest entry says everything about its key.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{sync::Notify, task::coop::consume_budget};

struct Shared<K, V> {
    entries: Mutex<Entries<K, V>>,
    changed: Notify,
}

struct Entries<K, V> {
    /// The keys in the order in which they are received.
    order: VecDeque<K>,
    values: BTreeMap<K, V>,
    is_closed: bool,
}

/// The sending side of a queue.
pub(crate) struct Sender<K, V>(Arc<Shared<K, V>>);

/// The receiving side of a queue.
pub(crate) struct Receiver<K, V>(Arc<Shared<K, V>>);

/// Makes a queue, with both sides.
pub(crate) fn keyed_channel<K, V>() -> (Sender<K, V>, Receiver<K, V>) {
    let shared = Arc::new(Shared {
        entries: Mutex::new(Entries {
            order: VecDeque::new(),
            values: BTreeMap::new(),
            is_closed: false,
        }),
        changed: Notify::new(),
    });
    (Sender(Arc::clone(&shared)), Receiver(shared))
}

impl<K: Ord + Clone, V> Sender<K, V> {
    /// Sends an entry. It replaces an unread entry of the same key, and goes to the end of the queue.
    pub fn send(&self, key: K, value: V) {
        let mut entries = self.0.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.values.insert(key.clone(), value).is_none() {
            entries.order.push_back(key);
        }
        drop(entries);
        self.0.changed.notify_one();
    }
}

impl<K, V> Drop for Sender<K, V> {
    fn drop(&mut self) {
        self.0.entries.lock().unwrap_or_else(PoisonError::into_inner).is_closed = true;
        self.0.changed.notify_one();
    }
}

impl<K: Ord, V> Receiver<K, V> {
    /// Returns the next entry; `None` when the sender is dropped and everything was received. Dropping the future loses no entry.
    pub async fn recv(&mut self) -> Option<(K, V)> {
        loop {
            consume_budget().await;
            {
                let mut entries = self.0.entries.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(key) = entries.order.pop_front() {
                    return entries.values.remove_entry(&key);
                }
                if entries.is_closed {
                    return None;
                }
            }
            self.0.changed.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_newer_entry_takes_the_turn_of_the_one_with_its_key() {
        let (sender, mut receiver) = keyed_channel();
        assert_eq!(receiver.recv().now_or_never(), None);
        for (key, value) in [("a", 1), ("b", 2), ("a", 3)] {
            sender.send(key, value);
        }
        assert_eq!(receiver.recv().await, Some(("a", 3)));
        sender.send("a", 4);
        drop(sender);
        assert_eq!(receiver.recv().await, Some(("b", 2)));
        assert_eq!(receiver.recv().await, Some(("a", 4)));
        assert_eq!(receiver.recv().await, None);
        assert_eq!(receiver.recv().await, None);
    }

    #[tokio::test]
    async fn it_has_no_more_entries_than_keys() {
        let (sender, receiver) = keyed_channel();
        for number in 0..10_000 {
            sender.send(number % 7, number);
        }
        let entries = receiver.0.entries.lock().unwrap();
        assert_eq!((entries.order.len(), entries.values.len()), (7, 7));
    }
}
