//! The loop of an operation: inputs go into the operation, the effects that it orders are carried out, and its events are published.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use capstan_core::{
    model::{
        hook::HookOutcome,
        object::ObjectKey,
        operation_kind::OperationKind,
        plugins::{PluginQuery, PluginRef, Plugins},
    },
    plan::{
        Plan,
        task::{Action, TaskId},
    },
    run::{
        effect::Effect,
        event::OperationStatus,
        input::{Input, InputKind},
        operation::{Operation, Step},
        view::OperationView,
    },
};
use tokio::{
    sync::{Mutex, Notify, Semaphore, mpsc},
    task::JoinSet,
    time::Instant,
};

use crate::{
    bus::Bus,
    checkpoint::{DueObject, LeaseGuard, Lock, LockEvent, LockEvents, Store},
    clock::Clock,
    cluster::Cluster,
    concurrent::MAX_CONCURRENT_REQUESTS,
    engine::signal_name,
    error::EngineError,
    health_assessor::HealthAssessor,
    hook_logs::{HookLogs, HookLogsGuard},
    inbox::{Inbox, inbox},
    journal::Journal,
    outbound_http::HttpCaller,
    perform::{CreatedObjects, EffectExecutor, LogForwarders, PreparedEffect},
    signals::Signals,
    waiting::WaitingPublisher,
    watch::Watches,
};

/// How old the stored view may be. Events that change nothing else are in it after this time.
const MIN_VIEW_INTERVAL: Duration = Duration::from_secs(2);
/// A stored view with more bytes than this may be older, in proportion: this many bytes are stored within [`MIN_VIEW_INTERVAL`] at most.
const VIEW_BYTES_PER_INTERVAL: u64 = 256 * 1024;
/// How many times as long as it took to store it the stored view may be old, so that a slow machine has time for its other work.
const VIEW_INTERVAL_PER_STORE_TIME: u32 = 10;
/// How old the stored view may be at most, whatever it costs to store it.
const MAX_VIEW_INTERVAL: Duration = Duration::from_secs(30);
/// The pause before storing the operation's state is tried again.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Runs one operation to its end.
pub(crate) struct Driver {
    pub cluster: Cluster,
    pub plugins: Arc<dyn Plugins>,
    pub clock: Clock,
    pub http: HttpCaller,
    pub operation: Operation,
    pub journal: Arc<Journal>,
    pub store: Store,
    pub lock: Lock,
    pub lock_events: LockEvents,
    pub bus: Publisher,
    pub commands: mpsc::Receiver<InputKind>,
    /// Notified when the operation is to be left unfinished for another driver.
    pub detach: Arc<Notify>,
    /// The view of the operation so far.
    pub view: OperationView,
    /// The objects of earlier operations that didn't exist any more when this one was planned.
    pub missing_objects: Vec<(ObjectKey, String)>,
}

/// The driver's access to the bus. Dropping it ends the stream, however the driver ends.
pub(crate) struct Publisher(pub Bus);

impl Drop for Publisher {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The parts of a driver that the loop itself doesn't change.
struct DriverContext {
    executor: Arc<EffectExecutor>,
    watches: Watches,
    effects: JoinSet<()>,
    lease_guard: LeaseGuard,
    effect_permits: Arc<Semaphore>,
    inbox: Inbox,
    wake_at: Option<Instant>,
}

impl Driver {
    /// Carries the operation on from `first`.
    pub async fn run(mut self, first: InputKind) -> Result<OperationStatus, EngineError> {
        let plan = Arc::clone(self.operation.plan());
        let (inbox, mut happened) = inbox();
        let health_assessor = Arc::new(HealthAssessor {
            cluster: self.cluster.clone(),
            plugins: Arc::clone(&self.plugins),
            clock: self.clock,
            application: plan.application.clone(),
            mode: plan.mode,
            settings: plan.plugin_settings.clone(),
        });
        let watches = Watches::new(&self.cluster, &health_assessor, &plan, inbox.clone());
        let lines = Arc::new(HookLogs::new(&self.cluster, self.clock, &plan, self.bus.0.clone()));
        let _listening = HookLogsGuard(Arc::clone(&lines));
        let made = CreatedObjects::new(self.store.inventory().await);
        let store = Arc::new(Mutex::new(self.store));
        let mut context = DriverContext {
            executor: Arc::new(EffectExecutor {
                cluster: self.cluster.clone(),
                plugins: Arc::clone(&self.plugins),
                health_assessor,
                clock: self.clock,
                plan: Arc::clone(&plan),
                operation: self.operation.state().id.clone(),
                store: Arc::clone(&store),
                logs: Arc::clone(&lines),
                object_cache: watches.object_cache(),
                created: made,
                http: self.http,
                signals: Signals::new(hook_names(&plan)),
                log_forwarders: std::sync::Mutex::new(LogForwarders::default()),
                inbox: inbox.clone(),
            }),
            watches,
            effects: JoinSet::new(),
            lease_guard: self.lock.lease_guard(),
            effect_permits: Arc::new(Semaphore::new(MAX_CONCURRENT_REQUESTS)),
            inbox,
            wake_at: None,
        };
        if first == InputKind::Resumed {
            for task in &plan.tasks {
                if let (Some(own), None) = (self.operation.hook_object(&task.id), self.operation.outcome(&task.id)) {
                    lines.follow(&task.id, own);
                }
            }
        }
        let mut view = self.view;
        let mut next = first;
        // When the stored view must be brought up to date, for those who look at it from outside.
        let mut unseen: Option<Instant> = None;
        let mut cost = StoreCost::default();
        // Signals that hooks wait for, at most one for each wait, and what is wrong with others, once for each.
        let mut signalled = VecDeque::new();
        let mut waiting = WaitingPublisher::new(self.bus.0.clone());
        loop {
            let at = self.clock.now();
            let input = Input { at, kind: next }.truncated();
            self.journal.record_input(&input);
            let step = self.operation.step(input);
            for event in &step.events {
                view.fold(event);
            }
            if step.must_save {
                cost = save(&self.operation, &view, &self.journal, &store, &context.lease_guard).await?;
                unseen = None;
            } else if !step.events.is_empty() {
                unseen.get_or_insert_with(|| Instant::now() + view_interval(cost));
            }
            self.bus.0.publish_events(&step.events);
            waiting.changed();
            if self.operation.status().is_over() {
                break;
            }
            context.carry_out(step, &self.operation, self.clock);
            if unseen.is_some_and(|at| at <= Instant::now()) {
                cost = save(&self.operation, &view, &self.journal, &store, &context.lease_guard).await?;
                unseen = None;
            }
            let wake = [context.wake_at, unseen].into_iter().flatten().min();
            next = loop {
                if let Some(happened) = signalled.pop_front() {
                    break happened;
                }
                waiting.publish(&self.operation);
                tokio::select! {
                    biased;
                    Some(event) = self.lock_events.next() => match event {
                        LockEvent::TerminationRequested(by) => break InputKind::Terminated { by },
                        LockEvent::Signals(signals) => signalled.extend(context.executor.signals.set_present(signals)),
                        LockEvent::Lost(why) => return Err(EngineError::LostLock(why)),
                    },
                    () = self.detach.notified() => {
                        context.effects.shutdown().await;
                        self.lock.release(false).await;
                        return Ok(self.operation.status().clone());
                    }
                    Some(happened) = self.commands.recv() => break happened,
                    happened = happened.next() => break happened,
                    () = tokio::time::sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {
                        context.wake_at = context.wake_at.filter(|at| *at > Instant::now());
                        break InputKind::Woke;
                    }
                    () = waiting.due() => {}
                }
            };
        }
        context.effects.shutdown().await;
        // The operation may end in the same moment in which the last logs are stored.
        let mut store = store.lock().await;
        let due = due_objects(&self.operation);
        let status = self.operation.status().clone();
        let journal = &self.journal;
        let performer = &context.executor;
        let inventory = performer.inventory(&self.operation, &self.missing_objects).await;
        store.store_inventory(&performer.created.earlier, &inventory).await?;
        store
            .finish(&plan, &view, &status, due, journal, self.clock.now())
            .await?;
        let is_removed = status == OperationStatus::Succeeded && plan.operation_kind == OperationKind::Delete;
        if is_removed {
            store.remove().await?;
        }
        self.lock.release(is_removed).await;
        Ok(status)
    }
}

/// Lists the names under which a plan's hooks are sent signals.
fn hook_names(plan: &Plan) -> BTreeSet<String> {
    let hooks = plan.tasks.iter().filter(|task| task.hook().is_some());
    hooks.map(|task| signal_name(&task.key)).collect()
}

/// What storing how far the operation is cost.
#[derive(Debug, Clone, Copy, Default)]
struct StoreCost {
    /// How many bytes were stored.
    bytes: u64,
    /// How long it took.
    time: Duration,
}

/// Returns how old the stored view may be, by what storing it cost the last time.
fn view_interval(cost: StoreCost) -> Duration {
    let times = u32::try_from(cost.bytes / VIEW_BYTES_PER_INTERVAL)
        .unwrap_or(u32::MAX)
        .max(1);
    let by_size = MIN_VIEW_INTERVAL.saturating_mul(times);
    by_size
        .max(cost.time.saturating_mul(VIEW_INTERVAL_PER_STORE_TIME))
        .min(MAX_VIEW_INTERVAL)
}

/// Stores how far the operation is, and returns what that cost; until the lock is lost, over any trouble with the server.
async fn save(
    operation: &Operation,
    view: &OperationView,
    journal: &Journal,
    store: &Mutex<Store>,
    lease_guard: &LeaseGuard,
) -> Result<StoreCost, EngineError> {
    let mut store = store.lock().await;
    let mut is_warned = false;
    loop {
        lease_guard.ensure_held().await.map_err(EngineError::LostLock)?;
        let began = Instant::now();
        match store.save(operation.state(), view, journal).await {
            Err(EngineError::Cluster { source, .. }) if source.is_temporary() => {
                if !is_warned {
                    tracing::warn!(error = %source, "how far the operation is can't be stored; trying on");
                    is_warned = true;
                }
                tokio::time::sleep(RETRY_INTERVAL).await;
            }
            other => {
                let cost = StoreCost {
                    bytes: store.last_write_bytes(),
                    time: began.elapsed(),
                };
                return other.map(|()| cost);
            }
        }
    }
}

impl DriverContext {
    fn carry_out(&mut self, step: Step, operation: &Operation, clock: Clock) {
        for effect in step.effects {
            match effect {
                Effect::Do { task, work } => self.spawn_effect(PreparedEffect::from_effect(task, work, operation)),
                Effect::Watch { task, key } => {
                    let health_assessor = self.health_plugin(operation, &task, &key);
                    self.watches.follow(task, key, health_assessor);
                }
                Effect::Unwatch { task, key } => self.watches.unfollow(task, key),
                Effect::Release { task } => self.executor.release(&task),
                Effect::Wake { at } => self.wake_at = Some(clock.instant(at)),
            }
        }
        while self.effects.try_join_next().is_some() {}
    }

    /// Says who judges an object that is followed for a task.
    fn health_plugin(&self, operation: &Operation, task: &TaskId, key: &ObjectKey) -> Option<PluginRef> {
        let task = operation.plan().task(task)?;
        match &task.action {
            Action::Apply(apply) => Some(apply.health_plugin.clone()),
            Action::Delete(_) => None,
            Action::Hook(hook) => {
                let is_own = *key == task.key || operation.hook_object(&task.id).is_some_and(|own| own.key == *key);
                if is_own || (hook.has_object && key.group_kind() == task.key.group_kind()) {
                    hook.health_plugin.clone()
                } else {
                    self.executor.plugins.plugin_for(&PluginQuery::Health(key.group_kind()))
                }
            }
        }
    }

    fn spawn_effect(&mut self, order: PreparedEffect) {
        let (performer, turns, inbox, lease_guard) = (
            Arc::clone(&self.executor),
            Arc::clone(&self.effect_permits),
            self.inbox.clone(),
            self.lease_guard.clone(),
        );
        self.effects.spawn(async move {
            // The semaphore is never closed.
            let _turn = if order.needs_permit() {
                turns.acquire().await.ok()
            } else {
                None
            };
            if lease_guard.ensure_held().await.is_err() {
                // The driver has been told too, and stops.
                return;
            }
            if let Some(happened) = performer.execute(order).await {
                inbox.push_answer(happened).await;
            }
        });
    }
}

/// Lists what the operation leaves to be deleted later.
fn due_objects(operation: &Operation) -> Vec<DueObject> {
    let plan = operation.plan();
    let objects = operation.scheduled_deletions().iter().filter_map(|due| {
        let task = plan
            .tasks
            .iter()
            .find(|task| operation.hook_object(&task.id) == Some(&due.target))?;
        let hook = task.hook()?;
        Some(DueObject {
            due: due.clone(),
            operation: operation.state().id.clone(),
            task: task.id.clone(),
            run: operation.run_id(task)?,
            phase: task.phase,
            wave: task.wave,
            outcome: operation.outcome(&task.id).or(Some(HookOutcome::Failed)),
            policies: hook.policies.clone(),
            ttl: hook.ttl,
            runs_to_completion: hook.runs_to_completion,
            settings: hook.settings.clone(),
        })
    });
    objects.collect()
}
