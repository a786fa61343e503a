//! Carries out effects: one function for each, which returns an input for the operation.

mod apply;
mod ask;
mod hook;
mod own;
mod policy;
mod ports;

use std::sync::{Arc, PoisonError};

use capstan_core::{
    deletion::DecidedPropagation,
    effect::{Effect, HookCall, Target},
    health::Assessment,
    hook::{HookOutcome, Occasion},
    input::{EffectFailure, InputKind},
    object::{Object, ObjectKey},
    operation::Operation,
    plan::Plan,
    plugins::{Ask, FailureCause, Plugins, Request},
    task::{Task, TaskId},
};
use tokio::sync::Mutex;

pub(crate) use self::apply::{rehearse, write};
pub(crate) use self::ask::LogForwarders;
pub(crate) use self::own::CreatedObjects;
pub(crate) use self::policy::{PolicyCase, ask_all, made, removes};
use crate::{
    checkpoint::{Store, forget_signal},
    clock::Clock,
    cluster::Cluster,
    error::ClusterError,
    inbox::Inbox,
    judge::HealthAssessor,
    lines::Lines,
    refusal::Refusal,
    signals::Signals,
    watch::ObjectCache,
    web::HttpCaller,
};

/// Everything that carrying out an effect needs.
pub(crate) struct EffectExecutor {
    pub cluster: Cluster,
    pub plugins: Arc<dyn Plugins>,
    pub judge: Arc<HealthAssessor>,
    pub clock: Clock,
    pub plan: Arc<Plan>,
    pub operation: String,
    pub store: Arc<Mutex<Store>>,
    pub lines: Arc<Lines>,
    pub sight: ObjectCache,
    pub made: CreatedObjects,
    pub web: HttpCaller,
    pub signals: Signals,
    pub beside: std::sync::Mutex<LogForwarders>,
    /// Receives the answers that come later.
    pub inbox: Inbox,
}

/// An effect with what it needs of the operation's state, as of the time when it was ordered.
pub(crate) struct PreparedEffect {
    pub task: TaskId,
    pub what: EffectWork,
    pub own: Option<Target>,
    pub outcome: Option<HookOutcome>,
    pub cause: Option<FailureCause>,
    pub operation_outcome: HookOutcome,
    /// The number of the attempt.
    pub attempt: u32,
    /// Whether the grace period for what the pods of the hook's object lack is over.
    pub is_grace_over: bool,
}

/// The effects that take time.
pub(crate) enum EffectWork {
    Check,
    Apply,
    Delete(Target, DecidedPropagation),
    LookForOlder,
    StepHook(HookCall),
    Perform(Ask),
    ForgetSignal(String),
    KeepLogs,
    SetTtl,
    Decide(Occasion),
}

impl PreparedEffect {
    /// Makes one of an effect. Returns the effect if the driver itself carries it out.
    pub fn of(effect: Effect, operation: &Operation) -> Result<Box<PreparedEffect>, Box<Effect>> {
        let (task, what) = match effect {
            Effect::Check { task } => (task, EffectWork::Check),
            Effect::Apply { task } => (task, EffectWork::Apply),
            Effect::Delete {
                task,
                target,
                propagation,
            } => (task, EffectWork::Delete(target, propagation)),
            Effect::LookForOlder { task } => (task, EffectWork::LookForOlder),
            Effect::StepHook { task, call } => (task, EffectWork::StepHook(call)),
            Effect::Perform { task, ask } => (task, EffectWork::Perform(ask)),
            Effect::ForgetSignal { task, mark } => (task, EffectWork::ForgetSignal(mark)),
            Effect::KeepLogs { task } => (task, EffectWork::KeepLogs),
            Effect::SetTtl { task } => (task, EffectWork::SetTtl),
            Effect::Decide { task, occasion } => (task, EffectWork::Decide(occasion)),
            Effect::Watch { .. } | Effect::Unwatch { .. } | Effect::Wake { .. } | Effect::Release { .. } => {
                return Err(Box::new(effect));
            }
        };
        let is_failing = operation.cause().is_some() || *operation.status() != capstan_core::event::Status::Running;
        Ok(Box::new(PreparedEffect {
            own: operation.own(&task).cloned(),
            outcome: operation.outcome(&task),
            cause: operation.cause().cloned(),
            attempt: operation.state().attempt,
            is_grace_over: operation.is_grace_over(&task),
            operation_outcome: if is_failing {
                HookOutcome::Failed
            } else {
                HookOutcome::Succeeded
            },
            task,
            what,
        }))
    }
}

impl PreparedEffect {
    /// Says whether it waits for others, of which so many are carried out at once. Calls of URLs may take long.
    pub fn takes_turns(&self) -> bool {
        !matches!(&self.what, EffectWork::Perform(ask) if matches!(ask.what, Request::Http(_)))
    }
}

impl EffectExecutor {
    /// Carries out an order. Nothing comes back of one for a task that the plan doesn't have.
    pub async fn carry_out(&self, order: PreparedEffect) -> Option<InputKind> {
        let task = self.plan.task(&order.task)?;
        let id = order.task.clone();
        Some(match &order.what {
            EffectWork::Check => InputKind::Checked {
                result: self.check(task).await.map_err(|error| self.refused(task, error)),
                task: id,
            },
            EffectWork::Apply => InputKind::Applied {
                result: self.apply(task).await.map_err(|error| self.refused(task, error)),
                task: id,
            },
            EffectWork::Delete(target, propagation) => InputKind::Deleted {
                result: self
                    .delete(task, target, *propagation)
                    .await
                    .map_err(|error| self.problem(error)),
                target: target.clone(),
                task: id,
            },
            EffectWork::LookForOlder => InputKind::OlderDecided {
                result: self
                    .look_for_older(task, order.attempt)
                    .await
                    .map_err(|error| self.problem(error)),
                task: id,
            },
            EffectWork::StepHook(call) => InputKind::HookStepped {
                result: self.step_hook(task, call, &order).await,
                task: id,
            },
            EffectWork::Perform(ask) => InputKind::Answered {
                answer: self.perform(task, ask, &order).await?,
                ask: ask.id,
                step: ask.step,
                task: id,
            },
            EffectWork::ForgetSignal(mark) => {
                forget_signal(&self.cluster, &self.plan.application, mark).await;
                return None;
            }
            EffectWork::KeepLogs => {
                let (bytes, trouble) = self.keep_logs(task, order.own.as_ref()).await;
                InputKind::LogsKept {
                    task: id,
                    bytes,
                    trouble,
                }
            }
            EffectWork::SetTtl => InputKind::TtlSet {
                result: self
                    .set_ttl(task, order.own.as_ref())
                    .await
                    .map_err(|error| self.problem(error)),
                task: id,
            },
            EffectWork::Decide(occasion) => InputKind::Decided {
                decision: self.decide(task, *occasion, &order).await,
                occasion: *occasion,
                task: id,
            },
        })
    }

    /// Returns a failure as the operation is told it: without the values of the plan's Secrets, whatever object it is about.
    fn problem(&self, error: ClusterError) -> EffectFailure {
        let error = error.reworded(|text| self.lines.redacted(text));
        EffectFailure {
            remedies: error.remedies(),
            ..EffectFailure::new(error.class(), error.to_string())
        }
    }

    /// Does so with the places of the fields that the server names.
    fn refused(&self, task: &Task, error: ClusterError) -> EffectFailure {
        let error = error.reworded(|text| self.lines.redacted(text));
        let class = error.class();
        EffectFailure::new(class, Refusal::of(&self.plan, task, error).line())
    }

    async fn keep_logs(&self, task: &Task, own: Option<&Target>) -> (u64, String) {
        let Some(own) = own else { return (0, String::new()) };
        let (streams, trouble) = self.lines.finish(&task.id, own).await;
        match self.store.lock().await.keep_logs(&task.id, &streams).await {
            Ok(bytes) => (bytes, trouble),
            Err(error) => (0, format!("the logs couldn't be stored: {error}")),
        }
    }

    async fn set_ttl(&self, task: &Task, own: Option<&Target>) -> Result<(), ClusterError> {
        let ttl = task
            .object
            .as_ref()
            .and_then(|object| object.0.pointer("/spec/ttlSecondsAfterFinished"));
        let (Some(own), Some(ttl)) = (own, ttl) else {
            return Ok(());
        };
        let patch = serde_json::json!({ "spec": { "ttlSecondsAfterFinished": ttl } });
        match self.cluster.merge(&own.key, &own.uid, patch).await {
            Ok(_) | Err(ClusterError::NotFound(_) | ClusterError::Moved(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Returns an object as a watch last saw it.
    fn last_seen(&self, key: &ObjectKey) -> Option<(Object, Assessment)> {
        let sight = self.sight.lock().unwrap_or_else(PoisonError::into_inner);
        sight.get(key).cloned()
    }

    /// Returns an object as it was last seen, else as it is now.
    async fn seen(&self, key: &ObjectKey, uid: &str) -> Result<Option<(Object, Option<Assessment>)>, ClusterError> {
        if let Some((object, assessment)) = self.last_seen(key).filter(|(object, _)| object.uid() == uid) {
            return Ok(Some((object, Some(assessment))));
        }
        let live = self.cluster.get(key).await?;
        Ok(live.filter(|object| object.uid() == uid).map(|object| (object, None)))
    }
}
