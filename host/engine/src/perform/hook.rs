//! Calls of hook types, and the creation of their objects.

use capstan_core::{
    model::{
        compat::{self, Rule},
        health::Assessment,
        object::{Object, labels},
        phase::Phase,
        plugins::{
            HookContext, HookQuestion, HookRunInfo, HookStep, Observation, ObservationKind, OperationInfo, PluginError,
        },
    },
    plan::{
        degraded_grace,
        task::{HookTask, Task},
    },
    run::{
        effect::{HookCall, ObjectIdentity, PendingObservation, PendingObservationKind},
        input::Answer,
        operation,
    },
};

use super::{
    EffectExecutor, PreparedEffect,
    apply::{KindWait, conflict_policy_of_hooks},
};
use crate::{cluster::DryRun, error::ClusterError};

impl EffectExecutor {
    pub(super) async fn step_hook(
        &self,
        task: &Task,
        call: &HookCall,
        order: &PreparedEffect,
    ) -> Result<HookStep, PluginError> {
        let Some(hook) = task.hook() else {
            return Err(PluginError::Unavailable {
                plugin: String::new(),
                message: format!("{} is not a hook", task.key),
            });
        };
        let question = match call {
            HookCall::Start => HookQuestion::Start,
            HookCall::Advance {
                state,
                observation: note,
            } => HookQuestion::Advance {
                state: state.clone(),
                observation: self.observation(task, hook, note, order).await.map_err(|error| {
                    let plugin = hook.plugin.to_string();
                    let message = format!("its object couldn't be read: {error}");
                    PluginError::Unavailable { plugin, message }
                })?,
            },
            HookCall::Abort { state, reason } => HookQuestion::Abort {
                state: state.clone(),
                reason: *reason,
            },
        };
        let context = HookContext {
            application: self.plan.application.clone(),
            settings: hook.settings.clone(),
            hook: HookRunInfo {
                run: self.run_id(hook, task.phase, order.attempt),
                phase: task.phase,
                wave: task.wave,
                attempt: order.attempt,
                on_vanished: hook.on_vanished,
            },
            operation: OperationInfo {
                id: self.operation.clone(),
                kind: self.plan.operation_kind,
            },
            object: task.object.clone().unwrap_or(Object(serde_json::Value::Null)),
            cause: order.cause.clone().filter(|_| task.phase == Phase::SyncFail),
            grants: self
                .plan
                .allowance(&hook.plugin)
                .map(|allowance| allowance.effective.clone())
                .unwrap_or_default(),
            mode: self.plan.mode,
        };
        self.plugins
            .step(&hook.plugin, &context, question, self.clock.now())
            .await
    }

    pub(super) fn run_id(&self, hook: &HookTask, phase: Phase, attempt: u32) -> capstan_core::model::hook::RunId {
        capstan_core::model::hook::RunId::new(&hook.hook, &self.operation, attempt, phase)
    }

    /// Fills the live object into an observation.
    async fn observation(
        &self,
        task: &Task,
        hook: &HookTask,
        note: &PendingObservation,
        order: &PreparedEffect,
    ) -> Result<Observation, ClusterError> {
        let what = match &note.kind {
            PendingObservationKind::Created => match self.hook_object(order).await? {
                Some((object, _)) => ObservationKind::Created(object),
                None => ObservationKind::Gone,
            },
            PendingObservationKind::Object => match self.hook_object(order).await? {
                Some((object, Some(health))) => ObservationKind::Object {
                    object,
                    health: self.shown_health(task, health, order),
                },
                Some((object, None)) => {
                    let health = self.health_assessor.assess(hook.health_plugin.as_ref(), &object).await;
                    let health = self.shown_health(task, health, order);
                    ObservationKind::Object { object, health }
                }
                None => ObservationKind::Gone,
            },
            PendingObservationKind::OtherObject(key) => match self.last_seen(key) {
                Some((object, health)) => ObservationKind::Object { object, health },
                None => self.read_other(key).await?,
            },
            PendingObservationKind::Read(request) => self.read(task, request).await,
            PendingObservationKind::Http(answer) => ObservationKind::Http(answer.clone()),
            PendingObservationKind::Signal { name, by, value, .. } => ObservationKind::Signal {
                name: name.clone(),
                by: by.clone(),
                value: value.clone(),
            },
            PendingObservationKind::Gone => ObservationKind::Gone,
            PendingObservationKind::Deleted => ObservationKind::Deleted,
            PendingObservationKind::Done => ObservationKind::Done,
            PendingObservationKind::Log(lines) => ObservationKind::Log(lines.clone()),
            PendingObservationKind::Woke => ObservationKind::Woke,
            PendingObservationKind::Refused(reason) => ObservationKind::Refused(reason.clone()),
            PendingObservationKind::Failed { reason, temporary } => ObservationKind::Failed {
                reason: reason.clone(),
                temporary: *temporary,
            },
        };
        Ok(Observation {
            request_id: note.request_id,
            kind: what,
        })
    }

    /// Returns the health of a hook's own object as its plugin sees it.
    fn shown_health(&self, task: &Task, health: Assessment, order: &PreparedEffect) -> Assessment {
        let health = degraded_grace::shown_to_hook(health, order.is_grace_over);
        compat::hook_health(self.plan.mode, task.phase, health)
    }

    async fn hook_object(&self, order: &PreparedEffect) -> Result<Option<(Object, Option<Assessment>)>, ClusterError> {
        match &order.target {
            Some(own) => self.last_seen_or_live(&own.key, &own.uid).await,
            None => Ok(None),
        }
    }

    /// Creates a hook's object as soon as its kind is served.
    pub(super) async fn create_hook_object_when_served(
        &self,
        task: &Task,
        attempt: u32,
    ) -> Result<Answer, ClusterError> {
        let mut patience = KindWait::new();
        loop {
            match self.create_hook_object(task, attempt).await {
                Err(error) => self.wait_for_kind(&mut patience, error).await?,
                made => return made,
            }
        }
    }

    /// Creates a hook's object, or finds the one that was created before a crash.
    async fn create_hook_object(&self, task: &Task, attempt: u32) -> Result<Answer, ClusterError> {
        let own = operation::hook_object_to_create(&self.plan, task, &self.operation, attempt);
        let (Some(mut own), Some(hook)) = (own, task.hook()) else {
            return Err(ClusterError::Other("the plan has no object for it".to_owned()));
        };
        // By Argo CD's rules the object of an earlier run is applied over.
        let is_created = hook.runs_to_completion && !self.plan.mode.has(Rule::OlderObjectCounts);
        let (made, is_new) = if is_created {
            match self.cluster.create_with(&own, task.unknown_fields, DryRun::No).await {
                Err(ClusterError::AlreadyExists(_)) => match self.cluster.get(&own.key()).await? {
                    Some(live) if is_same_run(&live, &own) => (live, true),
                    Some(live) if self.may_be_replaced(&live, task) => return Ok(Answer::NameTaken),
                    Some(live) => return Err(self.name_taken_error(&live)),
                    None => return Ok(Answer::NameTaken),
                },
                other => (other?, true),
            }
        } else {
            let live = self.cluster.get(&own.key()).await?;
            if let Some(live) = &live {
                if !self.may_be_replaced(live, task) {
                    return Err(self.name_taken_error(live));
                }
                // Another object that takes the name now is refused.
                own.set_metadata_text("uid", live.uid());
            }
            let conflicts = conflict_policy_of_hooks(&self.plan);
            let applied = self
                .cluster
                .apply_with(&own, conflicts, task.unknown_fields, DryRun::No);
            match applied.await {
                Err(ClusterError::ObjectChanged(_)) if live.is_some() => return Ok(Answer::NameTaken),
                applied => (applied?.0, live.is_none_or(|live| is_same_run(&live, &own))),
            }
        };
        self.record_created(&made);
        let target = ObjectIdentity {
            key: made.key(),
            uid: made.uid().to_owned(),
        };
        self.logs.follow(&task.id, &target);
        Ok(if is_new {
            Answer::Created(target)
        } else {
            Answer::AppliedOver(target)
        })
    }
}

fn is_same_run(live: &Object, own: &Object) -> bool {
    live.label(labels::RUN) == own.label(labels::RUN)
}
