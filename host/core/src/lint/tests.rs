//! What the rules' own tests are written with.

use super::*;
use crate::{
    model::{
        operation_kind::{OperationKind, Purpose},
        plugins::{Application, PluginRef},
    },
    plan::{self, Classified, DesiredManifests, LiveObjects, PlanInput, PlanOptions, Role, hook_record::HookRecords},
    read::{
        directive::{self, Mode},
        manifest,
    },
};

/// Begins an object in YAML's flow style; what its documents end with is added when they are read.
pub(super) fn object(version: &str, kind: &str, name: &str, annotations: &str) -> String {
    format!(
        "{{apiVersion: {version}, kind: {kind}, metadata: {{name: {name}, namespace: shop, annotations: {{{annotations}}}}}"
    )
}

/// Begins a hook with a pod template.
pub(super) fn hook(version: &str, kind: &str, word: &str, annotations: &str, pod: &str) -> String {
    let comma = if annotations.is_empty() { "" } else { ", " };
    object(
        version,
        kind,
        "it",
        &format!("argocd.argoproj.io/hook: {word}{comma}{annotations}"),
    ) + &format!(", spec: {{template: {{spec: {{restartPolicy: Never, {pod}}}}}}}")
}

/// Begins a Job that is a hook.
pub(super) fn job(word: &str, pod: &str) -> String {
    hook("batch/v1", "Job", word, "", pod)
}

fn plugin_ref() -> PluginRef {
    PluginRef {
        plugin: "any".to_owned(),
        version: "0.1.0".to_owned(),
        digest: "d".to_owned(),
        claim: "*/*".to_owned(),
    }
}

fn decoded(documents: &[String]) -> Vec<Manifest> {
    let text = documents
        .iter()
        .map(|document| format!("{document}}}\n"))
        .collect::<Vec<_>>()
        .join("---\n");
    manifest::decode("set.yaml", &text).unwrap_or_else(|errors| panic!("{errors:?}: {text}"))
}

fn findings(documents: &[String], mode: Mode) -> Vec<Finding> {
    let live = LiveObjects {
        is_first_install: true,
        ..LiveObjects::default()
    };
    findings_beside(documents, &live, mode)
}

fn findings_beside(documents: &[String], live: &LiveObjects, mode: Mode) -> Vec<Finding> {
    let manifests = decoded(documents);
    let desired: Vec<Classified> = manifests
        .into_iter()
        .map(|manifest| {
            let directives = directive::read_directives(&manifest, mode).unwrap_or_else(|errors| panic!("{errors:?}"));
            let role = if directives.words.iter().any(|word| word == "Skip") {
                Role::Skip("Skip".to_owned())
            } else if directives.is_hook() {
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
        })
        .collect();
    let application = Application {
        name: "shop".to_owned(),
        namespace: "shop".to_owned(),
    };
    let plan = plan::make_plan(&PlanInput {
        application: application.clone(),
        operation_kind: OperationKind::Sync,
        options: &PlanOptions {
            mode,
            ..PlanOptions::default()
        },
        purpose: Purpose::Deploy,
        desired: DesiredManifests::new(&desired),
        live,
        records: &HookRecords::new(),
        plugin_for: &|_| Some(plugin_ref()),
        policies_for_all: Vec::new(),
        dry_run_blocker: None,
        manager: "capstan",
    });
    let plan = plan.unwrap_or_else(|errors| panic!("{errors:?}"));
    let desired = plan::in_written_order(&desired);
    let operation_kind = OperationKind::Sync;
    lint(&ManifestSet::new(
        mode,
        operation_kind,
        &application,
        live,
        desired,
        &plan.tasks,
    ))
}

/// A case: what it is, the documents, and what a rule says about it, as `error at 1`.
pub(super) type Case<'a> = (&'a str, Vec<String>, &'a str);

/// Checks what one rule says in each of several cases.
pub(super) fn check(rule: &str, cases: &[Case<'_>]) {
    check_in(Mode::Native, rule, cases);
}

/// Does so by Argo CD's rules.
pub(super) fn check_argo(rule: &str, cases: &[Case<'_>]) {
    check_in(Mode::ArgoCd, rule, cases);
}

/// A case beside live objects: what it is, those, the documents, and what a rule says about it.
pub(super) type LiveCase<'a> = (&'a str, Vec<String>, Vec<String>, &'a str);

/// Checks what one rule says of documents whose objects are there already, as the application's own.
pub(super) fn check_live(rule: &str, cases: &[LiveCase<'_>]) {
    for (case, there, documents, expected) in cases {
        let objects = decoded(there).into_iter().map(|manifest| {
            let mut object = manifest.object;
            object.set_metadata_text("uid", "1");
            object.set_metadata_text("resourceVersion", "1");
            (object.key(), object)
        });
        let live = LiveObjects {
            objects: objects.collect(),
            ..LiveObjects::default()
        };
        assert_eq!(
            findings_of(rule, &findings_beside(documents, &live, Mode::Native)),
            *expected,
            "{rule}: {case}"
        );
    }
}

fn findings_of(rule: &str, findings: &[Finding]) -> String {
    let lint_text: Vec<String> = findings
        .iter()
        .filter(|finding| finding.rule == rule && !finding.is_ignored)
        .map(|finding| {
            let line = finding.place.as_ref().map_or(0, |place| place.line);
            format!("{} at {line}", finding.severity)
        })
        .collect();
    lint_text.join(", ")
}

fn check_in(mode: Mode, rule: &str, cases: &[Case<'_>]) {
    assert!(crate::read::lint_rules::is_rule(rule), "{rule}");
    assert!(
        cases.iter().any(|(.., expected)| expected.is_empty()) || mode == Mode::ArgoCd,
        "{rule} is never silent"
    );
    for (case, documents, expected) in cases {
        assert_eq!(
            findings_of(rule, &findings(documents, mode)),
            *expected,
            "{rule}: {case}"
        );
    }
}

/// Tells the errors and warnings of a set in full, but for missing fields: the objects of these tests have only what a rule looks at.
pub(super) fn lint_text(documents: &[String]) -> String {
    let describe = |finding: &Finding| format!("{}: {}\n  {}", finding.rule, finding.message, finding.fix);
    let findings = findings(documents, Mode::Native);
    findings
        .iter()
        .filter(|finding| finding.severity > Severity::Note && finding.rule != "missing-field")
        .map(describe)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn every_rule_has_an_id_of_its_own_and_says_what_it_is() {
    let mut known: Vec<&str> = Vec::new();
    for rule in RULES.iter().chain([&INVALID, &UNKNOWN_KIND, &REMOVED_VERSION]) {
        let is_kebab = rule
            .id
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter == '-');
        assert!(is_kebab && !known.contains(&rule.id), "{}", rule.id);
        assert!(
            rule.summary.ends_with('.') && rule.consequence.ends_with('.'),
            "{}",
            rule.id
        );
        known.push(rule.id);
    }
}

#[test]
fn an_ignored_rule_that_is_none_is_a_mistake() {
    let document = object("v1", "ConfigMap", "c", "capstan.dev/lint-ignore: hook-need-later") + "}";
    let manifests = manifest::decode("set.yaml", &document).expect("a manifest");
    let errors = directive::read_directives(&manifests[0], Mode::Native).expect_err("there is no such rule");
    assert_eq!(errors[0].hint.shown(), "did you mean `hook-needs-later`?");
}

#[test]
fn annotations_can_name_every_rule() {
    let rules = RULES.iter().map(|rule| rule.id);
    let rules: Vec<&str> = rules.chain([UNKNOWN_KIND.id, REMOVED_VERSION.id]).collect();
    assert_eq!(rules, crate::read::lint_rules::LINT_RULES);
}
