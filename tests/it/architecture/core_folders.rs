//! The folders of core, and which of them may know which.

use super::{sources, without_tests};

/// A folder of core knows only those below it, and what runs a plan doesn't know how it was made. The controller's decision knows neither.
#[test]
fn folders_of_core_know_only_those_below_them() {
    let folders: [(&str, &[&str]); 8] = [
        (
            "model",
            &["kubernetes", "read", "plan", "lint", "run", "application", "reconcile"],
        ),
        (
            "kubernetes",
            &["read", "plan", "lint", "run", "application", "reconcile"],
        ),
        ("read", &["plan", "lint", "run", "application", "reconcile"]),
        ("plan", &["lint", "run", "application", "reconcile"]),
        ("lint", &["run", "application", "reconcile"]),
        ("run", &["read", "lint", "application", "reconcile"]),
        (
            "application",
            &["kubernetes", "read", "plan", "lint", "run", "reconcile"],
        ),
        ("reconcile", &["kubernetes", "read", "lint", "run"]),
    ];
    for (path, text) in sources(&capstan_tests::path("../host/core/src")) {
        let relative = path.rsplit_once("core/src/").map_or("", |(_, relative)| relative);
        let folder = relative.split(['/', '.']).next().unwrap_or_default();
        let Some((_, unknown)) = folders.iter().find(|(name, _)| *name == folder) else {
            assert_eq!(folder, "lib", "{path} is in no folder");
            continue;
        };
        if relative.ends_with("tests.rs") || relative.contains("/tests/") {
            continue;
        }
        let is_code = |line: &&str| !line.trim_start().starts_with("//");
        let code: Vec<&str> = without_tests(&text).lines().filter(is_code).collect();
        let code = code.join("\n");
        for other in *unknown {
            for before in ["crate::", "{", " "] {
                let name = format!("{before}{other}::");
                assert!(!code.contains(&name), "{path} has `{name}`");
            }
        }
    }
}
