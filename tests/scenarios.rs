//! The stories of `scenarios/`, each a test of its own.

use std::path::Path;

fn story(path: &Path) -> datatest_stable::Result<()> {
    let text = std::fs::read_to_string(path)?;
    capstan_tests::story::run(&text).map_err(|error| format!("{error:#}").into())
}

datatest_stable::harness! {
    { test = story, root = "scenarios", pattern = r"\.yaml$" },
}
