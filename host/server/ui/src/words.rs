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
