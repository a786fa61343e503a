//! The verbs: plan, start, resume, terminate; in the modules below signal, report and sweep.

mod leftovers;
mod report;
mod signal;

use std::{
    mem,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use capstan_core::{
    model::{
        object::{Object, ObjectKey},
        operation_kind::{OperationKind, Purpose},
        plugins::{Application, Plugins},
    },
    plan,
    read::manifest::Manifest,
    run::{input::InputKind, operation::Operation, view::OperationView},
};
use tokio::sync::{Notify, mpsc};

pub use self::{
    leftovers::{RemainingObjects, RemovedState},
    report::{ApplicationReport, AwaitedSignal},
};
use crate::{
    bus::Bus,
    checkpoint::{
        Identity, Lock, LockEvents, PackedPlan, PastOperation, Store, check_size, request_termination, wait_until_free,
    },
    clock::Clock,
    cluster::{Cluster, DryRun},
    driver::{Driver, Publisher},
    dry_run::{self, DryRunResult},
    error::{ClusterError, EngineError},
    journal::{CallRecorder, Journal, RecordingPlugins},
    operation_handle::OperationHandle,
    outbound_http::HttpCaller,
    permission,
    planning::{self, PlanRequest, PreparedPlan, namespace_key},
    saved_plan,
    sweep::sweep,
};

/// Returns the name under which a hook is sent signals.
pub(crate) fn signal_name(key: &ObjectKey) -> String {
    key.name.trim_end_matches('*').to_owned()
}

/// Counts the drivers of this process, to tell them apart.
static NEXT_DRIVER_ID: AtomicU32 = AtomicU32::new(1);

/// Capstan on one cluster, with the plugins of one project. Copies are cheap: they share the connection and discovery.
#[derive(Clone)]
pub struct Engine {
    cluster: Cluster,
    plugins: Arc<dyn Plugins>,
    clock: Clock,
    host: String,
    http: HttpCaller,
}

/// The result of a request to end an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TerminateOutcome {
    /// Its driver was asked to end it; this is who drives it.
    Requested(String),
    /// It has no driver: resume it with [`Engine::resume`] and end it there.
    NoDriver,
}

impl Engine {
    /// Makes one. `host` is this machine's name, which others see when they find an application busy.
    pub fn new(cluster: Cluster, plugins: Arc<dyn Plugins>, clock: Clock, host: &str) -> Engine {
        Engine {
            cluster,
            plugins,
            clock,
            host: host.to_owned(),
            http: HttpCaller::network(),
        }
    }

    /// Returns an engine on the same cluster that uses other plugins: each project has its own. Operations of both may run at the same
    /// time. An operation uses the plugins of the engine that started or resumed it.
    #[must_use]
    pub fn with_plugins(&self, plugins: Arc<dyn Plugins>) -> Engine {
        Engine {
            plugins,
            ..self.clone()
        }
    }

    /// Sends plugins' HTTP calls to another service than the network.
    #[must_use]
    pub fn with_http_caller(self, web: HttpCaller) -> Engine {
        Engine { http: web, ..self }
    }

    pub(crate) fn plugins(&self) -> &Arc<dyn Plugins> {
        &self.plugins
    }

    /// Returns the clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Returns the cluster.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    fn identity(&self) -> Identity {
        Identity::new(&self.host, NEXT_DRIVER_ID.fetch_add(1, Ordering::Relaxed).to_string())
    }

    async fn open_store(&self, application: &Application) -> Result<Store, EngineError> {
        Store::open(&self.cluster, application, self.identity().to_string()).await
    }

    pub(crate) async fn open_existing_store(&self, application: &Application) -> Result<Store, EngineError> {
        let store = self.open_store(application).await?;
        if store.exists() {
            return Ok(store);
        }
        Err(EngineError::NoApplication {
            name: application.name.clone(),
            namespace: application.namespace.clone(),
        })
    }

    /// Makes a plan. Nothing in the cluster is changed.
    ///
    /// # Errors
    ///
    /// Returns all mistakes in the input together, or why the cluster couldn't be asked. Deleting an application that doesn't exist is
    /// `NoApplication`.
    pub async fn plan(&self, mut request: PlanRequest) -> Result<PreparedPlan, EngineError> {
        let is_of_stored = request.operation_kind == OperationKind::Delete || request.purpose == Purpose::Test;
        let digest_of_request = request.digest();
        let store = if is_of_stored {
            self.open_existing_store(&request.application).await?
        } else {
            self.open_store(&request.application).await?
        };
        if is_of_stored && request.manifests.is_empty() {
            request.manifests = store.manifests().await?;
            request.options.mode = store.head.mode;
            request.options.sync_options = store.head.options.clone();
        }
        if request.purpose == Purpose::Test {
            // Tests check what was deployed.
            let past = store.head.history.iter().rev();
            let deployed = past
                .filter(|past| past.operation_kind == OperationKind::Sync)
                .find(|past| past.purpose != Purpose::Test);
            request.revision = deployed.and_then(|past| past.revision.clone());
        }
        let past = planning::PreviousObjects {
            places: store.head.places.clone(),
            was_deployed: store.head.was_deployed,
            operations: store.head.operations,
            hooks: store.head.hooks.clone(),
            inventory: store.inventory().await,
        };
        let recorded = Arc::new(Mutex::new(Vec::new()));
        let plugins = RecordingPlugins {
            plugins: Arc::clone(&self.plugins),
            recorder: Arc::clone(&recorded) as Arc<dyn CallRecorder>,
        };
        let mut planned = planning::make_plan(&self.cluster, &plugins, request, past).await?;
        planned.request_digest = digest_of_request;
        planned.plugin_calls = mem::take(&mut *recorded.lock().unwrap_or_else(PoisonError::into_inner));
        check_size(&planned)?;
        Ok(planned)
    }

    /// Starts an operation. Objects of earlier hooks whose time has come are deleted first.
    ///
    /// # Errors
    ///
    /// Returns `Busy` when another operation runs, `Unfinished` when one has to be resumed first, or why it couldn't be stored.
    pub async fn start(&self, planned: PreparedPlan, by: &str) -> Result<OperationHandle, EngineError> {
        let application = planned.plan.application.clone();
        if planned.has_preflight_checks {
            let missing = permission::missing_permissions(&self.cluster, &planned).await;
            let missing = missing.map_err(EngineError::during("asking what is allowed"))?;
            if !missing.is_empty() {
                return Err(EngineError::MissingPermissions(missing));
            }
        }
        let prepared = PackedPlan::pack(&planned)?;
        if planned.creates_namespace {
            self.create_namespace(&application.namespace).await?;
        }
        let (lock, lock_events, mut store) = self.open_locked(&application, true).await?;
        if let Some(current) = &store.head.current {
            let id = current.id.clone();
            lock.release(false).await;
            return Err(EngineError::Unfinished(id));
        }
        if !store.head.due.is_empty() {
            sweep(&self.cluster, &*self.plugins, self.clock, &mut store).await?;
        }
        let digest = manifests_digest(&planned.manifests);
        let id = store.begin(&planned, &prepared, by, &digest, self.clock.now()).await?;
        let operation = Operation::new(planned.plan, id);
        let current = (operation, OperationView::default());
        let journal = Journal::begin(planned.plugin_calls);
        let first = (InputKind::Started, planned.missing_objects);
        Ok(self.spawn_driver(current, store, journal, (lock, lock_events), first))
    }

    /// Checks that the cluster is still as it was when a plan was made.
    ///
    /// # Errors
    ///
    /// Returns `Outdated` with everything that has changed, or why the cluster couldn't be asked.
    pub async fn verify(&self, planned: &PreparedPlan) -> Result<(), EngineError> {
        let mut moved = saved_plan::changes_since(&self.cluster, planned)
            .await
            .map_err(EngineError::during("reading what is live"))?;
        let operations = self.open_store(&planned.plan.application).await?.head.operations;
        if operations != planned.operations {
            moved.push("another operation came between".to_owned());
        }
        if moved.is_empty() {
            Ok(())
        } else {
            Err(EngineError::Outdated(moved))
        }
    }

    /// Sends a dry run for every object of a plan that would change. Nothing is changed.
    pub async fn dry_run(&self, planned: &PreparedPlan) -> Vec<DryRunResult> {
        dry_run::dry_run(&self.cluster, &planned.plan).await
    }

    /// Returns the manifests of a finished operation; empty when they weren't kept.
    ///
    /// # Errors
    ///
    /// Returns why the stored state couldn't be read.
    pub async fn manifests_of(
        &self,
        application: &Application,
        past: &PastOperation,
    ) -> Result<Vec<Manifest>, EngineError> {
        self.open_existing_store(application).await?.manifests_of(past).await
    }

    /// Resumes the operation whose driver is gone.
    ///
    /// # Errors
    ///
    /// Returns `Busy` when its driver is alive, and `NoOperation` when there is no operation.
    pub async fn resume(&self, application: &Application) -> Result<OperationHandle, EngineError> {
        self.resume_with_manifests(application, &[]).await
    }

    /// Resumes an operation, with the manifests that it was planned from: errors of the API server then name the lines of their fields.
    ///
    /// # Errors
    ///
    /// As [`Engine::resume`].
    pub async fn resume_with_manifests(
        &self,
        application: &Application,
        manifests: &[Manifest],
    ) -> Result<OperationHandle, EngineError> {
        let nothing = || EngineError::NoOperation(application.name.clone());
        if self.open_existing_store(application).await?.head.current.is_none() {
            return Err(nothing());
        }
        let (lock, lock_events, store) = self.open_locked(application, false).await?;
        let (mut operation, view) = match store.current().await {
            Ok(Some(current)) => current,
            other => {
                lock.release(false).await;
                return Err(other.err().unwrap_or_else(nothing));
            }
        };
        let journal = Journal::begin(Vec::new());
        operation.set_field_places(plan::FieldPlaces::of(manifests));
        let first = (InputKind::Resumed, Vec::new());
        Ok(self.spawn_driver((operation, view), store, journal, (lock, lock_events), first))
    }

    async fn acquire_lock(
        &self,
        application: &Application,
        is_new: bool,
    ) -> Result<(Lock, LockEvents, Identity), EngineError> {
        let identity = self.identity();
        let (lock, events) = Lock::acquire(&self.cluster, self.clock, application, identity.clone(), is_new).await?;
        Ok((lock, events, identity))
    }

    /// Acquires an application's lock and reads the stored state, if that was written by somebody who held the lock.
    async fn open_locked(
        &self,
        application: &Application,
        is_new: bool,
    ) -> Result<(Lock, LockEvents, Store), EngineError> {
        let (lock, events, identity) = self.acquire_lock(application, is_new).await?;
        let wrong = match Store::open(&self.cluster, application, identity.to_string()).await {
            Ok(mut store) if !store.exists() => {
                lock.mark().unwrap_or_default().clone_into(&mut store.head.mark);
                return Ok((lock, events, store));
            }
            Ok(store) if lock.has_mark(&store.head.mark) => return Ok((lock, events, store)),
            Ok(_) => EngineError::InvalidState(
                "it was not stored by Capstan, or its Lease was deleted since: anyone who may create Secrets could have created it"
                    .to_owned(),
            ),
            Err(error) => error,
        };
        // A Lease that stays would vouch for the stored state.
        let is_new = lock.is_new();
        lock.release(is_new).await;
        Err(wrong)
    }

    fn spawn_driver(
        &self,
        (operation, view): (Operation, OperationView),
        store: Store,
        journal: Arc<Journal>,
        (lock, lock_events): (Lock, LockEvents),
        (first, gone): (InputKind, Vec<(ObjectKey, String)>),
    ) -> OperationHandle {
        let bus = Bus::new((first == InputKind::Resumed).then(|| view.clone()));
        let (people, from_people) = mpsc::channel(1);
        let id = operation.state().id.clone();
        let leave = Arc::new(Notify::new());
        let driver = Driver {
            cluster: self.cluster.with_lease_guard(lock.lease_guard()),
            plugins: Arc::new(RecordingPlugins {
                plugins: Arc::clone(&self.plugins),
                recorder: Arc::clone(&journal) as Arc<dyn CallRecorder>,
            }),
            clock: self.clock,
            http: self.http.clone(),
            journal,
            operation,
            store: store.with_lease_guard(lock.lease_guard()),
            lock,
            lock_events,
            bus: Publisher(bus.clone()),
            commands: from_people,
            detach: Arc::clone(&leave),
            view,
            missing_objects: gone,
        };
        OperationHandle {
            id,
            bus,
            commands: people,
            detach: leave,
            task: tokio::spawn(driver.run(first)),
        }
    }

    async fn create_namespace(&self, name: &str) -> Result<(), EngineError> {
        let namespace = Object(serde_json::json!({
            "apiVersion": "v1",
            "kind": namespace_key(name).kind,
            "metadata": { "name": name },
        }));
        match self.cluster.create(&namespace, DryRun::No).await {
            Ok(_) | Err(ClusterError::AlreadyExists(_)) => Ok(()),
            Err(error) => Err(EngineError::during("creating the application's namespace")(error)),
        }
    }

    /// Waits until no operation of the application is driven any more.
    ///
    /// # Errors
    ///
    /// Returns why its lock couldn't be watched.
    pub async fn wait_until_idle(&self, application: &Application) -> Result<(), EngineError> {
        wait_until_free(&self.cluster, self.clock, &self.identity(), application).await
    }

    /// Asks the driver of an application's operation to end it.
    ///
    /// # Errors
    ///
    /// Returns `NoOperation` when there is no operation.
    pub async fn terminate(&self, application: &Application, by: &str) -> Result<TerminateOutcome, EngineError> {
        if self.open_existing_store(application).await?.head.current.is_none() {
            return Err(EngineError::NoOperation(application.name.clone()));
        }
        let recorded = request_termination(&self.cluster, self.clock, &self.identity(), application, by).await?;
        Ok(recorded.map_or(TerminateOutcome::NoDriver, TerminateOutcome::Requested))
    }
}

/// Returns a digest of a set of manifests, whatever their order.
pub(crate) fn manifests_digest(manifests: &[Object]) -> String {
    let mut digests: Vec<String> = manifests.iter().map(plan::diff::digest).collect();
    digests.sort();
    let all: Vec<&str> = digests.iter().map(String::as_str).collect();
    capstan_core::model::hook::short_hash(&all)
}
