//! Tests that can't run on this machine, because it lacks a program or a privilege.
//!
//! Such a test calls [`skip`] or [`or_skip`] and returns. Rust's test harness counts it as passed, so the call is recorded beside
//! the test programs, and the last program of a `cargo test` ([`summary`]) lists what was recorded. With `CAPSTAN_REQUIRE=1`
//! nothing is skipped: the call panics, and the test fails.

mod record;
mod summary;

use std::io::Write as _;

pub use record::{Record, Run};
pub use summary::summary;

/// What this machine lacks for a test.
pub trait Missing {
    /// Returns what is missing: `there is no kubectl`.
    fn lacks(&self) -> String;
    /// Returns how to get it: `install kubectl (https://kubernetes.io/docs/tasks/tools)`.
    fn hint(&self) -> String;
}

impl<L: AsRef<str>, H: AsRef<str>> Missing for (L, H) {
    fn lacks(&self) -> String {
        self.0.as_ref().to_owned()
    }

    fn hint(&self) -> String {
        self.1.as_ref().to_owned()
    }
}

/// Returns whether every test must run, as `CAPSTAN_REQUIRE=1` demands.
pub fn all_are_required() -> bool {
    std::env::var_os("CAPSTAN_REQUIRE").is_some_and(|value| value == "1")
}

/// Returns the name of the calling test, as Rust's test harness names the test's thread.
///
/// In other threads that a test starts the name is not known: ask before, and pass it to [`skip_test`].
pub fn current_test() -> String {
    std::thread::current().name().unwrap_or("a test").to_owned()
}

/// Records that the calling test is skipped. The caller returns right after.
///
/// # Panics
///
/// With `CAPSTAN_REQUIRE=1`.
#[track_caller]
pub fn skip(missing: &impl Missing) {
    skip_test(&current_test(), missing);
}

/// Like [`skip`], for a test of this name.
///
/// # Panics
///
/// With `CAPSTAN_REQUIRE=1`, and when the record can't be written: the summary would be wrong.
#[track_caller]
#[expect(clippy::panic, reason = "without its record the summary would be wrong")]
pub fn skip_test(test: &str, missing: &impl Missing) {
    let (lacks, hint) = (missing.lacks(), missing.hint());
    assert!(
        !all_are_required(),
        "{lacks}, and CAPSTAN_REQUIRE=1 says that no test may be skipped; hint: {hint}"
    );
    // Straight to stderr: the harness hides what the print macros write in a test that passes.
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {lacks}; hint: {hint}");
    let record = Record {
        program: record::program(),
        test: test.to_owned(),
        lacks,
        hint,
    };
    if let Err(error) = Run::current().and_then(|run| run.add(&record)) {
        panic!("failed to record that {test} is skipped: {error}");
    }
}

/// Returns what was found, or skips the calling test.
///
/// # Panics
///
/// With `CAPSTAN_REQUIRE=1`, if something is missing.
#[track_caller]
pub fn or_skip<T, M: Missing>(found: Result<T, M>) -> Option<T> {
    match found {
        Ok(found) => Some(found),
        Err(missing) => {
            skip(&missing);
            None
        }
    }
}

/// Returns the path of a program in `PATH`, or skips the calling test. `hint` says how to get the program.
///
/// # Panics
///
/// With `CAPSTAN_REQUIRE=1`, if there is no such program.
#[track_caller]
pub fn program_or_skip(name: &str, hint: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&path).map(|folder| folder.join(name));
    let found = places.find(|file| file.is_file());
    or_skip(found.ok_or_else(|| (format!("there is no `{name}` in PATH"), hint.to_owned())))
}
