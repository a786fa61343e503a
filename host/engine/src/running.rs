//! An operation under way, as its caller sees it.

use std::{sync::Arc, time::Duration};

use capstan_core::{
    event::{Event, Status},
    input::Happened,
    view::OperationView,
};
use serde::Serialize;
use tokio::{
    sync::{Notify, mpsc},
    task::JoinHandle,
};

use crate::{error::EngineError, lines::Line};

/// How long giving the lock back may take.
const LEAVING: Duration = Duration::from_secs(2);

/// One entry of the stream: news, or a line of a hook's log.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Record {
    /// News.
    Event(Event),
    /// A line.
    Line(Line),
    /// What an operation looks like that is carried on: comes first, for listeners that know nothing of it.
    Past(Box<OperationView>),
}

/// An operation under way. Dropping it leaves the operation: it can be carried on.
pub struct Running {
    /// Its id.
    pub operation: String,
    pub(crate) records: mpsc::UnboundedReceiver<Record>,
    pub(crate) people: mpsc::UnboundedSender<Happened>,
    pub(crate) leave: Arc<Notify>,
    pub(crate) task: JoinHandle<Result<Status, EngineError>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Running {
    /// Returns the next record; nothing when there will be no more.
    pub async fn next(&mut self) -> Option<Record> {
        self.records.recv().await
    }

    /// Ends the operation: what runs is stopped, nothing later starts. `by` says who wants that.
    pub fn terminate(&self, by: &str) {
        // An operation that is over needs no end.
        self.people.send(Happened::Terminated { by: by.to_owned() }).ok();
    }

    /// Leaves the operation as it is, for another driver to carry on: the lock is given back.
    pub async fn leave(mut self) {
        self.leave.notify_one();
        // If the cluster doesn't answer, the lock runs out by itself.
        tokio::time::timeout(LEAVING, &mut self.task).await.ok();
    }

    /// Waits for the end, when there are no more records.
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
