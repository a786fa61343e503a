//! What a plan is made of, without a cluster: every kind is known, every Job with a hook annotation is run by one plugin.

use std::fmt::Write as _;

use insta::assert_snapshot;
use serde_json::json;

use super::{
    Classified, DesiredManifests, Limits, LiveObjects, Plan, PlanInput, PlanOptions, Role, Selection, make_plan,
};
use crate::{
    model::{
        error::Diagnostic,
        hook::{HookId, HookOutcome},
        operation_kind::{OperationKind, Purpose},
        phase::Phase,
        plugins::{Application, PluginRef},
    },
    plan::hook_record::{HookRecord, HookRecords, LastRun, Success},
    read::{
        directive::{self, Mode},
        manifest,
    },
};

fn plugin_ref() -> PluginRef {
    PluginRef {
        plugin: "any".to_owned(),
        version: "0.1.0".to_owned(),
        digest: "d".to_owned(),
        claim: "c".to_owned(),
    }
}

/// A set of manifests, and what is wanted of it.
struct Case {
    desired: Vec<Classified>,
    purpose: Purpose,
    is_first_install: bool,
    records: HookRecords,
    selection: Selection,
}

fn case(text: &str) -> Case {
    let decoded = manifest::decode("set.yaml", text).expect("manifests");
    let classified = decoded.into_iter().map(|mut manifest| {
        let directives = directive::read_directives(&manifest, Mode::Native).expect("good annotations");
        manifest.object.set_metadata_text("namespace", "shop");
        let role = if directives.is_hook() {
            Role::Hook {
                by: plugin_ref(),
                phases: directives.phases.clone(),
                has_object: true,
                also: Vec::new(),
            }
        } else {
            Role::Resource
        };
        Classified {
            manifest,
            directives,
            role,
        }
    });
    Case {
        desired: classified.collect(),
        purpose: Purpose::Deploy,
        is_first_install: false,
        records: HookRecords::new(),
        selection: Selection::default(),
    }
}

impl Case {
    fn plan(&self) -> Result<Plan, Vec<Diagnostic>> {
        let live = LiveObjects {
            is_first_install: self.is_first_install,
            ..LiveObjects::default()
        };
        make_plan(&PlanInput {
            application: Application {
                name: "shop".to_owned(),
                namespace: "shop".to_owned(),
            },
            operation_kind: OperationKind::Sync,
            options: &PlanOptions {
                selection: self.selection.clone(),
                ..PlanOptions::default()
            },
            purpose: self.purpose,
            desired: DesiredManifests::new(&self.desired),
            live: &live,
            records: &self.records,
            plugin_for: &|_| Some(plugin_ref()),
            policies_for_all: Vec::new(),
            dry_run_blocker: None,
            manager: "capstan",
        })
    }

    /// Tells the tasks and what is left out, or what is wrong.
    fn text_of_plan(&self) -> String {
        let mut text = String::new();
        match self.plan() {
            Ok(plan) => {
                for task in &plan.tasks {
                    writeln!(text, "{}", task.id).expect("a text takes everything");
                }
                for skipped in &plan.skipped {
                    writeln!(text, "without {}: {}", skipped.key, skipped.reason).expect("a text takes everything");
                }
            }
            Err(errors) => {
                for error in errors {
                    let place = error.place.map(|place| place.to_string()).unwrap_or_default();
                    let hint = match error.hint.shown() {
                        hint if hint.is_empty() => hint,
                        hint => format!(" ({hint})"),
                    };
                    writeln!(text, "{place}: {}{hint}", error.message).expect("a text takes everything");
                }
            }
        }
        text
    }

    /// Remembers every hook of a plan as having ended like this in operation 17.
    fn remember(&mut self, outcome: HookOutcome) {
        for task in self.plan().expect("a plan").tasks {
            let Some(hook) = task.hook() else { continue };
            let success = (outcome == HookOutcome::Succeeded).then(|| Success {
                operation: "17-abcde".to_owned(),
                inputs: hook.inputs.clone(),
            });
            let run = LastRun {
                operation: "17-abcde".to_owned(),
                at: jiff::Timestamp::UNIX_EPOCH,
                outcome,
                success,
            };
            let record = HookRecord {
                key: task.key.clone(),
                runs: [(task.phase, run)].into(),
                last_skip: None,
            };
            self.records.insert(hook.hook.clone(), record);
        }
    }
}

fn hook(name: &str, annotations: &[(&str, &str)], spec: &str) -> String {
    let mut text = format!("---\napiVersion: batch/v1\nkind: Job\nmetadata:\n  name: {name}\n  annotations:\n");
    for (annotation, value) in annotations {
        writeln!(text, "    {annotation}: \"{value}\"").expect("a text takes everything");
    }
    text + "spec: " + spec + "\n"
}

fn settings(colour: &str) -> String {
    format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: settings }}\ndata: {{ colour: {colour} }}\n")
}

const USES_SETTINGS: &str = "{ template: { spec: { containers: [{ name: main, image: a, envFrom: [{ configMapRef: { name: settings } }] }] } } }";

fn changed(colour: &str) -> Case {
    let annotations = [("capstan.dev/hook", "PreSync"), ("capstan.dev/run-if", "changed")];
    case(&(hook("migrate", &annotations, USES_SETTINGS) + &settings(colour)))
}

#[test]
fn helms_words_tell_first_installs_upgrades_rollbacks_and_tests_apart() {
    let words = [
        "pre-install",
        "pre-upgrade",
        "pre-rollback",
        "test",
        "pre-install,pre-upgrade",
        "post-install,test",
    ];
    let text = words
        .map(|word| hook(&word.replace(',', "-"), &[("helm.sh/hook", word)], "{}"))
        .concat();
    let mut set = case(&text);
    let mut text_of_plan = |purpose, is_first_install| {
        (set.purpose, set.is_first_install) = (purpose, is_first_install);
        let text = set.text_of_plan();
        let lines = text.lines().filter(|line| !line.starts_with("without"));
        lines.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        text_of_plan(Purpose::Deploy, true),
        "PreSync/0/batch/Job/shop/pre-install PreSync/0/batch/Job/shop/pre-install-pre-upgrade PostSync/0/batch/Job/shop/post-install-test"
    );
    assert_eq!(
        text_of_plan(Purpose::Deploy, false),
        "PreSync/0/batch/Job/shop/pre-install-pre-upgrade PreSync/0/batch/Job/shop/pre-upgrade"
    );
    assert_eq!(
        text_of_plan(Purpose::Rollback, false),
        "PreSync/0/batch/Job/shop/pre-rollback"
    );
    assert_eq!(
        text_of_plan(Purpose::Test, false),
        "PostSync/0/batch/Job/shop/post-install-test PostSync/0/batch/Job/shop/test"
    );
}

#[test]
fn what_is_left_out_says_when_it_runs() {
    let set = case(
        &(hook("a", &[("helm.sh/hook", "pre-install,post-upgrade")], "{}")
            + &hook("b", &[("helm.sh/hook", "test")], "{}")),
    );
    assert_snapshot!(set.text_of_plan(), @r"
    PostSync/0/batch/Job/shop/a
    without Job shop/a: PreSync: it runs at the first install only
    without Job shop/b: it runs in tests only
    ");
}

#[test]
fn a_hook_whose_inputs_are_the_same_as_at_its_last_success_is_left_out() {
    let mut set = changed("green");
    set.remember(HookOutcome::Succeeded);
    assert_snapshot!(set.text_of_plan(), @r"
    Sync/0/ConfigMap/shop/settings
    without Job shop/migrate: skips: same inputs as operation 17
    ");
    // what its pods read has changed
    let other = Case {
        records: set.records.clone(),
        ..changed("blue")
    };
    assert!(
        other.text_of_plan().contains("PreSync/0/batch/Job/shop/migrate"),
        "{}",
        other.text_of_plan()
    );
    // who names it wants it
    set.selection.only_hooks = vec!["migrate".to_owned()];
    assert_snapshot!(set.text_of_plan(), @"PreSync/0/batch/Job/shop/migrate");
}

#[test]
fn a_failed_run_of_a_hook_does_not_count() {
    let mut set = changed("green");
    set.remember(HookOutcome::Succeeded);
    for record in set.records.values_mut() {
        for run in record.runs.values_mut() {
            run.outcome = HookOutcome::Failed;
        }
    }
    assert!(
        set.text_of_plan().contains("PreSync/0/batch/Job/shop/migrate"),
        "{}",
        set.text_of_plan()
    );
}

#[test]
fn metadata_is_no_input_and_named_inputs_are() {
    let inputs = |set: Case| {
        let plan = set.plan().expect("a plan");
        let hook = plan
            .tasks
            .iter()
            .find_map(|task| task.hook().and_then(|hook| hook.inputs.clone()));
        hook.expect("a digest")
    };
    let with = |extra: (&str, &str), colour: &str| {
        let annotations = [
            ("capstan.dev/hook", "PreSync"),
            ("capstan.dev/run-if", "first-install, changed"),
            extra,
        ];
        inputs(case(&(hook("migrate", &annotations, "{}") + &settings(colour))))
    };
    let plain = ("example.com/chart", "shop-1");
    assert_eq!(with(plain, "green"), with(("example.com/chart", "shop-2"), "blue"));
    let named = ("capstan.dev/run-if-inputs", "ConfigMap/settings");
    assert_ne!(with(named, "green"), with(named, "blue"));
    assert_ne!(with(named, "green"), with(plain, "green"));
}

#[test]
fn an_input_that_is_not_there_is_a_mistake() {
    let annotations = [
        ("capstan.dev/hook", "PreSync"),
        ("capstan.dev/run-if", "changed"),
        ("capstan.dev/run-if-inputs", "ConfigMap/setings,colour"),
    ];
    let set = case(&(hook("migrate", &annotations, "{}") + &settings("green")));
    assert_snapshot!(set.text_of_plan(), @r"
    set.yaml:9: `capstan.dev/run-if-inputs` names ConfigMap/setings, which is not in this set (did you mean `ConfigMap/settings`?)
    set.yaml:9: `colour` in `capstan.dev/run-if-inputs` names no object (write `KIND[.GROUP]/[NAMESPACE/]NAME`, several with commas between)
    ");
}

#[test]
fn a_test_names_nothing_but_tests() {
    let mut set = case(
        &(hook("a", &[("helm.sh/hook", "test-failure")], "{}") + &hook("b", &[("helm.sh/hook", "pre-install")], "{}")),
    );
    set.purpose = Purpose::Test;
    let plan = set.plan().expect("a plan");
    let tests: Vec<(Phase, bool)> = plan
        .tasks
        .iter()
        .filter_map(|task| Some((task.phase, task.hook()?.must_fail)))
        .collect();
    assert_eq!(tests, [(Phase::PostSync, true)]);
    set.selection.only_hooks = vec!["b".to_owned()];
    assert_snapshot!(set.text_of_plan(), @"without Job shop/b: it runs at the first install only");
}

#[test]
fn hooks_that_left_the_set_are_forgotten() {
    let mut set = changed("green");
    set.remember(HookOutcome::Succeeded);
    set.records.insert(
        HookId("old".to_owned()),
        set.records.values().next().expect("one").clone(),
    );
    let plan = set.plan().expect("a plan");
    let view = crate::run::view::OperationView {
        operation: "18-fghij".to_owned(),
        ..Default::default()
    };
    crate::run::remember::record_operation(&mut set.records, &plan, &view, jiff::Timestamp::UNIX_EPOCH);
    assert_eq!(set.records.len(), 1);
    let left = set.records.values().next().and_then(|record| record.last_skip.clone());
    assert_eq!(
        left.map(|left| left.reason).as_deref(),
        Some("skips: same inputs as operation 17")
    );
}

fn config(name: &str, annotations: &[(&str, &str)]) -> String {
    let mut text =
        format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  annotations:\n    a: b\n");
    for (annotation, value) in annotations {
        writeln!(text, "    {annotation}: \"{value}\"").expect("a text takes everything");
    }
    text
}

fn depends(on: &str) -> (&str, &str) {
    ("capstan.dev/depends-on", on)
}

/// Tells which task waits for which.
fn waits(set: &Case) -> Vec<String> {
    let plan = set.plan().expect("a plan");
    let waiting = plan.tasks.iter().filter(|task| !task.waits_for.is_empty());
    let text = waiting.map(|task| {
        let on: Vec<&str> = task.waits_for.iter().map(|dependency| dependency.0.as_str()).collect();
        format!("{} after {}", task.id, on.join(", "))
    });
    text.collect()
}

#[test]
fn an_object_waits_for_others_of_its_wave_and_not_for_what_comes_before_anyway() {
    let text = config("a", &[depends("ConfigMap/b, Job/load")])
        + &config("b", &[("capstan.dev/wave", "-1")])
        + &hook("load-all", &[("capstan.dev/hook", "PreSync")], "{}")
        + &hook("load", &[("capstan.dev/hook", "PreSync,Sync")], "{}");
    assert_eq!(
        waits(&case(&text)),
        ["Sync/0/ConfigMap/shop/a after Sync/0/batch/Job/shop/load"]
    );
}

#[test]
fn what_comes_later_can_not_be_waited_for() {
    let text = config("a", &[depends("Job/smoke"), ("capstan.dev/wave", "1")])
        + &hook("smoke", &[("capstan.dev/hook", "PostSync")], "{}")
        + &hook(
            "migrate",
            &[("capstan.dev/hook", "PreSync"), depends("ConfigMap/a")],
            "{}",
        )
        + &hook("alarm", &[("capstan.dev/hook", "SyncFail")], "{}")
        + &config("b", &[depends("Job/alarm")]);
    assert_snapshot!(case(&text).text_of_plan(), @r"
    set.yaml:8: ConfigMap/a in Sync, wave 1 waits for Job/smoke, which is not applied before PostSync, wave 0 (move one of the two: `capstan.dev/wave`, and `capstan.dev/phase` for an object that is not a hook)
    set.yaml:25 (document 3): Job/migrate in PreSync, wave 0 waits for ConfigMap/a, which is not applied before Sync, wave 1 (move one of the two: `capstan.dev/wave`, and `capstan.dev/phase` for an object that is not a hook)
    set.yaml:42 (document 5): ConfigMap/b in Sync, wave 0 waits for Job/alarm, which only runs in SyncFail (move one of the two: `capstan.dev/wave`, and `capstan.dev/phase` for an object that is not a hook)
    ");
}

#[test]
fn what_waits_for_itself_is_a_mistake_that_shows_the_ring() {
    let text = config("b", &[depends("ConfigMap/c")])
        + &config("a", &[depends("ConfigMap/b")])
        + &config("c", &[depends("ConfigMap/a")])
        + &config("d", &[depends("ConfigMap/d")])
        + &config("e", &[depends("ConfigMap/a")]);
    assert_snapshot!(case(&text).text_of_plan(), @r"
    set.yaml:16 (document 2): ConfigMap/a waits for itself: ConfigMap/a -> ConfigMap/b -> ConfigMap/c -> ConfigMap/a (remove one of these from `capstan.dev/depends-on`)
    set.yaml:32 (document 4): ConfigMap/d waits for itself: ConfigMap/d -> ConfigMap/d (remove one of these from `capstan.dev/depends-on`)
    ");
}

#[test]
fn what_is_not_in_the_set_can_not_be_waited_for() {
    let text = config("a", &[depends("ConfigMap/setings")]) + &settings("green");
    assert_snapshot!(case(&text).text_of_plan(), @"set.yaml:8: `capstan.dev/depends-on` names ConfigMap/setings, which is not in this set (did you mean `ConfigMap/settings`?)");
}

#[test]
fn what_lives_in_a_namespace_that_has_to_wait_waits_too() {
    let namespace = "---\napiVersion: v1\nkind: Namespace\nmetadata: { name: shop, annotations: { capstan.dev/depends-on: ConfigMap/first } }\n";
    let mut set = case(&(namespace.to_owned() + &config("inside", &[]) + &config("first", &[])));
    for one in &mut set.desired {
        if one.manifest.object.name() != "inside" {
            one.manifest.object.set_metadata_text("namespace", "");
        }
    }
    assert_eq!(
        waits(&set),
        [
            "Sync/0/Namespace/shop after Sync/0/ConfigMap/first",
            "Sync/0/ConfigMap/shop/inside after Sync/0/Namespace/shop"
        ]
    );
}

#[test]
fn limits_are_stored_in_whole_seconds() {
    let limits = Limits {
        wave: Some(std::time::Duration::from_secs(90)),
        ..Limits::default()
    };
    let stored = json!({
        "operation": 21_600, "syncFail": 600, "deletion": 300, "abort": 10, "notice": 60, "wave": 90,
        "retry": { "times": 0, "first": 5, "most": 180 },
    });
    assert_eq!(serde_json::to_value(limits).unwrap(), stored);
    assert_eq!(serde_json::from_value::<Limits>(stored).unwrap(), limits);
}
