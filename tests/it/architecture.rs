//! A crate is a list of things that it may not know.

mod file_length;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

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
        "capstan-devkit",
        "capstan-process",
        "capstan-project",
        "capstan-registry",
        "capstan-runtime",
        "capstan-sandbox",
        "capstan-schema",
        "capstan-sim",
        "capstan-source",
        "capstan-yaml",
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
        "capstan-source",
        "capstan-project",
        "capstan-runtime",
        "capstan-devkit",
        "capstan",
    ] {
        knows(package, &wasm);
    }
    for package in [
        "capstan-core",
        "capstan-registry",
        "capstan-sandbox",
        "capstan-schema",
        "capstan-sim",
        "capstan-source",
        "capstan-project",
    ] {
        knows(package, &cluster);
    }
    for package in [
        "capstan-core",
        "capstan-engine",
        "capstan-registry",
        "capstan-sandbox",
        "capstan-sim",
        "capstan-source",
    ] {
        knows(package, &faces);
    }
    for package in ["capstan-yaml", "capstan-process", "capstan-schema"] {
        let others: Vec<&str> = hosts.into_iter().filter(|host| *host != package).collect();
        knows(package, &others);
        knows(package, &["tokio"]);
    }
    knows("capstan-core", &["capstan-engine", "capstan-sandbox", "capstan-sim"]);
    knows(
        "capstan-engine",
        &["capstan", "capstan-sandbox", "capstan-sim", "capstan-source"],
    );
    knows(
        "capstan-source",
        &[
            "capstan",
            "capstan-engine",
            "capstan-registry",
            "capstan-sandbox",
            "capstan-sim",
        ],
    );
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

/// The libraries between the core and the faces, and what of Capstan each may know beside the core and the leaf crates.
const LIBRARIES: [(&str, &[&str]); 4] = [
    ("source", &[]),
    ("project", &["capstan-source", "capstan-registry"]),
    (
        "runtime",
        &[
            "capstan-source",
            "capstan-project",
            "capstan-registry",
            "capstan-sandbox",
            "capstan-engine",
        ],
    ),
    (
        "devkit",
        &[
            "capstan-source",
            "capstan-project",
            "capstan-registry",
            "capstan-sandbox",
            "capstan-runtime",
        ],
    ),
];

#[test]
fn libraries_know_no_face_no_terminal_and_no_environment() {
    let leaves = [
        "capstan-core",
        "capstan-files",
        "capstan-process",
        "capstan-stamp",
        "capstan-yaml",
        "capstan-schema",
    ];
    let faces = ["clap", "clap_complete", "axum", "tracing-subscriber"];
    let known = dependencies();
    for (name, may) in LIBRARIES {
        let package = format!("capstan-{name}");
        let strange: Vec<&String> = known[&package]
            .iter()
            .filter(|other| other.as_str() == "capstan" || other.starts_with("capstan-"))
            .filter(|other| !may.contains(&other.as_str()) && !leaves.contains(&other.as_str()))
            .collect();
        assert!(strange.is_empty(), "{package} may not know {strange:?}");
        let found: Vec<&&str> = faces.iter().filter(|face| known[&package].contains(**face)).collect();
        assert!(found.is_empty(), "{package} may not know {found:?}");
        let folder = capstan_tests::path(&format!("../host/{name}/src"));
        for (path, text) in sources(&folder) {
            if is_test(&path) {
                continue;
            }
            let code = without_tests(&text).replace("std::env::consts", "");
            for word in [
                "std::env",
                "env::var",
                "home_dir",
                "io::stdin",
                "io::stdout",
                "io::stderr",
                "println!",
                "IsTerminal",
            ] {
                assert!(!code.contains(word), "{path} has `{word}`");
            }
        }
    }
}

#[test]
fn faces_do_not_know_each_other() {
    let known = dependencies();
    // The packages of the faces; not all of them exist yet.
    for (face, other) in [("capstan-server", "capstan"), ("capstan", "capstan-server")] {
        if let Some(needs) = known.get(face) {
            assert!(!needs.contains(other), "{face} may not know {other}");
        }
    }
    // No library knows a face.
    let libraries = known.iter().filter(|(package, _)| {
        package.starts_with("capstan-") && !["capstan-server", "capstan-tests"].contains(&package.as_str())
    });
    for (package, needs) in libraries {
        for face in ["capstan", "capstan-server"] {
            assert!(!needs.contains(face), "{package} may not know {face}");
        }
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

/// Returns the engine's sources by their path, without the tests in them.
fn engine() -> BTreeMap<String, String> {
    let folder = capstan_tests::path("../host/engine/src");
    let own = format!("{}/", folder.display());
    let all = sources(&folder).into_iter().map(|(path, text)| {
        let path = path.strip_prefix(&own).unwrap().to_owned();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
        (path, code)
    });
    all.filter(|(path, _)| !path.ends_with("tests.rs")).collect()
}

/// Returns the names of the functions of a source that have something in their head or body.
fn functions(text: &str, has: impl Fn(&str) -> bool) -> Vec<&str> {
    let found = text.split("fn ").skip(1).filter(|function| has(function));
    found
        .map(|function| function.split(['(', '<']).next().unwrap_or_default())
        .collect()
}

#[test]
fn whatever_the_engine_changes_in_a_cluster_passes_one_function() {
    let engine = engine();
    let where_is = |words: &[&str]| -> Vec<&str> {
        let has = |text: &String| words.iter().any(|word| text.contains(word));
        engine
            .iter()
            .filter(|(_, text)| has(text))
            .map(|(path, _)| path.as_str())
            .collect()
    };
    // One place sends requests, and takes nothing but what `requests.rs` made. The client itself is wrapped once, to cut deep answers.
    assert_eq!(
        where_is(&["client.request", "request_text", "request_stream"]),
        ["cluster.rs"]
    );
    assert_eq!(where_is(&["client.send"]), ["nesting.rs"]);
    assert_eq!(engine["cluster.rs"].matches("client.request").count(), 1);
    assert!(engine["cluster.rs"].contains("async fn send(&self, asked: &Prepared)"));
    assert_eq!(where_is(&["Prepared {"]), ["cluster/requests.rs"]);
    assert_eq!(engine["cluster/requests.rs"].matches("Ok(Prepared {").count(), 1);
    // Watches and logs go through kube's `Api`, which is used for nothing else.
    assert_eq!(where_is(&["Api::", "Api<"]), ["cluster/follow.rs"]);
    for word in [
        ".create(",
        ".replace(",
        ".patch(",
        ".delete(",
        ".delete_collection(",
        ".entry(",
        ".evict(",
        ".exec(",
        ".attach(",
        ".portforward(",
        "_status(",
        "_scale(",
        "_subresource(",
    ] {
        assert!(!engine["cluster/follow.rs"].contains(word), "{word}");
    }
    // All requests there are; those that change something are the second list.
    let built = functions(&engine["cluster/requests.rs"], |function| {
        function.split('{').next().unwrap_or_default().contains("-> Built")
    });
    assert_eq!(
        built,
        [
            "new",
            "with_validation",
            "review",
            "get",
            "get_metadata",
            "some",
            "list",
            "list_metadata",
            "delete_version",
            "create",
            "replace",
            "apply",
            "apply_as",
            "merge",
            "merge_as",
            "rehearse_merge",
            "merge_with",
            "delete",
        ]
    );
    let changing = [
        "create",
        "replace",
        "apply",
        "apply_as",
        "merge",
        "merge_as",
        "rehearse_merge",
        "delete",
        "delete_version",
    ];
    let callers = functions(&engine["cluster.rs"], |function| {
        changing
            .iter()
            .any(|name| function.contains(&format!("endpoint.{name}(")))
    });
    assert_eq!(
        callers,
        [
            "delete_version",
            "apply_with",
            "create_with",
            "replace_with",
            "merge",
            "rehearse_merge",
            "apply_as",
            "merge_as",
            "delete",
        ]
    );
    // What is written for a plugin is written where a request has passed the gate.
    assert_eq!(
        where_is(&["cluster.apply_as(", "cluster.merge_as("]),
        ["perform/ask.rs"]
    );
    let for_plugins = functions(&engine["perform/ask.rs"], |function| {
        function.contains("cluster.apply_as(") || function.contains("cluster.merge_as(")
    });
    assert_eq!(for_plugins, ["apply_other", "patch_other"]);
}

#[test]
fn one_crate_starts_other_programs() {
    // Where else, and why.
    let exceptions = [
        ("process/src/run.rs", "it is that crate"),
        (
            "sandbox/src/compile.rs",
            "this program itself, with no environment and limits of its own",
        ),
        (
            "sim/src/exec.rs",
            "containers' commands, which the user asked for with `--exec`; they live as long as their pods",
        ),
        ("sim/src/exec/groups.rs", "the process groups of those"),
        (
            "cli/src/commands/diff.rs",
            "the user's own KUBECTL_EXTERNAL_DIFF, which may talk to them at the terminal",
        ),
    ];
    let mut found = Vec::new();
    for (path, text) in sources(&capstan_tests::path("../host")) {
        let code = text.split("\nmod tests {").next().unwrap();
        let starts = code.contains("std::process::Command") || code.contains("process::Command") || {
            let mut imports = code
                .split("process::{")
                .skip(1)
                .map(|rest| rest.split('}').next().unwrap_or_default());
            imports.any(|names| names.split([',', ' ', '\n']).any(|name| name == "Command"))
        };
        let is_ours = code.contains("capstan_process::{")
            && !code.contains("std::process::")
            && !code.contains("tokio::process::");
        let is_test = path
            .split("../host")
            .last()
            .is_some_and(|path| path.contains("/tests/"));
        if starts && !is_ours && !is_test {
            found.push(path);
        }
    }
    let strange: Vec<&String> = found
        .iter()
        .filter(|path| !exceptions.iter().any(|(known, _)| path.ends_with(known)))
        .collect();
    assert!(
        strange.is_empty(),
        "`capstan-process` starts programs, and these do it by themselves: {strange:?}"
    );
    for (known, _) in exceptions {
        assert!(
            found.iter().any(|path| path.ends_with(known)),
            "{known} starts none any more"
        );
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

/// Says whether a file has nothing but the tests of the module beside it.
fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs")
}

#[test]
fn files_are_written_and_output_is_printed_in_one_place() {
    let may_write = [
        "files/src/lib.rs",
        // Caches write through an open folder, in temporary files with unique names.
        "private/src/lib.rs",
        // A Git folder of our own in a temporary folder.
        "source/src/git.rs",
    ];
    // A child of the sandbox speaks to its parent.
    let may_print = ["cli/src/terminal/write.rs", "sandbox/src/compile.rs"];
    let writes = [
        "fs::write(",
        "fs::rename(",
        "File::create",
        "OpenOptions",
        "File::options",
        ".persist(",
    ];
    let prints = ["stdout().write", "stdout().lock", " print!(", " println!("];
    for crates in [
        "cli", "core", "devkit", "engine", "files", "private", "process", "project", "registry", "runtime", "sandbox",
        "sim", "source",
    ] {
        for (path, text) in sources(&capstan_tests::path(&format!("../host/{crates}/src"))) {
            if is_test(&path) {
                continue;
            }
            let text = without_tests(&text).to_owned();
            for (words, may) in [(writes.as_slice(), may_write.as_slice()), (&prints, &may_print)] {
                let found = words.iter().find(|word| text.contains(**word));
                let is_allowed = may.iter().any(|file| path.ends_with(file));
                assert!(found.is_none() || is_allowed, "{path} has `{}`", found.unwrap_or(&""));
            }
        }
    }
}

/// Lint looks at plans; whoever wants its findings calls it.
#[test]
fn the_planner_does_not_call_lint() {
    for (path, text) in sources(&capstan_tests::path("../host/core/src/plan")) {
        assert!(!without_tests(&text).contains("lint::lint("), "{path} calls lint");
    }
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
