//! Calls of delete policies.

use capstan_core::{
    model::{
        compat::{Mode, Rule},
        hook::{Disposal, HookOutcome, Occasion, RunId, Ttl},
        object::{Object, labels},
        phase::Phase,
        plugins::{Application, Plugins, PolicyHook, PolicyQuestion},
        wave::Wave,
    },
    plan::task::{PolicyUse, Task},
    run::{
        effect::ObjectIdentity,
        input::{DisposalDecision, PreviousHookObjects},
        operation,
    },
};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{EffectExecutor, PreparedEffect};
use crate::{clock::Clock, error::ClusterError};

/// The claim of a delete policy that is called for every hook.
const ANY_HOOK: &str = "*";

/// One object of a hook, with everything that its policies are told.
pub(crate) struct PolicyCase<'a> {
    pub application: &'a Application,
    pub mode: Mode,
    pub occasion: Occasion,
    pub object: &'a Object,
    pub run: RunId,
    pub phase: Phase,
    pub wave: Wave,
    pub outcome: Option<HookOutcome>,
    pub operation_outcome: Option<HookOutcome>,
    pub rank: u32,
    pub runs_to_completion: bool,
    pub ttl: Ttl,
    pub policies: &'a [PolicyUse],
    /// The user's settings for the hook, for its type and its policies.
    pub settings: &'a Map<String, Value>,
}

/// Calls all policies for one object, and joins their answers.
pub(crate) async fn ask_policies(plugins: &dyn Plugins, clock: Clock, case: PolicyCase<'_>) -> DisposalDecision {
    let mut decision = DisposalDecision::keep();
    let mut keepers = Vec::new();
    for policy in case.policies {
        let question = PolicyQuestion {
            application: case.application.clone(),
            settings: case.settings.clone(),
            occasion: case.occasion,
            policies: policy.words.clone(),
            object: case.object.clone(),
            hook: PolicyHook {
                run: case.run.clone(),
                phase: case.phase,
                wave: case.wave,
            },
            outcome: case.outcome,
            operation_outcome: case.operation_outcome,
            finished_at: finished_at(case.object).or_else(|| case.outcome.map(|_| clock.now())),
            rank: case.rank,
            runs_to_completion: case.runs_to_completion,
            ttl: case.ttl,
            compat: case.mode.contract_name().map(str::to_owned),
        };
        match plugins.decide(&policy.plugin, question, clock.now()).await {
            Ok(disposal) => {
                let joined = decision.disposal.combine(disposal);
                if joined != decision.disposal {
                    decision.decided_by = Some(policy_name(policy));
                    decision.plugins = vec![policy.plugin.to_string()];
                }
                // Most hooks don't concern the policies that are called for every hook.
                if disposal == Disposal::Keep && policy.plugin.claim != ANY_HOOK {
                    keepers.push(policy.plugin.to_string());
                }
                decision.disposal = joined;
            }
            Err(error) => {
                decision.remedies.0.extend(error.remedies().0);
                decision.problems.push(error.to_string());
            }
        }
    }
    if decision.disposal == Disposal::Keep {
        keepers.dedup();
        decision.plugins = keepers;
    }
    decision
}

/// Returns the name of a policy as its user knows it; for one that is called for every hook, its plugin's name.
fn policy_name(policy: &PolicyUse) -> String {
    if policy.plugin.claim == ANY_HOOK {
        policy.plugin.plugin.clone()
    } else {
        policy.plugin.claim.clone()
    }
}

/// Returns when an object finished, by its status.
pub(crate) fn finished_at(object: &Object) -> Option<Timestamp> {
    let parse = |text: &str| text.parse::<Timestamp>().ok();
    let conditions = object.0.pointer("/status/conditions").and_then(Value::as_array);
    let ended = conditions.into_iter().flatten().find(|condition| {
        let is = |field: &str, values: &[&str]| {
            let value = condition.get(field).and_then(Value::as_str);
            value.is_some_and(|value| values.contains(&value))
        };
        is("type", &["Complete", "Failed"]) && is("status", &["True"])
    });
    let of_condition = ended.and_then(|condition| condition.get("lastTransitionTime")?.as_str().and_then(parse));
    let containers = object.0.pointer("/status/containerStatuses").and_then(Value::as_array);
    let of_containers = || {
        let ends = containers.into_iter().flatten().map(|container| {
            let end = container
                .pointer("/state/terminated/finishedAt")
                .and_then(Value::as_str);
            end.and_then(parse)
        });
        // A pod has finished when all of its containers have.
        ends.collect::<Option<Vec<_>>>().and_then(|ends| ends.into_iter().max())
    };
    object
        .text("/status/completionTime")
        .and_then(parse)
        .or(of_condition)
        .or_else(of_containers)
}

impl EffectExecutor {
    /// Finds the objects of earlier runs of a hook, newest first, and calls its policies for each.
    pub(super) async fn find_earlier_objects(
        &self,
        task: &Task,
        attempt: u32,
    ) -> Result<PreviousHookObjects, ClusterError> {
        let mut older = PreviousHookObjects::default();
        let own = operation::hook_object_to_create(&self.plan, task, &self.operation, attempt);
        let (Some(own), Some(hook)) = (own, task.hook()) else {
            return Ok(older);
        };
        let selector = format!("{}={}", labels::HOOK, hook.hook);
        let key = own.key();
        let mut found = match self.cluster.list(&key.group_kind(), &key.namespace, &selector).await {
            // A kind that an earlier wave has just defined has no objects yet.
            Err(ClusterError::UnknownKind(_) | ClusterError::NotServed(_)) => return Ok(older),
            found => found?,
        };
        // An object with the hook's labels that others created is left alone.
        found.retain(|live| self.ownership().is_own(live));
        if !found.iter().any(|live| live.key() == key)
            && let Some(live) = self.cluster.get(&key).await?
            && self.may_be_replaced(&live, task)
        {
            found.push(live);
        }
        found.sort_by_key(|live| std::cmp::Reverse(creation_timestamp(live).to_owned()));
        let is_own = |live: &Object| live.label(labels::RUN) == own.label(labels::RUN);
        let runs = Phase::ALL.map(|phase| self.run_id(hook, phase, attempt));
        let mut rank = 0;
        for live in &found {
            let target = ObjectIdentity {
                key: live.key(),
                uid: live.uid().to_owned(),
            };
            if is_own(live) {
                older.current = Some(target);
                continue;
            }
            // By Argo CD's rules a generated name belongs to another object.
            let is_generated = task
                .object
                .as_ref()
                .is_some_and(|object| object.generate_name().is_some());
            if is_generated && live.key() != key && self.plan.mode.has(Rule::GeneratedHooksStay) {
                continue;
            }
            // An object of the same hook in another phase of this attempt isn't an earlier one.
            if runs.iter().any(|run| live.label(labels::RUN) == Some(&run.0)) && live.key() != key {
                continue;
            }
            let case = PolicyCase {
                application: &self.plan.application,
                mode: self.plan.mode,
                occasion: Occasion::BeforeCreation,
                object: live,
                run: RunId(live.label(labels::RUN).unwrap_or_default().to_owned()),
                phase: task.phase,
                wave: task.wave,
                outcome: None,
                operation_outcome: None,
                rank,
                runs_to_completion: hook.runs_to_completion,
                ttl: hook.ttl,
                policies: &hook.policies,
                settings: &hook.settings,
            };
            rank += 1;
            let decision = ask_policies(&*self.plugins, self.clock, case).await;
            older
                .decisions
                .push((target, self.keep_if_occupied(decision, live, task).await));
        }
        Ok(older)
    }

    pub(super) async fn decide_disposal(
        &self,
        task: &Task,
        occasion: Occasion,
        order: &PreparedEffect,
    ) -> DisposalDecision {
        let (Some(hook), Some(own)) = (task.hook(), &order.target) else {
            return DisposalDecision::keep();
        };
        let object = match self.cluster.get(&own.key).await {
            Ok(Some(object)) if object.uid() == own.uid => object,
            Ok(_) => return DisposalDecision::keep(),
            Err(error) => {
                let mut decision = DisposalDecision::keep();
                decision.problems.push(format!("{} couldn't be read: {error}", own.key));
                return decision;
            }
        };
        let case = PolicyCase {
            application: &self.plan.application,
            mode: self.plan.mode,
            occasion,
            object: &object,
            run: self.run_id(hook, task.phase, order.attempt),
            phase: task.phase,
            wave: task.wave,
            outcome: order.outcome,
            operation_outcome: (occasion == Occasion::OperationFinished).then_some(order.operation_outcome),
            rank: 0,
            runs_to_completion: hook.runs_to_completion,
            ttl: hook.ttl,
            policies: &hook.policies,
            settings: &hook.settings,
        };
        let decision = ask_policies(&*self.plugins, self.clock, case).await;
        self.keep_if_occupied(decision, &object, task).await
    }
}

/// Returns when an object was created, as it is written: later moments sort after earlier ones.
pub(crate) fn creation_timestamp(object: &Object) -> &str {
    object.text("/metadata/creationTimestamp").unwrap_or_default()
}

/// Returns the propagation if a disposal deletes an object at this time.
pub(crate) fn due_propagation(disposal: Disposal, now: Timestamp) -> Option<capstan_core::model::hook::Propagation> {
    DisposalDecision {
        disposal,
        ..DisposalDecision::keep()
    }
    .deletion(now)
}
