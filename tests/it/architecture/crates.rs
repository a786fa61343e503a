//! Which crates may know which.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{is_test, metadata, sources, without_tests};

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
        "capstan-git",
        "capstan-outbound",
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
        "capstan-git",
        "capstan-registry",
        "capstan-sim",
        "capstan-source",
        "capstan-project",
        "capstan-runtime",
        "capstan-devkit",
        "capstan-server",
        "capstan",
    ] {
        knows(package, &wasm);
    }
    for package in [
        "capstan-core",
        "capstan-git",
        "capstan-registry",
        "capstan-sandbox",
        "capstan-schema",
        "capstan-sim",
        "capstan-source",
        "capstan-project",
        "capstan-server",
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
    for package in ["capstan-yaml", "capstan-process", "capstan-schema", "capstan-timestamp"] {
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
const LIBRARIES: [(&str, &[&str]); 7] = [
    ("git", &["capstan-outbound"]),
    // The web page is made of it, too.
    ("server/api", &[]),
    // A face of its own, which is handed everything else.
    ("server", &["capstan-api", "capstan-engine"]),
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
        "capstan-timestamp",
    ];
    let faces = ["clap", "clap_complete", "axum", "tracing-subscriber"];
    let known = dependencies();
    for (name, may) in LIBRARIES {
        let package = format!("capstan-{}", name.rsplit('/').next().unwrap_or(name));
        let strange: Vec<&String> = known[&package]
            .iter()
            .filter(|other| other.as_str() == "capstan" || other.starts_with("capstan-"))
            .filter(|other| !may.contains(&other.as_str()) && !leaves.contains(&other.as_str()))
            .collect();
        assert!(strange.is_empty(), "{package} may not know {strange:?}");
        let may_serve = |face: &&&str| name == "server" && **face == "axum";
        let found = faces.iter().filter(|face| known[&package].contains(**face));
        let found: Vec<&&str> = found.filter(|face| !may_serve(face)).collect();
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
    // The command line starts the server; the server knows nothing of the command line.
    assert!(known["capstan"].contains("capstan-server"));
    assert!(!known["capstan-server"].contains("capstan"));
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

/// Lint looks at plans; whoever wants its findings calls it.
#[test]
fn the_planner_does_not_call_lint() {
    for (path, text) in sources(&capstan_tests::path("../host/core/src/plan")) {
        assert!(!without_tests(&text).contains("lint::lint("), "{path} calls lint");
    }
}
