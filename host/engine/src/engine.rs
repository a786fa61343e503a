//! The verbs: plan, start, resume, terminate, report, sweep.

use std::{
    collections::BTreeSet,
    mem,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use capstan_core::{
    compat::Mode,
    error::near,
    event::WaitingOn,
    hook::HookOutcome,
    input::InputKind,
    manifest::Manifest,
    object::{Object, ObjectKey, labels},
    object_word::{ObjectIndex, fits_hook},
    operation::Operation,
    operation_kind::{OperationKind, Purpose},
    plan::{self, Scope},
    plugins::{Application, Plugins},
    record::HookRecords,
    sync_options::SyncOptions,
    task::Task,
    view::OperationView,
};
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::{Notify, mpsc};

use crate::{
    bus::Bus,
    checkpoint::{
        ContainerLogs, CurrentOperation, DueObject, Identity, Lock, LockEvents, PackedPlan, PastOperation, Store,
        check_size, forget, is_held, request_end, send_signal, until_free,
    },
    clock::Clock,
    cluster::{AT_ONCE, Cluster, DryRun, MAX_AGE_OF_DISCOVERY},
    driver::{Driver, Publisher},
    error::{ClusterError, EngineError, HookState},
    journal::{CallRecorder, Journal, RecordingPlugins, StoredOperation},
    permission,
    planning::{self, Place, Planned, Request, namespace_key},
    rehearse::{self, DryRunResult},
    running::Running,
    saved,
    signals::{APPROVAL, Written},
    sweep::{SweepResult, sweep},
    web::HttpCaller,
};

/// Returns the name under which a hook is sent signals.
pub(crate) fn signal_name(key: &ObjectKey) -> String {
    key.name.trim_end_matches('*').to_owned()
}

/// Returns the state of the hook that a word names.
fn hook_state(operation: &Operation, word: &str) -> HookState {
    let all = || operation.plan().tasks.iter().filter(|task| task.hook().is_some());
    let named: Vec<&Task> = all().filter(|task| fits_hook(word, &task.key)).collect();
    if named.is_empty() {
        let names: Vec<String> = all().map(|task| signal_name(&task.key)).collect();
        let near = near(word, names.iter().map(String::as_str)).map(str::to_owned);
        return HookState::Unknown { near };
    }
    let outcomes: Option<Vec<HookOutcome>> = named.iter().map(|task| operation.outcome(&task.id)).collect();
    match outcomes.and_then(|outcomes| outcomes.last().copied()) {
        Some(outcome) => HookState::Ended(outcome),
        None => HookState::Unended,
    }
}

/// Counts the drivers of this process, to tell them apart.
static DRIVERS: AtomicU32 = AtomicU32::new(1);

/// Capstan on one cluster, with the plugins of one project. Copies are cheap: they share the connection and discovery.
#[derive(Clone)]
pub struct Engine {
    cluster: Cluster,
    plugins: Arc<dyn Plugins>,
    clock: Clock,
    host: String,
    web: HttpCaller,
}

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

/// The result of a request to end an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndedBy {
    /// Its driver was asked to end it; this is who drives it.
    Asked(String),
    /// It has no driver: resume it with [`Engine::resume`] and end it there.
    NoDriver,
}

/// The objects that stay in the cluster when an application's state is removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RemainingObjects {
    /// The objects that have the application's label.
    pub objects: BTreeSet<ObjectKey>,
    /// The number of kinds that may not be listed, of which there may be more objects.
    pub unlisted: usize,
}

/// What was removed with an application's stored state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AbandonedState {
    /// How many Secrets it was stored in.
    pub secrets: usize,
}

impl Engine {
    /// Makes one. `host` is this machine's name, which others see when they find an application busy.
    pub fn new(cluster: Cluster, plugins: Arc<dyn Plugins>, clock: Clock, host: &str) -> Engine {
        Engine {
            cluster,
            plugins,
            clock,
            host: host.to_owned(),
            web: HttpCaller::network(),
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
    pub fn with_web(self, web: HttpCaller) -> Engine {
        Engine { web, ..self }
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
        Identity::new(&self.host, DRIVERS.fetch_add(1, Ordering::Relaxed).to_string())
    }

    async fn open(&self, application: &Application) -> Result<Store, EngineError> {
        Store::open(&self.cluster, application, self.identity().to_string()).await
    }

    pub(crate) async fn open_known(&self, application: &Application) -> Result<Store, EngineError> {
        let store = self.open(application).await?;
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
    pub async fn plan(&self, mut request: Request) -> Result<Planned, EngineError> {
        let is_of_stored = request.does == OperationKind::Delete || request.purpose == Purpose::Test;
        let digest_of_request = request.digest();
        let store = if is_of_stored {
            self.open_known(&request.application).await?
        } else {
            self.open(&request.application).await?
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
                .filter(|past| past.does == OperationKind::Sync)
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
        let asked = Arc::new(Mutex::new(Vec::new()));
        let plugins = RecordingPlugins {
            plugins: Arc::clone(&self.plugins),
            to: Arc::clone(&asked) as Arc<dyn CallRecorder>,
        };
        let mut planned = planning::make(&self.cluster, &plugins, request, past).await?;
        planned.request = digest_of_request;
        planned.asked = mem::take(&mut *asked.lock().unwrap_or_else(PoisonError::into_inner));
        check_size(&planned)?;
        Ok(planned)
    }

    /// Starts an operation. Objects of earlier hooks whose time has come are deleted first.
    ///
    /// # Errors
    ///
    /// Returns `Busy` when another operation runs, `Unfinished` when one has to be resumed first, or why it couldn't be stored.
    pub async fn start(&self, planned: Planned, by: &str) -> Result<Running, EngineError> {
        let application = planned.plan.application.clone();
        if planned.checks_first {
            let missing = permission::missing(&self.cluster, &planned).await;
            let missing = missing.map_err(EngineError::while_("asking what is allowed"))?;
            if !missing.is_empty() {
                return Err(EngineError::Denied(missing));
            }
        }
        let prepared = PackedPlan::of(&planned)?;
        if planned.makes_namespace {
            self.make_namespace(&application.namespace).await?;
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
        let digest = digest(&planned.manifests);
        let id = store.begin(&planned, &prepared, by, &digest, self.clock.now()).await?;
        let operation = Operation::new(planned.plan, id);
        let current = (operation, OperationView::default());
        let journal = Journal::begin(planned.asked);
        let first = (InputKind::Begun, planned.gone);
        Ok(self.drive(current, store, journal, (lock, lock_events), first))
    }

    /// Checks that the cluster is still as it was when a plan was made.
    ///
    /// # Errors
    ///
    /// Returns `Outdated` with everything that has changed, or why the cluster couldn't be asked.
    pub async fn verify(&self, planned: &Planned) -> Result<(), EngineError> {
        let mut moved = saved::moved(&self.cluster, planned)
            .await
            .map_err(EngineError::while_("reading what is live"))?;
        let operations = self.open(&planned.plan.application).await?.head.operations;
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
    pub async fn rehearse(&self, planned: &Planned) -> Vec<DryRunResult> {
        rehearse::rehearse(&self.cluster, &planned.plan).await
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
        self.open_known(application).await?.manifests_of(past).await
    }

    /// Resumes the operation whose driver is gone.
    ///
    /// # Errors
    ///
    /// Returns `Busy` when its driver is alive, and `NothingRuns` when there is no operation.
    pub async fn resume(&self, application: &Application) -> Result<Running, EngineError> {
        self.resume_with(application, &[]).await
    }

    /// Resumes an operation, with the manifests that it was planned from: errors of the API server then name the lines of their fields.
    ///
    /// # Errors
    ///
    /// As [`Engine::resume`].
    pub async fn resume_with(&self, application: &Application, manifests: &[Manifest]) -> Result<Running, EngineError> {
        let nothing = || EngineError::NothingRuns(application.name.clone());
        if self.open_known(application).await?.head.current.is_none() {
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
        operation.set_written(plan::FieldPlaces::of(manifests));
        let first = (InputKind::Resumed, Vec::new());
        Ok(self.drive((operation, view), store, journal, (lock, lock_events), first))
    }

    async fn lock(&self, application: &Application, is_new: bool) -> Result<(Lock, LockEvents, Identity), EngineError> {
        let identity = self.identity();
        let (lock, events) = Lock::take(&self.cluster, self.clock, application, identity.clone(), is_new).await?;
        Ok((lock, events, identity))
    }

    /// Acquires an application's lock and reads the stored state, if that was written by somebody who held the lock.
    async fn open_locked(
        &self,
        application: &Application,
        is_new: bool,
    ) -> Result<(Lock, LockEvents, Store), EngineError> {
        let (lock, events, identity) = self.lock(application, is_new).await?;
        let wrong = match Store::open(&self.cluster, application, identity.to_string()).await {
            Ok(mut store) if !store.exists() => {
                lock.mark().unwrap_or_default().clone_into(&mut store.head.mark);
                return Ok((lock, events, store));
            }
            Ok(store) if lock.vouches_for(&store.head.mark) => return Ok((lock, events, store)),
            Ok(_) => EngineError::Stored(
                "it was not stored by capstan, or its Lease was deleted since: whoever may only create Secrets could have made it"
                    .to_owned(),
            ),
            Err(error) => error,
        };
        // A Lease that stays would vouch for the stored state.
        let is_new = lock.is_new();
        lock.release(is_new).await;
        Err(wrong)
    }

    fn drive(
        &self,
        (operation, view): (Operation, OperationView),
        store: Store,
        journal: Arc<Journal>,
        (lock, lock_events): (Lock, LockEvents),
        (first, gone): (InputKind, Vec<(ObjectKey, String)>),
    ) -> Running {
        let bus = Bus::new((first == InputKind::Resumed).then(|| view.clone()));
        let (people, from_people) = mpsc::channel(1);
        let id = operation.state().id.clone();
        let leave = Arc::new(Notify::new());
        let driver = Driver {
            cluster: self.cluster.under(lock.grip()),
            plugins: Arc::new(RecordingPlugins {
                plugins: Arc::clone(&self.plugins),
                to: Arc::clone(&journal) as Arc<dyn CallRecorder>,
            }),
            clock: self.clock,
            web: self.web.clone(),
            journal,
            operation,
            store: store.under(lock.grip()),
            lock,
            lock_events,
            bus: Publisher(bus.clone()),
            people: from_people,
            leave: Arc::clone(&leave),
            view,
            gone,
        };
        Running {
            operation: id,
            bus,
            people,
            leave,
            task: tokio::spawn(driver.run(first)),
        }
    }

    async fn make_namespace(&self, name: &str) -> Result<(), EngineError> {
        let namespace = Object(serde_json::json!({
            "apiVersion": "v1",
            "kind": namespace_key(name).kind,
            "metadata": { "name": name },
        }));
        match self.cluster.create(&namespace, DryRun::No).await {
            Ok(_) | Err(ClusterError::AlreadyExists(_)) => Ok(()),
            Err(error) => Err(EngineError::while_("creating the application's namespace")(error)),
        }
    }

    /// Waits until no operation of the application is driven any more.
    ///
    /// # Errors
    ///
    /// Returns why its lock couldn't be watched.
    pub async fn until_idle(&self, application: &Application) -> Result<(), EngineError> {
        until_free(&self.cluster, self.clock, &self.identity(), application).await
    }

    /// Asks the driver of an application's operation to end it.
    ///
    /// # Errors
    ///
    /// Returns `NothingRuns` when there is no operation.
    pub async fn terminate(&self, application: &Application, by: &str) -> Result<EndedBy, EngineError> {
        if self.open_known(application).await?.head.current.is_none() {
            return Err(EngineError::NothingRuns(application.name.clone()));
        }
        let asked = request_end(&self.cluster, self.clock, &self.identity(), application, by).await?;
        Ok(asked.map_or(EndedBy::NoDriver, EndedBy::Asked))
    }

    /// Sends a signal to a hook of the running operation that waits for it. `hook` names it, as in `gate` or `Hook/shop/gate`; without
    /// it, exactly one hook must be waiting. Returns the hook's name.
    ///
    /// # Errors
    ///
    /// Returns `NothingRuns`, or `NobodyWaits` with the hooks that wait.
    pub async fn signal(
        &self,
        application: &Application,
        hook: Option<&str>,
        signal: &str,
        by: &str,
        value: serde_json::Value,
    ) -> Result<String, EngineError> {
        let Some((operation, _)) = self.open_known(application).await?.current().await? else {
            return Err(EngineError::NothingRuns(application.name.clone()));
        };
        let waiting = operation.awaited(signal);
        let fitting: Vec<&ObjectKey> = waiting
            .iter()
            .filter(|key| hook.is_none_or(|hook| fits_hook(hook, key)))
            .collect();
        // A signal on the Lease names the hook by its name alone.
        let names: BTreeSet<String> = fitting.iter().map(|key| signal_name(key)).collect();
        let namesakes = waiting.iter().filter(|key| names.contains(&signal_name(key))).count();
        let (Some(name), 1) = (names.first(), namesakes) else {
            let index = ObjectIndex::of(waiting.iter().cloned());
            return Err(EngineError::NobodyWaits {
                signal: signal.to_owned(),
                hook: hook.map(str::to_owned),
                state: hook.map(|hook| hook_state(&operation, hook)),
                namesakes,
                waiting: waiting.iter().map(|key| index.word_for(key)).collect(),
                signals: awaited_signals(&operation),
            });
        };
        let written = Written {
            signal: signal.to_owned(),
            by: by.to_owned(),
            value,
            at: self.clock.now().to_string(),
        };
        send_signal(&self.cluster, application, name, &written).await?;
        Ok(name.clone())
    }

    /// Returns the rules and options of the last sync of an application.
    ///
    /// # Errors
    ///
    /// Returns `NoApplication`, or why the stored state couldn't be read.
    pub async fn rules(&self, application: &Application) -> Result<(Mode, SyncOptions), EngineError> {
        let head = self.open_known(application).await?.head;
        Ok((head.mode, head.options))
    }

    /// Returns the operation that isn't finished, if there is one, whether its driver is alive or not.
    ///
    /// # Errors
    ///
    /// Returns why the stored state couldn't be read.
    pub async fn current(&self, application: &Application) -> Result<Option<CurrentOperation>, EngineError> {
        Ok(self.open(application).await?.head.current)
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
        let store = self.open_known(application).await?;
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
        self.open(application).await?.view(past).await
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
        self.open(application).await?.journal(past).await
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
    ) -> Result<Vec<(capstan_core::task::TaskId, Vec<ContainerLogs>)>, EngineError> {
        let store = self.open_known(application).await?;
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

    /// Lists the objects that have an application's label: they stay in the cluster when its state is removed. They are looked for in the
    /// application's namespace, among cluster-scoped objects, and in the places that its state names if that can be read.
    ///
    /// # Errors
    ///
    /// Returns why the cluster couldn't be asked. Kinds that may not be listed are counted.
    pub async fn left_by(&self, application: &Application) -> Result<RemainingObjects, EngineError> {
        self.cluster
            .refresh_if_older_than(MAX_AGE_OF_DISCOVERY)
            .await
            .map_err(EngineError::while_("asking what the cluster serves"))?;
        let mut places: BTreeSet<Place> = match self.open(application).await {
            Ok(store) => store.head.places,
            // State that can't be read is a reason to remove it.
            Err(EngineError::Stored(_)) => BTreeSet::new(),
            Err(error) => return Err(error),
        };
        places.extend(
            self.cluster
                .discovery()
                .scopes()
                .into_iter()
                .map(|(kind, scope)| match scope {
                    Scope::Namespaced => (kind, application.namespace.clone()),
                    Scope::Cluster => (kind, String::new()),
                }),
        );
        let labels = format!("{}={}", labels::APPLICATION, application.name);
        let lists = places.into_iter().map(|(kind, namespace)| {
            let (cluster, labels) = (&self.cluster, &labels);
            async move { cluster.list_metadata(&kind, &namespace, labels, "").await }
        });
        let mut left = RemainingObjects::default();
        let mut lists = stream::iter(lists).buffered(AT_ONCE);
        while let Some(found) = lists.next().await {
            match found {
                Ok(found) => left.objects.extend(found.iter().map(Object::key)),
                Err(ClusterError::Forbidden(_)) => left.unlisted += 1,
                Err(error) if error.is_temporary() => {
                    return Err(EngineError::while_("looking for what is left")(error));
                }
                // Not every kind can be listed.
                Err(_) => {}
            }
        }
        Ok(left)
    }

    /// Removes everything that is stored about an application, whether it can be read or not. Its objects stay in the cluster.
    ///
    /// # Errors
    ///
    /// Returns `Busy` when an operation is being driven, `NoApplication` when nothing is stored, or why it couldn't be removed.
    pub async fn abandon(&self, application: &Application) -> Result<AbandonedState, EngineError> {
        let (lock, _, _) = self.lock(application, true).await?;
        let forgotten = forget(&self.cluster, application, &lock.grip()).await;
        lock.release(forgotten.is_ok()).await;
        match forgotten? {
            0 => Err(EngineError::NoApplication {
                name: application.name.clone(),
                namespace: application.namespace.clone(),
            }),
            secrets => Ok(AbandonedState { secrets }),
        }
    }

    /// Deletes the objects of hooks whose time has come. Returns the result for every object that is or was due.
    ///
    /// # Errors
    ///
    /// Returns `Busy` when an operation runs, which does this itself.
    pub async fn sweep(&self, application: &Application) -> Result<Vec<SweepResult>, EngineError> {
        self.open_known(application).await?;
        let (lock, _, mut store) = self.open_locked(application, false).await?;
        let swept = sweep(&self.cluster, &*self.plugins, self.clock, &mut store).await;
        lock.release(false).await;
        swept
    }
}

fn awaited_signals(operation: &Operation) -> Vec<AwaitedSignal> {
    let awaited = operation.awaited_signals().into_iter();
    awaited
        .map(|(key, signal)| AwaitedSignal {
            hook: signal_name(&key),
            signal,
        })
        .collect()
}

/// Returns a digest of a set of manifests, whatever their order.
pub(crate) fn digest(manifests: &[Object]) -> String {
    let mut digests: Vec<String> = manifests.iter().map(capstan_core::diff::digest).collect();
    digests.sort();
    let all: Vec<&str> = digests.iter().map(String::as_str).collect();
    capstan_core::hook::short_hash(&all)
}
