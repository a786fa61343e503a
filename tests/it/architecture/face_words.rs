//! Flags and commands are named by the faces alone.

use std::collections::BTreeSet;

use super::{is_test, sources, without_tests};

/// The crates that know no face: what their texts offer is a `Remedy`, and the face names the option or command.
const WORDLESS: [&str; 9] = [
    "core", "engine", "git", "source", "project", "devkit", "runtime", "sandbox", "registry",
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
const NAMED: [(&str, &str, &str); 13] = [
    (
        "devkit/src/template.rs",
        "rustup toolchain install",
        "another program's command, in the CI files of a new project",
    ),
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
            if path.ends_with("tests.rs") || is_test(&path) {
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
