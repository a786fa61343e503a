//! A crate is a list of things that it may not know.

mod core_folders;
mod crates;
mod face_words;
mod file_length;
mod one_place;
mod page;

use std::{fs, path::Path};

use serde_json::Value;

/// Returns what cargo says about the workspace.
pub fn metadata() -> Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = std::process::Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(capstan_tests::path(".."))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_top_level_is_as_it_was_agreed() {
    let mut found: Vec<String> = fs::read_dir(capstan_tests::path(".."))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.') && name != "target")
        .collect();
    found.sort();
    let agreed = [
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "README.md",
        "host",
        "plugins",
        "rust-toolchain.toml",
        "tests",
        "wit",
    ];
    let strange: Vec<&String> = found.iter().filter(|name| !agreed.contains(&name.as_str())).collect();
    assert!(strange.is_empty(), "{strange:?}");
}

/// What a file says before its tests.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap_or_default()
}

/// Says whether a file has nothing but the tests of the module or crate beside it.
fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/src/tests/")
}

/// A queue that nobody reads must not take all memory: every channel of the host has a bound.
#[test]
fn no_channel_of_the_host_is_unbounded() {
    let unbounded = [
        "unbounded_channel",
        "UnboundedSender",
        "UnboundedReceiver",
        "mpsc::unbounded",
        "mpsc::channel()",
        "mpsc::channel::<",
    ];
    let mut files = 0;
    let all = sources(&capstan_tests::path("../host"));
    for (path, text) in all.iter().filter(|(path, _)| path.contains("/src/")) {
        files += 1;
        // The one of the standard library without a bound has nothing in its parentheses.
        let found = unbounded.iter().find(|word| text.contains(**word));
        assert!(found.is_none(), "{path} has `{}`", found.unwrap_or(&""));
    }
    assert!(files > 100, "{files}");
}

/// Returns the Rust sources in a folder, by their paths.
pub fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path.display().to_string(), text));
        }
    }
    found
}
