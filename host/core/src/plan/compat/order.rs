//! Argo CD's order of tasks: by phase, wave, kind and name. Definitions and Namespaces move forward to what needs them.

use std::collections::BTreeMap;

use super::{Mode, Rule, RuleUse};
use crate::{
    model::{
        object::{GroupKind, Object},
        operation_kind::OperationKind,
        phase::Phase,
        wave::Wave,
    },
    plan::task::{Action, Task, TaskId},
};

/// The rank of deletions: before anything of their wave is created.
const REMOVAL_RANK: u32 = 0;
/// The rank at which the objects of hooks' earlier runs are deleted.
pub(crate) const DELETE_PREVIOUS_RANK: u32 = 1;
/// The rank of the first kind of a wave.
const FIRST_KIND_RANK: u32 = 2;

/// Argo CD's order of kinds, by name without group. Every other kind comes last.
const ARGO_CD_KIND_ORDER: [&str; 35] = [
    "Namespace",
    "NetworkPolicy",
    "ResourceQuota",
    "LimitRange",
    "PodSecurityPolicy",
    "PodDisruptionBudget",
    "ServiceAccount",
    "Secret",
    "SecretList",
    "ConfigMap",
    "StorageClass",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "CustomResourceDefinition",
    "ClusterRole",
    "ClusterRoleList",
    "ClusterRoleBinding",
    "ClusterRoleBindingList",
    "Role",
    "RoleList",
    "RoleBinding",
    "RoleBindingList",
    "Service",
    "DaemonSet",
    "Pod",
    "ReplicationController",
    "ReplicaSet",
    "Deployment",
    "HorizontalPodAutoscaler",
    "StatefulSet",
    "Job",
    "CronJob",
    "IngressClass",
    "Ingress",
    "APIService",
];

fn kind_position(kind: &str) -> usize {
    ARGO_CD_KIND_ORDER
        .iter()
        .position(|known| *known == kind)
        .unwrap_or(ARGO_CD_KIND_ORDER.len())
}

/// Sorts the tasks of a plan in Argo CD's order and sets their ranks; does nothing in native mode. `home` is the application's namespace.
pub(crate) fn apply_argo_cd_order(
    mode: Mode,
    operation_kind: OperationKind,
    home: &str,
    tasks: &mut Vec<Task>,
    uses: &mut Vec<RuleUse>,
) {
    if !mode.has(Rule::KindOrder) {
        return;
    }
    tasks.sort_by(|a, b| sort_key(a).cmp(&sort_key(b)));
    if operation_kind == OperationKind::Sync && mode.has(Rule::DependenciesMoveForward) {
        move_dependencies_forward(tasks, uses, defined_namespace, |object| {
            required_namespace(object, home)
        });
        move_dependencies_forward(tasks, uses, defined_kind, |object| object.group_kind().to_string());
    }
    for task in tasks.iter_mut() {
        let rule = match task.phase {
            Phase::SyncFail => Rule::SyncFailHasNoWaves,
            Phase::PreDelete | Phase::PostDelete => Rule::DeleteHooksHaveNoWaves,
            Phase::PreSync | Phase::Sync | Phase::PostSync => continue,
        };
        if mode.has(rule) && task.wave != Wave::default() {
            uses.push(rule_use(rule, task));
            move_task(task, task.phase, Wave::default());
        }
    }
    assign_ranks(tasks, operation_kind);
    tasks.sort_by_key(|task| (task.phase, task.wave, task.rank));
}

fn sort_key(task: &Task) -> (Phase, Wave, usize, &str, &TaskId) {
    (
        task.phase,
        task.wave,
        kind_position(&task.key.kind),
        &task.key.name,
        &task.id,
    )
}

fn rule_use(rule: Rule, task: &Task) -> RuleUse {
    RuleUse {
        rule,
        key: task.key.clone(),
        phase: Some(task.phase),
    }
}

/// Moves what defines something to the place before the first object that needs it, into that object's phase and wave.
fn move_dependencies_forward(
    tasks: &mut Vec<Task>,
    uses: &mut Vec<RuleUse>,
    made: impl Fn(&Object) -> Option<String>,
    needed: impl Fn(&Object) -> String,
) {
    let mut first: BTreeMap<String, usize> = BTreeMap::new();
    for position in 0..tasks.len() {
        let Some(object) = tasks.get(position).and_then(|task| task.object.as_ref()) else {
            continue;
        };
        let Some(name) = made(object) else {
            first.entry(needed(object)).or_insert(position);
            continue;
        };
        let Some(before) = first.get(&name).copied() else {
            continue;
        };
        let Some((phase, wave)) = tasks.get(before).map(|task| (task.phase, task.wave)) else {
            continue;
        };
        let mut task = tasks.remove(position);
        if (task.phase, task.wave) != (phase, wave) {
            move_task(&mut task, phase, wave);
            // The same object may be there in that phase already.
            if tasks.iter().any(|other| other.id == task.id) {
                continue;
            }
            uses.push(rule_use(Rule::DependenciesMoveForward, &task));
        }
        tasks.insert(before, task);
        for index in first.values_mut().filter(|index| **index >= before) {
            *index += 1;
        }
    }
}

fn defined_namespace(object: &Object) -> Option<String> {
    (object.kind() == "Namespace" && object.group().is_empty()).then(|| object.name().to_owned())
}

/// Returns the namespace that an object needs. Argo CD sets the application's namespace on every object without one, also on cluster-wide
/// kinds.
fn required_namespace(object: &Object, home: &str) -> String {
    match object.namespace() {
        "" => home.to_owned(),
        namespace => namespace.to_owned(),
    }
}

fn defined_kind(object: &Object) -> Option<String> {
    if object.kind() != "CustomResourceDefinition" || object.group() != "apiextensions.k8s.io" {
        return None;
    }
    let (group, kind) = (object.text("/spec/group")?, object.text("/spec/names/kind")?);
    Some(GroupKind::new(group, kind).to_string())
}

/// Moves a task to another phase and wave, and adapts its ID.
fn move_task(task: &mut Task, phase: Phase, wave: Wave) {
    let rest = task.id.0.splitn(3, '/').nth(2).unwrap_or_default();
    task.id = TaskId(format!("{phase}/{wave}/{rest}"));
    (task.phase, task.wave) = (phase, wave);
}

/// Sets the ranks of the tasks of each wave: deletions first, then runs of the same kind in their order.
fn assign_ranks(tasks: &mut [Task], operation_kind: OperationKind) {
    let mut last: Option<(Phase, Wave, String)> = None;
    let mut next = FIRST_KIND_RANK;
    for task in tasks {
        task.rank = match (&task.action, operation_kind, task.phase) {
            (Action::Delete(_), _, _) => REMOVAL_RANK,
            (_, _, Phase::PreDelete | Phase::PostDelete) => FIRST_KIND_RANK,
            (Action::Apply(_) | Action::Hook(_), OperationKind::Sync | OperationKind::Delete, _) => {
                let here = (task.phase, task.wave, task.key.kind.clone());
                next = match &last {
                    Some((phase, wave, _)) if (*phase, *wave) != (here.0, here.1) => FIRST_KIND_RANK,
                    Some((_, _, kind)) if *kind != here.2 => next + 1,
                    Some(_) | None => next,
                };
                last = Some(here);
                next
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        model::{
            hook::Propagation,
            plugins::PluginRef,
            settings::{OnTimeout, Wait},
        },
        plan::{
            propagation::PropagationRules,
            task::{ApplyStrategy, ApplyTask, DeleteTask, DeletionEnd, DryRunCheck, ExpectedChange, UnknownFields},
        },
        read::ignore::IgnoredFields,
    };

    fn task(phase: Phase, wave: i32, object: Value, action: Action) -> Task {
        let object = Object(object);
        let key = object.key();
        Task {
            id: TaskId::new(phase, Wave(wave), &key),
            phase,
            wave: Wave(wave),
            rank: 99,
            key,
            object: (!matches!(action, Action::Delete(_))).then_some(object),
            place: None,
            action,
            timeout_seconds: None,
            on_timeout: OnTimeout::Fail,
            check: DryRunCheck::Nothing,
            waits_for: Vec::new(),
            unknown_fields: UnknownFields::Refused,
        }
    }

    fn apply(phase: Phase, wave: i32, kind: &str, name: &str) -> Task {
        let (api, kind) = kind.rsplit_once('/').unwrap_or(("v1", kind));
        let mut object = json!({ "apiVersion": api, "kind": kind, "metadata": { "name": name } });
        if kind == "CustomResourceDefinition" {
            object["spec"] = json!({ "group": "example.com", "names": { "kind": "Widget" } });
        } else if kind != "Namespace" {
            object["metadata"]["namespace"] = json!("shop");
        }
        let action = Action::Apply(Box::new(ApplyTask {
            changes: ExpectedChange::Create,
            wait: Wait::Healthy,
            health_plugin: PluginRef {
                plugin: "resource".to_owned(),
                version: String::new(),
                digest: String::new(),
                claim: String::new(),
            },
            degraded_grace_seconds: 0,
            pods_grace_seconds: 0,
            force_conflicts: false,
            strategy: ApplyStrategy::Apply,
            migrates: false,
            live: None,
            ignored: IgnoredFields::default(),
            ignored_differences: 0,
            is_uncertain: false,
            recreate_propagation: PropagationRules::default().decide(Propagation::Foreground),
        }));
        task(phase, wave, object, action)
    }

    fn removal(wave: i32, kind: &str, name: &str) -> Task {
        let object = json!({ "apiVersion": "v1", "kind": kind, "metadata": { "name": name, "namespace": "shop" } });
        let action = Action::Delete(DeleteTask {
            uid: "1".to_owned(),
            propagation: PropagationRules::default().decide(Propagation::Foreground),
            wait_until: DeletionEnd::Gone,
            reason: String::new(),
        });
        task(Phase::Sync, wave, object, action)
    }

    /// Arranges and returns `phase/wave rank kind/name` of each, and the rules that made a difference.
    fn arranged(mut tasks: Vec<Task>) -> (Vec<String>, Vec<String>) {
        let mut uses = Vec::new();
        apply_argo_cd_order(Mode::ArgoCd, OperationKind::Sync, "shop", &mut tasks, &mut uses);
        let tasks = tasks.iter().map(|task| {
            assert!(
                task.id.0.starts_with(&format!("{}/{}/", task.phase, task.wave)),
                "{}",
                task.id
            );
            format!(
                "{}/{} {} {}",
                task.phase,
                task.wave,
                task.rank,
                task.key.kind_and_name()
            )
        });
        let uses = uses
            .iter()
            .map(|one| format!("{} {}", one.rule, one.key.kind_and_name()));
        (tasks.collect(), uses.collect())
    }

    #[test]
    fn kinds_are_known_by_their_name_alone_and_others_come_last() {
        let (tasks, uses) = arranged(vec![
            apply(Phase::Sync, 0, "example.com/v1/Other", "a"),
            apply(Phase::Sync, 0, "apps/v1/Deployment", "b"),
            apply(Phase::Sync, 0, "serving.knative.dev/v1/Service", "c"),
            apply(Phase::Sync, 0, "scheduling.k8s.io/v1/PriorityClass", "d"),
            apply(Phase::Sync, 0, "ConfigMap", "z"),
            apply(Phase::Sync, 0, "ConfigMap", "y"),
        ]);
        assert_eq!(
            tasks,
            [
                "Sync/0 2 ConfigMap/y",
                "Sync/0 2 ConfigMap/z",
                "Sync/0 3 Service/c",
                "Sync/0 4 Deployment/b",
                "Sync/0 5 Other/a",
                "Sync/0 6 PriorityClass/d",
            ]
        );
        assert!(uses.is_empty());
    }

    #[test]
    fn other_kinds_are_runs_of_equal_kind_in_the_order_of_their_names() {
        let (tasks, _) = arranged(vec![
            apply(Phase::Sync, 0, "example.com/v1/A", "1"),
            apply(Phase::Sync, 0, "example.com/v1/A", "3"),
            apply(Phase::Sync, 0, "example.com/v1/B", "2"),
        ]);
        assert_eq!(tasks, ["Sync/0 2 A/1", "Sync/0 3 B/2", "Sync/0 4 A/3"]);
    }

    #[test]
    fn removals_come_before_anything_is_created_in_their_wave() {
        let (tasks, _) = arranged(vec![
            apply(Phase::Sync, 0, "ConfigMap", "new"),
            removal(0, "Service", "old"),
            removal(1, "ConfigMap", "later"),
            apply(Phase::Sync, 1, "Secret", "x"),
        ]);
        assert_eq!(
            tasks,
            [
                "Sync/0 0 Service/old",
                "Sync/0 2 ConfigMap/new",
                "Sync/1 0 ConfigMap/later",
                "Sync/1 2 Secret/x",
            ]
        );
    }

    #[test]
    fn a_namespace_moves_to_the_first_object_that_lives_in_it() {
        let (tasks, uses) = arranged(vec![
            apply(Phase::PreSync, -1, "batch/v1/Job", "migrate"),
            apply(Phase::Sync, 5, "Namespace", "shop"),
            apply(Phase::Sync, 5, "Namespace", "other"),
        ]);
        assert_eq!(
            tasks,
            [
                "PreSync/-1 2 Namespace/shop",
                "PreSync/-1 3 Job/migrate",
                "Sync/5 2 Namespace/other",
            ]
        );
        assert_eq!(uses, ["dependencies-move-forward Namespace/shop"]);
    }

    #[test]
    fn a_definition_moves_to_the_first_object_of_its_kind() {
        let (tasks, uses) = arranged(vec![
            apply(Phase::Sync, -1, "ConfigMap", "a"),
            apply(Phase::Sync, -1, "example.com/v1/Widget", "w"),
            apply(
                Phase::Sync,
                3,
                "apiextensions.k8s.io/v1/CustomResourceDefinition",
                "widgets",
            ),
        ]);
        assert_eq!(
            tasks,
            [
                "Sync/-1 2 ConfigMap/a",
                "Sync/-1 3 CustomResourceDefinition/widgets",
                "Sync/-1 4 Widget/w",
            ]
        );
        assert_eq!(uses, ["dependencies-move-forward CustomResourceDefinition/widgets"]);
    }

    #[test]
    fn what_is_early_enough_stays() {
        let (tasks, uses) = arranged(vec![
            apply(Phase::Sync, 0, "Namespace", "shop"),
            apply(Phase::Sync, 0, "ConfigMap", "a"),
            apply(Phase::Sync, -2, "Namespace", "early"),
        ]);
        assert_eq!(
            tasks,
            ["Sync/0 2 Namespace/shop", "Sync/0 3 ConfigMap/a"].into_iter().fold(
                vec!["Sync/-2 2 Namespace/early".to_owned()],
                |mut all, one| {
                    all.push(one.to_owned());
                    all
                }
            )
        );
        assert!(uses.is_empty());
    }

    #[test]
    fn sync_fail_has_one_wave_and_keeps_the_order_of_its_kinds() {
        let (tasks, uses) = arranged(vec![
            apply(Phase::SyncFail, 1, "ConfigMap", "late"),
            apply(Phase::SyncFail, 0, "batch/v1/Job", "early"),
        ]);
        assert_eq!(tasks, ["SyncFail/0 2 Job/early", "SyncFail/0 3 ConfigMap/late"]);
        assert_eq!(uses, ["sync-fail-has-no-waves ConfigMap/late"]);
    }
}
