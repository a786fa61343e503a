//! The end of `cargo test --workspace` says which tests this machine could not run.

use std::{fs, path::Path};

use crate::architecture::{metadata, sources};

/// The package whose test program prints the summary.
const SUMMARY: &str = "skipped-tests";
/// The package whose documentation has examples that are run.
const DOCUMENTED: &str = "capstan-sdk";

/// Cargo runs the test programs in the order of their packages' names, and examples in documentation after all of them.
#[test]
fn the_summary_comes_last() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let last = packages.iter().map(|package| package["name"].as_str().unwrap()).max();
    assert_eq!(last, Some(SUMMARY));
    for package in packages {
        let (name, manifest) = (&package["name"], Path::new(package["manifest_path"].as_str().unwrap()));
        let targets = package["targets"].as_array().unwrap();
        let has_examples = targets.iter().any(|target| target["doctest"] == true);
        assert!(
            !has_examples || name == DOCUMENTED,
            "cargo looks for examples in the documentation of {name}, after the summary; `doctest = false` in [lib] of {}",
            manifest.display()
        );
        if !has_examples && manifest.with_file_name("src").is_dir() {
            for (path, text) in sources(&manifest.with_file_name("src")) {
                assert!(!has_example(&text), "{path} has an example that nothing runs");
            }
        }
    }
}

/// Says whether documentation has a code block in Rust, which is also the language of those that name none.
fn has_example(text: &str) -> bool {
    let mut is_open = false;
    for line in text.lines().map(str::trim) {
        let Some(language) = line.strip_prefix("/// ```").or_else(|| line.strip_prefix("//! ```")) else {
            continue;
        };
        if !is_open && (language.is_empty() || language.starts_with("rust")) {
            return true;
        }
        is_open = !is_open;
    }
    false
}

#[test]
fn examples_are_code_blocks_in_rust() {
    assert!(has_example("/// ```\n/// f();\n/// ```"));
    assert!(has_example("    //! ```rust,no_run\n"));
    assert!(!has_example("/// ```text\n/// $ capstan\n/// ```\n"));
}

/// A test that returns early because a program is missing must be counted.
#[test]
fn tests_are_skipped_by_one_function() {
    let own = Path::new("tests/skipped");
    // A benchmark leaves out the tools that are not there, and prints so.
    let others = [own, Path::new("tests/bench"), Path::new("tests/it/skipped.rs")];
    let root = fs::canonicalize(capstan_tests::path("..")).unwrap();
    for folder in ["host", "plugins", "tests"] {
        for (path, text) in sources(&root.join(folder)) {
            let path = Path::new(&path).strip_prefix(&root).unwrap();
            if others.iter().any(|other| path.starts_with(other)) {
                continue;
            }
            for line in text.lines().map(str::trim).filter(|line| !line.starts_with("//")) {
                let is_own = line.contains("\"CAPSTAN_REQUIRE\"") || line.contains("\"SKIPPED");
                assert!(
                    !is_own,
                    "{} skips without `skipped_tests::skip`: {line}",
                    path.display()
                );
            }
        }
    }
}
