//! What the documents show of the command line is what it prints.

use std::fs;

use crate::support::{project, run};

fn document(path: &str) -> String {
    fs::read_to_string(project().join(path)).unwrap()
}

#[track_caller]
fn shows(path: &str, output: &str) {
    assert!(!output.is_empty());
    assert!(
        document(path).contains(output),
        "{path} doesn't show this output:\n{output}"
    );
}

#[test]
fn the_readme_shows_plans_mistakes_and_failures_as_they_are() {
    shows("README.md", &run("plan -f tests/example/echo -n shop --simulate").out);
    shows(
        "README.md",
        &run("plan -f tests/fixtures/sets/bad/hook.yaml --app shop --simulate").err,
    );
    let findings = run("lint -f tests/fixtures/sets/lint --lint error").out;
    shows("README.md", findings.split("\n\n").next().unwrap_or_default());
    let failed = run("sync -f tests/example/echo --simulate=tests/example/no-database.yaml -n shop").out;
    let end = failed.find("   36s  FAILED").unwrap();
    shows("README.md", failed[end..].trim_end());
}

#[test]
fn the_guide_to_migration_shows_what_argo_cd_would_do_otherwise() {
    let output = run("plan -f tests/fixtures/sets/compat-order -n shop --simulate --explain-compat").out;
    let (differences, outcomes) = output.split_once("At run time").unwrap();
    shows("host/MIGRATING.md", differences.trim_end());
    assert!(outcomes.contains("  rule      hooks-clear-first\n"), "{outcomes}");
}

/// `CAPSTAN_UPDATE=1` writes the picture.
#[test]
fn the_picture_of_the_readme_is_a_run() {
    let output = run("sync -f tests/example/echo --simulate=tests/example/migrations.yaml -n shop --color always").out;
    let run_only = &output[output.find("operation ").unwrap()..];
    let command = "\u{1b}[2m$\u{1b}[0m capstan sync -f tests/example/echo -n shop\n";
    let picture = anstyle_svg::Term::new().render_svg(&format!("{command}{run_only}"));
    let path = project().join("tests/example/sync.svg");
    if std::env::var_os("CAPSTAN_UPDATE").is_some() {
        fs::write(&path, &picture).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap_or_default() == picture,
        "tests/example/sync.svg is stale; run this test with CAPSTAN_UPDATE=1"
    );
}
