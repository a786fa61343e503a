//! The handle of an operation that this process runs.

use std::{sync::Arc, time::Duration};

use capstan_core::run::{event::OperationStatus, input::InputKind};
use tokio::{
    sync::{Notify, mpsc},
    task::JoinHandle,
};

use crate::{
    bus::{Bus, Subscription},
    error::EngineError,
};

/// How long releasing the lock may take.
const DETACH_TIMEOUT: Duration = Duration::from_secs(2);

/// The handle of a running operation. Dropping it leaves the operation unfinished, so that another driver can resume it. Subscriptions
/// don't keep it running, and don't end it.
pub struct OperationHandle {
    /// The operation's ID.
    pub id: String,
    pub(crate) bus: Bus,
    /// A channel with room for one request to end the operation: a second request says nothing new.
    pub(crate) commands: mpsc::Sender<InputKind>,
    pub(crate) detach: Arc<Notify>,
    pub(crate) task: JoinHandle<Result<OperationStatus, EngineError>>,
}

impl Drop for OperationHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl OperationHandle {
    /// Subscribes to the operation's records, from the first one on. Any number of subscribers is possible.
    pub fn subscribe(&self) -> Subscription {
        self.bus.subscribe()
    }

    /// Returns the operation's records. As long as somebody has this, they can be subscribed to, also when the operation is finished.
    pub fn bus(&self) -> &Bus {
        &self.bus
    }

    /// Ends the operation: running hooks are stopped, and nothing else starts. `by` says who asks for that.
    pub fn terminate(&self, by: &str) {
        // A finished operation ignores this.
        self.commands.try_send(InputKind::Terminated { by: by.to_owned() }).ok();
    }

    /// Leaves the operation unfinished, for another driver to resume: the lock is released.
    pub async fn detach(mut self) {
        self.detach.notify_one();
        // If the cluster doesn't answer, the lock expires.
        tokio::time::timeout(DETACH_TIMEOUT, &mut self.task).await.ok();
    }

    /// Waits for the end of the operation.
    ///
    /// # Errors
    ///
    /// Returns why the operation couldn't be run to its end.
    pub async fn wait(mut self) -> Result<OperationStatus, EngineError> {
        match (&mut self.task).await {
            Ok(result) => result,
            Err(error) => Err(EngineError::LostLock(format!("its driver stopped: {error}"))),
        }
    }
}
