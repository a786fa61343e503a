//! The operations that run in this process, and the records of those that have just ended.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use capstan_api::{ErrorClass, application::PendingRequest};
use capstan_core::{model::plugins::Application, run::event::OperationStatus};
use capstan_engine::{
    Engine, EngineError, Notice, OperationHandle, Preparation, PreparedPlan, StartPolicy, TerminateOutcome, Work,
    bus::Bus,
};
use futures::{FutureExt as _, future::BoxFuture};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
};

use crate::failure::Failure;

/// How many operations that are over keep their records for readers that come back.
const MAX_OVER: usize = 4;
/// How long a request waits for its operation to begin before it says what is waited for.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long leaving all operations may take.
const LEAVING: Duration = Duration::from_millis(700);
/// Has room for one request to end an operation: another one while that waits says the same.
const MAX_COMMANDS: usize = 1;

/// An operation that was left, to be continued by another process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOperation {
    /// The application of the operation.
    pub application: Application,
    /// The ID of the operation.
    pub operation: String,
}

/// An operation of this process.
#[derive(Clone)]
pub(crate) struct LocalOperation {
    /// The application of the operation.
    pub application: Application,
    /// The ID of the operation.
    pub id: String,
    /// Who wanted it here.
    pub by: String,
    /// The events and log lines of the operation.
    pub bus: Bus,
    terminate: mpsc::Sender<String>,
}

/// The operations of this process.
pub(crate) struct Operations {
    engine: Engine,
    state: Mutex<State>,
    leaving: watch::Sender<bool>,
    /// Changes whenever an operation begins or ends.
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    running: Vec<LocalOperation>,
    over: VecDeque<LocalOperation>,
    pending: BTreeMap<Application, PendingRequest>,
    tasks: JoinSet<()>,
}

/// How a request to do something began.
#[derive(Debug)]
pub(crate) enum Begun {
    /// This operation runs.
    Operation(String),
    /// The plan changes nothing and runs nothing.
    Nothing,
    /// Something is waited for first.
    Waits(String),
}

impl Operations {
    /// Makes one for a cluster.
    pub fn new(engine: Engine) -> Operations {
        Operations {
            engine,
            state: Mutex::default(),
            leaving: watch::Sender::new(false),
            changed: watch::Sender::new(0),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns an operation whose records are here.
    pub fn find(&self, application: &Application, id: &str) -> Option<LocalOperation> {
        let state = self.state();
        let mut all = state.running.iter().chain(state.over.iter().rev());
        all.find(|local| local.application == *application && local.id == id)
            .cloned()
    }

    /// Returns the operation of an application that runs here.
    pub fn running(&self, application: &Application) -> Option<LocalOperation> {
        let state = self.state();
        state
            .running
            .iter()
            .find(|local| local.application == *application)
            .cloned()
    }

    /// Returns what was asked for and has not begun, or failed before it did.
    pub fn pending(&self, application: &Application) -> Option<PendingRequest> {
        self.state().pending.get(application).cloned()
    }

    /// Returns a value that changes whenever an operation begins or ends here.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn is_leaving(&self) -> bool {
        *self.leaving.borrow()
    }

    fn refuse_while_leaving(&self) -> Result<(), Failure> {
        if self.is_leaving() {
            return Err(Failure::new(ErrorClass::Other, "this server is about to end"));
        }
        Ok(())
    }

    /// Does work: continues what was left unfinished, plans, and starts. It goes on when the client is gone.
    pub async fn begin_work(self: &Arc<Self>, work: Work, policy: StartPolicy) -> Result<Begun, Failure> {
        self.refuse_while_leaving()?;
        let application = work.application().clone();
        let (outcome, mut begun) = mpsc::channel(1);
        let all = Arc::clone(self);
        let task = async move {
            let by = policy.by.clone();
            let result = Arc::clone(&all).work(work, policy, outcome.clone()).await;
            let mut state = all.state();
            match result {
                Ok(()) => {
                    state.pending.remove(&application);
                }
                Err(error) => {
                    let failure = Failure::from(error);
                    // Who asked for it is gone, or was told that it waits.
                    if let Err(error) = outcome.try_send(Err(failure)) {
                        let failure = error.into_inner().err();
                        let message = failure.map_or_else(String::new, |failure| failure.0.message);
                        tracing::warn!(application = application.name, error = message, "a request failed");
                        let request = PendingRequest {
                            by,
                            message,
                            has_failed: true,
                        };
                        state.pending.insert(application.clone(), request);
                    } else {
                        state.pending.remove(&application);
                    }
                }
            }
            drop(state);
            all.changed.send_modify(|changes| *changes += 1);
        };
        let mut leaving = self.leaving.subscribe();
        self.state().tasks.spawn(async move {
            tokio::select! {
                () = task => {}
                // An operation that runs is left by its own task.
                () = until_leaving(&mut leaving) => {}
            }
        });
        match tokio::time::timeout(PATIENCE, begun.recv()).await {
            Ok(Some(begun)) => begun,
            Ok(None) => Ok(Begun::Nothing),
            Err(_) => Ok(Begun::Waits("its plan".to_owned())),
        }
    }

    async fn work(
        self: Arc<Self>,
        mut work: Work,
        policy: StartPolicy,
        outcome: mpsc::Sender<Result<Begun, Failure>>,
    ) -> Result<(), EngineError> {
        let application = work.application().clone();
        let wait = Arc::new(PendingWork {
            all: Arc::clone(&self),
            application: application.clone(),
            by: policy.by.clone(),
            outcome: outcome.clone(),
        });
        loop {
            match resume_or_prepare(&self.engine, work, &policy, &wait).await? {
                Preparation::Ready(planned) => {
                    if planned.plan.is_empty() {
                        outcome.try_send(Ok(Begun::Nothing)).ok();
                        return Ok(());
                    }
                    let running = start(&self.engine, planned, &policy, &wait).await?;
                    let (id, _) = self.adopt(application.clone(), &policy.by, running);
                    outcome.try_send(Ok(Begun::Operation(id))).ok();
                    return Ok(());
                }
                Preparation::Resumed(resumed, left) => {
                    let is_same = resumed.is_equivalent;
                    let (id, end) = self.adopt(application.clone(), &policy.by, resumed.operation);
                    outcome.try_send(Ok(Begun::Operation(id))).ok();
                    let is_good = end.await.is_ok_and(|status| status == Some(OperationStatus::Succeeded));
                    if is_same || !is_good {
                        return Ok(());
                    }
                    work = left;
                }
            }
        }
    }

    /// Takes an operation in, and returns its id and its end.
    fn adopt(
        self: &Arc<Self>,
        application: Application,
        by: &str,
        running: OperationHandle,
    ) -> (String, oneshot::Receiver<Option<OperationStatus>>) {
        let (terminate, ends) = mpsc::channel(MAX_COMMANDS);
        let (over, end) = oneshot::channel();
        let id = running.id.clone();
        let local = LocalOperation {
            application,
            id: id.clone(),
            by: by.to_owned(),
            bus: running.bus().clone(),
            terminate,
        };
        let mut state = self.state();
        state.pending.remove(&local.application);
        state.running.push(local.clone());
        let (all, leaving) = (Arc::clone(self), self.leaving.subscribe());
        state.tasks.spawn(async move {
            let status = follow(running, ends, leaving).await;
            all.retire(&local);
            // Nobody may be waiting for it.
            over.send(status).ok();
        });
        drop(state);
        self.changed.send_modify(|changes| *changes += 1);
        (id, end)
    }

    fn retire(&self, local: &LocalOperation) {
        let mut state = self.state();
        state
            .running
            .retain(|other| other.id != local.id || other.application != local.application);
        state.over.push_back(local.clone());
        if state.over.len() > MAX_OVER {
            state.over.pop_front();
        }
        while state.tasks.try_join_next().is_some() {}
        drop(state);
        self.changed.send_modify(|changes| *changes += 1);
    }

    /// Ends the operation of an application, wherever it runs, and says what was done.
    pub async fn terminate(self: &Arc<Self>, application: &Application, by: &str) -> Result<String, Failure> {
        self.refuse_while_leaving()?;
        if let Some(local) = self.running(application) {
            // An operation that is over needs no end.
            local.terminate.try_send(by.to_owned()).ok();
            return Ok(format!("operation {} is being terminated", local.id));
        }
        match self.engine.terminate(application, by).await? {
            TerminateOutcome::Requested(driver) => Ok(format!("{driver} was asked to terminate the operation")),
            TerminateOutcome::NoDriver => {
                // It is driven here for the moment that takes.
                let running = self.engine.resume(application).await?;
                running.terminate(by);
                let (id, _) = self.adopt(application.clone(), by, running);
                Ok(format!(
                    "no process ran operation {id} any more; this server terminates it"
                ))
            }
        }
    }

    /// Carries on with the operation that was left, and returns its id.
    pub async fn resume(self: &Arc<Self>, application: &Application, by: &str) -> Result<String, Failure> {
        self.refuse_while_leaving()?;
        if let Some(local) = self.running(application) {
            return Ok(local.id);
        }
        let running = self.engine.resume(application).await?;
        Ok(self.adopt(application.clone(), by, running).0)
    }

    /// Leaves all operations as they are.
    pub async fn leave(&self) -> Vec<LeftOperation> {
        self.leaving.send_replace(true);
        let (left, mut tasks) = {
            let mut state = self.state();
            let left = state.running.iter().map(|local| LeftOperation {
                application: local.application.clone(),
                operation: local.id.clone(),
            });
            let left = left.collect();
            (left, std::mem::take(&mut state.tasks))
        };
        let all = async { while tasks.join_next().await.is_some() {} };
        // Whoever doesn't answer in time keeps the lock until it runs out.
        tokio::time::timeout(LEAVING, all).await.ok();
        left
    }
}

// The compiler finds out only of boxed futures with named lifetimes that they can be sent to another thread
// (https://github.com/rust-lang/rust/issues/110338).

fn resume_or_prepare<'a>(
    engine: &'a Engine,
    work: Work,
    policy: &'a StartPolicy,
    wait: &Arc<PendingWork>,
) -> BoxFuture<'a, Result<Preparation, EngineError>> {
    engine.resume_or_prepare(work, policy, wait.notify()).boxed()
}

fn start<'a>(
    engine: &'a Engine,
    planned: PreparedPlan,
    policy: &'a StartPolicy,
    wait: &Arc<PendingWork>,
) -> BoxFuture<'a, Result<OperationHandle, EngineError>> {
    engine.start_when_free(planned, policy, wait.notify()).boxed()
}

/// Work that has not begun.
struct PendingWork {
    all: Arc<Operations>,
    application: Application,
    by: String,
    outcome: mpsc::Sender<Result<Begun, Failure>>,
}

impl PendingWork {
    /// Returns what records and reports what the work waits for.
    fn notify(self: &Arc<Self>) -> impl FnMut(Notice) + Send + use<> {
        let this = Arc::clone(self);
        move |notice| {
            let message = match &notice {
                Notice::WaitingForEnd(busy) => format!("{busy}; waiting until it ends"),
                Notice::TerminatingFirst(busy) => format!("{busy}; it is ended first"),
            };
            let request = PendingRequest {
                by: this.by.clone(),
                message: message.clone(),
                has_failed: false,
            };
            this.all.state().pending.insert(this.application.clone(), request);
            // It was reported before, or the client is gone.
            this.outcome.try_send(Ok(Begun::Waits(message))).ok();
        }
    }
}

async fn until_leaving(leaving: &mut watch::Receiver<bool>) {
    // The sender lives as long as the operations.
    leaving.wait_for(|is_leaving| *is_leaving).await.ok();
}

/// Follows an operation to its end, or until it is to be left.
async fn follow(
    running: OperationHandle,
    mut ends: mpsc::Receiver<String>,
    mut leaving: watch::Receiver<bool>,
) -> Option<OperationStatus> {
    let mut records = running.subscribe();
    loop {
        tokio::select! {
            biased;
            () = until_leaving(&mut leaving) => {
                running.detach().await;
                return None;
            }
            Some(by) = ends.recv() => running.terminate(&by),
            record = records.next() => if record.is_none() { break },
        }
    }
    match running.wait().await {
        Ok(status) => Some(status),
        Err(error) => {
            tracing::warn!(%error, "an operation could not be finished");
            None
        }
    }
}
