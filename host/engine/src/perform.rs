//! Carries out orders: one function for each, answered by what happened.

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
    input::{Happened, Problem},
    object::{Object, ObjectKey},
    operation::Operation,
    plan::Plan,
    plugins::{Ask, Cause, Plugins, Request},
    task::{Task, TaskId},
};
use tokio::sync::Mutex;

pub(crate) use self::apply::{rehearse, write};
pub(crate) use self::ask::Beside;
pub(crate) use self::own::Made;
pub(crate) use self::policy::{Case, ask_all, made, removes};
use crate::{
    checkpoint::{Store, forget_signal},
    clock::Clock,
    cluster::Cluster,
    error::ClusterError,
    inbox::Inbox,
    judge::Judge,
    lines::Lines,
    signals::Signals,
    watch::Sight,
    web::Web,
};

/// Everything that carrying out an order needs.
pub(crate) struct Performer {
    pub cluster: Cluster,
    pub plugins: Arc<dyn Plugins>,
    pub judge: Arc<Judge>,
    pub clock: Clock,
    pub plan: Arc<Plan>,
    pub operation: String,
    pub store: Arc<Mutex<Store>>,
    pub lines: Arc<Lines>,
    pub sight: Sight,
    pub made: Made,
    pub web: Web,
    pub signals: Signals,
    pub beside: std::sync::Mutex<Beside>,
    /// Where answers go that come whenever something happens.
    pub inbox: Inbox,
}

/// An order with what it needs of the operation's state, as it was when the order was given.
pub(crate) struct Order {
    pub task: TaskId,
    pub what: What,
    pub own: Option<Target>,
    pub outcome: Option<HookOutcome>,
    pub cause: Option<Cause>,
    pub operation_outcome: HookOutcome,
    /// Which try it is.
    pub attempt: u32,
    /// Whether the time is over that the hook's object has for what its pods lack.
    pub is_grace_over: bool,
}

/// The orders that take their time.
pub(crate) enum What {
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

impl Order {
    /// Makes one of an effect, unless it is one that the driver itself carries out.
    pub fn of(effect: Effect, operation: &Operation) -> Result<Box<Order>, Box<Effect>> {
        let (task, what) = match effect {
            Effect::Check { task } => (task, What::Check),
            Effect::Apply { task } => (task, What::Apply),
            Effect::Delete {
                task,
                target,
                propagation,
            } => (task, What::Delete(target, propagation)),
            Effect::LookForOlder { task } => (task, What::LookForOlder),
            Effect::StepHook { task, call } => (task, What::StepHook(call)),
            Effect::Perform { task, ask } => (task, What::Perform(ask)),
            Effect::ForgetSignal { task, mark } => (task, What::ForgetSignal(mark)),
            Effect::KeepLogs { task } => (task, What::KeepLogs),
            Effect::SetTtl { task } => (task, What::SetTtl),
            Effect::Decide { task, occasion } => (task, What::Decide(occasion)),
            Effect::Watch { .. } | Effect::Unwatch { .. } | Effect::Wake { .. } | Effect::Release { .. } => {
                return Err(Box::new(effect));
            }
        };
        let is_failing = operation.cause().is_some() || *operation.status() != capstan_core::event::Status::Running;
        Ok(Box::new(Order {
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

impl Order {
    /// Says whether it waits for others, of which so many are carried out at once. Calls of URLs may take long.
    pub fn takes_turns(&self) -> bool {
        !matches!(&self.what, What::Perform(ask) if matches!(ask.what, Request::Http(_)))
    }
}

impl Performer {
    /// Carries out an order. Nothing comes back of one for a task that the plan doesn't have.
    pub async fn carry_out(&self, order: Order) -> Option<Happened> {
        let task = self.plan.task(&order.task)?;
        let id = order.task.clone();
        Some(match &order.what {
            What::Check => Happened::Checked {
                result: self.check(task).await.map_err(|error| self.refused(task, error)),
                task: id,
            },
            What::Apply => Happened::Applied {
                result: self.apply(task).await.map_err(|error| self.refused(task, error)),
                task: id,
            },
            What::Delete(target, propagation) => Happened::Deleted {
                result: self
                    .delete(task, target, *propagation)
                    .await
                    .map_err(|error| self.problem(error)),
                target: target.clone(),
                task: id,
            },
            What::LookForOlder => Happened::OlderDecided {
                result: self
                    .look_for_older(task, order.attempt)
                    .await
                    .map_err(|error| self.problem(error)),
                task: id,
            },
            What::StepHook(call) => Happened::HookStepped {
                result: self.step_hook(task, call, &order).await,
                task: id,
            },
            What::Perform(ask) => Happened::Answered {
                answer: self.perform(task, ask, &order).await?,
                ask: ask.id,
                step: ask.step,
                task: id,
            },
            What::ForgetSignal(mark) => {
                forget_signal(&self.cluster, &self.plan.application, mark).await;
                return None;
            }
            What::KeepLogs => {
                let (bytes, trouble) = self.keep_logs(task, order.own.as_ref()).await;
                Happened::LogsKept {
                    task: id,
                    bytes,
                    trouble,
                }
            }
            What::SetTtl => Happened::TtlSet {
                result: self
                    .set_ttl(task, order.own.as_ref())
                    .await
                    .map_err(|error| self.problem(error)),
                task: id,
            },
            What::Decide(occasion) => Happened::Decided {
                decision: self.decide(task, *occasion, &order).await,
                occasion: *occasion,
                task: id,
            },
        })
    }

    /// Returns a failure as the operation is told it: without the values of the plan's Secrets, whatever object it is about.
    fn problem(&self, error: ClusterError) -> Problem {
        let error = error.reworded(|text| self.lines.redacted(text));
        Problem::new(error.class(), error.to_string())
    }

    /// Does so with the places of the fields that the server names.
    fn refused(&self, task: &Task, error: ClusterError) -> Problem {
        let is_about_fields = matches!(
            error,
            ClusterError::Invalid(_) | ClusterError::Immutable(_) | ClusterError::Undeclared(_)
        );
        let mut problem = self.problem(error);
        if let (true, Some(object), Some(whole)) = (is_about_fields, &task.object, &task.place) {
            let places = self.plan.written.places(&task.key, object, whole, &problem.message);
            let places: Vec<String> = places.iter().map(ToString::to_string).collect();
            if !places.is_empty() {
                problem.message = format!("{}; it is written in {}", problem.message, places.join(", "));
            }
        }
        problem
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
