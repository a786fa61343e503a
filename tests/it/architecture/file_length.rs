//! Files are short enough to be read at one go.

use std::collections::BTreeMap;

use super::sources;

/// How many lines a file may have.
const MAX_LINES: usize = 500;

/// Files that may be longer: how many lines each may have, and why.
const LONG_FILES: [(&str, usize, &str); 1] = [(
    "host/server/ui/src/words.rs",
    700,
    "every text of the web page, for translators",
)];

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
