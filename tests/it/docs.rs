//! What the documents show is as they show it.

use capstan_core::{
    lint::{INVALID, REMOVED_VERSION, RULES, UNKNOWN_KIND},
    model::object::GroupKind,
    plan::degraded_grace,
    read::directive::ANNOTATIONS,
};
use capstan_sim::scenario::Scenario;

/// Returns the blocks of a document that are in this language.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let text = std::fs::read_to_string(capstan_tests::path(document)).unwrap();
    let fence = format!("```{language}\n");
    let blocks = text
        .split(&fence)
        .skip(1)
        .map(|rest| rest.split("\n```").next().unwrap_or_default().to_owned());
    blocks.collect()
}

#[test]
fn the_scenario_and_the_case_of_the_guide_can_be_read() {
    let blocks = blocks("README.md", "yaml");
    assert_eq!(blocks.len(), 2);
    let cases = capstan_tests::differential::case::parse(&blocks[1]).unwrap();
    assert_eq!((cases.len(), cases[0].steps.len()), (1, 1));
    let scenario = Scenario::from_yaml(&blocks[0]).unwrap();
    assert_eq!(
        (scenario.behaviours.len(), scenario.claims.len(), scenario.faults.len()),
        (1, 1, 1)
    );
}

#[test]
fn the_main_commands_of_the_readme_are_the_ones_that_ci_runs() {
    let readme = std::fs::read_to_string(capstan_tests::path("../README.md")).unwrap();
    let commands: Vec<&str> = readme
        .lines()
        .filter(|line| line.starts_with("rustup toolchain install && cargo "))
        .collect();
    assert_eq!(commands.len(), 2, "{commands:?}");
}

/// Returns the table of how long an object may be Degraded.
fn tolerances() -> String {
    let mut text = "\n## How long an object may be Degraded\n\nApplies to objects without `capstan.dev/degraded-grace`. Generated from `core/src/plan/degraded_grace.rs`. \
                    A final status, such as a Job's backoff limit or a Deployment's progress deadline, is a failure at once. With \
                    `--compat argocd` only problems of pods have a grace period.\n\n| kind | seconds | reason |\n| --- | --- | --- |\n"
        .to_owned();
    for row in degraded_grace::TOLERANCES {
        let kind = GroupKind::new(row.group, row.kind);
        text.push_str(&format!("| `{kind}` | {} | {} |\n", row.seconds, row.reason));
    }
    let others = "controllers of custom resources say Degraded before they have all they need";
    let pods = "an image or a Secret may come a little later";
    text.push_str(&format!(
        "| any other | {} | {others} |\n",
        degraded_grace::DEFAULT_DEGRADED_GRACE.as_secs()
    ));
    text.push_str(&format!(
        "| of any kind, what only its pods tell | {} | {pods} |\n",
        degraded_grace::POD_PROBLEM_GRACE.as_secs()
    ));
    text.push_str(&format!(
        "\nA Secret or `ConfigMap` that isn't there is waited for beyond that: as long as a Job or a hook of the operation runs that may make \
         it; until the waiting object's timeout, if a custom resource of the set names it (a `Certificate`, an `ExternalSecret`); and for {} s \
         after the waiting object was applied, if a role of the set lets a workload of the set create such objects. An annotation counts as \
         it is written.\n",
        degraded_grace::CONTROLLER_CREATION_GRACE.as_secs()
    ));
    text
}

/// `CAPSTAN_UPDATE=1 cargo test -p capstan-tests docs` writes it again.
#[test]
fn the_table_of_annotations_is_that_of_the_code() {
    let mut text = "# Annotations\n\nGenerated from `core/src/read/directive/table.rs`. If an object has several annotations with \
                    the same purpose, Capstan's takes precedence over Argo CD's, and Argo CD's over Helm's.\n\n| annotation | values | without it | meaning |\n| --- | --- | --- | --- |\n"
        .to_owned();
    for row in ANNOTATIONS {
        text.push_str(&format!(
            "| `{}` | {} | {} | {} |\n",
            row.name, row.values, row.default, row.meaning
        ));
    }
    text.push_str(&tolerances());
    check_generated("../host/ANNOTATIONS.md", &text);
}

/// `CAPSTAN_UPDATE=1 cargo test -p capstan-tests docs` writes it again.
#[test]
fn the_table_of_lint_rules_is_that_of_the_code() {
    let mut text = "# Lint rules\n\nGenerated from `core/src/lint/rules.rs`. Capstan checks every plan against these rules; `capstan lint` does it without a cluster. `sync` refuses \
                    a plan with an error,\nunless the rule is allowed (`--allow-lint RULE`) or suppressed on the object (`capstan.dev/lint-ignore: RULE`). With Argo CD's rules \
                    (`--compat argocd`), errors\nare warnings. Notes are shown with `-v` or `--lint all`. The table shows the highest severity of each rule, except for \
                    `claim-needs-consumer`,\nwhose findings are errors if the set contains the StorageClass.\n\n| rule | severity | finds | consequence |\n| --- | --- | --- | --- |\n"
        .to_owned();
    for rule in RULES.iter().chain([&UNKNOWN_KIND, &REMOVED_VERSION, &INVALID]) {
        text.push_str(&format!(
            "| `{}` | {} | {} | {} |\n",
            rule.id, rule.severity, rule.summary, rule.consequence
        ));
    }
    check_generated("../host/LINTS.md", &text);
}

/// `CAPSTAN_UPDATE=1 cargo test -p capstan-tests docs` writes it again.
#[test]
fn the_table_of_argo_cds_rules_is_that_of_the_code() {
    check_generated("../host/COMPAT.md", &capstan_core::plan::compat::markdown());
}

/// Compares a document with what the code says now, or writes it.
fn check_generated(path: &str, text: &str) {
    let path = capstan_tests::path(path);
    if std::env::var_os("CAPSTAN_UPDATE").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, text, "it is written again with CAPSTAN_UPDATE=1");
}
