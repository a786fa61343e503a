//! Compares a native plan with a compat plan of the same manifests: what differs, and by which rules.

mod rules;

use std::collections::BTreeMap;

use serde::{Serialize, Serializer, ser::SerializeStruct as _};

use self::rules::rules_for;
use super::Rule;
use crate::{
    model::{object::ObjectKey, operation_kind::OperationKind, phase::Phase, settings::Wait, wave::Wave},
    plan::{
        Plan,
        propagation::DecidedPropagation,
        task::{Action, DeletionEnd, HookTask, Task},
    },
};

/// One difference between a native plan and a compat plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The object that differs; `None` if the difference is about the whole operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<ObjectKey>,
    /// The phase of the hook or of the tasks that differ; `None` for an ordinary object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// What kind of difference it is.
    #[serde(rename = "what")]
    pub kind: DifferenceKind,
    /// What the native plan does, in a few words.
    pub native: String,
    /// What the compat plan does, in a few words.
    pub argo_cd: String,
    /// The rules that cause the difference.
    #[serde(serialize_with = "serialize_rules")]
    pub rules: Vec<Rule>,
}

/// The kinds of differences between two plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DifferenceKind {
    /// One plan has a task for the object and the other has none.
    Presence,
    /// The phase or the wave differs.
    Turn,
    /// The order of kinds within a wave differs.
    Order,
    /// What the operation waits for differs.
    Wait,
    /// What happens to a hook's objects, or to the dependents of a deleted object, differs.
    Disposal,
    /// How the object is written differs: applied, replaced, or with other fields.
    Write,
    /// Something that depends on events at run time, such as a failure, ends differently.
    Outcome,
}

/// Serializes rules with their descriptions, so that a reader needs no table.
fn serialize_rules<S: Serializer>(rules: &[Rule], serializer: S) -> Result<S::Ok, S::Error> {
    struct InFull(Rule);
    impl Serialize for InFull {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let row = self.0.description();
            let mut fields = serializer.serialize_struct("Rule", 4)?;
            fields.serialize_field("name", row.name)?;
            fields.serialize_field("native", row.native)?;
            fields.serialize_field("argoCd", row.argo_cd)?;
            fields.serialize_field("source", row.source)?;
            fields.end()
        }
    }
    serializer.collect_seq(rules.iter().copied().map(InFull))
}

/// Lists the differences between a native plan and a compat plan of the same manifests: first object by object in the order of the plans,
/// then those about the whole operation.
pub fn explain(native: &Plan, argo: &Plan) -> Vec<Difference> {
    let (ours, theirs) = (tasks_by_name(native), tasks_by_name(argo));
    let mut found = Vec::new();
    let mut order: Vec<&TaskName> = Vec::new();
    for task in native.tasks.iter().chain(&argo.tasks) {
        let name = task_name(task);
        if let Some((known, _)) = ours.get_key_value(&name).or_else(|| theirs.get_key_value(&name))
            && !order.contains(&known)
        {
            order.push(known);
        }
    }
    for name in order {
        match (ours.get(name), theirs.get(name)) {
            (Some(one), Some(other)) => found.extend(compare(one, other, argo)),
            (Some(one), None) => found.push(presence_difference(
                one,
                describe_slot(one),
                absence_reason(argo, &one.key),
                argo,
            )),
            (None, Some(other)) => found.push(presence_difference(
                other,
                absence_reason(native, &other.key),
                describe_slot(other),
                argo,
            )),
            (None, None) => {}
        }
    }
    found.extend(kind_order_differences(native, argo));
    found.extend(outcome_differences(native, argo));
    found
}

/// What identifies a task in both plans: its key, and for a hook its ID and phase.
type TaskName = (ObjectKey, Option<(String, Phase)>);

fn task_name(task: &Task) -> TaskName {
    let run = task.hook().map(|hook| (hook.hook.0.clone(), task.phase));
    (task.key.clone(), run)
}

fn tasks_by_name(plan: &Plan) -> BTreeMap<TaskName, &Task> {
    plan.tasks.iter().map(|task| (task_name(task), task)).collect()
}

fn describe_slot(task: &Task) -> String {
    let what = match &task.action {
        Action::Apply(_) => "applied",
        Action::Delete(_) => "removed",
        Action::Hook(_) => "runs",
    };
    format!("{what} in {}, wave {}", task.phase, task.wave)
}

/// Returns why a plan has no task for an object.
fn absence_reason(plan: &Plan, key: &ObjectKey) -> String {
    let skipped = plan.skipped.iter().find(|skipped| skipped.key == *key);
    match skipped {
        Some(skipped) => format!("skipped: {}", skipped.reason),
        None if plan.unpruned.contains(key) => "stays".to_owned(),
        None => "has no part".to_owned(),
    }
}

fn difference(task: &Task, what: DifferenceKind, native: String, argo_cd: String, rules: Vec<Rule>) -> Difference {
    Difference {
        key: Some(task.key.clone()),
        phase: task.hook().map(|_| task.phase),
        kind: what,
        native,
        argo_cd,
        rules,
    }
}

fn presence_difference(task: &Task, native: String, argo_cd: String, argo: &Plan) -> Difference {
    let rules = rules_for(argo, task, DifferenceKind::Presence);
    difference(task, DifferenceKind::Presence, native, argo_cd, rules)
}

fn compare(one: &Task, other: &Task, argo: &Plan) -> Vec<Difference> {
    let mut found = Vec::new();
    if (one.phase, one.wave) != (other.phase, other.wave) {
        let rules = rules_for(argo, other, DifferenceKind::Turn);
        found.push(difference(
            one,
            DifferenceKind::Turn,
            describe_slot(one),
            describe_slot(other),
            rules,
        ));
    }
    match (&one.action, &other.action) {
        (Action::Apply(ours), Action::Apply(theirs)) => {
            if ours.wait != theirs.wait {
                let rules = rules_for(argo, other, DifferenceKind::Wait);
                found.push(difference(
                    one,
                    DifferenceKind::Wait,
                    describe_wait(ours.wait),
                    describe_wait(theirs.wait),
                    rules,
                ));
            }
            if ours.strategy != theirs.strategy {
                let rules = rules_for(argo, other, DifferenceKind::Write);
                let text = |replaces: bool| if replaces { "replaced as a whole" } else { "merged" }.to_owned();
                let (native, argo_cd) = (text(ours.strategy.replaces()), text(theirs.strategy.replaces()));
                found.push(difference(one, DifferenceKind::Write, native, argo_cd, rules));
            }
        }
        (Action::Delete(ours), Action::Delete(theirs)) => {
            if ours.wait_until != theirs.wait_until {
                let rules = rules_for(argo, other, DifferenceKind::Wait);
                found.push(difference(
                    one,
                    DifferenceKind::Wait,
                    describe_deletion_end(ours.wait_until),
                    describe_deletion_end(theirs.wait_until),
                    rules,
                ));
            }
            if ours.propagation != theirs.propagation {
                let text =
                    |propagation: DecidedPropagation| format!("deletion in the {}", propagation.get()).to_lowercase();
                let (native, argo_cd) = (text(ours.propagation), text(theirs.propagation));
                let rules = vec![Rule::ForegroundDeletion];
                found.push(difference(one, DifferenceKind::Disposal, native, argo_cd, rules));
            }
        }
        (Action::Hook(ours), Action::Hook(theirs)) => found.extend(disposal_differences(one, ours, theirs, argo)),
        (Action::Apply(_) | Action::Delete(_) | Action::Hook(_), _) => {
            let rules = rules_for(argo, other, DifferenceKind::Presence);
            found.push(difference(
                one,
                DifferenceKind::Presence,
                describe_slot(one),
                describe_slot(other),
                rules,
            ));
        }
    }
    found
}

fn describe_wait(wait: Wait) -> String {
    match wait {
        Wait::Nothing | Wait::Applied => "not awaited after the server has accepted it",
        Wait::Healthy => "awaited until healthy",
        Wait::WhileHooksRun => "not awaited; Degraded while the hooks run is a failure",
    }
    .to_owned()
}

fn describe_deletion_end(until: DeletionEnd) -> String {
    match until {
        DeletionEnd::Accepted => "not awaited after the server has accepted it",
        DeletionEnd::Gone | DeletionEnd::GoneByItself => "awaited until gone",
    }
    .to_owned()
}

fn policy_words(hook: &HookTask) -> Vec<&str> {
    let named = hook.policies.iter().find(|policy| policy.plugin.claim != "*");
    named.map_or_else(Vec::new, |policy| policy.words.iter().map(String::as_str).collect())
}

fn disposal_differences(task: &Task, ours: &HookTask, theirs: &HookTask, argo: &Plan) -> Vec<Difference> {
    let mut found = Vec::new();
    if !ours.has_object {
        return found;
    }
    let mut add_difference = |native: String, argo_cd: String, rules: Vec<Rule>| {
        found.push(difference(task, DifferenceKind::Disposal, native, argo_cd, rules));
    };
    let (one, other) = (policy_words(ours), policy_words(theirs));
    if one != other {
        let text = |words: &[&str]| format!("delete policies {}", words.join(", "));
        add_difference(
            text(&one),
            text(&other),
            rules_for(argo, task, DifferenceKind::Disposal),
        );
    }
    let judged: Vec<&str> = other
        .iter()
        .filter(|word| matches!(**word, "HookSucceeded" | "HookFailed"))
        .copied()
        .collect();
    for word in judged {
        let well = if word == "HookSucceeded" { "succeeded" } else { "failed" };
        add_difference(
            format!("deleted as soon as the hook has {well}"),
            format!("deleted at the end if the whole operation has {well}"),
            vec![Rule::OperationJudgesPolicies],
        );
    }
    let has_name = task
        .object
        .as_ref()
        .is_some_and(|object| object.generate_name().is_none());
    if other.contains(&"BeforeHookCreation") && !has_name {
        add_difference(
            "objects of earlier runs are deleted".to_owned(),
            "objects of earlier runs stay".to_owned(),
            vec![Rule::GeneratedHooksStay],
        );
    }
    if other.contains(&"BeforeHookCreation") {
        if !theirs.runs_to_completion && has_name {
            add_difference(
                "applied: an existing object stays".to_owned(),
                "deleted and recreated by every run".to_owned(),
                vec![Rule::EveryKindIsReplaced],
            );
        }
    } else if theirs.runs_to_completion && has_name {
        add_difference(
            "an object of an earlier run exists, and the hook fails".to_owned(),
            "an object of an earlier run is applied again, and its old result counts".to_owned(),
            vec![Rule::OlderObjectCounts],
        );
    }
    if argo.operation_kind == OperationKind::Delete && task.phase == Phase::PreDelete {
        add_difference(
            "its object is deleted according to its delete policies".to_owned(),
            "its object is deleted with the others".to_owned(),
            vec![Rule::PreDeleteHooksGo],
        );
    }
    found
}

/// Lists the waves in which both plans start the same kinds in another order.
fn kind_order_differences(native: &Plan, argo: &Plan) -> Vec<Difference> {
    let mut found = Vec::new();
    let waves = native.waves();
    let steps = waves
        .iter()
        .flat_map(|(phase, waves)| waves.iter().map(|wave| (*phase, *wave)));
    for (phase, wave) in steps {
        let (ours, theirs) = (kinds_in_order(native, phase, wave), kinds_in_order(argo, phase, wave));
        let common = |one: &[String], other: &[String]| -> Vec<String> {
            one.iter().filter(|kind| other.contains(kind)).cloned().collect()
        };
        let (ours, theirs) = (common(&ours, &theirs), common(&theirs, &ours));
        if ours != theirs {
            let rule = if argo.operation_kind == OperationKind::Delete {
                Rule::DeletionInParallel
            } else {
                Rule::KindOrder
            };
            found.push(Difference {
                key: None,
                phase: Some(phase),
                kind: DifferenceKind::Order,
                native: format!("wave {wave}: {}", ours.join(", then ")),
                argo_cd: format!("wave {wave}: {}", theirs.join(", then ")),
                rules: vec![rule],
            });
        }
    }
    found
}

/// Lists the kinds of a wave in the order in which they start. Kinds that start together are one entry.
fn kinds_in_order(plan: &Plan, phase: Phase, wave: Wave) -> Vec<String> {
    let mut kinds: Vec<(u32, Vec<String>)> = Vec::new();
    for task in plan.wave(phase, wave) {
        let verb = if matches!(task.action, Action::Delete(_)) {
            "removal of "
        } else {
            ""
        };
        let kind = format!("{verb}{}", task.key.group_kind());
        match kinds.last_mut() {
            Some((rank, together)) if *rank == task.rank => {
                if !together.contains(&kind) {
                    together.push(kind);
                }
            }
            Some(_) | None => kinds.push((task.rank, vec![kind])),
        }
    }
    let mut texts: Vec<String> = Vec::new();
    for (_, together) in kinds {
        let text = together.join(" and ");
        if texts.last() != Some(&text) {
            texts.push(text);
        }
    }
    texts
}

/// Lists the rules that only have an effect at run time and that can have one in this plan.
fn outcome_differences(native: &Plan, argo: &Plan) -> Vec<Difference> {
    let hooks: Vec<&Task> = argo.tasks.iter().filter(|task| task.hook().is_some()).collect();
    let is_awaited = |task: &&Task| match &task.action {
        Action::Apply(apply) => matches!(apply.wait, Wait::Healthy | Wait::WhileHooksRun),
        Action::Delete(_) | Action::Hook(_) => false,
    };
    let awaits = argo.tasks.iter().any(|task| is_awaited(&task));
    let has_sync_fail = argo.tasks.iter().any(|task| task.phase == Phase::SyncFail);
    let main_hooks = hooks.iter().any(|task| task.phase != Phase::SyncFail);
    let beside = |is_included: fn(&Task) -> bool| {
        argo.tasks
            .iter()
            .any(|task| is_included(task) && argo.wave(task.phase, task.wave).iter().any(|other| other.id != task.id))
    };
    let is_delete = argo.operation_kind == OperationKind::Delete;
    let overwrites = native.tasks.iter().any(|task| match &task.action {
        Action::Apply(apply) => apply.live.is_some() && !apply.force_conflicts,
        Action::Delete(_) | Action::Hook(_) => false,
    });
    let sends_ignored = argo.tasks.iter().any(|task| match &task.action {
        Action::Apply(apply) => apply.ignored.is_sent,
        Action::Delete(_) | Action::Hook(_) => false,
    });
    let retries = argo.limits.retry.max_retries > 0;
    let judges = hooks.iter().filter_map(|task| task.hook()).any(|hook| {
        let words = policy_words(hook);
        words.contains(&"HookSucceeded") || words.contains(&"HookFailed")
    });
    let rules = [
        (Rule::FieldsAreTakenOver, overwrites),
        (Rule::IgnoredFieldsAreSent, sends_ignored),
        (Rule::DegradedFailsAtOnce, awaits),
        (Rule::SuspendedIsAwaited, awaits),
        (Rule::VanishedFails, awaits),
        (Rule::PodsOnlyTell, awaits || main_hooks),
        (
            Rule::FailedKindGoesOn,
            beside(|task| matches!(task.action, Action::Apply(_))),
        ),
        (
            Rule::FailedWaveIsAwaited,
            awaits && beside(|task| matches!(task.action, Action::Apply(_))),
        ),
        (
            Rule::HooksClearFirst,
            beside(|task| task.hook().is_some_and(|hook| hook.has_object)),
        ),
        (Rule::SyncFailBesideHooks, has_sync_fail && main_hooks),
        (Rule::SyncFailAfterChangesOnly, has_sync_fail),
        (Rule::SyncFailInEveryTry, has_sync_fail && retries),
        (Rule::RetryFromTheStart, retries),
        (Rule::UnknownHookFails, main_hooks && !is_delete),
        (Rule::MissingHookSucceeds, main_hooks && !is_delete),
        (Rule::UnclearDeleteHookIsDone, main_hooks && is_delete),
        (Rule::TerminateKeepsEnded, judges),
    ];
    let held = rules.into_iter().filter(|(_, holds)| *holds);
    held.map(|(rule, _)| Difference {
        key: None,
        phase: None,
        kind: DifferenceKind::Outcome,
        native: rule.description().native.to_owned(),
        argo_cd: rule.description().argo_cd.to_owned(),
        rules: vec![rule],
    })
    .collect()
}
