//! What a plan may touch: objects of this application, and containers that hold nothing else.

use capstan_core::{
    model::{
        compat::Mode,
        object::Object,
        operation_kind::OperationKind,
        remedy::{Remedies, Setting},
    },
    plan::{
        Plan,
        container::{ContainedObject, Contents},
    },
};
use serde_json::{Value, json};

use crate::support::{Case, live, object, sync, tasks_text};

/// The reasons why objects are left alone, by `Kind/name`.
fn left_alone(plan: &Plan) -> Vec<String> {
    let mut reasons: Vec<String> = plan
        .skipped
        .iter()
        .map(|skipped| format!("{}: {}", skipped.key.kind_and_name(), skipped.reason))
        .collect();
    reasons.sort();
    reasons
}

fn deletion(manifests: &str) -> Case {
    let mut case = sync(manifests);
    case.operation_kind = OperationKind::Delete;
    case
}

fn pruning(manifests: &str) -> Case {
    let mut case = sync(manifests);
    case.prune = true;
    case
}

/// A live object of an application of the same name in another namespace.
fn of_another_application(kind: &str, name: &str) -> Value {
    let mut object = live(kind, name, json!({}));
    object["metadata"]["labels"]["capstan.dev/application-namespace"] = json!("elsewhere");
    object
}

fn resident(object: Value) -> ContainedObject {
    ContainedObject::from_object(&Object(object))
}

#[test]
fn an_application_of_the_same_name_keeps_its_objects() {
    for mode in [Mode::Native, Mode::ArgoCd] {
        let mut case = pruning(&object("ConfigMap", "new", "")).with(of_another_application("ConfigMap", "theirs"));
        case.mode = mode;
        let plan = case.planned();
        assert_eq!((plan.tasks.len(), plan.unpruned.len()), (1, 0), "{mode:?}");
        let mut case = deletion(&object("ConfigMap", "theirs", "")).with(of_another_application("ConfigMap", "theirs"));
        case.mode = mode;
        let plan = case.planned();
        assert_eq!(
            left_alone(&plan),
            ["ConfigMap/theirs: it belongs to the application shop of the namespace elsewhere"]
        );
        assert!(plan.tasks.is_empty(), "{mode:?}");
    }
    let errors = sync(&object("ConfigMap", "theirs", ""))
        .with(of_another_application("ConfigMap", "theirs"))
        .plan()
        .unwrap_err();
    assert_eq!(
        errors[0].message,
        "ConfigMap shop/theirs belongs to the application shop of the namespace elsewhere"
    );
}

#[test]
fn copies_are_left_alone_and_told_once() {
    let mut copy = live("ConfigMap", "copy", json!({}));
    copy["metadata"]["managedFields"][0]["manager"] = json!("operator");
    let case = pruning(&object("ConfigMap", "new", "")).with(copy.clone());
    let expected = ["ConfigMap/copy: it carries this application's labels, but this application didn't create it"];
    assert_eq!(left_alone(&case.planned()), expected);
    let plan = sync(&object("ConfigMap", "new", "")).with(copy.clone()).planned();
    assert!(
        plan.unpruned.is_empty(),
        "pruning wouldn't remove it: {:?}",
        plan.unpruned
    );
    // One that a manifest names isn't deleted with the application either.
    let plan = deletion(&object("ConfigMap", "copy", "")).with(copy).planned();
    assert_eq!(left_alone(&plan), expected);
    assert!(plan.tasks.is_empty());
}

#[test]
fn what_was_there_before_is_not_deleted_with_the_application() {
    let mut theirs = live("ConfigMap", "theirs", json!({}));
    theirs["metadata"]["labels"] = json!({});
    let manifest = object("ConfigMap", "theirs", "capstan.dev/apply: if-not-present");
    let plan = deletion(&manifest).with(theirs).planned();
    assert_eq!(
        left_alone(&plan),
        ["ConfigMap/theirs: this application didn't create it"]
    );
    assert!(plan.tasks.is_empty());
}

#[test]
fn a_full_namespace_stays_and_an_empty_one_goes() {
    let namespace = || pruning(&object("ConfigMap", "new", "")).with(live("Namespace", "data", json!({})));
    let one = resident(json!({ "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": "one", "namespace": "data", "uid": "u1" } }));
    let tail = "it stays until it is empty";
    for (contents, expected) in [
        (Some(Contents::Known(Vec::new())), None),
        (
            Some(Contents::Known(vec![one.clone()])),
            Some("ConfigMap data/one is in it"),
        ),
        (
            Some(Contents::Unknown("secrets can't be listed".to_owned())),
            Some("what is in it can't be seen: secrets can't be listed"),
        ),
        (None, Some("what is in it can't be seen: nobody looked")),
    ] {
        for mode in [Mode::Native, Mode::ArgoCd] {
            let mut case = namespace();
            case.mode = mode;
            case.contents
                .extend(contents.clone().map(|contents| ("Namespace/data", contents)));
            let plan = case.planned();
            let expected: Vec<String> = expected
                .map(|reason| format!("Namespace/data: {reason}; {tail}"))
                .into_iter()
                .collect();
            assert_eq!(left_alone(&plan), expected, "{mode:?}");
            let confirm = Setting::Confirm {
                object: "Namespace/data".to_owned(),
                with_contents: true,
            };
            assert!(
                plan.skipped
                    .iter()
                    .all(|skipped| skipped.remedies == confirm.clone().into())
            );
            assert_eq!(
                plan.tasks.len(),
                2 - expected.len(),
                "{mode:?}: {:?}",
                tasks_text(&plan)
            );
        }
    }
    let mut case = namespace().holding("Namespace/data", Contents::Known(vec![one]));
    case.confirmed.push("Namespace/data".to_owned());
    let plan = case.planned();
    assert_eq!((plan.tasks.len(), plan.confirmed.len()), (2, 1));
}

#[test]
fn a_namespace_stays_for_what_the_set_puts_in_it() {
    let inside = object("ConfigMap", "one", "").replace("namespace: shop", "namespace: data");
    let case = pruning(&inside)
        .with(live("Namespace", "data", json!({})))
        .holding("Namespace/data", Contents::Known(Vec::new()));
    let plan = case.planned();
    assert_eq!(plan.tasks.len(), 1);
    assert!(left_alone(&plan)[0].starts_with("Namespace/data: the manifests put ConfigMap data/one in it"));
}

#[test]
fn a_deletion_takes_a_namespace_with_what_goes_beside_it_only() {
    let manifests =
        object("Namespace", "data", "") + &object("ConfigMap", "one", "").replace("namespace: shop", "namespace: data");
    let mut one = live("ConfigMap", "one", json!({}));
    one["metadata"]["namespace"] = json!("data");
    let inside = Contents::Known(vec![resident(one.clone())]);
    let case = || {
        deletion(&manifests)
            .with(live("Namespace", "data", json!({})))
            .with(one.clone())
    };
    assert_eq!(
        case().holding("Namespace/data", inside.clone()).planned().tasks.len(),
        2
    );
    // What its annotations keep is kept, and so is what holds it.
    let mut kept = case().holding("Namespace/data", inside);
    kept.options.push("Delete=confirm");
    assert!(kept.planned().tasks.is_empty());
    let mut only = case().holding("Namespace/data", Contents::Known(vec![resident(one.clone())]));
    only.only.push("Namespace/data".to_owned());
    let plan = only.planned();
    assert!(plan.tasks.is_empty(), "{:?}", tasks_text(&plan));
}

#[test]
fn containers_in_containers_are_looked_at_until_nothing_changes() {
    let mut definition = live("apiextensions.k8s.io/v1/CustomResourceDefinition", "things", json!({}));
    definition["spec"] = json!({ "group": "acme.io", "names": { "kind": "Thing" } });
    let thing = || {
        resident(json!({ "apiVersion": "acme.io/v1", "kind": "Thing",
            "metadata": { "name": "t", "namespace": "data", "uid": "u1" } }))
    };
    let case = || {
        pruning(&object("ConfigMap", "new", ""))
            .with(live("Namespace", "data", json!({})))
            .with(definition.clone())
            .holding("Namespace/data", Contents::Known(vec![thing()]))
            .holding("CustomResourceDefinition/things", Contents::Known(vec![thing()]))
    };
    // Neither vouches for the other.
    assert_eq!(case().planned().tasks.len(), 1);
    // One that is confirmed does.
    let mut confirmed = case();
    confirmed.confirmed.push("Namespace/data".to_owned());
    assert_eq!(confirmed.planned().tasks.len(), 3);
}

#[test]
fn a_hook_takes_nobodys_name() {
    let hook = object("Secret", "creds", "argocd.argoproj.io/hook: PreSync");
    let mut theirs = live("Secret", "creds", json!({}));
    theirs["metadata"]["labels"] = json!({});
    for mode in [Mode::Native, Mode::ArgoCd] {
        for (live, expected) in [
            (
                theirs.clone(),
                "Secret shop/creds already exists and was not created by a hook",
            ),
            (
                of_another_application("Secret", "creds"),
                "Secret shop/creds belongs to the application shop of the namespace elsewhere",
            ),
        ] {
            let mut case = sync(&hook).with(live);
            case.mode = mode;
            let errors = case.plan().unwrap_err();
            assert_eq!(errors[0].message, expected, "{mode:?}");
            assert_eq!(
                errors[0].hint,
                Remedies::from("delete it or give the hook another name")
            );
        }
    }
}
