//! What is done in one place only: changes of a cluster, other programs, files and output.

use std::collections::BTreeMap;

use super::{is_test, sources, without_tests};

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
    assert!(engine["cluster.rs"].contains("async fn send(&self, request: &PreparedRequest)"));
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
        "git",
        "outbound",
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
