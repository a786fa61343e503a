//! What Argo CD's rules make of a plan, and how the difference is explained.

use std::collections::BTreeSet;

use capstan_core::{
    model::{
        compat::{Mode, Rule},
        operation_kind::OperationKind,
        phase::Phase,
        remedy::ObjectOption,
    },
    plan::{
        compat::{Difference, DifferenceKind, explain},
        container::Contents,
        task::Action,
    },
};
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{Case, live, object, sync, task, tasks_text, turn};

fn wave(wave: i32) -> String {
    format!("argocd.argoproj.io/sync-wave: \"{wave}\"")
}

fn hook(phase: &str) -> String {
    format!("argocd.argoproj.io/hook: {phase}")
}

/// The table of what is waited for (`architecture` of Argo CD's state machine): resources of each plan, and whether they are awaited.
#[test]
fn what_is_awaited() {
    let one = object("ConfigMap", "one", "");
    let two = object("ConfigMap", "two", &wave(1));
    let job = |phase: &str| object("batch/v1/Job", "job", &hook(phase));
    let (awaited, not, meanwhile) = ("apply, wait Healthy", "apply", "apply, watch while hooks run");
    for (what, manifests, expected) in [
        ("one step", one.clone(), vec![not]),
        ("several waves", format!("{one}{two}"), vec![awaited, not]),
        (
            "a hook in the single wave",
            format!("{one}{}", job("Sync")),
            vec![meanwhile],
        ),
        (
            "a hook in the single wave, and SyncFail",
            format!(
                "{one}{}{}",
                job("Sync"),
                object("batch/v1/Job", "alarm", &hook("SyncFail"))
            ),
            vec![awaited],
        ),
        (
            "SyncFail alone",
            format!("{one}{}", object("batch/v1/Job", "alarm", &hook("SyncFail"))),
            vec![not],
        ),
        ("a PostSync hook", format!("{one}{}", job("PostSync")), vec![awaited]),
        ("a PreSync hook", format!("{one}{}", job("PreSync")), vec![not]),
        (
            "a hook in the last wave",
            format!(
                "{one}{two}{}",
                object("batch/v1/Job", "job", &format!("{}, {}", hook("Sync"), wave(1)))
            ),
            vec![awaited, awaited],
        ),
        (
            "the user says so",
            object("ConfigMap", "one", "capstan.dev/wait: healthy"),
            vec![awaited],
        ),
    ] {
        let plan = sync(&manifests).by_argo_cd().planned();
        let waits: Vec<String> = tasks_text(&plan)
            .into_iter()
            .filter(|line| line.contains("ConfigMap"))
            .filter_map(|line| line.split_once("apply").map(|(_, rest)| format!("apply{rest}")))
            .collect();
        assert_eq!(waits, expected, "{what}");
        let native = tasks_text(&sync(&manifests).planned());
        let all = native.iter().filter(|line| line.contains("ConfigMap"));
        assert!(all.clone().all(|line| line.ends_with(awaited)), "{what}: {native:?}");
    }
}

#[test]
fn what_stays_is_a_step_too() {
    let case = sync(&object("ConfigMap", "one", "")).with(live(
        "ConfigMap",
        "old",
        json!({ "argocd.argoproj.io/sync-wave": "5" }),
    ));
    let plan = case.by_argo_cd().planned();
    assert_eq!(tasks_text(&plan), ["Sync/0 ConfigMap/one apply, wait Healthy"]);
    assert!(plan.rule_uses.iter().any(|used| used.rule == Rule::SkippedPrunesCount));
    assert_eq!(plan.unpruned.len(), 1);
}

#[test]
fn removals_are_swapped_end_for_end_and_come_first_in_their_wave() {
    let old = |name: &str, wave: &str| live("ConfigMap", name, json!({ "argocd.argoproj.io/sync-wave": wave }));
    let mut case = sync(&(object("ConfigMap", "a", &wave(1)) + &object("ConfigMap", "b", &wave(2))))
        .with(old("low", "1"))
        .with(old("mid", "2"))
        .with(old("high", "7"));
    case.prune = true;
    assert_eq!(
        tasks_text(&case.planned()),
        [
            "Sync/1 ConfigMap/a apply, wait Healthy",
            "Sync/2 ConfigMap/b apply, wait Healthy",
            "Sync/3 ConfigMap/high delete Background Gone",
            "Sync/4 ConfigMap/mid delete Background Gone",
            "Sync/5 ConfigMap/low delete Background Gone",
        ]
    );
    let case = case.by_argo_cd();
    assert_eq!(
        tasks_text(&case.planned()),
        [
            "Sync/1 ConfigMap/high delete Foreground Gone",
            "Sync/1 ConfigMap/a apply, wait Healthy",
            "Sync/2 ConfigMap/mid delete Foreground Gone",
            "Sync/2 ConfigMap/b apply, wait Healthy",
            "Sync/7 ConfigMap/low delete Foreground Accepted",
        ]
    );
}

#[test]
fn hooks_that_left_the_manifests_stay() {
    let old = live("batch/v1/Job", "old", json!({ "argocd.argoproj.io/hook": "PreSync" }));
    let mut case = sync(&object("ConfigMap", "one", "")).with(old);
    case.prune = true;
    assert_eq!(case.planned().tasks.len(), 2);
    let plan = case.by_argo_cd().planned();
    assert_eq!(plan.tasks.len(), 1);
    assert_eq!(plan.skipped[0].key.name, "old");
}

#[test]
fn who_names_what_left_the_manifests_prunes_that_alone() {
    let mut case = sync(&object("ConfigMap", "stays", ""))
        .with(live("ConfigMap", "old", json!({})))
        .with(live("ConfigMap", "older", json!({})));
    case.only = vec!["ConfigMap/old".to_owned()];
    let errors = case.plan().unwrap_err();
    assert_eq!(errors[0].option, Some(ObjectOption::Only));
    assert_eq!(errors[0].message, "ConfigMap/old matches nothing in the manifests");
    case.prune = true;
    assert_eq!(
        tasks_text(&case.planned()),
        ["Sync/1 ConfigMap/old delete Background Gone"]
    );
    let plan = case.by_argo_cd().planned();
    assert_eq!(tasks_text(&plan), ["Sync/0 ConfigMap/old delete Foreground Accepted"]);
}

#[test]
fn what_hooks_with_generated_names_left_stays() {
    let manifests = object("batch/v1/Job", "smoke", &hook("PostSync")).replace("name: smoke", "generateName: smoke-");
    assert_snapshot!(written(&explained(sync(&manifests))), @"Disposal Job/smoke-*: objects of earlier runs are deleted / objects of earlier runs stay (generated-hooks-stay)");
}

#[test]
fn a_deletion_has_no_order_inside_its_waves_and_spares_definitions() {
    let manifests = object("ConfigMap", "one", "")
        + &object("Service", "two", "")
        + &object("apiextensions.k8s.io/v1/CustomResourceDefinition", "widgets", "")
        + &object("batch/v1/Job", "before", &format!("{}, {}", hook("PreDelete"), wave(3)));
    let mut case = sync(&manifests)
        .with(live("ConfigMap", "one", json!({})))
        .with(live("Service", "two", json!({})))
        .with(live(
            "apiextensions.k8s.io/v1/CustomResourceDefinition",
            "widgets",
            json!({}),
        ))
        .holding("CustomResourceDefinition/widgets", Contents::Known(Vec::new()));
    case.operation_kind = OperationKind::Delete;
    let native = case.planned();
    assert_ne!(task(&native, "one").rank, task(&native, "two").rank);
    assert_eq!(turn(&native, "before"), (Phase::PreDelete, 3));
    assert_eq!(native.tasks.len(), 4);
    let plan = case.by_argo_cd().planned();
    assert_eq!(task(&plan, "one").rank, task(&plan, "two").rank);
    assert_eq!(turn(&plan, "before"), (Phase::PreDelete, 0));
    assert_eq!(plan.tasks.len(), 3);
    assert!(plan.skipped.iter().any(|skipped| skipped.key.name == "widgets"));
}

#[test]
fn options_on_the_live_object_count() {
    let old = live(
        "ConfigMap",
        "one",
        json!({ "argocd.argoproj.io/sync-options": "Replace=true" }),
    );
    let case = sync(&object("ConfigMap", "one", "")).with(old);
    let replaces = |case: &Case| match &task(&case.planned(), "one").action {
        Action::Apply(apply) => (apply.strategy.replaces(), apply.force_conflicts),
        other => panic!("{other:?}"),
    };
    assert_eq!(replaces(&case), (false, false));
    assert_eq!(replaces(&case.by_argo_cd()), (true, true));
}

#[test]
fn a_namespace_from_the_set_moves_to_the_hook_that_lives_in_it() {
    let manifests = object("Namespace", "shop", &wave(5)) + &object("batch/v1/Job", "job", &hook("PreSync"));
    let case = sync(&manifests);
    assert_eq!(turn(&case.planned(), "shop"), (Phase::Sync, 5));
    assert_eq!(turn(&case.by_argo_cd().planned(), "shop"), (Phase::PreSync, 0));
}

fn explained(case: Case) -> Vec<Difference> {
    let native = case.planned();
    let argo = case.by_argo_cd().planned();
    assert!(
        native.rule_uses.is_empty(),
        "our rules are not difference to themselves"
    );
    let found = explain(&native, &argo);
    for difference in &found {
        assert!(!difference.rules.is_empty(), "nothing says why: {difference:?}");
        assert_ne!(difference.native, difference.argo_cd);
    }
    found
}

fn written(found: &[Difference]) -> String {
    let line = |difference: &Difference| {
        let whose = difference
            .key
            .as_ref()
            .map(capstan_core::model::object::ObjectKey::kind_and_name);
        let rules: Vec<&str> = difference.rules.iter().map(|rule| rule.name()).collect();
        format!(
            "{:?} {}: {} / {} ({})",
            difference.kind,
            whose.unwrap_or_default(),
            difference.native,
            difference.argo_cd,
            rules.join(", ")
        )
    };
    let shown = found
        .iter()
        .filter(|difference| difference.kind != DifferenceKind::Outcome);
    shown.map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_differs_is_explained_object_by_object() {
    let manifests = object("ConfigMap", "settings", "helm.sh/hook-weight: \"2\"")
        + &object("batch/v1/Job", "seed", "helm.sh/hook: pre-upgrade")
        + &object("ConfigMap", "helper", &hook("PreSync"))
        + &object(
            "batch/v1/Job",
            "smoke",
            &format!(
                "{}, argocd.argoproj.io/hook-delete-policy: HookSucceeded",
                hook("PostSync")
            ),
        )
        + &object(
            "admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration",
            "hooks",
            "",
        )
        + &object("example.com/v1/Widget", "a", "")
        + &object("Namespace", "shop", "");
    assert_snapshot!(written(&explained(sync(&manifests))), @"
    Disposal ConfigMap/helper: applied: an existing object stays / deleted and recreated by every run (every-kind-is-replaced)
    Turn Namespace/shop: applied in Sync, wave 0 / applied in PreSync, wave 0 (dependencies-move-forward)
    Turn ConfigMap/settings: applied in Sync, wave 0 / applied in Sync, wave 2 (weight-on-every-object)
    Disposal Job/smoke: deleted as soon as the hook has succeeded / deleted at the end if the whole operation has succeeded (operation-judges-policies)
    Disposal Job/smoke: an object of an earlier run exists, and the hook fails / an object of an earlier run is applied again, and its old result counts (older-object-counts)
    Presence Job/seed: skipped: it runs in upgrades only / runs in PreSync, wave 0 (helm-hooks-always-run)
    Order : wave 0: admissionregistration.k8s.io/ValidatingWebhookConfiguration, then example.com/Widget / wave 0: example.com/Widget, then admissionregistration.k8s.io/ValidatingWebhookConfiguration (kind-order)
    ");
}

#[test]
fn equal_plans_have_no_differences_but_in_what_may_come_to_pass() {
    let found = explained(sync(&(object("ConfigMap", "a", "capstan.dev/wait: applied"))));
    assert_eq!(written(&found), "");
}

#[test]
fn what_may_come_to_pass_is_told_only_where_it_can() {
    let rules = |case: Case| -> BTreeSet<&'static str> {
        let found = explained(case);
        let outcomes = found
            .iter()
            .filter(|difference| difference.kind == DifferenceKind::Outcome);
        outcomes
            .flat_map(|difference| &difference.rules)
            .map(|rule| rule.name())
            .collect()
    };
    let plain = rules(sync(&object("ConfigMap", "a", "")));
    assert!(plain.is_empty(), "{plain:?}");
    let mut with_sync_fail =
        sync(&(object("ConfigMap", "a", "") + &object("batch/v1/Job", "alarm", &hook("SyncFail"))));
    let found = rules(Case {
        retries: 0,
        ..sync(&with_sync_fail.manifests)
    });
    assert!(
        found.contains("sync-fail-after-changes-only") && !found.contains("sync-fail-in-every-try"),
        "{found:?}"
    );
    with_sync_fail.retries = 2;
    let found = rules(with_sync_fail);
    assert!(
        found.contains("sync-fail-in-every-try") && found.contains("retry-from-the-start"),
        "{found:?}"
    );
}

#[test]
fn differences_are_json_that_needs_no_table_beside_it() {
    let found = explained(sync(&object("ConfigMap", "a", "")));
    let json = serde_json::to_value(&found[0]).unwrap();
    assert_eq!(json["what"], "wait");
    assert_eq!(json["rules"][0]["name"], "last-wave-not-awaited");
    assert!(json["rules"][0]["argoCd"].is_string() && json["key"]["name"] == "a");
    assert!(Mode::Native.contract_name().is_none());
}
