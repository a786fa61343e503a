//! What the documents show is as they show it.

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
fn the_scenario_of_the_guide_can_be_read() {
    let blocks = blocks("README.md", "yaml");
    assert_eq!(blocks.len(), 1);
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
        .filter(|line| line.starts_with("    rustup toolchain install && cargo "))
        .collect();
    assert_eq!(commands.len(), 2, "{commands:?}");
}
