//! A crate is a list of things that it may not know.

mod core_folders;
mod file_length;
mod page;

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
        "capstan-server",
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
const LIBRARIES: [(&str, &[&str]); 6] = [
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
    assert!(engine["cluster.rs"].contains("async fn send(&self, asked: &PreparedRequest)"));
    assert_eq!(where_is(&["PreparedRequest {"]), ["cluster/requests.rs"]);
    assert_eq!(engine["cluster/requests.rs"].matches("Ok(PreparedRequest {").count(), 1);
    // Watches and logs go through kube's `Api`, which is used for nothing else.
    assert_eq!(where_is(&["Api::", "Api<"]), ["cluster/streams.rs"]);
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
        assert!(!engine["cluster/streams.rs"].contains(word), "{word}");
    }
    // All requests there are; those that change something are the second list.
    let built = functions(&engine["cluster/requests.rs"], |function| {
        function
            .split('{')
            .next()
            .unwrap_or_default()
            .contains("-> PrepareResult")
    });
    assert_eq!(
        built,
        [
            "new",
            "with_validation",
            "review",
            "get",
            "get_metadata",
            "list_by_fields",
            "list",
            "list_metadata",
            "delete_version",
            "create",
            "replace",
            "apply",
            "apply_as",
            "merge_patch",
            "merge_patch_as",
            "dry_run_merge_patch",
            "merge_patch_with",
            "delete",
        ]
    );
    let changing = [
        "create",
        "replace",
        "apply",
        "apply_as",
        "merge_patch",
        "merge_patch_as",
        "dry_run_merge_patch",
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
            "merge_patch",
            "dry_run_merge_patch",
            "apply_as",
            "merge_patch_as",
            "delete",
        ]
    );
    // What is written for a plugin is written where a request has passed the gate.
    assert_eq!(
        where_is(&["cluster.apply_as(", ".merge_patch_as(&key"]),
        ["perform/request.rs"]
    );
    let for_plugins = functions(&engine["perform/request.rs"], |function| {
        function.contains("cluster.apply_as(") || function.contains(".merge_patch_as(&key")
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
        "cli",
        "core",
        "devkit",
        "engine",
        "files",
        "private",
        "process",
        "project",
        "registry",
        "runtime",
        "sandbox",
        "server",
        "server/api",
        "sim",
        "source",
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

/// The crates that know no face: what their texts offer is a `Remedy`, and the face names the option or command.
const WORDLESS: [&str; 8] = [
    "core", "engine", "source", "project", "devkit", "runtime", "sandbox", "registry",
];

/// Files whose literals may be arguments for other programs: nothing but a flag.
const ARGUMENTS: [(&str, &str); 5] = [
    ("source/src/git.rs", "git"),
    ("source/src/helm.rs", "helm"),
    ("source/src/kustomize.rs", "kustomize, kubectl"),
    (
        "devkit/src/build.rs",
        "cargo, npm, componentize-js, pip, componentize-py",
    ),
    ("devkit/src/language.rs", "the tools' own versions"),
];

/// Literals that may name flags or commands: the file, how the literal goes, and why.
const NAMED: [(&str, &str, &str); 12] = [
    (
        "core/src/kubernetes/finalizer.rs",
        "kubectl patch",
        "another program's command",
    ),
    (
        "registry/src/policy.rs",
        "cosign sign --key",
        "another program's command",
    ),
    (
        "registry/src/policy.rs",
        "cosign sign-blob",
        "another program's command",
    ),
    (
        "devkit/src/language.rs",
        "https://sh.rustup.rs",
        "another program's command",
    ),
    ("engine/src/saved_plan.rs", "capstan plan", "marks a stored file"),
    ("registry/src/lock.rs", "# Written by", "the head of a stored file"),
    ("core/src/plan/compat/markdown.rs", "", "COMPAT.md"),
    ("core/src/model/compat/not_copied.rs", "", "COMPAT.md"),
    ("core/src/model/compat/table.rs", "", "COMPAT.md"),
    ("core/src/read/sync_options.rs", "", "COMPAT.md"),
    ("core/src/read/directive/table.rs", "", "ANNOTATIONS.md"),
    ("core/src/lint/rules.rs", "", "LINTS.md"),
];

#[test]
fn no_crate_below_the_faces_names_a_flag_or_a_command() {
    let mut used = BTreeSet::new();
    let mut strange = Vec::new();
    for name in WORDLESS {
        for (path, text) in sources(&capstan_tests::path(&format!("../host/{name}/src"))) {
            if path.ends_with("tests.rs") {
                continue;
            }
            for literal in literals(without_tests(&text)) {
                if !names_flag(&literal) && !names_command(&literal) {
                    continue;
                }
                let argument = ARGUMENTS.iter().find(|(file, _)| path.ends_with(file));
                let named = NAMED
                    .iter()
                    .find(|(file, words, _)| path.ends_with(file) && literal.contains(words));
                match (argument, named) {
                    (Some((file, _)), _) if literal.starts_with("--") && !literal.contains([' ', '`']) => {
                        used.insert((*file, ""));
                    }
                    (_, Some((file, words, _))) => {
                        used.insert((*file, *words));
                    }
                    (_, None) => strange.push(format!("{path}: {literal:?}")),
                }
            }
        }
    }
    assert!(
        strange.is_empty(),
        "these name flags or commands of the command line; use a `Remedy`:\n{}",
        strange.join("\n")
    );
    let arguments = ARGUMENTS.iter().map(|(file, _)| (*file, ""));
    let known: BTreeSet<_> = arguments
        .chain(NAMED.iter().map(|(file, words, _)| (*file, *words)))
        .collect();
    assert_eq!(used, known, "an exception is no longer needed");
}

#[test]
fn flags_and_commands_are_found_in_literals() {
    let text = r##"
        // "in a comment --flag"
        let quote = '"'; let escaped = '\''; let lifetime: &'static str = "a \" --one \
            b"; /* "--not" */
        let raw = r#"say `capstan plan`"#;
        let plain = "kubectl-like--word, a-b -- c, capstan.yaml";
    "##;
    let found = literals(text);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(names_flag(&found[0]) && !names_command(&found[0]));
    assert!(names_command(&found[1]) && !names_flag(&found[1]));
    assert!(!names_flag(&found[2]) && !names_command(&found[2]));
    assert!(names_flag("`-f` reads files") && names_flag("name it with `-k DIR`") && names_flag("--adopt"));
}

/// Says whether a text has a flag: `--adopt`, or a short one in code marks.
fn names_flag(text: &str) -> bool {
    let long = text.match_indices("--").any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + 2..].chars().next();
        !before.is_some_and(|letter| letter.is_alphanumeric() || letter == '-')
            && after.is_some_and(|letter| letter.is_ascii_lowercase())
    });
    let short = text.match_indices("`-").any(|(at, _)| {
        let mut letters = text[at + 2..].chars();
        letters.next().is_some_and(|letter| letter.is_ascii_alphabetic())
            && letters.next().is_some_and(|letter| matches!(letter, ' ' | '`'))
    });
    long || short
}

/// Says whether a text has a command of Capstan's: `capstan sync`.
fn names_command(text: &str) -> bool {
    text.match_indices("capstan ").any(|(at, word)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '/' | '.'))
            && after.is_some_and(|letter| letter.is_ascii_lowercase())
    })
}

/// Returns the string literals of a Rust source, as they are written, without those in comments.
fn literals(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let skip = |rest: &str, length: usize| rest.get(length..).unwrap_or_default().len();
        let left = if rest.starts_with("//") {
            skip(rest, rest.find('\n').unwrap_or(rest.len()))
        } else if rest.starts_with("/*") {
            skip(rest, rest.find("*/").map_or(rest.len(), |end| end + 2))
        } else if let (false, Some(hashes)) = (before.is_alphanumeric(), raw_start(rest)) {
            let start = hashes + 2;
            let end = format!("\"{}", "#".repeat(hashes));
            let length = rest[start..].find(&end).unwrap_or(rest.len() - start);
            found.push(rest[start..start + length].to_owned());
            skip(rest, start + length + end.len())
        } else if first == '"' {
            let length = end_of(&rest[1..], '"');
            found.push(rest[1..=length].to_owned());
            skip(rest, length + 2)
        } else if first == '\'' && is_char(rest) {
            skip(rest, end_of(&rest[1..], '\'') + 2)
        } else {
            skip(rest, first.len_utf8())
        };
        before = first;
        rest = &rest[rest.len() - left..];
    }
    found
}

/// Returns the number of hashes with which a raw string begins.
fn raw_start(text: &str) -> Option<usize> {
    let rest = text.strip_prefix('r')?;
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    rest[hashes..].starts_with('"').then_some(hashes)
}

/// Says whether a quote begins a character rather than a lifetime.
fn is_char(text: &str) -> bool {
    let mut letters = text.chars().skip(1);
    match letters.next() {
        Some('\\') => true,
        Some(_) => letters.next() == Some('\''),
        None => false,
    }
}

/// Returns where a literal ends that isn't raw.
fn end_of(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, letter) in text.char_indices() {
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if letter == quote => return at,
            _ => {}
        }
    }
    text.len()
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
