//! What holds for every text and every set.

use capstan_core::{
    model::{
        error::Diagnostic,
        operation_kind::{OperationKind, Purpose},
    },
    plan::Plan,
    read::{
        directive::Mode,
        manifest::{self, Manifest},
    },
};
use proptest::{collection::vec, prelude::*, test_runner::TestCaseResult};
use serde_json::Value;

use crate::{
    corpus,
    pipeline::{Setup, make, read_and_plan},
    text, values,
    watch::{bounded, check},
};

/// A plan can be stored and read again; mistakes say something.
fn holds(made: &Result<Plan, Vec<Diagnostic>>) -> TestCaseResult {
    match made {
        Ok(plan) => {
            let stored = serde_json::to_string(plan).map_err(|error| TestCaseError::fail(error.to_string()))?;
            let read: Result<Plan, _> = serde_json::from_str(&stored);
            prop_assert_eq!(
                read.map_err(|error| TestCaseError::fail(error.to_string()))?,
                plan.clone()
            );
            for finding in &plan.findings {
                prop_assert!(!finding.message.is_empty() && !finding.fix.is_empty(), "{:?}", finding);
            }
        }
        Err(mistakes) => {
            prop_assert!(!mistakes.is_empty());
            for mistake in mistakes {
                prop_assert!(!mistake.message.is_empty(), "{:?}", mistake);
                prop_assert!(
                    mistake.place.as_ref().is_none_or(|place| place.line > 0),
                    "{:?}",
                    mistake
                );
            }
        }
    }
    Ok(())
}

#[test]
fn any_text_is_a_plan_or_mistakes() {
    check((text::some(), values::setup()), |(text, setup)| {
        bounded(move || holds(&read_and_plan(&text, setup)))
    });
}

#[test]
fn any_set_is_a_plan_or_mistakes() {
    check(
        (vec(values::object(true), 0..8), values::setup(), any::<bool>()),
        |(objects, setup, is_yaml)| {
            let text = written(&objects, is_yaml);
            bounded(move || holds(&read_and_plan(&text, setup)))
        },
    );
}

#[test]
fn any_value_of_an_annotation_is_a_plan_or_mistakes() {
    let names: Vec<&str> = capstan_core::read::directive::ANNOTATIONS
        .iter()
        .map(|row| row.name)
        .collect();
    check(
        (prop::sample::select(names), values::value(), values::setup()),
        |(name, value, setup)| {
            let object = serde_json::json!({
                "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "a", "annotations": { "argocd.argoproj.io/hook": "PreSync", name: value } },
            });
            bounded(move || holds(&read_and_plan(&object.to_string(), setup)))
        },
    );
}

#[test]
fn one_set_makes_one_plan_in_whatever_order_it_is_read() {
    let sets = vec(values::object(false), 0..10).prop_flat_map(|objects| {
        let count = objects.len();
        (Just(objects), Just((0..count).collect::<Vec<usize>>()).prop_shuffle())
    });
    check((sets, values::setup()), |((objects, order), setup)| {
        let Ok(manifests) = manifest::decode("set.yaml", &written(&objects, false)) else {
            return Ok(());
        };
        let shuffled: Vec<_> = order.iter().filter_map(|at| manifests.get(*at).cloned()).collect();
        prop_assert_eq!(sorted(make(&manifests, setup)), sorted(make(&shuffled, setup)));
        // Without places, as when they come from a cluster.
        let bare = |manifests: &[Manifest]| -> Vec<Manifest> {
            manifests.iter().map(|one| Manifest::new(one.object.clone())).collect()
        };
        prop_assert_eq!(
            sorted(make(&bare(&manifests), setup)),
            sorted(make(&bare(&shuffled), setup))
        );
        Ok(())
    });
}

fn widget(namespace: &str, annotations: &Value) -> Value {
    serde_json::json!({
        "apiVersion": "acme.io/v1", "kind": "Widget",
        "metadata": { "name": "a", "namespace": namespace, "annotations": annotations },
    })
}

fn definition(scope: &str) -> Value {
    serde_json::json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": { "name": "a" },
        "spec": { "group": "acme.io", "names": { "kind": "Widget" }, "scope": scope },
    })
}

/// Plans a sync that prunes, of a set in the order in which it is written and in this one.
fn in_both_orders(objects: &[Value], order: &[usize], mode: Mode) -> [Result<Plan, Vec<Diagnostic>>; 2] {
    let setup = Setup {
        mode,
        operation_kind: OperationKind::Sync,
        purpose: Purpose::Deploy,
        is_live: true,
        prunes: true,
    };
    let manifests = manifest::decode("set.yaml", &written(objects, false)).expect("they are manifests");
    let shuffled: Vec<_> = order.iter().map(|at| manifests[*at].clone()).collect();
    [make(&manifests, setup), make(&shuffled, setup)]
}

#[test]
fn a_kept_definition_names_the_first_object_of_its_kind_as_written() {
    let objects = [
        widget("c", &serde_json::json!({})),
        definition("Namespaced"),
        widget("other", &serde_json::json!({})),
    ];
    let [one, other] = in_both_orders(&objects, &[2, 0, 1], Mode::Native);
    let one = one.expect("a plan");
    assert!(
        one.skipped
            .iter()
            .any(|skipped| skipped.key.name == "a-left" && skipped.reason.contains("Widget c/a")),
        "{:?}",
        one.skipped
    );
    assert_eq!(Ok(one), other);
}

/// Kubernetes ignores the namespace of a cluster-scoped object, so both are one object, which is a duplicate like any other.
#[test]
fn two_objects_that_differ_in_an_ignored_namespace_are_one_object() {
    let objects = [
        widget("c", &serde_json::json!({ "first": "" })),
        definition("Cluster"),
        widget("other", &serde_json::json!({ "second": "" })),
    ];
    let [one, other] = in_both_orders(&objects, &[2, 0, 1], Mode::Native);
    let messages: Vec<_> = one
        .as_ref()
        .err()
        .into_iter()
        .flatten()
        .map(|error| &error.message)
        .collect();
    assert_eq!(messages, ["Widget a is there twice"]);
    assert_eq!(one, other);
    let [one, other] = in_both_orders(&objects, &[2, 0, 1], Mode::ArgoCd);
    let plan = one.expect("Argo CD applies the last one");
    let applied = plan.tasks.iter().filter_map(|task| task.object.as_ref());
    let widgets: Vec<_> = applied.filter(|object| object.kind() == "Widget").collect();
    assert_eq!(widgets.len(), 1);
    assert!(widgets[0].annotation("second").is_some(), "{widgets:?}");
    assert_eq!(Ok(plan), other);
}

/// Mistakes that are found before there is a plan come in the order of the manifests; the engine sorts them by place.
fn sorted(made: Result<Plan, Vec<Diagnostic>>) -> Result<Plan, Vec<Diagnostic>> {
    made.map_err(|mut mistakes| {
        mistakes.sort_by(|a, b| (&a.place, &a.message, &a.object).cmp(&(&b.place, &b.message, &b.object)));
        mistakes
    })
}

fn written(objects: &[Value], is_yaml: bool) -> String {
    let one = |object: &Value| {
        if is_yaml {
            serde_yaml::to_string(object).expect("JSON is YAML")
        } else {
            object.to_string() + "\n"
        }
    };
    objects.iter().map(one).collect::<Vec<_>>().join("---\n")
}

#[test]
fn what_was_written_to_break_readers_does_not() {
    for (at, text) in corpus::bad().into_iter().enumerate() {
        for mode in [Mode::Native, Mode::ArgoCd] {
            let setup = Setup {
                mode,
                operation_kind: OperationKind::Sync,
                purpose: Purpose::Deploy,
                is_live: true,
                prunes: true,
            };
            let text = text.clone();
            if let Err(failure) = bounded(move || holds(&read_and_plan(&text, setup))) {
                panic!("text {at}: {failure}");
            }
        }
    }
    for text in corpus::GOOD {
        assert!(manifest::decode("good.yaml", text).is_ok(), "{text}");
    }
}

#[test]
fn many_sets_are_plans_with_findings_so_that_the_others_say_something() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let sets = (vec(values::object(false), 1..6), values::setup());
    let (mut plans, mut findings) = (0, 0);
    for _ in 0..200 {
        let (objects, setup) = sets.new_tree(&mut runner).expect("a set").current();
        if let Ok(plan) = read_and_plan(&written(&objects, false), setup) {
            plans += 1;
            findings += plan.findings.len();
        }
    }
    assert!(
        plans > 40 && findings > 20,
        "{plans} plans of 200 sets, {findings} findings"
    );
}
