//! Files are short enough to be read at one go.

use std::collections::BTreeMap;

use super::sources;

/// How many lines a file may have.
const MAX_LINES: usize = 500;

/// Files that may be longer: how many lines each may have, and why.
const LONG_FILES: [(&str, usize, &str); 15] = [
    (
        "host/cli/tests/cli/plugins.rs",
        600,
        "transcripts, which are read one by one",
    ),
    (
        "host/cli/tests/cli/project.rs",
        600,
        "transcripts, which are read one by one",
    ),
    (
        "host/cli/tests/cli/words.rs",
        750,
        "transcripts, which are read one by one",
    ),
    (
        "host/core/src/model/grant/tests.rs",
        650,
        "tables of grants and what they allow",
    ),
    (
        "host/core/tests/operation/requests.rs",
        700,
        "one story for each request of a hook",
    ),
    (
        "host/core/tests/operation/shell.rs",
        750,
        "the engine's part, played for the property tests",
    ),
    (
        "host/core/tests/operation/stories.rs",
        650,
        "one story for each course of an operation",
    ),
    (
        "host/sim/tests/api/kubectl.rs",
        600,
        "one test for each command of kubectl",
    ),
    (
        "host/server/ui/src/words.rs",
        700,
        "every text of the web page, for translators",
    ),
    ("tests/it/architecture.rs", 800, "one test for each wall"),
    (
        "tests/it/equal.rs",
        700,
        "one test for each kind of change that a server may or may not make",
    ),
    ("tests/it/ownership.rs", 550, "one story for each owner of an object"),
    (
        "tests/it/real.rs",
        600,
        "the stories that need a real cluster, each by itself",
    ),
    ("tests/it/state.rs", 600, "one story for each thing that is stored"),
    (
        "tests/runner/story.rs",
        850,
        "the words of scenarios, in one table and what each does",
    ),
];

#[test]
fn no_file_is_too_long_to_be_read_at_one_go() {
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for folder in ["host", "plugins", "tests"] {
        for (path, text) in sources(&capstan_tests::path(&format!("../{folder}"))) {
            let (_, path) = path.rsplit_once("../").unwrap();
            if !path.contains("/target/") {
                found.insert(path.to_owned(), text.lines().count());
            }
        }
    }
    assert!(found.len() > 500, "{}", found.len());
    for (path, limit, _) in LONG_FILES {
        let lines = found.remove(path).unwrap_or_default();
        assert!(
            lines > MAX_LINES,
            "{path} has {lines} lines: it needs no exception any more"
        );
        assert!(
            lines <= limit,
            "{path} has {lines} lines, and may have {limit}: split it where there is a seam"
        );
    }
    let long: Vec<_> = found.iter().filter(|(_, lines)| **lines > MAX_LINES).collect();
    assert!(
        long.is_empty(),
        "these have more than {MAX_LINES} lines; split them where there is a seam: {long:?}"
    );
}
