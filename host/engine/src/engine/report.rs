//! What is known of applications and their operations.

use capstan_core::{
    model::{compat::Mode, plugins::Application},
    plan::hook_record::HookRecords,
    read::sync_options::SyncOptions,
    run::{event::WaitingOn, operation::Operation, view::OperationView},
};
use jiff::Timestamp;
use serde::Serialize;

use super::{Engine, signal_name};
use crate::{
    checkpoint::{ContainerLogs, CurrentOperation, DueObject, PastOperation, is_held},
    error::EngineError,
    journal::StoredOperation,
    signals::APPROVAL,
};

/// The state of an application.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationReport {
    /// The application's name and namespace.
    pub application: Application,
    /// The operation that isn't finished.
    pub current: Option<CurrentOperation>,
    /// Whether a driver holds the lock of that operation.
    pub is_driven: bool,
    /// The view of that operation, as it was last stored.
    pub progress: Option<OperationView>,
    /// What that operation waits for, and until when.
    pub waiting: Vec<WaitingOn>,
    /// The hooks of that operation, by name, that wait for an approval.
    pub approvals: Vec<String>,
    /// The signals that hooks of that operation wait for, approvals included.
    pub signals: Vec<AwaitedSignal>,
    /// The deadline of that operation.
    pub deadline: Option<Timestamp>,
    /// The last finished operations, oldest first.
    pub history: Vec<PastOperation>,
    /// The objects of hooks that are to be deleted later.
    pub due: Vec<DueObject>,
    /// When each hook last ran, and why one didn't run.
    pub hooks: HookRecords,
}

/// A signal that a hook waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AwaitedSignal {
    /// The hook, by the name under which it is sent signals.
    pub hook: String,
    /// The signal's name.
    pub signal: String,
}

impl Engine {
    /// Returns the rules and options of the last sync of an application.
    ///
    /// # Errors
    ///
    /// Returns `NoApplication`, or why the stored state couldn't be read.
    pub async fn rules(&self, application: &Application) -> Result<(Mode, SyncOptions), EngineError> {
        let head = self.open_existing_store(application).await?.head;
        Ok((head.mode, head.options))
    }

    /// Returns the operation that isn't finished, if there is one, whether its driver is alive or not.
    ///
    /// # Errors
    ///
    /// Returns why the stored state couldn't be read.
    pub async fn current(&self, application: &Application) -> Result<Option<CurrentOperation>, EngineError> {
        Ok(self.open_store(application).await?.head.current)
    }

    /// Lists the applications of a namespace, by name.
    ///
    /// # Errors
    ///
    /// Returns why they couldn't be listed.
    pub async fn applications(&self, namespace: &str) -> Result<Vec<Application>, EngineError> {
        crate::checkpoint::applications(&self.cluster, namespace).await
    }

    /// Returns the state of an application.
    ///
    /// # Errors
    ///
    /// Returns `NoApplication`, or why the stored state couldn't be read.
    pub async fn report(&self, application: &Application) -> Result<ApplicationReport, EngineError> {
        let store = self.open_existing_store(application).await?;
        let (waiting, signals, deadline, progress) = match store.current().await? {
            Some((operation, view)) => (
                operation.waiting(),
                awaited_signals(&operation),
                operation.deadline(),
                Some(view),
            ),
            None => (Vec::new(), Vec::new(), None, None),
        };
        let is_driven = match &store.head.current {
            Some(_) => is_held(&self.cluster, self.clock, &self.identity(), application).await?,
            None => false,
        };
        let approvals = signals.iter().filter(|awaited| awaited.signal == APPROVAL);
        let head = store.head;
        Ok(ApplicationReport {
            is_driven,
            application: head.application,
            current: head.current,
            progress,
            waiting,
            approvals: approvals.map(|awaited| awaited.hook.clone()).collect(),
            signals,
            deadline,
            history: head.history,
            due: head.due,
            hooks: head.hooks,
        })
    }

    /// Returns the view of a finished operation.
    ///
    /// # Errors
    ///
    /// Returns why the stored state couldn't be read.
    pub async fn view(&self, application: &Application, past: &PastOperation) -> Result<OperationView, EngineError> {
        self.open_store(application).await?.view(past).await
    }

    /// Returns the journal of a finished operation, for replay; `None` when it wasn't kept.
    ///
    /// # Errors
    ///
    /// Returns why the stored state couldn't be read.
    pub async fn journal(
        &self,
        application: &Application,
        past: &PastOperation,
    ) -> Result<Option<StoredOperation>, EngineError> {
        self.open_store(application).await?.journal(past).await
    }

    /// Returns the kept logs of an operation's hooks, in the order in which the hooks ended.
    ///
    /// # Errors
    ///
    /// Returns why the stored state couldn't be read.
    pub async fn logs(
        &self,
        application: &Application,
        operation: &str,
    ) -> Result<Vec<(capstan_core::plan::task::TaskId, Vec<ContainerLogs>)>, EngineError> {
        let store = self.open_existing_store(application).await?;
        let past = store
            .head
            .history
            .iter()
            .find(|past| past.id == operation)
            .map(|past| &past.logs);
        let current = store.head.current.as_ref().filter(|current| current.id == operation);
        let kept = past.or(current.map(|current| &current.logs));
        let mut logs = Vec::new();
        for kept in kept.into_iter().flatten() {
            logs.push((kept.task.clone(), store.logs(kept).await?));
        }
        Ok(logs)
    }
}

pub(super) fn awaited_signals(operation: &Operation) -> Vec<AwaitedSignal> {
    let awaited = operation.awaited_signals().into_iter();
    awaited
        .map(|(key, signal)| AwaitedSignal {
            hook: signal_name(&key),
            signal,
        })
        .collect()
}
