//! What holds for every text and every set.

use capstan_core::{
    model::error::Diagnostic,
    plan::Plan,
    read::manifest::{self, Manifest},
};
use proptest::{collection::vec, prelude::*, test_runner::TestCaseResult};
use serde_json::Value;

use crate::{
    corpus,
    pipeline::{Way, make, read_and_plan},
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
    check((text::some(), values::way()), |(text, way)| {
        bounded(move || holds(&read_and_plan(&text, way)))
    });
}

#[test]
fn any_set_is_a_plan_or_mistakes() {
    check(
        (vec(values::object(true), 0..8), values::way(), any::<bool>()),
        |(objects, way, is_yaml)| {
            let text = written(&objects, is_yaml);
            bounded(move || holds(&read_and_plan(&text, way)))
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
        (prop::sample::select(names), values::value(), values::way()),
        |(name, value, way)| {
            let object = serde_json::json!({
                "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "a", "annotations": { "argocd.argoproj.io/hook": "PreSync", name: value } },
            });
            bounded(move || holds(&read_and_plan(&object.to_string(), way)))
        },
    );
}

#[test]
fn one_set_makes_one_plan_in_whatever_order_it_is_read() {
    let sets = vec(values::object(false), 0..10).prop_flat_map(|objects| {
        let count = objects.len();
        (Just(objects), Just((0..count).collect::<Vec<usize>>()).prop_shuffle())
    });
    check((sets, values::way()), |((objects, order), way)| {
        let Ok(manifests) = manifest::decode("set.yaml", &written(&objects, false)) else {
            return Ok(());
        };
        let shuffled: Vec<_> = order.iter().filter_map(|at| manifests.get(*at).cloned()).collect();
        prop_assert_eq!(sorted(make(&manifests, way)), sorted(make(&shuffled, way)));
        // Without places, as when they come from a cluster.
        let bare = |manifests: &[Manifest]| -> Vec<Manifest> {
            manifests.iter().map(|one| Manifest::new(one.object.clone())).collect()
        };
        prop_assert_eq!(
            sorted(make(&bare(&manifests), way)),
            sorted(make(&bare(&shuffled), way))
        );
        Ok(())
    });
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
        for mode in [
            capstan_core::read::directive::Mode::Native,
            capstan_core::read::directive::Mode::ArgoCd,
        ] {
            let way = Way {
                mode,
                does: capstan_core::model::operation_kind::OperationKind::Sync,
                purpose: capstan_core::model::operation_kind::Purpose::Deploy,
                is_live: true,
                prunes: true,
            };
            let text = text.clone();
            if let Err(failure) = bounded(move || holds(&read_and_plan(&text, way))) {
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
    let sets = (vec(values::object(false), 1..6), values::way());
    let (mut plans, mut findings) = (0, 0);
    for _ in 0..200 {
        let (objects, way) = sets.new_tree(&mut runner).expect("a set").current();
        if let Ok(plan) = read_and_plan(&written(&objects, false), way) {
            plans += 1;
            findings += plan.findings.len();
        }
    }
    assert!(
        plans > 40 && findings > 20,
        "{plans} plans of 200 sets, {findings} findings"
    );
}
