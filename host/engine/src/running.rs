//! An operation under way, as its caller sees it.

use std::{sync::Arc, time::Duration};

use capstan_core::{event::Status, input::InputKind};
use tokio::{
    sync::{Notify, mpsc},
    task::JoinHandle,
};

use crate::{
    bus::{Bus, Subscription},
    error::EngineError,
};

/// How long giving the lock back may take.
const LEAVING: Duration = Duration::from_secs(2);

/// An operation under way. Dropping it leaves the operation: it can be carried on. Subscriptions don't keep it, and don't end it.
pub struct Running {
    /// Its id.
    pub operation: String,
    pub(crate) bus: Bus,
    /// Has room for one request to end the operation: another one while that waits says the same.
    pub(crate) people: mpsc::Sender<InputKind>,
    pub(crate) leave: Arc<Notify>,
    pub(crate) task: JoinHandle<Result<Status, EngineError>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Running {
    /// Subscribes to the operation's records, from the first one on. Any number may.
    pub fn subscribe(&self) -> Subscription {
        self.bus.subscribe()
    }

    /// Returns the operation's records. They may be subscribed to for as long as somebody has this, also when the operation is over.
    pub fn bus(&self) -> &Bus {
        &self.bus
    }

    /// Ends the operation: what runs is stopped, nothing later starts. `by` says who wants that.
    pub fn terminate(&self, by: &str) {
        // An operation that is over needs no end.
        self.people.try_send(InputKind::Terminated { by: by.to_owned() }).ok();
    }

    /// Leaves the operation as it is, for another driver to carry on: the lock is given back.
    pub async fn leave(mut self) {
        self.leave.notify_one();
        // If the cluster doesn't answer, the lock runs out by itself.
        tokio::time::timeout(LEAVING, &mut self.task).await.ok();
    }

    /// Waits for the end.
    ///
    /// # Errors
    ///
    /// Returns what kept the operation from being carried to its end.
    pub async fn end(mut self) -> Result<Status, EngineError> {
        match (&mut self.task).await {
            Ok(result) => result,
            Err(error) => Err(EngineError::LostLock(format!("its driver stopped: {error}"))),
        }
    }
}
