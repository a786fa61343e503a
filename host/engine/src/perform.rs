//! Carries out effects: one function for each, which returns an input for the operation.

mod apply;
mod hook;
mod ownership;
mod policy;
mod ports;
mod request;

use std::sync::{Arc, PoisonError};

use capstan_core::{
    model::{
        health::Assessment,
        hook::HookOutcome,
        object::{Object, ObjectKey},
        plugins::{FailureCause, Plugins, Request},
    },
    plan::{
        Plan,
        task::{Task, TaskId},
    },
    run::{
        effect::{ObjectIdentity, Work},
        input::{EffectFailure, InputKind},
        operation::Operation,
    },
};
use tokio::sync::Mutex;

pub(crate) use self::apply::{dry_run, write};
pub(crate) use self::ownership::CreatedObjects;
pub(crate) use self::policy::{PolicyCase, ask_policies, creation_timestamp, due_propagation};
pub(crate) use self::request::LogForwarders;
use crate::{
    checkpoint::{Store, remove_signal},
    clock::Clock,
    cluster::Cluster,
    error::ClusterError,
    health_assessor::HealthAssessor,
    hook_logs::HookLogs,
    inbox::Inbox,
    outbound_http::HttpCaller,
    refusal::Refusal,
    signals::Signals,
    watch::ObjectCache,
};

/// Everything that carrying out an effect needs.
pub(crate) struct EffectExecutor {
    pub cluster: Cluster,
    pub plugins: Arc<dyn Plugins>,
    pub health_assessor: Arc<HealthAssessor>,
    pub clock: Clock,
    pub plan: Arc<Plan>,
    pub operation: String,
    pub store: Arc<Mutex<Store>>,
    pub logs: Arc<HookLogs>,
    pub object_cache: ObjectCache,
    pub created: CreatedObjects,
    pub http: HttpCaller,
    pub signals: Signals,
    pub log_forwarders: std::sync::Mutex<LogForwarders>,
    /// Receives the answers that come later.
    pub inbox: Inbox,
}

/// An effect with what it needs of the operation's state, as of the time when it was ordered.
pub(crate) struct PreparedEffect {
    pub task: TaskId,
    pub work: Work,
    pub target: Option<ObjectIdentity>,
    pub outcome: Option<HookOutcome>,
    pub cause: Option<FailureCause>,
    pub operation_outcome: HookOutcome,
    /// The number of the attempt.
    pub attempt: u32,
    /// Whether the grace period for what the pods of the hook's object lack is over.
    pub is_grace_over: bool,
}

impl PreparedEffect {
    /// Adds to a task's work what it needs of the operation's state.
    pub fn from_effect(task: TaskId, work: Work, operation: &Operation) -> PreparedEffect {
        let is_failing =
            operation.cause().is_some() || *operation.status() != capstan_core::run::event::OperationStatus::Running;
        PreparedEffect {
            target: operation.hook_object(&task).cloned(),
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
            work,
        }
    }

    /// Says whether it waits for others, of which so many are carried out at once. Calls of URLs may take long.
    pub fn needs_permit(&self) -> bool {
        !matches!(&self.work, Work::Perform(ask) if matches!(ask.request, Request::Http(_)))
    }
}

impl EffectExecutor {
    /// Carries out an order. Nothing comes back of one for a task that the plan doesn't have.
    pub async fn execute(&self, order: PreparedEffect) -> Option<InputKind> {
        let task = self.plan.task(&order.task)?;
        let id = order.task.clone();
        Some(match &order.work {
            Work::Check => InputKind::Checked {
                result: self
                    .check(task)
                    .await
                    .map_err(|error| self.failure_with_places(task, error)),
                task: id,
            },
            Work::Apply => InputKind::Applied {
                result: self
                    .apply(task)
                    .await
                    .map_err(|error| self.failure_with_places(task, error)),
                task: id,
            },
            Work::Delete { target, propagation } => InputKind::Deleted {
                result: self
                    .delete(task, target, *propagation)
                    .await
                    .map_err(|error| self.failure(error)),
                target: target.clone(),
                task: id,
            },
            Work::LookForOlder => InputKind::PreviousDecided {
                result: self
                    .find_earlier_objects(task, order.attempt)
                    .await
                    .map_err(|error| self.failure(error)),
                task: id,
            },
            Work::StepHook(call) => InputKind::HookStepped {
                result: self.step_hook(task, call, &order).await,
                task: id,
            },
            Work::Perform(ask) => InputKind::RequestAnswered {
                answer: self.perform_request(task, ask, &order).await?,
                request_id: ask.id,
                step: ask.step,
                task: id,
            },
            Work::ForgetSignal { mark } => {
                remove_signal(&self.cluster, &self.plan.application, mark).await;
                return None;
            }
            Work::KeepLogs => {
                let (bytes, trouble) = self.keep_logs(task, order.target.as_ref()).await;
                InputKind::LogsSaved {
                    task: id,
                    bytes,
                    problem: trouble,
                }
            }
            Work::SetTtl => InputKind::TtlSet {
                result: self
                    .set_ttl(task, order.target.as_ref())
                    .await
                    .map_err(|error| self.failure(error)),
                task: id,
            },
            Work::Decide(occasion) => InputKind::Decided {
                decision: self.decide_disposal(task, *occasion, &order).await,
                occasion: *occasion,
                task: id,
            },
        })
    }

    /// Returns a failure as the operation is told it: without the values of the plan's Secrets, whatever object it is about.
    fn failure(&self, error: ClusterError) -> EffectFailure {
        let error = error.map_messages(|text| self.logs.redact(text));
        effect_failure(&error)
    }

    /// Does so with the places of the fields that the server names.
    fn failure_with_places(&self, task: &Task, error: ClusterError) -> EffectFailure {
        let error = error.map_messages(|text| self.logs.redact(text));
        let failure = effect_failure(&error);
        EffectFailure {
            message: Refusal::of(&self.plan, task, error).line(),
            ..failure
        }
    }

    async fn keep_logs(&self, task: &Task, own: Option<&ObjectIdentity>) -> (u64, Option<String>) {
        let Some(own) = own else { return (0, None) };
        let (streams, trouble) = self.logs.finish(&task.id, own).await;
        match self.store.lock().await.store_logs(&task.id, &streams).await {
            Ok(bytes) => (bytes, trouble),
            Err(error) => (0, Some(format!("the logs couldn't be stored: {error}"))),
        }
    }

    async fn set_ttl(&self, task: &Task, own: Option<&ObjectIdentity>) -> Result<(), ClusterError> {
        let ttl = task
            .object
            .as_ref()
            .and_then(|object| object.0.pointer("/spec/ttlSecondsAfterFinished"));
        let (Some(own), Some(ttl)) = (own, ttl) else {
            return Ok(());
        };
        let patch = serde_json::json!({ "spec": { "ttlSecondsAfterFinished": ttl } });
        match self.cluster.merge_patch(&own.key, &own.uid, patch).await {
            Ok(_) | Err(ClusterError::NotFound(_) | ClusterError::ObjectChanged(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Returns an object as a watch last saw it.
    fn last_seen(&self, key: &ObjectKey) -> Option<(Object, Assessment)> {
        let sight = self.object_cache.lock().unwrap_or_else(PoisonError::into_inner);
        sight.get(key).cloned()
    }

    /// Returns an object as it was last seen, else as it is now.
    async fn last_seen_or_live(
        &self,
        key: &ObjectKey,
        uid: &str,
    ) -> Result<Option<(Object, Option<Assessment>)>, ClusterError> {
        if let Some((object, assessment)) = self.last_seen(key).filter(|(object, _)| object.uid() == uid) {
            return Ok(Some((object, Some(assessment))));
        }
        let live = self.cluster.get(key).await?;
        Ok(live.filter(|object| object.uid() == uid).map(|object| (object, None)))
    }
}

fn effect_failure(error: &ClusterError) -> EffectFailure {
    EffectFailure {
        remedies: error.remedies(),
        ..EffectFailure::new(error.failure_class(), error.to_string())
    }
}
