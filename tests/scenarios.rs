//! The stories of `scenarios/`, each told twice: on the embedded cluster and on a real control plane.

use std::path::Path;

fn embedded(path: &Path) -> datatest_stable::Result<()> {
    let text = std::fs::read_to_string(path)?;
    capstan_tests::story::run(&text).map_err(|error| format!("{error:#}").into())
}

fn real(path: &Path) -> datatest_stable::Result<()> {
    let text = std::fs::read_to_string(path)?;
    capstan_tests::story::run_for_real(&text).map_err(|error| format!("{error:#}").into())
}

datatest_stable::harness! {
    { test = embedded, root = "scenarios", pattern = r"\.yaml$" },
    { test = real, root = "scenarios", pattern = r"\.yaml$" },
}
