//! A store that tasks share: one lock that is never held across an await, and a notification of every change.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use tokio::sync::{Notify, futures::OwnedNotified};

use super::Store;

/// A store that several tasks share.
#[derive(Clone, Debug)]
pub struct SharedStore {
    store: Arc<Mutex<Store>>,
    notify: Arc<Notify>,
}

impl SharedStore {
    /// Shares a store.
    pub fn new(store: Store) -> SharedStore {
        let bell = store.notify.clone();
        SharedStore {
            store: Arc::new(Mutex::new(store)),
            notify: bell,
        }
    }

    /// Returns the store; the guard must not live across an await.
    pub fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a future that is ready after the next change from now on. Call this before reading the store.
    ///
    /// Waiters are woken in the order of their calls: tokio's `watch` channel would wake them in random order, and a run would not be
    /// repeatable.
    pub fn changed(&self) -> NextChange {
        let mut notified = Box::pin(self.notify.clone().notified_owned());
        notified.as_mut().enable();
        NextChange(notified)
    }
}

/// The next change of a store.
#[derive(Debug)]
pub struct NextChange(Pin<Box<OwnedNotified>>);

impl Future for NextChange {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(context)
    }
}
