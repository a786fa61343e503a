//! Sync options, each with its effect in both modes: of the application, and of one object, which wins.

use capstan_core::{
    model::{compat::Mode, hook::Propagation, phase::Phase, settings::Wait},
    plan::task::{Action, ApplyStrategy, ApplyTask, DeleteTask, ExpectedChange, UnknownFields},
    read::sync_options::NamespaceMetadata,
};
use serde_json::json;

use crate::support::{Case, live, object, sync, task, turn};

const MODES: [Mode; 2] = [Mode::Native, Mode::ArgoCd];

fn own(option: &str) -> String {
    format!("argocd.argoproj.io/sync-options: \"{option}\"")
}

fn in_mode(case: Case, mode: Mode) -> Case {
    Case { mode, ..case }
}

fn applied<'a>(plan: &'a capstan_core::plan::Plan, name: &str) -> &'a ApplyTask {
    match &task(plan, name).action {
        Action::Apply(apply) => apply,
        other => panic!("{other:?}"),
    }
}

fn removed<'a>(plan: &'a capstan_core::plan::Plan, name: &str) -> &'a DeleteTask {
    match &task(plan, name).action {
        Action::Delete(delete) => delete,
        other => panic!("{other:?}"),
    }
}

#[test]
fn prune() {
    for mode in MODES {
        for (option, on_object, stays) in [
            (None, "", false),
            (Some("Prune=false"), "", true),
            (Some("Prune=confirm"), "", true),
            (Some("Prune=false"), "Prune=true", false),
            (None, "Prune=false", true),
        ] {
            let mut case = sync(&object("ConfigMap", "new", "")).with(live(
                "ConfigMap",
                "old",
                json!({ "argocd.argoproj.io/sync-options": on_object }),
            ));
            case.prune = true;
            case.options.extend(option);
            let plan = in_mode(case, mode).planned();
            let kept = plan.skipped.iter().any(|skipped| skipped.key.name == "old");
            assert_eq!(kept, stays, "{mode:?} {option:?} {on_object}");
            assert_eq!(plan.tasks.len(), if stays { 1 } else { 2 });
        }
    }
}

#[test]
fn prune_last() {
    for mode in MODES {
        for (option, last) in [(None, false), (Some("PruneLast=true"), true)] {
            let mut case = sync(&object("ConfigMap", "new", "argocd.argoproj.io/sync-wave: \"3\""))
                .with(live("ConfigMap", "old", json!({ "argocd.argoproj.io/sync-wave": "-1" })))
                .with(live(
                    "ConfigMap",
                    "first",
                    json!({ "argocd.argoproj.io/sync-options": "PruneLast=false", "argocd.argoproj.io/sync-wave": "-9" }),
                ));
            case.prune = true;
            case.options.extend(option);
            let plan = in_mode(case, mode).planned();
            let (old, first) = (turn(&plan, "old").1, turn(&plan, "first").1);
            assert_eq!(old > first, last, "{mode:?} {option:?}: {old} {first}");
            if mode == Mode::ArgoCd {
                assert_eq!(old == 4, last, "the wave after the highest");
            }
        }
    }
}

#[test]
fn prune_propagation_policy() {
    for (mode, option, on_object, expected) in [
        (Mode::Native, None, "", Propagation::Background),
        (Mode::ArgoCd, None, "", Propagation::Foreground),
        (
            Mode::Native,
            Some("PrunePropagationPolicy=orphan"),
            "",
            Propagation::Orphan,
        ),
        (
            Mode::ArgoCd,
            Some("PrunePropagationPolicy=background"),
            "",
            Propagation::Background,
        ),
        (
            Mode::ArgoCd,
            Some("PrunePropagationPolicy=background"),
            "orphan",
            Propagation::Orphan,
        ),
    ] {
        let annotations = if on_object.is_empty() {
            json!({})
        } else {
            json!({ "capstan.dev/propagation": on_object })
        };
        let mut case = sync(&object("ConfigMap", "new", "")).with(live("ConfigMap", "old", annotations));
        case.prune = true;
        case.options.extend(option);
        let plan = in_mode(case, mode).planned();
        assert_eq!(
            removed(&plan, "old").propagation.get(),
            expected,
            "{mode:?} {option:?} {on_object}"
        );
        let of_hooks = match (option, mode) {
            (Some(_), _) => Some(if mode == Mode::Native {
                Propagation::Orphan
            } else {
                Propagation::Background
            }),
            (None, Mode::Native) => None,
            (None, Mode::ArgoCd) => Some(Propagation::Foreground),
        };
        assert_eq!(plan.propagation, of_hooks);
    }
}

#[test]
fn propagation_of_what_is_deleted_to_be_created_anew() {
    for (option, on_object, expected) in [
        (None, "", Propagation::Foreground),
        (Some("PrunePropagationPolicy=orphan"), "", Propagation::Orphan),
        (
            Some("PrunePropagationPolicy=orphan"),
            "capstan.dev/propagation: background",
            Propagation::Background,
        ),
        (None, "capstan.dev/propagation: orphan", Propagation::Orphan),
    ] {
        let mut case = sync(&object("ConfigMap", "one", on_object)).with(live("ConfigMap", "one", json!({})));
        case.options.extend(option.into_iter().chain(["Force=true"]));
        let plan = case.planned();
        let propagation = applied(&plan, "one").recreate_propagation.get();
        assert_eq!(propagation, expected, "{option:?} {on_object}");
    }
}

#[test]
fn propagation_of_what_is_deleted_with_the_application() {
    for (mode, option, on_object, expected) in [
        (Mode::Native, None, "", Propagation::Background),
        (
            Mode::Native,
            Some("PrunePropagationPolicy=orphan"),
            "",
            Propagation::Orphan,
        ),
        // Argo CD deletes an application as its finalizer says.
        (
            Mode::ArgoCd,
            Some("PrunePropagationPolicy=orphan"),
            "",
            Propagation::Foreground,
        ),
        (
            Mode::Native,
            Some("PrunePropagationPolicy=orphan"),
            "capstan.dev/propagation: foreground",
            Propagation::Foreground,
        ),
    ] {
        let mut case = sync(&object("ConfigMap", "one", on_object)).with(live("ConfigMap", "one", json!({})));
        case.operation_kind = capstan_core::model::operation_kind::OperationKind::Delete;
        case.options.extend(option);
        let plan = in_mode(case, mode).planned();
        let propagation = removed(&plan, "one").propagation.get();
        assert_eq!(propagation, expected, "{mode:?} {option:?} {on_object}");
    }
}

#[test]
fn delete() {
    for mode in MODES {
        for (option, on_object, stays) in [
            (None, "", false),
            (Some("Delete=false"), "", true),
            (Some("Delete=confirm"), "", true),
            (Some("Delete=false"), "Delete=true", false),
            (None, "Delete=false", true),
        ] {
            let mut case = sync(&object("ConfigMap", "one", &own(on_object))).with(live("ConfigMap", "one", json!({})));
            case.operation_kind = capstan_core::model::operation_kind::OperationKind::Delete;
            case.options.extend(option);
            let plan = in_mode(case, mode).planned();
            assert_eq!(plan.tasks.is_empty(), stays, "{mode:?} {option:?} {on_object}");
        }
    }
}

#[test]
fn options_of_how_an_object_is_written() {
    for mode in MODES {
        for (option, on_object, way, unknown) in [
            (None, "", ApplyStrategy::Apply, UnknownFields::Refused),
            (Some("Replace=true"), "", ApplyStrategy::Replace, UnknownFields::Refused),
            (
                Some("Replace=true"),
                "Replace=false",
                ApplyStrategy::Apply,
                UnknownFields::Refused,
            ),
            (
                Some("Force=true"),
                "",
                ApplyStrategy::ApplyOrRecreate,
                UnknownFields::Refused,
            ),
            (
                Some("Force=true"),
                "Replace=true",
                ApplyStrategy::ReplaceOrRecreate,
                UnknownFields::Refused,
            ),
            (Some("Validate=false"), "", ApplyStrategy::Apply, UnknownFields::LeftOut),
            (
                Some("Validate=false"),
                "Validate=true",
                ApplyStrategy::Apply,
                UnknownFields::Refused,
            ),
            (None, "Validate=false", ApplyStrategy::Apply, UnknownFields::LeftOut),
        ] {
            let mut case = sync(&object("ConfigMap", "one", &own(on_object)));
            case.options.extend(option);
            let plan = in_mode(case, mode).planned();
            assert_eq!(applied(&plan, "one").strategy, way, "{mode:?} {option:?} {on_object}");
            assert_eq!(
                task(&plan, "one").unknown_fields,
                unknown,
                "{mode:?} {option:?} {on_object}"
            );
        }
    }
}

#[test]
fn validate_of_hooks() {
    let hook = object("batch/v1/Job", "job", "argocd.argoproj.io/hook: PreSync");
    let plan = sync(&hook).option("Validate=false").planned();
    assert_eq!(task(&plan, "job").unknown_fields, UnknownFields::LeftOut);
}

#[test]
fn client_side_apply_migration() {
    let mut old = live("ConfigMap", "one", json!({}));
    old["metadata"]["managedFields"] = json!([{
        "manager": "kubectl-client-side-apply", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1",
        "fieldsV1": { "f:data": { "f:a": {} } },
    }]);
    for mode in MODES {
        for (option, migrates) in [(None, true), (Some("ClientSideApplyMigration=false"), false)] {
            let mut case = sync(&object("ConfigMap", "one", "")).with(old.clone());
            case.options.extend(option);
            let plan = in_mode(case, mode).planned();
            assert_eq!(applied(&plan, "one").migrates, migrates, "{mode:?} {option:?}");
        }
    }
}

#[test]
fn apply_out_of_sync_only() {
    let mut old = live("ConfigMap", "same", json!({}));
    old["metadata"]["managedFields"] = json!([{
        "manager": "capstan", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1",
        "fieldsV1": { "f:metadata": { "f:annotations": {}, "f:labels": {
            "f:capstan.dev/application": {}, "f:capstan.dev/application-namespace": {},
        } } },
    }]);
    for (option, wait) in [(None, Wait::Healthy), (Some("ApplyOutOfSyncOnly=true"), Wait::Applied)] {
        let manifests = object("ConfigMap", "same", "") + &object("ConfigMap", "new", "");
        let mut case = sync(&manifests).with(old.clone());
        case.options.extend(option);
        let plan = case.planned();
        assert_eq!(applied(&plan, "same").changes, ExpectedChange::None);
        assert_eq!(applied(&plan, "same").wait, wait, "{option:?}");
        assert_eq!(applied(&plan, "new").wait, Wait::Healthy);
    }
}

#[test]
fn fail_on_shared_resource() {
    let mut other = live("ConfigMap", "one", json!({}));
    other["metadata"]["labels"] = json!({ "capstan.dev/application": "other" });
    for (mode, option, fails) in [
        (Mode::Native, None, true),
        (Mode::Native, Some("FailOnSharedResource=true"), true),
        (Mode::ArgoCd, None, false),
        (Mode::ArgoCd, Some("FailOnSharedResource=true"), true),
    ] {
        let mut case = sync(&object("ConfigMap", "one", "")).with(other.clone());
        case.options.extend(option);
        let made = in_mode(case, mode).plan();
        assert_eq!(made.is_err(), fails, "{mode:?} {option:?}");
        if let Ok(plan) = made {
            assert!(
                plan.notices.iter().any(|notice| notice.contains("other")),
                "{:?}",
                plan.notices
            );
        }
    }
}

#[test]
fn create_namespace_writes_labels_and_annotations() {
    let metadata = NamespaceMetadata {
        labels: [("team".to_owned(), "shop".to_owned())].into(),
        annotations: [("note".to_owned(), "text".to_owned())].into(),
    };
    for mode in MODES {
        for (option, has_task) in [(Some("CreateNamespace=true"), true), (None, false)] {
            let mut case = sync(&object("ConfigMap", "one", ""));
            case.namespace = metadata.clone();
            case.options.extend(option);
            let plan = in_mode(case, mode).planned();
            assert_eq!(plan.tasks.len() == 2, has_task, "{mode:?} {option:?}");
            if has_task {
                assert_eq!(turn(&plan, "shop"), (Phase::PreSync, 0));
                let object = task(&plan, "shop").object.as_ref().unwrap();
                assert_eq!(object.label("team"), Some("shop"));
                assert_eq!(
                    object.label("capstan.dev/application"),
                    None,
                    "it isn't deleted with the application"
                );
            }
        }
    }
}

#[test]
fn server_side_apply_is_said_to_change_nothing() {
    let notices_of = |case: Case| case.planned().notices.join("\n");
    let words = "ServerSideApply=false changes nothing";
    assert!(notices_of(sync(&object("ConfigMap", "one", "")).option("ServerSideApply=false")).contains(words));
    assert!(notices_of(sync(&object("ConfigMap", "one", &own("ServerSideApply=false")))).contains(words));
    assert!(!notices_of(sync(&object("ConfigMap", "one", "")).option("ServerSideApply=true")).contains(words));
}
