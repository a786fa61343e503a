//! A crate is a list of things that it may not know.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde_json::Value;

fn metadata() -> Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = std::process::Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(capstan_tests::path(".."))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Returns what each package of the workspace depends on, but for its tests.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    let is_real = |dependency: &&Value| dependency["kind"].is_null();
    let all = packages.iter().map(|package| {
        let dependencies = package["dependencies"].as_array().unwrap();
        (name(package), dependencies.iter().filter(is_real).map(name).collect())
    });
    all.collect()
}

#[test]
fn no_crate_knows_what_it_may_not() {
    let hosts = [
        "capstan",
        "capstan-core",
        "capstan-engine",
        "capstan-private",
        "capstan-registry",
        "capstan-sandbox",
        "capstan-sim",
    ];
    let wasm = ["wasmtime", "wasmtime-wasi", "wasmtime-wizer"];
    let cluster = ["kube", "k8s-openapi"];
    let faces = ["clap", "axum"];
    let known = dependencies();
    let knows = |package: &str, others: &[&str]| {
        let found: Vec<&str> = others
            .iter()
            .copied()
            .filter(|other| known[package].contains(*other))
            .collect();
        assert!(found.is_empty(), "{package} may not know {found:?}");
    };
    knows("capstan-core", &["tokio"]);
    knows("capstan-private", &["tokio", "capstan-core", "capstan-stamp"]);
    for package in [
        "capstan-core",
        "capstan-engine",
        "capstan-registry",
        "capstan-sim",
        "capstan",
    ] {
        knows(package, &wasm);
    }
    for package in ["capstan-core", "capstan-registry", "capstan-sandbox", "capstan-sim"] {
        knows(package, &cluster);
    }
    for package in [
        "capstan-core",
        "capstan-engine",
        "capstan-registry",
        "capstan-sandbox",
        "capstan-sim",
    ] {
        knows(package, &faces);
    }
    knows("capstan-core", &["capstan-engine", "capstan-sandbox", "capstan-sim"]);
    knows("capstan-engine", &["capstan", "capstan-sandbox", "capstan-sim"]);
    knows(
        "capstan-sandbox",
        &["capstan", "capstan-engine", "capstan-registry", "capstan-sim"],
    );
    knows(
        "capstan-registry",
        &[
            "capstan",
            "capstan-core",
            "capstan-engine",
            "capstan-sandbox",
            "capstan-sim",
        ],
    );
    knows(
        "capstan-sim",
        &["capstan", "capstan-core", "capstan-engine", "capstan-sandbox"],
    );
    for package in known
        .keys()
        .filter(|package| package.starts_with("capstan-plugin-") || *package == "capstan-sdk")
    {
        knows(package, &hosts);
    }
}

#[test]
fn the_core_reads_no_clock_no_file_and_no_environment() {
    let banned = [
        "Timestamp::now",
        "Instant::now",
        "SystemTime",
        "std::fs",
        "std::env",
        "std::net",
        "println!",
        "HashMap",
    ];
    for (path, text) in sources(&capstan_tests::path("../host/core/src")) {
        for word in banned {
            assert!(!text.contains(word), "{path} has `{word}`");
        }
    }
}

#[test]
fn the_host_has_no_fall_back_for_a_plugin() {
    // Only the command line hands out the built-in components, and only as bytes.
    let known = dependencies();
    let who: Vec<&String> = known
        .iter()
        .filter(|(_, needs)| needs.contains("capstan-bundle"))
        .map(|(package, _)| package)
        .collect();
    assert_eq!(who, ["capstan", "capstan-tests"]);
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

#[test]
fn files_are_written_and_output_is_printed_in_one_place() {
    // Caches have temporary files with unique names of their own, since they are written as they come.
    let may_write = [
        "files/src/lib.rs",
        "sandbox/src/cache.rs",
        "sandbox/src/kept.rs",
        "registry/src/cache.rs",
    ];
    // A child of the sandbox speaks to its parent.
    let may_print = ["cli/src/output.rs", "sandbox/src/compile.rs"];
    let writes = [
        "fs::write(",
        "fs::rename(",
        "File::create",
        "OpenOptions",
        "File::options",
        ".persist(",
    ];
    let prints = ["stdout().write", "stdout().lock", " print!(", " println!("];
    for crates in ["cli", "core", "engine", "files", "registry", "sandbox", "sim"] {
        for (path, text) in sources(&capstan_tests::path(&format!("../host/{crates}/src"))) {
            let text = without_tests(&text).to_owned();
            for (words, may) in [(writes.as_slice(), may_write.as_slice()), (&prints, &may_print)] {
                let found = words.iter().find(|word| text.contains(**word));
                let is_allowed = may.iter().any(|file| path.ends_with(file));
                assert!(found.is_none() || is_allowed, "{path} has `{}`", found.unwrap_or(&""));
            }
        }
    }
}

fn sources(folder: &Path) -> Vec<(String, String)> {
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
