//! The words that the page itself writes. What the product says comes from the server.

/// Heading of manifests that are left alone.
pub const LEFT_ALONE: &str = "Left alone";
/// Heading of waves that never ran.
pub const NOT_STARTED: &str = "Not started";
/// Beside SyncFail while nothing failed.
pub const ONLY_AFTER_A_FAILURE: &str = "only if something fails";

/// How many of how many are done.
pub fn of(done: usize, total: usize) -> String {
    format!("{done} of {total}")
}

/// A count with its noun, in the singular where that is right: `1 object`, `3 objects`.
pub fn count(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

/// A wave in words.
pub fn wave(number: &str) -> String {
    format!("wave {number}")
}

/// What was done in less than a second.
pub fn at_once(count: usize) -> String {
    format!("{count} at once")
}

/// What is folded.
pub fn more(count: usize) -> String {
    format!("{count} more")
}

/// Which try it is.
pub fn attempt(number: usize) -> String {
    format!("try {number}")
}

/// At the end of a row's accessible name.
pub const ON_THE_CRITICAL_PATH: &str = ", on the critical path";

/// What a task waits for before it may start.
pub fn held_by(names: &[String]) -> String {
    format!("after {}", names.join(", "))
}

/// A task that an operation doesn't have.
pub const NOT_THERE: &str = "not there";
/// A task that did not run.
pub const NOT_RUN: &str = "not run";
/// No difference that matters.
pub const SAME: &str = "same";
/// A task of one operation only.
pub const NEW_IN_A: &str = "new in A";
/// A task of the other operation only.
pub const ONLY_IN_B: &str = "only in B";

/// What is so now and was otherwise then.
pub fn was(now: &str, then: &str) -> String {
    format!("{now}, was {then}")
}
