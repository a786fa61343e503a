//! Manifests of one name, and what PostDelete hooks need.

use capstan_core::{
    model::{operation_kind::OperationKind, phase::Phase},
    plan::{
        Plan,
        task::{Action, ExpectedChange},
    },
};
use serde_json::json;

use crate::support::{Case, live, object, sync, task, tasks_text, turn};

fn reasons(plan: &Plan) -> Vec<String> {
    let describe =
        |skipped: &capstan_core::plan::Skipped| format!("{}: {}", skipped.key.kind_and_name(), skipped.reason);
    plan.skipped.iter().map(describe).collect()
}

fn mistakes(case: &Case) -> Vec<String> {
    let describe = |error: &capstan_core::model::error::Diagnostic| error.message.clone();
    case.plan().err().unwrap_or_default().iter().map(describe).collect()
}

fn is_shared(plan: &Plan) -> Vec<bool> {
    plan.tasks
        .iter()
        .filter_map(|task| Some(task.hook()?.is_shared))
        .collect()
}

const PRE: &str = "argocd.argoproj.io/hook: PreSync, argocd.argoproj.io/hook-delete-policy: HookSucceeded";

#[test]
fn hooks_of_one_name_run_in_their_phases_and_waves() {
    let before = object("batch/v1/Job", "step", "argocd.argoproj.io/hook: PreSync");
    let after = object("batch/v1/Job", "step", "argocd.argoproj.io/hook: PostSync");
    let later = object(
        "batch/v1/Job",
        "step",
        "argocd.argoproj.io/hook: PreSync, capstan.dev/wave: '1'",
    );
    for case in [
        sync(&(before.clone() + &after + &later)),
        sync(&(after + &later + &before)),
    ] {
        for case in [case.planned(), {
            let mut compat = case;
            compat.mode = capstan_core::model::compat::Mode::ArgoCd;
            compat.planned()
        }] {
            assert_eq!(
                tasks_text(&case),
                [
                    "PreSync/0 Job/step run",
                    "PreSync/1 Job/step run",
                    "PostSync/0 Job/step run"
                ]
            );
            let ids: Vec<_> = case.tasks.iter().filter_map(|task| Some(&task.hook()?.hook)).collect();
            assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
        }
    }
}

#[test]
fn hooks_of_one_name_keep_their_identity_when_one_is_edited() {
    let with = |label: &str| {
        let before = object("batch/v1/Job", "step", "argocd.argoproj.io/hook: PreSync");
        let after = object("batch/v1/Job", "step", "argocd.argoproj.io/hook: PostSync");
        let edited = before.replace("annotations:", &format!("labels: {{v: {label}}}, annotations:"));
        let plan = sync(&(edited + &after)).planned();
        plan.tasks
            .iter()
            .filter_map(|task| Some(task.hook()?.hook.clone()))
            .collect::<Vec<_>>()
    };
    for label in ["a", "b", "c", "d", "e"] {
        assert_eq!(with(label), with("z"), "{label}");
    }
}

#[test]
fn two_hooks_of_one_turn_are_a_mistake_and_by_argo_cd_the_last_one_counts() {
    let first = object("batch/v1/Job", "step", "argocd.argoproj.io/hook: PreSync");
    let last = object(
        "batch/v1/Job",
        "step",
        "argocd.argoproj.io/hook: PreSync, capstan.dev/timeout: 7s",
    );
    let case = sync(&(first + &last));
    assert_eq!(
        mistakes(&case),
        ["Job shop/step is defined twice: both are hooks of PreSync, wave 0, and would run at the same time"]
    );
    let plan = case.by_argo_cd().planned();
    assert_eq!(tasks_text(&plan), ["PreSync/0 Job/step run"]);
    assert_eq!(plan.tasks[0].timeout_seconds, Some(7));
}

#[test]
fn hooks_of_one_turn_that_never_run_in_one_operation_are_none() {
    let first = object("batch/v1/Job", "step", "helm.sh/hook: pre-install");
    let last = object("batch/v1/Job", "step", "helm.sh/hook: pre-upgrade");
    assert_eq!(
        tasks_text(&sync(&(first + &last)).planned()),
        ["PreSync/0 Job/step run"]
    );
}

#[test]
fn a_hook_beside_an_object_of_the_set_leaves_it_to_the_set() {
    let both = object("ServiceAccount", "app", "") + &object("ServiceAccount", "app", PRE);
    for case in [sync(&both), sync(&both).by_argo_cd()] {
        let plan = case.planned();
        assert_eq!(plan.tasks.len(), 2, "{:?}", tasks_text(&plan));
        assert_eq!(is_shared(&plan), [true]);
    }
    // Once it is there and as desired, the hook adds nothing.
    let there = || live("ServiceAccount", "app", json!({}));
    let plan = sync(&both).with(there()).planned();
    assert!(is_shared(&plan).is_empty(), "{:?}", tasks_text(&plan));
    assert_eq!(
        reasons(&plan),
        ["ServiceAccount/app: as a hook of PreSync: the set's own object of this name is there already"]
    );
    // Nor does one that comes after the set's object.
    let after =
        object("ServiceAccount", "app", "") + &object("ServiceAccount", "app", &PRE.replace("PreSync", "PostSync"));
    let plan = sync(&after).planned();
    assert_eq!(
        reasons(&plan),
        ["ServiceAccount/app: as a hook of PostSync: the set's own object of this name is applied by then"]
    );
}

#[test]
fn what_a_hook_changes_the_set_changes_back() {
    let hook = object("ConfigMap", "app", PRE).replace("kind:", "data: {a: b}, kind:");
    let plan = sync(&(object("ConfigMap", "app", "") + &hook))
        .with(live("ConfigMap", "app", json!({})))
        .planned();
    assert_eq!(is_shared(&plan), [true]);
    let applied = plan.tasks.iter().find_map(|task| match &task.action {
        Action::Apply(apply) => Some(&apply.changes),
        Action::Delete(_) | Action::Hook(_) => None,
    });
    assert_eq!(applied, Some(&ExpectedChange::Fields(Vec::new())));
}

#[test]
fn what_ends_by_itself_is_a_hook_or_an_object_and_not_both() {
    let hook = object("batch/v1/Job", "app", PRE);
    for both in [
        object("batch/v1/Job", "app", "") + &hook,
        hook.clone() + &object("batch/v1/Job", "app", ""),
    ] {
        assert_eq!(
            mistakes(&sync(&both)),
            ["Job shop/app is defined twice: as a hook and as an ordinary object, and only one can have the name"]
        );
    }
    let twice = object("ConfigMap", "app", "") + &object("ConfigMap", "app", "") + &object("ConfigMap", "app", PRE);
    assert_eq!(mistakes(&sync(&twice)), ["ConfigMap shop/app is there twice"]);
}

fn deletion(manifests: &str) -> Case {
    let mut case = sync(manifests);
    case.operation_kind = OperationKind::Delete;
    case
}

#[test]
fn a_delete_hook_beside_an_object_runs_when_that_is_gone() {
    let of = |phase: &str| {
        let both =
            object("ServiceAccount", "app", "") + &object("ServiceAccount", "app", &PRE.replace("PreSync", phase));
        deletion(&both).with(live("ServiceAccount", "app", json!({}))).planned()
    };
    let before = of("PreDelete");
    assert_eq!(tasks_text(&before).len(), 1, "{:?}", tasks_text(&before));
    assert_eq!(
        reasons(&before),
        ["ServiceAccount/app: as a hook of PreDelete: the set's own object of this name is still there"]
    );
    let after = of("PostDelete");
    assert_eq!(is_shared(&after), [false]);
    assert_eq!(after.tasks.len(), 2, "{:?}", tasks_text(&after));
}

#[test]
fn what_a_post_delete_hook_needs_goes_after_it() {
    let spec = "spec: {template: {spec: {serviceAccountName: cleaner, containers: [{name: m, envFrom: [{configMapRef: {name: conf}}]}]}}}, kind:";
    let job = object("batch/v1/Job", "clean", "argocd.argoproj.io/hook: PostDelete").replace("kind:", spec);
    let mut binding = live("rbac.authorization.k8s.io/v1/RoleBinding", "cleaner", json!({}));
    binding["roleRef"] = json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "cleaner" });
    binding["subjects"] = json!([{ "kind": "ServiceAccount", "name": "cleaner", "namespace": "shop" }]);
    let case = || {
        deletion(&job)
            .with(live("ServiceAccount", "cleaner", json!({})))
            .with(live("ConfigMap", "conf", json!({})))
            .with(live("ConfigMap", "other", json!({})))
            .with(live("rbac.authorization.k8s.io/v1/Role", "cleaner", json!({})))
            .with(live("rbac.authorization.k8s.io/v1/Role", "other", json!({})))
            .with(binding.clone())
    };
    let plan = case().planned();
    assert_eq!(turn(&plan, "conf"), (Phase::PostDelete, 1));
    assert_eq!(turn(&plan, "clean"), (Phase::PostDelete, 0));
    let moved = |plan: &Plan| plan.tasks.iter().filter(|task| task.phase == Phase::PostDelete).count();
    assert_eq!(moved(&plan), 5, "{:?}", tasks_text(&plan));
    assert!(
        plan.tasks
            .iter()
            .filter(|task| task.key.name == "other")
            .all(|task| task.phase == Phase::Sync)
    );
    assert_eq!(task(&plan, "conf").id.0, "PostDelete/1/ConfigMap/shop/conf");
    // Argo CD deletes all of it before.
    let theirs = case().by_argo_cd().planned();
    assert_eq!(moved(&theirs), 1, "{:?}", tasks_text(&theirs));
}
